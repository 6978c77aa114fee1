//! Laws of mixtures of experts, from tables of others and from runs of a sweep.

use crate::workshop::{isoflop, stderr, stdout};
use std::fs;
use std::path::Path;

/// The loss of Clark et al. 2022, table 3, S-BASE.
fn routed(n: f64, experts: f64) -> f64 {
    let (start, most) = (1.847, 314.478);
    let effective = 1.0 / (1.0 / (experts - 1.0 + 1.0 / (1.0 / start - 1.0 / most)) + 1.0 / most);
    let (n, e): (f64, f64) = (n.log10(), effective.log10());
    10f64.powf(-0.082 * n - 0.108 * e + 0.009 * n * e + 1.104)
}

/// Sizes and ratios of experts with two chosen ones each; a dense model has blank cells.
fn mixtures(header: &str, line: impl Fn(f64, &str, &str, f64) -> String) -> String {
    let mut text = format!("{header}\n");
    for n in [5e6, 1.5e7, 4.5e7, 1.35e8, 4e8] {
        for ratio in [1.0, 2.0, 8.0, 32.0, 128.0, 512.0] {
            let (experts, active) = match ratio {
                1.0 => (String::new(), ""),
                ratio => ((2.0 * ratio).to_string(), "2"),
            };
            text.push_str(&line(n, &experts, active, ratio));
            text.push('\n');
        }
    }
    text
}

fn json(folder: &Path, args: &[&str]) -> serde_json::Value {
    let done = isoflop().current_dir(folder).args(args).assert().code(0);
    serde_json::from_str(&stdout(&done)).unwrap()
}

#[test]
fn a_table_of_mixtures_tells_what_its_experts_are_worth() {
    let keep = tempfile::tempdir().unwrap();
    let table =
        mixtures("active_params,tokens,n_routed,top_k,loss", |n, experts, active, ratio| {
            format!("{n},130e9,{experts},{active},{}", routed(n, ratio))
        });
    fs::write(keep.path().join("a.csv"), table).unwrap();
    let law = ["fit", "a.csv", "--law", "routed", "--experts", "n_routed", "--bootstrap", "0"];
    let fits = json(keep.path(), &[&law[..], &["--json"]].concat());
    let fit = &fits["fits"][0];
    for (name, truth) in [("a", -0.082), ("E_start", 1.847), ("E_max", 314.478)] {
        let value = fit["parameters"][name]["value"].as_f64().unwrap();
        assert!((value / truth - 1.0).abs() < 1e-3, "{name}: {value}");
    }
    assert_eq!(fit["n_kind"], "active_params");
    let remarks = fits["sources"][0]["remarks"].to_string();
    // Mixtures of one size and one number of tokens are models of their own.
    assert!(!remarks.contains("share"), "{remarks}");
    assert!(remarks.contains("`n_routed` is blank in 5 rows, which count as dense"), "{remarks}");
    fs::write(keep.path().join("fits.json"), fits.to_string()).unwrap();
    let of = ["predict", "fits.json", "--params", "5M", "--experts", "128"];
    let answer = json(keep.path(), &[&of[..], &["--json"]].concat());
    let predictions = answer["answers"][0]["predictions"].as_array().unwrap();
    let sizes: Vec<f64> = predictions
        .iter()
        .filter(|found| found["what"] == "n_effective")
        .map(|found| found["estimate"]["value"].as_f64().unwrap())
        .collect();
    // Clark et al. 2022 say 55M; their rounded constants 52M.
    assert!(sizes.len() == 1 && (sizes[0] / 5.2e7 - 1.0).abs() < 0.01, "{sizes:?}");
    let text = stdout(&isoflop().current_dir(keep.path()).args(of).assert().code(0));
    assert!(text.contains("dense N of equal loss") && text.contains("experts = 128"), "{text}");
    let text =
        stdout(&isoflop().current_dir(keep.path()).args(law).arg("--details").assert().code(0));
    assert!(text.contains("effective sizes"), "{text}");
}

#[test]
fn what_a_table_of_mixtures_lacks_is_asked_for() {
    let keep = tempfile::tempdir().unwrap();
    let table =
        mixtures("params,tokens,experts,active_experts,loss", |n, experts, active, ratio| {
            format!("{n},130e9,{experts},{active},{}", routed(n, ratio))
        });
    fs::write(keep.path().join("a.csv"), &table).unwrap();
    fs::write(keep.path().join("b.csv"), table.replace(",16,2,", ",16,32,")).unwrap();
    let refused = |args: &[&str]| {
        let done = isoflop().current_dir(keep.path()).arg("fit").args(args).assert().code(2);
        stderr(&done)
    };
    for (args, parts) in [
        (
            &["a.csv", "--law", "sparsity"][..],
            ["no n_total, which sparsity needs", "--n-total COL"],
        ),
        (
            &["a.csv", "--law", "granularity", "--n-total", "params"],
            ["no granularity, which granularity needs", "--granularity COL"],
        ),
        (
            &["a.csv", "--law", "routed", "--where", "active_experts=2"],
            ["no row is of a dense model", "add dense runs"],
        ),
        (
            &["a.csv", "--law", "routed", "--where", "experts=16"],
            ["different values of the number of experts; these rows have 1", "add runs at"],
        ),
        (&["b.csv", "--law", "routed"], ["32 active experts of 16", "--active-experts"]),
    ] {
        let text = refused(args);
        assert!(parts.iter().all(|part| text.contains(part)), "{args:?}: {text}");
    }
}

#[test]
fn runs_of_a_sweep_bring_their_experts_with_them() {
    let keep = tempfile::tempdir().unwrap();
    let header = "run_id,status,data_digest,tokens,n_non_embedding,n_active_non_embedding,experts,active_experts,shared_experts,granularity,test_loss";
    let table = mixtures(header, |n, experts, active, ratio| {
        let (shared, granularity) = if ratio > 1.0 { ("0", "2") } else { ("", "") };
        let all = if ratio > 1.0 { n * (1.0 + 2.0 * ratio) / 3.0 } else { n };
        format!(
            "r{n}-{ratio},finished,d,100000000,{all:.0},{n:.0},{experts},{active},{shared},{granularity},{}",
            routed(n, ratio)
        )
    });
    fs::write(keep.path().join("runs.csv"), table).unwrap();
    let args = ["fit", "runs.csv", "--law", "routed", "--bootstrap", "0", "--json"];
    let fits = json(keep.path(), &args);
    let fit = &fits["fits"][0];
    assert_eq!(fit["n_kind"], "n_active_non_embedding");
    let most = fit["parameters"]["E_max"]["value"].as_f64().unwrap();
    assert!((most / 314.478 - 1.0).abs() < 1e-3, "{most}");
    let effective = fit["effective"].as_array().unwrap();
    assert_eq!(effective.len(), 10);
    assert_eq!(effective[0]["experts"], 2.0);
    // Mixtures of one number of tokens tell nothing of them.
    let args = ["fit", "runs.csv", "--law", "sparsity"];
    let text = stderr(&isoflop().current_dir(keep.path()).args(args).assert().code(2));
    assert!(text.contains("sparsity needs 3 different token counts"), "{text}");
}
