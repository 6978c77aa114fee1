//! What a reader does with a page.

use super::*;
use isoflop_fit::output::Problem;

const RUN: &str = "#three-panels svg:nth-child(2) g.run";

#[test]
#[ignore = "needs chromium"]
fn the_page_opens_without_a_complaint_or_a_request() {
    for sweep in [
        synthetic::quickstart(),
        synthetic::two_series(),
        synthetic::too_small(),
        synthetic::factors(),
    ] {
        let mut opened = open(&sweep, WIDE, "light");
        opened.page.load();
        assert_eq!(opened.page.complaints, Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs chromium"]
fn pointing_at_a_run_shows_its_numbers_and_a_click_isolates_it_everywhere() {
    let sweep = synthetic::quickstart();
    let mut opened = open(&sweep, WIDE, "light");
    let page = &mut opened.page;
    page.load();
    assert_eq!(page.eval("document.querySelector('#tip').hidden"), json!(true));
    page.point_at(RUN);
    let words = page.eval("document.querySelector('#tip').innerText");
    let run = &sweep.runs[0];
    for wanted in [
        run.run_id.clone(),
        format!("test loss {:.4}", run.test_loss.unwrap()),
        "bits per byte".to_owned(),
    ] {
        assert!(words.as_str().unwrap().contains(&wanted), "{words}");
    }
    page.click(RUN);
    let alone = page.eval(
        "[...document.querySelectorAll('g[data-r]')].map(g => [g.dataset.r === '0', \
         Number(getComputedStyle(g).opacity) > 0.5]).every(([is, seen]) => is === seen)",
    );
    assert_eq!(alone, json!(true), "only its marks are left");
    let marked = page.eval("document.querySelectorAll('g.on').length");
    assert!(marked.as_u64().unwrap() > 10, "in many figures: {marked}");
    assert_eq!(page.eval("document.querySelectorAll('tr.on').length"), json!(1));
    page.screenshot(false, &screenshot("isolated-1280.png"));
    page.press("Escape");
    assert_eq!(page.eval("document.querySelectorAll('.on').length"), json!(0));
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium"]
fn axes_turn_linear_and_losses_to_bits_and_back_to_where_they_were() {
    let sweep = synthetic::quickstart();
    let mut opened = open(&sweep, WIDE, "light");
    let page = &mut opened.page;
    page.load();
    const PLACES: &str = "JSON.stringify([...document.querySelectorAll('#three-panels g.run circle')].map(\
         c => [Number(c.getAttribute('cx')), Number(c.getAttribute('cy'))]))";
    let places = |page: &mut Page| -> Vec<[f64; 2]> {
        serde_json::from_str(page.eval(PLACES).as_str().unwrap()).unwrap()
    };
    let before = places(page);
    page.click("#controls input[value=linear]");
    let linear = places(page);
    assert!(linear.iter().zip(&before).any(|(a, b)| (a[0] - b[0]).abs() > 20.0));
    // On a linear axis equal steps of tokens are equal steps of pixels.
    let runs: Vec<_> = sweep.runs.iter().filter(|r| r.test_loss.is_some()).collect();
    let of_tokens: Vec<(f64, f64)> = runs
        .iter()
        .zip(&linear[runs.len()..])
        .map(|(run, at)| (run.tokens as f64, at[0]))
        .collect();
    let (low, high) = (
        of_tokens.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a }).unwrap(),
        of_tokens.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a }).unwrap(),
    );
    for (tokens, x) in &of_tokens {
        let wanted = low.1 + (high.1 - low.1) * (tokens - low.0) / (high.0 - low.0);
        assert!((x - wanted).abs() < 1.0, "{tokens}: {x}, not {wanted}");
    }
    page.screenshot(false, &screenshot("linear-1280.png"));
    // A law says the same in either unit: at its scale X the loss is one nat, or one bit per byte.
    const FORMULA: &str = "[...document.querySelectorAll('#three-panels g.note text')]\
         .find(t => t.textContent.startsWith('L = ')).textContent";
    let in_nats = page.eval(FORMULA);
    page.click("#controls input[value=bits]");
    let in_bits = page.eval(FORMULA);
    assert!(in_bits.as_str().unwrap().starts_with("L = (C / "), "{in_bits}");
    assert_ne!(in_bits, in_nats);
    let label = page.eval(
        "document.querySelector('#three-panels').textContent.includes('test loss (bits per byte)')",
    );
    assert_eq!(label, json!(true));
    page.click("#controls input[value=log]");
    page.click("#controls input[value=nats]");
    assert_eq!(page.eval(FORMULA), in_nats);
    for (a, b) in places(page).iter().zip(&before) {
        assert!((a[0] - b[0]).abs() < 0.11 && (a[1] - b[1]).abs() < 0.11);
    }
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium"]
fn the_table_filters_and_sorts_and_a_series_can_be_hidden() {
    let sweep = synthetic::two_series();
    let mut opened = open(&sweep, WIDE, "light");
    let page = &mut opened.page;
    page.load();
    page.write(".filter input[type=search]", "rust-code n>20k");
    let shown = page.eval(
        "[...document.querySelectorAll('table.runs tbody tr')].filter(r => !r.hidden).length",
    );
    let wanted =
        sweep.runs.iter().filter(|r| r.series.contains("rust-code") && r.n_non_embedding > 20_000);
    assert_eq!(shown, json!(wanted.count()));
    page.click(".filter input[type=checkbox]");
    assert_eq!(page.eval("document.querySelectorAll('tr.on').length"), shown);
    page.press("Escape");
    page.click("table.runs thead th:nth-child(5) button");
    let tokens = page.eval(
        "[...document.querySelectorAll('table.runs tbody tr')].map(r => Number(r.cells[4].dataset.key))",
    );
    let tokens: Vec<f64> = tokens.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(tokens.windows(2).all(|w| w[0] <= w[1]), "{tokens:?}");
    let toggle = "#controls fieldset:last-of-type label:last-of-type input";
    page.click(toggle);
    let hidden = page.eval(
        "[...document.querySelectorAll('g[data-s=\"1\"]')].every(g => g.style.display === 'none')",
    );
    assert_eq!(hidden, json!(true));
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium"]
fn a_figure_is_walked_and_a_run_isolated_from_the_keyboard() {
    let mut opened = open(&synthetic::quickstart(), WIDE, "light");
    let page = &mut opened.page;
    page.load();
    page.eval("document.querySelector('#three-panels svg.panel').focus()");
    page.press("ArrowRight");
    let first = page.eval("document.querySelector('#tip').innerText");
    page.press("ArrowRight");
    let second = page.eval("document.querySelector('#tip').innerText");
    assert!(first != second && !second.as_str().unwrap().is_empty());
    page.press("ArrowRight");
    page.press("ArrowRight");
    page.press("Enter");
    assert_eq!(page.eval("document.querySelectorAll('tr.on').length"), json!(1));
}

#[test]
#[ignore = "needs chromium"]
fn a_phone_and_a_printer_get_all_of_it() {
    for (name, size, scheme) in [
        ("light-1280.png", WIDE, "light"),
        ("dark-1280.png", WIDE, "dark"),
        ("light-390.png", PHONE, "light"),
        ("dark-390.png", PHONE, "dark"),
    ] {
        let mut opened = open(&synthetic::two_series(), size, scheme);
        let page = &mut opened.page;
        page.load();
        let wide = page.eval("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= u64::from(size.0), "{name}: {wide}");
        page.screenshot(true, &screenshot(name));
        assert!(std::fs::metadata(screenshot(name)).unwrap().len() > 20_000);
        if size == WIDE && scheme == "light" {
            page.media("print", "light");
            let seen = page.eval("[...document.querySelectorAll('#controls, .filter')].filter(e => getComputedStyle(e).display !== 'none').length");
            assert_eq!(seen, json!(0), "controls do not print");
            page.media("", "light");
            page.pdf(&screenshot("print.pdf"));
            assert!(std::fs::metadata(screenshot("print.pdf")).unwrap().len() > 50_000);
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn text_has_the_contrast_of_wcag_aa_in_both_schemes() {
    const CONTRASTS: &str = r#"(() => {
      const parse = (c) => c.match(/[\d.]+/g).map(Number);
      const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; }
        return [255, 255, 255]; };
      const poor = [];
      for (const e of document.querySelectorAll("main *")) {
        if (e.closest("svg, [hidden], details:not([open])") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([e.tagName, e.textContent.slice(0, 40), ratio]);
      }
      return poor;
    })()"#;
    for scheme in ["light", "dark"] {
        let mut opened = open(&synthetic::quickstart(), WIDE, scheme);
        opened.page.load();
        assert_eq!(opened.page.eval(CONTRASTS), json!([]), "{scheme}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn without_scripts_every_figure_and_every_run_is_there() {
    let sweep = synthetic::quickstart();
    let mut opened = open(&sweep, WIDE, "light");
    let page = &mut opened.page;
    page.without_scripts();
    page.load();
    assert_eq!(page.eval("document.querySelector('#controls') === null"), json!(true));
    let seen = page.eval("[...document.querySelectorAll('section > figure svg.panel')].every(s => s.getBoundingClientRect().height > 50)");
    assert_eq!(seen, json!(true));
    let rows = page.eval("document.querySelectorAll('table.runs tbody tr').length");
    assert_eq!(rows, json!(sweep.runs.len()));
    page.screenshot(true, &screenshot("no-scripts-1280.png"));
}

#[test]
#[ignore = "needs chromium"]
fn a_hostile_name_is_text_in_the_browser() {
    let evil = format!(
        "<img src=x onerror=\"window.owned=1\">=cmd()'\"{}{}",
        "長い名前".repeat(50),
        "x".repeat(200)
    );
    let mut sweep = synthetic::two_series();
    sweep.title = evil.clone();
    for run in &mut sweep.runs {
        run.series = (run.series.replace("rust-docs", &evil)).as_str().into();
        run.corpus = evil.clone();
    }
    for fit in &mut sweep.fits.fits {
        fit.series = fit.series.replace("rust-docs", &evil);
        fit.remarks.note(evil.clone());
        fit.remarks.warn(Problem::FewDecide, evil.clone(), vec![evil.clone()]);
    }
    let mut opened = open(&sweep, PHONE, "light");
    let page = &mut opened.page;
    page.load();
    page.point_at("#three-panels g.run");
    assert_eq!(page.eval("document.querySelector('h1').textContent"), json!(evil));
    assert_eq!(page.eval("window.owned === undefined"), json!(true));
    assert_eq!(page.eval("document.querySelectorAll('img').length"), json!(0));
    let wide = page.eval("document.documentElement.scrollWidth");
    assert!(wide.as_u64().unwrap() <= 390, "{wide}");
    assert_eq!(page.complaints, Vec::<String>::new());
}
