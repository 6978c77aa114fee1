//! Shows the law that forecasts and why it was chosen.

use super::{brief, indented, of_series};
use crate::tables::table;
use isoflop_fit::output::{Candidate, Choice, Fit, Fits};

/// Each chosen law with its reason and, for one alone, its fit.
pub(crate) fn chosen(fits: &Fits) -> String {
    let mut lines = Vec::from_iter(brief::sources(&fits.sources));
    lines.extend(fits.choices.iter().flat_map(short));
    if fits.choices.is_empty() {
        lines.push("no law in N and D can be fitted to these rows, so that none is chosen".into());
        let refused = fits.refused.iter();
        lines.extend(refused.map(|refused| format!("  {}: {}", refused.law, refused.reason)));
    }
    if let [only] = &fits.choices[..] {
        let is_chosen = |fit: &&Fit| {
            (&fit.law, &fit.series, &fit.points) == (&only.law, &only.series, &only.points)
        };
        lines.extend(fits.fits.iter().find(is_chosen).map(|fit| brief::one_fit(fit, None)));
    }
    lines.push("--details has every law, its error and why it is left out".into());
    lines.join("\n")
}

/// The choice in a line, and the laws that could not be chosen in another.
fn short(choice: &Choice) -> Vec<String> {
    let series = of_series(&choice.series);
    let mut lines = vec![format!("chosen{series}: {}, {}", choice.law, choice.reason)];
    let out = |candidate: &Candidate| {
        Some(format!("{} ({})", candidate.law, candidate.excluded.as_ref()?))
    };
    let out: Vec<String> = choice.candidates.iter().filter_map(out).collect();
    if !out.is_empty() {
        lines.push(format!("  left out: {}", out.join("; ")));
    }
    lines
}

/// Every law that was asked.
pub(super) fn table_of(choice: &Choice) -> String {
    let header = ["law", "parameters", "held-out error", "share", "not identified", "left out"];
    let row = |candidate: &Candidate| {
        vec![
            candidate.law.clone(),
            candidate.parameters.to_string(),
            candidate.error.map_or(String::new(), |error| format!("{:.2} %", 100.0 * error)),
            match candidate.share {
                0.0 => String::new(),
                share => format!("{:.0} %", 100.0 * share),
            },
            candidate.unidentified.join(", "),
            candidate.excluded.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = choice.candidates.iter().map(row).collect();
    format!(
        "the law that forecasts{}: {}, {}\n{}\n  a share is the weight of a law in the interval of a forecast",
        of_series(&choice.series),
        choice.law,
        choice.reason,
        indented(&table(&header, &rows))
    )
}
