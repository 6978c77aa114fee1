//! Assertions that must hold for every input that a reader of this crate accepts.

use crate::checkpoint::{parse, unpack};
use burn::tensor::Device;

/// Checks a file of weights: a tensor has as many numbers as its dimensions say.
pub fn weights(bytes: &[u8]) {
    for tensor in parse(bytes).into_iter().flatten() {
        let count = tensor.dims.iter().product::<usize>();
        assert_eq!(tensor.values.len(), count, "{}", tensor.name);
    }
}

/// Checks a training state: a model that is accepted has the width that its manifest says.
pub fn state(bytes: &[u8]) {
    if let Ok((manifest, model, _, _)) = unpack(bytes, &Device::flex()) {
        let [rows, width] = model.weights.token.val().dims();
        assert_eq!(rows, manifest.model.vocab_size);
        assert_eq!(width, manifest.model.shape.d_model);
    }
}
