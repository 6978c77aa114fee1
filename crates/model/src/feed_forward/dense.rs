//! `x + activation(norm(x) up) down`, no biases.

use super::activation::Activation;
use super::ratio::Ratio;
use crate::config::ModelConfig;
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};
use serde::{Deserialize, Serialize};

/// A feed-forward network and what it may differ in. A field is not written where it has its default, which
/// the ids of runs were made without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dense {
    /// What stands between the matrices.
    #[serde(skip_serializing_if = "Activation::is_default")]
    pub activation: Activation,
    /// Width of the middle over that of the stream; that of the activation's rule where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

impl Dense {
    /// Width of the middle for a stream of width `d_model`.
    pub fn width(&self, d_model: usize) -> usize {
        self.given_ratio().width(d_model)
    }

    fn given_ratio(&self) -> Ratio {
        self.ratio.unwrap_or_else(|| self.default_ratio())
    }

    fn default_ratio(&self) -> Ratio {
        Ratio::try_from(self.activation.default_ratio()).expect("the rules give widths")
    }

    /// The same network by its simplest name.
    #[must_use]
    pub(super) fn simplest(self) -> Self {
        Dense { ratio: self.ratio.filter(|ratio| *ratio != self.default_ratio()), ..self }
    }

    /// Columns of a row that say what the network is.
    pub(super) fn facts(&self, d_model: usize) -> Vec<(&'static str, Fact)> {
        let mut all = vec![
            ("activation", Fact::Text(self.activation.name().to_owned())),
            ("d_ff", Fact::Integer(self.width(d_model) as u64)),
        ];
        all.extend(self.ratio.map(|ratio| ("ffn_ratio", Fact::Float(ratio.value()))));
        all
    }
}

impl Half for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let (wide, f) = (self.activation.inputs() * self.width(d), self.width(d));
        let shrink = model.parametrization.shrink(d);
        let matrix = |name: &str, dims, std| {
            TensorSpec::matrix(name, Group::FeedForward, dims, std).at_rate(shrink)
        };
        vec![
            TensorSpec::gain("mlp_norm", d),
            matrix("up", [d, wide], model.std_of(d))
                .maps_beside([f].repeat(self.activation.inputs())),
            matrix("down", [f, d], model.std_into_stream(f)).whole_map(),
        ]
    }

    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        let (wide, f) = (self.activation.inputs() * self.width(d), self.width(d));
        let matrix = |dims| Product::of_matrix(Group::FeedForward, model.context, dims);
        vec![matrix([d, wide]), matrix([f, d])]
    }

    /// The inputs of the activation.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        (self.activation.inputs() * self.width(model.shape.d_model)) as f64
    }

    fn columns(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        self.facts(model.shape.d_model)
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let width = self.width(model.shape.d_model) as u64;
        let activation = Fact::Text(self.activation.recipe().to_owned());
        vec![("d_mlp", Fact::Integer(width)), ("activation", activation)]
    }

    fn check(&self, _model: &ModelConfig) -> Result<(), ShapeError> {
        Ok(())
    }
}
