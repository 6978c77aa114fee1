//! The page is complete, self-contained and safe.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_fit::output::{Problem, Reached};
use isoflop_results::Status;
use std::collections::BTreeSet;
use synthetic::Synthetic;

fn page(sweep: &Synthetic) -> String {
    isoflop_report::html(&sweep.report())
}

fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!(" {name}=\""))
        .skip(1)
        .map(|rest| &rest[..rest.find('"').unwrap()])
        .collect()
}

#[test]
fn the_page_has_every_section_in_order() {
    let html = page(&synthetic::quickstart());
    let headings: Vec<&str> = html
        .split("<h2 id=\"")
        .skip(1)
        .map(|rest| &rest[rest.find('>').unwrap() + 1..rest.find("</h2>").unwrap()])
        .collect();
    let expected = [
        "Loss against compute, data and parameters",
        "What is compute-optimal",
        "How far to trust it",
        "Fits",
        "Learning curves",
        "What the context is worth",
        "Runs",
        "Failed, diverged and excluded runs",
        "Method",
        "Provenance",
    ];
    assert_eq!(headings, expected);
    assert!(html.find("class=\"verdict\"").unwrap() < html.find("<h2").unwrap());
}

#[test]
fn the_verdict_gives_exponents_with_intervals_and_their_source() {
    let html = page(&synthetic::quickstart());
    let verdict = &html[html.find("class=\"verdict\"").unwrap()..html.find("</header>").unwrap()];
    insta::assert_snapshot!(verdict);
}

#[test]
fn the_page_written_is_the_page_returned_and_its_links_lead_to_files() {
    let sweep = synthetic::quickstart();
    let dir = tempfile::tempdir().unwrap();
    let written = isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    let html = page(&sweep);
    assert_eq!(std::fs::read_to_string(dir.path().join("index.html")).unwrap(), html);
    let links = attributes(&html, "href");
    let files = links.into_iter().filter_map(|l| l.strip_prefix("figures/"));
    let linked: BTreeSet<_> = files.map(|f| dir.path().join("figures").join(f)).collect();
    let mut placed: BTreeSet<_> = written.into_iter().collect();
    assert!(placed.remove(&dir.path().join("index.html")));
    assert_eq!(linked, placed);
    assert_eq!(std::fs::read_dir(dir.path().join("figures")).unwrap().count(), placed.len());
}

#[test]
fn nothing_on_the_page_is_fetched() {
    let html = page(&synthetic::two_series());
    for link in attributes(&html, "href").into_iter().chain(attributes(&html, "src")) {
        let local = link.starts_with('#') || link.starts_with("figures/") || link == "data:,";
        assert!(local, "{link}");
    }
    for fetch in ["http:", "https:", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!html.contains(fetch), "{fetch}");
    }
}

#[test]
fn ids_are_unique_and_every_panel_has_a_title() {
    let html = page(&synthetic::quickstart());
    let ids = attributes(&html, "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for label in attributes(&html, "aria-labelledby") {
        assert!(ids.contains(&label), "{label}");
    }
    let figures = html.matches("<svg class=\"panel\"").count();
    assert_eq!(figures, html.matches("role=\"img\"").count());
    assert!(figures > 3 + 3 + 2 + 3 + 3 + 5 + 4 + 3 + 2, "{figures}");
}

#[test]
fn hostile_text_is_shown_as_text_everywhere() {
    let evil = "<img src=x onerror=alert(1)>\"'&\u{1}";
    let mut sweep = synthetic::two_series();
    sweep.title = format!("{evil}{}", "長い名前".repeat(50));
    sweep.question = "</title><script>alert(1)</script>".into();
    for (k, run) in sweep.runs.iter_mut().enumerate() {
        run.series = (run.series.replace("rust-docs", evil)).as_str().into();
        run.size = evil.into();
        run.corpus = evil.into();
        run.tokenizer = evil.into();
        let old = std::mem::replace(&mut run.run_id, format!("=cmd(){evil},{k}"));
        for curve in sweep.curves.iter_mut().filter(|c| c.run_id == old) {
            curve.run_id = run.run_id.clone();
        }
    }
    sweep.runs[0].status = Status::Failed;
    sweep.runs[0].message = Some(evil.into());
    for fit in &mut sweep.fits.fits {
        fit.series = fit.series.replace("rust-docs", evil);
        (fit.points, fit.formula) = (evil.into(), evil.into());
        fit.remarks.note(evil);
        fit.remarks.warn(Problem::FewDecide, evil, vec![evil.into()]);
    }
    for isoflop in &mut sweep.fits.isoflop {
        isoflop.series = isoflop.series.replace("rust-docs", evil);
        isoflop.budgets[0].note = Some(evil.into());
    }
    sweep.fits.excluded[1].reason = evil.into();
    let dir = tempfile::tempdir().unwrap();
    let written = isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    for path in written {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        match path.extension().unwrap().to_str().unwrap() {
            "csv" => {
                for line in text.lines() {
                    assert!(!line.contains(",=cmd") && !line.contains(",\"=cmd"), "{line}");
                }
            }
            "svg" => {
                let options = resvg::usvg::Options::default();
                resvg::usvg::Tree::from_str(&text, &options).expect("well-formed");
                assert!(!text.contains("<img"), "{}", path.display());
            }
            _ => {
                assert!(!text.contains("<img"));
                assert_eq!(text.matches("<script").count(), 2);
                assert!(
                    text.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\u{fffd}")
                );
            }
        }
    }
}

