//! Assertions on whatever the readers of this crate accept, for tests that feed them damaged files.

use crate::cache::{parse as parse_metadata, sealed};
use crate::document::{Document, Reading};
use crate::error::DataError;
use crate::hub::info::Info;
use crate::limits::LONGEST_DOCUMENT;
use crate::metadata::Metadata;
use crate::read::{Kind, parse};
use crate::tokenizer::Tokenizer;
use isoflop_core::data::Invalid;
use serde_json::Value;
use std::path::{Component, Path};

/// Maximum bytes of an error message. It may quote a few values, each of which is cut.
const LONGEST_MESSAGE: usize = 2000;

fn documents(
    kind: &Kind,
    bytes: &[u8],
    tokenizer: &Tokenizer,
    invalid: Invalid,
) -> Option<Vec<Document>> {
    let how = Reading {
        invalid,
        refuses_nul: tokenizer.refuses_nul(),
        tokenizer: Some(tokenizer),
        step: &|_| {},
    };
    let mut all = Vec::new();
    let read = parse(kind, "a.file", bytes, &how, &mut |document| {
        all.push(document);
        Ok(true)
    });
    read.map_err(|error| check_message(&error)).ok()?;
    for document in &all {
        assert!(document.text.len() <= 3 * LONGEST_DOCUMENT);
        assert!(!tokenizer.refuses_nul() || kind_is_tokens(kind) || !document.text.contains('\0'));
    }
    Some(all)
}

fn kind_is_tokens(kind: &Kind) -> bool {
    matches!(kind, Kind::Tokens)
}

fn check_message(error: &DataError) {
    let message = error.to_string();
    assert!(message.len() < LONGEST_MESSAGE, "{message}");
    let control = |letter: char| letter.is_control() && letter != '\n';
    assert!(!message.contains(control), "{message:?}");
    assert!(!message.contains("panicked"), "{message}");
}

/// Checks the reading of a text file, which may be plain, compressed, UTF-16 or no text at all.
pub fn text(bytes: &[u8]) {
    for invalid in [Invalid::Error, Invalid::Replace, Invalid::Drop] {
        let all = documents(&Kind::Text, bytes, &Tokenizer::bytes(), invalid);
        for document in all.unwrap_or_default() {
            assert!(!document.text.trim().is_empty());
        }
    }
    // Text that is well formed is read unchanged.
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~'))
        && !text.trim().is_empty()
        && !text.starts_with("version https://")
    {
        let all = documents(&Kind::Text, bytes, &Tokenizer::bytes(), Invalid::Error);
        assert_eq!(all.expect("it is text")[0].text, text);
    }
}

/// Checks that unpacking a file never gives more bytes than were allowed.
pub fn unpacked(bytes: &[u8]) {
    const MOST: usize = 1 << 12;
    match crate::read::unpacked(Path::new("a.csv"), bytes, MOST) {
        Ok(text) => assert!(text.is_none_or(|text| text.len() <= MOST)),
        Err(error) => check_message(&error),
    }
}

/// Checks the reading of JSON lines and of a JSON array.
pub fn json(bytes: &[u8]) {
    let field = "text".to_owned();
    let kind = Kind::Jsonl { field };
    let Some(all) = documents(&kind, bytes, &Tokenizer::bytes(), Invalid::Error) else {
        return;
    };
    assert!(all.is_sorted_by_key(|document| document.origin.place));
    // The elements must be those that a parser of the whole array finds.
    let Ok(values) = serde_json::from_slice::<Vec<Value>>(bytes) else {
        return;
    };
    let texts = values.iter().filter_map(|value| match value {
        Value::Object(keys) => keys.get("text")?.as_str(),
        other => other.as_str(),
    });
    let texts: Vec<String> = texts
        .filter(|text| !text.trim_start_matches('\u{feff}').trim().is_empty())
        .map(|text| crate::clean::lf(text.to_owned()))
        .collect();
    let read: Vec<&str> = all.iter().map(|document| document.text.as_str()).collect();
    assert_eq!(read, texts);
}

/// Checks the reading of a token file, under the byte tokenizer and under a large vocabulary.
pub fn token_file(bytes: &[u8]) {
    for name in ["bytes", "gpt2"] {
        let tokenizer = Tokenizer::ready(name);
        let all = documents(&Kind::Tokens, bytes, &tokenizer, Invalid::Error);
        let mut count = 0;
        for document in all.unwrap_or_default() {
            let ids = document.ids.expect("of a token file");
            assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
            assert!(!ids.contains(&tokenizer.separator()));
            assert_eq!(tokenizer.decode(&ids).as_deref(), Some(document.text.as_bytes()));
            count += ids.len();
        }
        assert!(count <= bytes.len());
    }
}

/// Checks the reading of a `tokenizer.json`.
pub fn tokenizer(bytes: &[u8]) {
    let tokenizer = match Tokenizer::parse(bytes) {
        Ok(tokenizer) => tokenizer,
        Err(why) => {
            assert!(why.len() < LONGEST_MESSAGE, "{why}");
            assert!(!why.contains(|letter: char| letter.is_control()), "{why:?}");
            return;
        }
    };
    assert!((tokenizer.separator() as usize) < tokenizer.vocab_size());
    for text in ["plain words, 3 of them\n", "na\u{ef}ve \u{4e16}\u{754c} \u{1f980}", " "] {
        let mut ids = Vec::new();
        if let Err(error) = tokenizer.encode(text, &mut ids) {
            check_message(&error);
            continue;
        }
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
        if tokenizer.altered(text, &ids).is_none() {
            let back = tokenizer.text_of(&ids).expect("ids of the vocabulary");
            assert_eq!(back, text.as_bytes());
        }
    }
}

/// Checks the parsing of a hub's description of a dataset.
pub fn hub_answer(bytes: &[u8]) {
    let info = match Info::parse(bytes) {
        Ok(info) => info,
        Err(why) => {
            assert!(why.len() < LONGEST_MESSAGE, "{why}");
            return;
        }
    };
    for pattern in ["**", "data/*.jsonl"] {
        let Some((commit, names)) = info.checked(pattern) else {
            continue;
        };
        for name in names.iter().map(String::as_str).chain([commit]) {
            let mut parts = Path::new(name).components();
            assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{name:?}");
            assert!(!name.contains(|letter: char| letter.is_control()), "{name:?}");
            assert!(Path::new("/cache/data").join(name).starts_with("/cache/data"));
        }
    }
}

/// Checks the parsing of a cache entry's metadata.
pub fn cache_metadata(bytes: &[u8]) {
    const NAME: &str = "an-entry";
    if let Some(metadata) = parse_metadata(bytes, NAME) {
        let again = parse_metadata(&sealed(&metadata, NAME), NAME);
        assert_eq!(again.as_ref(), Some(&metadata));
    }
    // A valid checksum proves nothing here, since whoever may write the file can compute one.
    let open = serde_json::from_slice::<Value>(bytes);
    let metadata = open.ok().and_then(|value| Some(value.get("metadata")?.clone()));
    if let Some(metadata) =
        metadata.and_then(|value| serde_json::from_value::<Metadata>(value).ok())
    {
        let _ = metadata.windows(16);
        let _ = metadata.entropy_per_token();
        let again = parse_metadata(&sealed(&metadata, NAME), NAME);
        assert!(again.is_none_or(|again| again == metadata));
    }
}
