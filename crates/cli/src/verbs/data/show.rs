//! Shows prepared text in words: counts, losses that need no model, and how clean the split is.

use crate::tables::table;
use isoflop_data::{Metadata, RoundTrip};
use isoflop_report::of_text;
use isoflop_train::record;
use std::path::Path;

/// Everything that is known about prepared text.
pub(super) fn show(metadata: &Metadata, folder: &Path, samples: &[String]) -> String {
    let row = |name: &str, documents: usize, bytes: u64, tokens: usize| {
        vec![
            name.to_owned(),
            documents.to_string(),
            bytes.to_string(),
            tokens.to_string(),
            format!("{:.3}", bytes as f64 / tokens as f64),
        ]
    };
    let part =
        |name: &str, part: &isoflop_data::Part| row(name, part.documents, part.bytes, part.tokens);
    let scored = &metadata.scored;
    let rows = [
        part("train", &metadata.train),
        part("test", &metadata.test),
        row("scored", scored.stretches, scored.bytes as u64, scored.tokens),
    ];
    let headers = ["split", "documents", "bytes", "tokens", "bytes/token"];
    let mut parts = vec![
        format!(
            "{}  digest {}  tokenizer {} ({} tokens)",
            metadata.name, metadata.digest, metadata.tokenizer, metadata.vocab_size
        ),
        table(&headers, &rows),
        losses(metadata),
    ];
    parts.extend(counted(metadata));
    parts.extend(correlated(metadata));
    parts.extend(exponents(metadata));
    parts.push(findings(metadata));
    for sample in samples {
        let start: String = sample.chars().take(160).collect();
        parts.push(format!("sample: {start:?}"));
    }
    parts.push(format!("in {}", folder.display()));
    parts.join("\n\n")
}

/// Reference losses of the scored text that need no model, and the entropy floor of a synthetic
/// language.
fn losses(metadata: &Metadata) -> String {
    let mut rows: Vec<Vec<String>> = metadata
        .references
        .iter()
        .filter(|row| row.train_tokens.is_none())
        .map(|row| {
            vec![
                row.name.clone(),
                format!("{:.4}", row.loss.nats_per_token),
                format!("{:.4}", row.loss.bits_per_byte),
            ]
        })
        .collect();
    if let Some((rate, nats)) = metadata.entropy.zip(metadata.entropy_per_token()) {
        rows.push(vec![
            "entropy".to_owned(),
            format!("{nats:.4}"),
            format!("{:.4}", rate.bits_per_byte),
        ]);
    }
    table(&["without a model", "nats/token", "bits/byte"], &rows)
}

/// Losses of n-grams by the train tokens that they counted, in nats per token; nothing for entries of the
/// cache that earlier versions wrote.
fn counted(metadata: &Metadata) -> Option<String> {
    let parts = metadata.references.iter().filter_map(|row| Some((row.train_tokens?, row)));
    let mut headers = vec!["train tokens counted"];
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for (tokens, row) in parts {
        if !headers.contains(&row.name.as_str()) {
            headers.push(&row.name);
        }
        let loss = format!("{:.4}", row.loss.nats_per_token);
        match rows.last_mut().filter(|(known, _)| *known == tokens) {
            Some((_, cells)) => cells.push(loss),
            None => rows.push((tokens, vec![tokens.to_string(), loss])),
        }
    }
    let mut rows: Vec<Vec<String>> = rows.into_iter().map(|(_, cells)| cells).collect();
    rows.iter_mut().for_each(|cells| cells.resize(headers.len(), String::new()));
    (!rows.is_empty()).then(|| table(&headers, &rows))
}

/// Correlations of two tokens by their distance, powers of two alone.
fn correlated(metadata: &Metadata) -> Option<String> {
    let found = metadata.correlations.as_ref()?.iter();
    let rows: Vec<Vec<String>> = found
        .filter(|found| found.distance.is_power_of_two())
        .map(|found| {
            vec![
                found.distance.to_string(),
                format!("{:.2e}", found.strength),
                format!("{:.1e}", found.standard_error),
            ]
        })
        .collect();
    let headers = ["tokens between", "correlation", "standard error"];
    (!rows.is_empty()).then(|| table(&headers, &rows))
}

