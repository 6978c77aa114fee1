//! Tests of the whole model: counts, causality, gradients, learning, repeatability.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_model::{
    FeedForward, Group, Mixer, ModelConfig, Norm, ParamCount, Parametrization, Position, Recurrent,
    Shape,
};
use isoflop_train::model::{Operations, Transformer};
use isoflop_train::optimizer::{ModelGradients, OptimizerState, gradients};

fn config(norm: Norm, position: Position) -> ModelConfig {
    let shape = Shape::new(24, 2, 3).unwrap();
    ModelConfig { norm, position, ..ModelConfig::transformer(shape, 61, 17) }
}

fn kinds() -> impl Iterator<Item = ModelConfig> {
    ModelConfig::examples().into_iter()
}

fn model(config: ModelConfig, seed: u64) -> Transformer {
    Transformer::new(config, seed, &Device::flex().autodiff())
}

/// Inputs and targets of three windows.
fn batch() -> (Vec<i32>, Vec<i32>) {
    let tokens: Vec<i32> = (0..3 * 17 + 1).map(|i| (i * i * 7 + i) % 61).collect();
    (tokens[..51].to_vec(), tokens[1..].to_vec())
}

fn losses(config: ModelConfig, seed: u64, steps: u64, rate: f64) -> Vec<f32> {
    losses_of(model(config, seed), steps, rate)
}

fn losses_of(mut model: Transformer, steps: u64, rate: f64) -> Vec<f32> {
    let (inputs, targets) = batch();
    let mut optimizer = OptimizerState::new(Optimizer::default());
    (0..steps)
        .map(|_| {
            let (loss, grads) = gradients(&model, &inputs, &targets, inputs.len());
            optimizer.step(&mut model, grads, rate);
            loss as f32
        })
        .collect()
}

#[test]
fn the_closed_form_counts_are_burns_own() {
    for config in kinds() {
        let counted = ParamCount::of(&config).total().0 as usize;
        let buffers = config.tensors().into_iter().filter(|tensor| !tensor.is_parameter());
        let buffers: usize = buffers.map(|tensor| tensor.len() as usize).sum();
        assert_eq!(model(config, 0).weights.num_params(), counted + buffers, "{config:?}");
    }
}

#[test]
fn a_fresh_model_guesses_uniformly() {
    let (inputs, targets) = batch();
    for config in kinds() {
        let loss = model(config, 0).loss(&inputs, &targets).into_scalar::<f32>();
        assert!((f64::from(loss) - 61f64.ln()).abs() < 0.05, "{config:?}: {loss}");
    }
}

/// Tokens of a window whose losses a token can change: those that it reaches through the layers.
fn reached(config: &ModelConfig, from: usize) -> Vec<bool> {
    let tokens = 0..config.context;
    let Some(attention) = config.mixer.attention() else {
        return tokens.map(|token| token >= from).collect();
    };
    let own = tokens.clone().map(|token| token == from).collect();
    (0..config.shape.n_layers).fold(own, |reached: Vec<bool>, layer| {
        let reach = attention.reach_of(layer);
        let sees = |query| (0..=query).any(|key| reached[key] && reach.sees(query, key));
        tokens.clone().map(sees).collect()
    })
}

#[test]
fn a_later_token_changes_no_earlier_loss_and_changes_its_own() {
    let (inputs, targets) = batch();
    for config in kinds() {
        let model = model(config, 0);
        let nats = |inputs: &[i32]| -> Vec<f32> {
            model.nats(inputs, &targets).into_data().iter::<f32>().collect()
        };
        let before = nats(&inputs);
        let mut changed = inputs.clone();
        changed[9] = (changed[9] + 1) % 61;
        let after = nats(&changed);
        assert_eq!(before[..9], after[..9], "{config:?}");
        let changed: Vec<bool> = (0..17).map(|t| before[t] != after[t]).collect();
        assert_eq!(changed, reached(&config, 9), "{config:?}");
        assert_eq!(before[17..], after[17..], "other windows, {config:?}");
    }
}

/// Gradients of all parameters, flattened, in the order of the model's list.
struct Grads<'a> {
    of: &'a burn::tensor::Gradients,
    all: Vec<Tensor<1>>,
}

