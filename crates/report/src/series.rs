//! What a series is called for readers, on the page and in commands.

use isoflop_core::Series;

/// A series as a reader tells it from the others: `rust-docs, bytes` of
/// `data.corpus=rust-docs, data.tokenizer=bytes`, where all series have these keys; values that all
/// share are left out. An axis with a value that says nothing by itself, a number or `true`, is named: `window
/// 32`. Where that is not possible, the series as it is.
pub fn series_name(series: &str, all: &[&str]) -> String {
    let (own, others) = (Series::parse(series), all.iter().map(|other| Series::parse(other)));
    let others: Vec<Series> = others.collect();
    let keys = |of: &Series| of.pairs().iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    if others.len() < 2 || own.pairs().is_empty() || others.iter().any(|o| keys(o) != keys(&own)) {
        return series.to_owned();
    }
    let told = |k: &usize| others.iter().any(|other| other.pairs()[*k].1 != own.pairs()[*k].1);
    let is_bare = |k: usize| others.iter().any(|other| is_bare(&other.pairs()[k].1));
    let word = |k: usize| {
        let (key, value) = &own.pairs()[k];
        match is_bare(k) {
            true => format!("{} {value}", key.rsplit('.').next().unwrap_or(key)),
            false => value.clone(),
        }
    };
    let values: Vec<String> = (0..own.pairs().len()).filter(told).map(word).collect();
    match values.is_empty() {
        true => series.to_owned(),
        false => values.join(", "),
    }
}

/// Whether a value says nothing without the name of its axis.
fn is_bare(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "true" | "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_differs_and_no_more() {
        let all = ["data.corpus=a, data.tokenizer=bytes", "data.corpus=a, data.tokenizer=bpe:512"];
        let names = all.map(|series| series_name(series, &all));
        assert_eq!(names, ["bytes", "bpe:512"]);
        let all = ["model.window=32, model.tied=true", "model.window=full, model.tied=false"];
        let names = all.map(|series| series_name(series, &all));
        assert_eq!(names, ["window 32, tied true", "window full, tied false"]);
        assert_eq!(series_name("mine", &["mine", "k=v"]), "mine");
        assert_eq!(series_name("k=v", &["k=v"]), "k=v");
    }
}
