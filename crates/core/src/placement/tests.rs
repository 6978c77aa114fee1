use super::*;
use crate::rng::{Purpose, normal_pair, stream};
use proptest::prelude::*;

/// Transformers on `vocabulary` tokens with a context of 128: `12 L d^2` parameters of width over depth
/// eight.
fn transformers(vocabulary: f64) -> Ladder {
    let rung = |k: i32| {
        let n = 1e3 * (f64::from(k) * STEP).exp();
        let width = (8.0 * n / 12.0).cbrt();
        let depth = width / 8.0;
        let flops = 6.0 * (n + width * vocabulary) + 6.0 * depth * width * 129.0;
        Rung { n, flops }
    };
    Ladder::new((0..28).map(rung).collect(), 1e10)
}

/// Best sizes that were measured with two seeds a size, from the smallest to the largest that were
/// within the noise between seeds of the best (LOG.md).
const MEASURED: [(f64, f64, f64); 6] = [
    (3e10, 3.5e3, 3.5e3),
    (1e11, 3.5e3, 14e3),
    (3e11, 9.7e3, 25e3),
    (1e12, 25e3, 111e3),
    (3e12, 58e3, 151e3),
    (1e13, 111e3, 308e3),
];

#[test]
fn the_prior_goes_through_the_best_sizes_that_were_measured() {
    let ladder = transformers(256.0);
    for (budget, low, high) in MEASURED {
        let n = ladder.prior(budget).exp();
        assert!(n > low / 1.3 && n < high * 1.3, "{budget:e}: {n:e}");
    }
}

#[test]
fn the_prior_stays_sensible_for_large_vocabularies_and_at_scale() {
    // Hoffmann et al. 2022, table 3: 67B parameters and 1.5T tokens for Gopher's compute.
    let n = transformers(32e3).prior(5.76e23).exp();
    assert!(n > 67e9 / 1.5 && n < 67e9 * 1.5, "{n:e}");
    for budget in [1e11, 1e13, 1e16, 1e19] {
        let (bytes, words) = (transformers(256.0), transformers(50e3));
        let n = words.prior(budget).exp();
        let nearest = |ladder: &Ladder| {
            let miss = |rung: &&Rung| (rung.n / n).ln().abs();
            *ladder.rungs().iter().min_by(|a, b| miss(a).total_cmp(&miss(b))).unwrap()
        };
        let tokens = nearest(&words).tokens_per_param(budget);
        assert!(tokens > 3.0 && tokens < 3000.0, "{budget:e}: {n:e} on {tokens}");
        // A larger model costs little more where the head takes most of the compute.
        let [words, bytes] = [&words, &bytes].map(|of| nearest(of).prior_tokens_per_param());
        assert!(words < bytes, "{budget:e}: {words} {bytes}");
    }
}

#[test]
fn a_parabola_and_its_noise_are_found() {
    let curve = |at: f64, noise: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
        (0..7)
            .map(|k| {
                let x = at.ln() + (k as f64 - 2.6) * STEP;
                (x.exp(), 2.0 * (0.025 * (x - at.ln()).powi(2) + noise(k)).exp())
            })
            .collect()
    };
    let found = Minimum::of(1e11, &curve(6e3, &|_| 0.0)).unwrap();
    assert!(found.enclosed && (found.ln_n - 6e3f64.ln()).abs() < 1e-9, "{found:?}");
    // The scatter over many draws of the noise is what the standard deviation says.
    let mut off = Vec::new();
    let mut said = 0.0f64;
    for seed in 0..300 {
        let noise = |k| 0.01 * normal_pair(&mut stream(seed, Purpose::Init, k as u64)).0;
        let found = Minimum::of(1e11, &curve(6e3, &noise)).unwrap();
        if found.enclosed {
            off.push(found.ln_n - 6e3f64.ln());
            said += found.sd.powi(2) - BEST * BEST;
        }
    }
    let said = (said / off.len() as f64).sqrt();
    let rms = (off.iter().map(|off| off * off).sum::<f64>() / off.len() as f64).sqrt();
    assert!(off.len() > 280 && said > 0.7 * rms && said < 1.4 * rms, "{said} {rms}");
}