impl ModuleVisitor for Grads<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let grad = param.val().grad(self.of).unwrap();
        self.all.push(grad.flatten(0, D - 1));
    }
}

/// Moves one parameter: the one with index `at` in the model's list.
struct Nudge {
    at: usize,
    seen: usize,
    by: Tensor<1>,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.seen += 1;
        match self.seen - 1 == self.at {
            true => param.map(|value| {
                let by = self.by.clone().reshape(value.dims());
                (value + Tensor::from_inner(by)).detach()
            }),
            false => param,
        }
    }
}

#[test]
fn gradients_of_every_parameter_agree_with_finite_differences() {
    let (inputs, targets) = batch();
    for mut config in kinds() {
        // Where other experts are chosen, the loss jumps: here all of them are.
        if let FeedForward::Experts(experts) = &mut config.feed_forward {
            experts.active = experts.experts;
        }
        let model = model(config, 3);
        // The gradient of a loss has a part that balances experts, which is none of the loss.
        let loss = |model: &Transformer| match config.feed_forward {
            FeedForward::Experts(_) => model.nats(&inputs, &targets).mean(),
            _ => model.loss(&inputs, &targets),
        };
        let grads = loss(&model).backward();
        let mut found = Grads { of: &grads, all: Vec::new() };
        model.weights.visit(&mut found);
        let specs = config.tensors();
        assert_eq!(found.all.len(), specs.len());
        for (at, (spec, grad)) in specs.iter().zip(&found.all).enumerate() {
            if !spec.is_parameter() {
                continue;
            }
            // Along the gradient the loss changes by the gradient's norm, which is far above
            // rounding.
            let norm = f64::from((grad.clone() * grad.clone()).sum().into_scalar::<f32>()).sqrt();
            // A norm depends only on the direction of a row, and rows of tables are short, so the
            // step is small. Biases of pairs meet no norm and take the usual step. The slope of a candidate of
            // minimal networks jumps at 0, and the error that those have which a step carries across grows
            // as the step, not as its square. Keys of length 1, and a first token of a document that reads nothing
            // but what it wrote, bend the loss of the delta rule over its matrices.
            let jumps =
                matches!(config.mixer, Mixer::Recurrent(Recurrent::Mingru | Recurrent::Minlstm));
            let bends = matches!(config.mixer, Mixer::Linear(linear) if linear.delta);
            let far = match spec.group {
                Group::Embedding if spec.decays && bends => 0.0007,
                Group::Embedding if spec.decays => 0.002,
                _ if jumps || (bends && spec.decays) => 0.006,
                _ => 0.02,
            };
            let step = far / norm;
            let moved = |sign: f64| {
                let by = grad.clone() * (sign * step);
                let mut moved = model.clone();
                moved.weights = moved.weights.map(&mut Nudge { at, seen: 0, by });
                f64::from(loss(&moved).into_scalar::<f32>())
            };
            let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
            if config.mixer.half().name() == "gated-delta" {
                println!("{} {}", spec.name, slope / (norm * norm) - 1.0);
            }
            assert!(
                (slope / (norm * norm) - 1.0).abs() < 0.02,
                "{config:?} {}: {slope} against {}",
                spec.name,
                norm * norm
            );
        }
    }
}

#[test]
fn fused_and_composed_operations_train_alike() {
    for config in kinds() {
        let fused = losses(config, 2, 20, 0.003);
        let composed = losses_of(model(config, 2).with(Operations::Composed), 20, 0.003);
        // Rounding may decide between experts of nearly equal scores.
        let bound = match config.feed_forward {
            FeedForward::Experts(_) => 3e-3,
            _ => 1e-4,
        };
        for (step, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
            assert!(
                (fused / composed - 1.0).abs() < bound,
                "{config:?}, step {step}: {fused} against {composed}"
            );
        }
        assert!(fused[19] < 0.9 * fused[0], "{config:?}: {fused:?}");
    }
}

