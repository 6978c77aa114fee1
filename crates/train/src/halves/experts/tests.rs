//! The fused half against plain double precision and its differences, against the composed one, and against
//! the dense half where it is one.

mod balance;
mod behaviour;

use super::{Experts, composed, fused};
use crate::halves::dense::mlp_residual;
use crate::halves::dense::tests::activated;
use crate::halves::{Pass, Place};
use crate::operations::Operations;
#[cfg(feature = "wgpu")]
use crate::ops::tests::adapter;
use crate::ops::tests::plain::{Rows, norm, times};
use crate::ops::tests::{NORMS, composed as against_composed, differences, gain, normal};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_model::{
    Activation, Balance, Dense, Experts as Options, FeedForward, Gate, ModelConfig, Norm, Shape,
};

const ACTIVATIONS: [Activation; 3] = [Activation::Gelu, Activation::Swiglu, Activation::Relu2];

/// A half on `windows` of `context` tokens, with experts of width f.
#[derive(Clone, Copy, Debug)]
struct Case {
    options: Options,
    norm: Norm,
    windows: usize,
    context: usize,
    d: usize,
    f: usize,
}

impl Case {
    fn model(&self) -> ModelConfig {
        let shape = Shape { d_model: self.d, n_layers: 1, n_heads: 1 };
        ModelConfig {
            norm: self.norm,
            feed_forward: FeedForward::Experts(self.options),
            ..ModelConfig::transformer(shape, 5, self.context)
        }
    }

    /// x, gain, router, up, down, those of the shared experts, and the bias that balances, as matrices.
    fn inputs(&self, router_std: f64) -> Vec<TensorData> {
        let (Case { d, f, .. }, Options { experts: e, shared: s, .. }) = (*self, self.options);
        let w = self.options.activation().inputs() * f;
        let mut all = vec![
            normal(1, [self.windows * self.context, d], 1.0),
            normal(2, [1, d], 1.0),
            normal(3, [d, e], router_std),
            normal(4, [e * d, w], 0.4),
            normal(5, [e * f, d], 0.4),
        ];
        if s > 0 {
            all.extend([normal(6, [d, s * w], 0.4), normal(7, [s * f, d], 0.4)]);
        }
        if self.options.balance == Balance::Bias {
            all.push(normal(8, [1, e], 1.0));
        }
        all
    }

    fn weights(&self, inputs: &[Tensor<2>]) -> Experts {
        let Options { experts: e, shared, balance, .. } = self.options;
        let stacked = |x: &Tensor<2>| {
            let [rows, columns] = x.dims();
            param(x.clone().reshape([e, rows / e, columns]))
        };
        Experts {
            norm: param(gain(&inputs[1])),
            router: param(inputs[2].clone()),
            up: stacked(&inputs[3]),
            down: stacked(&inputs[4]),
            shared: (shared > 0).then(|| (param(inputs[5].clone()), param(inputs[6].clone()))),
            balance: (balance == Balance::Bias).then(|| param(gain(&inputs[inputs.len() - 1]))),
        }
    }

    fn run(&self, inputs: &[Tensor<2>], operations: Operations, pass: Pass<'_>) -> Tensor<2> {
        let (model, weights) = (self.model(), self.weights(inputs));
        let (rotary, starts, batch) = (None, None, self.windows);
        let place = Place { model: &model, operations, layer: 0, batch, rotary, starts, pass };
        match operations {
            Operations::Fused => fused::experts_residual(&weights, inputs[0].clone(), &place),
            Operations::Composed => composed::experts_residual(&weights, inputs[0].clone(), &place),
        }
    }

    fn fused(&self, inputs: &[Tensor<2>]) -> Tensor<2> {
        self.run(inputs, Operations::Fused, Pass::default())
    }

    fn composed(&self, inputs: &[Tensor<2>]) -> Tensor<2> {
        self.run(inputs, Operations::Composed, Pass::default())
    }

    /// Scores, and the experts of each token.
    fn routes(&self, inputs: &[Rows]) -> (Rows, Rows, Vec<Vec<usize>>) {
        let u = norm(self.norm, &inputs[0], &inputs[1][0]);
        let scores = times(&u, &inputs[2]);
        let bias = match self.options.balance {
            Balance::Bias => inputs[inputs.len() - 1][0].clone(),
            Balance::Loss => vec![0.0; self.options.experts],
        };
        let chosen = scores.iter().map(|scores| {
            let rank = |i: usize| scores[i] + bias[i];
            let mut all: Vec<usize> = (0..scores.len()).collect();
            all.sort_by(|&a, &b| rank(b).total_cmp(&rank(a)));
            all.truncate(self.options.active);
            all
        });
        (u, scores.clone(), chosen.collect())
    }

