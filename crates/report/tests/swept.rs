//! Figures of runs that differ in one option alone: experts, what a layer sees, the feed-forward ratio; and
//! the options on the page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_fit::output::Fits;
use isoflop_results::RunRow;
use synthetic::Synthetic;

/// A finished run of the quickstart, alone.
fn one() -> (Synthetic, RunRow) {
    let mut sweep = synthetic::quickstart();
    let run = sweep.runs.iter().find(|run| run.test_loss.is_some()).unwrap().clone();
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits = Fits { level: 0.9, ..Fits::default() };
    (sweep, run)
}

fn add(sweep: &mut Synthetic, base: &RunRow, loss: f64, edit: impl FnOnce(&mut RunRow)) {
    let mut run = base.clone();
    run.run_id = format!("run-{}", sweep.runs.len());
    run.test_loss = Some(loss);
    edit(&mut run);
    sweep.runs.push(run);
}

/// Experts of a run, one of them active.
fn experts(run: &mut RunRow, count: u64) {
    run.series = format!("model.moe.experts={count}").as_str().into();
    if count > 1 {
        run.feed_forward = "experts".into();
        (run.experts, run.active_experts) = (Some(count), Some(1));
        (run.shared_experts, run.granularity) = (Some(0), Some(1));
        (run.gate, run.balance) = (Some("plain".into()), Some("loss".into()));
        run.load = Some(1.0 + count as f64 / 10.0);
        let router = count * run.d_model * run.n_layers;
        run.n_active_non_embedding = Some(run.n_non_embedding + router);
    }
}

/// Rows of a figure's CSV: panel, mark, x, y and half the length of the bar.
fn rows(sweep: &Synthetic, figure: &str) -> Vec<(String, String, f64, f64, Option<f64>)> {
    let dir = tempfile::tempdir().unwrap();
    isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    let path = dir.path().join("figures").join(figure).with_extension("csv");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |from_end: usize| cells[cells.len() - from_end].parse::<f64>();
        let bar = number(1).ok().map(|high| (high - number(2).unwrap()) / 2.0);
        (cells[0].to_owned(), cells[1].to_owned(), number(4).unwrap(), number(3).unwrap(), bar)
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn mixtures_stand_against_the_dense_run_of_their_shape_and_tokens() {
    let (mut sweep, base) = one();
    for (count, loss) in [(1, 3.0), (4, 2.97), (16, 2.94)] {
        add(&mut sweep, &base, loss, |run| experts(run, count));
    }
    let found = rows(&sweep, "experts");
    let of = |panel: &str| -> Vec<(f64, f64)> {
        let runs = found.iter().filter(|row| row.0 == panel && row.1 == "run");
        runs.map(|row| (row.2, row.3)).collect()
    };
    let close = |found: &[(f64, f64)], wanted: &[(f64, f64)]| {
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (a, b) in found.iter().zip(wanted) {
            assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-9, "{found:?}");
        }
    };
    close(&of("experts"), &[(1.0, 0.0), (4.0, -1.0), (16.0, -2.0)]);
    close(&of("load"), &[(4.0, 1.4), (16.0, 2.6)]);
    let html = isoflop_report::html(&sweep.report());
    let table = &html[html.find("Sizes of the mixtures").unwrap()..];
    let (d, layers, n) = (base.d_model, base.n_layers, base.n_non_embedding);
    let router = 16 * d * layers;
    let row = format!(
        "<td class=\"num\">{}</td><td class=\"num\">{router}</td><td class=\"num\">{n}</td>",
        n + router
    );
    assert!(table.contains(&row), "{row}");
}

#[test]
fn without_a_dense_run_the_losses_of_mixtures_are_drawn_themselves() {
    let (mut sweep, base) = one();
    for (count, loss) in [(4, 2.97), (16, 2.94)] {
        add(&mut sweep, &base, loss, |run| experts(run, count));
    }
    let found = rows(&sweep, "experts");
    let losses: Vec<f64> =
        found.iter().filter(|row| row.0 == "experts" && row.1 == "run").map(|row| row.3).collect();
    assert_eq!(losses, [2.97, 2.94]);
}

