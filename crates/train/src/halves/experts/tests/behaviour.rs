//! What mixtures do in training: loads become even, routers learn, splits of a step and resumes change
//! nothing.

use crate::checkpoint::{pack, unpack};
use crate::evaluate::load_of;
use crate::halves::FeedForwardWeights;
use crate::model::{Operations, Transformer};
use crate::ops::composed::mean;
use crate::optimizer::{OptimizerState, gradients};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::Optimizer;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_model::{Balance, Experts, FeedForward, Gate, ModelConfig, Shape};
use isoflop_sweep::checkpoint::{FORMAT, Manifest};

const CONTEXT: usize = 128;
const VOCAB: i32 = 128;

fn config(experts: Experts) -> ModelConfig {
    let shape = Shape { d_model: 16, n_layers: 2, n_heads: 2 };
    ModelConfig {
        feed_forward: FeedForward::Experts(experts),
        ..ModelConfig::transformer(shape, VOCAB as usize, CONTEXT)
    }
}

fn model(experts: Experts) -> Transformer {
    Transformer::new(config(experts), 1, &Device::flex().autodiff())
}

/// Inputs and targets of windows, other ones in every step: each token follows from the last, more or less.
fn windows(step: u64, windows: usize) -> (Vec<i32>, Vec<i32>) {
    let mut rng = stream(step, Purpose::Benchmark, 0);
    let mut token = 0;
    let next = |_| {
        token = (token * 5 + below(&mut rng, 100) as i32) % VOCAB;
        token
    };
    let tokens: Vec<i32> = (0..=windows * CONTEXT).map(next).collect();
    (tokens[..windows * CONTEXT].to_vec(), tokens[1..].to_vec())
}

fn batch(step: u64) -> (Vec<i32>, Vec<i32>) {
    windows(step, 8)
}

fn train(
    model: &mut Transformer,
    optimizer: &mut OptimizerState,
    steps: std::ops::Range<u64>,
    micro: usize,
) {
    for step in steps.clone() {
        let (inputs, targets) = batch(step);
        let (_, grads) = gradients(model, &inputs, &targets, micro);
        optimizer.step(model, grads, 0.01 * ((steps.end - step) as f64 / 200.0).min(1.0));
    }
}

/// Largest share of an expert over the mean share, of all layers, over fresh text.
fn load(model: &Transformer) -> f64 {
    let (inputs, targets) = windows(1_000_000, 32);
    let (_, routes) = model.without_autodiff().nats_and_routes(&inputs, &targets);
    let counts = routes.into_iter().map(|routes_ne| routes_ne.sum_dim(0));
    load_of(counts.map(|counts| counts.into_data().iter::<f64>().collect()))
}

/// A model in which 3 is added to the weights of the router to the first expert, or to its bias.
fn planted(experts: Experts) -> Transformer {
    let mut model = model(experts);
    for block in &mut model.weights.blocks {
        let Some(FeedForwardWeights::Experts(weights)) = &mut block.feed_forward else {
            panic!("a model of experts")
        };
        let bump = |dims: Vec<usize>| {
            let columns = dims[dims.len() - 1];
            let at = |i: usize| if i.is_multiple_of(columns) { 3.0f32 } else { 0.0 };
            TensorData::new((0..dims.iter().product()).map(at).collect(), dims)
        };
        match &mut weights.balance {
            Some(balance) => *balance = balance.clone().map(|b| raised(b, bump)),
            None => weights.router = weights.router.clone().map(|r| raised(r, bump)),
        }
    }
    model
}

fn raised<const D: usize>(x: Tensor<D>, bump: impl Fn(Vec<usize>) -> TensorData) -> Tensor<D> {
    let by = Tensor::from_data(bump(x.dims().to_vec()), &Device::flex());
    Tensor::from_inner(x.inner() + by).require_grad()
}

#[test]
fn a_planted_imbalance_is_balanced_within_300_steps_by_a_loss_and_by_a_bias() {
    // With a column of 3, the softmax of most tokens is 0 or 1 to begin with, from where a loss moves slowly;
    // a bias does not mind.
    for (balance, active, gate) in [
        (Balance::Loss, 2, Gate::Renorm),
        (Balance::Bias, 2, Gate::Renorm),
        (Balance::Bias, 2, Gate::Sigmoid),
        (Balance::Bias, 1, Gate::Plain),
    ] {
        let experts = Experts { active, gate, balance, ..Experts::default() };
        let mut model = planted(experts);
        let before = load(&model);
        train(&mut model, &mut OptimizerState::new(Optimizer::default()), 0..300, 8 * CONTEXT);
        let after = load(&model);
        assert!(before > 1.9 && after < 1.5, "{experts:?}: {before}, then {after}");
    }
}

