//! Trainable parameters by group, from the tensors of a model.

use crate::config::ModelConfig;
use crate::tensor::Group;
use isoflop_core::Params;
use serde::{Deserialize, Serialize};

/// Trainable parameters by group. Compared with the training engine's own count in its tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamCount {
    /// Token table and, with learned positions or biases of their pairs, theirs.
    pub embedding: u64,
    /// What moves information between tokens.
    pub mixer: u64,
    /// What works on one token.
    pub feed_forward: u64,
    /// Gains.
    pub norm: u64,
    /// Output matrix.
    pub head: u64,
    /// Of all of these, numbers that one token does not use.
    pub idle: u64,
    /// Of the idle ones, those outside tables and head.
    pub idle_non_embedding: u64,
}

impl ParamCount {
    /// Counts the parameters of a model.
    pub fn of(model: &ModelConfig) -> Self {
        let mut count = ParamCount::default();
        let parameters = model.distinct_tensors().into_iter().filter(|(one, _)| one.is_parameter());
        for (tensor, times) in parameters {
            let numbers = tensor.len() * times as u64;
            let idle = numbers - (tensor.active_len() * times as f64).round() as u64;
            *count.of_group(tensor.group) += numbers;
            count.idle += idle;
            if tensor.group.is_non_embedding() {
                count.idle_non_embedding += idle;
            }
        }
        count
    }

    fn of_group(&mut self, group: Group) -> &mut u64 {
        match group {
            Group::Embedding => &mut self.embedding,
            Group::Mixer => &mut self.mixer,
            Group::FeedForward => &mut self.feed_forward,
            Group::Norm => &mut self.norm,
            Group::Head => &mut self.head,
        }
    }

    /// `n_non_embedding`: all but the embedding and position tables and the head.
    pub fn non_embedding(&self) -> Params {
        Params((self.mixer + self.feed_forward + self.norm) as f64)
    }

    /// `n_active_non_embedding`: of these, the ones that one token uses; N of plans, rules, ids and fits.
    pub fn active_non_embedding(&self) -> Params {
        Params(self.non_embedding().0 - self.idle_non_embedding as f64)
    }

    /// `n_total`: everything.
    pub fn total(&self) -> Params {
        Params((self.embedding + self.head) as f64 + self.non_embedding().0)
    }

    /// `n_active`: everything that one token uses.
    pub fn active(&self) -> Params {
        Params(self.total().0 - self.idle as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Position, tiny};

    #[test]
    fn groups_follow_the_closed_form() {
        let count = ParamCount::of(&tiny(Norm::Rms, Position::Learned));
        let expected = ParamCount {
            embedding: (256 + 128) * 24,
            mixer: 4 * 24 * 24 * 3,
            feed_forward: 8 * 24 * 24 * 3,
            norm: 7 * 24,
            head: 24 * 256,
            ..ParamCount::default()
        };
        assert_eq!(count, expected);
        assert_eq!(count.non_embedding(), Params(12.0 * 3.0 * 576.0 + 168.0));
    }

    #[test]
    fn gpt2_small_has_its_published_size() {
        // Radford et al. 2019: 124M with tied head; minus biases (9 d a layer, 2 d a norm).
        let shape = crate::Shape::new(768, 12, 12).unwrap();
        let model = ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            ..ModelConfig::transformer(shape, 50_257, 1024)
        };
        let count = ParamCount::of(&model);
        let biases = 12 * (3 * 768 + 768 + 4 * 768 + 768 + 2 * 768) + 768;
        assert_eq!(count.total().0 as u64 - count.head + biases, 124_439_808);
    }
}
