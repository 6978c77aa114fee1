//! Tests that the same documents give the same data from every kind of file.

use crate::workshop::{Workshop, documents, gzip, jsonl_of, with, write_parquet};
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::{Tokenizer, TrainStream};

/// The ids of every document, each with the separator before or after it.
fn ids(tokenizer: &Tokenizer, documents: &[String], before: bool) -> Vec<u32> {
    let mut ids = Vec::new();
    for document in documents {
        if before {
            ids.push(tokenizer.separator());
        }
        tokenizer.encode(document, &mut ids).unwrap();
        if !before {
            ids.push(tokenizer.separator());
        }
    }
    ids
}

fn npy(ids: &[u32], kind: &str) -> Vec<u8> {
    let header =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({},), }}\n", ids.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    match kind {
        "<u2" => bytes.extend(ids.iter().flat_map(|&id| (id as u16).to_le_bytes())),
        _ => bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes())),
    }
    bytes
}

fn llm_c(ids: &[u32], magic: i32, version: i32) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [magic, version, ids.len() as i32].iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(1024, 0);
    match version {
        1 => bytes.extend(ids.iter().flat_map(|&id| (id as u16).to_le_bytes())),
        _ => bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes())),
    }
    bytes
}

/// Sources of every kind that hold the same documents.
fn sources(
    shop: &Workshop,
    documents: &[String],
    tokenizer: &str,
) -> Vec<(&'static str, DataSource)> {
    shop.write_texts("text", documents);
    for (index, document) in documents.iter().enumerate() {
        shop.write(&format!("packed/{index:04}.txt.gz"), gzip(document.as_bytes()));
    }
    let lines = jsonl_of(documents, "body");
    let (first, second) = lines.split_at(lines.match_indices('\n').nth(9).unwrap().0 + 1);
    shop.write("lines/a.jsonl", first);
    shop.write("lines/b.jsonl.zst", zstd::bulk::compress(second.as_bytes(), 1).unwrap());
    write_parquet(&shop.path("rows/all.parquet"), "content", documents, 7);
    let mut all = vec![
        ("text", shop.text("text/*.txt")),
        ("packed text", shop.text("packed/*")),
        ("lines", shop.jsonl("lines/*", "body")),
        ("parquet", shop.parquet("rows/*.parquet", "content")),
    ];
    let known = match tokenizer {
        "bytes" => Tokenizer::bytes(),
        _ => return all,
    };
    let (after, before) = (ids(&known, documents, false), ids(&known, documents, true));
    let nano: Vec<u8> = after.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect();
    shop.write("nano.bin", nano);
    shop.write("llm.bin", llm_c(&before, 20240520, 1));
    shop.write("llama.bin", llm_c(&before, 20240801, 7));
    shop.write("two.npy", npy(&after, "<u2"));
    shop.write("four.npy", npy(&before, "<u4"));
    for name in ["nano.bin", "llm.bin", "llama.bin", "two.npy", "four.npy"] {
        all.push((name, shop.tokens(name)));
    }
    all
}

#[test]
fn the_same_documents_give_the_same_digest_from_every_kind_of_file() {
    let shop = Workshop::new();
    let documents = documents(40);
    for tokenizer in ["bytes", "gpt2", "bpe:300"] {
        let mut digests = Vec::new();
        for (kind, source) in sources(&shop, &documents, tokenizer) {
            let prepared = shop.prepare(&source, &with(tokenizer));
            let metadata = prepared.metadata();
            assert_eq!(metadata.train.documents + metadata.test.documents, 40, "{kind}");
            digests.push((kind, metadata.digest.clone()));
        }
        assert!(
            digests.iter().all(|(_, digest)| *digest == digests[0].1),
            "{tokenizer}: {digests:?}"
        );
    }
}

#[test]
fn tokens_of_a_large_vocabulary_give_the_digest_of_their_text() {
    let shop = Workshop::new();
    let documents = documents(30);
    shop.write_texts("text", &documents);
    let prepared = shop.prepare(&shop.text("text/*"), &with("gpt2"));
    // The ids of every train document must be those of the reference library.
    let mut stored = std::collections::HashMap::new();
    let train = prepared.load(&|_| {}).unwrap().train;
    let all: Vec<u32> = train.range(0..train.len()).map(|id| id as u32).collect();
    let bpe = tiktoken_rs::r50k_base_singleton();
    for ids in all.split(|&id| id == 50_256).filter(|ids| !ids.is_empty()) {
        stored.insert(bpe.decode_bytes(ids).unwrap(), ids.to_vec());
    }
    let file: Vec<u8> = documents
        .iter()
        .flat_map(|document| {
            let reference = bpe.encode_ordinary(document);
            if let Some(ids) = stored.get(document.as_bytes()) {
                assert_eq!(*ids, reference);
            }
            reference.into_iter().chain([50_256])
        })
        .flat_map(|id| (id as u16).to_le_bytes())
        .collect();
    shop.write("gpt2.bin", file);
    let of_tokens = shop.prepare(&shop.tokens("gpt2.bin"), &with("gpt2"));
    assert_eq!(of_tokens.metadata().digest, prepared.metadata().digest);
}

