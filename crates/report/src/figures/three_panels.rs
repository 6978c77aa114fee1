//! Test loss against compute, data and parameters (Kaplan et al. 2020, figure 1).

use super::figure::Figure;
use super::legends::size_legend;
use super::levels::{self, Level};
use super::losses::{LOSS, loss_axis, loss_label};
use super::marks::{LINE, dash, run_point, series_stroke, series_tone, thread};
use super::ngrams;
use super::panel_words::{AXES, caption, fit_words, formula_in_bits, reason_words};
use super::thin::{most, thin};
use crate::chart::{Glyph, Key, Labels, Owner, Panel, Scale, Stroke, Style, Trend};
use crate::frontier::Frontier;
use crate::power_laws;
use crate::replicates;
use crate::theme::Tone;
use crate::view::{View, c_of, n_of, n_words};
use isoflop_core::units::FLOPS_PER_PF_DAY;
use isoflop_fit::output::{Axis, Fit, Identified};
use isoflop_results::RunRow;

const BEYOND: Stroke = Stroke { tone: Tone::Ink, width: 1.2, opacity: 0.7, dash: "2 4" };
/// Stroke of the runs that no cheaper run beats.
pub(super) const FRONTIER: Stroke =
    Stroke { tone: Tone::Muted, width: 1.3, opacity: 0.9, dash: "1.5 2.5" };
const FAINT: f64 = 0.28;

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let mut legend = size_legend(view);
    if !view.report.curves.is_empty() {
        let faint = thread(Tone::Muted, 1.2, 2.0 * FAINT);
        legend.add(Key::Line(faint), "learning curve, not annealed, not fitted");
    }
    legend.add(Key::Line(FRONTIER), "frontier of finished runs");
    if AXES.iter().any(|axis| !power_laws::identified(view, *axis).is_empty()) {
        legend.add(Key::Line(LINE), "fitted power law and its interval");
    }
    let (panels, mut caption) = (panels(view), caption(view));
    ngrams::explain(&panels, &mut legend, &mut caption);
    Figure {
        name: "three-panels",
        title: "Test loss against compute, training tokens and parameters".to_owned(),
        caption,
        legend,
        panels,
    }
}

/// The panels, with the least room under the losses in which notes cover no data.
fn panels(view: &View<'_>) -> Vec<Panel> {
    let draw = |room: f64| AXES.map(|axis| panel(view, axis, room * Panel::note_share(4)));
    let clear = |panels: &[(Panel, usize); 3]| panels.iter().all(|(_, covered)| *covered == 0);
    let rooms = [0.2, 0.6, 1.0, 1.4];
    let first = rooms.iter().map(|room| draw(*room)).find(clear);
    first.unwrap_or_else(|| draw(1.4)).into_iter().map(|(panel, _)| panel).collect()
}

/// A panel, and how much data its note covers.
fn panel(view: &View<'_>, axis: Axis, room: f64) -> (Panel, usize) {
    let fits = power_laws::identified(view, axis);
    let note = match fits.is_empty() {
        true => reason_words(view, axis),
        false => fit_words(view, axis, &fits),
    };
    let first = fits.first().map(|fit| *fit.get());
    let n_kind = first.map_or("n_non_embedding", |f| f.n_kind.as_str());
    let c_kind = first.and_then(|f| f.c_kind.as_deref());
    let place = |run: &RunRow| match axis {
        Axis::N => n_of(run, n_kind),
        Axis::D => run.tokens as f64,
        Axis::C => c_of(run, c_kind) / FLOPS_PER_PF_DAY,
    };
    let fitted_xs = fits.iter().flat_map(|f| points(f.get(), axis)).map(|p| p.0);
    let xs = view.finished.iter().map(|r| place(r)).chain(fitted_xs);
    let marked = marked(view);
    let (x, y) = (Scale::wide_log(xs, (0.06, 0.06)), loss_scale(view, &marked, room));
    let mut panel = Panel::new(labels(view, axis, n_kind), x, y);
    levels::draw(&mut panel, &marked);
    match axis {
        Axis::C => {
            curves(view, &mut panel);
            frontier(view, &mut panel, &place);
        }
        Axis::D => ngrams::draw(view, &mut panel, (x, y)),
        Axis::N => {}
    }
    for run in &view.finished {
        let loss = run.test_loss.expect("finished runs of a view have a loss");
        let loss = loss * view.shared_unit(&run.series);
        run_point(view, &mut panel, run, (place(run), loss));
    }
    for fit in &fits {
        fitted(view, &mut panel, *fit, axis, x);
    }
    panel.formula_in_bits = match fits.as_slice() {
        [fit] if !view.many_series() => formula_in_bits(view, *fit, axis),
        _ => None,
    };
    let covered = panel.note(Trend::Falling, &note);
    (panel, covered)
}

/// The axis of losses, which all panels share so that a loss has the same height in each.
pub(super) fn loss_scale(view: &View<'_>, marked: &[Level<'_>], room: f64) -> Scale {
    let marked = marked.iter().map(|level| level.loss);
    Scale::log(losses(view).chain(marked), (room.max(0.06), 0.06))
}

fn losses(view: &View<'_>) -> impl Iterator<Item = f64> {
    let runs = view.finished.iter();
    let runs = runs.filter_map(|r| Some(r.test_loss? * view.shared_unit(&r.series)));
    let fitted = view.report.fits.fits.iter().filter(|f| f.x.is_some());
    let in_unit = |f: &Fit| view.shared_unit(&f.series);
    runs.chain(fitted.flat_map(move |f| f.data.iter().map(move |p| p.loss * in_unit(f))))
}

