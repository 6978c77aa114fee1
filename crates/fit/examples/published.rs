//! Times the fitter on a table of published runs, and prints what 4,000 bootstrap replicates give:
//! `cargo run --release -p isoflop-fit --example published -- crates/fit/tests/data/chinchilla_234_runs.csv`.
//! A second argument leaves out so many rows of highest loss: 5 of the 245 of Besiroglu et al. 2024.
#![allow(clippy::print_stdout, reason = "an example prints")]

use isoflop_fit::{Law, Options, Point, fit};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path =
        arguments.next().ok_or("name a table with the columns params, tokens, flops and loss")?;
    let drop_worst = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let mut reader = csv::Reader::from_path(path)?;
    let columns = reader.headers()?.clone();
    let mut points = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record?;
        let cell = |name: &str| -> Result<f64, Box<dyn std::error::Error>> {
            let at = columns.iter().position(|column| column == name);
            Ok(record[at.ok_or(format!("the table has no column {name}"))?].parse()?)
        };
        points.push(Point {
            n: Some(cell("params")?),
            d: Some(cell("tokens")?),
            c: Some(cell("flops")?),
            flops_budget: None,
            ..Point::new((row + 1).to_string(), cell("loss")?)
        });
    }
    let mut options = Options { bootstrap: 0, drop_worst, ..Options::default() };
    for replicates in [0, 0, 0, 4000] {
        options.bootstrap = replicates;
        let start = Instant::now();
        let fit = fit(&points, Law::Chinchilla, &options)?;
        println!("{replicates} replicates: {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
        if replicates > 0 {
            println!("{:#?}\n{:#?}\n{:#?}", fit.parameters, fit.bootstrap, fit.remarks);
            println!("{} of {} starts agreed", fit.starts_agreed, fit.starts_tried);
            println!("objective {:.15}, gradient {:.1e}", fit.objective.value, fit.gradient_norm);
        }
    }
    Ok(())
}