/// The data exponent that the text forecasts, or why it forecasts none; after the exponents that the
/// construction of a synthetic language gives.
fn exponents(metadata: &Metadata) -> Option<String> {
    let known = metadata.exponents.unwrap_or_default();
    let known = [
        ("alpha of N, while much of it is unseen,", known.alpha),
        ("beta of D, while much of it is unseen,", known.beta),
        ("correlations by distance", known.correlation),
    ];
    let known = known.into_iter().filter_map(|(of, value)| {
        Some(format!("the construction of the language gives {of} an exponent of {:.3}", value?))
    });
    let found = of_text(&record(metadata)).into_iter().flat_map(|found| found.sentences());
    let lines: Vec<String> = known.chain(found).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Findings about the split and the text, one per line.
fn findings(metadata: &Metadata) -> String {
    let mut lines = vec![format!("split {}", split(&metadata.split)), overlap(metadata)];
    for leak in &metadata.leaks {
        lines.push(format!(
            "  {:.0} % of {} occur in train, as in {}",
            leak.share * 100.0,
            leak.test,
            leak.train
        ));
    }
    let near = &metadata.near;
    lines.push(format!(
        "{} test documents have a near duplicate in train; {} of {} train documents compared have one",
        near.test, near.train, near.train_compared
    ));
    for pair in &near.pairs {
        lines.push(format!(
            "  {} is like {} (similarity {:.2})",
            pair.test, pair.train, pair.similarity
        ));
    }
    if let Some(trip) = &metadata.altered {
        lines.push(altered(trip));
    }
    let dropped = &metadata.dropped;
    let counts = [
        (dropped.repeated_documents, "repeated documents"),
        (dropped.invalid_documents, "invalid documents"),
        (dropped.empty_documents, "rows without text"),
        (dropped.poor_documents, "documents out of the bounds of quality"),
        (dropped.left_documents, "documents beyond the weights"),
        (dropped.unreadable_files, "unreadable files"),
        (dropped.unwritten_documents, "documents that no person wrote"),
        (dropped.short_documents, "stubs"),
        (dropped.repeated_paragraphs, "repeated paragraphs"),
        (dropped.repeated_lines, "repeated lines"),
        (dropped.overlong_lines, "overlong lines"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !said.is_empty() {
        lines.push(format!("left out: {}", said.join(", ")));
    }
    lines.join("\n")
}

/// How much of the train text the tokenizer loses.
fn altered(trip: &RoundTrip) -> String {
    let first = trip.first.as_ref().map_or(String::new(), |first| {
        format!(
            ", the first in {}, where \"{}\" becomes \"{}\"",
            first.document, first.text, first.back
        )
    });
    format!(
        "{} of {} train documents compared do not come back from their tokens, {:.2} % of the bytes are lost{first}",
        trip.altered,
        trip.compared,
        trip.share() * 100.0
    )
}

fn split(split: &isoflop_data::Split) -> String {
    use isoflop_data::Split;
    match split {
        Split::Family { test } => {
            format!("by families of packages, {} of them held out", test.len())
        }
        Split::Document { seed } => format!("by document, seed {seed}"),
        Split::Tail { share } => {
            format!("the last {:.0} % of each document held out", share * 100.0)
        }
        Split::Source { test } => format!("{test} is the test"),
        Split::Parts { parts } => {
            let parts: Vec<String> = parts.iter().map(self::split).collect();
            format!("of each part: {}", parts.join("; "))
        }
    }
}

pub(super) fn overlap(metadata: &Metadata) -> String {
    match metadata.overlap.share() {
        Some(share) => {
            format!("{:.2} % of the test 13-grams occur in the train text", share * 100.0)
        }
        None => "no 13-grams of the test text were compared".to_owned(),
    }
}