/// Windows of one token, in which no state comes from a token before: the matrix of the state has no gradient.
#[test]
fn recurrent_networks_of_one_token_a_window_train_on_every_road() {
    let (inputs, targets) = batch();
    for kind in Recurrent::ALL {
        let base = kinds().find(|config| config.mixer == Mixer::Recurrent(kind)).unwrap();
        let config = ModelConfig { context: 1, ..base };
        let start = || model(config, 2);
        let composed = || start().with(Operations::Composed);
        let fused = losses_of(start(), 20, 0.003);
        assert!(fused[19] < fused[0], "{kind:?}: {fused:?}");
        for (found, expected) in losses_of(composed(), 20, 0.003).iter().zip(&fused) {
            assert!((found / expected - 1.0).abs() < 1e-4, "{kind:?}: {found} against {expected}");
        }
        let (mut queued, mut optimizer) = (composed(), OptimizerState::new(Optimizer::default()));
        for expected in &fused {
            let (loss, grads) = gradients(&queued, &inputs, &targets, inputs.len());
            optimizer.step_queued(&mut queued, grads, 0.003);
            assert!((loss as f32 / expected - 1.0).abs() < 1e-4, "{kind:?}: {loss} {expected}");
        }
    }
}

#[test]
fn one_vector_of_all_parameters_trains_as_each_for_itself() {
    let (inputs, targets) = batch();
    for mut config in kinds() {
        config.parametrization = Parametrization::Mup;
        let (mut each, mut one) = (model(config, 2), model(config, 2));
        let constants = Optimizer { clip_norm: 0.5, ..Optimizer::default() };
        let (mut first, mut second) =
            (OptimizerState::new(constants), OptimizerState::new(constants));
        for step in 0..20 {
            let (expected, grads) = gradients(&each, &inputs, &targets, inputs.len());
            let expected_norm = first.step(&mut each, grads, 0.003);
            let (loss, grads) = gradients(&one, &inputs, &targets, inputs.len());
            let norm = second.step_queued(&mut one, grads, 0.003);
            let norm = f64::from(norm.into_scalar::<f32>());
            assert!((loss / expected - 1.0).abs() < 1e-4, "{config:?}, step {step}");
            assert!((norm / expected_norm - 1.0).abs() < 1e-3, "{config:?}, step {step}");
        }
    }
}

/// The vector's road is made of stock operations, so that this also compares these with the fused ones, for
/// the tensors of every half.
#[test]
fn muon_and_gradient_descent_train_alike_on_both_roads() {
    let (inputs, targets) = batch();
    for (kind, rate) in [(OptimizerKind::Muon, 0.01), (OptimizerKind::Sgd, 0.3)] {
        for mut config in kinds() {
            config.parametrization = Parametrization::Mup;
            let (mut each, mut one) = (model(config, 2), model(config, 2));
            let constants = Optimizer { clip_norm: 0.5, ..Optimizer::of(kind) };
            let (mut first, mut second) =
                (OptimizerState::new(constants), OptimizerState::new(constants));
            for step in 0..6 {
                let (expected, grads) = gradients(&each, &inputs, &targets, inputs.len());
                first.step(&mut each, grads, rate);
                let (loss, grads) = gradients(&one, &inputs, &targets, inputs.len());
                second.step_queued(&mut one, grads, rate);
                assert!(
                    (loss / expected - 1.0).abs() < 1e-3,
                    "{kind:?} {config:?}, step {step}: {loss} against {expected}"
                );
            }
        }
    }
}

#[test]
fn muon_and_gradient_descent_learn_a_batch() {
    let (inputs, targets) = batch();
    for (kind, rate, bound) in [(OptimizerKind::Muon, 0.02, 0.1), (OptimizerKind::Sgd, 0.5, 2.0)] {
        let mut model = model(config(Norm::Rms, Position::Rope), 0);
        let mut optimizer = OptimizerState::new(Optimizer::of(kind));
        let mut last = f64::INFINITY;
        for _ in 0..100 {
            let (loss, grads) = gradients(&model, &inputs, &targets, inputs.len());
            optimizer.step(&mut model, grads, rate);
            last = loss;
        }
        assert!(last < bound, "{kind:?}: {last}");
    }
}

