//! Units of columns: from a flag, or from a header such as `params_m` or `tokens (B)`.

use isoflop_results::table::{key, numbers};

/// What a cell of a column counts in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// What its numbers are multiplied by.
    pub(super) scale: f64,
    /// The rest of the header, as [`key`] has it.
    pub(super) stem: String,
}

/// FLOPs of a day at 1e15 a second.
const PETAFLOP_DAY: f64 = 8.64e19;

/// Words for amounts of compute.
const COMPUTE: &[(&str, f64)] = &[
    ("petaflopsday", PETAFLOP_DAY),
    ("petaflopday", PETAFLOP_DAY),
    ("pflopsday", PETAFLOP_DAY),
    ("pflopday", PETAFLOP_DAY),
    ("pfday", PETAFLOP_DAY),
    ("gigaflop", 1e9),
    ("gflop", 1e9),
    ("teraflop", 1e12),
    ("tflop", 1e12),
    ("petaflop", 1e15),
    ("pflop", 1e15),
    ("exaflop", 1e18),
    ("eflop", 1e18),
    ("zettaflop", 1e21),
    ("zflop", 1e21),
    ("yottaflop", 1e24),
    ("yflop", 1e24),
];

/// The unit in a header, where there is one.
pub(super) fn of_header(header: &str) -> Option<Unit> {
    let last = header.rsplit(['.', ':']).next().unwrap_or(header);
    if let Some(scale) = compute(last) {
        let stem = "flops".to_owned();
        return Some(Unit { scale, stem });
    }
    let text = last.trim_end_matches(|c: char| !c.is_alphanumeric());
    let text = ["flops", "flop", "FLOPs", "FLOPS", "FLOP"]
        .iter()
        .find_map(|word| text.strip_suffix(word).filter(|rest| rest.ends_with(' ')))
        .map_or(text, str::trim_end);
    let (stem, scale) = power(text).or_else(|| word(text))?;
    let stem = key(stem);
    let stem = stem.strip_suffix("in").unwrap_or(&stem).to_owned();
    (!stem.is_empty()).then_some(Unit { scale, stem })
}

/// `PF-days`, `training_exaflops`: the last words, put together.
fn compute(text: &str) -> Option<f64> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(key).collect();
    (1..=words.len().min(3)).find_map(|last| {
        let tail = words[words.len() - last..].concat();
        let singular = tail.strip_suffix('s').unwrap_or(&tail);
        let known = COMPUTE.iter().find(|(word, _)| *word == singular);
        known.map(|(_, scale)| *scale)
    })
}

/// `flops (1e18)`, `tokens_10^9`
fn power(text: &str) -> Option<(&str, f64)> {
    let start =
        text.rfind(|c: char| !(c.is_ascii_digit() || matches!(c, 'e' | 'E' | '^' | '+')))?;
    let (stem, last) = text.split_at(start + 1);
    let exponent: i32 = match (last.split_once('^'), last.split_once(['e', 'E'])) {
        (Some(("10", exponent)), _) | (None, Some(("1", exponent))) => exponent.parse().ok()?,
        _ => return None,
    };
    (3..=24).contains(&exponent).then(|| (stem, 10f64.powi(exponent)))
}

/// `params_m`, `tokens (B)`, `paramsM`, `params_in_millions`
fn word(text: &str) -> Option<(&str, f64)> {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric())
        .last()
        .map(|(at, _)| at)?;
    let (stem, last) = text.split_at(start);
    let of = |word: &str| numbers::scale(word).map(|exponent| 10f64.powi(exponent));
    if let (false, Some(scale)) = (stem.is_empty(), of(last)) {
        return Some((stem, scale));
    }
    // A capital letter behind a small one begins a word.
    let camel = text.len() - text.chars().next_back()?.len_utf8();
    let (stem, last) = text.split_at(camel);
    let begins = last.chars().all(char::is_uppercase) && stem.ends_with(char::is_lowercase);
    Some((stem, of(last).filter(|_| begins)?))
}

/// What `--n-unit` and its like take: `M`, `billions`, `1e18`, `1`, `PF-days`.
pub fn parse(text: &str) -> Result<f64, String> {
    let known = numbers::scale(text.trim()).map(|exponent| 10f64.powi(exponent));
    let number = || text.trim().parse::<f64>().ok();
    let found = known.or_else(number).or_else(|| compute(text));
    found
        .filter(|scale| scale.is_finite() && *scale > 0.0)
        .ok_or_else(|| "give k, M, B, T, a number such as 1e18, or PF-days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_its_unit() {
        for (header, stem, scale) in [
            ("params_m", "params", 1e6),
            ("tokens (B)", "tokens", 1e9),
            ("Tokens [T]", "tokens", 1e12),
            ("nParamsM", "nparams", 1e6),
            ("params_in_millions", "params", 1e6),
            ("config.n_params_b", "nparams", 1e9),
            ("Params (millions)", "params", 1e6),
            ("flops (1e18)", "flops", 1e18),
            ("Training compute (10^21 FLOPs)", "trainingcompute", 1e21),
            ("compute_pf_days", "flops", 8.64e19),
            ("PF-days", "flops", 8.64e19),
            ("exaFLOPs", "flops", 1e18),
        ] {
            let found = of_header(header).map(|unit| (unit.stem, unit.scale));
            assert_eq!(found, Some((stem.to_owned(), scale)), "{header}");
        }
        for header in [
            "params",
            "tokens",
            "loss",
            "B",
            "m",
            "flops",
            "n",
            "D",
            "team",
            "c4",
            "run_12",
            "target_flops",
        ] {
            assert_eq!(of_header(header), None, "{header}");
        }
    }

    #[test]
    fn a_flag_takes_the_same_units() {
        for (text, scale) in
            [("M", 1e6), ("billions", 1e9), ("1e18", 1e18), ("1", 1.0), ("PF-days", 8.64e19)]
        {
            assert_eq!(parse(text), Ok(scale), "{text}");
        }
        assert!(parse("-3").is_err() && parse("much").is_err());
    }
}
