//! Spans of time as Slurm writes and reads them.

/// Seconds of a span such as `30:00`, `8:00:00`, `1-00:00:00` or `10` (minutes); `None` for
/// `UNLIMITED`, `infinite` and whatever else is no time.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, text),
    };
    let parts = rest.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let (hours, minutes, seconds) = match (days, &parts[..]) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    Some(days.unwrap_or(0) * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// A span as `sbatch --time` takes it.
pub(super) fn slurm(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60);
    match days {
        0 => time,
        _ => format!("{days}-{time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms are those of sbatch(1), `--time`.
    #[test]
    fn spans_are_read_in_every_form_that_slurm_has() {
        for (text, span) in [
            ("10", Some(600)),
            ("3:00", Some(180)),
            ("8:00:00", Some(28_800)),
            ("2-12", Some(216_000)),
            ("1-06:30", Some(109_800)),
            ("1-00:00:00", Some(86_400)),
            ("infinite", None),
            ("UNLIMITED", None),
            ("n/a", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), span, "{text}");
        }
        for span in [59, 3600, 90_061] {
            assert_eq!(seconds(&slurm(span)), Some(span));
        }
    }
}
