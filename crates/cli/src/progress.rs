//! Progress on stderr: bars on a terminal, a line a minute elsewhere.

use crate::output::note;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use isoflop_data::Progress as DataProgress;
use isoflop_results::{RunRecord, Status};
use isoflop_sweep::lease::Lease;
use isoflop_sweep::supervise::Watcher;
use isoflop_sweep::{Plan, PlannedRun};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(60);

/// Shown while a corpus is being built, once that takes long enough to wonder.
pub(crate) struct DataBar {
    bar: ProgressBar,
    started: Instant,
}

impl DataBar {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} ETA {eta}")
            .expect("a template without errors");
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(0).with_style(style),
            false => ProgressBar::hidden(),
        };
        DataBar {
            bar,
            started: Instant::now(),
        }
    }

    pub(crate) fn show(&self, progress: DataProgress) {
        if self.started.elapsed() > Duration::from_millis(500) {
            self.bar.set_length(progress.total as u64);
            self.bar.set_message(progress.stage.to_string());
            self.bar.set_position(progress.done as u64);
        }
    }
}

impl Drop for DataBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows a sweep while it runs.
pub(crate) struct SweepProgress {
    costs: HashMap<String, f64>,
    total: f64,
    done: f64,
    ended: usize,
    runs: usize,
    started: Instant,
    done_before: f64,
    last_line: Instant,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    runs: Vec<ProgressBar>,
}

impl SweepProgress {
    /// `done` are the ids of runs that earlier commands finished.
    pub(crate) fn new<'a>(plan: &Plan, done: impl Iterator<Item = &'a str>) -> Self {
        let cost = |run: &PlannedRun| (run.id().to_owned(), run.c_exact().0);
        let costs: HashMap<String, f64> = plan.runs().iter().map(cost).collect();
        let done: Vec<f64> = done.filter_map(|id| costs.get(id).copied()).collect();
        let spent: f64 = done.iter().sum();
        SweepProgress {
            total: costs.values().sum(),
            done: spent,
            done_before: spent,
            ended: done.len(),
            runs: costs.len(),
            costs,
            started: Instant::now(),
            last_line: Instant::now(),
            bars: std::io::stderr().is_terminal().then(Bars::new),
        }
    }

    /// Share of the FLOPs done, counting runs on their way, and seconds left at the pace so far.
    fn outlook(&self, leases: &[Lease]) -> (f64, Option<Duration>) {
        let partial: f64 = leases
            .iter()
            .filter(|lease| lease.progress.steps > 0)
            .map(|lease| {
                let share = lease.progress.step as f64 / lease.progress.steps as f64;
                self.costs.get(&lease.run_id).copied().unwrap_or(0.0) * share
            })
            .sum();
        let now = self.done + partial;
        let gained = now - self.done_before;
        let seconds = self.started.elapsed().as_secs_f64();
        let left =
            (gained > 0.0 && seconds > 2.0).then(|| (self.total - now).max(0.0) * seconds / gained);
        (now / self.total, left.map(Duration::from_secs_f64))
    }

    fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| note(text)),
            None => note(text),
        }
    }
}

impl Watcher for SweepProgress {
    fn ended(&mut self, record: &RunRecord) {
        let row = &record.row;
        self.ended += 1;
        self.done += self.costs.get(&row.run_id).copied().unwrap_or(0.0);
        let what = match (row.status, row.test_loss) {
            (Status::Finished, Some(loss)) => format!("test loss {loss:.4}"),
            _ => format!("{}: {}", row.status, row.message.as_deref().unwrap_or("")),
        };
        let (ended, runs) = (self.ended, self.runs);
        self.say(&format!(
            "[{ended}/{runs}] {}  {what}  {:.1} s  {:.1} GFLOP/s",
            row.run_id,
            row.wall_time_s,
            row.flops_per_s / 1e9
        ));
    }

    fn progress(&mut self, leases: &[Lease]) {
        let (share, left) = self.outlook(leases);
        let eta = left.map_or("ETA unknown yet".to_owned(), |left| {
            format!("ETA {}", clock(left))
        });
        let head = format!(
            "{}/{} runs, {:.0} % of the FLOPs, {} elapsed, {eta}",
            self.ended,
            self.runs,
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

impl Drop for SweepProgress {
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
        Bars {
            all,
            overall,
            runs: Vec::new(),
        }
    }

    fn show(&mut self, head: &str, share: f64, leases: &[Lease]) {
        self.overall.set_message(head.to_owned());
        self.overall.set_position((share * 1000.0) as u64);
        let plain = || ProgressStyle::with_template("  {msg}").expect("a template without errors");
        while self.runs.len() < leases.len() {
            self.runs
                .push(self.all.add(ProgressBar::new(1).with_style(plain())));
        }
        for (i, bar) in self.runs.iter().enumerate() {
            bar.set_message(leases.get(i).map_or(String::new(), describe));
        }
    }
}

/// `n24.6k-d740k-s0-1f2e3d4c 312/1448 loss 2.913`
pub(crate) fn describe(lease: &Lease) -> String {
    let progress = lease.progress;
    let loss = progress
        .loss
        .map_or(String::new(), |loss| format!(" loss {loss:.3}"));
    match progress.step == progress.steps {
        true => format!("{} scoring", lease.run_id),
        false => format!(
            "{} {}/{}{loss}",
            lease.run_id, progress.step, progress.steps
        ),
    }
}

/// `1 h 02 min`, `3 min 10 s`, `42 s`.
pub(crate) fn clock(time: Duration) -> String {
    match time.as_secs() {
        s if s >= 3600 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        s if s >= 60 => format!("{} min {:02} s", s / 60, s % 60),
        s => format!("{s} s"),
    }
}
