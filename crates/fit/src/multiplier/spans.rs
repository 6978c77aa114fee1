//! What runs have measured: tokens by size, and the costs whose best split lies among them.

use crate::output::Fit;

/// Tokens may exceed those that the neighbouring sizes were trained on by this factor.
const NEAR: f64 = 1.1;
/// Costs at which the best split is held against the runs.
const SCANNED: usize = 200;

/// Tokens that each size was trained on, by the logarithms of both.
pub(super) struct Spans(Vec<(f64, f64, f64)>);

impl Spans {
    pub(super) fn of(fit: &Fit) -> Option<Spans> {
        let mut rows: Vec<(f64, f64)> =
            fit.data.iter().filter_map(|p| Some((p.n?.ln(), p.d?.ln()))).collect();
        rows.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut sizes: Vec<(f64, f64, f64)> = Vec::new();
        for (n, d) in rows {
            match sizes.last_mut() {
                Some((known, low, high)) if n - *known < 1e-6 => {
                    (*low, *high) = (low.min(d), high.max(d));
                }
                _ => sizes.push((n, d, d)),
            }
        }
        (sizes.len() > 1).then_some(Spans(sizes))
    }

    /// ln N of the smallest and the largest size.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.0[0].0, self.0[self.0.len() - 1].0)
    }

    /// Whether runs of about this size had about as many tokens; spans are straight between sizes.
    pub(super) fn hold(&self, ln_n: f64, ln_d: f64) -> bool {
        let above = self.0.partition_point(|size| size.0 < ln_n).clamp(1, self.0.len() - 1);
        let (a, b) = (self.0[above - 1], self.0[above]);
        let share = ((ln_n - a.0) / (b.0 - a.0)).clamp(0.0, 1.0);
        let (low, high) = (a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share);
        (low - NEAR.ln()..=high + NEAR.ln()).contains(&ln_d)
    }
}

/// The longest stretch of costs between the least and the largest spent at which all were measured.
pub(super) fn stretch(
    spent: impl Iterator<Item = f64>,
    measured: impl Fn(f64) -> bool,
) -> Option<(f64, f64)> {
    let (low, high) = spent.fold((f64::INFINITY, 0.0f64), |(l, h), c| (l.min(c), h.max(c)));
    if !(low > 0.0 && high > low) {
        return None;
    }
    let cost = |k: usize| low * (high / low).powf(k as f64 / (SCANNED - 1) as f64);
    let (mut longest, mut from) = (None, None);
    for k in 0..=SCANNED {
        match k < SCANNED && measured(cost(k)) {
            true => from = from.or(Some(k)),
            false => {
                let found = from.take().map(|from| (from, k - 1));
                let length = |(from, to): (usize, usize)| to - from;
                if found.map(length) > longest.map(length) {
                    longest = found;
                }
            }
        }
    }
    let (from, to) = longest.filter(|(from, to)| to > from)?;
    Some((cost(from), cost(to)))
}
