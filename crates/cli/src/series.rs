//! Chooses one fit among those of several series, by the series' name on the page or in the rows.

use crate::fail::Hinted;
use anyhow::Result;
use isoflop_fit::output::{Fit, Fits};
use isoflop_lab::words::shell_word;
use isoflop_report::series_name;
use std::path::Path;

/// The fit of a law to a series; if no series is named, the law's only fit.
///
/// # Errors
/// There is no such fit; the hint lists those that exist, to be copied.
pub(crate) fn choose<'a>(path: &Path, fits: &'a Fits, law: &str, series: &str) -> Result<&'a Fit> {
    let names = names(fits);
    let of_law: Vec<&Fit> = fits.fits.iter().filter(|fit| fit.law == law).collect();
    let chosen = match of_law.as_slice() {
        [only] if series.is_empty() => Some(*only),
        several => several
            .iter()
            .copied()
            .find(|fit| fit.series == series || series_name(&fit.series, &names) == series),
    };
    chosen.ok_or_else(|| {
        let mut there: Vec<String> = fits
            .fits
            .iter()
            .filter(|fit| fit.x.is_none())
            .map(|fit| match fit.series.as_str() {
                "" => format!("--law {}", fit.law),
                series => format!(
                    "--law {} --series {}",
                    fit.law,
                    shell_word(&series_name(series, &names))
                ),
            })
            .collect();
        there.dedup();
        let which = match series {
            "" => String::new(),
            series => format!(" of {}", shell_word(series)),
        };
        let message = format!("{}: no such fit{which} of {law} in it", path.display());
        let hint = match there.is_empty() {
            true => {
                "advice needs a law in N and D; `isoflop fit` says which runs that asks for".into()
            }
            false => format!("there are {}", there.join("; ")),
        };
        Hinted::new(message, hint).into()
    })
}

/// Names of all series of the fits, without repetition.
fn names(fits: &Fits) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for fit in &fits.fits {
        if !all.contains(&fit.series.as_str()) {
            all.push(&fit.series);
        }
    }
    all
}
