//! Stores weights and the optimizer's state: `NAME.safetensors` holds the numbers and `NAME.json`
//! describes them. `docs/models.md` documents names and layouts.

mod label;

use crate::model::{Transformer, Weights};
use crate::optimizer::{AdamW, FIRST, SECOND};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::Optimizer;
use isoflop_core::text::{shown, shown_up_to};
use isoflop_model::ModelConfig;
use isoflop_results::ResultsError;
use isoflop_results::file::write_atomic;
use isoflop_sweep::PlannedRun;
use label::Label;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Version of the files, which is raised when they change in a way that older code cannot read.
pub const FORMAT: u64 = 1;

/// Description of the model and the run that a checkpoint belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the files, [`FORMAT`].
    pub format: u64,
    /// Id of the run.
    pub run_id: String,
    /// Configuration of the model.
    pub model: ModelConfig,
    /// Constants of the optimizer.
    pub optimizer: Optimizer,
    /// Number of optimizer steps done.
    pub step: u64,
    /// Name of the tokenizer.
    pub tokenizer: String,
    /// Digest of the data that the run trains on.
    pub data_digest: String,
    /// Seed of the initial weights and of the order of batches.
    pub seed: u64,
    /// Version of the numerics, [`crate::NUMERICS_VERSION`].
    pub numerics_version: u64,
}

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum CheckpointError {
    #[error(transparent)]
    Write(#[from] ResultsError),
    #[error("{}: cannot read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: no checkpoint: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
}

impl CheckpointError {
    /// Advice on what to do about the error.
    pub fn hint(&self) -> Option<String> {
        match self {
            CheckpointError::Write(error) => error.hint(),
            CheckpointError::Read { path, .. } | CheckpointError::Damaged { path, .. } => {
                let run = path.file_stem().unwrap_or_default().to_string_lossy();
                Some(format!(
                    "delete records/{}.json of the results folder and `isoflop run` trains the run, \
                     and writes its weights, again",
                    shown(&run)
                ))
            }
        }
    }
}

impl Manifest {
    /// The manifest of a run after `step` steps.
    pub fn of(run: &PlannedRun, step: u64) -> Self {
        Manifest {
            format: FORMAT,
            run_id: run.id().to_owned(),
            model: run.config.model,
            optimizer: run.config.optimizer,
            step,
            tokenizer: run.config.tokenizer.clone(),
            data_digest: run.config.data_digest.clone(),
            seed: run.config.seed,
            numerics_version: run.config.numerics_version,
        }
    }
}

/// A tensor read from a file.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Paths of the two files of a checkpoint.
fn paths(stem: &Path) -> (PathBuf, PathBuf) {
    let with = |ending: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    (with(".safetensors"), with(".json"))
}

/// Writes `STEM.safetensors` and then `STEM.json`, so that wherever there is the second there is
/// also the first.
///
/// # Errors
/// A file cannot be written.
pub fn save(
    stem: &Path,
    manifest: &Manifest,
    weights: &Weights,
    optimizer: Option<&AdamW>,
) -> Result<(), CheckpointError> {
    let (numbers, json) = paths(stem);
    let bytes = serialize(&tensors(&manifest.model, weights, optimizer));
    write_atomic(&numbers, &bytes)?;
    let label = Label::of(manifest, &bytes);
    let text = serde_json::to_string_pretty(&label).expect("a struct of text and numbers");
    Ok(write_atomic(&json, text.as_bytes())?)
}

/// Reads what [`save`] wrote: the model, and the optimizer if its state was saved.
///
/// # Errors
/// A file is missing, does not match its checksum, or is not of this model.
pub fn load(
    stem: &Path,
    device: &Device,
) -> Result<(Manifest, Transformer, Option<AdamW>), CheckpointError> {
    let (numbers, json) = paths(stem);
    let label = label(&json)?;
    let bytes = read(&numbers)?;
    let (model, optimizer) = label
        .check(&bytes)
        .and_then(|()| rebuild(&label.manifest, &parse(&bytes)?, device))
        .map_err(|problem| damaged(&numbers, problem))?;
    Ok((label.manifest, model, optimizer))
}

/// Whether there is a checksum for the weights in `STEM.safetensors`; earlier versions wrote none.
///
/// # Errors
/// `STEM.json` cannot be read.
pub fn has_checksum(stem: &Path) -> Result<bool, CheckpointError> {
    Ok(label(&paths(stem).1)?.sha256.is_some())
}

fn label(json: &Path) -> Result<Label, CheckpointError> {
    Label::parse(&read(json)?).map_err(|problem| damaged(json, problem))
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })
}

fn damaged(path: &Path, problem: String) -> CheckpointError {
    CheckpointError::Damaged { path: path.to_owned(), problem }
}

/// Key of the manifest in the header of a state. `SESSION` is the key of its writer's own text.
const MANIFEST: &str = "isoflop.manifest";
const SESSION: &str = "isoflop.session";

