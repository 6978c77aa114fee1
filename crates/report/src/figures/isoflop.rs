//! IsoFLOP curves and the optima they give (Hoffmann et al. 2022, figure 3).

use super::{Figure, run_title, series_legend, wrap};
use crate::chart::{Glyph, Key, Labels, Legend, Owner, Panel, Scale, Shape, Stroke, Style, Trend};
use crate::text::{clip, sup, with_interval};
use crate::theme::Tone;
use crate::view::{View, n_words};
use isoflop_fit::output::{BudgetCurve, Estimate, Isoflop, Minimum};

const TREND: Stroke = Stroke {
    tone: Tone::Ink,
    width: 1.5,
    opacity: 1.0,
    dash: "",
};

pub(crate) fn figure(view: &View<'_>) -> Option<Figure> {
    let analyses = &view.report.fits.isoflop;
    if analyses.is_empty() {
        return None;
    }
    let budgets = Budgets::of(analyses);
    let mut panels: Vec<Panel> = analyses
        .iter()
        .map(|i| parabolas(view, i, &budgets))
        .collect();
    let minima: usize = analyses.iter().map(|i| minima(i).count()).sum();
    if minima >= 2 {
        panels.push(optimum(view, &budgets, What::Parameters));
        panels.push(optimum(view, &budgets, What::Tokens));
    }
    let mut legend = Legend::default();
    legend.add(
        Key::Glyph(Glyph::Point(Shape::Disc, Tone::budget(1, 3))),
        "run",
    );
    legend.add(
        Key::Line(Stroke {
            tone: Tone::budget(1, 3),
            width: 1.5,
            opacity: 1.0,
            dash: "",
        }),
        "parabola in ln N, labelled with its budget (FLOPs)",
    );
    legend.add(
        Key::Glyph(Glyph::Point(Shape::Diamond, Tone::Ink)),
        "minimum with its interval",
    );
    series_legend(view, &mut legend);
    let level = (100.0 * view.report.fits.level).round();
    Some(Figure {
        name: "isoflop",
        title: "IsoFLOP curves and compute-optimal parameters and tokens".to_owned(),
        caption: format!(
            "Runs of equal compute by size, a parabola through each budget, and its minimum where \
             it lies inside the sizes trained; the optimal N and D of each budget against compute. \
             Bars and brackets: {level}\u{a0}% intervals."
        ),
        legend,
        panels,
    })
}

/// Distinct budgets, ascending, for colours.
struct Budgets(Vec<f64>);

impl Budgets {
    fn of(analyses: &[Isoflop]) -> Budgets {
        let all = analyses
            .iter()
            .flat_map(|i| i.budgets.iter().map(|b| b.flops_budget));
        let mut all: Vec<f64> = all.collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        Budgets(all)
    }

    fn tone(&self, budget: f64) -> Tone {
        Tone::budget(self.0.partition_point(|b| *b < budget), self.0.len())
    }
}

fn minima(analysis: &Isoflop) -> impl Iterator<Item = (&BudgetCurve, &Minimum)> {
    analysis
        .budgets
        .iter()
        .filter_map(|b| Some((b, b.minimum.as_ref()?)))
}

fn parabola_at(curve: &BudgetCurve, n: f64) -> Option<f64> {
    let p = curve.parabola.as_ref()?;
    let u = n.ln() - p.centre;
    Some(p.c[0] + p.c[1] * u + p.c[2] * u * u)
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), v| {
        (v.min(low), v.max(high))
    })
}

fn parabolas(view: &View<'_>, analysis: &Isoflop, budgets: &Budgets) -> Panel {
    let runs = || analysis.budgets.iter().flat_map(|b| &b.runs);
    let bottoms = minima(analysis).map(|(_, m)| m.loss.value);
    let empty: Vec<&BudgetCurve> = analysis
        .budgets
        .iter()
        .filter(|b| b.minimum.is_none())
        .collect();
    let note = match empty.len() {
        0 => vec![],
        k => wrap(
            &format!(
                "no inner minimum at {k} of {} budgets",
                analysis.budgets.len()
            ),
            44,
        ),
    };
    let room = 0.05 + Panel::note_share(note.len()) * if note.is_empty() { 0.0 } else { 1.0 };
    let reach = minima(analysis)
        .flat_map(|(_, m)| [m.n_opt.low, m.n_opt.high])
        .flatten();
    let (low, high) = extent(runs().filter_map(|p| p.n));
    // A minimum at the edge may have an interval without end: show as much as is near.
    let near = reach.map(|n| n.max(low / 1.6).min(high * 1.6));
    let x = Scale::wide_log(runs().filter_map(|p| p.n).chain(near), (0.06, 0.24));
    let y = Scale::linear(runs().map(|p| p.loss).chain(bottoms), (room, 0.06));
    let title = match view.many_series() {
        true => format!(
            "Loss at fixed compute: {}",
            clip(view.series_name(&analysis.series), 26)
        ),
        false => "Loss at fixed compute".to_owned(),
    };
    let labels = Labels {
        key: "isoflop",
        title,
        x: format!("{} N", n_words(&analysis.n_kind)),
        y: "test loss (nats per token)".to_owned(),
        x_style: Style::Short,
        y_style: Style::Plain,
    };
    let mut panel = Panel::new(labels, x, y);
    let mut names = Vec::new();
    for curve in &analysis.budgets {
        let tone = budgets.tone(curve.flops_budget);
        let name = isoflop_core::units::scientific(curve.flops_budget);
        let (low, high) = extent(curve.runs.iter().filter_map(|p| p.n));
        if low > high {
            continue;
        }
        let trace: Vec<(f64, f64)> = x
            .between(low, high, 60)
            .into_iter()
            .filter_map(|n| Some((n, parabola_at(curve, n)?)))
            .collect();
        let series = analysis.series.as_str();
        let stroke = Stroke {
            tone,
            width: 1.5,
            opacity: 1.0,
            dash: "",
        };
        panel.line(
            Owner {
                mark: "parabola",
                series,
                label: &name,
            },
            &trace,
            stroke,
        );
        for p in &curve.runs {
            let Some(n) = p.n else { continue };
            let owner = Owner {
                mark: "run",
                series,
                label: &p.label,
            };
            let title = view
                .run(&p.label)
                .map_or_else(|| p.label.clone(), run_title);
            panel.point(
                owner,
                (n, p.loss),
                Glyph::Point(view.shape(series), tone),
                &title,
            );
        }
        if let Some(m) = &curve.minimum {
            let owner = Owner {
                mark: "minimum",
                series,
                label: &name,
            };
            let at = (m.n_opt.value, m.loss.value);
            let mark = Glyph::Point(Shape::Diamond, Tone::Ink);
            panel.estimate(owner, at, ends(&m.n_opt), true, mark);
        }
        let last = curve.runs.iter().filter_map(|p| Some((p.n?, p.loss)));
        if let Some(end) = last.max_by(|a, b| a.0.total_cmp(&b.0)) {
            names.push((end, Style::Power.write(curve.flops_budget), Tone::Ink));
        }
    }
    panel.right_labels(&names);
    let note: Vec<_> = note
        .into_iter()
        .map(|line| (None, line, Tone::Muted))
        .collect();
    panel.note(Trend::Falling, &note);
    panel
}

