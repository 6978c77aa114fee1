//! How fast this machine trains, size by size.

use crate::{Hinted, Lab, LabError};
use isoflop_core::OptimizerKind;
use isoflop_model::{Family, ModelConfig, Norm, Position};
use isoflop_sweep::spec::{GivenShape, model_of, option_line};
use isoflop_train::bench::{Bench, Measured, peak_flops_per_s};
use isoflop_train::device::{DeviceChoice, TrainDevice, peak};
use isoflop_train::model::Operations;
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Request {
    /// Width x layers x heads, or width x layers.
    pub sizes: Vec<String>,
    /// Windows a step.
    pub windows: u64,
    /// Tokens a window.
    pub context: u64,
    /// Distinct tokens.
    pub vocab: u64,
    /// Normalisation.
    pub norm: Norm,
    /// Position; that of the family unless given.
    pub position: Option<Position>,
    /// Model family.
    pub family: Family,
    /// Options of `[model]`, each as `key=value`.
    pub options: Vec<String>,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Steps that are timed, after some that are not.
    pub steps: u64,
    /// Processes that train side by side, one core each.
    pub processes: u64,
    /// Where to train.
    pub device: DeviceChoice,
    /// Use stock Burn operations instead of the fused ones.
    pub composed: bool,
    /// Take the time of every part of a step.
    pub profile: bool,
    /// FLOP/s of the peak, where it has been measured already.
    pub peak: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Speeds {
    /// Where.
    pub device: DeviceChoice,
    /// Peak of the device, in 1e9 FLOP/s.
    pub peak_gflops: f64,
    /// Each size.
    pub sizes: Vec<SizeSpeed>,
}

/// The speed of one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SizeSpeed {
    /// As it was asked for.
    pub size: String,
    /// Parameters in matrices.
    pub n_matrix: f64,
    /// Milliseconds of a step; of several processes the slowest's.
    pub ms_per_step: f64,
    /// Tokens a second, of all processes together.
    pub tokens_per_s: f64,
    /// Training FLOPs a second, in 1e9, of all processes together.
    pub gflops: f64,
    /// The same of one process over the peak.
    pub mfu: f64,
    /// Memory of all processes.
    pub memory_bytes: Option<u64>,
    /// Loss after the steps, nats per token.
    pub loss: f64,
    /// Kernels that a GPU starts a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launches_per_step: Option<u64>,
    /// Bytes of batches that a GPU is sent a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_bytes_per_step: Option<u64>,
    /// Bytes of losses and norms that are fetched from a GPU a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_bytes_per_step: Option<u64>,
    /// Parts of a step, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A part of a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub part: String,
    /// Milliseconds a step.
    pub ms: f64,
}

/// Trains each size on random tokens.
///
/// # Errors
/// A size is none, the device cannot be opened, or a process fails.
pub fn bench(lab: &Lab<'_>, request: &Request) -> Result<Speeds, LabError> {
    let sizes = request.sizes.iter().map(|size| Ok((size, request.model(size)?)));
    let sizes = sizes.collect::<Result<Vec<_>, LabError>>()?;
    let device = TrainDevice::open(request.device)?;
    let peak = request.peak.unwrap_or_else(|| match request.device {
        DeviceChoice::Cpu => peak_flops_per_s(),
        _ => peak::peak_flops_per_s(&device),
    });
    let mut speeds = Vec::new();
    for (size, model) in sizes {
        if request.peak.is_none() {
            let tokens = request.windows * request.context;
            lab.notice.note(&format!("{size}: {} steps of {tokens} tokens", request.steps));
        }
        speeds.push(match request.processes {
            1 => request.speed(size, model, &device, peak),
            _ => {
                let one =
                    Request { sizes: vec![size.clone()], peak: Some(peak), ..request.clone() };
                together(lab.crew.bench(&one)?)?
            }
        });
    }
    Ok(Speeds { device: request.device, peak_gflops: peak / 1e9, sizes: speeds })
}

impl Request {
    fn model(&self, size: &str) -> Result<ModelConfig, LabError> {
        let wrong = |why: String| Hinted::new(why, "a size is width x layers x heads: 64x4x4");
        let given = GivenShape::parse(size)
            .ok_or_else(|| wrong(format!("--sizes: `{size}` is no size")))?;
        let mut lines = vec![
            format!("family = \"{}\"", self.family.name()),
            format!("norm = \"{}\"", format!("{:?}", self.norm).to_lowercase()),
        ];
        if let Some(position) = self.position {
            lines.push(format!("position = \"{}\"", format!("{position:?}").to_lowercase()));
        }
        for option in &self.options {
            let line = option_line(option).map_err(|why| {
                Hinted::new(format!("--set: {why}"), "window=32, or moe.experts=8")
            })?;
            lines.push(line);
        }
        let text = lines.join("\n");
        let made = model_of(&text, given, self.vocab as usize, self.context as usize);
        made.map_err(|error| {
            let hint = error.hint().unwrap_or("docs/models.md lists the options and their values");
            Hinted::new(format!("--sizes {size}: {}", error.message()), hint).into()
        })
    }

    fn speed(&self, size: &str, model: ModelConfig, device: &TrainDevice, peak: f64) -> SizeSpeed {
        let measured = Bench {
            model,
            windows: self.windows,
            steps: self.steps as usize,
            optimizer: self.optimizer,
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
        SizeSpeed {
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
}

/// Several processes at once: time is the slowest one's, speeds are summed.
fn together(speeds: Vec<SizeSpeed>) -> Result<SizeSpeed, LabError> {
    let slowest = speeds
        .iter()
        .max_by(|a, b| a.ms_per_step.total_cmp(&b.ms_per_step))
        .ok_or_else(|| LabError::Ended("no process reported".to_owned()))?;
    let sum = |of: fn(&SizeSpeed) -> f64| speeds.iter().map(of).sum::<f64>();
    Ok(SizeSpeed {
        tokens_per_s: sum(|speed| speed.tokens_per_s),
        gflops: sum(|speed| speed.gflops),
        mfu: sum(|speed| speed.mfu) / speeds.len() as f64,
        memory_bytes: speeds.iter().map(|speed| speed.memory_bytes).sum(),
        ..slowest.clone()
    })
}