#[test]
fn the_router_learns_where_one_expert_is_chosen() {
    let experts =
        Experts { active: 1, gate: Gate::Plain, balance: Balance::Bias, ..Experts::default() };
    let model = model(experts);
    let (inputs, targets) = batch(0);
    let grads = model.loss(&inputs, &targets).backward();
    for block in &model.weights.blocks {
        let Some(FeedForwardWeights::Experts(weights)) = &block.feed_forward else {
            panic!("a model of experts")
        };
        let grad = weights.router.val().grad(&grads).expect("of the router");
        assert!(grad.abs().max().into_scalar::<f32>() > 1e-5);
    }
}

#[test]
fn balancing_is_no_part_of_the_loss_that_is_reported() {
    let (inputs, targets) = batch(3);
    for balance in [Balance::Loss, Balance::Bias] {
        for operations in [Operations::Fused, Operations::Composed] {
            let model = model(Experts { balance, ..Experts::default() }).with(operations);
            let (loss, _) = gradients(&model, &inputs, &targets, inputs.len());
            assert_eq!(model.loss(&inputs, &targets).into_scalar::<f32>(), loss as f32);
            if operations == Operations::Composed {
                let nats = mean(model.nats(&inputs, &targets)).into_scalar::<f32>();
                assert_eq!(nats, loss as f32, "{balance:?}");
            }
        }
    }
}

fn biases(model: &Transformer) -> Vec<f32> {
    let of = |half: &Option<FeedForwardWeights>| match half {
        Some(FeedForwardWeights::Experts(weights)) => {
            let balance = weights.balance.as_ref().expect("a bias that balances");
            balance.val().into_data().iter::<f32>().collect::<Vec<_>>()
        }
        _ => panic!("a model of experts"),
    };
    model.weights.blocks.iter().flat_map(|block| of(&block.feed_forward)).collect()
}

#[test]
fn a_bias_moves_by_one_step_against_the_load_whether_the_step_is_split_or_not() {
    let experts = Experts { balance: Balance::Bias, ..Experts::default() };
    for operations in [Operations::Fused, Operations::Composed] {
        let update = |micro: usize, queued: bool| {
            let mut model = model(experts).with(operations);
            let mut optimizer = OptimizerState::new(Optimizer::default());
            let (inputs, targets) = batch(0);
            let (_, grads) = gradients(&model, &inputs, &targets, micro);
            match queued {
                true => drop(optimizer.step_queued(&mut model, grads, 0.003)),
                false => drop(optimizer.step(&mut model, grads, 0.003)),
            }
            biases(&model)
        };
        let whole = update(8 * CONTEXT, false);
        let step = Experts::BALANCE_STEP as f32;
        assert!(whole.iter().all(|b| b.abs() == step || *b == 0.0), "{whole:?}");
        assert!(whole.contains(&step) && whole.contains(&-step), "{whole:?}");
        for micro in [CONTEXT, 3 * CONTEXT] {
            assert_eq!(update(micro, false), whole, "{operations:?} {micro}");
        }
        assert_eq!(update(3 * CONTEXT, true), whole, "{operations:?}, queued");
    }
}

#[test]
fn a_state_holds_the_bias_and_goes_on_to_the_last_bit() {
    let experts = Experts { balance: Balance::Bias, shared: 1, ..Experts::default() };
    let device = Device::flex().autodiff();
    let manifest = Manifest {
        format: FORMAT,
        run_id: "a".to_owned(),
        model: config(experts),
        optimizer: Optimizer::default(),
        step: 3,
        tokenizer: "bytes".to_owned(),
        data_digest: "0".to_owned(),
        seed: 1,
        numerics_version: 0,
    };
    for queued in [false, true] {
        let step = |model: &mut Transformer, optimizer: &mut OptimizerState, step: u64| {
            let (inputs, targets) = batch(step);
            let (_, grads) = gradients(model, &inputs, &targets, inputs.len());
            match queued {
                true => drop(optimizer.step_queued(model, grads, 0.003)),
                false => drop(optimizer.step(model, grads, 0.003)),
            }
        };
        let (mut model, mut optimizer) =
            (model(experts), OptimizerState::new(Optimizer::default()));
        (0..3).for_each(|at| step(&mut model, &mut optimizer, at));
        let state = pack(&manifest, &model.weights, &optimizer, "");
        let (_, mut again, resumed, _) = unpack(&state, &device).expect("a state");
        let mut resumed = resumed.expect("an optimizer");
        (3..6).for_each(|at| step(&mut model, &mut optimizer, at));
        (3..6).for_each(|at| step(&mut again, &mut resumed, at));
        assert_eq!(biases(&again), biases(&model), "{queued}");
        let (inputs, targets) = batch(9);
        let loss = |model: &Transformer| model.loss(&inputs, &targets).into_scalar::<f32>();
        assert_eq!(loss(&again), loss(&model), "{queued}");
    }
}
