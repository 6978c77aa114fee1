//! Constants of the composed operations on a device: made once and used by every layer of every
//! step.

use super::attention::Starts;
use super::composed::upload;
use super::rotary::RotaryTable;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use std::cell::RefCell;

/// Added to a score that does not count: its share comes out as exactly zero. Infinities are kept
/// out of shaders, which may assume that there are none.
pub(super) const HIDDEN: f32 = -1e30;

/// How a head is turned by position: `x cos + (x swap) sin`.
#[derive(Clone)]
pub(super) struct Turns {
    /// `[1, t, 1, k]`, each cosine for both dimensions of its pair.
    pub(super) cos_1t1k: Tensor<4>,
    /// `[1, t, 1, k]`
    pub(super) sin_1t1k: Tensor<4>,
    /// `[k, k]`: takes `(a, b)` to `(-b, a)`.
    pub(super) swap_kk: Tensor<2>,
}

/// Constants of one device.
struct Kept {
    device: Device,
    #[cfg(feature = "wgpu")]
    counting: Vec<(usize, Tensor<1, Int>)>,
    causal: Vec<(usize, Tensor<2>)>,
    turns: Vec<((usize, usize), Turns)>,
    /// By the address of what is kept beside it: every layer of a pass asks for the same.
    hidden: Vec<(usize, (Starts, Tensor<4>))>,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Tables of a kind that are kept at most; a sweep has one context and a few widths of heads, a
/// pass one batch.
const MOST: usize = 4;

fn kept<K: PartialEq, T: Clone>(
    device: &Device,
    tables: impl Fn(&mut Kept) -> &mut Vec<(K, T)>,
    key: K,
    make: impl FnOnce(&Device) -> T,
) -> T {
    let device = device.clone().without_autodiff();
    KEPT.with_borrow_mut(|all| {
        let at = match all.iter().position(|kept| kept.device == device) {
            Some(at) => at,
            None => {
                all.push(Kept {
                    device: device.clone(),
                    #[cfg(feature = "wgpu")]
                    counting: Vec::new(),
                    causal: Vec::new(),
                    turns: Vec::new(),
                    hidden: Vec::new(),
                });
                all.len() - 1
            }
        };
        let tables = tables(&mut all[at]);
        if let Some((_, table)) = tables.iter().find(|(other, _)| *other == key) {
            return table.clone();
        }
        if tables.len() == MOST {
            tables.remove(0);
        }
        let table = make(&device);
        tables.push((key, table.clone()));
        table
    })
}

/// A constant among tensors of a device.
fn among<const D: usize>(constant: Tensor<D>, device: &Device) -> Tensor<D> {
    match device.is_autodiff() {
        true => Tensor::from_inner(constant),
        false => constant,
    }
}

/// 0 to `count - 1`.
#[cfg(feature = "wgpu")]
pub(super) fn counting(count: usize, device: &Device) -> Tensor<1, Int> {
    let make = |device: &Device| Tensor::arange(0..count as i64, device);
    kept(device, |kept| &mut kept.counting, count, make)
}

/// `[t, t]`, [`HIDDEN`] above the diagonal and 0 elsewhere.
pub(super) fn causal(time: usize, device: &Device) -> Tensor<2> {
    let make = |device: &Device| {
        let future_tt = Tensor::<2, Bool>::tril_mask([time, time], 0, device);
        Tensor::zeros([time, time], device).mask_fill(future_tt, HIDDEN)
    };
    among(kept(device, |kept| &mut kept.causal, time, make), device)
}

/// `[b, 1, t, t]`, [`HIDDEN`] where a key is of an earlier document.
pub(super) fn hidden(starts: &Starts, time: usize, device: &Device) -> Tensor<4> {
    let make = |device: &Device| {
        let first: Vec<i32> = starts.iter().map(|&start| start as i32).collect();
        let batch = first.len() / time;
        let first_b1t1 = upload(&first, device).reshape([batch, 1, time, 1]);
        let keys = Tensor::<1, Int>::arange(0..time as i64, device);
        let hidden_b1tt = keys.reshape([1, 1, 1, time]).lower(first_b1t1).float() * HIDDEN;
        (starts.clone(), hidden_b1tt)
    };
    // What is kept holds the address, so that it is of nothing else.
    let address = starts.as_ptr() as usize;
    let (_, hidden_b1tt) = kept(device, |kept| &mut kept.hidden, address, make);
    among(hidden_b1tt, device)
}

/// The tables of `time` positions.
pub(super) fn turns(table: &RotaryTable, time: usize, d_head: usize, device: &Device) -> Turns {
    let half = d_head / 2;
    let make = |device: &Device| {
        let angles = |values: &[f32]| {
            let at = |t: usize, k: usize| values[k % half * table.context + t];
            let values: Vec<f32> =
                (0..time).flat_map(|t| (0..d_head).map(move |k| at(t, k))).collect();
            Tensor::from_data(TensorData::new(values, [1, time, 1, d_head]), device)
        };
        let mut swap = vec![0.0f32; d_head * d_head];
        for i in 0..half {
            swap[(i + half) * d_head + i] = -1.0;
            swap[i * d_head + i + half] = 1.0;
        }
        Turns {
            cos_1t1k: angles(&table.cos_kt),
            sin_1t1k: angles(&table.sin_kt),
            swap_kk: Tensor::from_data(TensorData::new(swap, [d_head, d_head]), device),
        }
    };
    let turns = kept(device, |kept| &mut kept.turns, (time, d_head), make);
    Turns {
        cos_1t1k: among(turns.cos_1t1k, device),
        sin_1t1k: among(turns.sin_1t1k, device),
        swap_kk: among(turns.swap_kk, device),
    }
}
