//! Tests supervision with workers that are not processes, since any place may stand behind the
//! trait.

use crate::fake::{Bench, Fake, bench};
use isoflop_results::{RunRecord, Status};
use isoflop_sweep::claim::{Claims, Next};
use isoflop_sweep::lease::{Lease, Owner};
use isoflop_sweep::supervise::{Limits, Outcome, Watcher, supervise};
use isoflop_sweep::workers::End;
use isoflop_sweep::{SweepError, Workers};
use std::io;
use std::sync::atomic::AtomicBool;

/// Workers that do all their work while they are being started.
struct Here<'b> {
    bench: &'b Bench,
    /// Ends of the first workers, the next one last; the flag says whether the worker holds a run
    /// when it ends.
    ends: Vec<(End, bool)>,
    ended: Vec<(usize, End)>,
    started: usize,
    stopped: usize,
}

impl<'b> Here<'b> {
    fn new(bench: &'b Bench, ends: &[(End, bool)]) -> Self {
        let ends = ends.iter().rev().cloned().collect();
        Here { bench, ends, ended: Vec::new(), started: 0, stopped: 0 }
    }
}

impl Workers for Here<'_> {
    fn start(&mut self, slot: usize) -> io::Result<()> {
        self.started += 1;
        let (end, holds) = self.ends.pop().unwrap_or((End::Done, false));
        if end == End::Done {
            self.bench.work(&mut Fake::default());
        }
        if holds {
            let Bench { folder, plan, .. } = self.bench;
            let next = Claims::new(folder, plan, &Owner::current(), "none").claim().unwrap();
            assert!(matches!(next, Next::Run(..)));
        }
        if end == End::Unable {
            let log = self.bench.folder.worker_log_path(slot);
            std::fs::write(log, "error: no text\nhint: bring it\n")?;
        }
        self.ended.push((slot, end));
        Ok(())
    }

    fn ended(&mut self) -> io::Result<Vec<(usize, End)>> {
        Ok(std::mem::take(&mut self.ended))
    }

    fn is_owner(&self, _: usize, owner: &Owner) -> bool {
        *owner == Owner::current()
    }

    fn stop(&mut self) {
        self.stopped += 1;
    }
}

#[derive(Default)]
struct Heard {
    ended: Vec<Status>,
    notices: Vec<String>,
}

impl Watcher for Heard {
    fn ended(&mut self, record: &RunRecord) {
        self.ended.push(record.row.status);
    }

    fn progress(&mut self, _: &[Lease]) {}

    fn notice(&mut self, text: &str) {
        self.notices.push(text.to_owned());
    }
}

fn supervised(workers: &mut Here<'_>) -> (Result<Outcome, SweepError>, Heard) {
    let mut heard = Heard::default();
    let Bench { folder, plan, .. } = workers.bench;
    let limits = Limits { jobs: 1, deadline: None };
    let stop = AtomicBool::new(false);
    let outcome = supervise(folder, plan, limits, workers, &mut heard, &stop);
    assert_eq!(workers.stopped, 1, "whatever happened, nobody is left behind");
    (outcome, heard)
}

#[test]
fn a_worker_that_dies_over_a_run_costs_an_attempt_and_the_next_trains_it() {
    let bench = bench();
    let died = End::Died("so it goes".to_owned());
    let mut workers = Here::new(&bench, &[(died, true)]);
    let (outcome, heard) = supervised(&mut workers);
    assert_eq!(outcome.unwrap(), Outcome::Complete);
    assert_eq!(heard.ended, [Status::Finished; 6]);
    assert_eq!(workers.started, 2);
    let first = bench.plan.work_order()[0].id();
    assert_eq!(heard.notices, [format!("run {first}: its worker died: so it goes")]);
    let records = bench.folder.records(&bench.plan).unwrap();
    let again = records.done.iter().find(|record| record.row.run_id == first).unwrap();
    assert_eq!(again.row.attempt, 2);
}

#[test]
fn workers_without_room_or_means_end_the_sweep_and_no_run_fails_by_them() {
    let bench = bench();
    let (outcome, heard) = supervised(&mut Here::new(&bench, &[(End::NoRoom, false)]));
    assert_eq!((outcome.unwrap(), heard.ended.len()), (Outcome::NoRoom, 0));
    let (outcome, _) = supervised(&mut Here::new(&bench, &[(End::Unable, false)]));
    let error = outcome.unwrap_err();
    assert!(matches!(&error, SweepError::Unable { said, .. } if said == "no text"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("bring it"));
    assert_eq!(bench.folder.failed().unwrap().len(), 0);
}

#[test]
fn workers_that_die_again_and_again_without_a_run_are_given_up() {
    let bench = bench();
    let died = (End::Died("exit status: 1".to_owned()), false);
    let mut workers = Here::new(&bench, &[(); 20].map(|()| died.clone()));
    let (outcome, heard) = supervised(&mut workers);
    assert!(matches!(outcome, Err(SweepError::Spawn { .. })));
    assert_eq!((workers.started, heard.notices.len()), (6, 5));
}
