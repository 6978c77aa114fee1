//! How fast this machine trains the models of a plan: measured once in processes like those that
//! train, remembered in the cache.

use crate::output::note;
use crate::signals::{self, STOPPED};
use anyhow::{Context, Result};
use isoflop_core::{FlopCount, Tokens};
use isoflop_data::Places;
use isoflop_results::file::write_atomic;
use isoflop_sweep::Plan;
use isoflop_sweep::forecast::Price;
use isoflop_train::NUMERICS_VERSION;
use isoflop_train::device::{DeviceChoice, Found, TrainDevice, instruction_set, processor};
use isoflop_train::price::{Load, Speed};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Models that are measured at most; the others lie between.
const MOST_MEASURED: usize = 10;

/// How long each is measured for.
const EACH: Duration = Duration::from_millis(400);

/// A step that should take longer is not measured but taken from the largest that is.
const LONGEST_STEP: f64 = 2.0;

/// Speeds of one kind of device with so many processes at a time.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    device: String,
    measured: Vec<(Load, Speed)>,
}

/// Prices of the runs of a plan in seconds on a device, for `jobs` processes at a time. What is not known yet,
/// or all of it where `again` is set, is measured now.
///
/// # Errors
/// A process cannot be started, or a speed not be read.
pub(crate) fn prices(plan: &Plan, on: &Found, jobs: usize, again: bool) -> Result<Vec<Price>> {
    let mut loads: Vec<Load> = Vec::new();
    for run in plan.runs() {
        let load = Load::of(run);
        if !loads.contains(&load) {
            loads.push(load);
        }
    }
    loads.sort_by(|a, b| flops(a).total_cmp(&flops(b)));
    let at_once = at_once(on, jobs);
    let device = device(on, at_once);
    let path = path(&device)?;
    let mut known = match again {
        true => Vec::new(),
        false => remembered(&path, &device),
    };
    let missing: Vec<Load> = spread(&loads)
        .into_iter()
        .filter(|load| known.iter().all(|(other, _)| other != load))
        .collect();
    if !missing.is_empty() {
        let machine = match on.is_adapter() {
            true => on.choice.to_string(),
            false => "this machine".to_owned(),
        };
        note(&format!(
            "measuring how fast {machine} trains {} models in {at_once} processes; a few seconds, once",
            missing.len()
        ));
        for load in missing {
            if known.is_empty() || guess(&known, &load).step_s < LONGEST_STEP {
                let speed = measure(&load, on.choice, at_once)?;
                known.push((load, speed));
            }
        }
        let measured = Remembered {
            device,
            measured: known.clone(),
        };
        // What cannot be remembered is measured again.
        let _ = write_atomic(&path, serde_json::to_string(&measured)?.as_bytes());
    }
    let slower = jobs as f64 / at_once as f64;
    let price = |run| shared(guess(&known, &Load::of(run)), slower).price(run);
    Ok(plan.runs().iter().map(price).collect())
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
    Speed {
        step_s: speed.step_s * slower,
        score_s: speed.score_s * slower,
        ..speed
    }
}

/// Bytes of an adapter's memory that a process takes for the largest model of a plan that was
/// measured on it alone; nothing where that is not known.
pub(crate) fn device_bytes(plan: &Plan, on: &Found) -> Option<f64> {
    let device = device(on, 1);
    let known = remembered(&path(&device).ok()?, &device);
    let mut of_plan = plan.runs().iter().map(Load::of);
    let largest = of_plan
        .by_ref()
        .max_by(|a, b| flops(a).total_cmp(&flops(b)))?;
    let bytes = known
        .iter()
        .filter(|(load, _)| flops(load) <= flops(&largest));
    bytes
        .filter_map(|(_, speed)| speed.device_bytes)
        .reduce(f64::max)
}

/// As [`prices`] on the processor, without measuring anything: nothing where too little is known.
pub(crate) fn known_prices(plan: &Plan, jobs: usize) -> Option<Vec<Price>> {
    let device = device(&Found::cpu(), at_once(&Found::cpu(), jobs));
    let known = remembered(&path(&device).ok()?, &device);
    let ends = plan.runs().iter().map(|run| flops(&Load::of(run)));
    let largest = ends.fold(0.0, f64::max);
    // Not far beyond what was measured.
    let measured = known
        .iter()
        .map(|(load, _)| flops(load))
        .fold(0.0, f64::max);
    (measured * 4.0 >= largest).then(|| {
        let price = |run| guess(&known, &Load::of(run)).price(run);
        plan.runs().iter().map(price).collect()
    })
}

/// What speeds depend on besides the model.
fn device(on: &Found, jobs: usize) -> String {
    let what = match on.choice {
        DeviceChoice::Cpu => format!("cpu {}, {}", processor(), instruction_set()),
        DeviceChoice::NdArray => format!("ndarray {}, {}", processor(), instruction_set()),
        _ => format!("wgpu {}", on.detail),
    };
    let version = env!("CARGO_PKG_VERSION");
    format!("{what}, {jobs} processes, isoflop {version}, numerics {NUMERICS_VERSION}")
}

