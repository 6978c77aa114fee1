//! A report concludes nothing that the runs do not identify, gives every unit, and says nothing twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_fit::output::Problem;
use isoflop_results::data::{Correlation, KnownExponents, ReferenceLoss};
use isoflop_results::{DataRecord, Status};
use synthetic::Synthetic;

fn page(sweep: &Synthetic) -> String {
    isoflop_report::html(&sweep.report())
}

fn verdict(html: &str) -> &str {
    &html[html.find("class=\"verdict\"").unwrap()..html.find("</header>").unwrap()]
}

/// The figures of a report as files.
struct Figures(tempfile::TempDir);

impl Figures {
    fn of(sweep: &Synthetic) -> Figures {
        let dir = tempfile::tempdir().unwrap();
        isoflop_report::write(&sweep.report(), dir.path()).unwrap();
        Figures(dir)
    }

    fn text(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.0.path().join("figures").join(file)).ok()
    }
}

fn figure(sweep: &Synthetic, file: &str) -> Option<String> {
    Figures::of(sweep).text(file)
}

/// Compute between two series is read off their runs, whatever laws identify.
#[test]
fn a_law_that_the_runs_do_not_identify_gives_no_exponent_no_verdict_and_no_line() {
    let sweep = synthetic::two_tokenizers();
    let html = page(&sweep);
    let compared = &html[html.find("<h2 id=\"comparison\"").unwrap()..];
    let compared = &compared[..compared.find("</ul>").unwrap()];
    assert!(compared.contains("<li>Measured: rust-code needs "), "{compared}");
    assert!(compared.contains("bits per byte"), "{compared}");
    for law in ["falls with an exponent", "6ND"] {
        assert!(!compared.contains(law), "{law}: {compared}");
    }
    let verdict = verdict(&html);
    for claim in ["Test loss falls", "Compute-optimal N grows", "E = ", "\u{3b1} = "] {
        assert!(!verdict.contains(claim), "{claim}: {verdict}");
    }
    assert!(verdict.contains("these runs do not identify"), "{verdict}");
    let figures = Figures::of(&sweep);
    for file in ["three-panels.csv", "isoflop.csv"] {
        let csv = figures.text(file).unwrap();
        assert!(!csv.contains(",fit,"), "{file}");
    }
    assert!(figures.text("multiplier.csv").unwrap().contains(",measured,"));
    assert!(figures.text("plane.csv").is_none());
    assert!(html.contains("No line: the runs do not identify alpha"));
    let words = isoflop_report::terminal(&sweep.report(), 80);
    assert!(words.contains("Measured: rust-code") && !words.contains("dots: the law"), "{words}");
}

#[test]
fn an_approach_whose_optima_lie_outside_the_sizes_has_no_line() {
    let mut sweep = synthetic::quickstart();
    let lines = |sweep: &Synthetic| figure(sweep, "isoflop.csv").unwrap().matches(",fit,").count();
    let before = lines(&sweep);
    sweep.fits.approaches[0].approaches[3].optima.clear();
    // The panels of N* and of D* have two ends each.
    assert_eq!(lines(&sweep), before - 4);
}

