//! What a number may be used for. One that the rows do not identify stands in tables, marked; a
//! sentence, a factor or a line is made of what is [`Identified`], and of nothing else.

use super::{Estimate, Fit};
use crate::laws::Law;

/// A value that the rows identify. Only [`Estimate::licensed`], [`Fit::licensed`] and what was
/// [`measured`](Identified::measured) make one, so that no caller can forget to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identified<T>(T);

impl<T> Identified<T> {
    /// A value read off runs, which no law stands behind.
    pub fn measured(value: T) -> Identified<T> {
        Identified(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, with its licence used up.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// What follows from the value alone.
    pub fn map<U>(self, follows: impl FnOnce(T) -> U) -> Identified<U> {
        Identified(follows(self.0))
    }

    /// Two values, for what follows from both.
    pub fn and<U>(self, other: Identified<U>) -> Identified<(T, U)> {
        Identified((self.0, other.0))
    }
}

/// Parameters of a law that its rows do not identify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unidentified {
    /// Names of the parameters, keys of [`Fit::parameters`].
    pub names: Vec<String>,
}

impl std::fmt::Display for Unidentified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the runs do not identify {}", self.names.join(", "))
    }
}

impl Estimate {
    /// The estimate, where the rows identify it.
    pub fn licensed(&self) -> Option<Identified<Estimate>> {
        self.identified.then_some(Identified(*self))
    }
}

impl Fit {
    /// The law, where the rows identify every exponent and loss in it. A coefficient is the law's value
    /// far outside the rows, at one parameter or one token: a wide interval of it is no lack, an open
    /// profile is.
    ///
    /// # Errors
    /// The parameters that the rows leave open.
    pub fn licensed(&self) -> Result<Identified<&Fit>, Unidentified> {
        let law = Law::parse(&self.law, self.x).ok();
        // All parameters are a law's own where this version does not know it.
        let own = law.map(Law::names);
        let is_own = |name: &String| own.as_ref().is_none_or(|names| names.contains(name));
        let open = |name: &String| {
            let mut profiles = self.profiles.iter();
            profiles.any(|profile| profile.parameter == *name && !profile.identified)
        };
        let lacks = |(name, estimate): &(&String, &Estimate)| match law
            .is_some_and(|law| law.is_scale(name))
        {
            true => open(name),
            false => !estimate.identified,
        };
        let parameters = self.parameters.iter();
        let names: Vec<String> = parameters
            .filter(|(name, _)| is_own(name))
            .filter(lacks)
            .map(|(name, _)| name.clone())
            .collect();
        match names.is_empty() {
            true => Ok(Identified(self)),
            false => Err(Unidentified { names }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Profile;
    use std::collections::BTreeMap;

    fn law(unidentified: &[&str], open: &[&str]) -> Fit {
        let estimate = |name: &&str| Estimate {
            value: 1.0,
            low: None,
            high: None,
            standard_error: None,
            identified: !unidentified.contains(name),
            fixed: false,
        };
        let names = ["E", "A", "B", "alpha", "beta", "n_exponent"];
        let parameters: BTreeMap<String, Estimate> =
            names.iter().map(|name| ((*name).to_owned(), estimate(name))).collect();
        let profile = |name: &&str| Profile {
            parameter: (*name).to_owned(),
            value: 1.0,
            low: None,
            high: None,
            identified: false,
            threshold: 2.7,
            points: vec![],
            note: None,
        };
        Fit {
            law: "chinchilla".into(),
            parameters,
            profiles: open.iter().map(profile).collect(),
            ..Fit::default()
        }
    }

    #[test]
    fn a_law_with_an_open_exponent_or_floor_has_no_licence() {
        assert!(law(&[], &[]).licensed().is_ok());
        let refused = law(&["E", "alpha"], &[]).licensed().unwrap_err();
        assert_eq!(refused.names, ["E", "alpha"]);
        assert_eq!(refused.to_string(), "the runs do not identify E, alpha");
    }

    #[test]
    fn a_coefficient_lacks_where_its_profile_is_open_and_not_where_it_is_wide() {
        assert!(law(&["A"], &[]).licensed().is_ok());
        assert_eq!(law(&["A"], &["A"]).licensed().unwrap_err().names, ["A"]);
    }

    #[test]
    fn what_follows_from_a_law_is_no_part_of_its_licence() {
        assert!(law(&["n_exponent"], &[]).licensed().is_ok());
        assert_eq!(law(&["n_exponent"], &[]).parameters["n_exponent"].licensed(), None);
    }
}
