//! Tests the reasons why records of an earlier version of a sweep file are not reused.

use crate::fake::{Fake, bench_of, plan_over};
use isoflop_sweep::reuse::{Reuse, reuse};

const SWEEP: &str = r#"
name = "fake"
[data]
corpus = "any"
context = 32
[model]
sizes = ["4x1x1", "8x1x1", "12x1x1"]
[plan]
grid = { tokens = ["10k", "20k", "40k"] }
[train]
batch_tokens = 256
learning_rate = 0.01
"#;

/// Trains [`SWEEP`], edits it, and compares the records with its plan over a text with this digest.
fn after(digest: &str, edits: &[(&str, &str)]) -> Reuse {
    let bench = bench_of(SWEEP);
    bench.work(&mut Fake::default());
    let mut source = SWEEP.to_owned();
    for (was, is) in edits {
        assert!(source.contains(was), "{was}");
        source = source.replace(was, is);
    }
    reuse(&plan_over(digest, &source), &bench.folder).unwrap()
}

/// The only reason, which all nine records must share.
fn reason(edits: &[(&str, &str)]) -> String {
    let found = after(&"0".repeat(16), edits).reasons();
    let [(why, 9)] = &found[..] else {
        panic!("{found:?}");
    };
    let why = why.strip_prefix("against the nearest planned run, ");
    why.unwrap().to_owned()
}

#[test]
fn an_edit_is_the_reason_that_every_earlier_run_is_told_apart_by() {
    for (was, is, why) in [
        ("rate = 0.01", "rate = 0.03", "learning_rate 0.01 is now 0.03"),
        ("tokens = 256", "tokens = 512", "batch_tokens 256 is now 512"),
        ("context = 32", "context = 64", "context 32 is now 64"),
        ("rate = 0.01", "rate = 0.01\nseeds = [1]", "seed 0 is now 1"),
        ("rate = 0.01", "rate = 0.01\ndropout = 0.1", "dropout 0.0 is now 0.1"),
        ("rate = 0.01", "rate = 0.01\nbetas = [0.8, 0.95]", "beta2 0.98 is now 0.95"),
        ("rate = 0.01", "rate = 0.01\nrules = 1", "output_init zero is now scaled"),
        ("rate = 0.01", "rate = 0.01\nclip = 2", "clip 1.0 is now 2.0"),
        ("rate = 0.01", "rate = 0.01\nschedule = \"linear\"", "schedule wsd is now linear"),
        ("[plan]", "norm = \"layer\"\n[plan]", "norm rms is now layer"),
        ("[plan]", "position = \"learned\"\n[plan]", "position rope is now learned"),
    ] {
        let found = reason(&[(was, is)]);
        assert_eq!(found, why, "{is}");
    }
}

#[test]
fn several_edits_at_once_are_all_named() {
    let found = reason(&[("rate = 0.01", "rate = 0.03"), ("tokens = 256", "tokens = 512")]);
    assert_eq!(found, "batch_tokens 256 is now 512, learning_rate 0.01 is now 0.03");
}

#[test]
fn what_follows_from_an_edit_is_not_named_beside_it() {
    let auto = [("learning_rate = 0.01\n", ""), ("batch_tokens = 256\n", "")];
    let bench = bench_of(&auto.iter().fold(SWEEP.to_owned(), |text, (a, b)| text.replace(a, b)));
    bench.work(&mut Fake::default());
    let edited =
        SWEEP.replace("learning_rate = 0.01\n", "").replace("tokens = 256", "tokens = 1024");
    let plan = plan_over(&"0".repeat(16), &edited);
    let reasons = reuse(&plan, &bench.folder).unwrap().reasons();
    assert_eq!(
        reasons,
        [("against the nearest planned run, batch_tokens 512 is now 1024".to_owned(), 9)]
    );
}

#[test]
fn an_edited_text_is_the_reason_whatever_else_is_the_same() {
    let found = after("abcdefabcdefabcd", &[]).reasons();
    let [(why, 9)] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(
        why.ends_with("the text has changed: data_digest 0000000000000000 is now abcdefabcdefabcd"),
        "{why}"
    );
    let found =
        after("abcdefabcdefabcd", &[("context = 32", "context = 32\ntokenizer = \"gpt2\"")]);
    assert_eq!(
        found.reasons(),
        [("against the nearest planned run, tokenizer bytes is now gpt2".to_owned(), 9)]
    );
}

#[test]
fn sizes_and_lengths_that_are_gone_are_told_by_the_nearest_that_are_there() {
    let found = after(&"0".repeat(16), &[("\"12x1x1\"", "\"16x1x1\"")]);
    assert_eq!((found.reused.len(), found.new.len(), found.orphaned.len()), (6, 3, 3));
    // By the logarithm of N, 16 is nearer to 12 than 8 is.
    assert!(found.orphaned.iter().all(|orphan| orphan.why.contains("d_model 12 is now 16")));
    let found = after(&"0".repeat(16), &[("\"40k\"", "\"60k\"")]);
    assert_eq!(found.orphaned.len(), 3);
    for orphan in &found.orphaned {
        assert!(orphan.why.contains("run, steps 156 is now 234"), "{}", orphan.why);
    }
}
