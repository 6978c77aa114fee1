//! Whether a rule of rates transfers: over runs at multiples of the rule's rate, how the best multiple moves with
//! depth, batch or duration.

use super::law::{Cell, Fitted, Loss, Steepens, Term, law};
use super::lowest::{Lowest, lowest, means, near};
use super::valley::Kind;
use super::{KINDS, number};
use crate::output::{Edge, Estimate};
use serde::{Deserialize, Serialize};

/// A run at a multiple of the rule's rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransferRun {
    /// Number of layers, tokens a step, or training tokens.
    pub value: f64,
    /// Rate over that of the rule.
    pub multiple: f64,
    /// Seed.
    pub seed: u64,
    /// Test loss in nats per token; none where the run diverged.
    pub loss: Option<f64>,
}

/// How the best multiple moves along one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Each value, ascending.
    pub values: Vec<TransferValue>,
    /// Power of the value with which the best multiple moves; null where it cannot be told.
    pub exponent: Option<Estimate>,
    /// Factor of the best multiple for each doubling of the value.
    pub per_doubling: Option<Estimate>,
    /// What follows.
    pub verdict: TransferVerdict,
    /// Why the verdict is not another.
    pub reason: String,
    /// Standard deviation of the losses about the valley, in nats.
    pub spread: Option<f64>,
}

/// One value of a direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferValue {
    /// Number of layers, tokens a step, or training tokens.
    pub value: f64,
    /// Multiples of the rule's rate with the mean loss over seeds, ascending.
    pub losses: Vec<(f64, f64)>,
    /// The best rate over that of the rule; null where the lowest loss is at an end of the multiples.
    pub best: Option<Estimate>,
    /// The end at which the loss is lowest.
    pub edge: Option<Edge>,
    /// What the rule's rate costs there against the best, in nats.
    pub cost: Option<f64>,
}

/// Whether a rule transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferVerdict {
    /// The interval of the exponent lies within [`TOLERANCE`] of zero.
    Transfers,
    /// It does not, and leaves zero out.
    DoesNot,
    /// It holds zero and much else.
    NotIdentified,
}

/// Exponents of this size or less pass.
pub const TOLERANCE: f64 = 0.25;

const LINE: Term = Term { name: "exponent", sign: 1.0, of: 0, called: "value", needed: 2 };

/// Walls get steeper with the value, and rise with a power of their own, where the losses tell that.
const WALLS: (&[Steepens], &[Kind]) = (&[(0, None)], &KINDS);

/// How the best multiple of a rule's rate moves with the value, by one valley through the losses of all runs
/// (a level for each value and seed) and a jackknife over values and seeds.
pub fn transfer(runs: &[TransferRun]) -> Transfer {
    let mut values: Vec<f64> = runs.iter().map(|run| run.value).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let points = |value: f64| -> Vec<(f64, f64)> {
        let own = runs.iter().filter(move |run| run.value == value);
        own.filter_map(|run| Some((run.multiple.ln(), run.loss?))).collect()
    };
    let cells = cells(runs, &values);
    let mut none = Vec::new();
    let line = law(&cells, &[LINE], WALLS, &mut none).filter(|line| !line.terms.is_empty());
    let each = each(&cells);
    let described = values.iter().map(|&value| {
        let points = points(value);
        let edge = match lowest(&points) {
            Lowest::At(edge) => Some(edge),
            _ => None,
        };
        let best = each.as_ref().and_then(|each| each.at(value));
        TransferValue {
            value,
            losses: means(&points).into_iter().map(|(x, loss)| (x.exp(), loss)).collect(),
            best: best.map(|(best, _)| best),
            edge,
            cost: best.map(|(_, cost)| cost),
        }
    });
    let described: Vec<TransferValue> = described.collect();
    let exponent = line.as_ref().map(|line| line.exponent());
    let (verdict, reason) = judged(&described, exponent);
    Transfer {
        values: described,
        exponent,
        per_doubling: exponent.map(|exponent| Estimate {
            value: 2f64.powf(exponent.value),
            low: exponent.low.map(|low| 2f64.powf(low)),
            high: exponent.high.map(|high| 2f64.powf(high)),
            standard_error: None,
            ..exponent
        }),
        verdict,
        reason,
        spread: line.map(|line| line.valley.spread),
    }
}

