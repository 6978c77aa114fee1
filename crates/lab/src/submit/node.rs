//! What runs cost on the nodes of a site: measured there by a job of some seconds, and remembered by
//! type of node.

use super::{Cluster, Request};
use crate::jobs::Jobs;
use crate::places::Places;
use crate::run::Heeded;
use crate::{Hinted, Lab, LabError, calibration};
use isoflop_results::file::write_atomic;
use isoflop_sweep::workers::slurm::{self, Kept, NodePrices, Script};
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder};
use isoflop_train::device::{DeviceChoice, Found};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time for which a submission waits until a node has measured.
const PATIENCE: Duration = Duration::from_secs(600);

/// Time between two looks for the measurement.
const POLL: Duration = Duration::from_millis(300);

/// Time between two questions whether its job is still there.
const ASK: Duration = Duration::from_secs(3);

/// What a job found on its node.
#[derive(Serialize, Deserialize)]
struct Measured {
    /// Name of the speeds in the cache.
    speeds: String,
    prices: NodePrices,
}

/// Where speeds of a type of node lie in the cache.
#[derive(Serialize, Deserialize)]
struct Pointer {
    speeds: String,
    device: String,
    workers: u64,
}

/// Where a plan's speeds are measured that no node measures.
pub(super) fn places(lab: &Lab<'_>, request: &Request) -> Result<Places, LabError> {
    if request.asked.gpus_per_job > 0 && !cfg!(feature = "wgpu") {
        let hint = "build it with `cargo build --release --features wgpu` (docs/gpu.md)";
        return Err(Hinted::new("this program was built without GPUs", hint).into());
    }
    let nowhere = ResultsFolder::at(PathBuf::new());
    Places::of(lab.notice, DeviceChoice::Cpu, &nowhere)
}

/// Prices of a plan's runs on the nodes of a cluster.
pub(super) fn prices(
    lab: &Lab<'_>,
    request: &Request,
    cluster: &Cluster,
    folder: &ResultsFolder,
    plan: &Plan,
    script: &Script,
) -> Result<NodePrices, LabError> {
    if let Some(known) = known(cluster, folder, plan, script) {
        return Ok(known);
    }
    if !request.dry {
        match measured(lab, folder, script, cluster)? {
            Ok(Measured { speeds, prices }) => {
                let NodePrices { device, workers, .. } = &prices;
                remember(
                    cluster,
                    script,
                    &Pointer { speeds, device: device.clone(), workers: *workers },
                );
                return Ok(NodePrices { nodes: Some(cluster.nodes.clone()), ..prices });
            }
            Err(why) => lab.notice.note(&format!("warning: no node has measured its speed: {why}")),
        }
    }
    lab.notice.note("prices are those of this machine's processor, until a node is measured");
    let workers = script.workers as usize;
    let prices = calibration::prices(lab, plan, &Found::cpu(), workers, false)?.prices;
    let by_id = plan.runs().iter().map(|run| run.id().to_owned()).zip(prices).collect();
    Ok(NodePrices {
        nodes: None,
        device: script.device.clone(),
        workers: script.workers,
        prices: by_id,
    })
}

/// Prices that need no measurement.
fn known(
    cluster: &Cluster,
    folder: &ResultsFolder,
    plan: &Plan,
    script: &Script,
) -> Option<NodePrices> {
    let has_all =
        |prices: &NodePrices| plan.runs().iter().all(|run| prices.prices.contains_key(run.id()));
    let kept = Kept::of(folder).prices().filter(|kept| {
        kept.nodes.as_ref().map(slurm::NodeType::key) == Some(cluster.nodes.key())
            && (script.gpus > 0) == (kept.device != DeviceChoice::Cpu.to_string())
            && (script.gpus > 0 || kept.workers == script.workers)
            && has_all(kept)
    });
    if kept.is_some() {
        return kept;
    }
    let bytes = std::fs::read(pointer_path(cluster, script)?).ok()?;
    let Pointer { speeds, device, workers } = serde_json::from_slice(&bytes).ok()?;
    let prices = calibration::prices_by(&speeds, plan)?;
    let prices = plan.runs().iter().map(|run| run.id().to_owned()).zip(prices).collect();
    Some(NodePrices { nodes: Some(cluster.nodes.clone()), device, workers, prices })
}

