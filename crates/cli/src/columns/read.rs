//! The rows of a table as points.

use super::Columns;
use super::cells::{Numbers, Problems, name_blanks, numbers};
use super::check::{no_compute, out_of_proportion, too_small};
use super::repeats::{Rows, Wishes};
use super::roles::{self, Chosen, all, first, first_of_any, given};
use super::signs::{behind_a_comma, thousands};
use super::sweep::{is_of_a_sweep, trunks};
use anyhow::Result;
use isoflop_core::text::{listed, shown};
use isoflop_fit::output::Source;
use isoflop_fit::{Options, Point, TRUNKS};
use isoflop_results::Table;
use std::collections::BTreeSet;
use std::path::Path;

/// What to do about a column that was not found.
const NAME: &str = "name the columns of your table with --n, --d, --c and --loss";
/// What to do about counts that cannot be.
const UNIT: &str = "give the unit as in --n-unit M --d-unit B, write it into the header as in `params_m`, or say --n-unit 1 --d-unit 1 if these are counts";

/// The columns of a table that a fit may use.
struct Roles {
    n: Option<Chosen>,
    d: Option<Chosen>,
    loss: Option<Chosen>,
    compute: Vec<Chosen>,
    budget: Option<Chosen>,
    batch: Option<Chosen>,
    experts: Option<Chosen>,
    width: Option<Chosen>,
    weights: Option<Chosen>,
    unit: Option<Chosen>,
}

/// Numbers by row.
type Column = Vec<Option<f64>>;

