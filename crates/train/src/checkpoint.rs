//! A checkpoint's values into tensors, and tensors into values; how they lie in bytes is
//! [`isoflop_sweep::checkpoint`]'s.

use crate::model::{Transformer, Weights};
use crate::optimizer::{Kept, OptimizerState};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_sweep::checkpoint::{self, CheckpointError, Manifest, Values};
use std::path::Path;

/// Writes a model, and the optimizer's state where there is one, as [`checkpoint::save`] does.
///
/// # Errors
/// A file cannot be written.
pub fn save(
    stem: &Path,
    manifest: &Manifest,
    weights: &Weights,
    optimizer: Option<&OptimizerState>,
) -> Result<(), CheckpointError> {
    checkpoint::save(stem, manifest, &values(weights, optimizer))
}

/// Reads what [`save`] wrote: the model, and the optimizer if its state was saved.
///
/// # Errors
/// Those of [`checkpoint::load`].
pub fn load(
    stem: &Path,
    device: &Device,
) -> Result<(Manifest, Transformer, Option<OptimizerState>), CheckpointError> {
    let (manifest, values) = checkpoint::load(stem)?;
    let (model, optimizer) = rebuild(&manifest, values, device);
    Ok((manifest, model, optimizer))
}

/// A whole state to go on from; `session` is whatever else its writer wants back.
pub fn pack(
    manifest: &Manifest,
    weights: &Weights,
    optimizer: &OptimizerState,
    session: &str,
) -> Vec<u8> {
    checkpoint::pack(manifest, &values(weights, Some(optimizer)), session)
}

/// Unpacks the result of [`pack`].
///
/// # Errors
/// The problem with the bytes.
pub fn unpack(
    bytes: &[u8],
    device: &Device,
) -> Result<(Manifest, Transformer, Option<OptimizerState>, String), String> {
    let state = checkpoint::unpack(bytes)?;
    let (model, optimizer) = rebuild(&state.manifest, state.values, device);
    Ok((state.manifest, model, optimizer, state.session))
}

fn values(weights: &Weights, optimizer: Option<&OptimizerState>) -> Values {
    let mut read = Reader(Vec::new());
    weights.visit(&mut read);
    let moments = optimizer.and_then(OptimizerState::kept).map(|kept| {
        let read = |kept: Kept| kept.tensors().into_iter().map(numbers).collect();
        kept.into_iter().map(read).collect()
    });
    Values { weights: read.0, moments }
}

/// Model and optimizer of their values.
pub(crate) fn rebuild(
    manifest: &Manifest,
    values: Values,
    device: &Device,
) -> (Transformer, Option<OptimizerState>) {
    let mut model = Transformer::unset(manifest.model, device);
    model.update(|weights| weights.with_values(values.weights));
    let device = device.clone().inner();
    let flat = |values: Vec<f32>| {
        let count = values.len();
        Tensor::<1>::from_data(TensorData::new(values, [count]), &device)
    };
    let optimizer = values.moments.map(|moments| {
        let kept = |means: Vec<Vec<f32>>| Kept::of(means.into_iter().map(&flat).collect());
        let kept = moments.into_iter().map(kept);
        OptimizerState::resume(manifest.optimizer, manifest.step, kept)
    });
    (model, optimizer)
}

/// Numbers of every weight, in the order of the model's list.
struct Reader(Vec<Vec<f32>>);

impl ModuleVisitor for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(numbers(param.val()));
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}
