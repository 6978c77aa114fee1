//! Series side by side: differences of exponents, and what compute and time they need for equal loss, by
//! laws and as measured.

mod compared;
mod measured;
mod pairs;
mod ranked;
mod side;
mod standing;
mod tokens;
mod words;

pub(crate) use compared::{Compared, Counted};
pub(crate) use measured::Factor;
pub(crate) use pairs::{Pair, pairs};
pub(crate) use ranked::{Against, Ranked, ranked};
pub(crate) use standing::{Measure, Standing};
pub(crate) use tokens::{AtSize, at_sizes};
pub(crate) use words::{SECONDS, headlines, machine_words, sentences};
