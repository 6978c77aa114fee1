//! Checks names from a hub before they become paths and addresses.

use isoflop_core::text::{is_control, shown};

/// Maximum bytes of a name, and of one component of it in `LONGEST_PART`; file systems take no
/// more.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 240;

/// Checks that the name of a file or revision lies within its folder: no component of it is `..` or
/// empty or holds invisible characters.
pub(super) fn check_file(name: &str) -> Result<(), String> {
    let what = match name {
        "" => "is empty",
        _ if name.len() > LONGEST => "is too long",
        _ if name.chars().any(is_control) => "holds a control character",
        _ if name.contains('\\') => "holds a backslash",
        _ if cfg!(windows) && name.contains(':') => "holds a colon",
        _ => match name.split('/').find_map(|part| match part {
            "" => Some("has an empty part"),
            "." | ".." => Some("leads out of its folder"),
            _ if part.len() > LONGEST_PART => Some("is too long"),
            _ => None,
        }) {
            None => return Ok(()),
            Some(what) => what,
        },
    };
    Err(format!("the name \"{}\" {what}", shown(name)))
}

/// Checks that a commit consists of letters and digits.
pub(super) fn check_commit(commit: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric();
    match (1..=64).contains(&commit.len()) && commit.bytes().all(fits) {
        true => Ok(()),
        false => Err(format!("\"{}\" is no commit", shown(commit))),
    }
}

/// Checks that a dataset's name is `owner/name` or a name alone.
pub(super) fn check_dataset(dataset: &str) -> Result<(), String> {
    let fits = |part: &str| {
        let bytes = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part.len() <= 96 && !part.starts_with('.') && part.bytes().all(bytes)
    };
    let parts: Vec<&str> = dataset.split('/').collect();
    match parts.len() <= 2 && parts.into_iter().all(fits) {
        true => Ok(()),
        false => Err("the name should be as in owner/name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_the_folder_pass_and_others_say_why_not() {
        for name in
            ["a.jsonl", "data/train-00000-of-00001.parquet", "x y/ü#?.txt", "..a/b..", "refs/pr/1"]
        {
            assert_eq!(check_file(name), Ok(()), "{name}");
        }
        for (name, what) in [
            ("", "is empty"),
            ("../a", "leads out of its folder"),
            ("a/../../b", "leads out of its folder"),
            ("a/.", "leads out of its folder"),
            ("/etc/passwd", "has an empty part"),
            ("a//b", "has an empty part"),
            ("a/", "has an empty part"),
            ("..\\a", "holds a backslash"),
            ("a\0b", "holds a control character"),
            ("\u{1b}[31mred", "holds a control character"),
            ("a\u{202e}b", "holds a control character"),
        ] {
            let why = check_file(name).unwrap_err();
            assert_eq!(why, format!("the name \"{}\" {what}", shown(name)));
        }
        for long in ["x".repeat(5000), "x".repeat(250), "x/".repeat(600) + "x"] {
            let why = check_file(&long).unwrap_err();
            assert!(why.ends_with("is too long") && why.len() < 200, "{why}");
        }
    }

    #[test]
    fn commits_and_datasets_are_of_letters_and_digits() {
        assert_eq!(check_commit(&"a1".repeat(20)), Ok(()));
        for commit in ["", "..", "a/b", "../../pwn", "a b", "a\n", &"a".repeat(65)] {
            assert!(check_commit(commit).is_err(), "{commit}");
        }
        for dataset in ["own/set", "squad", "a-b/c_d.e"] {
            assert_eq!(check_dataset(dataset), Ok(()), "{dataset}");
        }
        for dataset in ["", "a/", "/a", "../a", "a/..", "a/b/c", "a/b?c", "a\nb"] {
            assert!(check_dataset(dataset).is_err(), "{dataset}");
        }
    }
}
