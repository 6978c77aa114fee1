//! Records the death of a worker as a failure of its run.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::Owner;
use crate::leases::Seen;
use crate::memory::killed_for_memory;
use crate::plan::Plan;
use crate::row::record_of_death;
use isoflop_results::FailureKind;
use std::path::Path;

/// Number of workers that may die without holding a run before their supervisor gives up, because
/// something is wrong with starting them at all.
pub(crate) const MOST_IDLE_DEATHS: usize = 5;

/// Number of lines of a dead worker's output that are copied to the log of its run.
const LOG_LINES: usize = 20;

/// The death of a worker.
pub(crate) struct Death<'a> {
    /// Whether a process was that worker.
    pub(crate) is_its: &'a dyn Fn(&Owner) -> bool,
    /// What the system says of it.
    pub(crate) how: &'a str,
    /// What the worker printed.
    pub(crate) log: &'a Path,
}

/// Deaths of the workers of one supervisor.
pub(crate) struct Burials {
    /// Number of processes that the system had killed for memory at the last look.
    memory_kills: u64,
}

impl Burials {
    /// Begins to look for deaths.
    pub(crate) fn new() -> Self {
        Burials { memory_kills: killed_for_memory() }
    }

    /// Records the failure of the run that a dead worker held. Returns what happened; `None` if it
    /// held no run.
    pub(crate) fn bury(
        &mut self,
        folder: &ResultsFolder,
        plan: &Plan,
        seen: &mut Seen,
        died: &Death<'_>,
    ) -> Result<Option<String>, SweepError> {
        let Some(lease) = seen.held_by(plan, died.is_its)? else {
            return Ok(None);
        };
        let Some(run) = plan.run(&lease.run_id) else {
            return Ok(None);
        };
        let (kind, how) = self.cause(died.how, died.log);
        for line in last_lines(died.log, LOG_LINES) {
            folder.log(run.id(), &line);
        }
        folder.log(run.id(), &how);
        let record = record_of_death(plan.name(), run, &lease, kind, how.clone());
        seen.bury(&lease, &record)?;
        Ok(Some(format!("run {}: {how}", run.id())))
    }

    /// Reason why a worker died, as far as it can be known.
    fn cause(&mut self, died: &str, log: &Path) -> (FailureKind, String) {
        let kills = killed_for_memory();
        let killed = std::mem::replace(&mut self.memory_kills, kills) < kills;
        let said = last_lines(log, LOG_LINES);
        let refused = said.iter().find(|line| says_out_of_memory(line));
        let short = killed || refused.is_some();
        let how = match (short, refused.or(said.last())) {
            (true, Some(line)) => format!("out of memory: its worker died ({died}); {line}"),
            (true, None) => format!("out of memory: its worker died ({died})"),
            (false, Some(line)) => format!("its worker died: {died}; it last said: {line}"),
            (false, None) => format!("its worker died: {died}"),
        };
        (if short { FailureKind::Memory } else { FailureKind::Worker }, how)
    }
}

/// Whether a line of output says that memory ran out: in the words of Rust's allocator before it
/// aborts, or of wgpu and the layer above it when a device's memory or largest buffer is exceeded.
fn says_out_of_memory(line: &str) -> bool {
    const WORDS: [&str; 6] = [
        "memory allocation of",
        "out of memory",
        "not enough memory",
        "out of device memory",
        "can't allocate buffer of size",
        "is greater than the maximum buffer size",
    ];
    let line = line.to_lowercase();
    WORDS.iter().any(|words| line.contains(words))
}

/// Error for a worker that could not work, in the words of its log.
pub(crate) fn unable_for(log: &Path) -> SweepError {
    let lines = last_lines(log, LOG_LINES);
    let after = |start: &str| lines.iter().rev().find_map(|line| line.strip_prefix(start));
    let said = after("error: ").or(lines.last().map(String::as_str));
    SweepError::Unable {
        said: said.unwrap_or("it does not say why").to_owned(),
        hint: after("hint: ").map(str::to_owned),
    }
}

/// The last lines of a log that are not blank.
pub(crate) fn last_lines(path: &Path, most: usize) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let said = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<_> = said.map(str::to_owned).collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_ran_out_is_told_from_other_last_words() {
        for line in [
            "memory allocation of 299008 bytes failed",
            "wgpu error: Out of Memory",
            "out of device memory allocating 1048576 bytes",
            "can't allocate buffer of size: 1048576",
        ] {
            assert!(says_out_of_memory(line), "{line}");
        }
        for line in ["wgpu error: Validation Error", "the device was lost", ""] {
            assert!(!says_out_of_memory(line), "{line}");
        }
    }
}
