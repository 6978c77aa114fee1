//! Seconds of whole runs, told as prices are: seconds of a token times tokens.
//!
//! A run of a trunk was timed over its own branch alone, and one that was resumed over its last attempt. What
//! a token takes is the same in all of them, so that the whole run takes that times all of its tokens, and
//! runs of one model on one machine share their median.

use crate::view::View;
use isoflop_results::RunRow;

/// Runs that took less tell more of their start than of their steps.
const SHORTEST_S: f64 = 1.0;

/// The machine of a run: seconds of two machines are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine<'a> {
    host: &'a str,
    device: &'a str,
    /// Of a GPU its API, name and driver.
    instruction_set: &'a str,
}

impl<'a> Machine<'a> {
    pub(crate) fn of(run: &'a RunRow) -> Machine<'a> {
        let (host, device) = (run.host.as_str(), run.device.as_str());
        Machine { host, device, instruction_set: &run.instruction_set }
    }

    /// `host (cpu, avx512)`.
    pub(crate) fn words(&self) -> String {
        let kind = [self.device, self.instruction_set].into_iter().filter(|part| !part.is_empty());
        let kind: Vec<&str> = kind.collect();
        let host = if self.host.is_empty() { "an unnamed host" } else { self.host };
        match kind.is_empty() {
            true => host.to_owned(),
            false => format!("{host} ({})", kind.join(", ")),
        }
    }
}

/// Machines that finished runs have a speed on, the one with most runs first.
pub(crate) fn machines<'a>(view: &View<'a>) -> Vec<Machine<'a>> {
    let mut all: Vec<(Machine<'_>, usize)> = Vec::new();
    for run in view.finished.iter().filter(|run| per_token(run).is_some()) {
        let machine = Machine::of(run);
        match all.iter_mut().find(|(known, _)| *known == machine) {
            Some((_, count)) => *count += 1,
            None => all.push((machine, 1)),
        }
    }
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.into_iter().map(|(machine, _)| machine).collect()
}

/// Seconds of a token, as the worker of this run measured it, evaluation left out.
fn per_token(run: &RunRow) -> Option<f64> {
    let seconds = 1.0 / run.tokens_per_s;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

/// Whether two runs make the same steps on the same machine.
fn alike(a: &RunRow, b: &RunRow) -> bool {
    let step = |r: &RunRow| (r.batch_tokens, r.micro_batch);
    a.series == b.series
        && same_model(a, b)
        && step(a) == step(b)
        && Machine::of(a) == Machine::of(b)
}

fn same_model(a: &RunRow, b: &RunRow) -> bool {
    let model = |r: &RunRow| (r.n_total, r.n_active, r.d_model, r.n_layers, r.n_heads);
    let tokens = |r: &RunRow| (r.context, r.vocab_size);
    model(a) == model(b) && tokens(a) == tokens(b)
}

/// Seconds of a token of all runs like this one, the short ones left out where there are longer ones.
pub(crate) fn speeds(view: &View<'_>, run: &RunRow) -> Vec<f64> {
    let like = view.finished.iter().copied().filter(|other| alike(run, other));
    long(&like.collect::<Vec<_>>())
}

/// Seconds of a token of runs, the short ones left out where there are longer ones.
fn long(runs: &[&RunRow]) -> Vec<f64> {
    let long = runs.iter().filter(|run| run.wall_time_s >= SHORTEST_S);
    let long: Vec<f64> = long.filter_map(|run| per_token(run)).collect();
    match long.is_empty() {
        true => runs.iter().filter_map(|run| per_token(run)).collect(),
        false => long,
    }
}

/// Standard deviation of the logarithm of the seconds of a token between runs of one model on one machine,
/// pooled over the models of a series; none where no two runs are of one model. The load of a machine changes
/// from run to run.
pub(crate) fn scatter(view: &View<'_>, series: &str, machine: Machine<'_>) -> Option<f64> {
    let of_series = view.finished.iter().filter(|run| run.series == series);
    let mut models: Vec<(&RunRow, Vec<&RunRow>)> = Vec::new();
    for run in of_series.filter(|run| Machine::of(run) == machine) {
        match models.iter_mut().find(|(first, _)| same_model(first, run)) {
            Some((_, runs)) => runs.push(run),
            None => models.push((run, vec![run])),
        }
    }
    let (mut squares, mut degrees) = (0.0, 0usize);
    for (_, runs) in models {
        let logs: Vec<f64> = long(&runs).into_iter().map(f64::ln).collect();
        let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        degrees += logs.len().saturating_sub(1);
    }
    (degrees > 0).then(|| (squares / degrees as f64).sqrt())
}

/// The median of numbers; none of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Seconds of a whole run on its machine.
pub(crate) fn of_run(view: &View<'_>, run: &RunRow) -> Option<f64> {
    let seconds = run.tokens as f64 * median(speeds(view, run))?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}
