//! `isoflop predict`: what fitted laws say about runs that nobody has trained.

use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::predict_text::text;
use anyhow::Result;
use isoflop_core::units::parse_quantity;
use isoflop_fit::predict::At;
use isoflop_lab::predict::{answers, read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Predicts a loss, or the compute-optimal size and tokens, with 90 % prediction intervals.
///
/// With --compute alone, it predicts the optimum of that compute. With --params or --tokens alone,
/// it predicts the loss when everything else is at its best; with both, the loss of that run, and of
/// a mixture of --experts the size of the dense model of equal loss. With --compute and --params, it
/// predicts the loss of that split and what it wastes compared with the optimum. D = C / (6 N) where
/// it is not given.
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
    /// Training compute in FLOPs.
    #[arg(long, value_name = "C", value_parser = parse_quantity)]
    compute: Option<f64>,
    /// Number of parameters, counted as the fit counts them.
    #[arg(long, value_name = "N", value_parser = parse_quantity)]
    params: Option<f64>,
    /// Training tokens.
    #[arg(long, value_name = "D", value_parser = parse_quantity)]
    tokens: Option<f64>,
    /// Number of passes over the distinct tokens, for laws of repetition.
    #[arg(long)]
    epochs: Option<f64>,
    /// Tokens per step, for laws of steps.
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

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fits = read(&args.fits)?;
    let at = args.place()?;
    let answers = answers(&args.fits, &fits, at)?;
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
        false => format!("\n{are} in {}, under `remarks`", path.display()),
    }
}
