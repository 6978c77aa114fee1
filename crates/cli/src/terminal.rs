//! Connects the library to the terminal: notes and bars go to stderr, workers are child processes
//! of this program, and signals ask for an early end.

use crate::output::note;
use crate::progress::{DataBar, FitBar, SweepProgress};
use crate::signals::{self, Heeded};
use anyhow::Result;
use isoflop_lab::{Bar, Begun, Lab, Notice, Processes, Stop};
use isoflop_sweep::supervise::Watcher;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The standard error stream, with the remarks already made and the bars now shown.
#[derive(Default)]
pub(crate) struct Terminal {
    said: Mutex<HashSet<String>>,
    text: Mutex<Option<DataBar>>,
    fits: Mutex<Option<FitBar>>,
}

fn open<T>(shown: &Mutex<T>) -> MutexGuard<'_, T> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notice for Terminal {
    fn note(&self, line: &str) {
        note(line);
    }

    fn remark(&self, remark: &str) {
        if open(&self.said).insert(remark.to_owned()) {
            note(&format!("note: {remark}"));
        }
    }

    fn bar(&self, bar: Bar) {
        match bar {
            Bar::Text(progress) => open(&self.text).get_or_insert_default().show(progress),
            Bar::TextEnded => *open(&self.text) = None,
            Bar::Fits(share) => open(&self.fits).get_or_insert_default().show(share),
            Bar::FitsEnded => *open(&self.fits) = None,
        }
    }

    fn begun<'a>(&'a self, begun: Begun<'a>) -> Box<dyn Watcher + 'a> {
        Box::new(SweepProgress::new(begun))
    }
}

/// Requests to stop, from the signals that this process receives.
#[derive(Default)]
pub(crate) struct Signals {
    heeded: Mutex<Option<Heeded>>,
}

impl Stop for Signals {
    fn flag(&self) -> &AtomicBool {
        signals::flag()
    }

    fn heeded(&self, is: bool) {
        *open(&self.heeded) = is.then(signals::heed);
    }
}

/// Does work with a lab at this terminal, whose processes run this program.
pub(crate) fn with_lab<T>(work: impl FnOnce(&Lab<'_>) -> Result<T>) -> Result<T> {
    let crew = Processes { program: std::env::current_exe()? };
    work(&Lab { notice: &Terminal::default(), crew: &crew, stop: &Signals::default() })
}
