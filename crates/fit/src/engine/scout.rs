//! What no change of weights or targets changes, kept for the starts of all refits of the same rows.

use crate::laws::Form;

/// Starts of refits before they are chosen; the module `refit` makes them and chooses.
#[derive(Clone, Debug)]
pub(crate) enum Scout<const P: usize> {
    /// Powers of each term at each exponent of the grid: `[terms][exponents][rows]`.
    Grid(Form, Vec<Vec<Vec<f64>>>),
    /// Points and the law there, on the scale of the residual: `[rows]` of each.
    Drawn(Vec<([f64; P], Vec<f64>)>),
}
