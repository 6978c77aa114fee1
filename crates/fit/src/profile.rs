//! Profiles: the objective along one quantity with every parameter at its best, and the interval
//! that the data allow it.

use crate::dispersion::{Chance, Dispersion, Scale};
use crate::engine::{Engine, Optimum, Solution};
use crate::laws::{EXPONENTS, Sense};
use crate::output::{Profile, ProfilePoint};
use rayon::prelude::*;

/// Steps from the optimum in units of the interval's half-width that the curvature suggests.
const STEPS: [f64; 17] = [
    0.15, 0.35, 0.6, 0.85, 1.0, 1.2, 1.5, 2.0, 2.7, 4.0, 6.0, 10.0, 17.0, 30.0, 60.0, 150.0, 500.0,
];
/// A profile is drawn a little beyond where its interval ends.
const BEYOND: f64 = 1.5;
/// Steps of the search for an end, and how near the threshold counts as there.
const REFINEMENTS: usize = 8;
const NEAR: f64 = 2e-3;
/// A point below the optimum by this share of the objective is worth a descent of its own.
const SAME: f64 = 1e-9;
/// Two optima closer than this share of the objective are one: in a narrow valley the last digits of the
/// objective cost more steps than they are worth.
const ONE: f64 = 1e-5;

/// How a quantity is walked along.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Walk {
    /// Along its logarithm.
    Ratio,
    /// Along its value, between these.
    Plain(f64, f64),
}

/// The profiles of a fit.
pub(crate) struct Profiles {
    pub(crate) profiles: Vec<Profile>,
    /// A point lower than the optimum that the starts found.
    pub(crate) lower: Option<Optimum>,
}

/// Profiles of a fit told by many units, and whether they came upon another optimum below it: then the
/// fit begins there again. None where the law meets every row.
pub(crate) fn walk(
    engine: &dyn Engine,
    solution: &mut Solution,
    units: &[usize],
) -> (Vec<Profile>, bool) {
    let walk = |best: &Optimum| {
        let dispersion = Dispersion::of(engine, &best.t, units);
        dispersion.map(|dispersion| profiles(engine, best, &Chance::Many(dispersion)))
    };
    let Some(walked) = walk(solution.best()) else {
        return Default::default();
    };
    let lower = walked.lower;
    let Some(better) = lower.and_then(|lower| engine.refit(None, &[lower.t])) else {
        return (walked.profiles, false);
    };
    // A difference in the last digits is the same optimum.
    if solution.best().value - better.value <= ONE * solution.best().value {
        if better.value < solution.best().value {
            solution.basins[0] = better;
        }
        return (walked.profiles, false);
    }
    solution.agreed = 1;
    solution.basins.insert(0, better);
    let again = walk(solution.best()).map(|walked| walked.profiles);
    (again.unwrap_or_default(), true)
}

/// Profiles of every free and derived quantity.
pub(crate) fn profiles(engine: &dyn Engine, best: &Optimum, chance: &Chance) -> Profiles {
    let quantities: Vec<_> = engine.law().quantities().collect();
    let values = engine.natural(&best.t);
    let gradients = engine.natural_gradients(&best.t);
    // The highest floor: a row far below the law is none of it.
    let losses = engine.losses(&best.t).into_iter();
    let least = losses.fold(f64::INFINITY, f64::min);
    let found: Vec<(Profile, Option<Optimum>)> = (0..values.len())
        .into_par_iter()
        .filter(|k| values[*k].is_finite() && gradients[*k].iter().any(|slope| *slope != 0.0))
        .filter(|k| engine.can_hold(*k))
        .filter_map(|k| {
            let mut search = Search {
                engine,
                best,
                scale: chance.scale(&gradients[k])?,
                k,
                value: values[k],
                walk: way(quantities[k].sense, least),
                points: vec![(values[k], 0.0, best.t.clone())],
                lower: None,
            };
            Some((search.run(quantities[k].name), search.lower))
        })
        .collect();
    let mut out = Profiles { profiles: Vec::new(), lower: None };
    for (profile, lower) in found {
        out.profiles.push(profile);
        let better = |other: &Optimum| out.lower.as_ref().is_none_or(|old| other.value < old.value);
        if let Some(lower) = lower.filter(better) {
            out.lower = Some(lower);
        }
    }
    out
}

/// How a quantity is walked along; no floor lies above `least`.
fn way(sense: Sense, least: f64) -> Walk {
    match sense {
        Sense::Scale | Sense::Ceiling => Walk::Ratio,
        Sense::Slope => Walk::Plain(f64::NEG_INFINITY, f64::INFINITY),
        Sense::Turn => Walk::Plain(-60.0, 60.0),
        Sense::Warp => Walk::Plain(1e-3, 20.0),
        Sense::Floor | Sense::PositiveFloor => Walk::Plain(0.0, least),
        Sense::Share => Walk::Plain(1e-3, 1.0 - 1e-3),
        Sense::Exponent => Walk::Plain(EXPONENTS.0, EXPONENTS.1),
    }
}

