//! The contents of figure files: labels, positions, data, pixels.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use resvg::tiny_skia::Pixmap;
use resvg::usvg;
use std::path::Path;
use std::sync::Arc;
use synthetic::Synthetic;

struct Written(tempfile::TempDir);

impl Written {
    fn of(sweep: &Synthetic) -> Written {
        let dir = tempfile::tempdir().unwrap();
        isoflop_report::write(&sweep.report(), dir.path()).unwrap();
        Written(dir)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join("figures").join(name)).unwrap()
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

#[test]
fn figures_of_an_earlier_report_are_removed_and_strangers_kept() {
    let written = Written::of(&synthetic::quickstart());
    let figures = written.folder().join("figures");
    std::fs::write(figures.join("my-own.svg"), "mine").unwrap();
    assert!(figures.join("isoflop.png").exists());
    let smaller = synthetic::too_small();
    isoflop_report::write(&smaller.report(), written.folder()).unwrap();
    assert!(!figures.join("isoflop.png").exists() && !figures.join("isoflop.csv").exists());
    assert!(figures.join("my-own.svg").exists() && figures.join("three-panels.png").exists());
}

#[test]
fn sealed_forecasts_are_drawn_with_their_errors_against_how_far_they_reach() {
    let mut sweep = synthetic::quickstart();
    let forecast = |run_id: &str, reach: f64, measured: f64| isoflop_report::ScoredForecast {
        run_id: run_id.to_owned(),
        series: String::new(),
        reach,
        predicted: 2.0,
        low: 1.9,
        high: 2.1,
        measured,
    };
    let none = Written::of(&sweep);
    assert!(!none.folder().join("figures/sealed-forecasts.svg").exists());
    sweep.forecasts = vec![
        forecast("n1-s0-aa", 10.0, 2.0 / 1.01),
        forecast("n1-s1-bb", 10.0, 2.0 / 0.93),
        forecast("n2-s0-cc", 30.0, 2.0),
    ];
    let written = Written::of(&sweep);
    let csv = written.text("sealed-forecasts.csv");
    let cells = |run: &str| -> Vec<f64> {
        let line = csv.lines().find(|line| line.contains(run)).unwrap();
        line.split(',').skip(4).map(|cell| cell.parse().unwrap()).collect()
    };
    // x, y, low and high: the first two of a reach stand a little aside from each other.
    let ([a, b, c], near) = (["n1-s0", "n1-s1", "n2-s0"].map(cells), 0.02);
    assert!((a[0] / 10.0).ln().abs() < near && (b[0] / 10.0).ln().abs() < near && a[0] < b[0]);
    assert_eq!((c[0], c[1]), (30.0, 0.0));
    for (cells, errors) in [(&a, [1.0, -4.05, 6.05]), (&b, [-7.0, -11.65, -2.35])] {
        for (cell, error) in cells[1..].iter().zip(errors) {
            assert!((cell - error).abs() < 1e-9, "{csv}");
        }
    }
    let words = labels(&written.text("sealed-forecasts.svg"));
    for word in ["inside the interval: 2", "outside the interval: 1", "C over the largest fitted"] {
        assert!(words.contains(&word.to_owned()), "{word}: {words:?}");
    }
    let page = std::fs::read_to_string(written.folder().join("index.html")).unwrap();
    assert!(page.contains("2 of 3 of which hold the run"));
}

/// Losses of two tokenizers stand side by side in bits per byte: their tokens are not the same bytes.
#[test]
fn losses_of_two_tokenizers_are_compared_in_bits_per_byte() {
    let mut sweep = synthetic::two_series();
    for run in sweep.runs.iter_mut().filter(|r| r.series.ends_with("code")) {
        run.tokenizer = "bpe:1024".into();
        run.test_bpb = run.test_loss.map(|loss| 0.6 * loss);
    }
    let written = Written::of(&sweep);
    let finished = || sweep.runs.iter().filter(|r| r.test_bpb.is_some());
    let panels = written.text("three-panels.csv");
    let run = finished().next_back().unwrap();
    let bits = run.test_bpb.unwrap();
    let of_run = |row: &&str| row.contains(&format!(",run,{},{},", run.series, run.run_id));
    let row = panels.lines().find(of_run);
    let y: f64 = row.unwrap().rsplit(',').nth(2).unwrap().parse().unwrap();
    assert!((y / bits - 1.0).abs() < 1e-9, "{y} {bits}");
    let words = labels(&written.text("three-panels.svg"));
    assert!(words.contains(&"test loss (bits per byte)".to_owned()));
    assert!(!words.iter().any(|w| w.contains("nats per token")), "{words:?}");
    // A run is compared with the run of its size and budget in the first series.
    let home = |r: &&isoflop_results::RunRow| (r.size.clone(), r.flops_budget.map(f64::to_bits));
    let base = finished().find(|r| r.series != run.series && home(r) == home(&run));
    let base = base.unwrap();
    let percent = 100.0 * (bits / base.test_bpb.unwrap() - 1.0);
    let axes = written.text("axes.csv");
    let row = axes.lines().find(of_run);
    let x: f64 = row.unwrap().rsplit(',').nth(3).unwrap().parse().unwrap();
    assert!((x - percent).abs() < 1e-6, "{x} {percent}");
}

/// The entropy stands in every panel of losses near it, with its name, and its value stands in the CSV.
/// Levels far from the runs stand in the table alone.
#[test]
fn entropy_and_references_are_drawn_where_they_leave_room() {
    let sweep = synthetic::language();
    let written = Written::of(&sweep);
    let entropy = sweep.data[0].entropy.unwrap().nats_per_token;
    let csv = written.text("three-panels.csv");
    let lines = |mark: &str| csv.lines().filter(|l| l.contains(mark)).count();
    // A line of two ends in each of three panels.
    assert_eq!((lines(",entropy,"), lines("5-gram"), lines("unigram")), (6, 6, 0), "{csv}");
    assert!(csv.contains(&format!("{entropy}")));
    let named = labels(&written.text("three-panels.svg"));
    assert_eq!(named.iter().filter(|l| *l == "entropy").count(), 3);
    assert!(labels(&written.text("isoflop.svg")).contains(&"entropy".to_owned()));
    let page = std::fs::read_to_string(written.folder().join("index.html")).unwrap();
    let table = &page[page.find("<h2 id=\"texts\"").unwrap()..];
    for name in ["uniform", "unigram", "5-gram", "source", "entropy of the language", "best run"] {
        assert!(table.contains(&format!("<td>{name}")), "{name}");
    }
    assert!(page.contains(", inside what the runs allow E, ["));
}

/// The content of each `text` element, tags inside it dropped.
fn labels(svg: &str) -> Vec<String> {
    let texts = svg.split("<text ").skip(1).map(|rest| {
        let content = &rest[rest.find('>').unwrap() + 1..rest.find("</text>").unwrap()];
        let mut out = String::new();
        let mut inside = false;
        for c in content.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out
    });
    texts.collect()
}

fn embedded_fonts() -> usvg::Options<'static> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let fontdb = Arc::new(fonts);
    usvg::Options { fontdb, font_family: "Ubuntu".into(), ..Default::default() }
}

