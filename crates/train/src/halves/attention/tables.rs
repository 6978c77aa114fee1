//! What the composed form needs on a device besides weights: masks and turns.

use super::{RotaryTable, Starts};
use crate::ops::composed::upload;
use crate::ops::constants::{Constants, among};
use burn::tensor::{Device, Int, Tensor, TensorData};
use isoflop_model::Reach;
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

/// By the address of what is kept beside it: every layer of a pass asks for the same.
type ByAddress = Constants<usize, (Starts, Tensor<4>)>;

thread_local! {
    static REACHES: RefCell<Constants<(usize, Reach), Tensor<2>>> =
        const { RefCell::new(Constants::new()) };
    static TURNS: RefCell<Constants<(usize, usize), Turns>> =
        const { RefCell::new(Constants::new()) };
    static DOCUMENTS: RefCell<ByAddress> = const { RefCell::new(Constants::new()) };
}

/// `[t, t]`, 0 where the token of a row attends to that of a column and [`HIDDEN`] elsewhere.
pub(in crate::halves) fn hidden_by(reach: Reach, time: usize, device: &Device) -> Tensor<2> {
    let make = |device: &Device| {
        let hidden = |query, key| if reach.sees(query, key) { 0.0 } else { HIDDEN };
        let rows = (0..time).flat_map(|query| (0..time).map(move |key| hidden(query, key)));
        Tensor::from_data(TensorData::new(rows.collect::<Vec<f32>>(), [time, time]), device)
    };
    among(REACHES.with_borrow_mut(|kept| kept.of(device, (time, reach), make)), device)
}

/// `[b, 1, t, t]`, [`HIDDEN`] where a key is of an earlier document.
pub(in crate::halves) fn hidden(starts: &Starts, time: usize, device: &Device) -> Tensor<4> {
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
    let (_, hidden_b1tt) = DOCUMENTS.with_borrow_mut(|kept| kept.of(device, address, make));
    among(hidden_b1tt, device)
}

/// `[b, t]`, 1 where a state goes on to a token and 0 at the first token of a document.
pub(in crate::halves) fn goes_on(
    starts: &Starts,
    [batch, time]: [usize; 2],
    device: &Device,
) -> Tensor<2> {
    let starts: Vec<i32> = starts.iter().map(|&start| start as i32).collect();
    let starts_bt = upload(&starts, device).reshape([batch, time]);
    let places_t = Tensor::<1, Int>::arange(0..time as i64, device);
    starts_bt.lower(places_t.unsqueeze()).float()
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
    let turns = TURNS.with_borrow_mut(|kept| kept.of(device, (time, d_head), make));
    Turns {
        cos_1t1k: among(turns.cos_1t1k, device),
        sin_1t1k: among(turns.sin_1t1k, device),
        swap_kk: among(turns.swap_kk, device),
    }
}
