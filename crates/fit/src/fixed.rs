//! Parameters that a person holds fixed, checked against the law and the rows.

use crate::engine::Held;
use crate::error::FitError;
use crate::laws::{Law, Sense};
use crate::point::Point;

/// The parameters that `fixed` asks to hold.
///
/// # Errors
/// A name that is no parameter of the law or stands twice, a value that the parameter cannot take, or
/// nothing left to fit.
pub(crate) fn holds(
    fixed: &[(String, f64)],
    law: Law,
    points: &[Point],
) -> Result<Vec<Held>, FitError> {
    let names = law.names();
    let senses: Vec<Sense> = law.quantities().map(|quantity| quantity.sense).collect();
    let mut holds: Vec<Held> = Vec::new();
    for (name, value) in fixed {
        let mut all = names.iter();
        let same = |known: &&String| **known == *name;
        let loosely = |known: &&String| known.eq_ignore_ascii_case(name);
        let exactly = names.iter().filter(same).count() > 0;
        let found = all.position(|known| match exactly {
            true => same(&known),
            false => loosely(&known),
        });
        let unknown = || FitError::UnknownParameter {
            law: law.name(),
            name: name.clone(),
            names: names.join(", "),
        };
        let quantity = found.ok_or_else(unknown)?;
        let twice = holds.iter().any(|held| held.quantity == quantity);
        let problem = match twice {
            true => Some("it is fixed twice".to_owned()),
            false => problem(senses[quantity], *value, points),
        };
        if let Some(problem) = problem {
            return Err(FitError::BadFixed {
                law: law.name(),
                name: names[quantity].clone(),
                value: *value,
                problem,
                names: names.join(", "),
            });
        }
        holds.push(Held { quantity, value: *value });
    }
    match holds.len() == names.len() {
        true => Err(FitError::AllFixed { law: law.name() }),
        false => Ok(holds),
    }
}

/// Why a parameter cannot have this value.
fn problem(sense: Sense, value: f64, points: &[Point]) -> Option<String> {
    let mut losses: Vec<f64> = points.iter().map(|p| p.loss).collect();
    losses.sort_by(f64::total_cmp);
    let middle = losses[losses.len() / 2];
    let most = points.iter().map(|p| p.loss).fold(0.0, f64::max);
    if !value.is_finite() {
        return Some("it must be a finite number".into());
    }
    // A few rows far below a law lie below its floor.
    if sense.is_floor() && value >= middle {
        return Some(format!(
            "half of the losses lie at or below {middle}, and no loss lies below the floor of a law"
        ));
    }
    // E may be zero where a fit moves in E itself.
    if sense == Sense::Floor && value >= 0.0 {
        return None;
    }
    if sense == Sense::Ceiling && value <= most {
        return Some(format!("the highest loss is {most}, and y0 lies above it"));
    }
    (!sense.has_either_sign() && value <= 0.0).then(|| "it must be positive".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Axis;
    use crate::point::point;

    fn held(law: Law, fixed: &[(&str, f64)]) -> Result<Vec<Held>, FitError> {
        let points = [point("1", 1e6, 1e8, 3.0), point("2", 1e7, 1e9, 2.5)];
        let fixed: Vec<_> = fixed.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        holds(&fixed, law, &points)
    }

    #[test]
    fn names_are_found_and_case_decides_only_where_it_must() {
        let quantities = |law, name| held(law, &[(name, 0.5)]).unwrap()[0].quantity;
        assert_eq!(quantities(Law::Chinchilla, "e"), 0);
        assert_eq!(quantities(Law::Chinchilla, "Beta"), 4);
        assert_eq!(quantities(Law::Kaplan { offset: true }, "alpha_D"), 3);
    }

    #[test]
    fn a_name_of_no_parameter_is_refused_with_those_there_are() {
        let error = held(Law::PowerOffset(Axis::C), &[("beta", 0.3)]).unwrap_err();
        assert_eq!(error.to_string(), "power-offset has no parameter `beta` to fix");
        assert_eq!(error.hint().unwrap(), "its parameters are E, A, alpha");
    }

    #[test]
    fn values_that_a_parameter_cannot_take_are_refused() {
        for (name, value) in [("E", 3.0), ("E", f64::NAN), ("E", -0.1), ("alpha", 0.0), ("A", -3.0)]
        {
            let error = held(Law::Chinchilla, &[(name, value)]).unwrap_err();
            assert!(matches!(error, FitError::BadFixed { .. }), "{name} {value}");
            assert!(error.hint().unwrap().contains("E, A, alpha, B, beta"));
        }
        assert!(held(Law::Chinchilla, &[("E", 0.0)]).is_ok());
        assert!(held(Law::Broken(1, Axis::C), &[("a", 0.0)]).is_err());
        assert!(held(Law::Broken(1, Axis::C), &[("c1", -1.0)]).is_ok());
        assert!(held(Law::M4(Axis::C), &[("y0", 2.9)]).is_err());
        assert!(held(Law::Chinchilla, &[("E", 1.0), ("e", 1.0)]).is_err());
    }

    #[test]
    fn something_must_be_left_to_fit() {
        let error = held(Law::Power(Axis::N), &[("A", 1.0), ("alpha", 0.1)]).unwrap_err();
        assert_eq!(error, FitError::AllFixed { law: "power".into() });
    }
}
