//! Numbers as people write them: separators of thousands, a decimal comma, `2.2B`, `1.45 x 10^18`.

/// The sign between the whole part of a number and its fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl Decimal {
    fn sign(self) -> char {
        match self {
            Decimal::Point => '.',
            Decimal::Comma => ',',
        }
    }
}

/// A number that was written as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Written {
    /// What it stands for.
    pub value: f64,
    /// Whether a suffix such as `M` or `billion` gave its unit.
    pub scaled: bool,
}

/// What a text says of the decimal sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is no number, or has no sign that could be one.
    Nothing,
    /// It is a number of this decimal sign and of no other.
    Only(Decimal),
    /// `1.234` or `1,234`: a thousand and more, or one and a bit.
    Either(Decimal),
    /// Thousands stand together, or with spaces between, as in `20000000` and `20 000 000`.
    Ungrouped,
}

/// A text as sign, digits with their separators, and what follows.
struct Parts<'t> {
    negative: bool,
    digits: &'t str,
    exponent: i32,
    scaled: bool,
}

/// Digits of the longest number that is read.
const LONGEST: usize = 60;

/// The number that a text stands for under a decimal sign.
pub(super) fn number(text: &str, decimal: Decimal) -> Option<Written> {
    let Parts { negative, digits, exponent, scaled } = parts(text)?;
    let (whole, fraction) = match digits.split_once(decimal.sign()) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    if !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let whole = ungrouped(whole)?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    // One rounding, whatever the suffix.
    let value = format!("{sign}0{whole}.{fraction}0e{exponent}").parse().ok()?;
    Some(Written { value, scaled })
}

/// Digits without the separators between groups of three; none where the groups are others.
fn ungrouped(whole: &str) -> Option<String> {
    let separators: Vec<char> = whole.chars().filter(|c| !c.is_ascii_digit()).collect();
    let Some(&first) = separators.first() else {
        return Some(whole.to_owned());
    };
    let groups: Vec<&str> = whole.split(first).collect();
    let alike = separators.iter().all(|c| *c == first);
    let threes =
        groups[1..].iter().all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len());
    // Programs take an underscore anywhere between digits.
    let anywhere = first == '_' && groups.iter().all(|group| !group.is_empty());
    (alike && (threes || anywhere)).then(|| groups.concat())
}

/// What a text says of the decimal sign of its column.
pub(super) fn says(text: &str) -> Says {
    let Some(parts) = parts(text) else {
        return Says::Nothing;
    };
    let of = |decimal| number(text, decimal).is_some();
    let plain = parts.exponent == 0 && !parts.scaled;
    let mark = parts.digits.chars().find(|c| matches!(c, '.' | ','));
    let both = (of(Decimal::Point), of(Decimal::Comma));
    let as_fraction = match mark {
        Some('.') => Decimal::Point,
        _ => Decimal::Comma,
    };
    match (mark, both) {
        (_, (false, false)) => Says::Nothing,
        (None, _) => {
            let long = parts.digits.chars().count() > 3;
            match plain && long {
                true => Says::Ungrouped,
                false => Says::Nothing,
            }
        }
        (_, (true, false)) => Says::Only(Decimal::Point),
        (_, (false, true)) => Says::Only(Decimal::Comma),
        // Nobody writes thousands before a suffix or a power of ten, or after a nought.
        (..) if !plain || parts.digits.starts_with('0') => Says::Only(as_fraction),
        (..) => Says::Either(as_fraction),
    }
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    let text = text.trim_start_matches(['~', '\u{2248}']).trim_start();
    let unsigned = text.trim_start_matches(['-', '\u{2212}']);
    let negative = unsigned.len() < text.len();
    let unsigned = match negative {
        true => unsigned,
        false => text.strip_prefix('+').unwrap_or(text),
    };
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',') || separates(c);
    let end = unsigned.find(|c| !is_part(c)).unwrap_or(unsigned.len());
    let digits = unsigned[..end].trim_end();
    let rest = unsigned[end..].trim();
    if !digits.contains(|c: char| c.is_ascii_digit()) || digits.starts_with(separates) {
        return None;
    }
    let mut words = rest.splitn(2, ' ');
    let first = words.next().unwrap_or_default();
    let (exponent, scaled) = match () {
        () if rest.is_empty() => (0, false),
        () => match power(digits, rest) {
            Some(Power::Of(exponent)) => (exponent, false),
            // The digits are the ten of `10^18`.
            Some(Power::Itself(exponent)) => (exponent - 1, false),
            None => (scale(first)?, words.next().is_none_or(is_unit).then_some(true)?),
        },
    };
    Some(Parts { negative, digits, exponent, scaled })
}