fn remember(cluster: &Cluster, script: &Script, pointer: &Pointer) {
    // What cannot be kept is measured again.
    if let (Some(path), Ok(json)) =
        (pointer_path(cluster, script), serde_json::to_string_pretty(pointer))
    {
        let _ = write_atomic(&path, json.as_bytes());
    }
}

/// File of the cache that says which speeds are those of a type of node.
fn pointer_path(cluster: &Cluster, script: &Script) -> Option<PathBuf> {
    let with = match script.gpus {
        0 => format!("{} workers", script.workers),
        _ => "gpu".to_owned(),
    };
    let key = format!("{} {} {with}", cluster.partition, cluster.nodes.key());
    let name: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Some(isoflop_data::Places::of_this_machine().ok()?.cache.join(format!("node-{name}.json")))
}

fn measured_path(folder: &ResultsFolder) -> PathBuf {
    folder.root().join("slurm").join("measured.json")
}

/// Has a node measure; the reason why none did where that failed.
fn measured(
    lab: &Lab<'_>,
    folder: &ResultsFolder,
    script: &Script,
    cluster: &Cluster,
) -> Result<Result<Measured, String>, LabError> {
    let path = measured_path(folder);
    let _ = std::fs::remove_file(&path);
    lab.notice.note(&format!(
        "measuring how fast a node of {} trains; a job of some 20 seconds, once",
        cluster.partition
    ));
    let job = slurm::submit_one(&script.measuring())?;
    let _heeded = Heeded::by(lab.stop);
    let begun = Instant::now();
    let mut asked = Instant::now();
    let mut gone = 0;
    loop {
        if let Ok(bytes) = std::fs::read(&path) {
            return Ok(serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        }
        if lab.stop.flag().load(Ordering::Acquire) {
            slurm::remove(&job)?;
            return Err(LabError::Ended("stopped while a node was to measure".to_owned()));
        }
        if begun.elapsed() > PATIENCE {
            slurm::remove(&job)?;
            let minutes = PATIENCE.as_secs() / 60;
            return Ok(Err(format!("job {job} did not begin within {minutes} minutes")));
        }
        if asked.elapsed() > ASK {
            asked = Instant::now();
            gone = if slurm::is_alive(&job) { 0 } else { gone + 1 };
            // A file of another node is seen some seconds late.
            if gone > 2 {
                let log = script.measuring_log(&job);
                return Ok(Err(format!("job {job} ended without a speed; see {}", log.display())));
            }
        }
        std::thread::sleep(POLL);
    }
}

/// Measures the plan of a results folder on this node and writes what was found.
///
/// # Errors
/// The folder cannot be read or written, or no speed be measured.
pub fn measure_here(
    lab: &Lab<'_>,
    folder: &ResultsFolder,
    device: DeviceChoice,
    workers: usize,
) -> Result<(), LabError> {
    let plan = folder.plan()?;
    let jobs = match device {
        DeviceChoice::Cpu => Jobs::Given(workers),
        _ => Jobs::Auto,
    };
    let settled = Places::of(lab.notice, device, folder)?.settle(lab, &plan, jobs, false)?;
    let ids = plan.runs().iter().map(PlannedRun::id).map(str::to_owned);
    let workers = match device {
        // There are as many processes as cores, also where a plan has fewer runs.
        DeviceChoice::Cpu => workers,
        _ => settled.jobs,
    };
    let measured = Measured {
        speeds: calibration::speeds_name(&settled.found, settled.jobs),
        prices: NodePrices {
            nodes: None,
            device: device.to_string(),
            workers: workers as u64,
            prices: ids.zip(settled.prices).collect::<BTreeMap<_, _>>(),
        },
    };
    Ok(write_atomic(&measured_path(folder), serde_json::to_string(&measured)?.as_bytes())?)
}
