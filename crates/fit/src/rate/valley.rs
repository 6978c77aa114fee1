//! A valley: losses over the logarithm of a setting, each about a level of its own, that rise with the square
//! of the distance from a floor, by one wall below it and another above. The floor's place is linear in
//! logarithms of other quantities, which makes it a power law.

use crate::engine::linalg::solve_dense;
use rayon::prelude::*;

/// One loss.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Number of the level that the loss stands on, which others share.
    pub(super) level: usize,
    /// Logarithm of the setting.
    pub(super) x: f64,
    /// What the floor's place is linear in; the first is 1.
    pub(super) z: Vec<f64>,
    /// Centred logarithms of what walls may get steeper with.
    pub(super) tilts: Vec<f64>,
    /// The loss.
    pub(super) loss: f64,
    /// Number of the unit that a jackknife leaves out.
    pub(super) unit: usize,
}

/// A fitted valley.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Valley {
    /// Coefficients of the floor's place.
    pub(super) place: Vec<f64>,
    /// Nats for each squared e-fold below the floor and above it, where the tilts are zero.
    pub(super) walls: [f64; 2],
    /// Powers with which the wall below and the one above get steeper, one for each tilt.
    pub(super) steeper: [Vec<f64>; 2],
    /// Standard deviation of the losses about it, for the numbers spent.
    pub(super) spread: f64,
}

const STEPS: usize = 80;
/// Walls between these logarithms: beyond them a valley is no valley.
const WALLS: (f64, f64) = (-14.0, 5.0);
/// Largest power with which a wall may get steeper.
const STEEPEST: f64 = 3.0;

impl Valley {
    /// Where the floor is.
    pub(super) fn floor(&self, z: &[f64]) -> f64 {
        self.place.iter().zip(z).map(|(of, z)| of * z).sum()
    }

    /// The rise above the floor at a distance from it.
    pub(super) fn rise(&self, off: f64, tilts: &[f64]) -> f64 {
        let side = usize::from(off > 0.0);
        let steeper = self.steeper[side].iter().zip(tilts).map(|(power, tilt)| power * tilt);
        self.walls[side] * steeper.sum::<f64>().exp() * off * off
    }

    /// The level of each number, by the mean over its losses; none where it has no loss.
    pub(super) fn levels(&self, samples: &[Sample]) -> Vec<Option<f64>> {
        let count = samples.iter().map(|sample| sample.level + 1).max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0); count];
        for sample in samples {
            let rise = self.rise(sample.x - self.floor(&sample.z), &sample.tilts);
            sums[sample.level].0 += sample.loss - rise;
            sums[sample.level].1 += 1.0;
        }
        sums.into_iter().map(|(sum, count)| (count > 0.0).then(|| sum / count)).collect()
    }

    /// Schwarz's criterion: the lower the better.
    pub(super) fn criterion(&self, samples: &[Sample]) -> f64 {
        let squares: f64 = residuals(samples, self).0.iter().map(|rest| rest * rest).sum();
        let (count, spent) = (samples.len() as f64, self.parameters().len() as f64);
        // Squares at the rounding of losses are as good as none.
        count * (squares / count).max(1e-20).ln() + spent * count.ln()
    }

    /// All parameters in one row: places, walls, powers of the wall below, powers of the one above.
    fn parameters(&self) -> Vec<f64> {
        let walls = self.walls.map(f64::ln);
        let steeper = self.steeper.iter().flatten().copied();
        self.place.iter().copied().chain(walls).chain(steeper).collect()
    }

    fn of(parameters: &[f64], places: usize) -> Self {
        let walls = [0, 1].map(|side| parameters[places + side].clamp(WALLS.0, WALLS.1).exp());
        let steeper = &parameters[places + 2..];
        let (below, above) = steeper.split_at(steeper.len() / 2);
        let steeper = [below, above]
            .map(|powers| powers.iter().map(|power| power.clamp(-STEEPEST, STEEPEST)).collect());
        Valley { place: parameters[..places].to_vec(), walls, steeper, spread: 0.0 }
    }
}

/// The valley through samples by least squares, begun at `start` (Levenberg-Marquardt; levels are eliminated).
/// None where the samples have no freedom left, or none that opens upwards on both sides.
pub(super) fn fit(samples: &[Sample], start: &Valley) -> Option<Valley> {
    let places = start.place.len();
    let mut at = start.parameters();
    let (mut rest, mut slopes) = residuals(samples, &Valley::of(&at, places));
    let squares = |rest: &[f64]| rest.iter().map(|r| r * r).sum::<f64>();
    let mut best = squares(&rest);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let Some(step) = step(&slopes, &rest, damping) else {
            damping *= 10.0;
            if damping > 1e9 {
                break;
            }
            continue;
        };
        let next: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + step).collect();
        let (next_rest, next_slopes) = residuals(samples, &Valley::of(&next, places));
        let found = squares(&next_rest);
        if !(found.is_finite() && found <= best) {
            damping *= 4.0;
            if damping > 1e9 {
                break;
            }
            continue;
        }
        let gain = best - found;
        (at, rest, slopes, best) = (next, next_rest, next_slopes, found);
        damping = (damping / 5.0).max(1e-12);
        let moved = step.iter().map(|step| step.abs()).fold(0.0, f64::max);
        if moved < 1e-10 || gain <= 1e-14 * best {
            break;
        }
    }
    let mut levels: Vec<usize> = samples.iter().map(|sample| sample.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let freedom = samples.len().checked_sub(at.len() + levels.len()).filter(|free| *free > 0)?;
    let mut valley = Valley::of(&at, places);
    valley.spread = (best / freedom as f64).sqrt();
    let open = valley.walls.iter().all(|wall| wall.ln() > WALLS.0 + 1.0);
    (open && valley.place.iter().all(|of| of.is_finite())).then_some(valley)
}

