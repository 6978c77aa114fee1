//! The power law of the entropy by context.
//!
//! The loss of an n-gram on held-out text is never below the entropy on average, and above it by what its counts
//! have not seen, the more so the longer the context. How much is told by the same n-gram over smaller parts of
//! the text: an excess that falls as a power of the tokens counted falls on. A context is used as long as what
//! remains of the excess changes the fall of the entropy by no more than a fifth. Falls from one context to the
//! next are fitted, so that the limit needs no estimate.

use super::straight::{Line, student};
use super::{Counted, Decay, estimate};

/// Largest share of a fall that may be excess.
const SETTLED: f64 = 0.2;

/// Smallest number of falls of a fit.
const FEWEST: usize = 4;

/// Smallest share of the variance that the fit explains.
const STRAIGHT: f64 = 0.9;

/// Largest ratio of the exponents of the two halves of the range.
const BENT: f64 = 2.0;

/// Longest context that is looked at, whatever a file holds.
const LONGEST: u32 = 63;

/// Fall of the entropy, as a share of it, that counts as none.
const NOTHING: f64 = 0.002;

/// Exponents that are tried, from the first on by a fixed factor.
const LEAST: f64 = 0.01;
const MOST: f64 = 8.0;
const CELLS: usize = 800;

/// A fall of the entropy from a context to the next longer one.
#[derive(Clone, Copy, Debug)]
struct Fall {
    context: f64,
    nats: f64,
    /// The fall with the excess taken off.
    corrected: f64,
}

/// The decay of the entropy with the context, or why there is none.
pub(super) fn decay(counted: &[Counted]) -> Result<Decay, String> {
    let falls = settled(counted)?;
    let curve: Vec<(f64, f64)> = falls.iter().map(|fall| (fall.context, fall.nats.ln())).collect();
    let exponential = Line::through(&curve);
    let (value, left) = best(&curve);
    let (from, to) = (falls[0].context, falls[falls.len() - 1].context + 1.0);
    let is_exponential = exponential.left < left && exponential.r_squared >= STRAIGHT;
    if is_exponential && exponential.slope < 0.0 {
        return Err(format!(
            "at contexts of {from} to {to} tokens the entropy falls exponentially, each time by {:.2} of the fall before, and a power law lies farther from it",
            exponential.slope.exp()
        ));
    }
    let mean = curve.iter().map(|(_, y)| y).sum::<f64>() / curve.len() as f64;
    let about: f64 = curve.iter().map(|(_, y)| (y - mean).powi(2)).sum();
    let r_squared = 1.0 - left / about;
    if r_squared < STRAIGHT {
        return Err(format!(
            "at contexts of {from} to {to} tokens the entropy follows no power law (R2 {r_squared:.3})"
        ));
    }
    let freedom = curve.len() as f64 - 2.0;
    // A curve that is followed to the last digit allows no more than the cell of its optimum.
    let allowed = left * (1.0 + student(freedom).powi(2) / freedom) + 1e-12;
    let agrees = cells().filter(|gamma| misfit(&curve, *gamma) <= allowed);
    let half = curve.len().div_ceil(2);
    let halves = [&curve[..half], &curve[curve.len() - half..]].map(|half| best(half).0);
    if halves[0] > BENT * halves[1] || halves[1] > BENT * halves[0] {
        return Err(format!(
            "at contexts of {from} to {to} tokens the entropy follows no one power law: the exponent of the first {half} falls is {:.2} and that of the last {half} {:.2}",
            halves[0], halves[1]
        ));
    }
    // Without the excess the falls of long contexts are larger, and the exponent is smaller.
    let corrected: Vec<(f64, f64)> =
        falls.iter().map(|fall| (fall.context, fall.corrected.ln())).collect();
    let others = [halves[0], halves[1], best(&corrected).0];
    let [low, high] = [f64::min, f64::max].map(|end| agrees.clone().chain(others).fold(value, end));
    if low <= LEAST || high >= 0.99 * MOST {
        return Err(format!(
            "contexts of {from} to {to} tokens agree with any exponent from {low:.2} to {high:.2}"
        ));
    }
    Ok(Decay { exponent: estimate(value, low, high), from, to, points: curve.len(), r_squared })
}

