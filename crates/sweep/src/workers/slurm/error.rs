//! What goes wrong between this program and Slurm.

/// Why Slurm does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum SlurmError {
    #[error("there is no Slurm here: `{program}` is not a command")]
    Absent { program: &'static str },
    #[error("`{program}` cannot be started: {source}")]
    Start { program: &'static str, source: std::io::Error },
    #[error("{program} refuses: {said}")]
    Refused { program: &'static str, said: String },
    #[error("{program} answers what this version cannot read: `{line}`")]
    Unreadable { program: &'static str, line: String },
    #[error("{}; this site has {known}", match asked {
        Some(name) => format!("there is no partition `{name}`"),
        None => "no partition is the default".to_owned(),
    })]
    NoPartition { asked: Option<String>, known: String },
    #[error("partition {partition} lets no job run for longer than {most}; {asked} was asked for")]
    TooLong { partition: String, most: String, asked: String },
    #[error("{program} refuses after {placed} of {wanted} pilots were queued: {said}")]
    Halfway { program: &'static str, placed: u64, wanted: u64, said: String },
}

impl SlurmError {
    /// Advice for the person at the terminal.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            SlurmError::Absent { .. } => "`isoflop run SWEEP.toml` trains on this machine; on a \
                 cluster, log in where Slurm's commands are, or install them (Debian: apt-get \
                 install slurm-client)"
                .to_owned(),
            SlurmError::Start { .. } => return None,
            SlurmError::Refused { said, .. } => advice(said)?.to_owned(),
            SlurmError::Unreadable { .. } => {
                "Slurm 20.11 to 24.05 are known to answer as expected; `--dry-run` writes the job's \
                 file, which `sbatch` takes by hand"
                    .to_owned()
            }
            SlurmError::NoPartition { .. } => "name one with --partition".to_owned(),
            SlurmError::TooLong { most, .. } => format!(
                "give --time {most} or less; a run that is longer than a pilot goes on in the next"
            ),
            SlurmError::Halfway { said, .. } => {
                let more = advice(said).map_or(String::new(), |advice| format!("{advice}; "));
                format!(
                    "{more}the queued pilots do all the work, only later; the same command again \
                     submits what is missing, `isoflop cancel RESULTS_DIR` takes them back"
                )
            }
        })
    }
}

/// What to do about a refusal, by the words that Slurm has for it (`slurm_errno.c`).
fn advice(said: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 9] = [
        (
            "invalid account",
            "`sacctmgr show assoc user=$USER` lists your accounts; name one with --account",
        ),
        ("partition", "`sinfo` lists the partitions; name one with --partition"),
        ("time limit", "`sinfo` shows the longest time of each partition; lower --time"),
        (
            "qos",
            "your account has a limit of jobs, processors or time: lower --max-jobs or --time, or wait until jobs end",
        ),
        ("job array", "lower --max-jobs"),
        ("memory", "ask for less with --sbatch-arg=--mem-per-cpu=..., or lower --cpus-per-job"),
        (
            "generic resource",
            "`sinfo -o '%P %G'` shows which partition has GPUs; name one with --partition",
        ),
        (
            "node configuration",
            "no node has that much: lower --cpus-per-job or --gpus-per-job, or name another --partition",
        ),
        (
            "contact slurm controller",
            "the cluster's controller is down or unreachable; ask the site, or try again later",
        ),
    ];
    let said = said.to_lowercase();
    KNOWN.iter().find(|(words, _)| said.contains(words)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are those of Slurm 22.05.8.
    #[test]
    fn each_refusal_of_slurm_has_its_advice() {
        for (said, advised) in [
            ("invalid partition specified: nope", "--partition"),
            ("Invalid account or account/partition combination specified", "--account"),
            ("Requested time limit is invalid (missing or exceeds some limit)", "--time"),
            ("Job violates accounting/QOS policy (job submit limit, ...)", "--max-jobs"),
            ("Invalid job array specification", "--max-jobs"),
            ("Memory specification can not be satisfied", "--mem-per-cpu"),
            ("Invalid generic resource (gres) specification", "%G"),
            ("Requested node configuration is not available", "--cpus-per-job"),
            ("Unable to contact slurm controller (connect failure)", "try again later"),
        ] {
            let refused = SlurmError::Refused { program: "sbatch", said: said.to_owned() };
            let hint = refused.hint().unwrap();
            assert!(hint.contains(advised), "{said}: {hint}");
        }
        let odd = SlurmError::Refused { program: "sbatch", said: "it is Tuesday".to_owned() };
        assert_eq!(odd.hint(), None);
    }
}
