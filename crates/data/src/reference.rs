//! Computes losses that need no model: of a uniform guess, of the tokens' frequencies, and of n-grams with
//! back-off, over the whole train text and over growing parts of it. On the scored test text they are
//! lines beside the models.

use crate::ngrams::{LONGEST, ngrams};
use crate::test_loss::TestLoss;
use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use serde::{Deserialize, Serialize};

/// A loss that needs no model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Name: `uniform`, `unigram`, `2-gram` to `8-gram`, or `source` for the synthetic language that made the
    /// text.
    pub name: String,
    /// Number of train tokens that an n-gram has counted; `None` for the whole train text, and in entries
    /// of the cache that earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_tokens: Option<usize>,
    /// Loss on the scored test text.
    #[serde(flatten)]
    pub loss: TestLoss,
}

/// Reference losses of the scored test text, given the train text: those of the whole, then those of n-grams
/// over growing parts of it. `step` gets the work done and the whole of it.
pub(crate) fn references(
    train: &Tokens,
    test: &TestStream,
    vocab_size: usize,
    step: &dyn Fn(u64, u64),
) -> Vec<Reference> {
    let uniform = (vocab_size as f64).ln();
    let mut rows = vec![row("uniform", test, &vec![uniform as f32; test.len()])];
    let mut curve = Vec::new();
    ngrams(train, test, vocab_size, LONGEST, step, |train_tokens, nats| {
        curve.extend((1..).zip(nats).map(|(order, nats)| Reference {
            train_tokens: Some(train_tokens),
            ..row(&name(order), test, nats)
        }));
    });
    // The last part is all that is counted.
    let whole = curve[curve.len() - LONGEST..].iter();
    rows.extend(whole.map(|last| Reference { train_tokens: None, ..last.clone() }));
    rows.extend(curve);
    rows
}

fn name(order: usize) -> String {
    match order {
        1 => "unigram".to_owned(),
        order => format!("{order}-gram"),
    }
}

/// The loss over the whole train text, or without any.
pub(crate) fn row(name: &str, test: &TestStream, nats: &[f32]) -> Reference {
    Reference { name: name.to_owned(), train_tokens: None, loss: test.score(nats) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;

    fn of(train: &[u32]) -> Vec<Reference> {
        let test = TestStream::of_stretches(&Tokenizer::bytes(), &["abcabd", "bca"]).unwrap();
        references(&Tokens::of_ids(256, train), &test, 256, &|_, _| {})
    }

    fn letters(count: usize) -> Vec<u32> {
        (0..count as u64).map(|k| 97 + (k * k / 7 % 5) as u32).collect()
    }

    #[test]
    fn the_last_part_of_the_text_is_the_whole_and_has_its_losses() {
        let found = of(&letters(20_000));
        let whole: Vec<&Reference> = found.iter().filter(|r| r.train_tokens.is_none()).collect();
        assert_eq!(whole.len(), 1 + LONGEST);
        assert_eq!((whole[0].name.as_str(), whole[1].name.as_str()), ("uniform", "unigram"));
        for (one, last) in whole[1..].iter().zip(&found[found.len() - LONGEST..]) {
            assert_eq!((&one.name, one.loss), (&last.name, last.loss));
            assert_eq!(last.train_tokens, Some(20_000));
        }
        assert_eq!(found.len(), 1 + LONGEST + 2 * LONGEST, "8,192 tokens and the whole");
    }

    #[test]
    fn a_text_shorter_than_the_first_part_is_one_part() {
        for count in [1, 127, 128, 8192] {
            let found = of(&letters(count));
            let parts: Vec<usize> = found.iter().filter_map(|r| r.train_tokens).collect();
            assert_eq!(parts, [count; LONGEST]);
        }
    }

    #[test]
    fn a_loss_of_an_earlier_version_is_of_the_whole_text_and_is_written_as_it_was() {
        let old = r#"{"name":"unigram","nats_per_token":3.5,"standard_error":null,"bits_per_byte":5.0,"tokens":9}"#;
        let read: Reference = serde_json::from_str(old).unwrap();
        assert_eq!(read.train_tokens, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        let part = Reference { train_tokens: Some(8192), ..read };
        let json = serde_json::to_string(&part).unwrap();
        assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), part);
    }
}
