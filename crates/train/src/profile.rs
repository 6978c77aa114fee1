//! Measures where the time of a training step goes. It is off by default; when on, a clock is read
//! around every part of every operation on this thread.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static PARTS: RefCell<Vec<(&'static str, Duration)>> = const { RefCell::new(Vec::new()) };
}

/// Clears all measurements and switches measuring on or off.
pub fn measure(on: bool) {
    ON.set(on);
    PARTS.with_borrow_mut(Vec::clear);
}

/// Time spent in each part since [`measure`] was called, in order of first use.
pub fn parts() -> Vec<(&'static str, Duration)> {
    PARTS.with_borrow(Clone::clone)
}

/// Runs `work` and adds its time to the part with this name.
#[inline]
pub(crate) fn part<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    if !ON.get() {
        return work();
    }
    let started = Instant::now();
    let result = work();
    let spent = started.elapsed();
    PARTS.with_borrow_mut(|parts| match parts.iter_mut().find(|(part, _)| *part == name) {
        Some((_, total)) => *total += spent,
        None => parts.push((name, spent)),
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_by_name_and_only_when_asked() {
        let work = || std::thread::sleep(Duration::from_millis(2));
        part("unseen", work);
        measure(true);
        part("a", work);
        part("b", work);
        part("a", work);
        let seen = parts();
        assert_eq!(seen.iter().map(|part| part.0).collect::<Vec<_>>(), ["a", "b"]);
        assert!(seen[0].1 >= Duration::from_millis(4));
        measure(false);
        assert!(parts().is_empty());
    }
}