/// Tensors that are no linear maps move under Muon as they do under AdamW.
#[test]
fn muon_leaves_tables_head_and_gains_to_adamw() {
    let (inputs, targets) = batch();
    let start = model(config(Norm::Rms, Position::Learned), 1);
    let stepped = |kind| {
        let mut model = start.clone();
        let (_, grads) = gradients(&model, &inputs, &targets, inputs.len());
        OptimizerState::new(Optimizer::of(kind)).step(&mut model, grads, 0.01);
        let mut values = Values(Vec::new());
        model.weights.visit(&mut values);
        values.0
    };
    let (adamw, muon) = (stepped(OptimizerKind::AdamW), stepped(OptimizerKind::Muon));
    for (tensor, (adamw, muon)) in start.config().tensors().iter().zip(adamw.iter().zip(&muon)) {
        let is_map = matches!(tensor.group, Group::Mixer | Group::FeedForward);
        assert_eq!(adamw != muon, is_map, "{}", tensor.name);
    }
}

/// Values of all parameters, in the order of the model's list.
struct Values(Vec<Vec<f32>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into_data().iter::<f32>().collect());
    }
}

#[test]
fn a_batch_in_parts_has_the_loss_and_the_gradients_of_the_whole() {
    let (inputs, targets) = batch();
    for config in kinds() {
        let model = model(config, 4);
        let (loss, whole) = gradients(&model, &inputs, &targets, inputs.len());
        // The first pass has two windows and the second has one.
        let (in_parts, parts) = gradients(&model, &inputs, &targets, 2 * 17);
        assert!((in_parts / loss - 1.0).abs() < 1e-6, "{in_parts} {loss}");
        let norm = whole.norm();
        assert!((parts.norm() / norm - 1.0).abs() < 1e-5);
        assert!(whole.minus(parts).norm() < 1e-5 * norm, "{config:?}");
    }
}

#[test]
fn one_batch_is_learnt_by_heart() {
    for config in kinds() {
        let losses = losses(config, 0, 150, 0.01);
        assert!(losses[149] < 0.1, "{config:?}: {}", losses[149]);
    }
}

#[test]
fn the_same_seed_gives_the_same_losses_to_the_last_bit_and_another_gives_others() {
    let config = config(Norm::Rms, Position::Rope);
    let first = losses(config, 5, 10, 0.01);
    assert_eq!(first, losses(config, 5, 10, 0.01));
    assert_ne!(first, losses(config, 6, 10, 0.01));
}

/// Compares with AdamW as its paper writes it, in f64, for the head alone. The other parameters are
/// left out by comparing one step from equal weights.
#[test]
fn an_adamw_step_is_the_published_one() {
    let (inputs, targets) = batch();
    let config = config(Norm::Rms, Position::Rope);
    let model = model(config, 1);
    let values = |tensor: burn::tensor::Tensor<2>| -> Vec<f64> {
        tensor.into_data().iter::<f32>().map(f64::from).collect()
    };
    let constants = Optimizer { clip_norm: 0.5, ..Optimizer::default() };
    let mut optimizer = OptimizerState::new(constants);
    let (mut current, mut expected) = (model.clone(), values(head(&model)));
    let (mut first, mut second) = (vec![0.0; expected.len()], vec![0.0; expected.len()]);
    for step in 1..=3 {
        let grads = current.loss(&inputs, &targets).backward();
        let grad = values(head(&current).grad(&grads).unwrap());
        let grads = ModelGradients::of(&current, grads);
        let norm = optimizer.step(&mut current, grads, 0.003);
        assert!(norm > constants.clip_norm, "the test must clip: {norm}");
        for i in 0..expected.len() {
            let g = grad[i] * constants.clip_norm / norm;
            first[i] = 0.9 * first[i] + 0.1 * g;
            second[i] = 0.95 * second[i] + 0.05 * g * g;
            let mean = first[i] / (1.0 - 0.9f64.powi(step));
            let root = (second[i] / (1.0 - 0.95f64.powi(step))).sqrt();
            expected[i] -= 0.003 * 0.1 * expected[i] + 0.003 * mean / (root + 1e-8);
        }
        for (found, expected) in values(head(&current)).iter().zip(&expected) {
            assert!((found - expected).abs() < 2e-6, "{found} against {expected}");
        }
    }
}

/// Head of a model that has one of its own.
fn head(model: &Transformer) -> Tensor<2> {
    model.weights.head.as_ref().expect("a head that is not the token table").val()
}
