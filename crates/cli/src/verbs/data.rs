//! `isoflop data`: the text that models are trained on.

mod show;

use crate::fail::Hinted;
use crate::output::{note, print};
use crate::progress::DataBar;
use crate::tables::table;
use anyhow::Result;
use clap::Subcommand;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_core::units::parse_quantity;
use isoflop_data::{
    Cached, Corpus, DEFAULT_TEST_TOKENS, Ending, Metadata, Places, Prepared, Request, prepare,
};
use isoflop_lab::words;
use isoflop_sweep::Sweep;
use isoflop_sweep::plan::{DataRequest, data_requests};
use show::{overlap, show};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prepares text, and shows or removes prepared text.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isoflop data build sweeps/quickstart.toml\n  isoflop data show rust-docs\n  isoflop data show 'notes/*.md' --tokenizer gpt2\n  isoflop data rm af5def66"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Prepares the text of a sweep file, a corpus or files, and prints a line for each.
    Build(Wanted),
    /// Lists the built-in corpora, and the text that is prepared in the cache.
    List,
    /// Shows documents, tokens, split, digest, overlap, reference losses and samples of a text,
    /// which is prepared first if needed.
    Show(Wanted),
    /// Removes prepared text from the cache.
    Rm {
        /// Start of a digest, as `data list` prints it; or `all`.
        digest: String,
    },
}

