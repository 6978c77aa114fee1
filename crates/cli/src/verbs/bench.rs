//! `isoflop bench`: how fast this machine trains.

use crate::fail::Hinted;
use crate::output::{note, print, print_json};
use crate::signals;
use crate::tables::table;
use anyhow::{Context, Result, ensure};
use isoflop_model::{Family, ModelConfig, Norm, Position, Preset, Shape};
use isoflop_sweep::spec::GivenShape;
use isoflop_train::bench::{Bench, Measured, peak_flops_per_s};
use isoflop_train::device::{DeviceChoice, TrainDevice, peak};
use isoflop_train::model::Operations;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use std::process::{Command, ExitCode, Stdio};

/// Trains models on random tokens and reports time, speed and memory of a step.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A step is everything: forward, cross-entropy, backward, clipping, AdamW.
GFLOP/s counts the products that a step needs, attention causal, as c_exact does; MFU is the same over
the speed of a 2048^3 product on one core of this machine, on another device over that of a product
large enough to take 20 ms.

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

#[derive(Debug, Serialize, Deserialize)]
struct Output {
    device: DeviceChoice,
    peak_gflops: f64,
    sizes: Vec<Row>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    size: String,
    n_matrix: f64,
    ms_per_step: f64,
    tokens_per_s: f64,
    gflops: f64,
    mfu: f64,
    memory_bytes: Option<u64>,
    loss: f64,
    /// Kernels launched, bytes of batches sent and bytes of losses and norms fetched in a step on a
    /// GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    launches_per_step: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_bytes_per_step: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fetched_bytes_per_step: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    part: String,
    ms: f64,
}

