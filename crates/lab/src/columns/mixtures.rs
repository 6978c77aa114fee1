//! What a table says of mixtures of experts: how many there are for each one that a token uses, how fine they are,
//! and how many parameters there are in all.

use super::cells::{Numbers, name_blanks, numbers};
use super::read::{Column, Reading};
use super::roles::Chosen;
use isoflop_core::text::{listed, shown};

/// Numbers of the rows that laws of mixtures take; a column that the table does not have is none.
pub(super) struct Mixtures {
    /// Experts for each one that a token uses, 1 for a dense model.
    pub(super) experts: Option<Column>,
    /// Widths of an expert in that of a dense model's half, 1 for a dense model.
    pub(super) granularity: Option<Column>,
    /// All parameters.
    pub(super) n_total: Option<Column>,
}

/// What to do about a token that uses more experts than there are.
const ACTIVE: &str = "name the columns of experts present and of experts that a token uses with --experts and --active-experts";

impl Reading<'_> {
    /// Reads the columns of experts. A blank cell is a dense model.
    pub(super) fn mixtures(&mut self) -> Mixtures {
        let dense = || self.of_a_sweep.then(|| vec![Some(1.0); self.keep.len()]);
        let (one, other) = (dense(), dense());
        Mixtures {
            experts: self.experts().or(one),
            granularity: self.or_dense(self.roles.granularity.clone()).or(other),
            n_total: self.n_total(),
        }
    }

    fn experts(&mut self) -> Option<Column> {
        let experts = self.or_dense(self.roles.experts.clone())?;
        let Some(active) = self.roles.active_experts.clone() else {
            if !self.of_a_sweep {
                self.remarks.push(format!(
                    "no column of the experts that a token uses: `{}` is taken as experts for each one that it uses",
                    self.name_of(&self.roles.experts)
                ));
            }
            return Some(experts);
        };
        let active = self.or_dense(Some(active))?;
        for ((experts, active), row) in experts.iter().zip(&active).zip(&self.keep) {
            if let (Some(experts), Some(active)) = (experts, active)
                && active > experts
            {
                let problem = format!("{active} active experts of {experts}");
                self.problems.cell(self.table.line(*row), problem, ACTIVE);
            }
        }
        let ratio = experts.into_iter().zip(active);
        Some(ratio.map(|(experts, active)| Some(experts? / active?)).collect())
    }

    /// The numbers of a column in which a blank stands for a dense model, which counts as one.
    fn or_dense(&mut self, column: Option<Chosen>) -> Option<Column> {
        let column = column?;
        let problems = Some(&mut self.problems);
        // The k of `top_k` is no thousand.
        let found = numbers(self.table, &column, Some(1.0), &self.keep, problems);
        let Numbers { mut values, blank } = found;
        let rows = values.iter_mut().zip(&self.keep);
        rows.filter(|(_, row)| blank.contains(row)).for_each(|(value, _)| *value = Some(1.0));
        if !blank.is_empty() && !self.of_a_sweep {
            let lines: Vec<String> =
                blank.iter().map(|row| self.table.line(*row).to_string()).collect();
            self.remarks.push(format!(
                "`{}` is blank in {} rows, which count as dense (lines {})",
                shown(&column.name),
                blank.len(),
                listed(&lines)
            ));
        }
        Some(values)
    }

    /// All parameters; a column that nobody named and that has gaps is none.
    fn n_total(&mut self) -> Option<Column> {
        let column = self.roles.n_total.clone()?;
        let scale = self.columns.n_unit;
        let problems = column.given.then_some(&mut self.problems);
        let found = numbers(self.table, &column, scale, &self.keep, problems);
        if column.given {
            name_blanks(self.table, &column.name, &found.blank, &mut self.problems);
            return Some(found.values);
        }
        found.values.iter().all(Option::is_some).then_some(found.values)
    }

    fn name_of(&self, column: &Option<Chosen>) -> String {
        column.as_ref().map_or(String::new(), |column| shown(&column.name).to_string())
    }
}
