//! Approach 3: the compute-optimal split under a fitted L(N, D), with compute as the rows count it.

use crate::intervals::estimate;
use crate::laws::Law;
use crate::lines::{Lines, lines};
use crate::optimum::{Cost, optimum};
use crate::output::{Approach, Counting, Fit, Optimum, Remarks};

/// Number of amounts of compute at which the optimum is asked for, evenly spaced in ln C over the rows.
const STEPS: usize = 9;

/// None for a fit of another law than Chinchilla's. Its optima are those inside the sizes trained;
/// exponents under another count than 6 N D are those of the line through them.
pub(crate) fn approach(fit: &Fit) -> Option<Approach> {
    let (law, drawn) = laws(fit)?;
    let closed = closed(fit, &law)?;
    let cost = Cost::counted(fit);
    let count = cost.as_ref().unwrap_or(&Cost::SixNd);
    let span = |of: fn(&crate::output::FittedPoint) -> Option<f64>| {
        let all = fit.data.iter().filter_map(of);
        all.fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)))
    };
    let sizes = span(|row| row.n);
    let (least, most) = span(|row| row.c.or_else(|| Some(6.0 * row.n? * row.d?)));
    let step = (most / least).powf(1.0 / (STEPS - 1) as f64);
    let optima: Vec<Optimum> = (0..STEPS)
        .filter_map(|k| best(&law, least * step.powi(k as i32), count))
        .filter(|at| at.n >= sizes.0 && at.n <= sizes.1)
        .collect();
    // What is said of the law itself stands with its fit.
    let mut remarks = Remarks::default();
    if optima.len() < STEPS {
        remarks.note(format!(
            "the optimum of the law lies inside the sizes trained at only {} of {STEPS} amounts of compute between the \
             smallest and the largest of the rows, and its line runs through these alone",
            optima.len()
        ));
    }
    let mut found = Approach {
        name: "3".into(),
        words: format!(
            "{} on {}, its optimum under C {}",
            fit.formula,
            fit.points,
            if cost.is_some() { "as counted" } else { "= 6 N D" }
        ),
        n_exponent: Some(closed.n_exponent),
        n_log_coefficient: Some(closed.n_log_coefficient),
        d_exponent: Some(closed.d_exponent),
        d_log_coefficient: Some(closed.d_log_coefficient),
        six_nd: None,
        intervals: fit
            .bootstrap
            .as_ref()
            .map(|b| format!("{} {} replicates of {}", b.replicates, b.interval, b.unit)),
        remarks,
        optima,
    };
    if cost.is_some() {
        let counted = counted(count, &found.optima, &law, &drawn);
        found.n_exponent = counted.map(|c| c.n_exponent);
        found.n_log_coefficient = counted.map(|c| c.n_log_coefficient);
        found.d_exponent = counted.map(|c| c.d_exponent);
        found.d_log_coefficient = counted.map(|c| c.d_log_coefficient);
        found.six_nd = Some(closed);
    }
    let known = ["alpha", "beta", "n_exponent"]
        .iter()
        .all(|name| fit.parameters.get(*name).is_some_and(|e| e.identified));
    if !known {
        found.doubt();
    }
    Some(found)
}

/// E, A, alpha, B, beta.
type Values = [f64; 5];
const NAMES: [&str; 5] = ["E", "A", "alpha", "B", "beta"];

/// The law of a fit, and of each of its replicates.
fn laws(fit: &Fit) -> Option<(Values, Vec<Values>)> {
    let mut fitted = [0.0; 5];
    for (value, name) in fitted.iter_mut().zip(NAMES) {
        *value = fit.parameters.get(name)?.value;
    }
    let places: Option<Vec<usize>> =
        NAMES.iter().map(|name| fit.draw_names.iter().position(|known| known == name)).collect();
    let read = |draw: &Vec<f64>| -> Option<Values> {
        let mut values = [0.0; 5];
        for (value, place) in values.iter_mut().zip(places.as_ref()?) {
            *value = *draw.get(*place)?;
        }
        Some(values)
    };
    Some((fitted, fit.draws.iter().filter_map(read).collect()))
}

fn best(law: &Values, c: f64, cost: &Cost) -> Option<Optimum> {
    let [n, d, loss] = optimum(Law::Chinchilla, law, c, cost)?;
    Some(Optimum { c, n, d, loss })
}

/// In closed form under C = 6 N D (Hoffmann et al. 2022, eq. 4).
fn closed(fit: &Fit, [_, a, alpha, b, beta]: &Values) -> Option<Counting> {
    let n_exponent = *fit.parameters.get("n_exponent")?;
    let d_exponent = *fit.parameters.get("d_exponent")?;
    let ln_g = ((alpha * a) / (beta * b)).ln() / (alpha + beta);
    let six = 6f64.ln();
    let (n, d) = (ln_g - n_exponent.value * six, -ln_g - d_exponent.value * six);
    (n.is_finite() && d.is_finite()).then_some(Counting {
        n_exponent,
        n_log_coefficient: n,
        d_exponent,
        d_log_coefficient: d,
    })
}