#[test]
fn exponents_stand_under_both_counts_of_compute_with_a_word_why() {
    let html = page(&synthetic::quickstart());
    let table = &html[html.find("Exponents of the optimum</caption>").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    for words in ["a, C exact", "b, C exact", "a, C = 6ND", "b, C = 6ND"] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let why = "add up to 1.07 and not to 1, since C counts attention and the head as well";
    assert!(verdict(&html).contains(why), "{}", verdict(&html));
    assert_eq!(html.matches(why).count(), 1);
    let svg = figure(&synthetic::quickstart(), "isoflop.svg").unwrap();
    assert_eq!(svg.matches("training compute C, exact (FLOPs)").count(), 2);
}

#[test]
fn residuals_of_each_law_bear_its_name() {
    let mut sweep = synthetic::quickstart();
    let law = sweep.fits.fits.iter().find(|f| f.law == "chinchilla").unwrap().clone();
    for name in ["chinchilla-tied", "kaplan"] {
        let mut other = law.clone();
        other.law = name.into();
        sweep.fits.fits.push(other);
    }
    let svg = figure(&sweep, "residuals-by-law.svg").unwrap();
    for name in ["chinchilla", "chinchilla-tied", "kaplan"] {
        assert_eq!(svg.matches(&format!(">Residuals of {name}<")).count(), 1, "{name}");
    }
    assert!(!svg.contains("Residuals by compute"));
}

#[test]
fn a_reference_that_beats_every_run_is_drawn_and_said() {
    let mut sweep = synthetic::language();
    let losses = sweep.runs.iter().filter_map(|r| r.test_loss);
    let best = losses.fold(f64::INFINITY, f64::min);
    let text = &mut sweep.data[0];
    let reference = text.references.iter_mut().find(|r| r.name == "5-gram").unwrap();
    reference.test_loss = 0.95 * best;
    let words = format!(
        "No run beats a 5-gram ({:.3} nats per token); the best has {best:.3}.",
        0.95 * best
    );
    let html = page(&sweep);
    assert!(verdict(&html).contains(&words), "{}", verdict(&html));
    assert!(isoflop_report::terminal(&sweep.report(), 300).contains(&words));
    let csv = figure(&sweep, "three-panels.csv").unwrap();
    assert_eq!(csv.lines().filter(|l| l.contains("5-gram")).count(), 6);
    assert!(!verdict(&page(&synthetic::language())).contains("No run beats"));
}

#[test]
fn the_noise_between_seeds_is_told_series_by_series() {
    let mut sweep = synthetic::two_series();
    let again: Vec<_> = sweep
        .runs
        .iter()
        .map(|run| {
            let mut run = run.clone();
            let off = if run.series.ends_with("code") { 0.2 } else { 0.02 };
            run.run_id.push_str("-s1");
            (run.seed, run.test_loss) = (1, run.test_loss.map(|loss| loss + off));
            run
        })
        .collect();
    sweep.runs.extend(again);
    let html = page(&sweep);
    let said: Vec<&str> = verdict(&html)
        .split("Between seeds the test loss varies by ")
        .skip(1)
        .map(|rest| &rest[..rest.find(' ').unwrap()])
        .collect();
    // Two runs that differ by x scatter by x / sqrt 2.
    assert_eq!(said, ["0.0141", "0.141"]);
}

#[test]
fn charts_of_several_tokenizers_share_no_axis_of_nats() {
    let sweep = synthetic::two_tokenizers();
    let words = isoflop_report::terminal(&sweep.report(), 80);
    assert_eq!(
        words.matches("test loss (bits per byte) by training compute").count(),
        2,
        "{words}"
    );
    let vega = isoflop_report::vega_lite(&sweep.report());
    let layers = vega["hconcat"][0]["layer"].as_array().unwrap();
    let runs = layers[2]["data"]["values"].as_array().unwrap();
    assert_eq!(layers[2]["encoding"]["y"]["title"], "test loss (bits per byte)");
    for run in runs {
        let known = sweep
            .runs
            .iter()
            .find(|r| run["run"] == r.run_id.as_str() && run["series"] == r.series.as_str())
            .unwrap();
        let loss = run["loss"].as_f64().unwrap();
        assert!((loss / known.test_bpb.unwrap() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_equation_of_a_panel_has_a_form_in_bits_per_byte() {
    let html = page(&synthetic::quickstart());
    let formulas = html.matches(" data-formula=\"L = (").count();
    assert_eq!(formulas, 3);
}

#[test]
fn what_to_act_on_stands_in_the_verdict_and_method_with_its_fit() {
    let mut sweep = synthetic::quickstart();
    for fit in &mut sweep.fits.fits {
        fit.remarks.note("take the intervals as rough");
    }
    let law = sweep.fits.fits.iter_mut().find(|fit| fit.law == "chinchilla").unwrap();
    law.remarks.warn(Problem::NotIdentified, "the runs do not identify E", vec!["E".into()]);
    sweep.fits.isoflop[0].remarks.note("two minima make a line");
    sweep.fits.approaches[0].approaches[1].remarks.note("one optimum lies outside");
    let html = page(&sweep);
    let said = verdict(&html);
    let list = &said[said.find("id=\"warnings\"").unwrap()..];
    let list = &list[..list.find("</ul>").unwrap()];
    assert_eq!(list.matches("<li>").count(), 1, "{list}");
    assert!(list.contains("The runs do not identify E (chinchilla)"), "{list}");
    assert!(list.contains("`isoflop advise RESULTS_DIR --target E`"), "{list}");
    let fits = &html[html.find("id=\"fits\"").unwrap()..];
    assert_eq!(fits.matches("Take the intervals as rough.").count(), sweep.fits.fits.len());
    assert_eq!(fits.matches("Two minima make a line.").count(), 1);
    assert!(fits.contains(". One optimum lies outside"));
    assert!(!said.contains("intervals as rough"));
}

#[test]
fn what_is_left_out_is_counted_in_words() {
    let mut sweep = synthetic::quickstart();
    assert!(page(&sweep).contains("and one finished run for the reason given above"));
    sweep.fits.excluded.clear();
    let html = page(&sweep);
    assert!(html.contains("Diverged and failed runs are left out, and no others."), "{html}");
}

#[test]
fn an_overlap_has_as_many_digits_as_anybody_reads() {
    let mut sweep = synthetic::language();
    sweep.data[0].overlap = Some(0.004_084_411_164_057_182);
    let html = page(&sweep);
    assert!(html.contains(">0.41<") && !html.contains("0.40844"));
}

#[test]
fn there_is_a_page_whatever_became_of_the_runs() {
    let diverged = |sweep: &mut Synthetic| {
        for run in &mut sweep.runs {
            (run.status, run.test_loss, run.test_bpb) = (Status::Diverged, None, None);
        }
        sweep.fits.fits.clear();
        sweep.fits.isoflop.clear();
        sweep.fits.approaches.clear();
        sweep.fits.ranking.clear();
    };
    let mut all = synthetic::quickstart();
    diverged(&mut all);
    let html = page(&all);
    assert!(
        verdict(&html).contains("runs diverged: there is no loss to fit."),
        "{}",
        verdict(&html)
    );
    assert!(html.contains("id=\"learning-curves\""));
    let mut repeated = synthetic::too_small();
    repeated.fits.refused.clear();
    repeated.fits.excluded = repeated
        .runs
        .iter()
        .map(|run| isoflop_fit::output::Excluded {
            label: run.run_id.clone(),
            reason: "9.0 epochs; a law without a repetition term takes up to 4".into(),
        })
        .collect();
    let html = page(&repeated);
    let said = verdict(&html);
    assert!(
        said.contains(
            "all are left out for too many epochs (a law without a repetition term takes up to 4)"
        ),
        "{said}"
    );
    assert!(html.contains("id=\"three-panels\"") && html.contains("id=\"learning-curves\""));
}

/// The quickstart on a text whose n-grams over three parts have the entropies `1 + n^-0.4`, and whose
/// correlations fall as asked.
fn of_text(strength: impl Fn(f64) -> f64) -> Synthetic {
    let mut sweep = synthetic::quickstart();
    let part = |train_tokens: u64, order: u32| ReferenceLoss {
        name: if order == 1 { "unigram".into() } else { format!("{order}-gram") },
        train_tokens: Some(train_tokens),
        test_loss: 1.0 + f64::from(order - 1).max(0.5).powf(-0.4),
        test_loss_se: None,
        test_bpb: 1.0,
    };
    let parts = [8192, 32_768, 131_072];
    let correlation = |k: i32| {
        let distance = 2u64.pow(k as u32 / 2) * (2 + k as u64 % 2) / 2;
        let strength = strength(distance as f64);
        Correlation { distance, strength, standard_error: 1e-6 }
    };
    sweep.data.push(DataRecord {
        data_digest: sweep.runs[0].data_digest.clone(),
        corpus: "any <text>".into(),
        references: parts
            .iter()
            .flat_map(|&tokens| (1..=8).map(move |order| part(tokens, order)))
            .collect(),
        correlations: Some((2..16).map(correlation).collect()),
        ..DataRecord::default()
    });
    sweep
}

#[test]
fn a_text_forecasts_an_exponent_only_where_both_of_its_decays_are_powers() {
    let known = page(&of_text(|n| 0.3 * n.powf(-0.8)));
    let said = "The text alone forecasts a data exponent of 0.249";
    assert!(verdict(&known).contains(said), "{}", verdict(&known));
    assert!(verdict(&known).contains("L(N, D) has \u{3b2} = "), "{}", verdict(&known));
    let texts = |page: &str| page[page.find("<h2 id=\"texts\"").unwrap()..].to_owned();
    let listed = texts(&known);
    assert!(listed.contains("What any &lt;text&gt; says of its data exponent"), "{listed}");
    assert!(
        listed.contains("correlations fall as n^-0.80 [0.80, 0.80] over distances of 2 to 192")
    );
    let refused = page(&of_text(|n| 0.3 * (-n / 40.0).exp()));
    assert!(!verdict(&refused).contains("data exponent"), "{}", verdict(&refused));
    let listed = texts(&refused);
    assert!(listed.contains(
        "<li>beta is not identified: at distances of 2 to 192 correlations fall exponentially"
    ));
    assert!(listed.contains("<li>the text alone forecasts no data exponent.</li>"));
}

#[test]
fn an_exponent_that_a_language_is_built_with_stands_beside_the_fitted_one() {
    let mut sweep = synthetic::language();
    assert!(!verdict(&page(&sweep)).contains("data exponent"));
    let beta = Some(0.375);
    sweep.data[0].exponents = Some(KnownExponents { beta, ..KnownExponents::default() });
    let built = page(&sweep);
    let said = "The construction of the language gives a data exponent of 0.375 while much of it is unseen; L(N, D) has \u{3b2} = ";
    assert!(verdict(&built).contains(said), "{}", verdict(&built));
    synthetic::unidentify(&mut sweep);
    for fit in &mut sweep.fits.fits {
        fit.parameters.get_mut("beta").into_iter().for_each(|beta| beta.identified = false);
    }
    let open = "unseen; the runs do not identify \u{3b2} of L(N, D).";
    assert!(verdict(&page(&sweep)).contains(open));
}
