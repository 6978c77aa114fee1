//! Tests of signals in every phase: exit code 130 within five seconds, no unfinished files and no
//! processes left behind.

use crate::workshop::{SWEEP, Workshop, note, reproducible};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Signals that ask a process to end.
const REQUESTS: [&str; 4] = ["INT", "TERM", "HUP", "USR1"];

/// Time within which a process must end after such a signal.
const LONGEST: Duration = Duration::from_secs(5);

/// Starts a command in a process group of its own. All signals have their default effect, except
/// one that may be ignored.
fn start(shop: &Workshop, ignored: Option<&str>, args: &[&str]) -> Child {
    let mut command = Command::new("env");
    command.arg("--default-signal");
    if let Some(name) = ignored {
        command.arg(format!("--ignore-signal={name}"));
    }
    command
        .arg(assert_cmd::cargo::cargo_bin("isoflop"))
        .args(args)
        .current_dir(shop.path(""))
        .env("ISOFLOP_CACHE", shop.path("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().unwrap()
}

fn send(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Waits for the end of a process within the time; returns its status and what it printed to
/// stderr.
fn end(mut child: Child, within: Duration) -> (std::process::ExitStatus, String) {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > within {
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("still at it after {within:?}: {said}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

/// Asks a process to end by a signal and checks its exit code and last words.
fn stopped_by(child: Child, name: &str) -> String {
    send(&child, name);
    let (status, said) = end(child, LONGEST);
    assert_eq!(status.code(), Some(130), "{name}: {status}: {said}");
    assert!(said.lines().last().is_some_and(|line| line.starts_with("stopped")), "{name}: {said}");
    assert!(!said.contains("error:"), "{name}: {said}");
    said
}

/// Waits until a condition holds.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Files anywhere below a folder whose names have one of these endings.
fn left(folder: &Path, endings: &[&str]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path.clone());
        }
        found.extend(left(&path, endings));
    }
    found
}

/// Command lines of the processes that work in the workshop's folder, according to the system.
fn processes_of(shop: &Workshop) -> Vec<String> {
    let place = shop.path("").canonicalize().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let cwd = fs::read_link(entry.path().join("cwd"));
        let alive =
            fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
        if alive && cwd.is_ok_and(|cwd| cwd == place) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

/// Asserts that neither processes nor unfinished files are left.
fn assert_clean(shop: &Workshop) {
    let begun = Instant::now();
    while !processes_of(shop).is_empty() {
        let alive = processes_of(shop);
        assert!(begun.elapsed() < Duration::from_secs(1), "left behind: {alive:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let unfinished = left(&shop.path(""), &[".partial", ".tmp"]);
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

fn held(shop: &Workshop) -> bool {
    left(&shop.path("results"), &[".json"])
        .iter()
        .any(|path| path.parent().unwrap().ends_with("leases"))
}

#[test]
fn a_sweep_that_trains_ends_on_every_signal_and_resumes_to_the_same_results() {
    let sweep = SWEEP.replace("\"4e8\", \"8e8\"", "\"1e9\", \"4e10\"");
    let undisturbed = Workshop::new(&sweep);
    undisturbed.run().code(0);
    let shop = Workshop::new(&sweep);
    for name in ["INT", "TERM", "HUP", "USR1", "USR2", "XCPU"] {
        let child = start(&shop, None, &["run", "sweep.toml"]);
        until("a run is held", || held(&shop));
        std::thread::sleep(Duration::from_millis(60));
        let said = stopped_by(child, name);
        assert!(said.contains("the same command resumes"), "{said}");
        assert_clean(&shop);
        assert!(!held(&shop), "{name}: a stopped worker gives its run back");
    }
    shop.run().code(0);
    let rows = |shop: &Workshop| shop.rows().iter().map(reproducible).collect::<Vec<_>>();
    assert_eq!(rows(&shop), rows(&undisturbed));
}

/// Process id of a worker that holds a run, according to its lease.
fn worker(shop: &Workshop) -> Option<u64> {
    let leases = left(&shop.path("results/tiny/leases"), &[".json"]);
    let text = fs::read_to_string(leases.first()?).ok()?;
    let lease: serde_json::Value = serde_json::from_str(&text).ok()?;
    lease["owner"]["pid"].as_u64()
}

#[test]
fn a_worker_that_cannot_end_is_ended_with_its_command() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"9e11\""));
    let child = start(&shop, None, &["run", "sweep.toml", "--jobs", "1"]);
    until("a run is held", || worker(&shop).is_some());
    std::thread::sleep(Duration::from_millis(200));
    let stuck = worker(&shop).unwrap().to_string();
    let sent = Command::new("kill").args(["-STOP", &stuck]).status();
    assert!(sent.unwrap().success());
    stopped_by(child, "TERM");
    assert_clean(&shop);
}

#[test]
fn a_command_whose_words_nobody_reads_ends_all_the_same() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    // The pipe is full before the command prints anything.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let filler = writer.try_clone().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        let _ = writer.write_all(&[b'x'; 1 << 20]);
    });
    std::thread::sleep(Duration::from_millis(300));
    let mut child = Command::new("env")
        .arg("--default-signal")
        .arg(assert_cmd::cargo::cargo_bin("isoflop"))
        .args(["run", "sweep.toml"])
        .current_dir(shop.path(""))
        .stdout(Stdio::null())
        .stderr(filler)
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    send(&child, "TERM");
    let begun = Instant::now();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    drop(reader);
}

#[test]
fn a_worker_ends_on_every_signal_and_keeps_its_state() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"9e11\""));
    let child = start(&shop, None, &["run", "sweep.toml", "--jobs", "1"]);
    until("a run is held", || held(&shop));
    stopped_by(child, "TERM");
    for name in REQUESTS {
        let child = start(&shop, None, &["worker", "results/tiny"]);
        until("a run is held", || held(&shop));
        std::thread::sleep(Duration::from_millis(200));
        stopped_by(child, name);
        assert!(!held(&shop));
        assert!(!left(&shop.path("results"), &[".safetensors"]).is_empty(), "{name}: no state");
    }
    assert_clean(&shop);
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for (name, verb) in [("HUP", "run"), ("INT", "run"), ("HUP", "worker")] {
        let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"9e11\""));
        let run = ["run", "sweep.toml", "--jobs", "1"];
        let child = match verb {
            "worker" => {
                let first = start(&shop, None, &run);
                until("a run is held", || held(&shop));
                stopped_by(first, "TERM");
                start(&shop, Some(name), &["worker", "results/tiny"])
            }
            _ => start(&shop, Some(name), &run),
        };
        until("a run is held", || held(&shop));
        // The signal is also sent to the whole group, as the end of a terminal does.
        for target in [child.id().to_string(), format!("-{}", child.id())] {
            let sent = Command::new("kill").args(["-s", name, "--", &target]).status();
            assert!(sent.unwrap().success());
        }
        std::thread::sleep(Duration::from_millis(700));
        assert!(held(&shop), "{name} ended {verb}");
        stopped_by(child, "TERM");
        assert_clean(&shop);
    }
}

