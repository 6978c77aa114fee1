//! Text: escaping, raised and lowered marks, numbers as people read them.

use isoflop_core::units::{decimals, significant};
use isoflop_fit::output::Estimate;

/// Private-use marks around raised and lowered text in chart labels: the embedded font lacks the
/// raised minus, and the raised dot does not exist. The canvas turns them into `tspan`s.
const SUP: char = '\u{e000}';
const END: char = '\u{e001}';
const SUB: char = '\u{e002}';

/// Text that is raised in the label of a chart.
pub(crate) fn sup(text: &str) -> String {
    format!("{SUP}{text}{END}")
}

/// Text that is lowered in the label of a chart.
pub(crate) fn sub(text: &str) -> String {
    format!("{SUB}{text}{END}")
}

/// Text that cannot move the cursor or colour the terminal.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Text for HTML and SVG, in content and in quoted attributes. Characters that XML cannot hold,
/// and the marks above, become a replacement character.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, SUP..=SUB | '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

/// A chart label as SVG content: escaped, with raised and lowered runs as `tspan`s that return to
/// the baseline. `size` is the font size in pixels.
pub(crate) fn svg_label(text: &str, size: f64) -> String {
    let small = size * 0.72;
    let mut out = String::new();
    let mut owed = 0.0;
    for run in text.split_inclusive([SUP, SUB, END]) {
        let (body, mark) = match run.chars().last() {
            Some(c @ (SUP | SUB | END)) => (&run[..run.len() - c.len_utf8()], Some(c)),
            _ => (run, None),
        };
        match mark != Some(END) && owed != 0.0 && !body.is_empty() {
            true => {
                out.push_str(&format!("<tspan dy=\"{owed:.1}\">{}</tspan>", escape(body)));
                owed = 0.0;
            }
            false => out.push_str(&escape(body)),
        }
        match mark {
            Some(c @ (SUP | SUB)) => {
                let rise = size * if c == SUP { -0.36 } else { 0.2 };
                let dy = owed + rise;
                out.push_str(&format!("<tspan dy=\"{dy:.1}\" font-size=\"{small:.1}\">"));
                owed = -rise;
            }
            Some(_) => out.push_str("</tspan>"),
            None => {}
        }
    }
    out
}

/// A label as plain text: `C^-0.09`, `N_c`.
pub(crate) fn plain(text: &str) -> String {
    text.replace(SUP, "^").replace(SUB, "_").replace(END, "")
}

/// A label as HTML: escaped, with raised and lowered runs.
pub(crate) fn html_label(text: &str) -> String {
    let mut out = String::new();
    let mut open = "";
    for run in text.split_inclusive([SUP, SUB, END]) {
        let body = run.trim_end_matches([SUP, SUB, END]);
        out.push_str(&escape(body));
        match run.chars().last() {
            Some(SUP) => open = "sup",
            Some(SUB) => open = "sub",
            Some(END) => {
                out.push_str(&format!("</{open}>"));
                continue;
            }
            _ => continue,
        }
        out.push_str(&format!("<{open}>"));
    }
    out
}

/// The length of a label in characters of the width of body text.
pub(crate) fn label_len(text: &str) -> f64 {
    let mut scale = 1.0;
    let mut length = 0.0;
    for c in text.chars() {
        match c {
            SUP | SUB => scale = 0.72,
            END => scale = 1.0,
            // East Asian text is about twice as wide.
            c if c as u32 >= 0x2e80 => length += 2.0 * scale,
            _ => length += scale,
        }
    }
    length
}

/// A text with a capital first letter, as it stands after a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next();
    let capital = first.into_iter().flat_map(char::to_uppercase);
    capital.chain(letters).collect()
}

/// Foreign text for the label of a chart: at most `count` characters, with an ellipsis where it was
/// cut, and without the marks of raised and lowered text.
pub(crate) fn clip(text: &str, count: usize) -> String {
    let text = text.replace([SUP, SUB, END], "\u{fffd}");
    match text.chars().count() > count {
        true => text.chars().take(count.saturating_sub(1)).chain(['\u{2026}']).collect(),
        false => text,
    }
}

/// A number in plain decimals with a true minus sign and no trailing zeros.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value}");
    minus(if text == "-0" { "0" } else { &text })
}

/// A number with `decimals` decimals and a true minus sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    minus(&format!("{value:.decimals$}"))
}

/// A number with three significant digits; very large and very small ones have a power of ten.
pub(crate) fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return minus(&format!("{value}"));
    }
    let decade = value.abs().log10().floor() as i32;
    if !(-4..5).contains(&decade) {
        return minus(&format!("{value:.2e}"));
    }
    minus(&significant(value, 3))
}

