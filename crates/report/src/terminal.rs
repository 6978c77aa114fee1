//! The report for a terminal: the verdict and a chart of characters.

use crate::comparison;
use crate::figures::{laws, surface};
use crate::text::{clip, number, plain};
use crate::verdict::{findings, footing, nothing};
use crate::view::{View, c_of};
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::Axis;

const ROWS: usize = 16;
/// Room left of the chart for ticks of the loss.
const MARGIN: usize = 7;
const SIZES: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Verdict and chart, no line longer than `width` characters where words allow.
pub(crate) fn text(view: &View<'_>, width: usize) -> String {
    let width = width.clamp(40, 100);
    let mut out = String::new();
    let mut found_any = false;
    for series in &view.series {
        let found = findings(view, series);
        if found.is_empty() {
            continue;
        }
        found_any = true;
        if view.many_series() {
            out.push_str(&format!("{}\n", visible(&view.series_name(series))));
        }
        for finding in found {
            let aside = match finding.aside.is_empty() {
                true => String::new(),
                false => format!(" ({})", finding.aside),
            };
            out.push_str(&wrapped(&visible(&plain(&(finding.text + &aside))), width));
        }
    }
    if !found_any {
        out.push_str(&format!("{}\n", nothing(view)));
    }
    for sentence in comparison::sentences(view) {
        out.push_str(&wrapped(&visible(&plain(&sentence)), width));
    }
    let (mut parts, warnings) = footing(view);
    if warnings > 0 {
        parts.push(format!("{warnings} warnings"));
    }
    out.push_str(&format!("{}\n", parts.join(", ").replace('\u{a0}', " ")));
    if let Some(chart) = chart(view, width) {
        out.push_str(&format!("\n{chart}"));
    }
    out
}

/// Text that cannot move the cursor or colour the terminal.
fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// An item of a list, its lines indented.
fn wrapped(text: &str, width: usize) -> String {
    let lines = crate::figures::wrap(text, width - 2);
    let with_mark = lines.iter().enumerate().map(|(k, line)| {
        let mark = if k == 0 { "- " } else { "  " };
        format!("{mark}{line}\n")
    });
    with_mark.collect()
}

/// Test loss against compute, both logarithmic: a digit or letter a size, dots for the law.
fn chart(view: &View<'_>, width: usize) -> Option<String> {
    let fits = laws(view, Axis::C);
    let kind = fits.first().and_then(|f| f.c_kind.as_deref());
    let points: Vec<(f64, f64, u8)> = view
        .finished
        .iter()
        .filter_map(|run| {
            let rank = view.sizes.partition_point(|n| *n < run.n_non_embedding);
            Some((c_of(run, kind), run.test_loss?, SIZES[rank % SIZES.len()]))
        })
        .filter(|p| p.0 > 0.0)
        .collect();
    let bounds = |of: fn(&(f64, f64, u8)) -> f64| {
        points
            .iter()
            .map(of)
            .fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)))
    };
    let ((c0, c1), (low, high)) = (bounds(|p| p.0), bounds(|p| p.1));
    if points.len() < 2 || c0 >= c1 || low >= high {
        return None;
    }
    let columns = width - MARGIN - 1;
    let share = |v: f64, a: f64, b: f64| (v / a).ln() / (b / a).ln();
    let column = |c: f64| (share(c, c0, c1) * (columns - 1) as f64).round() as usize;
    let row = |loss: f64| ((1.0 - share(loss, low, high)) * (ROWS - 1) as f64).round();
    let mut grid = vec![vec![b' '; columns]; ROWS];
    for fit in &fits {
        let Some(drawn) = surface::power(fit) else {
            continue;
        };
        for (at, _) in (0..columns).enumerate() {
            let c = c0 * (c1 / c0).powf(at as f64 / (columns - 1) as f64);
            let place = row(drawn.law.loss(c));
            if (0.0..ROWS as f64).contains(&place) {
                grid[place as usize][at] = b'.';
            }
        }
    }
    for (c, loss, mark) in &points {
        grid[row(*loss) as usize][column(*c)] = *mark;
    }
    let mut out = "test loss (nats per token) by training compute (FLOPs), log-log\n".to_owned();
    for (k, cells) in grid.into_iter().enumerate() {
        let tick = match k % 5 {
            0 => {
                let loss = high * (low / high).powf(k as f64 / (ROWS - 1) as f64);
                format!("{loss:6.3}")
            }
            _ => " ".repeat(6),
        };
        let line = String::from_utf8(cells).expect("ASCII alone was put in");
        out.push_str(&format!("{tick} |{}\n", line.trim_end()));
    }
    let (from, to) = (scientific(c0), scientific(c1));
    let gap = columns.saturating_sub(from.len() + to.len()).max(1);
    out.push_str(&format!("{}+{}\n", " ".repeat(MARGIN), "-".repeat(columns)));
    out.push_str(&format!(
        "{}{from}{}{to}\n",
        " ".repeat(MARGIN + 1),
        " ".repeat(gap)
    ));
    let sizes = view.sizes.iter().enumerate().take(SIZES.len());
    let keys: Vec<String> = sizes
        .map(|(k, n)| format!("{}={}", SIZES[k] as char, short(*n as f64)))
        .collect();
    let law = if fits.is_empty() {
        ""
    } else {
        "; dots: the law"
    };
    out.push_str(&wrapped(&format!("N: {}{law}", keys.join(" ")), width).replacen("- ", "", 1));
    if view.many_series() {
        let names: Vec<String> = view
            .series
            .iter()
            .map(|s| clip(&visible(&view.series_name(s)), 30))
            .collect();
        out.push_str(&format!(
            "{} series: {}\n",
            number(names.len() as f64),
            names.join(", ")
        ));
    }
    Some(out)
}
