//! What stands between the matrices of a feed-forward network.

use serde::{Deserialize, Serialize};

/// What stands between the matrices of a feed-forward network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `x Phi(x)`, exact (Hendrycks & Gimpel 2016).
    #[default]
    Gelu,
    /// `silu(a) b` of two products a and b side by side, with `silu(a) = a / (1 + exp(-a))` (Shazeer 2020).
    Swiglu,
    /// `max(x, 0)^2` (So et al. 2021).
    Relu2,
}

impl Activation {
    /// Its name in a sweep file and in a row.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Gelu => "gelu",
            Activation::Swiglu => "swiglu",
            Activation::Relu2 => "relu2",
        }
    }

    /// Numbers that it takes for each one that it gives: columns of the first matrix over rows of the
    /// second.
    pub fn inputs(self) -> usize {
        match self {
            Activation::Gelu | Activation::Relu2 => 1,
            Activation::Swiglu => 2,
        }
    }

    /// Width of the middle over that of the stream unless it is given: one at which all have about
    /// `8 d^2` parameters (Shazeer 2020, section 3.1).
    pub(super) fn default_ratio(self) -> f64 {
        match self {
            Activation::Gelu | Activation::Relu2 => 4.0,
            Activation::Swiglu => 8.0 / 3.0,
        }
    }

    /// What `config.json` of an exported model calls it.
    pub(super) fn recipe(self) -> &'static str {
        match self {
            Activation::Gelu => "gelu, exact",
            Activation::Swiglu => "swiglu",
            Activation::Relu2 => "relu2",
        }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Activation::default()
    }
}
