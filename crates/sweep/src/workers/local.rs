//! Workers that are child processes of this process. A worker watches its stdin and ends when that
//! closes, whether this process closes it or has died.
//!
//! Everything that both sides must agree on is in this file: the exit codes, and how long each
//! waits for the other.

use crate::folder::ResultsFolder;
use crate::lease::Owner;
use crate::workers::{End, Workers};
use crate::workplace::Shift;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time within which a worker that is told to stop keeps the state of its run.
pub const WORKER_GRACE: Duration = Duration::from_millis(3500);

/// Time for which a command waits until its workers end, before it kills them.
const FAREWELL: Duration = Duration::from_millis(4000);

/// Time within which a command ends by itself, including its workers.
pub const COMMAND_GRACE: Duration = Duration::from_millis(4500);

const _: () = assert!(
    WORKER_GRACE.as_millis() < FAREWELL.as_millis()
        && FAREWELL.as_millis() < COMMAND_GRACE.as_millis(),
    "a worker must end before it is killed, and be dead before its command ends"
);

/// Exit code of a process that was asked to end, as a shell reports one ended by SIGINT.
pub const STOPPED: u8 = 130;

/// Exit code of a supervised worker that found the disk full.
pub const NO_ROOM: u8 = 74;

/// Exit code of a supervised worker that lacks something that training needs.
pub const UNABLE: u8 = 78;

/// Time between two looks at a worker that is to end.
const POLL: Duration = Duration::from_millis(10);

/// Exit code by which a supervised worker tells its command how its work ended.
pub fn exit_code(shift: &Shift) -> u8 {
    match shift {
        Shift::Done => 0,
        Shift::Stopped => STOPPED,
        Shift::NoRoom(_) => NO_ROOM,
    }
}

fn end_of(status: ExitStatus) -> End {
    match status.code() {
        Some(0) => End::Done,
        Some(code) if code == i32::from(NO_ROOM) => End::NoRoom,
        Some(code) if code == i32::from(UNABLE) => End::Unable,
        Some(code) if code == i32::from(STOPPED) => End::Stopped,
        _ => End::Died(status.to_string()),
    }
}

/// Calls `end` when stdin closes, that is, when the supervising process closes it or has died.
pub fn at_end_of_leash(end: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(io::stdin().read(&mut byte), Ok(1..)) {}
        end();
    });
}

/// Workers that run as child processes `PROGRAM worker RESULTS_DIR --supervised --device DEVICE`,
/// with one thread each.
#[derive(Debug)]
pub struct Local<'a> {
    folder: &'a ResultsFolder,
    program: PathBuf,
    device: String,
    /// What sets these workers apart where a pilot keeps them; none for those of a command.
    crew: Option<Crew>,
    alive: BTreeMap<usize, Child>,
    /// Process ids of the workers as they were last started, by number of the worker.
    pids: BTreeMap<usize, u32>,
}

/// What sets the workers of a pilot apart from those of a command.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Start of the paths of their output, which no other pilot has.
    pub logs: PathBuf,
    /// Time at which they end, in seconds since 1970.
    pub until: u64,
    /// Seconds of the pilot's whole life.
    pub whole_s: u64,
}

impl<'a> Local<'a> {
    /// The workers of a results folder, none of which is started yet. `program` must have the verb
    /// `worker`.
    pub fn new(folder: &'a ResultsFolder, program: PathBuf, device: String) -> Self {
        Local { folder, program, device, crew: None, alive: BTreeMap::new(), pids: BTreeMap::new() }
    }

    /// The same as the workers of a pilot.
    #[must_use]
    pub fn of_pilot(self, crew: Crew) -> Self {
        Local { crew: Some(crew), ..self }
    }

    /// What worker number `slot` prints.
    pub fn log_path(&self, slot: usize) -> PathBuf {
        match &self.crew {
            Some(Crew { logs, .. }) => PathBuf::from(format!("{}-{slot}.log", logs.display())),
            None => self.folder.worker_log_path(slot),
        }
    }

    fn log(&self, slot: usize) -> io::Result<std::fs::File> {
        match &self.crew {
            Some(_) => std::fs::File::create(self.log_path(slot)),
            None => self.folder.worker_log(slot),
        }
    }
}

