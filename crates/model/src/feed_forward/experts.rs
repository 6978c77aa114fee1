//! A mixture of experts: `x + shared(u) + sum over the chosen of gate expert(u)`, `u = norm(x)`.
//!
//! A router scores every expert for every token, `s = u router`, and the `active` ones of largest score work
//! on it, the first of equal ones. No token is dropped, whatever the load (Gale et al. 2022), so that the
//! loss of a token depends on no other token than those that attention shows it.

use super::FeedForward;
use super::activation::Activation;
use super::dense::Dense;
use super::ratio::Ratio;
use crate::config::ModelConfig;
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};
use serde::{Deserialize, Serialize};

/// How the scores of the chosen experts become the factors of what they give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Softmax over the scores of the chosen ones (Jiang et al. 2024).
    Renorm,
    /// Softmax over the scores of all (Fedus et al. 2022).
    Plain,
    /// Sigmoid of each score over the sum of those of the chosen ones (DeepSeek-AI 2024).
    Sigmoid,
}

/// What keeps the load of the experts even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// A loss whose gradient joins that of the scores; the loss that is reported has no part of it
    /// (Fedus et al. 2022, equations 4 to 6).
    #[default]
    Loss,
    /// A bias on each score, for choosing alone, which a step moves against the load (Wang et al. 2024).
    Bias,
}

/// A mixture of experts. Of a field that is not always written the ids of runs do not know the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experts {
    /// Experts present, E.
    pub experts: usize,
    /// Experts chosen for a token, K.
    pub active: usize,
    /// Experts beside them that work on every token, S.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shared: usize,
    /// Width of a feed-forward network of the same ratio over that of an expert.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub granularity: usize,
    /// How scores become factors.
    pub gate: Gate,
    /// What keeps the load even.
    #[serde(default)]
    pub balance: Balance,
    /// The network that an expert would be at granularity 1.
    #[serde(default, skip_serializing_if = "Dense::is_default")]
    pub like: Dense,
}

impl Default for Experts {
    /// Two of eight, balanced by a loss (Jiang et al. 2024 choose so).
    fn default() -> Self {
        Experts {
            experts: 8,
            active: 2,
            shared: 0,
            granularity: 1,
            gate: Gate::Renorm,
            balance: Balance::Loss,
            like: Dense::default(),
        }
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

impl Dense {
    fn is_default(&self) -> bool {
        *self == Dense::default()
    }
}

/// Standard deviation of the router: scores are small at the start, so that no expert is preferred.
const ROUTER_STD: f64 = 0.02;

impl Experts {
    /// Factor on the loss that balances, alpha (Fedus et al. 2022; Muennighoff et al. 2024).
    pub const BALANCE_LOSS: f64 = 0.01;

    /// How far a step moves a bias that balances, in units of the score. Scores begin within about 0.1 of
    /// each other, and runs of a few hundred steps need more than the 0.001 of DeepSeek-AI 2024: with 0.01,
    /// 300 steps left a bias of 3 on one of eight experts at 2.8 times the mean load.
    pub const BALANCE_STEP: f64 = 0.02;

    /// Width of one expert for a stream of width `d_model`.
    pub fn width(&self, d_model: usize) -> usize {
        self.like.width(d_model) / self.granularity.max(1)
    }

    /// Columns of the first matrix of an expert, and rows of the second.
    pub fn dims(&self, d_model: usize) -> (usize, usize) {
        let width = self.width(d_model);
        (self.like.activation.inputs() * width, width)
    }

    /// What stands between the matrices of an expert.
    pub fn activation(&self) -> Activation {
        self.like.activation
    }

    /// The ratio of widths that was given, if any.
    pub fn ratio(&self) -> Option<Ratio> {
        self.like.ratio
    }

    /// The same half by its simplest name: one expert of full width is a dense network, whatever its gate,
    /// which is 1.
    #[must_use]
    pub(super) fn simplest(self) -> FeedForward {
        let like = self.like.simplest();
        match self {
            Experts { experts: 1, active: 1, shared: 0, granularity: 1, .. } => {
                FeedForward::Dense(like)
            }
            other => FeedForward::Experts(Experts { like, ..other }),
        }
    }
}

impl Half for Experts {
    fn name(&self) -> &'static str {
        "experts"
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let (d, e) = (model.shape.d_model, self.experts);
        let (wide, f) = self.dims(d);
        let shrink = model.parametrization.shrink(d);
        let group = Group::FeedForward;
        let matrix =
            |name: &str, dims, std| TensorSpec::matrix(name, group, dims, std).at_rate(shrink);
        let (share, inputs) = (self.active as f64 / e as f64, self.like.activation.inputs());
        let of_experts = |name: &str, [inputs, outputs]: [usize; 2], std| TensorSpec {
            active: share,
            ..TensorSpec::matrices(name, group, [e, inputs, outputs], std).at_rate(shrink)
        };
        let mut all = vec![
            TensorSpec::gain("mlp_norm", d),
            matrix("router", [d, e], ROUTER_STD * shrink),
            of_experts("up", [d, wide], model.std_of(d)).maps_beside([f].repeat(inputs)),
            of_experts("down", [f, d], model.std_into_stream(f)).whole_map(),
        ];
        if self.shared > 0 {
            let shared = self.shared;
            let up = matrix("shared_up", [d, shared * wide], model.std_of(d));
            all.push(up.maps_beside([f].repeat(shared * inputs)));
            let down = matrix("shared_down", [shared * f, d], model.std_into_stream(f));
            all.push(down.maps_below([f].repeat(shared)));
        }
        if self.balance == Balance::Bias {
            all.push(TensorSpec::balance("balance", e, Self::BALANCE_STEP));
        }
        all
    }

    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        let (wide, f) = self.dims(d);
        let matrix = |dims| Product::of_matrix(Group::FeedForward, model.context, dims);
        let at_work = self.active + self.shared;
        vec![
            matrix([d, self.experts]),
            matrix([d, wide]).times(at_work),
            matrix([f, d]).times(at_work),
        ]
    }

