//! Options of a model in a sweep file: what they become, and which are refused where.

use super::{plan, refusal};
use crate::row::row_of_plan;
use isoflop_model::{
    Aft, Balance, Dense, Experts, FeedForward, Gate, Linear, Mixer, ModelConfig, Position, Reach,
    Recurrent,
};
use isoflop_results::schema::Value;

const SWEEP: &str = r#"
name = "t"
[data]
corpus = "rust-docs"
[model]
sizes = ["64x4"]
[plan]
grid = { tokens = ["1M"] }
"#;

fn with(options: &str) -> String {
    SWEEP.replace("sizes = [\"64x4\"]", &format!("sizes = [\"64x4\"]\n{options}"))
}

fn model(options: &str) -> ModelConfig {
    let plan = plan(&with(options)).unwrap();
    assert_eq!(plan.runs().len(), 1, "{options}");
    plan.runs()[0].config.model
}

fn id(options: &str) -> String {
    plan(&with(options)).unwrap().runs()[0].id().to_owned()
}

#[test]
fn every_option_reaches_the_model() {
    let attention = |options| *model(options).mixer.attention().unwrap();
    assert_eq!(attention("kv_heads = 2").kv_heads, Some(2));
    assert!(attention("qk_norm = true").qk_norm);
    assert_eq!(attention("window = 32").reach, Reach::Window(32));
    assert_eq!(attention("strided = 16").reach, Reach::Strided(16));
    assert_eq!(attention("fixed = 32").reach, Reach::Fixed { block: 32, columns: 4 });
    let fixed = attention("fixed = { block = 16, columns = 3 }").reach;
    assert_eq!(fixed, Reach::Fixed { block: 16, columns: 3 });
    assert_eq!(attention("window = 32\npattern = \"LLLG\"").pattern.unwrap().to_string(), "LLLG");
    assert!(model("tied = true").tied);
    assert_eq!(model("d_head = 32").shape.n_heads, 2);
    let width = |options| match model(options).feed_forward {
        FeedForward::Dense(dense) => (dense.activation.name(), dense.width(64)),
        other => panic!("{other:?}"),
    };
    assert_eq!(width("activation = \"swiglu\""), ("swiglu", 168));
    assert_eq!(width("activation = \"relu2\"\nffn_ratio = 2"), ("relu2", 128));
    assert_eq!(width("ffn_ratio = \"3/2\""), ("gelu", 96));
}

#[test]
fn a_mixture_has_the_options_of_its_table_and_of_its_networks() {
    let experts = |options: &str| match model(&format!("family = \"moe\"\n{options}")).feed_forward
    {
        FeedForward::Experts(experts) => experts,
        other => panic!("{other:?}"),
    };
    assert_eq!(experts(""), Experts::default());
    let fine = experts(
        "activation = \"swiglu\"\n[model.moe]\nexperts = 16\nactive = 4\nshared = 1\n\
         granularity = 4\ngate = \"sigmoid\"\nbalance = \"bias\"",
    );
    let expected = Experts {
        experts: 16,
        active: 4,
        shared: 1,
        granularity: 4,
        gate: Gate::Sigmoid,
        balance: Balance::Bias,
        like: Dense { activation: isoflop_model::Activation::Swiglu, ratio: None },
    };
    assert_eq!(fine, expected);
    assert_eq!(experts("[model.moe]\nactive = 1").gate, Gate::Plain);
}

#[test]
fn attention_free_mixing_with_biases_has_a_window() {
    let aft = |options: &str| match model(options).mixer {
        Mixer::Aft(form) => form,
        other => panic!("{other:?}"),
    };
    assert_eq!(aft("family = \"aft-full\""), Aft::Full);
    assert_eq!(aft("family = \"aft-local\""), Aft::Local { window: 32 });
    assert_eq!(aft("family = \"aft-local\"\nwindow = 9"), Aft::Local { window: 9 });
    let axes = "\n[axes]\n\"model.window\" = [0, 8, 128, \"full\"]\n";
    let plan = plan(&format!("{}{axes}", with("family = \"aft-local\""))).unwrap();
    let ids: Vec<&str> = plan.runs().iter().map(|run| run.id()).collect();
    let others = ["aft", "aft-full"].map(|family| id(&format!("family = \"{family}\"")));
    // A window of all tokens is one run with that of 128, which is the context.
    let local = id("family = \"aft-local\"\nwindow = 8");
    assert_eq!(ids, [others[0].as_str(), &local, &others[1]]);
}

#[test]
fn linear_attention_has_the_heads_of_attention_and_the_options_of_its_table() {
    let plain = model("family = \"linear\"");
    assert_eq!(plain.shape, model("").shape);
    assert_eq!((plain.mixer, plain.position), (Mixer::Linear(Linear::default()), Position::None));
    assert_eq!(plain.feed_forward, FeedForward::default());
    assert_eq!(model("family = \"linear\"\nd_head = 32").shape.n_heads, 2);
    let chunk = model("family = \"linear\"\n[model.linear]\nchunk = 16");
    assert_eq!(chunk.mixer, Mixer::Linear(Linear { chunk: 16, delta: false }));
    let delta = model("family = \"linear\"\n[model.linear]\ndelta = true");
    assert_eq!(delta.mixer, Mixer::Linear(Linear { chunk: 32, delta: true }));
    let same = id("family = \"linear\"\nlinear = { chunk = 32 }");
    assert_eq!(same, id("family = \"linear\""));
    assert_eq!(same, id("family = \"linear\"\nlinear = { delta = false }"));
    for other in ["chunk = 16", "delta = true"] {
        assert_ne!(same, id(&format!("family = \"linear\"\nlinear = {{ {other} }}")));
    }
}

