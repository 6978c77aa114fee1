//! Turns `[data]` into a request for data.

use super::DataRequest;
use super::whole::whole;
use crate::error::Problem;
use crate::spec::{DataSpec, LanguageSpec, PartSpec, Quantity, Sweep, Unique};
use isoflop_core::data::{DataOptions, DataSource, Language, Real, Share};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// Default cap on the scored test text, in bytes of text and separators.
const TEST_TOKENS: u64 = 1 << 18;

/// Default size of the text of a synthetic language, in bytes.
const LANGUAGE_BYTES: u64 = 32_000_000;

/// Requests of all cells of a sweep, each distinct one once.
pub(super) fn requests(sweep: &Sweep) -> Result<Vec<DataRequest>, Problem> {
    let mut requests: Vec<DataRequest> = Vec::new();
    for cell in sweep.cells() {
        let request = request(&cell.spec.data, sweep.path())?;
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    Ok(requests)
}

/// The request that a `[data]` table makes.
pub(super) fn request(data: &DataSpec, sweep_file: &Path) -> Result<DataRequest, Problem> {
    let base = sweep_file.parent().unwrap_or(Path::new(""));
    let context = *data.context.get_ref();
    if context == 0 {
        return Err(
            Problem::new(data.context.span(), "a context of 0 tokens").hint("128 is the default")
        );
    }
    let test_tokens = match &data.test_tokens {
        Some(given) => whole(given, "test tokens")?,
        None => TEST_TOKENS,
    };
    let unique_tokens = match &data.unique_tokens {
        None => None,
        Some(given) => match given.get_ref() {
            Unique::All => None,
            Unique::Tokens(tokens) => {
                Some(whole(&Spanned::new(given.span(), tokens.clone()), "tokens")?)
            }
        },
    };
    let share = |given: &Option<Spanned<f64>>, most: f64, what: &str| match given {
        Some(given) if !(*given.get_ref() > 0.0 && *given.get_ref() <= most) => {
            Err(Problem::new(given.span(), format!("{} is no {what}", given.get_ref()))
                .hint(format!("give a number above 0 and up to {most}")))
        }
        given => Ok(given.as_ref().map(|given| Real(*given.get_ref()))),
    };
    let options = DataOptions {
        tokenizer: tokenizer(&data.tokenizer, base)?,
        test_fraction: share(&data.test_fraction, 0.5, "share of the text to hold out")?,
        test: data.test.as_ref().map(|test| test.get_ref().clone()),
        split_seed: data.split_seed,
        max_overlap: share(&data.max_overlap, 1.0, "share of 13-grams")?
            .unwrap_or(Real(DataOptions::MAX_OVERLAP)),
        unique_tokens,
        quality: data.quality.0.clone(),
        invalid: data.invalid,
    };
    Ok(DataRequest { source: source(data, base)?, options, context, test_tokens })
}

/// Span of the source's key in the file.
pub(super) fn span(data: &DataSpec) -> Range<usize> {
    let keys = Keys::of(data);
    keys.named().first().map_or(0..0, |(_, span)| span.clone())
}

fn tokenizer(given: &Spanned<String>, base: &Path) -> Result<String, Problem> {
    let name = given.get_ref();
    if !DataOptions::knows_tokenizer(name) {
        return Err(
            Problem::new(given.span(), format!("no tokenizer is called `{name}`")).hint(
                "known are bytes, gpt2, cl100k, o200k, bpe:N (learnt from the train text, as bpe:4096), and the path of a tokenizer.json",
            ),
        );
    }
    Ok(match name.ends_with(".json") {
        true => base.join(name).to_string_lossy().into_owned(),
        false => name.clone(),
    })
}

fn source(data: &DataSpec, base: &Path) -> Result<DataSource, Problem> {
    let keys = Keys::of(data);
    let Some(mixture) = &data.mixture else {
        return keys.source(base, "[data]", None);
    };
    if let [(other, span), _, ..] = &keys.named()[..] {
        return Err(two(span.clone(), "[data]", "mixture", other));
    }
    let parts = mixture.get_ref();
    if parts.len() < 2 {
        return Err(Problem::new(mixture.span(), "a mixture of fewer than two parts")
            .hint("mixture = [{ weight = 0.7, corpus = \"rust-docs\" }, { weight = 0.3, text = \"notes/*.md\" }]"));
    }
    let shares = parts.iter().map(|part| {
        let weight = *part.get_ref().weight.get_ref();
        if !(weight > 0.0 && weight.is_finite()) {
            let message = format!("a weight of {weight}");
            return Err(
                Problem::new(part.get_ref().weight.span(), message).hint("give a number above 0")
            );
        }
        Ok(Share {
            weight: Real(weight),
            source: Keys::of_part(part.get_ref()).source(
                base,
                "a part of the mixture",
                Some(part.span()),
            )?,
        })
    });
    Ok(DataSource::Mixture(shares.collect::<Result<_, _>>()?))
}

fn two(span: Range<usize>, place: &str, one: &str, other: &str) -> Problem {
    Problem::new(span, format!("{place} has both `{one}` and `{other}`")).hint("keep one")
}

/// Keys that name a source, in `[data]` or in a part of a mixture.
struct Keys<'s> {
    texts: [(&'static str, &'s Option<Spanned<String>>); 6],
    synthetic: &'s Option<Spanned<LanguageSpec>>,
    mixture: Option<Range<usize>>,
    field: &'s Option<Spanned<String>>,
    column: &'s Option<Spanned<String>>,
    files: &'s Option<Spanned<String>>,
}

