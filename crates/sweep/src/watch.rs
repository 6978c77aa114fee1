//! Judges whether the holder of a run lives, by what this process sees and on its own clock: a time
//! in a file, or of one, was written by a clock that may be wrong.

use crate::claim::BURIAL;
use crate::lease::EXPIRY;
use std::collections::HashMap;
use std::time::Duration;

/// What is known of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The holder lives: its process is there, or it gave a sign of life while it was watched.
    Alive,
    /// Nothing is known of the holder but that it was there before it was watched.
    Unsure,
    /// The holder died a moment ago; its supervisor may still record the death.
    Dying,
    /// The holder is dead, or has not given a sign of life for so long that its run is open.
    Gone,
}

/// Claims that this process has watched, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    sightings: HashMap<String, Sighting>,
}

#[derive(Clone, Debug)]
struct Sighting {
    line: u64,
    sign: Option<Vec<u8>>,
    /// Whether the sign of life was seen in another form before.
    has_changed: bool,
    /// Time at which the sign of life was first seen in this form.
    since: Duration,
    /// Time at which the holder was first found dead.
    dead: Option<Duration>,
}

impl Watch {
    /// Judges the holder of a line whose latest sign of life is `sign`, which was read after the time
    /// `look.0` and before `look.1`: this process may have been stopped between the two, and then it
    /// has watched for the shorter time. `is_alive` is what the system knows of the process.
    pub(crate) fn judge(
        &mut self,
        key: &str,
        line: u64,
        sign: Option<&[u8]>,
        is_alive: Option<bool>,
        look: (Duration, Duration),
    ) -> Life {
        let new = |has_changed| {
            let sign = sign.map(<[u8]>::to_vec);
            Sighting { line, sign, has_changed, since: look.1, dead: None }
        };
        let seen = self.sightings.entry(key.to_owned()).or_insert_with(|| new(false));
        if seen.line != line || seen.sign.as_deref() != sign {
            *seen = new(seen.line == line);
        }
        let dead = match is_alive {
            Some(false) => Some(*seen.dead.get_or_insert(look.1)),
            _ => None,
        };
        if look.0.saturating_sub(seen.since) >= EXPIRY
            || dead.is_some_and(|dead| look.0.saturating_sub(dead) >= BURIAL)
        {
            return Life::Gone;
        }
        match is_alive {
            Some(false) => Life::Dying,
            None if !seen.has_changed => Life::Unsure,
            _ => Life::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> (Duration, Duration) {
        between(seconds, seconds)
    }

    fn between(before: u64, after: u64) -> (Duration, Duration) {
        [before, after].map(|seconds| Duration::from_secs(1_000_000 + seconds)).into()
    }

    #[test]
    fn a_holder_is_gone_once_nothing_has_changed_for_two_minutes_of_watching() {
        let mut watch = Watch::default();
        let mut look = |seconds, line, sign: &str| {
            watch.judge("a", line, Some(sign.as_bytes()), None, at(seconds))
        };
        assert_eq!(look(0, 1, "step 1"), Life::Unsure, "how old it is cannot be known");
        assert_eq!(look(119, 1, "step 1"), Life::Unsure);
        assert_eq!(look(120, 1, "step 1"), Life::Gone);
        assert_eq!(look(130, 1, "step 2"), Life::Alive, "it woke up");
        assert_eq!(look(249, 1, "step 2"), Life::Alive);
        assert_eq!(look(251, 3, "step 2"), Life::Unsure, "another claim");
        assert_eq!(look(371, 3, "step 2"), Life::Gone);
    }

    #[test]
    fn a_watcher_that_was_stopped_while_it_looked_has_watched_for_the_shorter_time() {
        let mut watch = Watch::default();
        let mut look =
            |before, after| watch.judge("a", 1, Some(b"x"), None, between(before, after));
        assert_eq!(look(0, 500), Life::Unsure);
        assert_eq!(look(501, 900), Life::Unsure);
        assert_eq!(look(619, 900), Life::Unsure);
        assert_eq!(look(620, 620), Life::Gone);
    }

    #[test]
    fn a_holder_that_never_gave_a_sign_is_watched_as_long() {
        let mut watch = Watch::default();
        assert_eq!(watch.judge("a", 1, None, None, at(0)), Life::Unsure);
        assert_eq!(watch.judge("a", 1, None, Some(true), at(119)), Life::Alive);
        assert_eq!(watch.judge("a", 1, None, Some(true), at(120)), Life::Gone);
    }

    #[test]
    fn a_dead_process_of_this_machine_is_left_to_its_supervisor_for_a_moment() {
        let mut watch = Watch::default();
        let mut look = |seconds, alive| watch.judge("a", 1, Some(b"x"), Some(alive), at(seconds));
        assert_eq!(look(0, true), Life::Alive);
        assert_eq!(look(50, false), Life::Dying);
        assert_eq!(look(54, false), Life::Dying);
        assert_eq!(look(55, false), Life::Gone);
    }
}
