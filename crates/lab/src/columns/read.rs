//! The rows of a table as points.

use super::Columns;
use super::cells::{Numbers, Problems, name_blanks, numbers};
use super::check::{no_compute, out_of_proportion, too_small};
use super::choose::{Roles, words};
use super::mixtures::Mixtures;
use super::repeats::{Rows, Wishes};
use super::roles::Chosen;
use super::signs::{behind_a_comma, thousands};
use super::sweep::{is_of_a_sweep, trunks};
use crate::LabError;
use isoflop_core::text::{listed, shown};
use isoflop_fit::output::RowSource;
use isoflop_fit::{Options, Point, TRUNKS};
use isoflop_results::Table;
use std::collections::BTreeSet;
use std::path::Path;

/// What to do about counts that cannot be.
const UNIT: &str = "give the unit as in --n-unit M --d-unit B, write it into the header as in `params_m`, or say --n-unit 1 --d-unit 1 if these are counts";

/// All rows of a sweep that count, in words.
pub(crate) const FINISHED: &str = "all finished runs";

/// Numbers by row.
pub(super) type Column = Vec<Option<f64>>;

/// What the rows are fitted by.
struct Coordinates {
    loss: Column,
    n: Option<Column>,
    d: Option<Column>,
    c: Option<Column>,
    /// The column of C that was taken.
    compute: Option<Chosen>,
    /// Whether D is C / (6 N).
    derived: bool,
    weights: Option<Column>,
    batch: Option<Column>,
    mixtures: Mixtures,
}

/// A table while it is being read.
pub(super) struct Reading<'t> {
    pub(super) columns: &'t Columns,
    pub(super) table: &'t Table,
    pub(super) roles: Roles,
    /// Rows that count.
    pub(super) keep: Vec<usize>,
    /// Whether the rows are runs of a sweep, whose columns are known.
    pub(super) of_a_sweep: bool,
    pub(super) problems: Problems,
    pub(super) remarks: Vec<String>,
}

impl Columns {
    /// Rows of a table, and where they are from; the options learn what N, C, the rows and their units are.
    ///
    /// # Errors
    /// One that lists all that stands in the way: columns that are missing or may be several, cells that are
    /// blank or no numbers, units that cannot be.
    pub fn points(
        &self,
        path: &Path,
        table: &Table,
        options: &mut Options,
        of_a_sweep: bool,
    ) -> Result<(Vec<Point>, RowSource), LabError> {
        let of_a_sweep = of_a_sweep || is_of_a_sweep(table);
        let mut problems = Problems::default();
        let mut reading = Reading {
            columns: self,
            table,
            roles: self.roles(table, &mut problems),
            keep: self.rows(table, path, of_a_sweep)?,
            of_a_sweep,
            problems,
            remarks: table.notes().to_vec(),
        };
        let coordinates = reading.coordinates();
        reading.problems.none(path)?;
        let mut rows = reading.rows(&coordinates);
        options.unit = reading.grouped(&mut rows);
        reading.problems.none(path)?;
        let name = |column: &Option<Chosen>| column.as_ref().map(|column| column.name.clone());
        options.n_kind = name(&reading.roles.n).unwrap_or_default();
        options.n_total_kind = name(&reading.roles.n_total).unwrap_or_default();
        options.c_kind = name(&coordinates.compute).unwrap_or_default();
        let conditions = self.conditions().join(" and ");
        options.rows = match (of_a_sweep, conditions.is_empty()) {
            (true, true) => FINISHED.to_owned(),
            (true, false) => format!("finished runs with {conditions}"),
            (false, true) => Options::default().rows,
            (false, false) => format!("rows with {conditions}"),
        };
        let source = reading.source(path, rows.points.len(), &coordinates);
        Ok((rows.points, source))
    }
}

