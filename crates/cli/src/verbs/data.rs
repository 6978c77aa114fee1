//! `isoflop data`: the text that models are trained on.

use crate::fail::Hinted;
use crate::output::print;
use crate::progress::DataBar;
use crate::tables::table;
use anyhow::Result;
use clap::Subcommand;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_core::units::parse_quantity;
use isoflop_data::{
    Cached, Corpus, DEFAULT_TEST_TOKENS, Metadata, Places, Prepared, Request, prepare,
};
use isoflop_sweep::Sweep;
use isoflop_sweep::plan::{DataRequest, data_requests};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prepares text, and shows or removes what is prepared.
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
    /// The built-in corpora, and what is prepared in the cache.
    List,
    /// Documents, tokens, split, digest, overlap, reference losses and samples; prepares on first use.
    Show(Wanted),
    /// Removes prepared text from the cache.
    Rm {
        /// The start of a digest, as `data list` prints it; or `all`.
        digest: String,
    },
}

/// What text is meant.
#[derive(Debug, clap::Args)]
struct Wanted {
    /// A sweep file, a built-in corpus such as rust-docs, the start of a digest, or a path or glob of text,
    /// .jsonl, .parquet, .bin or .npy files.
    #[arg(value_name = "WHAT")]
    what: String,
    /// bytes, gpt2, cl100k, o200k, bpe:N, or a tokenizer.json.
    #[arg(long, default_value = "bytes")]
    tokenizer: String,
    /// The field of JSON lines or the column of parquet files that holds the text.
    #[arg(long, default_value = "text")]
    field: String,
    /// Cap on the test tokens scored.
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
                    "{}, {}: {}",
                    metadata.name,
                    metadata.tokenizer,
                    summary(metadata)
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
                        let bar = DataBar::new();
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
    let bar = DataBar::new();
    let request = Request {
        source: &request.source,
        options: &request.options,
        test_tokens: request.test_tokens as usize,
    };
    Ok(prepare(&request, &|progress| bar.show(progress))?)
}

impl Wanted {
    /// One for a corpus or files, several for a sweep file with axes.
    fn requests(&self) -> Result<Vec<DataRequest>> {
        let path = PathBuf::from(&self.what);
        if path.extension().is_some_and(|end| end == "toml") {
            return Ok(data_requests(&Sweep::read(&path)?)?);
        }
        let test_tokens = match &self.test_tokens {
            None => DEFAULT_TEST_TOKENS as f64,
            Some(text) => parse_quantity(text).map_err(|error| {
                Hinted::new(
                    format!("--test-tokens {text}: {error}"),
                    "write it as in 64k",
                )
            })?,
        };
        let options = DataOptions {
            tokenizer: self.tokenizer.clone(),
            ..DataOptions::default()
        };
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
        let plain = pattern.trim_end_matches(".gz").trim_end_matches(".zst");
        let field = self.field.clone();
        match Path::new(plain).extension().and_then(|end| end.to_str()) {
            Some("jsonl" | "ndjson") => DataSource::Jsonl {
                pattern,
                base,
                field,
            },
            Some("parquet") => DataSource::Parquet {
                pattern,
                base,
                column: field,
            },
            Some("bin" | "npy") => DataSource::Tokens { pattern, base },
            None if !pattern.contains(['/', '*', '?', '[']) && !Path::new(&pattern).exists() => {
                DataSource::Corpus(pattern)
            }
            _ => DataSource::Text { pattern, base },
        }
    }
}

/// The only prepared text whose digest starts so, where the name is like a digest.
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
            size(bytes)
        ))?;
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
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
                size(cached.bytes()),
            ]
        })
        .collect();
    if prepared.is_empty() {
        return Ok(format!("{built_in}\n\nnothing is prepared yet"));
    }
    let headers = [
        "digest",
        "text",
        "tokenizer",
        "train tokens",
        "scored",
        "on disk",
    ];
    Ok(format!("{built_in}\n\n{}", table(&headers, &prepared)))
}

fn describe(corpus: Corpus) -> &'static str {
    match corpus {
        Corpus::RustDocs1 => "English: Markdown and doc comments of the locked dependencies",
        Corpus::RustCode1 => "Rust without comments, of the locked dependencies",
    }
}

