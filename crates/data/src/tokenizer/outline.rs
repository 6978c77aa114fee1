//! Reads from a `tokenizer.json`, before it is built, its regular expressions, its replacements and
//! its unknown token.

use super::guard::Stopped;
use isoflop_core::text::{listed, shown};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::Duration;
use tokenizers::Tokenizer;

/// Maximum bytes that a tokenizer may replace a match by; more could fill any memory.
const LONGEST_REPLACEMENT: usize = 1 << 10;

/// The parts of a tokenizer other than its vocabulary.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    model: Model,
}

#[derive(Default, Deserialize)]
struct Model {
    #[serde(default)]
    unk_token: Value,
    #[serde(default)]
    unk_id: Value,
    #[serde(default, rename = "vocab")]
    _vocab: Option<IgnoredAny>,
    #[serde(default, rename = "merges")]
    _merges: Option<IgnoredAny>,
}

/// Properties of a tokenizer that its JSON states.
pub(super) struct Outline {
    /// Regular expressions of the tokenizer, as written.
    pub(super) patterns: Vec<String>,
    unk_token: Option<String>,
    unk_id: Option<u32>,
}

impl Outline {
    pub(super) fn of(json: &[u8]) -> Result<Self, String> {
        let parts: Parts =
            serde_json::from_slice(json).map_err(|error| shown(&error.to_string()))?;
        let mut patterns = Vec::new();
        for part in [&parts.normalizer, &parts.pre_tokenizer, &parts.decoder] {
            collect(part, &mut patterns)?;
        }
        Ok(Outline {
            patterns,
            unk_token: parts.model.unk_token.as_str().map(str::to_owned),
            unk_id: parts.model.unk_id.as_u64().and_then(|id| u32::try_from(id).ok()),
        })
    }

    pub(super) fn unknown(&self, tokenizer: &Tokenizer) -> Option<u32> {
        let named = self.unk_token.as_deref();
        named.and_then(|token| tokenizer.token_to_id(token)).or(self.unk_id)
    }

    pub(super) fn stopped(
        &self,
        stopped: &Stopped,
        limit: Duration,
        bytes: Option<usize>,
    ) -> String {
        stopped_in(&self.patterns, stopped, limit, bytes)
    }
}

/// Message about a tokenizer that gave no result, with the patterns that may be to blame.
pub(super) fn stopped_in(
    patterns: &[String],
    stopped: &Stopped,
    limit: Duration,
    bytes: Option<usize>,
) -> String {
    let what = match bytes {
        Some(bytes) => format!("{bytes} bytes of text"),
        None => "being read".to_owned(),
    };
    match stopped {
        Stopped::Late if patterns.is_empty() => {
            format!("it took more than {} s over {what}", limit.as_secs())
        }
        Stopped::Late => format!(
            "it took more than {} s over {what}; its regular expression is {}",
            limit.as_secs(),
            listed(patterns)
        ),
        Stopped::Failed(said) => format!("its library fails over {what}: {}", shown(said)),
    }
}

/// Collects the regular expressions within a JSON value; refuses replacements that are too long.
fn collect(part: &Value, patterns: &mut Vec<String>) -> Result<(), String> {
    match part {
        Value::Array(parts) => parts.iter().try_for_each(|part| collect(part, patterns)),
        Value::Object(keys) => {
            if let Some(Value::String(pattern)) = keys.get("Regex") {
                patterns.push(pattern.clone());
            }
            for key in ["content", "prepend", "replacement", "prefix", "suffix"] {
                let length = keys.get(key).and_then(Value::as_str).map_or(0, str::len);
                if length > LONGEST_REPLACEMENT {
                    return Err(format!(
                        "its `{key}` puts {length} bytes in the place of others, more than \
                         {LONGEST_REPLACEMENT}"
                    ));
                }
            }
            keys.values().try_for_each(|part| collect(part, patterns))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_wherever_they_stand() {
        let json =
            br#"{"normalizer": {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"pattern": {"Regex": "c?"}}]},
            "decoder": null, "model": {"vocab": {"x": 0}, "unk_token": "x"}}"#;
        let outline = Outline::of(json).unwrap();
        assert_eq!(outline.patterns, ["a+", "c?"]);
        assert_eq!(outline.unk_token.as_deref(), Some("x"));
        let late = outline.stopped(&Stopped::Late, Duration::from_secs(3), Some(9));
        assert_eq!(
            late,
            "it took more than 3 s over 9 bytes of text; its regular expression is a+, c?"
        );
    }

    #[test]
    fn a_replacement_that_could_fill_memory_is_refused() {
        let long = "x".repeat(2000);
        let json = format!(r#"{{"normalizer": {{"type": "Replace", "content": "{long}"}}}}"#);
        let why = Outline::of(json.as_bytes()).err().unwrap();
        assert!(why.starts_with("its `content` puts 2000 bytes in the place of others"), "{why}");
    }
}
