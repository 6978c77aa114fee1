use super::*;
use isoflop_model::{ModelConfig, Shape};

const SWEEP: &str = r#"
name = "t"
[data]
corpus = "rust-docs"
[model]
sizes = ["3k", 10000, "64x4x4", { d_model = 32, n_layers = 2, n_heads = 2 }]
[plan]
isoflop = { budgets = ["1e11", 3e11] }
"#;

fn parse(source: &str) -> Result<Sweep, SpecError> {
    Sweep::parse(Path::new("t.toml"), source.to_owned())
}

fn refusal(from: &str, to: &str) -> String {
    let source = SWEEP.replace(from, to);
    assert_ne!(source, SWEEP);
    let error = parse(&source).unwrap_err();
    format!("{error}\nhint: {}", error.hint().unwrap_or("none"))
}

#[test]
fn sizes_read_as_rungs_numbers_and_shapes() {
    let sweep = parse(SWEEP).unwrap();
    let like = ModelConfig::transformer(Shape::new(8, 1, 1).unwrap(), 256, 128);
    let shapes: Vec<_> = sweep
        .spec()
        .model
        .sizes
        .as_ref()
        .unwrap()
        .get_ref()
        .named()
        .iter()
        .map(|size| {
            (size.get_ref().label(), size.get_ref().shape(&like, None).unwrap().to_string())
        })
        .collect();
    let expected =
        [("3k", "16x1x1"), ("10k", "20x2x1"), ("64x4x4", "64x4x4"), ("32x2x2", "32x2x2")];
    assert_eq!(shapes, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn an_unknown_key_is_shown_with_its_neighbour() {
    insta::assert_snapshot!(refusal("[model]", "[model]\nnorn = \"rms\""), @r#"
        t.toml:6:1: unknown key `norn`
           |
         6 | norn = "rms"
           | ^^^^
        hint: did you mean `norm`? keys here: family, sizes, norm, position, parametrization, tied, output_init, d_head, kv_heads, qk_norm, window, strided, fixed, pattern, activation, ffn_ratio, moe, linear
        "#);
}

#[test]
fn a_misspelt_value_is_shown_with_its_neighbour() {
    insta::assert_snapshot!(refusal("[model]", "[model]\nnorm = \"layr\""), @r#"
        t.toml:6:8: unknown value `layr`
           |
         6 | norm = "layr"
           |        ^^^^^^
        hint: did you mean `layer`? values here: rms, layer
        "#);
}

#[test]
fn what_is_not_a_quantity_is_pointed_at() {
    insta::assert_snapshot!(refusal("\"1e11\"", "\"1e11x\""), @r#"
        t.toml:8:24: `1e11x` is not a quantity; write 30000, 3e4, "30k" or "1.5M"
           |
         8 | isoflop = { budgets = ["1e11x", 3e11] }
           |                        ^^^^^^^
        hint: none
        "#);
}

#[test]
fn a_missing_table_is_named() {
    let text = refusal("[plan]\nisoflop = { budgets = [\"1e11\", 3e11] }\n", "");
    assert!(text.contains("missing field `plan`"), "{text}");
}

#[test]
fn axes_multiply_into_cells_that_override_the_file() {
    let axes = "[axes]\n\"data.corpus\" = [\"rust-docs\", \"rust-code\"]\n\"train.learning_rate\" = [0.001, 0.002]\n";
    let sweep = parse(&format!("{SWEEP}{axes}")).unwrap();
    let series: Vec<_> = sweep.cells().iter().map(|cell| cell.series.as_str()).collect();
    assert_eq!(
        series,
        [
            "data.corpus=rust-docs, train.learning_rate=0.001",
            "data.corpus=rust-docs, train.learning_rate=0.002",
            "data.corpus=rust-code, train.learning_rate=0.001",
            "data.corpus=rust-code, train.learning_rate=0.002",
        ]
    );
    let last = &sweep.cells()[3].spec;
    assert_eq!(*last.train.learning_rate.get_ref(), Rate::Given(0.002));
    assert_eq!(last.data.corpus.as_ref().unwrap().get_ref(), "rust-code");
}

#[test]
fn an_axis_that_is_no_key_is_pointed_at_where_it_stands() {
    let text = refusal("[plan]", "[axes]\n\"data.corpse\" = [\"a\"]\n[plan]");
    insta::assert_snapshot!(text, @r#"
        t.toml:8:1: unknown key `corpse`
           |
         8 | "data.corpse" = ["a"]
           | ^^^^^^^^^^^^^
        hint: did you mean `corpus`? keys here: corpus, text, jsonl, parquet, tokens, hf, synthetic, mixture, field, column, files, tokenizer, context, test_tokens, test_fraction, test, split_seed, max_overlap, unique_tokens, quality, invalid, mask_documents
        "#);
}

#[test]
fn an_axis_over_what_defines_the_sweep_is_refused() {
    for key in ["name", "plan.isoflop", "model.sizes", "train.seeds"] {
        let text = refusal("[plan]", &format!("[axes]\n\"{key}\" = [\"a\"]\n[plan]"));
        assert!(text.contains(&format!("`{key}` cannot be an axis")), "{text}");
    }
}