fn show(metadata: &Metadata, folder: &Path, samples: &[String]) -> String {
    let row = |name: &str, documents: usize, bytes: u64, tokens: usize| {
        vec![
            name.to_owned(),
            documents.to_string(),
            bytes.to_string(),
            tokens.to_string(),
            format!("{:.3}", bytes as f64 / tokens as f64),
        ]
    };
    let part =
        |name: &str, part: &isoflop_data::Part| row(name, part.documents, part.bytes, part.tokens);
    let scored = &metadata.scored;
    let rows = [
        part("train", &metadata.train),
        part("test", &metadata.test),
        row(
            "scored",
            scored.stretches,
            scored.bytes as u64,
            scored.tokens,
        ),
    ];
    let headers = ["split", "documents", "bytes", "tokens", "bytes/token"];
    let mut parts = vec![
        format!(
            "{}  digest {}  tokenizer {} ({} tokens)",
            metadata.name, metadata.digest, metadata.tokenizer, metadata.vocab_size
        ),
        table(&headers, &rows),
        losses(metadata),
        findings(metadata),
    ];
    for sample in samples {
        let start: String = sample.chars().take(160).collect();
        parts.push(format!("sample: {start:?}"));
    }
    parts.push(format!("in {}", folder.display()));
    parts.join("\n\n")
}

/// What the scored text costs without a model, and at least.
fn losses(metadata: &Metadata) -> String {
    let mut rows: Vec<Vec<String>> = metadata
        .references
        .iter()
        .map(|row| {
            vec![
                row.name.clone(),
                format!("{:.4}", row.loss.nats_per_token),
                format!("{:.4}", row.loss.bits_per_byte),
            ]
        })
        .collect();
    if let Some((rate, nats)) = metadata.entropy.zip(metadata.entropy_per_token()) {
        rows.push(vec![
            "entropy".to_owned(),
            format!("{nats:.4}"),
            format!("{:.4}", rate.bits_per_byte),
        ]);
    }
    table(&["without a model", "nats/token", "bits/byte"], &rows)
}

/// How clean the split is, a line each.
fn findings(metadata: &Metadata) -> String {
    let mut lines = vec![
        format!("split {}", split(&metadata.split)),
        overlap(metadata),
    ];
    for leak in &metadata.leaks {
        lines.push(format!(
            "  {:.0} % of {} occur in train, as in {}",
            leak.share * 100.0,
            leak.test,
            leak.train
        ));
    }
    let near = &metadata.near;
    lines.push(format!(
        "{} test documents have a near duplicate in train; {} of {} train documents compared have one",
        near.test, near.train, near.train_compared
    ));
    for pair in &near.pairs {
        lines.push(format!(
            "  {} is like {} (similarity {:.2})",
            pair.test, pair.train, pair.similarity
        ));
    }
    let dropped = &metadata.dropped;
    let counts = [
        (dropped.repeated_documents, "repeated documents"),
        (dropped.invalid_documents, "invalid documents"),
        (dropped.empty_documents, "rows without text"),
        (
            dropped.poor_documents,
            "documents out of the bounds of quality",
        ),
        (dropped.left_documents, "documents beyond the weights"),
        (dropped.unreadable_files, "unreadable files"),
        (
            dropped.unwritten_documents,
            "documents that no person wrote",
        ),
        (dropped.short_documents, "stubs"),
        (dropped.repeated_paragraphs, "repeated paragraphs"),
        (dropped.repeated_lines, "repeated lines"),
        (dropped.overlong_lines, "overlong lines"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !said.is_empty() {
        lines.push(format!("left out: {}", said.join(", ")));
    }
    lines.join("\n")
}

fn split(split: &isoflop_data::Split) -> String {
    use isoflop_data::Split;
    match split {
        Split::Family { test } => {
            format!("by families of packages, {} of them held out", test.len())
        }
        Split::Document { seed } => format!("by document, seed {seed}"),
        Split::Tail { share } => {
            format!("the last {:.0} % of each document held out", share * 100.0)
        }
        Split::Source { test } => format!("{test} is the test"),
        Split::Parts { parts } => {
            let parts: Vec<String> = parts.iter().map(self::split).collect();
            format!("of each part: {}", parts.join("; "))
        }
    }
}

fn overlap(metadata: &Metadata) -> String {
    match metadata.overlap.share() {
        Some(share) => format!(
            "{:.2} % of the test 13-grams occur in the train text",
            share * 100.0
        ),
        None => "no 13-grams of the test text were compared".to_owned(),
    }
}

/// One line on the text for reports.
pub(crate) fn summary(metadata: &Metadata) -> String {
    format!(
        "digest {}; {} of train text in {} documents, {} held out in {}, {} tokens of it scored; {}",
        metadata.digest,
        size(metadata.train.bytes),
        metadata.train.documents,
        size(metadata.test.bytes),
        metadata.test.documents,
        metadata.scored.tokens,
        overlap(metadata),
    )
}