/// An end of an interval.
struct Side {
    /// None where the walk found none; the edge of what makes sense where it came that far.
    at: Option<f64>,
    set_by_data: bool,
}

struct Search<'a> {
    engine: &'a dyn Engine,
    best: &'a Optimum,
    scale: Scale,
    k: usize,
    value: f64,
    walk: Walk,
    /// Points walked so far: value, statistic and inner parameters.
    points: Vec<(f64, f64, Vec<f64>)>,
    lower: Option<Optimum>,
}

impl Search<'_> {
    fn run(&mut self, name: &str) -> Profile {
        let Scale { threshold, half: guess, .. } = self.scale;
        // In the logarithm a step is relative.
        let unit = match self.walk {
            Walk::Ratio => guess.map_or(0.3, |half| (half / self.value).clamp(1e-6, 2.0)),
            Walk::Plain(..) => guess
                .map_or(0.3 * self.value.abs(), |half| half.min(2.0 * self.value.abs() + 0.05))
                .max(1e-9),
        };
        let low = self.side(-1.0, unit);
        let high = self.side(1.0, unit);
        let open = match (low.set_by_data, high.set_by_data) {
            (true, true) => None,
            (false, true) => Some("smaller values"),
            (true, false) => Some("larger values"),
            (false, false) => Some("smaller and larger values"),
        };
        self.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let points = self
            .points
            .iter()
            .map(|(value, statistic, _)| ProfilePoint { value: *value, statistic: *statistic });
        Profile {
            parameter: name.to_owned(),
            value: self.value,
            low: low.at,
            high: high.at,
            identified: open.is_none(),
            threshold,
            points: points.collect(),
            note: open.map(|side| format!("{side} fit these rows as well, within their noise")),
        }
    }

    /// The end of the interval on one side.
    fn side(&mut self, sign: f64, unit: f64) -> Side {
        let threshold = self.scale.threshold;
        let mut inside = (self.value, 0.0, self.best.t.clone());
        let mut outside = None;
        for step in STEPS {
            let Some(at) = self.place(sign * step * unit) else {
                break;
            };
            let Some((statistic, t)) = self.hold(at, &inside.2) else {
                break;
            };
            self.points.push((at, statistic, t.clone()));
            if statistic < threshold && outside.is_none() {
                inside = (at, statistic, t);
            } else if outside.is_none() {
                outside = Some((at, statistic));
            }
            if statistic > threshold * BEYOND {
                break;
            }
        }
        let Some((mut far, mut above)) = outside else {
            let edge = match self.walk {
                Walk::Ratio => None,
                Walk::Plain(low, high) => Some(if sign < 0.0 { low } else { high }),
            };
            return Side { at: edge.filter(|edge| inside.0 == *edge), set_by_data: false };
        };
        let found = |at: f64| Side { at: Some(at), set_by_data: true };
        // The root of the statistic is near a straight line in the value.
        let root = threshold.sqrt();
        for _ in 0..REFINEMENTS {
            let (near, below) = (inside.0, inside.1.sqrt());
            if (below - root).abs() < NEAR * root {
                return found(near);
            }
            let share = ((root - below) / (above.sqrt() - below)).clamp(0.05, 0.95);
            let at = near + share * (far - near);
            let Some((statistic, t)) = self.hold(at, &inside.2) else {
                break;
            };
            self.points.push((at, statistic, t.clone()));
            match statistic < threshold {
                true => inside = (at, statistic, t),
                false => (far, above) = (at, statistic),
            }
            if (statistic.sqrt() - root).abs() < NEAR * root {
                return found(at);
            }
        }
        let share = (root - inside.1.sqrt()) / (above.sqrt() - inside.1.sqrt());
        found(inside.0 + share * (far - inside.0))
    }

    /// A value some way from the optimum; none beyond where the quantity makes sense.
    fn place(&self, step: f64) -> Option<f64> {
        match self.walk {
            Walk::Ratio => (step.abs() < 25.0).then(|| self.value * step.exp()),
            Walk::Plain(low, high) => {
                let at = self.value + step;
                // The last stretch to a bound is walked once.
                let edge = at.clamp(low, high);
                let seen = self.points.iter().any(|point| point.0 == edge);
                (!seen && edge.is_finite()).then_some(edge)
            }
        }
    }

    fn hold(&mut self, at: f64, near: &[f64]) -> Option<(f64, Vec<f64>)> {
        let starts = [near.to_vec(), self.best.t.clone()];
        let end = self.engine.held(self.k, at, &starts)?;
        let rise = end.value - self.best.value;
        if rise < -SAME * self.best.value
            && self.lower.as_ref().is_none_or(|old| end.value < old.value)
        {
            self.lower = Some(end.clone());
        }
        Some((rise.max(0.0) * self.scale.per_rise, end.t))
    }
}