impl Workers for Local<'_> {
    /// Starts a worker in a process group of its own, which the terminal's signals do not reach;
    /// only this process stops it.
    fn start(&mut self, slot: usize) -> io::Result<()> {
        let log = self.log(slot)?;
        let mut command = Command::new(&self.program);
        command
            .arg("worker")
            .arg(self.folder.root())
            .args(["--supervised", "--device", &self.device])
            .env("RAYON_NUM_THREADS", "1")
            // The last output of a worker goes into the log of its run, which a backtrace would
            // flood.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(crew) = &self.crew {
            let (until, whole) = (crew.until.to_string(), crew.whole_s.to_string());
            command.args(["--until", &until, "--lifetime", &whole]);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn()?;
        self.pids.insert(slot, child.id());
        self.alive.insert(slot, child);
        Ok(())
    }

    fn ended(&mut self) -> io::Result<Vec<(usize, End)>> {
        let mut ended = Vec::new();
        for (slot, child) in &mut self.alive {
            if let Some(status) = child.try_wait()? {
                ended.push((*slot, end_of(status)));
            }
        }
        for (slot, _) in &ended {
            self.alive.remove(slot);
        }
        Ok(ended)
    }

    fn is_owner(&self, slot: usize, owner: &Owner) -> bool {
        self.pids.get(&slot).is_some_and(|pid| owner.is_here(*pid))
    }

    fn stop(&mut self) {
        for child in self.alive.values_mut() {
            drop(child.stdin.take());
        }
        let until = Instant::now() + FAREWELL;
        for child in self.alive.values_mut() {
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(POLL);
            }
            // Killing fails only if the worker has already ended, which is just as good.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.alive.clear();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Runs a test with workers whose program is a shell script, in a temporary folder.
    fn scripted(script: &str, test: impl FnOnce(&mut Local<'_>)) {
        let keep = tempfile::tempdir().unwrap();
        let program = keep.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let folder = ResultsFolder::at(keep.path().join("results"));
        std::fs::create_dir_all(folder.worker_log_path(0).parent().unwrap()).unwrap();
        test(&mut Local::new(&folder, program, "cpu".to_owned()));
    }

    fn until_ended(workers: &mut Local<'_>) -> Vec<(usize, End)> {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            let ended = workers.ended().unwrap();
            if !ended.is_empty() {
                return ended;
            }
            std::thread::sleep(POLL);
        }
        panic!("the script never ended");
    }

    #[test]
    fn every_exit_code_is_told_as_what_it_means_and_once() {
        let died = |how: &str| End::Died(how.to_owned());
        for (script, end) in [
            ("exit 0", End::Done),
            ("exit 74", End::NoRoom),
            ("exit 78", End::Unable),
            ("exit 130", End::Stopped),
            ("kill -9 $$", died("signal: 9 (SIGKILL)")),
        ] {
            scripted(script, |workers| {
                workers.start(3).unwrap();
                assert_eq!(until_ended(workers), [(3, end)], "{script}");
                assert_eq!(workers.ended().unwrap(), []);
            });
        }
        assert_eq!(exit_code(&Shift::NoRoom(String::new())), NO_ROOM);
        assert_eq!((exit_code(&Shift::Done), exit_code(&Shift::Stopped)), (0, STOPPED));
    }

    #[test]
    fn a_worker_ends_when_its_leash_is_let_go_and_owns_what_its_process_owns() {
        scripted("read line; exit 0", |workers| {
            workers.start(0).unwrap();
            assert_eq!(workers.ended().unwrap(), []);
            let mut owner = Owner::current();
            assert!(!workers.is_owner(0, &owner));
            owner.pid = workers.pids[&0];
            assert!(workers.is_owner(0, &owner) && !workers.is_owner(1, &owner));
            let begun = Instant::now();
            workers.stop();
            assert!(begun.elapsed() < FAREWELL, "it ended by itself");
            assert_eq!(workers.ended().unwrap(), []);
            assert!(workers.is_owner(0, &owner));
        });
    }
}
