//! Writes a plan as a person would, to be pasted into a sweep file.

use super::{PlanSpec, Quantity, UntilSpec};
use isoflop_core::units::{parse_quantity, scientific};
use toml::Spanned;

impl PlanSpec {
    /// The table `[plan]` with its kind and single runs as the file has them, and the single runs
    /// of `more`, each a size and its tokens.
    pub fn with_more_runs(&self, more: &[(String, f64)]) -> String {
        let list = |quantities: &Spanned<Vec<Spanned<Quantity>>>| {
            let all = quantities.get_ref().iter();
            let texts: Vec<String> = all.map(|one| shown(one.get_ref())).collect();
            format!("[{}]", texts.join(", "))
        };
        let mut lines = vec!["[plan]".to_owned()];
        if let Some(isoflop) = &self.isoflop {
            let seeds = isoflop.seeds.as_ref().map_or_else(String::new, |seeds| {
                let all: Vec<String> =
                    seeds.get_ref().iter().map(|count| count.get_ref().to_string()).collect();
                format!(", seeds = [{}]", all.join(", "))
            });
            lines.push(format!("isoflop = {{ budgets = {}{seeds} }}", list(&isoflop.budgets)));
        }
        if let Some(grid) = &self.grid {
            lines.push(format!("grid = {{ tokens = {} }}", list(&grid.tokens)));
        }
        if let Some(ratios) = &self.tokens_per_param {
            lines.push(format!("tokens_per_param = {}", list(ratios)));
        }
        if let Some(epochs) = &self.epochs {
            lines.push(format!("epochs = {}", list(epochs)));
        }
        if let Some(time) = &self.time {
            lines.push(format!(
                "time = {{ limit = \"{}\", budgets = {}, factor = {} }}",
                time.text, time.budgets, time.factor
            ));
        }
        if let Some(range) = &self.tokens_per_param_range {
            lines.push(format!("tokens_per_param_range = {}", list(range)));
        }
        if let Some(until) = &self.until {
            let UntilSpec { target, width } = until.get_ref();
            lines.push(format!("until = {{ {target} = {width} }}"));
        }
        lines.push("runs = [".to_owned());
        let line =
            |size: &str, tokens: &str| format!("  {{ size = \"{size}\", tokens = {tokens} }},");
        for run in self.runs.iter().flat_map(|runs| runs.get_ref()) {
            let tokens = shown(run.tokens.get_ref());
            lines.push(line(&run.size.get_ref().label(), &tokens));
        }
        for (size, tokens) in more {
            lines.push(line(size, &format!("\"{}\"", scientific(*tokens))));
        }
        lines.push("]".to_owned());
        lines.join("\n")
    }
}

/// A quantity as it was written, if that text gives the value exactly.
fn shown(quantity: &Quantity) -> String {
    match parse_quantity(&quantity.text) == Ok(quantity.value) {
        true => format!("\"{}\"", quantity.text),
        false => quantity.value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::Sweep;
    use std::path::Path;

    fn sweep(plan: &str) -> Sweep {
        let source =
            format!("name = \"t\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [\"3k\"]\n{plan}\n");
        Sweep::parse(Path::new("t.toml"), source).unwrap()
    }

    #[test]
    fn a_plan_with_more_runs_reads_back_as_what_it_was_and_those() {
        for kind in [
            "isoflop = { budgets = [\"1.5e11\", 4e11, 123456789012] }",
            "isoflop = { budgets = [1e11, \"4e11\"], seeds = [1, 1] }",
            "grid = { tokens = [\"1M\", 300000] }",
            "tokens_per_param = [20, 0.5]",
            "epochs = [1]",
            "isoflop = { budgets = [1e11] }\ntokens_per_param_range = [\"3\", 1500]",
            "tokens_per_param = [20]\nuntil = { n_exponent = 0.03 }",
            "time = \"8h\"",
        ] {
            let before =
                sweep(&format!("[plan]\n{kind}\nruns = [{{ size = \"8x1x1\", tokens = 123457 }}]"));
            let more = [("30k".to_owned(), 3.1e6), ("24x2x2".to_owned(), 7e5)];
            let written = before.spec().plan.get_ref().with_more_runs(&more);
            let after = sweep(&written);
            let again = after.spec().plan.get_ref().with_more_runs(&[]);
            assert_eq!(again, written);
            let runs = after.spec().plan.get_ref().runs.as_ref().unwrap().get_ref().clone();
            let runs: Vec<_> = runs
                .iter()
                .map(|run| (run.size.get_ref().label(), run.tokens.get_ref().value))
                .collect();
            let expected = [("8x1x1", 123_457.0), ("30k", 3.1e6), ("24x2x2", 7e5)];
            assert_eq!(runs, expected.map(|(size, tokens)| (size.to_owned(), tokens)));
            for line in kind.lines() {
                assert!(written.contains(line.split(' ').next().unwrap()), "{written}");
            }
        }
    }
}
