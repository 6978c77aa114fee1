//! `isoflop plan`: shows every run before it starts, with its price on this machine.

mod chosen;

use crate::output::{print, print_json};
use crate::tables::table;
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_core::Flops;
use isoflop_fit::MOST_EPOCHS;
use isoflop_lab::Lab;
use isoflop_lab::jobs::Jobs;
use isoflop_lab::places::Places;
use isoflop_lab::plan::{self, Setting};
use isoflop_lab::price::{Priced, disk_bytes, flops_of_each, price};
use isoflop_lab::prospects;
use isoflop_lab::words::{clock, span};
use isoflop_sweep::forecast::Price;
use isoflop_sweep::memory::shown;
use isoflop_sweep::reuse::Reuse;
use isoflop_sweep::{Plan, PlannedRun, Sweep};
use isoflop_train::device::DeviceChoice;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows every run of a sweep and what it will cost on this machine: counts, steps, epochs, FLOPs,
/// time, memory. For the whole sweep it shows the time with several workers, the savings by trunks,
/// disk space, and the charts and laws that the runs will support.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop plan sweeps/quickstart.toml\n\n\
    Speeds are measured in the first seconds and remembered; nothing is written to the results.")]
pub(crate) struct Args {
    /// Sweep file.
    sweep: PathBuf,
    /// Number of worker processes to plan for.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    jobs: Jobs,
    /// Device to train on: auto, cpu, wgpu, wgpu:N or ndarray.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Recompute the budgets of a plan given as a time, such as `time = "8h"`, and the sizes of
    /// `sizes = "auto"`, instead of keeping those chosen earlier.
    #[arg(long)]
    replan: bool,
    /// Folder of all results, to see which runs are done already.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Measure the speed of this machine again.
    #[arg(long)]
    calibrate: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let priced = with_lab(|lab| priced(lab, args))?;
    match args.json {
        true => print_json(&in_json(&priced))?,
        false => print(&in_words(&priced))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn priced(lab: &Lab<'_>, args: &Args) -> Result<Priced> {
    let sweep = Sweep::read(&args.sweep)?;
    let folder = plan::folder(&sweep, &args.results);
    let places = Places::of(lab.notice, args.device, &folder)?;
    let setting =
        Setting { results: &args.results, jobs: args.jobs, places: &places, replan: args.replan };
    Ok(price(lab, &sweep, &setting, args.calibrate)?)
}

fn in_words(priced: &Priced) -> String {
    let plan = &priced.plan;
    let with_series = plan.runs().iter().any(|run| !run.series.is_empty());
    let mut header = vec![
        "run",
        "size",
        "d x L x h",
        "N",
        "N total",
        "D",
        "steps",
        "batch",
        "rate",
        "epochs",
        "D/N",
        "budget",
        "C exact",
        "C / 6ND",
        "alone",
        "memory",
    ];
    let with_optimizer = plan.runs().iter().any(|run| run.flops_optimizer().0 > 0.0);
    if with_optimizer {
        header.push("C optimizer");
    }
    let with_states = !priced.reuse.reused.is_empty();
    if with_states {
        header.push("state");
    }
    let reused: HashSet<&String> = priced.reuse.reused.iter().collect();
    if with_series {
        header.push("axes");
    }
    let rows: Vec<Vec<String>> = plan
        .runs()
        .iter()
        .zip(&priced.prices)
        .map(|(run, price)| {
            let mut row = cells(run, price);
            if with_optimizer {
                row.push(match run.flops_optimizer() {
                    none if none.0 == 0.0 => "\u{2013}".to_owned(),
                    some => some.to_string(),
                });
            }
            if with_states {
                let is_reused = reused.iter().any(|id| *id == run.id());
                row.push(if is_reused { "done" } else { "new" }.to_owned());
            }
            if with_series {
                row.push(run.series.to_string());
            }
            row
        })
        .collect();
    let mut text = format!("{} ({})\n\n{}\n", plan.name(), plan.kind(), table(&header, &rows));
    text.push_str(&format!(
        "\n{} runs, {} FLOPs in all{} (N without embeddings, D in tokens)",
        rows.len(),
        plan.flops(),
        match plan.flops().0 < flops_of_each(plan).0 * (1.0 - 1e-9) {
            true => format!(
                ", shared trunks counted once; {} if every run began anew",
                flops_of_each(plan)
            ),
            false => String::new(),
        }
    ));
    let repeating = plan.runs().iter().filter(|run| run.epochs() > 1.0).count();
    if repeating > 0 {
        let runs = if repeating == 1 { "run sees" } else { "runs see" };
        text.push_str(&format!(
            "\n{repeating} {runs} some text more than once (epochs marked *); \
             above {MOST_EPOCHS} epochs a run is left out of the laws"
        ));
    }
    for sentence in plan.unshared() {
        text.push_str(&format!("\n{sentence}"));
    }
    if !plan.dropped().is_empty() {
        text.push_str("\ndropped:");
        for dropped in plan.dropped() {
            text.push_str(&format!("\n  {}: {}", dropped.cell, dropped.reason));
        }
    }
    text.push_str(&chosen::sizes(plan));
    text.push_str(&chosen::rounds(plan));
    text.push_str(&cost(priced));
    text.push_str(&chosen::paths(priced));
    text.push_str("\n\nthese runs will support:");
    for chart in prospects::of_plan(plan) {
        let mark = if chart.supported { "✓" } else { "✗" };
        text.push_str(&format!("\n  {mark} {}: {}", chart.name, chart.why));
    }
    text
}

fn cost(priced: &Priced) -> String {
    let hours = |seconds: f64| clock(span(seconds));
    let workers = match priced.jobs {
        1 => "1 worker".to_owned(),
        jobs => format!("{jobs} workers"),
    };
    let on = match priced.found.choice {
        DeviceChoice::Cpu => String::new(),
        choice => format!(" on {choice} ({})", priced.found.detail),
    };
    let mut text = format!("\n\ntime: {} with {workers}{on}", hours(priced.all.finish));
    let spared = 1.0 - priced.all.work / priced.all.alone;
    if spared > 0.005 {
        text.push_str(&format!(
            "; trunks spare {:.0} % of the {} of work",
            spared * 100.0,
            hours(priced.all.alone)
        ));
    }
    text.push_str(&format!("\n{}", priced.basis.in_words()));
    if let Some((stage, seconds)) = &priced.stage {
        text.push_str(&format!(
            "\nlearning rates: tuned first, in {} runs of {}, {}; those above are the rule's",
            stage.runs().len(),
            stage.name(),
            hours(*seconds)
        ));
    }
    let Reuse { reused, new, orphaned } = &priced.reuse;
    if !reused.is_empty() || !orphaned.is_empty() {
        text.push_str(&format!(
            "\nalready there: {} of {} runs; {} left to train, {}",
            reused.len(),
            reused.len() + new.len(),
            new.len(),
            hours(priced.left.finish)
        ));
    }
    let now = jiff::Zoned::now();
    let tuning = priced.stage.as_ref().map_or(0.0, |(_, seconds)| *seconds);
    let finish = jiff::SignedDuration::try_from_secs_f64(tuning + priced.left.finish);
    if let Ok(finish) = finish
        && let Ok(at) = now.checked_add(finish)
        && !new.is_empty()
    {
        text.push_str(&format!(
            "\nfinish: {} if started now",
            at.strftime(match finish.as_hours() {
                0..160 => "%a %H:%M",
                _ => "%Y-%m-%d",
            })
        ));
    }
    text.push_str(&format!(
        "\nmemory: up to {} a worker; disk: up to {}",
        shown(priced.plan.runs().iter().map(PlannedRun::memory_bytes).max().unwrap_or(0)),
        shown(disk_bytes(&priced.plan))
    ));
    for orphan in orphaned {
        text.push_str(&format!("\nnot in this plan: {}; {}", orphan.run_id, orphan.why));
    }
    text
}

fn in_json(priced: &Priced) -> Value {
    let mut json = as_json(&priced.plan);
    if let Some(runs) = json["runs"].as_array_mut() {
        for ((value, run), price) in runs.iter_mut().zip(priced.plan.runs()).zip(&priced.prices) {
            value["time_s"] = json!(price.of(run));
            value["memory_bytes"] = json!(run.memory_bytes());
            value["done"] = json!(priced.reuse.reused.iter().any(|id| id == run.id()));
        }
    }
    json["tuning"] = json!(priced.stage.as_ref().map(|(stage, seconds)| {
        json!({ "name": stage.name(), "runs": stage.runs().len(), "time_s": seconds })
    }));
    json["device"] = json!(priced.found.choice);
    json["jobs"] = json!(priced.jobs);
    json["speeds"] = json!(priced.basis);
    json["time_s"] = json!(priced.all.finish);
    json["time_left_s"] = json!(priced.left.finish);
    json["work_s"] = json!(priced.all.work);
    json["work_without_trunks_s"] = json!(priced.all.alone);
    json["disk_bytes"] = json!(disk_bytes(&priced.plan));
    json["new"] = json!(priced.reuse.new);
    json["reused"] = json!(priced.reuse.reused);
    json["orphaned"] = json!(priced.reuse.orphaned);
    json["until"] = json!(priced.paths);
    json["charts"] = json!(prospects::of_plan(&priced.plan));
    json
}

fn cells(run: &PlannedRun, price: &Price) -> Vec<String> {
    let config = &run.config;
    let star = if run.epochs() > 1.0 { "*" } else { "" };
    vec![
        run.id().to_owned(),
        run.size.clone(),
        config.model.shape.to_string(),
        run.n().to_string(),
        run.params().total().to_string(),
        run.tokens().to_string(),
        run.steps().to_string(),
        config.recipe.batch_tokens.to_string(),
        format!("{}", config.recipe.learning_rate),
        format!("{:.3}{star}", run.epochs()),
        format!("{:.1}", run.tokens().per_param(run.n())),
        run.flops_budget.map_or(String::new(), |c| Flops(c).to_string()),
        run.c_exact().to_string(),
        format!("{:.2}", run.c_exact().0 / Flops::six_nd(run.n(), run.tokens()).0),
        clock(span(price.of(run))),
        shown(run.memory_bytes()),
    ]
}

fn as_json(plan: &Plan) -> Value {
    let runs: Vec<Value> = plan
        .runs()
        .iter()
        .map(|run| {
            let config = &run.config;
            let recipe = &config.recipe;
            let params = run.params();
            json!({
                "run_id": run.id(),
                "trunk": run.trunk(),
                "branch_step": run.branch_step(),
                "series": run.series,
                "size": run.size,
                "d_model": config.model.shape.d_model,
                "n_layers": config.model.shape.n_layers,
                "n_heads": config.model.shape.n_heads,
                "n_non_embedding": params.non_embedding().0 as u64,
                "n_active_non_embedding": run.n().0 as u64,
                "n_total": params.total().0 as u64,
                "n_active": params.active().0 as u64,
                "parameters": params,
                "tokens": run.tokens().0 as u64,
                "tokens_per_param": run.tokens().per_param(run.n()),
                "steps": run.steps(),
                "batch_tokens": recipe.batch_tokens,
                "optimizer": recipe.optimizer.kind,
                "schedule": recipe.schedule.kind,
                "learning_rate": recipe.learning_rate,
                "warmup_steps": recipe.schedule.warmup,
                "decay_steps": recipe.schedule.decay,
                "weight_decay": recipe.optimizer.weight_decay,
                "betas": [recipe.optimizer.beta1, recipe.optimizer.beta2],
                "clip": recipe.optimizer.clip_norm,
                "dropout": recipe.dropout,
                "epochs": run.epochs(),
                "flops_budget": run.flops_budget,
                "c_6nd": Flops::six_nd(run.n(), run.tokens()).0,
                "c_exact": run.c_exact().0,
                "flops_optimizer": run.flops_optimizer().0,
                "seed": config.seed,
            })
        })
        .collect();
    json!({
        "name": plan.name(),
        "question": plan.question(),
        "kind": plan.kind(),
        "runs": runs,
        "dropped": plan.dropped(),
        "sizes": plan.sizes(),
        "rounds": plan.rounds(),
        "unshared": plan.unshared(),
        "c_exact_total": flops_of_each(plan).0,
        "flops": plan.flops().0,
    })
}