#[test]
fn signals_end_what_comes_before_training() {
    // The text is large enough to take some seconds, and a vocabulary is trained on it.
    let large = |shop: &Workshop| {
        let text = fs::read_to_string(shop.path("text/0.md")).unwrap();
        for copy in 0..60 {
            let lines: Vec<String> =
                text.split_inclusive(' ').map(|word| format!("{word}{copy:x}")).collect();
            fs::write(shop.path(&format!("text/copy-{copy}.md")), lines.concat().repeat(20))
                .unwrap();
        }
    };
    let bpe = SWEEP.replace("context = 32", "context = 32\ntokenizer = \"bpe:4096\"");
    for (name, args) in [
        ("INT", ["data", "build", "sweep.toml"].as_slice()),
        ("TERM", &["plan", "sweep.toml"]),
        ("USR1", &["run", "sweep.toml"]),
    ] {
        let shop = Workshop::new(&bpe);
        large(&shop);
        let child = start(&shop, None, args);
        std::thread::sleep(Duration::from_millis(400));
        stopped_by(child, name);
        assert!(!shop.path("results").exists());
        assert_clean(&shop);
    }
}

#[test]
fn signals_end_the_measuring_of_speeds_and_the_processes_that_measure() {
    for name in ["INT", "TERM"] {
        let shop = Workshop::new(SWEEP);
        let child = start(&shop, None, &["plan", "sweep.toml", "--jobs", "2"]);
        until("it measures", || processes_of(&shop).iter().any(|line| line.contains("measure")));
        let said = stopped_by(child, name);
        assert!(said.contains("measuring"), "{said}");
        assert_clean(&shop);
    }
}

