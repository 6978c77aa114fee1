//! Selects rows of a table by their numbers, with a backward pass that treats all tokens at once.
//!
//! Burn's own backward pass adds the gradients of the rows one token after another. On a GPU they
//! are added by a product with the one-hot matrix of the ids instead. This costs as much as the
//! product of the head, and adds in the same order at every call.

#[cfg(feature = "wgpu")]
use crate::device::adapter;
use burn::tensor::{Int, Tensor};

/// Rows of a table that `ids` name.
///
/// # Shapes
/// - table: `[v, d]`, ids: `[n]`, output: `[n, d]`
pub(super) fn rows(table_vd: Tensor<2>, ids_n: Tensor<1, Int>) -> Tensor<2> {
    #[cfg(feature = "wgpu")]
    if adapter::holds(&table_vd) {
        return on_gpu::rows(table_vd, ids_n);
    }
    table_vd.select(0, ids_n)
}

#[cfg(feature = "wgpu")]
mod on_gpu {
    use crate::ops::constants::Constants;
    use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::ops::FloatTensorOps;
    use burn::backend::tensor::{FloatTensor, IntTensor};
    use burn::backend::{Autodiff, Backend, Cube, Dispatch, TensorMetadata, backend_extension};
    use burn::tensor::{Device, Int, Tensor};
    use std::cell::RefCell;

    thread_local! {
        static COUNTING: RefCell<Constants<usize, Tensor<1, Int>>> =
            const { RefCell::new(Constants::new()) };
    }

    /// The numbers from 0 to `count - 1`.
    fn counting(count: usize, device: &Device) -> Tensor<1, Int> {
        let make = |device: &Device| Tensor::arange(0..count as i64, device);
        COUNTING.with_borrow_mut(|kept| kept.of(device, count, make))
    }

    pub(super) fn rows(table_vd: Tensor<2>, ids_n: Tensor<1, Int>) -> Tensor<2> {
        let (table, ids) = (table_vd.into_dispatch(), ids_n.into_dispatch());
        Tensor::from_dispatch(<Dispatch as Rows>::rows(table, ids))
    }

    #[backend_extension(Cube, Autodiff)]
    trait Rows: Backend {
        fn rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self>;
    }

    impl Rows for Cube {
        fn rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
            Self::float_select(table, 0, ids)
        }
    }

    #[derive(Debug)]
    struct RowsBackward;

    impl<B: Sums> Backward<B, 1> for RowsBackward {
        /// The ids, and the number v of rows.
        type State = (IntTensor<B>, usize);

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let dy_nd = grads.consume::<B>(&ops.node);
            let (ids_n, vocab) = ops.state;
            if let [Some(node)] = ops.parents {
                grads.register::<B>(node.id, B::sums(dy_nd, ids_n, vocab));
            }
        }
    }

    /// A backend that sums rows by their ids.
    trait Sums: Rows {
        /// For each of `vocab` ids, the sum of the rows of `dy` that have this id.
        fn sums(dy: FloatTensor<Self>, ids: IntTensor<Self>, vocab: usize) -> FloatTensor<Self>;
    }

    /// Maximum numbers of the one-hot matrix that exist at a time.
    const MOST: usize = 1 << 26;

    impl Sums for Cube {
        fn sums(dy: FloatTensor<Self>, ids: IntTensor<Self>, vocab: usize) -> FloatTensor<Self> {
            let dy_nd = Tensor::<2>::from_primitive::<Cube>(dy);
            let ids_n = Tensor::<1, Int>::from_primitive::<Cube>(ids);
            let count = ids_n.dims()[0];
            let all_v = counting(vocab, &dy_nd.device());
            let at_a_time = (MOST / count).clamp(1, vocab);
            let sums = (0..vocab).step_by(at_a_time).map(|from| {
                let size = at_a_time.min(vocab - from);
                let some_v1 = all_v.clone().narrow(0, from, size).reshape([size, 1]);
                let one_hot_vn = some_v1.equal(ids_n.clone().reshape([1, count])).float();
                one_hot_vn.matmul(dy_nd.clone())
            });
            let sums: Vec<Tensor<2>> = sums.collect();
            let sums_vd = match <[Tensor<2>; 1]>::try_from(sums) {
                Ok([all]) => all,
                Err(parts) => Tensor::cat(parts, 0),
            };
            sums_vd.try_into_primitive::<Cube>().expect("where its parts were")
        }
    }

    impl<B: Sums, C: CheckpointStrategy> Rows for Autodiff<B, C> {
        fn rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
            let prepared = RowsBackward.prepare::<C>([table.node()]).compute_bound().stateful();
            let vocab = table.primitive().shape()[0];
            match prepared {
                OpsKind::Tracked(prep) => {
                    let y = B::rows(table.into_primitive(), ids.clone());
                    prep.finish((ids, vocab), y)
                }
                OpsKind::UnTracked(prep) => prep.finish(B::rows(table.into_primitive(), ids)),
            }
        }
    }
}
