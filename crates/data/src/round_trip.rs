//! Checks whether tokens still hold the text that they were made of. Bits per byte would mean
//! nothing if the tokens had lost some of the bytes, so a test text must come back byte for byte.

use crate::difference::Difference;
use crate::tokenizer::Tokenizer;
use isoflop_core::text::shown;
use serde::{Deserialize, Serialize};

/// Approximate maximum bytes of train text that are compared; the last document may exceed it.
pub(crate) const COMPARED: u64 = 1 << 24;

/// Bytes that are searched for the place where two texts agree again. `AGREE` is the number of
/// bytes that must agree there.
const AHEAD: usize = 64;
const AGREE: usize = 3;

/// Bytes of a text over which the loss is counted; the rest is assumed to lose as large a share.
const COUNTED: usize = 1 << 16;

/// Text that tokens lost of the documents that were compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// Number of documents that were compared with what their tokens decode to.
    pub compared: usize,
    /// Bytes of the compared documents.
    pub bytes: u64,
    /// Number of compared documents that came back changed.
    pub altered: usize,
    /// Approximate bytes that did not come back, by aligning both texts.
    pub lost: f64,
    /// First difference.
    pub first: Option<Difference>,
}

/// Outcome of comparing one document.
pub(crate) struct Compared {
    bytes: usize,
    /// Bytes lost, then the words at the first difference in the text and in what came back; `None`
    /// if nothing differs.
    altered: Option<(f64, String, String)>,
}

/// Compares a text with what its tokens decode to. `knows_not` says that the document's own ids
/// hold the unknown token.
pub(crate) fn compare(tokenizer: &Tokenizer, text: &str, ids: &[u32], knows_not: bool) -> Compared {
    let altered = tokenizer.altered(text, ids).map(|back| {
        let at = parting(text.as_bytes(), &back);
        let shown = words_at(&String::from_utf8_lossy(&back), at);
        (lost(text.as_bytes(), &back), words_at(text, at), shown)
    });
    let unknown = || (0.0, words_at(text, 0), "the token for the unknown".to_owned());
    Compared { bytes: text.len(), altered: altered.or_else(|| knows_not.then(unknown)) }
}

impl RoundTrip {
    pub(crate) fn add(&mut self, compared: Compared, document: impl FnOnce() -> String) {
        self.compared += 1;
        self.bytes += compared.bytes as u64;
        if let Some((lost, text, back)) = compared.altered {
            self.altered += 1;
            self.lost += lost;
            self.first.get_or_insert_with(|| Difference { document: document(), text, back });
        }
    }

    /// Share of the compared bytes that did not come back.
    pub fn share(&self) -> f64 {
        self.lost / (self.bytes.max(1)) as f64
    }
}

/// Offset of the first byte that differs.
fn parting(text: &[u8], back: &[u8]) -> usize {
    text.iter().zip(back).take_while(|(a, b)| a == b).count()
}

/// A few words of the text around byte `at`, for a message.
fn words_at(text: &str, at: usize) -> String {
    const WORDS: usize = 40;
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind(char::is_whitespace).unwrap_or(0);
    let start = start.max(text.floor_char_boundary(at.saturating_sub(WORDS / 2)));
    let end = text.floor_char_boundary(start + WORDS);
    shown(&text[start..end])
}

/// Approximate bytes of `text` that are missing in `back`. Both are read in step; where they
/// differ, the next place at which they agree again is searched.
fn lost(text: &[u8], back: &[u8]) -> f64 {
    let counted = &text[..text.len().min(COUNTED)];
    let (mut at, mut there, mut lost) = (0, 0, 0usize);
    while at < counted.len() {
        if back.get(there) == Some(&counted[at]) {
            at += 1;
            there += 1;
            continue;
        }
        let (skip, over) = agreement(&counted[at..], &back[there.min(back.len())..]);
        lost += skip;
        at += skip;
        there += over;
    }
    lost as f64 * text.len() as f64 / counted.len().max(1) as f64
}

/// The nearest place at which two differing texts agree again, as the bytes to skip in each.
fn agreement(text: &[u8], back: &[u8]) -> (usize, usize) {
    for far in 1..=2 * AHEAD {
        for skip in far.saturating_sub(AHEAD)..=far.min(AHEAD) {
            let over = far - skip;
            let (Some(rest), Some(other)) = (text.get(skip..), back.get(over..)) else {
                continue;
            };
            let needed = AGREE.min(rest.len());
            if needed > 0 && other.len() >= needed && rest[..needed] == other[..needed] {
                return (skip, over);
            }
        }
    }
    (text.len().min(AHEAD), back.len().min(AHEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lost_are_those_that_do_not_come_back() {
        assert_eq!(lost(b"the same", b"the same"), 0.0);
        assert_eq!(lost(b"The Same Words", b"the same words"), 3.0);
        assert_eq!(lost("caf\u{e9} au lait".as_bytes(), b"cafe au lait"), 2.0);
        assert_eq!(lost(b"some text", b" some text"), 0.0);
        assert_eq!(lost(b"some text", b""), 9.0);
        assert_eq!(lost(b"", b"x"), 0.0);
        let unknown = lost(b"many words of a kind that nobody knows", b"[UNK] [UNK] [UNK]");
        assert!(unknown > 30.0, "{unknown}");
    }

    #[test]
    fn the_first_difference_is_shown_with_the_words_around_it() {
        let text = "all of this is there, but Zürich is not";
        let back = "all of this is there, but Zurich is not";
        let at = parting(text.as_bytes(), back.as_bytes());
        assert_eq!(words_at(text, at), " Zürich is not");
        assert_eq!(words_at(back, at), " Zurich is not");
        assert_eq!(words_at("", 3), "");
    }
}