#[test]
fn signals_end_fits_and_what_follows_them() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let rows = (0..60).map(|k| {
        let (n, d) = (1e4 * 1.5f64.powi(k % 8), 1e6 * 1.7f64.powi(k / 8));
        let loss = 1.7 + 400.0 / n.powf(0.34) + 400.0 / d.powf(0.28) + 1e-3 * f64::from(k * 7 % 5);
        format!("{n},{d},{loss}\n")
    });
    fs::write(shop.path("table.csv"), format!("n,d,loss\n{}", rows.collect::<String>())).unwrap();
    for (name, args) in [
        ("INT", ["fit", "table.csv", "--bootstrap", "100000"].as_slice()),
        ("TERM", &["advise", "results/tiny", "--compute", "1e12"]),
        ("USR1", &["watch", "results/tiny", "--port", "0"]),
        ("HUP", &["check", "mup"]),
    ] {
        let child = start(&shop, None, args);
        std::thread::sleep(Duration::from_millis(150));
        match args[0] {
            // These verbs end by themselves and may have ended before the signal.
            "advise" | "check" => {
                send(&child, name);
                let (status, said) = end(child, LONGEST);
                assert!(matches!(status.code(), Some(130 | 0 | 2)), "{status}: {said}");
            }
            _ => drop(stopped_by(child, name)),
        }
    }
    // The signals come at many instants near the end of a sweep: during the last runs, the fits and
    // the report.
    let mut codes = Vec::new();
    for k in 0..12 {
        fs::remove_dir_all(shop.path("reports")).unwrap_or_default();
        let child = start(&shop, None, &["run", "sweep.toml"]);
        std::thread::sleep(Duration::from_millis(30 + 60 * k));
        send(&child, REQUESTS[k as usize % 4]);
        let (status, said) = end(child, LONGEST);
        assert!(matches!(status.code(), Some(130 | 0)), "{status}: {said}");
        codes.push(status.code().unwrap());
        assert_clean(&shop);
        let fits = fs::read_to_string(shop.path("results/tiny/fits.json")).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&fits).is_ok());
    }
    note(&format!("exit codes of a sweep stopped while it fits: {codes:?}"));
    assert!(codes.contains(&130), "{codes:?}");
    shop.run().code(0);
}

#[test]
fn signals_end_the_stage_in_which_rates_are_tuned() {
    let tune = "[train]\nlearning_rate = { tune = { rates = 3, tokens = 5e6 } }";
    let shop = Workshop::new(&SWEEP.replace("[train]", tune));
    for name in REQUESTS {
        let child = start(&shop, None, &["run", "sweep.toml"]);
        until("a trial is held", || held(&shop));
        std::thread::sleep(Duration::from_millis(100));
        let said = stopped_by(child, name);
        assert!(said.contains("the same command resumes"), "{said}");
        assert_clean(&shop);
    }
}

#[test]
fn a_command_that_waits_for_a_lock_ends_too_and_a_worker_needs_none() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let rows = shop.rows().len();
    for part in ["records", "leases"] {
        fs::remove_dir_all(shop.path(&format!("results/tiny/{part}"))).unwrap();
        fs::create_dir(shop.path(&format!("results/tiny/{part}"))).unwrap();
    }
    let lock = fs::File::create(shop.path("results/tiny/leases/lock")).unwrap();
    lock.lock().unwrap();
    let begun = start(&shop, None, &["run", "sweep.toml"]);
    std::thread::sleep(Duration::from_millis(700));
    stopped_by(begun, "INT");
    let mut worker = shop.spawn(&["worker", "results/tiny"]);
    assert!(worker.wait().unwrap().success());
    assert_eq!(left(&shop.path("results/tiny/records"), &[".json"]).len(), rows);
}

#[test]
fn a_small_limit_of_file_sizes_is_told_as_a_lack_of_room() {
    let undisturbed = Workshop::new(SWEEP);
    undisturbed.run().code(0);
    let shop = Workshop::new(SWEEP);
    let limited = |kilobytes: u64| {
        let program = assert_cmd::cargo::cargo_bin("isoflop");
        let script = format!("ulimit -f {kilobytes}; exec {} run sweep.toml", program.display());
        let output =
            Command::new("bash").args(["-c", &script]).current_dir(shop.path("")).output().unwrap();
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for kilobytes in [1, 4, 8, 16, 64] {
        let (status, said) = limited(kilobytes);
        assert!(matches!(status.code(), Some(130 | 0)), "{kilobytes}: {status}: {said}");
        assert_eq!(
            status.code() == Some(130),
            said.contains("the disk is full"),
            "{kilobytes}: {said}"
        );
        if kilobytes == 4 {
            assert!(said.contains("File too large"), "{said}");
        }
    }
    shop.run().code(0);
    let rows = |shop: &Workshop| shop.rows().iter().map(reproducible).collect::<Vec<_>>();
    assert_eq!(rows(&shop), rows(&undisturbed));
    assert_clean(&shop);
}
