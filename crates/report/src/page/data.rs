//! Runs and series as the page's script reads them.

use crate::text::clip;
use crate::view::View;
use serde_json::{Value, json};

/// Runs and series as JSON that cannot end the `script` element around it.
pub(super) fn json(view: &View<'_>) -> String {
    let runs: Vec<Value> = view
        .report
        .runs
        .iter()
        .map(|r| {
            json!({
                "id": r.run_id,
                "series": view.series_rank(&r.series),
                "status": r.status.to_string(),
                "n": r.n(),
                "d": r.tokens,
                "c": r.c_exact,
                "loss": r.test_loss,
                "se": r.test_loss_se,
                "bpb": r.test_bpb,
                "bits": View::bits_per_nat(r),
                "lr": r.learning_rate,
                "epochs": r.epochs,
                "seed": r.seed,
                "layers": r.n_layers,
                "width": r.d_model,
            })
        })
        .collect();
    let series: Vec<String> = match view.many_series() {
        true => view.series.iter().map(|s| clip(&view.series_name(s), 60)).collect(),
        false => Vec::new(),
    };
    let all = json!({ "runs": runs, "series": series });
    all.to_string().replace('<', "\\u003c")
}
