//! Causal multi-head attention: queries, keys and values side by side, no biases.

use super::pattern::Pattern;
use super::reach::Reach;
use crate::config::{ModelConfig, Position};
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::{Shape, ShapeError};
use crate::tensor::{Group, TensorSpec};
use serde::{Deserialize, Serialize};

/// What attention may differ in. A field is not written where it has its default, which the ids of runs
/// were made without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attention {
    /// Heads of keys and values, each shared by as many heads of queries as there are for it (Ainslie et al.
    /// 2023); as many as heads of queries where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<usize>,
    /// Whether every query and key is divided by its root mean square and multiplied by a gain, before it
    /// is turned by its position (Henry et al. 2020).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub qk_norm: bool,
    /// What a local layer attends to.
    #[serde(skip_serializing_if = "Reach::is_all")]
    pub reach: Reach,
    /// Which layers are local; all of them where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
}

impl Reach {
    fn is_all(&self) -> bool {
        *self == Reach::All
    }
}

impl Attention {
    /// Heads of keys and values of a model with so many heads of queries.
    pub fn kv_heads(&self, n_heads: usize) -> usize {
        self.kv_heads.unwrap_or(n_heads)
    }

    /// What a layer, counted from 0, attends to.
    pub fn reach_of(&self, layer: usize) -> Reach {
        match self.pattern {
            Some(pattern) if pattern.is_global(layer) => Reach::All,
            _ => self.reach,
        }
    }

    /// The same attention by its simplest name in a model of this shape and context.
    #[must_use]
    pub(crate) fn simplest(self, shape: Shape, context: usize) -> Self {
        let reach = self.reach.simplest(context);
        let globals = (0..shape.n_layers).filter(|layer| {
            reach == Reach::All || self.pattern.is_some_and(|pattern| pattern.is_global(*layer))
        });
        let (reach, pattern) = match globals.count() {
            0 => (reach, None),
            all if all == shape.n_layers => (Reach::All, None),
            _ => (reach, self.pattern),
        };
        let kv_heads = self.kv_heads.filter(|&heads| heads != shape.n_heads);
        Attention { kv_heads, reach, pattern, ..self }
    }

    /// Widths of queries and of keys (or values).
    fn widths(&self, shape: Shape) -> (usize, usize) {
        (shape.d_model, self.kv_heads(shape.n_heads) * shape.d_head())
    }
}

