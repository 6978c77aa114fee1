//! Series side by side: differences of exponents, and what compute they need for equal loss.

use crate::figures::{laws, marks, surface};
use crate::text::{clip, fixed, three_digits, with_interval};
use crate::view::View;
use isoflop_core::{ChinchillaLaw, PowerLaw};
use isoflop_fit::output::{Axis, Estimate, Fit};

/// An exponent of two series and its difference.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) base: Estimate,
    pub(crate) other: Estimate,
    /// Other less base; its ends by Zou & Donner 2008 (equation 7), for independent estimates.
    pub(crate) less: Estimate,
}

/// Compute that the other series needs over that of the base, at equal losses.
#[derive(Clone, Debug)]
pub(crate) struct Multiplier {
    /// Loss of the base (nats per token), low, middle, high.
    pub(crate) trace: Vec<(f64, f64, f64, f64)>,
    /// At the lowest loss that both have reached.
    pub(crate) at: f64,
    /// The laws it was read off.
    pub(crate) by: &'static str,
    pub(crate) estimate: Estimate,
}

/// A series against the first.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) base: &'a str,
    pub(crate) other: &'a str,
    pub(crate) exponents: Vec<Difference>,
    pub(crate) multiplier: Option<Multiplier>,
    /// Tokens of the two are not the same bytes: losses were compared in bits per byte.
    pub(crate) by_bytes: bool,
}

/// Every further series against the first.
pub(crate) fn pairs<'a>(view: &View<'a>) -> Vec<Pair<'a>> {
    let Some((base, others)) = view.series.split_first() else {
        return Vec::new();
    };
    let others = others.iter().map(|other| pair(view, base, other));
    others
        .filter(|pair| !pair.exponents.is_empty() || pair.multiplier.is_some())
        .collect()
}

fn pair<'a>(view: &View<'a>, base: &'a str, other: &'a str) -> Pair<'a> {
    let exponents = EXPONENTS
        .iter()
        .filter_map(|(name, of)| {
            let (a, b) = (of(view, base)?, of(view, other)?);
            let less = difference(&a, &b);
            Some(Difference {
                name,
                base: a,
                other: b,
                less,
            })
        })
        .collect();
    let bits = |series: &str| {
        let runs = view.finished.iter().filter(|r| r.series == series);
        runs.filter_map(|r| View::bits_per_nat(r)).next()
    };
    let share = match (bits(base), bits(other)) {
        (Some(a), Some(b)) => a / b,
        _ => 1.0,
    };
    Pair {
        base,
        other,
        exponents,
        multiplier: multiplier(view, base, other, share),
        by_bytes: (share - 1.0).abs() > 0.01,
    }
}

type Exponent = fn(&View<'_>, &str) -> Option<Estimate>;

const EXPONENTS: [(&str, Exponent); 6] = [
    ("exponent of loss in C", |view, s| alpha(view, Axis::C, s)),
    ("exponent of loss in D", |view, s| alpha(view, Axis::D, s)),
    ("exponent of loss in N", |view, s| alpha(view, Axis::N, s)),
    ("exponent of optimal N in C", |view, s| {
        let found = view.report.fits.isoflop.iter().find(|i| i.series == s);
        found?.n_exponent
    }),
    ("\u{3b1} of L(N, D)", |view, s| surface_of(view, s, "alpha")),
    ("\u{3b2} of L(N, D)", |view, s| surface_of(view, s, "beta")),
];

fn law_of<'a>(view: &View<'a>, axis: Axis, series: &str) -> Option<&'a Fit> {
    laws(view, axis).into_iter().find(|f| f.series == series)
}

fn alpha(view: &View<'_>, axis: Axis, series: &str) -> Option<Estimate> {
    law_of(view, axis, series)?.parameters.get("alpha").copied()
}

fn surface_of(view: &View<'_>, series: &str, name: &str) -> Option<Estimate> {
    let fits = view.surfaces("chinchilla");
    let fit = fits.into_iter().find(|f| f.series == series)?;
    fit.parameters.get(name).copied()
}

fn difference(a: &Estimate, b: &Estimate) -> Estimate {
    let value = b.value - a.value;
    let end = |towards: fn(&Estimate) -> Option<f64>, away: fn(&Estimate) -> Option<f64>| {
        let (of_b, of_a) = (towards(b)? - b.value, away(a)? - a.value);
        Some(of_b.hypot(of_a))
    };
    Estimate {
        value,
        low: end(|e| e.low, |e| e.high).map(|reach| value - reach),
        high: end(|e| e.high, |e| e.low).map(|reach| value + reach),
        standard_error: None,
        identified: a.identified && b.identified,
        fixed: false,
    }
}

/// Compute at which a law reaches a loss.
fn compute(law: &PowerLaw, loss: f64) -> f64 {
    ((loss - law.e) / law.a).powf(-1.0 / law.alpha)
}

/// Compute at which a series reaches a loss, and the same by each replicate; not a number for a loss
/// that its law never has.
struct Needs {
    fitted: Box<dyn Fn(f64) -> f64>,
    draws: Vec<Box<dyn Fn(f64) -> f64>>,
    /// Losses that its points have.
    reach: (f64, f64),
}