/// Lines through the optima, with the intervals of those of the replicates at the same compute.
fn counted(cost: &Cost, optima: &[Optimum], law: &Values, drawn: &[Values]) -> Option<Counting> {
    let of = |law: &Values| -> Option<Lines> {
        let again = optima.iter().map(|at| best(law, at.c, cost));
        lines(&again.collect::<Option<Vec<Optimum>>>()?)
    };
    let [n, d] = of(law)?.given;
    let replicates: Vec<Lines> = drawn.iter().filter_map(of).collect();
    let slopes = |of: usize| -> Vec<f64> { replicates.iter().map(|r| r.given[of].0).collect() };
    Some(Counting {
        n_exponent: estimate(n.0, &slopes(0)),
        n_log_coefficient: n.1,
        d_exponent: estimate(d.0, &slopes(1)),
        d_log_coefficient: d.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Estimate, FittedPoint};

    const LAW: Values = [1.2, 30.0, 0.3, 60.0, 0.35];

    fn loss(n: f64, d: f64) -> f64 {
        let [e, a, alpha, b, beta] = LAW;
        e + a * n.powf(-alpha) + b * d.powf(-beta)
    }

    /// A fit to rows of which a token costs `6 N + head N^(1/3)`.
    fn fit(head: f64) -> Fit {
        let known = |value| Estimate {
            value,
            low: None,
            high: None,
            standard_error: None,
            identified: true,
            fixed: false,
        };
        let n_exponent = LAW[4] / (LAW[2] + LAW[4]);
        let mut parameters: std::collections::BTreeMap<String, Estimate> =
            NAMES.iter().zip(LAW).map(|(name, value)| ((*name).to_owned(), known(value))).collect();
        parameters.insert("n_exponent".into(), known(n_exponent));
        parameters.insert("d_exponent".into(), known(1.0 - n_exponent));
        let mut data = Vec::new();
        for i in 0..12 {
            for c in [1e11, 1e12, 1e13] {
                let n = 1e3 * 2f64.powi(i);
                let per_token = 6.0 * n + head * n.cbrt();
                data.push(FittedPoint {
                    label: String::new(),
                    n: Some(n),
                    d: Some(c / per_token),
                    c: Some(c),
                    loss: 1.0,
                    fitted: 1.0,
                });
            }
        }
        Fit { law: "chinchilla".into(), parameters, data, ..Fit::default() }
    }

    #[test]
    fn under_six_nd_the_optimum_is_the_closed_form() {
        let found = approach(&fit(0.0)).unwrap();
        assert_eq!(found.six_nd, None);
        let a = found.n_exponent.unwrap().value;
        let k = found.n_log_coefficient.unwrap();
        assert!(found.optima.len() > 5);
        for at in &found.optima {
            let line = (k + a * at.c.ln()).exp();
            assert!((at.n / line - 1.0).abs() < 1e-6, "{} {line}", at.n);
            assert!((6.0 * at.n * at.d / at.c - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn with_the_head_counted_the_line_runs_through_optima_of_that_compute() {
        let head = 3e4;
        let found = approach(&fit(head)).unwrap();
        let six = found.six_nd.unwrap();
        let (a, b) = (found.n_exponent.unwrap().value, found.d_exponent.unwrap().value);
        let sum = six.n_exponent.value + six.d_exponent.value;
        assert!((sum - 1.0).abs() < 1e-12 && a + b > 1.05, "{a} {b}");
        let middle = &found.optima[found.optima.len() / 2];
        // No size near it does better with the same compute.
        for step in [0.8, 1.25] {
            let n = middle.n * step;
            let other = loss(n, middle.c / (6.0 * n + head * n.cbrt()));
            assert!(other > middle.loss, "{step}: {other} {}", middle.loss);
        }
        let line = (found.n_log_coefficient.unwrap() + a * middle.c.ln()).exp();
        assert!((line / middle.n - 1.0).abs() < 0.05, "{line} {}", middle.n);
    }

    #[test]
    fn a_law_without_its_exponents_gives_no_identified_line() {
        let mut open = fit(3e4);
        open.parameters.get_mut("alpha").unwrap().identified = false;
        let found = approach(&open).unwrap();
        assert!(!found.n_exponent.unwrap().identified);
        assert!(!found.six_nd.unwrap().n_exponent.identified);
    }

    #[test]
    fn an_optimum_outside_the_sizes_is_no_optimum() {
        let mut small = fit(3e4);
        small.data.retain(|row| row.n.unwrap() < 5e3);
        let found = approach(&small).unwrap();
        assert!(found.optima.is_empty() && found.n_exponent.is_none());
        assert!(found.remarks.say("at only 0 of 9"));
    }
}
