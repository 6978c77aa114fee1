//! How sealed forecasts did: what their runs came to, against what was said of them.

use isoflop_fit::half_width;
use isoflop_fit::noise::noise_floor;
use isoflop_results::sealed::Predicted;
use isoflop_results::{Chain, RunRow, SealedForecast, Status};
use serde::Serialize;

/// A sealed forecast with what became of its runs.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// Number of its line in `forecasts.jsonl`.
    pub line: usize,
    /// The forecast as sealed.
    pub forecast: SealedForecast,
    /// Its runs, one a seed.
    pub runs: Vec<RunScore>,
    /// Error of the forecast against the mean loss of its runs, as a share; null before a run has finished.
    pub mean_error: Option<f64>,
    /// That error over the noise between seeds of one run; null without repeats in the folder.
    pub mean_in_noises: Option<f64>,
    /// Interval of the mean loss of the runs that have finished, which several seeds make narrower than that of
    /// one run; null below two of them.
    pub mean_interval: Option<Predicted>,
    /// Whether that interval holds the mean; null below two finished runs.
    pub mean_inside: Option<bool>,
    /// The noise between seeds; null without repeats in the folder.
    pub noise: Option<SeedNoise>,
}

/// Noise between seeds, as the finished runs of a folder tell it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeedNoise {
    /// Standard deviation of ln L between runs that differ in nothing but their seed.
    pub sd: f64,
    /// Degrees of freedom: runs beyond the first of each group.
    pub degrees: usize,
}

/// What became of one run of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunScore {
    /// Id of the run.
    pub run_id: String,
    /// Seed of the run.
    pub seed: u64,
    /// How the run ended; null before it has.
    pub status: Option<Status>,
    /// Test loss, nats per token; null unless finished.
    pub measured: Option<f64>,
    /// Predicted over measured loss, less one: positive where the forecast was too high.
    pub error: Option<f64>,
    /// Whether the interval holds the measured loss.
    pub inside: Option<bool>,
    /// ln of predicted over measured loss, over the standard deviation of ln L between seeds; null without
    /// repeats in the folder.
    pub in_noises: Option<f64>,
}

/// Scores every forecast of a chain by the rows of its folder, validation runs among them.
pub fn scores(chain: &Chain, rows: &[RunRow]) -> Vec<Score> {
    let noise = seed_noise(rows);
    let numbered = chain.forecasts().iter().enumerate();
    numbered.map(|(at, forecast)| score(at + 1, forecast, rows, noise)).collect()
}

fn score(
    line: usize,
    forecast: &SealedForecast,
    rows: &[RunRow],
    noise: Option<SeedNoise>,
) -> Score {
    let predicted = forecast.loss.value;
    let in_noises = |measured: f64| Some((predicted / measured).ln() / noise?.sd);
    let of_run = |(run_id, seed): (&str, u64)| {
        let row = rows.iter().find(|row| row.run_id == run_id);
        let measured = row.and_then(|row| row.test_loss);
        RunScore {
            run_id: run_id.to_owned(),
            seed,
            status: row.map(|row| row.status),
            measured,
            error: measured.map(|measured| predicted / measured - 1.0),
            inside: measured.map(|measured| forecast.loss.holds(measured)),
            in_noises: measured.and_then(in_noises),
        }
    };
    let runs: Vec<RunScore> = forecast.each_run().map(of_run).collect();
    let losses: Vec<f64> = runs.iter().filter_map(|run| run.measured).collect();
    let mean = (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64);
    let mean_interval = (losses.len() > 1).then(|| of_mean(forecast, losses.len()));
    Score {
        line,
        forecast: forecast.clone(),
        runs,
        mean_error: mean.map(|mean| predicted / mean - 1.0),
        mean_in_noises: mean.and_then(in_noises),
        mean_interval,
        mean_inside: mean_interval.zip(mean).map(|(interval, mean)| interval.holds(mean)),
        noise,
    }
}

/// The interval of the mean of so many runs of a forecast, from what was sealed of one: the variance of ln L on
/// either side of the forecast less what the mean takes off the noise between seeds that was sealed with it. An
/// interval that was sealed without that noise stays as it is, since what of it seeds would take off is not known.
fn of_mean(forecast: &SealedForecast, runs: usize) -> Predicted {
    let Predicted { value, low, high } = forecast.loss;
    let half = half_width(forecast.level);
    let noise = forecast.seed_noise.unwrap_or(0.0).powi(2);
    let runs = runs as f64;
    let deviation = |side: f64| {
        let variance = (side / half).powi(2) - noise * (1.0 - 1.0 / runs);
        variance.max(noise / runs).sqrt()
    };
    let side = |end: f64| half * deviation((end / value).ln().abs());
    Predicted { value, low: value * (-side(low)).exp(), high: value * side(high).exp() }
}

/// The noise between seeds of finished runs; none where no two differ in their seed alone.
pub(crate) fn seed_noise(rows: &[RunRow]) -> Option<SeedNoise> {
    let finished = rows.iter().filter(|row| row.status == Status::Finished);
    let losses = finished.filter_map(|row| Some((without_seed(row), row.test_loss?.ln())));
    let floor = noise_floor(losses).filter(|floor| floor.sd > 0.0)?;
    Some(SeedNoise { sd: floor.sd, degrees: floor.degrees })
}

