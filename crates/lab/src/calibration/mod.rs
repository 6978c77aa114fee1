//! How fast this machine trains the models of a plan: measured once in processes like those that
//! train, remembered in the cache, and learned anew from the runs that finish.

mod basis;
mod known;
mod learn;

pub use basis::Basis;
pub(crate) use learn::learn;

use crate::{Lab, LabError};
use isoflop_sweep::forecast::Price;
use isoflop_sweep::{Plan, PlannedRun};
use isoflop_train::device::{DeviceChoice, Found};
use isoflop_train::price::{Load, Speed};
use known::{Known, Speeds, device, flops, is_like, now, uneven};
use std::time::Duration;

/// Models of one kind that are measured at most; the others lie between.
const MOST_MEASURED: usize = 10;

/// How long each model is measured for.
pub const EACH: Duration = Duration::from_millis(400);

/// A step that should take longer is not measured but taken from the largest that is.
const LONGEST_STEP: f64 = 2.0;

/// Prices of the runs of a plan in its order, in seconds, and what they rest on.
pub struct Priced {
    /// In seconds.
    pub prices: Vec<Price>,
    /// What they rest on.
    pub basis: Basis,
}

/// Prices of the runs of a plan in seconds on a device, for `jobs` processes at a time. What is not known yet,
/// or all of it where `again` is set, is measured now.
///
/// # Errors
/// A process cannot be started, or a speed not be read.
pub fn prices(
    lab: &Lab<'_>,
    plan: &Plan,
    on: &Found,
    jobs: usize,
    again: bool,
) -> Result<Priced, LabError> {
    let loads = loads(plan);
    let at_once = at_once(on, jobs);
    let mut speeds = Speeds::of(on, at_once)?;
    if again {
        speeds.known.clear();
    }
    let missing: Vec<Load> = spread(&loads)
        .into_iter()
        .filter(|load| speeds.known.iter().all(|known| known.load != *load))
        .collect();
    if !missing.is_empty() {
        let machine = match on.is_adapter() {
            true => on.choice.to_string(),
            false => "this machine".to_owned(),
        };
        lab.notice.note(&format!(
            "measuring how fast {machine} trains {} models in {at_once} processes; a few seconds, once",
            missing.len()
        ));
        for load in missing {
            let quick = |speed: Speed| speed.step_s < LONGEST_STEP;
            if speeds.guess(&load).is_none_or(quick) {
                speeds.learn(measure(lab, &load, on.choice, at_once)?);
            }
        }
        speeds.keep();
    }
    let slower = jobs as f64 / at_once as f64;
    let price = |run: &PlannedRun| {
        let speed =
            speeds.guess(&Load::of(run)).expect("the first load of a kind is always measured");
        shared(speed, slower).price(run)
    };
    Ok(Priced {
        prices: plan.runs().iter().map(price).collect(),
        basis: Basis::of(&loads, &speeds),
    })
}

/// The models of a plan, each once, ascending by the FLOPs of a step.
fn loads(plan: &Plan) -> Vec<Load> {
    let mut loads: Vec<Load> = Vec::new();
    for run in plan.runs() {
        let load = Load::of(run);
        if !loads.contains(&load) {
            loads.push(load);
        }
    }
    loads.sort_by(|a, b| flops(a).total_cmp(&flops(b)));
    loads
}

/// Processes that measure at a time. More than there are cores share these and take as much longer;
/// an adapter may be kept busy by more.
fn at_once(on: &Found, jobs: usize) -> usize {
    const OF_AN_ADAPTER: usize = 8;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    jobs.min(match on.is_adapter() {
        true => cores.max(OF_AN_ADAPTER),
        false => cores,
    })
}

/// The speed of a process that gets a part of a core, or of a device, alone.
fn shared(speed: Speed, slower: f64) -> Speed {
    Speed { step_s: speed.step_s * slower, score_s: speed.score_s * slower, ..speed }
}

/// Bytes of an adapter's memory that a process takes for the largest model of a plan that was
/// measured on it alone; nothing where that is not known.
pub(crate) fn device_bytes(plan: &Plan, on: &Found) -> Option<f64> {
    let speeds = Speeds::of(on, 1).ok()?;
    let largest = loads(plan).pop()?;
    let bytes = speeds.known.iter().filter(|known| flops(&known.load) <= flops(&largest));
    bytes.filter_map(|known| known.speed.device_bytes).reduce(f64::max)
}

/// Prices of a plan on the processor from what is remembered, without measuring anything; none where too
/// little is known.
pub fn known_prices(plan: &Plan, jobs: usize) -> Option<Vec<Price>> {
    prices_by(&speeds_name(&Found::cpu(), jobs), plan)
}

/// Name under which the speeds of a device with so many processes are remembered.
pub(crate) fn speeds_name(on: &Found, jobs: usize) -> String {
    device(on, at_once(on, jobs))
}

/// Prices by the speeds that were measured under a name, which may be another machine's; none where they do not
/// reach the plan's models.
pub(crate) fn prices_by(name: &str, plan: &Plan) -> Option<Vec<Price>> {
    let speeds = Speeds::named(name.to_owned()).ok()?;
    // Not far beyond what was measured.
    let is_near = |load: &Load| {
        let alike = speeds.known.iter().filter(|known| is_like(&known.load, load));
        alike.map(|known| flops(&known.load)).fold(0.0, f64::max) * 4.0 >= flops(load)
    };
    if !loads(plan).iter().all(is_near) {
        return None;
    }
    let price = |run: &PlannedRun| Some(speeds.guess(&Load::of(run))?.price(run));
    plan.runs().iter().map(price).collect()
}

/// At most [`MOST_MEASURED`] of every kind of model, the ends included.
fn spread(loads: &[Load]) -> Vec<Load> {
    let mut kinds: Vec<Vec<Load>> = Vec::new();
    for load in loads {
        match kinds.iter_mut().find(|kind| is_like(&kind[0], load)) {
            Some(kind) => kind.push(*load),
            None => kinds.push(vec![*load]),
        }
    }
    let of_kind = |kind: &Vec<Load>| match kind.len() {
        0..=MOST_MEASURED => kind.clone(),
        count => (0..MOST_MEASURED).map(|i| kind[i * (count - 1) / (MOST_MEASURED - 1)]).collect(),
    };
    kinds.iter().flat_map(of_kind).collect()
}

/// The mean speed of `jobs` processes that all train the same at once.
fn measure(lab: &Lab<'_>, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Known, LabError> {
    let speeds = lab.crew.measure(load, on, jobs)?;
    let mean = |of: fn(&Speed) -> f64| speeds.iter().map(of).sum::<f64>() / speeds.len() as f64;
    let device_bytes = speeds.iter().filter_map(|speed| speed.device_bytes);
    let steps: Vec<f64> = speeds.iter().map(|speed| speed.step_s).collect();
    let within: Vec<f64> = speeds.iter().filter_map(|speed| speed.spread).collect();
    // Parts of one process and processes side by side, whichever are less even.
    let noise = within.into_iter().chain(uneven(&steps)).reduce(f64::max);
    Ok(Known {
        load: *load,
        speed: Speed {
            device_bytes: device_bytes.reduce(f64::max),
            step_s: mean(|speed| speed.step_s),
            score_s: mean(|speed| speed.score_s),
            spread: None,
        },
        at: now(),
        noise,
        runs: 0,
    })
}
