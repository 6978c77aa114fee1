//! What a series is called for readers, on the page and in commands.

/// A series as a reader tells it from the others: `rust-docs, bytes` of
/// `data.corpus=rust-docs, data.tokenizer=bytes`, where all series have these keys; values that all
/// share are left out. Where that is not possible, the series as it is.
pub fn series_name(series: &str, all: &[&str]) -> String {
    let Some(own) = pairs(series).filter(|_| all.len() > 1) else {
        return series.to_owned();
    };
    let others: Option<Vec<_>> = all.iter().map(|other| pairs(other)).collect();
    let same_keys = |other: &Vec<(&str, &str)>| {
        other.iter().map(|(key, _)| key).eq(own.iter().map(|(key, _)| key))
    };
    let Some(others) = others.filter(|others| others.iter().all(same_keys)) else {
        return series.to_owned();
    };
    let told = |k: &usize| others.iter().any(|other| other[*k].1 != own[*k].1);
    let values: Vec<&str> = (0..own.len()).filter(told).map(|k| own[k].1).collect();
    match values.is_empty() {
        true => series.to_owned(),
        false => values.join(", "),
    }
}

/// Keys and values of a cell of `[axes]`; none of a name that is not made of them.
fn pairs(series: &str) -> Option<Vec<(&str, &str)>> {
    let pairs = series.split(", ").map(|pair| pair.split_once('='));
    pairs.collect()
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
