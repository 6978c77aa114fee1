//! Linear attention with a decay of one number a head and token: the core of Mamba-2 (Dao & Gu 2024, there
//! called SSD), also known as simple gated linear attention (Yang et al. 2024), and the gated delta rule (Yang et
//! al. 2025); their formulas are in docs/models.md.

use super::Attention;
use crate::config::ModelConfig;
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, Initial, TensorSpec};
use serde::{Deserialize, Serialize};

/// What linear attention may differ in. A field is not written where it has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Linear {
    /// Tokens that are worked on as attention, between states that are handed on. Losses depend on it by
    /// rounding alone.
    #[serde(skip_serializing_if = "is_usual")]
    pub chunk: usize,
    /// Whether a token writes the difference between its value and what its key reads, and not its value.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delta: bool,
}

/// Tokens of a chunk unless given.
const CHUNK: usize = 32;

/// Longest chunk: its pairs lie in the nearest caches.
const LONGEST_CHUNK: usize = 1024;

/// Logarithms of the smallest and the largest rate of decay, and of the smallest and the largest step
/// before the softplus, between which heads are spread; Mamba-2 draws rates from 1 to 16 and steps from 0.001
/// to 0.1.
const RATES: [f64; 2] = [0.0, 2.772_588_722_239_781];
const STEPS: [f64; 2] = [-6.907_255_237_315_47, -2.252_168_461_044_091];

fn is_usual(chunk: &usize) -> bool {
    *chunk == CHUNK
}

impl Default for Linear {
    fn default() -> Self {
        Linear { chunk: CHUNK, delta: false }
    }
}

impl Linear {
    /// The same by its simplest name in windows of so many tokens: chunks that hold a whole window are one.
    #[must_use]
    pub(crate) fn simplest(self, context: usize) -> Self {
        match self.chunk >= context {
            true => Linear { chunk: context.max(CHUNK), ..self },
            false => self,
        }
    }

    /// Width of the matrix from the input: queries, keys, values, and a column a head of what it forgets by and,
    /// with the delta rule, one of how much of a difference it writes.
    fn width(&self, model: &ModelConfig) -> usize {
        3 * model.shape.d_model + (1 + usize::from(self.delta)) * model.shape.n_heads
    }
}

