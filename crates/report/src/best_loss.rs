//! The lowest loss that compute or seconds buy a series, by laws.

use crate::power_laws;
use crate::seconds::{Machine, median, speeds};
use crate::view::{View, n_of};
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_fit::multiplier::{Costs, LossByCost};
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::{Axis, Fit};
use isoflop_results::RunRow;

/// Costs in seconds that are drawn from the speeds measured.
const DRAWN: u64 = 100;

/// By compute and L(N, D) of the runs, losses in the unit of which a nat per token has `unit`.
pub(crate) fn by_compute(view: &View<'_>, (series, unit): (&str, f64)) -> Option<LossByCost> {
    let fit = surface(view, series)?;
    let costs = counted(view, fit, |run| run.c_exact)?;
    Some(LossByCost::of_surface(fit, &costs)?.in_unit(unit))
}

/// By compute with the products of the optimizer and L(N, D) of the runs.
pub(crate) fn by_all_products(view: &View<'_>, (series, unit): (&str, f64)) -> Option<LossByCost> {
    let fit = surface(view, series)?;
    let costs = counted(view, fit, RunRow::c_with_optimizer)?;
    Some(LossByCost::of_surface(fit, &costs)?.in_unit(unit))
}

/// By compute with the products of the optimizer of compute-optimal runs and the power law of loss in exact
/// compute, where the runs identify that.
pub(crate) fn by_all_products_of_optima(
    view: &View<'_>,
    (series, unit): (&str, f64),
) -> Option<LossByCost> {
    let costs = counted(view, surface(view, series)?, RunRow::c_with_optimizer)?;
    Some(LossByCost::of_power_law(power_law(view, series)?, Some(&costs))?.in_unit(unit))
}

/// FLOPs of a token by size, for the runs of a surface.
fn counted(view: &View<'_>, fit: &Fit, flops: fn(&RunRow) -> f64) -> Option<Costs> {
    let of_run = |run: &RunRow| (n_of(run, &fit.n_kind), flops(run) / run.tokens as f64);
    let rows = runs_of(view, fit).map(of_run);
    Some(Costs { fitted: Cost::per_token(rows)?, draws: Vec::new() })
}

/// By compute and the power law of loss in exact compute, where the runs identify that.
pub(crate) fn by_power_law(view: &View<'_>, (series, unit): (&str, f64)) -> Option<LossByCost> {
    Some(LossByCost::of_power_law(power_law(view, series)?, None)?.in_unit(unit))
}

/// By seconds on a machine and L(N, D) of the runs; none where the smallest or the largest size was never
/// timed there.
pub(crate) fn by_seconds(
    view: &View<'_>,
    (series, unit): (&str, f64),
    machine: Machine<'_>,
) -> Option<LossByCost> {
    let fit = surface(view, series)?;
    Some(LossByCost::of_surface(fit, &timed(view, fit, machine)?)?.in_unit(unit))
}

/// By seconds of compute-optimal runs on a machine and the power law of loss in exact compute, where the runs
/// identify that.
pub(crate) fn by_seconds_of_optima(
    view: &View<'_>,
    (series, unit): (&str, f64),
    machine: Machine<'_>,
) -> Option<LossByCost> {
    let costs = timed(view, surface(view, series)?, machine)?;
    Some(LossByCost::of_power_law(power_law(view, series)?, Some(&costs))?.in_unit(unit))
}

fn power_law<'a>(view: &View<'a>, series: &str) -> Option<&'a Fit> {
    let fit = power_laws::of_series(view, Axis::C, series)?.into_inner();
    (fit.c_kind.as_deref() == Some("c_exact")).then_some(fit)
}

/// Seconds of a token by size on a machine, for the runs of a surface; drawn anew from those of the runs of a
/// size.
fn timed(view: &View<'_>, fit: &Fit, machine: Machine<'_>) -> Option<Costs> {
    let mut sizes: Vec<(f64, Vec<f64>)> = Vec::new();
    for run in runs_of(view, fit).filter(|run| Machine::of(run) == machine) {
        let n = n_of(run, &fit.n_kind);
        if sizes.iter().all(|(known, _)| *known != n) {
            sizes.push((n, speeds(view, run)));
        }
    }
    sizes.retain(|(_, seconds)| !seconds.is_empty());
    let timed = |n: f64| sizes.iter().any(|(known, _)| (known / n - 1.0).abs() < 1e-6);
    let ns = || fit.data.iter().filter_map(|p| p.n);
    let (least, most) = ns().fold((f64::INFINITY, 0.0f64), |(l, h), n| (l.min(n), h.max(n)));
    if !(timed(least) && timed(most)) {
        return None;
    }
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let priced = |of_size: &mut dyn FnMut(&[f64]) -> Option<f64>| {
        let rows = sizes.iter().filter_map(|(n, seconds)| Some((*n, of_size(seconds)?)));
        Cost::per_token(between(&rows.collect::<Vec<_>>()))
    };
    let drawn = |index: u64| {
        let mut rng = stream(0, Purpose::Bootstrap, index);
        let mut one = |s: &[f64]| s[below(&mut rng, s.len() as u64) as usize];
        priced(&mut |seconds| median(seconds.iter().map(|_| one(seconds)).collect()))
    };
    Some(Costs {
        fitted: priced(&mut |seconds| median(seconds.to_vec()))?,
        draws: (0..DRAWN).filter_map(drawn).collect(),
    })
}

/// Steps between two sizes.
const BETWEEN: usize = 16;

/// Seconds of a token of the sizes between those timed, straight in the logarithms of both: speeds are noisy,
/// and a smooth curve through them would overshoot.
fn between(timed: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = |pair: &[(f64, f64)]| {
        let (a, b) = (pair[0], pair[1]);
        let at = move |k: usize| {
            let share = k as f64 / BETWEEN as f64;
            (a.0 * (b.0 / a.0).powf(share), a.1 * (b.1 / a.1).powf(share))
        };
        (0..BETWEEN).map(at)
    };
    timed.windows(2).flat_map(step).chain(timed.last().copied()).collect()
}

/// L(N, D) of a series. Inside its rows it need not identify its parameters: what is asked of it has an
/// interval of its own.
fn surface<'a>(view: &View<'a>, series: &str) -> Option<&'a Fit> {
    view.surfaces("chinchilla").into_iter().find(|fit| fit.series == series)
}

/// The runs that a fit names.
fn runs_of<'v, 'a>(
    view: &'v View<'a>,
    fit: &'v Fit,
) -> impl Iterator<Item = &'a RunRow> + use<'v, 'a> {
    fit.data.iter().filter_map(|point| view.run(&point.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_between_two_sizes_are_straight_in_their_logarithms() {
        let all = between(&[(1e3, 1e-6), (1e5, 1e-4), (1e6, 1e-5)]);
        assert_eq!(all.len(), 2 * BETWEEN + 1);
        let middle = all[BETWEEN / 2];
        assert!((middle.0 / 1e4 - 1.0).abs() < 1e-9 && (middle.1 / 1e-5 - 1.0).abs() < 1e-9);
        assert_eq!(all[2 * BETWEEN], (1e6, 1e-5));
    }
}
