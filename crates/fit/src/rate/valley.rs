//! A valley: losses over the logarithm of a setting, each about a level of its own, that rise with the square
//! of the distance from a floor, or with another power of it, by one wall below it and another above. The floor's
//! place is linear in logarithms of other quantities, which makes it a power law.

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
    /// Number of the cell, whose losses err in common where its floor is off the law.
    pub(super) cell: usize,
    /// Number of the trunk, whose branches err in common.
    pub(super) trunk: usize,
}

/// What of the walls is fitted besides their height. Both get steeper with the same powers and rise with the same
/// power of the distance: where each has its own, a floor between a flat wall and a steep one has no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// Whether the two walls have heights of their own.
    pub(super) is_uneven: bool,
    /// Whether the power of the distance is fitted, and not 2.
    pub(super) is_bent: bool,
}

/// A fitted valley.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Valley {
    /// Coefficients of the floor's place.
    pub(super) place: Vec<f64>,
    /// Nats at an e-fold below the floor and above it, where the tilts are zero.
    pub(super) walls: [f64; 2],
    /// Powers with which walls get steeper, one for each tilt.
    pub(super) steeper: Vec<f64>,
    /// Power of the distance with which walls rise.
    pub(super) bend: f64,
    /// What of this is fitted.
    pub(super) kind: Kind,
    /// Standard deviation of the losses about it, for the numbers spent.
    pub(super) spread: f64,
}

const STEPS: usize = 80;
/// Walls between these logarithms: beyond them a valley is no valley.
const WALLS: (f64, f64) = (-14.0, 5.0);
/// Powers of the distance with which walls may rise: beyond, the floor is a corner or a plain.
const BENDS: (f64, f64) = (1.3, 3.0);
/// Largest power with which a wall may get steeper.
const STEEPEST: f64 = 3.0;

impl Valley {
    /// Where the floor is.
    pub(super) fn floor(&self, z: &[f64]) -> f64 {
        self.place.iter().zip(z).map(|(of, z)| of * z).sum()
    }

    /// The rise above the floor at a distance from it.
    pub(super) fn rise(&self, off: f64, tilts: &[f64]) -> f64 {
        let steeper = self.steeper.iter().zip(tilts).map(|(power, tilt)| power * tilt);
        let wall = self.walls[usize::from(off > 0.0)];
        wall * steeper.sum::<f64>().exp() * off.abs().powf(self.bend)
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
        criterion(squares, samples.len(), self.parameters().len())
    }

    /// All parameters in one row: places, walls, powers of the walls, bend.
    fn parameters(&self) -> Vec<f64> {
        let walls = self.walls[..self.kind.walls()].iter().map(|wall| wall.ln());
        let bend = self.kind.is_bent.then_some(self.bend);
        let place = self.place.iter().copied();
        place.chain(walls).chain(self.steeper.iter().copied()).chain(bend).collect()
    }

    /// The valley of these parameters, of the kind of this one.
    fn with(&self, parameters: &[f64]) -> Self {
        let (place, rest) = parameters.split_at(self.place.len());
        let (walls, rest) = rest.split_at(self.kind.walls());
        let (steeper, bend) = rest.split_at(self.steeper.len());
        let wall = |side: usize| walls[side.min(walls.len() - 1)].clamp(WALLS.0, WALLS.1).exp();
        Valley {
            place: place.to_vec(),
            walls: [wall(0), wall(1)],
            steeper: steeper.iter().map(|power| power.clamp(-STEEPEST, STEEPEST)).collect(),
            bend: bend.first().map_or(2.0, |bend| bend.clamp(BENDS.0, BENDS.1)),
            kind: self.kind,
            spread: 0.0,
        }
    }
}

impl Kind {
    /// Heights of walls that are fitted.
    fn walls(self) -> usize {
        1 + usize::from(self.is_uneven)
    }
}