#[test]
fn every_byte_trains_or_is_held_out_and_windows_cover_the_stream() {
    let shop = Workshop::new();
    let documents = documents(40);
    shop.write_texts("text", &documents);
    let prepared = shop.prepare(&shop.text("text/*.txt"), &with("bytes"));
    let metadata = prepared.metadata();
    let written: usize = documents.iter().map(String::len).sum();
    assert_eq!((metadata.train.bytes + metadata.test.bytes) as usize, written);
    assert_eq!(metadata.scored.bytes as u64, metadata.test.bytes);
    assert_eq!(metadata.sources.len(), 40);
    assert_eq!(metadata.sources[0], "text/0000.txt");

    let data = prepared.load(&|_| {}).unwrap();
    let stream = TrainStream::new(data.train.clone(), 16, 0).unwrap();
    assert_eq!(stream.windows(), metadata.windows(16).unwrap());
    assert_eq!(stream.windows().count(), (data.train.len() as u64 - 1) / 16);
    let error = metadata.windows(metadata.train.tokens).unwrap_err().to_string();
    let tokens = metadata.train.tokens;
    assert_eq!(error, format!("{tokens} tokens of train text do not fill one context of {tokens}"));
}

#[test]
fn the_digest_follows_the_text_and_the_options_but_not_the_folder_or_line_ends() {
    let (unix, windows) = (Workshop::new(), Workshop::new());
    let documents = documents(12);
    unix.write_texts("a", &documents);
    let windows_documents: Vec<String> =
        documents.iter().map(|text| text.replace('\n', "\r\n")).collect();
    windows.write_texts("b", &windows_documents);
    let digest = |shop: &Workshop, pattern: &str, options: &DataOptions| {
        shop.prepare(&shop.text(pattern), options).metadata().digest.clone()
    };
    let first = digest(&unix, "a/*", &with("bytes"));
    assert_eq!(first.len(), 16);
    assert_eq!(first, digest(&windows, "b/*", &with("bytes")));
    assert_ne!(first, digest(&unix, "a/*", &DataOptions { split_seed: 1, ..with("bytes") }));
    assert_ne!(first, digest(&unix, "a/*", &with("gpt2")));
    unix.write("a/0003.txt", "something else");
    assert_ne!(first, digest(&unix, "a/*", &with("bytes")));
}

#[test]
fn a_wildcard_skips_hidden_files_and_a_name_with_its_signs_is_read() {
    let shop = Workshop::new();
    let text = "some words on a line\n".repeat(9);
    for name in ["a.txt", ".git/b.txt", ".c.txt", "a[1].md"] {
        shop.write(name, &text);
    }
    let sources = |pattern: &str| {
        shop.prepare(&shop.text(pattern), &with("bytes")).metadata().sources.clone()
    };
    assert_eq!(sources("**/*.txt"), ["a.txt"]);
    assert_eq!(sources("a[1].md"), ["a[1].md"]);
}

#[test]
fn a_file_too_large_for_one_document_is_read_in_pieces_that_end_at_lines() {
    let shop = Workshop::new();
    // The file has 40 MB, and no two lines are alike.
    let line = |n: u64| {
        format!("{n} {} {}\n", n.wrapping_mul(0x9e37_79b9), n.wrapping_mul(0x85eb_ca6b) >> 7)
    };
    let mut text = String::new();
    let mut n = 0;
    while text.len() < 40_000_000 {
        text.push_str(&line(n));
        n += 1;
    }
    shop.write("large.txt", &text);
    let prepared = shop.prepare(&shop.text("large.txt"), &with("bytes"));
    let metadata = prepared.metadata();
    assert_eq!(metadata.train.bytes + metadata.test.bytes, text.len() as u64);
    let documents = metadata.train.documents + metadata.test.documents;
    assert!((35..=40).contains(&documents), "{documents}");
    let data = prepared.load(&|_| {}).unwrap();
    let first: Vec<u8> = data.train.range(0..2_000_000).map(|id| id as u8).collect();
    let end = first.iter().position(|&byte| byte == 0).unwrap();
    assert!(end >= 1 << 20 && first[end - 1] == b'\n');
}