#[test]
fn runs_that_did_not_finish_are_listed_with_the_reason() {
    let html = page(&synthetic::quickstart());
    let section = &html[html.find("id=\"left-out\"").unwrap()..html.find("id=\"method\"").unwrap()];
    for words in ["at step 41: train loss became NaN", "worker was killed (signal 9)", "4.6 epochs"]
    {
        assert!(section.contains(words), "{words}");
    }
    // The failed run is among the excluded rows too, and is listed once.
    assert_eq!(section.matches("c1e12-n111k-77aa").count(), 1);
}

#[test]
fn a_parameter_that_is_not_identified_says_so() {
    let mut sweep = synthetic::quickstart();
    let law = sweep.fits.fits.iter_mut().find(|f| f.law == "chinchilla").unwrap();
    law.parameters.get_mut("E").unwrap().identified = false;
    let html = page(&sweep);
    assert!(html.contains(">0.75<"));
    assert_eq!(html.matches("<b>no</b>").count(), 1);
    let verdict = &html[html.find("class=\"verdict\"").unwrap()..html.find("</header>").unwrap()];
    assert!(verdict.contains("these runs do not identify its E."), "{verdict}");
    assert!(!verdict.contains("0.75"), "{verdict}");
}

#[test]
fn a_law_that_errs_to_one_side_in_every_window_is_told_so_in_the_verdict_and_the_table() {
    let mut sweep = synthetic::quickstart();
    assert!(!page(&sweep).contains("does not hold here"));
    for fit in &mut sweep.fits.fits {
        let Some(validation) = &mut fit.validation else {
            continue;
        };
        let mut held = validation.windows[0].clone();
        held.judged = "C 4e12".into();
        held.reached = vec![Reached {
            reach: 2.5,
            held_out: 8,
            mean_error: 0.08,
            rms_error: 0.09,
            expected: 0.02,
            covered: Some(2),
        }];
        validation.windows = vec![held; 6];
        let misfit = validation.verdict().unwrap();
        fit.remarks.warn(Problem::Errs, misfit.sentence, Vec::new());
    }
    let html = page(&sweep);
    let verdict = "predicts too high in 6 of 6 windows, by 8.3 % at 2.5 times the compute";
    // The verdict says it with what to do, and so does the table of laws judged by runs held out.
    assert!(html.contains(&format!("<li>The law {verdict}")), "the verdict");
    assert!(html.contains("does not hold here (chinchilla): forecast from budgets nearer by"));
    assert!(html.contains(&format!("</b> the law {verdict}")), "the table");
    assert!(html.contains("<td>C 4e12</td>"));
}

#[test]
fn without_a_finished_run_the_page_says_so() {
    let mut sweep = synthetic::too_small();
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits.refused.clear();
    let html = page(&sweep);
    assert!(html.contains("No run has finished yet"));
    assert!(html.contains("No line: no run has finished."));
    assert!(!html.contains("id=\"runs\""));
}

#[test]
fn without_a_bootstrap_no_interval_is_shown() {
    let mut sweep = synthetic::quickstart();
    for fit in &mut sweep.fits.fits {
        fit.bootstrap = None;
        for e in fit.parameters.values_mut() {
            (e.low, e.high, e.standard_error) = (None, None, None);
        }
    }
    for isoflop in &mut sweep.fits.isoflop {
        isoflop.bootstrap = None;
        for e in isoflop.n_exponent.iter_mut().chain(&mut isoflop.d_exponent) {
            (e.low, e.high, e.standard_error) = (None, None, None);
        }
    }
    let html = page(&sweep);
    assert!(html.contains("no intervals: fitted without a bootstrap"));
    let verdict = &html[html.find("class=\"verdict\"").unwrap()..html.find("</header>").unwrap()];
    assert!(!verdict.contains('['), "{verdict}");
}