impl Columns {
    /// Rows of a table, and where they are from; the options learn what N, C, the rows and their units are.
    ///
    /// # Errors
    /// One that lists all that stands in the way: columns that are missing or may be several, cells that are
    /// blank or no numbers, units that cannot be.
    pub(crate) fn points(
        &self,
        path: &Path,
        table: &Table,
        options: &mut Options,
        finished_only: bool,
    ) -> Result<(Vec<Point>, Source)> {
        let finished_only = finished_only || is_of_a_sweep(table);
        let mut problems = Problems::default();
        let mut keep = self.rows(table, path, finished_only)?;
        let roles = self.roles(table, &mut problems);
        let (Some(loss), Ok(())) = (&roles.loss, problems.none(path)) else {
            problems.none(path)?;
            unreachable!("a missing loss is a problem");
        };
        let mut remarks = table.notes().to_vec();
        remarks.extend(behind_a_comma(table, &[&roles.n, &roles.d, &roles.loss]));
        remarks.extend(self.without_blanks(table, &roles, &mut keep, &mut problems));
        let mut needed = |column: &Option<Chosen>, scale| -> Option<Column> {
            let column = column.as_ref()?;
            Some(numbers(table, column, scale, &keep, Some(&mut problems)).values)
        };
        let mut losses = needed(&roles.loss, None).unwrap_or_default();
        if loss.is_perplexity() {
            losses
                .iter_mut()
                .flatten()
                .for_each(|loss| *loss = loss.ln());
        }
        let n = needed(&roles.n, self.n_unit);
        let mut d = needed(&roles.d, self.d_unit);
        let weights = needed(&roles.weights, None);
        let (batch, experts) = (needed(&roles.batch, None), needed(&roles.experts, None));
        problems.none(path)?;
        if let Some(what) = thousands(table, loss, &losses) {
            problems.add(
                what,
                "say with --decimal point what stands before a fraction",
            );
        }
        if let (Some(column), Some(n), None) = (&roles.n, &n, self.n_unit) {
            let small = too_small("parameters", &column.name, n).filter(|_| !finished_only);
            small.into_iter().for_each(|what| problems.add(what, UNIT));
        }
        if let (Some(column), Some(d), None) = (&roles.d, &d, self.d_unit) {
            let small = too_small("tokens", &column.name, d).filter(|_| !finished_only);
            small.into_iter().for_each(|what| problems.add(what, UNIT));
        }
        problems.none(path)?;
        let (c, c_column) =
            self.compute(table, &roles, &keep, (&n, &d), &mut problems, &mut remarks);
        let derived = d.is_none() && n.is_some() && c.is_some();
        if let (true, Some(n), Some(c)) = (derived, &n, &c) {
            let tokens = n.iter().zip(c).map(|(n, c)| Some((*c)? / (6.0 * (*n)?)));
            d = Some(tokens.collect());
        }
        if let (Some(n), Some(d), false) = (&n, &d, finished_only) {
            let far = out_of_proportion(n, d);
            let far = far.filter(|_| self.n_unit.is_none() && self.d_unit.is_none());
            far.into_iter().for_each(|what| problems.add(what, UNIT));
        }
        problems.none(path)?;
        let lenient = |column: &Option<Chosen>| {
            let column = column.as_ref()?;
            let found = numbers(table, column, None, &keep, None).values;
            found.iter().all(Option::is_some).then_some(found)
        };
        let budget = match roles.budget.as_ref().is_some_and(|budget| budget.given) {
            true => roles
                .budget
                .as_ref()
                .map(|column| numbers(table, column, self.c_unit, &keep, None).values),
            false => lenient(&roles.budget),
        };
        if let (Some(column), true) = (&roles.budget, budget.is_some()) {
            let name = shown(&column.name);
            remarks.push(format!("`{name}` holds the budgets of an isoFLOP analysis"));
        }
        let width = lenient(&roles.width);
        let epochs = epochs(table, &keep, &d);
        let at = |column: &Option<Column>, i: usize| column.as_ref().and_then(|values| values[i]);
        let points = keep.iter().enumerate().map(|(i, &row)| {
            let mut point = Point::new(
                format!("line {}", table.line(row)),
                losses[i].unwrap_or(f64::NAN),
            );
            (point.n, point.d, point.c) = (at(&n, i), at(&d, i), at(&c, i));
            (point.flops_budget, point.epochs) = (at(&budget, i), at(&epochs, i));
            (point.batch, point.experts) = (at(&batch, i), at(&experts, i));
            (point.width, point.weight) = (at(&width, i), at(&weights, i).unwrap_or(1.0));
            point
        });
        let mut rows = Rows {
            points: points.collect(),
            places: keep,
        };
        let wishes = Wishes {
            unit: roles.unit.as_ref(),
            best_of: self.best_of,
            last: self.last,
        };
        options.unit = match finished_only && wishes.unit.is_none() && trunks(table, &mut rows) {
            true => TRUNKS.to_owned(),
            false => {
                let settled = rows.settled(table, loss, &wishes);
                match settled {
                    Ok(mut seen) => {
                        remarks.append(&mut seen.remarks);
                        seen.unit
                    }
                    Err(problem) => {
                        problems.add(problem, "name the column of runs with --unit COL");
                        String::new()
                    }
                }
            }
        };
        problems.none(path)?;
        let name = |column: &Option<Chosen>| column.as_ref().map(|column| column.name.clone());
        options.n_kind = name(&roles.n).unwrap_or_default();
        options.c_kind = name(&c_column).unwrap_or_default();
        let mut filter = self.conditions();
        if finished_only {
            filter.insert(0, "status = finished".to_owned());
        }
        if !filter.is_empty() {
            options.rows = format!("rows with {}", filter.join(" and "));
        }
        let source = Source {
            file: path.display().to_string(),
            sha256: None,
            rows: table.len(),
            used: rows.points.len(),
            filter,
            n: words(&roles.n, self.n_unit),
            d: match derived {
                true => "C / (6 N)".to_owned(),
                false => words(&roles.d, self.d_unit),
            },
            c: match (&c_column, n.is_some() && d.is_some()) {
                (Some(_), _) => words(&c_column, self.c_unit),
                (None, true) => "6 N D".to_owned(),
                (None, false) => "none".to_owned(),
            },
            loss: words(&roles.loss, None),
            remarks,
        };
        Ok((rows.points, source))
    }

    fn roles(&self, table: &Table, problems: &mut Problems) -> Roles {
        let mut pick = |name: &Option<String>, names: &[&str], may_count_in: bool| {
            let found = match name {
                Some(name) => given(table, name).map(Some),
                None => first(table, names, may_count_in),
            };
            found.unwrap_or_else(|problem| {
                problems.add(problem, NAME);
                None
            })
        };
        let batch = pick(&self.batch, &["batch_tokens"], false);
        let roles = Roles {
            n: pick(&self.n, roles::N, true),
            d: pick(&self.d, roles::D, true),
            // A loss without any number is told by its cells.
            loss: pick(&self.loss, roles::LOSS, false).or_else(|| first_of_any(table, roles::LOSS)),
            compute: match &self.c {
                Some(_) => pick(&self.c, &[], true).into_iter().collect(),
                None => {
                    let found = all(table, roles::C, true).filter_map(Result::ok);
                    let mut found: Vec<Chosen> = found.collect();
                    let mut seen = BTreeSet::new();
                    found.retain(|column| seen.insert(column.at));
                    found
                }
            },
            budget: pick(&self.budget, roles::BUDGET, true),
            batch,
            experts: pick(&self.experts, roles::EXPERTS, false),
            width: pick(&None, roles::WIDTH, false),
            weights: pick(&self.weights, &[], false),
            unit: pick(&self.unit, &[], false),
        };
        if roles.loss.is_none() && self.loss.is_none() {
            let names = listed(table.names());
            let numbers = table.names().iter().all(|name| name.parse::<f64>().is_ok());
            if numbers {
                problems.add(
                    "its first line holds numbers where names should be".to_owned(),
                    "write the names of the columns above them, as in params,tokens,loss",
                );
                return roles;
            }
            problems.add(
                format!("no column `{}`; it has {names}", roles::LOSS[0]),
                NAME,
            );
        }
        roles
    }

