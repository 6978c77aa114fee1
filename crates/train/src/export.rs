//! Exports a trained model for other frameworks: its weights, its configuration, and a batch of
//! test text with the loss of every token for comparison.

use crate::checkpoint::rebuild;
use crate::halves::attention::ROPE_BASE;
use crate::ops::NORM_EPSILON;
use crate::source::prepare_run;
use burn::tensor::{self, Device};
use isoflop_data::DataError;
use isoflop_model::{Fact, FeedForward, ModelConfig, Position};
use isoflop_results::file::write_atomic;
use isoflop_sweep::PlannedRun;
use isoflop_sweep::checkpoint::{
    self, CheckpointError, Manifest, Numbers, Tensor, has_checksum, named, serialize,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Number of windows in the exported batch.
const WINDOWS: usize = 4;

/// Reason why a model could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum ExportError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("{}.json: it is not of run {run}", stem.display())]
    OtherRun { stem: PathBuf, run: String },
}

impl ExportError {
    /// Advice on what to do about the error.
    pub fn hint(&self) -> Option<String> {
        match self {
            ExportError::Checkpoint(error) => error.hint(),
            ExportError::Data(error) => error.hint(),
            ExportError::OtherRun { run, .. } => Some(format!(
                "it was damaged or edited: delete records/{run}.json of the results folder and \
                 `isoflop run` trains the run, and writes its weights, again"
            )),
        }
    }
}

/// Facts about an export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exported {
    /// Number of tokens in the batch.
    pub tokens: usize,
    /// Mean loss of the batch, in nats per token.
    pub loss: f64,
    /// Whether the weights could be checked by a checksum; earlier versions wrote none.
    pub checked: bool,
}

/// Writes `model.safetensors`, `config.json` and `batch.safetensors` into `out`.
///
/// # Errors
/// The run's weights cannot be read, are damaged or belong to another run; its test text cannot be
/// read; or the folder cannot be written.
pub fn export_model(run: &PlannedRun, stem: &Path, out: &Path) -> Result<Exported, ExportError> {
    let (manifest, values) = checkpoint::load(stem)?;
    if manifest != Manifest::of(run, run.steps()) {
        return Err(ExportError::OtherRun { stem: stem.to_owned(), run: run.id().to_owned() });
    }
    let checked = has_checksum(stem)?;
    let weights = serialize(&named(&manifest.model, &values.weights));
    let (model, _) = rebuild(&manifest, values, &Device::flex());
    let prepared = prepare_run(run, &|_| {})?;
    let test = prepared.load(&|_| {})?.test;
    let context = manifest.model.context;
    let windows = WINDOWS.min(test.windows(context));
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let scored = test.fill(context, 0..windows, &mut inputs, &mut targets);
    let (nats, routes) = model.nats_and_routes(&inputs, &targets);
    let nats: Vec<f32> = nats.into_data().iter::<f32>().collect();
    let loss = nats[..scored].iter().map(|&x| f64::from(x)).sum::<f64>() / scored as f64;
    let dims = vec![windows, context];
    let tensor =
        |name: &str, numbers| Tensor { name: name.to_owned(), dims: dims.clone(), numbers };
    let mut batch = vec![
        tensor("inputs", Numbers::Integers(inputs.into())),
        tensor("targets", Numbers::Integers(targets.into())),
        tensor("nats", Numbers::Floats(nats.into())),
    ];
    if let FeedForward::Experts(experts) = manifest.model.feed_forward {
        let dims = [vec![routes.len()], dims.clone(), vec![experts.active]].concat();
        let routes: Vec<i32> = routes.into_iter().flat_map(indices).collect();
        batch.push(Tensor { dims, ..tensor("routes", Numbers::Integers(routes.into())) });
    }
    let config = config(&manifest.model, run, scored, loss);
    let config = serde_json::to_string_pretty(&config).expect("text and numbers");
    let write = |name: &str, content: &[u8]| {
        write_atomic(&out.join(name), content).map_err(CheckpointError::from)
    };
    write("model.safetensors", &weights)?;
    write("batch.safetensors", &serialize(&batch))?;
    write("config.json", config.as_bytes())?;
    Ok(Exported { tokens: scored, loss, checked })
}

/// Experts of each token, in ascending order.
///
/// # Shapes
/// - input: `[n, e]` of 0 and 1, output: `[n, k]`, flat
fn indices(chosen_ne: tensor::Tensor<2>) -> Vec<i32> {
    let experts = chosen_ne.dims()[1];
    let chosen = chosen_ne.into_data();
    let pairs = chosen.iter::<f32>().enumerate().filter(|(_, chosen)| *chosen > 0.0);
    pairs.map(|(at, _)| (at % experts) as i32).collect()
}

/// Everything that is needed to rebuild the model.
fn config(model: &ModelConfig, run: &PlannedRun, scored: usize, loss: f64) -> serde_json::Value {
    let shape = model.shape;
    let mut config = json!({
        "format": checkpoint::FORMAT,
        "run_id": run.id(),
        "family": run.family.name(),
        "d_model": shape.d_model,
        "n_layers": shape.n_layers,
        "mixer": model.mixer.half().name(),
        "feed_forward": model.feed_forward.half().name(),
        "tied": model.tied,
        "logit_scale": model.logit_scale(),
        "parametrization": model.parametrization,
        "vocab_size": model.vocab_size,
        "context": model.context,
        "documents": model.document_mask.is_some(),
        "norm": model.norm,
        "norm_epsilon": NORM_EPSILON,
        "position": model.position,
        "rope_base": (model.position == Position::Rope).then_some(ROPE_BASE),
        "tokenizer": run.config.tokenizer,
        "data": run.corpus,
        "data_digest": run.config.data_digest,
        "batch": { "scored_tokens": scored, "mean_nats": loss },
        "isoflop_version": env!("CARGO_PKG_VERSION"),
        "layouts": "docs/models.md",
    });
    for half in model.halves() {
        for (name, fact) in half.columns(model).into_iter().chain(half.recipe(model)) {
            config[name] = match fact {
                Fact::Text(text) => text.into(),
                Fact::Integer(count) => count.into(),
                Fact::Float(measure) => measure.into(),
            };
        }
    }
    config
}