impl Needs {
    fn by<L: Copy + 'static>(
        drawn: surface::Drawn<L>,
        compute: fn(&L, f64) -> f64,
        losses: impl Iterator<Item = f64>,
    ) -> Needs {
        let of = |law: L| Box::new(move |loss| compute(&law, loss)) as Box<dyn Fn(f64) -> f64>;
        Needs {
            fitted: of(drawn.law),
            draws: drawn.draws.into_iter().map(of).collect(),
            reach: losses.fold((f64::INFINITY, 0.0), |(l, h), v| (v.min(l), v.max(h))),
        }
    }

    /// By the law of loss in compute.
    fn frontier(view: &View<'_>, series: &str) -> Option<Needs> {
        let fit = law_of(view, Axis::C, series)?;
        let losses = fit.data.iter().map(|p| p.loss);
        Some(Needs::by(surface::power(fit)?, compute, losses))
    }

    /// By L(N, D) under C = 6ND.
    fn surface(view: &View<'_>, series: &str) -> Option<Needs> {
        let fits = view.surfaces("chinchilla");
        let fit = fits.into_iter().find(|f| f.series == series)?;
        let least = |law: &ChinchillaLaw, loss| {
            surface::flops_for(law, loss).map_or(f64::NAN, |flops| flops.0)
        };
        let losses = fit.data.iter().map(|p| p.loss);
        Some(Needs::by(surface::chinchilla(fit)?, least, losses))
    }
}

/// `share`: bits per nat of the base over those of the other.
fn multiplier(view: &View<'_>, base: &str, other: &str, share: f64) -> Option<Multiplier> {
    type Way = fn(&View<'_>, &str) -> Option<Needs>;
    let ways: [(Way, &'static str); 2] = [
        (Needs::frontier, "laws of loss in compute"),
        (Needs::surface, "L(N, D) under C = 6ND"),
    ];
    ways.into_iter().find_map(|(way, by)| {
        let (a, b) = (way(view, base)?, way(view, other)?);
        let (low, high) = (
            a.reach.0.max(b.reach.0 / share),
            a.reach.1.min(b.reach.1 / share),
        );
        if low >= high {
            return None;
        }
        let at = |loss: f64| {
            // Replicates of two sweeps have nothing to do with each other: any pairing serves.
            let draws = a.draws.iter().zip(&b.draws);
            let all = draws.map(|(a, b)| b(loss * share) / a(loss)).collect();
            let ends = marks::middle(all, view.report.fits.level);
            ((b.fitted)(loss * share) / (a.fitted)(loss), ends)
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
        Some(Multiplier {
            trace,
            at: lowest,
            by,
            estimate: Estimate {
                value,
                low: ends.map(|e| e.0),
                high: ends.map(|e| e.1),
                standard_error: None,
                identified: true,
                fixed: false,
            },
        })
    })
}

/// What the comparison says, a sentence a finding.
pub(crate) fn sentences(view: &View<'_>) -> Vec<String> {
    let name = |series| clip(&view.series_name(series), 60);
    let mut out = Vec::new();
    let mut untold: Vec<String> = Vec::new();
    let pairs = pairs(view);
    for pair in &pairs {
        let (base, other) = (name(pair.base), name(pair.other));
        if let Some(m) = &pair.multiplier {
            let e = &m.estimate;
            let range = match (e.low, e.high) {
                (Some(low), Some(high)) => format!(" [{}, {}]", fixed(low, 2), fixed(high, 2)),
                _ => String::new(),
            };
            let unit = if pair.by_bytes {
                ", both in bits per byte"
            } else {
                ""
            };
            out.push(format!(
                "{other} reaches {base}\u{2019}s loss of {} nats per token with {}\u{d7}{range} \
                 of the compute{unit} (by {}).",
                three_digits(m.at),
                fixed(e.value, 2),
                m.by
            ));
        } else {
            untold.push(other.clone());
        }
        let by_compute = pair.exponents.iter().find(|d| d.name == EXPONENTS[0].0);
        if let Some(d) = by_compute {
            let apart = match (d.less.low, d.less.high) {
                (Some(low), Some(high)) if low > 0.0 || high < 0.0 => "they differ",
                (Some(_), Some(_)) => "no difference shows",
                _ => "without intervals",
            };
            out.push(format!(
                "The loss of {base} falls with an exponent of {} in compute, that of {other} with \
                 {}: {apart}, {}.",
                with_interval(&d.base),
                with_interval(&d.other),
                with_interval(&d.less)
            ));
        }
    }
    if let Some(first) = pairs.first().filter(|_| !untold.is_empty()) {
        out.push(format!(
            "{} and {} have no law of the same kind over a loss that both have reached: compute at equal \
             loss cannot be told.",
            name(first.base),
            untold.join("; ")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            value,
            low: Some(low),
            high: Some(high),
            standard_error: None,
            identified: true,
            fixed: false,
        }
    }

    #[test]
    fn ends_of_a_difference_add_like_errors_that_are_independent() {
        let d = difference(&estimate(0.1, 0.07, 0.14), &estimate(0.2, 0.16, 0.23));
        assert!((d.value - 0.1).abs() < 1e-12);
        assert!((d.low.unwrap() - (0.1 - 0.04f64.hypot(0.04))).abs() < 1e-12);
        assert!((d.high.unwrap() - (0.1 + 0.03f64.hypot(0.03))).abs() < 1e-12);
    }

    #[test]
    fn the_compute_for_a_loss_is_that_at_which_the_law_has_it() {
        let (e, a, alpha) = (0.5, 30.0, 0.12);
        let law = PowerLaw { e, a, alpha };
        assert!((compute(&law, law.loss(1e12)) / 1e12 - 1.0).abs() < 1e-9);
    }
}
