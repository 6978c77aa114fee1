//! Tests of pilots, whose workers are shell scripts, and of what a worker begins in the time it has.

use crate::fake::{Bench, Fake, SWEEP, bench, bench_of};
use isoflop_sweep::claim::{Claims, Next};
use isoflop_sweep::files::done;
use isoflop_sweep::forecast::Price;
use isoflop_sweep::lease::{HEARTBEAT, Owner};
use isoflop_sweep::pilot::{Leave, Post, pilot};
use isoflop_sweep::shelf::Shelf;
use isoflop_sweep::time_left::TimeLeft;
use isoflop_sweep::workers::Local;
use isoflop_sweep::workers::local::Crew;
use isoflop_sweep::{PlannedRun, SweepError};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

/// A pilot with two workers that run a shell script.
fn piloted(
    bench: &Bench,
    script: &str,
    life: Duration,
    stop: &AtomicBool,
) -> Result<Leave, SweepError> {
    let program = bench.folder.root().join("program");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let crew = Crew { logs: bench.folder.root().join("logs/job"), until: 0, whole_s: 0 };
    let mut workers = Local::new(&bench.folder, program, "cpu".to_owned()).of_pilot(crew);
    let until = SystemTime::now() + life;
    let note = |_: &str| {};
    let (folder, plan) = (&bench.folder, &bench.plan);
    pilot(&Post { folder, plan, workers: 2, until, stop, note: &note }, &mut workers)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_pilot_leaves_for_the_reason_that_there_is() {
    let calm = AtomicBool::new(false);
    let open = bench();
    assert_eq!(piloted(&open, "exit 0", LONG, &calm).unwrap(), Leave::Spent);
    let waits = "read line; exit 130";
    let begun = Instant::now();
    let short = Duration::from_millis(300);
    assert_eq!(piloted(&open, waits, short, &calm).unwrap(), Leave::Spent);
    assert!(begun.elapsed() < Duration::from_secs(3), "its workers heed the end of their leash");
    assert_eq!(piloted(&open, "exit 130", LONG, &calm).unwrap(), Leave::Stopped);
    let full = piloted(&open, "echo 'no room on it'; exit 74", LONG, &calm).unwrap();
    assert_eq!(full, Leave::NoRoom("no room on it".to_owned()));
    let unable = piloted(&open, "echo 'error: no text'; exit 78", LONG, &calm).unwrap_err();
    assert_eq!(unable.to_string(), "a worker cannot train: no text");
    assert!(piloted(&open, "kill -9 $$", LONG, &calm).is_err(), "no worker can be started");

    let done = bench();
    done.work(&mut Fake::default());
    assert_eq!(piloted(&done, "exit 0", LONG, &calm).unwrap(), Leave::Complete);
    let told = AtomicBool::new(true);
    assert_eq!(piloted(&open, waits, LONG, &told).unwrap(), Leave::Stopped);
}

#[test]
fn a_pilot_waits_until_it_has_seen_that_those_who_hold_the_rest_are_alive() {
    let bench = bench_of(&format!("{SWEEP}[train]\ntrunks = false\n"));
    let elsewhere = Owner { host: "elsewhere".to_owned(), ..Owner::current() };
    let mut claims = Claims::new(&bench.folder, &bench.plan, &elsewhere, "none");
    let mut held = Vec::new();
    while let Next::Run(_, claim) = claims.claim().unwrap() {
        held.push(claim);
    }
    assert_eq!(held.len(), bench.plan.runs().len());
    let calm = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pilot = scope.spawn(|| piloted(&bench, "exit 0", LONG, &calm).unwrap());
        std::thread::sleep(HEARTBEAT / 4);
        assert!(!pilot.is_finished(), "they may be dead");
        assert_eq!(pilot.join().unwrap(), Leave::Idle);
    });
}

/// A life of 100 s of which `left_s` are left, in which every step of a run takes `step_s`.
fn life(bench: &Bench, left_s: f64, step_s: f64) -> TimeLeft {
    let price = Price { step: step_s, once: 0.0 };
    let prices: BTreeMap<String, Price> =
        bench.plan.runs().iter().map(|run| (run.id().to_owned(), price)).collect();
    let until = SystemTime::now() + Duration::from_secs_f64(left_s);
    TimeLeft::new(until, Duration::from_secs(100), prices)
}

#[test]
fn a_worker_begins_what_ends_in_time_before_what_it_has_to_cut() {
    let bench = bench();
    let steps = |run: &PlannedRun| run.steps() as f64;
    let longest = bench.plan.runs().iter().map(steps).fold(0.0, f64::max);
    let shortest = bench.plan.runs().iter().map(steps).fold(f64::INFINITY, f64::min);
    // The longest run takes 90 s, and 5 s are the margin of a life of 100 s.
    let step_s = 90.0 / longest;
    let fitting = |left_s| {
        let life = life(&bench, left_s, step_s);
        let runs = bench.plan.runs().iter();
        runs.filter(|run| life.is_enough_for(&bench.folder, run)).count()
    };
    assert_eq!(fitting(99.0), 6);
    let half = bench.plan.runs().iter().filter(|run| steps(run) * step_s <= 45.0).count();
    assert!(half > 0 && half < 6);
    assert_eq!(fitting(50.1), half);
    assert_eq!(fitting(shortest * step_s + 4.9), 0);

    let mut fake = Fake::default();
    bench.work_in(&mut fake, &life(&bench, 50.1, step_s));
    let is_short = |id: &String| steps(bench.plan.run(id).unwrap()) * step_s <= 45.0;
    assert!(fake.started[..half].iter().all(is_short), "{:?}", fake.started);
    assert_eq!(fake.started.len(), 6, "then those that will be cut");
}

#[test]
fn a_worker_with_little_time_begins_nothing_that_it_would_have_to_cut_and_a_state_makes_a_run_short()
 {
    let bench = bench();
    let longest = bench.plan.runs().iter().map(PlannedRun::steps).max().unwrap();
    let step_s = 1e4 / longest as f64;
    let mut fake = Fake::default();
    bench.work_in(&mut fake, &life(&bench, 14.0, step_s));
    assert_eq!(fake.started, [""; 0]);
    let run = bench.plan.runs().iter().find(|run| run.steps() == longest).unwrap();
    let shelf = Shelf::new(&bench.folder, run.id(), "none-1");
    done(shelf.write(longest - 1, &[0; 16])).unwrap();
    let enough = life(&bench, step_s + 6.0, step_s).is_enough_for(&bench.folder, run);
    assert!(enough, "one step of {step_s} s is left");
}
