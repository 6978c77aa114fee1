//! Warnings of several fits as few sentences: one a problem, with the places where it was met.

use super::{Fits, Problem, Remarks, Warning};
use std::fmt;

/// One problem, wherever it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warned {
    /// What happened: with its values where it happened once, else in common.
    pub text: String,
    /// What to do.
    pub action: String,
    /// Each thing that happened, and what it is said of.
    pub places: Vec<Place>,
}

/// What happened, and the fits of which it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Names of fits.
    pub of: Vec<String>,
    /// What happened, with its values.
    pub text: String,
}

impl fmt::Display for Warned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.places.as_slice() {
            [one] => one.of.join("; "),
            many => format!("{} places", many.iter().map(|place| place.of.len()).sum::<usize>()),
        };
        write!(f, "{} ({of}): {}", self.text, self.action)
    }
}

impl Warned {
    /// One of each problem, the gravest first, from all warnings with the names of what they are said of.
    pub fn of(mut met: Vec<(String, Warning)>) -> Vec<Warned> {
        met.sort_by_key(|(_, warning)| warning.problem);
        met.chunk_by(|a, b| a.1.problem == b.1.problem).map(merged).collect()
    }
}

impl Fits {
    /// Every warning with the name of what it is said of, which `name` makes of words and a series.
    pub fn met(&self, name: impl Fn(&str, &str) -> String) -> Vec<(String, Warning)> {
        let mut all = Vec::new();
        let mut add = |what: &str, series: &str, remarks: &Remarks| {
            let of = name(what, series);
            all.extend(remarks.warnings().map(|warning| (of.clone(), warning.clone())));
        };
        for isoflop in &self.isoflop {
            add("isoFLOP minima", &isoflop.series, &isoflop.remarks);
        }
        for fit in &self.fits {
            let x = fit.x.map(|x| format!(" in {x:?}")).unwrap_or_default();
            add(&format!("{}{x}", fit.law), &fit.series, &fit.remarks);
        }
        for set in &self.approaches {
            for approach in &set.approaches {
                add(&format!("approach {}", approach.name), &set.series, &approach.remarks);
            }
        }
        all
    }
}

/// The warnings of one problem as one.
fn merged(met: &[(String, Warning)]) -> Warned {
    let (mut places, mut about): (Vec<Place>, Vec<String>) = (Vec::new(), Vec::new());
    for (of, warning) in met {
        match places.iter_mut().find(|place| place.text == warning.text) {
            Some(place) if place.of.contains(of) => {}
            Some(place) => place.of.push(of.clone()),
            None => places.push(Place { of: vec![of.clone()], text: warning.text.clone() }),
        }
        for one in &warning.about {
            if !about.contains(one) {
                about.push(one.clone());
            }
        }
    }
    let problem: Problem = met[0].1.problem;
    Warned {
        text: match places.as_slice() {
            [one] => one.text.clone(),
            _ => problem.in_common().to_owned(),
        },
        action: problem.action(&about),
        places,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_sentence_however_often_it_was_met() {
        let open = |names: &[&str]| {
            let about: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let text = format!("the runs do not identify {} of L(N, D)", about.join(", "));
            Warning::new(Problem::NotIdentified, text, about)
        };
        let few =
            Warning::new(Problem::FewDecide, "B depends on 1 of 28 rows", vec!["n332k".into()]);
        let met = vec![
            ("chinchilla, a".to_owned(), open(&["E"])),
            ("chinchilla, b".to_owned(), open(&["E"])),
            ("chinchilla, b".to_owned(), few),
            ("chinchilla, c".to_owned(), open(&["E", "alpha"])),
        ];
        let all = Warned::of(met);
        let said: Vec<String> = all.iter().map(Warned::to_string).collect();
        assert_eq!(
            said,
            [
                "B depends on 1 of 28 rows (chinchilla, b): train a neighbour of n332k, or repeat it with another seed",
                "the runs leave an exponent or E of L(N, D) open (3 places): `isoflop advise RESULTS_DIR --target E` names the runs that tell most",
            ]
        );
        assert_eq!(all[1].places[0].of, ["chinchilla, a", "chinchilla, b"]);
        assert_eq!(all[1].places[1].of, ["chinchilla, c"]);
    }
}
