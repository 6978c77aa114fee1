//! The figures of a report. Each is a row of panels under one legend, written as one SVG, one
//! PNG and one CSV, and set into the page panel by panel so that a phone stacks them.

mod axes;
mod best_rates;
mod budgets;
mod collapse;
mod csv;
mod efficiency;
mod experts;
mod figure;
mod forecast;
mod forest;
mod groups;
mod isoflop;
mod learning_curves;
mod learning_rates;
mod legends;
mod levels;
mod losses;
mod marks;
mod multiples;
mod multiplier;
mod ngrams;
mod optima;
mod overfitting;
mod panel_words;
mod plane;
mod positions;
mod profiles;
mod residuals;
mod sealed;
mod shapes;
mod surface;
mod swept;
mod thin;
mod three_panels;
mod time;
mod tokens_saved;
mod windows;

pub(crate) use experts::mixtures;
pub(crate) use figure::Figure;
pub(crate) use losses::{LOSS, loss_label};
pub(crate) use positions::name as line_name;

use crate::view::View;

/// All figures that the runs and fits of the report have data for, in order.
pub(crate) fn all(view: &View<'_>) -> Vec<Figure> {
    let optional: [fn(&View<'_>) -> Option<Figure>; 23] = [
        time::figure,
        isoflop::figure,
        optima::figure,
        plane::figure,
        multiplier::figure,
        tokens_saved::figure,
        residuals::figure,
        residuals::by_law,
        profiles::figure,
        forecast::figure,
        sealed::figure,
        forest::figure,
        learning_curves::figure,
        collapse::figure,
        efficiency::figure,
        positions::figure,
        windows::figure,
        experts::figure,
        overfitting::figure,
        shapes::figure,
        learning_rates::figure,
        axes::figure,
        multiples::figure,
    ];
    // Where all runs ended without a loss, their curves are all there is to draw.
    let lost = view.finished.is_empty() && !view.report.runs.is_empty();
    let mut figures = Vec::new();
    if !lost {
        figures.push(three_panels::figure(view));
    }
    figures.extend(optional.iter().filter_map(|draw| draw(view)));
    figures
}
