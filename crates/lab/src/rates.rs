//! Rows of runs as runs at rates, and the rule of `auto` beside each.

use isoflop_core::OptimizerKind;
use isoflop_fit::rate::RateRun;
use isoflop_results::schema::Role;
use isoflop_results::{RunRow, Status};
use isoflop_sweep::rules::{Rules, Setting};

/// Axes that a law of rates is about.
const AXES: [&str; 3] = ["train.learning_rate", "train.batch_tokens", "train.decay"];

/// Columns of a recipe that may differ between runs whose rates are compared, or follow from them.
const VARIED: [&str; 3] = ["learning_rate", "batch_tokens", "warmup_steps"];

/// Finished and diverged runs as runs at rates.
pub fn rate_runs(rows: &[RunRow]) -> Vec<RateRun> {
    let ended: Vec<&RunRow> = rows.iter().filter(|row| row.status != Status::Failed).collect();
    let named: Vec<(String, String)> = ended.iter().map(|row| (series(row), kind(row))).collect();
    let runs = ended.iter().zip(&named).map(|(row, (series, kind))| {
        // One law for each family, optimizer and schedule, whatever the folders they are from.
        let alone = named.iter().all(|(other, of)| other != series || of == kind);
        let series = match (alone, series.is_empty()) {
            (true, _) => series.clone(),
            (false, true) => kind.clone(),
            (false, false) => format!("{series}, {kind}"),
        };
        RateRun {
            label: row.run_id.clone(),
            series,
            model: model(row),
            n: row.n() as f64,
            d: row.tokens as f64,
            batch: row.batch_tokens as f64,
            decay: decay(row),
            rate: row.learning_rate,
            seed: row.seed,
            loss: row.test_loss.filter(|_| row.status == Status::Finished),
            rule: rule(row),
        }
    });
    runs.collect()
}

fn series(row: &RunRow) -> String {
    AXES.iter().fold(row.series.clone(), |series, axis| series.without(axis)).to_string()
}

/// The share of the steps over which the rate falls: the shortest decimal that comes to these whole steps, since
/// runs of one key differ in it by the rounding.
fn decay(row: &RunRow) -> f64 {
    let steps = row.steps.max(1) as f64;
    let share = row.decay_steps as f64 / steps;
    let decimals = (1..=6).map(|digits| format!("{share:.digits$}").parse().unwrap_or(share));
    let mut same = decimals.filter(|near: &f64| (near * steps).round() == row.decay_steps as f64);
    same.next().unwrap_or(share)
}

fn kind(row: &RunRow) -> String {
    format!("{}, {}, {}", row.family, row.optimizer, row.schedule)
}

/// All that sets runs apart besides N, D, rate, batch, decay and seed.
fn model(row: &RunRow) -> String {
    let columns = RunRow::COLUMNS.iter().zip(row.values());
    let own = columns.filter(|(column, _)| {
        let varied = column.name == "seed" || VARIED.contains(&column.name);
        matches!(column.role, Role::Identity | Role::Training) && !varied
    });
    own.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// The rate of `auto` by the edition of the rules that the run's initial values are of; none of an optimizer that
/// is not known, and under a parametrisation whose rate is that of another width.
fn rule(row: &RunRow) -> Option<f64> {
    let rules = match row.output_init.as_str() {
        "scaled" => Rules::First,
        _ => Rules::Second,
    };
    let has_rule =
        row.parametrization == "standard" && OptimizerKind::named(&row.optimizer).is_some();
    has_rule.then(|| rules.learning_rate(&Setting::of(row)))
}
