//! Tests of users' tokenizers: those that lose text, and those that never end.

use crate::workshop::{Workshop, documents, with};
use isoflop_core::data::DataOptions;
use isoflop_data::DataError;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The characters that GPT-2 writes bytes as.
fn alphabet() -> Vec<char> {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0xff;
    (0..=255u8)
        .map(|byte| {
            next += u32::from(!seen(byte));
            let code = if seen(byte) { u32::from(byte) } else { next };
            char::from_u32(code).unwrap()
        })
        .collect()
}

/// A byte-level tokenizer of single bytes, without those in `left_out`.
fn byte_level(left_out: &str, normalizer: Value, add_prefix_space: bool) -> Value {
    let vocab: serde_json::Map<String, Value> = alphabet()
        .into_iter()
        .filter(|letter| !left_out.contains(*letter))
        .enumerate()
        .map(|(id, letter)| (letter.to_string(), json!(id)))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": normalizer,
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": true
        },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []
        }
    })
}

/// A tokenizer of whole words, with an unknown token for all others.
fn words(known: &[&str]) -> Value {
    let mut vocab = json!({ "[UNK]": 0 });
    for (id, word) in known.iter().enumerate() {
        vocab[word] = json!(id + 1);
    }
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [{
            "id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        }],
        "pre_tokenizer": { "type": "Whitespace" },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab
        }
    })
}

impl Workshop {
    fn tokenizer(&self, name: &str, json: &Value) -> DataOptions {
        self.write(name, json.to_string());
        with(&self.path(name).to_string_lossy())
    }
}

fn lossy(error: DataError) -> (usize, usize, f64, String, String) {
    match error {
        DataError::Lossy { altered, compared, share, first, .. } => {
            (altered, compared, share, first.text, first.back)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_tokenizer_that_loses_test_text_is_refused_with_how_much_and_where() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(40));
    let source = shop.text("text/*");
    let options = shop.tokenizer("unk.json", &words(&["stone", "river", "run"]));
    let error = shop.try_prepare(&source, &options).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("loses text: 5 of 5 test documents"), "{message}");
    assert!(message.contains("% of the bytes are lost; the first is text/00"), "{message}");
    assert!(error.hint().unwrap().starts_with("bits per byte of text that the tokens do not hold"));
    let (altered, compared, share, _, back) = lossy(error);
    assert_eq!(altered, compared);
    assert!(share > 0.5 && share <= 1.0, "{share}");
    assert!(back.contains("[UNK]"), "{back}");

    let lower = byte_level("", json!({ "type": "Lowercase" }), false);
    let documents: Vec<String> = documents(40).iter().map(|text| text.replace('s', "S")).collect();
    shop.write_texts("text", &documents);
    let options = shop.tokenizer("lower.json", &lower);
    let (_, _, share, text, back) = lossy(shop.try_prepare(&source, &options).unwrap_err());
    assert!(share > 0.01 && share < 0.2, "{share}");
    assert_eq!(text.to_lowercase(), back);

    // Bytes that the vocabulary lacks are dropped silently.
    let options = shop.tokenizer("part.json", &byte_level("rv", Value::Null, false));
    let (.., share, _, _) = lossy(shop.try_prepare(&source, &options).unwrap_err());
    assert!(share > 0.01 && share < 0.2, "{share}");

    let accents = json!({ "type": "Sequence", "normalizers": [{ "type": "NFD" }, { "type": "StripAccents" }] });
    let options = shop.tokenizer("accents.json", &byte_level("", accents, false));
    let (.., text, back) = lossy(shop.try_prepare(&source, &options).unwrap_err());
    assert!(text.contains('é') && !back.contains('é'), "{text} {back}");
}

#[test]
fn one_letter_lost_in_one_test_document_is_refused() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(12));
    shop.write("held.txt", "all of this is there, but for a ~ at the end of it\n".repeat(9));
    let options = DataOptions {
        test: Some("held.txt".to_owned()),
        ..shop.tokenizer("part.json", &byte_level("~", Value::Null, false))
    };
    let error = shop.try_prepare(&shop.text("text/*"), &options).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("the first is held.txt, where \" ~ at the end"), "{message}");
    assert_eq!((lossy(error).0), 1);
}

#[test]
fn what_only_train_text_loses_is_said_and_bits_per_byte_stay() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(12));
    shop.write("text/more.txt", "a ~ that the vocabulary lacks\n");
    shop.write("held.txt", "words that it has, each of them\n".repeat(9));
    let options = DataOptions {
        test: Some("held.txt".to_owned()),
        ..shop.tokenizer("part.json", &byte_level("~", Value::Null, false))
    };
    let prepared = shop.prepare(&shop.text("text/*"), &options);
    let altered = prepared.metadata().altered.as_ref().unwrap();
    assert_eq!((altered.altered, altered.compared), (1, 13));
    assert_eq!(altered.first.as_ref().unwrap().document, "text/more.txt");
    assert_eq!(altered.lost, 1.0);
}

