//! What must hold of every input that a reader here takes.

use crate::checkpoint::{parse, unpack};
use burn::tensor::Device;

/// Weights: a tensor has as many numbers as its dimensions say.
pub fn weights(bytes: &[u8]) {
    for tensor in parse(bytes).into_iter().flatten() {
        let count = tensor.dims.iter().product::<usize>();
        assert_eq!(tensor.values.len(), count, "{}", tensor.name);
    }
}

/// A state to go on from: a model that is taken has the width that its manifest says.
pub fn state(bytes: &[u8]) {
    if let Ok((manifest, model, _, _)) = unpack(bytes, &Device::flex()) {
        let [rows, width] = model.weights.token.val().dims();
        assert_eq!(rows, manifest.model.vocab_size);
        assert_eq!(width, manifest.model.shape.d_model);
    }
}
