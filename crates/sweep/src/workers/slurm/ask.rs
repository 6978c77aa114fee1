//! Asks Slurm's commands. Each answers by text, so that no library of a version of Slurm is needed.

pub use super::site::Site;

use super::error::SlurmError;
use super::queue::{FORMAT, Pilot};
use super::site::{Partition, SINFO};
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

/// What a command of Slurm prints.
///
/// # Errors
/// The command is not there, or refuses; holds its own words.
pub(super) fn ask<S: AsRef<std::ffi::OsStr>>(
    program: &'static str,
    args: &[S],
    input: Option<&str>,
) -> Result<String, SlurmError> {
    let start = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => SlurmError::Absent { program },
        _ => SlurmError::Start { program, source },
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("it was piped");
        // A command that refuses before it has read everything says why by itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(start)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = words(program, &String::from_utf8_lossy(&output.stderr));
            let said = if said.is_empty() { output.status.to_string() } else { said };
            Err(SlurmError::Refused { program, said })
        }
    }
}

/// The lines of a complaint on one line, without the name of the program before each.
fn words(program: &str, complaint: &str) -> String {
    let said = complaint.lines().map(|line| {
        let line = line.trim();
        let line = line.strip_prefix(&format!("{program}: ")).unwrap_or(line);
        line.strip_prefix("error: ").unwrap_or(line)
    });
    said.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Site {
    /// Asks the site what it is like.
    ///
    /// # Errors
    /// Slurm is not here, or does not answer.
    pub fn ask() -> Result<Site, SlurmError> {
        Ok(Site::parse(&ask("scontrol", &["show", "config"], None)?))
    }
}

/// Asks for the partitions.
///
/// # Errors
/// Slurm is not here, or does not answer.
pub fn partitions() -> Result<Vec<Partition>, SlurmError> {
    Partition::parse(&ask("sinfo", &SINFO, None)?)
}

/// Asks for the pilots, of whatever user, that have a name.
///
/// # Errors
/// Slurm is not here, or does not answer.
pub fn queue(name: &str) -> Result<Vec<Pilot>, SlurmError> {
    Pilot::parse(&ask("squeue", &["-h", "-r", "-n", name, "-o", FORMAT], None)?)
}

/// The job that this process is a part of, as Slurm's commands take it; `None` outside of a job.
pub fn job_here() -> Option<String> {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (of("SLURM_ARRAY_JOB_ID"), of("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => of("SLURM_JOB_ID"),
    }
}

/// Whether this process's job is being preempted; `false` where it ends for another reason, or
/// where Slurm does not say. A job that a person cancels has no time of preemption.
pub fn was_preempted() -> bool {
    let Some(job) = job_here() else {
        return false;
    };
    let shown = ask("scontrol", &["show", "job", &job], None);
    shown.is_ok_and(|text| preempted_in(&text))
}

/// Whether the answer of `scontrol show job` names a time of preemption.
fn preempted_in(shown: &str) -> bool {
    let mut words = shown.split_whitespace();
    words.any(|word| {
        let time = word.strip_prefix("PreemptTime=");
        time.is_some_and(|time| time != "None" && time != "N/A" && time != "Unknown")
    })
}

/// Cores that the batch system gives this process; `None` outside of a job.
pub fn allotted() -> Option<usize> {
    std::env::var("SLURM_CPUS_PER_TASK").ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `scontrol show job` of Slurm 22.05.8, of a preempted job and of a cancelled one.
    #[test]
    fn a_preempted_job_is_told_from_a_cancelled_one() {
        let shown = |time: &str| {
            format!(
                "   JobState=COMPLETING Reason=None Dependency=(null)\n   \
                 PreemptEligibleTime=2026-11-27T17:25:51 PreemptTime={time}\n"
            )
        };
        assert!(preempted_in(&shown("2026-11-27T17:25:53")));
        assert!(!preempted_in(&shown("None")));
        assert!(!preempted_in("JobState=PENDING Reason=BeginTime"));
    }

    #[test]
    fn a_complaint_is_told_in_its_own_words_on_one_line() {
        let complaint = "sbatch: error: invalid partition specified: nope\n\
                         sbatch: error: Batch job submission failed: Invalid partition name specified\n";
        assert_eq!(
            words("sbatch", complaint),
            "invalid partition specified: nope; Batch job submission failed: Invalid partition name \
             specified"
        );
    }

    #[test]
    fn a_command_that_is_not_there_is_said_to_be_absent_with_what_to_do() {
        let error = ask::<&str>("isoflop-no-such-command", &[], None).unwrap_err();
        assert!(matches!(error, SlurmError::Absent { .. }), "{error}");
        assert!(error.hint().unwrap().contains("`isoflop run SWEEP.toml` trains on this machine"));
        let error = ask("sh", &["-c", "echo 'sh: error: no' >&2; exit 3"], None).unwrap_err();
        assert_eq!(error.to_string(), "sh refuses: no");
        assert_eq!(ask("cat", &["-"], Some("a script")).unwrap(), "a script");
    }
}
