//! The best runs at each compute.

/// Runs whose compute differs by less than this are of one budget.
const ONE_BUDGET: f64 = 1.05;

/// Runs that no cheaper run beats: compute and loss, compute ascending, losses falling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frontier(Vec<(f64, f64)>);

impl Frontier {
    /// The frontier of runs given by compute and loss; among runs of one budget the best counts.
    pub(crate) fn of(runs: impl Iterator<Item = (f64, f64)>) -> Frontier {
        let mut runs: Vec<(f64, f64)> = runs.filter(|(c, loss)| *c > 0.0 && *loss > 0.0).collect();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut best: Vec<(f64, f64)> = Vec::new();
        let mut first = 0.0;
        for (c, loss) in runs {
            match best.last_mut() {
                Some(last) if loss >= last.1 => {}
                Some(last) if c < ONE_BUDGET * first => *last = (c, loss),
                _ => {
                    best.push((c, loss));
                    first = c;
                }
            }
        }
        Frontier(best)
    }

    pub(crate) fn points(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// The highest and the lowest loss on the frontier.
    pub(crate) fn reach(&self) -> Option<(f64, f64)> {
        Some((self.0.first()?.1, self.0.last()?.1))
    }

    /// The lowest loss that a compute buys; runs of up to `same` times as much count. Between two runs ln C is
    /// linear in ln L.
    pub(crate) fn loss(&self, compute: f64, same: f64) -> Option<f64> {
        let reached = self.0.iter().rposition(|(c, _)| *c <= same * compute)?;
        let (c0, l0) = self.0[reached];
        match self.0.get(reached + 1) {
            Some((c1, l1)) if c0 < compute / same => {
                let share = (compute / c0).ln() / (c1 / c0).ln();
                Some(l0 * (l1 / l0).powf(share))
            }
            _ => Some(l0),
        }
    }

    /// Compute at which the frontier reaches a loss; between two runs ln C is linear in ln L.
    pub(crate) fn compute(&self, loss: f64) -> Option<f64> {
        let (worst, best) = self.reach()?;
        if !(best..=worst).contains(&loss) {
            return None;
        }
        let after = self.0.iter().position(|(_, l)| *l <= loss)?;
        let (c1, l1) = self.0[after];
        let Some((c0, l0)) = after.checked_sub(1).map(|before| self.0[before]) else {
            return Some(c1);
        };
        let share = (l0 / loss).ln() / (l0 / l1).ln();
        Some(c0 * (c1 / c0).powf(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(runs: &[(f64, f64)]) -> Frontier {
        Frontier::of(runs.iter().copied())
    }

    #[test]
    fn the_frontier_has_the_best_run_of_each_budget() {
        let found = frontier(&[(1.0, 4.0), (1.01, 3.5), (3.0, 3.6), (3.01, 3.0), (9.0, 3.2)]);
        assert_eq!(found.points(), [(1.01, 3.5), (3.01, 3.0)]);
    }

    #[test]
    fn a_frontier_that_is_a_power_law_is_met_between_its_runs() {
        let runs: Vec<(f64, f64)> = [1.0, 10.0, 100.0].map(|c: f64| (c, 4.0 * c.powf(-0.1))).into();
        let found = frontier(&runs);
        for c in [1.0, 3.0, 40.0, 100.0f64] {
            let at = found.compute(4.0 * c.powf(-0.1) * (1.0 + 1e-15)).unwrap_or(c);
            assert!((at / c - 1.0).abs() < 1e-9, "{at} {c}");
        }
        assert_eq!(found.compute(5.0), None);
    }
}
