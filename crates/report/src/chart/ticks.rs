//! Ticks of an axis: their positions and labels.

use crate::text::{number, sup};
use isoflop_core::units::short;

/// Labelled and unlabelled tick positions, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) major: Vec<f64>,
    pub(crate) minor: Vec<f64>,
}

/// How a tick value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// Decimals: `2`, `2.5`, `0.05`.
    #[default]
    Plain,
    /// Three digits with a suffix: `20k`, `1.5M`.
    Short,
    /// Powers of ten with a raised exponent: `10^-9`, `2 x 10^-9`.
    Power,
}

impl Style {
    /// Name by which the page's script knows the style.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Style::Plain => "plain",
            Style::Short => "short",
            Style::Power => "power",
        }
    }

    pub(crate) fn write(self, value: f64) -> String {
        match self {
            Style::Plain => plain(value),
            Style::Short => short(value),
            Style::Power => power(value),
        }
    }
}

/// A value in decimals, or as a power of ten where decimals would be mostly zeros.
fn plain(value: f64) -> String {
    // Ticks are multiples of steps: the tenth digit of a tick is rounding.
    let rounded: f64 = format!("{value:.9e}").parse().unwrap_or(value);
    match rounded.abs() {
        0.0 => number(0.0),
        size if (1e-4..1e7).contains(&size) => number(rounded),
        _ => power(rounded),
    }
}

/// A value as `10^e` or `m x 10^e` with a raised exponent.
pub(crate) fn power(value: f64) -> String {
    let text = format!("{value:.1e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let exponent = sup(&exponent.replace('-', "\u{2212}"));
    match mantissa {
        "1" => format!("10{exponent}"),
        "-1" => format!("\u{2212}10{exponent}"),
        m => format!("{}\u{d7}10{exponent}", m.replace('-', "\u{2212}")),
    }
}

/// Fewest labels with which an axis can be read.
const ENOUGH: usize = 3;
/// Most labels of powers of ten that do not touch.
const TOO_MANY: usize = 7;

/// Ticks of a logarithmic axis: at 1-2-5 of each decade where that gives three to seven, whole
/// decades on longer axes, evenly spaced 1-2-5 steps within less than a decade.
pub(crate) fn log_ticks(low: f64, high: f64) -> Ticks {
    let every = |mantissas: &[f64], stride: i32| -> Vec<f64> {
        // Bounds are clamped to positive finite numbers, so that the decades end.
        let first = low.max(f64::MIN_POSITIVE).log10().floor() as i32;
        let last = high.min(f64::MAX).log10().ceil() as i32;
        (first..=last)
            .filter(|decade| decade.rem_euclid(stride) == 0)
            .flat_map(|decade| mantissas.iter().map(move |m| decimal(*m, decade)))
            .filter(|v| *v >= low * (1.0 - 1e-9) && *v <= high * (1.0 + 1e-9))
            .collect()
    };
    let decades: Vec<f64> = every(&[1.0], 1);
    let fine: Vec<f64> = every(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1);
    let one_two_five = every(&[1.0, 2.0, 5.0], 1);
    if one_two_five.len() < ENOUGH {
        return linear_ticks(low, high);
    }
    let (major, minor) = match decades.len() {
        _ if one_two_five.len() <= TOO_MANY => (one_two_five, fine),
        n if n <= TOO_MANY => (decades, fine),
        n => (every(&[1.0], (n as i32 - 1) / TOO_MANY as i32 + 1), decades),
    };
    without_major(major, minor)
}

/// Ticks of a linear axis at steps of 1, 2 or 5 times a power of ten.
pub(crate) fn linear_ticks(low: f64, high: f64) -> Ticks {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return Ticks { major: vec![low], minor: vec![] };
    }
    let (step, split) = round_step(span / 5.0);
    without_major(multiples(step, low, high), multiples(step / split, low, high))
}

/// The least of 1, 2 or 5 times a power of ten that is no smaller than this positive number, and into
/// how many smaller steps it falls.
pub(crate) fn round_step(least: f64) -> (f64, f64) {
    let decade = least.log10().floor() as i32;
    [(1.0, 5.0), (2.0, 4.0), (5.0, 5.0), (10.0, 5.0)]
        .map(|(m, split)| (decimal(m, decade), split))
        .into_iter()
        .find(|(step, _)| *step >= least * 0.999)
        .expect("ten times the decade below a number is above it")
}

/// Most ticks of an axis; nobody could tell more apart.
const MOST: f64 = 1000.0;

fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    if !(step > 0.0 && (high - low) / step <= MOST) {
        return Vec::new();
    }
    let first = (low / step).floor() as i64;
    let last = (high / step).ceil() as i64;
    (first..=last).map(|k| k as f64 * step).filter(|v| within(*v, low, high)).collect()
}

fn without_major(major: Vec<f64>, minor: Vec<f64>) -> Ticks {
    let apart = |a: f64, b: f64| (a - b).abs() > 1e-9 * a.abs().max(b.abs());
    let minor = minor.into_iter().filter(|m| major.iter().all(|k| apart(*m, *k))).collect();
    Ticks { major, minor }
}

/// The number that the decimal literal `mantissa e decade` stands for.
fn decimal(mantissa: f64, decade: i32) -> f64 {
    format!("{mantissa}e{decade}").parse().expect("a mantissa and an exponent make a number")
}

fn within(value: f64, low: f64, high: f64) -> bool {
    let slack = 1e-9 * (high - low).abs();
    value >= low - slack && value <= high + slack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decades_are_labelled_at_one_two_five() {
        let ticks = log_ticks(8e-10, 1.2e-8);
        assert_eq!(ticks.major, [1e-9, 2e-9, 5e-9, 1e-8]);
        assert_eq!(ticks.minor, [8e-10, 9e-10, 3e-9, 4e-9, 6e-9, 7e-9, 8e-9, 9e-9]);
    }

    #[test]
    fn many_decades_are_labelled_at_whole_decades_with_minor_ticks_between() {
        let ticks = log_ticks(1e3, 1e7);
        assert_eq!(ticks.major, [1e3, 1e4, 1e5, 1e6, 1e7]);
        assert_eq!(ticks.minor.len(), 4 * 8);
        let long = log_ticks(1e-3, 1e18);
        assert!(long.major.len() <= 8, "{:?}", long.major);
        assert_eq!(long.major, [1.0, 1e4, 1e8, 1e12, 1e16]);
    }

    #[test]
    fn a_loss_axis_within_a_decade_has_plain_decimals() {
        let ticks = log_ticks(1.9, 4.1);
        let labels: Vec<String> = ticks.major.iter().map(|v| Style::Plain.write(*v)).collect();
        assert_eq!(labels, ["2", "2.5", "3", "3.5", "4"]);
        assert_eq!(ticks.minor.len(), 18);
    }

    #[test]
    fn a_linear_axis_steps_by_one_two_or_five() {
        assert_eq!(linear_ticks(0.0, 10.0).major, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let labels: Vec<String> =
            linear_ticks(-0.31, 0.29).major.iter().map(|v| Style::Plain.write(*v)).collect();
        assert_eq!(labels, ["\u{2212}0.2", "0", "0.2"]);
        assert_eq!(linear_ticks(3.0, 3.0).major, [3.0]);
    }

    #[test]
    fn an_axis_over_any_bounds_has_few_ticks() {
        let extremes =
            [0.0, 5e-324, f64::MIN_POSITIVE, 1.0, 1e300, f64::MAX, f64::INFINITY, f64::NAN];
        for low in extremes {
            for high in extremes {
                for ticks in
                    [log_ticks(low, high), linear_ticks(low, high), linear_ticks(-high, high)]
                {
                    assert!(ticks.major.len() <= 20, "{low} {high}: {}", ticks.major.len());
                    assert!(ticks.minor.len() <= 1000, "{low} {high}: {}", ticks.minor.len());
                }
            }
        }
    }

    #[test]
    fn ticks_of_a_tiny_axis_are_told_apart() {
        let ticks = linear_ticks(-3e-8, 4e-8);
        let labels: Vec<String> = ticks.major.iter().map(|v| Style::Plain.write(*v)).collect();
        let raised = |m: &str| format!("{m}\u{d7}10{}", sup("\u{2212}8"));
        let expected = ["\u{2212}2", "2", "4"].map(raised);
        assert_eq!(
            [&labels[0], &labels[2], &labels[3]],
            [&expected[0], &expected[1], &expected[2]]
        );
        assert_eq!(labels[1], "0");
    }

    #[test]
    fn powers_of_ten_are_raised() {
        assert_eq!(power(1e-9), format!("10{}", sup("\u{2212}9")));
        assert_eq!(power(2e11), format!("2\u{d7}10{}", sup("11")));
        assert_eq!(Style::Short.write(2e4), "20k");
    }
}
