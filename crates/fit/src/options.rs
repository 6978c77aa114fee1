//! How to fit: what every fit of this crate is told beside its rows and its law.

use crate::objective::Objective;
use crate::watch::Watch;

/// How to fit, and what the columns were called.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What to minimise; None takes the default objective of a law.
    pub objective: Option<Objective>,
    /// Bootstrap replicates, [`REPLICATES`] unless said otherwise; 0 leaves every interval out, profiles
    /// included.
    pub bootstrap: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Rows of highest loss to leave out.
    pub drop_worst: usize,
    /// Column that the N of the points is, such as `n_non_embedding`.
    pub n_kind: String,
    /// Column that all parameters of the points are, such as `n_non_embedding`.
    pub n_total_kind: String,
    /// Column that the C of the points is, such as `c_exact`.
    pub c_kind: String,
    /// The rows that the points are, in words.
    pub rows: String,
    /// What a unit of the points is, in words.
    pub unit: String,
    /// Standard deviation of the loss between seeds, nats per token, where it is known from
    /// elsewhere; stands in for the residuals of isoFLOP curves that have none, and for those of
    /// interpolations, which never have any.
    pub seed_noise: Option<f64>,
    /// Parameters that are held, by name, with their values.
    pub fixed: Vec<(String, f64)>,
    /// The watch that says how far the fits are, and that can end them.
    pub watch: Watch,
}

/// Bootstrap replicates of every fit, unless somebody asks for another number.
pub const REPLICATES: usize = 1000;

/// What a unit of a sweep is.
pub const TRUNKS: &str = "rows that share a trunk (size, data, seed) are one unit";

impl Default for Options {
    fn default() -> Self {
        Options {
            objective: None,
            bootstrap: REPLICATES,
            seed: 0,
            drop_worst: 0,
            n_kind: "n_non_embedding".into(),
            n_total_kind: "n_non_embedding".into(),
            c_kind: "c_exact".into(),
            rows: "all rows".into(),
            unit: TRUNKS.into(),
            seed_noise: None,
            fixed: Vec::new(),
            watch: Watch::default(),
        }
    }
}
