//! A Slurm of one machine for a test, which ends with it.

use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A Slurm with partitions `low` and `high`, whose jobs preempt those of `low`.
pub(crate) struct Cluster {
    keep: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cluster {
    /// Starts a Slurm with so many processors; `settings` are variables of `slurm_local.sh`.
    pub(crate) fn start(processors: u64, settings: &[(&str, &str)]) -> Cluster {
        let mut all = vec![
            ("SLURM_LOCAL_CTLD_PORT".to_owned(), free_port().to_string()),
            ("SLURM_LOCAL_SLURMD_PORT".to_owned(), free_port().to_string()),
            ("SLURM_LOCAL_CPUS".to_owned(), processors.to_string()),
        ];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let cluster = Cluster { keep: tempfile::tempdir().unwrap(), settings: all };
        cluster.daemons("start");
        cluster
    }

    fn daemons(&self, what: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/slurm_local.sh");
        let output = Command::new(script)
            .args([what.as_ref(), self.keep.path().as_os_str()])
            .envs(self.settings.iter().cloned())
            // Daemons would keep a pipe open.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.keep.path().join("said")).unwrap())
            .status()
            .unwrap();
        let said = fs::read_to_string(self.keep.path().join("said")).unwrap();
        assert!(output.success(), "slurm_local.sh {what}: {said}");
    }

    /// Stops the daemons and starts them again.
    pub(crate) fn restart(&self) {
        self.daemons("restart");
    }

    /// File by which commands find this Slurm.
    pub(crate) fn conf(&self) -> PathBuf {
        self.keep.path().join("slurm.conf")
    }

    /// What a command of Slurm says.
    pub(crate) fn say(&self, program: &str, args: &[&str]) -> Output {
        Command::new(program).args(args).env("SLURM_CONF", self.conf()).output().unwrap()
    }

    /// What a command of Slurm prints, which must succeed.
    pub(crate) fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = self.say(program, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Jobs of partition `low` in a state, with their numbers as `JobId` and as array and task.
    pub(crate) fn jobs(&self, state: &str) -> Vec<String> {
        let text = self.ask("squeue", &["-h", "-r", "-p", "low", "-t", state, "-o", "%i"]);
        text.lines().map(str::to_owned).collect()
    }

    /// Has a job of partition `high` take every processor for some seconds.
    pub(crate) fn preempt(&self, processors: u64, seconds: u64) {
        let (cpus, nap) = (processors.to_string(), format!("sleep {seconds}"));
        let args = ["-p", "high", "-n1", "-c", &cpus, "-o", "/dev/null", "--wrap", &nap];
        self.ask("sbatch", &args);
    }

    /// Processes below the folder of this Slurm whose command line has these words.
    pub(crate) fn batch_scripts(&self) -> Vec<u32> {
        let spool = self.keep.path().join("spool");
        processes(&[&spool.display().to_string(), "slurm_script"])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.say("scancel", &["-p", "low"]);
        let _ = self.say("scancel", &["-p", "high"]);
        std::thread::sleep(Duration::from_millis(300));
        self.daemons("stop");
    }
}

/// Processes whose command lines have all of these words.
pub(crate) fn processes(words: &[&str]) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        words.iter().all(|word| line.contains(word))
    })
    .collect()
}

/// Sends a signal to one process.
pub(crate) fn kill(signal: &str, pid: u32) {
    // The process may just have ended, which is as good.
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Waits until a condition holds.
pub(crate) fn patiently(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether all of these are different.
pub(crate) fn are_distinct(all: &[String]) -> bool {
    all.iter().collect::<HashSet<_>>().len() == all.len()
}