/// Boxes of all texts, in CSS pixels of the figure.
fn text_boxes(svg: &str) -> (usvg::Size, Vec<(String, usvg::Rect)>) {
    fn walk(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                usvg::Node::Group(group) => walk(group, found),
                usvg::Node::Text(text) => {
                    let words = text.chunks().iter().map(|c| c.text()).collect();
                    // The outline of a halo does not count as ink.
                    found.push((words, text.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }
    let tree = usvg::Tree::from_str(svg, &embedded_fonts()).unwrap();
    let mut found = Vec::new();
    walk(tree.root(), &mut found);
    (tree.size(), found)
}

#[test]
fn the_three_panels_say_what_they_show() {
    let svg = Written::of(&synthetic::quickstart()).text("three-panels.svg");
    insta::assert_snapshot!(labels(&svg).join("\n"));
}

#[test]
fn the_isoflop_figure_says_what_it_shows() {
    let svg = Written::of(&synthetic::quickstart()).text("isoflop.svg");
    insta::assert_snapshot!(labels(&svg).join("\n"));
}

#[test]
fn several_series_are_labelled_by_what_tells_them_apart() {
    let svg = Written::of(&synthetic::two_series()).text("three-panels.svg");
    let found = labels(&svg);
    for series in ["rust-docs", "rust-code"] {
        assert!(found.contains(&series.to_owned()), "{found:?}");
        let fitted = found.iter().filter(|l| l.starts_with(&format!("{series}: \u{3b1}"))).count();
        assert_eq!(fitted, 3, "one exponent a panel");
    }
}

#[test]
fn a_panel_without_a_fit_says_why() {
    let written = Written::of(&synthetic::too_small());
    let found = labels(&written.text("three-panels.svg")).join(" ");
    assert_eq!(found.matches("No line: one budget with an inner minimum").count(), 3, "{found}");
    assert!(!written.text("three-panels.csv").contains(",fit,"));
    assert!(!written.folder().join("figures").join("isoflop.svg").exists());
}

#[test]
fn no_label_is_cut_off_or_lies_on_another() {
    for sweep in [
        synthetic::quickstart(),
        synthetic::two_series(),
        synthetic::too_small(),
        synthetic::factors(),
        synthetic::counted::sweep(),
    ] {
        let written = Written::of(&sweep);
        for entry in std::fs::read_dir(written.folder().join("figures")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "svg") {
                continue;
            }
            let (size, boxes) = text_boxes(&std::fs::read_to_string(&path).unwrap());
            assert!(boxes.len() > 8, "{}", path.display());
            for (k, (text, area)) in boxes.iter().enumerate() {
                let inside = area.left() >= 0.0
                    && area.top() >= 0.0
                    && area.right() <= size.width()
                    && area.bottom() <= size.height();
                assert!(inside, "{text} leaves {}", path.display());
                for (other, place) in &boxes[k + 1..] {
                    let apart = area.right() <= place.left()
                        || place.right() <= area.left()
                        || area.bottom() <= place.top() + 2.0
                        || place.bottom() <= area.top() + 2.0;
                    assert!(apart, "{text} touches {other} in {}", path.display());
                }
            }
        }
    }
}

#[test]
fn text_is_visible_in_a_png_without_any_system_font() {
    let written = Written::of(&synthetic::quickstart());
    let svg = written.text("three-panels.svg");
    let png = std::fs::read(written.folder().join("figures").join("three-panels.png")).unwrap();
    let pixels = Pixmap::decode_png(&png).unwrap();
    let (size, boxes) = text_boxes(&svg);
    assert_eq!(pixels.width(), 2 * size.width() as u32);
    let dark = |pixels: &Pixmap, area: &usvg::Rect| {
        let across = (2.0 * area.left()) as u32..(2.0 * area.right()) as u32;
        let down = (2.0 * area.top()) as u32..(2.0 * area.bottom()) as u32;
        down.flat_map(|y| across.clone().map(move |x| (x, y)))
            .filter(|(x, y)| pixels.pixel(*x, *y).is_some_and(|p| p.red() < 110))
            .count()
    };
    let blank = usvg::Tree::from_str(&svg, &usvg::Options::default()).unwrap();
    let mut without = Pixmap::new(pixels.width(), pixels.height()).unwrap();
    let twice = resvg::tiny_skia::Transform::from_scale(2.0, 2.0);
    resvg::render(&blank, twice, &mut without.as_mut());
    for wanted in ["Compute", "training tokens D", "frontier of finished runs"] {
        let (_, area) = boxes.iter().find(|(text, _)| text == wanted).unwrap();
        assert!(dark(&pixels, area) > 60, "{wanted}: {}", dark(&pixels, area));
        assert_eq!(dark(&without, area), 0, "{wanted} is drawn by its font alone");
    }
}

#[test]
fn the_csv_holds_exactly_the_points_drawn() {
    let sweep = synthetic::quickstart();
    let written = Written::of(&sweep);
    let svg = written.text("three-panels.svg");
    let csv = written.text("three-panels.csv");
    let finished = sweep.runs.iter().filter(|r| r.test_loss.is_some());
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap(), "panel,mark,series,label,x,y,low,high");
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    let of = |panel: &str, mark: &str| -> Vec<&Vec<&str>> {
        rows.iter().filter(|r| r[0] == panel && r[1] == mark).collect()
    };
    for panel in ["compute", "tokens", "parameters"] {
        let drawn: Vec<&str> = of(panel, "run").iter().map(|r| r[3]).collect();
        let runs: Vec<&str> = finished.clone().map(|r| r.run_id.as_str()).collect();
        assert_eq!(drawn, runs);
        assert_eq!(of(panel, "fitted point").len(), 4);
    }
    assert_eq!(svg.matches("<g class=\"run\"").count(), of("compute", "run").len() * 3);
    assert_eq!(svg.matches("<g class=\"curve\"").count(), sweep.curves.len());

    // Each disc lies where its row says: log x and log y are affine in pixels.
    let discs: Vec<(f64, f64)> = svg
        .split("<g class=\"run\"")
        .skip(1)
        .take(of("compute", "run").len())
        .map(|g| (attribute(g, "cx"), attribute(g, "cy")))
        .collect();
    let data: Vec<(f64, f64)> = of("compute", "run")
        .iter()
        .map(|r| (r[4].parse::<f64>().unwrap().ln(), r[5].parse::<f64>().unwrap().ln()))
        .collect();
    let last = data.len() - 1;
    let slope = |a: f64, b: f64, pa: f64, pb: f64| (pb - pa) / (b - a);
    let across = slope(data[0].0, data[last].0, discs[0].0, discs[last].0);
    let down = slope(data[0].1, data[last].1, discs[0].1, discs[last].1);
    assert!(across > 0.0 && down < 0.0);
    for (at, disc) in data.iter().zip(&discs) {
        assert!((discs[0].0 + across * (at.0 - data[0].0) - disc.0).abs() < 0.2);
        assert!((discs[0].1 + down * (at.1 - data[0].1) - disc.1).abs() < 0.2);
    }
}

fn attribute(element: &str, name: &str) -> f64 {
    let start = element.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    element[start..start + element[start..].find('"').unwrap()].parse().unwrap()
}

#[test]
fn the_fitted_line_is_the_law_over_the_range_of_its_points() {
    let sweep = synthetic::quickstart();
    let csv = Written::of(&sweep).text("three-panels.csv");
    let fit = sweep.fits.fits.iter().find(|f| f.x == Some(isoflop_fit::output::Axis::N)).unwrap();
    let (a, alpha) = (fit.parameters["A"].value, fit.parameters["alpha"].value);
    let line: Vec<(f64, f64)> = csv
        .lines()
        .filter(|l| l.starts_with("parameters,fit,,power,"))
        .map(|l| l.split(',').collect::<Vec<_>>())
        .map(|r| (r[4].parse().unwrap(), r[5].parse().unwrap()))
        .collect();
    let ns: Vec<f64> = fit.data.iter().map(|p| p.n.unwrap()).collect();
    assert_eq!(line.len(), 2);
    assert!((line[0].0 / ns[0] - 1.0).abs() < 1e-9);
    assert!((line[1].0 / ns[ns.len() - 1] - 1.0).abs() < 1e-9);
    for (n, loss) in line {
        assert!((loss / (a * n.powf(-alpha)) - 1.0).abs() < 1e-9);
    }
}

/// Losses of parabolas about .005 (N / 10k)^-.4 (B / 512)^.5: best rates are drawn at one batch, on their line.
#[test]
fn best_rates_are_drawn_at_one_batch_on_the_line_of_their_law() {
    let rule = |n: f64, batch: f64| 0.005 * (n / 1e4).powf(-0.4) * (batch / 512f64).sqrt();
    let mut runs = Vec::new();
    for n in [3e3, 1e4, 3e4] {
        for batch in [256.0, 1024.0] {
            for rate in [0.00125, 0.0025, 0.005, 0.01, 0.02] {
                let off = f64::ln(rate / rule(n, batch));
                runs.push(isoflop_fit::rate::RateRun {
                    label: format!("n{n}-b{batch}-r{rate}"),
                    series: String::new(),
                    model: n.to_string(),
                    n,
                    d: 1e6,
                    batch,
                    decay: 0.2,
                    rate,
                    seed: 0,
                    loss: Some(2.0 + 0.1 * off * off),
                    rule: None,
                });
            }
        }
    }
    let mut sweep = synthetic::quickstart();
    sweep.fits.rates = isoflop_fit::rate::rates(&runs, "n_non_embedding").unwrap();
    let written = Written::of(&sweep);
    let csv = written.text("learning-rate.csv");
    let of = |mark: &str| -> Vec<(f64, f64)> {
        let rows = csv.lines().filter(|line| line.starts_with(&format!("best_rate,{mark},")));
        let numbers = rows.map(|row| {
            let numbers: Vec<f64> = row.rsplit(',').filter_map(|cell| cell.parse().ok()).collect();
            let (x, y) = (numbers.len() - 1, numbers.len() - 2);
            (numbers[x], numbers[y])
        });
        numbers.collect()
    };
    // The geometric mean of 256 and 1,024 is 512.
    let (best, line) = (of("best"), of("fit"));
    assert_eq!((best.len(), line.len()), (6, 2), "{csv}");
    for (n, rate) in best.into_iter().chain(line) {
        assert!((rate / rule(n, 512.0) - 1.0).abs() < 1e-3, "{n}: {rate}\n{csv}");
    }
    let words = labels(&written.text("learning-rate.svg"));
    assert!(words.iter().any(|word| word.contains("best peak learning rate")), "{words:?}");
}
