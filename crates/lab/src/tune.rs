//! The stage of short runs that finds learning rates before a sweep.

use crate::run::{End, Request, adopt, train};
use crate::{Lab, LabError};
use isoflop_results::file::write_atomic;
use isoflop_sweep::supervise::{Outcome, settle};
use isoflop_sweep::tuning::Tuned;
use isoflop_sweep::{Plan, ResultsFolder};

/// Trains the trials of learning rates; the end of the night where they do not come to their end.
pub(crate) fn tune(lab: &Lab<'_>, request: &Request, stage: Plan) -> Result<Option<End>, LabError> {
    lab.notice.note("first, the learning rate of every size:");
    let folder = ResultsFolder::at(request.results.join(stage.name()));
    adopt(&folder, &stage, &request.sweep)?;
    let outcome = train(lab, request, &folder, &stage)?;
    let records = settle(&folder, &stage)?;
    if outcome != Outcome::Complete {
        return Ok(Some(End::Trained { outcome, folder, plan: stage, records }));
    }
    match Tuned::of(&stage, &records.done) {
        Ok(tuned) => tell(lab, &stage, &tuned),
        Err(open) => return Ok(Some(End::Untuned { folder, stage, open })),
    }
    Ok(None)
}

/// Writes what a stage found, also where the command that trained its last trial died before it could.
/// A folder that came without records keeps the files that it has.
pub(crate) fn keep_rates(
    folder: &ResultsFolder,
    stage: &Plan,
    tuned: &Tuned,
) -> Result<(), LabError> {
    if folder.records(stage)?.done.len() == stage.runs().len() {
        settle(folder, stage)?;
        let json = serde_json::to_string_pretty(tuned)?;
        write_atomic(&folder.root().join("tuning.json"), json.as_bytes())?;
    }
    Ok(())
}

/// Tells what a stage found.
fn tell(lab: &Lab<'_>, stage: &Plan, tuned: &Tuned) {
    let note = |line: String| lab.notice.note(&line);
    for size in tuned.untuned(stage) {
        note(format!("warning: {size}: every trial diverged; its rate is the rule's"));
    }
    for found in &tuned.rates {
        let trials: Vec<String> = found
            .trials
            .iter()
            .map(|(rate, loss)| match loss {
                Some(loss) => format!("{rate}: {loss:.3}"),
                None => format!("{rate}: none"),
            })
            .collect();
        let of = match found.series.as_str() {
            "" => String::new(),
            series => format!(" ({series})"),
        };
        note(format!(
            "{}{of}: rate {} of test losses {}",
            found.size,
            found.rate,
            trials.join(", ")
        ));
        if found.at_edge {
            note(format!(
                "warning: {}{of}: the best rate is at an edge of those tried; raise `rates` or `factor`",
                found.size
            ));
        }
    }
}
