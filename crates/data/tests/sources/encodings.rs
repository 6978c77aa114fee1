//! Tests of files as users have them: compressed, in other encodings, or as JSON arrays.

use crate::workshop::{Workshop, documents, gzip, jsonl_of, with, write_parquet_of};
use isoflop_core::data::{DataOptions, DataSource};

fn digest(shop: &Workshop, source: &DataSource) -> String {
    let prepared = shop.prepare(source, &with("bytes"));
    prepared.metadata().digest.clone()
}

#[test]
fn the_same_text_gives_the_same_digest_in_any_encoding_and_packing() {
    let shop = Workshop::new();
    let documents = documents(20);
    shop.write_texts("plain", &documents);
    let expected = digest(&shop, &shop.text("plain/*"));
    for (index, document) in documents.iter().enumerate() {
        let marked = format!("\u{feff}{document}");
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        shop.write(&format!("utf8/{index:04}.txt"), &marked);
        shop.write(&format!("little/{index:04}.txt"), &little);
        shop.write(&format!("big/{index:04}.txt"), big);
        shop.write(&format!("upper/{index:04}.txt.GZ"), gzip(document.as_bytes()));
        shop.write(&format!("misnamed/{index:04}.txt"), gzip(&little));
        shop.write(&format!("unpacked/{index:04}.txt.gz"), document);
    }
    for folder in ["utf8", "little", "big", "upper", "misnamed", "unpacked"] {
        assert_eq!(digest(&shop, &shop.text(&format!("{folder}/*"))), expected, "{folder}");
    }
    // UTF-16 of mostly Latin letters is recognised without a byte order mark.
    let latin = "plain words on a line, and more of them\n".repeat(30);
    shop.write("latin.txt", &latin);
    let units: Vec<u8> = latin.encode_utf16().flat_map(u16::to_be_bytes).collect();
    shop.write("latin16.txt", units);
    assert_eq!(digest(&shop, &shop.text("latin16.txt")), digest(&shop, &shop.text("latin.txt")));
}

