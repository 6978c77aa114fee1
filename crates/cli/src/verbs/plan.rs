//! `isoflop plan`: every run before it starts.

use crate::output::{print, print_json};
use crate::sweep;
use crate::tables::table;
use anyhow::Result;
use isoflop_core::Flops;
use isoflop_sweep::{Plan, PlannedRun};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows every run of a sweep: shape, parameters, tokens, steps, epochs, learning rate, FLOPs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop plan sweeps/quickstart.toml")]
pub(crate) struct Args {
    /// The sweep file.
    sweep: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (_, plan) = sweep::plan(&args.sweep)?;
    match args.json {
        true => print_json(&as_json(&plan))?,
        false => print(&as_text(&plan))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn total(plan: &Plan) -> Flops {
    Flops(plan.runs().iter().map(|run| run.c_exact().0).sum())
}

fn as_text(plan: &Plan) -> String {
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
    ];
    if with_series {
        header.push("axes");
    }
    let rows: Vec<Vec<String>> = plan
        .runs()
        .iter()
        .map(|run| {
            let mut row = cells(run);
            if with_series {
                row.push(run.series.clone());
            }
            row
        })
        .collect();
    let mut text = format!(
        "{} ({})\n\n{}\n",
        plan.name(),
        plan.kind(),
        table(&header, &rows)
    );
    text.push_str(&format!(
        "\n{} runs, {} FLOPs in all (N without embeddings, D in tokens)",
        rows.len(),
        total(plan)
    ));
    let repeating = plan.runs().iter().filter(|run| run.epochs() > 1.0).count();
    if repeating > 0 {
        let runs = if repeating == 1 {
            "run sees"
        } else {
            "runs see"
        };
        text.push_str(&format!(
            "\n{repeating} {runs} some text more than once (epochs marked *); \
             above four epochs a run is left out of the laws"
        ));
    }
    if !plan.dropped().is_empty() {
        text.push_str("\ndropped:");
        for dropped in plan.dropped() {
            text.push_str(&format!("\n  {}: {}", dropped.cell, dropped.reason));
        }
    }
    text
}

fn cells(run: &PlannedRun) -> Vec<String> {
    let config = &run.config;
    let star = if run.epochs() > 1.0 { "*" } else { "" };
    vec![
        run.id().to_owned(),
        run.size.clone(),
        config.model.shape.to_string(),
        run.n().to_string(),
        run.params().total().to_string(),
        run.tokens().to_string(),
        config.steps.steps.to_string(),
        config.batch_tokens.to_string(),
        format!("{}", config.learning_rate),
        format!("{:.3}{star}", run.epochs()),
        format!("{:.1}", run.tokens().per_param(run.n())),
        run.flops_budget
            .map_or(String::new(), |c| Flops(c).to_string()),
        run.c_exact().to_string(),
        format!(
            "{:.2}",
            run.c_exact().0 / Flops::six_nd(run.n(), run.tokens()).0
        ),
    ]
}

fn as_json(plan: &Plan) -> Value {
    let runs: Vec<Value> = plan
        .runs()
        .iter()
        .map(|run| {
            let config = &run.config;
            let params = run.params();
            json!({
                "run_id": run.id(),
                "series": run.series,
                "size": run.size,
                "d_model": config.model.shape.d_model,
                "n_layers": config.model.shape.n_layers,
                "n_heads": config.model.shape.n_heads,
                "n_non_embedding": run.n().0 as u64,
                "n_total": params.total().0 as u64,
                "parameters": params,
                "tokens": run.tokens().0 as u64,
                "tokens_per_param": run.tokens().per_param(run.n()),
                "steps": config.steps.steps,
                "batch_tokens": config.batch_tokens,
                "learning_rate": config.learning_rate,
                "warmup_steps": config.steps.warmup,
                "decay_steps": config.steps.decay,
                "epochs": run.epochs(),
                "flops_budget": run.flops_budget,
                "c_6nd": Flops::six_nd(run.n(), run.tokens()).0,
                "c_exact": run.c_exact().0,
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
        "c_exact_total": total(plan).0,
    })
}
