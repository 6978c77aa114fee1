//! Which sign stands between the fields of a text.

use ::csv::{ByteRecord, ReaderBuilder};

/// What is between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// One byte.
    Byte(u8),
    /// Any number of spaces and tabs.
    Spaces,
    /// The same, and every row begins with a name for which the first line has none, as R writes it.
    SpacesAfterNames,
}

impl Separator {
    /// The byte that a reader of the fields is told.
    pub(super) fn byte(self) -> u8 {
        match self {
            Separator::Byte(byte) => byte,
            Separator::Spaces | Separator::SpacesAfterNames => b'\t',
        }
    }
}

/// Rows that are looked at.
const LOOKED_AT: usize = 40;
/// Bytes that are looked at.
const HEAD: usize = 1 << 16;
/// Share of the rows that must have as many fields as the first line.
const MOST: f64 = 0.8;

/// The sign under which the first line has several fields and most rows as many; a comma where none does.
pub(super) fn separator(bytes: &[u8]) -> Separator {
    let head = &bytes[..bytes.len().min(HEAD)];
    let judged = [b',', b';', b'\t', b'|'].map(|byte| (byte, judge(&fields(head, byte))));
    let mut best = (b',', (0.0, 1));
    for (byte, (share, names)) in judged {
        if names > 1 && (share, names) > best.1 {
            best = (byte, (share, names));
        }
    }
    let (byte, (share, _)) = best;
    if share >= MOST {
        return Separator::Byte(byte);
    }
    let counts = words(head);
    let (spaced, words) = judge(&counts);
    let named = counts.len() > 1 && counts[1..].iter().all(|count| *count == words + 1);
    match words > 1 {
        true if spaced >= MOST && spaced > share => Separator::Spaces,
        true if named => Separator::SpacesAfterNames,
        _ => Separator::Byte(byte),
    }
}

/// Share of rows with as many fields as the first, and those fields.
fn judge(counts: &[usize]) -> (f64, usize) {
    let Some((names, rows)) = counts.split_first() else {
        return (0.0, 0);
    };
    let alike = rows.iter().filter(|count| *count == names).count();
    match rows.len() {
        0 => (1.0, *names),
        rows => (alike as f64 / rows as f64, *names),
    }
}

fn fields(head: &[u8], separator: u8) -> Vec<usize> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .comment(Some(b'#'))
        .flexible(true)
        .has_headers(false)
        .from_reader(head);
    let mut counts = Vec::new();
    let mut record = ByteRecord::new();
    while counts.len() < LOOKED_AT && reader.read_byte_record(&mut record).unwrap_or(false) {
        counts.push(record.len());
    }
    counts
}

fn words(head: &[u8]) -> Vec<usize> {
    let lines = head.split(|byte| *byte == b'\n');
    let words = lines.map(|line| {
        let words = line.split(u8::is_ascii_whitespace);
        words.filter(|word| !word.is_empty()).count()
    });
    words.filter(|count| *count > 0).take(LOOKED_AT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_what_most_rows_agree_on() {
        for (text, found) in [
            ("n,d,l\n1,2,3\n", Separator::Byte(b',')),
            ("n;d;l\n1;2;3,5\n4;5;6,5\n", Separator::Byte(b';')),
            ("n\td\tl\n1\t2\t3\n", Separator::Byte(b'\t')),
            ("| n | d |\n|---|---|\n| 1 | 2 |\n", Separator::Byte(b'|')),
            ("n   d  loss\n1 2   3\n10 20 30\n", Separator::Spaces),
            ("\"n\" \"l\"\n\"1\" 2 3\n\"2\" 4 5\n", Separator::SpacesAfterNames),
            ("loss\n3.5\n", Separator::Byte(b',')),
            ("n\td (tokens, all)\n1\t2\n", Separator::Byte(b'\t')),
            ("", Separator::Byte(b',')),
        ] {
            assert_eq!(separator(text.as_bytes()), found, "{text}");
        }
    }
}
