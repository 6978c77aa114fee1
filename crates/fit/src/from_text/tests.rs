//! Statistics that follow a known law, and the published exponents.

use super::*;

/// Losses of n-grams of contexts up to 7 over parts of four times the size, with the entropy `of` a context and
/// an excess that is `scale` of a nat at a context of 1 and one token counted, three times as large for each
/// token of the context, and falls as the root of the tokens.
fn counted(scale: f64, of: impl Fn(f64) -> f64) -> Vec<Counted> {
    let parts = (0..7).map(|part| 8192.0 * 4f64.powi(part));
    parts
        .flat_map(|tokens| (0..8).map(move |context| (tokens, context)))
        .map(|(tokens, context)| {
            let excess = scale * 3f64.powi(context as i32 - 1) / tokens.sqrt();
            Counted { context, tokens, loss: of(f64::from(context)) + excess }
        })
        .collect()
}

fn correlated(to: i32, of: impl Fn(f64) -> f64) -> Vec<Correlated> {
    (0..=to)
        .map(|k| 2f64.powf(f64::from(k) / 2.0).round())
        .map(|distance| Correlated { distance, strength: of(distance), standard_error: 1e-5 })
        .collect()
}

fn power(n: f64) -> f64 {
    1.1 + 0.9 * n.max(0.5).powf(-0.4)
}

#[test]
fn exponents_of_power_laws_come_back() {
    let correlations = correlated(16, |n| 0.2 * n.powf(-0.9));
    let found = FromText::of(&counted(0.001, power), &correlations);
    let (gamma, beta) = (found.gamma.clone().unwrap(), found.beta.clone().unwrap());
    assert!((gamma.exponent.value - 0.4).abs() < 0.01, "{gamma:?}");
    assert!((beta.exponent.value - 0.9).abs() < 1e-9, "{beta:?}");
    assert_eq!((gamma.from, gamma.to, gamma.points), (1.0, 7.0, 6));
    assert_eq!((beta.from, beta.to), (1.0, 256.0));
    let alpha = found.data_exponent().unwrap();
    assert!((alpha.value - 0.4 / 1.8).abs() < 0.005, "{alpha:?}");
    assert!(alpha.low.unwrap() < 0.4 / 1.8 && 0.4 / 1.8 < alpha.high.unwrap(), "{alpha:?}");
    assert!(found.sentences()[2].starts_with("the text alone forecasts a data exponent"));
}

/// The excess of contexts that are not yet settled would make any law of the falls.
#[test]
fn contexts_that_the_text_does_not_settle_are_left_out() {
    let found = FromText::of(&counted(2.0, power), &[]);
    let why = found.gamma.clone().unwrap_err();
    assert!(
        why.starts_with("over 33.6M tokens n-grams are settled for contexts of up to "),
        "{why}"
    );
    assert!(found.beta.clone().unwrap_err().contains("too short"));
    assert_eq!(found.data_exponent(), None);
    assert_eq!(found.sentences()[2], "the text alone forecasts no data exponent");
    // In between some contexts are settled and others not, and the exponent is that of the former.
    let some = FromText::of(&counted(0.3, power), &[]).gamma.unwrap();
    assert!(some.to < 7.0 && some.exponent.low.unwrap() < 0.41, "{some:?}");
    assert!(some.exponent.high.unwrap() > 0.4, "{some:?}");
}

#[test]
fn exponential_decays_are_refused() {
    let found = FromText::of(
        &counted(0.001, |n| 1.1 + 0.9 * 0.5f64.powf(n)),
        &correlated(16, |n| 0.2 * (-n / 30.0).exp()),
    );
    let [gamma, beta] = [found.gamma.unwrap_err(), found.beta.unwrap_err()];
    assert!(gamma.contains("exponentially, each time by 0.50 of"), "{gamma}");
    assert!(beta.contains("exponentially, to 1/e within 30.0 tokens"), "{beta}");
}

#[test]
fn a_short_memory_and_a_short_range_are_refused() {
    let memory = counted(1e-4, |n| if n < 2.0 { 3.0 - n } else { 1.0 });
    let why = FromText::of(&memory, &[]).gamma.unwrap_err();
    assert!(why.starts_with("the entropy falls no more beyond a context of 2 tokens"), "{why}");
    let near = correlated(16, |n| if n < 7.0 { 0.2 / n } else { 0.0 });
    let why = FromText::of(&[], &near).beta.unwrap_err();
    assert!(why.contains("distances of 1 to 6 only"), "{why}");
    let none = correlated(16, |_| 0.0);
    assert!(FromText::of(&[], &none).beta.unwrap_err().contains("at a distance of 1 the"));
}

