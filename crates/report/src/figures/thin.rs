//! Fewer points of a learning curve where nobody could see the difference.

/// Most points of one curve.
const MOST: usize = 120;
/// Most points of all curves of a panel together: enough for the eye, few enough for a page of 2 MB.
const OF_ALL: usize = 12_000;
/// Fewest points of a curve, however many curves there are.
const LEAST: usize = 16;

/// Most points of each of so many curves.
pub(crate) fn most(curves: usize) -> usize {
    (OF_ALL / curves.max(1)).clamp(LEAST, MOST)
}

/// At most `most` of the points, about evenly spaced in the logarithm of x as the axis is. The first and
/// the last are kept.
pub(crate) fn thin(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let log = |x: f64| x.max(f64::MIN_POSITIVE).ln();
    let (first, last) = (log(points[0].0), log(points[points.len() - 1].0));
    let step = (last - first) / (most - 1) as f64;
    let mut kept = vec![points[0]];
    let mut next = first + step;
    for (k, point) in points.iter().enumerate().skip(1) {
        let x = log(point.0);
        let is_last = k + 1 == points.len();
        if is_last || (x >= next && kept.len() < most - 1) {
            kept.push(*point);
            next = first + step * (((x - first) / step).floor() + 1.0);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_ends_and_at_most_120_points_in_order() {
        let long: Vec<(f64, f64)> = (1..=5000).map(|k| (f64::from(k) * 2048.0, 1.0)).collect();
        let kept = thin(&long, MOST);
        assert!(kept.len() <= MOST && kept.len() > 60, "{}", kept.len());
        assert_eq!(kept[0], long[0]);
        assert_eq!(kept.last(), long.last());
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn a_short_curve_is_kept_whole() {
        let short = [(1.0, 2.0), (2.0, 1.5)];
        assert_eq!(thin(&short, most(1)), short);
    }
}
