//! The part of a site that a sweep is submitted to.

use crate::words::{clock, span};
use crate::{Hinted, LabError};
use isoflop_sweep::workers::slurm::{Asked, NodeType, Partition, Site, SlurmError, partitions};

/// The part of a site that a sweep is submitted to.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How the site treats jobs.
    pub site: Site,
    /// Name of the partition.
    pub partition: String,
    /// Most of its nodes are of this type.
    pub nodes: NodeType,
    /// Whether it has nodes of other types.
    pub is_mixed: bool,
}

impl Cluster {
    /// Asks the site, and checks what can be checked before a job is refused.
    ///
    /// # Errors
    /// Slurm is not here, or cannot give what was asked for.
    pub fn ask(asked: &Asked) -> Result<Cluster, LabError> {
        let site = Site::ask()?;
        let Partition { name, is_up, limit_s, nodes, .. } =
            Partition::choose(partitions()?, asked.partition.as_deref())?;
        if !is_up {
            let message = format!("partition {name} takes no jobs at present");
            return Err(Hinted::new(message, "`sinfo` shows those that are up").into());
        }
        if let Some(limit) = limit_s.filter(|limit| *limit < asked.time_s) {
            let (most, asked) = (words(limit), words(asked.time_s));
            return Err(SlurmError::TooLong { partition: name, most, asked }.into());
        }
        let is_mixed = nodes.len() > 1;
        let Some(nodes) = nodes.into_iter().next() else {
            return Err(Hinted::new(
                format!("partition {name} has no nodes"),
                "name another with --partition",
            )
            .into());
        };
        Ok(Cluster { site, partition: name, nodes, is_mixed })
    }
}

fn words(seconds: u64) -> String {
    clock(span(seconds as f64)).replace(" 00 min", "").replace(" 00 s", "").replace(' ', "")
}

/// Name of the person who this process belongs to, as Slurm knows it.
pub fn user() -> String {
    let said = |program: &str, arg: &str| {
        let output = std::process::Command::new(program).arg(arg).output().ok()?;
        let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !name.is_empty()).then_some(name)
    };
    said("id", "-un").or_else(|| std::env::var("USER").ok()).unwrap_or_default()
}
