//! How much of a batch goes through a model at a time on a device.

use super::TrainDevice;
use isoflop_model::ModelConfig;
use isoflop_sweep::memory;

const FLOAT: u64 = 4;

/// Bytes that the tape of a pass may take on a device that does not tell how much it has.
const TAPE: u64 = 2 << 30;

impl TrainDevice {
    /// Windows of a forward pass, at least one. On the processor [`memory::micro_windows`]; on an
    /// adapter as many as keep the largest tensor within its largest buffer and the tape within
    /// 2 GiB, or an eighth of its memory where that is known and less.
    pub fn micro_windows(&self, model: &ModelConfig, windows: u64) -> u64 {
        let Some(buffer) = self.largest_buffer else {
            return memory::micro_windows(model, windows);
        };
        let by_buffer = buffer / (FLOAT * largest_of_window(model));
        let tape = self.memory.map_or(TAPE, |bytes| TAPE.min(bytes / 8));
        let by_tape = tape / (FLOAT * tape_of_window(model));
        by_buffer.min(by_tape).clamp(1, windows.max(1))
    }
}

/// Numbers of the largest tensor that a window makes.
fn largest_of_window(model: &ModelConfig) -> u64 {
    let (t, d) = (model.context as u64, model.shape.d_model as u64);
    let scores = model.shape.n_heads as u64 * t * t;
    scores.max(4 * d * t).max(model.vocab_size as u64 * t)
}

/// Numbers that the composed operations keep for the backward pass of a window, roughly, counted
/// operation by operation.
fn tape_of_window(model: &ModelConfig) -> u64 {
    let (t, d) = (model.context as u64, model.shape.d_model as u64);
    let heads = model.shape.n_heads as u64;
    // Two norms of 4 d, queries and keys turned 8 d, values and mixed 4 d, the MLP's middle 5 * 4 d;
    // the scores scaled, masked, shifted and exponentiated.
    let layer = 40 * d * t + 5 * heads * t * t;
    let head = 4 * d * t + 4 * model.vocab_size as u64 * t;
    model.shape.n_layers as u64 * layer + head
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::{Norm, Position, Shape};

    #[test]
    fn a_batch_is_cut_by_the_largest_buffer_and_by_memory() {
        let model = ModelConfig {
            norm: Norm::Rms,
            position: Position::Rope,
            ..ModelConfig::transformer(Shape::new(32, 2, 2).unwrap(), 256, 128)
        };
        let on = |largest_buffer: u64, memory: u64| TrainDevice {
            largest_buffer: Some(largest_buffer),
            memory: Some(memory),
            ..TrainDevice::cpu()
        };
        // A window's largest tensor is 256 x 128 logits, 128 KiB.
        assert_eq!(on(1 << 30, 1 << 40).micro_windows(&model, 16), 16);
        assert_eq!(on(5 << 17, 1 << 40).micro_windows(&model, 16), 5);
        assert_eq!(on(1, 1 << 40).micro_windows(&model, 16), 1);
        assert_eq!(on(1 << 30, 1 << 25).micro_windows(&model, 16), 1);
        let cpu = TrainDevice::cpu().micro_windows(&model, 16);
        assert_eq!(cpu, memory::micro_windows(&model, 16));
    }
}
