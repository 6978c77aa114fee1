//! Intervals of isoFLOP optima.
//!
//! A budget has a handful of runs. Runs drawn with replacement would leave curves without a bottom, so each
//! replicate gives the runs new errors about their parabolas. The size of these errors is what the residuals of
//! all budgets allow (each budget spends three coefficients), and an error that runs of one trunk share across
//! budgets is drawn once for all of them. A replicate whose parabola has its bottom beyond the sizes, or none,
//! says that the best size may lie there: it counts as it is, with a bottom infinitely far where there is none.

use crate::curve::{Bottom, Curve};
use crate::errors::Errors;
use crate::intervals::{TAIL, deviation, outer_quantile};
use crate::options::Options;
use crate::output::{Bootstrap, Estimate, Isoflop, Problem, Warning};
use crate::parabola::fit_parabola;
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::units::scientific;
use rayon::prelude::*;

/// Bottoms of the replicates, one a budget; None where a replicate's curve has none.
pub(crate) type Draws = Vec<Vec<Option<Bottom>>>;

/// Where a replicate's errors come from.
enum Noise {
    /// What residuals tell of relative errors.
    Residuals(Errors),
    /// A known standard deviation between seeds.
    Seeds(f64),
}

/// Degrees of freedom below which pooled residuals tell little of the noise.
const FEW: f64 = 5.0;
/// Distance beyond the sizes, in spans of them, from which on a bottom counts as infinitely far.
const NOWHERE: f64 = 10.0;

/// A bottom of a replicate's curve, wherever it lies.
#[derive(Clone, Copy, Debug)]
struct Loose {
    /// ln N and ln D; infinite where the curve has no bottom.
    at: [f64; 2],
    loss: f64,
}

/// Adds intervals, and the bottoms they came from; without replicates or without any noise to
/// draw from, neither.
pub(crate) fn with_intervals(
    mut isoflop: Isoflop,
    curves: &[Curve],
    options: &Options,
) -> (Isoflop, Draws) {
    if options.bootstrap == 0 {
        return (isoflop, Vec::new());
    }
    let fitted: Vec<Option<Vec<f64>>> = curves.iter().map(fitted).collect();
    let noise = match (residuals(curves, &fitted), options.seed_noise) {
        (Some(errors), _) => Noise::Residuals(errors),
        (None, Some(noise)) => Noise::Seeds(noise),
        (None, None) if curves.iter().any(|curve| curve.losses.len() > 3) => Noise::Seeds(0.0),
        (None, None) => {
            let text = "the minima have no intervals, because every budget has three runs or fewer and a parabola meets those exactly";
            isoflop.remarks.warn(Problem::FewSizes, text, Vec::new());
            return (isoflop, Vec::new());
        }
    };
    if let Noise::Residuals(errors) = &noise
        && errors.freedom() < FEW
    {
        let degrees = match errors.freedom() {
            1.0 => "1 degree".to_owned(),
            freedom => format!("{freedom} degrees"),
        };
        isoflop.remarks.note(format!(
            "the intervals rest on {degrees} of freedom in all, which makes them wide"
        ));
    }
    let redraw = |index: u64| -> Vec<(Option<Bottom>, Option<Loose>)> {
        // Nobody reads the replicates of a fit that was stopped.
        if options.watch.is_stopped() {
            return vec![(None, None); curves.len()];
        }
        let drawn = noise.draw(&fitted, options.seed, index);
        let curves = curves.iter().zip(drawn);
        curves
            .map(|(curve, losses)| match losses {
                Some(losses) => (curve.bottom(&losses), loose(curve, &losses)),
                None => (None, None),
            })
            .collect()
    };
    let all: Vec<Vec<(Option<Bottom>, Option<Loose>)>> =
        (0..options.bootstrap as u64).into_par_iter().map(redraw).collect();
    let column = |draw: &Vec<(Option<Bottom>, Option<Loose>)>| draw.iter().map(|b| b.0).collect();
    let draws: Draws = all.iter().map(column).collect();
    let loose: Vec<Vec<Option<Loose>>> =
        all.iter().map(|draw| draw.iter().map(|b| b.1).collect()).collect();
    fill_budgets(&mut isoflop, &draws, &loose);
    fill_exponents(&mut isoflop, curves, &loose);
    isoflop.bootstrap = Some(Bootstrap {
        replicates: options.bootstrap,
        unit: match noise {
            Noise::Residuals(_) => "normal errors about the parabolas, a run's own and one that runs of a unit share, their deviations drawn from what the residuals of all budgets allow (as Student's t does); a curve without a bottom counts as one infinitely far".into(),
            Noise::Seeds(noise) => format!("normal errors of {noise} nats, the noise between seeds"),
        },
        units: curves.iter().map(|curve| curve.losses.len()).sum(),
        interval: "percentile".into(),
        headline: "replicates".into(),
        seed: options.seed,
        ..Bootstrap::default()
    });
    (isoflop, draws)
}

