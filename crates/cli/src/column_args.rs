//! Columns of a table as arguments name them.

use isoflop_lab::columns::{Columns, parse_unit};
use isoflop_results::table::Decimal;

/// Columns as a person names them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ColumnArgs {
    /// Column of N, parameters.
    #[arg(long, value_name = "COL")]
    n: Option<String>,
    /// Column of D, training tokens; C / (6 N) where there is none.
    #[arg(long, value_name = "COL")]
    d: Option<String>,
    /// Column of C, training FLOPs.
    #[arg(long, value_name = "COL")]
    c: Option<String>,
    /// Column of the loss.
    #[arg(long, value_name = "COL")]
    loss: Option<String>,
    /// Column of the compute asked for, by which an isoFLOP analysis groups rows.
    #[arg(long, value_name = "COL")]
    budget: Option<String>,
    /// Column of the batch in tokens, for laws of steps.
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
    /// Column of the granularity (widths of an expert in that of a dense model's half), for the law `granularity`.
    #[arg(long, value_name = "COL")]
    granularity: Option<String>,
    /// Column of weights.
    #[arg(long, value_name = "COL")]
    weights: Option<String>,
    /// Column whose equal values share their errors (a trunk, a seed): the bootstrap resamples them as one.
    #[arg(long, value_name = "COL")]
    unit: Option<String>,
    /// What N and all parameters count in, where no header says: k, M, B, T or a number (1 takes it as it is).
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    n_unit: Option<f64>,
    /// As --n-unit, of D.
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    d_unit: Option<f64>,
    /// As --n-unit, of C; also PF-days.
    #[arg(long, value_name = "UNIT", value_parser = parse_unit)]
    c_unit: Option<f64>,
    /// What stands before a fraction in a table of text, where the cells do not tell.
    #[arg(long, value_enum, value_name = "SIGN")]
    decimal: Option<Sign>,
    /// Leave out rows in which a cell that is needed is blank, and count them.
    #[arg(long)]
    skip_blank: bool,
    /// Use the row of lowest loss among those of one (N, D), which differ in other settings.
    #[arg(long)]
    best_of: bool,
    /// Use the last checkpoint of every run, named by its column or by --unit.
    #[arg(long)]
    last: bool,
    /// Use only the rows in which a column holds a value; may be given several times.
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
            filters: args.filters,
        }
    }
}
