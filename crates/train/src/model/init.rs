//! Initial weights: a function of (seed, name of the parameter, place in it), the same on every
//! device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::rng::{Purpose, hash_name, normal_pair, stream};

/// Standard deviation of the token and position tables and of the head.
///
/// Radford et al. 2019 use 0.02; a pre-norm model is indifferent to the scale of its table, and
/// small logits at the start mean a first loss of `ln V`.
pub(super) const TABLE_STD: f64 = 0.02;

/// Makes parameters from one seed on one device; without a seed zeros, for values to come.
pub(super) struct Init<'a> {
    pub(super) seed: Option<u64>,
    pub(super) device: &'a Device,
}

impl Init<'_> {
    /// Normal with mean 0.
    pub(super) fn normal(
        &self,
        name: &str,
        [rows, columns]: [usize; 2],
        std: f64,
    ) -> Param<Tensor<2>> {
        let Some(seed) = self.seed else {
            return self.param(Tensor::zeros([rows, columns], self.device));
        };
        let mut rng = stream(seed, Purpose::Init, hash_name(name));
        let mut values = Vec::with_capacity(rows * columns + 1);
        while values.len() < rows * columns {
            let (first, second) = normal_pair(&mut rng);
            values.push((first * std) as f32);
            values.push((second * std) as f32);
        }
        values.truncate(rows * columns);
        let data = TensorData::new(values, [rows, columns]);
        self.param(Tensor::from_data(data, self.device))
    }

    /// With a gradient where the device keeps any.
    fn param<const D: usize>(&self, value: Tensor<D>) -> Param<Tensor<D>> {
        Param::from_tensor(match self.device.is_autodiff() {
            true => value.require_grad(),
            false => value,
        })
    }

    /// A gain of ones.
    pub(super) fn ones(&self, width: usize) -> Param<Tensor<1>> {
        self.param(Tensor::ones([width], self.device))
    }
}
