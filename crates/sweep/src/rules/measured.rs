//! Measured grids of rates: what the rules are held to.

#![allow(clippy::approx_constant, reason = "a loss may lie near e")]

use super::Setting;
use isoflop_core::{OptimizerKind, Params};

/// Test losses of one size, in nats per byte, at the rates of a grid.
pub(super) struct Grid {
    /// What was trained.
    pub(super) what: &'static str,
    /// What a rule depends on.
    pub(super) setting: Setting<'static>,
    /// Rates, each twice the one before.
    pub(super) rates: &'static [f64],
    /// A loss for each rate.
    pub(super) losses: &'static [f64],
}

const RATES: &[f64] = &[0.001, 0.002, 0.004, 0.008, 0.016, 0.032];
const SGD_RATES: &[f64] = &[0.064, 0.128, 0.256, 0.512, 1.024];
const BATCH_RATES: &[f64] = &[0.0015, 0.003, 0.006, 0.012, 0.024];

/// A transformer with AdamW.
const PLAIN: Setting<'static> = Setting {
    optimizer: OptimizerKind::AdamW,
    mixer: "attention",
    qk_norm: false,
    has_experts: false,
    n: Params(0.0),
    batch_tokens: 0,
};

const fn grid(
    what: &'static str,
    setting: Setting<'static>,
    n: f64,
    batch_tokens: u64,
    rates: &'static [f64],
    losses: &'static [f64],
) -> Grid {
    Grid { what, setting: Setting { n: Params(n), batch_tokens, ..setting }, rates, losses }
}

