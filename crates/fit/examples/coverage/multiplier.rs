//! Two series whose true multiplier is known: how often its interval holds the truth.

use crate::pair::{Budgets, FACTOR, multiplier};

const PLANS: [(Budgets, f64); 6] = [
    (Budgets { budgets: 3, sizes: 3, seeds: 1 }, 0.003),
    (Budgets { budgets: 3, sizes: 3, seeds: 1 }, 0.01),
    (Budgets { budgets: 4, sizes: 5, seeds: 1 }, 0.003),
    (Budgets { budgets: 4, sizes: 5, seeds: 1 }, 0.01),
    (Budgets { budgets: 4, sizes: 6, seeds: 4 }, 0.003),
    (Budgets { budgets: 4, sizes: 6, seeds: 4 }, 0.01),
];

/// Prints a line a plan.
pub(crate) fn table(sweeps: u64) {
    println!("multiplier of {FACTOR} at the least and the largest common compute");
    for (plan, noise) in PLANS {
        let (mut inside, mut told, mut apart, mut widths) = ([0, 0], 0, 0, Vec::new());
        let mut found = 0;
        for seed in 0..sweeps {
            let Some(all) = multiplier(plan, noise, seed) else {
                continue;
            };
            found += 1;
            let ends = |e: &isoflop_fit::output::Estimate| {
                (e.low.unwrap_or(0.0), e.high.unwrap_or(f64::INFINITY))
            };
            for (k, factor) in [all.first(), all.last()].into_iter().enumerate() {
                let (low, high) = ends(&factor.estimate);
                inside[k] += u32::from((low..=high).contains(&FACTOR));
            }
            let last = &all.last().estimate;
            told += u32::from(last.identified);
            apart += u32::from(ends(last).0 > 1.0 || ends(last).1 < 1.0);
            widths.push(ends(last).1 / ends(last).0);
        }
        widths.sort_by(f64::total_cmp);
        let share = |count: u32| 100.0 * f64::from(count) / f64::from(found.max(1));
        println!(
            "  {plan:?}, noise {noise}: {found} of {sweeps}, held {:.1} % and {:.1} %, told {:.1} %, apart from 1 \
             {:.1} %, median ratio of the ends {:.3}",
            share(inside[0]),
            share(inside[1]),
            share(told),
            share(apart),
            widths.get(widths.len() / 2).copied().unwrap_or(f64::NAN)
        );
    }
}
