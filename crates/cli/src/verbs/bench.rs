//! `isoflop bench`: how fast this machine trains.

use crate::output::{print, print_json};
use crate::signals;
use crate::tables::table;
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_core::OptimizerKind;
use isoflop_lab::bench::{Request, SizeSpeed, Speeds, bench};
use isoflop_model::{Family, Norm, Position};
use isoflop_train::device::DeviceChoice;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::process::ExitCode;

/// Trains models on random tokens and reports time, speed and memory of a step.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A step is everything: forward, cross-entropy, backward, clipping, optimizer.
GFLOP/s counts the products that a step needs, attention causal, as c_exact does, without those of
the optimizer; MFU is the same over the speed of a 2048^3 product on one core of this machine, on
another device over that of a product large enough to take 20 ms.

Example:
  isoflop bench --sizes 64x4x4,128x4x4 --profile")]
pub(crate) struct Args {
    /// Sizes as width x layers x heads (heads may be left out), separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "32x2x2,64x4x4,128x4x4,256x6x8")]
    sizes: Vec<String>,
    /// Windows per step.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Tokens per window.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..))]
    context: u64,
    /// Number of distinct tokens.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(2..))]
    vocab: u64,
    /// Normalisation: rms or layer.
    #[arg(long, default_value = "rms", value_parser = named::<Norm>)]
    norm: Norm,
    /// Position: rope, learned or none; by default that of the family.
    #[arg(long, value_parser = named::<Position>)]
    position: Option<Position>,
    /// Model family, as in a sweep file.
    #[arg(long, default_value = "transformer", value_parser = named::<Family>)]
    family: Family,
    /// Option of `[model]` as a sweep file writes it, such as window=32 or moe.experts=8; may be
    /// given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Optimizer: adamw, muon or sgd.
    #[arg(long, default_value = "adamw", value_parser = named::<OptimizerKind>)]
    optimizer: OptimizerKind,
    /// Number of steps that are timed, after three that are not.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Number of processes that train side by side, one core each, as in a sweep; speeds are then
    /// sums over all processes.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    threads: u64,
    /// Device to train on: cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray.
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Use stock Burn operations instead of the fused ones.
    #[arg(long)]
    composed: bool,
    /// Show the time of each part of a step.
    #[arg(long)]
    profile: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// FLOP/s of the peak, if it has been measured already.
    #[arg(long, hide = true)]
    peak: Option<f64>,
    /// End when stdin closes, that is, when the parent dies.
    #[arg(long, hide = true)]
    supervised: bool,
}

impl Args {
    /// Whether another `bench` started this process.
    pub(crate) fn is_part(&self) -> bool {
        self.supervised
    }
}

/// A value by the name that a sweep file gives it.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    T::deserialize(text.into_deserializer())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.supervised {
        signals::end_with_parent();
    }
    let speeds = with_lab(|lab| Ok(bench(lab, &args.request())?))?;
    match args.json {
        true => print_json(&speeds)?,
        false => print(&in_words(&speeds))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn request(&self) -> Request {
        Request {
            sizes: self.sizes.clone(),
            windows: self.batch,
            context: self.context,
            vocab: self.vocab,
            norm: self.norm,
            position: self.position,
            family: self.family,
            options: self.options.clone(),
            optimizer: self.optimizer,
            steps: self.steps,
            processes: self.threads,
            device: self.device,
            composed: self.composed,
            profile: self.profile,
            peak: self.peak,
        }
    }
}

fn in_words(speeds: &Speeds) -> String {
    let rows: Vec<Vec<String>> = speeds.sizes.iter().map(cells).collect();
    let mut header = vec!["size", "ms/step", "tokens/s", "GFLOP/s", "MFU", "memory"];
    if speeds.sizes.iter().any(|row| row.launches_per_step.is_some()) {
        header.extend(["launches", "sent", "fetched"]);
    }
    let mut text = format!(
        "{}\n\npeak {:.1} GFLOP/s ({})",
        table(&header, &rows),
        speeds.peak_gflops,
        match speeds.device {
            DeviceChoice::Cpu => "one core, 2048^3 product".to_owned(),
            device => format!("the largest product of {device}"),
        }
    );
    for row in speeds.sizes.iter().filter(|row| !row.parts.is_empty()) {
        let total: f64 = row.parts.iter().map(|part| part.ms).sum();
        let cells: Vec<Vec<String>> = row
            .parts
            .iter()
            .map(|part| {
                let share = format!("{:.1} %", part.ms / total * 100.0);
                vec![part.part.clone(), format!("{:.2}", part.ms), share]
            })
            .collect();
        text.push_str("\n\n");
        text.push_str(&table(&[&row.size, "ms/step", "share"], &cells));
    }
    text
}

fn cells(speed: &SizeSpeed) -> Vec<String> {
    let traffic =
        [speed.launches_per_step, speed.sent_bytes_per_step, speed.fetched_bytes_per_step];
    let mut cells = vec![
        speed.size.clone(),
        format!("{:.2}", speed.ms_per_step),
        format!("{:.0}", speed.tokens_per_s),
        format!("{:.1}", speed.gflops),
        format!("{:.0} %", speed.mfu * 100.0),
        speed.memory_bytes.map(isoflop_sweep::memory::shown).unwrap_or_default(),
    ];
    cells.extend(traffic.into_iter().flatten().map(|count| count.to_string()));
    cells
}
