//! Phrases that error messages are made of.

use crate::overlap::Leak;
use std::path::Path;

/// The documents that leak most, as a phrase.
pub(super) fn leaks_shown(leaks: &[Leak]) -> String {
    let shown: Vec<String> = leaks
        .iter()
        .map(|leak| format!("{:.0} % of {} (as in {})", leak.share * 100.0, leak.test, leak.train))
        .collect();
    shown.join(", ")
}

/// The lost share of a text's bytes, as a phrase; empty for 0.
pub(super) fn share_shown(share: f64) -> String {
    match share {
        0.0 => String::new(),
        _ if share < 0.001 => ", less than 0.1 % of the bytes are lost".to_owned(),
        _ => format!(", {:.1} % of the bytes are lost", share * 100.0),
    }
}

/// A folder as a phrase; an empty path is the folder that the command runs in.
pub(super) fn folder(path: &Path) -> String {
    let here = match path.as_os_str().is_empty() {
        true => std::env::current_dir().ok(),
        false => None,
    };
    let shown = here.as_deref().unwrap_or(path).display().to_string();
    match shown.is_empty() {
        true => ".".to_owned(),
        false => shown,
    }
}