#[test]
fn a_curve_that_falls_to_its_end_is_known_by_its_end_alone() {
    let falling: Vec<_> = (0..6).map(|k| (1e3 * 2f64.powi(k), 3.0 - 0.1 * f64::from(k))).collect();
    let found = Minimum::of(1e11, &falling).unwrap();
    assert!(!found.enclosed && found.ln_n == 32e3f64.ln() && found.sd == OPEN, "{found:?}");
    assert_eq!(Minimum::of(1e11, &falling[..2]), None);
    let twice = [falling[0], falling[0], falling[1]];
    assert_eq!(Minimum::of(1e11, &twice), None);
}

#[test]
fn without_a_minimum_the_prior_is_expected_and_one_moves_it_no_further_than_it_knows() {
    let ladder = transformers(256.0);
    let none = ladder.expected(1e12, &[]);
    assert_eq!(none.ln_n, ladder.prior(1e12));
    assert_eq!(none.sizes(), 7);
    let off = Minimum { budget: 1e11, ln_n: ladder.prior(1e11) + 1.0, sd: 0.2, enclosed: true };
    let moved = ladder.expected(1e12, &[off]);
    assert!(moved.ln_n > none.ln_n + 0.5 && moved.ln_n < none.ln_n + 1.5, "{moved:?}");
    // A sum of the two coefficients' variances at that budget, and of the minimum's.
    let (x, there) = (100f64.ln(), 10f64.ln());
    let both = OFFSET * OFFSET + TILT * TILT * x * there;
    let gain = both / (OFFSET * OFFSET + TILT * TILT * there * there + 0.04);
    assert!((moved.ln_n - none.ln_n - gain).abs() < 1e-9 || gain > 1.0, "{moved:?} {gain}");
    assert!(moved.sd < none.sd);
    let open = Minimum { sd: OPEN, enclosed: false, ..off };
    assert!(ladder.expected(1e12, &[open]).ln_n < moved.ln_n);
}

#[test]
fn one_minimum_far_off_the_others_hardly_counts() {
    let ladder = transformers(256.0);
    let minimum = |budget: f64, off: f64| Minimum {
        budget,
        ln_n: ladder.prior(budget) + off,
        sd: 0.2,
        enclosed: true,
    };
    let mut minima: Vec<_> = [1e10, 3e10, 1e11, 3e11].map(|b| minimum(b, 0.3)).to_vec();
    let clean = ladder.expected(1e13, &minima);
    minima.push(minimum(1e12, 3.0));
    let spoiled = ladder.expected(1e13, &minima);
    let trusted = (3.0f64 - 0.3) * 0.5;
    assert!((spoiled.ln_n - clean.ln_n).abs() < 0.5 * trusted, "{clean:?} {spoiled:?}");
}

proptest! {
    #[test]
    fn the_law_of_a_sweep_is_found_whatever_it_is(
        slope in 0.3f64..0.8, offset in -1.5f64..1.5, budgets in 2usize..6,
    ) {
        let ladder = transformers(256.0);
        let truth = |budget: f64| ladder.prior(1e10) + offset + slope * (budget / 1e10).ln();
        let minima: Vec<Minimum> = (0..budgets)
            .map(|k| 1e10 * 3f64.powi(k as i32))
            .map(|budget| Minimum { budget, ln_n: truth(budget), sd: 0.15, enclosed: true })
            .collect();
        let next = 1e10 * 3f64.powi(budgets as i32);
        let expected = ladder.expected(next, &minima);
        // Less than what the prior alone misses by, and no more than it says.
        prop_assert!((expected.ln_n - truth(next)).abs() < 2.5 * expected.sd, "{:?}", expected);
    }

    #[test]
    fn sizes_lie_about_what_is_expected(ln_n in 10.0f64..20.0, sd in 0.1f64..1.0) {
        let ladder = transformers(256.0);
        let expected = Expected { ln_n, sd };
        let Chosen { sizes, left_out } = ladder.choose(&expected, |_| true);
        prop_assert!(sizes.len() == expected.sizes() && left_out.is_empty());
        let ends = [sizes[0], sizes[sizes.len() - 1]].map(|at| ladder.rungs()[at].n.ln());
        prop_assert!(ends[0] < ln_n - 1.4 * STEP && ends[1] > ln_n + 1.4 * STEP, "{:?}", ends);
        // Where those on one side are not allowed, there are still five, and the others are told.
        let above = ladder.choose(&expected, |rung| rung.n.ln() > ln_n);
        prop_assert!(above.sizes.len() == 5 && above.left_out.len() >= 2, "{:?}", above);
        prop_assert!(above.sizes[0] > above.left_out[above.left_out.len() - 1]);
    }
}
