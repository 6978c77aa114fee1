//! What training a model takes, and what this machine has.

use isoflop_core::{ModelConfig, ParamCount};

/// Bytes that training needs, roughly: f32 weights, gradients and two moments, a transient copy
/// of each, and the activations that the backward pass keeps for one micro-batch of `windows`.
/// An estimate to refuse the impossible by, not to pack by.
pub fn training_bytes(model: &ModelConfig, windows: u64) -> u64 {
    const FLOAT: f64 = 4.0;
    /// Weights, gradients, two moments, and temporaries of the update.
    const COPIES: f64 = 6.0;
    /// Kept values per token, layer and width: the streams, the four-fold MLP before and after
    /// its activation, and intermediates of the composed norm, rotary and GELU.
    const PER_WIDTH: f64 = 40.0;
    /// Score matrices kept per head: scores, masked, softmax and its temporaries.
    const PER_SCORE: f64 = 5.0;
    /// Logits, log-softmax and its gradient.
    const PER_LOGIT: f64 = 4.0;
    let shape = model.shape;
    let params = ParamCount::of(model).total().0;
    let (layers, width) = (shape.n_layers as f64, shape.d_model as f64);
    let (heads, context) = (shape.n_heads as f64, model.context as f64);
    let per_token = layers * (PER_WIDTH * width + PER_SCORE * heads * context)
        + PER_LOGIT * model.vocab_size as f64;
    (FLOAT * (COPIES * params + windows as f64 * context * per_token)) as u64
}

/// Physical memory of this machine in bytes, or what its container allows; without bound where
/// the system does not tell.
pub fn machine_bytes() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return u64::MAX;
    };
    system.refresh_memory();
    let limit = system
        .cgroup_limits()
        .map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(limit)
}

/// `1.5 GiB`.
pub fn shown(bytes: u64) -> String {
    match bytes as f64 / 2f64.powi(30) {
        gib if gib >= 1.0 => format!("{gib:.1} GiB"),
        gib => format!("{:.0} MiB", gib * 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::{Norm, Position, Shape};

    #[test]
    fn a_machine_has_some_memory_and_a_giant_model_needs_more() {
        let shape = Shape::new(16_384, 128, 128).unwrap();
        let model = ModelConfig {
            shape,
            norm: Norm::Rms,
            position: Position::Rope,
            vocab_size: 256,
            context: 128,
        };
        let machine = machine_bytes();
        assert!(machine > 1 << 28);
        // 412 billion parameters at 24 bytes each.
        assert!(training_bytes(&model, 1) > 9_000_000_000_000);
    }
}