fn path(device: &str) -> Result<PathBuf> {
    let name: String = device
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Ok(Places::of_this_machine()?
        .cache
        .join(format!("speed-{name}.json")))
}

fn remembered(path: &PathBuf, device: &str) -> Vec<(Load, Speed)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match serde_json::from_str::<Remembered>(&text) {
        Ok(found) if found.device == device => found.measured,
        // None yet, or damaged: measured again.
        _ => Vec::new(),
    }
}

fn flops(load: &Load) -> f64 {
    let tokens = load.windows as f64 * load.model.context as f64;
    FlopCount::of(&load.model).of_tokens(Tokens(tokens)).0
}

/// At most [`MOST_MEASURED`] of them, the ends included.
fn spread(loads: &[Load]) -> Vec<Load> {
    match loads.len() {
        0..=MOST_MEASURED => loads.to_vec(),
        count => (0..MOST_MEASURED)
            .map(|i| loads[i * (count - 1) / (MOST_MEASURED - 1)])
            .collect(),
    }
}

/// The speed of a load: as measured, or between its neighbours by FLOPs a step, logarithms taken.
fn guess(known: &[(Load, Speed)], load: &Load) -> Speed {
    if let Some((_, speed)) = known.iter().find(|(other, _)| other == load) {
        return *speed;
    }
    let at = flops(load).ln();
    let place = |known: &&(Load, Speed)| flops(&known.0).ln();
    let below = known.iter().filter(|k| place(k) <= at);
    let below = below.max_by(|a, b| place(a).total_cmp(&place(b)));
    let above = known.iter().filter(|k| place(k) > at);
    let above = above.min_by(|a, b| place(a).total_cmp(&place(b)));
    match (below, above) {
        (Some(low), Some(high)) => {
            let share = (at - place(&low)) / (place(&high) - place(&low));
            let mix = |a: f64, b: f64| (a.ln() * (1.0 - share) + b.ln() * share).exp();
            let tokens = |load: &Load| load.windows as f64 * load.model.context as f64;
            // A token's score costs a share of its FLOPs, not of the step's.
            let per_flop = |k: &(Load, Speed)| k.1.score_s * tokens(&k.0) / flops(&k.0);
            Speed {
                device_bytes: high.1.device_bytes,
                step_s: mix(low.1.step_s, high.1.step_s),
                score_s: mix(per_flop(low), per_flop(high)) * flops(load) / tokens(load),
            }
        }
        // Beyond the ends in proportion.
        (Some(end), None) | (None, Some(end)) => {
            let scale = flops(load) / flops(&end.0);
            Speed {
                device_bytes: end.1.device_bytes,
                step_s: end.1.step_s * scale,
                score_s: end.1.score_s * scale,
            }
        }
        (None, None) => unreachable!("the first load is always measured"),
    }
}

/// The mean speed of `jobs` processes that all train the same at once.
fn measure(load: &Load, on: DeviceChoice, jobs: usize) -> Result<Speed> {
    let children = (0..jobs)
        .map(|_| start(load, on))
        .collect::<Result<Vec<Child>>>()?;
    let mut speeds = Vec::new();
    for mut child in children {
        let mut text = String::new();
        let stdout = child.stdout.as_mut().context("it was piped")?;
        stdout.read_to_string(&mut text)?;
        let status = child.wait()?;
        let speed: Speed = serde_json::from_str(&text)
            .with_context(|| format!("cannot measure a step on {on}: {status}"))?;
        speeds.push(speed);
    }
    let mean = |of: fn(&Speed) -> f64| speeds.iter().map(of).sum::<f64>() / speeds.len() as f64;
    let device_bytes = speeds.iter().filter_map(|speed| speed.device_bytes);
    Ok(Speed {
        device_bytes: device_bytes.reduce(f64::max),
        step_s: mean(|speed| speed.step_s),
        score_s: mean(|speed| speed.score_s),
    })
}

fn start(load: &Load, on: DeviceChoice) -> Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["measure", "--device", &on.to_string()])
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.as_mut().context("it was piped")?;
    writeln!(stdin, "{}", serde_json::to_string(load)?)?;
    Ok(child)
}

/// Measures one step; [`prices`] starts these.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where.
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
}

/// The verb that [`prices`] starts processes of: a load as a line of stdin, its speed to stdout.
pub(crate) fn answer(args: &Args) -> Result<ExitCode> {
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line)? == 0 {
        // Its command ended before it could say anything.
        return Ok(ExitCode::from(STOPPED));
    }
    let load: Load = serde_json::from_str(&line)?;
    signals::end_with_parent();
    let device = TrainDevice::open(args.device)?;
    crate::output::print_json(&load.measure(&device, EACH))?;
    Ok(ExitCode::SUCCESS)
}
