//! `[model]`: a family, its sizes and its options.

use super::tables::{LinearSpec, MoeSpec};
use super::{GivenFixed, GivenRatio, GivenShape, GivenWindow, Size, Sizes, suggest};
use crate::error::{Problem, SpecError};
use isoflop_model::{
    Activation, Aft, Attention, Dense, Experts, Family, FeedForward, Gate, Linear, Mixer,
    ModelConfig, Norm, OutputInit, Parametrization, Pattern, Position, Reach, Shape, ShapeError,
};
use serde::Deserialize;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// `[model]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Model family.
    #[serde(default)]
    pub family: Family,
    /// Sizes, each a rung of the ladder or a shape, or those that the planner chooses. A plan of single
    /// runs names them itself.
    pub sizes: Option<Spanned<Sizes>>,
    /// Normalisation.
    #[serde(default)]
    pub norm: Norm,
    /// Position; that of the family unless given.
    pub position: Option<Spanned<Position>>,
    /// How initial weights and rates depend on the width.
    #[serde(default)]
    pub parametrization: Parametrization,
    /// Whether the head is the token table, transposed.
    #[serde(default)]
    pub tied: bool,
    /// Initial values of the maps that write to the stream; those of the rules unless given.
    pub output_init: Option<Spanned<OutputInit>>,
    /// Width of a head; the rule of the mixer unless given.
    pub d_head: Option<Spanned<usize>>,
    /// Heads of keys and values; as many as heads of queries unless given.
    pub kv_heads: Option<Spanned<usize>>,
    /// Whether queries and keys are normalised.
    pub qk_norm: Option<Spanned<bool>>,
    /// Tokens that a local layer attends to or has biases for, the token itself among them.
    pub window: Option<Spanned<GivenWindow>>,
    /// Distance between tokens that a local layer attends to.
    pub strided: Option<Spanned<usize>>,
    /// Blocks, and columns of earlier blocks, that a local layer attends to.
    pub fixed: Option<Spanned<GivenFixed>>,
    /// Which layers are local.
    pub pattern: Option<Spanned<Pattern>>,
    /// What stands between the matrices of the feed-forward half.
    pub activation: Option<Spanned<Activation>>,
    /// Width of the feed-forward half over that of the stream.
    pub ffn_ratio: Option<Spanned<GivenRatio>>,
    /// Experts, for the family `moe`.
    pub moe: Option<Spanned<MoeSpec>>,
    /// Options of the family `linear`.
    pub linear: Option<Spanned<LinearSpec>>,
}

pub(super) fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}

/// The value of a key, where it is given.
fn given<T: Clone>(value: &Option<Spanned<T>>) -> Option<T> {
    value.as_ref().map(|value| value.get_ref().clone())
}

/// An option that some families have and others lack.
struct Choice {
    key: &'static str,
    span: Range<usize>,
    /// Whether a model of these halves has it.
    fits: fn(&Mixer, &FeedForward) -> bool,
    /// What has it.
    whose: &'static str,
}

fn has_attention(mixer: &Mixer, _: &FeedForward) -> bool {
    mixer.attention().is_some()
}

fn has_window(mixer: &Mixer, _: &FeedForward) -> bool {
    matches!(mixer, Mixer::Attention(_) | Mixer::Aft(Aft::Local { .. }))
}

fn has_heads(mixer: &Mixer, _: &FeedForward) -> bool {
    mixer.has_heads()
}

fn is_linear(mixer: &Mixer, _: &FeedForward) -> bool {
    matches!(mixer, Mixer::Linear(_))
}

fn has_network(_: &Mixer, feed_forward: &FeedForward) -> bool {
    *feed_forward != FeedForward::None
}

fn has_experts(_: &Mixer, feed_forward: &FeedForward) -> bool {
    matches!(feed_forward, FeedForward::Experts(_))
}

impl ModelSpec {
    /// The options that are given.
    fn choices(&self) -> Vec<Choice> {
        type Fits = fn(&Mixer, &FeedForward) -> bool;
        let (attention, network) = ("attention", "a feed-forward half");
        let all: [(&str, Option<Range<usize>>, Fits, &str); 11] = [
            ("d_head", span(&self.d_head), has_heads, "heads"),
            ("kv_heads", span(&self.kv_heads), has_attention, attention),
            ("qk_norm", span(&self.qk_norm), has_attention, attention),
            ("window", span(&self.window), has_window, "attention and of aft-local"),
            ("strided", span(&self.strided), has_attention, attention),
            ("fixed", span(&self.fixed), has_attention, attention),
            ("pattern", span(&self.pattern), has_attention, attention),
            ("activation", span(&self.activation), has_network, network),
            ("ffn_ratio", span(&self.ffn_ratio), has_network, network),
            ("moe", span(&self.moe), has_experts, "a mixture of experts"),
            ("linear", span(&self.linear), is_linear, "linear attention"),
        ];
        let given = |(key, span, fits, whose): (&'static str, Option<_>, _, _)| {
            Some(Choice { key, span: span?, fits, whose })
        };
        all.into_iter().filter_map(given).collect()
    }

