//! Laws with their replicates, to be drawn as lines and bands.

use isoflop_core::{ChinchillaLaw, PowerLaw};
use isoflop_fit::output::{Fit, Identified};

/// Parameters of one law by their names.
type Named<'a> = Box<dyn Fn(&str) -> Option<f64> + 'a>;

/// Parameters of a fit, then those of each of its replicates.
fn sets<'a>(fit: &'a Fit) -> impl Iterator<Item = Named<'a>> {
    let fitted = move |name: &str| fit.parameters.get(name).map(|e| e.value);
    let place = |name: &str| fit.draw_names.iter().position(|known| known == name);
    let draws = fit
        .draws
        .iter()
        .map(move |draw| Box::new(move |name: &str| draw.get(place(name)?).copied()) as Named<'a>);
    std::iter::once(Box::new(fitted) as Named<'a>).chain(draws)
}

/// A law that its runs identify, with the laws of resampled runs.
#[derive(Clone, Debug)]
pub(crate) struct Replicated<L> {
    pub(crate) law: L,
    /// Laws of resampled runs; empty without a bootstrap.
    pub(crate) draws: Vec<L>,
}

impl<L> Replicated<L> {
    fn of(mut laws: impl Iterator<Item = Option<L>>) -> Option<Replicated<L>> {
        let law = laws.next()??;
        let draws = laws.flatten().collect();
        Some(Replicated { law, draws })
    }

    /// A number that the law gives, with the middle `level` of its replicates.
    pub(crate) fn ask(&self, level: f64, answer: impl Fn(&L) -> f64) -> (f64, Option<(f64, f64)>) {
        let all = self.draws.iter().map(&answer).collect();
        (answer(&self.law), middle(all, level))
    }
}

/// The power law of a fit, `E + A x^-alpha`; E is zero where the fit has none.
pub(crate) fn power(fit: Identified<&Fit>) -> Option<Replicated<PowerLaw>> {
    inside(fit.into_inner())
}

/// The power law of a fit, like [`power`], for answers inside the rows of the fit. Its parameters need not be
/// identified there, since what is asked of it has an interval of its own.
pub(crate) fn inside(fit: &Fit) -> Option<Replicated<PowerLaw>> {
    let law = |get: Named<'_>| {
        let law = PowerLaw { e: get("E").unwrap_or(0.0), a: get("A")?, alpha: get("alpha")? };
        (law.a.is_finite() && law.alpha.is_finite() && law.e.is_finite()).then_some(law)
    };
    Replicated::of(sets(fit).map(law))
}

/// The law of a fit over parameters and tokens, `E + A / N^alpha + B / D^beta`.
pub(crate) fn chinchilla(fit: Identified<&Fit>) -> Option<Replicated<ChinchillaLaw>> {
    let fit = fit.into_inner();
    let law = |get: Named<'_>| {
        let law = ChinchillaLaw {
            e: get("E")?,
            a: get("A")?,
            b: get("B")?,
            alpha: get("alpha")?,
            beta: get("beta")?,
        };
        let whole = [law.e, law.a, law.b, law.alpha, law.beta];
        let sound = whole.iter().all(|v| v.is_finite()) && law.a > 0.0 && law.b > 0.0;
        (sound && law.alpha > 0.0 && law.beta > 0.0).then_some(law)
    };
    Replicated::of(sets(fit).map(law))
}

/// The number below which the share `q` of sorted values lies; linear between neighbours.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * sorted.len().checked_sub(1)? as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    Some(sorted[below] + (above - sorted[below]) * share)
}

/// The ends of the interval that holds the middle share `level` of values.
pub(crate) fn middle(mut values: Vec<f64>, level: f64) -> Option<(f64, f64)> {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some((quantile(&values, tail)?, quantile(&values, 1.0 - tail)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_hundred_values_leaves_five_on_each_side() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let (low, high) = middle(values, 0.9).expect("there are values");
        assert!((low - 5.0).abs() < 1e-9 && (high - 95.0).abs() < 1e-9);
        assert_eq!(middle(vec![f64::NAN], 0.9), None);
        assert_eq!(middle(vec![2.0], 0.9), Some((2.0, 2.0)));
    }
}
