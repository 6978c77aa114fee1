//! What a fit on some of the rows predicts for the others.

use crate::account::scatter;
use crate::bootstrap::bootstrap;
use crate::design::{Design, mean};
use crate::drift::Drift;
use crate::engine::{Engine, Held, engine};
use crate::few::Few;
use crate::intervals::deviation;
use crate::laws::Law;
use crate::objective::Objective;
use crate::options::Options;
use crate::output::{FittedPoint, Forecast, HeldOut, Reached};
use crate::point::Point;
use crate::spread::Spread;
use crate::units::Units;

/// How parts of the rows are fitted.
pub(crate) struct Judge<'a> {
    pub(crate) law: Law,
    pub(crate) objective: Objective,
    /// Natural parameters of the fit on all rows: one start of several.
    pub(crate) full: &'a [f64],
    /// Parameters that are held.
    pub(crate) holds: &'a [Held],
    /// Whether the fit on all rows has one optimum.
    pub(crate) lone: bool,
    pub(crate) options: Options,
}

/// A fit on a part of the rows.
pub(crate) struct Outlook {
    /// The rows fitted, in words.
    name: String,
    rows: usize,
    /// Smallest compute fitted.
    least: f64,
    /// Largest compute fitted.
    most: f64,
    /// Standard deviation of ln L of single runs.
    scatter: f64,
    engine: Box<dyn Engine>,
    t: Vec<f64>,
    /// Natural parameters of each replicate; none without a bootstrap.
    replicates: Option<Vec<Vec<f64>>>,
}

/// The loss that a fit predicts for a row.
struct Predicted {
    /// `ln C` beyond the largest compute fitted; zero within it.
    beyond: f64,
    predicted: f64,
    /// The loss that each replicate predicts.
    drawn: Vec<f64>,
}

impl Judge<'_> {
    /// None where these rows do not identify the law.
    pub(crate) fn outlook(&self, name: String, fitted: &[Point]) -> Option<Outlook> {
        let law = self.law;
        let design = Design::new(fitted, law, self.holds.len()).ok()?;
        let mut engine = engine(fitted, law, self.objective, self.holds).ok()?;
        engine.watched_by(&self.options.watch);
        let start = engine.inner(self.full);
        let best = engine.solve_near(&[start], self.lone)?;
        let replicates = (self.options.bootstrap > 0).then(|| {
            let known = [best.t.clone()];
            let (units, watch) = (Units::of(fitted), &self.options.watch);
            let few = Few::of(fitted, &units, &*engine, &known, watch);
            let few = few.as_ref();
            bootstrap(&design, &*engine, &units, few, &known, &self.options, None).values
        });
        let data: Vec<FittedPoint> = fitted
            .iter()
            .zip(engine.losses(&best.t))
            .map(|(point, fitted)| FittedPoint {
                label: String::new(),
                n: None,
                d: None,
                c: None,
                loss: point.loss,
                fitted,
            })
            .collect();
        Some(Outlook {
            name,
            rows: fitted.len(),
            least: least(fitted),
            most: most(fitted),
            scatter: scatter(&data, engine.free()).unwrap_or(0.0),
            t: best.t,
            engine,
            replicates,
        })
    }
}

impl Outlook {
    fn says(&self, point: &Point) -> Option<Predicted> {
        let law = self.engine.law();
        let place = law.place(point).ok()?;
        let replicates = self.replicates.iter().flatten();
        Some(Predicted {
            beyond: (point.compute()? / self.most).ln().max(0.0),
            predicted: self.engine.loss_at(&self.t, &place),
            drawn: replicates
                .map(|values| law.loss_of(values, &place))
                .filter(|loss| loss.is_finite() && *loss > 0.0)
                .collect(),
        })
    }

    fn spread(&self, said: &Predicted, drift: &Drift) -> Spread {
        drift.spread(self.scatter, said.beyond)
    }

