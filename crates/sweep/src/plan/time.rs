//! Turns a plan given as a time into budgets: the largest whose forecast fits.

use super::{Plan, PlanContext};
use crate::error::{Problem, SpecError};
use crate::spec::{Sweep, TimeSpec};
use isoflop_core::units::scientific;
use serde::{Deserialize, Serialize};

/// Budgets that a time was turned into. They are kept with the results, so that repeating the
/// command trains the same runs however fast the machine is that day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeBudget {
    /// Time that is allowed, in seconds.
    pub limit_s: f64,
    /// Budgets in FLOPs, ascending.
    pub budgets: Vec<f64>,
}

/// Range of the largest budget in FLOPs, from the slowest machine imaginable to the fastest.
const RANGE: (f64, f64) = (1e6, 1e24);

/// Number of times that the logarithm of the range is halved, which determines the budget to a
/// percent.
const HALVINGS: usize = 12;

impl TimeBudget {
    /// Chooses budgets. `finish` forecasts the time that a plan takes, in seconds.
    ///
    /// # Errors
    /// The sweep cannot be planned with any budgets, `finish` fails, or no budgets fit into the
    /// time.
    pub fn choose(
        sweep: &Sweep,
        time: &TimeSpec,
        context: &mut PlanContext<'_>,
        finish: &mut dyn FnMut(&Plan) -> Result<f64, String>,
    ) -> Result<Self, SpecError> {
        let of = |top: f64| TimeBudget {
            limit_s: time.limit,
            budgets: (0..time.budgets)
                .rev()
                .map(|i| two_digits(top / time.factor.powi(i as i32)))
                .collect(),
        };
        let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
        let mut shortest = f64::INFINITY;
        let mut why = None;
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            match Plan::build(&sweep.with_budgets(&of(middle.exp()).budgets), context) {
                // Some run has too few steps, which larger budgets mend, or the sweep has an error
                // that none mends.
                Err(error) => {
                    why = Some(error);
                    low = middle;
                }
                Ok(plan) => {
                    let seconds = finish(&plan).map_err(|message| {
                        sweep.locate(Problem::new(sweep.spec().plan.span(), message))
                    })?;
                    match seconds <= time.limit {
                        true => low = middle,
                        false => {
                            high = middle;
                            shortest = shortest.min(seconds);
                        }
                    }
                }
            }
        }
        let chosen = of(low.exp());
        match Plan::build(&sweep.with_budgets(&chosen.budgets), context) {
            Ok(_) => Ok(chosen),
            Err(error) if shortest.is_infinite() => Err(why.unwrap_or(error)),
            Err(_) => {
                let text = &time.text;
                let message = format!(
                    "{text} is too short for {} budgets of these sizes: the least that makes curves takes {:.0} s",
                    time.budgets,
                    shortest.ceil()
                );
                let problem = Problem::new(sweep.spec().plan.span(), message);
                Err(sweep.locate(
                    problem.hint("allow more time, or give smaller sizes or fewer budgets"),
                ))
            }
        }
    }
}

/// Rounds a budget to two digits, so that people can write it down and repeat it; rounds down, so
/// that the plan stays within the time.
fn two_digits(budget: f64) -> f64 {
    let unit = 10f64.powf(budget.log10().floor() - 1.0);
    let text = scientific((budget / unit).floor() * unit);
    text.parse().expect("just formatted")
}
