//! The plan of every schedule: four runs on two trunks.

use isoflop_sweep::{DataFacts, Plan, PlanContext, Sweep};
use std::path::Path;

const SWEEP: &str = r#"
name = "shared"
[data]
corpus = "any"
[model]
sizes = ["3k", "10k"]
[plan]
grid = { tokens = ["100k", "200k"] }
"#;

pub(crate) fn plan() -> Plan {
    let sweep = Sweep::parse(Path::new("shared.toml"), SWEEP.to_owned()).unwrap();
    let mut facts = |_: &_| {
        Ok(DataFacts::of(isoflop_results::DataRecord {
            corpus: "any@1".to_owned(),
            data_digest: "0".repeat(16),
            vocab_size: 256,
            train_tokens: 1_000_000,
            test_tokens: 1000,
            tokenizer: "bytes".to_owned(),
            ..Default::default()
        }))
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: |_| 1,
        memory_bytes: 1 << 34,
        tuned: None,
        history: None,
        with_waiting: true,
    };
    Plan::build(&sweep, &mut context).unwrap()
}
