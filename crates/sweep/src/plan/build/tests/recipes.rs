//! What `[train]` gives of a recipe: what it becomes, what it shares, and what is refused where.

use super::{plan, refusal};
use crate::Plan;
use crate::run::PlannedRun;
use isoflop_core::{Recipe, Schedule, ScheduleKind};
use isoflop_model::OutputInit;
use isoflop_results::schema::Value;

const SWEEP: &str = r#"
name = "t"
[data]
corpus = "rust-docs"
[model]
sizes = ["3k"]
[plan]
grid = { tokens = ["512k", "1024k"] }
[train]
batch_tokens = 512
"#;

fn with(train: &str) -> Plan {
    plan(&format!("{SWEEP}{train}\n")).unwrap()
}

fn recipe(train: &str) -> Recipe {
    with(train).runs()[0].config.recipe
}

/// Steps of warm-up and decay of the runs of 1,000 and of 2,000 steps.
fn lengths(train: &str) -> [(u64, u64); 2] {
    let plan = with(train);
    let of = |run: &PlannedRun| run.config.recipe.schedule;
    [of(&plan.runs()[0]), of(&plan.runs()[1])].map(|of| (of.warmup, of.decay))
}

#[test]
fn every_key_reaches_the_recipe_and_its_default_is_what_it_was() {
    let usual = recipe("rules = 1");
    assert_eq!(usual.schedule, Schedule::wsd(1000, 14));
    let optimizer = isoflop_core::Optimizer::default();
    assert_eq!((usual.optimizer, usual.dropout), (optimizer, 0.0));
    let given = recipe("rules = 1\nbetas = [0, 0.99]\nweight_decay = 0\nclip = 2\ndropout = 0.1");
    let expected = isoflop_core::Optimizer {
        beta1: 0.0,
        beta2: 0.99,
        weight_decay: 0.0,
        clip_norm: 2.0,
        ..optimizer
    };
    assert_eq!(given, Recipe { optimizer: expected, dropout: 0.1, ..usual });
}

#[test]
fn the_rules_give_what_the_file_does_not() {
    let [first, second] = ["rules = 1", "rules = 2"].map(with);
    assert_eq!(second.runs(), with("").runs());
    let of = |plan: &Plan| plan.runs()[0].config.clone();
    let (first, second) = (of(&first), of(&second));
    let inits = [first.model.output_init, second.model.output_init];
    assert_eq!(inits, [OutputInit::Scaled, OutputInit::Zero]);
    let betas = |recipe: &Recipe| [recipe.optimizer.beta1, recipe.optimizer.beta2];
    assert_eq!([betas(&first.recipe), betas(&second.recipe)], [[0.9, 0.95], [0.8, 0.98]]);
    let given = "betas = [0.9, 0.95]\nlearning_rate = 0.01";
    let as_first = with(given).runs()[0].config.recipe;
    assert_eq!(as_first, with(&format!("rules = 1\n{given}")).runs()[0].config.recipe);
    let scaled = SWEEP.replace("[plan]", "output_init = \"scaled\"\n[plan]");
    let as_first = plan(&format!("{scaled}{given}\n")).unwrap();
    assert_eq!(as_first.runs(), with(&format!("rules = 1\n{given}")).runs());
}

#[test]
fn a_key_at_its_default_makes_no_other_run() {
    let usual = with("");
    for train in [
        "rules = 2",
        "betas = [0.8, 0.98]",
        "weight_decay = 0.1",
        "clip = 1",
        "dropout = 0",
        "schedule = \"wsd\"",
        "decay = 0.2",
    ] {
        assert_eq!(with(train).runs(), usual.runs(), "{train}");
    }
    for train in [
        "betas = [0.9, 0.9]",
        "weight_decay = 0",
        "clip = 0.5",
        "dropout = 0.01",
        "schedule = \"constant\"",
        "decay = 0.1",
        "warmup = 0",
    ] {
        assert_ne!(with(train).runs()[0].id(), usual.runs()[0].id(), "{train}");
    }
}

#[test]
fn warm_up_and_decay_are_fractions_or_tokens() {
    // The rule's 128 sqrt(N) tokens are 14 steps, whatever the length.
    assert_eq!(lengths(""), [(14, 200), (14, 400)]);
    assert_eq!(lengths("warmup = 0.02\ndecay = 0.1"), [(20, 100), (40, 200)]);
    assert_eq!(lengths("warmup = \"51k\"\ndecay = \"102_401\""), [(100, 201), (100, 201)]);
    assert_eq!(lengths("warmup = 51200\ndecay = \"0.5\""), [(100, 500), (100, 1000)]);
    assert_eq!(lengths("warmup = 0\ndecay = 0.0001"), [(0, 1), (0, 1)]);
    assert_eq!(lengths("schedule = \"cosine\""), [(14, 986), (14, 1986)]);
    assert_eq!(lengths("schedule = \"linear\"\nwarmup = 0.1"), [(100, 900), (200, 1800)]);
    assert_eq!(lengths("schedule = \"constant\"\nwarmup = \"10k\""), [(20, 0), (20, 0)]);
}

