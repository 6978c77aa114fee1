//! What one series costs over another, counted in compute, with or without the optimizer's, or in seconds.

use super::measured::{self, Factor};
use super::side::Side;
use crate::best_loss::{
    by_all_products, by_all_products_of_optima, by_compute, by_power_law, by_seconds,
    by_seconds_of_optima,
};
use crate::seconds::{self, Machine};
use crate::view::View;
use isoflop_fit::multiplier::{LossByCost, Multiplier};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted<'a> {
    /// Exact compute, in FLOPs.
    Compute,
    /// Exact compute and the products of the optimizer, in FLOPs.
    AllProducts,
    /// Seconds of whole runs on one machine.
    Seconds(Machine<'a>),
}

/// What one series costs over another at equal loss.
#[derive(Clone, Debug)]
pub(crate) struct Compared<'a> {
    pub(crate) counted: Counted<'a>,
    /// Read off the runs.
    pub(crate) measured: Option<Factor>,
    /// By laws of both series, over the costs at which the runs of both hold them.
    pub(crate) by_law: Option<Multiplier>,
    /// Standard deviation of the logarithm of a factor in seconds by the scatter of speeds between runs of one
    /// model, as if all runs of a series shared it; `None` for other costs.
    pub(crate) scatter: Option<f64>,
    /// Which series has its best size at the end of its sizes at the largest common cost: base, other.
    pub(crate) at_edge: [bool; 2],
}

/// The comparison in compute.
pub(super) fn in_compute<'a>(view: &View<'a>, sides: [Side<'_>; 2]) -> Compared<'a> {
    let (by_law, at_edge) =
        first_told(between(view, sides.map(|side| by_compute(view, side))), || {
            between(view, sides.map(|side| by_power_law(view, side)))
        });
    let measured = measured::factor(view, sides, |run| Some(run.c_exact));
    Compared { counted: Counted::Compute, measured, by_law, scatter: None, at_edge }
}

/// The comparison in compute with the products of the optimizer; none where no run of either series has any.
pub(super) fn in_all_products<'a>(view: &View<'a>, sides: [Side<'_>; 2]) -> Option<Compared<'a>> {
    let mut runs = view.finished.iter();
    let of_either = |series: &str| sides.iter().any(|side| side.0 == series);
    runs.find(|run| of_either(run.series.as_str()) && run.flops_optimizer > Some(0.0))?;
    let (by_law, at_edge) =
        first_told(between(view, sides.map(|side| by_all_products(view, side))), || {
            between(view, sides.map(|side| by_all_products_of_optima(view, side)))
        });
    let measured = measured::factor(view, sides, |run| Some(run.c_with_optimizer()));
    Some(Compared { counted: Counted::AllProducts, measured, by_law, scatter: None, at_edge })
}

/// The comparison in seconds on the machine that has most runs of both series; none where there is no such
/// machine.
pub(super) fn in_seconds<'a>(view: &View<'a>, sides: [Side<'_>; 2]) -> Option<Compared<'a>> {
    let count = |machine: &Machine<'_>, series: &str| {
        let runs = view.finished.iter().filter(|run| run.series == series);
        runs.filter(|run| Machine::of(run) == *machine).count()
    };
    let of_both = |m: &Machine<'_>| count(m, sides[0].0).min(count(m, sides[1].0));
    let machines = seconds::machines(view).into_iter().rev();
    let machine = machines.max_by_key(of_both).filter(|machine| of_both(machine) > 0)?;
    let (by_law, at_edge) =
        first_told(between(view, sides.map(|side| by_seconds(view, side, machine))), || {
            between(view, sides.map(|side| by_seconds_of_optima(view, side, machine)))
        });
    let measured = measured::factor(view, sides, |run| {
        (Machine::of(run) == machine).then(|| seconds::of_run(view, run))?
    });
    let scatter = scatter(view, sides, machine);
    let by_law = by_law.map(|found| found.blurred(HALF_WIDTH * scatter.unwrap_or(0.0)));
    Some(Compared { counted: Counted::Seconds(machine), measured, by_law, scatter, at_edge })
}

/// Half of a 90 % interval of a normal distribution, in standard deviations.
pub(super) const HALF_WIDTH: f64 = 1.645;

/// What the scatter of speeds between runs of one model leaves open of a factor in seconds; none where no
/// series has two runs of one model.
fn scatter(view: &View<'_>, sides: [Side<'_>; 2], machine: Machine<'_>) -> Option<f64> {
    let [base, other] = sides.map(|(series, _)| seconds::scatter(view, series, machine));
    match (base, other) {
        (None, None) => None,
        (base, other) => Some(base.unwrap_or(0.0).hypot(other.unwrap_or(0.0))),
    }
}

/// A multiplier, and which series has its best size at an end of its sizes: base, other.
type ByLaw = (Option<Multiplier>, [bool; 2]);

/// What surfaces tell, or else what power laws tell that the runs identify.
fn first_told(of_surfaces: ByLaw, of_power_laws: impl FnOnce() -> ByLaw) -> ByLaw {
    let told = |laws: &ByLaw| laws.0.as_ref().is_some_and(|found| found.last().estimate.identified);
    match told(&of_surfaces) {
        true => of_surfaces,
        false => Some(of_power_laws()).filter(told).unwrap_or(of_surfaces),
    }
}

fn between(view: &View<'_>, laws: [Option<LossByCost>; 2]) -> ByLaw {
    let [Some(base), Some(other)] = laws else {
        return (None, [false; 2]);
    };
    let found = Multiplier::between(&base, &other, view.report.fits.level);
    let at_edge = found.as_ref().map(|found| {
        let last = found.last();
        [base.is_at_edge(last.cost), other.is_at_edge(last.cost * last.estimate.value)]
    });
    (found, at_edge.unwrap_or_default())
}