/// What is optimal.
#[derive(Clone, Copy)]
enum What {
    Parameters,
    Tokens,
}

impl What {
    fn of(self, minimum: &Minimum) -> &Estimate {
        match self {
            What::Parameters => &minimum.n_opt,
            What::Tokens => &minimum.d_opt,
        }
    }

    fn law(self, analysis: &Isoflop) -> Option<(&Estimate, f64)> {
        match self {
            What::Parameters => Some((analysis.n_exponent.as_ref()?, analysis.n_log_coefficient?)),
            What::Tokens => Some((analysis.d_exponent.as_ref()?, analysis.d_log_coefficient?)),
        }
    }
}

fn optimum(view: &View<'_>, budgets: &Budgets, what: What) -> Panel {
    let analyses = &view.report.fits.isoflop;
    let all = || analyses.iter().flat_map(minima);
    let reach = |e: &Estimate| [Some(e.value), e.low, e.high].into_iter().flatten();
    let x = Scale::log(all().map(|(_, m)| m.c), (0.12, 0.12));
    let room = 0.1 + Panel::note_share(analyses.len().min(5));
    let y = Scale::log(all().flat_map(|(_, m)| reach(what.of(m))), (0.08, room));
    let (key, title, axis, symbol) = match what {
        What::Parameters => (
            "n_opt",
            "Compute-optimal parameters",
            "optimal parameters N*",
            "N*",
        ),
        What::Tokens => ("d_opt", "Compute-optimal tokens", "optimal tokens D*", "D*"),
    };
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: "training compute C (FLOPs)".to_owned(),
        y: axis.to_owned(),
        x_style: Style::Power,
        y_style: Style::Short,
    };
    let mut panel = Panel::new(labels, x, y);
    let mut note = Vec::new();
    for analysis in analyses {
        let series = analysis.series.as_str();
        let mark = view
            .many_series()
            .then(|| Glyph::Point(view.shape(series), Tone::Muted));
        let name = match view.many_series() {
            true => format!("{}: ", clip(view.series_name(series), 24)),
            false => String::new(),
        };
        match what.law(analysis) {
            Some((exponent, log_k)) => {
                let dash = ["", "7 3", "4 2", "9 3 2 3"][view.series_rank(series) % 4];
                trend(&mut panel, analysis, (exponent.value, log_k), x, dash);
                let words = with_interval(exponent);
                let words = match words.split_once(' ') {
                    Some((value, range)) => format!("{} {range}", sup(value)),
                    None => sup(&words),
                };
                note.push((mark, format!("{name}{symbol} ~ C{words}"), Tone::Ink));
            }
            None => {
                note.push((
                    mark,
                    format!("{name}no line: fewer than two minima"),
                    Tone::Muted,
                ));
            }
        }
        let shape = if view.many_series() {
            view.shape(series)
        } else {
            Shape::Diamond
        };
        for (curve, m) in minima(analysis) {
            let label = isoflop_core::units::scientific(curve.flops_budget);
            let owner = Owner {
                mark: "minimum",
                series,
                label: &label,
            };
            let e = what.of(m);
            let glyph = Glyph::Point(shape, budgets.tone(curve.flops_budget));
            panel.estimate(owner, (m.c, e.value), ends(e), false, glyph);
        }
    }
    note.truncate(5);
    panel.note(Trend::Rising, &note);
    panel
}

/// `exp(ln k) C^a` over the minima.
fn trend(
    panel: &mut Panel,
    analysis: &Isoflop,
    (exponent, log_k): (f64, f64),
    x: Scale,
    dash: &'static str,
) {
    let cs = || minima(analysis).map(|(_, m)| m.c);
    let (low, high) = (cs().fold(f64::INFINITY, f64::min), cs().fold(0.0, f64::max));
    if low < high {
        let points: Vec<(f64, f64)> = x
            .between(low, high, 2)
            .into_iter()
            .map(|c| (c, (log_k + exponent * c.ln()).exp()))
            .collect();
        let owner = Owner {
            mark: "fit",
            series: &analysis.series,
            label: "power law",
        };
        panel.line(owner, &points, Stroke { dash, ..TREND });
    }
}

fn ends(e: &Estimate) -> Option<(f64, f64)> {
    Some((e.low?, e.high?))
}
