//! Tests of an honest split: duplicates, leaks and separate test sources.

use crate::workshop::{Workshop, documents, with};
use isoflop_core::data::{DataOptions, Real};
use isoflop_data::Split;

/// Documents that share no words with one another.
fn apart(count: usize) -> Vec<String> {
    (0..count)
        .map(|document| {
            (0..60)
                .map(|line| {
                    let words = (0..8).map(|at| format!("w{}", (document * 60 + line) * 8 + at));
                    words.collect::<Vec<_>>().join(" ") + "\n"
                })
                .collect()
        })
        .collect()
}

#[test]
fn planted_duplicates_are_removed_or_reported() {
    let shop = Workshop::new();
    let mut all = apart(100);
    // Five documents are copied exactly, and then every document with one word changed.
    for index in 0..5 {
        all.push(all[index].clone());
    }
    for index in 0..100 {
        all.push(all[index].replacen(" w", " changed", 1));
    }
    shop.write_texts("text", &all);
    let options = with("bytes");
    let prepared = shop.prepare(&shop.text("text/*"), &options);
    let metadata = prepared.metadata();
    assert_eq!(metadata.dropped.repeated_documents, 5);
    assert_eq!(metadata.train.documents + metadata.test.documents, 200);
    // A near duplicate of a test document is in the train split unless both are held out.
    let near = &metadata.near;
    assert!(
        near.test * 10 >= metadata.test.documents * 7,
        "{near:?} of {}",
        metadata.test.documents
    );
    assert!(near.train * 10 >= metadata.train.documents * 7, "{near:?}");
    assert_eq!(near.train_compared, metadata.train.documents);
    assert!(near.pairs[0].similarity > 0.9 && near.pairs[0].test != near.pairs[0].train);
    assert!(metadata.overlap.share().unwrap() > 0.7);

    let strict = DataOptions { max_overlap: Real(DataOptions::MAX_OVERLAP), ..options };
    let (message, hint) = shop.refusal(&shop.text("text/*"), &strict);
    assert!(
        message.contains("% of the test 13-grams occur in the train text, more than 10.0 %: "),
        "{message}"
    );
    let (leak, source) =
        message.split_once("% of text/").unwrap().1.split_once(" (as in text/").unwrap();
    let number = |name: &str| name.split('.').next().unwrap().parse::<usize>().unwrap();
    let (leak, source) = (number(leak), number(source));
    // A document and its copy are 105 documents apart.
    assert_eq!(leak.abs_diff(source), 105, "{message}");
    assert!(hint.contains("data.max_overlap"), "{hint}");
}

#[test]
fn documents_that_share_nothing_pass() {
    let shop = Workshop::new();
    shop.write_texts("text", &apart(60));
    let prepared = shop.prepare(&shop.text("text/*"), &DataOptions::default());
    let metadata = prepared.metadata();
    assert_eq!(metadata.overlap.in_train, 0);
    assert!(metadata.leaks.is_empty() && metadata.near.test == 0 && metadata.near.train == 0);
}

#[test]
fn a_test_of_its_own_and_a_fraction_are_held_out() {
    let shop = Workshop::new();
    let all = apart(60);
    shop.write_texts("train", &all[..40]);
    shop.write_texts("test", &all[40..]);
    // A document that is in both the test and the train source is removed from the test.
    shop.write("test/copy.txt", &all[0]);
    let own = DataOptions { test: Some("test/*".to_owned()), ..DataOptions::default() };
    let prepared = shop.prepare(&shop.text("train/*"), &own);
    let metadata = prepared.metadata();
    assert_eq!((metadata.train.documents, metadata.test.documents), (40, 20));
    assert_eq!(metadata.dropped.repeated_documents, 1);
    assert_eq!(metadata.split, Split::Source { test: "test/*".to_owned() });

    let fraction = DataOptions { test_fraction: Some(Real(0.25)), ..DataOptions::default() };
    let prepared = shop.prepare(&shop.text("train/*"), &fraction);
    assert_eq!(prepared.metadata().test.documents, 10);
    assert_eq!(prepared.metadata().split, Split::Document { seed: 0 });
}

#[test]
fn few_documents_give_their_ends() {
    let shop = Workshop::new();
    shop.write("one.txt", "one line\n".repeat(100));
    let prepared = shop.prepare(&shop.text("one.txt"), &with("bytes"));
    let metadata = prepared.metadata();
    assert_eq!(metadata.split, Split::Tail { share: 0.1 });
    assert_eq!((metadata.train.bytes, metadata.test.bytes), (819, 81));
}

#[test]
fn the_split_does_not_depend_on_the_tokenizer() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(50));
    let bytes = |tokenizer: &str| {
        let prepared = shop.prepare(&shop.text("text/*"), &with(tokenizer));
        let metadata = prepared.metadata().clone();
        (
            metadata.train.bytes,
            metadata.test.bytes,
            metadata.scored.bytes,
            metadata.scored.stretches,
        )
    };
    let of_bytes = bytes("bytes");
    for tokenizer in ["gpt2", "cl100k", "bpe:300"] {
        assert_eq!(bytes(tokenizer), of_bytes, "{tokenizer}");
    }
}