    /// `ln` of the range of compute fitted.
    pub(crate) fn range(&self) -> f64 {
        (self.most / self.least).ln()
    }

    /// How the rows of every later budget lie to what is said of them, up to the first budget where a
    /// number is not finite.
    pub(crate) fn reached(&self, later: &[Vec<Point>]) -> Vec<Reached> {
        later.iter().map_while(|rows| self.one_reached(rows)).collect()
    }

    fn one_reached(&self, rows: &[Point]) -> Option<Reached> {
        let said: Vec<Predicted> =
            rows.iter().map(|point| self.says(point)).collect::<Option<_>>()?;
        let both = said.iter().zip(rows);
        let errors: Vec<f64> =
            both.map(|(said, point)| (said.predicted / point.loss).ln()).collect();
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let (count, mean_error) = (errors.len() as f64, mean(&errors));
        let whole = said.iter().map(|said| said.drawn.len()).min().unwrap_or(0);
        let replicate = |k: usize| {
            let all: Vec<f64> = said.iter().map(|said| said.drawn[k].ln()).collect();
            mean(&all)
        };
        let means: Vec<f64> = (0..whole).map(replicate).collect();
        let open = if whole > 1 { deviation(&means) } else { 0.0 };
        let expected = open.hypot(self.scatter / count.sqrt());
        let beyond: Vec<f64> = said.iter().map(|said| said.beyond).collect();
        let finite = mean_error.is_finite() && squares.is_finite() && expected.is_finite();
        finite.then(|| Reached {
            reach: mean(&beyond).exp(),
            held_out: errors.len(),
            mean_error,
            rms_error: (squares / count).sqrt(),
            expected,
            covered: None,
        })
    }

    /// Counts the rows inside the intervals that the fit and this drift give them.
    fn count(&self, rows: &[Point], drift: &Drift) -> Option<usize> {
        self.replicates.as_ref()?;
        let inside = |point: &&Point| {
            let said = self.says(point);
            said.is_some_and(|said| {
                let spread = self.spread(&said, drift);
                spread.holds(point.loss, said.predicted, &said.drawn)
            })
        };
        Some(rows.iter().filter(inside).count())
    }

    /// The window that the next budget judges, and every one after it.
    pub(crate) fn held_out(
        &self,
        judged: String,
        later: &[Vec<Point>],
        mut reached: Vec<Reached>,
        drift: &Drift,
    ) -> Option<HeldOut> {
        for (at, rows) in reached.iter_mut().zip(later) {
            at.covered = self.count(rows, drift);
        }
        let (next, first) = (later.first()?, reached.first()?.clone());
        Some(HeldOut {
            window: self.name.clone(),
            judged,
            rows: self.rows,
            held_out: first.held_out,
            range: Some(self.most / self.least),
            reach: most(next) / self.most.min(most(next) / 1.000_001),
            mean_error: first.mean_error,
            rms_error: first.rms_error,
            covered: first.covered,
            points: next.iter().filter_map(|point| self.forecast(point, drift)).collect(),
            reached,
        })
    }

    fn forecast(&self, point: &Point, drift: &Drift) -> Option<Forecast> {
        let said = self.says(point)?;
        let spread = self.spread(&said, drift);
        let interval = self.replicates.is_some().then(|| spread.about(said.predicted, &said.drawn));
        Some(Forecast {
            label: point.label.clone(),
            n: point.n,
            d: point.d,
            c: point.c,
            loss: point.loss,
            predicted: said.predicted,
            low: interval.and_then(|interval| interval.low),
            high: interval.and_then(|interval| interval.high),
        })
    }
}

pub(crate) fn least(points: &[Point]) -> f64 {
    let all = points.iter().filter_map(Point::compute);
    all.fold(f64::INFINITY, f64::min)
}

pub(crate) fn most(points: &[Point]) -> f64 {
    points.iter().filter_map(Point::compute).fold(0.0, f64::max)
}