    fn plain(&self, inputs: &[Rows]) -> Rows {
        let Options { experts: e, shared, gate, .. } = self.options;
        let (u, scores, chosen) = self.routes(inputs);
        let part = |x: &Rows, rows: usize, at: usize| x[at * rows..][..rows].to_vec();
        let through = |u: &[f64], up: &Rows, down: &Rows| {
            let wide = times(&vec![u.to_vec()], up);
            times(&activated(self.options.activation(), &wide), down).remove(0)
        };
        let one = |t: usize| {
            let exps: Vec<f64> = scores[t].iter().map(|s| s.exp()).collect();
            let open: Vec<f64> = exps.iter().map(|s| s / (1.0 + s)).collect();
            let of_chosen = |x: &[f64]| chosen[t].iter().map(|i| x[*i]).sum::<f64>();
            let mut y = inputs[0][t].clone();
            let mut add = |g: f64, out: Vec<f64>| {
                y.iter_mut().zip(out).for_each(|(y, out)| *y += g * out);
            };
            for &i in &chosen[t] {
                let g = match gate {
                    Gate::Renorm => exps[i] / of_chosen(&exps),
                    Gate::Plain => exps[i] / exps.iter().sum::<f64>(),
                    Gate::Sigmoid => open[i] / of_chosen(&open),
                };
                let (d, f) = (inputs[3].len() / e, inputs[4].len() / e);
                add(g, through(&u[t], &part(&inputs[3], d, i), &part(&inputs[4], f, i)));
            }
            for i in 0..shared {
                let w = inputs[5][0].len() / shared;
                let up = inputs[5].iter().map(|row| row[i * w..][..w].to_vec()).collect();
                add(1.0, through(&u[t], &up, &part(&inputs[6], self.f, i)));
            }
            y
        };
        (0..u.len()).map(one).collect()
    }

    /// The loss that balances, by its definition.
    fn plain_balance(&self, inputs: &[Rows]) -> f64 {
        let Options { experts: e, active: k, gate, .. } = self.options;
        let (_, scores, chosen) = self.routes(inputs);
        let mut sum = 0.0;
        for window in 0..self.windows {
            let tokens = window * self.context..(window + 1) * self.context;
            for i in 0..e {
                let pairs = tokens.clone().filter(|t| chosen[*t].contains(&i)).count();
                let share = |t: usize| {
                    let of = |s: &f64| match gate {
                        Gate::Renorm | Gate::Plain => s.exp(),
                        Gate::Sigmoid => 1.0 / (1.0 + (-s).exp()),
                    };
                    of(&scores[t][i]) / scores[t].iter().map(of).sum::<f64>()
                };
                let mean = tokens.clone().map(share).sum::<f64>() / self.context as f64;
                sum += 0.01 * e as f64 * pairs as f64 / (self.context * k) as f64 * mean;
            }
        }
        sum / self.windows as f64
    }
}

fn param<const D: usize>(x: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::new(), x)
}

/// Mixtures of every option, of sizes that nothing divides.
fn cases() -> Vec<Case> {
    let case = |experts, active, shared, d| Case {
        options: Options { experts, active, shared, ..Options::default() },
        norm: Norm::Rms,
        windows: 2,
        context: 3,
        d,
        f: 6,
    };
    let mut all = Vec::new();
    for (at, case) in
        [case(5, 2, 0, 3), case(4, 4, 1, 5), case(3, 1, 2, 17), case(7, 3, 0, 4), case(1, 1, 0, 4)]
            .into_iter()
            .enumerate()
    {
        for gate in [Gate::Renorm, Gate::Plain, Gate::Sigmoid] {
            for balance in [Balance::Loss, Balance::Bias] {
                let activation = ACTIVATIONS[all.len() % 3];
                let like = Dense { activation, ..Dense::default() };
                let options = Options { gate, balance, like, ..case.options };
                all.push(Case { options, norm: NORMS[at % 2], ..case });
            }
        }
    }
    all
}

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for case in cases() {
        let what = format!("{case:?}");
        let mut inputs = case.inputs(1.0);
        // The bias has no gradient of what is computed: it is held fixed.
        let bias = (case.options.balance == Balance::Bias).then(|| inputs.pop()).flatten();
        let fixed = |device: &Device| bias.clone().map(|bias| Tensor::from_data(bias, device));
        let rows = |x: &[Rows]| -> Vec<Rows> {
            let bias = bias.iter().map(|bias| vec![bias.iter::<f64>().collect()]);
            x.iter().cloned().chain(bias).collect()
        };
        differences::compare(
            &what,
            &inputs,
            |mut x| {
                x.extend(fixed(&x[0].device()));
                case.fused(&x)
            },
            |x| case.plain(&rows(x)),
        );
    }
}

