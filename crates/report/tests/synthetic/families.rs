//! Two families whose true multipliers are known, with fits of their own runs.

use super::Synthetic;
use super::runs::{add_series, law, noise};
use isoflop_fit::output::Fits;
use isoflop_fit::{Law, Options, Point, fit};
use isoflop_results::RunRow;

/// A transformer, and a recurrent network that needs `factor` times its compute and its seconds at every loss.
/// Runs err by a thousandth.
pub fn two_families(factor: f64) -> Synthetic {
    let mut sweep = super::quickstart();
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits = Fits { level: 0.9, ..Fits::default() };
    for (family, factor) in [("transformer", 1.0), ("rnn", factor)] {
        let from = sweep.runs.len();
        let series = format!("model.family={family}");
        add_series(&mut sweep.runs, &mut sweep.curves, &series, 1.0);
        for run in &mut sweep.runs[from..] {
            let (n, d) = (run.n_non_embedding, run.tokens);
            let error = 1.0 + 0.001 * noise(n ^ (d << 3) ^ (family.len() as u64));
            let loss = law(n as f64, d as f64 / factor) * error;
            (run.test_loss, run.test_bpb) = (Some(loss), Some(loss / std::f64::consts::LN_2));
            run.family = family.to_owned();
        }
        let points: Vec<Point> = sweep.runs[from..].iter().map(point).collect();
        let options = Options { bootstrap: 200, ..Options::default() };
        let mut surface = fit(&points, Law::Chinchilla, &options).expect("a law made the rows");
        surface.series = series;
        sweep.fits.fits.push(surface);
    }
    sweep.title = "two-families".into();
    sweep
}

fn point(run: &RunRow) -> Point {
    Point {
        unit: run.run_id.clone(),
        n: Some(run.n_non_embedding as f64),
        d: Some(run.tokens as f64),
        c: Some(run.c_exact),
        ..Point::new(run.run_id.clone(), run.test_loss.expect("made up with it"))
    }
}
