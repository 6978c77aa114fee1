//! `isoflop submit`: hands a sweep to a Slurm cluster. The same command again submits what is missing.

use crate::output::{note, print, print_json};
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_core::units::parse_duration;
use isoflop_lab::submit::{Request, Submission, Submitted, submit, user};
use isoflop_lab::words::{clock, shell_word, span};
use isoflop_sweep::Sweep;
use isoflop_sweep::workers::slurm::Asked;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Shortest time of a job: administrators dislike jobs of seconds, and a pilot has to start.
const LEAST_S: f64 = 60.0;

/// Submits a sweep to a Slurm cluster: plans it, prices it for the nodes of the partition, and queues
/// a few jobs whose workers claim runs until nothing is left.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  isoflop submit sweeps/quickstart.toml --partition short --time 1h\n\n\
    The same command again submits only what is missing; `isoflop status` tells how far the sweep is, and \
    `isoflop run` fits its laws and writes its report once every run has ended."
)]
pub(crate) struct Args {
    /// Sweep file.
    sweep: PathBuf,
    /// Partition; by default the site's default.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Account that pays; by default the user's default.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Time of a job, such as 1h or 90min. Short jobs start sooner and are preempted less often; a run
    /// that is longer goes on in the next job.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = time)]
    time: u64,
    /// Most jobs that wait or run at a time.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    max_jobs: u64,
    /// Processors of a job, with a worker on each; by default 4, or as many as a node has.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=4096))]
    cpus_per_job: Option<u64>,
    /// GPUs of a job. Each has workers of its own, as many as make the sweep faster.
    #[arg(long, default_value_t = 0, value_name = "G", value_parser = clap::value_parser!(u64).range(0..=64))]
    gpus_per_job: u64,
    /// One more argument for `sbatch`, such as --sbatch-arg=--qos=long; may be given several times.
    #[arg(long = "sbatch-arg", value_name = "ARG", allow_hyphen_values = true, value_parser = sbatch_arg)]
    sbatch_args: Vec<String>,
    /// Recompute the budgets of a plan given as a time, and the sizes of `sizes = "auto"`, instead of
    /// keeping those chosen earlier.
    #[arg(long)]
    replan: bool,
    /// Folder of all results; those of this sweep are in DIR/<name>. The nodes must see it.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Print the jobs' file, the cost and the expected end, and submit nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<u64, String> {
    let seconds = parse_duration(text).map_err(|error| error.to_string())?;
    match (LEAST_S..=3e8).contains(&seconds) {
        true => Ok(seconds as u64),
        false => Err(format!("give at least {LEAST_S} s, such as 1h")),
    }
}

