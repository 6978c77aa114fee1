//! Tables that are the runs of a sweep of this program.

use super::repeats::{Rows, shown_cell};
use isoflop_results::{RunRow, Table};

/// Whether a table is the runs of a sweep, whatever file it was in.
pub(super) fn is_of_a_sweep(table: &Table) -> bool {
    let names = ["run_id", "status", "data_digest", "n_non_embedding", "test_loss"];
    names.iter().all(|name| table.has(name))
}

/// Gives rows of a results folder the unit that they have as runs.
pub(super) fn trunks(table: &Table, rows: &mut Rows) -> bool {
    // Files of earlier versions lack some of them, and tables of others most.
    let names = RunRow::unit_columns().filter(|name| table.has(name));
    let columns: Vec<_> = names.filter_map(|name| table.cells(name).ok()).collect();
    if !["d_model", "n_layers", "data_digest", "seed"].iter().all(|name| table.has(name)) {
        return false;
    }
    for (point, row) in rows.points.iter_mut().zip(&rows.places) {
        let cells = columns.iter().map(|cells| shown_cell(&cells[*row]));
        point.unit = cells.collect::<Vec<_>>().join(" ");
    }
    true
}
