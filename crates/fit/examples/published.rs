//! Times the fitter on the 240 rows of Besiroglu et al. 2024, and prints what 4,000 bootstrap
//! replicates give: `cargo run --release -p isoflop-fit --example published -- TABLE.csv`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use isoflop_fit::{Law, Options, Point, fit};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the table: published/chinchilla-epoch.csv")?;
    let mut points = Vec::new();
    for (row, record) in csv::Reader::from_path(path)?.records().enumerate() {
        let record = record?;
        let cell = |at: usize| record[at].parse::<f64>();
        points.push(Point {
            n: Some(cell(0)?),
            d: Some(cell(1)?),
            c: Some(cell(2)?),
            flops_budget: None,
            ..Point::new((row + 1).to_string(), cell(3)?)
        });
    }
    let mut options = Options { bootstrap: 0, drop_worst: 5, ..Options::default() };
    for replicates in [0, 0, 0, 4000] {
        options.bootstrap = replicates;
        let start = Instant::now();
        let fit = fit(&points, Law::Chinchilla, &options)?;
        println!("{replicates} replicates: {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
        if replicates > 0 {
            println!("{:#?}\n{:#?}\n{:#?}", fit.parameters, fit.bootstrap, fit.warnings);
            println!("{} of {} starts agreed", fit.starts_agreed, fit.starts_tried);
            println!("objective {:.15}, gradient {:.1e}", fit.objective.value, fit.gradient_norm);
        }
    }
    Ok(())
}
