//! Best learning rates and batches as functions of N, D and the batch.

use super::Estimate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Best rates and batches of one series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The cell of `[axes]`, without the axes of rate, batch and decay; empty without others.
    pub series: String,
    /// Column that N is.
    pub n_kind: String,
    /// Finished runs.
    pub rows: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Standard deviation between seeds of one run, in nats; null without seeds.
    pub noise: Option<f64>,
    /// Each model, token count, batch and decay with three rates or more.
    pub cells: Vec<RateCell>,
    /// `c N^-a D^b B^p` for the best rate; null where no two cells have one.
    pub rate: Option<BestLaw>,
    /// Each model, token count and decay with three batches or more, at the best rate of each.
    pub batch_cells: Vec<BatchCell>,
    /// `k D^q` for the best batch in tokens; null where it is not identified.
    pub batch: Option<BestLaw>,
    /// `k D^q N^r` for the best batch; null where it is not identified.
    pub batch_with_n: Option<BestLaw>,
    /// What decays cost, at the best rate of each.
    pub decays: Vec<DecayLoss>,
    /// What the rule of `auto` costs; null where its rate lies among those tried in no cell.
    pub rule: Option<RuleCost>,
    /// Published rules at the centre of these runs.
    pub published: Vec<Published>,
    /// What these runs do not identify, and which runs would.
    pub not_identified: Vec<NotIdentified>,
    /// What a reader must know before quoting the numbers.
    pub warnings: Vec<String>,
}

/// Runs that differ in their rate and seed alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateCell {
    /// Parameters.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// Tokens a step.
    pub batch: f64,
    /// Share of the steps over which the rate falls.
    pub decay: f64,
    /// Peak rates with the mean test loss (nats per token) of their seeds, ascending.
    pub losses: Vec<(f64, f64)>,
    /// Seeds.
    pub seeds: usize,
    /// The bottom of a parabola of the loss in ln rate; null where it is not inside the rates tried.
    pub best: Option<Estimate>,
    /// The end of the rates at which the loss is lowest: the best rate is beyond it, and the cell is censored.
    pub edge: Option<Edge>,
    /// The best rate by the law of all cells.
    pub by_law: Option<f64>,
    /// The rate of `auto`.
    pub rule: Option<f64>,
    /// The loss at that rate, between the rates tried, less the lowest loss of the cell, in nats.
    pub rule_cost: Option<f64>,
    /// The same by the valley through all cells, which the noise of a lowest loss does not flatter.
    pub rule_cost_by_law: Option<f64>,
}

/// An end of the values tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// The smallest.
    Low,
    /// The largest.
    High,
}

/// Batches of one model, token count and decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchCell {
    /// Parameters.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// Share of the steps over which the rate falls.
    pub decay: f64,
    /// Tokens a step with the loss at the best rate of each, ascending.
    pub losses: Vec<(f64, f64)>,
    /// The bottom of a parabola of that loss in ln B; null where it is not inside the batches tried.
    pub best: Option<f64>,
    /// The end of the batches at which the loss is lowest.
    pub edge: Option<Edge>,
}

/// A power law of a best setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestLaw {
    /// The formula in plain text.
    pub formula: String,
    /// Its parameters by name: of rates `c`, `a`, `b`, `p`; of batches `k`, `q`, `r`. Those that the runs do
    /// not identify are left out.
    pub parameters: BTreeMap<String, Estimate>,
    /// Geometric mean of the parameters of the cells with a best setting inside.
    pub n: f64,
    /// Geometric mean of their tokens.
    pub d: f64,
    /// Geometric mean of their batches; null of a law of batches.
    pub b: Option<f64>,
    /// Geometric mean of their decays.
    pub decay: f64,
    /// The best setting at these means.
    pub at_centre: Estimate,
    /// Nats at an e-fold below the best setting, and above it, at these means.
    pub walls: [f64; 2],
    /// Standard deviation of the losses about the valley, in nats.
    pub spread: f64,
    /// Cells with the best setting inside.
    pub inside: usize,
    /// Cells with the lowest loss at an end: their losses enter the valley, and they count for no exponent.
    pub censored: usize,
    /// Power of the distance with which the walls rise; 2 of a parabola.
    pub bend: f64,
    /// Cells that the intervals leave out in turn.
    pub units: usize,
    /// Trunks that they leave out in turn.
    pub trunks: usize,
}

/// What a decay costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecayLoss {
    /// Share of the steps over which the rate falls.
    pub decay: f64,
    /// Loss at the best rate less that of the first decay listed, in nats, over pairs of cells.
    pub difference: Estimate,
    /// Pairs.
    pub pairs: usize,
}

/// What a rule costs against the best rate of each cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleCost {
    /// Mean over cells of the loss at the rule's rate less the lowest of the cell, in nats.
    pub mean: f64,
    /// The largest of them.
    pub worst: f64,
    /// Number of its cell, from 0.
    pub worst_cell: usize,
    /// The mean by the valley through all cells; null without one.
    pub mean_by_law: Option<f64>,
    /// The largest by that valley.
    pub worst_by_law: Option<f64>,
    /// Cells that hold the rule's rate between their rates.
    pub cells: usize,
    /// Cells that do not.
    pub outside: usize,
}

/// A published rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Name and paper.
    pub rule: String,
    /// Its exponents by the names of [`Rates`].
    pub exponents: BTreeMap<String, f64>,
    /// Its rate at the centre of these runs.
    pub rate: Option<f64>,
    /// Its batch in tokens there.
    pub batch: Option<f64>,
    /// Whether each published exponent that these runs identify lies inside its interval.
    pub inside: BTreeMap<String, bool>,
}

/// What runs do not identify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotIdentified {
    /// The parameter.
    pub parameter: String,
    /// Why.
    pub reason: String,
    /// Which runs would tell.
    pub hint: String,
}

impl BestLaw {
    /// The best setting: of rates at N, D and B, of batches at N and D.
    pub fn at(&self, n: f64, d: f64, b: f64, decay: f64) -> f64 {
        let own = |name: &str| self.parameters.get(name).map_or(0.0, |found| found.value);
        let steps = [
            (-own("a") + own("r")) * (n / self.n).ln(),
            (own("b") + own("q")) * (d / self.d).ln(),
            self.b.map_or(0.0, |centre| own("p") * (b / centre).ln()),
            own("decay") * (decay / self.decay).ln(),
        ];
        self.at_centre.value * steps.iter().sum::<f64>().exp()
    }
}
