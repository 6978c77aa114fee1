//! `isoflop check`: what must hold before a long sweep is worth its electricity.

use crate::output::{note, print, print_json};
use crate::tables::table;
use crate::terminal::with_lab;
use crate::transfer_text;
use anyhow::Result;
use isoflop_core::units::parse_quantity;
use isoflop_lab::check::{self, Changes, Checked, TOLERANCE, last, mup};
use isoflop_lab::jobs::Jobs;
use isoflop_lab::transfer::{Direction, Question, TextChoice, Transferred, transfer};
use isoflop_sweep::supervise::Outcome;
use isoflop_sweep::workers::local::STOPPED;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks which settings transfer from one size to another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop check mup\n  isoflop check transfer")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Train a few steps at several widths. Under the maximal-update parametrisation, the changes
    /// that the steps make must neither grow nor shrink with the width.
    #[command(after_help = "Example:\n  isoflop check mup --widths 32,64,128,256 --rate 0.01")]
    Mup(Mup),
    /// Train small runs at multiples of the rule's learning rate. Where the rule transfers, the best multiple
    /// is the same at other depths, batches and durations.
    ///
    /// The runs are sweeps with results folders of their own (`DIR/check-transfer-depth` and so on), so that the
    /// same command after a stop trains only what is missing.
    /// The command ends with 0 where the rule transfers in every direction, else with 1.
    #[command(after_help = "Examples:\n  isoflop check transfer\n  \
        isoflop check transfer --directions depth --size 32x4x2 --tokens 200k --seeds 4")]
    Transfer(Transfer),
}

#[derive(Debug, clap::Args)]
struct Transfer {
    /// Directions, of depth, batch and duration.
    #[arg(long, value_delimiter = ',', default_value = "depth,batch,duration")]
    directions: Vec<Direction>,
    /// Size in the midst: width x layers x heads, with an even number of layers for depth.
    #[arg(long, default_value = "16x2x1")]
    size: String,
    /// Built-in corpus, as `isoflop data list` names it.
    #[arg(long, default_value = "rust-docs")]
    corpus: String,
    /// Text files by path or glob, in place of a built-in corpus.
    #[arg(long, value_name = "PATH", conflicts_with = "corpus")]
    text: Option<String>,
    /// Training tokens; duration also trains on 4 and 16 times as many.
    #[arg(long, default_value = "64k", value_parser = parse_quantity)]
    tokens: f64,
    /// Multiples of the rule's rate to train at.
    #[arg(long, value_delimiter = ',', default_value = "0.25,0.5,1,2,4,8")]
    multiples: Vec<f64>,
    /// Number of seeds, from 0.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Number of worker processes, one core each, or auto.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    jobs: Jobs,
    /// Folder of all results.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Mup {
    /// Widths, which are multiples of 16.
    #[arg(long, value_delimiter = ',', default_value = "32,64,128,256,512")]
    widths: Vec<usize>,
    /// Number of blocks.
    #[arg(long, default_value_t = 2)]
    layers: usize,
    /// Number of steps.
    #[arg(long, default_value_t = 5)]
    steps: usize,
    /// Learning rate.
    #[arg(long, default_value_t = 0.003)]
    rate: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Mup(args) => check_mup(args),
        What::Transfer(args) => check_transfer(args),
    }
}

fn check_transfer(args: &Transfer) -> Result<ExitCode> {
    let question = Question {
        directions: args.directions.clone(),
        size: args.size.clone(),
        text: match &args.text {
            Some(glob) => TextChoice::Files(glob.clone()),
            None => TextChoice::Corpus(args.corpus.clone()),
        },
        tokens: args.tokens,
        multiples: args.multiples.clone(),
        seeds: args.seeds,
        jobs: args.jobs,
        results: args.results.clone(),
    };
    let found = with_lab(|lab| Ok(transfer(lab, &question)?))?;
    match args.json {
        true => print_json(&transfer_text::as_json(&question, &found))?,
        false => print(&transfer_text::as_text(&question, &found))?,
    }
    Ok(ending(&found))
}

/// Says how training ended where that was not with the last run.
fn ending(found: &Transferred) -> ExitCode {
    let (what, code) = match &found.outcome {
        None | Some(Outcome::Complete) if found.failed == 0 => {
            return ExitCode::from(u8::from(!found.passes()));
        }
        None | Some(Outcome::Complete) => {
            note(&format!("{} runs failed; the same command tries them once more", found.failed));
            return ExitCode::from(1);
        }
        Some(Outcome::TooManyFailures(_)) => ("stopped: too many runs failed", 1),
        Some(Outcome::NoRoom) => ("stopped: the disk is full", STOPPED),
        Some(Outcome::Stopped | Outcome::Deadline) => ("stopped", STOPPED),
    };
    note(&format!("{what}; the same command resumes"));
    ExitCode::from(code)
}

fn check_mup(args: &Mup) -> Result<ExitCode> {
    let checked = mup(&check::Mup {
        widths: args.widths.clone(),
        layers: args.layers,
        steps: args.steps,
        rate: args.rate,
    })?;
    match args.json {
        true => print_json(&json!({
            "steps": args.steps,
            "rate": args.rate,
            "tolerance": TOLERANCE,
            "passes": checked.passes(),
            "mup": as_json(&checked.mup),
            "standard": as_json(&checked.standard),
        }))?,
        false => print(&args.as_text(&checked))?,
    }
    Ok(match checked.passes() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    })
}

fn as_json(changes: &Changes) -> Value {
    let widths = changes
        .widths
        .iter()
        .map(|at| json!({ "d_model": at.d_model, "stream": at.stream, "logits": at.logits }));
    json!({
        "stream_growth": changes.stream,
        "logits_growth": changes.logits,
        "widths": widths.collect::<Vec<_>>(),
    })
}

impl Mup {
    fn as_text(&self, checked: &Checked) -> String {
        let Checked { standard, mup } = checked;
        let number = |value: f64| format!("{value:.4}");
        let rows: Vec<Vec<String>> = mup
            .widths
            .iter()
            .zip(&standard.widths)
            .map(|(mup, standard)| {
                vec![
                    mup.d_model.to_string(),
                    number(last(&mup.stream)),
                    number(last(&mup.logits)),
                    number(last(&standard.stream)),
                    number(last(&standard.logits)),
                ]
            })
            .collect();
        let header =
            ["width", "stream, mup", "logits, mup", "stream, standard", "logits, standard"];
        let verdict = match checked.passes() {
            true => "passes: under mup what is learnt in a step does not depend on the width",
            false => "fails: under mup what is learnt in a step depends on the width",
        };
        format!(
            "mean change of a number after {} steps at rate {}\n\n{}\n\n\
             grows with the width to the power of (mup within {TOLERANCE} of 0 passes)\n\
             \x20 mup       stream {:+.2}, logits {:+.2}\n\
             \x20 standard  stream {:+.2}, logits {:+.2}\n\n{verdict}",
            self.steps,
            self.rate,
            table(&header, &rows),
            mup.stream,
            mup.logits,
            standard.stream,
            standard.logits,
        )
    }
}
