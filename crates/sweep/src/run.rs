//! One run of a plan: its identity, and what else is known of it before it starts.

use crate::memory;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_core::digest::sha256;
use isoflop_core::units::short;
use isoflop_core::{Flops, Params, Recipe, Series, Tokens};
use isoflop_model::{Family, FlopCount, ModelConfig, ParamCount};
use isoflop_results::RunRow;
use isoflop_results::row::VALIDATION;
use serde::{Deserialize, Serialize};

/// Maximum tokens of a run: above this number a float no longer represents every whole number.
pub(crate) const MOST_TOKENS: u64 = 1 << 53;

/// Everything that changes a run's loss, and nothing else: two runs with equal configurations are
/// the same run. It never holds device, threads, paths or a position in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Skeleton that holds the halves of the model. It is serialised under the name `family`
    /// because run ids are hashes of these bytes; what a sweep file calls family is a label of a
    /// [`PlannedRun`].
    #[serde(rename = "family")]
    pub skeleton: Skeleton,
    /// Model: halves, shape, norm, position, vocabulary and context.
    pub model: ModelConfig,
    /// First 16 hex digits of the SHA-256 of the prepared data.
    pub data_digest: String,
    /// Name of the tokenizer.
    pub tokenizer: String,
    /// How the model is trained, its length included.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Seed of the initial weights and of the order of batches.
    pub seed: u64,
    /// Version of the training code, which changes whenever code changes a loss.
    pub numerics_version: u64,
}

/// Structure that holds the halves of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Skeleton {
    /// Embedding, residual blocks of a mixer and a feed-forward half, a final norm and the head.
    #[default]
    Transformer,
}

impl RunConfig {
    /// The configuration without its length, which is equal for runs that agree until their rates
    /// fall.
    fn without_length(&self) -> Self {
        RunConfig { recipe: self.recipe.without_length(), ..self.clone() }
    }

    /// Id of the run: a readable name and a short hash of the identity.
    fn run_id(&self) -> String {
        let n = short(ParamCount::of(&self.model).active_non_embedding().0);
        let d = short((self.recipe.schedule.steps * self.recipe.batch_tokens) as f64);
        format!("n{n}-d{d}-s{}-{}", self.seed, hash(self))
    }

    /// Name that is shared by runs which differ in length alone.
    fn trunk_id(&self) -> String {
        let n = short(ParamCount::of(&self.model).active_non_embedding().0);
        format!("n{n}-s{}-{}", self.seed, hash(&self.without_length()))
    }

    /// Checks a configuration that was read from a file. It refuses all that would be refused in a
    /// sweep file.
    ///
    /// # Errors
    /// The problem with the configuration.
    fn check(&self) -> Result<(), String> {
        self.model.check().map_err(|error| error.to_string())?;
        self.recipe.check()?;
        let (batch, context) = (self.recipe.batch_tokens, self.model.context as u64);
        if batch == 0 || !batch.is_multiple_of(context) {
            return Err(format!("a batch of {batch} tokens is not whole windows of {context}"));
        }
        match self.recipe.tokens().is_some_and(|tokens| tokens <= MOST_TOKENS) {
            true => Ok(()),
            false => {
                let steps = self.recipe.schedule.steps;
                Err(format!("{steps} steps of {batch} tokens are more than can be counted"))
            }
        }
    }

    /// The configuration of any length: one without its length and without its warm-up, which may
    /// depend on the length.
    pub(crate) fn of_any_length(&self) -> Self {
        let mut config = self.without_length();
        config.recipe.schedule.warmup = 0;
        config
    }

    fn tuning_key(&self) -> String {
        let mut config = self.of_any_length();
        (config.recipe.learning_rate, config.seed) = (0.0, 0);
        hash(&config)
    }
}

/// First 8 hex digits of the SHA-256 of a configuration.
pub(crate) fn hash(config: &RunConfig) -> String {
    let identity = serde_json::to_string(config).expect("a struct of text and numbers");
    let mut digest = sha256([identity.as_bytes()]);
    digest.truncate(8);
    digest
}

/// What a run is to its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunRole {
    /// A run of the sweep file.
    #[default]
    Sweep,
    /// A run that scores a sealed forecast and enters no fit unless asked.
    Validation,
}

impl RunRole {
    fn is_default(&self) -> bool {
        *self == RunRole::default()
    }
}

