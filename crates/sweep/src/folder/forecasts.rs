//! Sealed forecasts of a results folder, and the runs that score them.

use super::ResultsFolder;
use crate::error::SweepError;
use crate::leases;
use crate::plan::Plan;
use crate::run::PlannedRun;
use isoflop_results::file::write_atomic;
use isoflop_results::{Chain, SealedForecast};

impl ResultsFolder {
    /// Reads and checks the chain of sealed forecasts; empty if none was sealed.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it does not hold.
    pub fn forecasts(&self) -> Result<Chain, SweepError> {
        Ok(Chain::read(&self.forecasts_path())?)
    }

    /// Appends forecasts under the folder's lock and returns the chain. The file is rewritten
    /// beside its place, so that a kill leaves the old chain or the new one.
    ///
    /// # Errors
    /// A run of a forecast is planned, trained or begun; the chain does not hold; or the folder
    /// cannot be written.
    pub fn seal(
        &self,
        forecasts: impl IntoIterator<Item = SealedForecast>,
    ) -> Result<Chain, SweepError> {
        self.check_links()?;
        let _lock = self.locked()?;
        let plan = self.plan()?;
        let mut chain = self.forecasts()?;
        for forecast in forecasts {
            for run_id in &forecast.run_ids {
                self.check_unknown(&plan, run_id)?;
            }
            chain
                .push(forecast)
                .map_err(|problem| SweepError::Unsealed { path: self.forecasts_path(), problem })?;
        }
        write_atomic(&self.forecasts_path(), chain.text().as_bytes())?;
        Ok(chain)
    }

    /// Refuses a run of which anything may be known already.
    ///
    /// # Errors
    /// The run is planned, trained or begun; or the folder cannot be read.
    pub fn check_unknown(&self, plan: &Plan, run_id: &str) -> Result<(), SweepError> {
        let how = if self.recorded()?.contains(run_id) || self.failed()?.contains(run_id) {
            "has been trained"
        } else if leases::leased(self)?.iter().any(|leased| leased == run_id) {
            "is being trained"
        } else if plan.run(run_id).is_some() {
            "stands in the plan"
        } else {
            return Ok(());
        };
        let path = self.root.clone();
        Err(SweepError::KnownRun { path, run_id: run_id.to_owned(), how })
    }

    /// Adds validation runs to the folder's plan, under its lock, and returns the plan. Runs that
    /// stand in it already stay as they are.
    ///
    /// # Errors
    /// The plan cannot be read or written.
    pub fn plan_validation(&self, runs: Vec<PlannedRun>) -> Result<Plan, SweepError> {
        self.check_links()?;
        let _lock = self.locked()?;
        let plan = self.plan()?.with_validation(runs);
        write_atomic(&self.plan_path(), plan.to_json()?.as_bytes())?;
        self.make_parts()?;
        Ok(plan)
    }
}
