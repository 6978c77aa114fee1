//! What a site is like, as `scontrol show config` and `sinfo` tell.

use super::error::SlurmError;
use super::times::seconds;
use isoflop_core::text::listed;
use serde::{Deserialize, Serialize};

/// How a site treats jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Version of Slurm.
    pub version: String,
    /// What becomes of a preempted job: `OFF`, `REQUEUE`, `CANCEL`, `SUSPEND,GANG` ...
    pub preempt_mode: String,
    /// Seconds for which a job that has begun is not preempted.
    pub preempt_exempt_s: u64,
    /// Number of tasks that an array may have.
    pub max_array: u64,
    /// Seconds between SIGTERM and SIGKILL.
    pub kill_wait_s: u64,
    /// An exit code that has a job queued again.
    pub requeue_exit: Option<u8>,
}

/// Slurm's own default of `MaxArraySize`; see slurm.conf(5).
const MAX_ARRAY: u64 = 1001;

/// Slurm's own default of `KillWait`.
const KILL_WAIT: u64 = 30;

impl Site {
    /// Reads the answer of `scontrol show config`. What it lacks has Slurm's own default.
    pub(super) fn parse(config: &str) -> Self {
        let value = |key: &str| {
            let of = |line: &str| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().to_owned())
            };
            config.lines().find_map(of).filter(|value| value != "(null)")
        };
        let number = |text: String| text.split_whitespace().next()?.parse::<u64>().ok();
        let exit = value("RequeueExit").and_then(|codes| {
            let first = codes.split([',', '-']).next()?.trim().parse().ok()?;
            (first != 0).then_some(first)
        });
        Site {
            version: value("SLURM_VERSION").unwrap_or_default(),
            preempt_mode: value("PreemptMode").unwrap_or_else(|| "OFF".to_owned()),
            preempt_exempt_s: value("PreemptExemptTime").and_then(|t| seconds(&t)).unwrap_or(0),
            max_array: value("MaxArraySize").and_then(number).unwrap_or(MAX_ARRAY),
            kill_wait_s: value("KillWait").and_then(number).unwrap_or(KILL_WAIT),
            requeue_exit: exit,
        }
    }

    /// Whether a preempted pilot ends for good unless somebody submits another: the site cancels
    /// what it preempts and queues no job again for its exit code.
    pub fn forgets_preempted(&self) -> bool {
        self.preempt_mode.contains("CANCEL") && self.requeue_exit.is_none()
    }
}

/// A part of the cluster that jobs are submitted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// Whether jobs that name none go to it.
    pub is_default: bool,
    /// Whether it takes jobs.
    pub is_up: bool,
    /// Seconds that a job may run for; `None` where that is unlimited.
    pub limit_s: Option<u64>,
    /// Its nodes by type, the most numerous first.
    pub nodes: Vec<NodeType>,
}

/// Nodes that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeType {
    /// Number of nodes.
    pub count: u64,
    /// Processors of a node.
    pub cpus: u64,
    /// Memory of a node, in MiB.
    pub memory_mb: u64,
    /// Features, as the site names them.
    pub features: String,
    /// Generic resources, such as `gpu:a100:4`.
    pub gres: String,
}

/// Arguments of `sinfo` whose answer [`Partition::parse`] reads.
pub(super) const SINFO: [&str; 4] = ["-h", "-e", "-o", "%P|%a|%l|%D|%c|%m|%f|%G"];

impl NodeType {
    /// The type, without the number of nodes: what a calibration is kept under.
    pub fn key(&self) -> String {
        let NodeType { cpus, memory_mb, features, gres, .. } = self;
        format!("{cpus} processors, {memory_mb} MiB, {features}, {gres}")
    }
}

