//! The defaults that change a loss: peak learning rate, batch and warm-up as functions of the
//! shape, never of a run's length, so that runs of one size differ in length alone.

use crate::tuning::two_digits;
use isoflop_core::Params;

/// Peak learning rate of `"auto"`: `0.004 (N / 24,576)^-0.35 (B / 512)^0.5`, N non-embedding
/// parameters and B tokens a step, at most 0.02.
///
/// Fitted by eye through the best rates of a measured grid of four sizes (3k to 246k), two
/// batches and six rates on bytes of documentation (LOG.md, 2026-11-22); the square root in B is
/// the rule of Malladi et al. 2022. Beyond 1M parameters it is an extrapolation.
pub fn auto_learning_rate(n: Params, batch_tokens: u64) -> f64 {
    let rate = 0.004 * (n.0 / 24_576.0).powf(-0.35) * (batch_tokens as f64 / 512.0).sqrt();
    two_digits(rate.min(0.02))
}

/// Tokens a step of `"auto"`: 512 up to 100k parameters, then growing as `N^0.5`, a power of two,
/// in whole windows.
///
/// At a fixed number of tokens 512 beat 2,048 by 0.02 to 0.07 nats at every size from 3k to 246k
/// (LOG.md, 2026-11-22). The growth beyond is an assumption, not studied.
pub fn auto_batch_tokens(n: Params, context: usize) -> u64 {
    let wanted = 512.0 * (n.0 / 1e5).sqrt().max(1.0);
    let power = 2f64.powi(wanted.log2().round() as i32) as u64;
    let windows = (power / context as u64).max(1);
    windows * context as u64
}

/// Tokens of linear warm-up: `128 sqrt(N)`, about 2 % of the tokens that are compute-optimal
/// between 3k and 250k parameters.
pub fn warmup_tokens(n: Params) -> f64 {
    128.0 * n.0.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Best rate of a measured grid (bytes, context 128, AdamW, 20 % decay): N, batch, rate, and
    /// the neighbours' losses above the best; LOG.md 2026-11-22.
    const GRID: &[(f64, u64, f64)] = &[
        (3_072.0, 512, 0.008),
        (3_072.0, 2048, 0.016),
        (24_576.0, 512, 0.004),
        (24_576.0, 2048, 0.008),
        (82_944.0, 512, 0.002),
        (82_944.0, 2048, 0.004),
        (245_760.0, 512, 0.002),
        (245_760.0, 2048, 0.004),
    ];

    #[test]
    fn the_rate_lies_within_a_factor_of_1_4_of_the_measured_best_everywhere() {
        for &(n, batch, best) in GRID {
            let ratio = auto_learning_rate(Params(n), batch) / best;
            assert!(
                (1.0 / 1.4..1.4).contains(&ratio),
                "N {n}, batch {batch}: {ratio} of the best"
            );
        }
    }

    #[test]
    fn a_batch_is_whole_windows_and_grows_with_size() {
        let batches = [3e3, 1e5, 1e6, 1e8].map(|n| auto_batch_tokens(Params(n), 128));
        assert_eq!(batches, [512, 512, 2048, 16384]);
        assert_eq!(auto_batch_tokens(Params(3e3), 2048), 2048);
        assert_eq!(auto_batch_tokens(Params(3e3), 100), 500);
    }
}
