//! Tests that text from files, names and workers never controls the terminal.

use crate::workshop::{SWEEP, Workshop, stderr, stdout};
use std::fs;

/// Control sequences of every kind: colour, title, C1, bell, carriage return, direction override.
const NASTY: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\rover\u{202e}txt";

/// Asserts that a text holds no control characters.
fn assert_plain(what: &str, text: &str) {
    let steering = |c: &char| {
        c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}')
    };
    let found: Vec<char> = text.chars().filter(steering).collect();
    assert!(found.is_empty(), "{what}: {found:?} in {text}");
}

fn said(shop: &Workshop, args: &[&str]) -> String {
    let done = shop.isoflop().args(args).assert();
    let text = format!("{}{}", stdout(&done), stderr(&done));
    assert_plain(&args.join(" "), &text);
    text
}

#[test]
fn names_cells_logs_and_messages_are_shown_and_not_obeyed() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let id = shop.rows()[0].run_id.clone();
    let log = shop.path(&format!("results/tiny/logs/{id}.log"));
    fs::write(&log, format!("attempt 1 {NASTY}\n")).unwrap();
    assert!(said(&shop, &["logs", "results/tiny", &id]).contains("\\x1b[31mred"));

    let file = format!("text/{NASTY}.md").replace('/', "");
    fs::write(shop.path(&file), "some text\n".repeat(3000)).unwrap();
    assert!(said(&shop, &["data", "show", &file]).contains("\\x1b[31mred"));
    said(&shop, &["data", "show", &format!("{NASTY}.none")]);

    let cell = format!("n,d,loss,label\n1e4,1e6,{NASTY},a\n1e5,1e6,3.0,b\n").replace('\r', "");
    fs::write(shop.path("cell.csv"), cell).unwrap();
    assert!(said(&shop, &["fit", "cell.csv"]).contains("\\x1b[31mred"));
    let header = format!("n,d,{NASTY}\n1e4,1e6,3.0\n").replace('\r', "");
    fs::write(shop.path("header.csv"), header).unwrap();
    said(&shop, &["fit", "header.csv"]);

    let toml: String = NASTY.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    for (was, is) in [
        ("\"tiny\"", format!("\"{toml}\"")),
        ("\"text/*.md\"", format!("\"{toml}\"")),
        ("\"8x1x1\"", format!("\"{toml}\"")),
        ("context = 32", format!("context = 32\ntokenizer = \"{toml}\"")),
    ] {
        fs::write(shop.path("nasty.toml"), SWEEP.replace(was, &is)).unwrap();
        said(&shop, &["plan", "nasty.toml"]);
    }
    said(&shop, &["run", "sweep.toml", "--deadline", NASTY]);
    said(&shop, &[NASTY]);
    said(&shop, &["status", NASTY]);
}

#[test]
fn json_holds_the_very_text_and_steers_nothing_either() {
    let shop = Workshop::new(SWEEP);
    let label = "a\u{9b}2J\u{7f}\u{202e}b";
    let rows: Vec<String> = (0..12)
        .map(|k| {
            let (n, d) = (1e4 * f64::from(1 << (k % 4)), 1e6 * f64::from(1 << (k / 4)));
            let loss = 1.7 + 400.0 / n.powf(0.34) + 400.0 / d.powf(0.28);
            format!("{n},{d},{loss}")
        })
        .collect();
    let name = format!("{label}.csv");
    fs::write(shop.path(&name), format!("n,d,loss\n{}\n", rows.join("\n"))).unwrap();
    let fit = ["fit", &name, &name, "--json", "--bootstrap", "0"];
    let fit = stdout(&shop.isoflop().args(fit).assert().code(0));
    assert_plain("fit --json", &fit);
    let fits: serde_json::Value = serde_json::from_str(&fit).unwrap();
    let points = fits["fits"][0]["data"].as_array().unwrap();
    let labels = points.iter().filter_map(|point| point["label"].as_str());
    assert!(labels.clone().all(|found| found.starts_with(&name)) && labels.count() == 24);
}

#[test]
fn a_value_of_five_thousand_letters_is_cut() {
    let long = "k".repeat(5000);
    for (was, is) in [
        ("isoflop = { budgets = [\"4e8\", \"8e8\"] }", format!("time = \"{long}\"")),
        ("\"8x1x1\"", format!("\"{long}\"")),
        ("\"text/*.md\"", format!("\"{long}\"")),
        ("question", long.clone()),
        ("\"tiny\"", format!("\"{}\"", "k k ".repeat(2000))),
    ] {
        let shop = Workshop::new(&SWEEP.replace(was, &is));
        let refused = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(2);
        let text = stderr(&refused);
        assert!(text.chars().count() < 1500, "{} characters: {text}", text.chars().count());
        assert!(text.contains('…') || text.lines().count() > 1, "{text}");
    }
}
