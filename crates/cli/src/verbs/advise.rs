//! `isoflop advise`: which runs to train next.

use super::predict::read;
use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::series;
use crate::tables::{number, table};
use crate::terminal::Terminal;
use anyhow::Result;
use isoflop_core::Params;
use isoflop_core::units::{parse_quantity, scientific, short};
use isoflop_fit::advise::{Advice, AdviceError, Limits, Plan, Target, advise};
use isoflop_fit::output::{Fit, FittedPoint};
use isoflop_model::{ModelConfig, ParamCount};
use isoflop_results::Trust;
use isoflop_results::spent::flops_executed;
use isoflop_sweep::ResultsFolder;
use isoflop_sweep::spec::PlanSpec;
use std::path::{Path, PathBuf};
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
    let fit = series::choose(&args.fits, &fits, &args.law, &args.series)?;
    let known = Known::of(&args.fits, fit)?;
    let spent = match &known {
        Some(known) => known.flops,
        None => {
            let compute = |p: &FittedPoint| p.c.or_else(|| Some(6.0 * p.n? * p.d?));
            fit.data.iter().filter_map(compute).sum()
        }
    };
    let limits = Limits {
        sizes: known
            .as_ref()
            .map_or(Vec::new(), |known| known.sizes.iter().map(|(_, n)| *n).collect()),
        runs: args.runs,
        flops_per_run: args
            .flops_per_run
            .or_else(|| Some(3.0 * fit.largest_compute()?))
            .unwrap_or(f64::INFINITY),
        flops: args.flops.unwrap_or(spent),
    };
    let plan = advise(fit, &args.aim()?, limits).map_err(|error| {
        let hint = match &error {
            AdviceError::UnknownTarget { .. } => {
                "name one of these with --target, or n_opt, or loss"
            }
            AdviceError::NotASurface { .. } => "name a law in N and D with --law",
            _ => "add runs at other sizes and token counts first; `isoflop fit` says which",
        };
        Hinted::new(error.to_string(), hint)
    })?;
    let named: Vec<Named<'_>> = plan
        .runs
        .iter()
        .map(|run| Named { size: known.as_ref().and_then(|known| known.label(run.n)), run })
        .collect();
    let paste = known.as_ref().filter(|_| !named.is_empty()).map(|known| {
        let more = named.iter().map(|named| {
            let size = named.size.clone().unwrap_or_else(|| short(named.run.n));
            (size, named.run.d)
        });
        known.spec.with_more_runs(&more.collect::<Vec<_>>())
    });
    match args.json {
        true => {
            let mut json = serde_json::to_value(&plan)?;
            json["plan"] = serde_json::json!(paste);
            if let Some(runs) = json["runs"].as_array_mut() {
                for (run, named) in runs.iter_mut().zip(&named) {
                    run["size"] = serde_json::json!(named.size);
                }
            }
            print_json(&json)?;
        }
        false => print(&as_text(args, fit, &plan, &named, paste.as_deref()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A run that is advised, with the name that a sweep file has for its size.
struct Named<'a> {
    size: Option<String>,
    run: &'a Advice,
}

/// Facts about a results folder beyond its fits.
struct Known {
    /// The `[plan]` of the sweep file as of the last `run`.
    spec: PlanSpec,
    /// Sizes of the sweep and rungs of the ladder, each with its non-embedding parameters.
    sizes: Vec<(String, f64)>,
    /// FLOPs that the runs took.
    flops: f64,
}

/// Rungs of the ladder within a decade.
const RUNGS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 7.0];

/// Factor within which two sizes count as the same.
const SAME_SIZE: f64 = 1.15;

impl Known {
    /// Reads the folder that the fits lie in; `None` for a file, for a folder without its plan or
    /// sweep file, and for fits that count N otherwise.
    fn of(path: &Path, fit: &Fit) -> Result<Option<Known>> {
        let folder = ResultsFolder::at(path.to_owned());
        if !path.is_dir() || fit.n_kind != "n_non_embedding" {
            return Ok(None);
        }
        // A folder that came without its plan or sweep file still has fits that give advice.
        let (Ok(plan), Ok(sweep)) = (folder.plan(), folder.sweep()) else {
            return Ok(None);
        };
        let rows = isoflop_lab::report::runs(&Terminal::default(), &folder, Trust::Checked)?;
        let mut sizes: Vec<(String, f64)> = Vec::new();
        let of_series = || plan.runs().iter().filter(|run| run.series == fit.series);
        for run in of_series() {
            if sizes.iter().all(|(_, n)| *n != run.n().0) {
                sizes.push((run.size.clone(), run.n().0));
            }
        }
        let model = of_series().next().map(|run| run.config.model);
        let largest = sizes.iter().map(|(_, n)| *n).fold(0.0, f64::max);
        for power in 3..14 {
            for rung in RUNGS.map(|rung| rung * 10f64.powi(power)) {
                let shape = model.and_then(|model: ModelConfig| model.shape_for(Params(rung)).ok());
                let (Some(model), Some(shape)) = (model, shape) else {
                    continue;
                };
                let n = ParamCount::of(&ModelConfig { shape, ..model }).active_non_embedding().0;
                let far = |known: &(String, f64)| (known.1 / n).ln().abs() > SAME_SIZE.ln();
                if n < 10.0 * largest && sizes.iter().all(far) {
                    sizes.push((short(rung), n));
                }
            }
        }
        Ok(Some(Known {
            spec: sweep.spec().plan.get_ref().clone(),
            sizes,
            flops: flops_executed(&rows),
        }))
    }

    fn label(&self, n: f64) -> Option<String> {
        let found = self.sizes.iter().find(|(_, known)| *known == n);
        found.map(|(label, _)| label.clone())
    }
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

fn as_text(
    args: &Args,
    fit: &Fit,
    plan: &Plan,
    named: &[Named<'_>],
    paste: Option<&str>,
) -> String {
    let unit = if plan.logarithm { " of its logarithm" } else { "" };
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
            "{head}\nno run within these FLOPs and within what the law can bear takes a hundredth off it; \
             raise --flops or --flops-per-run"
        );
    }
    let mut before = plan.standard_error;
    let mut rows = Vec::new();
    for Named { size, run } in named {
        rows.push(vec![
            size.clone().unwrap_or_default(),
            scientific(run.n),
            scientific(run.d),
            scientific(run.c),
            number(run.standard_error),
            format!("{:.1} %", 100.0 * (1.0 - run.standard_error / before)),
            format!("{:.1} %", 100.0 * (1.0 - run.standard_error / plan.standard_error)),
        ]);
        before = run.standard_error;
    }
    let header = ["size", "N", "D", "FLOPs", "standard error", "less by", "less in all"];
    let total: f64 = plan.runs.iter().map(|run| run.c).sum();
    let mut text = format!(
        "{head}\n\n{}\n\n{} FLOPs in all, if the law holds",
        table(&header, &rows),
        scientific(total)
    );
    if let Some(paste) = paste {
        text.push_str(&format!(
            "\n\n[plan] of the sweep file with these runs; what is done is not trained again:\n\n{paste}"
        ));
    }
    text
}