    /// Leaves out rows that are blank where a number is needed, or names them.
    fn without_blanks(
        &self,
        table: &Table,
        roles: &Roles,
        keep: &mut Vec<usize>,
        problems: &mut Problems,
    ) -> Option<String> {
        let needed = [
            &roles.n,
            &roles.d,
            &roles.loss,
            &roles.weights,
            &roles.batch,
            &roles.experts,
        ];
        let mut blank: BTreeSet<usize> = BTreeSet::new();
        for column in needed.into_iter().flatten() {
            let Numbers { blank: found, .. } = numbers(table, column, None, keep, None);
            if !self.skip_blank {
                name_blanks(table, &column.name, &found, problems);
            }
            blank.extend(found);
        }
        if !self.skip_blank || blank.is_empty() {
            return None;
        }
        keep.retain(|row| !blank.contains(row));
        let lines: Vec<String> = blank
            .iter()
            .map(|row| table.line(*row).to_string())
            .collect();
        Some(format!(
            "{} rows with blank cells left out (lines {})",
            lines.len(),
            listed(&lines)
        ))
    }

    /// The first column of compute that can be that of these N and D.
    fn compute(
        &self,
        table: &Table,
        roles: &Roles,
        keep: &[usize],
        (n, d): (&Option<Column>, &Option<Column>),
        problems: &mut Problems,
        remarks: &mut Vec<String>,
    ) -> (Option<Column>, Option<Chosen>) {
        for column in &roles.compute {
            let needed = (column.given || d.is_none()).then_some(&mut *problems);
            let found = numbers(table, column, self.c_unit, keep, needed);
            if needed_but_blank(column, d, &found) {
                name_blanks(table, &column.name, &found.blank, problems);
            }
            let wrong = match (n, d) {
                (Some(n), Some(d)) if column.name != "c_exact" => no_compute(&found.values, n, d),
                _ => None,
            };
            let name = shown(&column.name);
            match wrong {
                None if found.values.iter().all(Option::is_none) => {}
                None => return (Some(found.values), Some(column.clone())),
                Some(why) if column.given => problems.add(
                    format!("column `{name}` cannot be C: {why}"),
                    "name the column of training FLOPs with --c, give its unit with --c-unit, or leave --c out: C is 6 N D then",
                ),
                Some(why) => remarks.push(format!("`{name}` is passed over as C: {why}")),
            }
        }
        (None, None)
    }
}

fn needed_but_blank(column: &Chosen, d: &Option<Column>, found: &Numbers) -> bool {
    (column.given || d.is_none()) && !found.blank.is_empty()
}

fn epochs(table: &Table, keep: &[usize], d: &Option<Column>) -> Option<Column> {
    let read = |name: &str| table.has(name).then(|| table.numbers_of(name, keep).ok())?;
    match (read("epochs"), read("unique_tokens"), d) {
        (Some(epochs), ..) => Some(epochs.into_iter().map(Some).collect()),
        (_, Some(unique), Some(d)) => Some(
            d.iter()
                .zip(unique)
                .map(|(d, unique)| Some((*d)? / unique))
                .collect(),
        ),
        _ => None,
    }
}

/// A column and what it counts in.
fn words(column: &Option<Chosen>, scale: Option<f64>) -> String {
    let Some(column) = column else {
        return "none".to_owned();
    };
    let scale = scale.or(column.unit.as_ref().map(|unit| unit.scale));
    match scale.filter(|scale| *scale != 1.0) {
        Some(scale) => format!("`{}` times {scale:e}", shown(&column.name)),
        None if column.is_perplexity() => format!("ln `{}`", shown(&column.name)),
        None => format!("`{}`", shown(&column.name)),
    }
}
