//! Prints results to stdout and everything else to stderr. A reader that closes the pipe early has
//! seen enough. Text from files, names and workers never controls the terminal: control characters
//! are made visible here.

use isoflop_core::text::{is_control, push_visible};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};

/// Maximum number of characters of a value that a message shows.
pub(crate) const LONGEST_VALUE: usize = 200;

/// Maximum number of characters of a line that a message shows.
const LONGEST_LINE: usize = 600;

/// Prints a result.
///
/// # Errors
/// stdout cannot be written, for a reason other than that its reader went away.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write_out(&visible(text))
}

/// Prints a value as JSON.
///
/// # Errors
/// The same as those of [`print`].
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    // Control characters are written as JSON escapes, which leaves the value unchanged.
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) {
            true => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
            false => shown.push(c),
        }
    }
    write_out(&shown)
}

fn write_out(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line for the person at the terminal.
pub(crate) fn note(text: &str) {
    // An error is ignored: if stderr is gone, nobody is left to be told.
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// The text with every character that would control a terminal, or reverse the reading order,
/// written out visibly.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match steers(c) {
            true => push_visible(&mut shown, c),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A value on one line: as by [`visible`], and with its line breaks written out too.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    match text.contains('\n') {
        false => visible(text),
        true => Cow::Owned(visible(text).replace('\n', "\\n")),
    }
}

/// Whether a character controls a terminal instead of being seen on it, or is invisible. Line feeds
/// and tabs are ordinary.
fn steers(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_control(c)
}

/// A message in which overlong values and lines are cut.
pub(crate) fn short(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let line = quotes_cut(line);
            let words: Vec<Cow<'_, str>> =
                line.split(' ').map(|word| cut(word, LONGEST_VALUE)).collect();
            cut(&words.join(" "), LONGEST_LINE).into_owned()
        })
        .collect();
    lines.join("\n")
}

/// A line in which overlong quoted values are cut.
fn quotes_cut(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['`', '"']) {
        let (before, quoted) = rest.split_at(at);
        shown.push_str(before);
        let (mark, inner) = quoted.split_at(1);
        let Some(end) = inner.find(mark) else {
            rest = quoted;
            break;
        };
        shown.push_str(mark);
        shown.push_str(&cut(&inner[..end], LONGEST_VALUE));
        shown.push_str(mark);
        rest = &inner[end + 1..];
    }
    shown.push_str(rest);
    shown
}

/// At most the given number of characters; of a longer text its beginning and its end.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let tail = most / 4;
    let head: String = text.chars().take(most - tail - 1).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_written_out() {
        for (text, shown) in [
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("a\x07b\x08c\x7fd\0e", "a\\x07b\\x08c\\x7fd\\x00e"),
            ("\u{9b}2J\u{9d}0;title", "\\x9b2J\\x9d0;title"),
            ("over\rwritten", "over\\rwritten"),
            ("run\u{202e}txt.exe", "run\\u{202e}txt.exe"),
            ("a\u{2066}b\u{2028}c", "a\\u{2066}b\\u{2028}c"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown);
        }
        for plain in ["N\u{2099} = 3 µs, ünïcödé, 漢字, 👩‍🔬", "two\nlines\tand a tab"]
        {
            assert_eq!(visible(plain), plain);
        }
        assert_eq!(on_one_line("a\nerror: b"), "a\\nerror: b");
    }

    #[test]
    fn long_values_and_lines_of_a_message_are_cut_and_short_ones_are_not() {
        let text = format!("`{}` is not a time\n  hint", "k".repeat(5000));
        let cut = short(&text);
        assert!(cut.chars().count() < 300, "{cut}");
        assert!(cut.starts_with("`kkk") && cut.ends_with("kk` is not a time\n  hint"));
        let words = short(&"word ".repeat(2000));
        assert!(words.chars().count() <= LONGEST_LINE && words.contains('…'));
        let value = format!("type: string \"{}\", expected `f64` at \"", "[1.5], ".repeat(60));
        let cut = short(&value);
        assert!(cut.chars().count() < 260 && cut.ends_with("\", expected `f64` at \""), "{cut}");
        let path = "/a/rather/long/path/to/a/file.toml:3:1: unknown key `norn`\n   |\n 3 | norn";
        assert_eq!(short(path), path);
    }
}
