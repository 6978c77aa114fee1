//! Loss against the learning rate, in the stage that chose it and in sweeps over it.

use super::best_rates;
use super::figure::Figure;
use super::groups::{alike, repeats};
use super::legends::size_legend;
use super::marks::run_title;
use super::marks::{run_point, thread};
use crate::chart::{Glyph, Labels, LossAxis, Owner, Panel, Scale, Style};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_results::{RunRow, Status};

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let mut panels = Vec::new();
    panels.extend(stage(view));
    panels.extend(swept(view));
    let best = best_rates::panel(view);
    let of_best = match best.is_some() {
        true => {
            " The best rates are bottoms of parabolas, with what the noise of their losses leaves open, taken to one \
             token count, batch and decay by the law of rates."
        }
        false => "",
    };
    panels.extend(best);
    (!panels.is_empty()).then(|| Figure {
        name: "learning-rate",
        title: "Learning rate".to_owned(),
        caption: format!(
            "Each line joins runs that differ in their peak learning rate alone. The short runs \
                  of the stage that chose the rates are not among the runs of the sweep.{of_best}"
        ),
        legend: size_legend(view),
        panels,
    })
}

/// The panel of the stage that chose the rates.
fn stage(view: &View<'_>) -> Option<Panel> {
    let trials: Vec<&RunRow> = view
        .report
        .tuning
        .iter()
        .filter(|r| r.status == Status::Finished && r.test_loss.is_some_and(f64::is_finite))
        .collect();
    if trials.len() < 2 {
        return None;
    }
    let mut groups: Vec<Vec<&RunRow>> = Vec::new();
    for run in trials {
        let key = |r: &RunRow| (r.size.clone(), r.series.clone(), r.tokens);
        let like = |g: &&mut Vec<&RunRow>| key(g[0]) == key(run);
        match groups.iter_mut().find(like) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    Some(panel(view, ("stage", "Trials of the rate stage"), &groups, false))
}

/// The panel of runs of the sweep that differ in their rate.
fn swept(view: &View<'_>) -> Option<Panel> {
    let same = |r: &RunRow| {
        let series = r.series.without("train.learning_rate");
        let (repeats, shape) = (repeats(r), (r.d_model, r.n_layers));
        format!("{series}\u{0}{}\u{0}{repeats}\u{0}{shape:?}", r.seed)
    };
    let groups = alike(view, (1.001, 1.02), same, |r| r.learning_rate, 3);
    (!groups.is_empty()).then(|| panel(view, ("rate", "Loss by learning rate"), &groups, true))
}

fn panel(
    view: &View<'_>,
    (key, title): (&'static str, &str),
    groups: &[Vec<&RunRow>],
    in_sweep: bool,
) -> Panel {
    let all = || groups.iter().flatten();
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: "peak learning rate".to_owned(),
        y: super::LOSS.to_owned(),
        x_style: Style::Power,
        loss: LossAxis::Y,
        ..Labels::default()
    };
    let x = Scale::wide_log(all().map(|r| r.learning_rate), (0.06, 0.2));
    let y = Scale::log(all().filter_map(|r| r.test_loss), (0.06, 0.06));
    let mut panel = Panel::new(labels, x, y);
    let mut names = Vec::new();
    for group in groups {
        let mut group = group.clone();
        group.sort_by(|a, b| a.learning_rate.total_cmp(&b.learning_rate));
        let at = |r: &RunRow| Some((r.learning_rate, r.test_loss?));
        let line: Vec<(f64, f64)> = group.iter().filter_map(|r| at(r)).collect();
        let (first, tone) = (group[0], view.tone(group[0]));
        let label = short(first.n() as f64);
        let owner = Owner { mark: "rates", series: &first.series, label: &label };
        panel.line(owner, &line, thread(tone, 1.2, 0.8));
        for run in &group {
            let Some(at) = at(run) else { continue };
            if in_sweep {
                run_point(view, &mut panel, run, at);
                continue;
            }
            let owner = Owner { mark: "trial", series: &run.series, label: &run.run_id };
            let glyph = Glyph::Point(view.marker(&run.series), tone);
            panel.point(owner, at, glyph, &run_title(run));
        }
        names.extend(line.last().map(|end| (*end, label.clone(), tone)));
    }
    panel.right_labels(&names);
    panel
}
