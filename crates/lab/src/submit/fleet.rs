//! The pilots of a results folder: those that Slurm knows of, and those that have to be replaced.

use super::refill::{Refilled, refill};
use super::user;
use crate::LabError;
use isoflop_sweep::workers::slurm::{self, Asked, Kept, Pilot, job_name};
use isoflop_sweep::{Plan, ResultsFolder};
use serde::Serialize;
use std::collections::BTreeMap;

/// The pilots of a results folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fleet {
    /// Pilots that wait or work.
    pub pilots: Vec<Pilot>,
    /// Pilots that were submitted just now in the place of others.
    #[serde(skip)]
    pub refilled: Option<Refilled>,
    /// Whether the pilots were taken back.
    pub cancelled: bool,
    /// Why Slurm cannot be asked.
    pub unknown: Option<String>,
}

/// Asks Slurm for the pilots of a folder and submits others for those that are gone. `None` for a
/// folder that has nothing to do with Slurm.
///
/// # Errors
/// The folder cannot be read or written.
pub fn fleet(folder: &ResultsFolder, plan: &Plan) -> Result<Option<Fleet>, LabError> {
    let kept = Kept::of(folder);
    let name = job_name(folder);
    let pilots = match slurm::queue(&name) {
        Ok(pilots) => pilots,
        Err(_) if kept.asked().is_none() => return Ok(None),
        Err(error) => {
            let unknown = Some(error.to_string());
            return Ok(Some(Fleet { unknown, cancelled: kept.is_cancelled(), ..Fleet::default() }));
        }
    };
    if kept.asked().is_none() {
        match pilots.iter().find(|pilot| pilot.user == user()) {
            Some(pilot) => rebuild(folder, pilot)?,
            None if pilots.is_empty() => return Ok(None),
            None => {}
        }
    }
    // That no other can be submitted is no reason to tell nothing.
    let (refilled, unknown) = match refill(folder, plan) {
        Ok(refilled) => (refilled, None),
        Err(error) => (None, Some(error.in_full())),
    };
    let pilots = match refilled {
        Some(_) => slurm::queue(&name).unwrap_or(pilots),
        None => pilots,
    };
    Ok(Some(Fleet { pilots, refilled, cancelled: kept.is_cancelled(), unknown }))
}

/// Writes anew what was asked for, from a job that Slurm has.
fn rebuild(folder: &ResultsFolder, pilot: &Pilot) -> Result<(), LabError> {
    let kept = Kept::of(folder);
    kept.make()?;
    let root = std::path::absolute(folder.root())?;
    let asked = Asked {
        user: pilot.user.clone(),
        sweep: root.join("sweep.toml"),
        results: root.parent().map_or(root.clone(), |parent| parent.to_owned()),
        partition: Some(pilot.partition.clone()),
        account: Some(pilot.account.clone()).filter(|account| !account.is_empty()),
        time_s: pilot.limit_s.unwrap_or(3600),
        max_jobs: 50,
        cpus_per_job: Some(pilot.cpus),
        gpus_per_job: 0,
        sbatch_args: Vec::new(),
    };
    if let Ok(script) = slurm::script_of(&pilot.job) {
        kept.keep_script(&script)?;
        kept.keep_asked(&asked)?;
    }
    Ok(())
}

impl Fleet {
    /// Lines for the terminal: `2 jobs on nodes, 3 waiting (Priority)`.
    pub fn in_words(&self, open: usize) -> String {
        if let Some(why) = &self.unknown {
            return format!("Slurm: {why}");
        }
        let jobs = |count: usize| match count {
            1 => "1 job".to_owned(),
            count => format!("{count} jobs"),
        };
        let working = self.pilots.iter().filter(|pilot| pilot.is_running()).count();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for pilot in self.pilots.iter().filter(|pilot| pilot.is_waiting()) {
            *reasons.entry(pilot.reason.as_str()).or_default() += 1;
        }
        let waiting: usize = reasons.values().sum();
        let mut text = format!("Slurm: {} on nodes, {waiting} waiting", jobs(working));
        if waiting > 0 {
            let why: Vec<String> = reasons.keys().map(|reason| (*reason).to_owned()).collect();
            text.push_str(&format!(" ({})", why.join(", ")));
        }
        if let Some(Refilled { gone, pilots, .. }) = &self.refilled {
            text.push_str(&format!(
                "; {} ended without a word, {pilots} submitted in their place",
                jobs(*gone)
            ));
        }
        if self.cancelled {
            text.push_str("; taken back, `isoflop submit` goes on");
        } else if self.pilots.is_empty() && open > 0 {
            text.push_str("; `isoflop submit` submits what is missing");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pilot(job: &str, state: &str, reason: &str) -> Pilot {
        Pilot {
            job: job.to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            partition: "low".to_owned(),
            account: String::new(),
            limit_s: Some(3600),
            cpus: 4,
            node: String::new(),
            user: "ann".to_owned(),
        }
    }

    #[test]
    fn a_line_tells_which_jobs_work_and_why_others_wait() {
        let pilots = vec![
            pilot("1_0", "RUNNING", "None"),
            pilot("1_1", "PENDING", "Resources"),
            pilot("1_2", "PENDING", "Priority"),
        ];
        let fleet = Fleet { pilots, ..Fleet::default() };
        assert_eq!(fleet.in_words(5), "Slurm: 1 job on nodes, 2 waiting (Priority, Resources)");
        let refilled = Some(Refilled { gone: 2, jobs: vec!["9".to_owned()], pilots: 1 });
        let fleet = Fleet { pilots: vec![pilot("9_0", "PENDING", "None")], refilled, ..fleet };
        assert_eq!(
            fleet.in_words(5),
            "Slurm: 0 jobs on nodes, 1 waiting (None); 2 jobs ended without a word, 1 submitted in \
             their place"
        );
        let none = Fleet::default();
        assert!(none.in_words(3).ends_with("`isoflop submit` submits what is missing"));
        assert_eq!(none.in_words(0), "Slurm: 0 jobs on nodes, 0 waiting");
    }
}
