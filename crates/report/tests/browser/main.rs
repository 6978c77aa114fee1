//! The page in a browser. The tests need Debian's `chromium` and run when they are asked for:
//! `cargo test --release --workspace -- --ignored in_chromium`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chromium;
mod in_chromium;
#[path = "../synthetic/mod.rs"]
mod synthetic;

use chromium::Page;
use serde_json::{Value, json};
use std::path::PathBuf;
use synthetic::Synthetic;

const WIDE: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

struct Opened {
    page: Page,
    _folder: tempfile::TempDir,
}

/// The report of a sweep in a browser.
fn open(sweep: &Synthetic, size: (u32, u32), scheme: &str) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    isoflop_report::write(&sweep.report(), folder.path()).unwrap();
    let page = Page::open(&folder.path().join("index.html"), size, scheme);
    Opened { page, _folder: folder }
}

/// Where a screenshot is put to be looked at.
fn screenshot(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
