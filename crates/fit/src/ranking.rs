//! Which law predicts best: laws of the same rows by their error on rows held out.

use crate::output::{Fit, HeldOut, Ranked};

/// Laws in all variables, by the root mean square of their errors over the windows that every one of
/// them could be fitted on; empty below two laws or without such a window.
pub fn rank(fits: &[Fit]) -> Vec<Ranked> {
    let mut groups: Vec<Vec<&Fit>> = Vec::new();
    for fit in fits.iter().filter(|fit| fit.validation.is_some()) {
        let alike = |other: &Fit| {
            (&other.series, &other.points, other.x, other.rows)
                == (&fit.series, &fit.points, fit.x, fit.rows)
        };
        match groups.iter_mut().find(|group| alike(group[0])) {
            Some(group) => group.push(fit),
            None => groups.push(vec![fit]),
        }
    }
    // A power with and without offset through the same few minima are no contest.
    groups.retain(|group| group.len() > if group[0].x.is_none() { 1 } else { 2 });
    groups.iter().flat_map(|group| ranked(group)).collect()
}

fn held(fit: &Fit) -> impl Iterator<Item = &HeldOut> {
    let validation = fit.validation.as_ref();
    validation
        .into_iter()
        .flat_map(|v| v.windows.iter().chain(&v.largest_size))
}

fn ranked(group: &[&Fit]) -> Vec<Ranked> {
    let common: Vec<&str> = held(group[0])
        .map(|window| window.window.as_str())
        .filter(|name| {
            group
                .iter()
                .all(|fit| held(fit).any(|window| window.window == *name))
        })
        .collect();
    if common.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<Ranked> = group
        .iter()
        .map(|fit| {
            let windows: Vec<&HeldOut> = held(fit)
                .filter(|window| common.contains(&window.window.as_str()))
                .collect();
            let held_out: usize = windows.iter().map(|window| window.held_out).sum();
            let squares: f64 = windows
                .iter()
                .map(|window| window.rms_error.powi(2) * window.held_out as f64)
                .sum();
            Ranked {
                law: fit.law.clone(),
                series: fit.series.clone(),
                rms_error: (squares / held_out as f64).sqrt(),
                windows: windows.len(),
                held_out,
                covered: windows.iter().map(|window| window.covered).sum(),
            }
        })
        .collect();
    all.sort_by(|a, b| a.rms_error.total_cmp(&b.rms_error));
    all
}
