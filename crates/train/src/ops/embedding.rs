//! Turns token ids into vectors.

use super::fused::{self, AnyTensor, Embedding};
use burn::tensor::Tensor;

/// Rows of the token table that `ids` name. If there is a position table, its rows are added in
/// turn.
///
/// # Shapes
/// - ids: `n` of them below v; token: `[v, d]`; position: `[t, d]`; output: `[n, d]`, row i at
///   position `i mod t`
pub fn embedding(ids: &[i32], token_vd: Tensor<2>, position_td: Option<Tensor<2>>) -> Tensor<2> {
    let operation = Embedding { ids: ids.into(), width: token_vd.dims()[1] };
    let tables = [Some(token_vd), position_td];
    fused::apply(operation, tables.into_iter().flatten().map(AnyTensor::from))
}
