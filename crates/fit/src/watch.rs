//! The watch over fits that somebody waits for: how far they are, and a way to end them early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A watch over fits, which any thread may ask. Clones share one state. A watch changes no fit, except that one
/// that it stops ends with [`crate::FitError::Stopped`].
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<State>);

#[derive(Debug, Default)]
struct State {
    stopped: AtomicBool,
    /// Work in rows of a replicate, as far as it is known.
    all: AtomicU64,
    done: AtomicU64,
}

/// Watches are no part of what is fitted.
impl PartialEq for Watch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Watch {
    /// Ends the fits within a fraction of a second.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the fits have been asked to end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// Share of the work that is done; zero while nothing is known of it.
    pub fn share(&self) -> f64 {
        let all = self.0.all.load(Ordering::Relaxed);
        let done = self.0.done.load(Ordering::Relaxed);
        match all {
            0 => 0.0,
            all => (done as f64 / all as f64).min(1.0),
        }
    }

    /// Adds work that is to come.
    pub(crate) fn expect(&self, work: u64) {
        self.0.all.fetch_add(work, Ordering::Relaxed);
    }

    fn add(&self, work: u64) {
        self.0.done.fetch_add(work, Ordering::Relaxed);
    }
}

/// One of the fits that a watch expects: its work counts as done when it is dropped at the latest.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    watch: &'a Watch,
    work: u64,
    done: AtomicU64,
}

impl<'a> Task<'a> {
    pub(crate) fn new(watch: &'a Watch, work: u64) -> Self {
        Task { watch, work, done: AtomicU64::new(0) }
    }

    /// Counts a share of the work as done.
    pub(crate) fn part(&self, share: f64) {
        let more = (self.work as f64 * share) as u64;
        let before = self.done.fetch_add(more, Ordering::Relaxed);
        self.watch.add(more.min(self.work.saturating_sub(before)));
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        let done = *self.done.get_mut();
        self.watch.add(self.work.saturating_sub(done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one_however_many_parts_are_told() {
        let watch = Watch::default();
        assert_eq!(watch.share(), 0.0);
        watch.expect(300);
        {
            let first = Task::new(&watch, 100);
            first.part(0.5);
            assert!((watch.share() - 50.0 / 300.0).abs() < 1e-12);
            first.part(0.9);
            assert!((watch.share() - 100.0 / 300.0).abs() < 1e-12);
        }
        drop(Task::new(&watch, 200));
        assert_eq!(watch.share(), 1.0);
    }
}
