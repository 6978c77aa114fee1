//! Reads the rows of a results folder for those who do not train: from the parquet files if they
//! can be trusted, or else from the records that the files are made of.

use super::{Records, ResultsFolder};
use crate::error::SweepError;
use isoflop_results::{
    Curve, Positions, ResultsError, RunRecord, RunRow, Sealed, Table, Trust, parquet,
};
use std::path::Path;

/// Rows, with a remark about the files that they were read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<T> {
    /// The rows themselves.
    pub rows: T,
    /// Remark for the person at the terminal, as a sentence.
    pub remark: Option<String>,
}

impl ResultsFolder {
    /// Rows of all runs.
    ///
    /// # Errors
    /// `runs.parquet` cannot be read or trusted, and there are no records to make the rows from.
    pub fn runs(&self, trust: Trust) -> Result<Told<Vec<RunRow>>, SweepError> {
        let path = self.runs_path();
        self.told(&path, parquet::open_runs(&path, trust), runs_of)
    }

    /// Rows like those of [`ResultsFolder::runs`], with all columns that the file has.
    ///
    /// # Errors
    /// The same as those of [`ResultsFolder::runs`]; or there are no rows.
    pub fn runs_table(&self, trust: Trust) -> Result<Told<Table>, SweepError> {
        let path = self.runs_path();
        let read = Table::read_with(&path, trust)
            .map(|table| Sealed { sealed: table.sealed(), rows: table });
        self.told(&path, read, |records| Table::of_runs(&path, &runs_of(records)))
    }

    /// Learning curves of all runs.
    ///
    /// # Errors
    /// The same as those of [`ResultsFolder::runs`], for `curves.parquet`.
    pub fn curves(&self, trust: Trust) -> Result<Told<Vec<Curve>>, SweepError> {
        let path = self.curves_path();
        self.told(&path, parquet::open_curves(&path, trust), curves_of)
    }

    /// Losses by position of all runs that have them; none where there is no file of them.
    ///
    /// # Errors
    /// The same as those of [`ResultsFolder::runs`], for `positions.parquet`.
    pub fn positions(&self, trust: Trust) -> Result<Told<Vec<Positions>>, SweepError> {
        let path = self.positions_path();
        if !path.exists() {
            // Earlier versions measured none, and their records hold none either.
            let rows = self.believed()?.map(|records| positions_of(&records)).unwrap_or_default();
            return Ok(Told { rows, remark: None });
        }
        self.told(&path, parquet::open_positions(&path, trust), positions_of)
    }

    fn told<T>(
        &self,
        path: &Path,
        read: Result<Sealed<T>, ResultsError>,
        again: impl Fn(&Records) -> T,
    ) -> Result<Told<T>, SweepError> {
        let error = match read {
            Ok(Sealed { rows, sealed }) => {
                let remark = (!sealed).then(|| {
                    format!(
                        "{}: carries no digest of its values, as files that other programs or earlier versions wrote; they are taken as they are",
                        path.display()
                    )
                });
                return Ok(Told { rows, remark });
            }
            Err(error) => error,
        };
        let Some(records) = self.believed()? else {
            return Err(error.into());
        };
        let mut remark = format!(
            "{error}; its rows are made again from the {} records beside it, and the next `isoflop run` rewrites it",
            records.done.len() + records.failed.len()
        );
        if let Some(damaged) = records.damaged.first() {
            remark.push_str(&format!(
                "; {} more are left out, such as {damaged}",
                records.damaged.len()
            ));
        }
        Ok(Told { rows: again(&records), remark: Some(remark) })
    }

    /// All intact records: those of the plan if there is one, else all. `None` if there is no
    /// record.
    fn believed(&self) -> Result<Option<Records>, SweepError> {
        let records = match self.plan() {
            Ok(plan) => self.gather(&plan, false)?,
            Err(_) => self.unplanned()?,
        };
        let some = !records.done.is_empty() || !records.failed.is_empty();
        Ok(some.then_some(records))
    }

    /// All intact records of a folder that has lost its plan, sorted by name.
    fn unplanned(&self) -> Result<Records, SweepError> {
        let mut records = Records::default();
        let sorted = |ids: std::collections::HashSet<String>| {
            let mut ids: Vec<String> = ids.into_iter().collect();
            ids.sort();
            ids
        };
        for id in sorted(self.recorded()?) {
            let path = self.record_path(&id);
            let record = self.read_record(&path, None, false, &mut records.damaged)?;
            records.done.extend(record);
        }
        for id in sorted(self.failed()?) {
            let path = self.failure_path(&id);
            let record = self.read_record(&path, None, false, &mut records.damaged)?;
            let new = |record: &RunRecord| {
                let known = |done: &RunRecord| done.row.run_id == record.row.run_id;
                !records.done.iter().any(known)
            };
            records.failed.extend(record.filter(new));
        }
        Ok(records)
    }
}

/// Rows in the order of `runs.parquet`.
pub(super) fn runs_of(records: &Records) -> Vec<RunRow> {
    let all = records.done.iter().chain(&records.failed);
    all.map(|record| record.row.clone()).collect()
}

/// Losses by position in the order of `positions.parquet`.
pub(super) fn positions_of(records: &Records) -> Vec<Positions> {
    let all = records.done.iter().chain(&records.failed);
    let measured = all.filter(|record| !record.positions.is_empty());
    measured
        .map(|record| Positions {
            run_id: record.row.run_id.clone(),
            points: record.positions.clone(),
        })
        .collect()
}

