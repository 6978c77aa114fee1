//! Predictions from the isoFLOP minima alone: the line through their optima, at compute that nobody has spent.

use crate::intervals::HALF_WIDTH;
use crate::output::{Estimate, Isoflop, Minimum};
use crate::predict::Prediction;

impl Isoflop {
    /// N* and D* for so much compute, on the lines through the minima; empty where there are none.
    ///
    /// The interval carries the exponent's, from the middle of the minima on, and what the minima leave
    /// open there.
    pub fn optimum(&self, c: f64) -> Vec<Prediction> {
        let n = self.on_line(c, &self.n_exponent, self.n_log_coefficient, |m| &m.n_opt);
        let d = self.on_line(c, &self.d_exponent, self.d_log_coefficient, |m| &m.d_opt);
        let named = [("n_opt", n), ("d_opt", d)].into_iter();
        named
            .filter_map(|(what, estimate)| estimate.map(|estimate| Prediction { what, estimate }))
            .collect()
    }

    /// Largest compute of a minimum.
    pub fn largest_compute(&self) -> Option<f64> {
        self.minima().map(|minimum| minimum.c).reduce(f64::max)
    }

    fn minima(&self) -> impl Iterator<Item = &Minimum> {
        self.budgets.iter().filter_map(|b| b.minimum.as_ref())
    }

    fn on_line(
        &self,
        c: f64,
        exponent: &Option<Estimate>,
        log_coefficient: Option<f64>,
        of: fn(&Minimum) -> &Estimate,
    ) -> Option<Estimate> {
        let exponent = exponent.as_ref()?;
        let value = (log_coefficient? + exponent.value * c.ln()).exp();
        let count = self.minima().count() as f64;
        let middle = self.minima().map(|m| m.c.ln()).sum::<f64>() / count;
        // The standard deviation of the mean of independent ln N*.
        let open = self.minima().map(|minimum| {
            let found = of(minimum);
            let ends = found.low.zip(found.high);
            ends.map_or(0.0, |(low, high)| ((high / low).ln() / 2.0).powi(2))
        });
        let open = open.sum::<f64>().sqrt() / count;
        let x = c.ln() - middle;
        let ends = exponent.low.zip(exponent.high).map(|(low, high)| {
            let (down, up) = ((exponent.value - low) * x, (high - exponent.value) * x);
            // Below the middle a larger exponent means a smaller optimum.
            let (down, up) = if x < 0.0 { (-up, -down) } else { (down, up) };
            (value * (-down.hypot(open)).exp(), value * up.hypot(open).exp())
        });
        let slope = exponent.standard_error.map(|sd| sd * x);
        let all = [Some(value), ends.map(|ends| ends.0), ends.map(|ends| ends.1)];
        all.into_iter().flatten().all(|value: f64| value.is_finite() && value > 0.0).then(|| {
            Estimate {
                value,
                low: ends.map(|ends| ends.0),
                high: ends.map(|ends| ends.1),
                standard_error: slope.map(|slope| value * slope.hypot(open / HALF_WIDTH)),
                identified: exponent.identified,
                fixed: false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::BudgetCurve;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            value,
            low: Some(low),
            high: Some(high),
            standard_error: None,
            identified: true,
            fixed: false,
        }
    }

    /// `N* = C^.5`, `D* = C^.5 / 6` at three budgets about 1e18.
    fn isoflop() -> Isoflop {
        let budget = |c: f64| BudgetCurve {
            flops_budget: c,
            minimum: Some(Minimum {
                n_opt: estimate(c.sqrt(), 0.9 * c.sqrt(), 1.1 * c.sqrt()),
                d_opt: estimate(c.sqrt() / 6.0, 0.15 * c.sqrt(), 0.18 * c.sqrt()),
                loss: estimate(3.0, 2.9, 3.1),
                c,
            }),
            ..BudgetCurve::default()
        };
        Isoflop {
            budgets: [1e17, 1e18, 1e19].map(budget).into(),
            n_exponent: Some(estimate(0.5, 0.45, 0.55)),
            n_log_coefficient: Some(0.0),
            d_exponent: Some(estimate(0.5, 0.45, 0.55)),
            d_log_coefficient: Some(-(6f64.ln())),
            ..Isoflop::default()
        }
    }

    #[test]
    fn the_line_through_the_minima_goes_on_and_opens_from_their_middle() {
        let isoflop = isoflop();
        let [n, d] = isoflop.optimum(1e22).try_into().unwrap();
        assert!((n.estimate.value / 1e11 - 1.0).abs() < 1e-9);
        assert!((n.estimate.value * d.estimate.value * 6.0 / 1e22 - 1.0).abs() < 1e-9);
        // Four decades from the middle at .05 either way.
        let high = n.estimate.high.unwrap() / n.estimate.value;
        assert!((high / 10f64.powf(0.2) - 1.0).abs() < 0.02, "{high}");
        let width = |c: f64| {
            let found = isoflop.optimum(c)[0].estimate;
            assert!(found.low.unwrap() < found.value && found.value < found.high.unwrap());
            found.high.unwrap() / found.low.unwrap()
        };
        assert!(width(1e18) < 1.2 && width(1e18) > 1.0);
        assert!(width(1e14) > width(1e16) && width(1e16) > width(1e18));
        assert_eq!(isoflop.largest_compute(), Some(1e19));
    }

    #[test]
    fn without_minima_there_is_no_line() {
        assert!(Isoflop::default().optimum(1e20).is_empty());
    }
}
