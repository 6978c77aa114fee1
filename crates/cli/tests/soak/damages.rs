//! Tests of files that are damaged at rest, in a sweep that has ended and in one that was stopped
//! on its way.

use crate::workshop::{Workshop, note};
use crate::{
    Draw, RUN, copy, differing, files, outcome, run, said, start, times, undisturbed, without_fits,
};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A file of the results or the cache is flipped, cut, emptied, removed, doubled, overwritten with
/// another or replaced by a folder. Verbs that read then answer or refuse, and `run` mends what it
/// needs and has the outcome of the undisturbed sweep.
#[test]
fn a_damaged_file_changes_no_result_and_spoils_no_folder() {
    let damages = times("ISOFLOP_DAMAGES", 30);
    let ended = undisturbed(&without_fits());
    let expected = outcome(&ended);
    let midway = stopped_midway();
    let mut draw = Draw(times("ISOFLOP_SEED", 1).wrapping_mul(0xd134_2543_de82_ef95));
    let (mut answered, mut refused) = (0, 0);
    for number in 0..damages {
        let shop = Workshop::new(&without_fits());
        let from = if draw.below(3) == 0 { &midway } else { &ended };
        for folder in ["results", "reports", "cache"] {
            copy(&from.path(folder), &shop.path(folder));
        }
        let mut all = files(&shop.path("results"));
        all.extend(files(&shop.path("cache")));
        let victim = draw.of(&all).clone();
        let how = damage(&mut draw, &victim, &all);
        let name = victim.strip_prefix(shop.path("")).unwrap().display().to_string();
        let told = format!("damage {number}: {name} {how}");

        let verb = *draw.of(&[
            &["status", "results/tiny"][..],
            &["fit", "results/tiny", "--bootstrap", "0"],
            &["report", "results/tiny"],
            &["export", "results/tiny", "--out", "out.csv"],
            &["plan", "sweep.toml"],
        ]);
        let code = run(&shop, verb).code();
        let words = said(&shop);
        assert!(
            matches!(code, Some(0 | 2)) && !words.contains("panicked"),
            "{told}: {verb:?} {code:?}: {words}"
        );
        match code {
            Some(0) => answered += 1,
            _ => refused += 1,
        }
        let code = run(&shop, &RUN).code();
        let words = said(&shop);
        assert!(code == Some(0) && !words.contains("panicked"), "{told}: run {code:?}: {words}");
        let mut changed = differing(&expected, &outcome(&shop));
        // `run` does not read the weights of a run that has ended; `export-model` must report the
        // damage.
        if let Some(model) = name.strip_prefix("results/tiny/models/") {
            changed.retain(|part| part != model);
            let run_id = model.split_once(".safetensors").or(model.split_once(".json")).unwrap().0;
            let run_id = format!("results/tiny/{run_id}");
            let code = run(&shop, &["export-model", &run_id, "--out", "m"]).code();
            let words = said(&shop);
            let read = |path: &Path| fs::read(path).ok();
            let whole = read(&ended.path(&name)) == read(&victim);
            assert_eq!(code, Some(if whole { 0 } else { 2 }), "{told}: export-model: {words}");
        }
        assert_eq!(changed, [""; 0], "{told}: {words}");
        if (number + 1) % 50 == 0 {
            note(&format!("{} damages so far: answered {answered}, refused {refused}", number + 1));
        }
    }
    note(&format!(
        "{damages} damages: a reading verb answered {answered} and refused {refused} times, `run` ended as \
         undisturbed every time"
    ));
}

/// A workshop whose sweep was stopped with some runs done and some begun.
fn stopped_midway() -> Workshop {
    let shop = Workshop::new(&without_fits());
    let mut child = start(&shop, &RUN);
    let records = shop.path("results/tiny/records");
    let count = || fs::read_dir(&records).into_iter().flatten().count();
    while count() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    child.wait().unwrap();
    said(&shop);
    shop
}

fn damage(draw: &mut Draw, path: &Path, all: &[std::path::PathBuf]) -> &'static str {
    let mut bytes = fs::read(path).unwrap();
    let at = draw.below(bytes.len().max(1) as u64) as usize;
    let kinds = ["flipped", "cut", "emptied", "removed", "doubled", "overwritten"];
    let kind = *draw.of(&kinds);
    match kind {
        "flipped" if !bytes.is_empty() => bytes[at] ^= 1 << draw.below(8),
        "cut" => bytes.truncate(at),
        "emptied" => bytes.clear(),
        "doubled" => bytes.extend(bytes.clone()),
        "overwritten" => bytes = fs::read(draw.of(all)).unwrap(),
        _ => {}
    }
    match kind {
        "removed" => fs::remove_file(path).unwrap(),
        _ => fs::write(path, bytes).unwrap(),
    }
    kind
}
