//! A trainable tensor on paper.

use crate::maps::{LinearMap, Maps};
use isoflop_core::OptimizerKind;
use serde::{Deserialize, Serialize};

/// Where a tensor is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Tables that are looked up: tokens, positions and pairs of positions.
    Embedding,
    /// What moves information between tokens.
    Mixer,
    /// What works on one token.
    FeedForward,
    /// Gains of norms.
    Norm,
    /// The output matrix.
    Head,
}

impl Group {
    /// Whether `n_non_embedding` counts it.
    pub fn is_non_embedding(self) -> bool {
        !matches!(self, Group::Embedding | Group::Head)
    }
}

/// Initial values of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// All 1: gains.
    Ones,
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// All 0: biases.
    Zeros,
    /// 1 from one place up to another, 0 elsewhere: biases of gates that begin open.
    OnesIn(usize, usize),
    /// From somewhat above the first number to as far below the second, in equal steps: so that heads differ
    /// from the start.
    Spread(f64, f64),
    /// A random rotation or reflection of a square: it keeps lengths (Saxe et al. 2014). Where there are more
    /// columns than rows, squares side by side, each for itself.
    Orthogonal,
}

/// What a step does to a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Change {
    /// What the optimizer does by its gradient: a parameter.
    #[default]
    Gradient,
    /// So far against the sign of what its operation reports in the place of a gradient: a buffer, which is
    /// no parameter and belongs to no norm of gradients.
    Sign(f64),
}

/// A tensor that training changes: everything that counting, initialisation, checkpoints and the optimizer know
/// of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Its name in a checkpoint: `head`, `blocks.0.qkv`.
    pub name: String,
    /// Rows and columns of a matrix, `[inputs, outputs]`, before them the number of experts where each has a
    /// matrix of its own; the length of a vector.
    pub dims: Vec<usize>,
    /// Where it is counted.
    pub group: Group,
    /// How it begins.
    pub initial: Initial,
    /// Factor on the learning rate of AdamW.
    pub rate_factor: f64,
    /// Whether weight decay pulls at it.
    pub decays: bool,
    /// Share of its numbers that one token uses: 1 but for experts.
    pub active: f64,
    /// What a step does to it.
    pub change: Change,
    /// Linear maps that it holds.
    pub maps: Maps,
}

impl TensorSpec {
    /// A gain: a vector of ones, without decay.
    pub fn gain(name: impl Into<String>, width: usize) -> Self {
        TensorSpec {
            name: name.into(),
            dims: vec![width],
            group: Group::Norm,
            initial: Initial::Ones,
            rate_factor: 1.0,
            decays: false,
            active: 1.0,
            change: Change::Gradient,
            maps: Maps::None,
        }
    }

    /// A matrix, normal with a standard deviation or, where that is 0, of zeros, with decay.
    pub fn matrix(name: impl Into<String>, group: Group, dims: [usize; 2], std: f64) -> Self {
        Self::matrices(name, group, dims, std)
    }

    /// Matrices of one shape, one an expert, as one tensor: values and decay as those of
    /// [`TensorSpec::matrix`].
    pub fn matrices<const D: usize>(
        name: impl Into<String>,
        group: Group,
        dims: [usize; D],
        std: f64,
    ) -> Self {
        TensorSpec {
            name: name.into(),
            dims: dims.to_vec(),
            group,
            initial: if std > 0.0 { Initial::Normal(std) } else { Initial::Zeros },
            rate_factor: 1.0,
            decays: true,
            active: 1.0,
            change: Change::Gradient,
            maps: Maps::None,
        }
    }

    /// A bias: a vector of zeros, without decay.
    pub fn bias(name: impl Into<String>, group: Group, width: usize) -> Self {
        TensorSpec { group, initial: Initial::Zeros, ..TensorSpec::gain(name, width) }
    }

    /// Biases that are looked up in a table: zeros, without decay.
    pub fn biases(name: impl Into<String>, dims: [usize; 2]) -> Self {
        TensorSpec { dims: dims.to_vec(), ..TensorSpec::bias(name, Group::Embedding, 0) }
    }