/// A ratio with two significant digits, never rounded to nothing.
pub(crate) fn factor(value: f64) -> String {
    if !(value > 0.0 && value.is_finite()) {
        return three_digits(value);
    }
    let decade = value.log10().floor() as i32;
    match (-4..5).contains(&decade) {
        true => minus(&significant(value, 2)),
        false => minus(&format!("{value:.1e}")),
    }
}

/// Decimals that show two digits of the width of the interval and of the value. Without an interval
/// three digits of the value are shown.
fn decimals_of(e: &Estimate) -> usize {
    let second_digit = |x: f64| (x > 0.0 && x.is_finite()).then(|| decimals(x, 2).min(6));
    let width = match (e.low, e.high) {
        (Some(low), Some(high)) if high > low => high - low,
        _ => e.value.abs() / 10.0,
    };
    second_digit(width).max(second_digit(e.value.abs())).unwrap_or(3)
}

/// The value of an estimate with the digits that its interval supports: `0.113`.
pub(crate) fn value(e: &Estimate) -> String {
    match e.value.abs() >= 1e5 {
        true => three_digits(e.value),
        false => fixed(e.value, decimals_of(e)),
    }
}

/// The interval of an estimate: `[0.105, 0.121]`, `[0.105, open]` where the runs bound one end alone,
/// nothing without a bootstrap.
pub(crate) fn interval(e: &Estimate) -> Option<String> {
    e.low.or(e.high)?;
    let write = |x: f64| match e.value.abs() >= 1e5 || x.abs() >= 1e5 {
        true => three_digits(x),
        false => fixed(x, decimals_of(e)),
    };
    let end = |end: Option<f64>| end.map_or("open".to_owned(), write);
    Some(format!("[{}, {}]", end(e.low), end(e.high)))
}

/// The value of an estimate with its interval: `0.113 [0.105, 0.121]`.
pub(crate) fn with_interval(e: &Estimate) -> String {
    match interval(e) {
        Some(range) => format!("{} {range}", value(e)),
        None => value(e),
    }
}

/// Text cut into lines at spaces.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: Option<f64>, high: Option<f64>) -> Estimate {
        Estimate { value, low, high, standard_error: None, identified: true, fixed: false }
    }

    #[test]
    fn markup_from_a_user_stays_text() {
        assert_eq!(
            escape("<img onerror='x'>&\"\u{0}\u{e000}"),
            "&lt;img onerror=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn a_raised_exponent_returns_to_the_baseline() {
        let label = format!("(C/2){} x", sup("\u{2212}0.1"));
        assert_eq!(
            svg_label(&label, 10.0),
            "(C/2)<tspan dy=\"-3.6\" font-size=\"7.2\">\u{2212}0.1</tspan><tspan dy=\"3.6\"> x</tspan>"
        );
    }

    #[test]
    fn a_value_shows_the_digits_its_interval_supports() {
        assert_eq!(
            with_interval(&estimate(0.11342, Some(0.1048), Some(0.1213))),
            "0.113 [0.105, 0.121]"
        );
        assert_eq!(with_interval(&estimate(0.5, Some(0.31), Some(0.72))), "0.50 [0.31, 0.72]");
        assert_eq!(with_interval(&estimate(0.11342, None, None)), "0.113");
        assert_eq!(
            with_interval(&estimate(0.2376, Some(0.1992), Some(1.5287))),
            "0.24 [0.20, 1.53]"
        );
        assert_eq!(
            with_interval(&estimate(-0.2, Some(-0.35), Some(0.05))),
            "\u{2212}0.20 [\u{2212}0.35, 0.05]"
        );
    }

    #[test]
    fn three_digits_turn_to_powers_at_the_extremes() {
        let shown = [406.4, 0.3478, 2.0, 387_477.0, 3.1e9, 4e-7, 0.0].map(three_digits);
        assert_eq!(shown, ["406", "0.348", "2.00", "3.87e5", "3.10e9", "4.00e\u{2212}7", "0"]);
    }

    #[test]
    fn a_factor_has_two_digits_and_is_never_nothing() {
        let shown = [0.0042, 0.185, 1.0, 12.4, 3.2e-7].map(factor);
        assert_eq!(shown, ["0.0042", "0.18", "1.0", "12", "3.2e\u{2212}7"]);
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(clip("日本語のコーパス", 4), "日本語…");
        assert_eq!(clip("abcd", 4), "abcd");
    }
}