/// Packs a whole training state into one safetensors file: weights, optimizer, and `session`, a
/// text in which the writer keeps whatever else it needs in order to resume.
pub fn pack(manifest: &Manifest, weights: &Weights, optimizer: &AdamW, session: &str) -> Vec<u8> {
    let label = serde_json::to_string(manifest).expect("a struct of text and numbers");
    let said = [(MANIFEST.to_owned(), label), (SESSION.to_owned(), session.to_owned())];
    let tensors = tensors(&manifest.model, weights, Some(optimizer));
    serialize_with(&tensors, Some(said.into()))
}

/// Unpacks the result of [`pack`].
///
/// # Errors
/// The problem with the bytes.
pub fn unpack(
    bytes: &[u8],
    device: &Device,
) -> Result<(Manifest, Transformer, Option<AdamW>, String), String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let said = header.metadata().clone().unwrap_or_default();
    let find = |key: &str| said.get(key).ok_or_else(|| format!("it has no `{key}`"));
    let manifest: Manifest = serde_json::from_str(find(MANIFEST)?)
        .map_err(|error| shown_up_to(200, &error.to_string()))?;
    let (model, optimizer) = rebuild(&manifest, &parse(bytes)?, device)?;
    Ok((manifest, model, optimizer, find(SESSION)?.clone()))
}

fn tensors(model: &ModelConfig, weights: &Weights, optimizer: Option<&AdamW>) -> Vec<Raw> {
    let mut tensors = named(model, weights);
    if let Some(optimizer) = optimizer {
        let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let moments = optimizer.named(&names).into_iter();
        tensors.extend(moments.map(|(name, tensor)| raw(name, tensor)));
    }
    tensors
}

/// Builds model and optimizer from their tensors.
fn rebuild(
    manifest: &Manifest,
    tensors: &[Named],
    device: &Device,
) -> Result<(Transformer, Option<AdamW>), String> {
    manifest.check(tensors.iter().map(|tensor| tensor.values.len()).sum())?;
    let mut model = Transformer::unset(manifest.model, device);
    let specs = manifest.model.tensors().into_iter();
    let names: Vec<_> = specs.map(|tensor| (tensor.name, tensor.dims)).collect();
    let find = |name: &str, dims: &[usize]| {
        let found = tensors.iter().find(|tensor| tensor.name == name);
        let tensor = found.ok_or_else(|| format!("no tensor `{name}`"))?;
        match tensor.dims == dims {
            true => Ok(tensor.values.clone()),
            false => Err(format!("`{name}` is {:?} and should be {dims:?}", tensor.dims)),
        }
    };
    let mut values = Vec::new();
    for (name, dims) in &names {
        values.push(find(name, dims)?);
    }
    model.update(|weights| weights.with_values(values));
    if !tensors.iter().any(|tensor| tensor.name.starts_with(FIRST)) {
        return Ok((model, None));
    }
    let mut moments = Vec::new();
    for (name, dims) in &names {
        let flat = [dims.iter().product()];
        let first = find(&format!("{FIRST}{name}"), &flat)?;
        moments.push((first, find(&format!("{SECOND}{name}"), &flat)?));
    }
    let device = device.clone().inner();
    let moments = moments.into_iter().map(|(first, second)| {
        let flat = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [count]), &device)
        };
        (flat(first), flat(second))
    });
    let optimizer = AdamW::resume(manifest.optimizer, manifest.step, moments);
    Ok((model, Some(optimizer)))
}

/// Every weight with its name, in the order of the model's list.
pub(crate) fn named(model: &ModelConfig, weights: &Weights) -> Vec<Raw> {
    let mut values =
        Values { names: model.tensors().into_iter().map(|tensor| tensor.name), all: Vec::new() };
    weights.visit(&mut values);
    values.all
}

struct Values<I> {
    names: I,
    all: Vec<Raw>,
}

impl<I: Iterator<Item = String>> ModuleVisitor for Values<I> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.names.next().expect("a name for every parameter");
        self.all.push(raw(name, param.val()));
    }
}

fn raw<const D: usize>(name: String, tensor: Tensor<D>) -> Raw {
    let values = tensor.to_data();
    Raw {
        name,
        dtype: Dtype::F32,
        dims: tensor.dims().to_vec(),
        data: values.iter::<f32>().flat_map(f32::to_le_bytes).collect(),
    }
}

/// A tensor in the form in which a file holds it.
pub(crate) struct Raw {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) dims: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

/// Content of a safetensors file that holds the tensors.
pub(crate) fn serialize(tensors: &[Raw]) -> Vec<u8> {
    serialize_with(tensors, None)
}

fn serialize_with(tensors: &[Raw], said: Option<HashMap<String, String>>) -> Vec<u8> {
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(tensor.dtype, tensor.dims.clone(), &tensor.data);
        (&tensor.name, view.expect("as much data as the dimensions say"))
    });
    safetensors::serialize(views, said).expect("names that differ")
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Named>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    file.tensors()
        .into_iter()
        .map(|(name, view)| match view.dtype() {
            Dtype::F32 => Ok(Named {
                dims: view.shape().to_vec(),
                values: view
                    .data()
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect(),
                name,
            }),
            other => Err(format!("`{name}` holds {other:?}, not F32")),
        })
        .collect()
}