    /// A bias that a step moves by so much against the sign of what is reported; no parameter.
    pub fn balance(name: impl Into<String>, width: usize, step: f64) -> Self {
        let change = Change::Sign(step);
        TensorSpec { change, ..TensorSpec::bias(name, Group::FeedForward, width) }
    }

    /// Square matrices side by side, each of which begins orthogonal, with decay.
    pub fn rotations(name: impl Into<String>, group: Group, width: usize, count: usize) -> Self {
        let matrix = TensorSpec::matrix(name, group, [width, count * width], 0.0);
        matrix.beginning(Initial::Orthogonal).maps_beside([width].repeat(count))
    }

    /// The same with other initial values.
    #[must_use]
    pub fn beginning(self, initial: Initial) -> Self {
        TensorSpec { initial, ..self }
    }

    /// The same with another factor on the rate.
    #[must_use]
    pub fn at_rate(self, rate_factor: f64) -> Self {
        TensorSpec { rate_factor, ..self }
    }

    /// The same as linear maps side by side, of so many columns each.
    ///
    /// # Panics
    /// The numbers of columns do not add up to those of the tensor.
    #[must_use]
    pub fn maps_beside(self, columns: impl Into<Vec<usize>>) -> Self {
        let columns = columns.into();
        assert_eq!(
            self.dims.last(),
            Some(&columns.iter().sum::<usize>()),
            "columns of `{}`",
            self.name
        );
        TensorSpec { maps: Maps::Beside(columns), ..self }
    }

    /// The same as linear maps one below the other, of so many rows each.
    ///
    /// # Panics
    /// The numbers of rows do not add up to those of the tensor.
    #[must_use]
    pub fn maps_below(self, rows: impl Into<Vec<usize>>) -> Self {
        let rows = rows.into();
        let whole = rows.iter().sum::<usize>();
        assert_eq!(self.dims.iter().nth_back(1), Some(&whole), "rows of `{}`", self.name);
        TensorSpec { maps: Maps::Below(rows), ..self }
    }

    /// The same as one linear map or, of experts, as one each.
    #[must_use]
    pub fn whole_map(self) -> Self {
        let columns = self.dims.last().copied();
        self.maps_beside(Vec::from_iter(columns))
    }

    /// Places of its linear maps.
    pub fn linear_maps(&self) -> Vec<LinearMap> {
        self.maps.places(&self.dims)
    }

    /// The optimizer that changes it where a model is trained with `kind`: Muon leaves to AdamW what is no linear
    /// map.
    pub fn optimizer(&self, kind: OptimizerKind) -> OptimizerKind {
        match (kind, &self.maps) {
            (OptimizerKind::Muon, Maps::None) => OptimizerKind::AdamW,
            _ => kind,
        }
    }

    /// Factor on the learning rate where a model is trained with `kind`. A step of AdamW changes an output by as
    /// much as the matrix has inputs, a step of Muon by the root of that, since its directions are orthogonal
    /// (Yang et al. 2023, "A spectral condition for feature learning"): so it shrinks by the root too.
    pub fn factor_by(&self, kind: OptimizerKind) -> f64 {
        match self.optimizer(kind) {
            OptimizerKind::Muon => self.rate_factor.sqrt(),
            OptimizerKind::AdamW | OptimizerKind::Sgd => self.rate_factor,
        }
    }

    /// How far a step moves it against the sign of what is reported; `None` for a parameter.
    pub fn against_sign(&self) -> Option<f64> {
        match self.change {
            Change::Gradient => None,
            Change::Sign(step) => Some(step),
        }
    }

    /// Whether it counts as a parameter.
    pub fn is_parameter(&self) -> bool {
        self.change == Change::Gradient
    }

    /// Its numbers.
    pub fn len(&self) -> u64 {
        self.dims.iter().map(|dim| *dim as u64).product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers that one token uses.
    pub fn active_len(&self) -> f64 {
        self.len() as f64 * self.active
    }
}