/// Levels of entropy and references that lie near the runs.
fn marked<'a>(view: &View<'a>) -> Vec<Level<'a>> {
    levels::near(levels::in_unit(view), losses(view), f64::ln)
}

fn labels(view: &View<'_>, axis: Axis, n_kind: &str) -> Labels {
    let (key, title, x, x_style) = match axis {
        Axis::C => ("compute", "Compute", "training compute C (PF-days)".to_owned(), Style::Power),
        Axis::D => ("tokens", "Data", "training tokens D".to_owned(), Style::Short),
        Axis::N => ("parameters", "Parameters", format!("{} N", n_words(n_kind)), Style::Short),
    };
    Labels {
        key,
        title: title.to_owned(),
        x,
        y: loss_label(view, LOSS),
        x_style,
        loss: loss_axis(view),
        ..Labels::default()
    }
}

/// Draws steps through the runs of each series that no cheaper run beats.
fn frontier(view: &View<'_>, panel: &mut Panel, place: &impl Fn(&RunRow) -> f64) {
    for series in &view.series {
        let runs = view.finished.iter().filter(|run| run.series == *series);
        let runs =
            runs.filter_map(|run| Some((place(run), run.test_loss? * view.shared_unit(series))));
        let owner = Owner { mark: "frontier", series, label: "runs that no cheaper run beats" };
        panel.line(owner, &steps(runs), series_stroke(view, series, FRONTIER));
    }
}

/// Steps through the runs, given by cost and loss, that no cheaper run beats.
pub(super) fn steps(runs: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (c, loss) in Frontier::of(runs).points() {
        steps.extend(steps.last().map(|last| (*c, last.1)));
        steps.push((*c, *loss));
    }
    steps
}

/// Draws mid-run losses at a constant learning rate, for the eye only.
fn curves(view: &View<'_>, panel: &mut Panel) {
    let most = most(view.report.curves.len());
    for curve in view.report.curves {
        let Some(run) = view.run(&curve.run_id) else {
            continue;
        };
        let tested = curve.points.iter().any(|p| p.test_loss.is_some());
        let points: Vec<(f64, f64)> = curve
            .points
            .iter()
            .filter_map(|p| {
                let loss = if tested { p.test_loss } else { p.train_loss };
                let loss = loss? * view.shared_unit(&run.series);
                Some((p.flops / FLOPS_PER_PF_DAY, loss))
            })
            .collect();
        let owner = Owner { mark: "curve", series: &run.series, label: &run.run_id };
        let stroke = thread(view.tone(run), 1.0, FAINT);
        panel.line(owner, &thin(&points, most), stroke);
    }
}

/// The points of a fit in the units of the axis.
fn points(fit: &Fit, axis: Axis) -> impl Iterator<Item = (f64, f64, &str)> {
    fit.data.iter().filter_map(move |p| {
        let x = match axis {
            Axis::N => p.n?,
            Axis::D => p.d?,
            Axis::C => p.c? / FLOPS_PER_PF_DAY,
        };
        Some((x, p.loss, p.label.as_str()))
    })
}

/// Draws rings around the points of a fit and the line through them, solid over the points and dotted a
/// little beyond.
fn fitted(view: &View<'_>, panel: &mut Panel, licensed: Identified<&Fit>, axis: Axis, x: Scale) {
    let fit = licensed.into_inner();
    let unit_of_loss = view.shared_unit(&fit.series);
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);
    for (at, loss, label) in points(fit, axis) {
        (low, high) = (low.min(at), high.max(at));
        let owner = Owner { mark: "fitted point", series: &fit.series, label };
        let words = format!("fitted: {label} ({})", fit.points);
        let loss = loss * unit_of_loss;
        panel.point(owner, (at, loss), Glyph::Ring(view.marker(&fit.series)), &words);
    }
    let Some(drawn) = replicates::power(licensed) else {
        return;
    };
    let law = drawn.law;
    if low >= high {
        return;
    }
    let unit = if axis == Axis::C { FLOPS_PER_PF_DAY } else { 1.0 };
    let trace = |from: f64, to: f64, count| -> Vec<(f64, f64)> {
        x.between(from, to, count)
            .into_iter()
            .map(|v| (v, law.loss(v * unit) * unit_of_loss))
            .collect()
    };
    let owner = |mark| Owner { mark, series: &fit.series, label: &fit.law };
    // A power law is straight in a logarithmic panel, but for one with an offset.
    let count = if law.e == 0.0 { 2 } else { 40 };
    let reach = (high / low).powf(0.12);
    let (from, to) = x.bounds();
    let (from, to) = ((low / reach).max(from), (high * reach).min(to));
    let level = view.report.fits.level;
    let band = x.between(from, to, 40).into_iter().filter_map(|v| {
        let (middle, ends) = drawn.ask(level, |law| law.loss(v * unit) * unit_of_loss);
        ends.map(|(below, above)| (v, below, middle, above))
    });
    let tone = series_tone(view, &fit.series, LINE.tone);
    panel.band(owner("band"), &band.collect::<Vec<_>>(), tone);
    let dash = dash(view.series_rank(&fit.series));
    panel.line(owner("fit"), &trace(low, high, count), Stroke { dash, tone, ..LINE });
    panel.line(owner("fit beyond"), &trace(from, low, count), Stroke { tone, ..BEYOND });
    panel.line(owner("fit beyond"), &trace(high, to, count), Stroke { tone, ..BEYOND });
}