#[test]
fn extreme_numbers_do_not_break_a_report() {
    let mut sweep = synthetic::quickstart();
    sweep.runs[0].test_loss = Some(f64::NAN);
    sweep.runs[1].test_loss = Some(f64::INFINITY);
    sweep.runs[2].c_exact = 0.0;
    sweep.curves[0].points[3].train_loss = Some(f64::NAN);
    sweep.curves[1].points.truncate(1);
    sweep.curves[2].run_id = "unknown".into();
    for fit in &mut sweep.fits.fits {
        for e in fit.parameters.values_mut() {
            (e.value, e.low, e.high) = (f64::INFINITY, Some(f64::NAN), Some(1e300));
        }
        fit.data[0].loss = f64::NAN;
    }
    let budgets = &mut sweep.fits.isoflop[0].budgets;
    budgets[0].minimum.as_mut().unwrap().n_opt.low = Some(0.0);
    budgets[1].minimum.as_mut().unwrap().n_opt.high = Some(f64::INFINITY);
    budgets[2].minimum.as_mut().unwrap().n_opt.value = f64::NAN;
    budgets[3].parabola = None;
    let html = page(&sweep);
    let drawn: String = attributes(&html, "d").concat() + &attributes(&html, "cx").concat();
    assert!(drawn.len() > 1000 && !drawn.contains("NaN") && !drawn.contains("inf"));
}

#[test]
fn two_hundred_runs_of_a_thousand_points_stay_under_two_megabytes() {
    let sweep = synthetic::large(200, 1000);
    assert_eq!(sweep.runs.len(), 200);
    assert_eq!(sweep.curves.last().unwrap().points.len(), 1000);
    let html = page(&sweep);
    assert!(html.len() < 2_000_000, "{}", html.len());
}

#[test]
fn the_table_of_runs_has_a_row_a_run_and_sorts_by_unrounded_numbers() {
    let sweep = synthetic::quickstart();
    let html = page(&sweep);
    let table = &html[html.find("<table class=\"runs sortable\"").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    assert_eq!(table.matches("<tr data-r=").count(), sweep.runs.len());
    let run = &sweep.runs[0];
    let cell = format!("data-key=\"{}\">{:.3}", run.test_loss.unwrap(), run.test_loss.unwrap());
    assert!(table.contains(&cell), "{cell}");
}

/// Numbers of any size make charts, however strange.
#[test]
fn numbers_of_any_size_make_a_page_in_time() {
    let change: [fn(&mut isoflop_results::RunRow, f64); 5] = [
        |run, x| run.test_loss = Some(x),
        |run, x| (run.n_non_embedding, run.n_total) = (x as u64, x as u64),
        |run, x| run.tokens = x as u64,
        |run, x| (run.c_exact, run.c_6nd, run.flops_budget) = (x, x, Some(x)),
        |run, x| (run.learning_rate, run.test_loss_se) = (x, Some(x)),
    ];
    let begun = std::time::Instant::now();
    for extreme in [0.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::INFINITY, f64::NAN, -1.0] {
        for change in change {
            for every in [1, 5] {
                let mut sweep = synthetic::quickstart();
                for run in sweep.runs.iter_mut().step_by(every) {
                    change(run, extreme);
                }
                let report = sweep.report();
                assert!(isoflop_report::html(&report).contains("</html>"));
                assert!(!isoflop_report::terminal(&report, 80).is_empty());
                assert!(isoflop_report::vega_lite(&report).is_object());
            }
        }
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(120));
}

#[test]
fn the_cost_counts_the_steps_that_branches_of_a_trunk_share_once() {
    let mut sweep = synthetic::quickstart();
    sweep.runs.retain(|run| run.status == Status::Finished);
    let alone: f64 = sweep.runs.iter().map(|run| run.c_exact).sum();
    // Every run is now a branch: all but the last fifth of its steps lie on the trunk of its size.
    let (mut own, mut trunks) = (0.0, std::collections::BTreeMap::<(u64, u64), f64>::new());
    for run in &mut sweep.runs {
        run.flops_spent = 0.2 * run.c_exact;
        own += run.flops_spent;
        let longest = trunks.entry((run.d_model, run.n_layers)).or_default();
        *longest = longest.max(0.8 * run.c_exact);
    }
    let spent = own + trunks.values().sum::<f64>();
    assert!(spent < 0.9 * alone, "{spent} {alone}");
    let shown = isoflop_core::units::scientific(spent);
    let page = page(&sweep);
    let cost = page.split("<dt>Cost</dt>").nth(1).unwrap();
    let cost = &cost[..cost.find("</dd>").unwrap()];
    assert!(cost.contains(&format!("{shown} FLOPs")), "{shown}: {cost}");
}
