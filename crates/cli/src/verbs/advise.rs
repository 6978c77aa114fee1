//! `isoflop advise`: which runs to train next.

use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::tables::{number, table};
use crate::terminal::Terminal;
use anyhow::Result;
use isoflop_core::units::{parse_quantity, scientific};
use isoflop_fit::advise::Target;
use isoflop_fit::output::Fit;
use isoflop_lab::advise::{self, Advised, Question, choose};
use isoflop_lab::predict::read;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Advises which runs shrink the interval of a named quantity most for their FLOPs.
///
/// The advice holds under the fitted law, to first order. Runs are chosen one after another, with
/// at least the smallest compute fitted and sizes up to four times the largest. For a results
/// folder, sizes are those of its sweep and rungs of the ladder, and the output ends with a [plan]
/// to paste into the sweep file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop advise results/quickstart --target n_exponent\n  \
    isoflop advise results/quickstart --target n_opt --compute 1e16 --runs 8 --flops 1e14\n  \
    isoflop advise fits.json --target loss --params 1B --tokens 20B")]
pub(crate) struct Args {
    /// A fits.json, or the results folder that holds one.
    fits: PathBuf,
    /// Quantity to be known better: a parameter such as alpha or n_exponent; n_opt with --compute;
    /// loss with --params and --tokens.
    #[arg(long, value_name = "NAME", default_value = "n_exponent")]
    target: String,
    /// Law to use, where several were fitted.
    #[arg(long, default_value = "chinchilla")]
    law: String,
    /// Series to use, where the sweep has several: as in runs.parquet, or as on the page.
    #[arg(long, default_value = "")]
    series: String,
    /// Compute for the target n_opt, in FLOPs.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    compute: Option<f64>,
    /// Parameters of the model for the target loss.
    #[arg(long, value_name = "N", value_parser = parse_quantity)]
    params: Option<f64>,
    /// Training tokens of the model for the target loss.
    #[arg(long, value_name = "D", value_parser = parse_quantity)]
    tokens: Option<f64>,
    /// Maximum number of runs.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Maximum FLOPs of all runs together; by default as many as were spent so far.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    flops: Option<f64>,
    /// Maximum FLOPs of one run; by default three times the largest so far.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    flops_per_run: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fits = read(&args.fits)?;
    let fit = choose(&args.fits, &fits, &args.law, &args.series)?;
    let question = Question {
        path: &args.fits,
        fit,
        target: args.aim()?,
        runs: args.runs,
        flops: args.flops,
        flops_per_run: args.flops_per_run,
    };
    let advised = advise::of(&Terminal::default(), &question)?;
    match args.json {
        true => print_json(&in_json(&advised)?)?,
        false => print(&as_text(args, fit, &advised))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_json(advised: &Advised) -> Result<Value> {
    let mut json = serde_json::to_value(&advised.advice)?;
    json["plan"] = json!(advised.plan);
    if let Some(runs) = json["runs"].as_array_mut() {
        for (run, size) in runs.iter_mut().zip(&advised.sizes) {
            run["size"] = json!(size);
        }
    }
    Ok(json)
}

impl Args {
    fn aim(&self) -> Result<Target> {
        match (self.target.as_str(), self.compute, self.params, self.tokens) {
            ("n_opt", Some(c), ..) => Ok(Target::Size { c }),
            ("n_opt", ..) => {
                Err(Hinted::new("n_opt at which compute?", "say it with --compute C").into())
            }
            ("loss", _, Some(n), Some(d)) => Ok(Target::Loss { n, d }),
            ("loss", ..) => {
                let hint = "say it with --params N --tokens D";
                Err(Hinted::new("the loss of which model?", hint).into())
            }
            (name, ..) => Ok(Target::Parameter(name.to_owned())),
        }
    }
}

fn as_text(args: &Args, fit: &Fit, advised: &Advised) -> String {
    let advice = &advised.advice;
    let unit = if advice.logarithm { " of its logarithm" } else { "" };
    let head = format!(
        "{} under {} is {}, standard error{unit} {} with the {} runs there are",
        args.target,
        fit.law,
        number(advice.value),
        number(advice.standard_error),
        fit.rows
    );
    if advice.runs.is_empty() {
        return format!(
            "{head}\nno run within these FLOPs and within what the law can bear takes a hundredth off it; \
             raise --flops or --flops-per-run"
        );
    }
    let mut before = advice.standard_error;
    let mut rows = Vec::new();
    for (size, run) in advised.runs() {
        rows.push(vec![
            size.unwrap_or_default().to_owned(),
            scientific(run.n),
            scientific(run.d),
            scientific(run.c),
            number(run.standard_error),
            format!("{:.1} %", 100.0 * (1.0 - run.standard_error / before)),
            format!("{:.1} %", 100.0 * (1.0 - run.standard_error / advice.standard_error)),
        ]);
        before = run.standard_error;
    }
    let header = ["size", "N", "D", "FLOPs", "standard error", "less by", "less in all"];
    let total: f64 = advice.runs.iter().map(|run| run.c).sum();
    let mut text = format!(
        "{head}\n\n{}\n\n{} FLOPs in all, if the law holds",
        table(&header, &rows),
        scientific(total)
    );
    if let Some(plan) = &advised.plan {
        text.push_str(&format!(
            "\n\n[plan] of the sweep file with these runs; what is done is not trained again:\n\n{plan}"
        ));
    }
    text
}
