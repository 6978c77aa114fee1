//! Runs a `tokenizer.json` by means of the `tokenizers` crate.

use super::guard::{Stopped, within};
use super::outline::{Outline, stopped_in};
use crate::limits::LONGEST_DOCUMENT;
use isoflop_core::text::shown;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokenizers::Tokenizer;

/// Names of the end-of-text token in known tokenizers, the commonest first.
const SEPARATORS: [&str; 7] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[SEP]", "<|im_end|>"];

/// Maximum ids of a vocabulary; the largest known one has 262,144.
const MOST_IDS: usize = 1 << 22;

/// Time limit of encoding or decoding one text: this long, and `PER_BYTE` for each of its bytes.
/// Ordinary tokenizers take a microsecond a byte.
const PATIENCE: Duration = Duration::from_secs(5);
const PER_BYTE: Duration = Duration::from_micros(20);

/// Mean time per byte above which a tokenizer is given up, once all texts together took
/// [`PATIENCE`].
const SLOW: Duration = Duration::from_micros(100);

/// Time limit of trying a tokenizer, and of reading it; reading has `PER_BYTE_READ` more for each
/// byte.
const TRIAL: Duration = Duration::from_secs(5);
const PER_BYTE_READ: Duration = Duration::from_micros(1);

/// A tokenizer read from a file, with those of its properties that are often asked for.
pub(super) struct FileTokenizer {
    inner: Arc<Inner>,
    json: Vec<u8>,
    separator: u32,
    vocab_size: usize,
    /// Id of the token for text that the vocabulary lacks.
    unknown: Option<u32>,
    /// Regular expressions of the tokenizer, as written.
    patterns: Vec<String>,
    /// Whether decoding puts a space before every text.
    prefix: bool,
    spent: Spent,
}

/// Time and bytes that all threads together have spent so far.
#[derive(Default)]
struct Spent {
    micros: AtomicU64,
    bytes: AtomicU64,
    /// Reason for which the tokenizer is no longer used. An abandoned thread runs on, so there must
    /// be few of them.
    given_up: OnceLock<String>,
}

struct Inner {
    tokenizer: Tokenizer,
    /// Bytes of each id, if the vocabulary is byte-level; `None` leaves decoding to the tokenizer
    /// itself.
    bytes: Option<Vec<Vec<u8>>>,
}

impl FileTokenizer {
    /// Reads a tokenizer and tries it, both on a thread of its own.
    pub(super) fn new(json: &[u8]) -> Result<Self, String> {
        let outline = Outline::of(json)?;
        let owned = json.to_vec();
        let limit = TRIAL + PER_BYTE_READ * u32::try_from(json.len()).unwrap_or(u32::MAX);
        let read = within(limit, move || {
            let inner = Inner::read(&owned)?;
            let prefix = inner.round_trip("a").as_deref() == Some(b" a");
            Ok::<_, String>((inner, prefix))
        });
        let (inner, prefix) = read.map_err(|stopped| outline.stopped(&stopped, limit, None))??;
        let vocabulary = inner.tokenizer.get_vocab(true);
        let highest = vocabulary.values().max().map_or(0, |&id| id as usize + 1);
        let known = SEPARATORS.iter().find_map(|name| inner.tokenizer.token_to_id(name));
        // Without a known name, the separator is a new id after the last.
        let separator = known.unwrap_or(highest as u32);
        let tokenizer = FileTokenizer {
            separator,
            vocab_size: highest.max(separator as usize + 1),
            unknown: outline.unknown(&inner.tokenizer),
            inner: Arc::new(inner),
            json: json.to_vec(),
            patterns: outline.patterns,
            prefix,
            spent: Spent::default(),
        };
        tokenizer.trial()?;
        Ok(tokenizer)
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

    pub(super) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// Whether decoding puts a space before every text.
    pub(super) fn prefix(&self) -> bool {
        self.prefix
    }

    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        let owned = text.to_owned();
        let limit = PATIENCE + PER_BYTE * u32::try_from(text.len()).unwrap_or(u32::MAX);
        let work = move |inner: &Inner| inner.encode(&owned);
        ids.extend(self.within(limit, text.len(), work)??);
        Ok(())
    }

    /// Bytes of the ids; `None` where an id is not in the vocabulary, or where they decode to more
    /// than a document may hold.
    pub(super) fn decode(&self, ids: &[u32]) -> Option<Vec<u8>> {
        if ids.iter().any(|&id| id as usize >= self.vocab_size) {
            return None;
        }
        if let Some(bytes) = &self.inner.bytes {
            return spelt(bytes, ids);
        }
        let owned = ids.to_vec();
        let limit = PATIENCE + PER_BYTE * u32::try_from(4 * ids.len()).unwrap_or(u32::MAX);
        self.within(limit, 4 * ids.len(), move |inner| inner.decode(&owned)).ok()?
    }