/// A run of a plan, which can start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    id: String,
    trunk: String,
    /// Axes of the sweep file and their values for this run.
    pub series: Series,
    /// Size as written in the sweep file.
    pub size: String,
    /// Preset of halves that the sweep file names.
    #[serde(default, skip_serializing_if = "Family::is_default")]
    pub family: Family,
    /// Identity of the run.
    pub config: RunConfig,
    /// Source of the text.
    pub source: DataSource,
    /// Options for preparing the text; the data digest depends on them.
    #[serde(default, skip_serializing_if = "DataOptions::is_default")]
    pub options: DataOptions,
    /// Name of the text with its version, for people.
    pub corpus: String,
    /// Cap on the scored test text, in bytes of text and separators; the data digest depends on it.
    pub test_tokens: u64,
    /// Number of test tokens that are scored at the end.
    pub scored_tokens: u64,
    /// Number of tokens in the train split.
    pub train_tokens: u64,
    /// Compute budget in FLOPs, if the plan has budgets.
    pub flops_budget: Option<f64>,
    /// Entropy rate in nats per token, if the text is of a synthetic language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// What the run is to its plan.
    #[serde(default, skip_serializing_if = "RunRole::is_default")]
    pub role: RunRole,
}

/// Everything that a run is made of, before its id is computed.
pub(crate) struct RunParts {
    pub(crate) series: Series,
    pub(crate) size: String,
    pub(crate) family: Family,
    pub(crate) config: RunConfig,
    pub(crate) source: DataSource,
    pub(crate) options: DataOptions,
    pub(crate) corpus: String,
    pub(crate) test_tokens: u64,
    pub(crate) scored_tokens: u64,
    pub(crate) train_tokens: u64,
    pub(crate) flops_budget: Option<f64>,
    pub(crate) entropy: Option<f64>,
    /// Whether runs that differ in length alone share the part with a constant rate, where their
    /// schedule has one.
    pub(crate) trunks: bool,
}

impl PlannedRun {
    pub(crate) fn new(parts: RunParts) -> Self {
        let RunParts {
            series,
            size,
            family,
            config,
            source,
            options,
            corpus,
            test_tokens,
            scored_tokens,
            train_tokens,
            flops_budget,
            entropy,
            trunks,
        } = parts;
        let id = config.run_id();
        let trunk = match trunks && config.recipe.schedule.kind.has_trunk() {
            true => config.trunk_id(),
            false => id.clone(),
        };
        PlannedRun {
            id,
            trunk,
            series,
            size,
            family,
            config,
            source,
            options,
            corpus,
            test_tokens,
            scored_tokens,
            train_tokens,
            flops_budget,
            entropy,
            role: RunRole::default(),
        }
    }

    /// Id of the run: a readable name and a short hash of the identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Checks a run that was read from a file: its names must be those of its configuration, and
    /// the configuration must be one that can be trained.
    ///
    /// # Errors
    /// The problem with the run.
    pub(crate) fn check(&self) -> Result<(), String> {
        let of_run = |problem: String| format!("run {}: {problem}", self.id);
        self.config.check().map_err(of_run)?;
        let id = self.config.run_id();
        if self.id != id {
            return Err(of_run(format!(
                "its configuration is that of {id}: one of them was changed"
            )));
        }
        let shares = self.config.recipe.schedule.kind.has_trunk();
        if self.trunk != id && !(shares && self.trunk == self.config.trunk_id()) {
            return Err(of_run(format!("`{}` is not the name of its trunk", self.trunk)));
        }
        let counts = [self.test_tokens, self.scored_tokens, self.train_tokens];
        if counts.iter().any(|count| !(1..=MOST_TOKENS).contains(count)) {
            return Err(of_run(format!("{counts:?} are no counts of tokens")));
        }
        let finite =
            |value: Option<f64>| value.is_none_or(|value| value.is_finite() && value >= 0.0);
        match finite(self.flops_budget) && finite(self.entropy) {
            true => Ok(()),
            false => Err(of_run("its budget or entropy is not a positive number".to_owned())),
        }
    }

    /// Key of runs that differ in length alone.
    pub(crate) fn length_key(&self) -> String {
        hash(&self.config.of_any_length())
    }

    /// Key of the tuned learning rate: the run's configuration without length, rate and seed.
    pub(crate) fn tuning_key(&self) -> String {
        self.config.tuning_key()
    }

    /// Name of the trunk, which is the part with a constant rate that several runs share until they
    /// branch off.
    pub fn trunk(&self) -> &str {
        &self.trunk
    }

    /// Step at which the run leaves its trunk, after which its rate begins to fall.
    pub fn branch_step(&self) -> u64 {
        self.config.recipe.schedule.branch()
    }

    /// Number of optimizer steps.
    pub fn steps(&self) -> u64 {
        self.config.recipe.schedule.steps
    }

