//! Losses along each axis of the sweep, at equal size, budget and seed.

use super::figure::Figure;
use super::legends::size_legend;
use super::marks::{run_point, thread};
use crate::chart::{Frame, Labels, Owner, Panel, Scale};
use crate::text::clip;
use crate::view::View;
use isoflop_results::RunRow;

/// Most axes, and most values of one, that are drawn; more would be a table.
const MOST: usize = 12;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in view.finished.iter().flat_map(|run| run.series.pairs()) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let panels: Vec<Panel> =
        keys.into_iter().take(MOST).filter_map(|key| panel(view, key)).collect();
    (!panels.is_empty()).then(|| Figure {
        name: "axes",
        title: "Loss against each axis of the sweep".to_owned(),
        caption: format!(
            "Each line joins finished runs of equal size, length and seed that differ in one axis \
             alone. Losses{} are relative to that of the axis's first value.",
            if view.by_bytes() { " in bits per byte" } else { "" }
        ),
        legend: size_legend(view),
        panels,
    })
}

fn panel(view: &View<'_>, key: &str) -> Option<Panel> {
    let mut values: Vec<&str> = Vec::new();
    for value in view.finished.iter().filter_map(|run| run.series.value(key)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.truncate(MOST);
    if values.len() < 2 {
        return None;
    }
    let mut groups: Vec<(String, Vec<(usize, &RunRow)>)> = Vec::new();
    for run in &view.finished {
        let value = run.series.value(key);
        let Some(at) = value.and_then(|v| values.iter().position(|known| *known == v)) else {
            continue;
        };
        // Runs are matched by budget where the plan has one: sizes of a ladder may differ a little between
        // families.
        let length = match run.flops_budget {
            Some(budget) => format!("{budget:e}"),
            None => run.tokens.to_string(),
        };
        let rest = run.series.without(key);
        let home = format!("{}\u{0}{length}\u{0}{}\u{0}{rest}", run.size, run.seed);
        match groups.iter_mut().find(|(known, _)| *known == home) {
            Some((_, members)) => members.push((at, run)),
            None => groups.push((home, vec![(at, run)])),
        }
    }
    let mut lines: Vec<Vec<(&RunRow, (f64, f64))>> = Vec::new();
    for (_, mut members) in groups {
        members.sort_by_key(|(at, _)| *at);
        members.dedup_by_key(|(at, _)| *at);
        let Some(base) = members.first().filter(|(at, _)| *at == 0) else {
            continue;
        };
        let loss = |run: &RunRow| Some(run.test_loss? * view.shared_unit(&run.series));
        let Some(base) = loss(base.1) else {
            continue;
        };
        let place =
            |(at, run): &(usize, &RunRow)| Some((100.0 * (loss(run)? / base - 1.0), *at as f64));
        if members.len() > 1 {
            let all = members.iter();
            lines.push(all.filter_map(|m| Some((m.1, place(m)?))).collect());
        }
    }
    if lines.is_empty() {
        return None;
    }
    let x = Scale::linear(lines.iter().flatten().map(|p| p.1.0), (0.08, 0.08));
    let labels = Labels {
        key: "axis",
        title: clip(key, 40),
        x: format!("test loss over that of {} (%)", clip(values[0], 24)),
        rows: values.iter().map(|v| clip(v, 24)).collect(),
        ..Labels::default()
    };
    let frame = Frame {
        left: 150.0,
        height: (80.0 + 34.0 * values.len() as f64).max(190.0),
        ..Frame::default()
    };
    let rows = Scale::Rows { count: values.len() };
    let mut panel = Panel::framed(labels, x, rows, frame);
    for line in &lines {
        let first = line[0].0;
        let owner = Owner { mark: "pair", series: "", label: &first.size };
        let points: Vec<(f64, f64)> = line.iter().map(|p| p.1).collect();
        panel.line(owner, &points, thread(view.tone(first), 1.0, 0.5));
        for (run, at) in line {
            run_point(view, &mut panel, run, *at);
        }
    }
    Some(panel)
}
