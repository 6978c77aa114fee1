//! Rules that are known are recovered from grids that they made.

use super::*;
use isoflop_core::rng::{Purpose, normal_pair, stream};

/// A rule and the valley about it.
struct Truth {
    a: f64,
    b: f64,
    p: f64,
    walls: [f64; 2],
    steepening: f64,
    best_batch: fn(f64) -> f64,
    batch_wall: f64,
    /// Noise of a loss.
    noise: f64,
    /// Deviation of a cell's best ln rate from the rule.
    off: f64,
}

const RULE: Truth = Truth {
    a: 0.35,
    b: 0.1,
    p: 0.45,
    walls: [0.05, 0.05],
    steepening: 0.0,
    best_batch: |d| 400.0 * (d / 1e5f64).powf(0.4),
    batch_wall: 0.02,
    noise: 0.0,
    off: 0.0,
};

impl Truth {
    fn rate(&self, n: f64, d: f64, batch: f64) -> f64 {
        0.005 * (n / 1e4).powf(-self.a) * (d / 2e5).powf(self.b) * (batch / 512f64).powf(self.p)
    }

    fn loss(&self, run: &RateRun, best: f64) -> f64 {
        let off = (run.rate / best).ln();
        let wall = self.walls[usize::from(off > 0.0)] * (run.n / 1e4).powf(self.steepening);
        let batch_off = (run.batch / (self.best_batch)(run.d)).ln();
        1.2 + 3.0 * run.n.powf(-0.2)
            + 8.0 * run.d.powf(-0.25)
            + self.batch_wall * batch_off * batch_off
            + wall * off * off
    }

    /// Runs of sizes, tokens, batches and rates, with the noise of a seed.
    fn grid(
        &self,
        sizes: &[f64],
        tokens: &[f64],
        batches: &[f64],
        rates: &[f64],
        seed: u64,
    ) -> Vec<RateRun> {
        let mut rng = stream(seed, Purpose::Init, 418);
        let mut runs = Vec::new();
        for &n in sizes {
            for &d in tokens {
                for &batch in batches {
                    let best = self.rate(n, d, batch) * (self.off * normal_pair(&mut rng).0).exp();
                    for &rate in rates {
                        let mut run = RateRun {
                            label: format!("n{n}-d{d}-b{batch}-r{rate}"),
                            series: String::new(),
                            model: format!("{n}"),
                            n,
                            d,
                            batch,
                            decay: 0.2,
                            rate,
                            seed: 0,
                            loss: None,
                            rule: Some(self.rate(n, d, batch)),
                        };
                        run.loss =
                            Some(self.loss(&run, best) + self.noise * normal_pair(&mut rng).0);
                        runs.push(run);
                    }
                }
            }
        }
        runs
    }

    fn usual(&self, seed: u64) -> Vec<RateRun> {
        let rates = [0.00125, 0.0025, 0.005, 0.01, 0.02];
        self.grid(&[3e3, 1e4, 3e4, 1e5], &[1e5, 2e5, 4e5], &[256.0, 512.0, 1024.0], &rates, seed)
    }
}

fn only(runs: &[RateRun]) -> Rates {
    let found = rates(runs, "n_non_embedding").unwrap();
    let [only] = &found[..] else { panic!("{found:?}") };
    only.clone()
}

