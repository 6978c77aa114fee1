//! Every further series against the first.

use super::compared::{Compared, in_all_products, in_compute, in_seconds};
use super::standing::Standing;
use crate::power_laws;
use crate::view::View;
use isoflop_fit::output::{Axis, Estimate, Isoflop};

/// An exponent of two series and its difference.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) base: Estimate,
    pub(crate) other: Estimate,
    /// Exponent of the other less that of the base. Its ends follow Zou & Donner 2008 (equation 7), for
    /// independent estimates.
    pub(crate) less: Estimate,
}

/// A series against the base.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) base: &'a str,
    pub(crate) other: &'a str,
    pub(crate) exponents: Vec<Difference>,
    pub(crate) compute: Compared<'a>,
    /// With the products of the optimizer, where one has any.
    pub(crate) all_products: Option<Compared<'a>>,
    pub(crate) seconds: Option<Compared<'a>>,
    /// Whether losses are compared in bits per byte, since tokens of the two are not the same bytes.
    pub(crate) by_bytes: bool,
}

impl<'a> Pair<'a> {
    /// In compute, with the products of the optimizer, then in seconds.
    pub(crate) fn compared(&self) -> impl Iterator<Item = &Compared<'a>> {
        std::iter::once(&self.compute).chain(&self.all_products).chain(&self.seconds)
    }

    /// Name of the unit in which losses are compared.
    pub(crate) fn unit(&self) -> &'static str {
        match self.by_bytes {
            true => "bits per byte",
            false => "nats per token",
        }
    }
}

/// Every further series against the first; of three series or more, against the best at the largest compute
/// that all have.
pub(crate) fn pairs<'a>(view: &View<'a>) -> Vec<Pair<'a>> {
    let Some(first) = view.series.first() else {
        return Vec::new();
    };
    let best = match view.series.len() {
        1 | 2 => None,
        _ => Standing::along(view).last().map(|standing| standing.best().series),
    };
    let base = best.unwrap_or(first);
    let others = view.series.iter().filter(|other| **other != base);
    let others = others.map(|other| pair(view, base, other));
    others
        .filter(|pair| {
            let told = |c: &Compared<'_>| c.measured.is_some() || c.by_law.is_some();
            !pair.exponents.is_empty() || pair.compared().any(told)
        })
        .collect()
}

fn pair<'a>(view: &View<'a>, base: &'a str, other: &'a str) -> Pair<'a> {
    let exponents = EXPONENTS
        .iter()
        .filter_map(|(name, of)| {
            let [base, other] = of(view, [base, other])?;
            let less = difference(&base, &other);
            Some(Difference { name, base, other, less })
        })
        .collect();
    let bits = |series: &str| {
        let mut runs = view.finished.iter().filter(|r| r.series == series);
        runs.find_map(|r| View::bits_per_nat(r))
    };
    // Where tokenizers differ every series has bits, and all pairs are compared in them.
    let units = match (bits(base), bits(other)) {
        (Some(a), Some(b)) if view.by_bytes() || (a / b - 1.0).abs() > 0.01 => Some((a, b)),
        _ => None,
    };
    let sides = [(base, units.map_or(1.0, |u| u.0)), (other, units.map_or(1.0, |u| u.1))];
    Pair {
        base,
        other,
        exponents,
        compute: in_compute(view, sides),
        all_products: in_all_products(view, sides),
        seconds: in_seconds(view, sides),
        by_bytes: units.is_some(),
    }
}

type Exponents = fn(&View<'_>, [&str; 2]) -> Option<[Estimate; 2]>;

/// Exponents of the base and of another series, both of one law.
pub(super) const EXPONENTS: [(&str, Exponents); 7] = [
    ("exponent of loss in C", |view, both| alphas(view, Axis::C, both)),
    ("exponent of loss in D", |view, both| alphas(view, Axis::D, both)),
    ("exponent of loss in N", |view, both| alphas(view, Axis::N, both)),
    ("exponent of optimal N in C", |view, both| minima(view, both, |found| found.n_exponent)),
    ("exponent of optimal D in C", |view, both| minima(view, both, |found| found.d_exponent)),
    ("\u{3b1} of L(N, D)", |view, both| surfaces(view, both, "alpha")),
    ("\u{3b2} of L(N, D)", |view, both| surfaces(view, both, "beta")),
];

fn alphas(view: &View<'_>, axis: Axis, both: [&str; 2]) -> Option<[Estimate; 2]> {
    let fits = power_laws::of_both(view, axis, both)?;
    let [base, other] = fits.map(|fit| fit.parameters.get("alpha").copied());
    Some([base?, other?])
}

fn minima(
    view: &View<'_>,
    both: [&str; 2],
    exponent: fn(&Isoflop) -> Option<Estimate>,
) -> Option<[Estimate; 2]> {
    let of = |series: &str| {
        let found = view.report.fits.isoflop.iter().find(|found| found.series == series);
        exponent(found?)
    };
    Some([of(both[0])?, of(both[1])?])
}

fn surfaces(view: &View<'_>, both: [&str; 2], name: &str) -> Option<[Estimate; 2]> {
    let of = |series: &str| {
        let fits = view.surfaces("chinchilla");
        let fit = fits.into_iter().find(|fit| fit.series == series)?;
        fit.parameters.get(name).copied()
    };
    Some([of(both[0])?, of(both[1])?])
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
}
