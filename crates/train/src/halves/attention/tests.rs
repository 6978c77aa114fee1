//! The fused half against the composed one, and against plain double precision.

mod plain;

use super::{AttentionShape, RotaryTable, Starts, attention_residual, composed, starts};
#[cfg(feature = "wgpu")]
use crate::ops::tests::adapter;
use crate::ops::tests::{composed as against_composed, differences, gain, normal, run};
use burn::tensor::{Tensor, TensorData};
use isoflop_model::{Norm, Parametrization, Reach};

/// All that the half takes besides tensors.
#[derive(Clone, Debug)]
struct Form {
    norm: Norm,
    shape: AttentionShape,
    d_head: usize,
    qk_norm: bool,
    rotary: Option<RotaryTable>,
    starts: Option<Starts>,
}

impl Form {
    /// Attention to all tokens, of as many heads of keys as of queries. The scale of the scores differs
    /// between the parametrisations where heads are 4, 8 or 20 wide.
    fn new(batch: usize, time: usize, heads: usize, d_head: usize) -> Self {
        let parametrization = match d_head.is_multiple_of(4) {
            true => Parametrization::Mup,
            false => Parametrization::Standard,
        };
        let reach = Reach::All;
        let shape = AttentionShape { batch, time, heads, kv_heads: heads, reach, parametrization };
        let norm = Norm::Rms;
        Form { norm, shape, d_head, qk_norm: false, rotary: None, starts: None }
    }

    /// The same with some options; rotary position where the head can be turned.
    fn with(&self, kv_heads: usize, reach: Reach, qk_norm: bool, turned: bool) -> Self {
        let table = || RotaryTable::new(self.shape.time + 5, self.d_head);
        Form {
            shape: AttentionShape { kv_heads, reach, ..self.shape },
            qk_norm,
            rotary: (turned && self.d_head.is_multiple_of(2)).then(table),
            ..self.clone()
        }
    }

    /// Without documents, and with documents of all lengths: some start at a window, some are a single
    /// token.
    fn masked_or_not(&self) -> [Self; 2] {
        let AttentionShape { batch, time, .. } = self.shape;
        let ids: Vec<i32> = (0..(batch * time) as i32).map(|at| (at * at + at / 3) % 7).collect();
        let starts = Some(starts(&ids, time, 0));
        [self.clone(), Form { starts, ..self.clone() }]
    }

    /// x, gain, qkv, out and, with them, the gains of queries and keys.
    fn inputs(&self, std: f64) -> Vec<TensorData> {
        let AttentionShape { batch, time, heads, kv_heads, .. } = self.shape;
        let (d, of_keys) = (heads * self.d_head, kv_heads * self.d_head);
        let mut inputs = vec![
            normal(5, [batch * time, d], 1.0),
            normal(6, [1, d], 1.0),
            normal(7, [d, d + 2 * of_keys], std),
            normal(8, [d, d], 0.5),
        ];
        if self.qk_norm {
            inputs.extend([9, 10].map(|seed| normal(seed, [1, self.d_head], 1.0)));
        }
        inputs
    }

    fn fused(&self, x: &[Tensor<2>]) -> Tensor<2> {
        let gains = x.get(4).zip(x.get(5)).map(|(q, k)| (gain(q), gain(k)));
        let [x, norm_gain, qkv, out] = [0, 1, 2, 3].map(|part| x[part].clone());
        let (rotary, starts) = (self.rotary.as_ref(), self.starts.as_ref());
        let norm_gain = gain(&norm_gain);
        attention_residual(self.norm, x, norm_gain, qkv, out, gains, self.shape, rotary, starts)
    }

    fn composed(&self, x: &[Tensor<2>]) -> Tensor<2> {
        let gains = x.get(4).zip(x.get(5)).map(|(q, k)| (gain(q), gain(k)));
        let [x, norm_gain, qkv, out] = [0, 1, 2, 3].map(|part| x[part].clone());
        composed::attention_residual(
            self.norm,
            x,
            gain(&norm_gain),
            qkv,
            out,
            gains,
            self.shape,
            self.rotary.as_ref(),
            self.starts.as_ref(),
        )
    }

