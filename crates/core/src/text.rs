//! What a message shows of a value that somebody else wrote.

use std::fmt::Write;

/// Characters of a value that a message shows at most.
pub const LONGEST_VALUE: usize = 80;

/// A value as a message shows it: control characters made visible, what is beyond
/// [`LONGEST_VALUE`] characters cut.
pub fn shown(value: &str) -> String {
    shown_up_to(LONGEST_VALUE, value)
}

/// As [`shown`], of at most `most` characters: for what another library says.
pub fn shown_up_to(most: usize, value: &str) -> String {
    let mut text = String::new();
    for (count, letter) in value.chars().enumerate() {
        if count == most {
            text.push_str("...");
            break;
        }
        push_visible(&mut text, letter);
    }
    text
}

/// Adds a character, written out if it is one of [`is_control`].
pub fn push_visible(text: &mut String, letter: char) {
    match letter {
        letter if !is_control(letter) => text.push(letter),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        letter if u32::from(letter) < 0x100 => {
            let _ = write!(text, "\\x{:02x}", u32::from(letter));
        }
        letter => text.extend(letter.escape_unicode()),
    }
}

/// Names as a message lists them: each [`shown`], the first dozen, then how many more.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 12;
    let first: Vec<String> = names.iter().take(MOST).map(|name| shown(name.as_ref())).collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", first.join(", "))
}

/// Characters that a terminal obeys or that turn the direction of what follows, rather than being
/// drawn.
pub fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// What to do about a Git LFS pointer.
pub const LFS_HINT: &str =
    "run `git lfs pull` in the repository of the file, then the same command again";

/// Whether a file that begins so is a Git LFS pointer, the note that git keeps in the place of a
/// large file (git-lfs, docs/spec.md); then the bytes of the file it stands for.
pub fn lfs_pointer(head: &[u8]) -> Option<u64> {
    const LONGEST: usize = 1024;
    let text = std::str::from_utf8(&head[..head.len().min(LONGEST)]).ok()?;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let version = lines.next()?.strip_prefix("version https://")?;
    if !(version.starts_with("git-lfs.github.com/spec/")
        || version.starts_with("hawser.github.com/spec/"))
    {
        return None;
    }
    let values: Vec<(&str, &str)> = lines.map_while(|line| line.split_once(' ')).collect();
    let value = |key: &str| values.iter().find(|pair| pair.0 == key).map(|pair| pair.1);
    value("oid")?;
    value("size")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_an_escape_is_visible() {
        assert_eq!(shown("rpj, 3.5 é"), "rpj, 3.5 é");
        let long = shown(&"x".repeat(5000));
        assert_eq!(long, format!("{}...", "x".repeat(80)));
        assert_eq!(shown_up_to(3, "abcd"), "abc...");
        assert_eq!(shown_up_to(4, "abcd"), "abcd");
        let nasty = shown("a\u{1b}]0;title\u{7}\r\nb\0\u{9b}31m\u{202e}");
        assert_eq!(nasty, "a\\x1b]0;title\\x07\\r\\nb\\x00\\x9b31m\\u{202e}");
    }

    #[test]
    fn a_list_of_many_names_says_how_many_it_leaves_out() {
        assert_eq!(listed(&["n", "loss"]), "n, loss");
        let names: Vec<String> = (0..100).map(|i| format!("c{i}")).collect();
        let text = listed(&names);
        assert!(text.ends_with("c11 and 88 more"), "{text}");
    }

    #[test]
    fn a_git_lfs_pointer_is_recognised_and_a_text_about_one_is_not() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let pointer =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(lfs_pointer(pointer.as_bytes()), Some(12345));
        let windows = pointer.replace('\n', "\r\n");
        assert_eq!(lfs_pointer(windows.as_bytes()), Some(12345));
        let extended = pointer.replace("\noid", "\next-0-foo sha256:00\noid");
        assert_eq!(lfs_pointer(extended.as_bytes()), Some(12345));
        for other in [
            "",
            "version https://git-lfs.github.com/spec/v1\n",
            "version https://git-lfs.github.com/spec/v1 is the first line of a pointer.\n",
            "n,loss\n1,2\n",
        ] {
            assert_eq!(lfs_pointer(other.as_bytes()), None, "{other}");
        }
        assert_eq!(lfs_pointer(b"version https://\xff"), None);
    }
}
