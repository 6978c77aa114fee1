//! Where a sweep is trained: the device as this command names it to the processes it starts, how
//! many of them share it, and what `auto` takes.

use crate::calibration::{self, Basis, Priced};
use crate::jobs::Jobs;
use crate::words::{clock, span};
use crate::{Lab, LabError, Notice};
use isoflop_results::file::write_atomic;
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::{Plan, ResultsFolder};
use isoflop_train::device::{DeviceChoice, Found, find, hardware};
use serde::{Deserialize, Serialize};

/// Processes that share an adapter are tried in these numbers.
const TOGETHER: [usize; 4] = [1, 2, 4, 8];

/// More processes on an adapter must take at most this share of the time of fewer.
const WORTH: f64 = 0.95;

/// Devices that a sweep may be trained on.
#[derive(Clone, Debug)]
pub struct Places(Vec<Found>);

/// What a folder's sweep has been trained on, beside its plan.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    device: DeviceChoice,
    /// API, name and driver of an adapter: numbers change when one is added.
    detail: String,
}

/// A device with so many processes, and what a plan takes there.
pub struct Settled {
    /// The device.
    pub found: Found,
    /// Processes at a time.
    pub jobs: usize,
    /// In seconds, of the plan's runs in its order.
    pub prices: Vec<Price>,
    /// What the prices rest on.
    pub basis: Basis,
    /// Seconds from nothing to the last run.
    pub finish: f64,
    /// Seconds of one process alone, where several were tried.
    alone: Option<f64>,
}

impl Places {
    /// The one that was named. For `auto` the one that the sweep has been trained on before, else the
    /// processor and every adapter of hardware.
    ///
    /// # Errors
    /// The device that was named is not here.
    pub fn of(
        notice: &dyn Notice,
        choice: DeviceChoice,
        folder: &ResultsFolder,
    ) -> Result<Places, LabError> {
        if choice != DeviceChoice::Auto {
            return Ok(Places(vec![find(choice)?]));
        }
        let all: Vec<Found> = [Found::cpu()].into_iter().chain(hardware()).collect();
        let Some(kept) = Kept::read(folder) else {
            return Ok(Places(all));
        };
        let same = |found: &Found| match found.is_adapter() {
            true => found.detail == kept.detail,
            false => found.choice == kept.device,
        };
        if let Some(found) = all.iter().find(|found| same(found)) {
            return Ok(Places(vec![found.clone()]));
        }
        // One that `auto` would not take was named before, and is stayed with.
        match find(kept.device) {
            Ok(found) if same(&found) => Ok(Places(vec![found])),
            _ => {
                notice.note(&format!(
                    "the device that this sweep was trained on is gone ({}); choosing again",
                    kept.detail
                ));
                Ok(Places(all))
            }
        }
    }

    /// The processor, where nothing has to be compared and nothing measured.
    pub fn only_processor(&self) -> Option<&Found> {
        self.only().filter(|found| !found.is_adapter())
    }

    /// The only one, where nothing has to be compared.
    pub fn only(&self) -> Option<&Found> {
        match &self.0[..] {
            [found] => Some(found),
            _ => None,
        }
    }

    /// The one on which a plan is done first, with as many processes as suit it. Speeds that are known
    /// are measured `again` where that is asked for.
    ///
    /// # Errors
    /// The speed of the first of them cannot be measured.
    pub fn settle(
        &self,
        lab: &Lab<'_>,
        plan: &Plan,
        jobs: Jobs,
        again: bool,
    ) -> Result<Settled, LabError> {
        let mut best: Option<Settled> = None;
        for found in &self.0 {
            let settled = match best {
                None => settle_on(lab, found, plan, jobs, again)?,
                // A driver that fails is no reason not to train elsewhere.
                Some(_) => match settle_on(lab, found, plan, jobs, again) {
                    Ok(settled) => settled,
                    Err(error) => {
                        lab.notice.note(&format!(
                            "{}: not taken: {}",
                            found.choice,
                            error.in_full()
                        ));
                        continue;
                    }
                },
            };
            if self.0.len() > 1 {
                lab.notice.note(&settled.in_words());
            }
            if best.as_ref().is_none_or(|best| settled.finish < best.finish) {
                best = Some(settled);
            }
        }
        Ok(best.expect("there is at least one device"))
    }
}

fn settle_on(
    lab: &Lab<'_>,
    found: &Found,
    plan: &Plan,
    jobs: Jobs,
    again: bool,
) -> Result<Settled, LabError> {
    let with = |jobs: usize| -> Result<Settled, LabError> {
        // No more processes than there is work for.
        let jobs = jobs.min(plan.runs().len()).max(1);
        let Priced { prices, basis } = calibration::prices(lab, plan, found, jobs, again)?;
        let finish = Forecast::of(plan, &prices, &Standing::default(), jobs).finish;
        Ok(Settled { found: found.clone(), jobs, prices, basis, finish, alone: None })
    };
    match (jobs, found.is_adapter()) {
        (Jobs::Given(jobs), _) => with(jobs),
        (Jobs::Auto, false) => with(jobs.resolve(plan)),
        (Jobs::Auto, true) => pack(found, plan, &with),
    }
}

/// As many processes side by side as make a sweep faster and fit into the adapter's memory.
fn pack(
    found: &Found,
    plan: &Plan,
    with: &dyn Fn(usize) -> Result<Settled, LabError>,
) -> Result<Settled, LabError> {
    const SHARE: f64 = 0.9;
    let mut best = with(1)?;
    let alone = best.finish;
    let each = calibration::device_bytes(plan, found);
    for jobs in TOGETHER.into_iter().skip(1) {
        let room = found.memory_bytes.is_none_or(|memory| {
            each.is_none_or(|each| each * jobs as f64 <= memory as f64 * SHARE)
        });
        if jobs > plan.runs().len() || !room {
            break;
        }
        match with(jobs) {
            Ok(settled) if settled.finish <= best.finish * WORTH => best = settled,
            Ok(_) => break,
            // Too many for its memory, or for its driver.
            Err(_) => break,
        }
    }
    best.alone = Some(alone);
    Ok(best)
}

impl Settled {
    /// One line for the terminal.
    pub fn in_words(&self) -> String {
        let time = |seconds: f64| clock(span(seconds));
        let gain = match self.alone {
            Some(alone) if self.jobs > 1 => {
                format!(", {:.2} times as fast as one", alone / self.finish)
            }
            _ => String::new(),
        };
        let processes = match self.jobs {
            1 => "1 process".to_owned(),
            jobs => format!("{jobs} processes"),
        };
        format!(
            "{} ({}): {} with {processes}{gain}",
            self.found.choice,
            self.found.detail,
            time(self.finish)
        )
    }
}

impl Kept {
    fn path(folder: &ResultsFolder) -> std::path::PathBuf {
        folder.root().join("device.json")
    }

    fn read(folder: &ResultsFolder) -> Option<Kept> {
        serde_json::from_slice(&std::fs::read(Self::path(folder)).ok()?).ok()
    }
}

/// What a results folder's sweep has been trained on last.
pub fn kept(folder: &ResultsFolder) -> Option<DeviceChoice> {
    Kept::read(folder).map(|kept| kept.device)
}

/// Keeps in a results folder what its sweep is trained on, for `auto` and for workers that join.
///
/// # Errors
/// It cannot be written.
pub fn keep(folder: &ResultsFolder, found: &Found) -> Result<(), LabError> {
    let kept = Kept { device: found.choice, detail: found.detail.clone() };
    let text = serde_json::to_string_pretty(&kept)?;
    Ok(write_atomic(&Kept::path(folder), text.as_bytes())?)
}
