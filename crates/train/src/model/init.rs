//! Initial weights: a function of (seed, name of the parameter, place in it), the same on every
//! device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::rng::{Purpose, hash_name, normal_pair, stream};
use isoflop_model::{Initial, ModelConfig, TensorSpec};

/// Makes the parameters of a model, one after another in the order of its list, from one seed on one
/// device; without a seed zeros, for values to come.
pub(crate) struct Init<'a> {
    specs: std::vec::IntoIter<TensorSpec>,
    seed: Option<u64>,
    device: &'a Device,
}

impl<'a> Init<'a> {
    pub(super) fn new(config: &ModelConfig, seed: Option<u64>, device: &'a Device) -> Self {
        Init { specs: config.tensors().into_iter(), seed, device }
    }

    /// The next parameter, `[inputs, outputs]`.
    pub(crate) fn matrix(&mut self) -> Param<Tensor<2>> {
        let spec = self.next();
        let &[rows, columns] = spec.dims.as_slice() else {
            panic!("`{}` is no matrix", spec.name);
        };
        let value = match spec.initial {
            Initial::Normal(std) => return self.normal(&spec.name, [rows, columns], std),
            Initial::Ones => Tensor::ones([rows, columns], self.device),
        };
        self.param(value)
    }

    /// The next parameter, a vector.
    pub(crate) fn vector(&mut self) -> Param<Tensor<1>> {
        let spec = self.next();
        let &[length] = spec.dims.as_slice() else {
            panic!("`{}` is no vector", spec.name);
        };
        match spec.initial {
            Initial::Ones => self.param(Tensor::ones([length], self.device)),
            Initial::Normal(_) => panic!("`{}`: no vector begins at random", spec.name),
        }
    }

    fn next(&mut self) -> TensorSpec {
        self.specs.next().expect("the weights are as many as the list has")
    }

    /// Every parameter of the list has been made.
    pub(super) fn end(mut self) {
        let left = self.specs.next();
        assert!(left.is_none(), "{left:?} is in the list and not among the weights");
    }

    /// Normal with mean 0.
    fn normal(&self, name: &str, [rows, columns]: [usize; 2], std: f64) -> Param<Tensor<2>> {
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
}
