//! Runs the protocol of claims on a simulated file server whose clients show the past, with clocks
//! that differ, workers that stall and die at any operation, and answers that get lost. A schedule
//! follows from its number alone, so that one that fails can be looked at again.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod flaws;
mod plan;
mod schedule;
mod server;
mod world;

use flaws::Flaw;
use schedule::{Mood, Tally, run};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs schedules with these numbers on every core, and adds up what happened.
fn all(numbers: std::ops::Range<u64>) -> Tally {
    let plan = plan::plan();
    let (next, end) = (AtomicU64::new(numbers.start), numbers.end);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let work = || {
            let mut sum = Tally::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return sum;
                }
                match run(&plan, number, None) {
                    Ok(tally) => sum += tally,
                    Err(problem) => panic!("schedule {number}: {problem}"),
                }
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sum = Tally::default();
    tallies.into_iter().for_each(|tally| sum += tally);
    sum
}

#[test]
fn no_schedule_loses_a_run_or_finishes_one_twice_or_damages_a_state() {
    let sum = all(0..10_000);
    // Schedules in which nothing goes wrong prove nothing.
    for (what, count) in [
        ("crashes", sum.crashes),
        ("stalls", sum.stalls),
        ("lost answers", sum.lost_answers),
        ("views of the past", sum.stale),
        ("runs taken over", sum.taken_over),
        ("holders that woke up to a run of somebody else's", sum.fenced),
        ("records placed by others", sum.placed_by_others),
        ("states gone on from", sum.resumed),
    ] {
        assert!(count > 200, "{count} {what}");
    }
}

#[test]
#[ignore = "minutes: ISOFLOP_SCHEDULES=1000000 cargo test --release -p isoflop-sweep --test shared_fs -- --ignored --nocapture"]
fn no_schedule_of_many_does() {
    let count = std::env::var("ISOFLOP_SCHEDULES").map_or(100_000, |count| count.parse().unwrap());
    let sum = all(0..count);
    println!("{count} schedules: {sum:#?}");
}

#[test]
fn whatever_the_protocol_is_robbed_of_is_missed() {
    let plan = plan::plan();
    for flaw in Flaw::ALL {
        let problem = (0..20_000).find_map(|number| {
            run(&plan, number, Some(flaw)).err().map(|problem| (number, problem))
        });
        let (number, problem) = problem.unwrap_or_else(|| panic!("{flaw:?} is not missed"));
        println!("{flaw:?}: schedule {number}: {problem}");
        assert!(flaw.shows_as().iter().any(|part| problem.contains(part)), "{flaw:?}: {problem}");
    }
}

#[test]
fn a_schedule_follows_from_its_number() {
    let plan = plan::plan();
    let twice = [(); 2].map(|()| (0..20).map(|number| run(&plan, number, None).unwrap()));
    let [first, second] = twice.map(|runs| runs.collect::<Vec<_>>());
    assert_eq!(first, second);
    let moods: Vec<Mood> = (0..20).map(Mood::of).collect();
    assert!(moods.contains(&Mood::Calm) && moods.contains(&Mood::Wild));
}
