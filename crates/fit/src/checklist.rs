//! The checklist of a fit: what a reader must know to reproduce it.

use crate::intervals::level_words;
use crate::laws::Law;
use crate::output::Fit;

/// Heading and text of each item, in the order of a methods section; says nothing that the fit does not
/// hold.
pub fn checklist(fit: &Fit) -> Vec<(&'static str, String)> {
    let mut items = vec![("law", format!("{}: {}", fit.law, fit.formula))];
    let source = Law::list().find(|(names, _)| names.split(", ").any(|name| name == fit.law));
    items.extend(
        source.map(|(_, what)| ("source", what.rsplit("; ").next().unwrap_or(what).to_owned())),
    );
    items.push(("N", format!("column {}", fit.n_kind)));
    items.push((
        "C",
        match &fit.c_kind {
            Some(kind) if kind == "c_exact" => {
                "c_exact: matrix products op by op, causal attention and the head included, forward and backward".into()
            }
            Some(kind) => format!("column {kind}"),
            None => "plays no part in this fit; optima under C = 6 N D".into(),
        },
    ));
    items.push(("rows", format!("{} ({})", fit.rows, fit.points)));
    if fit.dropped > 0 {
        items.push(("left out", format!("{} rows of highest loss", fit.dropped)));
    }
    items.push(("objective", objective(fit)));
    let bound: Vec<&String> = fit.basins.iter().take(1).flat_map(|basin| &basin.at_bound).collect();
    items.push((
        "optimum",
        format!(
            "{} = {:.9e}, gradient norm {:.1e} of the objective scaled to order one; {} of {} starts agree, {} distinct optima{}",
            fit.objective.kind,
            fit.objective.value,
            fit.gradient_norm,
            fit.starts_agreed,
            fit.starts_tried,
            fit.basins.len(),
            match bound.is_empty() {
                true => ", no parameter at a bound".to_owned(),
                false => format!(", at a bound: {}", join(&bound)),
            }
        ),
    ));
    items.push((
        "intervals",
        match &fit.bootstrap {
            Some(b) => format!(
                "{}, {} of {} replicates, each from the known optima and where its own rows point elsewhere ({} failed), seed {}; {} ({} units)",
                level_words(), b.interval, b.replicates, b.failed, b.seed, b.unit, b.units
            ),
            None => "none".into(),
        },
    ));
    let flat: Vec<&String> = fit
        .parameters
        .iter()
        .filter(|(_, estimate)| !estimate.identified)
        .map(|(name, _)| name)
        .collect();
    if fit.bootstrap.is_some() {
        items.push((
            "identified",
            match flat.is_empty() {
                true => "all parameters, by profile and replicates".into(),
                false => format!("all but {}", join(&flat)),
            },
        ));
    }
    if let Some(last) = fit.validation.as_ref().and_then(|v| v.windows.last()) {
        items.push((
            "held out",
            format!(
                "fitted on {}, {} rows up to {:.3} times the compute missed by {:+.2} % on average, {:.2} % root mean square",
                last.window,
                last.held_out,
                last.reach,
                last.mean_error.exp_m1() * 100.0,
                last.rms_error * 100.0
            ),
        ));
    }
    items
}

fn objective(fit: &Fit) -> String {
    let objective = &fit.objective;
    let of = match objective.kind.starts_with("log-") {
        true => "residuals of ln L",
        false => "residuals of L",
    };
    let delta = objective.delta.map_or(String::new(), |delta| format!(", delta {delta:e}"));
    format!("{} over rows of {} ({of}{delta})", objective.reduction, objective.kind)
}

fn join(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}
