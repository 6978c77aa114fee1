//! Decides how much of a batch goes through a model at a time on a device.

use super::TrainDevice;
use isoflop_model::{FeedForward, ModelConfig};
use isoflop_sweep::memory;

const FLOAT: u64 = 4;

/// Maximum bytes of what a pass keeps for its backward pass (the tape), on a device that does not
/// tell how much memory it has.
const TAPE: u64 = 2 << 30;

impl TrainDevice {
    /// Windows per forward pass, at least one. On the processor this is [`memory::micro_windows`].
    /// On an adapter the largest tensor must fit into its largest buffer, and the tape into 2 GiB,
    /// or into an eighth of its memory if that is known and smaller.
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

/// Numbers in the largest tensor that one window makes.
fn largest_of_window(model: &ModelConfig) -> u64 {
    let (t, d) = (model.context as u64, model.shape.d_model as u64);
    let scores = model.shape.n_heads as u64 * t * t;
    let wide = match model.feed_forward {
        FeedForward::Dense(dense) => dense.activation.inputs() * dense.width(model.shape.d_model),
        // Every expert works on every token, and every score is compared with every other.
        FeedForward::Experts(options) => {
            let (wide, _) = options.dims(model.shape.d_model);
            options.experts * wide.max(model.shape.d_model).max(options.experts)
        }
        FeedForward::None => 0,
    };
    scores.max(4 * d * t).max(wide as u64 * t).max(model.vocab_size as u64 * t)
}

/// Approximate numbers that the composed operations keep for the backward pass of one window,
/// counted operation by operation.
fn tape_of_window(model: &ModelConfig) -> u64 {
    let (t, d) = (model.context as u64, model.shape.d_model as u64);
    let heads = model.shape.n_heads as u64;
    // The middle of an MLP is kept five times; of experts that of each, with what it gives before and after
    // its factor.
    let middle = match model.feed_forward {
        FeedForward::Dense(dense) => {
            5 * dense.activation.inputs() * dense.width(model.shape.d_model)
        }
        FeedForward::Experts(options) => {
            let (wide, _) = options.dims(model.shape.d_model);
            let each = 5 * wide + 2 * model.shape.d_model + 8;
            options.experts * each + options.shared * 5 * wide
        }
        FeedForward::None => 20 * model.shape.d_model,
    };
    // The two norms keep 4 d, queries and keys with their rotation 8 d, values and the mixture 4 d. The
    // scores are kept scaled, masked, shifted and exponentiated.
    let layer = (20 * d + middle as u64) * t + 5 * heads * t * t;
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
        // The largest tensor of a window is its 256 x 128 logits, which take 128 KiB.
        assert_eq!(on(1 << 30, 1 << 40).micro_windows(&model, 16), 16);
        assert_eq!(on(5 << 17, 1 << 40).micro_windows(&model, 16), 5);
        assert_eq!(on(1, 1 << 40).micro_windows(&model, 16), 1);
        assert_eq!(on(1 << 30, 1 << 25).micro_windows(&model, 16), 1);
        // All experts work on all tokens: 64 of them on 128 tokens make 128 numbers each, which is 4 MiB.
        let experts = isoflop_model::Experts { experts: 64, ..Default::default() };
        let mixture = ModelConfig { feed_forward: FeedForward::Experts(experts), ..model };
        assert_eq!(on(5 << 22, 1 << 40).micro_windows(&mixture, 16), 5);
        assert_eq!(on(5 << 22, 1 << 40).micro_windows(&model, 16), 16);
        let cpu = TrainDevice::cpu().micro_windows(&model, 16);
        assert_eq!(cpu, memory::micro_windows(&model, 16));
    }
}
