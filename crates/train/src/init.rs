//! Makes initial weights. They are a function of the seed, the parameter's name and the place in
//! the parameter, and are the same on every device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::rng::{Purpose, hash_name, normal_pair, stream};
use isoflop_model::{Initial, ModelConfig, TensorSpec};

/// Makes the parameters of a model one after another, in the order of the model's list, from one
/// seed on one device. Without a seed it makes zeros, to be replaced by other values.
pub(crate) struct Init<'a> {
    specs: std::vec::IntoIter<TensorSpec>,
    seed: Option<u64>,
    device: &'a Device,
}

impl<'a> Init<'a> {
    pub(crate) fn new(config: &ModelConfig, seed: Option<u64>, device: &'a Device) -> Self {
        Init { specs: config.tensors().into_iter(), seed, device }
    }

    /// Makes the next parameter, a matrix `[inputs, outputs]`.
    pub(crate) fn matrix(&mut self) -> Param<Tensor<2>> {
        let spec = self.next();
        let &[rows, columns] = spec.dims.as_slice() else {
            panic!("`{}` is no matrix", spec.name);
        };
        let value = match spec.initial {
            Initial::Normal(std) => return self.normal(&spec.name, [rows, columns], std),
            Initial::Orthogonal => return self.orthogonal(&spec.name, [rows, columns]),
            Initial::Ones => Tensor::ones([rows, columns], self.device),
            Initial::Zeros => Tensor::zeros([rows, columns], self.device),
            Initial::OnesIn(..) | Initial::Spread(..) => {
                panic!("`{}`: a matrix does not begin as a vector does", spec.name)
            }
        };
        self.param(value)
    }

    /// Makes the next parameter, one matrix per expert: `[experts, inputs, outputs]`.
    pub(crate) fn matrices(&mut self) -> Param<Tensor<3>> {
        let spec = self.next();
        let &[experts, rows, columns] = spec.dims.as_slice() else {
            panic!("`{}` is no tensor of matrices", spec.name);
        };
        match spec.initial {
            Initial::Normal(std) => self.normal(&spec.name, [experts, rows, columns], std),
            Initial::Zeros => self.param(Tensor::zeros([experts, rows, columns], self.device)),
            other => panic!("`{}`: matrices of experts do not begin with {other:?}", spec.name),
        }
    }

    /// Makes the next parameter, a vector.
    pub(crate) fn vector(&mut self) -> Param<Tensor<1>> {
        let spec = self.next();
        let &[length] = spec.dims.as_slice() else {
            panic!("`{}` is no vector", spec.name);
        };
        match spec.initial {
            Initial::Ones => self.param(Tensor::ones([length], self.device)),
            Initial::Zeros => self.param(Tensor::zeros([length], self.device)),
            Initial::OnesIn(from, to) => {
                let one = |at: usize| f64::from(u8::from((from..to).contains(&at)));
                self.param_of((0..length).map(one), [length])
            }
            Initial::Spread(from, to) => {
                let at = |at: usize| from + (to - from) * (at as f64 + 0.5) / length as f64;
                self.param_of((0..length).map(at), [length])
            }
            Initial::Normal(_) | Initial::Orthogonal => {
                panic!("`{}`: no vector begins at random", spec.name)
            }
        }
    }

    fn next(&mut self) -> TensorSpec {
        self.specs.next().expect("the weights are as many as the list has")
    }

    /// Checks that every parameter of the list has been made.
    pub(crate) fn end(mut self) {
        let left = self.specs.next();
        assert!(left.is_none(), "{left:?} is in the list and not among the weights");
    }

    /// A tensor of normally distributed numbers with mean 0.
    fn normal<const D: usize>(&self, name: &str, dims: [usize; D], std: f64) -> Param<Tensor<D>> {
        let Some(seed) = self.seed else {
            return self.param(Tensor::zeros(dims, self.device));
        };
        let values = normals(seed, name, dims.iter().product());
        self.param_of(values.into_iter().map(|x| x * std), dims)
    }

    /// Square matrices side by side, each made by orthonormalising a random one vector by vector.
    fn orthogonal(&self, name: &str, [rows, columns]: [usize; 2]) -> Param<Tensor<2>> {
        let Some(seed) = self.seed else {
            return self.param(Tensor::zeros([rows, columns], self.device));
        };
        let values = normals(seed, name, rows * columns);
        let squares = values.chunks(rows * rows).map(|square| orthonormal(square.to_vec(), rows));
        let squares: Vec<Vec<f64>> = squares.collect();
        let row = |r: usize| squares.iter().flat_map(move |square| &square[r * rows..][..rows]);
        self.param_of((0..rows).flat_map(row).copied(), [rows, columns])
    }

