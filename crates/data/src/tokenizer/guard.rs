//! Runs work that may never end on a thread of its own and abandons it after a while, since a
//! regular expression of a user's tokenizer cannot be stopped from outside. An abandoned thread
//! runs on until the process ends.

use isoflop_core::guard::guarded;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that are waiting for work.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Stack of a thread in bytes: deeply nested patterns or JSON need more than the usual 2 MiB.
const STACK: usize = 16 << 20;

/// Reason why work gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The work did not end in time.
    Late,
    /// The work panicked or no thread could be started; holds the message.
    Failed(String),
}

/// The result of `work`, if it comes within `limit`.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    let (answer, given) = channel();
    let job: Job = Box::new(move || {
        // The caller may no longer be waiting for the answer.
        let _ = answer.send(guarded(work));
    });
    let worker = hand_over(job)?;
    match given.recv_timeout(limit) {
        Ok(done) => {
            if let Ok(mut idle) = IDLE.lock() {
                idle.push(worker);
            }
            done.map_err(Stopped::Failed)
        }
        Err(_) => Err(Stopped::Late),
    }
}

/// Gives a job to a waiting thread or to a new one.
fn hand_over(mut job: Job) -> Result<Sender<Job>, Stopped> {
    loop {
        let idle = IDLE.lock().ok().and_then(|mut idle| idle.pop());
        let Some(worker) = idle else { break };
        match worker.send(job) {
            Ok(()) => return Ok(worker),
            Err(refused) => job = refused.0,
        }
    }
    let (worker, jobs): (Sender<Job>, Receiver<Job>) = channel();
    let work = move || {
        for job in jobs {
            job();
        }
    };
    let thread = thread::Builder::new().name("tokenizer".to_owned()).stack_size(STACK);
    thread.spawn(work).map_err(|error| Stopped::Failed(error.to_string()))?;
    let _ = worker.send(job);
    Ok(worker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_is_done_in_time_or_given_up_and_a_panic_is_an_answer() {
        let limit = Duration::from_secs(60);
        assert_eq!(within(limit, || 6 * 7), Ok(42));
        let begun = Instant::now();
        let late = within(Duration::from_millis(50), || {
            thread::sleep(Duration::from_secs(20));
        });
        assert_eq!(late, Err(Stopped::Late));
        assert!(begun.elapsed() < Duration::from_secs(10));
        let failed = within(limit, || -> u8 { panic!("as this test wants it") });
        assert_eq!(failed, Err(Stopped::Failed("as this test wants it".to_owned())));
        assert_eq!(within(limit, || "again"), Ok("again"));
    }

    #[test]
    fn many_threads_get_their_own_answers() {
        thread::scope(|scope| {
            for from in 0..8u64 {
                scope.spawn(move || {
                    for n in from..from + 100 {
                        assert_eq!(within(Duration::from_secs(60), move || n * n), Ok(n * n));
                    }
                });
            }
        });
    }
}
