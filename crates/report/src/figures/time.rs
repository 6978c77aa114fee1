//! Test loss against training seconds, machine by machine, and the speed that stands between seconds and
//! compute.

use super::figure::Figure;
use super::legends::size_legend;
use super::losses::{LOSS, loss_axis, loss_label};
use super::marks::{LINE, dash, run_point, series_stroke, series_tone, thread};
use super::three_panels::{FRONTIER, loss_scale, steps};
use crate::best_loss::by_seconds;
use crate::chart::{Glyph, Key, Labels, Owner, Panel, Scale, Stroke, Style};
use crate::comparison::SECONDS;
use crate::seconds::{Machine, machines, of_run};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_results::RunRow;

/// Most machines that are drawn, the one with most runs first.
const MOST: usize = 4;

/// Runs of one machine with their seconds.
type Timed<'a> = Vec<(&'a RunRow, f64)>;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let all = machines(view);
    let of = |machine: &Machine<'_>| -> Timed<'_> {
        let runs = view.finished.iter().filter(|run| Machine::of(run) == *machine);
        runs.filter_map(|run| Some((*run, of_run(view, run)?))).collect()
    };
    let timed: Vec<(Machine<'_>, Timed<'_>)> =
        all.iter().take(MOST).map(|machine| (*machine, of(machine))).collect();
    let timed: Vec<_> = timed.into_iter().filter(|(_, runs)| !runs.is_empty()).collect();
    let first = timed.first()?;
    let mut lines = false;
    let mut panels: Vec<Panel> = Vec::new();
    for (machine, runs) in &timed {
        let (panel, by_law) = loss_panel(view, *machine, runs);
        lines |= by_law;
        panels.push(panel);
    }
    panels.push(speed_panel(view, &timed));
    let mut legend = size_legend(view);
    legend.add(Key::Line(FRONTIER), "frontier of finished runs");
    if lines {
        legend.add(Key::Line(LINE), "best split by L(N, D) and its interval");
    }
    let machines = match all.len() {
        1 => format!("All runs were trained on {}.", clip(&first.0.words(), 60)),
        count => format!(
            "Runs come from {count} machines or device kinds, whose seconds are not the same: each has a \
             panel and frontiers of its own{}.",
            if count > MOST { ", those of most runs are drawn" } else { "" }
        ),
    };
    Some(Figure {
        name: "time",
        title: "Test loss against training time, and speed".to_owned(),
        caption: format!("{machines} {SECONDS}"),
        legend,
        panels,
    })
}

/// The panel of a machine, and whether it has a line by law.
fn loss_panel(view: &View<'_>, machine: Machine<'_>, runs: &Timed<'_>) -> (Panel, bool) {
    let x = Scale::wide_log(runs.iter().map(|(_, seconds)| *seconds), (0.06, 0.06));
    let labels = Labels {
        key: "time",
        title: format!("Time on {}", clip(&machine.words(), 34)),
        x: "training time T (s)".to_owned(),
        y: loss_label(view, LOSS),
        x_style: Style::Short,
        loss: loss_axis(view),
        ..Labels::default()
    };
    let y = loss_scale(view, &[], 0.06);
    let mut panel = Panel::new(labels, x, y);
    let level = view.report.fits.level;
    let mut drawn = false;
    for series in &view.series {
        let unit = view.shared_unit(series);
        let of_series = runs.iter().filter(|(run, _)| run.series == *series);
        let placed = of_series.filter_map(|(run, s)| Some((*s, run.test_loss? * unit)));
        let label = format!("runs that no quicker run beats on {}", machine.words());
        let owner = Owner { mark: "frontier", series, label: &label };
        panel.line(owner, &steps(placed), series_stroke(view, series, FRONTIER));
        let Some(found) = by_seconds(view, (series, unit), machine) else {
            continue;
        };
        // A band that leaves the panel says nothing of the line in it.
        let told = |(t, (loss, (low, high))): (f64, (f64, (f64, f64)))| {
            (y.holds(low) && y.holds(high)).then_some((t, low, loss, high))
        };
        let costs = x.between(found.ends.0, found.ends.1, 40).into_iter();
        let trace: Vec<_> = costs.filter_map(|t| told((t, found.loss(t, level)))).collect();
        drawn |= trace.len() > 1;
        let owner = |mark| Owner { mark, series, label: "best split by L(N, D)" };
        let tone = series_tone(view, series, LINE.tone);
        panel.band(owner("band"), &trace, tone);
        let line: Vec<_> = trace.iter().map(|(t, _, loss, _)| (*t, *loss)).collect();
        let dash = dash(view.series_rank(series));
        panel.line(owner("fit"), &line, Stroke { dash, tone, ..LINE });
    }
    for (run, seconds) in runs {
        let loss = run.test_loss.map(|loss| loss * view.shared_unit(&run.series));
        run_point(view, &mut panel, run, (*seconds, loss.unwrap_or(f64::NAN)));
    }
    (panel, drawn)
}

/// FLOPs a second against size, a line a series and machine.
fn speed_panel(view: &View<'_>, timed: &[(Machine<'_>, Timed<'_>)]) -> Panel {
    let speed = |run: &RunRow, seconds: f64| run.c_exact / seconds;
    let all = || timed.iter().flat_map(|(_, runs)| runs);
    let labels = Labels {
        key: "speed",
        title: "Speed".to_owned(),
        x: "parameters N".to_owned(),
        y: "training FLOPs a second".to_owned(),
        x_style: Style::Short,
        y_style: Style::Power,
        ..Labels::default()
    };
    let x = Scale::wide_log(all().map(|(run, _)| run.n() as f64), (0.06, 0.06));
    let y = Scale::wide_log(all().map(|(run, s)| speed(run, *s)), (0.08, 0.08));
    let mut panel = Panel::new(labels, x, y);
    for (machine, runs) in timed {
        for series in &view.series {
            let of_series = runs.iter().filter(|(run, _)| run.series == *series);
            let mut points: Vec<(f64, f64)> =
                of_series.map(|(run, s)| (run.n() as f64, speed(run, *s))).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by(|a, b| a.0 == b.0);
            let words = machine.words();
            let owner = |mark| Owner { mark, series, label: &words };
            let dash = dash(view.series_rank(series));
            let tone = series_tone(view, series, Tone::Muted);
            panel.line(owner("speed"), &points, Stroke { dash, ..thread(tone, 1.2, 0.9) });
            for point in points {
                let glyph = Glyph::Point(view.marker(series), tone);
                panel.point(owner("speed"), point, glyph, &words);
            }
        }
    }
    panel
}
