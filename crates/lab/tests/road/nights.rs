//! Nights whose plan grows, with workers that write the loss of a law for every run: sizes that follow the
//! budgets, and runs that are added until an interval is narrow. A night that is stopped at any run ends
//! with the plan of one that is not.

use super::{Here, List, ROOT, own_process};
use isoflop_lab::bench::{self, SizeSpeed};
use isoflop_lab::jobs::Jobs;
use isoflop_lab::path::paths;
use isoflop_lab::places::Places;
use isoflop_lab::plan::{self, Setting};
use isoflop_lab::run::{self, End, Request};
use isoflop_lab::{Crew, Lab, LabError};
use isoflop_results::{RunRecord, Status};
use isoflop_sweep::lease::Owner;
use isoflop_sweep::row::row_of_plan;
use isoflop_sweep::supervise::Outcome;
use isoflop_sweep::workers::End as WorkerEnd;
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder, Sweep, Workers};
use isoflop_train::device::DeviceChoice;
use isoflop_train::device::probe::Probe;
use isoflop_train::price::{Load, Speed};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A law like that of bytes of documentation, and half a per cent of noise that the run's id decides.
fn loss(run: &PlannedRun) -> f64 {
    let (n, d) = (run.n().0, run.tokens().0);
    let hash = run.id().bytes().fold(7u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
    });
    let uniform =
        |k: u64| (hash.wrapping_mul(2 * k + 1).rotate_left(31) >> 40) as f64 / 16_777_216.0;
    let normal = (0..12).map(uniform).sum::<f64>() - 6.0;
    (0.6 + 5.0 * n.powf(-0.2) + 119.0 * d.powf(-0.38)) * (0.005 * normal).exp()
}

/// Writes the records of open runs, and asks for a stop after so many.
struct Lawful<'a> {
    stop: &'a AtomicBool,
    left: AtomicUsize,
}

impl Crew for Lawful<'_> {
    fn workers<'a>(&'a self, folder: &'a ResultsFolder, _: DeviceChoice) -> Box<dyn Workers + 'a> {
        Box::new(Writing { crew: self, folder, ended: Vec::new() })
    }

    fn measure(&self, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Vec<Speed>, LabError> {
        Here.measure(load, on, jobs)
    }

    fn bench(&self, _: &bench::Request) -> Result<Vec<SizeSpeed>, LabError> {
        unreachable!("nights measure no speeds of sizes")
    }

    fn probe(&self, _: DeviceChoice) -> Result<Probe, LabError> {
        unreachable!("nights try no device")
    }
}

struct Writing<'a> {
    crew: &'a Lawful<'a>,
    folder: &'a ResultsFolder,
    ended: Vec<(usize, WorkerEnd)>,
}

impl Workers for Writing<'_> {
    fn start(&mut self, slot: usize) -> io::Result<()> {
        let plan = self.folder.plan().map_err(io::Error::other)?;
        for run in plan.work_order() {
            let path = self.folder.record_path(run.id());
            if path.exists() {
                continue;
            }
            if self.crew.left.load(Ordering::Relaxed) == 0 {
                self.crew.stop.store(true, Ordering::Release);
                break;
            }
            self.crew.left.fetch_sub(1, Ordering::Relaxed);
            let mut row = row_of_plan(plan.name(), run);
            (row.status, row.test_loss) = (Status::Finished, Some(loss(run)));
            RunRecord::of(row).write(&path).map_err(io::Error::other)?;
        }
        self.ended.push((slot, WorkerEnd::Done));
        Ok(())
    }

    fn ended(&mut self) -> io::Result<Vec<(usize, WorkerEnd)>> {
        Ok(std::mem::take(&mut self.ended))
    }

    fn is_owner(&self, _: usize, owner: &Owner) -> bool {
        *owner == Owner::current()
    }

    fn stop(&mut self) {}
}

#[test]
#[ignore = "half a minute of fits: cargo test --release -p isoflop-lab --test road nights -- --ignored"]
fn nights_that_grow_end_with_one_plan_however_often_they_are_stopped() {
    match std::env::var_os(ROOT) {
        Some(root) => nights(&PathBuf::from(root)),
        None => {
            own_process("nights::nights_that_grow_end_with_one_plan_however_often_they_are_stopped")
        }
    }
}

fn sweep(root: &Path, name: &str, width: f64) -> Sweep {
    let source = format!(
        "name = \"{name}\"\n[data]\ntext = \"{}/text/*.md\"\ntest_tokens = 2000\n\
         [model]\nsizes = \"auto\"\n\
         [plan]\nisoflop = {{ budgets = [\"1e10\", \"2.5e10\", \"6e10\", \"1.5e11\"] }}\n\
         until = {{ n_exponent = {width} }}\n",
        root.display()
    );
    Sweep::parse(&root.join("night.toml"), source).unwrap()
}

