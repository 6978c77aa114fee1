//! Laws of mixtures of experts: published constants come back from rows without noise, noisy rows have intervals
//! that hold them, and a fit takes seconds.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_fit::output::Fit;
use isoflop_fit::{Law, Options, Point, fit};

/// `1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max` (Clark et al. 2022, eq. 2).
fn effective(experts: f64, start: f64, most: f64) -> f64 {
    1.0 / (1.0 / (experts - 1.0 + 1.0 / (1.0 / start - 1.0 / most)) + 1.0 / most)
}

/// Clark et al. 2022, table 3, S-BASE.
fn routed(row: &Point) -> f64 {
    let (n, e) = (row.n.unwrap().log10(), effective(row.experts.unwrap(), 1.847, 314.478).log10());
    10f64.powf(-0.082 * n - 0.108 * e + 0.009 * n * e + 1.104)
}

/// Krajewski et al. 2024, the fitted coefficients.
fn granularity(row: &Point) -> f64 {
    let (n, d, g) = (row.n_total.unwrap(), row.d.unwrap(), row.granularity.unwrap());
    0.47 + (2.1 / g.powf(0.58) + 18.1) * n.powf(-0.115) + 30.8 * d.powf(-0.147)
}

/// Abnar et al. 2025, the fitted coefficients.
fn sparsity(row: &Point) -> f64 {
    let (n, d, left) = (row.n_total.unwrap(), row.d.unwrap(), 1.0 / row.experts.unwrap());
    let both = 17.26 / (left.powf(0.1603) * n.powf(0.1595));
    16612.50 / n.powf(0.5962) + 5455.67 / d.powf(0.3954) + 0.4598 * left.powf(0.1666) + both + 0.94
}

/// Ludziejewski et al. 2025, table 3.
fn joint(row: &Point) -> f64 {
    let (n, d) = (row.n.unwrap(), row.d.unwrap());
    let hat = effective(row.experts.unwrap(), 2.0732, 290.4521);
    let by_size = 35.91 * hat.powf(-0.2285) * n.powf(-0.1889 + 0.0098 * hat.ln());
    by_size + 35.98 * hat.powf(0.5529) * d.powf(-0.1775 - 0.0259 * hat.ln()) + 1.3637
}

/// Six sizes, five token counts, and experts or granularities as given.
fn rows(law: fn(&Point) -> f64, experts: &[f64], granularities: &[f64]) -> Vec<Point> {
    let mut rows = Vec::new();
    for (i, j) in (0..30).map(|k| (k % 6, k / 6)) {
        for experts in experts {
            for granularity in granularities {
                let (n, d) = (3e6 * 3f64.powi(i), 1e8 * 4f64.powi(j));
                let mut row = Point::new(rows.len().to_string(), 1.0);
                (row.n, row.d, row.n_total) =
                    (Some(n), Some(d), Some(n * (1.0 + 2.0 * experts) / 3.0));
                (row.experts, row.granularity) = (Some(*experts), Some(*granularity));
                row.loss = law(&row);
                rows.push(row);
            }
        }
    }
    rows
}

/// The row in a table without tokens.
fn without_tokens(row: Point) -> Point {
    Point { d: None, ..row }
}

const EXPERTS: [f64; 6] = [1.0, 2.0, 8.0, 32.0, 128.0, 512.0];
const GRANULARITIES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];

/// A law, its rows and its constants.
type Case = (Law, Vec<Point>, &'static [(&'static str, f64)]);

fn cases() -> [Case; 4] {
    [
        (
            Law::Routed,
            rows(routed, &EXPERTS, &[1.0]).into_iter().map(without_tokens).collect(),
            &[
                ("a", -0.082),
                ("b", -0.108),
                ("c", 0.009),
                ("d", 1.104),
                ("E_start", 1.847),
                ("E_max", 314.478),
            ],
        ),
        (
            Law::Granularity,
            rows(granularity, &[64.0], &GRANULARITIES),
            &[
                ("E", 0.47),
                ("A", 18.1),
                ("alpha", 0.115),
                ("B", 30.8),
                ("beta", 0.147),
                ("g", 2.1),
                ("gamma", 0.58),
            ],
        ),
        (
            Law::Sparsity,
            rows(sparsity, &EXPERTS, &[1.0]),
            &[
                ("E", 0.94),
                ("A", 16612.50),
                ("alpha", 0.5962),
                ("B", 5455.67),
                ("beta", 0.3954),
                ("c", 0.4598),
                ("lambda", -0.1666),
                ("d", 17.26),
                ("delta", 0.1603),
                ("gamma", 0.1595),
            ],
        ),
        (
            Law::JointExperts,
            rows(joint, &EXPERTS, &[1.0]),
            &[
                ("E", 1.3637),
                ("A", 35.91),
                ("delta", -0.2285),
                ("alpha", 0.1889),
                ("gamma", 0.0098),
                ("B", 35.98),
                ("omega", 0.5529),
                ("beta", 0.1775),
                ("zeta", -0.0259),
                ("E_start", 2.0732),
                ("E_max", 290.4521),
            ],
        ),
    ]
}

