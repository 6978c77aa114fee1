//! `isoflop check`: what must hold before a long sweep is worth its electricity.

use crate::fail::Hinted;
use crate::output::{print, print_json};
use crate::tables::table;
use anyhow::Result;
use isoflop_model::{ModelConfig, Norm, Parametrization, Position, Shape};
use isoflop_train::coordinates::{Coordinates, coordinates, growth};
use serde_json::json;
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

/// Largest growth exponent that passes; at finite widths it is not exactly 0.
const TOLERANCE: f64 = 0.25;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let What::Mup(args) = &args.what;
    args.check()?;
    let of = |parametrization| {
        let widths = coordinates(args.model(parametrization)?, &args.widths, args.steps, args.rate);
        anyhow::Ok(Found::of(widths))
    };
    let (standard, mup) = (of(Parametrization::Standard)?, of(Parametrization::Mup)?);
    let passes = mup.stream.abs() <= TOLERANCE && mup.logits.abs() <= TOLERANCE;
    if args.json {
        print_json(&json!({
            "steps": args.steps,
            "rate": args.rate,
            "tolerance": TOLERANCE,
            "passes": passes,
            "mup": mup.as_json(),
            "standard": standard.as_json(),
        }))?;
    } else {
        print(&args.as_text(&standard, &mup, passes))?;
    }
    Ok(match passes {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    })
}

/// Measurements at each width, with their growth exponents over the width.
struct Found {
    widths: Vec<Coordinates>,
    stream: f64,
    logits: f64,
}

impl Found {
    fn of(widths: Vec<Coordinates>) -> Self {
        Found {
            stream: growth(&widths, |at| last(&at.stream)),
            logits: growth(&widths, |at| last(&at.logits)),
            widths,
        }
    }

    fn as_json(&self) -> serde_json::Value {
        let widths = self
            .widths
            .iter()
            .map(|at| json!({ "d_model": at.d_model, "stream": at.stream, "logits": at.logits }));
        json!({
            "stream_growth": self.stream,
            "logits_growth": self.logits,
            "widths": widths.collect::<Vec<_>>(),
        })
    }
}

fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

impl Mup {
    fn check(&self) -> Result<()> {
        let wrong = |message: String, hint: &str| Err(Hinted::new(message, hint).into());
        let head = Parametrization::BASE_HEAD;
        if let Some(width) = self.widths.iter().find(|w| **w == 0 || **w % head != 0) {
            return wrong(
                format!("--widths: {width} is not a multiple of {head}"),
                "heads are 16 wide: 32,64,128",
            );
        }
        let mut distinct = self.widths.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 3 {
            return wrong(
                format!("--widths: {} different widths", distinct.len()),
                "a slope needs three or more: 32,64,128",
            );
        }
        if self.steps == 0 || self.layers == 0 || !(self.rate.is_finite() && self.rate > 0.0) {
            return wrong(
                "--steps, --layers and --rate must be positive".to_owned(),
                "the defaults are 5, 2 and 0.003",
            );
        }
        Ok(())
    }

    fn model(&self, parametrization: Parametrization) -> Result<ModelConfig> {
        Ok(ModelConfig {
            norm: Norm::Rms,
            position: Position::Rope,
            parametrization,
            ..ModelConfig::transformer(Shape::new(self.widths[0], self.layers, 1)?, 256, 32)
        })
    }

    fn as_text(&self, standard: &Found, mup: &Found, passes: bool) -> String {
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
        let verdict = match passes {
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
