//! The training engine: the model on Burn tensors, its operations, optimizer, evaluation, and the
//! loop that turns a planned run into losses. No other crate knows Burn.

pub mod bench;
pub mod checkpoint;
pub mod coordinates;
mod curve;
pub mod device;
pub mod divergence;
mod dropout;
pub mod evaluate;
pub mod export;
mod feed;
mod flight;
#[doc(hidden)]
pub mod fuzz;
pub mod halves;
mod init;
pub mod model;
mod operations;
pub mod ops;
pub mod optimizer;
pub mod price;
pub mod profile;
mod rehearsal;
mod session;
pub mod source;
pub mod trainer;

use isoflop_model::{Mixer, ModelConfig, Recurrent};

pub use source::{data_facts, prepare, prepare_run, record};
pub use trainer::BurnTrainer;

/// Newest version of the numerics. It is raised whenever a change in this crate or in the data crate
/// changes a loss.
pub const NUMERICS_VERSION: u64 = 4;

/// Version of the numerics of a model, which is part of the identity of its runs: the last that changed
/// a loss of such a model.
pub fn numerics_version(model: &ModelConfig) -> u64 {
    match model.mixer {
        // A kernel took the place of a loop of operations, and rounds otherwise.
        Mixer::Recurrent(Recurrent::Rnn) => NUMERICS_VERSION,
        _ => 3,
    }
}

/// Version of Burn that this crate is pinned to.
pub const BURN_VERSION: &str = "0.22.1";

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::Shape;

    /// Ids hold the version, and committed results hold ids.
    #[test]
    fn only_plain_recurrent_networks_have_a_newer_version_than_the_first_families() {
        let shape = Shape { d_model: 8, n_layers: 1, n_heads: 1 };
        let attention = ModelConfig::transformer(shape, 11, 4);
        assert_eq!(numerics_version(&attention), 3);
        for kind in Recurrent::ALL {
            let model = ModelConfig { mixer: Mixer::Recurrent(kind), ..attention };
            assert_eq!(numerics_version(&model), if kind == Recurrent::Rnn { 4 } else { 3 });
        }
    }
}
