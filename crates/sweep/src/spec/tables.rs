//! Tables of `[model]`, each with the options of one kind of half.

use super::model::span;
use isoflop_model::{Balance, Gate};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// `[model.moe]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoeSpec {
    /// Experts present.
    pub experts: Option<Spanned<usize>>,
    /// Experts chosen for a token.
    pub active: Option<Spanned<usize>>,
    /// Experts that work on every token besides.
    pub shared: Option<Spanned<usize>>,
    /// Width of a feed-forward network over that of an expert.
    pub granularity: Option<Spanned<usize>>,
    /// How scores become factors: `plain` for one active expert and `renorm` for more unless given.
    pub gate: Option<Spanned<Gate>>,
    /// What keeps the load even.
    pub balance: Option<Spanned<Balance>>,
}

impl MoeSpec {
    /// Where a key of the table stands.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        match key {
            "experts" => span(&self.experts),
            "active" => span(&self.active),
            "shared" => span(&self.shared),
            "granularity" => span(&self.granularity),
            "gate" => span(&self.gate),
            "balance" => span(&self.balance),
            _ => None,
        }
    }
}

/// `[model.linear]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearSpec {
    /// Tokens of a chunk.
    pub chunk: Option<Spanned<usize>>,
    /// Whether it follows the gated delta rule.
    pub delta: Option<Spanned<bool>>,
}

impl LinearSpec {
    /// Where a key of the table stands.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        match key {
            "chunk" => span(&self.chunk),
            "delta" => span(&self.delta),
            _ => None,
        }
    }
}