#[test]
fn options_that_change_nothing_are_the_same_run() {
    let plain = id("");
    for options in [
        "kv_heads = 4",
        "qk_norm = false",
        "window = 128",
        "window = \"full\"\npattern = \"LG\"",
        "strided = 1",
        "fixed = 128",
        "window = 32\npattern = \"G\"",
        "activation = \"gelu\"\nffn_ratio = 4",
        "tied = false",
        "d_head = 16",
        "family = \"moe\"\nmoe = { experts = 1, active = 1 }",
    ] {
        assert_eq!(id(options), plain, "{options}");
    }
    let mut others = vec![plain];
    for options in [
        "kv_heads = 2",
        "qk_norm = true",
        "window = 32",
        "window = 33",
        "window = 32\npattern = \"LG\"",
        "strided = 32",
        "fixed = 32",
        "activation = \"swiglu\"",
        "activation = \"swiglu\"\nffn_ratio = 4",
        "tied = true",
        "d_head = 8",
        "family = \"moe\"",
        "family = \"moe\"\nmoe = { balance = \"bias\" }",
    ] {
        let id = id(options);
        assert!(!others.contains(&id), "{options} is {id}");
        others.push(id);
    }
}

#[test]
fn a_row_says_what_the_options_are() {
    let columns = |options: &str, names: &[&str]| {
        let plan = plan(&with(options)).unwrap();
        let row = row_of_plan("t", &plan.runs()[0]);
        let value = |name: &&str| {
            let at = isoflop_results::RunRow::COLUMNS.iter().position(|c| c.name == *name);
            match &row.values()[at.unwrap()] {
                Value::Null => "null".to_owned(),
                other => other.to_string(),
            }
        };
        names.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let names = ["kv_heads", "qk_norm", "window", "pattern", "head", "activation", "d_ff"];
    assert_eq!(columns("", &names), "null none null null own gelu 256");
    let options = "kv_heads = 1\nqk_norm = true\nwindow = 9\npattern = \"LG\"\ntied = true\n\
                   activation = \"swiglu\"";
    assert_eq!(columns(options, &names), "1 rms 9 LG tied swiglu 168");
    assert_eq!(columns("family = \"aft-local\"", &["mixer", "window"]), "aft-local 32");
    assert_eq!(columns("family = \"aft-full\"", &["mixer", "window"]), "aft-full null");
    let names = ["experts", "active_experts", "shared_experts", "granularity", "gate", "balance"];
    assert_eq!(columns("", &names), "null null null null null null");
    assert_eq!(columns("family = \"moe\"", &names), "8 2 0 1 renorm loss");
    let mixture = columns("family = \"moe\"", &["n_non_embedding", "n_active_non_embedding"]);
    let attention_and_norms = 4 * (4 * 64 * 64 + 2 * 64) + 64;
    let (router, expert) = (4 * 64 * 8, 4 * 2 * 64 * 256);
    let total = attention_and_norms + router + 8 * expert;
    let active = attention_and_norms + router + 2 * expert;
    assert_eq!(mixture, format!("{total} {active}"));
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let sizes = "sizes = [\"3k\", \"10k\", \"30k\"]";
    let refused = |options: &str| refusal(sizes, &format!("{sizes}\n{options}"));
    for (options, place, message, hint) in [
        ("window = 0", "7:10", "a window of 0 tokens", "window = 64 is"),
        ("window = \"wide\"", "7:10", "`wide` is no window", "none"),
        ("strided = 0", "7:11", "a stride of 0", "strided = 16"),
        ("fixed = { block = 4, columns = 9 }", "7:9", "9 columns", "1 to 4 columns"),
        ("pattern = \"LXG\"\nwindow = 8", "7:11", "`X` is no letter", "none"),
        ("pattern = \"LG\"", "7:11", "nothing says how far", "window, strided or fixed"),
        ("window = 8\nstrided = 4", "8:11", "two are given", "keep one of"),
        ("kv_heads = 0", "7:12", "over 0 heads", "kv_heads of 1"),
        ("d_head = 16\nkv_heads = 3", "8:12", "do not fall into groups", "kv_heads of"),
        ("ffn_ratio = 0", "7:13", "0 times that of the stream", "none"),
        ("activation = \"swish\"", "7:14", "unknown value `swish`", "swiglu"),
        ("moe = { experts = 4 }", "7:7", "which the family `transformer` has not", "\"moe\""),
        ("family = \"rnn\"\nwindow = 8", "8:10", "the family `rnn` has not", "\"transformer\""),
        ("family = \"aft\"\nkv_heads = 2", "8:12", "the family `aft` has not", "\"transformer\""),
        (
            "family = \"aft-full\"\nwindow = 8",
            "8:10",
            "the family `aft-full` has not",
            "\"aft-local\"",
        ),
        ("family = \"aft-local\"\nstrided = 8", "8:11", "`aft-local` has not", "\"transformer\""),
        (
            "family = \"aft-local\"\nposition = \"rope\"",
            "8:12",
            "no queries and keys",
            "\"learned\"",
        ),
        ("family = \"lstm\"\nposition = \"rope\"", "8:12", "no queries and keys", "\"learned\""),
        ("family = \"linear\"\nlinear = { chunk = 0 }", "8:20", "chunks of 0 tokens", "1 to 1,024"),
        ("family = \"linear\"\nwindow = 8", "8:10", "`linear` has not", "\"transformer\""),
        ("linear = { chunk = 8 }", "7:10", "which the family `transformer` has not", "\"linear\""),
        ("family = \"rnn\"\nd_head = 8", "8:10", "an option of heads", "\"linear\""),
        ("family = \"linear\"\nlinear = 4", "8:10", "`model.linear` must be", "[model.linear] on"),
        (
            "family = \"moe\"\nmoe = { experts = 4, active = 5 }",
            "8:31",
            "5 of 4 experts cannot be chosen",
            "give active = 1 to 4",
        ),
        (
            "family = \"moe\"\nmoe = { active = 1, gate = \"renorm\" }",
            "8:28",
            "the router would have no gradient",
            "gate = \"plain\"",
        ),
        (
            "family = \"moe\"\nmoe = { granularity = 3 }",
            "8:23",
            "does not split into 3",
            "a divisor of 64",
        ),
        (
            "family = \"moe\"\nmoe = [4]",
            "8:7",
            "`model.moe` must be a table",
            "[model.moe] on a line",
        ),
        (
            "family = \"moe\"\nmoe = 4",
            "8:7",
            "`model.moe` must be a table",
            "[model.moe] on a line",
        ),
        ("strided = 128", "7:11", "no token attends to another", "a stride below 128"),
        ("family = \"moe\"\nmoe = { expert = 3 }", "8:9", "unknown key `expert`", "`experts`"),
    ] {
        let text = refused(options);
        assert!(text.contains(&format!("t.toml:{place}: ")), "{options}: {text}");
        let (what, then) = text.split_once("\nhint: ").unwrap();
        assert!(what.contains(message), "{options}: {text}");
        assert!(then.contains(hint), "{options}: {text}");
    }
    let heads = refusal("\"30k\"]", "\"64x4x4\"]\nd_head = 16");
    assert!(heads.contains("t.toml:7:10: the size gives heads"), "{heads}");
    let odd = refusal("\"30k\"]", "\"36x4\"]\nd_head = 16");
    assert!(odd.contains("t.toml:7:10: d_model 36 does not split into heads of width 16"), "{odd}");
}

#[test]
fn options_of_one_family_stand_beside_an_axis_of_families() {
    let axes = "\n[axes]\n\"model.family\" = [\"transformer\", \"moe\", \"rnn\"]\n";
    let options = "window = 32\n[model.moe]\nexperts = 4";
    let plan = plan(&format!("{}{axes}", with(options))).unwrap();
    let models: Vec<ModelConfig> = plan.runs().iter().map(|run| run.config.model).collect();
    assert_eq!(models.len(), 3);
    assert_eq!(models[0].mixer.attention().unwrap().reach, Reach::Window(32));
    assert!(matches!(models[1].feed_forward, FeedForward::Experts(Experts { experts: 4, .. })));
    assert_eq!(
        (models[2].mixer, models[2].feed_forward),
        (Mixer::Recurrent(Recurrent::Rnn), FeedForward::None)
    );
}

#[test]
fn an_axis_of_tables_is_named_by_what_stands_in_them() {
    let axes = "\n[axes]\n\"model.moe\" = [{ experts = 4, active = 1 }, { experts = 2 }]\n";
    let plan = plan(&format!("{}{axes}", with("family = \"moe\""))).unwrap();
    let names: Vec<&str> =
        plan.runs().iter().map(|run| run.series.value("model.moe").unwrap()).collect();
    assert_eq!(names, ["{ active = 1, experts = 4 }", "{ experts = 2 }"]);
}

#[test]
fn shared_keys_change_no_heads() {
    let heads = |kv: &str| model(&format!("kv_heads = {kv}")).shape.n_heads;
    assert_eq!([heads("1"), heads("2"), heads("4")], [4, 4, 4]);
}

#[test]
fn experts_are_an_axis_whose_first_value_may_be_one() {
    let axes = "\n[axes]\n\"model.moe.experts\" = [1, 2, 8]\n";
    let source = with("family = \"moe\"\nmoe = { active = 1 }");
    let plan = plan(&format!("{source}{axes}")).unwrap();
    let halves: Vec<&str> =
        plan.runs().iter().map(|run| run.config.model.feed_forward.half().name()).collect();
    assert_eq!(halves, ["dense", "experts", "experts"]);
}
