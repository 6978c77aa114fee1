//! How many pilots a sweep is given, and in how many arrays.

/// Limits on the pilots of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most pilots at a time.
    pub max_jobs: u64,
    /// Workers of a pilot.
    pub workers: u64,
    /// Seconds that a pilot may run for.
    pub lifetime_s: u64,
    /// Most tasks of an array.
    pub max_array: u64,
}

/// Pilots for what is left of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Number of pilots that should be alive.
    pub pilots: u64,
    /// Number of pilots that are still to be submitted.
    pub missing: u64,
    /// Numbers of tasks of the arrays that hold those.
    pub arrays: Vec<u64>,
}

/// Part of its life that a pilot should be worth starting for: administrators dislike jobs of
/// seconds.
const WORTH: u64 = 6;

impl Packing {
    /// Pilots for `open` runs that take `work_s` seconds of a worker together and the longest of
    /// which takes `longest_s`, where `alive` pilots wait or work already.
    ///
    /// There are as many as keep all their workers busy: no more workers than runs, and for each
    /// worker as much work as the longest run is, since the sweep ends no sooner than that. Where
    /// runs are short, a pilot has a sixth of a life to do at least.
    pub fn of(open: u64, work_s: f64, longest_s: f64, alive: u64, bounds: Bounds) -> Packing {
        let workers = bounds.workers.max(1);
        let share_s = longest_s.max(bounds.lifetime_s as f64 / WORTH as f64).max(1.0);
        let busy = (work_s / (workers as f64 * share_s)).ceil().max(1.0) as u64;
        let pilots = match open {
            0 => 0,
            _ => busy.min(open.div_ceil(workers)).min(bounds.max_jobs),
        };
        let missing = pilots.saturating_sub(alive);
        let most = bounds.max_array.max(1);
        let (full, rest) = (missing / most, missing % most);
        let mut arrays = vec![most; full as usize];
        arrays.extend((rest > 0).then_some(rest));
        Packing { pilots, missing, arrays }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Bounds = Bounds { max_jobs: 50, workers: 4, lifetime_s: 3600, max_array: 1001 };

    #[test]
    fn pilots_are_as_many_as_the_work_keeps_busy() {
        let of = |open, work_s: f64, longest_s, alive| {
            let Packing { pilots, missing, .. } = Packing::of(open, work_s, longest_s, alive, HOUR);
            (pilots, missing)
        };
        // Ten thousand runs of a minute: the cap.
        assert_eq!(of(10_000, 6e5, 60.0, 0), (50, 50));
        assert_eq!(of(10_000, 6e5, 60.0, 20), (50, 30));
        assert_eq!(of(10_000, 6e5, 60.0, 60), (50, 0));
        // A minute of work, or eight runs: one pilot, and two.
        assert_eq!(of(100, 60.0, 1.0, 0), (1, 1));
        assert_eq!(of(8, 8.0 * 3600.0, 3600.0, 0), (2, 2));
        // One run of a day beside little ones leaves no use for more than one pilot.
        assert_eq!(of(100, 90_000.0, 86_400.0, 0), (1, 1));
        assert_eq!(of(0, 0.0, 0.0, 3), (0, 0));
    }

    proptest! {
        #[test]
        fn arrays_hold_what_is_missing_within_every_limit(
            open in 0u64..20_000, work in 0.0..1e9f64, longest in 0.0..1e6f64, alive in 0u64..100,
            max_jobs in 1u64..5000, workers in 1u64..64, max_array in 1u64..2000,
        ) {
            let bounds = Bounds { max_jobs, workers, lifetime_s: 3600, max_array };
            let packing = Packing::of(open, work, longest, alive, bounds);
            prop_assert_eq!(packing.arrays.iter().sum::<u64>(), packing.missing);
            prop_assert!(packing.arrays.iter().all(|tasks| (1..=max_array).contains(tasks)));
            prop_assert!(packing.pilots <= max_jobs);
            prop_assert!(packing.missing == 0 || packing.missing + alive <= max_jobs);
            // Never more workers than open runs but for the last pilot's.
            prop_assert!(packing.pilots == 0 || (packing.pilots - 1) * workers < open);
            prop_assert!((open > 0) == (packing.pilots > 0));
        }
    }
}
