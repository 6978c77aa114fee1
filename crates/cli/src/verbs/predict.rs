//! `isoflop predict`: what fitted laws say of runs that nobody has trained.

use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::predict_text::{beyond, text};
use anyhow::{Context, Result};
use isoflop_core::units::parse_quantity;
use isoflop_fit::best;
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::{Axis, Fit, Fits, Isoflop};
use isoflop_fit::predict::{At, Misallocation, Prediction};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Predicts a loss, or the compute-optimal size and tokens, with 90 % prediction intervals.
///
/// With --compute alone the optimum of that compute; with --params or --tokens alone the loss at the
/// best of everything else; with both the loss of that run, and of a mixture of --experts the size of the dense model of equal loss; with --compute and --params the loss of that split and what it wastes against the optimum.
/// D = C / (6 N) where it is not given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop predict results/quickstart --compute 1e14\n  \
    isoflop predict results/quickstart/fits.json --params 1M --tokens 50M\n  \
    isoflop predict results/quickstart --compute 1e14 --params 100k\n\n\
    Intervals carry the parameters' uncertainty, the scatter of single runs and, beyond the compute \
    that was fitted, the drift of the law as measured by holding larger budgets out. The prediction is \
    the law's own; where all windows erred to one side the interval is longer on that side.")]
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
    /// Experts for each one that a token uses, for laws of mixtures of experts: 1 for a dense model.
    #[arg(long, value_name = "E", value_parser = parse_quantity)]
    experts: Option<f64>,
    /// Widths of an expert in that of a dense model's half, for the law granularity; 1 unless given.
    #[arg(long, value_name = "G", value_parser = parse_quantity)]
    granularity: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What one fit says.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// A law's name, or `isoflop` for the lines through the minima.
    pub(crate) law: String,
    pub(crate) x: Option<String>,
    pub(crate) series: String,
    points: String,
    /// Why this law is the best of those of its rows; null for the others.
    pub(crate) best: Option<String>,
    pub(crate) predictions: Vec<Prediction>,
    /// The optimum under the FLOPs that models of these sizes really take, where that is not 6 N D.
    pub(crate) counted: Vec<Prediction>,
    pub(crate) misallocation: Option<Misallocation>,
    /// Compute asked for over the largest that was fitted.
    pub(crate) reach: Option<f64>,
    /// How far beyond the compute fitted rows held out have judged the law, as a factor.
    pub(crate) windows_reach: Option<f64>,
    /// That the law errs to one side wherever it was not fitted; null where it does not.
    pub(crate) misfit: Option<String>,
    /// What to mind about this prediction; the fit's own warnings stand with the fit.
    warnings: Vec<String>,
    /// Their number.
    fit_warnings: usize,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fits = read(&args.fits)?;
    let at = args.place()?;
    let mut answers: Vec<Answer> = fits.fits.iter().filter_map(|fit| answer(fit, at)).collect();
    for best in best(&fits.fits) {
        let is = |answer: &&mut Answer| {
            (&answer.law, &answer.series, &answer.points) == (&best.law, &best.series, &best.points)
                && answer.x == best.x.map(letter)
        };
        if let Some(answer) = answers.iter_mut().find(is) {
            answer.best = Some(best.reason);
        }
    }
    // The exponents of the headline are those of the minima.
    let minima = fits.isoflop.iter();
    let minima: Vec<Answer> =
        minima.filter_map(|isoflop| minima_answer(isoflop, &fits, at)).collect();
    answers.splice(0..0, minima);
    if answers.is_empty() {
        return Err(Hinted::new(
            format!("{}: no law in it answers this", args.fits.display()),
            "a loss at N and D needs the law chinchilla; `isoflop fit` says which laws these runs support",
        )
        .into());
    }
    match args.json {
        true => print_json(&serde_json::json!({ "level": fits.level, "answers": answers }))?,
        false => {
            let mut shown = text(&answers, at);
            let warned: usize = answers.iter().map(|answer| answer.fit_warnings).sum();
            if warned > 0 {
                shown.push_str(&where_warnings_are(&args.fits, warned));
            }
            print(&shown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(path: &Path) -> Result<Fits> {
    let file = match path.is_dir() {
        true => path.join("fits.json"),
        false => path.to_owned(),
    };
    let fits = isoflop_lab::fits::read(&file)?;
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
            granularity: self.granularity,
        };
        let hint = "give --compute C, or --params N --tokens D, or --compute C --params N";
        match at {
            At { n: None, d: None, c: None, .. } => {
                Err(Hinted::new("nothing to predict", hint).into())
            }
            At { n: Some(_), d: Some(_), c: Some(_), .. } => {
                Err(Hinted::new("two of compute, params and tokens give the third", hint).into())
            }
            _ => Ok(at),
        }
    }
}

fn answer(fit: &Fit, at: At) -> Option<Answer> {
    let mut predictions = Vec::new();
    let mut counted = Vec::new();
    let mut misallocation = None;
    match at {
        At { n: None, d: None, c: Some(c), .. } if fit.x.is_none() => {
            predictions.extend(fit.optimum(c, &Cost::SixNd)?);
            let cost = Cost::counted(fit);
            counted.extend(cost.and_then(|cost| fit.optimum(c, &cost)).into_iter().flatten());
        }
        At { n: Some(n), d: None, c: Some(c), .. } if fit.x.is_none() => {
            predictions.extend(fit.predict(at));
            misallocation = fit.misallocation(c, n, &Cost::SixNd);
        }
        // A law of one variable speaks of runs whose other variables are as good as they can be.
        _ if fit.x.is_none() || alone(fit.x, at) => predictions.extend(fit.predict(at)),
        _ => {}
    }
    predictions.extend(fit.effective(at));
    let reach = reach(fit.largest_compute(), at);
    let validation = fit.validation.as_ref();
    let windows_reach = validation.and_then(|validation| validation.reach());
    let misfit = validation.and_then(|validation| validation.verdict());
    let far = reach.and_then(|reach| beyond(reach, windows_reach));
    let misfit = misfit.map(|misfit| misfit.sentence);
    (!predictions.is_empty()).then(|| Answer {
        law: fit.law.clone(),
        x: fit.x.map(letter),
        series: fit.series.clone(),
        points: fit.points.clone(),
        best: None,
        predictions,
        counted,
        misallocation,
        reach,
        windows_reach,
        misfit,
        warnings: far.into_iter().collect(),
        fit_warnings: fit.warnings.len(),
    })
}

/// N*, D* and the loss at a compute by the isoFLOP minima alone: the lines and the law in C through them.
fn minima_answer(isoflop: &Isoflop, fits: &Fits, at: At) -> Option<Answer> {
    let c = at.c.filter(|_| at.n.is_none() && at.d.is_none())?;
    let mut predictions = isoflop.optimum(c);
    let through = |fit: &&Fit| {
        fit.series == isoflop.series && fit.x == Some(Axis::C) && fit.points.contains("minima")
    };
    let mut laws: Vec<&Fit> = fits.fits.iter().filter(through).collect();
    laws.sort_by_key(|fit| fit.law != "power-offset");
    let reach = reach(isoflop.largest_compute(), at);
    let windows_reach = None;
    let first = (!predictions.is_empty()).then(|| laws.first()).flatten();
    predictions.extend(first.and_then(|fit| fit.predict(at)));
    let far = reach.and_then(|reach| beyond(reach, windows_reach));
    (!predictions.is_empty()).then(|| Answer {
        law: "isoflop".to_owned(),
        x: None,
        series: isoflop.series.clone(),
        points: "isoFLOP minima".to_owned(),
        best: None,
        predictions,
        counted: Vec::new(),
        misallocation: None,
        reach,
        windows_reach,
        misfit: None,
        warnings: far.into_iter().collect(),
        fit_warnings: isoflop.warnings.len(),
    })
}

fn letter(x: Axis) -> String {
    format!("{x:?}")
}

/// Where the warnings of the fits themselves stand.
fn where_warnings_are(path: &Path, count: usize) -> String {
    let (are, them) = match count {
        1 => ("1 warning of the fits stands".to_owned(), "it"),
        count => (format!("{count} warnings of the fits stand"), "them"),
    };
    match path.is_dir() {
        true => format!(
            "\n{are} in {}; `isoflop fit {}` prints {them}",
            path.join("fits.json").display(),
            path.display()
        ),
        false => format!("\n{are} in {}, under `warnings`", path.display()),
    }
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

fn reach(largest: Option<f64>, at: At) -> Option<f64> {
    let asked = at.c.or_else(|| Some(6.0 * at.n? * at.d?));
    Some(asked? / largest?).filter(|reach| reach.is_finite())
}
