//! Attention-free mixing (Zhai et al. 2021): in every channel a mean of earlier values, weighted by the
//! exponentials of their keys and, but for the simple form, of a bias for each pair of places.

use super::reach::Reach;
use crate::config::ModelConfig;
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};
use serde::{Deserialize, Serialize};

/// Which pairs of places have a bias of their own; that of all others is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Aft {
    /// None: AFT-simple.
    #[serde(rename = "aft")]
    Simple,
    /// Every token and every one up to it: AFT-full.
    #[serde(rename = "aft-full")]
    Full,
    /// Every token and the last so many, itself among them: AFT-local.
    #[serde(rename = "aft-local")]
    Local {
        /// Tokens.
        window: usize,
    },
}

impl Aft {
    /// Tokens that have a bias in AFT-local where nothing else is given.
    pub const WINDOW: usize = 32;

    /// The same by its simplest name in windows of so many tokens: equal models are one run.
    #[must_use]
    pub(crate) fn simplest(self, context: usize) -> Self {
        match self {
            Aft::Local { window: 0 } => Aft::Simple,
            Aft::Local { window } if window >= context => Aft::Full,
            other => other,
        }
    }

    /// Pairs of a window that have a bias.
    fn reach(self) -> Option<Reach> {
        match self {
            Aft::Simple => None,
            Aft::Full => Some(Reach::All),
            Aft::Local { window } => Some(Reach::Window(window)),
        }
    }

    /// Rows and columns of the biases in windows of so many tokens: a row a token.
    fn biases(self, context: usize) -> Option<[usize; 2]> {
        match self {
            Aft::Simple => None,
            Aft::Full => Some([context, context]),
            Aft::Local { window } => Some([context, window.min(context)]),
        }
    }
}

impl Half for Aft {
    fn name(&self) -> &'static str {
        match self {
            Aft::Simple => "aft",
            Aft::Full => "aft-full",
            Aft::Local { .. } => "aft-local",
        }
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let qkv = TensorSpec::matrix("qkv", Group::Mixer, [d, 3 * d], model.std_of(d))
            .maps_beside([d; 3]);
        let out =
            TensorSpec::matrix("out", Group::Mixer, [d, d], model.std_into_stream(d)).whole_map();
        let mut all =
            vec![TensorSpec::gain("aft_norm", d), qkv.at_rate(shrink), out.at_rate(shrink)];
        // One number serves all channels, so that what a step of it does is the same at every width.
        all.extend(self.biases(model.context).map(|dims| TensorSpec::biases("pair_bias", dims)));
        all
    }

    /// Both matrices; and for a pair with a bias a product for the sum of weighted values and one for the sum of
    /// weights.
    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        let mut all = vec![
            Product::of_matrix(Group::Mixer, model.context, [d, 3 * d]),
            Product::of_matrix(Group::Mixer, model.context, [d, d]),
        ];
        let pairs = self.reach().map(|reach| reach.pairs(model.context));
        all.extend(pairs.map(|pairs| Product::of_pairs(Group::Mixer, pairs, d).times(2)));
        all
    }

    /// Queries, keys and values; of every channel the scale of its sums (the largest key so far), the sum of
    /// weights, the mean and the gated mean.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        7.0 * model.shape.d_model as f64
    }

    /// A value that is weighted, the quotient and the gate; where all or the far tokens are summed up in one
    /// pass, two sums that are scaled, and a value and a weight that are added; where these meet the sums of
    /// a product, two additions.
    fn flops_scan(&self, model: &ModelConfig) -> f64 {
        let a_number = match self {
            Aft::Simple => 7.0,
            Aft::Full => 3.0,
            Aft::Local { .. } => 9.0,
        };
        a_number * model.shape.d_model as f64
    }

    fn columns(&self, _model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        match self {
            Aft::Local { window } => vec![("window", Fact::Integer(*window as u64))],
            Aft::Simple | Aft::Full => Vec::new(),
        }
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
    use crate::mixer::Mixer;
    use crate::{FlopCount, ParamCount, Position, Shape};

    fn model(aft: Aft) -> ModelConfig {
        let shape = Shape { d_model: 24, n_layers: 3, n_heads: 1 };
        let position = Position::Learned;
        ModelConfig { mixer: Mixer::Aft(aft), position, ..ModelConfig::transformer(shape, 61, 17) }
    }

    #[test]
    fn counts_are_those_of_the_closed_forms() {
        let (d, l, t, v) = (24.0, 3.0, 17.0, 61.0);
        // Pairs of a window of 5: 5 x 17 less the 10 that lie before the first token.
        for (aft, biases, pairs, scan) in [
            (Aft::Simple, 0.0, 0.0, 7.0),
            (Aft::Full, t * t, t * (t + 1.0) / 2.0, 3.0),
            (Aft::Local { window: 5 }, 5.0 * t, 5.0 * t - 10.0, 9.0),
        ] {
            let model = model(aft);
            let count = ParamCount::of(&model);
            assert_eq!(count.embedding as f64, (v + t) * d + l * biases, "{aft:?}");
            assert_eq!(count.mixer as f64, l * 4.0 * d * d, "{aft:?}");
            let forward = l * (2.0 * t * 4.0 * d * d + 4.0 * d * pairs);
            assert_eq!(FlopCount::of(&model).mixer, 3.0 * forward, "{aft:?}");
            assert_eq!(model.flops_scan(), l * scan * d, "{aft:?}");
        }
    }

    #[test]
    fn biases_begin_at_zero_and_neither_decay_nor_shrink_with_the_width() {
        use crate::{Initial, Parametrization};
        let model = ModelConfig {
            parametrization: Parametrization::Mup,
            ..model(Aft::Local { window: 5 })
        };
        let tensors = model.tensors();
        let biases: Vec<_> =
            tensors.iter().filter(|tensor| tensor.name.ends_with("pair_bias")).collect();
        assert_eq!(biases.len(), 3);
        for biases in biases {
            assert_eq!((biases.dims.as_slice(), biases.decays), ([17, 5].as_slice(), false));
            assert_eq!((biases.initial, biases.rate_factor), (Initial::Zeros, 1.0));
        }
    }

    /// The bytes that ids are hashes of.
    #[test]
    fn the_simple_form_is_written_as_it_was_before_there_were_others() {
        for (aft, expected) in [
            (Aft::Simple, r#""aft""#),
            (Aft::Full, r#""aft-full""#),
            (Aft::Local { window: 5 }, r#"{"aft-local":{"window":5}}"#),
        ] {
            let written = serde_json::to_string(&Mixer::Aft(aft)).unwrap();
            assert_eq!(written, expected);
            assert_eq!(serde_json::from_str::<Mixer>(&written).unwrap(), Mixer::Aft(aft));
        }
    }

    #[test]
    fn windows_that_hold_all_pairs_or_none_are_the_other_forms() {
        for (window, expected) in [(0, Aft::Simple), (17, Aft::Full), (400, Aft::Full)] {
            assert_eq!(model(Aft::Local { window }).simplest(), model(expected));
        }
        let local = model(Aft::Local { window: 16 });
        assert_eq!(local.simplest(), local);
    }
}