/// The parabola at each run; none of a curve without one.
fn fitted(curve: &Curve) -> Option<Vec<f64>> {
    let parabola = fit_parabola(&curve.ln_n, &curve.losses)?;
    let at = |log: &f64| parabola.loss(log.exp());
    Some(curve.ln_n.iter().map(at).collect())
}

/// Relative errors about the parabolas of all budgets, told by their residuals: three columns a budget.
fn residuals(curves: &[Curve], fitted: &[Option<Vec<f64>>]) -> Option<Errors> {
    let told: Vec<(&Curve, &Vec<f64>)> = curves
        .iter()
        .zip(fitted)
        .filter_map(|(curve, fitted)| Some((curve, fitted.as_ref()?)))
        .collect();
    let (mut residuals, mut slopes, mut units) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (curve, fitted)) in told.iter().enumerate() {
        let (low, high) = curve.span();
        for (row, loss) in fitted.iter().enumerate() {
            let u = (2.0 * curve.ln_n[row] - low - high) / (high - low);
            let mut slope = vec![0.0; 3 * told.len()];
            slope[3 * at..3 * at + 3].copy_from_slice(&[1.0, u, u * u]);
            residuals.push(curve.losses[row] / loss - 1.0);
            slopes.push(slope);
            units.push(curve.units[row]);
        }
    }
    let weights = vec![1.0; residuals.len()];
    Errors::new(&residuals, &slopes, 3 * told.len(), weights, &units)
}

impl Noise {
    /// Losses of replicate number `index`, of each curve that has a parabola.
    fn draw(&self, fitted: &[Option<Vec<f64>>], seed: u64, index: u64) -> Vec<Option<Vec<f64>>> {
        let mut rng = stream(seed, Purpose::Bootstrap, index);
        let mut drawn = match self {
            Noise::Residuals(errors) => errors.replicate(seed, index),
            Noise::Seeds(_) => Vec::new(),
        }
        .into_iter();
        let mut err = |loss: &f64| match self {
            Noise::Residuals(_) => loss * (1.0 + drawn.next().unwrap_or(0.0)),
            Noise::Seeds(deviation) => loss + deviation * normal_pair(&mut rng).0,
        };
        let curves = fitted.iter();
        curves.map(|curve| Some(curve.as_ref()?.iter().map(&mut err).collect())).collect()
    }
}

/// None where the losses have no parabola.
fn loose(curve: &Curve, losses: &[f64]) -> Option<Loose> {
    let parabola = fit_parabola(&curve.ln_n, losses)?;
    let (low, high) = curve.span();
    let [at_low, at_high] = [low, high].map(|log| parabola.loss(log.exp()));
    let far = NOWHERE * (high - low);
    let (at, loss) = match parabola.bottom() {
        Some((at, loss)) if at > low - far && at < high + far => (at, loss),
        _ if at_low < at_high => (f64::NEG_INFINITY, at_low),
        _ => (f64::INFINITY, at_high),
    };
    Some(Loose { at: [at, curve.tokens(at)], loss })
}

/// A value with the ends of what replicates say at least and at most of it; open where too many
/// of them are infinite.
fn within(value: f64, lows: Vec<f64>, highs: Vec<f64>) -> Estimate {
    let finite = lows.len() > 1 && lows.iter().chain(&highs).all(|x| x.is_finite());
    let standard_error = finite.then(|| deviation(&lows));
    let (low, high) = (outer_quantile(lows, TAIL), outer_quantile(highs, 1.0 - TAIL));
    Estimate {
        value,
        low,
        high,
        standard_error,
        identified: low.is_some() && high.is_some(),
        fixed: false,
    }
    .with_its_value()
}

