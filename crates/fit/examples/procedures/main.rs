//! How procedures forecast: every series of committed results and every table of published runs is fitted
//! without its largest budget, and the runs of that budget are forecast.
//! `cargo run --release -p isoflop-fit --example procedures -- results ../shared/published`.
//!
//! Columns are fixed laws, the law that is best on rows held out (the rule before `--auto`), `--auto`, and the mean
//! of all laws by the shares of `--auto`; cells are root mean squares of ln(predicted / measured), in per cent. A
//! third argument leaves out so many budgets instead of one, of which the next is forecast.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod sets;

use isoflop_fit::output::{Choice, Fit, Fits};
use isoflop_fit::predict::At;
use isoflop_fit::{Law, Options, Point, best, choose, fit};
use sets::Set;
use std::path::Path;

const LAWS: [&str; 8] = [
    "kaplan",
    "chinchilla-tied",
    "chinchilla",
    "q-family",
    "kaplan-offset",
    "q-family-offset",
    "coupled",
    "farseer",
];

/// Laws among which the rule before `--auto` chose.
const BEFORE: [&str; 4] = ["chinchilla", "chinchilla-tied", "kaplan-offset", "kaplan"];

/// Replicates of each fit.
const REPLICATES: usize = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut folder = || arguments.next().ok_or("name the folders of results and of tables");
    let (results, published) = (folder()?, folder()?);
    let left_out = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let columns: Vec<&str> = LAWS.into_iter().chain(["before", "auto", "mean by shares"]).collect();
    println!(
        "| set | runs | reach | {} | chosen | inside, width | without rivals |",
        columns.join(" | ")
    );
    println!("|{}", "---|".repeat(columns.len() + 6));
    let mut all: Vec<Vec<Option<f64>>> = Vec::new();
    let (mut inside, mut runs) = ([0, 0], 0);
    for set in sets::all(Path::new(&results), Path::new(&published)) {
        let Some(line) = Line::of(&set, left_out) else { continue };
        println!("{}", line.text(&set.name));
        runs += line.runs;
        inside = [inside[0] + line.inside[0], inside[1] + line.inside[1]];
        all.push(line.errors);
    }
    for (name, mean) in [("root mean square", 2.0), ("geometric mean", 0.0)] {
        let cells = (0..columns.len()).map(|column| pooled(&all, column, mean));
        println!("| {name} | | | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    println!(
        "\ninside 90 % intervals of auto: {} of {runs}; without rivals {}",
        inside[0], inside[1]
    );
    Ok(())
}

/// Mean of a column over the sets, with the number of sets where these are not all.
fn pooled(all: &[Vec<Option<f64>>], column: usize, power: f64) -> String {
    let found: Vec<f64> = all.iter().filter_map(|errors| errors[column]).collect();
    let count = found.len() as f64;
    let mean = match power {
        0.0 => (found.iter().map(|e| e.max(1e-5).ln()).sum::<f64>() / count).exp(),
        power => (found.iter().map(|e| e.powf(power)).sum::<f64>() / count).powf(1.0 / power),
    };
    match found.len() == all.len() {
        true => format!("{:.2}", 100.0 * mean),
        false => format!("{:.2} ({})", 100.0 * mean, found.len()),
    }
}

/// What became of one set.
struct Line {
    runs: usize,
    reach: f64,
    errors: Vec<Option<f64>>,
    choice: Choice,
    /// Runs inside the intervals with rivals and without.
    inside: [usize; 2],
    /// Mean widths of both, as a share of the loss.
    width: [f64; 2],
}

