//! `isoflop data`: the text that models are trained on.

use crate::output::print;
use crate::progress::DataBar;
use crate::tables::table;
use anyhow::Result;
use clap::Subcommand;
use isoflop_data::{Corpus, DEFAULT_TEST_TOKENS, DataSource, Metadata, Request, prepare};
use std::path::Path;
use std::process::ExitCode;

/// Lists the built-in corpora, or shows one of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop data show rust-docs")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The built-in corpora.
    List,
    /// Documents, tokens, split, digest and overlap of a corpus; builds it on first use.
    Show {
        /// A built-in corpus, such as rust-docs.
        corpus: String,
    },
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.verb {
        Verb::List => print(&list())?,
        Verb::Show { corpus } => print(&show(corpus)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    let rows: Vec<Vec<String>> = Corpus::ALL
        .iter()
        .map(|corpus| vec![corpus.to_string(), describe(*corpus).to_owned()])
        .collect();
    table(&["corpus", "text"], &rows)
}

fn describe(corpus: Corpus) -> &'static str {
    match corpus {
        Corpus::RustDocs1 => "English: Markdown and doc comments of the locked dependencies",
        Corpus::RustCode1 => "Rust without comments, of the locked dependencies",
    }
}

fn show(name: &str) -> Result<String> {
    let source = DataSource::Corpus(name.parse()?);
    let request = Request {
        source: &source,
        base_dir: Path::new(""),
        test_tokens: DEFAULT_TEST_TOKENS,
    };
    let bar = DataBar::new();
    let prepared = prepare(&request, &|progress| bar.show(progress))?;
    let metadata = prepared.metadata();
    let part = |name: &str, part: &isoflop_data::Part| {
        vec![
            name.to_owned(),
            part.documents.to_string(),
            part.bytes.to_string(),
            part.tokens.to_string(),
        ]
    };
    let scored = &metadata.scored;
    let rows = vec![
        part("train", &metadata.train),
        part("test", &metadata.test),
        vec![
            "scored".to_owned(),
            scored.stretches.to_string(),
            scored.bytes.to_string(),
            scored.tokens.to_string(),
        ],
    ];
    Ok(format!(
        "{}  digest {}  tokenizer {} ({} tokens)\n\n{}\n\n{}",
        metadata.name,
        metadata.digest,
        metadata.tokenizer,
        metadata.vocab_size,
        table(&["split", "documents", "bytes", "tokens"], &rows),
        summary(metadata),
    ))
}

/// One line on the text for reports.
pub(crate) fn summary(metadata: &Metadata) -> String {
    let overlap = match metadata.overlap.share() {
        Some(share) => format!(
            "{:.2} % of the test 13-grams occur in the train text",
            share * 100.0
        ),
        None => "the test text is too short for 13-grams".to_owned(),
    };
    format!(
        "digest {}; {:.1} MB of train text in {} documents, {:.1} MB held out in {}, {} tokens of it scored; {overlap}",
        metadata.digest,
        metadata.train.bytes as f64 / 1e6,
        metadata.train.documents,
        metadata.test.bytes as f64 / 1e6,
        metadata.test.documents,
        metadata.scored.tokens,
    )
}
