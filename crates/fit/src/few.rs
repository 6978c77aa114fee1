//! Intervals of few units, walked along the sum of squares of their residuals.
//!
//! A penalty that grows as absolute values do (Huber's, below the noise) runs exactly through as many rows as
//! the law has parameters. Of eight rows three are then left to tell the noise, and no resampling of three rows
//! does. The sum of squares has a theory for any number of rows: intervals are walked along it, while the value
//! stays that of the objective asked for.

use crate::dispersion::Chance;
use crate::engine::{Engine, Optimum, Resample, engine};
use crate::errors::Errors;
use crate::objective::{Objective, Penalty};
use crate::output::Profile;
use crate::point::Point;
use crate::profile::profiles;
use crate::units::Units;
use crate::watch::Watch;

/// The fit by squares of few units, as the module head describes it.
pub(crate) struct Few {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) best: Optimum,
    pub(crate) errors: Errors,
}

impl Few {
    /// None for many units, and for rows that the law meets.
    pub(crate) fn of(
        points: &[Point],
        units: &Units,
        from: &dyn Engine,
        known: &[Vec<f64>],
        watch: &Watch,
    ) -> Option<Self> {
        if !units.are_few() {
            return None;
        }
        let squares = Objective { penalty: Penalty::Square, ..from.objective() };
        let mut engine = engine(points, from.law(), squares, from.holds()).ok()?;
        engine.watched_by(watch);
        let best = engine.solve_near(known, false)?;
        let errors = Errors::of(&*engine, &best.t, units.numbers())?;
        Some(Few { engine, best, errors })
    }

    /// Profiles of the squares; none for an objective whose law runs elsewhere than through the middle.
    pub(crate) fn profiles(&self, objective: Objective) -> Option<Vec<Profile>> {
        if matches!(objective.penalty, Penalty::Asymmetric { .. }) {
            return None;
        }
        let chance = Chance::Few(self.errors.clone());
        let walked = profiles(&*self.engine, &self.best, &chance);
        let better = walked.lower.and_then(|lower| self.engine.refit(None, &[lower.t]));
        Some(match better {
            Some(better) => profiles(&*self.engine, &better, &chance).profiles,
            None => walked.profiles,
        })
    }

    /// New targets of replicate number `index`: the fit (target less residual) and new errors.
    pub(crate) fn err_anew(
        &self,
        seed: u64,
        index: u64,
        residuals: &[f64],
        shift: f64,
        changed: &mut Resample,
    ) {
        let drawn = self.errors.replicate(seed, index);
        let rows = changed.targets.iter_mut().zip(residuals);
        for ((target, residual), error) in rows.zip(drawn) {
            *target += error + shift - residual;
        }
    }
}
