//! A `tokenizer.json` through the `tokenizers` crate.

use std::collections::HashMap;
use tokenizers::Tokenizer;

/// Names under which tokenizers know the end of a text, the commonest first.
const SEPARATORS: [&str; 7] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|eos|>",
    "[SEP]",
    "<|im_end|>",
];

/// A tokenizer, and what of it is asked for often.
pub(super) struct FileTokenizer {
    tokenizer: Tokenizer,
    json: Vec<u8>,
    separator: u32,
    vocab_size: usize,
    /// Bytes of each id where the vocabulary is byte-level; else decoding is the tokenizer's own.
    bytes: Option<Vec<Vec<u8>>>,
}

impl FileTokenizer {
    pub(super) fn new(json: &[u8]) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        // Text is text: a special token written out in it is not that token. No padding, no cutting.
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| error.to_string())?;
        let vocabulary = tokenizer.get_vocab(true);
        let highest = vocabulary.values().max().map_or(0, |&id| id as usize + 1);
        let known = SEPARATORS
            .iter()
            .find_map(|name| tokenizer.token_to_id(name));
        // Without one, an id after the last.
        let separator = known.unwrap_or(highest as u32);
        let vocab_size = highest.max(separator as usize + 1);
        let bytes = is_byte_level(&tokenizer).then(|| byte_table(&tokenizer, vocab_size));
        Ok(FileTokenizer {
            tokenizer,
            json: json.to_vec(),
            separator,
            vocab_size,
            bytes,
        })
    }

    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }

    pub(super) fn separator(&self) -> u32 {
        self.separator
    }

    pub(super) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        let encoding = self.tokenizer.encode_fast(text, false);
        ids.extend(encoding.map_err(|error| error.to_string())?.get_ids());
        Ok(())
    }

    pub(super) fn decode(&self, ids: &[u32]) -> Option<Vec<u8>> {
        if ids.iter().any(|&id| id as usize >= self.vocab_size) {
            return None;
        }
        match &self.bytes {
            Some(bytes) => Some(
                ids.iter()
                    .flat_map(|&id| &bytes[id as usize])
                    .copied()
                    .collect(),
            ),
            None => self
                .tokenizer
                .decode(ids, false)
                .ok()
                .map(String::into_bytes),
        }
    }
}

fn is_byte_level(tokenizer: &Tokenizer) -> bool {
    use tokenizers::DecoderWrapper;
    matches!(tokenizer.get_decoder(), Some(DecoderWrapper::ByteLevel(_)))
}

/// The bytes of each id. GPT-2 writes a byte of a token as a character: itself where that can be seen, else
/// the next unused one from U+0100 on.
fn byte_table(tokenizer: &Tokenizer, vocab_size: usize) -> Vec<Vec<u8>> {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100u32;
    let mut of_char = HashMap::new();
    for byte in 0..=255u8 {
        let code = match seen(byte) {
            true => u32::from(byte),
            false => {
                next += 1;
                next - 1
            }
        };
        of_char.insert(char::from_u32(code).expect("a code below U+0200"), byte);
    }
    let plain = tokenizer.get_added_tokens_decoder();
    (0..vocab_size as u32)
        .map(|id| {
            let Some(token) = tokenizer.id_to_token(id) else {
                return Vec::new();
            };
            match plain.contains_key(&id) {
                true => token.into_bytes(),
                false => token
                    .chars()
                    .flat_map(|c| match of_char.get(&c) {
                        Some(&byte) => vec![byte],
                        None => c.to_string().into_bytes(),
                    })
                    .collect(),
            }
        })
        .collect()
}
