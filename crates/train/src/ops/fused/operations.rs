//! The operations of the skeleton (embedding and head), with the kernel that each one runs. Those
//! of a half are in the half's own folder.

use super::{Forward, Kept, Operation};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::{embedding, head};
use crate::profile::part;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Loss of each target in nats; its inputs are x, gain and head.
#[derive(Debug)]
pub(crate) struct Nats {
    pub(crate) centre: bool,
    pub(crate) targets: Arc<[i32]>,
}

/// Mean of [`Nats`]. Its gradients need only the logits, so they are computed in the forward pass.
#[derive(Debug)]
pub(crate) struct CrossEntropy {
    pub(crate) centre: bool,
    pub(crate) targets: Arc<[i32]>,
}

/// Rows of the token table; its inputs are the token table and, if there is one, the position
/// table.
#[derive(Debug)]
pub(crate) struct Embedding {
    pub(crate) ids: Arc<[i32]>,
    /// Width d of a row.
    pub(crate) width: usize,
}

pub(crate) fn kept<T: Send + Sync + 'static>(value: Option<T>) -> Kept {
    match value {
        Some(value) => Arc::new(value),
        None => nothing(),
    }
}

pub(crate) fn nothing() -> Kept {
    Arc::new(())
}

pub(crate) fn as_kept<T: 'static>(kept: &Kept) -> &T {
    let kept: &(dyn Any + Send + Sync) = kept.as_ref();
    kept.downcast_ref().expect("an operation gets back what it kept")
}

fn head_inputs<'a>(inputs: &[&'a [f32]], centre: bool, targets: &'a [i32]) -> head::Inputs<'a> {
    head::Inputs { x: inputs[0], gain: inputs[1], head: inputs[2], centre, targets }
}

impl Operation for Nats {
    fn forward(&self, inputs: &[&[f32]], _: bool) -> Forward {
        Forward {
            values: head::nats(head_inputs(inputs, self.centre, &self.targets)),
            dims: vec![self.targets.len()],
            kept: nothing(),
        }
    }

    fn backward(&self, inputs: &[&[f32]], _: &Kept, dy: &[f32]) -> Vec<Buffer> {
        let inputs = head_inputs(inputs, self.centre, &self.targets);
        head::nats_with_gradients(inputs, dy).1.into()
    }
}

impl Operation for CrossEntropy {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = head_inputs(inputs, self.centre, &self.targets);
        let rows = self.targets.len();
        let (nats, gradients) = match keep {
            true => {
                let mut weights = Buffer::stale(rows);
                weights.fill(1.0 / rows as f32);
                let (nats, gradients) = head::nats_with_gradients(inputs, &weights);
                (nats, Some(Mutex::new(Some(gradients))))
            }
            false => (head::nats(inputs), None),
        };
        let sum: f64 = nats.iter().map(|&nats| f64::from(nats)).sum();
        Forward {
            values: Buffer::copy_of(&[(sum / rows as f64) as f32]),
            dims: vec![1],
            kept: kept(gradients),
        }
    }

    fn backward(&self, _: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        let gradients: &Mutex<Option<head::Gradients>> = as_kept(kept);
        let mut gradients = gradients.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gradients = gradients.take().expect("a tape is run back once");
        if dy[0] != 1.0 {
            for gradient in &mut gradients {
                gradient.iter_mut().for_each(|value| *value *= dy[0]);
            }
        }
        gradients.into()
    }
}

impl Embedding {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> embedding::Inputs<'a> {
        embedding::Inputs {
            ids: &self.ids,
            token: inputs[0],
            position: inputs.get(1).copied(),
            width: self.width,
        }
    }
}

impl Operation for Embedding {
    fn forward(&self, inputs: &[&[f32]], _: bool) -> Forward {
        Forward {
            values: part("embedding", || embedding::forward(self.inputs(inputs))),
            dims: vec![self.ids.len(), self.width],
            kept: nothing(),
        }
    }

    fn backward(&self, inputs: &[&[f32]], _: &Kept, dy: &[f32]) -> Vec<Buffer> {
        let backward = || embedding::backward(self.inputs(inputs), dy);
        let (token, position) = part("embedding, backward", backward);
        std::iter::once(token).chain(position).collect()
    }
}
