//! The whole road through the library, with a list as its terminal and workers that train in this
//! thread: a sweep file as text, plan and prices, runs, fits, report.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod nights;
mod verbs;

use isoflop_fit::Options;
use isoflop_lab::bench::{self, SizeSpeed};
use isoflop_lab::calibration::EACH;
use isoflop_lab::columns::Columns;
use isoflop_lab::jobs::Jobs;
use isoflop_lab::places::Places;
use isoflop_lab::plan::{self, Setting};
use isoflop_lab::report::ReportInput;
use isoflop_lab::run::{self, End, Request};
use isoflop_lab::transfer::{Direction, Question, TextChoice, transfer};
use isoflop_lab::{Bar, Begun, Crew, Lab, LabError, Notice, fits, report, tables};
use isoflop_results::{RunRecord, Status, Trust};
use isoflop_sweep::lease::{Lease, Owner};
use isoflop_sweep::rules::{Rules, Setting as RuleSetting};
use isoflop_sweep::supervise::{Outcome, Watcher};
use isoflop_sweep::worker::work;
use isoflop_sweep::workers::End as WorkerEnd;
use isoflop_sweep::workplace::{CHECKPOINT_EVERY, Workplace};
use isoflop_sweep::{ResultsFolder, Sweep, Workers};
use isoflop_train::BurnTrainer;
use isoflop_train::device::probe::{Probe, probe};
use isoflop_train::device::{DeviceChoice, TrainDevice};
use isoflop_train::price::{Load, Speed};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// Lines, and ids of runs that have ended, instead of a terminal.
#[derive(Default)]
struct List {
    lines: Mutex<Vec<String>>,
    ended: Mutex<Vec<String>>,
}

impl List {
    fn has(&self, part: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(part))
    }
}

impl Notice for List {
    fn note(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn remark(&self, remark: &str) {
        self.note(remark);
    }

    fn bar(&self, _: Bar) {}

    fn begun<'a>(&'a self, _: Begun<'a>) -> Box<dyn Watcher + 'a> {
        Box::new(Entries(self))
    }
}

struct Entries<'a>(&'a List);

impl Watcher for Entries<'_> {
    fn ended(&mut self, record: &RunRecord) {
        self.0.ended.lock().unwrap().push(record.row.run_id.clone());
    }

    fn progress(&mut self, _: &[Lease]) {}

    fn notice(&mut self, text: &str) {
        self.0.note(text);
    }
}

/// Whoever asks for work does it.
struct Here;

impl Crew for Here {
    fn workers<'a>(&'a self, folder: &'a ResultsFolder, _: DeviceChoice) -> Box<dyn Workers + 'a> {
        Box::new(InThisThread { folder, ended: Vec::new() })
    }

    fn measure(&self, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Vec<Speed>, LabError> {
        let device = TrainDevice::open(on)?;
        Ok((0..jobs).map(|_| load.measure(&device, EACH / 10)).collect())
    }

    fn bench(&self, _: &bench::Request) -> Result<Vec<SizeSpeed>, LabError> {
        unreachable!("the road measures no speeds of sizes")
    }

    fn probe(&self, device: DeviceChoice) -> Result<Probe, LabError> {
        Ok(probe(device)?)
    }
}

/// A worker that has done all its work when it has been started.
struct InThisThread<'a> {
    folder: &'a ResultsFolder,
    ended: Vec<(usize, WorkerEnd)>,
}

