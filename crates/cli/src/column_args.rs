//! Arguments that name the columns of a table and select its rows.

use isoflop_lab::columns::{Columns, parse_unit};
use isoflop_results::table::Decimal;

/// The columns of a table as a person names them on the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ColumnArgs {
    /// Column of N, the number of parameters.
    #[arg(long, value_name = "COL")]
    n: Option<String>,
    /// Column of D, the training tokens; without one, D = C / (6 N).
    #[arg(long, value_name = "COL")]
    d: Option<String>,
    /// Column of C, the training FLOPs.
    #[arg(long, value_name = "COL")]
    c: Option<String>,
    /// Column of the loss.
    #[arg(long, value_name = "COL")]
    loss: Option<String>,
    /// Column of the compute budget, by which an isoFLOP analysis groups rows.
    #[arg(long, value_name = "COL")]
    budget: Option<String>,
    /// Column of the batch size in tokens, for laws of steps.
    #[arg(long, value_name = "COL")]
    batch: Option<String>,
    /// Column of all parameters, those of experts that a token does not use included, for the laws `granularity` and `sparsity`.
    #[arg(long, value_name = "COL")]
    n_total: Option<String>,
    /// Column of the number of experts, for laws of mixtures of experts; blank where a model is dense.
    #[arg(long, value_name = "COL")]
    experts: Option<String>,
    /// Column of the number of experts that a token uses; one where there is no such column.
    #[arg(long, value_name = "COL")]
    active_experts: Option<String>,
    /// Column of the granularity (widths of an expert in that of a dense model's half), for the law
    /// `granularity`.
    #[arg(long, value_name = "COL")]
    granularity: Option<String>,
    /// Column of the weights of rows.
    #[arg(long, value_name = "COL")]
    weights: Option<String>,
    /// Column whose equal values mark rows with common errors (a trunk, a seed): the bootstrap
    /// resamples them together.
    #[arg(long, value_name = "COL")]
    unit: Option<String>,
    /// Unit of N and of all parameters, where no header says it: k, M, B, T or a number (1 takes N as it is).
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    n_unit: Option<f64>,
    /// Unit of D, like --n-unit.
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    d_unit: Option<f64>,
    /// Unit of C, like --n-unit; also PF-days.
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    c_unit: Option<f64>,
    /// Decimal sign in a table of text, where the cells do not tell.
    #[arg(long, value_enum, value_name = "SIGN")]
    decimal: Option<Sign>,
    /// Leave out and count the rows in which a cell that is needed is blank.
    #[arg(long)]
    skip_blank: bool,
    /// Use the row of lowest loss among those with equal N and D that differ in other settings.
    #[arg(long)]
    best_of: bool,
    /// Use only the last checkpoint of every run; the column of runs is found by its name or given
    /// with --unit.
    #[arg(long)]
    last: bool,
    /// Use also the runs that score a sealed forecast (role = validation), which no fit sees otherwise.
    #[arg(long)]
    with_validation: bool,
    /// Use only the rows in which a column has this value; may be given several times.
    #[arg(long = "where", value_name = "COL=VALUE", value_parser = parse_filter)]
    filters: Vec<(String, String)>,
}

fn parse_filter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, value)) if !column.trim().is_empty() => {
            Ok((column.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as COL=VALUE, as in train_set=rpj".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sign {
    Point,
    Comma,
}

impl From<&ColumnArgs> for Columns {
    fn from(args: &ColumnArgs) -> Self {
        let args = args.clone();
        Columns {
            n: args.n,
            d: args.d,
            c: args.c,
            loss: args.loss,
            budget: args.budget,
            batch: args.batch,
            n_total: args.n_total,
            experts: args.experts,
            active_experts: args.active_experts,
            granularity: args.granularity,
            weights: args.weights,
            unit: args.unit,
            n_unit: args.n_unit,
            d_unit: args.d_unit,
            c_unit: args.c_unit,
            decimal: args.decimal.map(|sign| match sign {
                Sign::Point => Decimal::Point,
                Sign::Comma => Decimal::Comma,
            }),
            skip_blank: args.skip_blank,
            best_of: args.best_of,
            last: args.last,
            with_validation: args.with_validation,
            filters: args.filters,
        }
    }
}