#[test]
fn a_point_stands_at_what_a_layer_sees_and_full_attention_at_the_context() {
    let (mut sweep, base) = one();
    let context = base.context;
    for (seed, shift) in [(0, 0.0), (1, 0.02)] {
        add(&mut sweep, &base, 3.0 + shift, |run| run.seed = seed);
        add(&mut sweep, &base, 3.1 + shift, |run| (run.window, run.seed) = (Some(32), seed));
    }
    add(&mut sweep, &base, 3.2, |run| run.strided = Some(8));
    add(&mut sweep, &base, 3.3, |run| run.fixed = Some("32:4".into()));
    let found = rows(&sweep, "window");
    let at = |x: f64| {
        let mut all = found.iter().filter(|row| row.0 == "window" && row.1 != "line");
        all.find(|row| row.2 == x).unwrap_or_else(|| panic!("nothing at {x} in {found:?}"))
    };
    assert!((at(context as f64).3 - 3.01).abs() < 1e-9);
    let windowed = at(32.0);
    // Two seeds that differ by .02 have a standard error of .01.
    assert!((windowed.3 - 3.11).abs() < 1e-9 && (windowed.4.unwrap() - 0.01).abs() < 1e-9);
    assert_eq!(at(context as f64 / 8.0).3, 3.2);
    assert_eq!(at(32.0 + (context as f64 / 32.0 - 1.0) * 4.0).3, 3.3);
    let time = found.iter().find(|row| row.0 == "time" && row.2 == 32.0).unwrap();
    assert!((time.3 * base.tokens_per_s / 1e6 - 1.0).abs() < 1e-9, "{time:?}");
}

#[test]
fn runs_of_other_lengths_share_no_line_of_windows() {
    let (mut sweep, base) = one();
    add(&mut sweep, &base, 3.0, |_| {});
    add(&mut sweep, &base, 2.8, |run| (run.window, run.tokens) = (Some(32), 2 * run.tokens));
    assert!(rows(&sweep, "window").is_empty());
}

#[test]
fn the_feed_forward_ratio_has_a_panel_where_it_is_varied_at_one_size() {
    let (mut sweep, base) = one();
    for (ratio, loss) in [(1, 3.06), (4, 3.0), (8, 3.03)] {
        add(&mut sweep, &base, loss, |run| {
            run.series = format!("model.ffn_ratio={ratio}").as_str().into();
            run.ffn_ratio = (ratio != 4).then_some(ratio as f64);
            run.d_ff = Some(ratio * run.d_model);
        });
    }
    // Another shape of one ratio is drawn only if it is the best.
    add(&mut sweep, &base, 3.3, |run| {
        run.series = "model.ffn_ratio=4".into();
        (run.n_layers, run.d_ff) = (2 * run.n_layers, Some(4 * run.d_model));
    });
    let found = rows(&sweep, "shape");
    let drawn: Vec<(f64, f64)> = found
        .iter()
        .filter(|row| row.0 == "feed_forward" && row.1 == "run")
        .map(|row| (row.2, (row.3 * 1e6).round() / 1e6))
        .collect();
    assert_eq!(drawn, [(1.0, 2.0), (4.0, 0.0), (8.0, 1.0)]);
}

#[test]
fn options_are_named_where_a_run_has_another_than_the_default_and_nowhere_else() {
    let plain = isoflop_report::html(&synthetic::quickstart().report());
    assert!(!plain.contains(">window</th>") && !plain.contains("<dt>Options</dt>"));
    let (mut sweep, base) = one();
    add(&mut sweep, &base, 3.0, |_| {});
    add(&mut sweep, &base, 3.1, |run| (run.window, run.activation) = (Some(32), "swiglu".into()));
    add(&mut sweep, &base, 2.9, |run| experts(run, 4));
    let html = isoflop_report::html(&sweep.report());
    let head = &html[html.find("All 3 runs").unwrap()..];
    let head = &head[..head.find("</thead>").unwrap()];
    for name in ["activation", "window", "experts", "active", "gate", "balance", "load"] {
        assert!(head.contains(&format!(">{name}</th>")), "{name}");
    }
    for name in ["kv_heads", "qk_norm", "tied", "shared", "granularity", "pattern"] {
        assert!(!head.contains(&format!(">{name}</th>")), "{name}");
    }
    assert!(html.contains("activation: default, swiglu; experts: 4, default;"), "provenance");
}