impl Workers for InThisThread<'_> {
    fn start(&mut self, slot: usize) -> io::Result<()> {
        let plan = self.folder.plan().map_err(io::Error::other)?;
        let models = self.folder.models_path();
        let mut trainer = BurnTrainer::on(TrainDevice::cpu()).keeping_models(models);
        let place = Workplace {
            clock: &|| "2031-05-05T07:00:00Z".to_owned(),
            stop: &AtomicBool::new(false),
            checkpoint_every: CHECKPOINT_EVERY,
        };
        work(self.folder, &plan, &mut trainer, &place).map_err(io::Error::other)?;
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

const ROOT: &str = "ISOFLOP_ROAD";

/// Does the road in a process with a cache of its own, for this one may not change its environment.
#[test]
fn a_sweep_file_becomes_a_report_without_a_terminal() {
    match std::env::var_os(ROOT) {
        Some(root) => the_road(&PathBuf::from(root)),
        None => own_process("a_sweep_file_becomes_a_report_without_a_terminal"),
    }
}

/// Does a test in a process with a cache of its own, which leaves a report.
fn own_process(test: &str) {
    let keep = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--include-ignored"])
        .env(ROOT, keep.path())
        .env("ISOFLOP_CACHE", keep.path().join("cache"))
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(keep.path().join("reports").is_dir(), "the road was not taken: {said}");
}

fn sweep(root: &Path) -> Sweep {
    fs::create_dir(root.join("text")).unwrap();
    for document in 0..12u64 {
        let mut state = document.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % 11
        };
        // The smaller of two draws, so that there is something to learn.
        let words = (0..3000).map(|_| format!("w{} ", draw().min(draw())));
        fs::write(root.join(format!("text/{document}.md")), words.collect::<String>()).unwrap();
    }
    let source = format!(
        "name = \"tiny\"\n[data]\ntext = \"{}/text/*.md\"\ncontext = 32\ntest_tokens = 2000\n\
         [model]\nsizes = [\"8x1x1\", \"16x1x1\", \"16x2x2\"]\n\
         [plan]\nisoflop = {{ budgets = [\"4e8\", \"8e8\"] }}\n[train]\nbatch_tokens = 256\n",
        root.display()
    );
    Sweep::parse(&root.join("tiny.toml"), source).unwrap()
}

fn the_road(root: &Path) {
    let (list, stop) = (List::default(), AtomicBool::new(false));
    let lab = Lab { notice: &list, crew: &Here, stop: &stop };
    let sweep = sweep(root);
    let results = root.join("results");
    let folder = plan::folder(&sweep, &results);
    let places = Places::of(&list, DeviceChoice::Cpu, &folder).unwrap();

    // Plan and prices.
    let jobs = Jobs::Given(1);
    let setting = Setting { results: &results, jobs, places: &places, replan: false };
    let planned = plan::plan(&lab, &sweep, &setting).unwrap();
    assert!(planned.stage.is_none() && planned.tuned.is_none() && planned.next.is_none());
    assert_eq!(planned.plan.runs().len(), 6);
    let settled = places.settle(&lab, &planned.plan, jobs, false).unwrap();
    assert!(list.has("measuring how fast this machine trains 3 models in 1 processes"));
    assert_eq!((settled.jobs, settled.prices.len()), (1, 6));
    assert!(settled.finish > 0.0);
    assert!(!results.exists(), "a plan writes nothing to the results");

    // Runs, fits, report.
    let request = Request {
        sweep,
        jobs,
        deadline: None,
        places,
        replan: false,
        results,
        reports: root.join("reports"),
    };
    let night = run::run(&lab, &request).unwrap();
    let End::Trained { outcome: Outcome::Complete, records, .. } = night.end else {
        panic!("the sweep did not come to its end");
    };
    assert!(records.done.iter().all(|record| record.row.status == Status::Finished));
    assert_eq!((records.done.len(), list.ended.lock().unwrap().len()), (6, 6));
    assert!(list.has("tiny: 6 runs to train, 0 done already, 1 worker processes"));
    assert!(list.has("fitting laws, 1000 replicates each"));
    let morning = night.morning.unwrap();
    let page = fs::read_to_string(&morning.page).unwrap();
    assert!(page.contains("of train text in") && page.contains("held out in"));

    fits_are_told_by_their_rows(&list, &folder);
    a_report_needs_no_text(&list, &folder, root);

    // The same again is the resume.
    let again = run::run(&lab, &request).unwrap();
    assert!(matches!(again.end, End::Trained { outcome: Outcome::Complete, .. }));
    assert!(list.has("nothing to train: all 6 runs are done"));
    assert_eq!(again.morning.unwrap().fits, morning.fits);

    a_check_of_transfer_resumes_and_leaves_runs_for_a_law_of_rates(&lab, &list, root);
}

