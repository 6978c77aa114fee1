//! IsoFLOP curves and the optima they give (Hoffmann et al. 2022, figure 3).

use super::budgets::{Budgets, minima};
use super::figure::Figure;
use super::legends::series_legend;
use super::levels;
use super::losses::LOSS;
use super::marks::thread;
use super::marks::{ends, run_title};
use super::optima;
use crate::chart::{
    Glyph, Key, Labels, Legend, LossAxis, Marker, Owner, Panel, Scale, Style, Trend,
};
use crate::text::{clip, wrap};
use crate::theme::Tone;
use crate::view::{View, n_words};
use isoflop_fit::output::{BudgetCurve, Isoflop};

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let analyses = &view.report.fits.isoflop;
    if analyses.is_empty() {
        return None;
    }
    let budgets = Budgets::of(analyses);
    let mut panels: Vec<Panel> = analyses.iter().map(|i| parabolas(view, i, &budgets)).collect();
    let minima: usize = analyses.iter().map(|i| minima(i).count()).sum();
    if minima >= 2 {
        panels.extend(optima::panels(view, &budgets));
    }
    let mut legend = Legend::default();
    legend.add(Key::Glyph(Glyph::Point(Marker::Disc, Tone::budget(1, 3))), "run");
    legend.add(
        Key::Line(thread(Tone::budget(1, 3), 1.5, 1.0)),
        "parabola in ln N, labelled with its budget (FLOPs)",
    );
    legend.add(Key::Glyph(Glyph::Point(Marker::Diamond, Tone::Ink)), "minimum with its interval");
    let mut approaches = view.report.fits.approaches.iter().flat_map(|a| &a.approaches);
    if minima >= 2 && approaches.any(|a| a.name == "1") {
        let cross = Glyph::Point(Marker::Cross, Tone::Rule);
        legend.add(Key::Glyph(cross), "best run of a compute (approach 1)");
    }
    series_legend(view, &mut legend);
    let level = view.level();
    Some(Figure {
        name: "isoflop",
        title: "IsoFLOP curves and compute-optimal parameters and tokens".to_owned(),
        caption: format!(
            "Each curve is a parabola through runs of equal compute; its minimum is drawn where it \
             lies inside the sizes trained.{} Bars and brackets are {level}\u{a0}% intervals.{}",
            match minima {
                0 | 1 => "",
                _ => " The other panels show the optimal N and D of each budget against compute.",
            },
            if minima >= 2 { optima::numbers(view) } else { String::new() }
        ),
        legend,
        panels,
    })
}

fn parabola_at(curve: &BudgetCurve, n: f64) -> Option<f64> {
    let p = curve.parabola.as_ref()?;
    let u = n.ln() - p.centre;
    Some(p.c[0] + p.c[1] * u + p.c[2] * u * u)
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), v| (v.min(low), v.max(high)))
}

fn parabolas(view: &View<'_>, analysis: &Isoflop, budgets: &Budgets) -> Panel {
    let runs = || analysis.budgets.iter().flat_map(|b| &b.runs);
    let bottoms = minima(analysis).map(|(_, m)| m.loss.value);
    let empty: Vec<&BudgetCurve> =
        analysis.budgets.iter().filter(|b| b.minimum.is_none()).collect();
    let note = match empty.len() {
        0 => vec![],
        k => wrap(&format!("no inner minimum at {k} of {} budgets", analysis.budgets.len()), 44),
    };
    let room = 0.05 + Panel::note_share(note.len()) * if note.is_empty() { 0.0 } else { 1.0 };
    let reach = minima(analysis).flat_map(|(_, m)| [m.n_opt.low, m.n_opt.high]).flatten();
    let (low, high) = extent(runs().filter_map(|p| p.n));
    // The interval of a minimum at the edge may have no end: the axis shows the part that is near.
    let near = reach.map(|n| n.max(low / 1.6).min(high * 1.6));
    let x = Scale::wide_log(runs().filter_map(|p| p.n).chain(near), (0.06, 0.24));
    let mut marked = levels::levels(view);
    marked.retain(|level| level.series.is_empty() || level.series == analysis.series);
    let marked = levels::near(marked, runs().map(|p| p.loss), |loss| loss);
    let heights = marked.iter().map(|level| level.loss);
    let y = Scale::linear(runs().map(|p| p.loss).chain(bottoms).chain(heights), (room, 0.06));
    let title = match view.many_series() {
        true => format!("Loss at fixed compute: {}", clip(&view.series_name(&analysis.series), 26)),
        false => "Loss at fixed compute".to_owned(),
    };
    let labels = Labels {
        key: "isoflop",
        title,
        x: format!("{} N", n_words(&analysis.n_kind)),
        y: LOSS.to_owned(),
        x_style: Style::Short,
        loss: LossAxis::Y,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    levels::draw(&mut panel, &marked);
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
        let stroke = thread(tone, 1.5, 1.0);
        panel.line(Owner { mark: "parabola", series, label: &name }, &trace, stroke);
        for p in &curve.runs {
            let Some(n) = p.n else { continue };
            let owner = Owner { mark: "run", series, label: &p.label };
            let title = view.run(&p.label).map_or_else(|| p.label.clone(), run_title);
            panel.point(owner, (n, p.loss), Glyph::Point(view.marker(series), tone), &title);
        }
        if let Some(m) = &curve.minimum {
            let owner = Owner { mark: "minimum", series, label: &name };
            let at = (m.n_opt.value, m.loss.value);
            let mark = Glyph::Point(Marker::Diamond, Tone::Ink);
            panel.estimate(owner, at, ends(&m.n_opt), true, mark);
        }
        let last = curve.runs.iter().filter_map(|p| Some((p.n?, p.loss)));
        if let Some(end) = last.max_by(|a, b| a.0.total_cmp(&b.0)) {
            names.push((end, Style::Power.write(curve.flops_budget), Tone::Ink));
        }
    }
    panel.right_labels(&names);
    let note: Vec<_> = note.into_iter().map(|line| (None, line, Tone::Muted)).collect();
    panel.note(Trend::Falling, &note);
    panel
}