impl Reading<'_> {
    /// Reads the columns that a fit needs; what is wrong with them is a problem.
    fn coordinates(&mut self) -> Coordinates {
        let roles = &self.roles;
        let columns = [&roles.n, &roles.d, &roles.loss];
        self.remarks.extend(behind_a_comma(self.table, &columns));
        self.without_blanks();
        let (n_unit, d_unit) = (self.columns.n_unit, self.columns.d_unit);
        let mut found = Coordinates {
            loss: self.needed(|roles| &roles.loss, None).unwrap_or_default(),
            n: self.needed(|roles| &roles.n, n_unit),
            d: self.needed(|roles| &roles.d, d_unit),
            c: None,
            compute: None,
            derived: false,
            weights: self.needed(|roles| &roles.weights, None),
            batch: self.needed(|roles| &roles.batch, None),
            mixtures: self.mixtures(),
        };
        self.check_loss(&mut found.loss);
        if !self.of_a_sweep {
            self.check_counts(&found);
        }
        (found.c, found.compute) = self.compute(&found.n, &found.d);
        if let (Some(n), None, Some(c)) = (&found.n, &found.d, &found.c) {
            let tokens = n.iter().zip(c).map(|(n, c)| Some((*c)? / (6.0 * (*n)?)));
            found.d = Some(tokens.collect());
            found.derived = true;
        }
        if let (Some(n), Some(d), None, None) = (&found.n, &found.d, n_unit, d_unit)
            && !self.of_a_sweep
            && self.problems.is_empty()
        {
            let far = out_of_proportion(n, d);
            far.into_iter().for_each(|what| self.problems.add(what, UNIT));
        }
        found
    }

    /// The numbers of a column, if it was chosen; a cell that is none is a problem.
    fn needed(
        &mut self,
        role: impl Fn(&Roles) -> &Option<Chosen>,
        scale: Option<f64>,
    ) -> Option<Column> {
        let column = role(&self.roles).as_ref()?;
        let problems = Some(&mut self.problems);
        Some(numbers(self.table, column, scale, &self.keep, problems).values)
    }

    fn check_loss(&mut self, losses: &mut Column) {
        let Some(loss) = &self.roles.loss else {
            return;
        };
        if loss.is_perplexity() {
            let all = losses.iter_mut().flatten();
            all.for_each(|loss| *loss = loss.ln());
        }
        if let Some(what) = thousands(self.table, loss, losses) {
            let hint = "say with --decimal point what stands before a fraction";
            self.problems.add(what, hint);
        }
    }

    fn check_counts(&mut self, found: &Coordinates) {
        let flags = (self.columns.n_unit, self.columns.d_unit);
        for (what, column, values, flag) in [
            ("parameters", &self.roles.n, &found.n, flags.0),
            ("tokens", &self.roles.d, &found.d, flags.1),
        ] {
            if let (Some(column), Some(values), None) = (column, values, flag) {
                let small = too_small(what, &shown(&column.name), values);
                small.into_iter().for_each(|what| self.problems.add(what, UNIT));
            }
        }
    }

    /// Leaves out rows that are blank where a number is needed, or names them.
    fn without_blanks(&mut self) {
        let roles = &self.roles;
        let needed = [&roles.n, &roles.d, &roles.loss, &roles.weights, &roles.batch];
        let skip = self.columns.skip_blank;
        let mut blank: BTreeSet<usize> = BTreeSet::new();
        for column in needed.into_iter().flatten() {
            let Numbers { blank: found, .. } = numbers(self.table, column, None, &self.keep, None);
            if !skip {
                name_blanks(self.table, &column.name, &found, &mut self.problems);
            }
            blank.extend(found);
        }
        if skip && !blank.is_empty() {
            self.keep.retain(|row| !blank.contains(row));
            let lines = blank.iter().map(|row| self.table.line(*row).to_string());
            let lines: Vec<String> = lines.collect();
            self.remarks.push(format!(
                "{} rows with blank cells left out (lines {})",
                lines.len(),
                listed(&lines)
            ));
        }
    }

    /// The first column of compute that can be that of these N and D.
    fn compute(
        &mut self,
        n: &Option<Column>,
        d: &Option<Column>,
    ) -> (Option<Column>, Option<Chosen>) {
        for column in &self.roles.compute {
            let is_needed = column.given || d.is_none();
            let problems = is_needed.then_some(&mut self.problems);
            let found = numbers(self.table, column, self.columns.c_unit, &self.keep, problems);
            if is_needed {
                name_blanks(self.table, &column.name, &found.blank, &mut self.problems);
            }
            let wrong = match (n, d) {
                (Some(n), Some(d)) if column.name != "c_exact" => no_compute(&found.values, n, d),
                _ => None,
            };
            let name = shown(&column.name);
            match wrong {
                None if found.values.iter().all(Option::is_none) => {}
                None => return (Some(found.values), Some(column.clone())),
                Some(why) if column.given => self.problems.add(
                    format!("column `{name}` cannot be C: {why}"),
                    "name the column of training FLOPs with --c, give its unit with --c-unit, or leave --c out: C is 6 N D then",
                ),
                Some(why) => {
                    let passed = format!("`{name}` is passed over as C: {why}");
                    self.remarks.push(passed);
                }
            }
        }
        (None, None)
    }

    /// The numbers of a column that is there by chance: none where it has gaps.
    fn without_gaps(&self, column: &Option<Chosen>) -> Option<Column> {
        let column = column.as_ref()?;
        let found = numbers(self.table, column, None, &self.keep, None).values;
        found.iter().all(Option::is_some).then_some(found)
    }

    fn budgets(&mut self) -> Option<Column> {
        let column = self.roles.budget.as_ref()?;
        let found = match column.given {
            true => numbers(self.table, column, self.columns.c_unit, &self.keep, None).values,
            false => self.without_gaps(&self.roles.budget)?,
        };
        if !self.of_a_sweep {
            let name = shown(&column.name);
            let remark = format!("`{name}` holds the budgets of an isoFLOP analysis");
            self.remarks.push(remark);
        }
        Some(found)
    }

    /// The rows as points.
    fn rows(&mut self, found: &Coordinates) -> Rows {
        let budget = self.budgets();
        let width = self.without_gaps(&self.roles.width);
        let epochs = self.epochs(&found.d);
        let at = |column: &Option<Column>, i: usize| column.as_ref().and_then(|values| values[i]);
        let point = |(i, &row): (usize, &usize)| {
            let loss = found.loss[i].unwrap_or(f64::NAN);
            let mut point = Point::new(format!("line {}", self.table.line(row)), loss);
            (point.n, point.d, point.c) = (at(&found.n, i), at(&found.d, i), at(&found.c, i));
            (point.flops_budget, point.epochs) = (at(&budget, i), at(&epochs, i));
            let of = &found.mixtures;
            (point.batch, point.n_total) = (at(&found.batch, i), at(&of.n_total, i));
            (point.experts, point.granularity) = (at(&of.experts, i), at(&of.granularity, i));
            (point.width, point.weight) = (at(&width, i), at(&found.weights, i).unwrap_or(1.0));
            point
        };
        Rows {
            points: self.keep.iter().enumerate().map(point).collect(),
            places: self.keep.clone(),
        }
    }

    fn epochs(&self, d: &Option<Column>) -> Option<Column> {
        let read = |name: &str| {
            let has = self.table.has(name);
            has.then(|| self.table.numbers_of(name, &self.keep).ok())?
        };
        match (read("epochs"), read("unique_tokens"), d) {
            (Some(epochs), ..) => Some(epochs.into_iter().map(Some).collect()),
            (_, Some(unique), Some(d)) => {
                let rows = d.iter().zip(unique);
                Some(rows.map(|(d, unique)| Some((*d)? / unique)).collect())
            }
            _ => None,
        }
    }

    /// Groups the rows, or leaves some out; what a unit is, in words.
    fn grouped(&mut self, rows: &mut Rows) -> String {
        let (unit, Some(loss)) = (self.roles.unit.as_ref(), &self.roles.loss) else {
            return String::new();
        };
        let wishes = Wishes { unit, best_of: self.columns.best_of, last: self.columns.last };
        let as_they_are = unit.is_none() && !wishes.best_of && !wishes.last;
        if self.of_a_sweep && as_they_are && trunks(self.table, rows) {
            return TRUNKS.to_owned();
        }
        match rows.settled(self.table, loss, &wishes) {
            Ok(mut seen) => {
                self.remarks.append(&mut seen.remarks);
                seen.unit
            }
            Err(problem) => {
                let hint = "name the column of runs with --unit COL";
                self.problems.add(problem, hint);
                String::new()
            }
        }
    }

    /// Where the rows are from.
    fn source(self, path: &Path, used: usize, found: &Coordinates) -> RowSource {
        let Reading { columns, roles, .. } = self;
        let mut filter = columns.conditions();
        if self.of_a_sweep {
            filter.insert(0, "status = finished".to_owned());
        }
        RowSource {
            file: path.display().to_string(),
            sha256: None,
            rows: self.table.len(),
            used,
            filter,
            n: words(&roles.n, columns.n_unit),
            d: match found.derived {
                true => "C / (6 N)".to_owned(),
                false => words(&roles.d, columns.d_unit),
            },
            c: match (&found.compute, found.n.is_some() && found.d.is_some()) {
                (Some(_), _) => words(&found.compute, columns.c_unit),
                (None, true) => "6 N D".to_owned(),
                (None, false) => "none".to_owned(),
            },
            loss: words(&roles.loss, None),
            remarks: self.remarks,
        }
    }
}
