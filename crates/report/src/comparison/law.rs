//! Compute at equal loss by laws that the runs of both series identify.

use super::side::Side;
use crate::power_laws;
use crate::replicates::{middle, power};
use crate::view::View;
use isoflop_core::PowerLaw;
use isoflop_fit::output::{Axis, Estimate, Identified};

/// Compute that the other series needs over that of the base, at equal losses.
#[derive(Clone, Debug)]
pub(crate) struct ByLaw {
    /// Losses in the unit of the comparison, each with the low end, the middle and the high end of the
    /// factor.
    pub(crate) trace: Vec<(f64, f64, f64, f64)>,
    /// Lowest loss that both have reached.
    pub(crate) at: f64,
    pub(crate) estimate: Identified<Estimate>,
}

/// An interval whose ends differ by more than this factor tells nothing.
const WIDEST: f64 = 10.0;

/// Compute at which a law reaches a loss.
fn compute(law: &PowerLaw, loss: f64) -> f64 {
    ((loss - law.e) / law.a).powf(-1.0 / law.alpha)
}

type Ask = Box<dyn Fn(f64) -> f64>;

/// Compute at which a series reaches a loss in nats per token, by its law and by each replicate. It is
/// not a number where the law never has that loss.
struct Needs {
    fitted: Ask,
    draws: Vec<Ask>,
    /// Lowest and highest loss of the points of the law.
    reach: (f64, f64),
}

impl Needs {
    /// Needs by the law of loss in exact compute, which counts the cost of a vocabulary.
    fn of(view: &View<'_>, series: &str) -> Option<Identified<Needs>> {
        let fit = power_laws::of_series(view, Axis::C, series)?;
        let exact = fit.get().c_kind.as_deref() == Some("c_exact");
        let drawn = power(fit).filter(|_| exact)?;
        let ask = |law: PowerLaw| Box::new(move |loss| compute(&law, loss)) as Ask;
        Some(fit.map(|fit| {
            let losses = fit.data.iter().map(|p| p.loss);
            Needs {
                fitted: ask(drawn.law),
                draws: drawn.draws.into_iter().map(ask).collect(),
                reach: losses.fold((f64::INFINITY, 0.0), |(l, h), v| (v.min(l), v.max(h))),
            }
        }))
    }
}

/// The factor between two series, or nothing where runs do not identify a law or the factor.
pub(super) fn factor(view: &View<'_>, sides: [Side<'_>; 2]) -> Option<ByLaw> {
    let [a, b] = sides.map(|(series, _)| Needs::of(view, series));
    between(view, a?.and(b?), sides.map(|side| side.1))
}

fn between(view: &View<'_>, both: Identified<(Needs, Needs)>, units: [f64; 2]) -> Option<ByLaw> {
    let (a, b) = both.get();
    let low = (a.reach.0 * units[0]).max(b.reach.0 * units[1]);
    let high = (a.reach.1 * units[0]).min(b.reach.1 * units[1]);
    if low >= high {
        return None;
    }
    let at = |loss: f64| {
        let (of_a, of_b) = (loss / units[0], loss / units[1]);
        // Replicates of two series are independent: any pairing of them serves.
        let draws = a.draws.iter().zip(&b.draws);
        let all = draws.map(|(a, b)| b(of_b) / a(of_a)).collect();
        let ends = middle(all, view.report.fits.level);
        ((b.fitted)(of_b) / (a.fitted)(of_a), ends)
    };
    const STEPS: usize = 40;
    let trace: Vec<_> = (0..=STEPS)
        .map(|k| low * (high / low).powf(k as f64 / STEPS as f64))
        .map(|loss| {
            let (middle, ends) = at(loss);
            let (below, above) = ends.unwrap_or((middle, middle));
            (loss, below, middle, above)
        })
        .filter(|t| t.2.is_finite() && t.2 > 0.0)
        .collect();
    let lowest = trace.first()?.0;
    let (value, ends) = at(lowest);
    let told = ends.is_none_or(|(low, high)| low > 0.0 && high <= WIDEST * low);
    told.then(|| ByLaw {
        trace,
        at: lowest,
        estimate: both.map(|_| Estimate {
            value,
            low: ends.map(|e| e.0),
            high: ends.map(|e| e.1),
            standard_error: None,
            identified: true,
            fixed: false,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compute_for_a_loss_is_that_at_which_the_law_has_it() {
        let (e, a, alpha) = (0.5, 30.0, 0.12);
        let law = PowerLaw { e, a, alpha };
        assert!((compute(&law, law.loss(1e12)) / 1e12 - 1.0).abs() < 1e-9);
    }
}
