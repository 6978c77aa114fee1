//! Trains BPE on the train split, at the byte level and with GPT-2's rules for words.

use super::cut::words;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

/// Maximum bytes of train text that a vocabulary is trained on.
pub(crate) const TRAIN_BYTES: u64 = 1 << 27;

/// Name of the separator, which has id 0; the 256 bytes and then the merges follow.
const SEPARATOR: &str = "<|endoftext|>";

/// The JSON of a tokenizer of `vocab_size` tokens that is trained on the texts.
pub(crate) fn train(
    vocab_size: usize,
    texts: impl Iterator<Item = String> + Send,
) -> Result<Vec<u8>, String> {
    let rules = ByteLevel::new(false, true, true);
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .show_progress(false)
        .min_frequency(2)
        .initial_alphabet(alphabet.into_iter().collect())
        .special_tokens(vec![AddedToken::from(SEPARATOR, true)])
        .build();
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(rules));
    tokenizer.with_decoder(Some(rules));
    let said = |error: tokenizers::Error| error.to_string();
    let mut trainer: TrainerWrapper = trainer.into();
    let words = |text: String| words(&text).map(str::to_owned).collect::<Vec<_>>();
    let words = texts.flat_map(words);
    tokenizer.train(&mut trainer, words).map_err(said)?;
    let json = tokenizer.to_string(false).map_err(said)?;
    Ok(json.into_bytes())
}
