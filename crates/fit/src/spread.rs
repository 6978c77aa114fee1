//! How far a single run may lie from the law: prediction intervals.

use crate::intervals::TAIL;
use crate::output::Estimate;
use statrs::distribution::{ContinuousCDF, Normal};

/// What a single run adds to the uncertainty of the law.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// What the law's drift takes from ln L if it goes on.
    pub(crate) shift: f64,
    /// Standard deviation of ln L about the law less that shift.
    pub(crate) noise: f64,
    /// Standard deviation of ln L about the law itself, if the drift ends or turns.
    pub(crate) turning: f64,
}

impl Spread {
    /// The prediction interval of a run about replicates of the law: from end to end of what holds if the
    /// drift goes on and if it does not. The value is the law's own, and inside.
    pub(crate) fn about(self, value: f64, drawn: &[f64]) -> Estimate {
        let (on, ends) = self.both(value, drawn);
        let finite = |x: f64| x.is_finite().then_some(x);
        Estimate {
            value,
            low: finite(on.quantile(TAIL).min(ends.quantile(TAIL)).exp().min(value)),
            high: finite(on.quantile(1.0 - TAIL).max(ends.quantile(1.0 - TAIL)).exp().max(value)),
            standard_error: finite(value * on.deviation()),
            identified: true,
            fixed: false,
        }
    }

    /// Whether the prediction interval of [`Spread::about`] holds a loss.
    pub(crate) fn holds(self, loss: f64, value: f64, drawn: &[f64]) -> bool {
        let (on, ends) = self.both(value, drawn);
        let (on, ends) = (on.below(loss.ln()), ends.below(loss.ln()));
        let high_enough = loss >= value || on >= TAIL || ends >= TAIL;
        let low_enough = loss <= value || on <= 1.0 - TAIL || ends <= 1.0 - TAIL;
        high_enough && low_enough
    }

    fn both(self, value: f64, drawn: &[f64]) -> (Mixture, Mixture) {
        let drawn = if drawn.is_empty() { &[value][..] } else { drawn };
        let about = |noise: f64, shift: f64| Mixture {
            centres: drawn.iter().map(|loss| loss.ln() - shift).collect(),
            // The distribution of exact rows has no width.
            noise: noise.max(1e-12),
        };
        (about(self.noise, self.shift), about(self.turning, 0.0))
    }
}

/// Normal noise about each of several values of ln L, all as likely.
struct Mixture {
    centres: Vec<f64>,
    noise: f64,
}

impl Mixture {
    /// Share of the mixture below a value.
    fn below(&self, x: f64) -> f64 {
        let normal = Normal::standard();
        let all = self.centres.iter();
        let shares = all.map(|centre| normal.cdf((x - centre) / self.noise));
        shares.sum::<f64>() / self.centres.len() as f64
    }

    fn quantile(&self, share: f64) -> f64 {
        let far = 8.0 * self.noise;
        let all = || self.centres.iter().copied();
        let mut low = all().fold(f64::INFINITY, f64::min) - far;
        let mut high = all().fold(f64::NEG_INFINITY, f64::max) + far;
        // Down to 1e-9 of the loss from a width of a hundred per cent.
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            match self.below(middle) < share {
                true => low = middle,
                false => high = middle,
            }
        }
        f64::midpoint(low, high)
    }

    fn deviation(&self) -> f64 {
        let count = self.centres.len() as f64;
        let mean = self.centres.iter().sum::<f64>() / count;
        let squares = self.centres.iter().map(|x| (x - mean).powi(2));
        self.noise.hypot((squares.sum::<f64>() / count).sqrt())
    }
}