    /// The model that it stands for, of the shape that `like` has; what the family does not have is left
    /// out (see [`check_options`]).
    ///
    /// # Errors
    /// Options that exclude each other.
    fn model(&self, like: ModelConfig) -> Result<ModelConfig, Problem> {
        let preset = self.family.preset();
        let mixer = match preset.mixer {
            Mixer::Attention(_) => Mixer::Attention(self.attention()?),
            Mixer::Aft(preset) => Mixer::Aft(self.attention_free(preset)),
            Mixer::Linear(preset) => Mixer::Linear(self.linear(preset)),
            other => other,
        };
        let feed_forward = match preset.feed_forward {
            FeedForward::Dense(_) => FeedForward::Dense(self.network()),
            FeedForward::Experts(preset) => FeedForward::Experts(self.experts(preset)),
            FeedForward::None => FeedForward::None,
        };
        let position = given(&self.position);
        Ok(ModelConfig {
            norm: self.norm,
            position: position.unwrap_or(preset.position),
            parametrization: self.parametrization,
            mixer,
            feed_forward,
            tied: self.tied,
            output_init: given(&self.output_init).unwrap_or(like.output_init),
            ..like
        })
    }

    fn attention(&self) -> Result<Attention, Problem> {
        let mut reaches = Vec::new();
        if let Some(window) = &self.window {
            let reach = match *window.get_ref() {
                GivenWindow::Full => Reach::All,
                GivenWindow::Tokens(tokens) => Reach::Window(tokens),
            };
            reaches.push((window.span(), reach));
        }
        if let Some(strided) = &self.strided {
            reaches.push((strided.span(), Reach::Strided(*strided.get_ref())));
        }
        if let Some(fixed) = &self.fixed {
            let GivenFixed { block, columns } = *fixed.get_ref();
            reaches.push((fixed.span(), Reach::Fixed { block, columns }));
        }
        let reach = match reaches.as_slice() {
            [] => Reach::All,
            [(_, reach)] => *reach,
            [_, (span, _), ..] => {
                let message = "a local layer attends in one way, and two are given";
                return Err(Problem::new(span.clone(), message)
                    .hint("keep one of window, strided and fixed"));
            }
        };
        let is_full = self.window.as_ref().is_some_and(|w| *w.get_ref() == GivenWindow::Full);
        let pattern = given(&self.pattern);
        Ok(Attention {
            kv_heads: given(&self.kv_heads),
            qk_norm: given(&self.qk_norm) == Some(true),
            reach,
            // One of several windows may be full; no layer is then local.
            pattern: pattern.filter(|_| !is_full),
        })
    }

    fn attention_free(&self, preset: Aft) -> Aft {
        match (preset, given(&self.window)) {
            (Aft::Local { .. }, Some(GivenWindow::Full)) => Aft::Full,
            (Aft::Local { .. }, Some(GivenWindow::Tokens(window))) => Aft::Local { window },
            (preset, _) => preset,
        }
    }

    fn linear(&self, preset: Linear) -> Linear {
        let linear = given(&self.linear).unwrap_or_default();
        Linear {
            chunk: given(&linear.chunk).unwrap_or(preset.chunk),
            delta: given(&linear.delta).unwrap_or(preset.delta),
        }
    }

    fn network(&self) -> Dense {
        Dense {
            activation: given(&self.activation).unwrap_or_default(),
            ratio: self.ffn_ratio.as_ref().map(|ratio| ratio.get_ref().0),
        }
    }

    fn experts(&self, preset: Experts) -> Experts {
        let moe = given(&self.moe).unwrap_or_default();
        let active = given(&moe.active).unwrap_or(preset.active);
        let rule = if active == 1 { Gate::Plain } else { preset.gate };
        Experts {
            experts: given(&moe.experts).unwrap_or(preset.experts),
            active,
            shared: given(&moe.shared).unwrap_or(preset.shared),
            granularity: given(&moe.granularity).unwrap_or(preset.granularity),
            gate: given(&moe.gate).unwrap_or(rule),
            balance: given(&moe.balance).unwrap_or(preset.balance),
            like: self.network(),
        }
    }

    /// Width of a head, where it is given and the family has heads.
    pub(crate) fn d_head(&self) -> Option<usize> {
        let has_heads = self.family.preset().mixer.has_heads();
        given(&self.d_head).filter(|_| has_heads)
    }