    /// Whether a token of a window attends to another.
    fn sees(&self, window: usize, query: usize, key: usize) -> bool {
        let AttentionShape { time, reach, .. } = self.shape;
        let start = self.starts.as_ref().map_or(0, |starts| starts[window * time + query]);
        reach.sees(query, key) && key >= start as usize
    }

    /// Bits of the output and of all gradients.
    fn bits(&self) -> Vec<Vec<u32>> {
        let all = run(&self.inputs(0.5), |x| self.fused(&x));
        all.iter().map(|part| part.iter().map(|value| value.to_bits()).collect()).collect()
    }
}

/// Reaches of every kind, some past the ends of short windows.
const REACHES: [Reach; 12] = [
    Reach::All,
    Reach::Window(1),
    Reach::Window(5),
    Reach::Window(31),
    Reach::Strided(2),
    Reach::Strided(7),
    Reach::Strided(40),
    Reach::Fixed { block: 1, columns: 1 },
    Reach::Fixed { block: 4, columns: 1 },
    Reach::Fixed { block: 5, columns: 3 },
    Reach::Fixed { block: 16, columns: 2 },
    Reach::Fixed { block: 33, columns: 33 },
];

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, heads, k) in [(1, 1, 1, 2), (2, 5, 1, 6), (1, 19, 3, 2), (1, 35, 1, 4)] {
        // The second is large scores: a softmax that is almost a choice.
        for (norm, std) in [(Norm::Rms, 0.5), (Norm::Layer, 2.5)] {
            for turned in [false, true] {
                let form = Form { norm, ..Form::new(batch, time, heads, k) };
                let form = form.with(heads, Reach::All, false, turned);
                for form in form.masked_or_not() {
                    against_differences(&form, std);
                }
            }
        }
    }
}

#[test]
fn every_option_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, heads, kv_heads, k) in
        [(1, 1, 2, 1, 3), (2, 5, 3, 1, 2), (1, 17, 2, 1, 3), (1, 33, 1, 1, 2), (1, 18, 4, 2, 2)]
    {
        for (at, reach) in REACHES.into_iter().enumerate() {
            let (qk_norm, turned) = ((at + time) % 2 == 0, at % 3 > 0);
            let form = Form::new(batch, time, heads, k).with(kv_heads, reach, qk_norm, turned);
            for form in form.masked_or_not() {
                against_differences(&form, 0.5);
            }
        }
    }
}

fn against_differences(form: &Form, std: f64) {
    let what = format!("{form:?} {std}");
    differences::compare(&what, &form.inputs(std), |x| form.fused(&x), |x| plain::half(form, x));
}

#[test]
fn attention_is_the_composed_one() {
    for (batch, time, heads, d_head) in [
        (1, 1, 1, 2),
        (2, 7, 1, 6),
        (1, 33, 3, 10),
        (2, 16, 2, 16),
        (3, 67, 2, 8),
        (5, 32, 1, 34),
        (1, 131, 1, 20),
    ] {
        for std in [0.3, 2.0] {
            // Scores grow with the width and the square of this. Where they reach hundreds, rounding them
            // alone moves their exponentials by more than the bound, in another order on each processor.
            let std = std * (20.0 / (heads * d_head) as f64).sqrt().min(1.0);
            for (norm, turned) in [(Norm::Rms, false), (Norm::Layer, true), (Norm::Rms, true)] {
                let form = Form { norm, ..Form::new(batch, time, heads, d_head) };
                let form = form.with(heads, Reach::All, false, turned);
                for form in form.masked_or_not() {
                    against_composed(&form, std);
                }
            }
        }
    }
}

#[test]
fn every_option_is_the_composed_one() {
    for (batch, time, heads, kv_heads, d_head) in [
        (2, 17, 4, 2, 5),
        (1, 33, 3, 1, 10),
        (3, 67, 2, 2, 8),
        (1, 131, 6, 2, 3),
        (2, 70, 1, 1, 34),
    ] {
        for (at, reach) in REACHES.into_iter().enumerate() {
            let form = Form::new(batch, time, heads, d_head);
            let form = form.with(kv_heads, reach, (at + time) % 2 > 0, at % 3 > 0);
            for form in form.masked_or_not() {
                against_composed(&form, 0.3);
            }
        }
    }
}

