//! Series side by side: differences of exponents, and what compute they need for equal loss, measured
//! first and by laws second.

mod law;
mod measured;
mod pairs;
mod side;
mod words;

pub(crate) use measured::Factor;
pub(crate) use pairs::{Pair, pairs};
pub(crate) use words::{range, sentences};
