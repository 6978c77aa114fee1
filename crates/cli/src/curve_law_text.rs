//! Laws of whole learning curves as a person reads them in a terminal.

use crate::tables::{number, table};
use isoflop_fit::multi_power::HeldOutCurve;
use isoflop_lab::curve_laws::CurveLaw;

/// A line for each law and, if asked, one for each curve forecast by the others.
pub(crate) fn shown(laws: &[CurveLaw], details: bool) -> String {
    let header =
        ["runs", "curves", "L0", "A", "alpha", "B", "C", "off by", "held out", "at the end"];
    let rows: Vec<Vec<String>> = laws.iter().filter_map(row).collect();
    let mut lines = vec![
        "multi-power: L = L0 + A S^-alpha - B sum_k (eta_(k-1) - eta_k) C S_k / (1 + C S_k), S the sum of rates, S_k that since fall k".to_owned(),
        table(&header, &rows),
        "* alpha or C ended at the edge of what is searched: these curves do not tell it".to_owned(),
        "held out: each curve forecast by the law of the others, root mean square over all of them and over their last points".to_owned(),
    ];
    for law in laws {
        let refused = law.refused.iter();
        lines.extend(refused.map(|reason| format!("not fitted: {}: {reason}", law.name)));
    }
    if details {
        let rows: Vec<Vec<String>> = laws.iter().flat_map(held_out).collect();
        let header = ["curve forecast by the others", "points", "rms", "at the end"];
        lines.push(table(&header, &rows));
    }
    lines.join("\n")
}

fn row(fitted: &CurveLaw) -> Option<Vec<String>> {
    let law = fitted.law.as_ref()?;
    let mark = if law.at_edge { "*" } else { "" };
    let over = |of: &dyn Fn(&HeldOutCurve) -> f64| {
        let squares: f64 = fitted.held_out.iter().map(|held| of(held).powi(2)).sum();
        match fitted.held_out.len() {
            0 => String::new(),
            count => per_cent((squares / count as f64).sqrt()),
        }
    };
    Some(vec![
        format!("{}{mark}", fitted.name),
        fitted.curves.to_string(),
        number(law.l0),
        number(law.a),
        number(law.alpha),
        number(law.b),
        number(law.c),
        per_cent(law.rms_error),
        over(&|held| held.rms_error),
        over(&|held| held.last_error),
    ])
}

fn held_out(fitted: &CurveLaw) -> Vec<Vec<String>> {
    let line = |held: &HeldOutCurve| {
        vec![
            held.label.clone(),
            held.points.to_string(),
            per_cent(held.rms_error),
            format!("{:+.2} %", 100.0 * held.last_error.exp_m1()),
        ]
    };
    fitted.held_out.iter().map(line).collect()
}

fn per_cent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
