//! Defaults that change a loss: peak learning rate, batch and warm-up. They are functions of the
//! shape and never of a run's length, so that runs of one size differ in length alone.

use crate::spec::{Rate, Sweep};
use isoflop_core::Params;
use isoflop_core::units::two_digits;
use isoflop_model::Family;

/// Peak learning rate of `"auto"`: `0.004 (N / 24,576)^-0.35 (B / 512)^0.5`, at most 0.02, with N
/// non-embedding parameters and B tokens per step.
///
/// The rule was fitted by eye through the best rates of a measured grid of four sizes (3k to 246k),
/// two batches and six rates on bytes of documentation (LOG.md, 2026-11-22); the square root in B
/// is the rule of Malladi et al. 2022. Beyond 1M parameters it is an extrapolation.
pub fn auto_learning_rate(n: Params, batch_tokens: u64) -> f64 {
    let rate = 0.004 * (n.0 / 24_576.0).powf(-0.35) * (batch_tokens as f64 / 512.0).sqrt();
    two_digits(rate.min(0.02))
}

/// Says where a sweep takes the rates of the rule for a model on which the rule was not measured: one
/// of another family than the transformer.
pub fn rate_warning(sweep: &Sweep) -> Option<String> {
    let families = sweep.cells().iter().filter_map(|cell| {
        let family = cell.spec.model.family;
        let is_measured = family.preset() == Family::Transformer.preset();
        (*cell.spec.train.learning_rate.get_ref() == Rate::Auto && !is_measured)
            .then(|| family.name())
    });
    let mut families: Vec<&str> = families.collect();
    families.dedup();
    (!families.is_empty()).then(|| {
        format!(
            "warning: the rule behind learning_rate = \"auto\" was measured on transformers alone, not on {}; \
             learning_rate = {{ tune = {{}} }} finds the rates by trial",
            families.join(" or ")
        )
    })
}

/// Tokens a step of `"auto"`: 512 up to 100k parameters, then growing as `N^0.5`, a power of two,
/// in whole windows.
///
/// With the same number of training tokens, 512 beat 2,048 by 0.02 to 0.07 nats at every size from
/// 3k to 246k (LOG.md, 2026-11-22). The growth beyond is an assumption, not studied.
pub fn auto_batch_tokens(n: Params, context: usize) -> u64 {
    let wanted = 512.0 * (n.0 / 1e5).sqrt().max(1.0);
    let power = 2f64.powi(wanted.log2().round() as i32) as u64;
    let windows = (power / context as u64).max(1);
    windows * context as u64
}

/// Tokens of linear warm-up: `128 sqrt(N)`, which is about 2 % of the compute-optimal tokens
/// between 3k and 250k parameters.
pub fn warmup_tokens(n: Params) -> f64 {
    128.0 * n.0.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Rates of a measured grid (bytes of documentation, context 128, AdamW, 20 % decay, one seed).
    const RATES: [f64; 6] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032];

    /// N, batch in tokens, and the test losses in nats per byte at [`RATES`]; see LOG.md,
    /// 2026-11-22.
    const GRID: &[(f64, u64, [f64; 6])] = &[
        (3_072.0, 512, [2.988, 2.880, 2.830, 2.813, 2.825, 2.824]),
        (3_072.0, 2048, [3.449, 3.128, 2.968, 2.902, 2.883, 2.888]),
        (24_576.0, 512, [2.759, 2.705, 2.675, 2.707, 2.762, 2.813]),
        (24_576.0, 2048, [2.883, 2.792, 2.748, 2.743, 2.780, 2.811]),
        (82_944.0, 512, [2.111, 1.963, 2.017, 2.116, 2.379, 2.696]),
        (82_944.0, 2048, [2.419, 2.165, 1.983, 2.000, 2.160, 2.328]),
        (245_760.0, 512, [1.808, 1.708, 1.813, 1.863, 1.982, 2.654]),
        (245_760.0, 2048, [2.044, 1.842, 1.736, 1.752, 2.009, 2.137]),
    ];

    /// The loss at a rate, by a cubic in the logarithm of the rate through the four nearest rates
    /// of the grid.
    fn loss_at(rate: f64, losses: &[f64; 6]) -> f64 {
        let x = |i: usize| RATES[i].ln();
        let above = RATES.iter().position(|r| *r > rate).unwrap_or(5);
        let first = above.saturating_sub(2).min(2);
        let nodes = first..first + 4;
        let weight = |i: usize| {
            let others = nodes.clone().filter(|j| *j != i);
            others.map(|j| (rate.ln() - x(j)) / (x(i) - x(j))).product::<f64>()
        };
        nodes.clone().map(|i| weight(i) * losses[i]).sum()
    }

    #[test]
    fn the_rate_of_the_rule_costs_at_most_two_hundredths_of_a_nat() {
        for (n, batch, losses) in GRID {
            let rate = auto_learning_rate(Params(*n), *batch);
            let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
            let above = loss_at(rate, losses) - best;
            assert!(above < 0.02, "N {n}, batch {batch}, rate {rate}: {above:.4} nats above");
        }
    }

    #[test]
    fn rates_of_the_rule_are_warned_of_where_the_mixer_is_not_attention() {
        let warned = |model: &str, train: &str, axes: &str| {
            let source = format!(
                "name = \"s\"\n[data]\ncorpus = \"rust-docs\"\n[model]\nsizes = [\"1k\"]\n{model}\n\
                 [plan]\ntokens_per_param = [20]\n[train]\n{train}\n[axes]\n{axes}\n"
            );
            rate_warning(&Sweep::parse(Path::new("s.toml"), source).unwrap())
        };
        assert_eq!(warned("", "", ""), None);
        let rnn = "family = \"rnn\"";
        let warning = warned(rnn, "", "").unwrap();
        assert!(warning.contains("not on rnn; learning_rate = { tune = {} }"), "{warning}");
        assert_eq!(warned(rnn, "learning_rate = 0.01", ""), None);
        assert_eq!(warned(rnn, "learning_rate = { tune = {} }", ""), None);
        let both = warned("", "", "\"model.family\" = [\"transformer\", \"rnn\"]");
        assert_eq!(both, Some(warning));
    }

    #[test]
    fn a_run_of_as_many_tokens_as_parameters_has_enough_steps() {
        for n in [1e4, 1e5, 1e6, 1e7, 1e8] {
            let steps = n / auto_batch_tokens(Params(n), 128) as f64;
            assert!(steps > 15.0 * (n / 1e4f64).sqrt(), "{n}: {steps}");
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
