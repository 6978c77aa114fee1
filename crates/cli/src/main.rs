//! The binary `isoflop`, with one file per verb.

mod column_args;
mod curve_law_text;
mod deadline;
mod fail;
mod fit_text;
mod forecast_text;
mod held_out_text;
mod output;
mod paper;
mod predict_text;
mod progress;
mod serve;
mod signals;
mod tables;
mod terminal;
mod transfer_text;
mod trust;
mod verbs;

use clap::{Parser, Subcommand};
use signals::Role;
use std::process::ExitCode;

/// Scaling-law experiments: a sweep file in the evening, exponents and charts in the morning.
#[derive(Debug, Parser)]
#[command(name = "isoflop", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every run of a sweep before it starts: counts, steps, epochs, FLOPs.
    Plan(verbs::plan::Args),
    /// Train a sweep, fit its laws and write its report; the same command again resumes.
    Run(verbs::run::Args),
    /// Submit a sweep to a Slurm cluster: priced, packed into few jobs, safe from preemption; the same
    /// command again submits what is missing.
    Submit(verbs::submit::Args),
    /// Take a sweep's jobs back from the cluster; those at work keep the states of their runs.
    Cancel(verbs::cancel::Args),
    /// Show the progress of a sweep, from any terminal.
    Status(verbs::status::Args),
    /// Show what happened to a run: attempts, resumes, its end, and the last output of its worker.
    Logs(verbs::logs::Args),
    /// Fit scaling laws to a results folder, a CSV, a JSONL or a parquet file.
    Fit(Box<verbs::fit::Args>),
    /// Predict losses, and compute-optimal sizes and tokens, from fitted laws.
    Predict(verbs::predict::Args),
    /// Advise which runs to train next to shrink a named interval most per FLOP.
    Advise(verbs::advise::Args),
    /// Seal a forecast of a run before it exists: one line in a chain of hashes.
    Forecast(verbs::forecast::Args),
    /// Train the runs of sealed forecasts and score what was said of them.
    Validate(verbs::validate::Args),
    /// Write the report of a results folder: one page, and every figure as SVG, PNG and CSV.
    Report(verbs::report::Args),
    /// Serve the report of a sweep on this machine and update it while the sweep runs.
    Watch(verbs::watch::Args),
    /// Write runs or curves as CSV or parquet, or the panels as a Vega-Lite specification.
    Export(verbs::export::Args),
    /// Write a trained model, its configuration and a batch for comparison, for other frameworks.
    ExportModel(verbs::export_model::Args),
    /// List and try the devices of this machine, and say which one `--device auto` takes.
    Doctor(verbs::doctor::Args),
    /// Measure how fast this machine trains: time, speed and memory of a step for each model size.
    Bench(verbs::bench::Args),
    /// Check which settings transfer: `check mup`, the coordinate check over widths, and `check transfer`, the
    /// rule of learning rates over depth, batch and duration.
    Check(verbs::check::Args),
    /// List, show, build and remove the text that models are trained on.
    Data(verbs::data::Args),
    /// Train open runs of a results folder, from any terminal or machine; `run` starts workers
    /// itself.
    Worker(verbs::worker::Args),
    /// Keep workers on a results folder as a job of a cluster; `submit` has Slurm start this.
    #[command(hide = true)]
    Pilot(verbs::pilot::Args),
    /// Measure one step; `plan` starts this.
    #[command(hide = true)]
    Measure(verbs::measure::Args),
}

impl Verb {
    fn role(&self) -> Role {
        match self {
            Verb::Measure(_) => Role::Part,
            Verb::Bench(args) if args.is_part() => Role::Part,
            Verb::Worker(args) if args.supervised() => Role::Part,
            Verb::Worker(_) => Role::Worker("stopped; the same command resumes"),
            Verb::Run(_) | Verb::Validate(_) => Role::Command("stopped; the same command resumes"),
            Verb::Pilot(_) => Role::Command("stopped; another pilot goes on"),
            Verb::Plan(_) | Verb::Data(_) | Verb::Submit(_) => {
                Role::Command("stopped; the same command begins again")
            }
            _ => Role::Command("stopped"),
        }
    }
}

fn main() -> ExitCode {
    let verb = match Cli::try_parse() {
        Ok(cli) => cli.verb,
        Err(error) => fail::usage(&error),
    };
    if let Err(error) = signals::take(verb.role()) {
        output::note(&format!("warning: signals end this at once: {error}"));
    }
    let result = match verb {
        Verb::Plan(args) => verbs::plan::run(&args),
        Verb::Run(args) => verbs::run::run(&args),
        Verb::Submit(args) => verbs::submit::run(&args),
        Verb::Cancel(args) => verbs::cancel::run(&args),
        Verb::Pilot(args) => verbs::pilot::run(&args),
        Verb::Status(args) => verbs::status::run(&args),
        Verb::Logs(args) => verbs::logs::run(&args),
        Verb::Fit(args) => verbs::fit::run(&args),
        Verb::Predict(args) => verbs::predict::run(&args),
        Verb::Advise(args) => verbs::advise::run(&args),
        Verb::Forecast(args) => verbs::forecast::run(&args),
        Verb::Validate(args) => verbs::validate::run(&args),
        Verb::Report(args) => verbs::report::run(&args),
        Verb::Watch(args) => verbs::watch::run(&args),
        Verb::Export(args) => verbs::export::run(&args),
        Verb::ExportModel(args) => verbs::export_model::run(&args),
        Verb::Bench(args) => verbs::bench::run(&args),
        Verb::Check(args) => verbs::check::run(&args),
        Verb::Data(args) => verbs::data::run(&args),
        Verb::Measure(args) => verbs::measure::run(&args),
        Verb::Doctor(args) => verbs::doctor::run(&args),
        Verb::Worker(args) => verbs::worker::run(&args),
    };
    result.unwrap_or_else(|error| fail::report(&error))
}
