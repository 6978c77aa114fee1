//! JSON files that carry the SHA-256 of what they hold, so that a damaged or edited one is told from
//! the one that was written.

use isoflop_core::digest::sha256;
use isoflop_core::text::shown_up_to;
use serde::Serialize;
use serde_json::Value;

/// The key of the checksum, beside the others of the file.
const KEY: &str = "sha256";

/// A value that is a JSON object, as text with its checksum.
///
/// # Panics
/// The value is no JSON object.
pub fn sealed(value: &impl Serialize) -> String {
    let mut value = serde_json::to_value(value).expect("a struct of text and finite numbers");
    let sum = checksum(&value);
    let object = value.as_object_mut().expect("a struct is an object");
    object.insert(KEY.to_owned(), Value::String(sum));
    serde_json::to_string_pretty(&value).expect("a value is JSON")
}

/// The value of a file that [`sealed`] wrote. A file without a checksum, of an earlier version or
/// another program, is taken as it is.
///
/// # Errors
/// It is no JSON, or its checksum does not match.
pub fn opened(bytes: &[u8]) -> Result<Value, String> {
    let mut value: Value =
        serde_json::from_slice(bytes).map_err(|error| shown_up_to(200, &error.to_string()))?;
    let seal = value.as_object_mut().and_then(|object| object.remove(KEY));
    match seal {
        Some(seal) if seal != checksum(&value) => {
            Err("its checksum does not match: it was edited or damaged".to_owned())
        }
        _ => Ok(value),
    }
}

fn checksum(value: &Value) -> String {
    let text = serde_json::to_string(value).expect("a value is JSON");
    sha256([text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_sealed_opens_and_any_other_letter_is_noticed() {
        let value =
            json!({ "b": [1, 2.5e-300, 0.1 + 0.2, -0.0], "a": { "z": null, "é": u64::MAX } });
        let text = sealed(&value);
        assert_eq!(opened(text.as_bytes()).unwrap(), value);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            // White space carries nothing, and a key of another name is no checksum.
            let told = opened(&bytes);
            let unsealed =
                told.as_ref().is_ok_and(|found| found.get(KEY).is_none() && *found != value);
            assert!(told.is_err() || told.as_ref() == Ok(&value) || unsealed, "{at}");
            assert!(!unsealed || !String::from_utf8_lossy(&bytes).contains("\"sha256\""), "{at}");
        }
    }

    #[test]
    fn a_file_without_a_checksum_is_taken_as_it_is() {
        assert_eq!(opened(b"{\"a\": 1}").unwrap(), json!({ "a": 1 }));
        assert!(opened(b"{\"a\": 1").is_err());
        assert!(opened(b"{\"a\": 1, \"sha256\": 7}").is_err());
    }
}
