//! Assertions that must hold for whatever bytes a file of a sweep consists of; tests and fuzzers
//! feed them.

use crate::checkpoint::{parse, unpack};
use crate::forecast::{Forecast, Price, Standing};
use crate::lease::Lease;
use crate::plan::{DataFacts, DataRefusal, DataRequest};
use crate::shelf::Label;
use crate::{Plan, PlanContext, Sweep};
use isoflop_results::DataRecord;
use std::path::Path;

/// Facts about any text, without looking at the text.
fn facts(request: &DataRequest) -> Result<DataFacts, DataRefusal> {
    Ok(DataFacts::of(DataRecord {
        corpus: request.source.name(),
        data_digest: "0".repeat(16),
        tokenizer: request.options.tokenizer.clone(),
        vocab_size: 256,
        train_tokens: 1_000_000,
        test_tokens: request.test_tokens,
        ..DataRecord::default()
    }))
}

/// Checks a sweep file: it is refused with a message that names it, or its plan reads back
/// unchanged.
pub fn sweep_file(bytes: &[u8]) {
    let Ok(source) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    let name = Path::new("fuzz.toml");
    let planned = Sweep::parse(name, source).and_then(|sweep| {
        let mut context = PlanContext {
            facts: &mut facts,
            numerics_version: |_| 1,
            memory_bytes: 1 << 34,
            tuned: None,
            history: None,
            with_waiting: true,
        };
        Plan::tuning_stage(&sweep, &mut context)?;
        Plan::build(&sweep, &mut context)
    });
    match planned {
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml"), "{error}"),
        Ok(made) => {
            let json = made.to_json().expect("a plan is text and numbers");
            assert_eq!(Plan::parse(json.as_bytes()).as_ref(), Ok(&made));
            plan(json.as_bytes());
        }
    }
}

/// Checks a plan file: it is refused, or the plan can be priced and written again.
pub fn plan(bytes: &[u8]) {
    let Ok(plan) = Plan::parse(bytes) else { return };
    let json = plan.to_json().expect("a plan is text and numbers");
    assert_eq!(Plan::parse(json.as_bytes()).as_ref(), Ok(&plan));
    assert_eq!(plan.work_order().len(), plan.runs().len());
    let unit = Price { step: 1e-3, once: 0.1 };
    let forecast = Forecast::of(&plan, &vec![unit; plan.runs().len()], &Standing::default(), 3);
    assert!(forecast.finish.is_finite() && forecast.finish <= forecast.work + 1e-6 * forecast.work);
    for run in plan.runs() {
        assert!(!run.id().contains(['/', '\\']) && !run.trunk().contains(['/', '\\']));
        assert!(run.c_exact().0.is_finite() && run.tokens().0 >= 1.0);
    }
}

/// Checks a lease file: it is refused, or the lease reads back unchanged.
pub fn lease(bytes: &[u8]) {
    if let Some(lease) = Lease::parse(bytes) {
        let text = serde_json::to_vec(&lease).expect("a lease is text and numbers");
        assert_eq!(Lease::parse(&text), Some(lease));
    }
}

/// Checks the label of a checkpoint: it is refused, or agrees with the state beside it.
pub fn label(bytes: &[u8]) {
    let state = b"weights and moments";
    if let Ok(label) = Label::parse(bytes)
        && label.check(7, state).is_ok()
    {
        assert_eq!(label, Label::of(7, state));
    }
}

/// Weights: a tensor has as many numbers as its dimensions say.
pub fn weights(bytes: &[u8]) {
    for tensor in parse(bytes).into_iter().flatten() {
        let count = tensor.dims.iter().product::<usize>();
        assert_eq!(tensor.numbers.len(), count, "{}", tensor.name);
    }
}

/// A state to go on from: refused, or one that holds every number of the model that it names.
pub fn state(bytes: &[u8]) {
    if let Ok(state) = unpack(bytes) {
        let specs = state.manifest.model.tensors();
        let counts = || specs.iter().map(|spec| spec.dims.iter().product::<usize>());
        assert!(state.values.weights.iter().map(Vec::len).eq(counts()));
        if let Some(moments) = state.values.moments {
            let whole = |(kept, count): (&Vec<Vec<f32>>, usize)| {
                !kept.is_empty() && kept.iter().all(|mean| mean.len() == count)
            };
            assert!(moments.len() == specs.len() && moments.iter().zip(counts()).all(whole));
        }
    }
}
