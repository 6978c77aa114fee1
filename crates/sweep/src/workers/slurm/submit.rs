//! Hands pilots to Slurm and takes them back.

use super::ask::{ask, queue};
use super::error::SlurmError;
use super::queue::Pilot;

/// Submits arrays of so many tasks with the same file. Returns their jobs.
///
/// # Errors
/// Slurm refuses the first array, or a later one; the error then says how many pilots are queued.
pub fn submit(script: &str, arrays: &[u64]) -> Result<Vec<String>, SlurmError> {
    let (mut jobs, mut placed) = (Vec::new(), 0);
    for tasks in arrays {
        let range = format!("--array=0-{}", tasks - 1);
        match ask("sbatch", &["--parsable", &range], Some(script)) {
            Ok(said) => {
                jobs.push(job_in(&said));
                placed += tasks;
            }
            Err(SlurmError::Refused { program, said }) if placed > 0 => {
                let wanted = arrays.iter().sum();
                return Err(SlurmError::Halfway { program, placed, wanted, said });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(jobs)
}

/// Submits one job that is no array.
///
/// # Errors
/// Slurm refuses.
pub fn submit_one(script: &str) -> Result<String, SlurmError> {
    Ok(job_in(&ask("sbatch", &["--parsable"], Some(script))?))
}

/// The job that `sbatch --parsable` names; a federation adds the name of the cluster.
fn job_in(said: &str) -> String {
    let job = said.lines().last().unwrap_or_default();
    job.split(';').next().unwrap_or_default().trim().to_owned()
}

/// The file that a job was submitted with.
///
/// # Errors
/// Slurm does not have it.
pub fn script_of(job: &str) -> Result<String, SlurmError> {
    ask("scontrol", &["write", "batch_script", job, "-"], None)
}

/// Whether a job waits or runs; also where Slurm does not answer.
pub fn is_alive(job: &str) -> bool {
    match ask("squeue", &["-h", "-j", job, "-o", "%T"], None) {
        Ok(said) => !said.trim().is_empty(),
        // A job that ended long ago is no valid id any more.
        Err(SlurmError::Refused { said, .. }) => !said.contains("Invalid job id"),
        Err(_) => true,
    }
}

/// Takes back the pilots of this name that belong to this user. Those at work keep the states of
/// their runs. Returns what was taken back, and the pilots of others.
///
/// # Errors
/// Slurm is not here, or refuses.
pub fn cancel(name: &str, user: &str) -> Result<(Vec<Pilot>, Vec<Pilot>), SlurmError> {
    let (mine, others): (Vec<_>, Vec<_>) =
        queue(name)?.into_iter().partition(|pilot| pilot.user == user);
    if !mine.is_empty() {
        ask("scancel", &["--name", name, "--user", user], None)?;
    }
    Ok((mine, others))
}

/// Takes back one job.
///
/// # Errors
/// Slurm is not here, or refuses.
pub fn remove(job: &str) -> Result<(), SlurmError> {
    ask("scancel", &[job], None).map(|_| ())
}