/// A cell for each value and seed, which is a unit of the jackknife. The bottom is that of all seeds of the value.
fn cells(runs: &[TransferRun], values: &[f64]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut trunks: Vec<(u64, u64, u64)> = Vec::new();
    for &value in values {
        let own: Vec<&TransferRun> =
            runs.iter().filter(|run| run.value == value && run.loss.is_some()).collect();
        let points: Vec<(f64, f64)> =
            own.iter().filter_map(|run| Some((run.multiple.ln(), run.loss?))).collect();
        let inside = match lowest(&points) {
            Lowest::Inside { at, .. } => Some(at),
            _ => None,
        };
        let is_near = near(&points);
        let mut seeds: Vec<u64> = own.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        for seed in seeds {
            let level = cells.len();
            let losses = own.iter().zip(&points).zip(&is_near);
            let losses = losses.filter(|((run, _), near)| run.seed == seed && **near);
            cells.push(Cell {
                place: [value.ln(), 0.0, 0.0, 0.0],
                inside,
                losses: losses
                    .map(|((run, (x, loss)), _)| {
                        // Branches of one trunk err in common, which makes a change along durations smaller: that
                        // each run counts as a trunk of its own errs on the side of doubt.
                        let key = (value.to_bits(), run.multiple.to_bits(), seed);
                        Loss { level, x: *x, loss: *loss, trunk: number(&mut trunks, key) }
                    })
                    .collect(),
                unit: level,
            });
        }
    }
    cells
}

/// A valley in which each value that has its best multiple inside has one of its own.
struct Each {
    fitted: Fitted,
    /// ln of these values.
    values: Vec<f64>,
}

/// Values that have a best multiple of their own: the first, and one for each number of a place behind the first.
const MOST: usize = 4;

fn each(cells: &[Cell]) -> Option<Each> {
    const NAMES: [&str; MOST - 1] = ["second", "third", "fourth"];
    let mut inside: Vec<Cell> =
        cells.iter().filter(|cell| cell.inside.is_some()).cloned().collect();
    let mut values: Vec<f64> = inside.iter().map(|cell| cell.place[0]).collect();
    values.dedup();
    if values.len() > MOST {
        return None;
    }
    for cell in &mut inside {
        let k = values.iter().position(|value| *value == cell.place[0]);
        cell.place = place(k.unwrap_or(0), cell.place[0]);
    }
    let terms: Vec<Term> = (1..values.len())
        .map(|of| Term { name: NAMES[of - 1], sign: 1.0, of, called: "value", needed: 2 })
        .collect();
    let fitted = law(&inside, &terms, WALLS, &mut Vec::new())?;
    (fitted.terms.len() == terms.len()).then_some(Each { fitted, values })
}

/// Where value `k` of [`each`] is: 1 in the number that is its own.
fn place(k: usize, ln_value: f64) -> [f64; MOST] {
    std::array::from_fn(|of| match of {
        0 => ln_value,
        of => f64::from(u8::from(of == k)),
    })
}

impl Each {
    /// The best multiple at a value, and what the rule's rate costs there; none where it is not inside.
    fn at(&self, value: f64) -> Option<(Estimate, f64)> {
        let k = self.values.iter().position(|own| *own == value.ln())?;
        let place = place(k, value.ln());
        Some((self.fitted.setting_at(&place), self.fitted.cost(0.0, &place)))
    }
}