/// The valley through samples by least squares, begun at `start` (Levenberg-Marquardt; levels are eliminated).
/// None where the samples have no freedom left, or none that opens upwards on both sides.
pub(super) fn fit(samples: &[Sample], start: &Valley) -> Option<Valley> {
    let mut at = start.parameters();
    let (mut rest, mut slopes) = residuals(samples, &start.with(&at));
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
        let (next_rest, next_slopes) = residuals(samples, &start.with(&next));
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
    let mut valley = start.with(&at);
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
    let rows: Vec<Row> = samples.iter().map(|sample| row(sample, valley)).collect();
    about_levels(samples, &rows, |_| true).into_iter().unzip()
}

/// A loss less its rise, and the slopes of that rise along the parameters.
type Row = (f64, Vec<f64>);

fn row(sample: &Sample, valley: &Valley) -> Row {
    let off = sample.x - valley.floor(&sample.z);
    let rise = valley.rise(off, &sample.tilts);
    let is_off = off != 0.0;
    let along = if is_off { -valley.bend * rise / off } else { 0.0 };
    let mut slope: Vec<f64> = sample.z.iter().map(|z| along * z).collect();
    match valley.kind.is_uneven {
        true => slope.extend([off <= 0.0, off > 0.0].map(|own| if own { rise } else { 0.0 })),
        false => slope.push(rise),
    }
    slope.extend(sample.tilts.iter().map(|tilt| rise * tilt));
    if valley.kind.is_bent {
        slope.push(if is_off { rise * off.abs().ln() } else { 0.0 });
    }
    (sample.loss - rise, slope)
}

/// The rows of the samples that are kept, each less the mean over those of its level.
fn about_levels(samples: &[Sample], rows: &[Row], kept: impl Fn(&Sample) -> bool) -> Vec<Row> {
    let size = rows.first().map_or(0, |row| row.1.len());
    let count = samples.iter().map(|sample| sample.level + 1).max().unwrap_or(0);
    let mut sums = vec![(0.0, vec![0.0; size], 0.0); count];
    let of = || samples.iter().zip(rows).filter(|(sample, _)| kept(sample));
    for (sample, (rest, slope)) in of() {
        let sum = &mut sums[sample.level];
        sum.0 += rest;
        sum.1.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
        sum.2 += 1.0;
    }
    of().map(|(sample, (rest, slope))| {
        let (loss, mean, count) = &sums[sample.level];
        let slope = slope.iter().zip(mean).map(|(own, sum)| own - sum / count);
        (rest - loss / count, slope.collect())
    })
    .collect()
}

/// Places of the floor when each unit is left out in turn, by one step of Gauss and Newton from the fit of all;
/// none where a step cannot be taken.
pub(super) fn left_out(
    samples: &[Sample],
    valley: &Valley,
    unit: impl Fn(&Sample) -> usize + Sync,
) -> Option<Vec<Vec<f64>>> {
    let rows: Vec<Row> = samples.iter().map(|sample| row(sample, valley)).collect();
    let mut units: Vec<usize> = samples.iter().map(&unit).collect();
    units.sort_unstable();
    units.dedup();
    let without = |left: &usize| {
        let kept = about_levels(samples, &rows, |sample| unit(sample) != *left);
        let (rest, slopes): (Vec<f64>, Vec<Vec<f64>>) = kept.into_iter().unzip();
        let step = step(&slopes, &rest, 1e-9)?;
        Some(valley.place.iter().zip(step).map(|(of, step)| of + step).collect())
    };
    units.par_iter().map(without).collect()
}

/// Schwarz's criterion of losses that only rise or only fall with the setting, or do neither, by one straight line.
pub(super) fn straight(samples: &[Sample]) -> f64 {
    let rows: Vec<Row> = samples.iter().map(|sample| (sample.loss, vec![sample.x])).collect();
    let rows = about_levels(samples, &rows, |_| true);
    let product = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>();
    let (xx, xy, yy) =
        (product(|r| r.1[0] * r.1[0]), product(|r| r.1[0] * r.0), product(|r| r.0 * r.0));
    let left = if xx > 0.0 { yy - xy * xy / xx } else { yy };
    criterion(left, rows.len(), 1)
}

