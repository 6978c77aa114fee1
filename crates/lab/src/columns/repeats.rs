//! What the rows of a table are to one another: the same row twice, checkpoints of a run, trials of other
//! settings. What is seen is said; what is done about it is told by flags, and where it is plain, by the table.

use super::roles::{Chosen, MODEL, RUN, STEP};
use super::smooth::smooth_along_tokens;
use isoflop_core::text::{listed, shown};
use isoflop_fit::Point;
use isoflop_results::Table;
use isoflop_results::table::{Cell, key};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows as points, with their places in the table.
pub(super) struct Rows {
    pub(super) points: Vec<Point>,
    pub(super) places: Vec<usize>,
}

/// What a person asks to be done with rows that are not runs.
pub(super) struct Wishes<'a> {
    /// The column of units, where one was named.
    pub(super) unit: Option<&'a Chosen>,
    pub(super) best_of: bool,
    pub(super) last: bool,
}

/// What was seen and done.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) remarks: Vec<String>,
    /// What a unit is, in words.
    pub(super) unit: String,
}

impl Rows {
    /// Looks at the rows, groups them and leaves out those that are not to be fitted.
    ///
    /// # Errors
    /// The last of each run is asked for and nothing names runs.
    pub(super) fn settled(
        &mut self,
        table: &Table,
        loss: &Chosen,
        wishes: &Wishes,
    ) -> Result<Seen, String> {
        let mut seen = Seen { unit: "each row is a unit".to_owned(), ..Seen::default() };
        self.without_repeats(table, &mut seen);
        let runs = self.runs(table);
        if let Some(unit) = wishes.unit {
            self.group(&mut seen, &unit.name, |at| text(table, unit.at, at));
        }
        match (wishes.last, wishes.unit.map(|unit| unit.at).or(runs)) {
            (true, None) => {
                return Err("no column tells which rows are checkpoints of one run".to_owned());
            }
            (true, Some(run)) => self.last(table, run, &mut seen),
            (false, _) => {
                if let (Some(run), None) = (runs, wishes.unit) {
                    let name = &table.names()[run];
                    seen.remarks.push(format!(
                        "`{}` names {} runs with several token counts each: their rows are checkpoints, and those of a run are one unit (--last fits the last of each)",
                        shown(name),
                        self.distinct(table, run)
                    ));
                    self.group(&mut seen, name, |at| text(table, run, at));
                }
            }
        }
        let grouped = wishes.unit.is_some() || (runs.is_some() && !wishes.last);
        self.places_shared(table, loss, wishes.best_of, grouped, &mut seen);
        if !grouped && runs.is_none() {
            seen.remarks.extend(smooth_along_tokens(&self.points));
        }
        Ok(seen)
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.points.retain(|_| *kept.next().expect("one flag a row"));
        let mut kept = keep.iter();
        self.places.retain(|_| *kept.next().expect("one flag a row"));
    }

    /// Rows that are equal in every column count once.
    fn without_repeats(&mut self, table: &Table, seen: &mut Seen) {
        let columns: Vec<usize> =
            (0..table.names().len()).filter(|at| !numbers_rows(&table.names()[*at])).collect();
        let mut first = BTreeSet::new();
        let keep: Vec<bool> = self
            .places
            .iter()
            .map(|&row| {
                let cells: Vec<String> = columns.iter().map(|at| text(table, *at, row)).collect();
                first.insert(cells.join("\u{1f}"))
            })
            .collect();
        let again: Vec<String> = (self.places.iter().zip(&keep))
            .filter(|(_, keep)| !**keep)
            .map(|(row, _)| table.line(*row).to_string())
            .collect();
        if !again.is_empty() {
            seen.remarks.push(format!(
                "{} of {} rows equal an earlier one in every column and count once (lines {})",
                again.len(),
                keep.len(),
                listed(&again)
            ));
            self.retain(&keep);
        }
    }

    /// The column that names runs, where each of its values has one size and several token counts.
    fn runs(&self, table: &Table) -> Option<usize> {
        let steps = STEP.iter().any(|name| !table.named(name).is_empty());
        let models = MODEL.iter().filter(|_| steps);
        let candidates = RUN.iter().chain(models).flat_map(|name| table.named(name));
        let mut candidates = candidates;
        candidates.find(|&at| {
            let mut runs: BTreeMap<String, (BTreeSet<u64>, BTreeSet<u64>)> = BTreeMap::new();
            for (point, &row) in self.points.iter().zip(&self.places) {
                let (sizes, tokens) = runs.entry(text(table, at, row)).or_default();
                sizes.extend(point.n.map(f64::to_bits));
                tokens.extend(point.d.map(f64::to_bits));
            }
            let one_size = runs.values().all(|(sizes, _)| sizes.len() <= 1);
            let several = runs.values().filter(|(_, tokens)| tokens.len() > 1).count();
            !runs.contains_key("") && one_size && 2 * several > runs.len()
        })
    }

    fn distinct(&self, table: &Table, at: usize) -> usize {
        let values = self.places.iter().map(|row| text(table, at, *row));
        values.collect::<BTreeSet<_>>().len()
    }

