//! Recurrent networks, as deep as the model: their formulas are in docs/models.md.
//!
//! The state is as wide as the stream, begins at 0 with every window and every document that a mask
//! separates, and is itself what the half adds to the stream: stacked as the recurrent models of Kaplan et
//! al. 2020, with a residual connection, which costs no parameter.

use crate::config::ModelConfig;
use crate::half::Half;
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, Initial, TensorSpec};
use serde::{Deserialize, Serialize};

/// How the state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recurrent {
    /// `h' = tanh(x input + h recurrent + bias)` (Elman 1990).
    Rnn,
    /// Long short-term memory (Hochreiter & Schmidhuber 1997) with a gate that forgets (Gers et al. 2000).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), reset after the product with the state, as cuDNN has it.
    Gru,
    /// Minimal GRU (Feng et al. 2024): gates see the input alone, so that the state meets no product.
    Mingru,
    /// Minimal LSTM (Feng et al. 2024), with gates divided by their sum.
    Minlstm,
}

impl Recurrent {
    /// Every kind.
    pub const ALL: [Recurrent; 5] =
        [Recurrent::Rnn, Recurrent::Lstm, Recurrent::Gru, Recurrent::Mingru, Recurrent::Minlstm];

    /// Numbers that the input gives for one of the state.
    pub fn gates(self) -> usize {
        match self {
            Recurrent::Rnn => 1,
            Recurrent::Lstm => 4,
            Recurrent::Gru | Recurrent::Minlstm => 3,
            Recurrent::Mingru => 2,
        }
    }

    /// Whether the state meets a matrix of its own.
    pub fn turns_its_state(self) -> bool {
        matches!(self, Recurrent::Rnn | Recurrent::Lstm | Recurrent::Gru)
    }

    /// Vectors that are added: to the product with the input, and in a GRU to that with the state.
    fn biases(self, d: usize) -> Vec<TensorSpec> {
        let width = self.gates() * d;
        let bias = |name| TensorSpec::bias(name, Group::Mixer, width);
        match self {
            Recurrent::Rnn => vec![bias("bias")],
            // The second of four gates is the one that forgets (Jozefowicz et al. 2015).
            Recurrent::Lstm => vec![bias("bias").beginning(Initial::OnesIn(d, 2 * d))],
            Recurrent::Gru => vec![bias("bias"), bias("recurrent_bias")],
            Recurrent::Mingru | Recurrent::Minlstm => Vec::new(),
        }
    }
}

impl Half for Recurrent {
    fn name(&self) -> &'static str {
        match self {
            Recurrent::Rnn => "rnn",
            Recurrent::Lstm => "lstm",
            Recurrent::Gru => "gru",
            Recurrent::Mingru => "mingru",
            Recurrent::Minlstm => "minlstm",
        }
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let dims = [d, self.gates() * d];
        let input = TensorSpec::matrix("input", Group::Mixer, dims, model.std_of(d))
            .maps_beside([d].repeat(self.gates()));
        let norm = TensorSpec::gain(format!("{}_norm", self.name()), d);
        let mut all = vec![norm, input.at_rate(shrink)];
        if self.turns_its_state() {
            let recurrent = TensorSpec::rotations("recurrent", Group::Mixer, d, self.gates());
            all.push(recurrent.at_rate(shrink));
        }
        all.extend(self.biases(d));
        all
    }

    /// The product with the zero state before the first token is counted too.
    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        let products = if self.turns_its_state() { 2 } else { 1 };
        let dims = [d, self.gates() * d];
        vec![Product::of_matrix(Group::Mixer, model.context, dims).times(products)]
    }

    /// Numbers of a token that the backward pass needs. A plain network keeps the state. The others keep what
    /// the input gave (or the gates that came of it) and the state; an LSTM also keeps its cell, and a GRU
    /// what the state gave to the candidate.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        let numbers = match self {
            Recurrent::Rnn => 1,
            Recurrent::Lstm | Recurrent::Gru => self.gates() + 2,
            Recurrent::Mingru | Recurrent::Minlstm => self.gates() + 1,
        };
        (numbers * model.shape.d_model) as f64
    }

    /// Multiplications and additions by which the state comes of gates and candidate, a number of the state;
    /// of a plain network its two additions. Functions are not counted, as nowhere else.
    fn flops_scan(&self, model: &ModelConfig) -> f64 {
        let a_number = match self {
            Recurrent::Rnn => 2,
            Recurrent::Lstm | Recurrent::Mingru | Recurrent::Minlstm => 4,
            Recurrent::Gru => 6,
        };
        (a_number * model.shape.d_model) as f64
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        match model.shape.n_heads {
            1 => Ok(()),
            heads => Err(ShapeError::NoHeads(heads)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;
    use crate::mixer::Mixer;
    use crate::params::ParamCount;
    use crate::shape::Shape;
    use crate::{FlopCount, Position};

    fn model(family: Family) -> ModelConfig {
        let preset = family.preset();
        let shape = Shape { d_model: 24, n_layers: 3, n_heads: 1 };
        ModelConfig {
            mixer: preset.mixer,
            feed_forward: preset.feed_forward,
            position: preset.position,
            ..ModelConfig::transformer(shape, 61, 17)
        }
    }

    #[test]
    fn counts_are_those_of_the_closed_forms() {
        let (d, l, t) = (24.0, 3.0, 17.0);
        for (family, matrices, vectors, scan) in [
            (Family::Rnn, 2.0, 1.0, 2.0),
            (Family::Lstm, 8.0, 4.0, 4.0),
            (Family::Gru, 6.0, 6.0, 6.0),
            (Family::Mingru, 2.0, 0.0, 4.0),
            (Family::Minlstm, 3.0, 0.0, 4.0),
        ] {
            let model = model(family);
            let count = ParamCount::of(&model);
            assert_eq!(count.mixer as f64, l * (matrices * d * d + vectors * d), "{family:?}");
            let flops = FlopCount::of(&model).mixer;
            assert_eq!(flops, 6.0 * l * matrices * d * d * t, "{family:?}");
            assert_eq!(model.flops_scan(), l * scan * d, "{family:?}");
            assert_eq!(model.position, Position::None);
        }
    }

    /// The bytes that ids are hashes of.
    #[test]
    fn a_plain_network_is_written_as_it_was_before_there_were_others() {
        let written = |mixer: Mixer| serde_json::to_string(&mixer).unwrap();
        assert_eq!(written(Mixer::Recurrent(Recurrent::Rnn)), "\"rnn\"");
        for kind in Recurrent::ALL {
            let mixer = Mixer::Recurrent(kind);
            assert_eq!(written(mixer), format!("\"{}\"", kind.name()));
            assert_eq!(serde_json::from_str::<Mixer>(&written(mixer)).unwrap(), mixer);
        }
        assert!(serde_json::from_str::<Mixer>("\"elman\"").is_err());
    }
}
