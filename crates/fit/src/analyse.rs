//! Every fit of a results folder: per series, the three panels' laws, the surface and isoFLOP.

mod left;

use crate::approaches::approaches;
use crate::choice::choose_beside;
use crate::envelope::{Envelope, envelope};
use crate::error::FitError;
use crate::fit::{fit_envelope, fit_named};
use crate::intervals::LEVEL;
use crate::isoflop::isoflop_with_draws;
use crate::laws::Law;
use crate::noise::between_seeds;
use crate::options::Options;
use crate::output::{Axis, Choice, Excluded, Fit, Fits, Problem};
use crate::parabola::parabola_bias;
use crate::point::{Point, series_of, without_repetition, without_worst};
use crate::ranking::rank;
use crate::work::work;
use left::{dropped, no_exponent, only_repetition, refusal};

/// Fits every law that the rows allow, series by series; what they do not allow is in `refused`
/// with its reason. `points` are finished runs; `excluded` are the others, handed through. Runs
/// of more than [`crate::MOST_EPOCHS`] epochs join them, and per series the
/// [`Options::drop_worst`] rows of highest loss.
///
/// # Errors
/// No rows at all, or a number without a logarithm; the error names the row. [`FitError::Stopped`] where
/// [`Options::watch`] was.
pub fn analyse(
    points: &[Point],
    excluded: Vec<Excluded>,
    options: &Options,
) -> Result<Fits, FitError> {
    points.iter().try_for_each(Point::check)?;
    let (kept, repeated) = without_repetition(points);
    let mut fits = Fits { level: LEVEL, excluded, ..Fits::default() };
    fits.excluded.extend(repeated);
    let all_series = series_of(&kept);
    let lost = series_of(points).into_iter().filter(|s| !all_series.contains(s));
    fits.refused.extend(lost.map(|series| only_repetition(points, series)));
    for law in SURFACES {
        let rows = |series: &String| kept.iter().filter(|p| p.series == *series).count();
        let works = all_series.iter().map(|series| work(law, rows(series), options));
        options.watch.expect(works.sum());
    }
    for series in all_series {
        let all: Vec<Point> = kept.iter().filter(|p| p.series == series).cloned().collect();
        let left = without_worst(&all, options.drop_worst)?;
        fits.excluded.extend(dropped(&all, &left, options.drop_worst));
        let mut of_series = one_series(&left, &series, options)?;
        of_series.fits.iter_mut().for_each(|fit| fit.dropped = options.drop_worst);
        fits.fits.append(&mut of_series.fits);
        fits.isoflop.append(&mut of_series.isoflop);
        fits.refused.append(&mut of_series.refused);
        fits.approaches.append(&mut of_series.approaches);
        fits.ranking.append(&mut of_series.ranking);
        fits.choices.append(&mut of_series.choices);
    }
    match points.is_empty() {
        true => Err(FitError::Empty),
        false => Ok(fits),
    }
}

fn one_series(points: &[Point], series: &str, options: &Options) -> Result<Fits, FitError> {
    let mut out = Fits { level: LEVEL, ..Fits::default() };
    let options = &Options {
        drop_worst: 0,
        seed_noise: options.seed_noise.or_else(|| between_seeds(points)),
        ..options.clone()
    };
    let (isoflop, draws) = match isoflop_with_draws(points, options) {
        Ok(found) => found.unzip(),
        Err(error) => {
            out.refused.push(refusal("isoflop", series, None, &error));
            (None, None)
        }
    };
    let draws = draws.unwrap_or_default();
    let panel = |axis| -> Result<Envelope, FitError> {
        let chosen = envelope(points, axis, isoflop.as_ref())?;
        Ok(match &isoflop {
            Some(isoflop) => chosen.with_draws(isoflop, &draws),
            None => chosen,
        })
    };
    for axis in [Axis::N, Axis::D, Axis::C] {
        let chosen = panel(axis);
        for law in [Law::Power(axis), Law::PowerOffset(axis)] {
            let fitted = chosen.as_ref().map_err(FitError::clone);
            match fitted.and_then(|chosen| fit_envelope(chosen, law, options)) {
                Ok(fit) => out.fits.push(fit),
                Err(FitError::Stopped) => return Err(FitError::Stopped),
                Err(error) => out.refused.push(refusal(&law.name(), series, Some(axis), &error)),
            }
        }
    }
    let panels = out.fits.len();
    for law in SURFACES {
        match fit_named(points, law, options, ALL_RUNS, None) {
            Ok(fit) => out.fits.push(fit),
            Err(FitError::Stopped) => return Err(FitError::Stopped),
            // The rows that are missing for one surface are missing for the others as well.
            Err(error) if law == Law::Chinchilla => {
                out.refused.push(refusal(&law.name(), series, None, &error));
            }
            Err(_) => {}
        }
    }
    let mut surfaces = out.fits.split_off(panels);
    match choose_beside(points, &mut surfaces, options, ALL_RUNS) {
        Ok(choice) => {
            warn_of_the_chosen(&mut surfaces, &choice);
            out.choices.push(choice);
        }
        Err(FitError::Stopped) => return Err(FitError::Stopped),
        // Rows that allow no law leave nothing to choose.
        Err(_) => {}
    }
    out.fits.append(&mut surfaces);
    let surface = out.fits.iter().find(|fit| fit.law() == Some(Law::Chinchilla));
    let mut isoflop = isoflop;
    if let Some(isoflop) = &mut isoflop {
        out.refused.extend(no_exponent(isoflop, series));
        isoflop.bias = surface.and_then(|surface| parabola_bias(isoflop, surface));
    }
    out.approaches.extend(approaches(points, isoflop.as_ref(), &draws, surface, options));
    out.ranking = rank(&out.fits);
    out.isoflop.extend(isoflop);
    match options.watch.is_stopped() {
        true => Err(FitError::Stopped),
        false => Ok(out),
    }
}

