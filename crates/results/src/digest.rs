//! The digest of a table's values, which a parquet file carries among its notes: whatever the
//! encoding, the compression and the statistics of the file, other values have another digest.
//!
//! SHA-256 of, in the order of the columns: the name; a letter for the kind (`t` text, `i` integer,
//! `f` float, `n` nothing but nulls, `o` another type); the number of rows; then the cells. A null
//! is the byte 0. Any other cell is the byte 1 and its value: text as UTF-8, an integer as 128 bits,
//! a float as the 64 bits of IEEE 754. Names and texts have their length in bytes before them.
//! Lengths and counts are of 64 bits; all numbers are little-endian.

use isoflop_core::digest::hex;
use isoflop_parquet::{Column, Values};
use sha2::{Digest, Sha256};

/// The key of the note.
pub(crate) const KEY: &str = "isoflop.digest";

/// The digest in hex.
pub(crate) fn digest(columns: &[Column]) -> String {
    let mut hasher = Sha256::new();
    for column in columns {
        text(&mut hasher, &column.name);
        let rows = column.values.len() as u64;
        let head = |hasher: &mut Sha256, kind: u8| {
            hasher.update([kind]);
            hasher.update(rows.to_le_bytes());
        };
        match &column.values {
            Values::Text(values) => {
                head(&mut hasher, b't');
                cells(&mut hasher, values, |hasher, value| text(hasher, value));
            }
            Values::Unsigned(values) => {
                head(&mut hasher, b'i');
                cells(&mut hasher, values, |hasher, value| {
                    hasher.update(i128::from(*value).to_le_bytes());
                });
            }
            Values::Signed(values) => {
                head(&mut hasher, b'i');
                cells(&mut hasher, values, |hasher, value| {
                    hasher.update(i128::from(*value).to_le_bytes());
                });
            }
            Values::Float(values) => {
                head(&mut hasher, b'f');
                cells(&mut hasher, values, |hasher, value| {
                    hasher.update(value.to_bits().to_le_bytes());
                });
            }
            Values::Null(_) => head(&mut hasher, b'n'),
            Values::Other(name, _) => {
                head(&mut hasher, b'o');
                text(&mut hasher, name);
            }
        }
    }
    hex(&hasher.finalize())
}

fn text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn cells<T>(hasher: &mut Sha256, values: &[Option<T>], write: impl Fn(&mut Sha256, &T)) {
    for value in values {
        match value {
            None => hasher.update([0]),
            Some(value) => {
                hasher.update([1]);
                write(hasher, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::digest::sha256;

    fn of(name: &str, values: Values) -> String {
        digest(&[Column { name: name.to_owned(), values }])
    }

    #[test]
    fn the_digest_is_the_one_that_is_documented() {
        let mut bytes = Vec::new();
        bytes.extend(4u64.to_le_bytes());
        bytes.extend(b"losst");
        bytes.extend(2u64.to_le_bytes());
        bytes.extend([0, 1]);
        bytes.extend(2u64.to_le_bytes());
        bytes.extend("é".as_bytes());
        let expected = sha256([bytes.as_slice()]);
        assert_eq!(of("loss", Values::Text(vec![None, Some("é".to_owned())])), expected);
    }

    #[test]
    fn other_values_names_orders_and_gaps_have_other_digests() {
        let float = |cells: &[Option<f64>]| of("a", Values::Float(cells.to_vec()));
        let digests = [
            float(&[Some(0.0), None]),
            float(&[Some(-0.0), None]),
            float(&[None, Some(0.0)]),
            float(&[Some(0.0)]),
            float(&[Some(f64::NAN), None]),
            of("b", Values::Float(vec![Some(0.0), None])),
            of("a", Values::Unsigned(vec![Some(0), None])),
            of("a", Values::Text(vec![Some(String::new()), None])),
            of("a", Values::Null(2)),
            digest(&[]),
        ];
        for (i, one) in digests.iter().enumerate() {
            assert!(!digests[..i].contains(one), "{i}");
        }
        let whole = Values::Signed(vec![Some(7)]);
        assert_eq!(of("a", whole), of("a", Values::Unsigned(vec![Some(7)])));
    }
}