/// Parses a value by the name that it has in a sweep file.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    T::deserialize(text.into_deserializer())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.supervised {
        signals::end_with_parent();
    }
    let shapes = args
        .sizes
        .iter()
        .map(|size| Ok((size.as_str(), args.model(size)?)))
        .collect::<Result<Vec<_>>>()?;
    let device = TrainDevice::open(args.device)?;
    let peak = args.peak.unwrap_or_else(|| match args.device {
        DeviceChoice::Cpu => peak_flops_per_s(),
        _ => peak::peak_flops_per_s(&device),
    });
    let mut rows = Vec::new();
    for (size, model) in shapes {
        if args.peak.is_none() {
            note(&format!("{size}: {} steps of {} tokens", args.steps, args.tokens()));
        }
        rows.push(match args.threads {
            1 => args.row(size, model, &device, peak),
            _ => args.side_by_side(size, peak)?,
        });
    }
    let output = Output { device: args.device, peak_gflops: peak / 1e9, sizes: rows };
    match args.json {
        true => print_json(&output)?,
        false => print(&output.shown())?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn model(&self, size: &str) -> Result<ModelConfig> {
        let wrong = |why: String| Hinted::new(why, "a size is width x layers x heads: 64x4x4");
        let given = GivenShape::parse(size)
            .ok_or_else(|| wrong(format!("--sizes: `{size}` is no size")))?;
        let Preset { mixer, feed_forward, position } = self.family.preset();
        let smallest = Shape { d_model: 1, n_layers: 1, n_heads: 1 };
        let like = ModelConfig {
            norm: self.norm,
            position: self.position.unwrap_or(position),
            mixer,
            feed_forward,
            ..ModelConfig::transformer(smallest, self.vocab as usize, self.context as usize)
        };
        let checked = given.shape(&like, None).and_then(|shape| {
            let model = ModelConfig { shape, ..like };
            model.check().map(|()| model)
        });
        checked.map_err(|error| wrong(format!("--sizes {size}: {error}")).into())
    }

    fn tokens(&self) -> u64 {
        self.batch * self.context
    }

    fn row(&self, size: &str, model: ModelConfig, device: &TrainDevice, peak: f64) -> Row {
        let measured = Bench {
            model,
            windows: self.batch,
            steps: self.steps as usize,
            operations: match self.composed {
                true => Operations::Composed,
                false => Operations::of(&device.autodiff()),
            },
            profile: self.profile,
        }
        .run(device);
        let Measured { seconds, tokens, .. } = measured;
        let part =
            |(name, seconds): &(&str, f64)| Part { part: (*name).to_owned(), ms: seconds * 1e3 };
        Row {
            size: size.to_owned(),
            n_matrix: model.matrix_params().0,
            ms_per_step: seconds * 1e3,
            tokens_per_s: tokens.0 / seconds,
            gflops: measured.flops_per_s / 1e9,
            mfu: measured.flops_per_s / peak,
            memory_bytes: measured.memory_bytes,
            loss: measured.loss,
            launches_per_step: measured.traffic.map(|traffic| traffic.launches),
            sent_bytes_per_step: measured.traffic.map(|traffic| traffic.sent_bytes),
            fetched_bytes_per_step: measured.traffic.map(|traffic| traffic.fetched_bytes),
            parts: measured.parts.iter().map(part).collect(),
        }
    }

    /// Measures in several processes at once; the time is that of the slowest, and speeds are
    /// summed.
    fn side_by_side(&self, size: &str, peak: f64) -> Result<Row> {
        let program = std::env::current_exe().context("find this program")?;
        let mut children = (0..self.threads)
            .map(|_| {
                let mut command = Command::new(&program);
                command.args(["bench", "--supervised", "--json", "--sizes", size]);
                for (name, value) in [
                    ("--batch", self.batch.to_string()),
                    ("--context", self.context.to_string()),
                    ("--vocab", self.vocab.to_string()),
                    ("--steps", self.steps.to_string()),
                    ("--norm", format!("{:?}", self.norm).to_lowercase()),
                    ("--family", self.family.name().to_owned()),
                    ("--device", self.device.to_string()),
                    ("--peak", peak.to_string()),
                ] {
                    command.args([name, &value]);
                }
                if let Some(position) = self.position {
                    command.args(["--position", &format!("{position:?}").to_lowercase()]);
                }
                command.args(self.composed.then_some("--composed"));
                command.args(self.profile.then_some("--profile"));
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                command.spawn()
            })
            .collect::<Result<Vec<_>, _>>()
            .context("start a process")?;
        // The processes end when their stdin is dropped.
        let _lines: Vec<_> = children.iter_mut().map(|child| child.stdin.take()).collect();
        let mut rows = Vec::new();
        for child in children {
            let output = child.wait_with_output().context("wait for a process")?;
            ensure!(output.status.success(), "a process ended with {}", output.status);
            let one: Output = serde_json::from_slice(&output.stdout)?;
            rows.extend(one.sizes);
        }
        let slowest = rows
            .iter()
            .max_by(|a, b| a.ms_per_step.total_cmp(&b.ms_per_step))
            .context("no process reported")?;
        let sum = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>();
        Ok(Row {
            tokens_per_s: sum(|row| row.tokens_per_s),
            gflops: sum(|row| row.gflops),
            mfu: sum(|row| row.mfu) / rows.len() as f64,
            memory_bytes: rows.iter().map(|row| row.memory_bytes).sum(),
            ..slowest.clone()
        })
    }
}

impl Output {
    fn shown(&self) -> String {
        let rows: Vec<Vec<String>> = self.sizes.iter().map(Row::cells).collect();
        let mut header = vec!["size", "ms/step", "tokens/s", "GFLOP/s", "MFU", "memory"];
        if self.sizes.iter().any(|row| row.launches_per_step.is_some()) {
            header.extend(["launches", "sent", "fetched"]);
        }
        let mut text = format!(
            "{}\n\npeak {:.1} GFLOP/s ({})",
            table(&header, &rows),
            self.peak_gflops,
            match self.device {
                DeviceChoice::Cpu => "one core, 2048^3 product".to_owned(),
                device => format!("the largest product of {device}"),
            }
        );
        for row in self.sizes.iter().filter(|row| !row.parts.is_empty()) {
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
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let traffic =
            [self.launches_per_step, self.sent_bytes_per_step, self.fetched_bytes_per_step];
        let mut cells = vec![
            self.size.clone(),
            format!("{:.2}", self.ms_per_step),
            format!("{:.0}", self.tokens_per_s),
            format!("{:.1}", self.gflops),
            format!("{:.0} %", self.mfu * 100.0),
            self.memory_bytes.map(isoflop_sweep::memory::shown).unwrap_or_default(),
        ];
        cells.extend(traffic.into_iter().flatten().map(|count| count.to_string()));
        cells
    }
}
