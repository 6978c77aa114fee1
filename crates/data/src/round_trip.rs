//! Whether tokens still hold the text they were made of. Bits per byte of text that they do not hold would mean
//! nothing, so that a test text must come back byte for byte.

use crate::difference::Difference;
use crate::tokenizer::Tokenizer;
use isoflop_core::text::shown;
use serde::{Deserialize, Serialize};

/// Train text that is compared, at most but for a document.
pub(crate) const COMPARED: u64 = 1 << 24;

/// Bytes looked ahead for where two texts agree again, and how many must agree.
const AHEAD: usize = 64;
const AGREE: usize = 3;

/// Bytes of a text whose loss is counted; more of it shares its fate.
const COUNTED: usize = 1 << 16;

/// What tokens lost of the text they were made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// Documents compared with what their tokens decode to.
    pub compared: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Of the documents, those that came back otherwise.
    pub altered: usize,
    /// Bytes of theirs that did not come back, to the best of an alignment.
    pub lost: f64,
    /// The first difference.
    pub first: Option<Difference>,
}

/// The outcome for one document.
pub(crate) struct Compared {
    bytes: usize,
    /// Bytes lost and the words where it began.
    altered: Option<(f64, String, String)>,
}

/// Compares a text with its tokens. `knows_not` says that a token for the unknown was among those it came as.
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

    /// Share of the bytes that did not come back.
    pub fn share(&self) -> f64 {
        self.lost / (self.bytes.max(1)) as f64
    }
}

/// The first byte that differs.
fn parting(text: &[u8], back: &[u8]) -> usize {
    text.iter().zip(back).take_while(|(a, b)| a == b).count()
}

/// Some words from the one that a byte lies in, or how a text ends.
fn words_at(text: &str, at: usize) -> String {
    const WORDS: usize = 40;
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind(char::is_whitespace).unwrap_or(0);
    let start = start.max(text.floor_char_boundary(at.saturating_sub(WORDS / 2)));
    let end = text.floor_char_boundary(start + WORDS);
    shown(&text[start..end])
}

/// Bytes of a text that what came back lacks: both are read along, and where they part, the next place at which
/// they agree again is looked for.
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

/// The nearest place at which two texts that part agree again: bytes to be passed over in each.
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
