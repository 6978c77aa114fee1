//! Akima's interpolation (Akima 1970): a smooth curve through all points in which no point bends the
//! curve beyond its neighbours, and its lowest place.

/// Cubics between points of ascending x.
#[derive(Clone, Debug)]
pub(crate) struct Akima {
    points: Vec<(f64, f64)>,
    slopes: Vec<f64>,
}

impl Akima {
    /// None below five points, or where two have one x.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len();
        if count < 5 || points.windows(2).any(|pair| pair[1].0 <= pair[0].0) {
            return None;
        }
        // Chords, with two more at either end that carry the outer change of slope on.
        let chord = |pair: &[(f64, f64)]| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
        let inner: Vec<f64> = points.windows(2).map(chord).collect();
        let (first, last) = (inner[0], inner[count - 2]);
        let (begin, end) = (first - inner[1], last - inner[count - 3]);
        let mut chords = vec![first + 2.0 * begin, first + begin];
        chords.extend(&inner);
        chords.extend([last + end, last + 2.0 * end]);
        let slope = |k: usize| {
            let (before, after) =
                ((chords[k + 1] - chords[k]).abs(), (chords[k + 3] - chords[k + 2]).abs());
            match before + after > 0.0 {
                true => (after * chords[k + 1] + before * chords[k + 2]) / (before + after),
                false => f64::midpoint(chords[k + 1], chords[k + 2]),
            }
        };
        Some(Akima { points: points.to_vec(), slopes: (0..count).map(slope).collect() })
    }

    /// Coefficients of the cubic in `x - x_k` from point k on.
    fn cubic(&self, k: usize) -> [f64; 4] {
        let ((x0, y0), (x1, y1)) = (self.points[k], self.points[k + 1]);
        let (width, s0, s1) = (x1 - x0, self.slopes[k], self.slopes[k + 1]);
        let chord = (y1 - y0) / width;
        [y0, s0, (3.0 * chord - 2.0 * s0 - s1) / width, (s0 + s1 - 2.0 * chord) / (width * width)]
    }

    /// Where the curve is lowest, if that is inside: x and y.
    pub(crate) fn lowest(&self) -> Option<(f64, f64)> {
        let mut best: Option<(f64, f64)> = None;
        let mut offer = |x: f64, y: f64| {
            if best.is_none_or(|(_, lowest)| y < lowest) {
                best = Some((x, y));
            }
        };
        for &(x, y) in &self.points {
            offer(x, y);
        }
        for k in 0..self.points.len() - 1 {
            let [a, b, c, d] = self.cubic(k);
            let width = self.points[k + 1].0 - self.points[k].0;
            // Zeros of b + 2 c u + 3 d u^2.
            let inner = c * c - 3.0 * b * d;
            if inner < 0.0 {
                continue;
            }
            let q = -(c + inner.sqrt().copysign(c));
            for u in [q / (3.0 * d), b / q] {
                if u.is_finite() && u > 0.0 && u < width {
                    offer(self.points[k].0 + u, a + u * (b + u * (c + u * d)));
                }
            }
        }
        let (first, last) = (self.points[0].0, self.points[self.points.len() - 1].0);
        best.filter(|(x, _)| *x > first && *x < last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_parabola_at_even_steps_is_met_exactly(
            bottom in -0.8..0.8f64, bend in 0.1..2.0f64, lowest in 1.0..3.0f64,
        ) {
            // Akima 1970: exact for polynomials of second degree at equal distances.
            let points: Vec<(f64, f64)> = (-3..=3)
                .map(f64::from)
                .map(|x| (x, lowest + bend * (x - bottom).powi(2)))
                .collect();
            let (x, y) = Akima::through(&points).unwrap().lowest().unwrap();
            prop_assert!((x - bottom).abs() < 1e-9 && (y - lowest).abs() < 1e-9, "{x} {y}");
        }

        #[test]
        fn the_curve_goes_through_every_point_with_one_slope(
            ys in prop::collection::vec(0.0..1.0f64, 7),
        ) {
            let points: Vec<(f64, f64)> = ys.iter().enumerate().map(|(i, y)| ((i * i) as f64, *y)).collect();
            let akima = Akima::through(&points).unwrap();
            for k in 0..6 {
                let [a, b, c, d] = akima.cubic(k);
                let u = points[k + 1].0 - points[k].0;
                prop_assert!((a - points[k].1).abs() < 1e-12);
                prop_assert!((a + u * (b + u * (c + u * d)) - points[k + 1].1).abs() < 1e-9);
                prop_assert!((b + u * (2.0 * c + 3.0 * u * d) - akima.slopes[k + 1]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_curve_that_falls_throughout_has_no_lowest_place_inside() {
        let falling: Vec<(f64, f64)> = (0..6).map(|i| (f64::from(i), -f64::from(i))).collect();
        assert_eq!(Akima::through(&falling).unwrap().lowest(), None);
        assert!(Akima::through(&falling[..4]).is_none());
    }
}
