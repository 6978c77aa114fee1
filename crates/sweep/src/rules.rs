//! Defaults that change a loss: peak learning rate, batch and warm-up. They are functions of the
//! shape and never of a run's length, so that runs of one size differ in length alone.

use isoflop_core::units::two_digits;
use isoflop_core::{OptimizerKind, Params};

/// Peak learning rate of `"auto"`: `0.004 f (N / 24,576)^-0.35 (B / 512)^0.5`, at most 0.02, with N
/// non-embedding parameters that a token uses, B tokens per step and f the [`factor`] of the mixer, times
/// [`QK_NORM`] where queries and keys are normalised; with Muon [`MUON`] times that, and by gradient descent
/// [`SGD`] whatever the size.
///
/// The rule was fitted by eye through the best rates of a measured grid of four sizes (3k to 246k),
/// two batches and six rates on bytes of documentation (LOG.md, 2026-11-22); the square root in B
/// is the rule of Malladi et al. 2022. Beyond 1M parameters it is an extrapolation.
pub fn auto_learning_rate(
    optimizer: OptimizerKind,
    mixer: &str,
    qk_norm: bool,
    n: Params,
    batch_tokens: u64,
) -> f64 {
    let factor = factor(mixer) * if qk_norm { QK_NORM } else { 1.0 };
    let of_batch = (batch_tokens as f64 / 512.0).sqrt();
    let rate = 0.004 * factor * (n.0 / 24_576.0).powf(-0.35) * of_batch;
    two_digits(match optimizer {
        OptimizerKind::AdamW => rate.min(0.02),
        OptimizerKind::Muon => MUON * rate.min(0.02),
        OptimizerKind::Sgd => SGD * of_batch,
    })
}

/// Best rates with Muon over those with AdamW, measured on transformers at both ends of sizes (LOG.md,
/// 2026-11-27). That it is the same factor for every mixer was not studied.
const MUON: f64 = 2.0;

/// Best rate of gradient descent with momentum in batches of 512 tokens, the same at both ends of sizes (LOG.md,
/// 2026-11-27). It was measured on transformers alone, and no other mixer has a factor of its own.
const SGD: f64 = 0.22;

/// Best rates with normalised queries and keys over those without, at both ends of sizes (LOG.md,
/// 2026-11-27).
const QK_NORM: f64 = 1.4;

