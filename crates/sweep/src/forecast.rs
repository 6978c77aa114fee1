//! Forecasts how long a sweep takes with a number of workers, by simulating their claims with the
//! prices of the runs.

use crate::claim::unfinished;
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::Lease;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::shelf::steps_of;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Cost of a run to one worker, in seconds or in any other unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Cost of one optimizer step.
    pub step: f64,
    /// Cost that occurs once per run, for reading the data and scoring the test text.
    pub once: f64,
}

impl Price {
    /// Price of a whole run that begins with its first step.
    pub fn of(&self, run: &PlannedRun) -> f64 {
        self.steps(run.steps()) + self.once
    }

    fn steps(&self, steps: u64) -> f64 {
        self.step * steps as f64
    }
}

/// How much of a sweep is done.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Ids of the runs that need no more work.
    pub done: HashSet<String>,
    /// Steps after which a trunk has a state, by trunk.
    pub trunks: HashMap<String, Vec<u64>>,
    /// Steps done so far, by id of the runs that are being trained.
    pub running: HashMap<String, u64>,
}

impl Standing {
    /// Standing of a plan in its results folder; the runs of `leases` are being trained at the
    /// moment.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn of(folder: &ResultsFolder, plan: &Plan, leases: &[Lease]) -> Result<Self, SweepError> {
        let order = plan.work_order();
        let open: HashSet<&str> = unfinished(folder, &order)?.iter().map(|run| run.id()).collect();
        let done = plan.runs().iter().filter(|run| !open.contains(run.id()));
        let mut trunks = HashMap::new();
        for run in plan.runs().iter().filter(|run| open.contains(run.id())) {
            trunks.entry(run.trunk().to_owned()).or_insert_with(|| steps_of(folder, run.trunk()));
        }
        let running = leases.iter().map(|lease| (lease.run_id.clone(), lease.progress.step));
        Ok(Standing {
            done: done.map(|run| run.id().to_owned()).collect(),
            trunks,
            running: running.collect(),
        })
    }
}

/// Forecast for the rest of a sweep, in the unit of the prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Time from now to the end of the last run.
    pub finish: f64,
    /// Work of all workers together.
    pub work: f64,
    /// Work that the same runs would take if each were trained from its first step.
    pub alone: f64,
}

/// A trunk in the simulation.
#[derive(Default)]
struct Trunk {
    /// Time at which nobody is training the trunk any more.
    free: f64,
    /// Steps with a state, each with the time from which it exists.
    states: Vec<(u64, f64)>,
}

impl Trunk {
    /// The last step up to `branch` that has a state at time `now`; 0 if none has.
    fn newest(&self, branch: u64, now: f64) -> u64 {
        let there = self.states.iter().filter(|(step, at)| *step <= branch && *at <= now);
        there.map(|(step, _)| *step).max().unwrap_or(0)
    }
}

impl Forecast {
    /// Simulates the rest of a plan. `prices` are those of its runs, in the plan's order.
    pub fn of(plan: &Plan, prices: &[Price], standing: &Standing, workers: usize) -> Self {
        let mut price: HashMap<&str, Price> = HashMap::new();
        for (run, of) in plan.runs().iter().zip(prices) {
            price.insert(run.id(), *of);
        }
        let mut open: Vec<&PlannedRun> = plan.work_order();
        open.retain(|run| !standing.done.contains(run.id()));
        // Runs that are being trained already come first.
        open.sort_by_key(|run| !standing.running.contains_key(run.id()));
        let alone = open.iter().map(|run| price[run.id()].of(run)).sum();
        let mut trunks: HashMap<&str, Trunk> = HashMap::new();
        for run in &open {
            let trunk = trunks.entry(run.trunk()).or_default();
            let running = standing.running.get(run.id()).map(|step| (*step).min(run.branch_step()));
            let saved = standing.trunks.get(run.trunk()).into_iter().flatten();
            trunk.states.extend(saved.copied().chain(running).map(|step| (step, 0.0)));
        }
        let branches: Vec<(&str, u64)> =
            open.iter().map(|r| (r.trunk(), r.branch_step())).collect();
        let mut free = vec![0.0f64; workers.max(1)];
        let mut work = 0.0;
        while !open.is_empty() {
            free.sort_by(f64::total_cmp);
            let now = free[0];
            let ready = open.iter().position(|run| {
                let trunk = &trunks[run.trunk()];
                trunk.free <= now || trunk.newest(run.branch_step(), now) == run.branch_step()
            });
            let Some(ready) = ready else {
                free[0] = next_event(&trunks, now);
                continue;
            };
            let run = open.remove(ready);
            let (cost, branch) = (price[run.id()], run.branch_step());
            let trunk = trunks.get_mut(run.trunk()).expect("of every open run");
            let from = trunk.newest(branch, now);
            let until = now + cost.steps(branch - from);
            if from < branch {
                trunk.free = until;
                let passed = branches.iter().filter(|(name, step)| {
                    *name == run.trunk() && (from + 1..=branch).contains(step)
                });
                let states = passed.map(|(_, step)| (*step, now + cost.steps(step - from)));
                trunk.states.extend(states);
            }
            let cooled = standing.running.get(run.id()).map_or(0, |s| s.saturating_sub(branch));
            let left = (run.steps() - branch).saturating_sub(cooled);
            free[0] = until + cost.steps(left) + cost.once;
            work += free[0] - now;
        }
        Forecast { finish: free.into_iter().fold(0.0, f64::max), work, alone }
    }
}

