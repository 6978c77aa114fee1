//! Which layers are local, as letters: `LLLG`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Letters for layers in turn, repeated to the depth of the model: L for a layer of limited reach, G for one
/// that attends to every earlier token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    /// Letters.
    length: u8,
    /// Bit i is set where letter i is G.
    global: u64,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Neither L nor G.
    #[error(
        "`{0}` is no letter of a pattern: L is a layer of limited reach, G one that attends to all earlier tokens"
    )]
    Letter(char),
    /// No letter, or more than there are bits.
    #[error("a pattern has 1 to {longest} letters, this one has {0}", longest = Pattern::LONGEST)]
    Length(usize),
}

impl Pattern {
    /// Most letters.
    pub const LONGEST: usize = 64;

    /// Whether the layer, counted from 0, attends to every earlier token.
    pub fn is_global(&self, layer: usize) -> bool {
        self.global >> (layer % usize::from(self.length)) & 1 == 1
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let count = text.chars().count();
        if !(1..=Self::LONGEST).contains(&count) {
            return Err(PatternError::Length(count));
        }
        let mut pattern = Pattern { length: count as u8, global: 0 };
        for (at, letter) in text.chars().enumerate() {
            match letter {
                'L' => {}
                'G' => pattern.global |= 1 << at,
                other => return Err(PatternError::Letter(other)),
            }
        }
        Ok(pattern)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.to_string()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |layer| if self.is_global(layer) { 'G' } else { 'L' };
        f.pad(&(0..usize::from(self.length)).map(letter).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_repeat_to_the_depth_of_the_model() {
        let pattern: Pattern = "LLLG".parse().unwrap();
        let global: Vec<usize> = (0..10).filter(|&layer| pattern.is_global(layer)).collect();
        assert_eq!(global, [3, 7]);
        assert_eq!(pattern.to_string(), "LLLG");
        let longest: Pattern = "LG".repeat(32).parse().unwrap();
        assert!(longest.is_global(63) && !longest.is_global(64));
    }

    #[test]
    fn other_letters_and_lengths_are_refused_by_name() {
        assert_eq!("LLX".parse::<Pattern>(), Err(PatternError::Letter('X')));
        assert_eq!("llg".parse::<Pattern>(), Err(PatternError::Letter('l')));
        assert_eq!("".parse::<Pattern>(), Err(PatternError::Length(0)));
        assert_eq!("L".repeat(65).parse::<Pattern>(), Err(PatternError::Length(65)));
    }
}
