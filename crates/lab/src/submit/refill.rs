//! Pilots for those that are gone without a word, and for the stage that comes next.

use super::{Cluster, Request, Submitted, pack, submit, user};
use crate::{Lab, LabError, until};
use isoflop_sweep::claim::unfinished;
use isoflop_sweep::tuning::SUFFIX;
use isoflop_sweep::workers::slurm::{self, Bounds, Kept, NodePrices, job_name};
use isoflop_sweep::{Plan, ResultsFolder, Sweep};
use isoflop_train::device::DeviceChoice;
use std::collections::{BTreeMap, HashSet};

/// Pilots in the place of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refilled {
    /// Pilots that began and are gone.
    pub gone: usize,
    /// Jobs that were submitted.
    pub jobs: Vec<String>,
    /// Number of pilots in them.
    pub pilots: u64,
}

/// Submits pilots in the place of those that began and are gone without having ended by themselves,
/// as far as work is left for them. Nothing is submitted for a sweep that was cancelled or that
/// somebody else submitted.
///
/// # Errors
/// The folder cannot be read, or Slurm refuses.
pub fn refill(folder: &ResultsFolder, plan: &Plan) -> Result<Option<Refilled>, LabError> {
    let kept = Kept::of(folder);
    if kept.is_cancelled() || unfinished(folder, &plan.work_order())?.is_empty() {
        return Ok(None);
    }
    let (Some(asked), Some(script)) = (kept.asked(), kept.script()) else {
        return Ok(None);
    };
    if asked.user != user() || kept.begun().is_empty() {
        return Ok(None);
    }
    let _lock = kept.lock()?;
    let alive = slurm::queue(&job_name(folder))?;
    let known: HashSet<&str> = alive.iter().map(|pilot| pilot.job.as_str()).collect();
    let mut gone = kept.begun();
    gone.retain(|job| !known.contains(job.as_str()));
    if gone.is_empty() {
        return Ok(None);
    }
    let cluster = Cluster::ask(&asked)?;
    // Without prices one pilot is submitted, which goes on until nothing is left.
    let prices = kept.prices().unwrap_or_else(|| NodePrices {
        nodes: None,
        device: DeviceChoice::default().to_string(),
        workers: asked.cpus_per_job.unwrap_or(1),
        prices: BTreeMap::new(),
    });
    let bounds = Bounds {
        max_jobs: asked.max_jobs,
        workers: prices.workers * asked.gpus_per_job.max(1),
        lifetime_s: asked.time_s,
        max_array: cluster.site.max_array,
    };
    let (packing, _) = pack(folder, plan, &prices, alive.len(), bounds)?;
    let jobs = slurm::submit(&script, &packing.arrays)?;
    gone.iter().for_each(|job| kept.ended(job));
    Ok(Some(Refilled { gone: gone.len(), jobs, pilots: packing.missing }))
}

/// Submits what comes after the runs of a folder's plan, all of which have ended, where anything does:
/// the sweep after its stage of trials, budgets that waited, runs until an interval is narrow.
///
/// # Errors
/// The sweep file is gone or cannot be planned, or Slurm refuses.
pub fn go_on(
    lab: &Lab<'_>,
    folder: &ResultsFolder,
    plan: &Plan,
    program: std::path::PathBuf,
) -> Result<Option<Submitted>, LabError> {
    let kept = Kept::of(folder);
    let Some(asked) = kept.asked().filter(|asked| asked.user == user() && !kept.is_cancelled())
    else {
        return Ok(None);
    };
    let sweep = Sweep::read(&asked.sweep)?;
    let follows = plan.name().ends_with(SUFFIX)
        || plan.waiting().next().is_some()
        || until::asked(&sweep).is_some();
    if !follows {
        return Ok(None);
    }
    let request = Request { sweep, asked, replan: false, dry: false, by_hand: false, program };
    submit(lab, &request).map(Some)
}
