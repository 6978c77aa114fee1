//! A sweep on a cluster: its runs planned and priced for the site's nodes, and handed to pilots that
//! Slurm places. Nothing stays behind that would have to be alive: pilots claim runs from the results
//! folder, and whoever looks at it later knows all that there is to know.

mod cluster;
mod fleet;
mod node;
mod refill;
mod stage;

pub use cluster::{Cluster, user};
pub use fleet::{Fleet, fleet};
pub use node::measure_here;
pub use refill::{Refilled, go_on, refill};

use crate::jobs::Jobs;
use crate::plan::Setting;
use crate::run::adopt;
use crate::{Lab, LabError};
use isoflop_sweep::claim::{allow_retries, unfinished};
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::leases::clear_dead;
use isoflop_sweep::workers::slurm::{
    self, Asked, Bounds, Kept, NodePrices, Packing, Script, job_name,
};
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder, Sweep};
use isoflop_train::device::DeviceChoice;
use stage::{Over, Stage};
use std::path::PathBuf;

/// Processors of a pilot where nobody says how many.
const CPUS: u64 = 4;

/// What is to be submitted, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The sweep.
    pub sweep: Sweep,
    /// What was asked of the cluster.
    pub asked: Asked,
    /// Budgets of a plan given as a time, and sizes, are chosen anew.
    pub replan: bool,
    /// Nothing is submitted and nothing written.
    pub dry: bool,
    /// A person asks, so that runs that failed are tried again.
    pub by_hand: bool,
    /// The program that pilots run.
    pub program: PathBuf,
}

/// What became of a request.
pub enum Submitted {
    /// Every run has ended; `isoflop run` fits the laws and writes the report.
    Nothing {
        /// Name of the sweep.
        name: String,
        /// Number of its runs.
        runs: usize,
        /// Number of those that failed.
        failed: usize,
    },
    /// Pilots for what is left.
    Pilots(Box<Submission>),
}

/// Pilots for what is left of a plan.
pub struct Submission {
    /// The plan: that of the sweep, or of the stage before it.
    pub plan: Plan,
    /// Its folder.
    pub folder: ResultsFolder,
    /// Runs that are open.
    pub open: usize,
    /// The site.
    pub cluster: Cluster,
    /// The file of the jobs.
    pub script: Script,
    /// How many pilots.
    pub packing: Packing,
    /// Jobs that were submitted; none in a dry run.
    pub jobs: Vec<String>,
    /// Pilots that waited or worked already.
    pub alive: usize,
    /// What the runs cost there.
    pub prices: NodePrices,
    /// From where the results stand, in seconds.
    pub forecast: Forecast,
}

/// Plans and prices a sweep and submits the pilots that are missing.
///
/// # Errors
/// There is no Slurm, the sweep cannot be planned, or Slurm refuses.
pub fn submit(lab: &Lab<'_>, request: &Request) -> Result<Submitted, LabError> {
    let cluster = Cluster::ask(&request.asked)?;
    let workers = request.asked.cpus_per_job.unwrap_or(CPUS.min(cluster.nodes.cpus)).max(1);
    let jobs = Jobs::Given((workers * request.asked.max_jobs) as usize);
    let places = node::places(lab, request)?;
    let setting =
        Setting { results: &request.asked.results, jobs, places: &places, replan: request.replan };
    let Stage { folder, plan } = match stage::next(lab, request, &setting)? {
        Ok(stage) => stage,
        Err(Over { name, runs, failed }) => return Ok(Submitted::Nothing { name, runs, failed }),
    };
    let plan = match request.dry {
        true => plan,
        false => {
            let plan = adopt(&folder, &plan, &request.sweep)?;
            Kept::of(&folder).make()?;
            if request.by_hand {
                allow_retries(&folder, &folder.records(&plan)?.failed)?;
                clear_dead(&folder)?;
            }
            plan
        }
    };
    let base = script(request, &cluster, &folder, &plan, workers);
    let prices = node::prices(lab, request, &cluster, &folder, &plan, &base)?;
    let script = Script { workers: prices.workers, device: prices.device.clone(), ..base };
    let open = unfinished(&folder, &plan.work_order())?.len();
    let bounds = bounds(&request.asked, &cluster, &script);
    let _lock = match request.dry {
        true => None,
        false => Some(keep(request, &folder, &prices, &script)?),
    };
    // A pilot that submits has seen the end of the runs, and so have those that are at work beside it.
    let counts = |pilot: &&slurm::Pilot| request.by_hand || pilot.is_waiting();
    let alive = slurm::queue(&script.name)?.iter().filter(counts).count();
    let (packing, forecast) = pack(&folder, &plan, &prices, alive, bounds)?;
    let mut submission = Submission {
        plan,
        folder,
        open,
        cluster,
        script,
        packing,
        jobs: Vec::new(),
        alive,
        prices,
        forecast,
    };
    if !request.dry {
        let text = submission.script.text();
        submission.jobs = slurm::submit(&text, &submission.packing.arrays)?;
    }
    Ok(Submitted::Pilots(Box::new(submission)))
}