fn sbatch_arg(text: &str) -> Result<String, String> {
    match text.starts_with('-') && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("give an argument of sbatch with its dashes, such as --qos=long".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let sweep = Sweep::read(&args.sweep)?;
    let asked = Asked {
        user: user(),
        sweep: std::path::absolute(&args.sweep)?,
        results: std::path::absolute(&args.results)?,
        partition: args.partition.clone(),
        account: args.account.clone(),
        time_s: args.time,
        max_jobs: args.max_jobs,
        cpus_per_job: args.cpus_per_job,
        gpus_per_job: args.gpus_per_job,
        sbatch_args: args.sbatch_args.clone(),
    };
    let request = Request {
        sweep,
        asked,
        replan: args.replan,
        dry: args.dry_run,
        by_hand: true,
        program: std::env::current_exe()?,
    };
    let submitted = with_lab(|lab| Ok(submit(lab, &request)?))?;
    let submission = match submitted {
        Submitted::Nothing { name, runs, failed } => {
            match args.json {
                true => print_json(&json!({ "name": name, "open": 0, "failed": failed }))?,
                false => note(&nothing(args, runs, failed)),
            }
            return Ok(ExitCode::from(u8::from(failed > 0)));
        }
        Submitted::Pilots(submission) => submission,
    };
    match args.json {
        true => print_json(&in_json(&submission))?,
        false => print(&in_words(&submission, args.dry_run))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn nothing(args: &Args, runs: usize, failed: usize) -> String {
    let sweep = shell_word(&args.sweep.display().to_string());
    let failed = match failed {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    format!(
        "nothing to submit: all {runs} runs have ended{failed}; `isoflop run {sweep}` fits the laws and \
         writes the report"
    )
}

fn in_words(submission: &Submission, dry: bool) -> String {
    let Submission { plan, folder, open, cluster, script, packing, alive, forecast, .. } =
        submission;
    let mut text = String::new();
    if dry {
        for tasks in &packing.arrays {
            text.push_str(&format!("# sbatch --array=0-{} with this file\n", tasks - 1));
        }
        text.push_str(&script.text());
        text.push('\n');
    }
    let done = plan.runs().len() - open;
    let pilots = |count: u64| match count {
        1 => "1 pilot".to_owned(),
        count => format!("{count} pilots"),
    };
    text.push_str(&format!("{}: {open} runs to train, {done} done already\n", plan.name()));
    let gpus = match script.gpus {
        0 => String::new(),
        1 => " and a GPU".to_owned(),
        gpus => format!(" and {gpus} GPUs"),
    };
    let verb = if dry { "would be submitted" } else { "submitted" };
    text.push_str(&format!(
        "{}: {} of {}{gpus} for at most {} {verb}, {alive} there already{}\n",
        cluster.partition,
        pilots(packing.missing),
        match script.cpus {
            1 => "1 processor".to_owned(),
            cpus => format!("{cpus} processors"),
        },
        clock(span(script.time_s as f64)),
        match submission.jobs.is_empty() {
            true => String::new(),
            false => format!(" (job {})", submission.jobs.join(", ")),
        }
    ));
    let core_hours = |seconds: f64| match seconds < 3600.0 {
        true => format!("{:.1} core-minutes", seconds / 60.0),
        false => format!("{:.1} core-hours", seconds / 3600.0),
    };
    let spared = 1.0 - forecast.work / forecast.alone.max(f64::MIN_POSITIVE);
    text.push_str(&core_hours(forecast.work));
    if spared > 0.005 {
        let (percent, alone) = (spared * 100.0, core_hours(forecast.alone));
        text.push_str(&format!("; trunks spare {percent:.0} % of {alone}"));
    }
    let of = match &submission.prices.nodes {
        Some(nodes) => format!("measured on a node of {} processors", nodes.cpus),
        None => "by the speed of this machine".to_owned(),
    };
    text.push_str(&format!("; {of}\n"));
    if cluster.is_mixed {
        text.push_str("its nodes differ; prices are those of the most numerous\n");
    }
    text.push_str(&format!(
        "end: {} after they start{}",
        clock(span(forecast.finish)),
        end(forecast.finish)
    ));
    if !dry {
        let results = shell_word(&folder.root().display().to_string());
        text.push_str(&format!("\nisoflop status {results}"));
    }
    text
}

/// When what starts now ends.
fn end(seconds: f64) -> String {
    let at = jiff::SignedDuration::try_from_secs_f64(seconds).ok();
    let at = at.and_then(|span| jiff::Zoned::now().checked_add(span).ok());
    at.map_or(String::new(), |at| format!(", {} if that is now", at.strftime("%a %Y-%m-%d %H:%M")))
}

fn in_json(submission: &Submission) -> Value {
    let Submission { plan, open, cluster, script, packing, jobs, alive, forecast, prices, .. } =
        submission;
    json!({
        "name": plan.name(),
        "open": open,
        "partition": cluster.partition,
        "pilots": packing.pilots,
        "alive": alive,
        "submitted": packing.missing,
        "arrays": packing.arrays,
        "jobs": jobs,
        "job_name": script.name,
        "cpus_per_job": script.cpus,
        "gpus_per_job": script.gpus,
        "workers": prices.workers,
        "time_s": script.time_s,
        "work_s": forecast.work,
        "work_without_trunks_s": forecast.alone,
        "finish_s": forecast.finish,
        "nodes": prices.nodes,
        "script": script.text(),
    })
}