impl Half for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    /// Queries, keys and values side by side; the gains of queries, then of keys, where they are normalised.
    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let (d, of_keys) = self.widths(model.shape);
        let shrink = model.parametrization.shrink(d);
        let matrix = |name: &str, dims, std| {
            TensorSpec::matrix(name, Group::Mixer, dims, std).at_rate(shrink)
        };
        let mut all = vec![
            TensorSpec::gain("attention_norm", d),
            matrix("qkv", [d, d + 2 * of_keys], model.std_of(d)).maps_beside([d, of_keys, of_keys]),
            matrix("out", [d, d], model.std_into_stream(d)).whole_map(),
        ];
        if self.qk_norm {
            let head = model.shape.d_head();
            all.extend([TensorSpec::gain("q_norm", head), TensorSpec::gain("k_norm", head)]);
        }
        all
    }

    fn products(&self, model: &ModelConfig, layer: usize) -> Vec<Product> {
        let (d, of_keys) = self.widths(model.shape);
        let matrix = |dims| Product::of_matrix(Group::Mixer, model.context, dims);
        // Scores of all heads, and the weighted sums of their values.
        let pairs = self.reach_of(layer).pairs(model.context);
        let scores = Product::of_pairs(Group::Mixer, pairs, d);
        vec![matrix([d, d + 2 * of_keys]), matrix([d, d]), scores.times(2)]
    }

    /// Whether the layer is local.
    fn kind_of(&self, layer: usize) -> usize {
        usize::from(self.reach_of(layer) != Reach::All)
    }

    /// Queries, keys, values and mixed values; of the softmax its largest score and its sum a head, of
    /// normalised queries and keys the factor of each.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        let (d, of_keys) = self.widths(model.shape);
        let heads = model.shape.n_heads;
        let factors = if self.qk_norm { heads + self.kv_heads(heads) } else { 0 };
        (2 * d + 2 * of_keys + 2 * heads + factors) as f64
    }

    fn columns(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let reach = if model.document_mask.is_some() { "document" } else { "causal" };
        let integer = |count: usize| Fact::Integer(count as u64);
        let mut all = vec![
            ("n_heads", integer(model.shape.n_heads)),
            ("qk_norm", Fact::Text(if self.qk_norm { "rms" } else { "none" }.to_owned())),
            ("attention", Fact::Text(reach.to_owned())),
        ];
        all.extend(self.kv_heads.map(|heads| ("kv_heads", integer(heads))));
        match self.reach {
            Reach::All => {}
            Reach::Window(window) => all.push(("window", integer(window))),
            Reach::Strided(stride) => all.push(("strided", integer(stride))),
            Reach::Fixed { block, columns } => {
                all.push(("fixed", Fact::Text(format!("{block}:{columns}"))));
            }
        }
        all.extend(self.pattern.map(|pattern| ("pattern", Fact::Text(pattern.to_string()))));
        all
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let head = model.shape.d_head();
        let scale = f64::from(model.parametrization.score_scale(head));
        vec![("d_head", Fact::Integer(head as u64)), ("score_scale", Fact::Float(scale))]
    }

    /// Heads about 16 wide below width 256, 32 below 512, 64 from there, however many share their keys: an
    /// axis of `kv_heads` is to change nothing else.
    fn heads(&self, d_model: usize) -> usize {
        let target = match d_model {
            0..256 => 16.0,
            256..512 => 32.0,
            _ => 64.0f64,
        };
        let distance = |heads: &usize| ((d_model / heads) as f64 / target).ln().abs();
        (1..=d_model / 8)
            .filter(|heads| d_model.is_multiple_of(*heads) && (d_model / heads).is_multiple_of(2))
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(1)
    }

    fn is_rotary(&self) -> bool {
        true
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        let Shape { d_model, n_heads, .. } = model.shape;
        if !d_model.is_multiple_of(n_heads) {
            return Err(ShapeError::HeadsDoNotDivide { d_model, n_heads });
        }
        let head = model.shape.d_head();
        if model.position == Position::Rope && !head.is_multiple_of(2) {
            return Err(ShapeError::OddHead { d_model, n_heads, head });
        }
        let kv_heads = self.kv_heads(n_heads);
        if kv_heads == 0 || !n_heads.is_multiple_of(kv_heads) {
            return Err(ShapeError::HeadsDoNotGroup { n_heads, kv_heads });
        }
        match self.reach {
            Reach::Window(0) => Err(ShapeError::NoWindow),
            Reach::Strided(0) => Err(ShapeError::NoStride),
            Reach::Strided(stride) if stride > 1 && stride >= model.context => {
                Err(ShapeError::StrideBeyond { stride, context: model.context })
            }
            Reach::Fixed { block, columns } if columns == 0 || columns > block => {
                Err(ShapeError::Columns { block, columns })
            }
            Reach::All if self.pattern.is_some() => Err(ShapeError::NothingLocal),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixer::Mixer;

    fn of(attention: Attention) -> ModelConfig {
        let shape = Shape::new(64, 4, 4).unwrap();
        let mixer = Mixer::Attention(attention);
        ModelConfig { mixer, ..ModelConfig::transformer(shape, 256, 128) }
    }

    #[test]
    fn options_that_change_nothing_leave_the_plain_model() {
        let plain = of(Attention::default());
        let same = [
            Attention { kv_heads: Some(4), ..Attention::default() },
            Attention { reach: Reach::Window(128), ..Attention::default() },
            Attention { reach: Reach::Strided(1), ..Attention::default() },
            Attention {
                reach: Reach::Window(9),
                pattern: "G".parse().ok(),
                ..Attention::default()
            },
            Attention {
                reach: Reach::Fixed { block: 8, columns: 8 },
                pattern: "LG".parse().ok(),
                ..Attention::default()
            },
        ];
        for attention in same {
            assert_eq!(of(attention).simplest(), plain, "{attention:?}");
        }
        let local = Attention { reach: Reach::Window(9), ..Attention::default() };
        let named = Attention { pattern: "LL".parse().ok(), ..local };
        assert_eq!(of(named).simplest(), of(local));
        assert_eq!(of(local).simplest(), of(local));
    }

    #[test]
    fn a_pattern_counts_the_pairs_of_each_layer() {
        let window = Reach::Window(16);
        let pattern =
            Attention { reach: window, pattern: "LLLG".parse().ok(), ..Attention::default() };
        let scores = |model: &ModelConfig| {
            let matrices = of(Attention { reach: Reach::Window(1), ..Attention::default() });
            let all = |model: &ModelConfig| {
                model.products().iter().map(|product| product.multiply_adds).sum::<f64>()
            };
            all(model) - all(&matrices) + 4.0 * 2.0 * 64.0 * 128.0
        };
        let by_hand = 2.0 * 64.0 * (3.0 * window.pairs(128) + Reach::All.pairs(128));
        assert_eq!(scores(&of(pattern)), by_hand);
    }

    #[test]
    fn fewer_heads_of_keys_make_a_narrower_matrix() {
        let model = of(Attention { kv_heads: Some(1), qk_norm: true, ..Attention::default() });
        let tensors = model.tensors();
        let dims = |name: &str| {
            let tensor = tensors.iter().find(|tensor| tensor.name == name);
            tensor.unwrap_or_else(|| panic!("no {name}")).dims.clone()
        };
        assert_eq!(dims("blocks.0.qkv"), [64, 64 + 2 * 16]);
        assert_eq!(dims("blocks.0.q_norm"), [16]);
        assert_eq!(dims("blocks.3.k_norm"), [16]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |attention| of(attention).check().unwrap_err();
        let plain = Attention::default();
        assert_eq!(
            refused(Attention { kv_heads: Some(3), ..plain }),
            ShapeError::HeadsDoNotGroup { n_heads: 4, kv_heads: 3 }
        );
        assert_eq!(refused(Attention { reach: Reach::Window(0), ..plain }), ShapeError::NoWindow);
        assert_eq!(refused(Attention { reach: Reach::Strided(0), ..plain }), ShapeError::NoStride);
        let stride = of(plain).context;
        assert_eq!(
            refused(Attention { reach: Reach::Strided(stride), ..plain }),
            ShapeError::StrideBeyond { stride, context: stride }
        );
        let fixed = Reach::Fixed { block: 4, columns: 5 };
        assert_eq!(
            refused(Attention { reach: fixed, ..plain }),
            ShapeError::Columns { block: 4, columns: 5 }
        );
        let pattern = "LG".parse().ok();
        assert_eq!(refused(Attention { pattern, ..plain }), ShapeError::NothingLocal);
    }
}
