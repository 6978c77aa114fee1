//! Runs that differ in their rate and seed alone.

use super::RateRun;
use super::law::Place;

/// Runs of one model, token count, batch and decay.
pub(super) struct Group<'a> {
    pub(super) runs: Vec<&'a RateRun>,
}

/// Share by which decays of one key of a sweep file may differ, since they are whole steps.
const STEPS: f64 = 0.05;

/// The runs in groups, in the order in which each first occurs.
pub(super) fn groups<'a>(runs: &[&'a RateRun]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|group| group.holds(run)) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { runs: vec![run] }),
        }
    }
    groups
}

/// Whether two numbers are one but for a share.
pub(super) fn alike(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() <= share * a.abs().max(b.abs())
}

impl Group<'_> {
    fn holds(&self, run: &RateRun) -> bool {
        let first = self.runs[0];
        let same = |of: fn(&RateRun) -> f64| of(first) == of(run);
        first.series == run.series
            && first.model == run.model
            && same(|run| run.n)
            && same(|run| run.d)
            && same(|run| run.batch)
            && alike(first.decay, run.decay, STEPS)
    }

    pub(super) fn n(&self) -> f64 {
        self.runs[0].n
    }

    pub(super) fn d(&self) -> f64 {
        self.runs[0].d
    }

    pub(super) fn batch(&self) -> f64 {
        self.runs[0].batch
    }

    pub(super) fn decay(&self) -> f64 {
        self.runs[0].decay
    }

    pub(super) fn rule(&self) -> Option<f64> {
        self.runs[0].rule
    }

    pub(super) fn seeds(&self) -> usize {
        let mut seeds: Vec<u64> = self.runs.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds.len()
    }

    pub(super) fn finished(&self) -> impl Iterator<Item = &RateRun> {
        self.runs.iter().copied().filter(|run| run.loss.is_some())
    }

    /// ln rate and loss of each finished run.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        self.finished().filter_map(|run| Some((run.rate.ln(), run.loss?))).collect()
    }

    pub(super) fn place(&self) -> Place {
        // A rate that never falls has no logarithm of its decay, and no other decay beside it.
        [self.n().ln(), self.d().ln(), self.batch().ln(), self.decay().max(1e-3).ln()]
    }
}
