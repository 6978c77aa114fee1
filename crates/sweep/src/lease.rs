//! Who holds a run: a small file that its owner keeps warm.

use crate::trainer::Progress;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

/// How often an owner renews its lease.
pub const HEARTBEAT: Duration = Duration::from_secs(2);

/// A lease of another host that has not been renewed for this long is void. An owner on this
/// host is looked up instead, and replaced at once when dead.
pub const EXPIRY: Duration = Duration::from_secs(120);

/// A claim on a run, with where the run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The run.
    pub run_id: String,
    /// Who trains it.
    pub owner: Owner,
    /// 1, or 2 after a failure.
    pub attempt: u64,
    /// Where it is.
    pub progress: Progress,
}

/// A process of a machine; its start time tells it from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Machine.
    pub host: String,
    /// Process.
    pub pid: u32,
    /// Seconds since the epoch at which the process started.
    pub pid_start: u64,
}

impl Owner {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Owner {
            host: host_name(),
            pid,
            pid_start: start_time(pid).unwrap_or(0),
        }
    }

    /// Whether the process lives; `None` where it is another host's and cannot be known.
    pub fn is_alive(&self) -> Option<bool> {
        // Start times are derived from the boot time, which a clock adjustment moves a little.
        const TOLERANCE: u64 = 2;
        (self.host == host_name()).then(|| {
            start_time(self.pid).is_some_and(|start| start.abs_diff(self.pid_start) <= TOLERANCE)
        })
    }
}

/// Name of this machine.
pub fn host_name() -> String {
    System::host_name().unwrap_or_else(|_| "localhost".to_owned())
}

fn start_time(pid: u32) -> Option<u64> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        true,
        ProcessRefreshKind::nothing(),
    );
    let process = system.process(pid)?;
    let gone = matches!(
        process.status(),
        ProcessStatus::Zombie | ProcessStatus::Dead
    );
    (!gone).then(|| process.start_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_namesake_of_another_time_does_not() {
        let owner = Owner::current();
        assert_eq!(owner.is_alive(), Some(true));
        let earlier = Owner {
            pid_start: owner.pid_start - 100,
            ..owner.clone()
        };
        assert_eq!(earlier.is_alive(), Some(false));
        let elsewhere = Owner {
            host: "elsewhere".to_owned(),
            ..owner
        };
        assert_eq!(elsewhere.is_alive(), None);
    }
}
