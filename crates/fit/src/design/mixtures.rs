//! Whether rows of mixtures of experts can tell what their experts are worth.

use super::{LINE, classify, mean};
use crate::engine::linalg::solve_dense;
use crate::error::FitError;
use crate::laws::{COORDINATES, Coordinate, Law};
use crate::point::Point;

/// Refuses rows of which none is dense where dense models are the measure, rows of several ratios of experts
/// where the law knows one, and experts or a granularity that follow size and tokens.
pub(super) fn check(
    points: &[Point],
    law: Law,
    held: usize,
    places: &[[f64; COORDINATES]],
) -> Result<(), FitError> {
    let is_dense = |point: &Point| point.experts.is_some_and(|experts| experts < 1.0 + 1e-6);
    if law.needs_dense() && held == 0 && !points.iter().any(is_dense) {
        return Err(FitError::NoDense { law: law.name() });
    }
    if law == Law::Granularity {
        let ratios: Vec<f64> = points.iter().filter_map(|p| p.experts).map(f64::ln).collect();
        let values = classify(&ratios).into_iter().max().map_or(0, |last| last + 1);
        if values > 1 {
            let what = "number of experts for each one that a token uses";
            return Err(FitError::SeveralKinds { law: law.name(), what, values });
        }
    }
    for (at, coordinate) in law.coordinates().iter().enumerate() {
        let what = match coordinate {
            Coordinate::Experts => "the number of experts",
            Coordinate::Granularity => "the granularity",
            _ => continue,
        };
        if spread_beside(places, at, law.coordinates().len()) < LINE {
            let others = if at == 1 { "the size" } else { "the size and the tokens" };
            return Err(FitError::Follows { law: law.name(), what, others });
        }
    }
    Ok(())
}

/// Spread of a coordinate about its best line in those before it.
fn spread_beside(places: &[[f64; COORDINATES]], at: usize, coordinates: usize) -> f64 {
    let column = |k: usize| -> Vec<f64> {
        let values: Vec<f64> = places.iter().map(|place| place[k]).collect();
        let middle = mean(&values);
        values.into_iter().map(|value| value - middle).collect()
    };
    let wanted = column(at);
    let others: Vec<Vec<f64>> = (0..coordinates).filter(|k| *k != at).map(column).collect();
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let gram: Vec<Vec<f64>> =
        others.iter().map(|a| others.iter().map(|b| dot(a, b)).collect()).collect();
    let right: Vec<f64> = others.iter().map(|other| dot(other, &wanted)).collect();
    let explained = solve_dense(&gram, &right).map_or(0.0, |x| dot(&x, &right));
    let left = dot(&wanted, &wanted) - explained;
    (left.max(0.0) / places.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use crate::design::Design;
    use crate::error::FitError;
    use crate::laws::Law;
    use crate::point::{Point, point};

    /// Six sizes and five token counts at each of some numbers of experts, of this granularity.
    fn rows(experts: &[f64], granularity: &[f64]) -> Vec<Point> {
        let mut rows = Vec::new();
        for (i, j) in (0..30).map(|k| (k % 6, k / 6)) {
            for e in experts {
                for g in granularity {
                    let n = 1e4 * 2f64.powi(i);
                    let mut row = point("r", n, 1e6 * 3f64.powi(j), 3.0);
                    (row.experts, row.granularity) = (Some(*e), Some(*g));
                    row.n_total = Some(n * e);
                    rows.push(row);
                }
            }
        }
        rows
    }

    fn refusal(rows: &[Point], law: Law) -> FitError {
        Design::new(rows, law, 0).unwrap_err()
    }

    #[test]
    fn experts_of_one_number_ask_for_others() {
        for (law, needed) in [(Law::Routed, 4), (Law::Sparsity, 3), (Law::JointExperts, 4)] {
            let error = refusal(&rows(&[8.0], &[1.0]), law);
            assert_eq!(
                error.to_string(),
                format!(
                    "{} needs {needed} different values of the number of experts; these rows have 1",
                    law.name()
                )
            );
            assert!(error.hint().unwrap().ends_with("of the number of experts"));
        }
    }

    #[test]
    fn one_granularity_asks_for_others() {
        let error = refusal(&rows(&[8.0], &[1.0]), Law::Granularity);
        assert_eq!(
            error.to_string(),
            "granularity needs 3 different values of the granularity; these rows have 1"
        );
    }

    #[test]
    fn mixtures_without_a_dense_model_are_refused_unless_something_is_held() {
        let rows = rows(&[2.0, 4.0, 8.0, 16.0], &[1.0]);
        for law in [Law::Routed, Law::JointExperts] {
            let error = refusal(&rows, law);
            assert!(error.to_string().starts_with("no row is of a dense model"), "{error}");
            assert!(error.hint().unwrap().starts_with("add dense runs"));
            assert!(Design::new(&rows, law, 1).is_ok());
        }
        assert!(Design::new(&rows, Law::Sparsity, 0).is_ok());
    }

    #[test]
    fn dense_rows_among_those_of_a_granularity_are_refused() {
        let mut mixed = rows(&[8.0], &[1.0, 2.0, 4.0]);
        assert!(Design::new(&mixed, Law::Granularity, 0).is_ok());
        mixed.extend(rows(&[1.0], &[1.0]));
        let error = refusal(&mixed, Law::Granularity);
        assert_eq!(
            error.to_string(),
            "granularity is a law of one number of experts for each one that a token uses, and these rows have 2"
        );
        assert!(error.hint().unwrap().contains("--where"));
    }

    #[test]
    fn experts_that_follow_the_size_are_refused() {
        let mut rows = rows(&[1.0, 2.0, 4.0, 8.0, 16.0], &[1.0]);
        for row in &mut rows {
            let n = 1e4 * row.experts.unwrap().powi(2);
            (row.n, row.n_total) = (Some(n), Some(n * row.experts.unwrap()));
        }
        for law in [Law::Routed, Law::Sparsity, Law::JointExperts] {
            let error = refusal(&rows, law);
            assert!(
                error.to_string().starts_with("the number of experts follows the size"),
                "{law:?}: {error}"
            );
            assert!(error.hint().unwrap().contains("at other values of the number of experts"));
        }
    }

    #[test]
    fn rows_that_do_not_say_their_experts_ask_for_the_column() {
        let rows: Vec<Point> = (0..30)
            .map(|k| point("r", 1e4 * 2f64.powi(k % 6), 1e6 * 3f64.powi(k / 6), 3.0))
            .collect();
        let hint = |law| refusal(&rows, law).hint().unwrap();
        assert!(hint(Law::Routed).contains("--experts COL"));
        assert!(hint(Law::Sparsity).contains("--n-total COL"));
        assert!(hint(Law::Granularity).contains("--n-total COL"));
    }

    #[test]
    fn a_row_with_fewer_experts_than_a_token_uses_is_refused() {
        let mut row = point("line 7", 1e6, 1e8, 3.0);
        row.experts = Some(0.5);
        let error = row.check().unwrap_err();
        assert!(error.to_string().starts_with("row line 7: it has 0.5 experts"), "{error}");
    }
}
