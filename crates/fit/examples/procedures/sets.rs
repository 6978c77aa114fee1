//! Tables of runs that procedures are judged on: the rows of every series of committed results, as their
//! `fits.json` has them, and tables of published runs.

use isoflop_fit::Point;
use isoflop_fit::output::Fits;
use std::path::{Path, PathBuf};

/// Runs of one text, one family and one recipe.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// Budgets within this factor are one.
const ONE_BUDGET: f64 = 1.2;
/// Budgets from which on neighbours are joined, and the groups that are aimed at.
const MANY: usize = 15;
const GROUPS: usize = 12;

impl Set {
    /// Rows by budget, ascending; neighbours are joined where budgets are many, as those of runs that follow no plan.
    pub(crate) fn budgets(&self) -> Vec<Vec<Point>> {
        let single = self.single();
        if single.len() < MANY {
            return single;
        }
        let least = self.points.len().div_ceil(GROUPS);
        let mut joined: Vec<Vec<Point>> = Vec::new();
        for budget in single {
            match joined.last_mut() {
                Some(last) if last.len() < least => last.extend(budget),
                _ => joined.push(budget),
            }
        }
        joined
    }

    fn single(&self) -> Vec<Vec<Point>> {
        let compute = |point: &Point| point.flops_budget.or(point.c).expect("rows have compute");
        let mut rows = self.points.clone();
        rows.sort_by(|a, b| compute(a).total_cmp(&compute(b)));
        let mut budgets: Vec<Vec<Point>> = Vec::new();
        for row in rows {
            match budgets.last_mut() {
                Some(last) if compute(&row) <= ONE_BUDGET * compute(&last[0]) => last.push(row),
                _ => budgets.push(vec![row]),
            }
        }
        budgets
    }
}

/// All sets below these folders.
pub(crate) fn all(results: &Path, published: &Path) -> Vec<Set> {
    let mut sets = Vec::new();
    for path in files(results, "fits.json") {
        sets.extend(of_fits(&path));
    }
    for path in files(published, "csv") {
        sets.extend(of_table(&path));
    }
    sets
}

/// Files of a folder and of its folders whose name ends in this way, by name.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        match path.is_dir() {
            true => found.extend(files(&path, end)),
            false if path.display().to_string().ends_with(end) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// The rows that Chinchilla's law was fitted to, series by series.
fn of_fits(path: &Path) -> Vec<Set> {
    let bytes = std::fs::read(path).expect("the file was listed");
    let fits = Fits::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let surfaces = fits.fits.iter().filter(|fit| fit.law == "chinchilla");
    surfaces
        .map(|fit| Set {
            name: format!("{folder} {}", fit.series.rsplit('=').next().unwrap_or("")).trim().into(),
            points: fit
                .data
                .iter()
                .map(|row| Point {
                    n: row.n,
                    d: row.d,
                    c: row.c,
                    unit: unit(&row.label),
                    ..Point::new(row.label.clone(), row.loss)
                })
                .collect(),
        })
        .collect()
}

/// Size and seed of `n332k-d63.5k-s0-19ae0a88`: such runs share a trunk.
fn unit(label: &str) -> String {
    let mut parts = label.split('-');
    format!("{} {}", parts.next().unwrap_or(label), parts.nth(1).unwrap_or(""))
}

/// Rows of a table, one set for each value of `train_set`.
fn of_table(path: &Path) -> Vec<Set> {
    let mut reader = csv::Reader::from_path(path).expect("the file was listed");
    let columns: Vec<String> =
        reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut sets: Vec<Set> = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = |name: &str| Some(&record[columns.iter().position(|c| c == name)?]);
        let cell = |name: &str| text(name)?.parse::<f64>().ok();
        let n = cell("params").expect("a size");
        let budget = cell("flops_budget");
        let c = budget.or(cell("flops"));
        let d = cell("tokens").or(c.map(|c| c / (6.0 * n))).expect("tokens or compute");
        let loss = cell("loss").or(cell("loss_c4_val")).expect("a loss");
        let of = match text("train_set") {
            Some(set) => format!("{name} {set}"),
            None => name.clone(),
        };
        let point = Point {
            n: Some(n),
            d: Some(d),
            c: Some(c.unwrap_or(6.0 * n * d)),
            flops_budget: budget,
            ..Point::new((row + 1).to_string(), loss)
        };
        match sets.iter_mut().find(|set| set.name == of) {
            Some(set) => set.points.push(point),
            None => sets.push(Set { name: of, points: vec![point] }),
        }
    }
    sets
}
