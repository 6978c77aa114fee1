//! Text tables and the way numbers are shown in them.

use isoflop_core::units::scientific;
use isoflop_fit::noise::noise_floor;
use isoflop_fit::output::{Estimate, Fit, Fits, Isoflop, Validation};
use isoflop_results::{RunRow, Status};

/// Columns as wide as their widest cell, two spaces between; numbers to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([header[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let is_number = |column: usize| {
        rows.iter().all(|row| {
            row[column].starts_with(|c: char| c.is_ascii_digit()) || row[column].is_empty()
        })
    };
    let right: Vec<bool> = (0..header.len())
        .map(|column| column > 0 && is_number(column))
        .collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(&right)
            .map(|((cell, width), right)| {
                let space = " ".repeat(width.saturating_sub(cell.chars().count()));
                if *right {
                    format!("{space}{cell}")
                } else {
                    format!("{cell}{space}")
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(line(header.to_vec()))
        .chain(
            rows.iter()
                .map(|row| line(row.iter().map(String::as_str).collect())),
        )
        .collect::<Vec<_>>()
        .join("\n")
}

/// How much finished runs of one sweep differ that differ in their seed alone.
pub(crate) fn noise(rows: &[RunRow]) -> Option<String> {
    let finished = rows.iter().filter(|row| row.status == Status::Finished);
    let losses = finished.filter_map(|row| {
        let group = (
            &row.series,
            &row.size,
            row.tokens,
            row.learning_rate.to_bits(),
        );
        Some((group, row.test_loss?))
    });
    let floor = noise_floor(losses)?;
    Some(format!(
        "noise floor: between seeds the test loss varies by {:.4} [{:.4}, {:.4}] nats (standard deviation, \
         {} groups, {} degrees of freedom); smaller differences are not to be trusted",
        floor.sd, floor.low, floor.high, floor.groups, floor.degrees
    ))
}

/// `0.1134 [0.105, 0.121]`
pub(crate) fn interval(estimate: &Estimate) -> String {
    let number = |x: f64| match x.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e4).contains(&size) => format!("{x:.4}"),
        _ => scientific(x),
    };
    let value = number(estimate.value);
    let range = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{value} [{}, {}]", number(low), number(high)),
        _ => value,
    };
    match estimate.identified {
        true => range,
        false => format!("{range} (not identified)"),
    }
}

/// All fits as text.
pub(crate) fn fits(fits: &Fits) -> String {
    let mut blocks: Vec<String> = fits.fits.iter().map(one_fit).collect();
    blocks.extend(fits.isoflop.iter().map(one_isoflop));
    if !fits.refused.is_empty() {
        let mut lines = vec!["not fitted".to_owned()];
        for refused in &fits.refused {
            let x = refused.x.map_or(String::new(), |x| format!(" in {x:?}"));
            lines.push(format!(
                "  {}{x}{}: {}",
                refused.law,
                of_series(&refused.series),
                refused.reason
            ));
            lines.extend(
                refused
                    .hint
                    .as_ref()
                    .map(|hint| format!("    hint: {hint}")),
            );
        }
        blocks.push(lines.join("\n"));
    }
    if !fits.excluded.is_empty() {
        let mut lines = vec!["left out".to_owned()];
        lines.extend(
            fits.excluded
                .iter()
                .map(|row| format!("  {}: {}", row.label, row.reason)),
        );
        blocks.push(lines.join("\n"));
    }
    blocks.join("\n\n")
}

fn of_series(series: &str) -> String {
    match series {
        "" => String::new(),
        series => format!(" ({series})"),
    }
}

/// How a law does on rows that it was not fitted to.
fn held_out(validation: &Validation) -> Vec<String> {
    let all = validation.windows.iter().chain(&validation.largest_size);
    all.map(|held| {
        format!(
            "  held out: fitted on {} ({} rows), {} rows up to {:.3} times the compute: off by {:+.2} % on average, {:.2} % root mean square",
            held.window,
            held.rows,
            held.held_out,
            held.reach,
            held.mean_error.exp_m1() * 100.0,
            held.rms_error * 100.0
        )
    })
    .collect()
}

fn one_fit(fit: &Fit) -> String {
    let x = fit.x.map_or(String::new(), |x| format!(" in {x:?}"));
    let dropped = match fit.dropped {
        0 => String::new(),
        dropped => format!(", {dropped} of highest loss dropped"),
    };
    let objective = match fit.objective.delta {
        Some(delta) => format!(
            "{} {}:{delta:e}",
            fit.objective.reduction, fit.objective.kind
        ),
        None => format!("{} {}", fit.objective.reduction, fit.objective.kind),
    };
    let mut lines = vec![
        format!("{}{x}{}: {}", fit.law, of_series(&fit.series), fit.formula),
        format!(
            "  {} rows ({}){dropped}; N is {}; {objective} = {:.6e}",
            fit.rows, fit.points, fit.n_kind, fit.objective.value
        ),
    ];
    lines.extend(
        fit.parameters
            .iter()
            .map(|(name, estimate)| format!("  {name:<10} {}", interval(estimate))),
    );
    lines.push(match &fit.bootstrap {
        Some(b) => format!(
            "  90 % intervals: {} {} replicates of {} ({})",
            b.replicates, b.interval, b.unit, b.units
        ),
        None => "  no intervals (--bootstrap 0)".to_owned(),
    });
    lines.extend(fit.validation.iter().flat_map(held_out));
    lines.extend(
        fit.warnings
            .iter()
            .map(|warning| format!("  warning: {warning}")),
    );
    lines.join("\n")
}

fn one_isoflop(isoflop: &Isoflop) -> String {
    let mut lines = vec![format!(
        "isoFLOP{}: a parabola of loss in ln N per budget; N is {}",
        of_series(&isoflop.series),
        isoflop.n_kind
    )];
    for curve in &isoflop.budgets {
        let budget = scientific(curve.flops_budget);
        lines.push(match &curve.minimum {
            Some(minimum) => format!(
                "  {budget:<8} N* {}  D* {}  loss {}",
                interval(&minimum.n_opt),
                interval(&minimum.d_opt),
                interval(&minimum.loss)
            ),
            None => format!("  {budget:<8} no minimum"),
        });
        lines.extend(curve.note.as_ref().map(|note| format!("           {note}")));
    }
    lines.extend(
        isoflop
            .n_exponent
            .as_ref()
            .map(|a| format!("  N* ~ C^a, a = {}", interval(a))),
    );
    lines.extend(
        isoflop
            .d_exponent
            .as_ref()
            .map(|b| format!("  D* ~ C^b, b = {}", interval(b))),
    );
    lines.extend(
        isoflop
            .warnings
            .iter()
            .map(|warning| format!("  warning: {warning}")),
    );
    lines.join("\n")
}
