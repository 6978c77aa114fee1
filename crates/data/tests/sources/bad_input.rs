//! Tests that unreadable input is refused, with its place and a way out.

use crate::workshop::{Workshop, documents, gzip, jsonl_of, with, write_parquet};
use isoflop_core::data::{DataOptions, DataSource, Invalid, Language, Real};

#[test]
fn files_that_are_no_text_are_refused_with_the_place() {
    let shop = Workshop::new();
    let refusal = |content: &[u8], pattern: &str| {
        shop.write("a.txt", content);
        shop.refusal(&shop.text(pattern), &DataOptions::default())
    };
    assert_eq!(refusal(b"", "a.txt").0, "a.txt is empty");
    assert_eq!(refusal(b" \n", "*.txt").0, "a.txt is empty");
    let (message, hint) = refusal(b"caf\xe9 au lait", "a.txt");
    assert_eq!(message, "a.txt is not UTF-8 at byte 3");
    assert!(hint.starts_with("convert it to UTF-8, as in `iconv -f latin1 -t utf-8`"));
    let (message, hint) = refusal(b"ab\0c", "a.txt");
    assert_eq!(message, "a.txt has a NUL at byte 2");
    assert!(hint.contains("data.invalid = \"replace\""), "{hint}");
    let (message, hint) = refusal(b"a", "a.txt");
    assert_eq!(message, "1 bytes of text leave nothing to hold out for the test");
    assert_eq!(hint, "give it more text");
}

#[test]
fn a_test_larger_than_the_text_is_refused() {
    let shop = Workshop::new();
    shop.write("a.txt", "some words to train on\n".repeat(40));
    let error = shop.try_scored(&shop.text("a.txt"), &with("bytes"), 5000);
    let error = error.unwrap_err();
    assert_eq!(error.to_string(), "test_tokens = 5000 is more than the 920 bytes of text in all");
    assert!(error.hint().unwrap().starts_with("ask for less"));
}

#[test]
fn patterns_without_files_are_refused() {
    let shop = Workshop::new();
    shop.write("text/a.txt", "a");
    let refusal = |pattern: &str| shop.refusal(&shop.text(pattern), &DataOptions::default());
    let (message, hint) = refusal("*.txt");
    assert!(message.starts_with("no file matches `*.txt`, looked for from "), "{message}");
    assert_eq!(hint, "paths and globs are relative to the sweep file");
    let (message, hint) = refusal("text");
    assert_eq!(message, "`text` is a folder");
    assert_eq!(hint, "name its files, as in \"text/**/*.txt\"");
    assert_eq!(refusal("a[.txt").0, "`a[.txt` is not a glob: invalid range pattern");
}

#[test]
fn a_missing_field_or_column_and_one_of_another_type_are_named() {
    let shop = Workshop::new();
    let documents = documents(12);
    shop.write("a.jsonl", jsonl_of(&documents, "body"));
    write_parquet(&shop.path("a.parquet"), "body", &documents, 5);
    let options = DataOptions::default();
    let (message, hint) = shop.refusal(&shop.jsonl("a.jsonl", "text"), &options);
    assert_eq!(message, "a.jsonl:1: no field `text`; it has body, id");
    assert!(hint.starts_with("data.field names the key"), "{hint}");
    let (message, _) = shop.refusal(&shop.jsonl("a.jsonl", "id"), &options);
    assert_eq!(message, "a.jsonl:1: `id` is a number, not a text");
    let (message, hint) = shop.refusal(&shop.parquet("a.parquet", "text"), &options);
    assert_eq!(message, "a.parquet: no column `text`; it has id, body");
    assert!(hint.starts_with("data.column names the column"), "{hint}");
    let (message, _) = shop.refusal(&shop.parquet("a.parquet", "id"), &options);
    assert_eq!(message, "a.parquet: column `id` holds numbers, not text");
    shop.write("b.parquet", "no parquet at all");
    let (message, hint) = shop.refusal(&shop.parquet("b.parquet", "id"), &options);
    assert_eq!(message, "b.parquet: not readable as parquet: it does not begin with PAR1");
    assert!(hint.contains("cut off"), "{hint}");
    shop.write("b.jsonl", "{\"text\": \"a\"}\n{\"text\": \n");
    let (message, _) = shop.refusal(&shop.jsonl("b.jsonl", "text"), &options);
    assert!(message.starts_with("b.jsonl:2: not JSON: "), "{message}");
}

#[test]
fn a_packed_file_that_is_cut_off_is_named() {
    let shop = Workshop::new();
    let lines = jsonl_of(&documents(200), "text");
    let packed = gzip(lines.as_bytes());
    shop.write("a.jsonl.gz", &packed[..packed.len() / 2]);
    let (message, hint) = shop.refusal(&shop.jsonl("a.jsonl.gz", "text"), &DataOptions::default());
    assert!(message.starts_with("cannot unpack a.jsonl.gz: "), "{message}");
    assert_eq!(hint, "is it cut off? compare its length with the original's");
    let packed = zstd::bulk::compress(lines.as_bytes(), 1).unwrap();
    shop.write("a.jsonl.zst", &packed[..packed.len() - 9]);
    let (message, _) = shop.refusal(&shop.jsonl("a.jsonl.zst", "text"), &DataOptions::default());
    assert!(message.starts_with("cannot unpack a.jsonl.zst: "), "{message}");
}

