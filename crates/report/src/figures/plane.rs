//! `L(N, D)` as contours over the plane of runs, the efficient frontier, and what another size
//! costs at equal loss.

use super::figure::Figure;
use super::legends::size_legend;
use super::marks::{LINE, dash, guide, run_point, thread};
use super::surface::{flops_for, flops_share, params_for, tokens_for};
use crate::chart::ticks::round_step;
use crate::chart::{Key, Labels, Owner, Panel, Scale, Stroke, Style, Trend};
use crate::replicates::{self, Replicated};
use crate::text::number;
use crate::theme::Tone;
use crate::view::{View, n_of, n_words};
use isoflop_core::{ChinchillaLaw, Flops};
use isoflop_fit::output::Fit;

/// Contours that are aimed at.
const LEVELS: usize = 10;

type Surface<'a> = (&'a Fit, Replicated<ChinchillaLaw>);

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let laws: Vec<Surface<'_>> = view
        .surfaces("chinchilla")
        .into_iter()
        .filter_map(|fit| Some((fit, replicates::chinchilla(fit.licensed().ok()?)?)))
        .collect();
    if laws.is_empty() {
        return None;
    }
    let mut legend = size_legend(view);
    legend.add(Key::Line(thread(Tone::budget(4, 9), 1.4, 1.0)), "equal loss");
    legend.add(Key::Line(Stroke { width: 2.2, ..LINE }), "least compute for a loss under C = 6ND");
    let mut panels: Vec<Panel> = laws.iter().map(|law| contours(view, law)).collect();
    panels.push(trades(view, &laws));
    let level = view.level();
    Some(Figure {
        name: "plane",
        title: "Loss over parameters and tokens".to_owned(),
        caption: format!(
            "The law {} was fitted to {}. Coloured lines join sizes and tokens of equal loss (nats per \
             token); the black line is the efficient frontier. The panel on the right shows what \
             another size than the optimal one costs: compute over the least for the same loss, \
             which under this law is the same at every loss. Its dots are the runs' own 6ND over the \
             least that the law needs for their loss; its band is the {level}\u{a0}% interval.",
            laws[0].0.formula, laws[0].0.points
        ),
        legend,
        panels,
    })
}