/// Schwarz's criterion of a sum of squares.
fn criterion(squares: f64, rows: usize, spent: usize) -> f64 {
    let count = rows as f64;
    // Squares at the rounding of losses are as good as none.
    count * (squares / count).max(1e-20).ln() + spent as f64 * count.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start(place: Vec<f64>, tilts: usize) -> Valley {
        let kind = Kind { is_uneven: true, is_bent: false };
        Valley { place, walls: [0.05; 2], steeper: vec![0.0; tilts], bend: 2.0, kind, spread: 0.0 }
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
                samples.push(Sample { level, x, z: z.clone(), tilts, loss, cell: level, trunk: 0 });
            }
        }
        samples
    }

    proptest! {
        #[test]
        fn a_valley_is_recovered_from_its_own_losses(
            at in -0.5..0.5f64, slope in -0.5..0.5f64, below in 0.02..0.2f64, above in 0.02..0.2f64,
            steeper in -0.6..0.6f64,
        ) {
            let truth = Valley {
                place: vec![at, slope],
                walls: [below, above],
                steeper: vec![steeper],
                ..start(Vec::new(), 0)
            };
            let found = fit(&samples(&truth), &start(vec![0.0, 0.0], 1)).unwrap();
            prop_assert!((found.place[0] - at).abs() < 1e-4 && (found.place[1] - slope).abs() < 1e-4, "{:?}", found);
            prop_assert!((found.walls[0] / below - 1.0).abs() < 1e-2 && found.spread < 1e-5, "{:?}", found);
            let levels = found.levels(&samples(&truth));
            prop_assert!((levels[3].unwrap() - 2.3).abs() < 1e-4);
        }
    }

    #[test]
    fn walls_of_another_power_are_recovered() {
        let truth = Valley { place: vec![0.2, 0.3], bend: 1.5, ..start(Vec::new(), 0) };
        let mut samples = samples(&truth);
        samples.iter_mut().for_each(|sample| sample.tilts.clear());
        let parabola = start(vec![0.1, 0.2], 0);
        let bent = Valley { kind: Kind { is_uneven: true, is_bent: true }, ..parabola.clone() };
        let found = fit(&samples, &bent).unwrap();
        assert!(
            (found.place[0] - 0.2).abs() < 0.02 && (found.place[1] - 0.3).abs() < 0.02,
            "{found:?}"
        );
        assert!((found.bend - 1.5).abs() < 0.1, "{found:?}");
        let of_parabola = fit(&samples, &parabola).unwrap().criterion(&samples);
        assert!(found.criterion(&samples) < of_parabola && of_parabola < straight(&samples));
    }

    #[test]
    fn a_step_without_the_cell_that_is_off_leads_back_to_the_truth() {
        let truth = start(vec![0.2, 0.3], 0);
        let mut samples = samples(&truth);
        samples.iter_mut().for_each(|sample| sample.tilts.clear());
        // The second cell, at twice the setting in the midst.
        samples[8].loss += 0.01;
        let all = fit(&samples, &truth).unwrap();
        let without = left_out(&samples, &all, |sample| sample.cell).unwrap();
        let off = (all.place[0] - 0.2).abs();
        assert!(off > 1e-3 && (without[1][0] - 0.2).abs() < 0.3 * off, "{all:?} {without:?}");
        assert!(
            without
                .iter()
                .enumerate()
                .all(|(k, place)| k == 1 || (place[0] - 0.2).abs() > 0.3 * off)
        );
    }

    #[test]
    fn losses_that_only_fall_have_no_valley() {
        let falling = (0..4).flat_map(|level| {
            (0..5).map(move |k| {
                let x = f64::from(k);
                let loss = 3.0 - 0.1 * x;
                Sample { level, x, z: vec![1.0], tilts: Vec::new(), loss, cell: level, trunk: 0 }
            })
        });
        let found = fit(&falling.collect::<Vec<_>>(), &start(vec![2.0], 0));
        assert!(found.is_none_or(|valley| valley.place[0] > 4.0), "a floor inside");
    }
}