/// Curves in the order of `curves.parquet`.
pub(super) fn curves_of(records: &Records) -> Vec<Curve> {
    let all = records.done.iter().chain(&records.failed);
    all.map(|record| Curve { run_id: record.row.run_id.clone(), points: record.curve.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_results::PositionPoint;
    use std::fs;

    /// A folder without a plan that has one record and the files made of it.
    fn folder() -> (tempfile::TempDir, ResultsFolder, RunRecord) {
        let keep = tempfile::tempdir().unwrap();
        let folder = ResultsFolder::at(keep.path().to_owned());
        let sample = include_bytes!("../../../results/tests/samples/record.json");
        let record = RunRecord::parse(sample).unwrap();
        let records = Records { done: vec![record.clone()], ..Records::default() };
        folder.merge(&records).unwrap();
        let path = folder.record_path(&record.row.run_id);
        record.write(&path).unwrap();
        (keep, folder, record)
    }

    #[test]
    fn whole_files_are_read_without_a_word() {
        let (_keep, folder, record) = folder();
        let runs = folder.runs(Trust::Checked).unwrap();
        assert_eq!(runs, Told { rows: vec![record.row.clone()], remark: None });
        let curves = folder.curves(Trust::Checked).unwrap();
        assert_eq!(curves.rows[0].points, record.curve);
        assert_eq!(curves.remark, None);
        let table = folder.runs_table(Trust::Checked).unwrap();
        assert_eq!(table.rows.numbers("steps").unwrap(), [record.row.steps as f64]);
        assert_eq!(table.remark, None);
    }

    #[test]
    fn losses_by_position_are_made_again_and_older_records_have_none() {
        let (_keep, folder, record) = folder();
        assert!(!folder.positions_path().exists());
        let none = Told { rows: Vec::new(), remark: None };
        assert_eq!(folder.positions(Trust::Checked).unwrap(), none);
        let point = PositionPoint {
            first: 1,
            last: 2,
            tokens: 9,
            test_loss: Some(2.5),
            test_loss_se: None,
        };
        let record = RunRecord { positions: vec![point], ..record };
        folder.merge(&Records { done: vec![record.clone()], ..Records::default() }).unwrap();
        record.write(&folder.record_path(&record.row.run_id)).unwrap();
        let whole = folder.positions(Trust::Checked).unwrap();
        assert_eq!((whole.rows[0].points.as_slice(), whole.remark), ([point].as_slice(), None));
        fs::write(folder.positions_path(), b"PAR1").unwrap();
        let again = folder.positions(Trust::Checked).unwrap();
        assert_eq!(again.rows, whole.rows);
        assert!(again.remark.unwrap().contains("positions.parquet"));
        fs::remove_file(folder.positions_path()).unwrap();
        assert_eq!(folder.positions(Trust::Checked).unwrap().rows, whole.rows);
    }

    #[test]
    fn damaged_cut_and_lost_files_are_made_again_from_the_records() {
        let (_keep, folder, record) = folder();
        for damage in 0..3 {
            for path in [folder.runs_path(), folder.curves_path()] {
                let whole = fs::read(&path).unwrap_or_default();
                match damage {
                    0 => fs::write(&path, &whole[..whole.len() - 20]).unwrap(),
                    1 => fs::write(&path, b"").unwrap(),
                    _ => fs::remove_file(&path).unwrap(),
                }
            }
            let runs = folder.runs(Trust::Checked).unwrap();
            assert_eq!(runs.rows, std::slice::from_ref(&record.row));
            let remark = runs.remark.unwrap();
            assert!(remark.contains("from the 1 records beside it"), "{remark}");
            let curves = folder.curves(Trust::Checked).unwrap();
            assert_eq!(curves.rows[0].points, record.curve);
            let table = folder.runs_table(Trust::Checked).unwrap().rows;
            assert_eq!(table.numbers("steps").unwrap(), [record.row.steps as f64]);
        }
        fs::remove_dir_all(folder.root().join("records")).unwrap();
        assert!(folder.runs(Trust::Checked).is_err());
        assert!(folder.curves(Trust::Blind).is_err());
    }

    #[test]
    fn a_record_under_another_name_is_left_out_and_named() {
        let (_keep, folder, record) = folder();
        record.write(&folder.record_path("n9-s0-00")).unwrap();
        fs::write(folder.runs_path(), "PAR1").unwrap();
        let runs = folder.runs(Trust::Checked).unwrap();
        assert_eq!(runs.rows, std::slice::from_ref(&record.row));
        let remark = runs.remark.unwrap();
        assert!(remark.contains("n9-s0-00.json: damaged record: it is the record of"), "{remark}");
    }

    #[test]
    fn a_damaged_record_is_left_out_and_named() {
        let (_keep, folder, record) = folder();
        let mut failed = record.clone();
        failed.row.run_id.push('b');
        failed.row.status = isoflop_results::Status::Failed;
        let path = folder.failure_path(&failed.row.run_id);
        failed.write(&path).unwrap();
        fs::write(folder.record_path(&record.row.run_id), "half").unwrap();
        fs::write(folder.runs_path(), "PAR1").unwrap();
        let runs = folder.runs(Trust::Checked).unwrap();
        assert_eq!(runs.rows, [failed.row]);
        let remark = runs.remark.unwrap();
        assert!(remark.contains("1 more are left out"), "{remark}");
        assert!(remark.contains(&record.row.run_id), "{remark}");
    }
}