/// What stands between groups of digits besides the point and the comma.
fn separates(c: char) -> bool {
    matches!(c, '_' | '\'' | '\u{2019}' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

enum Power {
    Of(i32),
    Itself(i32),
}

/// `e18`, `x10^18`, `\u{d7} 10**18`, and `^18` behind a ten.
fn power(digits: &str, rest: &str) -> Option<Power> {
    let exponent = |text: &str| {
        let text = text.trim();
        let whole = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
        (-400..=400).contains(&whole).then_some(whole)
    };
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        return Some(Power::Of(exponent(after)?));
    }
    let raised = |text: &str| {
        let text = text.trim_start();
        let after = text.strip_prefix("**").or_else(|| text.strip_prefix('^'));
        match after {
            Some(after) => exponent(after),
            None => exponent(&lowered(text)?),
        }
    };
    if digits == "10" && raised(rest).is_some() {
        return Some(Power::Itself(raised(rest)?));
    }
    let times = rest.strip_prefix(['\u{d7}', 'x', '*', '\u{b7}', '\u{22c5}'])?;
    Some(Power::Of(raised(times.trim_start().strip_prefix("10")?)?))
}

/// Superscript digits as digits.
fn lowered(text: &str) -> Option<String> {
    const RAISED: &str =
        "\u{2070}\u{b9}\u{b2}\u{b3}\u{2074}\u{2075}\u{2076}\u{2077}\u{2078}\u{2079}";
    let digit = |c: char| match c {
        '\u{207b}' => Some('-'),
        c => {
            RAISED.chars().position(|raised| raised == c).map(|digit| (b'0' + digit as u8) as char)
        }
    };
    text.chars().map(digit).collect()
}

/// The power of ten of `M`, `bn` or `trillion`.
pub fn scale(suffix: &str) -> Option<i32> {
    match suffix.to_lowercase().as_str() {
        "k" | "thousand" | "thousands" => Some(3),
        "m" | "mn" | "mio" | "million" | "millions" => Some(6),
        "b" | "bn" | "g" | "billion" | "billions" => Some(9),
        "t" | "tn" | "trillion" | "trillions" => Some(12),
        _ => None,
    }
}

fn is_unit(word: &str) -> bool {
    let word = word.trim().to_lowercase();
    ["params", "parameters", "tokens", "flops", "flop"].contains(&word.as_str())
}

/// Whether a text stands for nothing.
pub(super) fn is_blank(text: &str) -> bool {
    const WORDS: [&str; 9] = ["", "na", "n/a", "#n/a", "null", "none", "-", "--", "\u{2014}"];
    WORDS.contains(&text.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, value) in [
            ("110M", 110e6),
            ("2.2B", 2.2e9),
            ("2.2 billion", 2.2e9),
            ("350k", 350e3),
            ("1.5T tokens", 1.5e12),
            ("1e9", 1e9),
            ("1.45e+18", 1.45e18),
            ("1.45 \u{d7} 10^18", 1.45e18),
            ("5.76x10\u{b2}\u{b3}", 5.76e23),
            ("10^18", 1e18),
            ("1,200,000", 1.2e6),
            ("1,234.5", 1234.5),
            ("1_000", 1e3),
            ("1 200 000", 1.2e6),
            ("1\u{202f}200\u{202f}000", 1.2e6),
            ("12'000", 12e3),
            (".5", 0.5),
            ("-3", -3.0),
            ("\u{2212}3.5", -3.5),
            ("~7B", 7e9),
        ] {
            let found = number(text, Decimal::Point).map(|written| written.value);
            assert_eq!(found, Some(value), "{text}");
        }
        for (text, value) in [("1.200.000", 1.2e6), ("7,879", 7.879), ("1.234,5", 1234.5)] {
            let found = number(text, Decimal::Comma).map(|written| written.value);
            assert_eq!(found, Some(value), "{text}");
        }
        for text in
            ["", "low", "1,23,4", "1.2.3", "2024.01.15", "7B-base", "1e", "e9", ",", "1 2", "k"]
        {
            assert_eq!(number(text, Decimal::Point), None, "{text}");
        }
    }

    #[test]
    fn a_text_tells_the_decimal_sign_where_it_can() {
        use Decimal::{Comma, Point};
        for (text, said) in [
            ("1.200.000", Says::Only(Comma)),
            ("1,200,000", Says::Only(Point)),
            ("7,879", Says::Either(Comma)),
            ("7.879", Says::Either(Point)),
            ("0,879", Says::Only(Comma)),
            ("7,87", Says::Only(Comma)),
            ("7.8790", Says::Only(Point)),
            ("1.234B", Says::Only(Point)),
            ("1,450e18", Says::Only(Comma)),
            ("20000000", Says::Ungrouped),
            ("20 000 000", Says::Ungrouped),
            ("200", Says::Nothing),
            ("v1.2", Says::Nothing),
        ] {
            assert_eq!(says(text), said, "{text}");
        }
    }
}
