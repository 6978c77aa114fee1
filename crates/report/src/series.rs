//! What a series is called for readers, on the page and in commands.

use isoflop_core::Series;

/// A series as a reader tells it from the others: `rust-docs, bytes` of
/// `data.corpus=rust-docs, data.tokenizer=bytes`, where all series have these keys; values that all
/// share are left out. Where that is not possible, the series as it is.
pub fn series_name(series: &str, all: &[&str]) -> String {
    let (own, others) = (Series::parse(series), all.iter().map(|other| Series::parse(other)));
    let others: Vec<Series> = others.collect();
    let keys = |of: &Series| of.pairs().iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    if others.len() < 2 || own.pairs().is_empty() || others.iter().any(|o| keys(o) != keys(&own)) {
        return series.to_owned();
    }
    let told = |k: &usize| others.iter().any(|other| other.pairs()[*k].1 != own.pairs()[*k].1);
    let values: Vec<&str> =
        (0..own.pairs().len()).filter(told).map(|k| own.pairs()[k].1.as_str()).collect();
    match values.is_empty() {
        true => series.to_owned(),
        false => values.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_differs_and_no_more() {
        let all = ["data.corpus=a, data.tokenizer=bytes", "data.corpus=a, data.tokenizer=bpe:512"];
        let names = all.map(|series| series_name(series, &all));
        assert_eq!(names, ["bytes", "bpe:512"]);
        assert_eq!(series_name("mine", &["mine", "k=v"]), "mine");
        assert_eq!(series_name("k=v", &["k=v"]), "k=v");
    }
}