impl Line {
    /// None where the set without its largest budgets allows no choice.
    fn of(set: &Set, left_out: usize) -> Option<Self> {
        let budgets = set.budgets();
        let cut = budgets.len().checked_sub(left_out).filter(|cut| *cut > 1)?;
        let (fitted, asked) = (budgets[..cut].concat(), &budgets[cut]);
        let options = Options { bootstrap: REPLICATES, ..Options::default() };
        let (auto, choice) = choose(&fitted, &options).ok()?;
        let of_law = |name: &str| {
            let law = Law::parse(name, None).expect("a law of the list");
            fit(&fitted, law, &options).ok()
        };
        let fits: Vec<Option<Fit>> = LAWS.iter().map(|name| of_law(name)).collect();
        let before: Vec<Fit> = fits
            .iter()
            .flatten()
            .filter(|fit| BEFORE.contains(&fit.law.as_str()))
            .cloned()
            .collect();
        let before = Fits { fits: before, ..Fits::default() };
        let first = best(&before);
        let first = before.fits.iter().find(|fit| first.iter().any(|best| best.is(fit)));
        let mut errors: Vec<Option<f64>> =
            fits.iter().map(|fit| error(fit.as_ref()?, asked)).collect();
        errors.push(first.or(before.fits.first()).and_then(|fit| error(fit, asked)));
        errors.push(error(&auto, asked));
        errors.push(mean(&fits, &choice, asked));
        let alone = Fit { rivals: Vec::new(), ..auto.clone() };
        let intervals = [&auto, &alone].map(|fit| intervals(fit, asked));
        let compute = |point: &Point| point.c.unwrap_or(f64::NAN);
        let most = fitted.iter().map(compute).fold(0.0, f64::max);
        Some(Line {
            runs: asked.len(),
            reach: asked.iter().map(compute).fold(0.0, f64::max) / most,
            errors,
            choice,
            inside: intervals.map(|(inside, _)| inside),
            width: intervals.map(|(_, width)| width),
        })
    }

    fn text(&self, name: &str) -> String {
        let cell = |error: &Option<f64>| error.map_or("-".into(), |e| format!("{:.2}", 100.0 * e));
        let cells: Vec<String> = self.errors.iter().map(cell).collect();
        let held = |k: usize| format!("{}, {:.1}", self.inside[k], 100.0 * self.width[k]);
        format!(
            "| {name} | {} | {:.1} | {} | {} | {} | {} |",
            self.runs,
            self.reach,
            cells.join(" | "),
            self.choice.law,
            held(0),
            held(1)
        )
    }
}

fn at(point: &Point) -> At {
    At { n: point.n, d: point.d, c: point.c, ..At::default() }
}

fn root_mean_square(errors: &[f64]) -> Option<f64> {
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    Some((squares / errors.len() as f64).sqrt()).filter(|error| error.is_finite())
}

fn error(fit: &Fit, asked: &[Point]) -> Option<f64> {
    let one = |point: &Point| Some((fit.predict(at(point))?.estimate.value / point.loss).ln());
    root_mean_square(&asked.iter().map(one).collect::<Option<Vec<f64>>>()?)
}

/// The mean of ln L over all laws, weighted by their shares.
fn mean(fits: &[Option<Fit>], choice: &Choice, asked: &[Point]) -> Option<f64> {
    let shared = choice.candidates.iter().filter(|candidate| candidate.share > 0.0);
    let shared: Vec<(&Fit, f64)> = shared
        .filter_map(|candidate| {
            let fit = fits.iter().flatten().find(|fit| fit.law == candidate.law)?;
            Some((fit, candidate.share))
        })
        .collect();
    let one = |point: &Point| {
        let said =
            |(fit, share): &(&Fit, f64)| Some(share * fit.predict(at(point))?.estimate.value.ln());
        let logs: Option<f64> = shared.iter().map(said).sum();
        Some(logs? - point.loss.ln())
    };
    let found = asked.iter().map(one).collect::<Option<Vec<f64>>>()?;
    (!shared.is_empty()).then(|| root_mean_square(&found)).flatten()
}

/// Runs inside their intervals, and the mean width of these as a share of the loss.
fn intervals(fit: &Fit, asked: &[Point]) -> (usize, f64) {
    let one = |point: &Point| {
        let said = fit.predict(at(point))?.estimate;
        let (low, high) = (said.low?, said.high?);
        Some((low <= point.loss && point.loss <= high, (high - low) / said.value))
    };
    let found: Vec<(bool, f64)> = asked.iter().filter_map(one).collect();
    let width = found.iter().map(|(_, width)| width).sum::<f64>() / found.len() as f64;
    (found.iter().filter(|(inside, _)| *inside).count(), width)
}
