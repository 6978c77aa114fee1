//! A temporary folder to try the binary in.

use assert_cmd::Command;
use isoflop_results::RunRow;
use isoflop_results::parquet::read_runs;
use isoflop_results::schema::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A folder with a text of its own and a sweep over it that trains in seconds.
pub(crate) struct Workshop {
    keep: tempfile::TempDir,
}

pub(crate) const SWEEP: &str = r#"
name = "tiny"
question = "Does it work?"
[data]
text = "text/*.md"
context = 32
test_tokens = 2000
[model]
sizes = ["8x1x1", "16x1x1", "16x2x2"]
[plan]
isoflop = { budgets = ["4e8", "8e8"] }
[train]
batch_tokens = 256
"#;

pub(crate) fn isoflop() -> Command {
    Command::cargo_bin("isoflop").unwrap()
}

impl Workshop {
    pub(crate) fn new(sweep: &str) -> Self {
        let keep = tempfile::tempdir().unwrap();
        fs::create_dir(keep.path().join("text")).unwrap();
        for document in 0..12u64 {
            fs::write(keep.path().join(format!("text/{document}.md")), words(document, 3000))
                .unwrap();
        }
        fs::write(keep.path().join("sweep.toml"), sweep).unwrap();
        Workshop { keep }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    pub(crate) fn isoflop(&self) -> Command {
        let mut command = isoflop();
        command.current_dir(self.keep.path());
        command
    }

    pub(crate) fn run(&self) -> assert_cmd::assert::Assert {
        self.isoflop().args(["run", "sweep.toml"]).assert()
    }

    /// Starts the sweep and does not wait for it.
    pub(crate) fn start(&self) -> std::process::Child {
        self.spawn(&["run", "sweep.toml"])
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn spawn(&self, args: &[&str]) -> std::process::Child {
        std::process::Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
            .args(args)
            .current_dir(self.keep.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub(crate) fn rows(&self) -> Vec<RunRow> {
        read_runs(&self.path("results/tiny/runs.parquet")).unwrap()
    }

    /// Asserts that the folder holds only what the test put there.
    pub(crate) fn assert_nothing_written(&self) {
        let mut names: Vec<_> = fs::read_dir(self.keep.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["sweep.toml", "text"]);
    }
}

/// Text with something to learn: words of a small vocabulary with Zipf-like frequencies.
fn words(seed: u64, count: usize) -> String {
    let vocabulary =
        ["the ", "model ", "learns ", "a ", "law ", "of ", "loss ", "and ", "tokens ", "grow.\n"];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| vocabulary[(next() % 10).min(next() % 10) as usize]).collect()
}

pub(crate) fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

pub(crate) fn stdout(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

/// Names and values of columns.
pub(crate) type Cells = Vec<(&'static str, Value)>;

/// A row without the columns that may differ between repeats.
pub(crate) fn reproducible(row: &RunRow) -> Cells {
    isoflop_results::repeat::reproducible(row)
}

/// Waits until a condition holds, for at most a minute and only as long as the process that should
/// bring it about is alive.
pub(crate) fn patiently(
    what: &str,
    child: &mut std::process::Child,
    mut is_so: impl FnMut() -> bool,
) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        let ended = child.try_wait().unwrap();
        // The condition may have come true just before the process ended.
        assert!(ended.is_none() || is_so(), "never: {what}; the process ended with {ended:?}");
        assert!(Instant::now() < until, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Prints a line for whoever reads the output of a test.
#[allow(clippy::print_stdout, reason = "the output of a test is stdout")]
pub(crate) fn note(text: &str) {
    println!("{text}");
}
