//! Times and words as notes and verbs show them.

use std::time::Duration;

/// So many seconds, or as long as can be told: a plan may take longer than the world has been.
pub fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// `12 years`, `40 days`, `1 h 02 min`, `3 min 10 s`, `42 s`, `0.4 s`.
pub fn clock(time: Duration) -> String {
    const DAY: u64 = 86_400;
    const YEAR: u64 = 365 * DAY;
    match time.as_secs() {
        s if s >= 2 * YEAR => format!("{} years", s / YEAR),
        s if s >= 4 * DAY => format!("{} days", s / DAY),
        s if s >= 3600 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        s if s >= 60 => format!("{} min {:02} s", s / 60, s % 60),
        s if s >= 10 => format!("{s} s"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// `3.2 kB`, `14.7 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// A word as a shell takes it.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(shell_word("bpe:512"), "bpe:512");
        assert_eq!(shell_word("a, b"), "'a, b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