#[test]
fn runs_share_a_trunk_where_their_rates_allow_it_and_the_plan_says_where_not() {
    let shares = |train: &str| {
        let plan = with(train);
        let [short, long] = plan.runs() else {
            panic!("two lengths of one size");
        };
        let shared = short.trunk() == long.trunk();
        assert_eq!(shared, plan.unshared().is_empty(), "{train}: {:?}", plan.unshared());
        (shared, plan.unshared().concat())
    };
    for train in [
        "",
        "decay = 0.05",
        "decay = \"100k\"",
        "warmup = \"40k\"",
        "schedule = \"constant\"",
        "dropout = 0.1\nclip = 3",
    ] {
        assert!(shares(train).0, "{train}");
    }
    for kind in ["cosine", "linear"] {
        let (shared, why) = shares(&format!("schedule = \"{kind}\"\nwarmup = 0.01"));
        let said = format!("runs of schedule = \"{kind}\" share no trunk: ");
        assert!(!shared && why.starts_with(&said), "{why}");
        let plan = with(&format!("schedule = \"{kind}\""));
        assert!(plan.runs().iter().all(|run| run.trunk() == run.id()), "{kind}");
    }
    for train in ["warmup = 0.02", "schedule = \"constant\"\nwarmup = 0.02"] {
        let (shared, why) = shares(train);
        assert!(!shared && why.contains("warm-up is a fraction"), "{train}: {why}");
    }
    // A single length has nothing to share, and nothing to be said.
    let one = SWEEP.replace("\"512k\", ", "");
    let plan = plan(&format!("{one}schedule = \"cosine\"\n")).unwrap();
    assert_eq!(plan.unshared(), [""; 0]);
}

#[test]
fn runs_that_differ_in_their_decay_alone_share_a_trunk() {
    let axes = "[axes]\n\"train.decay\" = [0.1, 0.2, \"100k\"]";
    let plan = with(axes);
    assert_eq!(plan.runs().len(), 6);
    assert!(plan.runs().iter().all(|run| run.trunk() == plan.runs()[0].trunk()));
}

#[test]
fn every_key_is_an_axis_and_can_be_set_where_another_has_a_value() {
    let axes = "[axes]\n\"train.schedule\" = [\"wsd\", \"cosine\"]\n\
                \"train.betas\" = [[0.9, 0.95], [0.8, 0.9]]\n\"train.warmup\" = [0.01, \"20k\"]\n\
                \"train.batch_tokens\" = [512, 1024]\n\"train.weight_decay\" = [0, 0.1]\n\
                \"train.clip\" = [0.5, 1]\n\"train.dropout\" = [0, 0.1]\n\
                [[when]]\nis = { \"train.schedule\" = \"wsd\", \"train.betas\" = [[0.8, 0.9]] }\n\
                set = { \"train.decay\" = 0.5 }";
    let plan = plan(&format!("{}{axes}\n", SWEEP.replace("batch_tokens = 512\n", ""))).unwrap();
    assert_eq!(plan.runs().len(), 2 * 128);
    let found = |run: &&PlannedRun| {
        let recipe = run.config.recipe;
        recipe.schedule.kind == ScheduleKind::Wsd
            && recipe.schedule.decay * 2 == recipe.schedule.steps
    };
    let set: Vec<_> = plan.runs().iter().filter(found).collect();
    assert_eq!(set.len(), 2 * 32);
    assert!(set.iter().all(|run| run.config.recipe.optimizer.beta1 == 0.8));
    let value = set[0].series.value("train.betas");
    assert_eq!(value, Some("[0.8, 0.9]"));
}

#[test]
fn the_row_of_a_run_tells_its_recipe() {
    let plan = with(
        "schedule = \"cosine\"\nbetas = [0.8, 0.9]\nweight_decay = 0.3\nclip = 2\ndropout = 0.25",
    );
    let row = crate::row::row_of_plan("t", &plan.runs()[0]);
    let value = |name: &str| {
        let at = isoflop_results::RunRow::COLUMNS.iter().position(|column| column.name == name);
        row.values().swap_remove(at.unwrap())
    };
    assert_eq!(value("schedule"), Value::Text("cosine".to_owned()));
    for (name, number) in
        [("beta1", 0.8), ("beta2", 0.9), ("weight_decay", 0.3), ("clip", 2.0), ("dropout", 0.25)]
    {
        assert_eq!(value(name), Value::Float(number), "{name}");
    }
}

