//! What experts are worth: the effective number E^ of E experts, `1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) +
//! 1/E_max` (Clark et al. 2022, eq. 2), which is E_start for a dense model and never exceeds E_max. Fits move in
//! `ln E_start` and `ln (E_max / E_start - 1)`.

use crate::jet::Scalar;

/// ln E^ of so many experts.
pub(super) fn effective<R: Scalar>(ln_experts: f64, ln_start: R, ln_rest: R) -> R {
    let number = R::constant;
    let (start, most) = (ln_start.exp(), most(ln_start, ln_rest));
    let one = number(1.0);
    let shifted = number(ln_experts.exp() - 1.0) + one / (one / start - one / most);
    let effective = one / (one / shifted + one / most);
    effective.ln()
}

/// E_max.
pub(super) fn most<R: Scalar>(ln_start: R, ln_rest: R) -> R {
    ln_start.exp() * (R::constant(1.0) + ln_rest.exp())
}

/// `ln (E_max / E_start - 1)` where E_max has this value.
pub(super) fn rest_of<R: Scalar>(most: f64, ln_start: R) -> R {
    (R::constant(most) / ln_start.exp() - R::constant(1.0)).ln()
}

/// [`effective`] with its derivatives written out, by `ln E_start` and `ln (E_max / E_start - 1)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effective {
    pub(super) value: f64,
    pub(super) first: [f64; 2],
    /// `[start][start]`, `[rest][start]`, `[rest][rest]`.
    pub(super) second: [f64; 3],
}

impl Effective {
    #[inline]
    pub(super) fn of(ln_experts: f64, ln_start: f64, ln_rest: f64) -> Self {
        let rest = ln_rest.exp();
        let (most, share) = (most(ln_start, ln_rest), rest / (1.0 + rest));
        // E^ is half the harmonic mean of `E - 1 + q` and E_max, and `q = E_max / rest`.
        let q = most / rest;
        let shifted = ln_experts.exp() - 1.0 + q;
        let (r, left) = (q / shifted, 1.0 - share);
        let weight = most / (shifted + most);
        // ln of the first and of E_max, by both parameters.
        let of_shifted = [r, -left * r];
        let of_most = [1.0, share];
        let bends = [r * (1.0 - r), -left * r * (1.0 - r), left * r * (1.0 - left * r)];
        let cross = weight * (1.0 - weight);
        let apart = [of_shifted[0] - of_most[0], of_shifted[1] - of_most[1]];
        let second = |bend: f64, of_most: f64, apart: f64| {
            weight * bend + (1.0 - weight) * of_most - cross * apart
        };
        Effective {
            value: (shifted * weight).ln(),
            first: [0, 1].map(|k| weight * of_shifted[k] + (1.0 - weight) * of_most[k]),
            second: [
                second(bends[0], 0.0, apart[0] * apart[0]),
                second(bends[1], 0.0, apart[1] * apart[0]),
                second(bends[2], share * left, apart[1] * apart[1]),
            ],
        }
    }
}