    fn group(&mut self, seen: &mut Seen, name: &str, of: impl Fn(usize) -> String) {
        for (point, row) in self.points.iter_mut().zip(&self.places) {
            point.unit = of(*row);
        }
        seen.unit = format!("rows of one `{}` are one unit", shown(name));
    }

    /// Keeps the row of most tokens of each run.
    fn last(&mut self, table: &Table, run: usize, seen: &mut Seen) {
        let mut last: HashMap<String, (f64, usize)> = HashMap::new();
        for (i, (point, &row)) in self.points.iter().zip(&self.places).enumerate() {
            let tokens = point.d.unwrap_or(f64::NEG_INFINITY);
            let best = last.entry(text(table, run, row)).or_insert((tokens, i));
            if tokens >= best.0 {
                *best = (tokens, i);
            }
        }
        let kept: BTreeSet<usize> = last.values().map(|(_, i)| *i).collect();
        seen.remarks.push(format!(
            "the last checkpoint of each `{}`: {} of {} rows",
            shown(&table.names()[run]),
            kept.len(),
            self.points.len()
        ));
        let keep: Vec<bool> = (0..self.points.len()).map(|i| kept.contains(&i)).collect();
        self.retain(&keep);
    }

    /// Rows of one N and one D: repeats, or trials of other settings.
    fn places_shared(
        &mut self,
        table: &Table,
        loss: &Chosen,
        best_of: bool,
        grouped: bool,
        seen: &mut Seen,
    ) {
        let mut groups: BTreeMap<[u64; 4], Vec<usize>> = BTreeMap::new();
        for (i, point) in self.points.iter().enumerate() {
            if point.n.is_some() && point.d.is_some() {
                groups.entry(model(point)).or_default().push(i);
            }
        }
        let rows = self.points.len();
        if groups.is_empty() || groups.len() == rows {
            return;
        }
        if best_of {
            let loss_of = |i: &&usize| self.points[**i].loss;
            let best = groups
                .values()
                .filter_map(|rows| rows.iter().min_by(|a, b| loss_of(a).total_cmp(&loss_of(b))));
            let best: BTreeSet<usize> = best.copied().collect();
            let (pairs, lone) = (best.len(), groups.values().filter(|g| g.len() == 1).count());
            seen.remarks.push(format!(
                "the row of lowest loss of each (N, D): {pairs} of {rows} rows, {lone} of them alone there"
            ));
            let keep: Vec<bool> = (0..rows).map(|i| best.contains(&i)).collect();
            self.retain(&keep);
            return;
        }
        let varying: Vec<&str> = (0..table.names().len())
            .filter(|at| *at != loss.at && self.varies_within(table, *at, &groups))
            .map(|at| table.names()[at].as_str())
            .filter(|name| !numbers_rows(name) && !key(name).contains("loss"))
            .collect();
        let repeats = |name: &&&str| key(name).contains("seed");
        let settings = varying.iter().filter(|name| !repeats(name)).count();
        let pairs = groups.len();
        let what = match varying.is_empty() {
            true => "no other column varies within one".to_owned(),
            false => {
                let quoted: Vec<String> = varying.iter().map(|name| format!("`{name}`")).collect();
                format!("within one vary {}", listed(&quoted))
            }
        };
        let done = match (grouped, settings) {
            (true, _) => String::new(),
            (false, 0) => {
                "; each row counts as a unit of its own (--best-of fits the best of each)"
                    .to_owned()
            }
            (false, _) => {
                for point in &mut self.points {
                    point.unit = format!("{:x?}", model(point));
                }
                seen.unit = "rows of one (N, D) are one unit".to_owned();
                "; they are all fitted, those of one (N, D) as one unit: --best-of fits the best of each, --where chooses a setting".to_owned()
            }
        };
        seen.remarks.push(format!("{rows} rows share {pairs} (N, D): {what}{done}"));
    }

    fn varies_within(
        &self,
        table: &Table,
        at: usize,
        groups: &BTreeMap<[u64; 4], Vec<usize>>,
    ) -> bool {
        groups.values().any(|rows| {
            let first = text(table, at, self.places[rows[0]]);
            rows.iter().any(|i| text(table, at, self.places[*i]) != first)
        })
    }
}

/// N and D; of a mixture also its experts and their granularity, since another mixture is another model.
fn model(point: &Point) -> [u64; 4] {
    let all = [point.n, point.d, point.experts, point.granularity];
    all.map(|number| number.map_or(0, f64::to_bits))
}

/// Whether a column does nothing but number the rows.
fn numbers_rows(name: &str) -> bool {
    ["", "unnamed0", "index", "id", "row", "idx"].contains(&key(name).as_str())
}

/// A cell as a filter compares it.
pub(super) fn shown_cell(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

fn text(table: &Table, at: usize, row: usize) -> String {
    let cells = table.cells(&table.names()[at]).unwrap_or_default();
    cells.get(row).map_or(String::new(), shown_cell)
}
