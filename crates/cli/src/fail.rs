//! Prints errors: what is wrong, and then what to do.

use crate::output::{note, short, visible};
use crate::signals;
use isoflop_data::DataError;
use isoflop_fit::FitError;
pub(crate) use isoflop_lab::Hinted;
use isoflop_lab::no_room;
use isoflop_report::ReportError;
use isoflop_results::ResultsError;
use isoflop_results::error::room_hint;
use isoflop_sweep::workers::local::STOPPED;
use isoflop_sweep::workers::slurm::SlurmError;
use isoflop_sweep::{SpecError, SweepError};
use isoflop_train::device::DeviceError;
use isoflop_train::export::ExportError;
use std::process::ExitCode;

/// Exit code for bad input; nothing was written.
pub(crate) const BAD_INPUT: u8 = 2;

/// Prints an error and its hint to stderr and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    signals::stay_if_leaving();
    let no_room = no_room(error.as_ref());
    let what = match no_room {
        Some(_) => "the disk is full: ",
        None => "",
    };
    note(&short(&format!("error: {what}{}", message(error))));
    if let Some(hint) = no_room.and_then(room_hint).or_else(|| hint(error)) {
        note(&short(&format!("hint: {hint}")));
    }
    ExitCode::from(match no_room {
        Some(_) => STOPPED,
        None => BAD_INPUT,
    })
}

/// Ends the process after printing an error in the command line, or the help that it asks for.
pub(crate) fn usage(error: &clap::Error) -> ! {
    let plain = error.render().to_string();
    if error.use_stderr() && short(&visible(&plain)) != plain {
        note(short(&plain).trim_end());
        std::process::exit(error.exit_code());
    }
    error.exit()
}

/// The chain of causes, each said only once, since many libraries repeat their cause in their own
/// message.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        None.or_else(|| cause.downcast_ref::<SweepError>()?.hint())
            .or_else(|| cause.downcast_ref::<SlurmError>()?.hint())
            .or_else(|| cause.downcast_ref::<SpecError>()?.hint().map(str::to_owned))
            .or_else(|| cause.downcast_ref::<ResultsError>()?.hint())
            .or_else(|| cause.downcast_ref::<DataError>()?.hint())
            .or_else(|| cause.downcast_ref::<ExportError>()?.hint())
            .or_else(|| cause.downcast_ref::<DeviceError>()?.hint())
            .or_else(|| cause.downcast_ref::<FitError>()?.hint())
            .or_else(|| cause.downcast_ref::<ReportError>()?.hint())
            .or_else(|| cause.downcast_ref::<Hinted>().map(|hinted| hinted.hint().to_owned()))
    })
}
