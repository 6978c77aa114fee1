//! Whether the losses of runs fall over the decay of the rate as each other's do.
//!
//! Curves of loss over final loss against the share of training fall on one another where the recipe is as good
//! at every size (Qiu et al. 2025, arXiv 2507.02119). They do so at equal tokens per parameter; over a sweep the
//! fall depends on N and D, smoothly, so that its logarithm is fitted by a polynomial of second degree in ln N
//! and ln D. A place (runs that differ in their seed alone) is off where shifting it alone explains more than the
//! scatter of the others allows: Student's t of the shift, over all places (Bonferroni).

use crate::noise::{NoiseFloor, noise_floor};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Chance at which one place of a sound sweep is called off.
const CHANCE: f64 = 0.05;
/// Size of a shift of ln(fall) below which no rate is worth a try: a rate a factor of two off shifts it by .25
/// to .38 (LOG.md, 2026-11-27).
const LEAST: f64 = 0.2;
/// Rows beyond the coefficients without which nothing is scored: with fewer, the curvature of a small grid
/// passes for a run that is off.
const SPARE: usize = 8;
/// Share of its length that a regressor must have beside the others to be one.
const APART: f64 = 1e-3;

/// How far the loss of a run falls.
#[derive(Clone, Debug, PartialEq)]
pub struct Fall {
    /// Run id.
    pub label: String,
    /// All that makes the run but its seed.
    pub place: String,
    /// Parameters.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// Mean of ln(loss / final loss) over the decay; above zero.
    pub fall: f64,
}

/// Falls of one series beside their smooth dependence on N and D.
#[derive(Clone, Debug, PartialEq)]
pub struct Collapse {
    /// Standard deviation of ln(fall) about the smooth dependence, without the places that are off.
    pub spread: f64,
    /// Standard deviation of ln(fall) between seeds, where there are replicates.
    pub noise: Option<NoiseFloor>,
    /// Rows compared.
    pub rows: usize,
    /// Places of which the others tell something, those that are off first, then by the size of their shift.
    pub places: Vec<Standing>,
}

/// One place beside all others.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its runs.
    pub labels: Vec<String>,
    /// Parameters.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// ln(fall) less what the others say of it.
    pub shift: f64,
    /// The shift in its standard errors.
    pub t: f64,
    /// Chance of as large a shift somewhere in a sound series.
    pub chance: f64,
    /// Whether the place is off.
    pub is_off: bool,
}

impl Standing {
    /// Whether the shift is neither chance nor too small to matter.
    fn counts(&self) -> bool {
        self.chance < CHANCE && self.shift.abs() > LEAST
    }
}

/// Fewer comparable rows than a score needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// Rows that there are.
    pub rows: usize,
    /// Rows that it takes with their sizes and tokens.
    pub needed: usize,
}

/// Scores the falls of one series.
///
/// # Errors
/// There are too few rows to tell a run that is off from curvature.
pub fn collapse(falls: &[Fall]) -> Result<Collapse, TooFew> {
    let mut kept: Vec<&Fall> = falls.iter().collect();
    let mut off: Vec<Standing> = Vec::new();
    let places = count(&kept);
    loop {
        let smooth = Smooth::of(&kept);
        let needed = smooth.columns.len() + SPARE;
        if kept.len() < needed {
            match off.pop() {
                None => return Err(TooFew { rows: kept.len(), needed }),
                // Too few are left to say that the last one is off.
                Some(last) => kept.extend(falls.iter().filter(|f| last.labels.contains(&f.label))),
            }
            return Ok(score(Smooth::of(&kept), &kept, off, places, falls));
        }
        let mut standings = smooth.standings(&kept, places);
        standings.sort_by(|a, b| b.t.abs().total_cmp(&a.t.abs()));
        match standings.into_iter().next().filter(Standing::counts) {
            Some(worst) => {
                kept.retain(|fall| !worst.labels.contains(&fall.label));
                off.push(Standing { is_off: true, ..worst });
            }
            None => return Ok(score(smooth, &kept, off, places, falls)),
        }
    }
}