/// Grids of the first rules (bytes of documentation, context 128, 20 % decay): LOG.md, 2026-11-22 and
/// 2026-11-27. At twice the last rate of gradient descent both sizes diverge.
#[rustfmt::skip]
pub(super) const FIRST: &[Grid] = &[
    grid("plain", PLAIN, 3_072.0, 512, RATES, &[2.988, 2.880, 2.830, 2.813, 2.825, 2.824]),
    grid("plain", PLAIN, 3_072.0, 2048, RATES, &[3.449, 3.128, 2.968, 2.902, 2.883, 2.888]),
    grid("plain", PLAIN, 24_576.0, 512, RATES, &[2.759, 2.705, 2.675, 2.707, 2.762, 2.813]),
    grid("plain", PLAIN, 24_576.0, 2048, RATES, &[2.883, 2.792, 2.748, 2.743, 2.780, 2.811]),
    grid("plain", PLAIN, 82_944.0, 512, RATES, &[2.111, 1.963, 2.017, 2.116, 2.379, 2.696]),
    grid("plain", PLAIN, 82_944.0, 2048, RATES, &[2.419, 2.165, 1.983, 2.000, 2.160, 2.328]),
    grid("plain", PLAIN, 245_760.0, 512, RATES, &[1.808, 1.708, 1.813, 1.863, 1.982, 2.654]),
    grid("plain", PLAIN, 245_760.0, 2048, RATES, &[2.044, 1.842, 1.736, 1.752, 2.009, 2.137]),
    grid("swiglu", PLAIN, 5_968.0, 512, RATES, &[2.770, 2.583, 2.465, 2.429, 2.431, 2.468]),
    grid("relu2", PLAIN, 6_224.0, 512, RATES, &[2.809, 2.619, 2.478, 2.429, 2.459, 2.482]),
    grid("kv_heads", PLAIN, 5_712.0, 512, RATES, &[2.818, 2.644, 2.504, 2.430, 2.449, 2.488]),
    grid("qk_norm", Setting { qk_norm: true, ..PLAIN }, 6_256.0, 512, RATES, &[2.871, 2.672, 2.459, 2.377, 2.419, 2.478]),
    grid("tied", PLAIN, 6_224.0, 512, RATES, &[2.743, 2.578, 2.471, 2.450, 2.467, 2.528]),
    grid("window", PLAIN, 6_224.0, 512, RATES, &[2.644, 2.504, 2.418, 2.398, 2.421, 2.481]),
    grid("swiglu", PLAIN, 83_280.0, 512, RATES, &[2.127, 2.013, 1.987, 2.027, 2.147, 2.455]),
    grid("relu2", PLAIN, 83_280.0, 512, RATES, &[2.158, 2.027, 2.009, 2.048, 2.180, 2.577]),
    grid("kv_heads", PLAIN, 72_912.0, 512, RATES, &[2.198, 2.092, 2.052, 2.080, 2.218, 2.377]),
    grid("qk_norm", Setting { qk_norm: true, ..PLAIN }, 83_352.0, 512, RATES, &[2.197, 2.063, 2.014, 2.044, 2.081, 2.146]),
    grid("tied", PLAIN, 83_280.0, 512, RATES, &[2.171, 2.068, 2.045, 2.100, 2.170, 2.466]),
    grid("window", PLAIN, 83_280.0, 512, RATES, &[2.099, 1.998, 1.973, 2.025, 2.099, 2.322]),
    grid("1 of 1 experts", Setting { has_experts: true, ..PLAIN }, 3_516.0, 512, RATES, &[2.861, 2.711, 2.605, 2.537, 2.548, 2.596]),
    grid("1 of 8 experts", Setting { has_experts: true, ..PLAIN }, 3_708.0, 512, RATES, &[2.853, 2.689, 2.546, 2.512, 2.572, 2.662]),
    grid("1 of 32 experts", Setting { has_experts: true, ..PLAIN }, 4_284.0, 512, RATES, &[2.837, 2.633, 2.535, 2.477, 2.520, 2.611]),
    grid("2 of 8 experts", Setting { has_experts: true, ..PLAIN }, 6_012.0, 512, RATES, &[2.797, 2.648, 2.503, 2.448, 2.451, 2.546]),
    grid("1 of 1 experts", Setting { has_experts: true, ..PLAIN }, 31_284.0, 512, RATES, &[2.388, 2.303, 2.230, 2.261, 2.313, 2.423]),
    grid("1 of 8 experts", Setting { has_experts: true, ..PLAIN }, 31_860.0, 512, RATES, &[2.253, 2.169, 2.083, 2.148, 2.205, 2.395]),
    grid("1 of 32 experts", Setting { has_experts: true, ..PLAIN }, 33_588.0, 512, RATES, &[2.233, 2.152, 2.122, 2.165, 2.166, 2.317]),
    grid("2 of 8 experts", Setting { has_experts: true, ..PLAIN }, 52_596.0, 512, RATES, &[2.247, 2.129, 2.065, 2.110, 2.201, 2.325]),
    grid("rnn", Setting { mixer: "rnn", ..PLAIN }, 3_380.0, 512, RATES, &[2.557, 2.476, 2.424, 2.396, 2.414, 2.469]),
    grid("lstm", Setting { mixer: "lstm", ..PLAIN }, 3_320.0, 512, RATES, &[2.552, 2.475, 2.407, 2.386, 2.374, 2.380]),
    grid("gru", Setting { mixer: "gru", ..PLAIN }, 3_312.0, 512, RATES, &[2.584, 2.490, 2.433, 2.387, 2.381, 2.413]),
    grid("mingru", Setting { mixer: "mingru", ..PLAIN }, 2_940.0, 512, RATES, &[2.747, 2.658, 2.579, 2.514, 2.493, 2.502]),
    grid("minlstm", Setting { mixer: "minlstm", ..PLAIN }, 3_228.0, 512, RATES, &[2.742, 2.640, 2.569, 2.503, 2.483, 2.492]),
    grid("aft", Setting { mixer: "aft", ..PLAIN }, 3_120.0, 512, RATES, &[2.867, 2.807, 2.764, 2.727, 2.714, 2.771]),
    grid("aft-full", Setting { mixer: "aft-full", ..PLAIN }, 3_120.0, 512, RATES, &[2.853, 2.727, 2.572, 2.484, 2.459, 2.446]),
    grid("aft-local", Setting { mixer: "aft-local", ..PLAIN }, 3_120.0, 512, RATES, &[2.854, 2.729, 2.573, 2.482, 2.456, 2.460]),
    grid("linear", Setting { mixer: "linear", ..PLAIN }, 3_154.0, 512, RATES, &[2.709, 2.621, 2.561, 2.523, 2.519, 2.573]),
    grid("rnn", Setting { mixer: "rnn", ..PLAIN }, 77_840.0, 512, RATES, &[2.030, 1.934, 1.939, 2.006, 2.196, 2.396]),
    grid("lstm", Setting { mixer: "lstm", ..PLAIN }, 87_620.0, 512, RATES, &[2.113, 1.983, 1.906, 1.871, 1.918, 1.972]),
    grid("gru", Setting { mixer: "gru", ..PLAIN }, 76_888.0, 512, RATES, &[2.050, 1.944, 1.887, 1.895, 1.953, 2.105]),
    grid("mingru", Setting { mixer: "mingru", ..PLAIN }, 81_484.0, 512, RATES, &[2.124, 2.001, 1.934, 1.929, 1.954, 2.045]),
    grid("minlstm", Setting { mixer: "minlstm", ..PLAIN }, 76_368.0, 512, RATES, &[2.160, 2.024, 1.954, 1.944, 1.987, 2.058]),
    grid("aft", Setting { mixer: "aft", ..PLAIN }, 83_280.0, 512, RATES, &[2.597, 2.498, 2.471, 2.489, 2.553, 2.716]),
    grid("aft-full", Setting { mixer: "aft-full", ..PLAIN }, 83_280.0, 512, RATES, &[2.500, 2.295, 2.200, 2.167, 2.127, 2.115]),
    grid("aft-local", Setting { mixer: "aft-local", ..PLAIN }, 83_280.0, 512, RATES, &[2.500, 2.295, 2.200, 2.174, 2.137, 2.152]),
    grid("linear", Setting { mixer: "linear", ..PLAIN }, 83_874.0, 512, RATES, &[2.120, 2.042, 2.035, 2.119, 2.199, 2.360]),
    grid("gated delta", Setting { mixer: "gated-delta", ..PLAIN }, 3_170.0, 512, RATES, &[2.707, 2.620, 2.563, 2.545, 2.515, 2.569]),
    grid("gated delta", Setting { mixer: "gated-delta", ..PLAIN }, 84_306.0, 512, RATES, &[2.115, 2.017, 2.003, 2.035, 2.144, 2.244]),
    grid("muon", Setting { optimizer: OptimizerKind::Muon, ..PLAIN }, 3_120.0, 512, RATES, &[2.758, 2.578, 2.501, 2.458, 2.446, 2.506]),
    grid("muon", Setting { optimizer: OptimizerKind::Muon, ..PLAIN }, 83_280.0, 512, RATES, &[2.074, 1.973, 1.927, 1.921, 1.971, 2.049]),
    grid("sgd", Setting { optimizer: OptimizerKind::Sgd, ..PLAIN }, 3_120.0, 512, SGD_RATES, &[2.622, 2.625, 2.608, 2.758, 2.905]),
    grid("sgd", Setting { optimizer: OptimizerKind::Sgd, ..PLAIN }, 83_280.0, 512, SGD_RATES, &[2.243, 2.173, 2.136, 2.216, 2.425]),
];

