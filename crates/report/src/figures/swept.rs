//! Lines over runs that differ in one thing alone: means over seeds with their standard errors, named at their
//! right ends.

use super::groups::{Value, alike};
use super::marks::{guide, run_title, thread};
use crate::chart::{Frame, Glyph, Labels, Marker, Owner, Panel, Scale};
use crate::options::{self, Choice};
use crate::theme::Tone;
use crate::view::View;
use isoflop_core::units::short;
use isoflop_results::RunRow;
use isoflop_results::schema::Role;

/// Size and tokens of one line agree within these factors; the shape agrees exactly.
const NEAR: (f64, f64) = (2.0, 1.05);

/// A place on a line.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Standard error over seeds, where there are several.
    se: Option<f64>,
    run: &'a RunRow,
}

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Swept<'a> {
    pub(super) label: String,
    pub(super) series: &'a str,
    pub(super) tone: Tone,
    pub(super) marker: Marker,
    pub(super) spots: Vec<Spot<'a>>,
}

/// All that makes a run's model, text and sweep what they are, but these columns and axes, its seed and its
/// length.
pub(super) fn rest(run: &RunRow, columns: &[&str], axes: &[&str]) -> String {
    let named = RunRow::COLUMNS.iter().zip(run.values());
    let kept = named.filter(|(column, _)| {
        column.role == Role::Identity && column.name != "seed" && !columns.contains(&column.name)
    });
    let of_model = kept.map(|(_, value)| value.to_string());
    let pairs = run.series.pairs().iter().filter(|(key, _)| !axes.contains(&key.as_str()));
    let of_series = pairs.map(|(key, value)| format!("{key}={value}"));
    of_model.chain(of_series).collect::<Vec<_>>().join("\u{0}")
}

/// Groups of runs that have the same rest and tokens, each with two values of what differs or more.
pub(super) fn groups<'a>(
    view: &View<'a>,
    same: impl Fn(&RunRow) -> String,
    differs: Value,
) -> Vec<Vec<&'a RunRow>> {
    alike(view, NEAR, same, differs, 2)
}

/// Means over seeds at each x, ascending; runs without a y are left out.
pub(super) fn spots<'a>(
    runs: &[&'a RunRow],
    x: impl Fn(&RunRow) -> f64,
    y: impl Fn(&RunRow) -> Option<f64>,
) -> Vec<Spot<'a>> {
    let mut places: Vec<(f64, Vec<f64>, &RunRow)> = Vec::new();
    for run in runs {
        let Some(value) = y(run).filter(|value| value.is_finite()) else {
            continue;
        };
        let at = x(run);
        match places.iter_mut().find(|(known, ..)| *known == at) {
            Some((_, values, _)) => values.push(value),
            None => places.push((at, vec![value], run)),
        }
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let spot = |(x, values, run): (f64, Vec<f64>, &'a RunRow)| {
        let count = values.len() as f64;
        let y = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|v| (v - y).powi(2)).sum::<f64>();
        let se = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        Spot { x, y, se, run }
    };
    places.into_iter().map(spot).collect()
}

/// Options that tell some runs from others, but those that the figure sweeps.
pub(super) fn telling(groups: &[Vec<&RunRow>], swept: &[&str]) -> Vec<Choice> {
    let firsts: Vec<&RunRow> = groups.iter().filter_map(|group| group.last().copied()).collect();
    let told = options::told(firsts.iter().copied());
    told.into_iter().filter(|choice| !swept.contains(&choice.name)).collect()
}

/// The name of a line: N, D and the options that tell it from other lines.
pub(super) fn name(run: &RunRow, telling: &[Choice]) -> String {
    let size = format!("{}, {}", short(run.n() as f64), short(run.tokens as f64));
    match options::words(telling, run) {
        words if words.is_empty() => size,
        words => format!("{size}, {words}"),
    }
}

/// A panel of lines; `level` is a height that is named and drawn across.
pub(super) fn panel(
    labels: Labels,
    lines: &[Swept<'_>],
    level: Option<(f64, &str)>,
    is_log: bool,
) -> Option<Panel> {
    let all = || lines.iter().flat_map(|line| &line.spots);
    all().next()?;
    let longest = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0);
    let frame = Frame { right: 20.0 + 5.8 * longest.min(28) as f64, ..Frame::default() };
    let frame = Frame { width: frame.width.max(frame.right + 300.0), ..frame };
    let x = Scale::wide_log(all().map(|spot| spot.x), (0.06, 0.06));
    let heights = all().flat_map(|spot| {
        let se = spot.se.unwrap_or(0.0);
        [spot.y - se, spot.y + se]
    });
    let heights = heights.chain(level.map(|(at, _)| at));
    let y = match is_log {
        true => Scale::wide_log(heights, (0.08, 0.08)),
        false => Scale::linear(heights, (0.08, 0.08)),
    };
    let mut panel = Panel::framed(labels, x, y, frame);
    if let Some((at, label)) = level {
        let (low, high) = x.bounds();
        guide(&mut panel, label, &[(low, at), (high, at)]);
    }
    let mut names = Vec::new();
    for line in lines {
        let owner = Owner { mark: "line", series: line.series, label: &line.label };
        let points: Vec<(f64, f64)> = line.spots.iter().map(|spot| (spot.x, spot.y)).collect();
        panel.line(owner, &points, thread(line.tone, 1.3, 0.9));
        for spot in &line.spots {
            place(&mut panel, line, spot);
        }
        names.extend(points.last().map(|end| (*end, line.label.clone(), line.tone)));
    }
    panel.right_labels(&names);
    Some(panel)
}

fn place(panel: &mut Panel, line: &Swept<'_>, spot: &Spot<'_>) {
    let (at, glyph) = ((spot.x, spot.y), Glyph::Point(line.marker, line.tone));
    match spot.se {
        Some(se) => {
            let owner = Owner { mark: "mean", series: line.series, label: &line.label };
            panel.estimate(owner, at, Some((spot.y - se, spot.y + se)), false, glyph);
        }
        None => {
            let owner = Owner { mark: "run", series: &spot.run.series, label: &spot.run.run_id };
            panel.point(owner, at, glyph, &run_title(spot.run));
        }
    }
}