    fn param_of<const D: usize>(
        &self,
        values: impl Iterator<Item = f64>,
        dims: [usize; D],
    ) -> Param<Tensor<D>> {
        let values: Vec<f32> = values.map(|x| x as f32).collect();
        self.param(Tensor::from_data(TensorData::new(values, dims), self.device))
    }

    /// Makes a parameter, which has a gradient if the device has autodiff on.
    fn param<const D: usize>(&self, value: Tensor<D>) -> Param<Tensor<D>> {
        Param::from_tensor(match self.device.is_autodiff() {
            true => value.require_grad(),
            false => value,
        })
    }
}

/// `count` numbers of the standard normal distribution, which depend on seed and name.
fn normals(seed: u64, name: &str, count: usize) -> Vec<f64> {
    let mut rng = stream(seed, Purpose::Init, hash_name(name));
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let (first, second) = normal_pair(&mut rng);
        values.extend([first, second]);
    }
    values.truncate(count);
    values
}

/// Orthonormalises vectors of `width` numbers by the method of Gram and Schmidt, applied twice,
/// after which the remaining rounding is negligible.
fn orthonormal(mut values: Vec<f64>, width: usize) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for at in (0..values.len()).step_by(width) {
        let (before, rest) = values.split_at_mut(at);
        let vector = &mut rest[..width];
        for _ in 0..2 {
            for other in before.chunks(width) {
                let along = dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
        }
        let length = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orthogonal_matrix_times_its_transpose_is_one() {
        for width in [1, 7, 64] {
            let values = orthonormal(normals(3, "w", width * width), width);
            for (i, a) in values.chunks(width).enumerate() {
                for (j, b) in values.chunks(width).enumerate() {
                    let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let one = if i == j { 1.0 } else { 0.0 };
                    assert!((product - one).abs() < 1e-12, "{i}, {j}: {product}");
                }
            }
        }
    }

    #[test]
    fn a_spread_vector_lies_evenly_between_its_ends() {
        use isoflop_model::{Family, Shape};
        let preset = Family::Linear.preset();
        let shape = Shape { d_model: 8, n_layers: 1, n_heads: 4 };
        let plain = ModelConfig::transformer(shape, 5, 3);
        let model = ModelConfig { mixer: preset.mixer, position: preset.position, ..plain };
        let device = Device::flex();
        let mut init = Init::new(&model, Some(3), &device);
        let _ = [init.matrix().id, init.vector().id, init.matrix().id];
        let values: Vec<f32> = init.vector().val().into_data().iter::<f32>().collect();
        let expected = [1.0f32, 3.0, 5.0, 7.0].map(|eighths| eighths / 8.0 * 16f32.ln());
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
        }
    }

    #[test]
    fn squares_side_by_side_are_orthogonal_each_for_itself_and_the_gate_that_forgets_is_open() {
        use isoflop_model::{Mixer, Position, Recurrent, Shape};
        let shape = Shape { d_model: 6, n_layers: 1, n_heads: 1 };
        let plain = ModelConfig::transformer(shape, 5, 3);
        let lstm = Mixer::Recurrent(Recurrent::Lstm);
        let model = ModelConfig { mixer: lstm, position: Position::None, ..plain };
        let device = Device::flex();
        let mut init = Init::new(&model, Some(3), &device);
        let _ = [init.matrix().id, init.vector().id, init.matrix().id];
        let values: Vec<f32> = init.matrix().val().into_data().iter::<f32>().collect();
        for gate in 0..4 {
            let at = |row: usize, column: usize| values[row * 24 + gate * 6 + column];
            for (a, b) in (0..36).map(|i| (i / 6, i % 6)) {
                let product: f32 = (0..6).map(|column| at(a, column) * at(b, column)).sum();
                let one = if a == b { 1.0 } else { 0.0 };
                assert!((product - one).abs() < 1e-6, "{gate}: {a}, {b}: {product}");
            }
        }
        assert!(values[..6] != values[6..12], "no two gates are alike");
        let bias: Vec<f32> = init.vector().val().into_data().iter::<f32>().collect();
        assert_eq!(bias[..6], [0.0; 6]);
        assert_eq!(bias[6..12], [1.0; 6]);
        assert_eq!(bias[12..], [0.0; 12]);
    }
}