fn contours(view: &View<'_>, (fit, drawn): &Surface<'_>) -> Panel {
    let law = &drawn.law;
    let runs = || {
        let finished = view.finished.iter();
        finished.filter(|run| run.series == fit.series)
    };
    let n = |run: &isoflop_results::RunRow| n_of(run, &fit.n_kind);
    let x = Scale::wide_log(runs().map(|r| n(r)), (0.1, 0.2));
    let y = Scale::wide_log(runs().map(|r| r.tokens as f64), (0.1, 0.1));
    let title = match view.many_series() {
        true => format!("L(N, D): {}", crate::text::clip(&view.series_name(&fit.series), 30)),
        false => "L(N, D) and the runs".to_owned(),
    };
    let labels = Labels {
        key: "plane",
        title,
        x: format!("{} N", n_words(&fit.n_kind)),
        y: "training tokens D".to_owned(),
        x_style: Style::Short,
        y_style: Style::Short,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let ((n0, n1), (d0, d1)) = (x.bounds(), y.bounds());
    let losses = runs().filter_map(|r| r.test_loss);
    let (best, worst) = losses.fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let levels = levels(0.9 * best, 1.02 * worst);
    let count = levels.len();
    let mut names = Vec::new();
    for (k, loss) in levels.into_iter().enumerate() {
        let mut line: Vec<(f64, f64)> = x
            .between(n0 * 1.0001, n1 * 0.9999, 80)
            .into_iter()
            .filter_map(|n| Some((n, tokens_for(law, n, loss)?)))
            .chain(
                y.between(d0 * 1.0001, d1 * 0.9999, 80)
                    .into_iter()
                    .filter_map(|d| Some((params_for(law, d, loss)?, d))),
            )
            .filter(|(n, d)| x.holds(*n) && y.holds(*d))
            .collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let label = number((loss * 1e6).round() / 1e6);
        let owner = Owner { mark: "contour", series: &fit.series, label: &label };
        panel.line(owner, &line, thread(Tone::budget(k, count), 1.4, 1.0));
        // A contour is named where it leaves to the right; a name at the bottom would lie on the axis.
        let at = n1 * (n1 / n0).powf(-0.12);
        if line.last().is_some_and(|end| end.0 > n1 * 0.98)
            && let Some(d) = tokens_for(law, at, loss).filter(|d| y.holds(*d))
        {
            names.push(((at, d), label, Tone::Ink));
        }
    }
    let frontier: Vec<(f64, f64)> = Scale::log([1.0, 2.0], (0.0, 0.0))
        .between(6.0 * n0 * d0, 6.0 * n1 * d1, 120)
        .into_iter()
        .map(|c| law.optimum(Flops(c)))
        .map(|(n, d)| (n.0, d.0))
        .collect();
    let owner = Owner {
        mark: "efficient frontier",
        series: &fit.series,
        label: "least loss under C = 6ND",
    };
    panel.line(owner, &frontier, Stroke { width: 2.2, ..LINE });
    for run in runs() {
        run_point(view, &mut panel, run, (n(run), run.tokens as f64));
    }
    panel.right_labels(&names);
    panel
}

/// Round losses from `low` to `high`: [`LEVELS`] of them or a few less.
fn levels(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / LEVELS as f64;
    if !(raw > 0.0 && raw.is_finite()) {
        return Vec::new();
    }
    let (step, _) = round_step(raw);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let all = (first..=last).map(|k| k as f64 * step);
    all.take(2 * LEVELS).collect()
}

fn trades(view: &View<'_>, laws: &[Surface<'_>]) -> Panel {
    let x = Scale::Log { low: 0.1, high: 10.0 };
    let y = Scale::Log { low: 0.8, high: 5.0 };
    let labels = Labels {
        key: "trades",
        title: "Compute at equal loss".to_owned(),
        x: "parameters over the optimum, N / N*".to_owned(),
        y: "compute over the least, C / C*".to_owned(),
        x_style: Style::Plain,
        y_style: Style::Plain,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    guide(&mut panel, "the least compute", &[(0.1, 1.0), (10.0, 1.0)]);
    let level = view.report.fits.level;
    let mut note = Vec::new();
    for (fit, drawn) in laws {
        let owner = |mark| Owner { mark, series: &fit.series, label: &fit.law };
        let shares: Vec<_> = x
            .between(0.1, 10.0, 121)
            .into_iter()
            .map(|k| (k, drawn.ask(level, |law| flops_share(law, k).min(1e3))))
            .collect();
        let band: Vec<_> = shares
            .iter()
            .filter_map(|(k, (middle, ends))| {
                let (low, high) = (*ends)?;
                Some((*k, low, *middle, high))
            })
            .filter(|e| e.2 < 20.0)
            .collect();
        panel.band(owner("band"), &band, Tone::Ink);
        let line: Vec<(f64, f64)> = shares.iter().map(|(k, (share, _))| (*k, *share)).collect();
        let dash = dash(view.series_rank(&fit.series));
        panel.line(owner("fit"), &line, Stroke { dash, ..LINE });
        for run in view.finished.iter().filter(|r| r.series == fit.series) {
            let Some(least) = run.test_loss.and_then(|l| flops_for(&drawn.law, l)) else {
                continue;
            };
            let n = n_of(run, &fit.n_kind);
            let spent = 6.0 * n * run.tokens as f64;
            let (best, _) = drawn.law.optimum(least);
            run_point(view, &mut panel, run, (n / best.0, spent / least.0));
        }
        if laws.len() == 1 {
            let (half, ends) = drawn.ask(level, |law| 100.0 * (flops_share(law, 0.5) - 1.0));
            let range = ends.map_or(String::new(), |(low, high)| format!(" [{low:.0}, {high:.0}]"));
            let words = format!("half of N*: {half:.0}{range} % more compute");
            note.push((None, words, Tone::Ink));
        }
    }
    panel.note(Trend::Falling, &note);
    panel
}
