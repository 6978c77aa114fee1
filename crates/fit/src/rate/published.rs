//! Published rules of rates and batches, for comparison. None of them was fitted below [`SMALLEST`].

use crate::output::{Estimate, Published, Rates};
use std::collections::BTreeMap;

/// Parameters of the smallest model that any of these rules was fitted to.
pub const SMALLEST: f64 = 60e6;

struct Rule {
    name: &'static str,
    /// Exponents by the names of this crate: N^-a D^b B^p of rates, D^q of batches.
    exponents: &'static [(&'static str, f64)],
    /// Coefficient of the rate in N^-a D^b, and of the batch in D^q.
    scales: Option<(f64, f64)>,
}

const RULES: [Rule; 4] = [
    Rule {
        name: "Step Law (2503.04715)",
        exponents: &[("a", 0.713), ("b", 0.307), ("q", 0.571)],
        scales: Some((1.79, 0.58)),
    },
    Rule { name: "Power Lines (2505.13738)", exponents: &[("q", 0.383)], scales: None },
    Rule {
        name: "rates of the public Delphi model cards",
        exponents: &[("b", -0.3), ("p", 0.5)],
        scales: None,
    },
    Rule {
        name: "square root of the batch (Malladi et al. 2022)",
        exponents: &[("p", 0.5)],
        scales: None,
    },
];

/// Adds the rules at the centre of the law of rates.
pub(super) fn add(found: &mut Rates) {
    let Some(law) = &found.rate else { return };
    let own = |name: &str| -> Option<&Estimate> {
        let laws = [Some(law), found.batch.as_ref()];
        laws.into_iter().flatten().find_map(|law| law.parameters.get(name))
    };
    let published = RULES.iter().map(|rule| {
        let exponent = |name: &str| {
            rule.exponents.iter().find(|(other, _)| *other == name).map_or(0.0, |e| e.1)
        };
        let inside = rule.exponents.iter().filter_map(|(name, value)| {
            let own = own(name)?;
            Some(((*name).to_owned(), (own.low?..=own.high?).contains(value)))
        });
        Published {
            rule: rule.name.to_owned(),
            exponents: rule
                .exponents
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            rate: rule
                .scales
                .map(|(c, _)| c * law.n.powf(-exponent("a")) * law.d.powf(exponent("b"))),
            batch: rule.scales.map(|(_, k)| k * law.d.powf(exponent("q"))),
            inside: inside.collect::<BTreeMap<_, _>>(),
        }
    });
    found.published = published.collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::BestLaw;

    /// The paper's rule at N 1e5 and D 2e6, computed by hand: .042 and 2.3k tokens.
    #[test]
    fn the_step_law_asks_for_its_rate_and_batch() {
        let exact = Estimate {
            value: 0.7,
            low: Some(0.6),
            high: Some(0.71),
            standard_error: None,
            identified: true,
            fixed: false,
        };
        let law = BestLaw {
            formula: String::new(),
            parameters: [("a".to_owned(), exact)].into(),
            n: 1e5,
            d: 2e6,
            b: Some(512.0),
            decay: 0.2,
            at_centre: exact,
            walls: [0.1; 2],
            bend: 2.0,
            trunks: 3,
            spread: 0.0,
            inside: 3,
            censored: 0,
            units: 3,
        };
        let mut found = Rates { rate: Some(law), ..Rates::default() };
        add(&mut found);
        let step = &found.published[0];
        assert!((step.rate.unwrap() / 0.042 - 1.0).abs() < 0.01, "{step:?}");
        assert!((step.batch.unwrap() / 2300.0 - 1.0).abs() < 0.01, "{step:?}");
        assert_eq!(step.inside, [("a".to_owned(), false)].into());
    }
}