fn score(
    smooth: Smooth,
    kept: &[&Fall],
    off: Vec<Standing>,
    places: usize,
    falls: &[Fall],
) -> Collapse {
    let mut rest = smooth.standings(kept, places);
    rest.sort_by(|a, b| b.shift.abs().total_cmp(&a.shift.abs()));
    Collapse {
        spread: (smooth.squares / smooth.spare()).sqrt(),
        noise: noise_floor(falls.iter().map(|fall| (fall.place.as_str(), fall.fall.ln()))),
        rows: falls.len(),
        places: off.into_iter().chain(rest).collect(),
    }
}

fn count(falls: &[&Fall]) -> usize {
    let mut all: Vec<&str> = falls.iter().map(|fall| fall.place.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

/// A polynomial of second degree in ln N and ln D through ln(fall), as far as the rows tell its terms.
struct Smooth {
    /// Orthonormal regressors.
    columns: Vec<Vec<f64>>,
    residuals: Vec<f64>,
    /// Sum of the squares of the residuals.
    squares: f64,
}

impl Smooth {
    fn of(falls: &[&Fall]) -> Smooth {
        let logs = |of: fn(&Fall) -> f64| {
            let logs: Vec<f64> = falls.iter().map(|fall| of(fall).ln()).collect();
            let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
            logs.into_iter().map(|log| log - mean).collect::<Vec<f64>>()
        };
        let (n, d) = (logs(|fall| fall.n), logs(|fall| fall.d));
        let terms: [fn(f64, f64) -> f64; 6] =
            [|_, _| 1.0, |n, _| n, |_, d| d, |n, _| n * n, |n, d| n * d, |_, d| d * d];
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for term in terms {
            let column: Vec<f64> = n.iter().zip(&d).map(|(n, d)| term(*n, *d)).collect();
            let length = dot(&column, &column).sqrt();
            let rest = beside(&beside(&column, &columns), &columns);
            let left = dot(&rest, &rest).sqrt();
            if left > APART * length {
                columns.push(rest.iter().map(|x| x / left).collect());
            }
        }
        let y: Vec<f64> = falls.iter().map(|fall| fall.fall.ln()).collect();
        let residuals = beside(&y, &columns);
        let squares = dot(&residuals, &residuals);
        Smooth { columns, residuals, squares }
    }

    fn spare(&self) -> f64 {
        self.residuals.len() as f64 - self.columns.len() as f64
    }

    /// Every place that the others tell something of: its shift beside them, and Student's t of it.
    fn standings(&self, falls: &[&Fall], places: usize) -> Vec<Standing> {
        let mut seen: Vec<&str> = Vec::new();
        let mut all = Vec::new();
        for fall in falls {
            if seen.contains(&fall.place.as_str()) {
                continue;
            }
            seen.push(&fall.place);
            let own = |other: &Fall| other.place == fall.place;
            let mark: Vec<f64> =
                falls.iter().map(|other| f64::from(u8::from(own(other)))).collect();
            let rest = beside(&mark, &self.columns);
            let told = dot(&rest, &rest);
            let freedom = self.spare() - 1.0;
            if told < APART * dot(&mark, &mark) || freedom < 1.0 {
                continue;
            }
            let shift = dot(&rest, &self.residuals) / told;
            let left = (self.squares - shift * shift * told).max(0.0);
            let t = shift / (left / freedom / told).sqrt();
            let student = StudentsT::new(0.0, 1.0, freedom).expect("degrees are positive");
            let chance = 2.0 * places as f64 * student.cdf(-t.abs());
            let labels = falls.iter().filter(|other| own(other)).map(|other| other.label.clone());
            all.push(Standing {
                labels: labels.collect(),
                n: fall.n,
                d: fall.d,
                shift,
                t,
                chance: chance.min(1.0),
                is_off: false,
            });
        }
        all
    }
}

/// What is left of a column beside orthonormal others.
fn beside(column: &[f64], others: &[Vec<f64>]) -> Vec<f64> {
    let mut left = column.to_vec();
    for other in others {
        let share = dot(&left, other);
        left.iter_mut().zip(other).for_each(|(x, o)| *x -= share * o);
    }
    left
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