#[test]
fn a_token_file_of_another_tokenizer_is_found_out() {
    let shop = Workshop::new();
    let write = |name: &str, ids: &[u32]| {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect();
        shop.write(name, bytes);
    };
    write("large.bin", &[72, 300, 0]);
    let (message, hint) = shop.refusal(&shop.tokens("large.bin"), &with("bytes"));
    assert_eq!(message, "large.bin: id 300 at 1 lies beyond the 256 tokens of bytes");
    assert_eq!(hint, "data.tokenizer names the tokenizer that made the file");
    // Arbitrary bytes read as ids of GPT-2 decode to a text that takes far fewer tokens.
    let text: Vec<u32> =
        "the same words again and again ".repeat(20).bytes().map(u32::from).collect();
    write("bytes.bin", &text);
    let (message, _) = shop.refusal(&shop.tokens("bytes.bin"), &with("gpt2"));
    assert!(message.starts_with("bytes.bin: the ids of document 1 "), "{message}");
    assert!(message.ends_with("they are not those of gpt2"), "{message}");
    shop.write("odd.bin", "abc");
    let (message, _) = shop.refusal(&shop.tokens("odd.bin"), &with("gpt2"));
    assert!(message.starts_with("odd.bin holds no token ids: an odd number of bytes"), "{message}");
    shop.write("none.bin", "");
    assert_eq!(shop.refusal(&shop.tokens("none.bin"), &with("gpt2")).0, "none.bin is empty");
    let (message, _) = shop.refusal(&shop.tokens("bytes.bin"), &with("bpe:300"));
    assert_eq!(message, "a vocabulary cannot be learnt from token files");
}

#[test]
fn tokenizers_that_are_none_are_refused() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(12));
    let refusal = |name: &str| shop.refusal(&shop.text("text/*"), &with(name));
    let (message, hint) = refusal("gpt3");
    assert_eq!(message, "no tokenizer is called `gpt3`");
    assert!(hint.starts_with("known are bytes, gpt2, cl100k, o200k, bpe:N"), "{hint}");
    assert_eq!(refusal("bpe:x").0, "no tokenizer is called `bpe:x`");
    assert_eq!(refusal("bpe:100").0, "a vocabulary of 100 tokens cannot be learnt");
    let path = shop.path("tokenizer.json");
    let name = path.to_string_lossy().into_owned();
    assert!(refusal(&name).0.starts_with("cannot read tokenizer.json: "));
    shop.write("tokenizer.json", "{}");
    assert!(refusal(&name).0.starts_with("tokenizer.json is no tokenizer: "));
}

#[test]
fn invalid_text_can_be_replaced_or_dropped() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(20));
    shop.write("text/bad.txt", b"caf\xe9 and more\n");
    shop.write("text/nul.txt", b"one\0two and more\n");
    let prepared = |invalid, tokenizer| {
        let options = DataOptions { invalid, ..with(tokenizer) };
        shop.prepare(&shop.text("text/*"), &options)
    };
    let dropped = prepared(Invalid::Drop, "bytes");
    assert_eq!(dropped.metadata().dropped.invalid_documents, 2);
    let replaced = prepared(Invalid::Replace, "bytes");
    let metadata = replaced.metadata();
    assert_eq!(metadata.train.documents + metadata.test.documents, 22);
    // A NUL is ordinary text to a tokenizer that has another separator.
    let kept = prepared(Invalid::Drop, "gpt2");
    assert_eq!(kept.metadata().dropped.invalid_documents, 1);
}

#[test]
fn numbers_that_do_not_fit_the_text_are_refused() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(20));
    let source = shop.text("text/*");
    let subset = DataOptions { unique_tokens: Some(1 << 40), ..with("bytes") };
    let (message, hint) = shop.refusal(&source, &subset);
    assert!(
        message.starts_with("unique_tokens = 1099511627776, and the train split has "),
        "{message}"
    );
    assert!(hint.starts_with("ask for "), "{hint}");
    let strict = DataOptions {
        quality: isoflop_core::data::Quality { min_bytes: Some(1 << 30), ..Default::default() },
        ..with("bytes")
    };
    let (message, _) = shop.refusal(&source, &strict);
    assert!(message.starts_with("no document is left to train on; "), "{message}");
    let language = DataSource::Synthetic(Language::Patterns {
        patterns: 1,
        exponent: Real(1.0),
        length: 8,
        bytes: 1000,
        seed: 0,
    });
    assert!(
        shop.refusal(&language, &with("bytes")).0.starts_with("no such language: patterns = 1 ")
    );
    let own = DataOptions { test: Some("text/*".to_owned()), ..with("bytes") };
    let corpus = DataSource::Corpus("rust-docs".to_owned());
    assert_eq!(shop.refusal(&corpus, &own).0, "rust-docs has its own test");
    let unknown = DataSource::Corpus("rust-doc".to_owned());
    assert_eq!(shop.refusal(&unknown, &with("bytes")).0, "no corpus is called `rust-doc`");
}
