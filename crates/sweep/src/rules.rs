//! Defaults that change a loss: peak learning rate, batch, warm-up, constants of the optimizer and initial
//! values. They are functions of the shape and never of a run's length, so that runs of one size differ in
//! length alone.

use isoflop_core::units::two_digits;
use isoflop_core::{Optimizer, OptimizerKind, Params};
use isoflop_model::OutputInit;
use isoflop_results::RunRow;
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// Edition of the rules, `[train] rules` of a sweep file. Runs of earlier sweeps keep the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Rules of 2026-11-22: AdamW with 0.9 and 0.95, outputs of halves that begin scaled.
    First,
    /// Rules of 2026-11-27: AdamW with 0.8 and 0.98, outputs of halves that begin with zeros.
    #[default]
    Second,
}

impl Rules {
    /// All editions, from the first to the newest.
    pub const ALL: [Rules; 2] = [Rules::First, Rules::Second];

    /// Its number in a sweep file.
    pub fn number(self) -> u8 {
        match self {
            Rules::First => 1,
            Rules::Second => 2,
        }
    }

    /// Peak learning rate of `"auto"`: `r f (N / 24,576)^-e (B / 512)^0.5`, at most [`MOST`], with f the
    /// [`factor`](Rules::factor) of the mixer, times others where queries and keys are normalised and where
    /// there are experts; with Muon so many times that, and by gradient descent [`SGD`] whatever the size.
    ///
    /// The first rule was fitted by eye through the best rates of a measured grid of four sizes (3k to 246k), two
    /// batches and six rates on bytes of documentation (LOG.md, 2026-11-22).
    /// The second is that which costs least over the grid of `sweeps/rates.toml`, of three sizes, lengths and
    /// batches and five rates (LOG.md, 2026-11-27).
    /// The square root in B is the rule of Malladi et al. 2022.
    /// Beyond 1M parameters both are extrapolations.
    pub fn learning_rate(self, of: &Setting<'_>) -> f64 {
        let Rates { middle, exponent, muon, experts } = self.rates();
        let of_batch = (of.batch_tokens as f64 / 512.0).sqrt();
        let factor = self.factor(of.mixer)
            * if of.qk_norm { QK_NORM } else { 1.0 }
            * if of.has_experts { experts } else { 1.0 };
        let rate = middle * factor * (of.n.0 / 24_576.0).powf(-exponent) * of_batch;
        two_digits(match of.optimizer {
            OptimizerKind::AdamW => rate.min(MOST),
            OptimizerKind::Muon => muon * rate.min(MOST),
            OptimizerKind::Sgd => SGD * of_batch,
        })
    }

    fn rates(self) -> Rates {
        match self {
            Rules::First => Rates { middle: 0.004, exponent: 0.35, muon: 2.0, experts: 1.0 },
            Rules::Second => Rates { middle: 0.006, exponent: 0.4, muon: 1.3, experts: 0.55 },
        }
    }

    /// Best rates with a mixer, by its name in a row, over those with attention, measured at the two ends of
    /// sizes (LOG.md, 2026-11-27). It is the mixer and not the family that decides, since families with
    /// options may come to the same model.
    ///
    /// The gated delta rule was not measured with the second rules.
    fn factor(self, mixer: &str) -> f64 {
        match (mixer, self) {
            ("aft" | "gated-delta", Rules::First) => 1.4,
            ("gru", Rules::First) => 1.7,
            ("mingru" | "minlstm", Rules::First) => 2.0,
            ("lstm", Rules::First) => 2.8,
            ("aft-full" | "aft-local", Rules::First) => 6.0,
            ("gru" | "mingru" | "minlstm", Rules::Second) => 1.5,
            ("lstm", Rules::Second) => 2.5,
            ("aft-full" | "aft-local", Rules::Second) => 4.0,
            _ => 1.0,
        }
    }