#[test]
fn a_rule_without_noise_is_found_to_the_last_digits() {
    let found = only(&RULE.usual(0));
    let law = found.rate.as_ref().unwrap();
    for (name, truth) in [("a", RULE.a), ("b", RULE.b), ("p", RULE.p)] {
        assert!(
            (law.parameters[name].value - truth).abs() < 1e-5,
            "{name}: {:?}",
            law.parameters[name]
        );
    }
    assert_eq!(law.formula, "eta = c N^-a D^b B^p");
    assert!((law.at(2e4, 3e5, 700.0, 0.2) / RULE.rate(2e4, 3e5, 700.0) - 1.0).abs() < 1e-5);
    // Each cell has the parabola's own bottom, and the rule is the truth, so that it costs nothing.
    for cell in found.cells.iter().filter(|cell| cell.best.is_some()) {
        let best = cell.best.unwrap().value;
        assert!((best / RULE.rate(cell.n, cell.d, cell.batch) - 1.0).abs() < 1e-6, "{cell:?}");
    }
    assert!(found.rule.unwrap().mean_by_law.unwrap() < 1e-9);
    let batch = found.batch.as_ref().unwrap();
    assert!((batch.parameters["q"].value - 0.4).abs() < 1e-4, "{batch:?}");
    assert!((batch.at(1e4, 2e5, 1.0, 0.2) / (RULE.best_batch)(2e5) - 1.0).abs() < 1e-3);
}

#[test]
fn intervals_hold_the_rule_in_about_nine_of_ten_grids() {
    let truth = Truth { walls: [0.04, 0.07], steepening: 0.25, noise: 0.01, off: 0.1, ..RULE };
    let mut held = [0; 5];
    const GRIDS: u64 = 100;
    for seed in 0..GRIDS {
        let found = only(&truth.usual(seed));
        let law = found.rate.as_ref().unwrap();
        let inside = |estimate: &Estimate, truth: f64| {
            let ends = estimate.low.zip(estimate.high);
            ends.is_some_and(|(low, high)| (low..=high).contains(&truth))
        };
        let at = truth.rate(law.n, law.d, law.b.unwrap());
        let checks = [
            inside(&law.parameters["a"], truth.a),
            inside(&law.parameters["b"], truth.b),
            inside(&law.parameters["p"], truth.p),
            inside(&law.at_centre, at),
            found.batch.as_ref().is_some_and(|batch| inside(&batch.parameters["q"], 0.4)),
        ];
        held.iter_mut().zip(checks).for_each(|(held, inside)| *held += u32::from(inside));
    }
    // Intervals take the widest of three jackknives, and one over three batches is wide besides.
    let [rate @ .., batch] = held;
    assert!(rate.iter().all(|held| (82..=99).contains(held)) && batch >= 82, "{held:?} of {GRIDS}");
}

#[test]
fn cells_that_are_lowest_at_an_end_are_censored() {
    // The best rate of the smallest size lies at .011 and above, beyond these rates.
    let rates = [0.00125, 0.0025, 0.005, 0.01];
    let found = only(&RULE.grid(&[1e3, 1e4, 3e4, 1e5], &[2e5, 8e5], &[512.0], &rates, 0));
    let smallest = || found.cells.iter().filter(|cell| cell.n == 1e3);
    assert!(smallest().all(|cell| cell.best.is_none() && cell.edge == Some(Edge::High)));
    let law = found.rate.as_ref().unwrap();
    assert!(law.censored >= 2 && law.inside + law.censored == found.cells.len());
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.contains("the highest rate has the lowest loss"))
    );
    // Their losses still say what they say: the exponent is that of the rule.
    assert!((law.parameters["a"].value - RULE.a).abs() < 1e-3, "{law:?}");
    // A cell beyond the rule's rate tells no cost.
    assert!(smallest().all(|cell| cell.rule_cost.is_none()) && found.rule.unwrap().outside >= 2);
}

