//! Which linear maps a tensor holds: matrices from one hidden vector to another. An optimizer of matrices
//! orthogonalises each of them by itself, however they are stored.

/// How the linear maps of a tensor lie in it; of a tensor with a matrix an expert, in each of these matrices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Maps {
    /// It holds none: tables, the head, routers, vectors.
    #[default]
    None,
    /// Side by side, each of so many columns.
    Beside(Vec<usize>),
    /// One below the other, each of so many rows.
    Below(Vec<usize>),
}

/// Place of a linear map in the numbers of a tensor: element `(i, j)` is at `start + i * stride + j`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearMap {
    /// Its first number.
    pub start: usize,
    /// Inputs.
    pub rows: usize,
    /// Outputs.
    pub columns: usize,
    /// Distance between the starts of its rows.
    pub stride: usize,
}

impl Maps {
    /// The maps of a tensor of these dimensions.
    ///
    /// # Panics
    /// The tensor is no matrix and no stack of matrices, though it is said to hold maps.
    pub(crate) fn places(&self, dims: &[usize]) -> Vec<LinearMap> {
        let (sizes, beside) = match self {
            Maps::None => return Vec::new(),
            Maps::Beside(sizes) => (sizes, true),
            Maps::Below(sizes) => (sizes, false),
        };
        let (count, rows, stride) = match *dims {
            [rows, columns] => (1, rows, columns),
            [count, rows, columns] => (count, rows, columns),
            _ => panic!("{dims:?} are no matrices"),
        };
        let mut places = Vec::with_capacity(count * sizes.len());
        for matrix in 0..count {
            let mut start = matrix * rows * stride;
            for &size in sizes {
                places.push(match beside {
                    true => LinearMap { start, rows, columns: size, stride },
                    false => LinearMap { start, rows: size, columns: stride, stride },
                });
                start += if beside { size } else { size * stride };
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Group, ModelConfig, Parametrization, Shape};
    use isoflop_core::OptimizerKind;

    /// Each number of a tensor is that of one map, or no number is that of any.
    #[test]
    fn the_matrices_of_halves_are_maps_from_end_to_end_and_nothing_else_is() {
        for model in ModelConfig::examples() {
            for tensor in model.tensors() {
                let mut owners = vec![0u32; tensor.len() as usize];
                for map in tensor.linear_maps() {
                    for row in 0..map.rows {
                        let from = map.start + row * map.stride;
                        owners[from..from + map.columns].iter_mut().for_each(|count| *count += 1);
                    }
                }
                let of_half = matches!(tensor.group, Group::Mixer | Group::FeedForward);
                let is_router = tensor.name.ends_with(".router");
                let expected = u32::from(of_half && tensor.dims.len() > 1 && !is_router);
                assert!(owners.iter().all(|count| *count == expected), "{}", tensor.name);
            }
        }
    }

    #[test]
    fn matrices_of_experts_split_within_each_expert() {
        let places = Maps::Beside(vec![2, 3]).places(&[2, 4, 5]);
        let starts: Vec<_> = places.iter().map(|map| (map.start, map.columns)).collect();
        assert_eq!(starts, [(0, 2), (2, 3), (20, 2), (22, 3)]);
        assert!(places.iter().all(|map| (map.rows, map.stride) == (4, 5)));
        let places = Maps::Below(vec![1, 3]).places(&[4, 5]);
        let starts: Vec<_> = places.iter().map(|map| (map.start, map.rows)).collect();
        assert_eq!(starts, [(0, 1), (5, 3)]);
    }

    #[test]
    fn muon_changes_what_maps_one_hidden_vector_to_another_and_adamw_the_rest() {
        for model in ModelConfig::examples() {
            for tensor in model.tensors() {
                let found = tensor.optimizer(OptimizerKind::Muon);
                let is_map = !tensor.linear_maps().is_empty();
                assert_eq!(found == OptimizerKind::Muon, is_map, "{}", tensor.name);
                assert_eq!(tensor.optimizer(OptimizerKind::Sgd), OptimizerKind::Sgd);
            }
        }
        let wide = ModelConfig {
            parametrization: Parametrization::Mup,
            ..ModelConfig::transformer(Shape { d_model: 256, n_layers: 1, n_heads: 4 }, 61, 17)
        };
        let out = wide.tensors().into_iter().find(|tensor| tensor.name == "blocks.0.out").unwrap();
        let factor = |kind| out.factor_by(kind);
        assert_eq!([factor(OptimizerKind::AdamW), factor(OptimizerKind::Muon)], [0.25, 0.5]);
    }
}