    /// Runs work over this many bytes on a thread of its own and limits its time.
    fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        bytes: usize,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, String> {
        if let Some(why) = self.spent.given_up.get() {
            return Err(why.clone());
        }
        let inner = self.inner.clone();
        let begun = Instant::now();
        let done = within(limit, move || work(&inner));
        let spent = &self.spent;
        let micros = begun.elapsed().as_micros() as u64;
        let micros = micros + spent.micros.fetch_add(micros, Ordering::Relaxed);
        let all = bytes as u64 + spent.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let took = Duration::from_micros(micros);
        let why = match &done {
            Err(stopped) => stopped_in(&self.patterns, stopped, limit, Some(bytes)),
            Ok(_) if took > PATIENCE && took > SLOW * u32::try_from(all).unwrap_or(u32::MAX) => {
                stopped_in(&self.patterns, &Stopped::Late, took, Some(all as usize))
            }
            Ok(_) => return done.map_err(|_| String::new()),
        };
        if !matches!(done, Err(Stopped::Failed(_))) {
            let _ = spent.given_up.set(why.clone());
        }
        Err(why)
    }

    /// Tries texts that expose a bad regular expression, before any long text is encoded.
    fn trial(&self) -> Result<(), String> {
        let texts = trial_texts(&self.patterns);
        let bytes = texts.iter().map(String::len).max().unwrap_or(0);
        self.within(TRIAL, bytes, move |inner| {
            for text in &texts {
                // An error is ignored here: text without a token is reported when it occurs in the
                // data.
                let _ = inner.encode(text);
            }
        })
    }
}

impl Inner {
    fn read(json: &[u8]) -> Result<Self, String> {
        let mut tokenizer =
            Tokenizer::from_bytes(json).map_err(|error| shown(&error.to_string()))?;
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if highest as usize >= MOST_IDS {
            return Err(format!(
                "its vocabulary has the id {highest}, and ids below {MOST_IDS} are read"
            ));
        }
        // A special token that is written out in a text is ordinary text. Nothing is padded or
        // truncated.
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| shown(&error.to_string()))?;
        // The separator may be an id beyond the highest.
        let bytes = is_byte_level(&tokenizer).then(|| byte_table(&tokenizer, highest as usize + 2));
        Ok(Inner { tokenizer, bytes })
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, false);
        let encoding = encoding.map_err(|error| shown(&error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    fn decode(&self, ids: &[u32]) -> Option<Vec<u8>> {
        match &self.bytes {
            Some(bytes) => spelt(bytes, ids),
            None => {
                let length =
                    |id: &u32| self.tokenizer.id_to_token(*id).map_or(0, |token| token.len());
                if ids.iter().map(length).sum::<usize>() > LONGEST_DOCUMENT {
                    return None;
                }
                let text = self.tokenizer.decode(ids, false).ok()?;
                Some(text.into_bytes())
            }
        }
    }

    fn round_trip(&self, text: &str) -> Option<Vec<u8>> {
        self.decode(&self.encode(text).ok()?)
    }
}

/// The concatenated bytes of the ids.
fn spelt(bytes: &[Vec<u8>], ids: &[u32]) -> Option<Vec<u8>> {
    let of = |id: &u32| bytes.get(*id as usize).map_or(&[][..], Vec::as_slice);
    let length: usize = ids.iter().map(|id| of(id).len()).sum();
    (length <= LONGEST_DOCUMENT).then(|| ids.iter().flat_map(of).copied().collect())
}

/// Texts of every kind, and long runs of the characters in the patterns, over which a pattern with
/// nested repeats takes exponential time.
fn trial_texts(patterns: &[String]) -> Vec<String> {
    const TEXT: &str = "The quick brown fox, aged 37, doesn't jump: `fn main() { x += 1_000; }`\n\tna\u{ef}ve \
                        \u{4e16}\u{754c} \u{1f980}  --- 3.14e-10 https://example.org/a?b=c\r\n";
    const RUN: usize = 1 << 11;
    let letters: BTreeSet<char> = patterns
        .iter()
        .flat_map(|pattern| pattern.chars())
        .chain(" \na0-".chars())
        .filter(|letter| !letter.is_control() || *letter == '\n')
        .take(1 << 12)
        .collect();
    let mut texts = vec![TEXT.repeat(16)];
    for letter in letters.iter().take(64) {
        let run: String = std::iter::repeat_n(*letter, RUN).collect();
        texts.push(format!("{run}\u{1}"));
    }
    texts
}

/// Whether tokens spell their bytes as those of GPT-2 do, judged by the decoder or, without one, by
/// the pre-tokenizer.
fn is_byte_level(tokenizer: &Tokenizer) -> bool {
    use tokenizers::{DecoderWrapper, PreTokenizerWrapper};
    fn cuts(by: &PreTokenizerWrapper) -> bool {
        match by {
            PreTokenizerWrapper::ByteLevel(_) => true,
            PreTokenizerWrapper::Sequence(all) => all.as_ref().iter().any(cuts),
            _ => false,
        }
    }
    match tokenizer.get_decoder() {
        Some(DecoderWrapper::ByteLevel(_)) => true,
        Some(_) => false,
        None => tokenizer.get_pre_tokenizer().is_some_and(cuts),
    }
}

/// The bytes of each id. GPT-2 writes a byte of a token as a character: a visible one as itself,
/// any other as the next unused character from U+0100 on.
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
