//! What the runs of a folder cost together. Branches of one trunk share its steps, so that neither
//! `c_exact` nor `flops_spent` adds up to it.

use crate::row::RunRow;
use crate::schema::Role;
use crate::status::Status;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Axis of a sweep file that is no more than another length of the last part of a run.
const DECAY: &str = "train.decay";

/// FLOPs executed for these rows, the steps that several branches of a trunk share counted once.
///
/// A branch has `flops_spent` of its own and stands on a part of its trunk; of the parts of one
/// trunk the longest counts. Failed attempts are not known to rows and not in it.
pub fn flops_executed(rows: &[RunRow]) -> f64 {
    let mut trunks: HashMap<String, f64> = HashMap::new();
    let mut own = 0.0;
    for row in rows {
        own += row.flops_spent;
        let longest = trunks.entry(trunk(row)).or_default();
        *longest = longest.max(on_trunk(row));
    }
    own + trunks.values().sum::<f64>()
}

/// FLOPs of the steps that a row took on its trunk; 0 where it shares none.
fn on_trunk(row: &RunRow) -> f64 {
    if row.status == Status::Failed {
        return 0.0;
    }
    let taken = row.diverged_step.unwrap_or(row.steps) as f64 / row.steps as f64;
    let shared = row.c_exact * taken - row.flops_spent;
    // What rounding leaves of equal counts is no trunk.
    match shared > 1e-9 * row.c_exact {
        true => shared,
        false => 0.0,
    }
}

/// What branches of one trunk have in common, and other runs do not.
fn trunk(row: &RunRow) -> String {
    let columns = RunRow::COLUMNS.iter().zip(row.values());
    let shared =
        columns.filter(|(column, _)| column.role.is_identity() && column.role != Role::Length);
    // Runs that differ in their decay alone share a trunk as those of other lengths do.
    let mut key = match row.series.value(DECAY) {
        Some(_) => row.series.without(DECAY).to_string(),
        None => row.series.to_string(),
    };
    for (_, value) in shared {
        let _ = write!(key, "\u{0}{value}");
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use isoflop_core::Series;

    /// A run of so many steps of 1 FLOP, of which `own` were for it alone.
    fn branch(seed: u64, steps: u64, own: u64) -> RunRow {
        RunRow {
            seed,
            steps,
            c_exact: steps as f64,
            flops_spent: own as f64,
            diverged_step: None,
            ..record("a").row
        }
    }

    #[test]
    fn a_trunk_counts_once_however_many_branches_stand_on_it() {
        // Steps 0 to 80 of the trunk, then 10, 20 and 20 of three branches.
        let of_one = [branch(0, 50, 10), branch(0, 100, 20), branch(0, 90, 20)];
        assert_eq!(flops_executed(&of_one), 80.0 + 50.0);
        let of_another = [branch(1, 100, 20)];
        let both: Vec<RunRow> = of_one.into_iter().chain(of_another).collect();
        assert_eq!(flops_executed(&both), 130.0 + 100.0);
    }

    #[test]
    fn runs_of_their_own_count_in_full_and_failed_ones_not_at_all() {
        let failed = RunRow { status: Status::Failed, ..branch(0, 100, 0) };
        assert_eq!(flops_executed(&[branch(0, 100, 100), failed]), 100.0);
        assert_eq!(flops_executed(&[]), 0.0);
    }

    #[test]
    fn of_runs_at_a_constant_rate_the_longest_counts_and_the_others_are_a_part_of_it() {
        assert_eq!(flops_executed(&[branch(0, 50, 0), branch(0, 100, 0)]), 100.0);
    }

    #[test]
    fn branches_of_several_decays_share_their_trunk() {
        let with = |decay: &str, own: u64| {
            let series = Series::default().with(DECAY, decay.to_owned());
            RunRow { series, ..branch(0, 100, own) }
        };
        assert_eq!(flops_executed(&[with("0.1", 10), with("0.2", 20)]), 90.0 + 30.0);
    }

    #[test]
    fn a_diverged_branch_counts_as_far_as_it_came() {
        let on_the_trunk = RunRow { diverged_step: Some(30), ..branch(0, 100, 0) };
        let beyond = RunRow { diverged_step: Some(90), ..branch(0, 100, 10) };
        assert_eq!(flops_executed(std::slice::from_ref(&on_the_trunk)), 30.0);
        assert_eq!(flops_executed(&[on_the_trunk, beyond]), 80.0 + 10.0);
    }
}
