//! `isoflop check`: what must hold before a long sweep is worth its electricity.

use crate::output::{print, print_json};
use crate::tables::table;
use anyhow::Result;
use isoflop_lab::check::{self, Changes, Checked, TOLERANCE, last, mup};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Checks which settings transfer from one size to another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop check mup")]
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
    let What::Mup(args) = &args.what;
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
