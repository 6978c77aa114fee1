//! Sweeps that a cluster disturbs: preemptions, ends of time, killed scripts and workers, daemons that
//! start anew.

use crate::cluster::{Cluster, kill, patiently, processes};
use crate::workshop::{Workshop, note};
use crate::{on, open, rows, undisturbed, words};
use std::time::{Duration, Instant};

/// Runs of some seconds each on one core, without fits.
const SWEEP: &str = r#"
name = "tiny"
max_failures = 1000
[data]
text = "text/*.md"
context = 32
test_tokens = 2000
[model]
sizes = ["8x1x1", "16x1x1", "16x2x2"]
[plan]
isoflop = { budgets = ["5e9", "2e10"] }
[train]
batch_tokens = 256
"#;

const PROCESSORS: u64 = 3;

/// Random draws from a fixed seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// Number that an environment variable gives, or the default.
fn times(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn submit(cluster: &Cluster, shop: &Workshop) -> String {
    let args = ["--partition", "low", "--time", "1min", "--max-jobs", "3", "--cpus-per-job", "1"];
    let output = on(cluster, shop, &[&["submit", "sweep.toml"][..], &args].concat());
    // 1: nothing is open, and a run has failed for good, which cannot be while it is tried again.
    assert!(output.status.success(), "{}", words(&output));
    words(&output)
}

/// Disturbs the jobs once; returns how, or nothing where no job is at work.
fn disturb(cluster: &Cluster, shop: &Workshop, draw: &mut Draw) -> Option<&'static str> {
    let running = cluster.jobs("running");
    let job = running.get(draw.below(running.len().max(1)))?.clone();
    let results = shop.path("results/tiny").display().to_string();
    Some(match draw.below(5) {
        0 => {
            cluster.preempt(PROCESSORS, 1);
            "preemption"
        }
        1 => {
            // What Slurm sends before the end of a job's time; later jobs meet the end itself.
            let _ = cluster.say("scancel", &["--batch", "--signal=USR1", &job]);
            "end of time"
        }
        2 => {
            let scripts = cluster.batch_scripts();
            kill("-9", *scripts.get(draw.below(scripts.len().max(1)))?);
            "kill -9 of a script"
        }
        3 => {
            let workers = processes(&["worker", &results, "--supervised"]);
            kill("-9", *workers.get(draw.below(workers.len().max(1)))?);
            "kill -9 of a worker"
        }
        _ => {
            cluster.restart();
            "restart of the daemons"
        }
    })
}

/// Disturbs sweeps until there were enough disturbances, and compares each with an undisturbed one.
fn disturbed(settings: &[(&str, &str)]) {
    let wanted = times("ISOFLOP_DISTURBANCES", 5);
    let expected = rows(&undisturbed(SWEEP));
    let mut draw = Draw(times("ISOFLOP_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let cluster = Cluster::start(PROCESSORS, settings);
    let (mut done, mut sweeps) = (Vec::new(), 0);
    while (done.len() as u64) < wanted {
        let shop = Workshop::new(SWEEP);
        submit(&cluster, &shop);
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(600), "no end after {done:?}");
            std::thread::sleep(Duration::from_millis(500 + draw.below(2500) as u64));
            if (done.len() as u64) < wanted {
                done.extend(disturb(&cluster, &shop, &mut draw));
            }
            // A look at the sweep submits pilots for those that are gone.
            let left = open(&cluster, &shop);
            let alive = ["running", "pending", "completing"];
            let nobody = alive.iter().all(|state| cluster.jobs(state).is_empty());
            if left == 0 || nobody {
                // Failed runs, whose workers were killed twice, are tried again.
                if submit(&cluster, &shop).contains("nothing to submit") {
                    break;
                }
            }
        }
        patiently(60, "the last pilot leaves", || cluster.jobs("running").is_empty());
        let status = words(&on(&cluster, &shop, &["status", "results/tiny"]));
        assert!(status.contains("6 of 6 ended, 0 running, 0 waiting"), "{status}");
        assert_eq!(rows(&shop), expected, "after {done:?}");
        sweeps += 1;
    }
    let count = |what: &str| done.iter().filter(|how| **how == what).count();
    let mut kinds = done.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let told: Vec<String> = kinds.iter().map(|kind| format!("{} {kind}", count(kind))).collect();
    note(&format!(
        "{} disturbances ({}), {sweeps} sweeps as undisturbed",
        done.len(),
        told.join(", ")
    ));
}

#[test]
#[ignore = "needs slurm"]
fn a_sweep_that_is_disturbed_where_jobs_are_queued_again_ends_as_if_it_had_not_been() {
    disturbed(&[("SLURM_LOCAL_PREEMPT", "REQUEUE")]);
}

#[test]
#[ignore = "needs slurm"]
fn a_sweep_that_is_disturbed_where_jobs_are_cancelled_ends_as_if_it_had_not_been() {
    disturbed(&[("SLURM_LOCAL_PREEMPT", "CANCEL"), ("SLURM_LOCAL_MORE", "")]);
}
