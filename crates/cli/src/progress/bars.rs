//! Shows the progress of what is done before and after training.

use super::LINE_EVERY;
use crate::output::note;
use indicatif::{ProgressBar, ProgressStyle};
use isoflop_data::{Progress as DataProgress, Stage};
use isoflop_lab::words::clock;
use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Bar that is shown while text is prepared, if that takes long enough.
pub(crate) struct DataBar {
    bar: ProgressBar,
    on_terminal: bool,
    started: Instant,
    /// Stage that is shown, and when it began.
    stage: Cell<Option<(Stage, Instant)>>,
    last_line: Cell<Instant>,
}

impl Default for DataBar {
    fn default() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let bar = match on_terminal {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        DataBar {
            bar,
            on_terminal,
            started: Instant::now(),
            stage: Cell::new(None),
            last_line: Cell::new(Instant::now()),
        }
    }
}

impl DataBar {
    pub(crate) fn show(&self, progress: DataProgress) {
        if self.started.elapsed() < Duration::from_millis(500) {
            return;
        }
        let began = match self.stage.get() {
            Some((stage, began)) if stage == progress.stage => began,
            _ => {
                self.begin(progress.stage);
                Instant::now()
            }
        };
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
        if !self.on_terminal && self.last_line.get().elapsed() > LINE_EVERY {
            self.last_line.set(Instant::now());
            let share = progress.done as f64 / progress.total.max(1) as f64;
            let left = began.elapsed().as_secs_f64() * (1.0 / share.max(1e-9) - 1.0);
            note(&format!(
                "{}: {:.0} %, {:.0} s left of this stage",
                progress.stage,
                share * 100.0,
                left
            ));
        }
    }

    fn begin(&self, stage: Stage) {
        let template = match stage.in_bytes() {
            true => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}",
            false => "{msg} {wide_bar} {pos}/{len} ETA {eta}",
        };
        let style = ProgressStyle::with_template(template).expect("a template without errors");
        self.bar.reset();
        self.bar.set_style(style);
        self.bar.set_message(stage.to_string());
        self.stage.set(Some((stage, Instant::now())));
    }
}

impl Drop for DataBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Number of steps of a bar that shows a share.
const PARTS: u64 = 1000;

/// Bar that is shown while laws are fitted, if that takes long enough.
pub(crate) struct FitBar {
    bar: ProgressBar,
    started: Instant,
    last_line: Cell<Instant>,
}

impl Default for FitBar {
    fn default() -> Self {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(PARTS),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("fitting laws {wide_bar} {percent} % ETA {eta}");
        FitBar {
            bar: bar.with_style(style.expect("a template without errors")),
            started: Instant::now(),
            last_line: Cell::new(Instant::now()),
        }
    }
}

impl FitBar {
    /// Shows the share that is done, from 0 to 1.
    pub(crate) fn show(&self, share: f64) {
        if self.started.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.bar.set_position((share * PARTS as f64) as u64);
        if self.bar.is_hidden() && self.last_line.get().elapsed() > LINE_EVERY {
            self.last_line.set(Instant::now());
            let left = match share {
                0.0 => "ETA unknown yet".to_owned(),
                share => {
                    let spent = self.started.elapsed().as_secs_f64();
                    let left = Duration::from_secs_f64(spent * (1.0 - share) / share);
                    format!("ETA {}", clock(left))
                }
            };
            note(&format!("fitting laws: {:.0} % done, {left}", share * 100.0));
        }
    }
}

impl Drop for FitBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