fn text(root: &Path) {
    fs::create_dir(root.join("text")).unwrap();
    for document in 0..40u64 {
        let mut state = document.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % 9973
        };
        let words = (0..10_000).map(|_| format!("w{} ", draw().min(draw())));
        fs::write(root.join(format!("text/{document}.md")), words.collect::<String>()).unwrap();
    }
}

/// What a night says and leaves, with a stop after every `every` runs.
fn night(root: &Path, sweep: &Sweep, every: usize) -> (Plan, List) {
    let list = List::default();
    let results = root.join("results");
    let folder = plan::folder(sweep, &results);
    loop {
        let stop = AtomicBool::new(false);
        let crew = Lawful { stop: &stop, left: AtomicUsize::new(every) };
        let lab = Lab { notice: &list, crew: &crew, stop: &stop };
        let request = Request {
            sweep: sweep.clone(),
            jobs: Jobs::Given(1),
            deadline: None,
            places: Places::of(&list, DeviceChoice::Cpu, &folder).unwrap(),
            replan: false,
            results: results.clone(),
            reports: root.join("reports"),
        };
        let End::Trained { outcome, plan, .. } = run::run(&lab, &request).unwrap().end else {
            panic!("nothing is tuned");
        };
        assert_eq!(folder.plan().unwrap(), plan);
        match outcome {
            Outcome::Complete => return (plan, list),
            outcome => assert_eq!(outcome, Outcome::Stopped),
        }
    }
}

fn nights(root: &Path) {
    text(root);
    let sweep_of = |name: &str| sweep(root, name, WIDTH);
    let (whole, told) = night(root, &sweep_of("whole"), usize::MAX);
    assert_eq!(whole.waiting().count(), 0);
    assert!(told.has("budget 1e10: ") && told.has("by the prior"));
    assert!(told.has("budgets 6e10, 1.5e11 get their sizes as the others end"));
    let rounds = whole.rounds();
    assert!(!rounds.is_empty(), "the interval was narrow from the beginning");
    assert!(told.has("FLOPs are added, after which about"));
    assert!(told.has(&format!("wide, {WIDTH} asked for")));
    let widths: Vec<f64> = rounds.iter().map(|round| round.width.unwrap()).collect();
    assert!(widths.iter().all(|width| *width > WIDTH), "{widths:?}");
    for round in rounds {
        assert!(round.expected < round.width.unwrap() && round.runs.len() <= 6);
        for added in &round.runs {
            let run = whole.run(added.id.as_ref().unwrap()).unwrap();
            assert!(run.epochs() <= 4.0);
            assert!((3.0..=3000.0).contains(&run.tokens().per_param(run.n())));
        }
    }

    let (stopped, _) = night(root, &sweep_of("stopped"), 5);
    assert_eq!(stopped.runs(), whole.runs());
    assert_eq!((stopped.sizes(), stopped.rounds()), (whole.sizes(), whole.rounds()));

    a_plan_shows_the_path(root);
}

#[test]
#[ignore = "a minute of fits: cargo test --release -p isoflop-lab --test road nights -- --ignored"]
fn an_aim_that_no_compute_reaches_ends_with_a_sentence() {
    let Some(root) = std::env::var_os(ROOT) else {
        return own_process("nights::an_aim_that_no_compute_reaches_ends_with_a_sentence");
    };
    let root = PathBuf::from(root);
    text(&root);
    let (plan, told) = night(&root, &sweep(&root, "endless", 1e-4), usize::MAX);
    assert!(told.has("0.0001 asked for; stopped: "));
    let added: usize = plan.rounds().iter().map(|round| round.runs.len()).sum();
    assert!(added > 6 && added < plan.runs().len());
}

/// Before anything has run, as expected of a law like that of documentation; afterwards by the fit.
fn a_plan_shows_the_path(root: &Path) {
    let list = List::default();
    let (stop, results) = (AtomicBool::new(false), root.join("results"));
    let crew = Lawful { stop: &stop, left: AtomicUsize::new(0) };
    let lab = Lab { notice: &list, crew: &crew, stop: &stop };
    for (name, fitted) in [("new", false), ("whole", true)] {
        let sweep = sweep(root, name, WIDTH / 2.0);
        let folder = plan::folder(&sweep, &results);
        let places = Places::of(&list, DeviceChoice::Cpu, &folder).unwrap();
        let setting =
            Setting { results: &results, jobs: Jobs::Given(1), places: &places, replan: false };
        let planned = plan::plan(&lab, &sweep, &setting).unwrap();
        let [path] = &paths(&planned.plan, &sweep, &folder)[..] else {
            panic!("one series has one path");
        };
        assert_eq!((path.fitted, path.target.as_str()), (fitted, "n_exponent"));
        assert!(!path.steps.is_empty() && path.steps[0].width < path.width, "{path:?}");
        let falls = path
            .steps
            .windows(2)
            .all(|pair| pair[1].width < pair[0].width && pair[1].flops > pair[0].flops);
        assert!(falls, "{path:?}");
        assert!(planned.next.is_some() != fitted);
    }
}

/// Full width that is asked for, a little below that of the plan's own runs.
const WIDTH: f64 = 0.05;
