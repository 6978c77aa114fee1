//! Feeds damaged files to the readers: none may panic, take long or fill memory, and what is
//! accepted must keep its promises.

#![allow(clippy::unwrap_used)]

use flate2::Compression;
use flate2::write::GzEncoder;
use isoflop_core::data::{DataOptions, DataSource, Real};
use isoflop_core::fuzz::run;
use isoflop_data::{Places, Request, fuzz, prepare_at};
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const TEXT: &str = "Some words on a line,\r\nand caf\u{e9} \u{4e16}\u{754c} on the next.\n";
const LINES: &str = "{\"id\": 1, \"text\": \"some words\"}\n{\"text\": \"caf\\u00e9\\n\", \"a\": [1, {}]}\n{\"text\": null}\n";

#[test]
fn damaged_text_files_are_read_or_refused() {
    let zstd = zstd::bulk::compress(TEXT.as_bytes(), 1).unwrap();
    let samples =
        [TEXT.as_bytes(), b"plain words\nand more\n", &gzip(TEXT.as_bytes()), &zstd, &utf16(TEXT)];
    run(1, 15_000, &samples, fuzz::text);
    run(10, 5_000, &samples, fuzz::unpacked);
}

#[test]
fn damaged_json_is_read_or_refused() {
    let objects = format!("[{}]", LINES.trim_end().replace('\n', ",\n"));
    let marked = format!("\u{feff}{LINES}");
    let samples = [
        LINES.as_bytes(),
        objects.as_bytes(),
        b"[\"some words\", \"others\", null]",
        marked.as_bytes(),
        &gzip(LINES.as_bytes()),
        &utf16(&objects),
    ];
    run(2, 20_000, &samples, fuzz::json);
}

#[test]
fn damaged_token_files_are_read_or_refused() {
    let ids = |text: &str| -> Vec<u8> {
        text.bytes().flat_map(|byte| u16::from(byte).to_le_bytes()).collect()
    };
    let body = ids("some words\0other words\0");
    let header = "{'descr': '<u2', 'fortran_order': False, 'shape': (23,), }\n";
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(&body);
    let mut llm: Vec<u8> =
        [20_240_520u32, 1, 23].iter().flat_map(|word| word.to_le_bytes()).collect();
    llm.resize(1024, 0);
    llm.extend(&body);
    run(3, 15_000, &[&body, &npy, &llm], fuzz::token_file);
}

#[test]
fn damaged_tokenizers_are_read_or_refused() {
    let words = r###"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 0, "content": "[UNK]",
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true}, "model": {"type": "WordPiece",
        "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "plain": 1, "words": 2, "##s": 3, ",": 4}}}"###;
    let bpe = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "Replace", "pattern": {"Regex": "x+"}, "content": "y"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{L}+|\\s+"},
        "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": true,
        "trim_offsets": true, "use_regex": false}]}, "post_processor": null, "decoder": {"type": "ByteLevel",
        "add_prefix_space": true, "trim_offsets": true, "use_regex": true}, "model": {"type": "BPE", "dropout": null,
        "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
        "byte_fallback": false, "vocab": {"a": 0, "b": 1, "p": 2, "l": 3, "pl": 4, "\u0120": 5}, "merges": [["p", "l"]]}}"#;
    let unigram = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "NFKC"}, "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581",
        "prepend_scheme": "always", "split": true}, "post_processor": null, "decoder": {"type": "Metaspace",
        "replacement": "\u2581", "prepend_scheme": "always", "split": true}, "model": {"type": "Unigram", "unk_id": 0,
        "vocab": [["<unk>", 0.0], ["\u2581", -2.0], ["a", -3.5], ["words", -7.25]], "byte_fallback": false}}"#;
    run(4, 8000, &[words.as_bytes(), bpe.as_bytes(), unigram.as_bytes()], fuzz::tokenizer);
}

#[test]
fn damaged_answers_of_a_hub_are_refused_or_lead_nowhere_else() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let answer = format!(
        "{{\"id\": \"me/words\", \"sha\": \"{commit}\", \"siblings\": [{{\"rfilename\": \"data/a.jsonl\"}}, \
         {{\"rfilename\": \"b/../c.txt\"}}]}}"
    );
    let good = answer.replace("b/../c.txt", "README.md");
    run(5, 20_000, &[answer.as_bytes(), good.as_bytes()], fuzz::hub_answer);
}

#[test]
fn damaged_metadata_of_the_cache_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::write(folder.path().join(name), format!("text {name} to train on\n").repeat(9))
            .unwrap();
    }
    let source = DataSource::Text { pattern: "?".to_owned(), base: folder.path().to_owned() };
    let options = DataOptions { max_overlap: Real(1.0), ..DataOptions::default() };
    let request = Request { source: &source, options: &options, test_tokens: 300 };
    let places = Places { cache: folder.path().join("cache"), sources: folder.path().to_owned() };
    let prepared = prepare_at(&request, &places, &|_| {}).unwrap();
    let sample = std::fs::read(prepared.folder().join("metadata.json")).unwrap();
    run(6, 10_000, &[&sample], fuzz::cache_metadata);
}
