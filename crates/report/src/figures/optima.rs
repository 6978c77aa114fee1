//! Compute-optimal parameters and tokens against compute, by every approach of Hoffmann et al.
//! 2022 that the runs allow.

use super::budgets::{Budgets, minima};
use super::figure::Figure;
use super::marks::{dash, ends, thread};
use crate::chart::{Glyph, Labels, Legend, Marker, NoteLine, Owner, Panel, Scale, Style, Trend};
use crate::text::{clip, sup, with_interval};
use crate::theme::Tone;
use crate::view::View;
use isoflop_fit::output::{Approach, Approaches, Estimate, Identified, Isoflop, Minimum, Optimum};

/// The figure of a plan without budgets; with budgets the panels stand beside the parabolas.
pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let fits = view.report.fits;
    if !fits.isoflop.is_empty() || lines(view, What::Parameters).is_empty() {
        return None;
    }
    Some(Figure {
        name: "optima",
        title: "Compute-optimal parameters and tokens".to_owned(),
        caption: format!(
            "The panels show the optimal N and D against compute, by each approach that the runs \
             allow.{}",
            numbers(view)
        ),
        legend: Legend::default(),
        panels: panels(view, &Budgets::of(&[])).into(),
    })
}

/// What the numbers before the lines stand for.
pub(super) fn numbers(view: &View<'_>) -> String {
    let fits = view.report.fits;
    if view.many_series() || fits.approaches.is_empty() {
        return String::new();
    }
    let words = |name: &str| match name {
        "1" => "the best run of each compute",
        "2" => "parabolas",
        "2-akima" => "interpolation in place of parabolas",
        "3" => "L(N, D), drawn where its optimum lies inside the sizes trained",
        _ => "another way",
    };
    let all = fits.approaches.iter().flat_map(|a| &a.approaches);
    let named: Vec<String> = all.map(|a| format!("{}, {}", a.name, words(&a.name))).collect();
    format!(
        " The lines are numbered after the approaches of Hoffmann et al. 2022: {}. All use the same count \
         of C.",
        named.join("; ")
    )
}

/// N* and D* against C.
pub(super) fn panels(view: &View<'_>, budgets: &Budgets) -> [Panel; 2] {
    [What::Parameters, What::Tokens].map(|what| optimum(view, budgets, what))
}

/// An exponent that the runs identify, and `ln k`.
type Power = (Identified<Estimate>, f64);

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

    fn at(self, optimum: &Optimum) -> f64 {
        match self {
            What::Parameters => optimum.n,
            What::Tokens => optimum.d,
        }
    }

    /// Exponent and `ln k` of an isoFLOP analysis.
    fn law(self, analysis: &Isoflop) -> Option<Power> {
        match self {
            What::Parameters => {
                Some((analysis.n_exponent?.licensed()?, analysis.n_log_coefficient?))
            }
            What::Tokens => Some((analysis.d_exponent?.licensed()?, analysis.d_log_coefficient?)),
        }
    }

    /// The same of an approach.
    fn line(self, approach: &Approach) -> Option<Power> {
        match self {
            What::Parameters => {
                Some((approach.n_exponent?.licensed()?, approach.n_log_coefficient?))
            }
            What::Tokens => Some((approach.d_exponent?.licensed()?, approach.d_log_coefficient?)),
        }
    }
}

/// A power law to be drawn, with the words beside it.
struct Line<'a> {
    series: &'a str,
    label: String,
    law: Power,
    /// Compute of the first and the last optimum that it runs through.
    reach: (f64, f64),
    tone: Tone,
    dash: &'static str,
    mark: Option<Glyph>,
}

fn lines<'a>(view: &View<'a>, what: What) -> Vec<Line<'a>> {
    let fits = view.report.fits;
    let known: Vec<(&Approaches, &Approach)> = fits
        .approaches
        .iter()
        .flat_map(|all| all.approaches.iter().map(move |a| (all, a)))
        .collect();
    if view.many_series() || known.is_empty() {
        return fits
            .isoflop
            .iter()
            .filter_map(|analysis| {
                let series = analysis.series.as_str();
                let many = view.many_series();
                Some(Line {
                    series,
                    label: match many {
                        true => format!("{}: ", clip(&view.series_name(series), 24)),
                        false => String::new(),
                    },
                    law: what.law(analysis)?,
                    reach: reach(minima(analysis).map(|(_, m)| m.c))?,
                    tone: Tone::Ink,
                    dash: dash(view.series_rank(series)),
                    mark: many.then(|| Glyph::Point(view.marker(series), Tone::Muted)),
                })
            })
            .collect();
    }
    let numbered = known.into_iter().enumerate();
    numbered
        .filter_map(|(k, (all, approach))| {
            let (tone, dash) = (Tone::group(k), dash(k));
            Some(Line {
                series: &all.series,
                label: format!("{}: ", approach.name),
                law: what.line(approach)?,
                // None of an approach whose optima all lie outside the sizes trained.
                reach: reach(approach.optima.iter().map(|at| at.c))?,
                tone,
                dash,
                mark: Some(Glyph::Line(tone, dash)),
            })
        })
        .collect()
}

