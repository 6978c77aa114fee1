//! `N`, `D` and `C` as types, and the way people write and read them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `N`: a number of parameters. Which ones (non-embedding, total, active) is said by the field.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(pub f64);

/// `D`: training tokens seen, repeats counted.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens(pub f64);

/// `C`: floating-point operations of training; a multiply-add counts as two.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flops(pub f64);

/// FLOPs in one petaFLOP/s-day: `1e15 * 24 * 3600` (Kaplan et al. 2020, section 1.3).
pub const FLOPS_PER_PF_DAY: f64 = 8.64e19;

impl Tokens {
    /// `D / N`, about 20 at the Chinchilla optimum.
    pub fn per_param(self, n: Params) -> f64 {
        self.0 / n.0
    }
}

impl Flops {
    /// The rule of thumb `C = 6 N D` (Kaplan et al. 2020, section 2.1). It leaves out attention
    /// scores and the head, which dominate in small models; the model crate counts those.
    pub fn six_nd(n: Params, d: Tokens) -> Self {
        Flops(6.0 * n.0 * d.0)
    }

    /// In PF-days, the unit of the compute axis.
    pub fn pf_days(self) -> f64 {
        self.0 / FLOPS_PER_PF_DAY
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&short(self.0))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&short(self.0))
    }
}

impl fmt::Display for Flops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scientific(self.0))
    }
}

/// Three significant digits with a suffix: `3.07k`, `24.6k`, `1.5M`, `70B`.
pub fn short(x: f64) -> String {
    if !x.is_finite() || x <= 0.0 {
        return format!("{x}");
    }
    // Rounded to three digits before the suffix is chosen, so that 999,999 reads 1M.
    let power = 10f64.powi(x.log10().floor() as i32 - 2);
    let rounded = (x / power).round() * power;
    let (scale, suffix) = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(scale, _)| rounded >= *scale)
        .unwrap_or((1.0, ""));
    let digits = significant(rounded / scale, 3);
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => &digits,
    };
    format!("{digits}{suffix}")
}

/// Decimals that show so many significant digits of a number: 2 for three digits of `1.23`, none from
/// `123` on.
pub fn decimals(x: f64, digits: i32) -> usize {
    (digits - 1 - x.abs().log10().floor() as i32).max(0) as usize
}

/// Plain decimals with so many significant digits: `0.348`, `2.00`, `406`; a whole number keeps all of
/// its digits.
pub fn significant(x: f64, digits: i32) -> String {
    let decimals = decimals(x, digits);
    format!("{x:.decimals$}")
}

/// The nearest number of two significant digits, which people can write down and repeat.
pub fn two_digits(x: f64) -> f64 {
    format!("{x:.1e}").parse().expect("just formatted")
}

/// `3e11`, `1.54e9`: how budgets are written.
pub fn scientific(x: f64) -> String {
    let text = format!("{x:.2e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        None => text,
    }
}

/// Reads a positive quantity as people write it: `300000`, `3e5`, `"300k"`, `"1.5M"`, `"3e11"`.
///
/// # Errors
/// The text is not a number with an optional suffix k, M, B or T, or not positive and finite.
pub fn parse_quantity(text: &str) -> Result<f64, QuantityError> {
    let malformed = || QuantityError::Malformed { text: text.to_owned() };
    let trimmed = text.trim().replace('_', "");
    let (digits, scale) = match trimmed.chars().last() {
        Some('k' | 'K') => (&trimmed[..trimmed.len() - 1], 1e3),
        Some('m' | 'M') => (&trimmed[..trimmed.len() - 1], 1e6),
        Some('b' | 'B' | 'g' | 'G') => (&trimmed[..trimmed.len() - 1], 1e9),
        Some('t' | 'T') => (&trimmed[..trimmed.len() - 1], 1e12),
        _ => (trimmed.as_str(), 1.0),
    };
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !digits.chars().all(numeric) {
        return Err(malformed());
    }
    let value = digits.parse::<f64>().map_err(|_| malformed())? * scale;
    match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => Err(QuantityError::NotPositive { text: text.to_owned() }),
    }
}

