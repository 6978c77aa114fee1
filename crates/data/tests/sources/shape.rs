//! Tests of data as an axis of a sweep: subsets, filters, mixtures, languages and vocabularies.

use crate::workshop::{Workshop, documents, with};
use isoflop_core::data::{DataOptions, DataSource, Language, Quality, Real, Share};
use isoflop_data::Prepared;

fn train(prepared: &Prepared) -> Vec<i32> {
    let train = prepared.load(&|_| {}).unwrap().train;
    train.range(0..train.len()).collect()
}

#[test]
fn subsets_are_nested_exact_and_scored_on_the_same_text() {
    let shop = Workshop::new();
    shop.write_texts("text", &documents(60));
    let source = shop.text("text/*");
    let subset = |tokens| {
        let options = DataOptions { unique_tokens: Some(tokens), ..with("bytes") };
        shop.prepare(&source, &options)
    };
    let (small, large) = (subset(2048), subset(8192));
    let whole = shop.prepare(&source, &with("bytes"));
    assert_eq!(train(&small).len(), 2049);
    assert_eq!(small.metadata().windows(64).unwrap().tokens(), 2048);
    assert_eq!(train(&large)[..2049], train(&small));
    assert_eq!(small.metadata().scored, whole.metadata().scored);
    assert_ne!(small.metadata().digest, whole.metadata().digest);
    let bytes = small.metadata().train.bytes as usize;
    assert_eq!(bytes + small.metadata().train.documents - 1, 2049);
    // Fewer train tokens make a worse n-gram model.
    let loss = |prepared: &Prepared| prepared.metadata().references[2].loss.nats_per_token;
    assert!(loss(&small) > loss(&large) && loss(&large) > loss(&whole));
}

#[test]
fn filters_act_on_the_train_side_alone() {
    let shop = Workshop::new();
    let mut all = documents(60);
    for text in all.iter_mut().skip(40) {
        *text = "{{}} [[]] ((;;)) == != <<>> ".repeat(30) + text.lines().next().unwrap();
    }
    shop.write_texts("text", &all);
    let source = shop.text("text/*");
    let raw = shop.prepare(&source, &with("bytes"));
    let quality = Quality { max_symbols: Some(Real(0.4)), ..Quality::default() };
    let filtered = shop.prepare(&source, &DataOptions { quality, ..with("bytes") });
    let (raw, filtered) = (raw.metadata(), filtered.metadata());
    assert_eq!(raw.scored, filtered.scored);
    assert_eq!(raw.test, filtered.test);
    assert_eq!(raw.train.documents - filtered.train.documents, filtered.dropped.poor_documents);
    assert!((14..=20).contains(&filtered.dropped.poor_documents), "{:?}", filtered.dropped);
}

#[test]
fn a_mixture_has_its_parts_by_their_weights() {
    let shop = Workshop::new();
    let all = documents(300);
    shop.write_texts("a", &all[..200]);
    shop.write_texts("b", &all[200..]);
    // The documents of b get a mark.
    for index in 0..100 {
        shop.write(&format!("b/{index:04}.txt"), all[200 + index].replace("river", "RIVER"));
    }
    let share = |weight, pattern| Share { weight: Real(weight), source: shop.text(pattern) };
    let mixture = |a, b| {
        let source = DataSource::Mixture(vec![share(a, "a/*"), share(b, "b/*")]);
        shop.prepare(&source, &with("bytes"))
    };
    let shares = |prepared: &Prepared| {
        let ids = train(prepared);
        let documents: Vec<&[i32]> =
            ids.split(|&id| id == 0).filter(|ids| !ids.is_empty()).collect();
        let marked = |ids: &&&[i32]| ids.contains(&i32::from(b'R'));
        let bytes: usize = documents.iter().map(|ids| ids.len()).sum();
        documents.iter().filter(marked).map(|ids| ids.len()).sum::<usize>() as f64 / bytes as f64
    };
    for (a, b) in [(3.0, 1.0), (1.0, 1.0), (1.0, 9.0)] {
        let prepared = mixture(a, b);
        let seen = shares(&prepared);
        assert!((seen - b / (a + b)).abs() < 0.02, "{seen} of {a}:{b}");
        assert!(prepared.metadata().dropped.left_documents > 0);
    }
    assert_eq!(mixture(3.0, 1.0).metadata().digest, mixture(3.0, 1.0).metadata().digest);
}