impl Partition {
    /// Reads the answer of `sinfo` with [`SINFO`].
    pub(super) fn parse(text: &str) -> Result<Vec<Partition>, SlurmError> {
        let mut all: Vec<Partition> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let unreadable = || SlurmError::Unreadable { program: "sinfo", line: line.to_owned() };
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, up, limit, count, cpus, memory, features, gres] = fields[..] else {
                return Err(unreadable());
            };
            let number =
                |text: &str| text.trim_end_matches('+').parse::<u64>().map_err(|_| unreadable());
            let nodes = NodeType {
                count: number(count)?,
                cpus: number(cpus)?,
                memory_mb: number(memory)?,
                features: features.to_owned(),
                gres: gres.to_owned(),
            };
            let known = name.trim_end_matches('*');
            match all.iter_mut().find(|partition| partition.name == known) {
                Some(partition) => partition.nodes.push(nodes),
                None => all.push(Partition {
                    name: known.to_owned(),
                    is_default: name.ends_with('*'),
                    is_up: up == "up",
                    limit_s: seconds(limit),
                    nodes: vec![nodes],
                }),
            }
        }
        for partition in &mut all {
            partition.nodes.sort_by_key(|nodes| std::cmp::Reverse(nodes.count));
        }
        Ok(all)
    }

    /// The partition that jobs go to: the one that was asked for, or the site's default.
    ///
    /// # Errors
    /// There is no such partition, or none is the default.
    pub fn choose(all: Vec<Partition>, asked: Option<&str>) -> Result<Partition, SlurmError> {
        let known: Vec<String> = all.iter().map(|partition| partition.name.clone()).collect();
        let fits = |partition: &Partition| match asked {
            Some(name) => partition.name == name,
            None => partition.is_default,
        };
        all.into_iter().find(fits).ok_or_else(|| SlurmError::NoPartition {
            asked: asked.map(str::to_owned),
            known: listed(&known),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `scontrol show config` of Slurm 22.05.8.
    const CONFIG: &str = "Configuration data as of 2026-11-27T17:22:35
JobRequeue              = 1
KillWait                = 10 sec
MaxArraySize            = 1001
PreemptMode             = REQUEUE
PreemptType             = preempt/partition_prio
PreemptExemptTime       = 01:00:00
RequeueExit             = 75,100-110
RequeueExitHold         = (null)
SLURM_VERSION           = 22.05.8
";

    #[test]
    fn a_site_is_read_from_its_configuration_and_defaults_stand_in() {
        let site = Site::parse(CONFIG);
        assert_eq!(
            site,
            Site {
                version: "22.05.8".to_owned(),
                preempt_mode: "REQUEUE".to_owned(),
                preempt_exempt_s: 3600,
                max_array: 1001,
                kill_wait_s: 10,
                requeue_exit: Some(75),
            }
        );
        assert!(!site.forgets_preempted());
        let cancels = Site::parse("PreemptMode = CANCEL\nRequeueExit = (null)\n");
        assert_eq!((cancels.requeue_exit, cancels.kill_wait_s), (None, 30));
        assert!(cancels.forgets_preempted());
    }

    #[test]
    fn partitions_have_their_node_types_and_the_asked_or_the_default_one_is_chosen() {
        let text = "low*|up|8:00:00|1|8|64000|(null)|(null)\n\
                    gpu|up|1-00:00:00|2|64|512000|a100,ib|gpu:a100:4(S:0-1)\n\
                    gpu|up|1-00:00:00|6|48|256000|v100|gpu:v100:2\n\
                    old|down|infinite|1|4+|8000+|(null)|(null)\n";
        let all = Partition::parse(text).unwrap();
        let names: Vec<_> = all.iter().map(|p| (p.name.as_str(), p.is_up, p.limit_s)).collect();
        assert_eq!(
            names,
            [("low", true, Some(28_800)), ("gpu", true, Some(86_400)), ("old", false, None)]
        );
        assert_eq!(all[1].nodes[0].gres, "gpu:v100:2");
        assert_eq!(all[2].nodes[0].cpus, 4);
        assert_eq!(Partition::choose(all.clone(), None).unwrap().name, "low");
        assert_eq!(Partition::choose(all.clone(), Some("gpu")).unwrap().nodes.len(), 2);
        let error = Partition::choose(all, Some("nope")).unwrap_err();
        assert_eq!(error.to_string(), "there is no partition `nope`; this site has low, gpu, old");
        assert!(Partition::parse("garbage").is_err());
    }
}
