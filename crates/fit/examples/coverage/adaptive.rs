//! Sweeps that look at their own losses: sizes that follow the budgets, and runs that are added until an exponent is
//! known, as `sizes = "auto"` and `until` do it.

use isoflop_core::placement::{Ladder, Minimum, Rung, STEP};
use isoflop_fit::advise::{Limits, Target, advise};
use isoflop_fit::{Law, Options, Point, fit};

/// The range of tokens per parameter of `sizes = "auto"`.
const TOKENS_PER_PARAM: [f64; 2] = [3.0, 3000.0];

/// Full width of the interval of n_exponent that is asked for.
const WANTED: f64 = 0.1;

/// Rounds of added runs at most, and runs of a round.
const ROUNDS: usize = 4;
const RUNS: usize = 6;

/// A run of some compute and size, and whether it belongs to a budget.
pub(crate) type Train<'a> = dyn Fn(f64, f64, bool) -> Point + 'a;

/// Runs of budgets whose sizes follow what has been trained.
pub(crate) fn placed(budgets: &[f64], train: &Train<'_>) -> Vec<Point> {
    let rung = |n: f64| Rung { n, flops: 6.0 * n };
    let rungs = (-2..14).map(|k| rung(1e3 * (f64::from(k) * STEP).exp())).collect();
    let ladder = Ladder::new(rungs, budgets[0]);
    let (mut points, mut minima, mut done) = (Vec::new(), Vec::new(), 0);
    while done < budgets.len() {
        let stage = ladder.stage(&budgets[done..], done == 0, &minima);
        let mut found = Vec::new();
        for (budget, expected) in budgets[done..].iter().zip(&stage) {
            let [low, high] = TOKENS_PER_PARAM;
            let allowed = |rung: &Rung| (low..=high).contains(&rung.tokens_per_param(*budget));
            let sizes = ladder.choose(expected, allowed).sizes;
            let runs: Vec<Point> =
                sizes.into_iter().map(|at| train(*budget, ladder.rungs()[at].n, true)).collect();
            let losses: Vec<(f64, f64)> =
                runs.iter().filter_map(|run| Some((run.n?, run.loss))).collect();
            found.extend(Minimum::of(*budget, &losses));
            points.extend(runs);
        }
        minima.extend(found);
        done += stage.len();
    }
    points
}

/// The runs with those that are added until n_exponent is known as well as it should be.
pub(crate) fn until(mut points: Vec<Point>, seed: u64, train: &Train<'_>) -> Vec<Point> {
    let flops = |points: &[Point]| points.iter().filter_map(|point| point.c).sum::<f64>();
    for _ in 0..ROUNDS {
        let options = Options { bootstrap: 60, seed, ..Options::default() };
        let Ok(found) = fit(&points, Law::Chinchilla, &options) else {
            break;
        };
        let known = found.parameters.get("n_exponent");
        let width = known.and_then(|known| Some(known.high? - known.low?));
        if width.is_some_and(|width| width <= WANTED) {
            break;
        }
        let limits = Limits { runs: RUNS, flops: flops(&points), ..Limits::default() };
        let Ok(advice) = advise(&found, &Target::Parameter("n_exponent".into()), limits) else {
            break;
        };
        if advice.runs.is_empty() {
            break;
        }
        // A run that is asked for again is one with another seed.
        let again = |points: &[Point], c: f64, n: f64| {
            points.iter().filter(|point| point.n == Some(n) && point.c == Some(c)).count()
        };
        for run in advice.runs {
            let c = 6.0
                * run.n
                * run.d
                * (1.0 + 1e-4 * again(&points, 6.0 * run.n * run.d, run.n) as f64);
            points.push(train(c, run.n, false));
        }
    }
    points
}