    /// The model of a size that stands at `place`, otherwise like `like` and of these options, by its
    /// simplest name.
    ///
    /// # Errors
    /// Options that exclude each other, or that no model of this size can have.
    pub(crate) fn of_size(
        &self,
        like: ModelConfig,
        size: &Size,
        place: Range<usize>,
    ) -> Result<ModelConfig, Problem> {
        let like = self.model(like)?;
        if let (Some(d_head), Size::Shape(GivenShape { n_heads: Some(_), .. })) =
            (&self.d_head, size)
        {
            let message = "the size gives heads, and d_head gives them too";
            return Err(Problem::new(d_head.span(), message)
                .hint("leave the heads out of the sizes, as in \"64x4\", or drop d_head"));
        }
        let refuse = |error| self.fault(&error, place.clone());
        let shape = size.shape(&like, self.d_head()).map_err(refuse)?;
        let model = ModelConfig { shape, ..like };
        model.check().map_err(refuse)?;
        Ok(model.simplest())
    }

    /// Where a model's fault stands in the file: at the option, else at the size.
    fn fault(&self, error: &ShapeError, size: Range<usize>) -> Problem {
        let named = error.key().and_then(|key| {
            if key == "position" {
                return self.position.as_ref().map(Spanned::span);
            }
            let (table, inner) = key.split_once('.').unwrap_or((key, ""));
            let within = match table {
                "moe" => self.moe.as_ref().and_then(|moe| moe.get_ref().place(inner)),
                "linear" => self.linear.as_ref().and_then(|linear| linear.get_ref().place(inner)),
                _ => None,
            };
            if let Some(place) = within {
                return Some(place);
            }
            self.choices().into_iter().find(|choice| choice.key == table).map(|choice| choice.span)
        });
        Problem::new(named.unwrap_or(size), error.to_string()).maybe_hint(error.hint())
    }
}

/// A line of `[model]` from `key=value`, where text need not be quoted.
///
/// # Errors
/// There is no `=`.
pub fn option_line(option: &str) -> Result<String, String> {
    let Some((key, value)) = option.split_once('=') else {
        return Err(format!("`{option}` is no option: write it as KEY=VALUE"));
    };
    let (key, value) = (key.trim(), value.trim());
    let key = key.strip_prefix("model.").unwrap_or(key);
    let is_value = toml::from_str::<toml::Table>(&format!("x = {value}")).is_ok();
    Ok(match is_value {
        true => format!("{key} = {value}"),
        false => format!("{key} = {}", toml::Value::String(value.to_owned())),
    })
}

/// A model of a given shape and of options as `[model]` writes them, one a line, for a program that has no
/// sweep file.
///
/// # Errors
/// An option that is none or does not fit, with its line.
pub fn model_of(
    options: &str,
    given: GivenShape,
    vocab_size: usize,
    context: usize,
) -> Result<ModelConfig, SpecError> {
    let build = || {
        let spec: ModelSpec = toml::from_str(options).map_err(suggest::explain)?;
        check_options(std::iter::once(&spec))?;
        let smallest = Shape { d_model: 1, n_layers: 1, n_heads: 1 };
        let like = ModelConfig::transformer(smallest, vocab_size, context);
        spec.of_size(like, &Size::Shape(given), 0..0)
    };
    build().map_err(|problem: Problem| problem.in_file(Path::new("options"), options))
}

/// Refuses an option that no cell of a sweep has a use for. Where the family is an axis, cells of families
/// without an option leave it out.
pub(super) fn check_options<'a>(
    cells: impl Iterator<Item = &'a ModelSpec> + Clone,
) -> Result<(), Problem> {
    let used: HashSet<&str> = cells
        .clone()
        .flat_map(|model| {
            let preset = model.family.preset();
            let fits = move |choice: &Choice| (choice.fits)(&preset.mixer, &preset.feed_forward);
            model.choices().into_iter().filter(fits).map(|choice| choice.key)
        })
        .collect();
    let mut all = cells
        .flat_map(|model| model.choices().into_iter().map(move |choice| (model.family, choice)));
    match all.find(|(_, choice)| !used.contains(choice.key)) {
        Some((family, choice)) => Err(of_another_family(family, choice)),
        None => Ok(()),
    }
}

fn of_another_family(family: Family, Choice { key, span, fits, whose }: Choice) -> Problem {
    let has = |family: &Family| {
        let preset = family.preset();
        fits(&preset.mixer, &preset.feed_forward)
    };
    let families = Family::ALL.into_iter().filter(has);
    let families: Vec<String> = families.map(|family| format!("\"{}\"", family.name())).collect();
    let message =
        format!("`{key}` is an option of {whose}, which the family `{}` has not", family.name());
    Problem::new(span, message)
        .hint(format!("drop it, or choose family = {}", families.join(" or ")))
}