/// Best rates with a mixer, by its name in a row, over those with attention, measured at the two ends of
/// sizes (LOG.md, 2026-11-27). It is the mixer and not the family that decides, since families with
/// options may come to the same model.
///
/// Mixtures of experts have factor 1 with N the parameters that a token uses, whatever their number of
/// experts: the `E^-0.25` of Ludziejewski et al. 2025 would cost up to 0.05 nats at these sizes.
fn factor(mixer: &str) -> f64 {
    match mixer {
        "aft" | "gated-delta" => 1.4,
        "gru" => 1.7,
        "mingru" | "minlstm" => 2.0,
        "lstm" => 2.8,
        "aft-full" | "aft-local" => 6.0,
        _ => 1.0,
    }
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
    use isoflop_model::Family;

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

    /// Experts of a mixture (active of present), N that a token uses, batch, and losses at [`RATES`]:
    /// the smallest size as the mean of three seeds; see LOG.md, 2026-11-27.
    const MIXTURES: &[(&str, f64, u64, [f64; 6])] = &[
        ("1 of 1", 3_516.0, 512, [2.861, 2.711, 2.605, 2.537, 2.548, 2.596]),
        ("1 of 8", 3_708.0, 512, [2.853, 2.689, 2.546, 2.512, 2.572, 2.662]),
        ("1 of 32", 4_284.0, 512, [2.837, 2.633, 2.535, 2.477, 2.520, 2.611]),
        ("2 of 8", 6_012.0, 512, [2.797, 2.648, 2.503, 2.448, 2.451, 2.546]),
        ("1 of 1", 31_284.0, 512, [2.388, 2.303, 2.230, 2.261, 2.313, 2.423]),
        ("1 of 8", 31_860.0, 512, [2.253, 2.169, 2.083, 2.148, 2.205, 2.395]),
        ("1 of 32", 33_588.0, 512, [2.233, 2.152, 2.122, 2.165, 2.166, 2.317]),
        ("2 of 8", 52_596.0, 512, [2.247, 2.129, 2.065, 2.110, 2.201, 2.325]),
    ];

    /// Options of a transformer, likewise.
    const OPTIONS: &[(&str, f64, u64, [f64; 6])] = &[
        ("swiglu", 5_968.0, 512, [2.770, 2.583, 2.465, 2.429, 2.431, 2.468]),
        ("relu2", 6_224.0, 512, [2.809, 2.619, 2.478, 2.429, 2.459, 2.482]),
        ("kv_heads", 5_712.0, 512, [2.818, 2.644, 2.504, 2.430, 2.449, 2.488]),
        ("qk_norm", 6_256.0, 512, [2.871, 2.672, 2.459, 2.377, 2.419, 2.478]),
        ("tied", 6_224.0, 512, [2.743, 2.578, 2.471, 2.450, 2.467, 2.528]),
        ("window", 6_224.0, 512, [2.644, 2.504, 2.418, 2.398, 2.421, 2.481]),
        ("swiglu", 83_280.0, 512, [2.127, 2.013, 1.987, 2.027, 2.147, 2.455]),
        ("relu2", 83_280.0, 512, [2.158, 2.027, 2.009, 2.048, 2.180, 2.577]),
        ("kv_heads", 72_912.0, 512, [2.198, 2.092, 2.052, 2.080, 2.218, 2.377]),
        ("qk_norm", 83_352.0, 512, [2.197, 2.063, 2.014, 2.044, 2.081, 2.146]),
        ("tied", 83_280.0, 512, [2.171, 2.068, 2.045, 2.100, 2.170, 2.466]),
        ("window", 83_280.0, 512, [2.099, 1.998, 1.973, 2.025, 2.099, 2.322]),
    ];

    /// Other families, likewise.
    const FAMILIES: &[(Family, f64, [f64; 6])] = &[
        (Family::Rnn, 3_380.0, [2.557, 2.476, 2.424, 2.396, 2.414, 2.469]),
        (Family::Lstm, 3_320.0, [2.552, 2.475, 2.407, 2.386, 2.374, 2.380]),
        (Family::Gru, 3_312.0, [2.584, 2.490, 2.433, 2.387, 2.381, 2.413]),
        (Family::Mingru, 2_940.0, [2.747, 2.658, 2.579, 2.514, 2.493, 2.502]),
        (Family::Minlstm, 3_228.0, [2.742, 2.640, 2.569, 2.503, 2.483, 2.492]),
        (Family::Aft, 3_120.0, [2.867, 2.807, 2.764, 2.727, 2.714, 2.771]),
        (Family::AftFull, 3_120.0, [2.853, 2.727, 2.572, 2.484, 2.459, 2.446]),
        (Family::AftLocal, 3_120.0, [2.854, 2.729, 2.573, 2.482, 2.456, 2.460]),
        (Family::Linear, 3_154.0, [2.709, 2.621, 2.561, 2.523, 2.519, 2.573]),
        (Family::Rnn, 77_840.0, [2.030, 1.934, 1.939, 2.006, 2.196, 2.396]),
        (Family::Lstm, 87_620.0, [2.113, 1.983, 1.906, 1.871, 1.918, 1.972]),
        (Family::Gru, 76_888.0, [2.050, 1.944, 1.887, 1.895, 1.953, 2.105]),
        (Family::Mingru, 81_484.0, [2.124, 2.001, 1.934, 1.929, 1.954, 2.045]),
        (Family::Minlstm, 76_368.0, [2.160, 2.024, 1.954, 1.944, 1.987, 2.058]),
        (Family::Aft, 83_280.0, [2.597, 2.498, 2.471, 2.489, 2.553, 2.716]),
        (Family::AftFull, 83_280.0, [2.500, 2.295, 2.200, 2.167, 2.127, 2.115]),
        (Family::AftLocal, 83_280.0, [2.500, 2.295, 2.200, 2.174, 2.137, 2.152]),
        (Family::Linear, 83_874.0, [2.120, 2.042, 2.035, 2.119, 2.199, 2.360]),
    ];

    /// Linear attention by the gated delta rule, likewise.
    const DELTA: &[(f64, [f64; 6])] = &[
        (3_170.0, [2.707, 2.620, 2.563, 2.545, 2.515, 2.569]),
        (84_306.0, [2.115, 2.017, 2.003, 2.035, 2.144, 2.244]),
    ];

    /// Transformers with Muon, likewise.
    const WITH_MUON: &[(f64, [f64; 6])] = &[
        (3_120.0, [2.758, 2.578, 2.501, 2.458, 2.446, 2.506]),
        (83_280.0, [2.074, 1.973, 1.927, 1.921, 1.971, 2.049]),
    ];

    /// Rates of gradient descent, and the losses of transformers at them, likewise; at twice the last rate
    /// both sizes diverge.
    const SGD_RATES: [f64; 5] = [0.064, 0.128, 0.256, 0.512, 1.024];
    const BY_SGD: &[(f64, [f64; 5])] = &[
        (3_120.0, [2.622, 2.625, 2.608, 2.758, 2.905]),
        (83_280.0, [2.243, 2.173, 2.136, 2.216, 2.425]),
    ];

    /// The loss at a rate, by a cubic in the logarithm of the rate through the four nearest rates
    /// of the grid.
    fn loss_at(rate: f64, rates: &[f64], losses: &[f64]) -> f64 {
        let x = |i: usize| rates[i].ln();
        let above = rates.iter().position(|r| *r > rate).unwrap_or(rates.len() - 1);
        let first = above.saturating_sub(2).min(rates.len() - 4);
        let nodes = first..first + 4;
        let weight = |i: usize| {
            let others = nodes.clone().filter(|j| *j != i);
            others.map(|j| (rate.ln() - x(j)) / (x(i) - x(j))).product::<f64>()
        };
        nodes.clone().map(|i| weight(i) * losses[i]).sum()
    }

    /// What the rate of the rule costs against the best of the grid, in nats.
    fn cost(family: Family, qk_norm: bool, n: f64, batch: u64, losses: &[f64; 6]) -> f64 {
        let mixer = family.preset().mixer;
        cost_of(mixer.half().name(), qk_norm, n, batch, losses)
    }

    /// The same with a mixer.
    fn cost_of(mixer: &str, qk_norm: bool, n: f64, batch: u64, losses: &[f64; 6]) -> f64 {
        let rate = auto_learning_rate(OptimizerKind::AdamW, mixer, qk_norm, Params(n), batch);
        above_best(rate, &RATES, losses)
    }

    fn above_best(rate: f64, rates: &[f64], losses: &[f64]) -> f64 {
        loss_at(rate, rates, losses) - losses.iter().copied().fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_rates_of_muon_and_of_gradient_descent_cost_at_most_two_hundredths_of_a_nat() {
        let rule = |kind, n| auto_learning_rate(kind, "attention", false, Params(n), 512);
        for (n, losses) in WITH_MUON {
            let above = above_best(rule(OptimizerKind::Muon, *n), &RATES, losses);
            assert!(above < 0.02, "muon, N {n}: {above:.4} nats above");
            let of_adamw = above_best(rule(OptimizerKind::AdamW, *n), &RATES, losses);
            assert!(above < of_adamw, "muon, N {n}: the rate of AdamW is better");
        }
        for (n, losses) in BY_SGD {
            let above = above_best(rule(OptimizerKind::Sgd, *n), &SGD_RATES, losses);
            assert!(above < 0.02, "sgd, N {n}: {above:.4} nats above");
        }
    }

    #[test]
    fn the_rate_of_the_rule_costs_at_most_two_hundredths_of_a_nat() {
        for (n, batch, losses) in GRID {
            let above = cost(Family::Transformer, false, *n, *batch, losses);
            assert!(above < 0.02, "N {n}, batch {batch}: {above:.4} nats above");
        }
        for (option, n, batch, losses) in OPTIONS {
            let qk_norm = *option == "qk_norm";
            let above = cost(Family::Transformer, qk_norm, *n, *batch, losses);
            assert!(above < 0.02, "{option}, N {n}: {above:.4} nats above");
        }
        for (experts, n, batch, losses) in MIXTURES {
            let above = cost(Family::Moe, false, *n, *batch, losses);
            assert!(above < 0.02, "{experts} experts, N {n}: {above:.4} nats above");
        }
        let measured = |family: &Family| FAMILIES.iter().filter(|(of, ..)| of == family).count();
        let others = Family::ALL.iter().filter(|f| ![Family::Transformer, Family::Moe].contains(f));
        assert!(others.clone().all(|family| measured(family) == 2), "a family lacks its grid");
        for (family, n, losses) in FAMILIES {
            let above = cost(*family, false, *n, 512, losses);
            assert!(above < 0.02, "{family:?}, N {n}: {above:.4} nats above");
        }
        for (n, losses) in DELTA {
            let above = cost_of("gated-delta", false, *n, 512, losses);
            assert!(above < 0.02, "gated delta, N {n}: {above:.4} nats above");
        }
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
