//! On what prices rest: what was measured and when, what runs have taught, and how even it was.

use super::known::{Known, Speeds};
use isoflop_train::price::Load;
use serde::Serialize;

/// What the prices of a plan rest on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Basis {
    /// Models of the plan whose speed was measured by itself.
    measured: usize,
    /// Models whose speed is the median of runs that finished.
    learned: usize,
    /// Models that lie between these or beyond them.
    between: usize,
    /// Runs that the learned speeds are of.
    runs: u64,
    /// When the oldest of these speeds was found, RFC 3339 in UTC.
    oldest: Option<String>,
    /// When the newest was.
    newest: Option<String>,
    /// Median over models of the relative standard deviation of the seconds of a step.
    noise: Option<f64>,
}

impl Basis {
    pub(super) fn of(loads: &[Load], speeds: &Speeds) -> Basis {
        let find = |load: &Load| speeds.known.iter().find(|known| known.load == *load);
        let known: Vec<&Known> = loads.iter().filter_map(find).collect();
        let mut noises: Vec<f64> = known.iter().filter_map(|known| known.noise).collect();
        noises.sort_by(f64::total_cmp);
        let times = || known.iter().map(|known| known.at.clone());
        let learned = known.iter().filter(|known| known.runs > 0).count();
        Basis {
            measured: known.len() - learned,
            learned,
            between: loads.len() - known.len(),
            runs: known.iter().map(|known| known.runs).sum(),
            oldest: times().min(),
            newest: times().max(),
            noise: noises.get(noises.len() / 2).copied(),
        }
    }

    /// One line for the terminal: `speeds: 7 models measured 2031-05-05T07:00:00Z, uneven by 4 %`.
    pub fn in_words(&self) -> String {
        let models = |count: usize| match count {
            1 => "1 model".to_owned(),
            _ => format!("{count} models"),
        };
        let mut parts = Vec::new();
        if self.learned > 0 {
            let runs = match self.runs {
                1 => "1 run".to_owned(),
                count => format!("{count} runs"),
            };
            parts.push(format!("{} by {runs} that finished", models(self.learned)));
        }
        if self.measured > 0 {
            parts.push(format!("{} measured by themselves", models(self.measured)));
        }
        if self.between > 0 {
            parts.push(format!("{} estimated from their neighbours", models(self.between)));
        }
        let when = match (&self.oldest, &self.newest) {
            (Some(oldest), Some(newest)) if oldest == newest => format!(" ({newest})"),
            (Some(oldest), Some(newest)) => format!(" ({oldest} to {newest})"),
            _ => String::new(),
        };
        let noise = self.noise.map_or(String::new(), |noise| {
            format!("; a step's time varied by {:.0} %", (100.0 * noise).max(1.0))
        });
        format!("speeds: {}{when}{noise}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_was_measured_and_what_was_learned() {
        let basis = Basis {
            measured: 2,
            learned: 1,
            between: 0,
            runs: 5,
            oldest: Some("2031-05-05T07:00:00Z".to_owned()),
            newest: Some("2031-05-06T07:00:00Z".to_owned()),
            noise: Some(0.042),
        };
        assert_eq!(
            basis.in_words(),
            "speeds: 1 model by 5 runs that finished, 2 models measured by themselves \
             (2031-05-05T07:00:00Z to 2031-05-06T07:00:00Z); a step's time varied by 4 %"
        );
    }
}