/// Reads a time as people write it, `8h`, `1h 30min`, `90 s`, `2d`, in seconds.
///
/// # Errors
/// The text is not numbers each with a unit d, h, min (m) or s, or not positive and finite.
pub fn parse_duration(text: &str) -> Result<f64, QuantityError> {
    let malformed = || QuantityError::NotATime { text: text.to_owned() };
    let (mut seconds, mut rest) = (0.0, text.trim());
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let scale = match &tail[..end] {
            "d" => 86_400.0,
            "h" => 3600.0,
            "min" | "m" => 60.0,
            "s" => 1.0,
            _ => return Err(malformed()),
        };
        seconds += number.trim().parse::<f64>().map_err(|_| malformed())? * scale;
        rest = tail[end..].trim_start();
    }
    match seconds.is_finite() && seconds > 0.0 {
        true => Ok(seconds),
        false => Err(malformed()),
    }
}

/// Why a quantity could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantityError {
    /// Not a number with an optional suffix.
    #[error("`{text}` is not a quantity; write 30000, 3e4, \"30k\" or \"1.5M\"")]
    Malformed {
        /// What was written.
        text: String,
    },
    /// Not numbers with units of time.
    #[error("`{text}` is not a time; write \"8h\", \"1h 30min\" or \"45s\"")]
    NotATime {
        /// What was written.
        text: String,
    },
    /// Zero, negative or infinite.
    #[error("`{text}` is not a positive, finite quantity")]
    NotPositive {
        /// What was written.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_read_as_people_write_them() {
        let read: Vec<f64> =
            ["8h", "1h 30min", "90 s", "1.5m", "2d"].map(|t| parse_duration(t).unwrap()).into();
        assert_eq!(read, [28_800.0, 5400.0, 90.0, 90.0, 172_800.0]);
        for wrong in ["", "8", "h", "8 weeks", "-1h", "0s", "1h30"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn quantities_read_as_people_write_them() {
        let read: Vec<f64> = ["3000", "3k", "1.5M", "2_000", "1e12", "3E5", "7B"]
            .map(|t| parse_quantity(t).unwrap())
            .into();
        assert_eq!(read, [3e3, 3e3, 1.5e6, 2e3, 1e12, 3e5, 7e9]);
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_by_name() {
        for text in ["", "k", "3 apples", "nan", "inf", "1e", "--3"] {
            let error = parse_quantity(text).unwrap_err();
            assert_eq!(error, QuantityError::Malformed { text: text.to_owned() });
        }
        for text in ["0", "-3k"] {
            let error = parse_quantity(text).unwrap_err();
            assert_eq!(error, QuantityError::NotPositive { text: text.to_owned() });
        }
    }

    #[test]
    fn short_form_keeps_three_digits() {
        let shown = [3_072.0, 24_576.0, 999_999.0, 1.5e6, 7e10, 12.0, 0.5].map(short);
        assert_eq!(shown, ["3.07k", "24.6k", "1M", "1.5M", "70B", "12", "0.5"]);
    }

    #[test]
    fn significant_digits_are_counted_from_the_first_that_is_not_nothing() {
        let shown = [406.4, 0.34781, 2.0, -0.0012345, 12_345.0].map(|x| significant(x, 3));
        assert_eq!(shown, ["406", "0.348", "2.00", "-0.00123", "12345"]);
        assert_eq!(significant(0.185, 1), "0.2");
    }

    #[test]
    fn a_pf_day_is_one_unit_of_compute() {
        // Kaplan et al. 2020, section 1.3: one PF-day = 8.64e19 FLOPs.
        assert_eq!(Flops(8.64e19).pf_days(), 1.0);
    }

    proptest! {
        #[test]
        fn the_short_form_is_within_half_a_per_cent(x in 1.0..1e15f64) {
            let back = parse_quantity(&short(x)).unwrap();
            prop_assert!((back / x - 1.0).abs() <= 0.005001);
        }
    }
}
