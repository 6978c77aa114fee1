//! A quadratic of the loss in ln N and its lowest point.

use crate::design::{classify, mean};
use crate::engine::linalg::solve_subset;
use crate::optimum::{Cost, optimum};
use crate::output::{Fit, Isoflop, Parabola};

impl Parabola {
    /// The loss at a size.
    pub fn loss(&self, n: f64) -> f64 {
        let u = n.ln() - self.centre;
        self.c[0] + u * (self.c[1] + u * self.c[2])
    }

    /// ln N and loss at the bottom; None unless the parabola opens upwards.
    pub(crate) fn bottom(&self) -> Option<(f64, f64)> {
        let [c0, c1, c2] = self.c;
        (c2 > 0.0).then(|| (self.centre - c1 / (2.0 * c2), c0 - c1 * c1 / (4.0 * c2)))
    }
}

/// Unweighted least squares of `losses` on the quadratics of `logs`, values of ln N. None below
/// three different sizes.
pub(crate) fn fit_parabola(logs: &[f64], losses: &[f64]) -> Option<Parabola> {
    let sizes = classify(logs).into_iter().max()? + 1;
    if sizes < 3 {
        return None;
    }
    let centre = mean(logs);
    // In units of the half-width the three columns are of one size.
    let width = logs.iter().map(|log| (log - centre).abs()).fold(0.0, f64::max);
    let mut gram = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for (log, loss) in logs.iter().zip(losses) {
        let u = (log - centre) / width;
        let powers = [1.0, u, u * u];
        for i in 0..3 {
            right[i] += powers[i] * loss;
            for j in 0..=i {
                gram[i][j] += powers[i] * powers[j];
            }
        }
    }
    let x = solve_subset(&gram, &right, 0b111)?;
    Some(Parabola { centre, c: [x[0], x[1] / width, x[2] / (width * width)] })
}

/// `ln y = intercept + slope ln x` by ordinary least squares; None below two different x.
pub(crate) fn log_line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let (xs, ys): (Vec<f64>, Vec<f64>) = logs.iter().copied().unzip();
    if classify(&xs).into_iter().max()? == 0 {
        return None;
    }
    let (mx, my) = (mean(&xs), mean(&ys));
    let slope = logs.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
        / xs.iter().map(|x| (x - mx).powi(2)).sum::<f64>();
    Some((slope, my - slope * mx))
}

/// `ln y` at `at`, linear in `ln x` between neighbours; `at` must lie within the points.
pub(crate) fn interpolate(points: &[(f64, f64)], at: f64) -> f64 {
    let mut sorted: Vec<(f64, f64)> = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let above = sorted.iter().position(|(x, _)| *x >= at).unwrap_or(sorted.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (sorted[above - 1], sorted[above]);
    match x1 > x0 {
        true => y0 + (at - x0) / (x1 - x0) * (y1 - y0),
        false => (y0 + y1) / 2.0,
    }
}

/// The bias of parabolas: `n_exponent` of the parabolas at the sizes of these curves where a law in N and D
/// holds without noise, less that of the law's own minima, under the FLOPs of the runs.
pub(crate) fn parabola_bias(isoflop: &Isoflop, surface: &Fit) -> Option<f64> {
    let (law, values) = (surface.law()?, surface.values()?);
    let cost = Cost::counted(surface).unwrap_or(Cost::SixNd);
    let (mut by_parabola, mut by_law) = (Vec::new(), Vec::new());
    for budget in isoflop.budgets.iter().filter(|budget| budget.minimum.is_some()) {
        let c = budget.minimum.as_ref()?.c;
        let mut logs = Vec::new();
        let mut losses = Vec::new();
        for run in &budget.runs {
            let (n, d) = (run.n?.ln(), run.d?.ln());
            logs.push(n);
            losses.push(law.loss_of(&values, &[n, d, d]));
        }
        let (at, _) = fit_parabola(&logs, &losses)?.bottom()?;
        by_parabola.push((c, at.exp()));
        by_law.push((c, optimum(law, &values, c, &cost)?[0]));
    }
    Some(log_line(&by_parabola)?.0 - log_line(&by_law)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_parabola_is_recovered_from_its_own_points(
            bottom in 8.0..20.0f64, lowest in 1.0..5.0f64, bend in 0.01..1.0f64, width in 0.2..3.0f64, off in -0.8..0.8f64,
        ) {
            let logs: Vec<f64> = (-3..=3).map(|i| bottom + width * (f64::from(i) / 3.0 + off)).collect();
            let losses: Vec<f64> = logs.iter().map(|x| lowest + bend * (x - bottom).powi(2)).collect();
            let parabola = fit_parabola(&logs, &losses).unwrap();
            let (at, loss) = parabola.bottom().unwrap();
            prop_assert!((at - bottom).abs() < 1e-6 && (loss - lowest).abs() < 1e-9);
            prop_assert!((parabola.loss(logs[2].exp()) - losses[2]).abs() < 1e-9);
        }

        #[test]
        fn the_bottom_follows_a_rescaling_of_sizes_and_losses(
            losses in prop::collection::vec(2.0..3.0f64, 5), factor in 0.1..10.0f64,
        ) {
            let logs: Vec<f64> = (0..5).map(f64::from).collect();
            let moved: Vec<f64> = logs.iter().map(|x| x + factor.ln()).collect();
            let scaled: Vec<f64> = losses.iter().map(|loss| 2.0 * loss).collect();
            let (one, two) = (fit_parabola(&logs, &losses).unwrap(), fit_parabola(&moved, &scaled).unwrap());
            if one.c[2] < 1e-3 {
                return Ok(());
            }
            let ((x, loss), (x2, loss2)) = (one.bottom().unwrap(), two.bottom().unwrap());
            prop_assert!((x2 - x - factor.ln()).abs() < 1e-6 * (1.0 + x.abs()));
            prop_assert!((loss2 - 2.0 * loss).abs() < 1e-6 * (1.0 + loss.abs()));
        }

        #[test]
        fn residuals_are_orthogonal_to_the_columns(losses in prop::collection::vec(2.0..3.0f64, 6)) {
            let logs: Vec<f64> = (0..6).map(|i| 10.0 + 0.7 * f64::from(i)).collect();
            let parabola = fit_parabola(&logs, &losses).unwrap();
            for power in 0..3 {
                let dot: f64 = logs.iter().zip(&losses)
                    .map(|(x, loss)| (loss - parabola.loss(x.exp())) * (x - parabola.centre).powi(power))
                    .sum();
                prop_assert!(dot.abs() < 1e-9);
            }
        }
    }

    #[test]
    fn nanochats_optima_give_their_exponent() {
        // nanochat's sweep: budgets 1, 2.15, 4.64, 10 e18, exponent .5361.
        let optima = [
            (1e18, 110678115.0),
            (2.15e18, 167797457.0),
            (4.64e18, 250650865.0),
            (1e19, 381758347.0),
        ];
        let (slope, _) = log_line(&optima).unwrap();
        assert!((slope - 0.5361).abs() < 5e-5, "{slope}");
    }

    #[test]
    fn two_sizes_make_no_parabola() {
        assert_eq!(fit_parabola(&[1.0, 1.001, 2.0, 2.002], &[3.0, 3.1, 2.9, 2.8]), None);
    }
}
