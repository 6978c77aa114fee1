//! `isoflop advise`: which runs to train next.

use super::predict::read;
use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::tables::{number, table};
use anyhow::Result;
use isoflop_core::units::{parse_quantity, scientific};
use isoflop_fit::advise::{AdviceError, Limits, Plan, Target, advise};
use isoflop_fit::output::Fit;
use std::path::PathBuf;
use std::process::ExitCode;

/// Advises which runs shrink the interval of a named quantity most for their FLOPs.
///
/// Under the fitted law, to first order. Runs are chosen one after another; sizes and tokens are those to
/// within a rung: train what is near.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isoflop advise results/quickstart --target n_exponent\n  \
    isoflop advise results/quickstart --target n_opt --compute 1e16 --runs 8 --flops 1e14\n  \
    isoflop advise fits.json --target loss --params 1B --tokens 20B"
)]
pub(crate) struct Args {
    /// A fits.json, or the results folder that holds one.
    fits: PathBuf,
    /// What should be known better: a parameter such as alpha or n_exponent; n_opt with --compute; loss with --params and --tokens.
    #[arg(long, value_name = "NAME", default_value = "n_exponent")]
    target: String,
    /// Law, where several were fitted.
    #[arg(long, default_value = "chinchilla")]
    law: String,
    /// Cell of the axes, where the sweep has several.
    #[arg(long, default_value = "")]
    series: String,
    /// Compute at which n_opt is asked for, FLOPs.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    compute: Option<f64>,
    /// Parameters of the model whose loss is asked for.
    #[arg(long, value_name = "N", value_parser = parse_quantity)]
    params: Option<f64>,
    /// Tokens of the model whose loss is asked for.
    #[arg(long, value_name = "D", value_parser = parse_quantity)]
    tokens: Option<f64>,
    /// Runs at most.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// FLOPs of all runs together; as much as has been spent unless said.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    flops: Option<f64>,
    /// FLOPs of one run at most; three times the largest so far unless said.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    flops_per_run: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fits = read(&args.fits)?;
    let of_law: Vec<&Fit> = fits.fits.iter().filter(|fit| fit.law == args.law).collect();
    let chosen = match of_law.as_slice() {
        [only] if args.series.is_empty() => Some(*only),
        several => several
            .iter()
            .copied()
            .find(|fit| fit.series == args.series),
    };
    let fit = chosen.ok_or_else(|| {
        let names: Vec<String> = fits
            .fits
            .iter()
            .filter(|fit| fit.x.is_none())
            .map(|fit| match fit.series.as_str() {
                "" => format!("--law {}", fit.law),
                series => format!("--law {} --series {series}", fit.law),
            })
            .collect();
        let message = format!("{}: no such fit of {} in it", args.fits.display(), args.law);
        let hint = match names.is_empty() {
            true => {
                "advice needs a law in N and D; `isoflop fit` says which runs that asks for".into()
            }
            false => format!("there are {}", names.join("; ")),
        };
        Hinted::new(message, hint)
    })?;
    let spent: f64 = fit
        .data
        .iter()
        .filter_map(|p| p.c.or_else(|| Some(6.0 * p.n? * p.d?)))
        .sum();
    let limits = Limits {
        runs: args.runs,
        flops_per_run: args
            .flops_per_run
            .or_else(|| Some(3.0 * fit.largest_compute()?))
            .unwrap_or(f64::INFINITY),
        flops: args.flops.unwrap_or(spent),
    };
    let target = args.aim()?;
    let plan = advise(fit, &target, limits).map_err(|error| {
        let hint = match &error {
            AdviceError::UnknownTarget { .. } => {
                "name one of these with --target, or n_opt, or loss"
            }
            AdviceError::NotASurface { .. } => "name a law in N and D with --law",
            _ => "add runs at other sizes and token counts first; `isoflop fit` says which",
        };
        Hinted::new(error.to_string(), hint)
    })?;
    match args.json {
        true => print_json(&plan)?,
        false => print(&as_text(args, fit, &plan))?,
    }
    Ok(ExitCode::SUCCESS)
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

fn as_text(args: &Args, fit: &Fit, plan: &Plan) -> String {
    let unit = if plan.logarithm {
        " of its logarithm"
    } else {
        ""
    };
    let head = format!(
        "{} under {} is {}, standard error{unit} {} with the {} runs there are",
        args.target,
        fit.law,
        number(plan.value),
        number(plan.standard_error),
        fit.rows
    );
    if plan.runs.is_empty() {
        return format!(
            "{head}\nno run within these FLOPs takes a hundredth off it; raise --flops or --flops-per-run"
        );
    }
    let mut before = plan.standard_error;
    let mut rows = Vec::new();
    for run in &plan.runs {
        rows.push(vec![
            scientific(run.n),
            scientific(run.d),
            scientific(run.c),
            number(run.standard_error),
            format!("{:.1} %", 100.0 * (1.0 - run.standard_error / before)),
            format!(
                "{:.1} %",
                100.0 * (1.0 - run.standard_error / plan.standard_error)
            ),
        ]);
        before = run.standard_error;
    }
    let header = [
        "N",
        "D",
        "FLOPs",
        "standard error",
        "less by",
        "less in all",
    ];
    let total: f64 = plan.runs.iter().map(|run| run.c).sum();
    format!(
        "{head}\n\n{}\n\n{} FLOPs in all, if the law holds",
        table(&header, &rows),
        scientific(total)
    )
}
