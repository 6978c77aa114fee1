//! Parses `[train]`: how to train.

use super::quantity::Auto;
use super::rate::Rate;
use crate::rules::Rules;
use isoflop_core::units::parse_quantity;
use isoflop_core::{Optimizer, OptimizerKind, Schedule, ScheduleKind};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// The table `[train]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSpec {
    /// Edition of the rules for what the file does not give.
    pub rules: Rules,
    /// Peak learning rate.
    pub learning_rate: Spanned<Rate>,
    /// Tokens per step.
    pub batch_tokens: Spanned<Auto<f64>>,
    /// Optimizer.
    pub optimizer: Spanned<OptimizerKind>,
    /// Shape of the learning rate over a run.
    pub schedule: ScheduleKind,
    /// Part of a run that warms up; by default a number of tokens by the rule.
    pub warmup: Option<Spanned<Stretch>>,
    /// Part of a run that decays; by default [`Schedule::DECAY_SHARE`].
    pub decay: Option<Spanned<Stretch>>,
    /// Decay of the two running means of AdamW; by default that of the rules.
    #[serde(deserialize_with = "betas")]
    pub betas: Option<[f64; 2]>,
    /// Decoupled decay of matrices; by default that of the optimizer.
    #[serde(deserialize_with = "weight_decay")]
    pub weight_decay: Option<f64>,
    /// Bound on the global gradient norm.
    #[serde(deserialize_with = "clip")]
    pub clip: f64,
    /// Probability with which a number of the output of a half is dropped.
    #[serde(deserialize_with = "dropout")]
    pub dropout: f64,
    /// Whether runs that differ in length alone share the part with a constant rate. The losses are
    /// the same either way.
    pub trunks: bool,
    /// Seeds, each of which repeats the whole grid.
    pub seeds: Spanned<Vec<u64>>,
}

impl Default for TrainSpec {
    fn default() -> Self {
        TrainSpec {
            rules: Rules::default(),
            learning_rate: Spanned::new(0..0, Rate::Auto),
            batch_tokens: Spanned::new(0..0, Auto::Auto),
            optimizer: Spanned::new(0..0, OptimizerKind::default()),
            schedule: ScheduleKind::default(),
            warmup: None,
            decay: None,
            betas: None,
            weight_decay: None,
            clip: Optimizer::USUAL.clip_norm,
            dropout: 0.0,
            trunks: true,
            seeds: Spanned::new(0..0, vec![0]),
        }
    }
}

/// A part of a run: `0.02` of its steps, or `"200k"` tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// Share of the steps, from 0 up to 1.
    Share(f64),
    /// Tokens, more than 1.
    Tokens(f64),
}

impl Stretch {
    /// Steps of this part of a run of `steps` steps of `batch_tokens` tokens: of a share the nearest
    /// number and at least one, of tokens those that hold them.
    pub fn steps(self, steps: u64, batch_tokens: u64) -> u64 {
        match self {
            Stretch::Share(share) if share > 0.0 => Schedule::share(steps, share),
            Stretch::Share(_) => 0,
            Stretch::Tokens(tokens) => (tokens / batch_tokens as f64).ceil() as u64,
        }
    }

    /// The stretch that a number stands for: below 1 a share of the run, above 1 tokens.
    fn of(number: f64) -> Option<Self> {
        match number {
            share if (0.0..1.0).contains(&share) => Some(Stretch::Share(share)),
            tokens if tokens.is_finite() && tokens > 1.0 => Some(Stretch::Tokens(tokens)),
            _ => None,
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        match text.trim().parse::<f64>() {
            Ok(number) => Self::of(number),
            Err(_) => parse_quantity(text).ok().filter(|tokens| *tokens > 1.0).and_then(Self::of),
        }
    }
}

impl<'de> Deserialize<'de> for Stretch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;
        impl Given {
            fn read<E: Error>(
                found: Option<Stretch>,
                text: impl fmt::Display,
            ) -> Result<Stretch, E> {
                found.ok_or_else(|| {
                    let form = "give a fraction of the run below 1, such as 0.02, or tokens, such as \"200k\"";
                    E::custom(format!("`{text}` is no part of a run: {form}"))
                })
            }
        }
        impl Visitor<'_> for Given {
            type Value = Stretch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fraction of the run, such as 0.02, or tokens, such as \"200k\"")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Stretch, E> {
                Given::read(Stretch::of(number), number)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Stretch, E> {
                Given::read(Stretch::of(number as f64), number)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Stretch, E> {
                Given::read(Stretch::of_text(text), text)
            }
        }
        deserializer.deserialize_any(Given)
    }
}

/// A number of the recipe: what it is, the form that it has, and which numbers are one.
struct Number {
    name: &'static str,
    form: &'static str,
    holds: fn(f64) -> bool,
}

const BETA: Number = Number {
    name: "decay of a running mean",
    form: "two numbers from 0 up to 1, such as [0.9, 0.95]",
    holds: |beta| (0.0..1.0).contains(&beta),
};

const WEIGHT_DECAY: Number = Number {
    name: "weight decay",
    form: "a number from 0 up, such as 0.1",
    holds: |decay| decay.is_finite() && decay >= 0.0,
};

const CLIP: Number = Number {
    name: "bound on a norm",
    form: "a number above 0, such as 1.0",
    holds: |bound| bound.is_finite() && bound > 0.0,
};

const DROPOUT: Number = Number {
    name: "probability of dropout",
    form: "a number from 0 up to 1, such as 0.1",
    holds: |probability| (0.0..1.0).contains(&probability),
};

impl Number {
    fn checked<E: Error>(&self, number: f64) -> Result<f64, E> {
        match (self.holds)(number) {
            true => Ok(number),
            false => Err(E::custom(format!("{number} is no {}: give {}", self.name, self.form))),
        }
    }
}

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        self.checked(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        self.checked(number as f64)
    }
}

fn weight_decay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(WEIGHT_DECAY).map(Some)
}

fn clip<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(CLIP)
}

fn dropout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(DROPOUT)
}

fn betas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[f64; 2]>, D::Error> {
    struct Betas;
    impl<'de> Visitor<'de> for Betas {
        type Value = [f64; 2];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(BETA.form)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[f64; 2], A::Error> {
            let mut all = Vec::new();
            while let Some(beta) = seq.next_element::<f64>()? {
                all.push(BETA.checked(beta)?);
            }
            let count = all.len();
            all.try_into().map_err(|_| A::Error::invalid_length(count, &self))
        }
    }
    deserializer.deserialize_any(Betas).map(Some)
}
