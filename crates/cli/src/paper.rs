//! Shows fits as a table for a paper, with the list of what a reader must know to reproduce them.

use crate::fit_text::checklists;
use isoflop_core::units::significant;
use isoflop_fit::output::{Estimate, Fits};

/// Language of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Latex,
    Markdown,
}

/// One row per law, one column per parameter, and one row per approach, followed by the checklist.
pub(crate) fn table(fits: &Fits, format: Format) -> String {
    let mut names: Vec<&str> = Vec::new();
    for fit in &fits.fits {
        for name in fit.parameters.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let mut blocks = Vec::new();
    if !fits.fits.is_empty() {
        let mut header = vec!["law".to_owned(), "rows".to_owned()];
        header.extend(names.iter().map(|name| symbol(name, format)));
        let rows = fits.fits.iter().map(|fit| {
            let x = fit.x.map_or(String::new(), |x| format!(" in {x:?}"));
            let series = match fit.series.as_str() {
                "" => String::new(),
                series => format!(", {series}"),
            };
            let label = escape(&format!("{}{x}{series}", fit.law), format);
            let values = names.iter().map(|name| {
                let found = fit.parameters.get(*name);
                found.map_or(String::new(), |found| cell(found, format))
            });
            [label, fit.rows.to_string()].into_iter().chain(values).collect()
        });
        blocks.push(lay(&header, rows.collect(), format));
    }
    for set in &fits.approaches {
        let header = ["approach", "a", "b"].map(|name| symbol(name, format));
        let rows = set.approaches.iter().map(|approach| {
            let shown = |found: &Option<Estimate>| {
                found.as_ref().map_or(String::new(), |found| cell(found, format))
            };
            vec![
                escape(&approach.name, format),
                shown(&approach.n_exponent),
                shown(&approach.d_exponent),
            ]
        });
        blocks.push(lay(&header, rows.collect(), format));
    }
    let comment = match format {
        Format::Latex => checklists(fits)
            .lines()
            .map(|line| format!("% {line}").trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        Format::Markdown => checklists(fits),
    };
    blocks.push(comment);
    blocks.join("\n\n")
}

fn lay(header: &[String], rows: Vec<Vec<String>>, format: Format) -> String {
    match format {
        Format::Latex => {
            let columns = "l".to_owned() + &"r".repeat(header.len() - 1);
            let mut lines = vec![
                format!("\\begin{{tabular}}{{{columns}}}"),
                "\\toprule".to_owned(),
                format!("{} \\\\", header.join(" & ")),
                "\\midrule".to_owned(),
            ];
            lines.extend(rows.iter().map(|row| format!("{} \\\\", row.join(" & "))));
            lines.extend(["\\bottomrule".to_owned(), "\\end{tabular}".to_owned()]);
            lines.join("\n")
        }
        Format::Markdown => {
            let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
            let mut lines = vec![line(header), format!("|{}", "---|".repeat(header.len()))];
            lines.extend(rows.iter().map(|row| line(row)));
            lines.join("\n")
        }
    }
}

/// The symbol of a parameter as papers write it.
fn symbol(name: &str, format: Format) -> String {
    if format == Format::Markdown {
        return escape(name, format);
    }
    let greek = ["alpha", "beta", "eta"];
    match name {
        "law" | "rows" | "approach" => name.to_owned(),
        "n_exponent" => "$a$".to_owned(),
        "d_exponent" => "$b$".to_owned(),
        name => match name.split_once('_') {
            Some((base, below)) if greek.contains(&base) => format!("$\\{base}_{{{below}}}$"),
            Some((base, below)) => format!("${base}_{{{}}}$", below.replace('_', "\\_")),
            None if greek.contains(&name) => format!("$\\{name}$"),
            None => format!("${name}$"),
        },
    }
}

fn cell(estimate: &Estimate, format: Format) -> String {
    let write = |value: f64| match format {
        Format::Markdown => plain(value),
        Format::Latex => match plain(value).split_once('e') {
            Some((digits, power)) => format!("${digits} \\times 10^{{{power}}}$"),
            None => format!("${}$", plain(value)),
        },
    };
    let value = write(estimate.value);
    let range = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{value} [{}, {}]", write(low), write(high)),
        _ if estimate.fixed => format!("{value} (fixed)"),
        _ => value,
    };
    match (estimate.identified, format) {
        (true, _) => range,
        (false, Format::Latex) => format!("{range}\\textsuperscript{{?}}"),
        (false, Format::Markdown) => format!("{range} (not identified)"),
    }
}

/// A number with four digits, without an exponent where that is short.
fn plain(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => significant(value, 4),
        _ => format!("{value:.3e}"),
    }
}

fn escape(text: &str, format: Format) -> String {
    match format {
        Format::Markdown => text.replace('|', "\\|"),
        Format::Latex => {
            let mut out = String::new();
            for c in text.chars() {
                match c {
                    '\\' => out.push_str("\\textbackslash{}"),
                    '~' => out.push_str("\\textasciitilde{}"),
                    '^' => out.push_str("\\textasciicircum{}"),
                    '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                        out.push('\\');
                        out.push(c);
                    }
                    c => out.push(c),
                }
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_fit::output::Fit;
    use std::collections::BTreeMap;

    fn fits() -> Fits {
        let estimate = |value: f64, low: f64, high: f64| Estimate {
            value,
            low: Some(low),
            high: Some(high),
            standard_error: None,
            identified: low > 0.0,
            fixed: false,
        };
        Fits {
            fits: vec![Fit {
                law: "chinchilla".into(),
                series: "corpus=a_b".into(),
                rows: 240,
                parameters: BTreeMap::from([
                    ("alpha".to_owned(), estimate(0.3473, 0.32, 0.371)),
                    ("n_exponent".to_owned(), estimate(0.51390, 0.48, 0.55)),
                    ("B".to_owned(), estimate(2143.4, 900.0, 5.21e5)),
                    ("E".to_owned(), estimate(0.5, 0.0, 1.0)),
                ]),
                ..Fit::default()
            }],
            ..Fits::default()
        }
    }

    #[test]
    fn a_latex_table_has_symbols_and_escapes_names() {
        let text = table(&fits(), Format::Latex);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..7],
            [
                "\\begin{tabular}{lrrrrr}",
                "\\toprule",
                "law & rows & $B$ & $E$ & $\\alpha$ & $a$ \\\\",
                "\\midrule",
                "chinchilla, corpus=a\\_b & 240 & $2143$ [$900.0$, $5.210 \\times 10^{5}$] & $0.5000$ [$0$, $1.000$]\\textsuperscript{?} & $0.3473$ [$0.3200$, $0.3710$] & $0.5139$ [$0.4800$, $0.5500$] \\\\",
                "\\bottomrule",
                "\\end{tabular}",
            ]
        );
        assert!(lines[8..].iter().all(|line| line.starts_with('%')), "{text}");
    }

    #[test]
    fn a_markdown_table_has_as_many_cells_as_its_head() {
        let text = table(&fits(), Format::Markdown);
        let bars = |line: &str| line.matches('|').count();
        let lines: Vec<&str> = text.lines().take(3).collect();
        assert!(lines.iter().all(|line| bars(line) == bars(lines[0])), "{text}");
        assert!(text.contains("- objective: "), "{text}");
    }
}
