//! `isoflop predict`: what fitted laws say of runs that nobody has trained.

use crate::analysis;
use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::tables::{interval, table};
use anyhow::{Context, Result};
use isoflop_core::units::{parse_quantity, scientific};
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::{Axis, Fit, Fits};
use isoflop_fit::predict::{At, Misallocation, Prediction};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Predicts a loss, or the compute-optimal size and tokens, with 90 % prediction intervals.
///
/// With --compute alone the optimum of that compute; with --params or --tokens alone the loss at the
/// best of everything else; with both the loss of that run; with --compute and --params the loss of that split and what it wastes against the optimum.
/// D = C / (6 N) where it is not given.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isoflop predict results/quickstart --compute 1e14\n  \
    isoflop predict results/quickstart/fits.json --params 1M --tokens 50M\n  \
    isoflop predict results/quickstart --compute 1e14 --params 100k\n\n\
    Intervals carry the parameters' uncertainty, the scatter of single runs and, beyond the compute \
    that was fitted, the drift of the law as measured by holding larger budgets out."
)]
pub(crate) struct Args {
    /// A fits.json, or the results folder that holds one.
    fits: PathBuf,
    /// Training compute, FLOPs.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    compute: Option<f64>,
    /// Parameters, counted as the fit counts them.
    #[arg(long, value_name = "N", value_parser = parse_quantity)]
    params: Option<f64>,
    /// Training tokens.
    #[arg(long, value_name = "D", value_parser = parse_quantity)]
    tokens: Option<f64>,
    /// Passes over the distinct tokens, for laws of repetition.
    #[arg(long)]
    epochs: Option<f64>,
    /// Tokens a step, for laws of steps.
    #[arg(long, value_name = "B", value_parser = parse_quantity)]
    batch: Option<f64>,
    /// Experts, for the law routed.
    #[arg(long, value_name = "E", value_parser = parse_quantity)]
    experts: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What one fit says.
#[derive(Debug, Serialize)]
struct Answer {
    law: String,
    x: Option<String>,
    series: String,
    points: String,
    predictions: Vec<Prediction>,
    /// The optimum under the FLOPs that models of these sizes really take, where that is not 6 N D.
    counted: Vec<Prediction>,
    misallocation: Option<Misallocation>,
    /// Compute asked for over the largest that was fitted.
    reach: Option<f64>,
    warnings: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fits = read(&args.fits)?;
    let at = args.place()?;
    let answers: Vec<Answer> = fits.fits.iter().filter_map(|fit| answer(fit, at)).collect();
    if answers.is_empty() {
        return Err(Hinted::new(
            format!("{}: no law in it answers this", args.fits.display()),
            "a loss at N and D needs the law chinchilla; `isoflop fit` says which laws these runs support",
        )
        .into());
    }
    match args.json {
        true => print_json(&serde_json::json!({ "level": fits.level, "answers": answers }))?,
        false => print(&as_text(&answers, at))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(path: &Path) -> Result<Fits> {
    let file = match path.is_dir() {
        true => path.join("fits.json"),
        false => path.to_owned(),
    };
    let fits = analysis::read_fits(&file)?;
    match fits.fits.iter().all(|fit| fit.draw_names.is_empty()) {
        true => Err(Hinted::new(
            format!("{}: it holds no law that this version can predict with", file.display()),
            "`isoflop run` writes it anew; `isoflop fit PATH --json > fits.json` makes one of any table",
        ))
        .context("made by an earlier version?"),
        false => Ok(fits),
    }
}

impl Args {
    fn place(&self) -> Result<At> {
        let at = At {
            n: self.params,
            d: self.tokens,
            c: self.compute,
            epochs: self.epochs,
            batch: self.batch,
            experts: self.experts,
        };
        let hint = "give --compute C, or --params N --tokens D, or --compute C --params N";
        match at {
            At {
                n: None,
                d: None,
                c: None,
                ..
            } => Err(Hinted::new("nothing to predict", hint).into()),
            At {
                n: Some(_),
                d: Some(_),
                c: Some(_),
                ..
            } => Err(Hinted::new("two of compute, params and tokens give the third", hint).into()),
            _ => Ok(at),
        }
    }
}

fn answer(fit: &Fit, at: At) -> Option<Answer> {
    let mut predictions = Vec::new();
    let mut counted = Vec::new();
    let mut misallocation = None;
    match at {
        At {
            n: None,
            d: None,
            c: Some(c),
            ..
        } if fit.x.is_none() => {
            predictions.extend(fit.optimum(c, &Cost::SixNd)?);
            let cost = Cost::counted(fit);
            counted.extend(
                cost.and_then(|cost| fit.optimum(c, &cost))
                    .into_iter()
                    .flatten(),
            );
        }
        At {
            n: Some(n),
            d: None,
            c: Some(c),
            ..
        } if fit.x.is_none() => {
            predictions.extend(fit.predict(at));
            misallocation = fit.misallocation(c, n, &Cost::SixNd);
        }
        // A law of one variable speaks of runs whose other variables are as good as they can be.
        _ if fit.x.is_none() || alone(fit.x, at) => predictions.extend(fit.predict(at)),
        _ => {}
    }
    (!predictions.is_empty()).then(|| Answer {
        law: fit.law.clone(),
        x: fit.x.map(|x| format!("{x:?}")),
        series: fit.series.clone(),
        points: fit.points.clone(),
        predictions,
        counted,
        misallocation,
        reach: reach(fit, at),
        warnings: fit.warnings.clone(),
    })
}

/// Whether this variable is all that is given.
fn alone(x: Option<Axis>, at: At) -> bool {
    match x {
        Some(Axis::N) => at.d.is_none() && at.c.is_none(),
        Some(Axis::D) => at.n.is_none() && at.c.is_none(),
        Some(Axis::C) => at.n.is_none() && at.d.is_none(),
        None => false,
    }
}

fn reach(fit: &Fit, at: At) -> Option<f64> {
    let asked = at.c.or_else(|| Some(6.0 * at.n? * at.d?));
    Some(asked? / fit.largest_compute()?).filter(|reach| reach.is_finite())
}

fn as_text(answers: &[Answer], at: At) -> String {
    let shown =
        |name: &str, value: Option<f64>| value.map(|v| format!("{name} = {}", scientific(v)));
    let asked: Vec<String> = [shown("N", at.n), shown("D", at.d), shown("C", at.c)]
        .into_iter()
        .flatten()
        .collect();
    let mut rows = Vec::new();
    for answer in answers {
        let x = answer
            .x
            .as_ref()
            .map_or(String::new(), |x| format!(" in {x}"));
        let series = match answer.series.as_str() {
            "" => String::new(),
            series => format!(" ({series})"),
        };
        let all = answer.predictions.iter().map(|found| (found, ""));
        let counted = answer
            .counted
            .iter()
            .map(|found| (found, ", FLOPs as counted"));
        for (prediction, how) in all.chain(counted) {
            let what = match prediction.what {
                "n_opt" => format!("N*{how}"),
                "d_opt" => format!("D*{how}"),
                other => format!("{other}{how}"),
            };
            rows.push(vec![
                format!("{}{x}{series}", answer.law),
                what,
                interval(&prediction.estimate),
                answer
                    .reach
                    .map_or(String::new(), |reach| format!("{reach:.3}")),
            ]);
        }
    }
    let mut text = format!(
        "at {}; 90 % prediction intervals\n\n{}",
        asked.join(", "),
        table(
            &["law", "what", "prediction", "C over largest fitted"],
            &rows
        )
    );
    for answer in answers {
        if let Some(found) = answer.misallocation {
            text.push_str(&format!(
                "\n\n{}: {:.2} % above the optimum's loss; the optimum reaches it with {} FLOPs, so {} FLOPs or {:.0} % of the compute are wasted",
                answer.law,
                found.loss_share * 100.0,
                scientific(found.flops_needed),
                scientific(found.flops_wasted),
                found.wasted_share * 100.0
            ));
        }
        let x = answer
            .x
            .as_ref()
            .map_or(String::new(), |x| format!(" in {x}"));
        for warning in &answer.warnings {
            text.push_str(&format!("\nwarning ({}{x}): {warning}", answer.law));
        }
    }
    text
}
