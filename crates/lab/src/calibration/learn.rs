//! What runs that have finished tell of the speed of this machine.

use super::at_once;
use super::known::{Known, Speeds, now, uneven};
use isoflop_results::{RunRow, Status};
use isoflop_sweep::Plan;
use isoflop_sweep::lease::host_name;
use isoflop_train::device::Found;
use isoflop_train::price::{Load, Speed};

/// Runs that took less tell more of their start than of their steps.
const SHORTEST_S: f64 = 1.0;

/// Takes the speeds of rows that this machine has just trained, `jobs` at a time, into those that are
/// remembered: of every model the median of its runs.
pub(crate) fn learn(plan: &Plan, on: &Found, jobs: usize, rows: &[RunRow]) {
    let together = at_once(on, jobs);
    let Ok(mut speeds) = Speeds::of(on, together) else {
        return;
    };
    let learned = observed(plan, rows, jobs as f64 / together as f64);
    if learned.is_empty() {
        return;
    }
    for (load, steps) in learned {
        speeds.learn(of_runs(&speeds, load, steps));
    }
    speeds.keep();
}

/// Seconds of a step of every load, run by run. A process that shares its core is as much slower.
fn observed(plan: &Plan, rows: &[RunRow], slower: f64) -> Vec<(Load, Vec<f64>)> {
    let here = host_name();
    let mut all: Vec<(Load, Vec<f64>)> = Vec::new();
    for row in rows {
        let fit = row.status == Status::Finished
            && row.host == here
            && row.wall_time_s >= SHORTEST_S
            && row.tokens_per_s > 0.0;
        let (true, Some(run)) = (fit, plan.run(&row.run_id)) else {
            continue;
        };
        let load = Load::of(run);
        let step_s = load.tokens().0 / row.tokens_per_s / slower;
        match all.iter_mut().find(|(known, _)| *known == load) {
            Some((_, steps)) => steps.push(step_s),
            None => all.push((load, vec![step_s])),
        }
    }
    all
}

fn of_runs(speeds: &Speeds, load: Load, mut steps: Vec<f64>) -> Known {
    steps.sort_by(f64::total_cmp);
    let median = steps[steps.len() / 2];
    // Of a score, runs tell nothing apart: as measured, or in proportion to the step.
    let before = speeds.guess(&load);
    let speed = match before {
        Some(speed) => Speed { step_s: median, ..speed },
        None => Speed {
            step_s: median,
            // A token forward, of a token forward and twice as much backward.
            score_s: median / 3.0 / load.tokens().0,
            device_bytes: None,
            spread: None,
        },
    };
    let measured = speeds.known.iter().find(|known| known.load == load);
    Known {
        load,
        speed,
        at: now(),
        noise: uneven(&steps).or_else(|| measured.and_then(|known| known.noise)),
        runs: steps.len() as u64,
    }
}
