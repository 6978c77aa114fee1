//! Where losses over a setting are lowest, and whether that is inside the settings tried.

use crate::output::Edge;
use crate::parabola::fit_parabola;

/// Losses further above the lowest (nats) are no part of a parabola: the curve is not one out there.
pub(super) const NEAR: f64 = 0.2;

/// Where losses are lowest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lowest {
    /// Inside, at this logarithm of the setting.
    Inside {
        /// Logarithm of the setting at the bottom.
        at: f64,
        /// Loss at the bottom.
        loss: f64,
        /// Standard error of `at` for each nat of noise of a loss.
        per_nat: f64,
    },
    /// The lowest setting, or the highest, has the lowest loss, or the bottom lies beyond it.
    At(Edge),
    /// The losses have no bottom: the parabola opens downwards.
    Nowhere,
    /// Fewer than three settings.
    Few,
}

/// The mean loss of each setting, ascending; `points` are (ln setting, loss).
pub(super) fn means(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut means: Vec<(f64, f64, f64)> = Vec::new();
    for (x, loss) in sorted {
        match means.last_mut() {
            Some((last, sum, count)) if (x - *last).abs() < 1e-6 => {
                *sum += loss;
                *count += 1.0;
            }
            _ => means.push((x, loss, 1.0)),
        }
    }
    means.into_iter().map(|(x, sum, count)| (x, sum / count)).collect()
}

/// The losses that a curve goes through: those of settings whose mean is near the lowest mean.
pub(super) fn near(points: &[(f64, f64)]) -> Vec<bool> {
    let means = means(points);
    let least = means.iter().map(|mean| mean.1).fold(f64::INFINITY, f64::min);
    let is_near = |x: f64| means.iter().any(|m| (m.0 - x).abs() < 1e-6 && m.1 <= least + NEAR);
    points.iter().map(|point| is_near(point.0)).collect()
}

/// Where the losses are lowest.
pub(super) fn lowest(points: &[(f64, f64)]) -> Lowest {
    let all = means(points);
    if all.len() < 3 {
        return Lowest::Few;
    }
    let best = (0..all.len()).min_by(|a, b| all[*a].1.total_cmp(&all[*b].1)).unwrap_or(0);
    if best == 0 {
        return Lowest::At(Edge::Low);
    }
    if best + 1 == all.len() {
        return Lowest::At(Edge::High);
    }
    let kept = near(points);
    let mut chosen: Vec<(f64, f64)> =
        points.iter().zip(&kept).filter(|(_, near)| **near).map(|(point, _)| *point).collect();
    // Walls so steep that fewer than three settings are near still hold the bottom between them.
    if means(&chosen).len() < 3 {
        let neighbours = &all[best - 1..=best + 1];
        chosen = points
            .iter()
            .filter(|p| neighbours.iter().any(|n| (n.0 - p.0).abs() < 1e-6))
            .copied()
            .collect();
    }
    let (xs, losses): (Vec<f64>, Vec<f64>) = chosen.iter().copied().unzip();
    let Some(parabola) = fit_parabola(&xs, &losses) else { return Lowest::Few };
    let Some((at, loss)) = parabola.bottom() else { return Lowest::Nowhere };
    if at <= all[0].0 {
        return Lowest::At(Edge::Low);
    }
    if at >= all[all.len() - 1].0 {
        return Lowest::At(Edge::High);
    }
    Lowest::Inside { at, loss, per_nat: error_per_nat(&xs, parabola.centre, parabola.c) }
}