#[test]
fn a_language_brings_its_entropy_and_its_own_score() {
    let shop = Workshop::new();
    for language in [
        Language::Markov { symbols: 20, order: 1, branching: 5, bytes: 3_000_000, seed: 3 },
        Language::Patterns {
            patterns: 200,
            exponent: Real(0.5),
            length: 10,
            bytes: 3_000_000,
            seed: 3,
        },
        Language::Walk {
            nodes: 500,
            degree: 20,
            exponent: Some(Real(0.5)),
            bytes: 1_000_000,
            seed: 3,
        },
        Language::Grammar { symbols: 5, levels: 5, copy: Real(0.7), bytes: 1_000_000, seed: 3 },
    ] {
        let order_one = matches!(language, Language::Markov { .. });
        let prepared = shop.prepare(&DataSource::Synthetic(language), &DataOptions::default());
        let metadata = prepared.metadata();
        let rate = metadata.entropy.unwrap();
        assert_eq!(metadata.exponents.is_some(), !order_one);
        assert_eq!(metadata.correlations.as_ref().unwrap()[0].distance, 1);
        let row = |name: &str| {
            let found = metadata.references.iter().find(|row| row.name == name);
            found.unwrap().loss
        };
        let source = row("source");
        assert_eq!(source.tokens, metadata.scored.tokens);
        let off = source.nats_per_token - rate.nats_per_byte_token;
        assert!(off.abs() < 4.0 * source.standard_error.unwrap(), "{off}");
        assert!(row("5-gram").nats_per_token > source.nats_per_token);
        assert!(row("unigram").nats_per_token < row("uniform").nats_per_token);
        // A chain of order one has a state that an n-gram model can see.
        if order_one {
            assert!(row("5-gram").nats_per_token < source.nats_per_token * 1.02);
        }
        let under_gpt2 = shop.prepare(
            &DataSource::Synthetic(Language::Markov {
                symbols: 20,
                order: 1,
                branching: 5,
                bytes: 3_000_000,
                seed: 3,
            }),
            &with("gpt2"),
        );
        if order_one {
            let floor = under_gpt2.metadata().entropy_per_token().unwrap();
            let per_byte = floor * under_gpt2.metadata().scored.tokens as f64;
            let expected =
                rate.bits_per_byte * 2f64.ln() * under_gpt2.metadata().scored.bytes as f64;
            assert!((per_byte / expected - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn a_learnt_vocabulary_is_the_same_each_time_and_kept() {
    let (first, second) = (Workshop::new(), Workshop::new());
    let all = documents(80);
    let json = |shop: &Workshop| {
        shop.write_texts("text", &all);
        let prepared = shop.prepare(&shop.text("text/*"), &with("bpe:400"));
        assert_eq!(prepared.metadata().tokenizer, "bpe:400");
        assert!(prepared.metadata().vocab_size <= 400);
        let samples = prepared.samples(3, &|_| {}).unwrap();
        assert!(all.contains(&samples[0]), "{samples:?}");
        (prepared.tokenizer_json().unwrap(), prepared.metadata().digest.clone())
    };
    let (of_first, digest) = json(&first);
    assert_eq!((of_first.clone(), digest), json(&second));
    // The trained tokenizer, used again as a file, makes the same tokens under another name.
    first.write("tokenizer.json", &of_first);
    let path = first.path("tokenizer.json").to_string_lossy().into_owned();
    let again = first.prepare(&first.text("text/*"), &with(&path));
    let learnt = first.prepare(&first.text("text/*"), &with("bpe:400"));
    assert_eq!(train(&again), train(&learnt));
    assert!(again.metadata().tokenizer.starts_with("tokenizer.json:"));
}
