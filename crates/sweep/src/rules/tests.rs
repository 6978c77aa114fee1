use super::measured::{FIRST, Grid, SECOND};
use super::*;
use isoflop_model::Family;

/// The loss at a rate, by a cubic in the logarithm of the rate through the four nearest rates of the grid.
fn loss_at(rate: f64, Grid { rates, losses, .. }: &Grid) -> f64 {
    let x = |i: usize| rates[i].ln();
    let above = rates.iter().position(|r| *r > rate).unwrap_or(rates.len() - 1);
    let first = above.saturating_sub(2).min(rates.len() - 4);
    let nodes = first..first + 4;
    let weight = |i: usize| {
        let others = nodes.clone().filter(|j| *j != i);
        others.map(|j| (rate.ln() - x(j)) / (x(i) - x(j))).product::<f64>()
    };
    nodes.clone().map(|i| weight(i) * losses[i]).sum()
}

/// What the rate of the rules costs against the best of the grid, in nats.
fn cost(rules: Rules, grid: &Grid) -> f64 {
    let best = grid.losses.iter().copied().fold(f64::INFINITY, f64::min);
    loss_at(rules.learning_rate(&grid.setting), grid) - best
}

#[test]
fn the_rates_of_the_rules_cost_at_most_two_hundredths_of_a_nat() {
    for (rules, grids) in [(Rules::First, FIRST), (Rules::Second, SECOND)] {
        for grid in grids {
            let above = cost(rules, grid);
            let Setting { n, batch_tokens, .. } = grid.setting;
            let what = format!("{rules:?}: {}, N {}, batch {batch_tokens}", grid.what, n.0);
            assert!(above < 0.02, "{what}: {above:.4} nats above the best");
        }
        let measured = |mixer: &str| grids.iter().filter(|g| g.setting.mixer == mixer).count();
        for family in Family::ALL {
            let mixer = family.preset().mixer.half().name();
            assert!(measured(mixer) >= 2, "{rules:?}: {family:?} lacks its grid");
        }
    }
}

#[test]
fn muon_has_rates_of_its_own_because_those_of_adamw_cost_more() {
    for (rules, grids) in [(Rules::First, FIRST), (Rules::Second, SECOND)] {
        let by_muon = |grid: &&Grid| grid.setting.optimizer == OptimizerKind::Muon;
        let costs = |optimizer| -> f64 {
            let of = |grid: &Grid| {
                let rate = rules.learning_rate(&Setting { optimizer, ..grid.setting });
                loss_at(rate, grid)
            };
            grids.iter().filter(by_muon).map(of).sum()
        };
        assert!(costs(OptimizerKind::Muon) < costs(OptimizerKind::AdamW), "{rules:?}");
    }
}

#[test]
fn a_run_of_as_many_tokens_as_parameters_has_enough_steps() {
    for rules in Rules::ALL {
        for n in [1e4, 1e5, 1e6, 1e7, 1e8] {
            let steps = n / rules.batch_tokens(Params(n), 128) as f64;
            assert!(steps > 15.0 * (n / 1e4f64).sqrt(), "{rules:?}, {n}: {steps}");
        }
    }
}

#[test]
fn a_batch_is_whole_windows_and_grows_with_size() {
    let batches =
        |rules: Rules| [3e3, 1e5, 2e5, 1e6, 1e8].map(|n| rules.batch_tokens(Params(n), 128));
    assert_eq!(batches(Rules::First), [512, 512, 1024, 2048, 16384]);
    assert_eq!(batches(Rules::Second), [512, 512, 768, 1664, 16128]);
    for rules in Rules::ALL {
        assert_eq!(rules.batch_tokens(Params(3e3), 2048), 2048);
    }
    assert_eq!(Rules::First.batch_tokens(Params(3e3), 100), 500);
}

#[test]
fn a_batch_of_the_second_rules_nowhere_jumps() {
    // Sizes a tenth apart: of whole windows the batch grows by one at a time.
    let mut n = 3e3;
    while n < 1e8 {
        let [one, next] = [n, n * 1.1].map(|n| Rules::Second.batch_tokens(Params(n), 128));
        assert!(next as f64 <= 1.25 * one as f64, "{n}: from {one} to {next}");
        n *= 1.1;
    }
}

#[test]
fn the_first_rules_are_those_that_ids_were_made_with() {
    let adamw = OptimizerKind::AdamW;
    assert_eq!(Rules::First.optimizer(adamw), Optimizer::USUAL);
    assert_eq!(Rules::First.output_init(), OutputInit::Scaled);
    assert_eq!(Rules::default(), Rules::Second);
    let Optimizer { beta1, beta2, .. } = Rules::Second.optimizer(adamw);
    assert_eq!((beta1, beta2), (0.8, 0.98));
    assert_eq!(Rules::Second.optimizer(OptimizerKind::Muon), Optimizer::of(OptimizerKind::Muon));
}