#[test]
fn correlations_that_level_off_follow_no_power_law() {
    let found = FromText::of(&[], &correlated(16, |n| 0.2 / n + 0.02));
    let why = found.beta.unwrap_err();
    assert!(why.starts_with("correlations follow no one line at distances of 1 to 256"), "{why}");
}

/// Exponents of TinyStories and WikiText-103 under a vocabulary of 8,192 tokens, and the data exponents that
/// follow (Cagnetta et al. 2026, version 3, eqs. 11 to 16: .185 and .141).
#[test]
fn published_exponents_give_the_published_forecasts() {
    let decay = |value: f64, error: f64| {
        let exponent = estimate(value, value - error, value + error);
        Ok(Decay { exponent, from: 1.0, to: 16.0, points: 16, r_squared: 1.0 })
    };
    for (gamma, beta, published, range) in [
        ((0.325, 0.003), (0.88, 0.06), 0.185, [0.172, 0.198]),
        ((0.265, 0.016), (0.94, 0.16), 0.141, [0.116, 0.166]),
    ] {
        let found = FromText { gamma: decay(gamma.0, gamma.1), beta: decay(beta.0, beta.1) };
        let alpha = found.data_exponent().unwrap();
        assert!((alpha.value - published).abs() < 5e-4, "{}", alpha.value);
        // The errors published are added in squares; here both ends are taken at their worst.
        assert!(alpha.low.unwrap() < range[0] + 2e-3 && alpha.high.unwrap() > range[1] - 2e-3);
    }
}

/// Runs of one letter and then of the other, longer than `k` with probability `(1 + k)^-1.3`. Behind n letters
/// it is known how long the run is, unless it holds them all: the entropy is the mean over ages of that of the
/// chance to end, with one mean chance for all ages of n and more. It nears its limit as about `n^-1.3`.
fn renewal(context: u32) -> f64 {
    const AGES: u32 = 200_000;
    let longer = |k: u32| (1.0 + f64::from(k)).powf(-1.3);
    let ends = |k: u32| 1.0 - longer(k + 1) / longer(k);
    let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
    let sum = |ages: std::ops::Range<u32>, of: &dyn Fn(u32) -> f64| -> f64 {
        ages.map(|k| longer(k) * of(k)).sum()
    };
    let Some(known) = context.checked_sub(1) else {
        return 2f64.ln();
    };
    let (all, open) = (sum(0..AGES, &|_| 1.0), sum(known..AGES, &|_| 1.0));
    let mean = sum(known..AGES, &ends) / open;
    (sum(0..known, &|k| entropy(ends(k))) + open * entropy(mean)) / all
}

#[test]
fn runs_of_a_power_law_show_its_exponent_in_their_entropies() {
    let counted = counted(1e-6, |n| renewal(n as u32));
    let gamma = FromText::of(&counted, &[]).gamma.unwrap();
    assert!((gamma.exponent.value / 1.3 - 1.0).abs() < 0.06, "{gamma:?}");
    let (low, high) = (gamma.exponent.low.unwrap(), gamma.exponent.high.unwrap());
    // The exponent still grows: the interval holds the halves of the range, not what lies beyond it.
    assert!(low < 1.24 && 1.26 < high && high - low < 0.2, "{gamma:?}");
}

/// Files of other makers may hold anything; what comes of it is a refusal or a number, and no panic.
#[test]
fn strange_numbers_are_no_reason_to_stop() {
    let strange = [0.0, -1.0, 1.0, 1e300, f64::NAN, f64::INFINITY];
    for tokens in strange {
        for loss in strange {
            let parts =
                (0..40).map(|k| Counted { context: k % 8, tokens: tokens * f64::from(k), loss });
            let far = Counted { context: u32::MAX, tokens, loss };
            let counted: Vec<Counted> = parts.chain([far]).collect();
            let one = Correlated { distance: tokens, strength: loss, standard_error: 0.0 };
            let found = FromText::of(&counted, &[one; 9]);
            assert!(found.data_exponent().is_none(), "{found:?}");
            assert_eq!(found.sentences().len(), 3);
        }
    }
}