#[test]
fn what_does_not_fit_into_a_run_is_refused_where_it_stands() {
    let refused = |train: &str| refusal("[plan]", &format!("[train]\n{train}\n[plan]"));
    insta::assert_snapshot!(refused("batch_tokens = 512\nwarmup = \"20M\""), @r#"
    t.toml:9:10: a warm-up of 39063 steps beside a decay of 705 does not fit into the 3526 steps of a run of 3k
       |
     9 | warmup = "20M"
       |          ^^^^^
    hint: make it shorter, or this run longer; a fraction, such as 0.02, fits every run
    "#);
    for (train, told) in [
        ("decay = \"1B\"", "t.toml:8:9: a decay of"),
        ("decay = 0", "t.toml:8:9: a decay of 0 steps is a constant rate"),
        ("warmup = 0.5\ndecay = 0.6", "t.toml:8:10: a warm-up of"),
        ("schedule = \"cosine\"\nwarmup = \"1B\"", "t.toml:9:10: a warm-up of"),
        ("schedule = \"constant\"\nwarmup = \"1B\"", "t.toml:9:10: a warm-up of"),
        (
            "schedule = \"cosine\"\ndecay = 0.1",
            "t.toml:9:9: `decay` has no meaning here: schedule = \"cosine\" decays from its warm-up",
        ),
        (
            "schedule = \"constant\"\ndecay = 0.1",
            "t.toml:9:9: `decay` has no meaning here: schedule = \"constant\" never decays",
        ),
    ] {
        let text = refused(train);
        assert!(text.starts_with(told) && !text.ends_with("hint: none"), "{train}: {text}");
    }
}

#[test]
fn values_that_are_none_are_refused_with_line_value_and_form() {
    let refused = |train: &str| refusal("[plan]", &format!("[train]\n{train}\n[plan]"));
    for (train, told) in [
        ("warmup = 1", "`1` is no part of a run: give a fraction of the run below 1, such as 0.02"),
        ("warmup = -0.1", "`-0.1` is no part of a run"),
        ("warmup = inf", "`inf` is no part of a run"),
        ("decay = \"a fifth\"", "`a fifth` is no part of a run"),
        ("decay = \"0.0005k\"", "`0.0005k` is no part of a run"),
        ("decay = true", "expected a fraction of the run, such as 0.02, or tokens"),
        ("rules = 3", "there are no rules 3: give 1 or 2"),
        ("rules = \"2\"", "expected the number of an edition of the rules, 1 or 2"),
        ("betas = 0.9", "expected two numbers from 0 up to 1, such as [0.9, 0.95]"),
        ("betas = [0.9]", "expected two numbers from 0 up to 1"),
        ("betas = [0.9, 0.95, 0.99]", "expected two numbers from 0 up to 1"),
        ("betas = [0.9, 1.0]", "1 is no decay of a running mean: give two numbers"),
        ("weight_decay = -1", "-1 is no weight decay: give a number from 0 up, such as 0.1"),
        ("weight_decay = \"much\"", "expected a number from 0 up, such as 0.1"),
        ("clip = 0", "0 is no bound on a norm: give a number above 0, such as 1.0"),
        ("clip = inf", "inf is no bound on a norm"),
        ("dropout = 1", "1 is no probability of dropout: give a number from 0 up to 1"),
        ("dropout = nan", "NaN is no probability of dropout"),
        ("schedule = \"cosin\"", "unknown value `cosin`"),
        ("warm_up = 0.1", "unknown key `warm_up`"),
    ] {
        let text = refused(train);
        assert!(text.contains("t.toml:8:") && text.contains(told), "{train}: {text}");
    }
}

#[test]
fn a_recipe_of_a_plan_file_is_held_to_the_bounds_of_a_sweep_file() {
    let plan = with("schedule = \"cosine\"\ndropout = 0.1");
    let json = plan.to_json().unwrap();
    assert_eq!(Plan::parse(json.as_bytes()).unwrap(), plan);
    let run = &plan.runs()[0];
    let mut recipe = run.config.recipe;
    assert_eq!(recipe.check(), Ok(()));
    recipe.dropout = 1.0;
    assert_eq!(recipe.check(), Err("1 is no probability of dropout".to_owned()));
    recipe.dropout = 0.0;
    recipe.schedule.kind = ScheduleKind::Constant;
    let problem = recipe.check().unwrap_err();
    assert!(problem.ends_with("of decay are no constant schedule"), "{problem}");
}
