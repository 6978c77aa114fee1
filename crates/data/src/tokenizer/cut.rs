//! Cuts long texts into pieces that tokenize as the whole text does, and breaks up runs that are
//! too long for any tokenizer.

/// Approximate bytes of a piece, which bounds memory and the work of a regular expression on one
/// string.
const PIECE: usize = 1 << 20;
/// Maximum characters of an unbroken run of letters or white space; longer runs are cut. The
/// regular expressions of GPT-2 and its kin give up on them after a million steps back.
const RUN: usize = 1 << 17;
/// Maximum characters of a run in text that a vocabulary is trained on. A longer word teaches
/// nothing and costs the square of its length.
pub(super) const WORD: usize = 1 << 10;

/// Pieces of a text. They are cut only between an ASCII letter and a space or line feed that an
/// ASCII letter follows, where the expressions of GPT-2, cl100k and o200k always begin a new word.
/// A text without such a place is one piece, except that runs of more than 131,072 letters or
/// spaces are cut.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    cut_at(text, PIECE, RUN)
}

/// Pieces of a text that a vocabulary is trained on.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    cut_at(text, PIECE, WORD)
}

/// Class of the characters in a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letter,
    Other,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' => Class::Letter,
        _ if c.is_whitespace() => Class::Space,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

fn cut_at(mut text: &str, size: usize, most: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = text.split_at(end(text, size.max(1), most));
        text = rest;
        Some(piece)
    })
}

/// End of the first piece of a text, as a byte offset.
fn end(text: &str, size: usize, most: usize) -> usize {
    let bytes = text.as_bytes();
    let is_cut = |at: usize| {
        bytes[at - 1].is_ascii_alphabetic()
            && matches!(bytes[at], b' ' | b'\n')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
    };
    let (mut run, mut of) = (0, Class::Other);
    for (at, c) in text.char_indices() {
        if at >= size && is_cut(at) {
            return at;
        }
        let class = class(c);
        run = if class == of { run + 1 } else { 1 };
        of = class;
        if run > most && class != Class::Other {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_tokenize_as_the_whole(
            words in prop::collection::vec("[a-zA-Zé世🦀0-9.,'/!_ \n\r\t-]{1,12}", 1..60), size in 1usize..40,
        ) {
            let text = words.join(" ");
            prop_assert_eq!(cut_at(&text, size, RUN).collect::<String>(), text.clone());
            for bpe in [
                tiktoken_rs::r50k_base_singleton(),
                tiktoken_rs::cl100k_base_singleton(),
                tiktoken_rs::o200k_base_singleton(),
            ] {
                let whole = bpe.encode_ordinary(&text);
                let cut: Vec<u32> = cut_at(&text, size, RUN).flat_map(|piece| bpe.encode_ordinary(piece)).collect();
                prop_assert_eq!(cut, whole, "{:?}", text);
            }
        }
    }

    /// The regular expressions alone fail on these texts.
    #[test]
    fn millions_of_spaces_or_letters_without_a_break_have_tokens() {
        for run in [" ", "A", "q", "世", "\n \t"] {
            let text = format!("x1{}!", run.repeat(2_000_000 / run.len()));
            assert_eq!(pieces(&text).collect::<String>(), text);
            for name in ["gpt2", "cl100k", "o200k"] {
                let tokenizer = super::super::Tokenizer::ready(name);
                let mut ids = Vec::new();
                tokenizer.encode(&text, &mut ids).unwrap();
                assert!(tokenizer.decode(&ids).unwrap() == text.as_bytes(), "{name} {run:?}");
            }
        }
    }
}
