//! The law of whole learning curves for the runs of a results folder: one for each model, text, seed and recipe, over
//! the curves of all schedules and lengths.

use crate::notice::Notice;
use crate::{Hinted, LabError, report};
use isoflop_core::units::short;
use isoflop_fit::multi_power::{
    CurveStep, HeldOutCurve, LearningCurve, MultiPower, fit_curves, held_out_curves,
};
use isoflop_results::parquet::open_curves;
use isoflop_results::schema::Role;
use isoflop_results::{Curve, CurvePoint, RunRow, Status, Trust};
use isoflop_sweep::ResultsFolder;
use serde::Serialize;
use std::path::Path;

/// Name of the law among those that `fit --law` takes.
pub const NAME: &str = "multi-power";

/// The law of one model, text, seed and recipe.
#[derive(Clone, Debug, Serialize)]
pub struct CurveLaw {
    /// The runs in words.
    pub name: String,
    /// Number of curves.
    pub curves: usize,
    /// The law; null where the curves have none.
    pub law: Option<MultiPower>,
    /// Each curve forecast by the law of the others.
    pub held_out: Vec<HeldOutCurve>,
    /// Why the curves have no law; null where they have one.
    pub refused: Option<String>,
}

/// Fits every group of curves of a results folder.
///
/// # Errors
/// The path is no results folder, or its rows or curves cannot be read.
pub fn of_folder(
    notice: &dyn Notice,
    path: &Path,
    trust: Trust,
) -> Result<Vec<CurveLaw>, LabError> {
    let folder = ResultsFolder::at(path.to_owned());
    if !path.is_dir() || !folder.curves_path().exists() {
        let message = format!("{}: no curves.parquet in it", path.display());
        let hint = "the law multi-power is fitted to learning curves: give the folder of a sweep, such as results/quickstart";
        return Err(Hinted::new(message, hint).into());
    }
    let rows = report::runs(notice, &folder, trust)?;
    let curves = open_curves(&folder.curves_path(), trust)?.rows;
    let mut groups: Vec<(String, Vec<&RunRow>)> = Vec::new();
    for row in rows.iter().filter(|row| row.status == Status::Finished) {
        let key = alike(row);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    Ok(groups.iter().map(|(_, group)| of_group(group, &curves)).collect())
}

/// Everything that makes a run another but its schedule and its length.
fn alike(row: &RunRow) -> String {
    let columns = RunRow::COLUMNS.iter().zip(row.values());
    let kept = columns.filter(|(column, _)| {
        column.role.is_identity() && column.role != Role::Length && column.name != "schedule"
    });
    kept.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("\u{0}")
}

fn of_group(rows: &[&RunRow], all: &[Curve]) -> CurveLaw {
    let curve = |row: &&RunRow| all.iter().find(|curve| curve.run_id == row.run_id);
    let curves: Vec<LearningCurve> = rows.iter().filter_map(curve).map(learning_curve).collect();
    let first = rows[0];
    let same = rows.iter().all(|row| row.series == first.series);
    let series = first.series.to_string();
    let of_series = if same && !series.is_empty() { format!(", {series}") } else { String::new() };
    let found = fit_curves(&curves);
    CurveLaw {
        name: format!("N {}, seed {}{of_series}", short(first.n() as f64), first.seed),
        curves: curves.len(),
        held_out: if found.is_ok() { held_out_curves(&curves) } else { Vec::new() },
        refused: found.as_ref().err().map(ToString::to_string),
        law: found.ok(),
    }
}

fn learning_curve(curve: &Curve) -> LearningCurve {
    let step = |point: &CurvePoint| CurveStep {
        step: point.step as f64,
        rate: point.learning_rate,
        loss: point.test_loss,
    };
    LearningCurve { label: curve.run_id.clone(), steps: curve.points.iter().map(step).collect() }
}
