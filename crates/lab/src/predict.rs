//! What fitted laws say of runs that nobody has trained.

use crate::reach::beyond;
use crate::{Hinted, LabError, fits};
use isoflop_fit::best;
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::{Axis, Fit, Fits, Isoflop};
use isoflop_fit::predict::{At, Misallocation, Prediction};
use serde::Serialize;
use std::path::Path;

/// What one fit says.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// A law's name, or `isoflop` for the lines through the minima.
    pub law: String,
    /// The variable of a law of one.
    pub x: Option<String>,
    /// The series that was fitted; empty without axes.
    pub series: String,
    /// Which rows the law was fitted to.
    pub points: String,
    /// Why this law is the best of those of its rows; null for the others.
    pub best: Option<String>,
    /// What was asked for.
    pub predictions: Vec<Prediction>,
    /// The optimum under the FLOPs that models of these sizes really take, where that is not 6 N D.
    pub counted: Vec<Prediction>,
    /// What a split of the compute wastes against the optimum.
    pub misallocation: Option<Misallocation>,
    /// Compute asked for over the largest that was fitted.
    pub reach: Option<f64>,
    /// How far beyond the compute fitted rows held out have judged the law, as a factor.
    pub windows_reach: Option<f64>,
    /// That the law errs to one side wherever it was not fitted; null where it does not.
    pub misfit: Option<String>,
    /// What to mind about this prediction.
    pub warnings: Vec<String>,
    /// How many warnings stand with the fit itself.
    pub fit_warnings: usize,
}

/// Reads a fits.json, or that of a results folder, whose laws can predict.
///
/// # Errors
/// It cannot be read, or holds laws of an earlier version alone.
pub fn read(path: &Path) -> Result<Fits, LabError> {
    let file = match path.is_dir() {
        true => path.join("fits.json"),
        false => path.to_owned(),
    };
    let fits = fits::read(&file)?;
    match fits.fits.iter().all(|fit| fit.draw_names.is_empty()) {
        true => Err(Hinted::new(
            format!(
                "made by an earlier version?: {}: it holds no law that this version can predict with",
                file.display()
            ),
            "`isoflop run` writes it anew; `isoflop fit PATH --json > fits.json` makes one of any table",
        )
        .into()),
        false => Ok(fits),
    }
}

/// What every law of the fits says of a place, the lines through the minima first; `path` is where the fits
/// were read.
///
/// # Errors
/// None of them says anything of it.
pub fn answers(path: &Path, fits: &Fits, at: At) -> Result<Vec<Answer>, LabError> {
    let mut answers: Vec<Answer> = fits.fits.iter().filter_map(|fit| answer(fit, at)).collect();
    for best in best(fits) {
        let is = |answer: &&mut Answer| {
            (&answer.law, &answer.series, &answer.points) == (&best.law, &best.series, &best.points)
                && answer.x == best.x.map(letter)
        };
        if let Some(answer) = answers.iter_mut().find(is) {
            answer.best = Some(best.reason);
        }
    }
    // The exponents of the headline are those of the minima.
    let minima = fits.isoflop.iter();
    let minima: Vec<Answer> =
        minima.filter_map(|isoflop| minima_answer(isoflop, fits, at)).collect();
    answers.splice(0..0, minima);
    match answers.is_empty() {
        true => Err(Hinted::new(
            format!("{}: no law in it answers this", path.display()),
            "a loss at N and D needs the law chinchilla; `isoflop fit` says which laws these runs support",
        )
        .into()),
        false => Ok(answers),
    }
}

fn answer(fit: &Fit, at: At) -> Option<Answer> {
    let mut predictions = Vec::new();
    let mut counted = Vec::new();
    let mut misallocation = None;
    match at {
        At { n: None, d: None, c: Some(c), .. } if fit.x.is_none() => {
            predictions.extend(fit.optimum(c, &Cost::SixNd)?);
            let cost = Cost::counted(fit);
            counted.extend(cost.and_then(|cost| fit.optimum(c, &cost)).into_iter().flatten());
        }
        At { n: Some(n), d: None, c: Some(c), .. } if fit.x.is_none() => {
            predictions.extend(fit.predict(at));
            misallocation = fit.misallocation(c, n, &Cost::SixNd);
        }
        // A law of one variable speaks of runs whose other variables are as good as they can be.
        _ if fit.x.is_none() || alone(fit.x, at) => predictions.extend(fit.predict(at)),
        _ => {}
    }
    predictions.extend(fit.effective(at));
    let reach = reach(fit.largest_compute(), at);
    let validation = fit.validation.as_ref();
    let windows_reach = validation.and_then(|validation| validation.reach());
    let misfit = validation.and_then(|validation| validation.verdict());
    let far = reach.and_then(|reach| beyond(reach, windows_reach));
    let misfit = misfit.map(|misfit| misfit.sentence);
    (!predictions.is_empty()).then(|| Answer {
        law: fit.law.clone(),
        x: fit.x.map(letter),
        series: fit.series.clone(),
        points: fit.points.clone(),
        best: None,
        predictions,
        counted,
        misallocation,
        reach,
        windows_reach,
        misfit,
        warnings: far.into_iter().collect(),
        fit_warnings: fit.remarks.warnings().count(),
    })
}

/// N*, D* and the loss at a compute by the isoFLOP minima alone: the lines and the law in C through them.
fn minima_answer(isoflop: &Isoflop, fits: &Fits, at: At) -> Option<Answer> {
    let c = at.c.filter(|_| at.n.is_none() && at.d.is_none())?;
    let mut predictions = isoflop.optimum(c);
    let through = |fit: &&Fit| {
        fit.series == isoflop.series && fit.x == Some(Axis::C) && fit.points.contains("minima")
    };
    let mut laws: Vec<&Fit> = fits.fits.iter().filter(through).collect();
    laws.sort_by_key(|fit| fit.law != "power-offset");
    let reach = reach(isoflop.largest_compute(), at);
    let windows_reach = None;
    let first = (!predictions.is_empty()).then(|| laws.first()).flatten();
    predictions.extend(first.and_then(|fit| fit.predict(at)));
    let far = reach.and_then(|reach| beyond(reach, windows_reach));
    (!predictions.is_empty()).then(|| Answer {
        law: "isoflop".to_owned(),
        x: None,
        series: isoflop.series.clone(),
        points: "isoFLOP minima".to_owned(),
        best: None,
        predictions,
        counted: Vec::new(),
        misallocation: None,
        reach,
        windows_reach,
        misfit: None,
        warnings: far.into_iter().collect(),
        fit_warnings: isoflop.remarks.warnings().count(),
    })
}

fn letter(x: Axis) -> String {
    format!("{x:?}")
}

/// Whether this variable is all that is given.
fn alone(x: Option<Axis>, at: At) -> bool {
    match x {
        Some(Axis::N) => at.d.is_none() && at.c.is_none(),
        Some(Axis::D) => at.n.is_none() && at.c.is_none(),
        Some(Axis::C) => at.n.is_none() && at.d.is_none(),
        None => false,
    }
}

fn reach(largest: Option<f64>, at: At) -> Option<f64> {
    let asked = at.c.or_else(|| Some(6.0 * at.n? * at.d?));
    Some(asked? / largest?).filter(|reach| reach.is_finite())
}