fn options(bootstrap: usize) -> Options {
    Options { bootstrap, ..Options::default() }
}

#[test]
fn rows_without_noise_give_the_published_constants_back() {
    for (law, rows, constants) in cases() {
        let found = fit(&rows, law, &options(0)).unwrap();
        assert_eq!(found.parameters.len(), constants.len());
        for (name, truth) in constants {
            let value = found.parameters[*name].value;
            assert!((value / truth - 1.0).abs() < 1e-3, "{law:?} {name}: {value} {truth}");
        }
    }
}

/// The rows with errors of half a per cent.
fn noisy(mut rows: Vec<Point>, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Bootstrap, 7);
    rows.iter_mut().for_each(|row| row.loss *= (0.005 * normal_pair(&mut rng).0).exp());
    rows
}

/// How many constants lie inside their intervals, of those that have one.
fn covered(found: &Fit, constants: &[(&str, f64)]) -> (usize, usize) {
    let with_ends = constants.iter().filter_map(|(name, truth)| {
        let estimate = &found.parameters[*name];
        Some((estimate.low?, estimate.high?, truth))
    });
    with_ends.fold((0, 0), |(inside, all), (low, high, truth)| {
        (inside + usize::from(low <= *truth && *truth <= high), all + 1)
    })
}

/// Nine of ten should lie inside. Constants of one fit lie inside or outside together, hence several fits and a
/// lower bar.
#[test]
fn intervals_of_noisy_rows_hold_the_published_constants() {
    let (mut inside, mut all) = (0, 0);
    for (law, rows, constants) in cases() {
        for seed in 0..2 {
            let found = fit(&noisy(rows.clone(), seed), law, &options(60)).unwrap();
            let of_one = covered(&found, constants);
            assert!(2 * of_one.0 > constants.len(), "{law:?} {seed}: {of_one:?}");
            (inside, all) = (inside + of_one.0, all + of_one.1);
        }
    }
    assert_eq!(all, 2 * 34, "every constant has an interval");
    assert!(inside * 100 >= all * 85, "{inside} of {all}");
}

/// Sizes of a mixture and of the dense model that does as well, by the constants themselves.
#[test]
fn a_fit_says_what_its_mixtures_are_worth() {
    let rows = rows(routed, &EXPERTS, &[1.0]);
    let found = fit(&noisy(rows, 1), Law::Routed, &options(60)).unwrap();
    // The law has no tokens: of five token counts the largest is taken.
    assert_eq!((found.rows, found.points.as_str()), (36, "largest D (25.6B)"));
    // Five numbers of experts beside the dense models, a smallest and a largest model each.
    assert_eq!(found.effective.len(), 10);
    for of in &found.effective {
        let mut mixture = Point::new("", 1.0);
        (mixture.n, mixture.experts) = (Some(of.n), Some(of.experts));
        let dense = |n: f64| Point { n: Some(n), experts: Some(1.0), ..mixture.clone() };
        // Ends of the interval lie on either side of the loss of the mixture under the true law.
        let (low, high) = (of.n_effective.low.unwrap(), of.n_effective.high.unwrap());
        let loss = routed(&mixture);
        assert!(routed(&dense(1.1 * high)) < loss && loss < routed(&dense(low / 1.1)), "{of:?}");
        assert!(of.n_effective.value > 1.1 * of.n, "{of:?}");
    }
    let rows = cases()[2].1.clone();
    let sparsity = fit(&rows, Law::Sparsity, &options(0)).unwrap();
    assert!(sparsity.effective.is_empty());
    // The N of that law is all parameters, and so is that of its points.
    assert_eq!(sparsity.data[5].n, rows[5].n_total);
}