/// Trains for a few steps, which say nothing about any rule: what is tested is the way there.
fn a_check_of_transfer_resumes_and_leaves_runs_for_a_law_of_rates(
    lab: &Lab<'_>,
    list: &List,
    root: &Path,
) {
    let question = Question {
        directions: Direction::ALL.to_vec(),
        size: "8x2x1".to_owned(),
        text: TextChoice::Files(format!("{}/text/*.md", root.display())),
        // Ten steps of the largest batch.
        tokens: 20_480.0,
        multiples: vec![0.5, 1.0, 2.0, 4.0],
        seeds: 2,
        jobs: Jobs::Given(1),
        results: root.join("results"),
    };
    let found = transfer(lab, &question).unwrap();
    assert!(list.has("72 runs to train ("));
    assert_eq!((found.batch, found.failed, found.outcome.is_none()), (512, 0, true));
    let values = |k: usize| -> Vec<f64> {
        found.found[k].1.values.iter().map(|value| value.value).collect()
    };
    assert_eq!(values(0), [1.0, 2.0, 4.0]);
    assert_eq!(values(1), [128.0, 512.0, 2048.0]);
    assert_eq!(values(2), [20_480.0, 81_920.0, 327_680.0]);
    for (direction, found) in &found.found {
        for value in &found.values {
            let multiples: Vec<f64> = value.losses.iter().map(|(multiple, _)| *multiple).collect();
            let off = multiples.iter().zip(&question.multiples).map(|(a, b)| (a / b - 1.0).abs());
            assert!(
                multiples.len() == 4 && off.fold(0.0, f64::max) < 1e-9,
                "{direction:?}: {multiples:?}"
            );
        }
    }
    // Rates are multiples of what `auto` gives each batch.
    let folder = ResultsFolder::at(root.join("results/check-transfer-batch"));
    let rows = report::runs(list, &folder, Trust::Checked).unwrap();
    for row in &rows {
        let multiple: f64 = row.series.value("variant").unwrap().parse().unwrap();
        let rule = Rules::default().learning_rate(&RuleSetting::of(row));
        assert!((row.learning_rate / (multiple * rule) - 1.0).abs() < 1e-9, "{row:?}");
    }
    let again = transfer(lab, &question).unwrap();
    assert!(list.has("nothing to train: all 24 runs are done"));
    assert!(again.found.iter().zip(&found.found).all(|(again, found)| again.1 == found.1));
}

/// Neither the age of files nor their names tell whose fits these are.
fn fits_are_told_by_their_rows(list: &List, folder: &ResultsFolder) {
    let mut rows = report::runs(list, folder, Trust::Checked).unwrap();
    let old = SystemTime::now() - Duration::from_secs(86_400);
    let file = fs::File::options().write(true).open(folder.fits_path()).unwrap();
    file.set_modified(old).unwrap();
    let stored = fits::stored(list, folder, &rows).expect("older than the runs, and theirs");
    assert!(!stored.isoflop.is_empty());
    // What may differ between repeats changes no fit; a loss does, and so does a row more.
    rows[0].wall_time_s += 1.0;
    assert!(fits::are_of(&stored, &rows));
    let more = [rows.clone(), vec![rows[0].clone()]].concat();
    assert!(!fits::are_of(&stored, &more));
    rows[0].test_loss = rows[0].test_loss.map(|loss| loss + 1e-3);
    assert!(fits::stored(list, folder, &rows).is_none());
    // Fits of an earlier version do not say whose they are.
    let unknown = isoflop_fit::output::Fits { sources: Vec::new(), ..stored };
    assert!(!fits::are_of(&unknown, &rows));

    let path = [folder.root().to_owned()];
    let mut options = Options { bootstrap: 0, ..Options::default() };
    let columns = Columns::default();
    let read = tables::read(list, &path, &columns, Trust::Checked, &mut options).unwrap();
    assert_eq!((read.points.len(), read.excluded.len(), read.all_folders), (6, 0, true));
    let law = ["power".to_owned()];
    let axis = Some(isoflop_fit::output::Axis::C);
    let fitted = tables::fit(list, read, &law, axis, &options).unwrap();
    assert_eq!(fitted.fits[0].law, "power");
}

/// A results folder alone is enough: nothing is prepared, on a machine that has no text.
fn a_report_needs_no_text(list: &List, folder: &ResultsFolder, root: &Path) {
    for name in ["text", "cache"] {
        fs::rename(root.join(name), root.join(format!("no-{name}"))).unwrap();
    }
    let source = ReportInput::of(list, folder, None, Trust::Checked).unwrap();
    let page = source.write(&root.join("elsewhere"), vec!["a test".to_owned()]).unwrap();
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("of train text in") && page.contains("held out in"));
    assert!(!root.join("cache").exists(), "nothing was prepared");
    for name in ["text", "cache"] {
        fs::rename(root.join(format!("no-{name}")), root.join(name)).unwrap();
    }
}
