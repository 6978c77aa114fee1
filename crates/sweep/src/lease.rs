//! Who holds a run: a small file that its owner keeps warm.

use crate::error::SweepError;
use crate::trainer::Progress;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Duration;
use sysinfo::System;

/// How often an owner renews its lease.
pub const HEARTBEAT: Duration = Duration::from_secs(2);

/// A lease that has not been renewed for this long is void. An owner on this host is also looked
/// up, and replaced at once when dead.
pub const EXPIRY: Duration = Duration::from_secs(120);

/// A claim on a run, with where the run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The run.
    pub run_id: String,
    /// Its trunk.
    pub trunk: String,
    /// What is being trained of it.
    pub stage: Stage,
    /// Who trains it.
    pub owner: Owner,
    /// 1, and one more after every failure.
    pub attempt: u64,
    /// Windows a forward pass.
    pub micro_windows: u64,
    /// Where it is.
    pub progress: Progress,
}

impl Lease {
    /// A lease as its file holds it; nothing where it is damaged.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Which part of a run is being trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The part that it shares with longer runs: nobody else trains that meanwhile.
    Trunk,
    /// Its own.
    Cooldown,
}

/// A process of a machine; its start time tells it from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Machine.
    pub host: String,
    /// This start of the machine: machines may share a name.
    pub boot: String,
    /// Process.
    pub pid: u32,
    /// When the process started, on a clock that nobody sets.
    pub pid_start: u64,
}

impl Owner {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Owner { host: host_name(), boot: boot_id(), pid, pid_start: start_time(pid).unwrap_or(0) }
    }

    /// Whether a process of number `pid` on this start of this machine is meant.
    pub(crate) fn is_here(&self, pid: u32) -> bool {
        self.pid == pid && self.host == host_name() && self.boot == boot_id()
    }

    /// Whether the process lives; `None` where it is of another host or an earlier start of this
    /// one and cannot be known.
    pub fn is_alive(&self) -> Option<bool> {
        (self.host == host_name() && self.boot == boot_id())
            .then(|| start_time(self.pid) == Some(self.pid_start))
    }
}

/// Name of this machine.
pub fn host_name() -> String {
    System::host_name().unwrap_or_else(|_| "localhost".to_owned())
}

#[cfg(target_os = "linux")]
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or(String::new(), |id| id.trim().to_owned())
}

/// proc_pid_stat(5): ticks between the start of the machine and that of the process.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command, in parentheses, may hold spaces. State is field 3, start time field 22.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let gone = matches!(fields.next()?, "Z" | "X");
    (!gone).then(|| fields.nth(18)?.parse().ok())?
}

#[cfg(not(target_os = "linux"))]
fn boot_id() -> String {
    String::new()
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<u64> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate};
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        true,
        ProcessRefreshKind::nothing(),
    );
    let process = system.process(pid)?;
    let gone = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    (!gone).then(|| process.start_time())
}

/// Removes the file of a lease, where there is one.
pub(crate) fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_namesake_of_another_time_does_not() {
        let owner = Owner::current();
        assert_eq!(owner.is_alive(), Some(true));
        let earlier = Owner { pid_start: owner.pid_start - 1, ..owner.clone() };
        assert_eq!(earlier.is_alive(), Some(false));
        let elsewhere = Owner { host: "elsewhere".to_owned(), ..owner.clone() };
        assert_eq!(elsewhere.is_alive(), None);
        let before = Owner { boot: "before".to_owned(), ..owner };
        assert_eq!(before.is_alive(), None);
    }
}
