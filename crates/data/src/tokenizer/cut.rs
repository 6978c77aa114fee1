//! Long texts in pieces that tokenize as the whole does.

/// Texts are cut into pieces of about this many bytes, which bounds memory and the work of a regular
/// expression on one string.
const PIECE: usize = 1 << 20;

/// Pieces of a text, cut only between an ASCII letter and a space or line feed that an ASCII letter follows:
/// there the expressions of GPT-2, cl100k and o200k always begin a new word. A text without such a place
/// is one piece.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    cut_at(text, PIECE)
}

fn cut_at(mut text: &str, size: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        let is_cut = |at: &usize| {
            bytes[at - 1].is_ascii_alphabetic()
                && matches!(bytes[*at], b' ' | b'\n')
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
        };
        let cut = (size.max(1)..bytes.len())
            .find(is_cut)
            .unwrap_or(bytes.len());
        let (piece, rest) = text.split_at(cut);
        text = rest;
        Some(piece)
    })
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
            prop_assert_eq!(cut_at(&text, size).collect::<String>(), text.clone());
            for bpe in [
                tiktoken_rs::r50k_base_singleton(),
                tiktoken_rs::cl100k_base_singleton(),
                tiktoken_rs::o200k_base_singleton(),
            ] {
                let whole = bpe.encode_ordinary(&text);
                let cut: Vec<u32> = cut_at(&text, size).flat_map(|piece| bpe.encode_ordinary(piece)).collect();
                prop_assert_eq!(cut, whole, "{:?}", text);
            }
        }
    }
}
