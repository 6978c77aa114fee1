//! Assertions that must hold for every input that a reader of this crate accepts.

use crate::checkpoint::unpack;
use burn::tensor::Device;

/// A state to go on from: a model that is taken has the width that its manifest says.
pub fn model(bytes: &[u8]) {
    if let Ok((manifest, model, _, _)) = unpack(bytes, &Device::flex()) {
        let [rows, width] = model.weights.token.val().dims();
        assert_eq!(rows, manifest.model.vocab_size);
        assert_eq!(width, manifest.model.shape.d_model);
    }
}