/// The step of damped least squares; none where its system cannot be solved.
fn step(slopes: &[Vec<f64>], rest: &[f64], damping: f64) -> Option<Vec<f64>> {
    let size = slopes.first()?.len();
    let mut gram = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    for (slope, rest) in slopes.iter().zip(rest) {
        for i in 0..size {
            right[i] += slope[i] * rest;
            for j in 0..size {
                gram[i][j] += slope[i] * slope[j];
            }
        }
    }
    for (i, row) in gram.iter_mut().enumerate() {
        row[i] += damping * row[i].max(1e-12);
    }
    solve_dense(&gram, &right).filter(|step| step.iter().all(|step| step.is_finite()))
}

/// What is left of each loss about its level, and its slopes along the parameters.
fn residuals(samples: &[Sample], valley: &Valley) -> (Vec<f64>, Vec<Vec<f64>>) {
    let places = valley.place.len();
    let tilts = valley.steeper[0].len();
    let size = places + 2 + 2 * tilts;
    let count = samples.iter().map(|sample| sample.level + 1).max().unwrap_or(0);
    let mut means = vec![(0.0, vec![0.0; size], 0.0); count];
    let mut rows: Vec<(f64, Vec<f64>)> = Vec::with_capacity(samples.len());
    for sample in samples {
        let off = sample.x - valley.floor(&sample.z);
        let rise = valley.rise(off, &sample.tilts);
        let side = usize::from(off > 0.0);
        let mut slope = vec![0.0; size];
        if off != 0.0 {
            for (slope, z) in slope.iter_mut().zip(&sample.z) {
                *slope = -2.0 * rise / off * z;
            }
        }
        slope[places + side] = rise;
        let own = places + 2 + side * tilts;
        slope[own..own + tilts]
            .iter_mut()
            .zip(&sample.tilts)
            .for_each(|(slope, tilt)| *slope = rise * tilt);
        let mean = &mut means[sample.level];
        mean.0 += sample.loss - rise;
        mean.1.iter_mut().zip(&slope).for_each(|(sum, slope)| *sum += slope);
        mean.2 += 1.0;
        rows.push((sample.loss - rise, slope));
    }
    for (sample, row) in samples.iter().zip(&mut rows) {
        let (loss, slope, count) = &means[sample.level];
        row.0 -= loss / count;
        row.1.iter_mut().zip(slope).for_each(|(own, sum)| *own -= sum / count);
    }
    rows.into_iter().unzip()
}

/// Places of the floor when each unit is left out in turn; none where one of the fits fails.
pub(super) fn left_out(samples: &[Sample], valley: &Valley) -> Option<Vec<Vec<f64>>> {
    let mut units: Vec<usize> = samples.iter().map(|sample| sample.unit).collect();
    units.sort_unstable();
    units.dedup();
    let without = |unit: &usize| {
        let kept = samples.iter().filter(|sample| sample.unit != *unit).cloned();
        Some(fit(&kept.collect::<Vec<_>>(), valley)?.place)
    };
    units.par_iter().map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start(place: Vec<f64>, tilts: usize) -> Valley {
        let steeper = [vec![0.0; tilts], vec![0.0; tilts]];
        Valley { place, walls: [0.05, 0.05], steeper, spread: 0.0 }
    }

    /// Losses at five settings of each of six floors, from a valley.
    fn samples(truth: &Valley) -> Vec<Sample> {
        let mut samples = Vec::new();
        for level in 0..6 {
            let z = vec![1.0, level as f64 / 2.0 - 1.25];
            for setting in -2..=2 {
                let (x, tilts) = (f64::from(setting) * 0.7, vec![z[1] * 0.8]);
                let rise = truth.rise(x - truth.floor(&z), &tilts);
                let loss = 2.0 + 0.1 * level as f64 + rise;
                samples.push(Sample { level, x, z: z.clone(), tilts, loss, unit: level });
            }
        }
        samples
    }

    proptest! {
        #[test]
        fn a_valley_is_recovered_from_its_own_losses(
            at in -0.5..0.5f64, slope in -0.5..0.5f64, below in 0.02..0.2f64, above in 0.02..0.2f64,
            left in -0.6..0.6f64, right in -0.6..0.6f64,
        ) {
            let truth = Valley {
                place: vec![at, slope],
                walls: [below, above],
                steeper: [vec![left], vec![right]],
                spread: 0.0,
            };
            let found = fit(&samples(&truth), &start(vec![0.0, 0.0], 1)).unwrap();
            prop_assert!((found.place[0] - at).abs() < 1e-4 && (found.place[1] - slope).abs() < 1e-4, "{:?}", found);
            prop_assert!((found.walls[0] / below - 1.0).abs() < 1e-2 && found.spread < 1e-5, "{:?}", found);
            let levels = found.levels(&samples(&truth));
            prop_assert!((levels[3].unwrap() - 2.3).abs() < 1e-4);
        }
    }

    #[test]
    fn losses_that_only_fall_have_no_valley() {
        let falling = (0..4).flat_map(|level| {
            (0..5).map(move |k| {
                let x = f64::from(k);
                let loss = 3.0 - 0.1 * x;
                Sample { level, x, z: vec![1.0], tilts: Vec::new(), loss, unit: level }
            })
        });
        let found = fit(&falling.collect::<Vec<_>>(), &start(vec![2.0], 0));
        assert!(found.is_none_or(|valley| valley.place[0] > 4.0), "a floor inside");
    }
}