fn fill_budgets(isoflop: &mut Isoflop, draws: &Draws, loose: &[Vec<Option<Loose>>]) {
    let (mut doubtful, mut add) = (Vec::new(), Vec::new());
    for (at, budget) in isoflop.budgets.iter_mut().enumerate() {
        let Some(minimum) = &mut budget.minimum else {
            continue;
        };
        let inside = draws.iter().filter(|draw| draw[at].is_some()).count();
        let often = inside * 20 >= draws.len() * 19;
        let interval = |value: f64, of: &dyn Fn(&Loose) -> f64| {
            let column: Vec<f64> =
                loose.iter().filter_map(|draw| draw[at].as_ref()).map(of).collect();
            let found = within(value, column.clone(), column);
            Estimate {
                // A bottom infinitely far below is at zero.
                low: found.low.filter(|low| *low > 0.0),
                identified: found.identified && often,
                ..found
            }
        };
        minimum.n_opt = interval(minimum.n_opt.value, &|loose| loose.at[0].exp());
        minimum.d_opt = interval(minimum.d_opt.value, &|loose| loose.at[1].exp());
        minimum.loss = interval(minimum.loss.value, &|loose| loose.loss);
        if !often {
            let lost = 100 * (draws.len() - inside) / draws.len();
            let budget = scientific(budget.flops_budget);
            doubtful.push(format!("that of {budget} FLOPs in {lost} %"));
            let outside = draws.iter().zip(loose).filter(|(draw, _)| draw[at].is_none());
            let places = outside.filter_map(|(_, loose)| Some(loose[at].as_ref()?.at[0]));
            add.push(format!("{} at {budget} FLOPs", side(minimum.n_opt.value.ln(), places)));
        }
    }
    if !doubtful.is_empty() {
        let text =
            format!("minima fall outside the sizes in many replicates: {}", doubtful.join(", "));
        isoflop.remarks.warn(Problem::MissedMinimum, text, add);
    }
}

/// Share of the replicates outside the sizes that must lie to one side for that side alone to be named.
const ONE_SIDE: f64 = 0.8;

/// The sizes to add where replicates have their bottom beyond those trained.
fn side(minimum: f64, places: impl Iterator<Item = f64>) -> &'static str {
    let (mut below, mut all) = (0.0, 0.0);
    for at in places {
        below += f64::from(u8::from(at < minimum));
        all += 1.0;
    }
    match below / all {
        share if share >= ONE_SIDE => "smaller sizes",
        share if share <= 1.0 - ONE_SIDE => "larger sizes",
        _ => "sizes on both sides",
    }
}

fn fill_exponents(isoflop: &mut Isoflop, curves: &[Curve], loose: &[Vec<Option<Loose>>]) {
    // Only budgets whose own curve has a bottom carry the line, in every replicate as in the fit.
    let counted: Vec<(usize, f64)> = isoflop
        .budgets
        .iter()
        .enumerate()
        .filter(|(_, budget)| budget.minimum.is_some())
        .map(|(at, _)| (at, curves[at].c.ln()))
        .collect();
    let exponents = [&mut isoflop.n_exponent, &mut isoflop.d_exponent];
    for (k, exponent) in exponents.into_iter().enumerate() {
        let Some(exponent) = exponent else { continue };
        let slopes = loose.iter().filter_map(|draw| slope(&counted, draw, k));
        let (lows, highs) = slopes.unzip();
        *exponent = within(exponent.value, lows, highs);
    }
    let open = |exponent: &Option<Estimate>| exponent.is_some_and(|found| !found.identified);
    if open(&isoflop.n_exponent) || open(&isoflop.d_exponent) {
        let text = "the intervals of the exponents are open, because in more than one replicate in twenty a budget has no minimum";
        let missed = |warning: &Warning| warning.problem == Problem::MissedMinimum;
        let warned = isoflop.remarks.warnings().any(missed);
        match warned {
            true => isoflop.remarks.note(text),
            false => {
                let about = vec!["sizes on both sides of the minima".to_owned()];
                isoflop.remarks.warn(Problem::MissedMinimum, text, about);
            }
        }
    }
}

/// Least and largest slope of ln N* (or ln D*) against ln C that a replicate allows: both infinite where
/// bottoms lie infinitely far on sides that do not agree.
fn slope(counted: &[(usize, f64)], draw: &[Option<Loose>], k: usize) -> Option<(f64, f64)> {
    let centre = counted.iter().map(|(_, x)| x).sum::<f64>() / counted.len() as f64;
    let squares: f64 = counted.iter().map(|(_, x)| (x - centre).powi(2)).sum();
    let (mut slope, mut falls, mut rises) = (0.0, false, false);
    for (at, x) in counted {
        let (y, weight) = (draw[*at]?.at[k], (x - centre) / squares);
        match y.is_finite() {
            true => slope += weight * y,
            false => {
                falls |= weight * y.signum() < -1e-9;
                rises |= weight * y.signum() > 1e-9;
            }
        }
    }
    let low = if falls { f64::NEG_INFINITY } else { slope };
    let high = if rises { f64::INFINITY } else { slope };
    match (falls, rises) {
        (true, false) => Some((low, low)),
        (false, true) => Some((high, high)),
        _ => Some((low, high)),
    }
}
