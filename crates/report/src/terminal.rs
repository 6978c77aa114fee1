//! The report for a terminal: the verdict and a chart of characters.

use crate::comparison;
use crate::figures::{LOSS, loss_label};
use crate::power_laws;
use crate::replicates;
use crate::text::{clip, plain, visible, wrap};
use crate::verdict::{findings, footing, is_lawless, nothing, warned};
use crate::view::{View, c_of};
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::Axis;

const ROWS: usize = 16;
/// Least range of compute, as a factor, that makes an axis.
const NARROWEST: f64 = 1.1;
/// Characters left of the chart for ticks of the loss.
const MARGIN: usize = 7;
/// Most charts, one a series.
const MOST_CHARTS: usize = 4;
const SIZES: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The verdict and a chart a series. Lines have at most `width` characters where words allow.
pub(crate) fn text(view: &View<'_>, width: usize) -> String {
    let width = width.clamp(40, 100);
    let mut out = String::new();
    if is_lawless(view) {
        out.push_str(&wrapped(&visible(&nothing(view)), width).replacen("- ", "", 1));
    }
    for sentence in comparison::headlines(view) {
        out.push_str(&wrapped(&visible(&plain(&sentence)), width));
    }
    // Findings of many series stand on the page.
    let many = comparison::ranked(view).is_some();
    for series in view.series.iter().filter(|_| !many) {
        let found = findings(view, series);
        if found.is_empty() {
            continue;
        }
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
    for sentence in comparison::sentences(view) {
        out.push_str(&wrapped(&visible(&plain(&sentence)), width));
    }
    for warned in warned(view) {
        out.push_str(&wrapped(&visible(&format!("to act on: {warned}")), width));
    }
    let parts = footing(view);
    out.push_str(&wrapped(&parts.join(", ").replace('\u{a0}', " "), width).replacen("- ", "", 1));
    // Series have a chart each: in one chart their losses could not be told apart.
    for series in view.series.iter().take(MOST_CHARTS) {
        if let Some(chart) = chart(view, series, width) {
            out.push_str(&format!("\n{chart}"));
        }
    }
    if view.series.len() > MOST_CHARTS {
        let more = view.series.len() - MOST_CHARTS;
        out.push_str(&format!("\n{more} more series have their charts on the page\n"));
    }
    out
}

/// An item of a list, its lines indented.
fn wrapped(text: &str, width: usize) -> String {
    let lines = wrap(text, width - 2);
    let with_mark = lines.iter().enumerate().map(|(k, line)| {
        let mark = if k == 0 { "- " } else { "  " };
        format!("{mark}{line}\n")
    });
    with_mark.collect()
}

/// A chart of the test loss of a series against compute, both logarithmic. A digit or letter is a run of
/// that size, dots are the law.
fn chart(view: &View<'_>, series: &str, width: usize) -> Option<String> {
    let fit = power_laws::of_series(view, Axis::C, series);
    let kind = fit.and_then(|fit| fit.into_inner().c_kind.as_deref());
    let unit = view.shared_unit(series);
    let runs = view.finished.iter().filter(|run| run.series == series);
    let points: Vec<(f64, f64, u8)> = runs
        .filter_map(|run| {
            let rank = view.sizes.partition_point(|n| *n < run.n());
            let loss = run.test_loss? * unit;
            Some((c_of(run, kind), loss, SIZES[rank % SIZES.len()]))
        })
        .filter(|p| p.0 > 0.0)
        .collect();
    let bounds = |of: fn(&(f64, f64, u8)) -> f64| {
        points.iter().map(of).fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)))
    };
    let ((c0, c1), (low, high)) = (bounds(|p| p.0), bounds(|p| p.1));
    if points.len() < 2 || c1 < NARROWEST * c0 || low >= high {
        return None;
    }
    let columns = width - MARGIN - 1;
    let share = |v: f64, a: f64, b: f64| (v / a).ln() / (b / a).ln();
    let column = |c: f64| (share(c, c0, c1) * (columns - 1) as f64).round() as usize;
    let row = |loss: f64| ((1.0 - share(loss, low, high)) * (ROWS - 1) as f64).round();
    let mut grid = vec![vec![b' '; columns]; ROWS];
    let drawn = fit.and_then(replicates::power);
    if let Some(drawn) = &drawn {
        for (at, _) in (0..columns).enumerate() {
            let c = c0 * (c1 / c0).powf(at as f64 / (columns - 1) as f64);
            let place = row(drawn.law.loss(c) * unit);
            if (0.0..ROWS as f64).contains(&place) {
                grid[place as usize][at] = b'.';
            }
        }
    }
    for (c, loss, mark) in &points {
        grid[row(*loss) as usize][column(*c)] = *mark;
    }
    let of = match view.many_series() {
        true => format!("{}: ", clip(&visible(&view.series_name(series)), 40)),
        false => String::new(),
    };
    let mut out = format!("{of}{} by training compute (FLOPs), log-log\n", loss_label(view, LOSS));
    for (k, cells) in grid.into_iter().enumerate() {
        let tick = match k % 5 {
            0 => {
                let loss = high * (low / high).powf(k as f64 / (ROWS - 1) as f64);
                match low < 0.01 {
                    true => format!("{loss:6.0e}"),
                    false => format!("{loss:6.3}"),
                }
            }
            _ => " ".repeat(6),
        };
        let line = String::from_utf8(cells).expect("ASCII alone was put in");
        out.push_str(&format!("{tick} |{}\n", line.trim_end()));
    }
    let (from, to) = (scientific(c0), scientific(c1));
    let gap = columns.saturating_sub(from.len() + to.len()).max(1);
    out.push_str(&format!("{}+{}\n", " ".repeat(MARGIN), "-".repeat(columns)));
    out.push_str(&format!("{}{from}{}{to}\n", " ".repeat(MARGIN + 1), " ".repeat(gap)));
    let has = |n: &u64| {
        let mut runs = view.finished.iter();
        runs.any(|run| run.series == series && run.n() == *n)
    };
    let sizes = view.sizes.iter().enumerate().take(SIZES.len());
    let sizes = sizes.filter(|(_, n)| has(n));
    let keys: Vec<String> =
        sizes.map(|(k, n)| format!("{}={}", SIZES[k] as char, short(*n as f64))).collect();
    let law = match drawn {
        Some(_) => "; dots: the law",
        None => "",
    };
    out.push_str(&wrapped(&format!("N: {}{law}", keys.join(" ")), width).replacen("- ", "", 1));
    Some(out)
}