impl Half for Linear {
    fn name(&self) -> &'static str {
        if self.delta { "gated-delta" } else { "linear" }
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let (d, heads) = (model.shape.d_model, model.shape.n_heads);
        let shrink = model.parametrization.shrink(d);
        let matrix = |name: &str, dims, std| {
            TensorSpec::matrix(name, Group::Mixer, dims, std).at_rate(shrink)
        };
        let spread = |name: &str, [from, to]: [f64; 2]| {
            TensorSpec::bias(name, Group::Mixer, heads).beginning(Initial::Spread(from, to))
        };
        let mut columns = vec![d, d, d, heads];
        columns.extend(self.delta.then_some(heads));
        vec![
            TensorSpec::gain("linear_norm", d),
            matrix("qkv", [d, self.width(model)], model.std_of(d)).maps_beside(columns),
            spread("decay_rate", RATES),
            spread("decay_bias", STEPS),
            TensorSpec::gain("mixed_norm", d),
            matrix("out", [d, d], model.std_into_stream(d)).whole_map(),
        ]
    }

    /// Matrices, and of every token what it writes to the states of its heads and reads from them, by its queries
    /// and with the delta rule by its keys.
    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        let matrix = |dims| Product::of_matrix(Group::Mixer, model.context, dims);
        let state = matrix([d, model.shape.d_head()]);
        vec![
            matrix([d, self.width(model)]),
            matrix([d, d]),
            state.times(2 + usize::from(self.delta)),
        ]
    }

    /// Queries, keys, values and what is mixed; of heads what they forget by and the factor that comes of it; a
    /// factor of the norm; one state a chunk. With the delta rule also what is written, what share of it, and the
    /// length of a key.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        let (d, heads) = (model.shape.d_model, model.shape.n_heads);
        let state = (d * model.shape.d_head()) as f64 / self.chunk.min(model.context) as f64;
        let written = if self.delta { d + 2 * heads } else { 0 };
        (self.width(model) + d + heads + 1 + written) as f64 + state
    }

    /// The decay of the states.
    fn flops_scan(&self, model: &ModelConfig) -> f64 {
        (model.shape.d_model * model.shape.d_head()) as f64
    }

    fn columns(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        vec![("n_heads", Fact::Integer(model.shape.n_heads as u64))]
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        vec![("d_head", Fact::Integer(model.shape.d_head() as u64))]
    }

    fn heads(&self, d_model: usize) -> usize {
        Attention::default().heads(d_model)
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        let (d_model, n_heads) = (model.shape.d_model, model.shape.n_heads);
        if !d_model.is_multiple_of(n_heads) {
            return Err(ShapeError::HeadsDoNotDivide { d_model, n_heads });
        }
        match self.chunk {
            1..=LONGEST_CHUNK => Ok(()),
            chunk => Err(ShapeError::Chunk(chunk)),
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

    fn model(linear: Linear) -> ModelConfig {
        let shape = Shape { d_model: 24, n_layers: 2, n_heads: 3 };
        ModelConfig {
            mixer: Mixer::Linear(linear),
            position: Position::None,
            ..ModelConfig::transformer(shape, 61, 170)
        }
    }

    #[test]
    fn counts_are_those_of_the_closed_forms() {
        let model = model(Linear::default());
        let (d, l, t, h, k) = (24.0, 2.0, 170.0, 3.0, 8.0);
        let count = ParamCount::of(&model);
        assert_eq!(count.mixer as f64, l * (4.0 * d * d + d * h + 2.0 * h));
        assert_eq!(count.norm as f64, l * 3.0 * d + d);
        let forward = 2.0 * t * (4.0 * d * d + d * h) + 4.0 * d * k * t;
        assert_eq!(FlopCount::of(&model).mixer, 3.0 * l * forward);
        assert_eq!(model.flops_scan(), l * d * k);
        let kept = model.mixer.half().kept_per_token(&model);
        assert_eq!(kept, 4.0 * d + 2.0 * h + 1.0 + d * k / 32.0);
    }

    #[test]
    fn the_delta_rule_adds_a_column_a_head_and_reads_by_keys_too() {
        let (plain, delta) =
            (model(Linear::default()), model(Linear { delta: true, ..Linear::default() }));
        let (d, l, t, h, k) = (24.0, 2.0, 170.0, 3.0, 8.0);
        let mixer = |model: &ModelConfig| ParamCount::of(model).mixer as f64;
        assert_eq!(mixer(&delta) - mixer(&plain), l * d * h);
        let forward = 2.0 * t * d * h + 2.0 * d * k * t;
        assert_eq!(FlopCount::of(&delta).mixer - FlopCount::of(&plain).mixer, 3.0 * l * forward);
        assert_eq!(delta.flops_scan(), plain.flops_scan());
        assert_eq!(
            (plain.mixer.half().name(), delta.mixer.half().name()),
            ("linear", "gated-delta")
        );
    }

    #[test]
    fn small_vectors_have_no_decay_and_heads_forget_at_rates_that_are_spread() {
        let tensors = model(Linear::default()).tensors();
        let named = |name: &str| tensors.iter().find(|tensor| tensor.name.ends_with(name)).unwrap();
        for name in ["decay_rate", "decay_bias", "mixed_norm", "linear_norm"] {
            assert!(!named(name).decays, "{name}");
        }
        assert!(named("qkv").decays && named("out").decays);
        let ends = |spread: [f64; 2], of: fn(f64) -> f64| spread.map(|x| (of(x) * 1e6).round());
        assert_eq!(ends(RATES, f64::exp), [1e6, 16e6]);
        assert_eq!(ends(STEPS, |x| x.exp().ln_1p()), [1e3, 1e5]);
        let Initial::Spread(from, to) = named("decay_bias").initial else { panic!("a spread") };
        assert_eq!([from, to], STEPS);
    }

    /// The bytes that ids are hashes of.
    #[test]
    fn a_default_is_not_written_and_chunks_that_hold_a_window_are_one() {
        let written = |chunk| {
            let model = model(Linear { chunk, delta: false }).simplest();
            serde_json::to_string(&model.mixer).unwrap()
        };
        assert_eq!(written(32), r#"{"linear":{}}"#);
        assert_eq!(written(16), r#"{"linear":{"chunk":16}}"#);
        assert_eq!(written(500), r#"{"linear":{"chunk":170}}"#);
        let delta = model(Linear { chunk: 500, delta: true }).simplest();
        let written = serde_json::to_string(&delta.mixer).unwrap();
        assert_eq!(written, r#"{"linear":{"chunk":170,"delta":true}}"#);
        let read: Mixer = serde_json::from_str(r#"{"linear":{}}"#).unwrap();
        assert_eq!(read, Family::Linear.preset().mixer);
        let short = ModelConfig { context: 9, ..model(Linear { chunk: 10, delta: false }) };
        assert_eq!(short.simplest().mixer, Mixer::Linear(Linear::default()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for chunk in [0, 1025] {
            let error = model(Linear { chunk, delta: false }).check().unwrap_err();
            assert_eq!(error, ShapeError::Chunk(chunk));
            assert_eq!(error.key(), Some("linear.chunk"));
        }
        let uneven = Shape { d_model: 25, n_layers: 1, n_heads: 3 };
        let error = ModelConfig { shape: uneven, ..model(Linear::default()) }.check().unwrap_err();
        assert_eq!(error, ShapeError::HeadsDoNotDivide { d_model: 25, n_heads: 3 });
        let rotary = ModelConfig { position: Position::Rope, ..model(Linear::default()) };
        assert_eq!(rotary.check(), Err(ShapeError::NotRotary));
        assert_eq!(model(Linear::default()).check(), Ok(()));
    }
}