/// Falls between contexts of one token and more whose entropies are settled.
fn settled(counted: &[Counted]) -> Result<Vec<Fall>, String> {
    let most = counted.iter().map(|c| c.context.min(LONGEST)).max().unwrap_or(0);
    let curves: Vec<Vec<(f64, f64)>> = (0..=most)
        .map(|context| {
            let of = counted.iter().filter(|c| c.context == context);
            let mut curve: Vec<(f64, f64)> = of.map(|c| (c.tokens, c.loss)).collect();
            curve.sort_by(|a, b| a.0.total_cmp(&b.0));
            curve
        })
        .collect();
    if curves.iter().any(|curve| curve.len() < 3) {
        return Err(
            "n-grams over at least three parts of the text are needed, which tell how far they are settled"
                .to_owned(),
        );
    }
    let last = |curve: &[(f64, f64)]| curve[curve.len() - 1];
    let tokens = last(&curves[0]).0;
    let mut falls = Vec::new();
    for context in 1..curves.len().saturating_sub(1) {
        let [shorter, longer] = [&curves[context], &curves[context + 1]];
        let nats = last(shorter).1 - last(longer).1;
        let (before, after) = (excess(shorter), excess(longer));
        let is_flat = nats < NOTHING * last(shorter).1;
        if is_flat && after.is_some_and(|after| after < 10.0 * NOTHING * last(longer).1) {
            let tokens = if context == 1 { "token" } else { "tokens" };
            return Err(format!(
                "the entropy falls no more beyond a context of {context} {tokens}, as that of a source with so short a memory"
            ));
        }
        let Some((before, after)) = before.zip(after) else { break };
        if nats <= 0.0 || (after - before).abs() > SETTLED * nats {
            break;
        }
        let corrected = nats + after - before;
        falls.push(Fall { context: context as f64, nats, corrected });
    }
    match falls.len() < FEWEST {
        true => Err(format!(
            "over {} tokens n-grams are settled for contexts of up to {} tokens, and {} are needed",
            isoflop_core::units::short(tokens),
            falls.len() + 1,
            FEWEST + 1
        )),
        false => Ok(falls),
    }
}

/// What remains of the excess of a loss that falls with the tokens counted as a power of them; `None` where the
/// parts do not tell.
fn excess(curve: &[(f64, f64)]) -> Option<f64> {
    let mut parts = curve.to_vec();
    let (tokens, loss) = parts.pop()?;
    // A last part that is little more than the one before tells little of its own.
    parts.pop_if(|before| tokens < 1.5 * before.0 && curve.len() > 3);
    let [.., (t0, l0), (t1, l1)] = parts[..] else {
        return None;
    };
    if (l1 - loss).abs() < 5e-4 * loss {
        return Some((l1 - loss).abs());
    }
    let slope = |(a, la): (f64, f64), (b, lb): (f64, f64)| (la - lb) / (b / a).ln();
    let (early, late) = (slope((t0, l0), (t1, l1)), slope((t1, l1), (tokens, loss)));
    let (middle, end) = ((t0 * t1).sqrt(), (t1 * tokens).sqrt());
    let power = ((early / late).ln() / (end / middle).ln()).min(1.0);
    let known = early > 0.0 && late > 0.0 && power > 0.0;
    known.then(|| late / power * (tokens / end).powf(-power))
}

/// Exponents that are tried.
fn cells() -> impl Iterator<Item = f64> + Clone {
    let step = (MOST / LEAST).ln() / CELLS as f64;
    (0..=CELLS).map(move |cell| LEAST * (step * cell as f64).exp())
}

/// The exponent that lies nearest, and the squares that it leaves.
fn best(curve: &[(f64, f64)]) -> (f64, f64) {
    let all = cells().map(|gamma| (gamma, misfit(curve, gamma)));
    all.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are cells")
}

/// Squares of the logarithms of falls about `A (n^-gamma - (n + 1)^-gamma)` with the best `A`.
fn misfit(curve: &[(f64, f64)], gamma: f64) -> f64 {
    let off = |(n, y): &(f64, f64)| y - (n.powf(-gamma) - (n + 1.0).powf(-gamma)).ln();
    let mean = curve.iter().map(off).sum::<f64>() / curve.len() as f64;
    curve.iter().map(|point| (off(point) - mean).powi(2)).sum()
}
