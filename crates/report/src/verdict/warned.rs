//! Warnings of the fits, each once, with the names of all fits that it holds for.

use crate::text::clip;
use crate::view::{View, letter};

/// A warning, and the fits that it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warned {
    pub(crate) of: Vec<String>,
    pub(crate) text: String,
}

/// All warnings, in the order of the fits.
pub(crate) fn warned(view: &View<'_>) -> Vec<Warned> {
    let fits = view.report.fits;
    let name = |what: String, series| match view.many_series() {
        true => format!("{what}, {}", clip(&view.series_name(series), 40)),
        false => what,
    };
    let mut all: Vec<Warned> = Vec::new();
    let mut add = |of: String, text: &String| match all.iter_mut().find(|w| w.text == *text) {
        Some(known) if known.of.contains(&of) => {}
        Some(known) => known.of.push(of),
        None => all.push(Warned { of: vec![of], text: text.clone() }),
    };
    for isoflop in &fits.isoflop {
        for text in &isoflop.warnings {
            add(name("isoFLOP minima".to_owned(), &isoflop.series), text);
        }
    }
    for fit in &fits.fits {
        let x = fit.x.map(|x| format!(" in {}", letter(x)));
        let what = format!("{}{}", fit.law, x.unwrap_or_default());
        for text in &fit.warnings {
            add(name(what.clone(), &fit.series), text);
        }
    }
    // Approaches 2 and 3 repeat the warnings of their minima and of their law.
    for set in &fits.approaches {
        for approach in &set.approaches {
            let own = |text: &&String| {
                let said = |list: &[String]| list.contains(text);
                !fits.isoflop.iter().any(|i| said(&i.warnings))
                    && !fits.fits.iter().any(|f| said(&f.warnings))
            };
            for text in approach.warnings.iter().filter(own) {
                add(name(format!("approach {}", approach.name), &set.series), text);
            }
        }
    }
    all
}
