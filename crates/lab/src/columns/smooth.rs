//! Whether losses run smoothly along D and roughly along N, as checkpoints of one run a size do.

use isoflop_fit::Point;
use std::collections::BTreeMap;

/// Rows along a line that tell its roughness.
const FEWEST: usize = 5;
/// Roughness along D over that along N below which rows of one size are hardly runs of their own.
const SMOOTH: f64 = 0.4;

/// A sentence where each of some sizes has many token counts.
pub(super) fn smooth_along_tokens(points: &[Point]) -> Option<String> {
    let lines = lines(points, |point| point.n, |point| point.d);
    let (long, all) = (lines.iter().filter(|line| line.len() >= FEWEST).count(), lines.len());
    if all < 2 || 2 * long <= all {
        return None;
    }
    let along = roughness(&lines, &THIRD)?;
    let of_tokens = self::lines(points, |point| point.d, |point| point.n);
    let across = roughness(&of_tokens, &THIRD)?;
    // The bend of a law shrinks with every difference taken, and noise does not.
    let is_noise = roughness(&of_tokens, &FOURTH)? > across / 2.0;
    (is_noise && along < SMOOTH * across).then(|| {
        format!(
            "{long} sizes have {FEWEST} token counts or more, and losses are {:.0} times smoother along D than along N, as those of checkpoints are: if rows of a size are one run, group them with --unit and the column of N, or fit the last with --last",
            across / along
        )
    })
}

/// ln L in ascending order of one coordinate, for each value of another.
fn lines(
    points: &[Point],
    of: impl Fn(&Point) -> Option<f64>,
    along: impl Fn(&Point) -> Option<f64>,
) -> Vec<Vec<f64>> {
    let mut lines: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for point in points {
        if let (Some(of), Some(along)) = (of(point), along(point)) {
            let line = lines.entry(of.to_bits()).or_default();
            line.push((along, point.loss.ln()));
        }
    }
    let mut lines: Vec<Vec<(f64, f64)>> = lines.into_values().collect();
    for line in &mut lines {
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let losses = |line: Vec<(f64, f64)>| line.into_iter().map(|(_, loss)| loss).collect();
    lines.into_iter().map(losses).collect()
}

/// Third and fourth differences.
const THIRD: [f64; 4] = [-1.0, 3.0, -3.0, 1.0];
const FOURTH: [f64; 5] = [1.0, -4.0, 6.0, -4.0, 1.0];

/// Root mean square of differences, which a smooth curve hardly has, as the standard deviation of noise.
fn roughness(lines: &[Vec<f64>], differences: &[f64]) -> Option<f64> {
    let one = |window: &[f64]| -> f64 { window.iter().zip(differences).map(|(x, c)| x * c).sum() };
    let windows = lines.iter().flat_map(|line| line.windows(differences.len()));
    let found: Vec<f64> = windows.map(one).collect();
    let squares: f64 = found.iter().map(|x| x * x).sum();
    let scale: f64 = differences.iter().map(|c| c * c).sum::<f64>() * found.len() as f64;
    (found.len() >= FEWEST && squares > 0.0).then(|| (squares / scale).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(noise: impl Fn(usize, usize) -> f64) -> Vec<Point> {
        let mut points = Vec::new();
        for i in 0..6 {
            for j in 0..8 {
                let (n, d) = (2e7 * 2.5f64.powi(i), 3e8 * 1.8f64.powi(j));
                let loss = 1.7 + 400.0 * n.powf(-0.34) + 1500.0 * d.powf(-0.36);
                let off = noise(i as usize, j as usize);
                let mut point = Point::new("a", loss * (1.0 + off));
                (point.n, point.d) = (Some(n), Some(d));
                points.push(point);
            }
        }
        points
    }

    /// Values of mean nought and a size of 0.01 that follow no pattern.
    fn draw(k: usize) -> f64 {
        0.02 * ((k * 7919 + 13) % 101) as f64 / 100.0 - 0.01
    }

    #[test]
    fn one_offset_a_run_is_told_from_one_a_row_and_from_none() {
        let of_run = smooth_along_tokens(&grid(|i, _| draw(i)));
        assert!(of_run.is_some_and(|text| text.contains("times smoother along D")));
        assert_eq!(smooth_along_tokens(&grid(|i, j| draw(8 * i + 3 * j * j))), None);
        assert_eq!(smooth_along_tokens(&grid(|_, _| 0.0)), None);
    }
}
