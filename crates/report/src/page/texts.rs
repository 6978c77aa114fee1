//! The texts that runs were trained and scored on, and losses on them that need no model.

use super::parts;
use crate::of_text::of_text;
use crate::text::{escape, fixed};
use crate::view::{ScoredText, View};
use isoflop_core::units::short;

const HEAD: &str = "<tr><th scope=\"col\">text</th><th scope=\"col\">tokenizer</th>\
    <th scope=\"col\" class=\"num\">train tokens</th><th scope=\"col\" class=\"num\">test tokens</th>\
    <th scope=\"col\" class=\"num\">13-grams of the test in train (%)</th>\
    <th scope=\"col\">loss of</th><th scope=\"col\" class=\"num\">nats per token</th>\
    <th scope=\"col\" class=\"num\">bits per byte</th></tr>";

/// The table of texts, a row a loss, or nothing where no text is known.
pub(super) fn losses(view: &View<'_>) -> Option<String> {
    let bodies: String = view.texts().iter().map(|text| body(view, text)).collect();
    let said: String = view.texts().iter().map(exponents).collect();
    let shown = || parts::table("Texts and reference losses", "fits", HEAD, &bodies) + &said;
    (!bodies.is_empty()).then(shown)
}

/// What a text alone says of its data exponent, with the ranges that were used, or why it says nothing; after
/// the exponents that the construction of a language gives.
fn exponents(text: &ScoredText<'_>) -> String {
    let record = text.record;
    let known = record.exponents.unwrap_or_default();
    let known = [
        ("\u{3b1} of N, while much of it is unseen,", known.alpha),
        ("\u{3b2} of D, while much of it is unseen,", known.beta),
        ("correlations by distance", known.correlation),
    ];
    let known = known.into_iter().filter_map(|(of, value)| {
        Some(format!(
            "the construction of the language gives {of} an exponent of {}",
            fixed(value?, 3)
        ))
    });
    let found = of_text(record).into_iter().flat_map(|found| found.sentences());
    let items: String =
        known.chain(found).map(|said| format!("<li>{}.</li>\n", escape(&said))).collect();
    match items.is_empty() {
        true => String::new(),
        false => format!(
            "<p>What {} says of its data exponent without a model:</p>\n<ul>\n{items}</ul>\n",
            escape(&record.corpus)
        ),
    }
}

fn body(view: &View<'_>, text: &ScoredText<'_>) -> String {
    let record = text.record;
    let mut rows: Vec<(String, Option<f64>, f64, f64)> = Vec::new();
    if let Some(rate) = record.entropy {
        let name = "entropy of the language".to_owned();
        rows.push((name, None, rate.nats_per_token, rate.bits_per_byte));
    }
    for reference in record.references.iter().filter(|reference| reference.is_whole()) {
        let (nats, se) = (reference.test_loss, reference.test_loss_se);
        rows.push((escape(&reference.name), se, nats, reference.test_bpb));
    }
    let scored = view.finished.iter().filter(|run| run.data_digest == record.data_digest);
    let best = scored.filter_map(|run| Some((run, run.test_loss?, run.test_bpb?)));
    if let Some((run, nats, bits)) = best.min_by(|a, b| a.1.total_cmp(&b.1)) {
        let name = format!("best run, {}", escape(&run.run_id));
        rows.push((name, run.test_loss_se, nats, bits));
    }
    rows.sort_by(|a, b| b.2.total_cmp(&a.2));
    let facts = format!(
        "<th scope=\"rowgroup\" rowspan=\"{0}\">{1}</th><td rowspan=\"{0}\">{2}</td>\
         <td rowspan=\"{0}\" class=\"num\">{3}</td><td rowspan=\"{0}\" class=\"num\">{4}</td>\
         <td rowspan=\"{0}\" class=\"num\">{5}</td>",
        rows.len(),
        escape(&record.corpus),
        escape(&record.tokenizer),
        short(record.train_tokens as f64),
        short(record.test_tokens as f64),
        record.overlap.map_or("\u{2013}".to_owned(), |share| fixed(100.0 * share, 2)),
    );
    let mut out = String::from("<tbody>\n");
    for (k, (name, se, nats, bits)) in rows.iter().enumerate() {
        // The loss of a uniform guess is known without an error.
        let se = se.filter(|se| *se > 0.0).map_or(String::new(), |se| {
            format!(" <span class=\"aside\">\u{b1} {}</span>", fixed(se, 3))
        });
        out.push_str(&format!(
            "<tr>{}<td>{name}</td><td class=\"num\">{}{se}</td><td class=\"num\">{}</td></tr>\n",
            if k == 0 { facts.as_str() } else { "" },
            fixed(*nats, 3),
            fixed(*bits, 3),
        ));
    }
    out.push_str("</tbody>\n");
    out
}
