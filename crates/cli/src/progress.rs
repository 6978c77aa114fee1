//! Shows progress on stderr: bars on a terminal, otherwise a line a minute.

mod bars;

pub(crate) use bars::{DataBar, FitBar};

use crate::output::{note, visible};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use isoflop_core::units::short;
use isoflop_lab::Begun;
use isoflop_lab::prices::Prices;
use isoflop_lab::words::{clock, span};
use isoflop_results::{RunRecord, Status};
use isoflop_sweep::forecast::{Forecast, Standing};
use isoflop_sweep::lease::{Lease, Stage as RunStage};
use isoflop_sweep::supervise::Watcher;
use isoflop_sweep::{Plan, ResultsFolder};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(60);

/// Shows the progress of a sweep while it runs.
pub(crate) struct SweepProgress<'a> {
    plan: &'a Plan,
    folder: &'a ResultsFolder,
    jobs: usize,
    prices: Prices,
    ended: usize,
    started: Instant,
    last_line: Instant,
    /// Work that was left at the start, in units of the prices.
    work: f64,
    outlook: Outlook,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    runs: Vec<ProgressBar>,
}

/// Forecast of the rest of a sweep, as it was last made.
#[derive(Clone, Copy, Default)]
struct Outlook {
    share: f64,
    left: Option<Duration>,
    /// Time from which on the forecast is made anew.
    due: Option<Instant>,
}

impl<'a> SweepProgress<'a> {
    /// Shows the runs that are about to be trained.
    pub(crate) fn new(begun: Begun<'a>) -> Self {
        let Begun { plan, folder, jobs, prices, done } = begun;
        SweepProgress {
            plan,
            folder,
            jobs,
            prices,
            ended: done,
            started: Instant::now(),
            last_line: Instant::now(),
            work: 0.0,
            outlook: Outlook::default(),
            bars: std::io::stderr().is_terminal().then(Bars::new),
        }
    }

    /// Forecasts the rest of the sweep, but spends at most a hundredth of the time on it.
    fn look(&mut self, leases: &[Lease]) {
        let began = Instant::now();
        if self.outlook.due.is_some_and(|due| began < due) {
            return;
        }
        let Ok(standing) = Standing::of(self.folder, self.plan, leases) else {
            return;
        };
        let forecast = Forecast::of(self.plan, self.prices.all(), &standing, self.jobs);
        if self.outlook.due.is_none() {
            self.work = forecast.work;
        }
        let spent = self.started.elapsed().as_secs_f64() * self.jobs as f64;
        let gained = self.work - forecast.work;
        // Seconds per unit of the prices, once enough work is done to tell.
        let pace = (spent > 10.0 && gained > 0.02 * self.work).then(|| spent / gained);
        let unit = match self.prices {
            Prices::Seconds(_) => Some(pace.unwrap_or(1.0)),
            Prices::Flops(_) => pace,
        };
        let left = unit.map(|unit| span(forecast.finish * unit));
        let share = gained / self.work.max(f64::MIN_POSITIVE);
        self.outlook = Outlook {
            share,
            left,
            due: Some(Instant::now() + (began.elapsed() * 100).max(Duration::from_millis(900))),
        };
    }

    fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| note(text)),
            None => note(text),
        }
    }
}

impl Watcher for SweepProgress<'_> {
    fn ended(&mut self, record: &RunRecord) {
        let row = &record.row;
        self.ended += 1;
        let what = match (row.status, row.test_loss) {
            (Status::Finished, Some(loss)) => format!("test loss {loss:.4}"),
            _ => format!("{}: {}", row.status, row.message.as_deref().unwrap_or("")),
        };
        let (ended, runs) = (self.ended, self.plan.runs().len());
        self.say(&format!(
            "[{ended}/{runs}] {}  {what}  {:.1} s  {:.1} GFLOP/s",
            row.run_id,
            row.wall_time_s,
            row.flops_per_s / 1e9
        ));
    }

    fn progress(&mut self, leases: &[Lease]) {
        self.look(leases);
        let Outlook { share, left, .. } = self.outlook;
        let eta = left.map_or("ETA unknown yet".to_owned(), |left| format!("ETA {}", clock(left)));
        let head = format!(
            "{}/{} runs, {:.0} % of the work, {} elapsed, {eta}",
            self.ended,
            self.plan.runs().len(),
            share * 100.0,
            clock(self.started.elapsed())
        );
        if let Some(bars) = &mut self.bars {
            bars.show(&head, share, leases);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let running: Vec<String> = leases.iter().map(describe).collect();
            note(&format!("{head}; {}", running.join("; ")));
        }
    }

    fn notice(&mut self, text: &str) {
        self.say(&format!("note: {text}"));
    }
}

impl Drop for SweepProgress<'_> {
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            // A bar that cannot be cleared belongs to a terminal that is gone.
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let style =
            ProgressStyle::with_template("{wide_bar} {msg}").expect("a template without errors");
        let overall = all.add(ProgressBar::new(1000).with_style(style));
        Bars { all, overall, runs: Vec::new() }
    }

    fn show(&mut self, head: &str, share: f64, leases: &[Lease]) {
        self.overall.set_message(head.to_owned());
        self.overall.set_position((share * 1000.0) as u64);
        let plain = || ProgressStyle::with_template("  {msg}").expect("a template without errors");
        while self.runs.len() < leases.len() {
            self.runs.push(self.all.add(ProgressBar::new(1).with_style(plain())));
        }
        for (i, bar) in self.runs.iter().enumerate() {
            bar.set_message(
                leases.get(i).map_or(String::new(), |lease| visible(&describe(lease)).into_owned()),
            );
        }
    }
}

/// A lease in words, such as `n24.6k-d740k-s0-1f2e3d4c 312/1448 trunk loss 2.913 310k tokens/s`.
pub(crate) fn describe(lease: &Lease) -> String {
    let progress = lease.progress;
    let run_id = &lease.run_id;
    if progress.step == progress.steps {
        return format!("{run_id} scoring");
    }
    let mut text = format!("{run_id} {}/{}", progress.step, progress.steps);
    text.push_str(match lease.stage {
        RunStage::Trunk => " trunk",
        RunStage::Cooldown => " cooldown",
    });
    if let Some(loss) = progress.loss {
        text.push_str(&format!(" loss {loss:.3}"));
    }
    if let Some(speed) = progress.tokens_per_s {
        text.push_str(&format!(" {} tokens/s", short(speed)));
    }
    text
}
