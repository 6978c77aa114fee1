//! Checks of what must hold for any input of this crate, for tests that feed it damaged ones.

use crate::fit::fit;
use crate::isoflop::isoflop;
use crate::laws::Law;
use crate::optimum::Cost;
use crate::options::Options;
use crate::output::{Axis, Estimate, Fits};
use crate::point::Point;
use crate::predict::At;

/// Bytes of a `fits.json`: whatever is accepted can be written, read again and predicted with.
///
/// # Panics
/// Where that does not hold.
pub fn fits(bytes: &[u8]) {
    let Ok(fits) = Fits::parse(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&fits).expect("what was read can be written");
    assert_eq!(Fits::parse(&written).as_ref(), Ok(&fits));
    for fit in &fits.fits {
        let sound = |estimate: &Estimate| {
            assert!(estimate.value.is_finite() && estimate.value > 0.0);
            let ends = estimate.low.zip(estimate.high);
            assert!(ends.is_none_or(|(low, high)| low <= high));
        };
        let counted = Cost::counted(fit);
        for c in [1e-300, 1.0, 1e14, 1e21, 1e300] {
            let at = |n, d, c| At {
                n,
                d,
                c,
                epochs: Some(3.0),
                batch: Some(512.0),
                experts: Some(8.0),
                granularity: Some(2.0),
            };
            let places = [
                at(None, None, Some(c)),
                at(Some(c.sqrt()), None, Some(c)),
                at(Some(1e6), Some(c), None),
                at(None, Some(c), None),
            ];
            let sizes = places.into_iter().filter_map(|at| fit.effective(at));
            sizes.for_each(|found| sound(&found.estimate));
            let predicted = places.into_iter().filter_map(|at| fit.predict(at));
            predicted.for_each(|found| sound(&found.estimate));
            for cost in [Some(Cost::SixNd), counted.clone()].into_iter().flatten() {
                let found = fit.optimum(c, &cost).into_iter().flatten();
                found.for_each(|found| sound(&found.estimate));
                fit.misallocation(c, 1e6, &cost);
            }
        }
    }
}

/// Rows at most: a row more changes nothing that a fit does.
const ROWS: usize = 60;

/// A table in text, `n d c loss budget epochs batch experts unit granularity` a row, each as `f64` reads it: under the
/// law that the bytes choose, a fit ends in numbers that can be written, or in a refusal.
///
/// # Panics
/// Where that does not hold.
pub fn points(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut points = Vec::new();
    for (row, line) in text.lines().take(ROWS).enumerate() {
        let cells: Vec<Option<f64>> = line.split(' ').map(|cell| cell.parse().ok()).collect();
        let cell = |at: usize| cells.get(at).copied().flatten();
        points.push(Point {
            n: cell(0),
            d: cell(1),
            c: cell(2),
            flops_budget: cell(4),
            epochs: cell(5),
            batch: cell(6),
            experts: cell(7),
            n_total: cell(0).zip(cell(7)).map(|(n, experts)| n * experts),
            granularity: cell(9),
            unit: cell(8).map_or(row.to_string(), |unit| unit.to_string()),
            ..Point::new(row.to_string(), cell(3).unwrap_or(f64::NAN))
        });
    }
    let options = Options { bootstrap: 12, ..Options::default() };
    let sum = bytes.iter().fold(0u64, |sum, b| sum.wrapping_mul(31) + u64::from(*b));
    let laws: Vec<&str> = Law::list().flat_map(|(names, _)| names.split(", ")).collect();
    let axis = [Axis::N, Axis::D, Axis::C][(sum / 64 % 3) as usize];
    let name = laws[(sum % laws.len() as u64) as usize];
    // Names of `--list` that need a number do not read as they stand.
    let law = Law::parse(name, Some(axis)).unwrap_or(Law::Pinned(1.5));
    let mut fits = Fits { level: crate::LEVEL, ..Fits::default() };
    fits.fits.extend(fit(&points, law, &options));
    fits.isoflop.extend(isoflop(&points, &options).ok().flatten());
    crate::side_by_side(&points, &mut fits, &options);
    let written = serde_json::to_vec(&fits).expect("a fit can be written");
    let read = Fits::parse(&written);
    assert!(read.is_ok(), "{law:?}: {read:?}");
    self::fits(&written);
}