/// Standard error of a parabola's bottom for one nat of independent noise: the delta method on
/// `-c1 / (2 c2)`.
fn error_per_nat(xs: &[f64], centre: f64, [_, c1, c2]: [f64; 3]) -> f64 {
    // With P the orthogonal rest of each column, cov(c1, c2) follows from the inverse of its Gram matrix.
    let us: Vec<f64> = xs.iter().map(|x| x - centre).collect();
    let count = us.len() as f64;
    let mean = |power: i32| us.iter().map(|u| u.powi(power)).sum::<f64>() / count;
    let (m1, m2) = (mean(1), mean(2));
    let product = |a: &dyn Fn(f64) -> f64, b: &dyn Fn(f64) -> f64| -> f64 {
        us.iter().map(|u| a(*u) * b(*u)).sum()
    };
    let (first, second) = (|u: f64| u - m1, |u: f64| u * u - m2);
    let (g11, g12, g22) =
        (product(&first, &first), product(&first, &second), product(&second, &second));
    let determinant = g11 * g22 - g12 * g12;
    let (d1, d2) = (-1.0 / (2.0 * c2), c1 / (2.0 * c2 * c2));
    ((d1 * d1 * g22 - 2.0 * d1 * d2 * g12 + d2 * d2 * g11) / determinant).max(0.0).sqrt()
}

/// The loss at a setting, by a cubic in its logarithm through the four nearest settings (a parabola through
/// three); none outside of them.
pub(super) fn loss_at(points: &[(f64, f64)], x: f64) -> Option<f64> {
    const HAIR: f64 = 1e-9;
    let all = means(points);
    let (first, last) = (all.first()?.0, all.last()?.0);
    if all.len() < 3 || !(first - HAIR..=last + HAIR).contains(&x) {
        return None;
    }
    let above = all.iter().position(|point| point.0 > x).unwrap_or(all.len() - 1);
    let count = all.len().min(4);
    let from = above.saturating_sub(2).min(all.len() - count);
    let nodes = &all[from..from + count];
    let weight = |i: usize| {
        let others = (0..count).filter(|j| *j != i);
        others.map(|j| (x - nodes[j].0) / (nodes[i].0 - nodes[j].0)).product::<f64>()
    };
    Some((0..count).map(|i| weight(i) * nodes[i].1).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parabola(bottom: f64, bend: f64) -> Vec<(f64, f64)> {
        (-2..=2)
            .map(|k| f64::from(k) * 0.7)
            .map(|x| (x, 2.0 + bend * (x - bottom).powi(2)))
            .collect()
    }

    #[test]
    fn the_bottom_of_a_parabola_is_found_with_the_error_of_the_delta_method() {
        let points = parabola(0.2, 0.1);
        let Lowest::Inside { at, loss, per_nat } = lowest(&points) else { panic!() };
        assert!((at - 0.2).abs() < 1e-9 && (loss - 2.0).abs() < 1e-9);
        // By finite differences: the bottom is a function of five losses.
        let moved = |k: usize| {
            let mut points = points.clone();
            points[k].1 += 1e-6;
            match lowest(&points) {
                Lowest::Inside { at: moved, .. } => ((moved - at) / 1e-6).powi(2),
                other => panic!("{other:?}"),
            }
        };
        let by_differences = (0..5).map(moved).sum::<f64>().sqrt();
        assert!((per_nat / by_differences - 1.0).abs() < 1e-3, "{per_nat} {by_differences}");
    }

    #[test]
    fn a_lowest_loss_at_an_end_is_no_bottom() {
        assert_eq!(lowest(&parabola(1.5, 0.1)), Lowest::At(Edge::High));
        assert_eq!(lowest(&parabola(-2.0, 0.1)), Lowest::At(Edge::Low));
        assert_eq!(lowest(&parabola(0.1, 0.1)[1..3]), Lowest::Few);
        // Inside by a hair of noise, while the curve falls on.
        let falling = [(0.0, 2.75), (0.7, 2.7), (1.4, 2.65), (2.1, 2.6), (2.8, 2.6005)];
        assert_eq!(lowest(&falling), Lowest::At(Edge::High));
    }

    #[test]
    fn a_cubic_is_interpolated_exactly_and_nothing_is_told_outside() {
        let cubic = |x: f64| 2.0 + x * x - 0.3 * x * x * x;
        let points: Vec<(f64, f64)> = (0..6).map(f64::from).map(|x| (x, cubic(x))).collect();
        for x in [0.0, 0.4, 2.5, 4.9, 5.0] {
            assert!((loss_at(&points, x).unwrap() - cubic(x)).abs() < 1e-9);
        }
        assert_eq!(loss_at(&points, -0.1), None);
        assert_eq!(loss_at(&points, 5.1), None);
    }
}
