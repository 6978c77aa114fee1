//! Tensors as they stand in a safetensors file.

use safetensors::tensor::{Dtype, SafeTensors, View};
use std::borrow::Cow;
use std::collections::HashMap;

/// Numbers under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// What it is called.
    pub name: String,
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// As many numbers as the dimensions say, row by row.
    pub numbers: Numbers<'a>,
}

/// What a tensor is made of.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Numbers<'a> {
    Floats(Cow<'a, [f32]>),
    Integers(Cow<'a, [i32]>),
}

impl Numbers<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Numbers::Floats(values) => values.len(),
            Numbers::Integers(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Tensor<'_> {
    /// The numbers of a tensor of floats.
    ///
    /// # Errors
    /// It holds whole numbers.
    pub(super) fn floats(self) -> Result<Vec<f32>, String> {
        match self.numbers {
            Numbers::Floats(values) => Ok(values.into_owned()),
            Numbers::Integers(_) => Err(not_floats(&self.name, Dtype::I32)),
        }
    }
}

fn bytes_of<T: Copy>(values: &[T], bytes: fn(T) -> [u8; 4]) -> Vec<u8> {
    let mut all = vec![0; 4 * values.len()];
    for (place, value) in all.as_chunks_mut().0.iter_mut().zip(values) {
        *place = bytes(*value);
    }
    all
}

fn not_floats(name: &str, found: Dtype) -> String {
    format!("`{name}` holds {found:?}, not F32")
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::Floats(_) => Dtype::F32,
            Numbers::Integers(_) => Dtype::I32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.numbers {
            Numbers::Floats(values) => bytes_of(values, f32::to_le_bytes).into(),
            Numbers::Integers(values) => bytes_of(values, i32::to_le_bytes).into(),
        }
    }

    fn data_len(&self) -> usize {
        4 * self.numbers.len()
    }
}

/// The content of a safetensors file.
///
/// # Panics
/// Two tensors have one name.
pub fn serialize(tensors: &[Tensor<'_>]) -> Vec<u8> {
    serialize_with(tensors, None)
}

/// As [`serialize`], with what is said in the header.
pub(super) fn serialize_with(
    tensors: &[Tensor<'_>],
    said: Option<HashMap<String, String>>,
) -> Vec<u8> {
    let views = tensors.iter().map(|tensor| (&tensor.name, tensor));
    safetensors::serialize(views, said).expect("names that differ")
}

/// What the header says beside the tensors.
pub(super) fn said(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    Ok(header.metadata().clone().unwrap_or_default())
}

/// The tensors of a safetensors file of floats.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Tensor<'static>>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, view)| match view.dtype() {
            Dtype::F32 => {
                let numbers = view.data().as_chunks().0.iter();
                let floats = numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect();
                Ok(Tensor { name, dims: view.shape().to_vec(), numbers: Numbers::Floats(floats) })
            }
            other => Err(not_floats(&name, other)),
        })
        .collect()
}