/// Everything that makes a run another but its seed.
fn without_seed(row: &RunRow) -> String {
    let columns = RunRow::COLUMNS.iter().zip(row.values());
    let kept = columns.filter(|(column, _)| column.role.is_identity() && column.name != "seed");
    kept.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("\u{0}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use isoflop_results::RunRecord;

    /// A finished run of this name, seed and loss.
    pub(crate) fn row(run_id: &str, seed: u64, loss: f64) -> RunRow {
        let sample = include_str!("../../results/tests/samples/record.json");
        let line = sample.lines().find(|line| line.contains("\"row\"")).unwrap();
        let record: RunRecord = serde_json::from_str(line).unwrap();
        RunRow { run_id: run_id.to_owned(), seed, test_loss: Some(loss), ..record.row }
    }

    /// A chain of one forecast of 2 [1.9, 2.1] nats for these runs, at ten times the compute fitted.
    pub(crate) fn chain(run_ids: &[&str]) -> Chain {
        let positive = Predicted { value: 2.0, low: 1.9, high: 2.1 };
        let mut chain = Chain::default();
        chain
            .push(SealedForecast {
                compute: 1e13,
                reach: 10.0,
                level: 0.9,
                n_opt: positive,
                d_opt: positive,
                loss_opt: positive,
                loss: positive,
                c_exact: 1e13,
                epochs: 1.0,
                seeds: (0..run_ids.len() as u64).collect(),
                run_ids: run_ids.iter().map(|id| (*id).to_owned()).collect(),
                ..SealedForecast::new()
            })
            .unwrap();
        chain
    }

    #[test]
    fn an_error_is_signed_and_stated_in_multiples_of_the_noise_between_seeds() {
        let rows = [row("a", 0, 2.0 / 1.01), row("b", 1, 2.0 / 0.93)];
        let [score] = scores(&chain(&["a", "b", "c"]), &rows).try_into().unwrap();
        let [a, b, c] = score.runs.as_slice() else { panic!("three runs") };
        assert!((a.error.unwrap() - 0.01).abs() < 1e-12 && a.inside == Some(true));
        assert!((b.error.unwrap() + 0.07).abs() < 1e-12 && b.inside == Some(false));
        assert_eq!((c.status, c.measured, c.error, c.inside), (None, None, None, None));
        // Two values of ln L that are ln(1.01 / 0.93) apart have a deviation of that over sqrt(2).
        let noise = (1.01f64 / 0.93).ln() / 2f64.sqrt();
        assert!((a.in_noises.unwrap() - 1.01f64.ln() / noise).abs() < 1e-9);
        assert_eq!(score.noise.unwrap().degrees, 1);
        let mean = (2.0 / 1.01 + 2.0 / 0.93) / 2.0;
        assert!((score.mean_error.unwrap() - (2.0 / mean - 1.0)).abs() < 1e-12);
        assert!((score.mean_in_noises.unwrap() - (2.0f64 / mean).ln() / noise).abs() < 1e-9);
    }

    /// One run errs by 3 % in all, of which 1.8 % are noise between seeds: the mean of three by
    /// `sqrt(.03^2 - .018^2 (1 - 1/3))`, that is 2.613 %.
    #[test]
    fn the_mean_of_several_seeds_has_a_narrower_interval_of_its_own() {
        let half = 1.644_853_627 * 0.03f64;
        let sealed = |seed_noise| SealedForecast {
            level: 0.9,
            loss: Predicted { value: 2.0, low: 2.0 * (-half).exp(), high: 2.0 * half.exp() },
            seed_noise,
            ..SealedForecast::new()
        };
        let of_three = of_mean(&sealed(Some(0.018)), 3);
        let expected = 1.644_853_627 * (0.03f64.powi(2) - 0.018f64.powi(2) * 2.0 / 3.0).sqrt();
        assert!(((of_three.high / 2.0).ln() - expected).abs() < 1e-9, "{of_three:?}");
        assert!(((2.0 / of_three.low).ln() - expected).abs() < 1e-9, "{of_three:?}");
        // Nothing but noise: the mean of four errs by half as much as one run.
        let of_four = of_mean(&sealed(Some(0.03)), 4);
        assert!(((of_four.high / 2.0).ln() - 0.5 * half).abs() < 1e-9, "{of_four:?}");
        // Without a known noise the interval stays that of one run.
        let unknown = of_mean(&sealed(None), 3);
        assert!((unknown.high / sealed(None).loss.high - 1.0).abs() < 1e-9);
        let rows = [row("a", 0, 2.0), row("b", 1, 2.04), row("c", 2, 1.98)];
        let [score] = scores(&chain(&["a", "b", "c"]), &rows).try_into().unwrap();
        assert_eq!(score.mean_inside, Some(true));
        let [alone] = scores(&chain(&["a"]), &rows).try_into().unwrap();
        assert_eq!((alone.mean_interval, alone.mean_inside), (None, None));
    }

    #[test]
    fn runs_that_differ_in_more_than_their_seed_tell_no_noise() {
        let mut rows = [row("a", 0, 2.0), row("b", 1, 2.1)];
        rows[1].steps += 1;
        let [score] = scores(&chain(&["a"]), &rows).try_into().unwrap();
        assert_eq!((score.runs[0].error, score.runs[0].in_noises), (Some(0.0), None));
    }
}
