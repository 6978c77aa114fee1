//! Weights and optimizer state as bytes: of a finished run two files, `NAME.safetensors` with the
//! numbers and `NAME.json` with what they are, of a run that is to be gone on from one. What is read
//! is checked against the model's list of tensors. `docs/models.md` documents names and layouts.

mod label;
mod manifest;
mod tensor;

pub use manifest::{FORMAT, Manifest};
pub use tensor::{Numbers, Tensor, parse, serialize};

use isoflop_core::OptimizerKind;
use isoflop_core::text::{shown, shown_up_to};
use isoflop_model::ModelConfig;
use isoflop_results::ResultsError;
use isoflop_results::file::write_atomic;
use label::Label;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Prefixes of the names of what an optimizer keeps of a tensor, in the order in which it keeps them.
fn kept_by(kind: OptimizerKind) -> &'static [&'static str] {
    match kind {
        OptimizerKind::AdamW => &["adamw.first.", "adamw.second."],
        OptimizerKind::Muon => &["muon.momentum."],
        OptimizerKind::Sgd => &["sgd.momentum."],
    }
}

/// Keys of what a state says of itself, in the header of its tensors.
const MANIFEST: &str = "isoflop.manifest";
const SESSION: &str = "isoflop.session";

/// Numbers of a model and of its optimizer, in the order of the model's list of tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Those of each tensor.
    pub weights: Vec<Vec<f32>>,
    /// What the optimizer keeps of each tensor, where it is kept: of AdamW the running means of its gradient and
    /// of the gradient's square, of the others one sum of gradients.
    pub moments: Option<Vec<Vec<Vec<f32>>>>,
}

/// A whole state to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What it is of.
    pub manifest: Manifest,
    /// Weights and optimizer.
    pub values: Values,
    /// Whatever else its writer wanted back.
    pub session: String,
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
    /// What to do about it.
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

/// Where the two files of a checkpoint lie.
fn paths(stem: &Path) -> (PathBuf, PathBuf) {
    let with = |ending: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    (with(".safetensors"), with(".json"))
}

/// Writes `STEM.safetensors`, then `STEM.json`: a reader that sees the latter has both.
///
/// # Errors
/// A file cannot be written.
pub fn save(stem: &Path, manifest: &Manifest, values: &Values) -> Result<(), CheckpointError> {
    let (numbers, json) = paths(stem);
    let bytes = serialize(&tensors(manifest, values));
    write_atomic(&numbers, &bytes)?;
    let label = Label::of(manifest, &bytes);
    let text = serde_json::to_string_pretty(&label).expect("a struct of text and numbers");
    Ok(write_atomic(&json, text.as_bytes())?)
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// A file is missing, does not match its checksum, or is not of its model.
pub fn load(stem: &Path) -> Result<(Manifest, Values), CheckpointError> {
    let (numbers, json) = paths(stem);
    let label = label(&json)?;
    let bytes = read(&numbers)?;
    let values = label
        .check(&bytes)
        .and_then(|()| values(&label.manifest, parse(&bytes)?))
        .map_err(|problem| damaged(&numbers, problem))?;
    Ok((label.manifest, values))
}

/// Whether the weights of `STEM.safetensors` have a checksum; those of earlier versions have none.
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

/// A whole state to go on from as one safetensors file.
pub fn pack(manifest: &Manifest, values: &Values, session: &str) -> Vec<u8> {
    let label = serde_json::to_string(manifest).expect("a struct of text and numbers");
    let said = [(MANIFEST.to_owned(), label), (SESSION.to_owned(), session.to_owned())];
    tensor::serialize_with(&tensors(manifest, values), Some(said.into()))
}

/// What [`pack`] packed.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(bytes: &[u8]) -> Result<State, String> {
    let said = tensor::said(bytes)?;
    let find = |key: &str| said.get(key).ok_or_else(|| format!("it has no `{key}`"));
    let manifest: Manifest = serde_json::from_str(find(MANIFEST)?)
        .map_err(|error| shown_up_to(200, &error.to_string()))?;
    let values = values(&manifest, parse(bytes)?)?;
    Ok(State { manifest, values, session: find(SESSION)?.clone() })
}

/// Numbers under their names, in the order of the model's list.
///
/// # Panics
/// There are more tensors than the model has.
pub fn named<'a>(model: &ModelConfig, weights: &'a [Vec<f32>]) -> Vec<Tensor<'a>> {
    let specs = model.tensors();
    assert!(weights.len() <= specs.len(), "a name for every tensor");
    let pairs = specs.into_iter().zip(weights);
    pairs
        .map(|(spec, values)| Tensor {
            name: spec.name,
            dims: spec.dims,
            numbers: Numbers::Floats(values.into()),
        })
        .collect()
}

fn tensors<'a>(manifest: &Manifest, values: &'a Values) -> Vec<Tensor<'a>> {
    let mut tensors = named(&manifest.model, &values.weights);
    let specs = manifest.model.tensors();
    for (spec, kept) in specs.iter().zip(values.moments.iter().flatten()) {
        for (prefix, mean) in kept_by(spec.optimizer(manifest.optimizer.kind)).iter().zip(kept) {
            tensors.push(Tensor {
                name: format!("{prefix}{}", spec.name),
                dims: vec![mean.len()],
                numbers: Numbers::Floats(mean.into()),
            });
        }
    }
    tensors
}

/// The tensors of a model and of its optimizer, each of the dimensions that it should have.
fn values(manifest: &Manifest, tensors: Vec<Tensor<'_>>) -> Result<Values, String> {
    manifest.check(tensors.iter().map(|tensor| tensor.numbers.len()).sum())?;
    let prefixes: Vec<&str> = OptimizerKind::ALL.into_iter().flat_map(kept_by).copied().collect();
    let is_kept = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let has_moments = tensors.iter().any(|tensor| is_kept(&tensor.name));
    let named = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor));
    let mut named: HashMap<String, Tensor<'_>> = named.collect();
    let mut take = |name: &str, dims: &[usize]| {
        let tensor = named.remove(name).ok_or_else(|| format!("no tensor `{name}`"))?;
        match tensor.dims == dims {
            true => tensor.floats(),
            false => Err(format!("`{name}` is {:?} and should be {dims:?}", tensor.dims)),
        }
    };
    let specs = manifest.model.tensors();
    let weights = specs.iter().map(|spec| take(&spec.name, &spec.dims));
    let weights = weights.collect::<Result<_, _>>()?;
    if !has_moments {
        return Ok(Values { weights, moments: None });
    }
    let moments = specs.iter().map(|spec| {
        let flat = [spec.dims.iter().product()];
        let names = kept_by(spec.optimizer(manifest.optimizer.kind)).iter();
        names.map(|prefix| take(&format!("{prefix}{}", spec.name), &flat)).collect()
    });
    Ok(Values { weights, moments: Some(moments.collect::<Result<_, String>>()?) })
}

#[cfg(test)]
mod tests;
