//! Rows of a table.

use burn::tensor::{Int, Tensor};

/// The rows of `table` that `ids` name.
///
/// # Shapes
/// - table: `[v, d]`, ids: `[n]`, output: `[n, d]`
pub fn embedding(table_vd: Tensor<2>, ids_n: Tensor<1, Int>) -> Tensor<2> {
    table_vd.select(0, ids_n)
}