/// Moves the warning that a law errs from the law that charts draw to the one that forecasts: where the
/// former errs and the latter does not, the choice has done what there was to do.
fn warn_of_the_chosen(surfaces: &mut [Fit], choice: &Choice) {
    for fit in surfaces {
        let misfit = fit.validation.as_ref().and_then(|validation| validation.misfit.clone());
        match fit.law == choice.law {
            false => {
                fit.remarks
                    .settle(Problem::Errs, &format!("{} is the law that forecasts", choice.law));
            }
            true if fit.law() != Some(Law::Chinchilla) => {
                if let Some(misfit) = misfit {
                    fit.remarks.warn(Problem::Errs, misfit.sentence, Vec::new());
                }
            }
            true => {}
        }
    }
}

/// The runs that surfaces are fitted to, in words.
const ALL_RUNS: &str = "all finished runs";

/// Laws that are fitted to all runs; the first is the one that charts draw.
const SURFACES: [Law; 4] =
    [Law::Chinchilla, Law::Tied, Law::Kaplan { offset: true }, Law::Kaplan { offset: false }];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Problem;
    use crate::point::point;
    use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};

    const LAW: ChinchillaLaw = ChinchillaLaw { e: 1.2, a: 30.0, b: 60.0, alpha: 0.3, beta: 0.3 };

    fn noisy(n: f64, d: f64, i: usize) -> f64 {
        LAW.loss(Params(n), Tokens(d)) * (1.0 + 0.003 * ((i * 37 % 11) as f64 / 5.0 - 1.0))
    }

    fn grid() -> Vec<Point> {
        let mut points = Vec::new();
        for n in [1e4, 3e4, 1e5, 3e5, 1e6] {
            for d in [1e6, 3e6, 1e7, 3e7] {
                let i = points.len();
                points.push(point(&format!("{n:e}-{d:e}"), n, d, noisy(n, d, i)));
            }
        }
        points
    }

    fn budgets(sizes: i32) -> Vec<Point> {
        let mut points = Vec::new();
        for budget in [1e11, 3e11, 1e12, 3e12] {
            let best = LAW.optimum(Flops(budget)).0.0;
            for step in 0..sizes {
                let n = best * 4f64.powf(2.0 * f64::from(step) / f64::from(sizes - 1) - 1.0);
                let (d, i) = (budget / (6.0 * n), points.len());
                let mut run = point(&format!("{budget:e}-{step}"), n, d, noisy(n, d, i));
                run.flops_budget = Some(budget);
                points.push(run);
            }
        }
        points
    }

    fn options() -> Options {
        Options { bootstrap: 50, ..Options::default() }
    }

    #[test]
    fn a_grid_gives_the_panels_the_surfaces_and_no_isoflop() {
        let fits = analyse(&grid(), vec![], &options()).unwrap();
        let found: Vec<_> = fits.fits.iter().map(|fit| (fit.law.as_str(), fit.x)).collect();
        let (n, d, c) = (Some(Axis::N), Some(Axis::D), Some(Axis::C));
        assert_eq!(
            found,
            [
                ("power", n),
                ("power-offset", n),
                ("power", d),
                ("power-offset", d),
                ("power", c),
                ("power-offset", c),
                ("chinchilla", None),
                ("chinchilla-tied", None),
                ("kaplan-offset", None),
                ("kaplan", None),
            ]
        );
        assert!(fits.isoflop.is_empty() && fits.refused.is_empty());
        assert_eq!(fits.fits[0].points, "largest D per N (30M)");
        assert_eq!(fits.fits[6].points, "all finished runs");
        assert_eq!(
            (fits.fits[4].c_kind.as_deref(), &fits.fits[0].c_kind),
            (Some("c_exact"), &None)
        );
    }

    #[test]
    fn an_isoflop_plan_gives_minima_with_intervals_that_hold_the_truth() {
        let fits = analyse(&budgets(7), vec![], &Options { bootstrap: 400, ..options() }).unwrap();
        let exponent = fits.isoflop[0].n_exponent.unwrap();
        assert!(exponent.low.unwrap() < 0.5 && 0.5 < exponent.high.unwrap(), "{exponent:?}");
        for budget in &fits.isoflop[0].budgets {
            let (n, truth) =
                (budget.minimum.unwrap().n_opt, LAW.optimum(Flops(budget.flops_budget)).0.0);
            assert!(n.low.unwrap() < truth && truth < n.high.unwrap(), "{n:?} for {truth}");
        }
        let names: Vec<&str> =
            fits.approaches[0].approaches.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["1", "2", "2-akima", "3"]);
        for approach in &fits.approaches[0].approaches {
            let found = approach.n_exponent.unwrap();
            assert!(
                found.low.unwrap() < 0.5 && 0.5 < found.high.unwrap(),
                "{} {found:?}",
                approach.name
            );
        }
        // Equal exponents leave parabolas unbiased, and the grids are centred.
        assert!(fits.isoflop[0].bias.unwrap().abs() < 0.01, "{:?}", fits.isoflop[0].bias);
        assert!(fits.isoflop[0].drift.unwrap().abs() < 0.1);
        let ranked: Vec<&str> = fits.ranking.iter().map(|law| law.law.as_str()).collect();
        assert!(ranked.contains(&"chinchilla") && ranked.len() >= 3, "{ranked:?}");
        assert!(fits.ranking.windows(2).all(|pair| pair[0].rms_error <= pair[1].rms_error));
        let panel = &fits.fits[4];
        assert_eq!((panel.points.as_str(), panel.rows), ("isoFLOP minima", 4));
        assert!(panel.bootstrap.as_ref().unwrap().unit.contains("parabolas"));
        assert!(panel.parameters["alpha"].low.is_some());
    }

    #[test]
    fn three_sizes_a_budget_give_minima_without_intervals_and_say_why() {
        let fits = analyse(&budgets(3), vec![], &options()).unwrap();
        let isoflop = &fits.isoflop[0];
        assert!(isoflop.n_exponent.unwrap().low.is_none() && isoflop.bootstrap.is_none());
        assert!(isoflop.remarks.warnings().any(|w| w.problem == Problem::FewSizes));
    }

    #[test]
    fn what_the_rows_do_not_allow_is_refused_with_the_runs_to_add() {
        let ladder: Vec<Point> = [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7]
            .iter()
            .enumerate()
            .map(|(i, &n)| point(&i.to_string(), n, 20.0 * n, noisy(n, 20.0 * n, i)))
            .collect();
        let fits = analyse(&ladder, vec![], &options()).unwrap();
        let refused: Vec<_> = fits.refused.iter().map(|r| (r.law.as_str(), r.x)).collect();
        let (n, d) = (Some(Axis::N), Some(Axis::D));
        assert_eq!(
            refused,
            [
                ("power", n),
                ("power-offset", n),
                ("power", d),
                ("power-offset", d),
                ("chinchilla", None),
            ]
        );
        assert!(fits.refused.iter().all(|refusal| refusal.hint.is_some()));
    }

    #[test]
    fn rows_left_out_are_listed_with_their_reason() {
        let mut points = grid();
        points[7].epochs = Some(9.0);
        let diverged = Excluded { label: "x".into(), reason: "diverged".into() };
        let fits =
            analyse(&points, vec![diverged], &Options { drop_worst: 1, ..options() }).unwrap();
        let reasons: Vec<_> = fits.excluded.iter().map(|e| e.reason.as_str()).collect();
        assert_eq!(reasons[0], "diverged");
        assert!(reasons[1].starts_with("9.0 epochs"));
        assert_eq!(reasons[2], "among the 1 rows of highest loss (drop-worst)");
        assert_eq!(fits.fits[6].rows, 18);
        assert_eq!(fits.fits[6].dropped, 1);
    }

    #[test]
    fn runs_that_all_repeat_their_text_are_refused_with_the_reason() {
        let mut points = grid();
        points.iter_mut().for_each(|point| point.epochs = Some(6.0));
        let fits = analyse(&points, vec![], &options()).unwrap();
        assert!(fits.fits.is_empty() && fits.isoflop.is_empty());
        assert_eq!(fits.excluded.len(), points.len());
        let [refused] = fits.refused.as_slice() else {
            panic!("one refusal: {:?}", fits.refused);
        };
        assert!(refused.reason.contains("20 finished runs passes 4 epochs"), "{refused:?}");
        assert!(refused.hint.as_ref().unwrap().contains("data-constrained"));
    }

    #[test]
    fn series_are_fitted_apart_and_can_be_written_and_read() {
        let mut points = grid();
        points.extend(
            grid().into_iter().map(|point| Point { series: "tokenizer=bytes".into(), ..point }),
        );
        let fits = analyse(&points, vec![], &options()).unwrap();
        assert_eq!(fits.fits.len(), 20);
        assert_eq!(fits.fits[16].series, "tokenizer=bytes");
        assert_eq!(fits.fits[6].parameters, fits.fits[16].parameters);
        let text = serde_json::to_string(&fits).unwrap();
        let read: Fits = serde_json::from_str(&text).unwrap();
        assert_eq!(read.fits[16].remarks, fits.fits[16].remarks);
    }
}