#[test]
fn the_fused_half_is_the_composed_one() {
    let big = |windows, context, d, f, experts, active| Case {
        options: Options { experts, active, shared: 1, ..Options::default() },
        norm: Norm::Rms,
        windows,
        context,
        d,
        f,
    };
    let big = [big(3, 17, 24, 33, 5, 2), big(2, 1050, 8, 12, 3, 1), big(1, 9, 16, 20, 20, 7)];
    for case in cases().into_iter().chain(big) {
        // Equal scores, which choose the first experts and leave the others without a token; and even ones.
        for std in [0.0, 0.3] {
            let mut inputs = case.inputs(std);
            let balances = case.options.balance == Balance::Bias;
            let bias = balances.then(|| inputs.pop()).flatten();
            let with = |mut x: Vec<Tensor<2>>| {
                let device = x[0].device();
                x.extend(bias.clone().map(|bias| Tensor::from_data(bias, &device)));
                x
            };
            against_composed::compare(
                &format!("{case:?} {std}"),
                &inputs,
                |x| case.fused(&with(x)),
                |x| case.composed(&with(x)),
            );
        }
    }
}

#[test]
fn equal_experts_are_the_dense_half_and_so_is_one_expert() {
    let (d, f) = (8, 20);
    for activation in ACTIVATIONS {
        let like = Dense { activation, ..Dense::default() };
        let equal = [Gate::Renorm, Gate::Sigmoid].into_iter().flat_map(|gate| {
            [1, 2, 5].map(|active| Options { experts: 5, active, gate, like, ..Options::default() })
        });
        let one = Options { experts: 1, active: 1, gate: Gate::Plain, like, ..Options::default() };
        for options in equal.chain([one]) {
            let case = Case { options, norm: Norm::Rms, windows: 3, context: 7, d, f };
            let w = activation.inputs() * f;
            let inputs = [normal(1, [21, d], 1.0), normal(2, [1, d], 1.0)];
            let [up, down] = [normal(4, [d, w], 0.4), normal(5, [f, d], 0.4)];
            let device = Device::flex();
            let tensor = |data: &TensorData| Tensor::<2>::from_data(data.clone(), &device);
            let router = tensor(&normal(3, [d, options.experts], 1.0));
            let [x, gains] = inputs.each_ref().map(tensor);
            let many = |data| Tensor::cat(vec![tensor(data); options.experts], 0);
            let found = case.fused(&[x.clone(), gains.clone(), router, many(&up), many(&down)]);
            let dense =
                mlp_residual(Norm::Rms, activation, x, gain(&gains), tensor(&up), tensor(&down));
            let difference = (found - dense).abs().max().into_scalar::<f32>();
            assert!(difference < 2e-6, "{options:?}: {difference}");
        }
    }
}

#[test]
fn what_a_token_gets_depends_on_no_other_token_to_the_last_bit() {
    let options = Options { experts: 4, active: 2, shared: 1, ..Options::default() };
    for (d, f) in [(256, 1024), (24, 33)] {
        let case = Case { options, norm: Norm::Rms, windows: 1, context: 12, d, f };
        let device = Device::flex();
        let inputs = case.inputs(0.3);
        let mut tensors: Vec<Tensor<2>> =
            inputs.iter().map(|data| Tensor::from_data(data.clone(), &device)).collect();
        let first = |tensors: &[Tensor<2>]| case.fused(tensors).narrow(0, 0, 2).into_data();
        let before = first(&tensors);
        for seed in 20..26 {
            let others = Tensor::from_data(normal(seed, [10, d], 1.0), &device);
            tensors[0] = Tensor::cat(vec![tensors[0].clone().narrow(0, 0, 2), others], 0);
            assert_eq!(first(&tensors), before, "{d}");
        }
    }
}

#[test]
#[cfg(feature = "wgpu")]
#[ignore = "needs an adapter"]
fn an_adapter_composes_what_the_processor_fuses() {
    let adapter = adapter::adapter();
    for case in cases().into_iter().filter(|case| case.options.balance == Balance::Loss) {
        adapter::compare(
            &format!("{case:?}"),
            &adapter,
            &case.inputs(1.0),
            |x| case.composed(&x),
            |x| case.fused(&x),
        );
    }
}