#[test]
fn tokenizers_that_hold_every_byte_pass_whatever_they_put_in_front() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(40));
    let source = shop.text("text/*");
    let bytes = shop.prepare(&source, &with("bytes"));
    for (name, json) in [
        ("plain.json", byte_level("", Value::Null, false)),
        ("prefix.json", byte_level("", Value::Null, true)),
        ("lacks-what-no-text-has.json", byte_level("\u{100}", Value::Null, false)),
    ] {
        let prepared = shop.prepare(&source, &shop.tokenizer(name, &json));
        let metadata = prepared.metadata();
        assert_eq!(metadata.altered, None, "{name}");
        assert_eq!(metadata.scored.bytes, bytes.metadata().scored.bytes, "{name}");
    }
    let mut without_decoder = byte_level("", Value::Null, false);
    without_decoder["decoder"] = Value::Null;
    shop.prepare(&source, &shop.tokenizer("no-decoder.json", &without_decoder));
}

#[test]
fn a_token_file_with_the_token_for_the_unknown_in_its_test_is_refused() {
    let shop = Workshop::new();
    let mut json = byte_level("", Value::Null, false);
    json["model"]["vocab"]["<unk>"] = json!(256);
    json["model"]["unk_token"] = json!("<unk>");
    let options = shop.tokenizer("tokenizer.json", &json);
    let of = |text: &str| -> Vec<u32> {
        let alphabet = alphabet();
        text.bytes()
            .map(|byte| alphabet[byte as usize])
            .map(|letter| json["model"]["vocab"][letter.to_string()].as_u64().unwrap() as u32)
            .collect()
    };
    let write = |unknown: bool| {
        let mut ids = Vec::new();
        for document in documents(20) {
            ids.extend(of(&document));
            if unknown {
                ids.push(256);
            }
            ids.push(257);
        }
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect();
        shop.write("tokens.bin", bytes);
    };
    write(false);
    shop.prepare(&shop.tokens("tokens.bin"), &options);
    write(true);
    let error = shop.try_prepare(&shop.tokens("tokens.bin"), &options).unwrap_err();
    assert!(error.to_string().contains("the token for the unknown"), "{error}");
}

#[test]
fn a_regular_expression_that_takes_too_long_is_refused_by_name_within_seconds() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(40));
    for (index, letter) in ["x", "xz ", "ax"].iter().enumerate() {
        shop.write(&format!("text/x{index}.txt"), letter.repeat(100_000));
    }
    for (pattern, slow) in
        [("(?:x{1,100}){1,100}y", true), ("(?:(?=x)x+)+(?!x)z(?=y)", false), (r"\p{L}+|\s+", false)]
    {
        let mut json = byte_level("", Value::Null, false);
        json["pre_tokenizer"] = json!({ "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        ] });
        let options = shop.tokenizer("regex.json", &json);
        let begun = Instant::now();
        let answer = shop.try_prepare(&shop.text("text/*"), &options);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(40), "{pattern} took {took:?}");
        match answer {
            Ok(_) => assert!(!slow, "{pattern}"),
            Err(error) => {
                let message = error.to_string();
                assert!(slow && message.contains(pattern), "{message}");
                assert!(message.contains("s over 1"), "{message}");
            }
        }
    }
}

#[test]
fn ids_and_replacements_that_fill_any_memory_are_refused() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(12));
    let refusal = |json: &Value| {
        let options = shop.tokenizer("tokenizer.json", json);
        shop.refusal(&shop.text("text/*"), &options).0
    };
    let mut huge = byte_level("", Value::Null, false);
    huge["model"]["vocab"]["far"] = json!(4_294_967_295u32);
    assert_eq!(
        refusal(&huge),
        "tokenizer.json is no tokenizer: its vocabulary has the id 4294967295, and ids below 4194304 are read"
    );
    let long =
        json!({ "type": "Replace", "pattern": { "String": "e" }, "content": "x".repeat(1 << 20) });
    let message = refusal(&byte_level("", long, false));
    assert!(message.contains("puts 1048576 bytes in the place of others"), "{message}");
    let mut escape = byte_level("", Value::Null, false);
    escape["version"] = json!("\u{1b}[2J");
    let message = refusal(&escape);
    assert!(!message.contains('\u{1b}') && message.len() < 300, "{message}");
}

#[test]
fn a_tokenizer_over_which_its_library_panics_is_refused() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(12));
    // An empty match followed by an inserted space makes the library read out of bounds.
    let empty = json!({ "type": "Replace", "pattern": { "Regex": "x*" }, "content": "y" });
    let options = shop.tokenizer("tokenizer.json", &byte_level("", empty, true));
    let (message, hint) = shop.refusal(&shop.text("text/*"), &options);
    assert!(
        message.starts_with("tokenizer.json is no tokenizer: its library fails over being read: "),
        "{message}"
    );
    assert!(!hint.is_empty());
}
