//! Names of columns without regard to case, separators and the path to them.

use super::Table;

/// Letters and digits of a name in small letters: `N_params`, `n params` and `nParams` are one.
pub fn key(name: &str) -> String {
    let plain = name.chars().filter(|c| c.is_alphanumeric());
    plain.flat_map(char::to_lowercase).collect()
}

impl Table {
    /// Columns of a name: the one that is spelt so; else those with the same letters; else those whose
    /// path ends so, as `metrics.final.val_loss` and `eval/val_loss` do; else so without what stands in
    /// brackets behind.
    pub fn named(&self, name: &str) -> Vec<usize> {
        let all = || self.names.iter().enumerate();
        let found = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
            all().filter(|(_, known)| test(known)).map(|(at, _)| at).collect()
        };
        let wanted = key(name);
        let exact = found(&|known| known == name);
        if !exact.is_empty() || wanted.is_empty() {
            return exact;
        }
        let tests: [&dyn Fn(&str) -> bool; 4] = [
            &|known| key(known) == wanted,
            &|known| ends_so(known, &wanted),
            &|known| key(without_brackets(known)) == wanted,
            &|known| ends_so(without_brackets(known), &wanted),
        ];
        let first = tests.iter().map(|test| found(test));
        first.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// `Loss` of `Loss (nats per token)`.
fn without_brackets(name: &str) -> &str {
    let end = name.find(['(', '[']).filter(|end| *end > 0);
    end.map_or(name, |end| &name[..end])
}

/// Whether the last parts of a path, put together, are a key.
fn ends_so(path: &str, wanted: &str) -> bool {
    let mut tail = String::new();
    for part in path.rsplit(['.', '/', ':']) {
        tail.insert_str(0, &key(part));
        if tail.len() >= wanted.len() {
            return tail == wanted;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Trust;
    use crate::table::Format;
    use std::path::Path;

    #[test]
    fn a_column_is_found_whatever_its_case_and_path() {
        let text = "{\"config\": {\"n_params\": 1}, \"Tokens\": 2, \"eval/loss\": 3, \"train\": {\"loss\": 4}, \"Training compute (FLOP)\": 5}\n";
        let path = Path::new("a.jsonl");
        let table = Table::parse(path, Format::Json, text.into(), Trust::Checked).unwrap();
        for (name, found) in [
            ("config.n_params", &[0][..]),
            ("N-Params", &[0]),
            ("nparams", &[0]),
            ("tokens", &[1]),
            ("eval_loss", &[2]),
            ("loss", &[2, 3]),
            ("training_compute", &[4]),
            ("params", &[]),
        ] {
            assert_eq!(table.named(name), found, "{name}");
        }
    }
}