    /// The inputs of the activations, the factors, and the scores.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        let (wide, _) = self.dims(model.shape.d_model);
        ((self.active + self.shared) * wide + self.active + self.experts) as f64
    }

    fn columns(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let integer = |count: usize| Fact::Integer(count as u64);
        let word = |variant: &str| Fact::Text(variant.to_owned());
        let mut all = self.like.facts(model.shape.d_model);
        all.extend([
            ("experts", integer(self.experts)),
            ("active_experts", integer(self.active)),
            ("shared_experts", integer(self.shared)),
            ("granularity", integer(self.granularity)),
            ("gate", word(self.gate.name())),
            ("balance", word(self.balance.name())),
        ]);
        all
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let mut all = self.like.recipe(model);
        all.retain(|(name, _)| *name != "d_mlp");
        all.push(("d_expert", Fact::Integer(self.width(model.shape.d_model) as u64)));
        all
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        let Experts { experts, active, granularity, .. } = *self;
        if experts == 0 || experts > MOST_EXPERTS {
            return Err(ShapeError::Experts(experts));
        }
        if self.shared > MOST_EXPERTS {
            return Err(ShapeError::SharedExperts(self.shared));
        }
        if active == 0 || active > experts {
            return Err(ShapeError::ActiveExperts { experts, active });
        }
        if active == 1 && experts > 1 && self.gate != Gate::Plain {
            return Err(ShapeError::RouterWithoutGradient(self.gate.name()));
        }
        let width = self.like.width(model.shape.d_model);
        match granularity > 0 && width.is_multiple_of(granularity) {
            true => Ok(()),
            false => Err(ShapeError::Granularity { width, granularity }),
        }
    }
}

/// Most experts of a layer: a bound on what a file may ask for, far above what is trained today.
const MOST_EXPERTS: usize = 1 << 12;

impl Gate {
    /// Its name in a sweep file and in a row.
    pub fn name(self) -> &'static str {
        match self {
            Gate::Renorm => "renorm",
            Gate::Plain => "plain",
            Gate::Sigmoid => "sigmoid",
        }
    }
}

impl Balance {
    /// Its name in a sweep file and in a row.
    pub fn name(self) -> &'static str {
        match self {
            Balance::Loss => "loss",
            Balance::Bias => "bias",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::ParamCount;
    use crate::shape::Shape;
    use isoflop_core::Params;

    fn of(experts: Experts) -> ModelConfig {
        let shape = Shape::new(64, 4, 4).unwrap();
        let feed_forward = FeedForward::Experts(experts);
        ModelConfig { feed_forward, ..ModelConfig::transformer(shape, 256, 128) }
    }

    #[test]
    fn a_token_uses_the_router_whole_and_its_experts() {
        let fine =
            Experts { experts: 32, active: 4, shared: 1, granularity: 4, ..Experts::default() };
        for (experts, width) in [(Experts::default(), 256), (fine, 64)] {
            let count = ParamCount::of(&of(experts));
            let (d, l) = (64u64, 4u64);
            let expert = 2 * d * width;
            let (e, k, s) = (experts.experts as u64, experts.active as u64, experts.shared as u64);
            assert_eq!(count.feed_forward, l * (d * e + (e + s) * expert));
            assert_eq!(count.idle, l * (e - k) * expert);
            let active = l * (4 * d * d + d * e + (k + s) * expert + 2 * d) + d;
            assert_eq!(count.active_non_embedding(), Params(active as f64));
        }
    }

    #[test]
    fn a_bias_that_balances_is_no_parameter() {
        let bias = Experts { balance: Balance::Bias, ..Experts::default() };
        assert_eq!(ParamCount::of(&of(bias)), ParamCount::of(&of(Experts::default())));
        assert_eq!(of(bias).tensors().len(), of(Experts::default()).tensors().len() + 4);
    }

    #[test]
    fn one_expert_of_full_width_is_the_dense_network() {
        let dense = ModelConfig { feed_forward: FeedForward::default(), ..of(Experts::default()) };
        let one = Experts { experts: 1, active: 1, ..Experts::default() };
        assert_eq!(of(one).check(), Ok(()));
        assert_eq!(of(one).simplest(), dense);
        assert_eq!(of(Experts::default()).simplest(), of(Experts::default()));
        let finer = Experts { granularity: 2, ..one };
        assert_eq!(of(finer).simplest(), of(finer));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |experts| of(experts).check().unwrap_err();
        assert_eq!(
            refused(Experts { active: 9, ..Experts::default() }),
            ShapeError::ActiveExperts { experts: 8, active: 9 }
        );
        assert_eq!(
            refused(Experts { active: 1, ..Experts::default() }),
            ShapeError::RouterWithoutGradient("renorm")
        );
        assert_eq!(
            of(Experts { active: 1, gate: Gate::Plain, ..Experts::default() }).check(),
            Ok(())
        );
        assert_eq!(
            refused(Experts { granularity: 3, ..Experts::default() }),
            ShapeError::Granularity { width: 256, granularity: 3 }
        );
        assert_eq!(refused(Experts { experts: 0, ..Experts::default() }), ShapeError::Experts(0));
    }
}
