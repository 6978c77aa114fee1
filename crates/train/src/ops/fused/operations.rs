//! Which kernel each operation runs.

use super::{Forward, Kept, Operation};
use crate::ops::attention::{AttentionShape, Starts};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::{attention_residual, embedding, head, mlp_residual};
use crate::ops::rotary::RotaryTable;
use crate::profile::part;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Inputs x, gain, qkv, out.
#[derive(Debug)]
pub(crate) struct AttentionResidual {
    pub(crate) centre: bool,
    pub(crate) shape: AttentionShape,
    pub(crate) rotary: Option<RotaryTable>,
    pub(crate) starts: Option<Starts>,
}

/// Inputs x, gain, up, down.
#[derive(Debug)]
pub(crate) struct MlpResidual {
    pub(crate) centre: bool,
}

/// Inputs x, gain, head.
#[derive(Debug)]
pub(crate) struct Nats {
    pub(crate) centre: bool,
    pub(crate) targets: Arc<[i32]>,
}

/// The mean of [`Nats`]. Its gradients need nothing but logits, so they are computed with it.
#[derive(Debug)]
pub(crate) struct CrossEntropy {
    pub(crate) centre: bool,
    pub(crate) targets: Arc<[i32]>,
}

/// Inputs token and, perhaps, position.
#[derive(Debug)]
pub(crate) struct Embedding {
    pub(crate) ids: Arc<[i32]>,
    /// d
    pub(crate) width: usize,
}

fn kept<T: Send + Sync + 'static>(value: Option<T>) -> Kept {
    match value {
        Some(value) => Arc::new(value),
        None => nothing(),
    }
}

fn nothing() -> Kept {
    Arc::new(())
}

fn as_kept<T: 'static>(kept: &Kept) -> &T {
    let kept: &(dyn Any + Send + Sync) = kept.as_ref();
    kept.downcast_ref().expect("an operation gets back what it kept")
}

impl AttentionResidual {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> attention_residual::Inputs<'a> {
        attention_residual::Inputs {
            x: inputs[0],
            gain: inputs[1],
            qkv: inputs[2],
            out: inputs[3],
            centre: self.centre,
            shape: self.shape,
            rotary: self.rotary.as_ref(),
            starts: self.starts.as_deref(),
        }
    }
}

impl Operation for AttentionResidual {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = self.inputs(inputs);
        let width = inputs.gain.len();
        let (values, state) = attention_residual::forward(inputs, keep);
        Forward { dims: vec![inputs.x.len() / width, width], values, kept: kept(state) }
    }

    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        attention_residual::backward(self.inputs(inputs), as_kept(kept), dy).into()
    }
}

impl MlpResidual {
    fn inputs<'a>(&self, inputs: &[&'a [f32]]) -> mlp_residual::Inputs<'a> {
        mlp_residual::Inputs {
            x: inputs[0],
            gain: inputs[1],
            up: inputs[2],
            down: inputs[3],
            centre: self.centre,
        }
    }
}

impl Operation for MlpResidual {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = self.inputs(inputs);
        let width = inputs.gain.len();
        let (values, state) = mlp_residual::forward(inputs, keep);
        Forward { dims: vec![inputs.x.len() / width, width], values, kept: kept(state) }
    }

    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        mlp_residual::backward(self.inputs(inputs), as_kept(kept), dy).into()
    }
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