impl<'s> Keys<'s> {
    fn of(data: &'s DataSpec) -> Self {
        Keys {
            texts: [
                ("corpus", &data.corpus),
                ("text", &data.text),
                ("jsonl", &data.jsonl),
                ("parquet", &data.parquet),
                ("tokens", &data.tokens),
                ("hf", &data.hf),
            ],
            synthetic: &data.synthetic,
            mixture: data.mixture.as_ref().map(Spanned::span),
            field: &data.field,
            column: &data.column,
            files: &data.files,
        }
    }

    fn of_part(part: &'s PartSpec) -> Self {
        Keys {
            texts: [
                ("corpus", &part.corpus),
                ("text", &part.text),
                ("jsonl", &part.jsonl),
                ("parquet", &part.parquet),
                ("tokens", &part.tokens),
                ("hf", &part.hf),
            ],
            synthetic: &part.synthetic,
            mixture: None,
            field: &part.field,
            column: &part.column,
            files: &part.files,
        }
    }

    /// Names of the source keys that are present, with their spans.
    fn named(&self) -> Vec<(&'static str, Range<usize>)> {
        let texts = self.texts.iter();
        let mut named: Vec<_> =
            texts.filter_map(|(key, value)| Some((*key, value.as_ref()?.span()))).collect();
        named.extend(self.synthetic.as_ref().map(|given| ("synthetic", given.span())));
        named.extend(self.mixture.clone().map(|span| ("mixture", span)));
        named
    }

    fn source(
        &self,
        base: &Path,
        place: &str,
        span: Option<Range<usize>>,
    ) -> Result<DataSource, Problem> {
        let key = match &self.named()[..] {
            [(key, _)] => *key,
            [] => {
                return Err(Problem {
                    span,
                    message: format!("{place} names no text"),
                    hint: None,
                }
                .hint("give corpus = \"rust-docs\", or one of text, jsonl, parquet, tokens, hf, synthetic, mixture"));
            }
            [(one, _), (other, span), ..] => return Err(two(span.clone(), place, one, other)),
        };
        let base = base.to_owned();
        let text = self.texts.iter().find(|(known, _)| *known == key);
        let pattern = text.and_then(|(_, value)| value.as_ref());
        let pattern = pattern.map_or_else(String::new, |value| value.get_ref().clone());
        let or_text = |given: &Option<Spanned<String>>| {
            given.as_ref().map_or("text".to_owned(), |given| given.get_ref().clone())
        };
        Ok(match key {
            "corpus" => DataSource::Corpus(pattern),
            "text" => DataSource::Text { pattern, base },
            "jsonl" => DataSource::Jsonl { pattern, base, field: or_text(self.field) },
            "parquet" => DataSource::Parquet { pattern, base, column: or_text(self.column) },
            "tokens" => DataSource::Tokens { pattern, base },
            "hf" => {
                let (dataset, revision) = pattern.split_once('@').unwrap_or((&pattern, "main"));
                let field = match self.field {
                    Some(_) => self.field,
                    None => self.column,
                };
                DataSource::Hub {
                    dataset: dataset.to_owned(),
                    revision: revision.to_owned(),
                    files: self
                        .files
                        .as_ref()
                        .map_or("**/*.parquet".to_owned(), |files| files.get_ref().clone()),
                    field: or_text(field),
                }
            }
            _ => DataSource::Synthetic(language(self.synthetic.as_ref())?),
        })
    }
}

fn language(given: Option<&Spanned<LanguageSpec>>) -> Result<Language, Problem> {
    let given = given.expect("the only key that is left");
    let span = given.span();
    let number = |quantity: &Option<Quantity>, what: &str, default: u64| match quantity {
        Some(quantity) => whole(&Spanned::new(span.clone(), quantity.clone()), what),
        None => Ok(default),
    };
    Ok(match given.get_ref() {
        LanguageSpec::Patterns { patterns, exponent, length, bytes, seed } => Language::Patterns {
            patterns: number(patterns, "strings", 1 << 16)?,
            exponent: exponent.unwrap_or(Real(0.5)),
            length: length.unwrap_or(16),
            bytes: number(bytes, "bytes", LANGUAGE_BYTES)?,
            seed: *seed,
        },
        LanguageSpec::Markov { symbols, order, branching, bytes, seed } => Language::Markov {
            symbols: symbols.unwrap_or(32),
            order: order.unwrap_or(1),
            branching: branching.unwrap_or(8),
            bytes: number(bytes, "bytes", LANGUAGE_BYTES)?,
            seed: *seed,
        },
        LanguageSpec::Walk { nodes, degree, exponent, bytes, seed } => Language::Walk {
            nodes: number(nodes, "nodes", 1 << 10)?,
            degree: degree.unwrap_or(8),
            exponent: *exponent,
            bytes: number(bytes, "bytes", LANGUAGE_BYTES)?,
            seed: *seed,
        },
        LanguageSpec::Grammar { symbols, levels, copy, bytes, seed } => Language::Grammar {
            symbols: symbols.unwrap_or(11),
            levels: levels.unwrap_or(6),
            copy: copy.unwrap_or(Real(0.75)),
            bytes: number(bytes, "bytes", LANGUAGE_BYTES)?,
            seed: *seed,
        },
    })
}
