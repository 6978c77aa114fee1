//! Compares ids with those of the reference libraries, tiktoken and tokenizers, on texts that
//! tokenizers often get wrong. `reference_tokens.py` wrote the file of expected ids.

use super::Tokenizer;
use isoflop_core::digest::sha256;
use serde_json::Value;

const REFERENCE: &str = include_str!("reference_tokens.json");

#[test]
fn adversarial_texts_give_the_ids_of_the_reference_libraries() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, reference["tokenizer"].to_string()).unwrap();
    let tokenizers = [
        ("gpt2", Tokenizer::ready("gpt2")),
        ("cl100k", Tokenizer::ready("cl100k")),
        ("o200k", Tokenizer::ready("o200k")),
        ("tokenizer.json", Tokenizer::file(&path).unwrap()),
    ];
    let texts = reference["texts"].as_array().unwrap();
    assert!(texts.len() > 12);
    for row in texts {
        let parts = row["text"].as_array().unwrap().iter();
        let part = |part: &Value| {
            let times = part[1].as_u64().unwrap() as usize;
            part[0].as_str().unwrap().repeat(times)
        };
        let text: String = parts.map(part).collect();
        for (name, tokenizer) in &tokenizers {
            let mut ids = Vec::new();
            tokenizer.encode(&text, &mut ids).unwrap();
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            let wanted = &row["tokens"][name];
            let what = format!("{name} on {}", row["name"]);
            assert_eq!(ids.len() as u64, wanted["count"].as_u64().unwrap(), "{what}");
            assert_eq!(sha256([bytes.as_slice()]), wanted["sha256"].as_str().unwrap(), "{what}");
            assert!(tokenizer.decode(&ids).unwrap() == text.as_bytes(), "{what} and back");
        }
    }
}