/// Keeps what later submissions need, and returns the lock that is held until this one is done.
fn keep(
    request: &Request,
    folder: &ResultsFolder,
    prices: &NodePrices,
    script: &Script,
) -> Result<std::fs::File, LabError> {
    let kept = Kept::of(folder);
    let lock = kept.lock()?;
    kept.keep_asked(&request.asked)?;
    kept.keep_prices(prices)?;
    kept.keep_script(&script.text())?;
    kept.cancel(false)?;
    for job in kept.begun() {
        // Whatever became of earlier pilots, this submission makes good.
        kept.ended(&job);
    }
    Ok(lock)
}

/// The file of the jobs, as far as it does not depend on what a calibration finds.
fn script(
    request: &Request,
    cluster: &Cluster,
    folder: &ResultsFolder,
    plan: &Plan,
    workers: u64,
) -> Script {
    let asked = &request.asked;
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let device = match asked.gpus_per_job {
        0 => DeviceChoice::Cpu,
        _ => DeviceChoice::Wgpu(None),
    };
    Script {
        name: job_name(folder),
        partition: asked.partition.clone(),
        account: asked.account.clone(),
        time_s: asked.time_s,
        cpus: workers,
        memory_mb: Some(memory_mb(plan)),
        gpus: asked.gpus_per_job,
        workers,
        device: device.to_string(),
        more: asked.sbatch_args.clone(),
        requeue_exit: cluster.site.requeue_exit,
        program: request.program.clone(),
        folder: absolute(folder.root().to_owned()),
        place: std::env::current_dir().unwrap_or_default(),
        logs: absolute(Kept::of(folder).logs()),
    }
}

/// MiB that a worker is given: what its largest run is estimated to take and half as much again.
fn memory_mb(plan: &Plan) -> u64 {
    const STEP: u64 = 256;
    let most = plan.runs().iter().map(PlannedRun::memory_bytes).max().unwrap_or(0);
    ((most + most / 2) >> 20).div_ceil(STEP).max(1) * STEP
}

fn bounds(asked: &Asked, cluster: &Cluster, script: &Script) -> Bounds {
    Bounds {
        max_jobs: asked.max_jobs,
        workers: script.workers * script.gpus.max(1),
        lifetime_s: script.lifetime_s(),
        max_array: cluster.site.max_array,
    }
}

/// How many pilots what is left of a plan should have, and when they will be done with it.
fn pack(
    folder: &ResultsFolder,
    plan: &Plan,
    prices: &NodePrices,
    alive: usize,
    bounds: Bounds,
) -> Result<(Packing, Forecast), LabError> {
    let standing = Standing::of(folder, plan, &[])?;
    let all = prices_of(plan, prices);
    let open: Vec<(&PlannedRun, &Price)> =
        plan.runs().iter().zip(&all).filter(|(run, _)| !standing.done.contains(run.id())).collect();
    let longest = open.iter().map(|(run, price)| price.of(run)).fold(0.0, f64::max);
    let work = Forecast::of(plan, &all, &standing, 1).work;
    let packing = Packing::of(open.len() as u64, work, longest, alive as u64, bounds);
    let workers = packing.pilots.max(alive as u64).max(1) * bounds.workers;
    let forecast = Forecast::of(plan, &all, &standing, workers as usize);
    Ok((packing, forecast))
}

/// Prices of a plan's runs in its order. A run that has none costs as much a FLOP as the others.
fn prices_of(plan: &Plan, known: &NodePrices) -> Vec<Price> {
    let (mut flops, mut seconds) = (0.0, 0.0);
    for run in plan.runs() {
        if let Some(price) = known.prices.get(run.id()) {
            flops += run.c_exact().0;
            seconds += price.of(run);
        }
    }
    let pace = if flops > 0.0 { seconds / flops } else { 0.0 };
    let price = |run: &PlannedRun| {
        known
            .prices
            .get(run.id())
            .copied()
            .unwrap_or(Price { step: pace * run.c_exact().0 / run.steps() as f64, once: 0.0 })
    };
    plan.runs().iter().map(price).collect()
}
