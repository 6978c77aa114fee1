//! What the file of a law states about it, and what the words of these statements mean.

use super::coordinates::{COORDINATES, Centre, Coordinate};
use super::sum::Form;
use crate::jet::Scalar;
use crate::output::Axis;
use std::borrow::Cow;

/// What a fit, a reader and the command line must know of a law beside its formula.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Name as [`super::Law::parse`] reads it, and as fits carry it.
    pub(super) name: &'static str,
    /// Other names that it is known by.
    pub(super) aliases: &'static [&'static str],
    /// Names as a list of all laws shows them; laws of one formula share an entry.
    pub(super) listed: &'static str,
    /// Formula with source, for a list of all laws.
    pub(super) description: &'static str,
    /// The variable of a law of one variable.
    pub(super) axis: Option<Axis>,
    /// The quantities of a row that the law is in.
    pub(super) coordinates: &'static [Coordinate],
    /// Distinct values along each coordinate below which the parameters are not determined: each power has
    /// two of its own, an offset takes one more.
    pub(super) values_needed: &'static [usize],
    /// Free parameters, in the order of the fit's vector.
    pub(super) parameters: &'static [Quantity],
    /// Quantities that follow from the free parameters.
    pub(super) derived: &'static [Quantity],
    /// How the fit moves in the parameters.
    pub(super) inner: Inner,
    /// Whether [`super::Ready`] has the derivatives written out.
    pub(super) is_written: bool,
    /// Whether the curvature of the reweighted squares is a good guide from anywhere.
    pub(super) is_nearly_convex: bool,
    /// Whether the loss of a law that is no sum of powers is linear in E and in what its levels are
    /// logarithms of, so that starts need no luck with them.
    pub(super) is_linear_in_levels: bool,
}

impl Facts {
    /// Facts of a sum of powers; the file of the law fills in the rest.
    pub(super) const fn of_sum(form: Form) -> Facts {
        Facts {
            name: "",
            aliases: &[],
            listed: "",
            description: "",
            axis: None,
            coordinates: &[],
            values_needed: &[],
            parameters: &[],
            derived: &[],
            inner: Inner::Sum(form),
            is_written: true,
            is_nearly_convex: true,
            is_linear_in_levels: false,
        }
    }

    /// Facts of a law of another shape, whose inner parameters are these.
    pub(super) const fn of_other(inner: &'static [Role]) -> Facts {
        Facts {
            inner: Inner::Drawn(inner),
            is_written: false,
            is_nearly_convex: false,
            ..Facts::of_sum(Form::NONE)
        }
    }

    /// All quantities: the free parameters, then what follows from them.
    pub(super) fn quantities(&self) -> impl Iterator<Item = &'static Quantity> {
        self.parameters.iter().chain(self.derived)
    }
}

/// A number of a law that people quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    pub(crate) sense: Sense,
}

/// A quantity of this name and sense.
pub(super) const fn quantity(name: &'static str, sense: Sense) -> Quantity {
    Quantity { name, sense }
}

/// `beta / (alpha + beta)` and one less that: how the best size and the best tokens grow with compute.
pub(super) const SPLIT: &[Quantity] =
    &[quantity("n_exponent", Sense::Share), quantity("d_exponent", Sense::Share)];

/// What values a quantity can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// A coefficient, or a value of N, D, C, of a batch: positive, and known by its logarithm.
    Scale,
    /// A scale that lies above every loss.
    Ceiling,
    /// A loss below those of the rows, zero included.
    Floor,
    /// A loss below those of the rows that a fit moves by its logarithm, so that it is never zero.
    PositiveFloor,
    /// An exponent: positive.
    Exponent,
    /// An exponent between zero and one.
    Share,
    /// A change of an exponent, of either sign.
    Turn,
    /// A slope of either sign and any size.
    Slope,
    /// The power that bends M4 towards its ceiling: positive.
    Warp,
}

impl Sense {
    /// Whether two values are compared by their ratio.
    pub(crate) fn is_scale(self) -> bool {
        matches!(self, Sense::Scale | Sense::Ceiling)
    }

    /// Whether the quantity is a floor of the loss.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Sense::Floor | Sense::PositiveFloor)
    }

    /// Whether the quantity may be negative.
    pub(crate) fn has_either_sign(self) -> bool {
        matches!(self, Sense::Turn | Sense::Slope)
    }
}

/// How a fit moves in the parameters of a law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Inner {
    /// A sum of powers, whose coefficients follow from its exponents.
    Sum(Form),
    /// Another shape, for which starts are drawn: what each inner parameter is.
    Drawn(&'static [Role]),
}

/// What an inner parameter is, which says where to look for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Role {
    /// ln of a loss, or of a part of one.
    Level,
    /// ln of an exponent.
    Exponent,
    /// ln E.
    Floor,
    /// E itself, where it may be zero.
    Offset,
    /// ln of y0 less the largest loss.
    Ceiling,
    /// Change of an exponent at a break, or a slope: of either sign.
    Bend,
    /// Change of an exponent for each e of another quantity: of either sign.
    Tilt,
    /// Centred ln X of a break, or of a batch.
    Break,
    /// ln of a width.
    Width,
    /// ln of a count of repetitions.
    Repeats,
    /// ln of a count of experts.
    Count,
}

/// The statements of one law: its facts, and its formula in the coordinates that a fit moves in.
///
/// Sums of powers keep E and their coefficients as they are (they may be zero); all other laws are in
/// levels (ln of a loss at the centre of the rows), logarithms of exponents, places of breaks.
pub(super) trait Stated: Copy {
    fn facts(self) -> Facts;

    /// The name with what the law was given, as [`super::Law::parse`] reads it.
    fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(self.facts().name)
    }

    /// The formula in plain text, without numbers.
    fn formula(self) -> String;

    /// The loss at a centred place.
    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let Inner::Sum(form) = self.facts().inner else {
            unreachable!("a law that is no sum of powers states its loss")
        };
        form.value(t, x)
    }

    /// Values of the free parameters as people quote them, then of the derived quantities.
    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R>;

    /// The inner coordinate, and its value, that gives quantity `k` of [`Stated::natural`] this value.
    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R);
}