#[test]
fn what_a_grid_does_not_vary_is_said_and_not_claimed() {
    let rates = [0.00125, 0.0025, 0.005, 0.01, 0.02];
    let missing =
        |found: &Rates, name: &str| found.not_identified.iter().any(|m| m.parameter == name);
    let one_d = only(&RULE.grid(&[3e3, 1e4, 3e4], &[2e5], &[256.0, 512.0], &rates, 0));
    let law = one_d.rate.as_ref().unwrap();
    assert_eq!(law.formula, "eta = c N^-a B^p");
    assert!(missing(&one_d, "b") && !law.parameters.contains_key("b"));
    assert!(one_d.not_identified.iter().any(|m| m.reason.contains("1 token count,")), "{one_d:?}");
    let one_b = only(&RULE.grid(&[3e3, 1e4, 3e4], &[1e5, 4e5], &[512.0], &rates, 0));
    assert!(missing(&one_b, "p") && !missing(&one_b, "b") && one_b.batch.is_none());
    let two_n = only(&RULE.grid(&[3e3, 3e4], &[1e5, 4e5], &[512.0], &rates, 0));
    assert!(missing(&two_n, "a") && !two_n.rate.unwrap().parameters.contains_key("a"));
    // D follows N: one of the two exponents cannot be told.
    let mut line = Vec::new();
    for n in [3e3, 1e4, 3e4, 1e5] {
        line.extend(RULE.grid(&[n], &[20.0 * n], &[512.0], &rates, 0));
    }
    let line = only(&line);
    assert!(missing(&line, "b"), "{:?}", line.not_identified);
    assert!(
        line.not_identified.iter().any(|m| m.reason.contains("token counts follow sizes")),
        "{:?}",
        line.not_identified
    );
    // Along that line the rule is a power of N alone.
    assert!((line.rate.unwrap().parameters["a"].value - (RULE.a - RULE.b)).abs() < 1e-5);
}

#[test]
fn runs_of_one_rate_are_refused_with_the_axis_to_add() {
    let error = rates(&RULE.grid(&[3e3, 1e4], &[1e5], &[512.0], &[0.004], 0), "n").unwrap_err();
    assert!(error.to_string().contains("these runs have 1"), "{error}");
    assert!(error.hint().unwrap().contains("train.learning_rate"));
    assert_eq!(rates(&[], "n"), Err(FitError::NoRates { most: 0 }));
}

#[test]
fn the_cost_of_a_rate_off_by_a_factor_is_that_of_the_parabola() {
    let mut runs = RULE.grid(
        &[1e4, 3e4, 1e5],
        &[2e5, 4e5],
        &[512.0],
        &[0.00125, 0.0025, 0.005, 0.01, 0.02],
        0,
    );
    runs.iter_mut().for_each(|run| run.rule = run.rule.map(|rate| 1.5 * rate));
    let found = only(&runs);
    let cost = found.rule.unwrap();
    let truth = 0.05 * 1.5f64.ln().powi(2);
    assert!((cost.mean_by_law.unwrap() - truth).abs() < 1e-6, "{cost:?}");
    // The lowest loss of a grid is above the bottom of the parabola by as much as no rate of it is the best.
    assert!(
        cost.mean <= truth + 1e-9 && cost.mean > truth - 0.05 * 2f64.sqrt().ln().powi(2),
        "{cost:?}"
    );
}

#[test]
fn seeds_give_the_noise_and_decays_their_cost() {
    let mut runs = Vec::new();
    for (decay, more) in [(0.1, 0.02), (0.4, 0.0)] {
        for seed in 0..3 {
            let truth = Truth { noise: 0.01, ..RULE };
            let grid = truth.grid(
                &[1e4, 3e4, 1e5],
                &[2e5, 4e5],
                &[512.0],
                &[0.00125, 0.0025, 0.005, 0.01, 0.02],
                7 * seed + (10.0 * decay) as u64,
            );
            runs.extend(grid.into_iter().map(|run| RateRun {
                seed,
                decay,
                loss: run.loss.map(|loss| loss + more),
                ..run
            }));
        }
    }
    let found = only(&runs);
    assert!((found.noise.unwrap() / 0.01 - 1.0).abs() < 0.2, "{:?}", found.noise);
    let [reference, other] = &found.decays[..] else { panic!("{:?}", found.decays) };
    assert_eq!((reference.decay, other.decay, other.pairs), (0.1, 0.4, 18));
    assert!((other.difference.value + 0.02).abs() < 0.006, "{other:?}");
}