#[test]
fn json_lines_with_a_mark_and_arrays_of_objects_or_texts_are_read() {
    let shop = Workshop::new();
    let documents = documents(20);
    let lines = jsonl_of(&documents, "text");
    shop.write("plain.jsonl", &lines);
    let expected = digest(&shop, &shop.jsonl("plain.jsonl", "text"));
    let objects: Vec<_> =
        documents.iter().map(|text| serde_json::json!({ "id": [1], "text": text })).collect();
    shop.write("mark.jsonl", format!("\u{feff}{lines}"));
    shop.write("objects.json", serde_json::to_string(&objects).unwrap());
    shop.write(
        "pretty.json",
        format!("\u{feff}\n{}", serde_json::to_string_pretty(&objects).unwrap()),
    );
    shop.write("texts.json.gz", gzip(serde_json::to_string(&documents).unwrap().as_bytes()));
    let (first, second) = lines.split_at(lines.match_indices('\n').nth(9).unwrap().0 + 1);
    shop.write("joined.jsonl", format!("\u{feff}{first}\u{feff}{second}"));
    let units: Vec<u8> =
        format!("\u{feff}{lines}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    shop.write("utf16.jsonl", units);
    for name in [
        "mark.jsonl",
        "objects.json",
        "pretty.json",
        "texts.json.gz",
        "joined.jsonl",
        "utf16.jsonl",
    ] {
        assert_eq!(digest(&shop, &shop.jsonl(name, "text")), expected, "{name}");
    }
}

#[test]
fn an_array_with_something_else_in_it_is_refused_with_its_line() {
    let shop = Workshop::new();
    let refusal = |content: &str| {
        shop.write("a.json", content);
        shop.refusal(&shop.jsonl("a.json", "text"), &DataOptions::default()).0
    };
    assert_eq!(refusal("[\"x\",\n 3]"), "a.json:2: a number, neither a text nor an object");
    assert_eq!(refusal("[{\"a\": 1}]"), "a.json:1: no field `text`; it has a");
    assert_eq!(refusal("[\"x\"\n"), "a.json:2: not a JSON array: it ends within an element");
    assert_eq!(refusal("[]"), "a.json holds no document");
    let message = refusal("{\n \"text\": \"x\"\n}\n");
    assert!(
        message.starts_with("a.json:1: not JSON: EOF") && message.ends_with("as `jq -c` writes it"),
        "{message}"
    );
}

#[test]
fn null_is_no_text_and_counted_in_lines_arrays_and_parquet_alike() {
    let shop = Workshop::new();
    let documents = documents(20);
    let nulls: Vec<Option<&str>> =
        documents.iter().flat_map(|text| [Some(text.as_str()), None, Some("")]).collect();
    let lines: Vec<String> =
        nulls.iter().map(|text| serde_json::json!({ "text": text }).to_string()).collect();
    shop.write("a.jsonl", lines.join("\n"));
    shop.write("a.json", serde_json::to_string(&nulls).unwrap());
    write_parquet_of(&shop.path("a.parquet"), "text", &nulls, 7);
    let sources = [
        shop.jsonl("a.jsonl", "text"),
        shop.jsonl("a.json", "text"),
        shop.parquet("a.parquet", "text"),
    ];
    let seen: Vec<(String, usize)> = sources
        .iter()
        .map(|source| {
            let prepared = shop.prepare(source, &with("bytes"));
            (prepared.metadata().digest.clone(), prepared.metadata().dropped.empty_documents)
        })
        .collect();
    assert_eq!(seen[0].1, 40);
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

#[test]
fn a_file_that_is_no_text_says_what_it_is_and_never_iconv() {
    let shop = Workshop::new();
    let refusal = |content: &[u8]| {
        shop.write("a.txt", content);
        shop.refusal(&shop.text("a.txt"), &DataOptions::default())
    };
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4242\n";
    for (content, message, hint) in [
        (
            &b"BZh91AY&SY\x01\x02"[..],
            "a.txt is packed with bzip2, not text",
            "unpack it with `bunzip2 -k`",
        ),
        (b"\xfd7zXZ\0\0\x04", "a.txt is packed with xz, not text", "unpack it with `unxz -k`"),
        (b"PK\x03\x04\x14\0", "a.txt is a zip archive, not text", "unpack it with `unzip`"),
        (
            b"\xff\xfe\0\0a\0\0\0",
            "a.txt is text in UTF-32, not text",
            "convert it with `iconv -f utf-32",
        ),
        (
            pointer.as_bytes(),
            "a.txt is a Git LFS pointer to a file of 4242 bytes, not the file",
            "run `git lfs pull`",
        ),
        (
            &[0xc4, 3, 0xb1, 3, 0x20, 0, 0xbb, 3],
            "a.txt is not UTF-8 at byte 0",
            "it looks like UTF-16",
        ),
        (b"\x80\x02\x01\0\xff\xd9", "a.txt is not UTF-8 at byte 0", "it does not look like text"),
    ] {
        let (said, then) = refusal(content);
        assert_eq!(said, message);
        assert!(then.starts_with(hint), "{then}");
        assert!(!then.contains("latin1"), "{then}");
        shop.write("a.jsonl", content);
        shop.write("a.bin", content);
        let jsonl = shop.refusal(&shop.jsonl("a.jsonl", "text"), &DataOptions::default());
        assert!(!jsonl.1.contains("latin1"), "{jsonl:?}");
        if message.contains("LFS") {
            assert!(jsonl.0.contains("Git LFS pointer"), "{jsonl:?}");
            let tokens = shop.refusal(&shop.tokens("a.bin"), &with("gpt2"));
            assert!(tokens.0.contains("Git LFS pointer"), "{tokens:?}");
            shop.write("a.parquet", content);
            let rows = shop.refusal(&shop.parquet("a.parquet", "text"), &with("bytes"));
            assert!(rows.0.contains("Git LFS pointer"), "{rows:?}");
        }
    }
}

/// A gzip file that unpacks to this many mebibytes of equal bytes, between `start` and `end`.
fn bomb(start: &str, mebibytes: usize, end: &str) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(start.as_bytes()).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..mebibytes {
        encoder.write_all(&chunk).unwrap();
    }
    encoder.write_all(end.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_line_or_an_element_that_fills_memory_is_refused_with_its_place() {
    let shop = Workshop::new();
    let line = bomb("{\"text\": \"first\"}\n{\"text\": \"", 200, "\"}\n");
    shop.write("a.jsonl.gz", line);
    let (message, hint) = shop.refusal(&shop.jsonl("a.jsonl.gz", "text"), &DataOptions::default());
    assert_eq!(message, "a.jsonl.gz:2: a line of more than 64 MiB");
    assert!(hint.starts_with("cut it into documents"), "{hint}");
    shop.write("a.json", bomb("[\"first\",\n\n\"", 200, "\"]"));
    let (message, _) = shop.refusal(&shop.jsonl("a.json", "text"), &DataOptions::default());
    assert_eq!(message, "a.json:3: an element of more than 64 MiB");
}