/// Grids of the second rules (rust-docs@1, context 128, 20 % decay), of sizes below 10k means of three seeds:
/// LOG.md, 2026-11-27.
#[rustfmt::skip]
pub(super) const SECOND: &[Grid] = &[
    grid("plain, 0.3M tokens", PLAIN, 3_516.0, 256, BATCH_RATES, &[2.859, 2.774, 2.698, 2.675, 2.753]),
    grid("plain, 0.3M tokens", PLAIN, 3_516.0, 512, BATCH_RATES, &[2.960, 2.834, 2.744, 2.697, 2.736]),
    grid("plain, 0.3M tokens", PLAIN, 3_516.0, 1024, BATCH_RATES, &[3.182, 2.972, 2.850, 2.763, 2.784]),
    grid("plain, 1M tokens", PLAIN, 3_516.0, 256, BATCH_RATES, &[2.607, 2.517, 2.520, 2.521, 2.598]),
    grid("plain, 1M tokens", PLAIN, 3_516.0, 512, BATCH_RATES, &[2.640, 2.550, 2.513, 2.516, 2.536]),
    grid("plain, 1M tokens", PLAIN, 3_516.0, 1024, BATCH_RATES, &[2.717, 2.618, 2.549, 2.538, 2.528]),
    grid("plain, 3M tokens", PLAIN, 3_516.0, 256, BATCH_RATES, &[2.447, 2.391, 2.422, 2.437, 2.528]),
    grid("plain, 3M tokens", PLAIN, 3_516.0, 512, BATCH_RATES, &[2.460, 2.407, 2.390, 2.418, 2.413]),
    grid("plain, 3M tokens", PLAIN, 3_516.0, 1024, BATCH_RATES, &[2.486, 2.435, 2.402, 2.415, 2.400]),
    grid("plain, 0.3M tokens", PLAIN, 13_944.0, 256, BATCH_RATES, &[2.667, 2.557, 2.501, 2.536, 2.610]),
    grid("plain, 0.3M tokens", PLAIN, 13_944.0, 512, BATCH_RATES, &[2.782, 2.648, 2.573, 2.539, 2.642]),
    grid("plain, 0.3M tokens", PLAIN, 13_944.0, 1024, BATCH_RATES, &[2.934, 2.761, 2.703, 2.610, 2.619]),
    grid("plain, 1M tokens", PLAIN, 13_944.0, 256, BATCH_RATES, &[2.257, 2.209, 2.184, 2.273, 2.417]),
    grid("plain, 1M tokens", PLAIN, 13_944.0, 512, BATCH_RATES, &[2.300, 2.253, 2.207, 2.214, 2.323]),
    grid("plain, 1M tokens", PLAIN, 13_944.0, 1024, BATCH_RATES, &[2.440, 2.311, 2.263, 2.245, 2.270]),
    grid("plain, 3M tokens", PLAIN, 13_944.0, 256, BATCH_RATES, &[2.067, 2.039, 2.045, 2.160, 2.302]),
    grid("plain, 3M tokens", PLAIN, 13_944.0, 512, BATCH_RATES, &[2.089, 2.057, 2.039, 2.053, 2.190]),
    grid("plain, 3M tokens", PLAIN, 13_944.0, 1024, BATCH_RATES, &[2.161, 2.093, 2.051, 2.051, 2.047]),
    grid("plain, 0.3M tokens", PLAIN, 83_280.0, 256, BATCH_RATES, &[2.408, 2.316, 2.371, 2.478, 2.799]),
    grid("plain, 0.3M tokens", PLAIN, 83_280.0, 512, BATCH_RATES, &[2.467, 2.373, 2.352, 2.423, 2.770]),
    grid("plain, 0.3M tokens", PLAIN, 83_280.0, 1024, BATCH_RATES, &[2.592, 2.466, 2.433, 2.446, 2.683]),
    grid("plain, 1M tokens", PLAIN, 83_280.0, 256, BATCH_RATES, &[1.976, 1.960, 2.008, 2.085, 2.304]),
    grid("plain, 1M tokens", PLAIN, 83_280.0, 512, BATCH_RATES, &[2.001, 1.966, 1.995, 2.036, 2.209]),
    grid("plain, 1M tokens", PLAIN, 83_280.0, 1024, BATCH_RATES, &[2.062, 1.998, 1.971, 2.014, 2.154]),
    grid("plain, 3M tokens", PLAIN, 83_280.0, 256, BATCH_RATES, &[1.778, 1.803, 1.848, 1.887, 2.143]),
    grid("plain, 3M tokens", PLAIN, 83_280.0, 512, BATCH_RATES, &[1.779, 1.779, 1.811, 1.844, 1.987]),
    grid("plain, 3M tokens", PLAIN, 83_280.0, 1024, BATCH_RATES, &[1.808, 1.781, 1.766, 1.810, 1.894]),
    grid("qk_norm", Setting { qk_norm: true, ..PLAIN }, 6_256.0, 512, RATES, &[2.700, 2.529, 2.408, 2.352, 2.378, 2.438]),
    grid("qk_norm", Setting { qk_norm: true, ..PLAIN }, 83_352.0, 512, RATES, &[2.083, 1.971, 1.936, 1.952, 2.022, 2.129]),
    grid("swiglu", PLAIN, 5_968.0, 512, RATES, &[2.598, 2.492, 2.408, 2.373, 2.374, 2.446]),
    grid("swiglu", PLAIN, 83_280.0, 512, RATES, &[2.052, 1.968, 1.935, 1.975, 2.072, 2.745]),
    grid("1 of 1 experts", Setting { has_experts: true, ..PLAIN }, 3_516.0, 512, RATES, &[2.687, 2.599, 2.542, 2.511, 2.518, 2.598]),
    grid("1 of 1 experts", Setting { has_experts: true, ..PLAIN }, 31_284.0, 512, RATES, &[2.186, 2.132, 2.119, 2.144, 2.189, 2.430]),
    grid("1 of 32 experts", Setting { has_experts: true, ..PLAIN }, 4_284.0, 512, RATES, &[2.647, 2.530, 2.469, 2.467, 2.547, 2.626]),
    grid("1 of 32 experts", Setting { has_experts: true, ..PLAIN }, 33_588.0, 512, RATES, &[2.121, 2.089, 2.069, 2.125, 2.144, 2.272]),
    grid("1 of 8 experts", Setting { has_experts: true, ..PLAIN }, 3_708.0, 512, RATES, &[2.642, 2.537, 2.512, 2.489, 2.589, 2.711]),
    grid("1 of 8 experts", Setting { has_experts: true, ..PLAIN }, 31_860.0, 512, RATES, &[2.128, 2.033, 2.078, 2.136, 2.146, 2.611]),
    grid("2 of 8 experts", Setting { has_experts: true, ..PLAIN }, 6_012.0, 512, RATES, &[2.650, 2.543, 2.441, 2.386, 2.424, 2.552]),
    grid("2 of 8 experts", Setting { has_experts: true, ..PLAIN }, 52_596.0, 512, RATES, &[2.043, 1.947, 1.978, 2.050, 2.077, 2.448]),
    grid("aft", Setting { mixer: "aft", ..PLAIN }, 3_120.0, 512, RATES, &[2.817, 2.776, 2.728, 2.718, 2.726, 2.795]),
    grid("aft", Setting { mixer: "aft", ..PLAIN }, 83_280.0, 512, RATES, &[2.551, 2.446, 2.404, 2.442, 2.617, 2.754]),
    grid("aft-full", Setting { mixer: "aft-full", ..PLAIN }, 3_120.0, 512, RATES, &[2.789, 2.660, 2.532, 2.462, 2.428, 2.434]),
    grid("aft-full", Setting { mixer: "aft-full", ..PLAIN }, 83_280.0, 512, RATES, &[2.418, 2.245, 2.116, 2.091, 2.067, 2.107]),
    grid("aft-local", Setting { mixer: "aft-local", ..PLAIN }, 3_120.0, 512, RATES, &[2.790, 2.661, 2.531, 2.464, 2.432, 2.445]),
    grid("aft-local", Setting { mixer: "aft-local", ..PLAIN }, 83_280.0, 512, RATES, &[2.419, 2.245, 2.116, 2.092, 2.083, 2.119]),
    grid("gru", Setting { mixer: "gru", ..PLAIN }, 3_312.0, 512, RATES, &[2.569, 2.486, 2.416, 2.383, 2.370, 2.400]),
    grid("gru", Setting { mixer: "gru", ..PLAIN }, 76_888.0, 512, RATES, &[2.046, 1.939, 1.886, 1.892, 1.942, 2.116]),
    grid("linear", Setting { mixer: "linear", ..PLAIN }, 3_154.0, 512, RATES, &[2.603, 2.551, 2.507, 2.512, 2.501, 2.576]),
    grid("linear", Setting { mixer: "linear", ..PLAIN }, 83_874.0, 512, RATES, &[2.075, 2.018, 2.007, 2.055, 2.170, 2.288]),
    grid("lstm", Setting { mixer: "lstm", ..PLAIN }, 3_320.0, 512, RATES, &[2.542, 2.465, 2.397, 2.373, 2.357, 2.373]),
    grid("lstm", Setting { mixer: "lstm", ..PLAIN }, 87_620.0, 512, RATES, &[2.119, 1.972, 1.885, 1.868, 1.881, 1.952]),
    grid("mingru", Setting { mixer: "mingru", ..PLAIN }, 2_940.0, 512, RATES, &[2.733, 2.643, 2.555, 2.495, 2.471, 2.506]),
    grid("mingru", Setting { mixer: "mingru", ..PLAIN }, 81_484.0, 512, RATES, &[2.123, 1.973, 1.919, 1.916, 1.953, 2.050]),
    grid("minlstm", Setting { mixer: "minlstm", ..PLAIN }, 3_228.0, 512, RATES, &[2.735, 2.635, 2.541, 2.488, 2.466, 2.498]),
    grid("minlstm", Setting { mixer: "minlstm", ..PLAIN }, 76_368.0, 512, RATES, &[2.139, 1.996, 1.938, 1.933, 1.953, 2.058]),
    grid("rnn", Setting { mixer: "rnn", ..PLAIN }, 3_380.0, 512, RATES, &[2.548, 2.482, 2.411, 2.393, 2.391, 2.440]),
    grid("rnn", Setting { mixer: "rnn", ..PLAIN }, 77_840.0, 512, RATES, &[2.008, 1.939, 1.936, 1.986, 2.199, 2.430]),
    grid("muon", Setting { optimizer: OptimizerKind::Muon, ..PLAIN }, 3_120.0, 512, RATES, &[2.653, 2.532, 2.471, 2.453, 2.447, 2.470]),
    grid("muon", Setting { optimizer: OptimizerKind::Muon, ..PLAIN }, 83_280.0, 512, RATES, &[2.003, 1.927, 1.901, 1.892, 1.939, 2.058]),
];
