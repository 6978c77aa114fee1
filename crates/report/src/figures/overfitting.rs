//! The cost of repeating the text: losses against epochs and unique tokens.

use super::figure::Figure;
use super::groups::about;
use super::legends::size_legend;
use super::losses::{loss_axis, loss_label};
use super::marks::{run_point, thread};
use crate::chart::{Labels, LossAxis, Owner, Panel, Scale, Style};
use crate::view::View;
use isoflop_results::RunRow;

/// Epochs above which text counts as repeated.
const REPEATED: f64 = 1.05;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let repeated = view.finished.iter().filter(|r| r.epochs > REPEATED).count();
    if repeated < 3 {
        return None;
    }
    let gap = |r: &RunRow| r.test_loss.zip(r.train_loss).map(|(test, train)| test - train);
    let epochs = |r: &RunRow| Some(r.epochs);
    let unique = |r: &RunRow| Some(r.unique_tokens as f64);
    let mut panels = vec![
        panel(
            view,
            ("loss_epochs", "Loss by epochs", "epochs", super::LOSS),
            (Style::Plain, false),
            epochs,
            (|r| r.unique_tokens, |r| r.test_loss),
        ),
        panel(
            view,
            ("gap_epochs", "Gap by epochs", "epochs", "test less train loss (nats per token)"),
            (Style::Plain, true),
            epochs,
            (|r| r.unique_tokens, gap),
        ),
    ];
    panels.insert(
        1,
        panel(
            view,
            ("loss_unique", "Loss by unique tokens", "unique tokens", super::LOSS),
            (Style::Short, false),
            unique,
            (|r| r.tokens, |r| r.test_loss),
        ),
    );
    Some(Figure {
        name: "overfitting",
        title: "Repeated text".to_owned(),
        caption: "The panels show losses of finished runs by how often they saw their text. Each line joins \
                  runs of one size and as many unique tokens, in the middle panel of one size and \
                  as many tokens. The gap is the test loss less the last train loss, a mean over few steps."
            .to_owned(),
        legend: size_legend(view),
        panels,
    })
}

/// What the runs of a line have in common.
type Fixed = fn(&RunRow) -> u64;
type Lost = fn(&RunRow) -> Option<f64>;
/// A line: what its runs have in common, one of them, and its points.
type Thread<'a> = (String, &'a RunRow, Vec<(f64, f64)>);

fn panel(
    view: &View<'_>,
    (key, title, x_label, y_label): (&'static str, &str, &str, &str),
    (x_style, is_gap): (Style, bool),
    x_of: impl Fn(&RunRow) -> Option<f64>,
    (fixed, y_of): (Fixed, Lost),
) -> Panel {
    let in_unit = |r: &RunRow| Some(y_of(r)? * view.shared_unit(&r.series));
    let at = |r: &RunRow| Some((x_of(r)?, in_unit(r)?)).filter(|p| p.1.is_finite());
    let points: Vec<(&RunRow, (f64, f64))> =
        view.finished.iter().filter_map(|r| Some((*r, at(r)?))).collect();
    let x = Scale::wide_log(points.iter().map(|p| p.1.0), (0.06, 0.06));
    let ys = points.iter().map(|p| p.1.1);
    let y = match is_gap {
        false => Scale::log(ys, (0.06, 0.06)),
        true => Scale::linear(ys.chain([0.0]), (0.06, 0.06)),
    };
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: x_label.to_owned(),
        y: loss_label(view, y_label),
        x_style,
        loss: match is_gap {
            false => loss_axis(view),
            true => LossAxis::Neither,
        },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let mut threads: Vec<Thread<'_>> = Vec::new();
    for (run, at) in &points {
        let fixed = (run.n(), fixed(run));
        let (series, seed, rate) = (&run.series, run.seed, about(run.learning_rate));
        let shape = (run.n_layers, run.d_model);
        let key = format!("{fixed:?}\u{0}{series}\u{0}{seed}\u{0}{rate}\u{0}{shape:?}");
        match threads.iter_mut().find(|(known, ..)| *known == key) {
            Some((.., line)) => line.push(*at),
            None => threads.push((key, run, vec![*at])),
        }
    }
    for (_, run, mut line) in threads {
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let label = isoflop_core::units::short(run.n() as f64);
        let owner = Owner { mark: "size", series: &run.series, label: &label };
        panel.line(owner, &line, thread(view.tone(run), 1.0, 0.6));
    }
    for (run, at) in points {
        run_point(view, &mut panel, run, at);
    }
    panel
}