fn judged(values: &[TransferValue], exponent: Option<Estimate>) -> (TransferVerdict, String) {
    use TransferVerdict::{DoesNot, NotIdentified, Transfers};
    let ends = exponent.and_then(|exponent| exponent.low.zip(exponent.high));
    let inside = values.iter().filter(|value| value.best.is_some()).count();
    let Some((low, high)) = ends else {
        let reason = match inside < 2 {
            true => format!(
                "the best rate lies inside the multiples tried at {inside} of {} values, and a change needs two; try wider --multiples",
                values.len()
            ),
            false => "the losses have no valley in common; add --seeds or --tokens".to_owned(),
        };
        return (NotIdentified, reason);
    };
    let censored = values.len() - inside;
    let beside = match censored {
        0 => String::new(),
        1 => "; at 1 value the lowest loss is at an end of the multiples".to_owned(),
        count => format!("; at {count} values the lowest loss is at an end of the multiples"),
    };
    if low >= -TOLERANCE && high <= TOLERANCE {
        return (
            Transfers,
            format!("the exponent's interval lies within {TOLERANCE} of zero{beside}"),
        );
    }
    if low > 0.0 || high < 0.0 {
        return (DoesNot, format!("the exponent's interval leaves out zero{beside}"));
    }
    let reason = format!(
        "the exponent's interval holds zero and reaches beyond {TOLERANCE}; add --seeds or --tokens{beside}"
    );
    (NotIdentified, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::rng::{Purpose, normal_pair, stream};

    /// Runs at three values and five multiples whose best multiple is `at value^power`.
    fn runs(at: f64, power: f64, noise: f64, seed: u64) -> Vec<TransferRun> {
        let mut rng = stream(seed, Purpose::Init, 420);
        let mut runs = Vec::new();
        for value in [1.0, 4.0, 16.0f64] {
            for seed in 0..3 {
                let level = 2.5 - 0.1 * value.ln() + 0.03 * normal_pair(&mut rng).0;
                for multiple in [0.25, 0.5, 1.0, 2.0, 4.0f64] {
                    let off = (multiple / (at * value.powf(power))).ln();
                    let wall = if off > 0.0 { 0.07 } else { 0.04 };
                    let loss = level + wall * off * off + noise * normal_pair(&mut rng).0;
                    runs.push(TransferRun { value, multiple, seed, loss: Some(loss) });
                }
            }
        }
        runs
    }

    #[test]
    fn a_power_without_noise_is_found_and_the_cost_is_that_of_the_valley() {
        let found = transfer(&runs(1.4, -0.3, 0.0, 0));
        assert!((found.exponent.unwrap().value + 0.3).abs() < 1e-5, "{found:?}");
        assert!((found.per_doubling.unwrap().value - 2f64.powf(-0.3)).abs() < 1e-5);
        assert_eq!(found.verdict, TransferVerdict::DoesNot, "{found:?}");
        let middle = &found.values[1];
        let best = 1.4 * 4f64.powf(-0.3);
        assert!((middle.best.unwrap().value / best - 1.0).abs() < 1e-4, "{middle:?}");
        assert!((middle.cost.unwrap() - 0.07 * best.ln().powi(2)).abs() < 1e-5, "{middle:?}");
    }

    #[test]
    fn verdicts_follow_the_power_and_intervals_hold_it_in_about_nine_of_ten() {
        const DRAWS: u64 = 100;
        for (power, verdict) in
            [(0.0, TransferVerdict::Transfers), (-0.35, TransferVerdict::DoesNot)]
        {
            let (mut held, mut right) = (0, 0);
            for seed in 0..DRAWS {
                let found = transfer(&runs(1.2, power, 0.01, seed));
                let exponent = found.exponent.unwrap();
                let ends = exponent.low.zip(exponent.high);
                held += u32::from(ends.is_some_and(|(low, high)| (low..=high).contains(&power)));
                right += u32::from(found.verdict == verdict);
            }
            assert!((82..=97).contains(&held), "{power}: {held}");
            assert!(right >= 85, "{power}: {right}");
        }
    }

    #[test]
    fn noise_that_hides_the_best_rate_is_no_verdict() {
        let verdicts = (0..20).map(|seed| transfer(&runs(1.0, 0.0, 0.2, seed)).verdict);
        let unknown = verdicts.filter(|verdict| *verdict == TransferVerdict::NotIdentified).count();
        assert!(unknown >= 15, "{unknown}");
        // The best multiple lies beyond those tried at every value.
        let beyond = transfer(&runs(30.0, 0.0, 0.005, 0));
        assert_eq!(beyond.verdict, TransferVerdict::NotIdentified);
        assert!(
            beyond
                .values
                .iter()
                .all(|value| value.best.is_none() && value.edge == Some(Edge::High))
        );
        assert!(beyond.reason.contains("at 0 of 3 values"), "{}", beyond.reason);
    }
}
