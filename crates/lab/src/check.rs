//! What transfers from one size to another: the coordinate check of the maximal-update parametrisation.

use crate::{Hinted, LabError};
use isoflop_model::{ModelConfig, Norm, Parametrization, Position, Shape};
use isoflop_train::coordinates::{Coordinates, coordinates, growth};

/// Growth exponents of this size or less pass: finite widths are not the limit.
pub const TOLERANCE: f64 = 0.25;

/// A few steps at several widths.
#[derive(Clone, Debug)]
pub struct Mup {
    /// Widths, multiples of 16.
    pub widths: Vec<usize>,
    /// Blocks.
    pub layers: usize,
    /// Steps.
    pub steps: usize,
    /// Learning rate.
    pub rate: f64,
}

/// What was measured under both parametrisations.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Under the standard one.
    pub standard: Changes,
    /// Under the maximal-update one.
    pub mup: Changes,
}

/// What steps change, by width, and how it grows with the width.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Each width.
    pub widths: Vec<Coordinates>,
    /// The power of the width with which the residual stream changes.
    pub stream: f64,
    /// The power of the width with which the logits change.
    pub logits: f64,
}

impl Checked {
    /// Whether what is learnt in a step does not depend on the width under the maximal-update parametrisation.
    pub fn passes(&self) -> bool {
        self.mup.stream.abs() <= TOLERANCE && self.mup.logits.abs() <= TOLERANCE
    }
}

impl Changes {
    fn of(widths: Vec<Coordinates>) -> Self {
        Changes {
            stream: growth(&widths, |at| last(&at.stream)),
            logits: growth(&widths, |at| last(&at.logits)),
            widths,
        }
    }
}

/// The change after all steps.
pub fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

/// Trains under both parametrisations.
///
/// # Errors
/// No such models can be trained, or too few to see a slope.
pub fn mup(request: &Mup) -> Result<Checked, LabError> {
    request.check()?;
    let of = |parametrization| {
        let model = request.model(parametrization)?;
        let widths = coordinates(model, &request.widths, request.steps, request.rate);
        Ok::<_, LabError>(Changes::of(widths))
    };
    Ok(Checked { standard: of(Parametrization::Standard)?, mup: of(Parametrization::Mup)? })
}

impl Mup {
    fn check(&self) -> Result<(), LabError> {
        let wrong = |message: String, hint: &str| Err(Hinted::new(message, hint).into());
        let head = Parametrization::BASE_HEAD;
        if let Some(width) = self.widths.iter().find(|w| **w == 0 || **w % head != 0) {
            return wrong(
                format!("--widths: {width} is not a multiple of {head}"),
                "heads are 16 wide: 32,64,128",
            );
        }
        let mut distinct = self.widths.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 3 {
            return wrong(
                format!("--widths: {} different widths", distinct.len()),
                "a slope needs three or more: 32,64,128",
            );
        }
        if self.steps == 0 || self.layers == 0 || !(self.rate.is_finite() && self.rate > 0.0) {
            return wrong(
                "--steps, --layers and --rate must be positive".to_owned(),
                "the defaults are 5, 2 and 0.003",
            );
        }
        Ok(())
    }

    fn model(&self, parametrization: Parametrization) -> Result<ModelConfig, LabError> {
        Ok(ModelConfig {
            norm: Norm::Rms,
            position: Position::Rope,
            parametrization,
            ..ModelConfig::transformer(Shape::new(self.widths[0], self.layers, 1)?, 256, 32)
        })
    }
}