    /// Tokens a step of `"auto"`, in whole windows: 512 up to 100k parameters, then growing as `N^0.5`; by the
    /// first rules a power of two.
    ///
    /// With the same number of training tokens, 512 beat 2,048 by 0.02 to 0.07 nats at every size from
    /// 3k to 246k (LOG.md, 2026-11-22). The growth beyond is an assumption, not studied.
    pub fn batch_tokens(self, n: Params, context: usize) -> u64 {
        let wanted = 512.0 * (n.0 / 1e5).sqrt().max(1.0);
        let windows = match self {
            Rules::First => 2f64.powi(wanted.log2().round() as i32) as u64 / context as u64,
            Rules::Second => (wanted / context as f64).round() as u64,
        };
        windows.max(1) * context as u64
    }

    /// An optimizer with the constants that a file does not give.
    pub fn optimizer(self, kind: OptimizerKind) -> Optimizer {
        let usual = Optimizer::of(kind);
        match (self, kind) {
            (Rules::Second, OptimizerKind::AdamW) => {
                let [beta1, beta2] = Optimizer::SMALL_BATCH_BETAS;
                Optimizer { beta1, beta2, ..usual }
            }
            _ => usual,
        }
    }

    /// Initial values of the maps that write to the stream.
    pub fn output_init(self) -> OutputInit {
        match self {
            Rules::First => OutputInit::Scaled,
            Rules::Second => OutputInit::Zero,
        }
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Rules;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of an edition of the rules, 1 or 2")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rules, E> {
                let of = Rules::ALL.into_iter().find(|rules| i64::from(rules.number()) == number);
                of.ok_or_else(|| E::custom(format!("there are no rules {number}: give 1 or 2")))
            }
        }
        deserializer.deserialize_i64(Number)
    }
}

/// What a rate of the rule depends on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Name of the mixer, as in a row.
    pub mixer: &'a str,
    /// Whether queries and keys are normalised.
    pub qk_norm: bool,
    /// Whether the model is a mixture of experts.
    pub has_experts: bool,
    /// Non-embedding parameters that a token uses.
    pub n: Params,
    /// Tokens a step.
    pub batch_tokens: u64,
}

impl<'a> Setting<'a> {
    /// The setting of a run.
    pub fn of(row: &'a RunRow) -> Self {
        Setting {
            optimizer: OptimizerKind::named(&row.optimizer).unwrap_or_default(),
            mixer: &row.mixer,
            qk_norm: row.qk_norm == "rms",
            has_experts: row.experts.is_some(),
            n: Params(row.n() as f64),
            batch_tokens: row.batch_tokens,
        }
    }
}

/// Constants of a rule for rates.
struct Rates {
    /// Rate at 24,576 parameters in batches of 512.
    middle: f64,
    /// Exponent of the size.
    exponent: f64,
    /// Best rates with Muon over those with AdamW, measured on transformers (LOG.md, 2026-11-27). That it is
    /// the same factor for every mixer was not studied.
    muon: f64,
    /// Best rates with experts over those without, with N the parameters that a token uses, whatever the number
    /// of experts: the `E^-0.25` of Ludziejewski et al. 2025 would cost up to 0.05 nats at these sizes.
    experts: f64,
}

/// Largest rate of AdamW in a step of any number of tokens.
const MOST: f64 = 0.02;

/// Best rate of gradient descent with momentum in batches of 512 tokens, the same at both ends of sizes (LOG.md,
/// 2026-11-27). It was measured on transformers alone, and no other mixer has a factor of its own.
const SGD: f64 = 0.22;

/// Best rates with normalised queries and keys over those without, at both ends of sizes (LOG.md,
/// 2026-11-27).
const QK_NORM: f64 = 1.4;

/// Tokens of linear warm-up: `128 sqrt(N)`, which is about 2 % of the compute-optimal tokens
/// between 3k and 250k parameters.
pub fn warmup_tokens(n: Params) -> f64 {
    128.0 * n.0.sqrt()
}

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