fn reach(cs: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = cs.fold((f64::INFINITY, 0.0f64), |(l, h), c| (l.min(c), h.max(c)));
    (low < high).then_some((low, high))
}

fn optimum(view: &View<'_>, budgets: &Budgets, what: What) -> Panel {
    let fits = view.report.fits;
    let all = || fits.isoflop.iter().flat_map(minima);
    let approaches = || fits.approaches.iter().flat_map(|a| &a.approaches);
    let envelope = || {
        let first = approaches().filter(|a| a.name == "1");
        first.flat_map(|a| &a.optima)
    };
    let span = |e: &Estimate| [Some(e.value), e.low, e.high].into_iter().flatten();
    let lines = lines(view, what);
    let of_lines = lines.iter().flat_map(|line| [line.reach.0, line.reach.1]);
    let cs = all().map(|(_, m)| m.c).chain(envelope().map(|o| o.c));
    let x = Scale::log(cs.chain(of_lines), (0.1, 0.1));
    let at = |line: &Line<'_>, c: f64| (line.law.1 + line.law.0.get().value * c.ln()).exp();
    let room = 0.1 + Panel::note_share(lines.len().clamp(1, 5));
    let ends_of = lines.iter().flat_map(|l| [at(l, l.reach.0), at(l, l.reach.1)]);
    let values = all()
        .flat_map(|(_, m)| span(what.of(m)))
        .chain(envelope().map(|o| what.at(o)))
        .chain(ends_of.filter(|v| v.is_finite()));
    let y = Scale::log(values, (0.08, room));
    let (key, title, axis, symbol) = match what {
        What::Parameters => ("n_opt", "Compute-optimal parameters", "optimal parameters N*", "N*"),
        What::Tokens => ("d_opt", "Compute-optimal tokens", "optimal tokens D*", "D*"),
    };
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: compute_label(view),
        y: axis.to_owned(),
        x_style: Style::Power,
        y_style: Style::Short,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    for optimum in envelope() {
        let owner =
            Owner { mark: "envelope", series: "", label: "approach 1: the best of all runs" };
        let glyph = Glyph::Point(Marker::Cross, Tone::Rule);
        panel.point(owner, (optimum.c, what.at(optimum)), glyph, owner.label);
    }
    for line in &lines {
        let words = format!("{}{symbol} ~ C", line.label);
        let owner = Owner {
            mark: "fit",
            series: line.series,
            label: &format!("{words}^{}", with_interval(line.law.0.get())),
        };
        let ends = [line.reach.0, line.reach.1].map(|c| (c, at(line, c)));
        let stroke = thread(line.tone, 1.6, 1.0);
        let dash = line.dash;
        panel.line(owner, &ends, crate::chart::Stroke { dash, ..stroke });
    }
    for analysis in &fits.isoflop {
        let series = analysis.series.as_str();
        let shape = match view.many_series() {
            true => view.marker(series),
            false => Marker::Diamond,
        };
        for (curve, m) in minima(analysis) {
            let label = isoflop_core::units::scientific(curve.flops_budget);
            let owner = Owner { mark: "minimum", series, label: &label };
            let e = what.of(m);
            let glyph = Glyph::Point(shape, budgets.tone(curve.flops_budget));
            panel.estimate(owner, (m.c, e.value), ends(e), false, glyph);
        }
    }
    let mut note: Vec<NoteLine> = lines.iter().map(|line| words(line, symbol)).collect();
    note.truncate(5);
    if note.is_empty() {
        let reason = match all().count() {
            0 | 1 => "no line: fewer than two minima",
            _ => "no line: the runs do not identify it",
        };
        note.push((None, reason.to_owned(), Tone::Muted));
    }
    panel.note(Trend::Rising, &note);
    panel
}

/// The one count of compute that every optimum and every line of the panel is in.
fn compute_label(view: &View<'_>) -> String {
    let kind = view.report.fits.approaches.first().map(|all| all.c_kind.as_str());
    match kind {
        Some("c_6nd") => "training compute C = 6ND (FLOPs)".to_owned(),
        _ => "training compute C, exact (FLOPs)".to_owned(),
    }
}

/// `2: N* ~ C^0.74 [0.65, 0.87]`.
fn words(line: &Line<'_>, symbol: &str) -> NoteLine {
    let exponent = with_interval(line.law.0.get());
    let exponent = match exponent.split_once(' ') {
        Some((value, range)) => format!("{} {range}", sup(value)),
        None => sup(&exponent),
    };
    let text = format!("{}{symbol} ~ C{exponent}", line.label);
    (line.mark, text, Tone::Ink)
}