    /// Numbers of parameters by group.
    pub fn params(&self) -> ParamCount {
        ParamCount::of(&self.config.model)
    }

    /// The column `n_active_non_embedding`, which is N in plans, rules, ids and fits.
    pub fn n(&self) -> Params {
        self.params().active_non_embedding()
    }

    /// Training tokens `D`, which are whole steps.
    pub fn tokens(&self) -> Tokens {
        Tokens((self.steps() * self.config.recipe.batch_tokens) as f64)
    }

    /// FLOPs of the run, as in the column `c_exact`.
    pub fn c_exact(&self) -> Flops {
        FlopCount::of(&self.config.model).of_tokens(self.tokens())
    }

    /// Element-wise work of recurrences, as in the column `flops_scan`: forward once and backward twice, as
    /// products are counted.
    pub fn flops_scan(&self) -> Flops {
        Flops(3.0 * self.config.model.flops_scan() * self.tokens().0)
    }

    /// Work of the optimizer's products, as in the column `flops_optimizer`: of every step the same, whatever
    /// its batch.
    pub fn flops_optimizer(&self) -> Flops {
        let step = self.config.model.flops_optimizer(self.config.recipe.optimizer.kind);
        Flops(step * self.steps() as f64)
    }

    /// Number of passes over the train split.
    pub fn epochs(&self) -> f64 {
        self.tokens().0 / self.train_tokens as f64
    }

    /// Writes into a row the names that the sweep file has for this run. None of them is part of
    /// the identity, so a record made under another version of the file is relabelled when it is
    /// used again.
    pub fn label(&self, sweep: &str, row: &mut RunRow) {
        row.sweep = sweep.to_owned();
        row.series = self.series.clone();
        row.role = match self.role {
            RunRole::Sweep => None,
            RunRole::Validation => Some(VALIDATION.to_owned()),
        };
        row.size = self.size.clone();
        row.family = self.family.name().to_owned();
        row.corpus = self.corpus.clone();
        row.flops_budget = self.flops_budget;
        row.entropy = self.entropy;
    }

    /// Rough number of bytes that a process which trains the run takes.
    pub fn memory_bytes(&self) -> u64 {
        let text = self.train_tokens + self.scored_tokens;
        memory::process_bytes(text)
            + memory::training_bytes(&self.config.model, self.micro_windows())
    }

    /// Windows per step.
    pub fn batch_windows(&self) -> u64 {
        self.config.recipe.batch_tokens / self.config.model.context as u64
    }

    /// Windows per forward pass; an attempt that ran out of memory lowers them.
    pub fn micro_windows(&self) -> u64 {
        memory::micro_windows(&self.config.model, self.batch_windows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::{Optimizer, Schedule};
    use isoflop_model::Shape;

    /// Ids of runs are hashes of this text.
    #[test]
    fn a_configuration_is_written_field_by_field_as_the_ids_of_earlier_runs_have_it() {
        let config = RunConfig {
            skeleton: Skeleton::default(),
            model: ModelConfig::transformer(Shape::new(16, 2, 1).unwrap(), 256, 32),
            data_digest: "0123456789abcdef".to_owned(),
            tokenizer: "bytes".to_owned(),
            recipe: Recipe {
                batch_tokens: 256,
                schedule: Schedule::wsd(100, 5),
                learning_rate: 0.004,
                optimizer: Optimizer::default(),
                dropout: 0.0,
            },
            seed: 3,
            numerics_version: 3,
        };
        let json = serde_json::to_string(&config).unwrap();
        let (_, training) = json.split_once("\"tokenizer\":\"bytes\",").unwrap();
        assert_eq!(
            training,
            "\"batch_tokens\":256,\"schedule\":\"wsd\",\
             \"steps\":{\"steps\":100,\"warmup\":5,\"decay\":20},\"learning_rate\":0.004,\
             \"optimizer\":{\"beta1\":0.9,\"beta2\":0.95,\"epsilon\":1e-8,\
             \"weight_decay\":0.1,\"clip_norm\":1.0},\"seed\":3,\"numerics_version\":3}"
        );
        assert_eq!(serde_json::from_str::<RunConfig>(&json).unwrap(), config);
        let dropped = RunConfig { recipe: Recipe { dropout: 0.1, ..config.recipe }, ..config };
        let json = serde_json::to_string(&dropped).unwrap();
        assert!(json.contains("\"clip_norm\":1.0},\"dropout\":0.1,\"seed\":3"), "{json}");
        assert_eq!(serde_json::from_str::<RunConfig>(&json).unwrap(), dropped);
    }
}