fn against_composed(form: &Form, std: f64) {
    let what = format!("{form:?} {std}");
    let inputs = form.inputs(std);
    against_composed::compare(&what, &inputs, |x| form.fused(&x), |x| form.composed(&x));
}

#[test]
fn a_reach_that_hides_nothing_is_plain_attention_to_the_bit() {
    for time in [1, 17, 33, 70] {
        for form in Form::new(2, time, 3, 6).masked_or_not() {
            for qk_norm in [false, true] {
                let plain = form.with(1, Reach::All, qk_norm, true).bits();
                for reach in [
                    Reach::Window(time),
                    Reach::Window(time + 9),
                    Reach::Strided(1),
                    Reach::Fixed { block: time, columns: 1 },
                ] {
                    let same = form.with(1, reach, qk_norm, true).bits();
                    assert!(same == plain, "{reach:?} of {time} tokens, {qk_norm}");
                }
                // Columns are summed before a block's own keys.
                let reach = Reach::Fixed { block: 4, columns: 4 };
                let (form, plain) =
                    (form.with(1, reach, qk_norm, true), form.with(1, Reach::All, qk_norm, true));
                against_composed::compare(
                    &format!("{form:?}"),
                    &form.inputs(0.5),
                    |x| form.fused(&x),
                    |x| plain.fused(&x),
                );
            }
        }
    }
}

#[test]
fn a_head_of_keys_that_is_shared_stands_for_equal_ones() {
    let (shared, apart) = (Form::new(2, 37, 4, 5), Form::new(2, 37, 4, 5));
    let shared = shared.with(2, Reach::All, true, false);
    let apart = apart.with(4, Reach::All, true, false);
    against_composed::compare(
        "heads of keys",
        &shared.inputs(0.5),
        |x| shared.fused(&x),
        |mut x| {
            let heads = |from: usize| {
                let head = |group: usize| x[2].clone().narrow(1, from + 5 * group, 5);
                [head(0), head(0), head(1), head(1)]
            };
            let queries = std::iter::once(x[2].clone().narrow(1, 0, 20));
            x[2] = Tensor::cat(queries.chain(heads(20)).chain(heads(30)).collect(), 1);
            apart.fused(&x)
        },
    );
}

#[test]
fn a_token_changes_no_output_that_does_not_attend_to_it_by_a_bit() {
    let (time, changed) = (37, 9);
    for reach in REACHES {
        let form = Form::new(2, time, 2, 4).with(1, reach, true, true);
        for form in form.masked_or_not() {
            let mut inputs = form.inputs(0.5);
            let width = inputs[0].shape()[1];
            let before = run(&inputs, |x| form.fused(&x)).remove(0);
            let of_changed = (time + changed) * width;
            inputs[0].as_mut_slice::<f32>().expect("numbers")[of_changed] += 1.0;
            let after = run(&inputs, |x| form.fused(&x)).remove(0);
            let tokens = before.chunks(width).zip(after.chunks(width)).enumerate();
            for (row, (before, after)) in tokens {
                let (window, query) = (row / time, row % time);
                let sees = window == 1 && form.sees(window, query, changed);
                assert_eq!(before != after, sees, "{form:?}, token {query} of window {window}");
            }
        }
    }
}

#[test]
#[cfg(feature = "wgpu")]
#[ignore = "needs an adapter"]
fn an_adapter_composes_what_the_processor_fuses() {
    let adapter = adapter::adapter();
    for (batch, time, heads, k) in [(1, 1, 1, 2), (2, 5, 1, 6), (1, 33, 3, 10), (2, 67, 2, 8)] {
        for (norm, turned) in [(Norm::Layer, false), (Norm::Rms, true)] {
            for (at, reach) in REACHES.into_iter().enumerate() {
                let form = Form { norm, ..Form::new(batch, time, heads, k) };
                let kv_heads = if at % 2 > 0 { 1 } else { heads };
                let form = form.with(kv_heads, reach, at % 3 > 0, turned);
                for form in form.masked_or_not() {
                    adapter::compare(
                        &format!("{form:?}"),
                        &adapter,
                        &form.inputs(0.3),
                        |x| form.composed(&x),
                        |x| form.fused(&x),
                    );
                }
            }
        }
    }
}
