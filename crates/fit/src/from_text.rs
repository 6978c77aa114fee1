//! The data exponent that two statistics of a text forecast, before any model is trained on it.
//!
//! Where the entropy of the next token falls with the tokens before it as `H_n - H_inf ~ n^-gamma`, and the
//! correlation of two tokens with their distance as `n^-beta`, a text of D tokens shows correlations up to a
//! distance of `D^(1 / (2 beta))` above its noise, and a model that uses these and no others has an excess loss
//! of `D^-(gamma / (2 beta))` (Cagnetta et al. 2026, Deriving neural scaling laws from the statistics of natural
//! language, eq. 8). That holds where neither the size of the model nor its window limits the loss.
//!
//! Both are asymptotic laws, and a finite text shows a piece of either. A number is made of them only where the
//! piece is long enough, is settled, and is straighter than an exponential decay; otherwise there is a sentence
//! that says what is missing.

mod correlations;
mod entropies;
mod straight;

use crate::output::Estimate;

/// Loss of an n-gram over a part of the train text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// Tokens that the n-gram sees before the one it predicts.
    pub context: u32,
    /// Train tokens that it counted.
    pub tokens: f64,
    /// Loss on held-out text in nats per token.
    pub loss: f64,
}

/// Correlation of two tokens at a distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlated {
    /// Tokens from one to the other.
    pub distance: f64,
    /// Largest singular value of their covariance.
    pub strength: f64,
    /// Standard error of the strength.
    pub standard_error: f64,
}

/// A power law that a statistic follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// The exponent, positive where the statistic falls.
    pub exponent: Estimate,
    /// First context or distance of the fit.
    pub from: f64,
    /// Last context or distance of the fit.
    pub to: f64,
    /// Points of the fit.
    pub points: usize,
    /// Share of the variance of the logarithms that the fit explains.
    pub r_squared: f64,
}

/// What the statistics of a text say of its data exponent.
#[derive(Clone, Debug, PartialEq)]
pub struct FromText {
    /// Decay of the entropy with the context, or why there is none.
    pub gamma: Result<Decay, String>,
    /// Decay of the correlation with the distance, or why there is none.
    pub beta: Result<Decay, String>,
}

impl FromText {
    /// Fits both decays.
    pub fn of(counted: &[Counted], correlated: &[Correlated]) -> Self {
        FromText { gamma: entropies::decay(counted), beta: correlations::decay(correlated) }
    }

    /// The forecast data exponent `gamma / (2 beta)`; `None` where one of the two is missing. The ends of its
    /// interval are those of both intervals at their worst.
    pub fn data_exponent(&self) -> Option<Estimate> {
        let gamma = self.gamma.as_ref().ok()?.exponent;
        let beta = self.beta.as_ref().ok()?.exponent;
        let of = |gamma: f64, beta: f64| gamma / (2.0 * beta);
        Some(Estimate {
            low: gamma.low.zip(beta.high).map(|(gamma, beta)| of(gamma, beta)),
            high: gamma.high.zip(beta.low).map(|(gamma, beta)| of(gamma, beta)),
            ..estimate(of(gamma.value, beta.value), 0.0, 0.0)
        })
    }

    /// All of it in plain sentences without full stops.
    pub fn sentences(&self) -> Vec<String> {
        let decay = |found: &Result<Decay, String>, what: &str, over: &str, letter: &str| {
            match found {
                Ok(decay) => format!(
                    "{what} as n^-{} over {over} of {} to {} tokens ({letter}; {} points, R2 {:.3})",
                    written(&decay.exponent),
                    decay.from,
                    decay.to,
                    decay.points,
                    decay.r_squared,
                ),
                Err(why) => format!("{letter} is not identified: {why}"),
            }
        };
        let forecast = match self.data_exponent() {
            Some(alpha) => format!(
                "the text alone forecasts a data exponent gamma / (2 beta) of {}",
                written(&alpha)
            ),
            None => "the text alone forecasts no data exponent".to_owned(),
        };
        vec![
            decay(&self.gamma, "the entropy falls towards its limit", "contexts", "gamma"),
            decay(&self.beta, "correlations fall", "distances", "beta"),
            forecast,
        ]
    }
}

fn written(e: &Estimate) -> String {
    let end = |end: Option<f64>| end.map_or("open".to_owned(), |end| format!("{end:.2}"));
    format!("{:.2} [{}, {}]", e.value, end(e.low), end(e.high))
}

/// An identified estimate with its interval.
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

#[cfg(test)]
mod tests;