/// The first time after `now` at which a trunk becomes free or gets another state.
fn next_event(trunks: &HashMap<&str, Trunk>, now: f64) -> f64 {
    let all = trunks.values().flat_map(|trunk| {
        let states = trunk.states.iter().map(|(_, at)| *at);
        states.chain([trunk.free])
    });
    let next = all.filter(|at| *at > now).fold(f64::INFINITY, f64::min);
    assert!(next.is_finite(), "an open run waits for somebody on its trunk");
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataFacts, PlanContext, Sweep};
    use proptest::prelude::*;
    use std::path::Path;

    fn sweep(seeds: &str, trunks: bool) -> Plan {
        let source = format!(
            "name = \"t\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [\"3k\", \"10k\", \"30k\"]\n\
             [plan]\ngrid = {{ tokens = [\"100k\", \"300k\", \"1M\"] }}\n\
             [train]\nseeds = {seeds}\ntrunks = {trunks}\n"
        );
        let sweep = Sweep::parse(Path::new("t.toml"), source).unwrap();
        let mut context = PlanContext {
            facts: &mut |_| {
                Ok(DataFacts::of(isoflop_results::DataRecord {
                    corpus: "any@1".to_owned(),
                    data_digest: "0".repeat(16),
                    vocab_size: 256,
                    train_tokens: 1_000_000,
                    test_tokens: 1000,
                    tokenizer: "bytes".to_owned(),
                    ..Default::default()
                }))
            },
            numerics_version: |_| 1,
            memory_bytes: 1 << 34,
            tuned: None,
            history: None,
            with_waiting: true,
        };
        Plan::build(&sweep, &mut context).unwrap()
    }

    fn prices(plan: &Plan) -> Vec<Price> {
        let unit = Price { step: 1.0, once: 0.0 };
        vec![unit; plan.runs().len()]
    }

    #[test]
    fn one_worker_takes_all_the_work_and_trunks_spare_what_they_share() {
        let shared = sweep("[0]", true);
        let forecast = Forecast::of(&shared, &prices(&shared), &Standing::default(), 1);
        assert_eq!(forecast.finish, forecast.work);
        let alone = sweep("[0]", false);
        let all = Forecast::of(&alone, &prices(&alone), &Standing::default(), 1);
        assert_eq!((all.work, forecast.alone), (all.alone, all.alone));
        // For each size, the run of 1M tokens in full and a fifth of those of 100k and 300k.
        let share = forecast.work / all.work;
        assert!((share - (1.0 + 0.08) / 1.4).abs() < 0.002, "{share}");
    }

    #[test]
    fn what_is_done_running_or_saved_is_not_done_again() {
        let plan = sweep("[0]", true);
        let run = &plan.runs()[8];
        let mut standing = Standing::default();
        let left = |standing: &Standing| Forecast::of(&plan, &prices(&plan), standing, 1).work;
        let whole = left(&standing);
        let sharing = plan.runs().iter().filter(|other| other.trunk() == run.trunk());
        let branches = sharing.map(|other| other.branch_step()).collect();
        standing.trunks.insert(run.trunk().to_owned(), branches);
        assert_eq!(left(&standing), whole - run.branch_step() as f64);
        standing.running.insert(run.id().to_owned(), run.branch_step() + 5);
        assert_eq!(left(&standing), whole - run.branch_step() as f64 - 5.0);
        standing.done = plan.runs().iter().map(|run| run.id().to_owned()).collect();
        assert_eq!(left(&standing), 0.0);
    }

    proptest! {
        #[test]
        fn more_workers_share_the_same_work(workers in 1usize..20, seeds in 1u64..4) {
            let seeds: Vec<u64> = (0..seeds).collect();
            let plan = sweep(&format!("{seeds:?}"), true);
            let of = |workers| Forecast::of(&plan, &prices(&plan), &Standing::default(), workers);
            let (one, many) = (of(1), of(workers));
            prop_assert_eq!(one.work, many.work);
            prop_assert!(many.finish >= many.work / workers as f64 && many.finish <= one.finish);
            let longest = plan.runs().iter().map(|run| run.steps()).max().unwrap();
            prop_assert!(many.finish >= longest as f64);
        }
    }
}
