//! The half against plain double precision and its differences.

use super::residual;
use crate::halves::attention::starts;
use crate::ops::tests::plain::{Rows, norm, times};
use crate::ops::tests::{NORMS, differences, gain, normal};
use isoflop_model::Norm;

struct Plain<'a> {
    norm: Norm,
    time: usize,
    starts: Option<&'a [i32]>,
}

impl Plain<'_> {
    fn residual(&self, inputs: &[Rows]) -> Rows {
        let [x, gain, input, recurrent, bias] = inputs else { panic!("five inputs") };
        let driven = times(&norm(self.norm, x, &gain[0]), input);
        let mut state = vec![0.0; gain[0].len()];
        let mut all = Vec::new();
        for (row, driven) in driven.iter().enumerate() {
            let place = row % self.time;
            let begins = self.starts.map_or(place == 0, |starts| starts[row] as usize == place);
            if begins {
                state.fill(0.0);
            }
            let turned = times(&vec![state.clone()], recurrent).remove(0);
            let next = |c: usize| (driven[c] + turned[c] + bias[0][c]).tanh();
            state = (0..state.len()).map(next).collect();
            all.push(x[row].iter().zip(&state).map(|(x, h)| x + h).collect());
        }
        all
    }
}

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, d) in [(1, 2, 2), (2, 5, 3), (1, 17, 4)] {
        let inputs = [
            normal(1, [batch * time, d], 1.0),
            normal(2, [1, d], 1.0),
            normal(3, [d, d], 0.5),
            normal(4, [d, d], 0.7),
            normal(5, [1, d], 0.3),
        ];
        let ids: Vec<i32> = (0..(batch * time) as i32).map(|at| (at * at + at / 3) % 4).collect();
        let of_documents: Vec<i32> =
            starts(&ids, time, 0).iter().map(|&start| start as i32).collect();
        for kind in NORMS {
            for starts in [None, Some(of_documents.clone())] {
                let plain = Plain { norm: kind, time, starts: starts.as_deref() };
                differences::compare(
                    &format!("{kind:?} {batch}x{time}x{d} {starts:?}"),
                    &inputs,
                    |x| {
                        let (input, recurrent) = (x[2].clone(), x[3].clone());
                        let (gain, bias) = (gain(&x[1]), gain(&x[4]));
                        let sizes = [batch, time];
                        let x = x[0].clone();
                        residual(kind, x, gain, input, recurrent, bias, sizes, starts.clone())
                    },
                    |x| plain.residual(x),
                );
            }
        }
    }
}
