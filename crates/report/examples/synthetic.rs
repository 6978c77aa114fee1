//! Writes the reports of made-up sweeps, to be looked at: `cargo run --example synthetic -- DIR`.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::path::PathBuf;

fn main() -> Result<(), isoflop_report::ReportError> {
    let out: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| "reports".into()).into();
    for (name, sweep) in [
        ("quickstart", synthetic::quickstart()),
        ("two-series", synthetic::two_series()),
        ("too-small", synthetic::too_small()),
        ("factors", synthetic::factors()),
        ("large", synthetic::large(200, 1000)),
    ] {
        isoflop_report::write(&sweep.report(), &out.join(name))?;
    }
    Ok(())
}
