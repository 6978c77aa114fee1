//! Pilots in Slurm's queue, as `squeue` lists them.

use super::error::SlurmError;
use super::times::seconds;
use crate::folder::ResultsFolder;
use isoflop_core::digest::sha256;
use serde::Serialize;

/// A pilot that waits or is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pilot {
    /// Job as Slurm's commands take it, such as `1234_5`.
    pub job: String,
    /// State in Slurm's words, such as `PENDING`.
    pub state: String,
    /// Why it waits, in Slurm's words.
    pub reason: String,
    /// Partition.
    pub partition: String,
    /// Account; empty where there is none.
    pub account: String,
    /// Seconds that it may run for; `None` where that is unlimited.
    pub limit_s: Option<u64>,
    /// Processors.
    pub cpus: u64,
    /// Node that it runs on; empty while it waits.
    pub node: String,
    /// Whose job it is.
    pub user: String,
}

/// Format of `squeue` that [`Pilot::parse`] reads. A node list in brackets has commas but no bar.
pub(super) const FORMAT: &str = "%i|%T|%r|%P|%a|%l|%C|%N|%u";

impl Pilot {
    /// Reads the answer of `squeue` with [`FORMAT`].
    pub(super) fn parse(text: &str) -> Result<Vec<Pilot>, SlurmError> {
        let pilot = |line: &str| {
            let unreadable = || SlurmError::Unreadable { program: "squeue", line: line.to_owned() };
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [job, state, reason, partition, account, limit, cpus, node, user] = fields[..]
            else {
                return Err(unreadable());
            };
            let absent = |text: &str| if text == "(null)" { "" } else { text }.to_owned();
            Ok(Pilot {
                job: job.to_owned(),
                state: state.to_owned(),
                reason: reason.to_owned(),
                partition: partition.to_owned(),
                account: absent(account),
                limit_s: seconds(limit),
                cpus: cpus.parse().map_err(|_| unreadable())?,
                node: absent(node),
                user: user.to_owned(),
            })
        };
        text.lines().filter(|line| !line.trim().is_empty()).map(pilot).collect()
    }

    /// Whether the pilot is on a node.
    pub fn is_running(&self) -> bool {
        !self.is_waiting()
    }

    /// Whether the pilot waits for a node.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state.as_str(), "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT")
    }

    /// Whether the pilot is on its way out. A job that is to be queued again is seen like this
    /// for a moment, too.
    pub fn is_ending(&self) -> bool {
        self.state == "COMPLETING"
    }
}

/// Name of all jobs of a results folder. The hash is of the folder's path, so that a folder finds
/// its jobs without having kept anything.
pub fn job_name(folder: &ResultsFolder) -> String {
    let root = std::fs::canonicalize(folder.root()).unwrap_or_else(|_| folder.root().to_owned());
    let base =
        root.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let base: String = base.chars().map(plain).collect();
    let hash = sha256([root.as_os_str().as_encoded_bytes()]);
    format!("isoflop-{base}-{}", &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `squeue -r` of Slurm 22.05.8 with an array, before and after a preemption.
    #[test]
    fn pilots_are_read_from_the_queue() {
        let text = "1_0|PENDING|BeginTime|low|(null)|3:00|2||ann\n\
                    1_1|RUNNING|None|low|physics|1:00:00|2|vm|bob\n\
                    1_2|COMPLETING|None|low|(null)|UNLIMITED|2|vm|ann\n\n";
        let pilots = Pilot::parse(text).unwrap();
        let told: Vec<_> = pilots
            .iter()
            .map(|p| (p.job.as_str(), p.is_waiting(), p.is_running(), p.is_ending(), p.limit_s))
            .collect();
        assert_eq!(
            told,
            [
                ("1_0", true, false, false, Some(180)),
                ("1_1", false, true, false, Some(3600)),
                ("1_2", false, true, true, None),
            ]
        );
        assert_eq!((pilots[0].account.as_str(), pilots[1].account.as_str()), ("", "physics"));
        assert!(Pilot::parse("slurm_load_jobs error: nobody").is_err());
    }

    #[test]
    fn the_name_of_jobs_is_that_of_the_folder_by_whatever_way_it_is_reached() {
        let keep = tempfile::tempdir().unwrap();
        let root = keep.path().join("my sweep, 2");
        std::fs::create_dir(&root).unwrap();
        let name = job_name(&ResultsFolder::at(root.clone()));
        assert!(name.starts_with("isoflop-my-sweep--2-"), "{name}");
        let around = root.join("..").join("my sweep, 2");
        assert_eq!(job_name(&ResultsFolder::at(around)), name);
        let other = keep.path().join("other");
        std::fs::create_dir(&other).unwrap();
        assert_ne!(job_name(&ResultsFolder::at(other))[8..], name[8..]);
    }
}
