//! Curves of a simulated sweep: the loss of a constant rate lies above that of an annealed run by an excess in
//! proportion to the rate (as of a quadratic well under noise), which the decay takes away.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_results::{Curve, CurvePoint, RunRow};
use synthetic::{Synthetic, noise};

/// Excess of the loss at the usual rate, a share of the loss.
const EXCESS: f64 = 0.05;

fn curve(run: &RunRow, rate: f64, key: u64) -> Curve {
    let last = run.test_loss.unwrap();
    let point = |k: u64| {
        let share = k as f64 / 30.0;
        let factor = ((1.0 - share) / 0.2).min(1.0);
        let slow = 0.4 * last * (share.powf(-0.2) - 1.0);
        // Six in ten thousand of the loss differ from point to point.
        let wobble = 1.0 + 0.001 * noise(key * 97 + k);
        CurvePoint {
            step: run.steps * k / 30,
            tokens: run.tokens * k / 30,
            flops: run.c_exact * share,
            train_loss: None,
            test_loss: Some((last * (1.0 + EXCESS * rate * factor) + slow) * wobble),
            learning_rate: 0.01 * rate * factor,
            grad_norm: None,
        }
    };
    Curve { run_id: run.run_id.clone(), points: (1..=30).map(point).collect() }
}

/// The quickstart with curves of these rates, the usual one being 1.
fn sweep(rate: impl Fn(usize) -> f64) -> Synthetic {
    let mut sweep = synthetic::quickstart();
    for run in &mut sweep.runs {
        run.decay_steps = run.steps - run.steps * 24 / 30;
    }
    let runs = sweep.runs.iter().enumerate().filter(|(_, run)| run.test_loss.is_some());
    sweep.curves = runs.map(|(k, run)| curve(run, rate(k), k as u64)).collect();
    sweep
}

fn page(sweep: &Synthetic) -> String {
    isoflop_report::html(&sweep.report())
}

#[test]
fn a_run_at_half_the_rate_of_the_others_is_named_with_what_to_do() {
    let hurt = 12;
    let sweep = sweep(|k| if k == hurt { 0.5 } else { 1.0 });
    let name = &sweep.runs[hurt].run_id;
    let html = page(&sweep);
    let verdict = &html[..html.find("</header>").unwrap()];
    assert!(verdict.contains(&format!("the loss of {name} falls ")), "{verdict}");
    assert!(verdict.contains(&format!("train {name} at a higher rate")), "{verdict}");
    let table = &html[html.find("Fall of the loss over the decay").unwrap()..];
    assert!(table[..table.find("</table>").unwrap()].contains(": off"));
    assert!(isoflop_report::terminal(&sweep.report(), 80).contains("at a higher rate"));
}

#[test]
fn a_sound_sweep_has_a_score_and_names_no_run() {
    let html = page(&sweep(|_| 1.0));
    assert!(html.contains("id=\"collapse\"") && html.contains("within scatter"));
    assert!(!html.contains("falls over the decay of its rate as"));
    assert!(!html.contains("at a lower rate") && !html.contains("at a higher rate"));
}

#[test]
fn too_few_curves_have_no_score_and_the_page_says_why() {
    let mut sweep = sweep(|_| 1.0);
    sweep.curves.truncate(8);
    let html = page(&sweep);
    assert!(!html.contains("id=\"collapse\""));
    let said = &html[html.find("Too few learning curves compare").unwrap()..];
    assert!(said[..said.find("</p>").unwrap()].contains("all runs ("), "{said}");
}
