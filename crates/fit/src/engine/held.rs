//! A quantity that stays where it is while the rest of a fit moves.

use crate::laws::{Centre, Law};

/// A quantity of [`Law::natural`] and where it stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) quantity: usize,
    pub(crate) value: f64,
}

impl Held {
    /// The coordinate that it takes, and whether others tell where that one lies.
    pub(super) fn coordinate(self, law: Law, centre: &Centre) -> (usize, bool) {
        let at = |place: f64| {
            let mut t = vec![place; law.parameters()];
            let at = law.impose(&mut t, self.quantity, self.value, centre);
            (at, t[at])
        };
        let (one, other) = (at(0.3), at(0.7));
        (one.0, one.1 != other.1)
    }

    /// Exponents first, then what is told by them, last the coefficients that both tell.
    pub(super) fn rank(self, law: Law, centre: &Centre) -> u8 {
        match self.coordinate(law, centre).1 {
            false => 0,
            true if self.quantity >= law.parameters() => 1,
            true => 2,
        }
    }
}
