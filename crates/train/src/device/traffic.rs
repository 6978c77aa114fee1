//! Counts what a device is asked to do: kernels launched, and bytes sent and fetched by training.

use std::sync::atomic::{AtomicU64, Ordering};

static SENT: AtomicU64 = AtomicU64::new(0);
static FETCHED: AtomicU64 = AtomicU64::new(0);

/// Counts over a stretch of work of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Number of kernels launched.
    pub launches: u64,
    /// Bytes of batches sent.
    pub sent_bytes: u64,
    /// Bytes of losses and norms fetched.
    pub fetched_bytes: u64,
}

pub(crate) fn sent(bytes: usize) {
    SENT.fetch_add(bytes as u64, Ordering::Relaxed);
}

pub(crate) fn fetched(bytes: usize) {
    FETCHED.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Does the work and counts what it asks of the device.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Traffic) {
    let now = || (SENT.load(Ordering::Relaxed), FETCHED.load(Ordering::Relaxed));
    let before = now();
    let (result, launches) = launches(work);
    let after = now();
    let traffic =
        Traffic { launches, sent_bytes: after.0 - before.0, fetched_bytes: after.1 - before.1 };
    (result, traffic)
}

#[cfg(not(feature = "wgpu"))]
fn launches<T>(work: impl FnOnce() -> T) -> (T, u64) {
    (work(), 0)
}

#[cfg(feature = "wgpu")]
fn launches<T>(work: impl FnOnce() -> T) -> (T, u64) {
    use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
    use std::sync::Arc;

    #[derive(Default)]
    struct Count(AtomicU64);

    impl LaunchObserver for Count {
        fn launched(&self, _: &'static str) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let count = Arc::new(Count::default());
    let observation = LaunchObservation::new(count.clone());
    let result = work();
    drop(observation);
    (result, count.0.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_and_fetched_meanwhile_is_counted() {
        let (result, traffic) = counted(|| {
            sent(40);
            fetched(8);
            sent(2);
            7
        });
        assert_eq!(result, 7);
        // Other tests of the process may send bytes at the same time.
        assert!(traffic.sent_bytes >= 42 && traffic.fetched_bytes >= 8);
    }
}
