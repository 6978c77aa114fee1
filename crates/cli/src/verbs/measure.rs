//! `isoflop measure`: the speed of one step, for the process that asks for it.

use crate::output::print_json;
use crate::signals;
use anyhow::Result;
use isoflop_lab::calibration::EACH;
use isoflop_sweep::workers::local::STOPPED;
use isoflop_train::device::{DeviceChoice, TrainDevice};
use isoflop_train::price::Load;
use std::process::ExitCode;

/// Measures one step; `plan` and `run` start this.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Device to measure.
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
}

/// Reads a load as one line of stdin and prints its speed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line)? == 0 {
        // The command that started this process ended before it wrote a load.
        return Ok(ExitCode::from(STOPPED));
    }
    let load: Load = serde_json::from_str(&line)?;
    signals::end_with_parent();
    let device = TrainDevice::open(args.device)?;
    print_json(&load.measure(&device, EACH))?;
    Ok(ExitCode::SUCCESS)
}
