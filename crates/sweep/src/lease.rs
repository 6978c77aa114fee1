//! A lease says who holds a run; it is a small file that its owner renews.

use crate::trainer::Progress;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use sysinfo::System;

/// Time after which an owner renews its lease where few runs are held.
pub const HEARTBEAT: Duration = Duration::from_secs(2);

/// Time by which each run that is held makes all heartbeats slower, so that a file server meets at
/// most 50 of them a second.
const HEARTBEAT_A_RUN: Duration = Duration::from_millis(20);

/// Time for which somebody has to see a lease without a change before the lease is void. It is twice
/// the longest time for which a client of a file server may show the past, and six heartbeats. An
/// owner on this host is also looked up, and replaced when it is dead.
pub const EXPIRY: Duration = Duration::from_secs(120);

/// Time between two heartbeats where `held` runs are held.
pub(crate) fn heartbeat(held: usize) -> Duration {
    let slow = HEARTBEAT_A_RUN.saturating_mul(u32::try_from(held).unwrap_or(u32::MAX));
    slow.clamp(HEARTBEAT, EXPIRY / 6)
}

/// A claim on a run, with the run's progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Id of the run.
    pub run_id: String,
    /// Id of the run's trunk.
    pub trunk: String,
    /// Part of the run that is being trained.
    pub stage: Stage,
    /// Process that trains the run.
    pub owner: Owner,
    /// Number of the claim among those of its owner.
    #[serde(default)]
    pub claim: u64,
    /// Line of the run's claims that this claim wrote; see [`crate::book`].
    #[serde(default)]
    pub line: u64,
    /// Number of signs of life so far, so that each has another content.
    #[serde(default)]
    pub beats: u64,
    /// Number of the attempt: 1, and one more after each failure.
    pub attempt: u64,
    /// Windows per forward pass.
    pub micro_windows: u64,
    /// How far the run has come.
    pub progress: Progress,
}

impl Lease {
    /// Parses the file of a lease; `None` if it is damaged.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether two leases are of one claim, at whatever point of it.
    pub fn is_of_claim_of(&self, other: &Lease) -> bool {
        self.line == other.line && self.claim == other.claim && self.owner == other.owner
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of text and numbers")
    }
}

/// Part of a run that is being trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The part that the run shares with longer runs; nobody else trains it at the same time.
    Trunk,
    /// The part that belongs to the run alone.
    Cooldown,
}

/// A process on a machine. Its start time tells it from a later process with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Name of the machine.
    pub host: String,
    /// Id of the machine's current boot, since several machines may have the same name.
    pub boot: String,
    /// Number of the process.
    pub pid: u32,
    /// Start time of the process, on a clock that nobody sets.
    pub pid_start: u64,
}

impl Owner {
    /// The current process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Owner { host: host_name(), boot: boot_id(), pid, pid_start: start_time(pid).unwrap_or(0) }
    }

    /// Whether this is process number `pid` of this machine since its last boot.
    pub(crate) fn is_here(&self, pid: u32) -> bool {
        self.pid == pid && self.host == host_name() && self.boot == boot_id()
    }

    /// Whether the process is alive; `None` for a process of another host or of an earlier boot, of
    /// which nothing can be known.
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

/// Start time of a process, in clock ticks since the machine booted; see proc_pid_stat(5).
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command, which is in parentheses, may hold spaces. The state is field 3 and the start
    // time is field 22.
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
