//! JSON lines: a document a line, in one field of its object.

use super::OneFile;
use super::unpack::{failed, open};
use crate::error::DataError;
use serde_json::Value;
use std::io::BufRead;

pub(super) fn read(one: &mut OneFile, field: &str) -> Result<bool, DataError> {
    let (mut reader, count) = open(one)?;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        reader.read_until(b'\n', &mut line).map_err(failed(one))?;
        if line.is_empty() {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let text = field_of(&line, field).map_err(|problem| DataError::BadLine {
            path: one.file.path.clone(),
            line: number,
            problem,
        })?;
        if !one.give(number, text.into_bytes())? {
            return Ok(false);
        }
        if number % 64 == 0 {
            (one.step)(count.bytes());
        }
    }
    (one.step)(count.bytes());
    Ok(true)
}

/// The text of a line, or what is wrong with it.
fn field_of(line: &[u8], field: &str) -> Result<String, String> {
    let object: Value =
        serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let keys = |value: &Value| match value {
        Value::Object(map) => map.keys().cloned().collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    // A key with dots in it comes before a path.
    let whole = object.get(field).cloned();
    let found = whole.or_else(|| {
        field
            .split('.')
            .try_fold(object.clone(), |value, key| value.get(key).cloned())
    });
    match found {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(format!("`{field}` is {}, not a text", kind(&other))),
        None if object.is_object() => Err(format!("no field `{field}`; it has {}", keys(&object))),
        None => Err(format!("{}, not an object", kind(&object))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name_or_path() {
        assert_eq!(
            field_of(br#"{"text": "a\u00e9\n"}"#, "text").unwrap(),
            "aé\n"
        );
        assert_eq!(field_of(br#"{"a": {"b": "x"}}"#, "a.b").unwrap(), "x");
        assert_eq!(
            field_of(br#"{"a.b": "y", "a": {"b": "x"}}"#, "a.b").unwrap(),
            "y"
        );
    }

    #[test]
    fn a_line_without_the_text_is_told_apart() {
        let problem = |line: &str| field_of(line.as_bytes(), "text").unwrap_err();
        assert_eq!(
            problem(r#"{"id": 1, "body": "x"}"#),
            "no field `text`; it has body, id"
        );
        assert_eq!(problem(r#"{"text": 3}"#), "`text` is a number, not a text");
        assert_eq!(problem("[1]"), "a list, not an object");
        assert!(problem("{").starts_with("not JSON: "));
    }
}
