//! Learning rates that a sweep file gives as numbers.

use super::{SWEEP, plan, refusal};

fn rates(train: &str) -> Vec<(String, f64)> {
    let plan = plan(&format!("{SWEEP}\n[train]\n{train}\n")).unwrap();
    let mut rates: Vec<_> =
        plan.runs().iter().map(|run| (run.size.clone(), run.config.recipe.learning_rate)).collect();
    rates.dedup();
    rates
}

#[test]
fn each_size_has_the_rate_that_its_entry_gives() {
    let given = rates("learning_rate = { \"3k\" = 0.016, \"10k\" = \"7e-3\", \"30k\" = 0.004 }");
    for (size, rate) in [("3k", 0.016), ("10k", 0.007), ("30k", 0.004)] {
        assert!(given.iter().filter(|(known, _)| known == size).all(|(_, known)| *known == rate));
        assert!(given.iter().any(|(known, _)| known == size), "{given:?}");
    }
}

#[test]
fn a_size_without_its_rate_and_what_is_no_size_are_refused() {
    let refused =
        |value: &str| refusal("[plan]", &format!("[train]\nlearning_rate = {value}\n[plan]"));
    let lacking = refused("{ \"3k\" = 0.016, \"10k\" = 0.007 }");
    assert!(
        lacking.contains("t.toml:8:17: no learning rate is given for the size 30k"),
        "{lacking}"
    );
    assert!(lacking.contains("hint: \"30k\" = 0.0"), "{lacking}");
    let no_size = refused("{ tuen = {} }");
    assert!(no_size.contains("`tuen` is neither `tune` nor a size"), "{no_size}");
    let two = refused("{ \"3k\" = 0.016, \"3000\" = 0.01, \"3k \" = 0.02 }");
    assert!(two.contains("has two rates"), "{two}");
    let mixed = refused("{ \"3k\" = 0.016, tune = {} }");
    assert!(mixed.contains("`tune` stands alone"), "{mixed}");
    let empty = refused("{}");
    assert!(empty.contains("no rate is given"), "{empty}");
    assert!(refused("{ \"3k\" = -1 }").contains("t.toml:8"));
}