/// Arguments that name a text.
#[derive(Debug, clap::Args)]
struct Wanted {
    /// Sweep file, built-in corpus such as rust-docs, start of a digest, or a path or glob of text,
    /// .jsonl, .json, .parquet, .bin or .npy files.
    #[arg(value_name = "WHAT")]
    what: String,
    /// Tokenizer: bytes, gpt2, cl100k, o200k, bpe:N, or a tokenizer.json.
    #[arg(long, default_value = "bytes")]
    tokenizer: String,
    /// Field of JSON lines, or column of parquet files, that holds the text.
    #[arg(long, default_value = "text")]
    field: String,
    /// Cap on the test tokens that are scored.
    #[arg(long, value_name = "N")]
    test_tokens: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.verb {
        Verb::Build(wanted) => {
            for request in wanted.requests()? {
                let prepared = prepared(&request)?;
                let metadata = prepared.metadata();
                print(&format!(
                    "{}, {}: {}; {}",
                    metadata.name,
                    metadata.tokenizer,
                    summary(metadata),
                    overlap(metadata)
                ))?;
            }
        }
        Verb::List => print(&list()?)?,
        Verb::Show(wanted) => {
            let mut shown = Vec::new();
            match cached(&wanted.what)? {
                Some(found) => shown.push(show(found.metadata(), found.folder(), &[])),
                None => {
                    for request in wanted.requests()? {
                        let prepared = prepared(&request)?;
                        let bar = DataBar::default();
                        let samples = prepared.samples(3, &|progress| bar.show(progress))?;
                        shown.push(show(prepared.metadata(), prepared.folder(), &samples));
                    }
                }
            }
            print(&shown.join("\n\n"))?;
        }
        Verb::Rm { digest } => remove(digest)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn prepared(request: &DataRequest) -> Result<Prepared> {
    let bar = DataBar::default();
    let request = Request {
        source: &request.source,
        options: &request.options,
        test_tokens: request.test_tokens as usize,
    };
    let prepared = prepare(&request, &|progress| bar.show(progress))?;
    if let Some(said) = prepared.note() {
        note(&format!("note: {said}"));
    }
    Ok(prepared)
}

impl Wanted {
    /// Requests for the text: one for a corpus or files, several for a sweep file with axes.
    fn requests(&self) -> Result<Vec<DataRequest>> {
        let path = PathBuf::from(&self.what);
        if path.extension().is_some_and(|end| end == "toml") {
            return Ok(data_requests(&Sweep::read(&path)?)?);
        }
        let test_tokens = match &self.test_tokens {
            None => DEFAULT_TEST_TOKENS as f64,
            Some(text) => parse_quantity(text).map_err(|error| {
                Hinted::new(format!("--test-tokens {text}: {error}"), "write it as in 64k")
            })?,
        };
        let options = DataOptions { tokenizer: self.tokenizer.clone(), ..DataOptions::default() };
        Ok(vec![DataRequest {
            source: self.source(),
            options,
            context: 1,
            test_tokens: test_tokens as u64,
        }])
    }

    fn source(&self) -> DataSource {
        let pattern = self.what.clone();
        let base = PathBuf::new();
        let field = self.field.clone();
        match Ending::of(&pattern) {
            Ending::Json => DataSource::Jsonl { pattern, base, field },
            Ending::Parquet => DataSource::Parquet { pattern, base, column: field },
            Ending::Tokens => DataSource::Tokens { pattern, base },
            Ending::None
                if !pattern.contains(['/', '*', '?', '[']) && !Path::new(&pattern).exists() =>
            {
                DataSource::Corpus(pattern)
            }
            _ => DataSource::Text { pattern, base },
        }
    }
}

/// The prepared text whose digest starts with `start`; `None` if `start` does not look like a
/// digest.
fn cached(start: &str) -> Result<Option<Cached>> {
    if start.len() < 4 || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let mut found = Cached::all(&Places::of_this_machine()?);
    found.retain(|cached| cached.metadata().digest.starts_with(start));
    Ok(found.into_iter().next())
}

fn remove(start: &str) -> Result<()> {
    let all = Cached::all(&Places::of_this_machine()?);
    let meant: Vec<&Cached> = all
        .iter()
        .filter(|cached| start == "all" || cached.metadata().digest.starts_with(start))
        .collect();
    if meant.is_empty() || start.is_empty() {
        return Err(Hinted::new(
            format!("no prepared text has a digest that starts with `{start}`"),
            "`isoflop data list` prints them",
        )
        .into());
    }
    for cached in meant {
        let bytes = cached.bytes();
        cached.remove()?;
        print(&format!(
            "{} {}: {} freed",
            cached.metadata().digest,
            cached.metadata().name,
            words::bytes(bytes)
        ))?;
    }
    Ok(())
}

fn list() -> Result<String> {
    let rows: Vec<Vec<String>> = Corpus::ALL
        .iter()
        .map(|corpus| vec![corpus.to_string(), describe(*corpus).to_owned()])
        .collect();
    let built_in = table(&["corpus", "text"], &rows);
    let prepared: Vec<Vec<String>> = Cached::all(&Places::of_this_machine()?)
        .iter()
        .map(|cached| {
            let metadata = cached.metadata();
            vec![
                metadata.digest.clone(),
                metadata.name.clone(),
                metadata.tokenizer.clone(),
                metadata.train.tokens.to_string(),
                metadata.scored.tokens.to_string(),
                words::bytes(cached.bytes()),
            ]
        })
        .collect();
    if prepared.is_empty() {
        return Ok(format!("{built_in}\n\nnothing is prepared yet"));
    }
    let headers = ["digest", "text", "tokenizer", "train tokens", "scored", "on disk"];
    Ok(format!("{built_in}\n\n{}", table(&headers, &prepared)))
}

fn describe(corpus: Corpus) -> &'static str {
    match corpus {
        Corpus::RustDocs1 => "English: Markdown and doc comments of the locked dependencies",
        Corpus::RustCode1 => "Rust without comments, of the locked dependencies",
    }
}

/// A text in one line.
fn summary(metadata: &Metadata) -> String {
    format!(
        "digest {}; {} of train text in {} documents, {} held out in {}, {} tokens of it scored",
        metadata.digest,
        words::bytes(metadata.train.bytes),
        metadata.train.documents,
        words::bytes(metadata.test.bytes),
        metadata.test.documents,
        metadata.scored.tokens,
    )
}
