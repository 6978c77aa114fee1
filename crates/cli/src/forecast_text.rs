//! Sealed forecasts, their scores and the ledger as a person reads them in a terminal.

use crate::tables::{number, table};
use isoflop_core::units::{scientific, short};
use isoflop_fit::level_words;
use isoflop_lab::forecast::Sealed;
use isoflop_lab::ledger::{Count, Ledger};
use isoflop_lab::reach::times;
use isoflop_lab::score::{RunScore, Score};
use isoflop_lab::words::shell_word;
use isoflop_results::sealed::Predicted;
use isoflop_sweep::ResultsFolder;

/// The new forecasts, and the head of the chain.
pub(crate) fn sealed(folder: &ResultsFolder, sealed: &Sealed) -> String {
    let level = level_words();
    let loss = format!("loss [{level}]");
    let header = [
        "line",
        "law",
        "C",
        "over largest",
        "N*",
        "D*",
        "size",
        "N",
        "D",
        "epochs",
        "seeds",
        &loss,
    ];
    let rows: Vec<Vec<String>> = sealed
        .lines()
        .map(|(line, forecast)| {
            vec![
                line.to_string(),
                forecast.law.clone(),
                scientific(forecast.compute),
                times(forecast.reach),
                counted(forecast.n_opt),
                counted(forecast.d_opt),
                forecast.size.clone(),
                short(forecast.n as f64),
                short(forecast.tokens as f64),
                format!("{:.2}", forecast.epochs),
                forecast.seeds.len().to_string(),
                predicted(forecast.loss),
            ]
        })
        .collect();
    let mut text = format!(
        "sealed in {}\n\n{}\n\nN* and D* are the law's optimum, N and D those of the run, whose loss it is\n",
        folder.forecasts_path().display(),
        table(&header, &rows)
    );
    for warning in &sealed.warnings {
        text.push_str(&format!("{warning}\n"));
    }
    text.push_str(&format!(
        "head: {}\nkeep the head somewhere else, since a chain alone proves nothing against its owner\n\
         isoflop validate {} trains and scores",
        sealed.chain.head(),
        shell(folder)
    ));
    text
}

/// What became of the forecasts of a folder.
pub(crate) fn scores(folder: &ResultsFolder, scores: &[Score]) -> String {
    let forecast = format!("forecast [{}]", level_words());
    let header = [
        "line",
        "C",
        "over largest",
        "run",
        &forecast,
        "measured",
        "error",
        "in noises",
        "interval",
    ];
    let mut rows = Vec::new();
    for score in scores {
        for run in &score.runs {
            rows.push(row_of(score, run));
        }
        if score.runs.iter().filter(|run| run.measured.is_some()).count() > 1 {
            let mut row = vec![String::new(); header.len()];
            row[3] = "mean of its runs".to_owned();
            row[4] = score.mean_interval.map_or(String::new(), predicted);
            row[6] = per_cent(score.mean_error);
            row[7] = signed(score.mean_in_noises);
            row[8] = held(score.mean_inside).to_owned();
            rows.push(row);
        }
    }
    let measured = || scores.iter().flat_map(|score| &score.runs).filter_map(|run| run.inside);
    let inside = measured().filter(|inside| *inside).count();
    let mut text = format!(
        "{}\n\n{inside} of {} runs inside their {} intervals; an error above 0 is a forecast too high\n",
        table(&header, &rows),
        measured().count(),
        level_words()
    );
    text.push_str(&match scores.iter().find_map(|score| score.noise) {
        Some(noise) => format!(
            "a noise is {:.2} %, the standard deviation between runs that differ in their seed alone ({} degrees of freedom)\n",
            100.0 * noise.sd,
            noise.degrees
        ),
        None => "no two runs differ in their seed alone, so that the noise between seeds is not known\n".to_owned(),
    });
    text.push_str(&format!("isoflop report {} draws them", shell(folder)));
    text
}

fn row_of(score: &Score, run: &RunScore) -> Vec<String> {
    let forecast = &score.forecast;
    let measured = match (run.measured, run.status) {
        (Some(loss), _) => number(loss),
        (None, Some(status)) => status.to_string(),
        (None, None) => "not yet".to_owned(),
    };
    vec![
        score.line.to_string(),
        scientific(forecast.compute),
        times(forecast.reach),
        run.run_id.clone(),
        predicted(forecast.loss),
        measured,
        per_cent(run.error),
        signed(run.in_noises),
        held(run.inside).to_owned(),
    ]
}

/// Whether an interval held.
fn held(inside: Option<bool>) -> &'static str {
    inside.map_or("", |inside| if inside { "inside" } else { "outside" })
}

/// How often intervals held.
pub(crate) fn ledger(ledger: &Ledger) -> String {
    let header =
        ["", "runs", "finished", "inside", "mean error", "rms error", "median width of interval"];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (path, count) in &ledger.sweeps {
        rows.push(counts(path.display().to_string(), count));
    }
    let mut least = 0.0;
    for (most, count) in &ledger.by_reach {
        let name = match most {
            Some(most) => format!("C up to {} times the largest fitted", times(*most)),
            None => format!("C beyond {} times", times(least)),
        };
        least = most.unwrap_or(least);
        rows.push(counts(name, count));
    }
    rows.push(counts("all".to_owned(), &ledger.all));
    let Count { finished, inside, .. } = ledger.all;
    let share = match finished {
        0 => "no run of a forecast has finished yet".to_owned(),
        finished => format!(
            "{} intervals held {inside} of {finished} runs, {:.0} %",
            level_words(),
            100.0 * inside as f64 / finished as f64
        ),
    };
    format!("{}\n\n{share}; an error above 0 is a forecast too high", table(&header, &rows))
}

fn counts(name: String, count: &Count) -> Vec<String> {
    let share = |value: Option<f64>| value.map_or(String::new(), |v| format!("{:.2} %", 100.0 * v));
    vec![
        name,
        count.runs.to_string(),
        count.finished.to_string(),
        count.inside.to_string(),
        per_cent(count.mean_error),
        share(count.rms_error),
        share(count.median_width),
    ]
}

fn counted(number: Predicted) -> String {
    format!("{} [{}, {}]", short(number.value), short(number.low), short(number.high))
}

fn predicted(loss: Predicted) -> String {
    format!("{} [{}, {}]", number(loss.value), number(loss.low), number(loss.high))
}

fn per_cent(share: Option<f64>) -> String {
    share.map_or(String::new(), |share| format!("{:+.2} %", 100.0 * share))
}

fn signed(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:+.1}"))
}

fn shell(folder: &ResultsFolder) -> String {
    shell_word(&folder.root().display().to_string())
}
