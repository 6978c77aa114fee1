//! Tests of processes that are killed at any instant, from the first file to the last fit.

use crate::workshop::{Workshop, note};
use crate::{Draw, RUN, SWEEP, differing, files, outcome, run, said, start, times, undisturbed};
use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A `run`, sometimes with a second `run` or a worker beside it, is killed at an instant between
/// its first millisecond and its end: the command alone, one of its processes, or all of them. The
/// same command is repeated until the sweep has ended, and the outcome must be that of an
/// undisturbed sweep. Then everything starts from nothing again.
#[test]
fn a_sweep_killed_at_any_instant_ends_as_if_it_had_not_been() {
    let kills = times("ISOFLOP_KILLS", 25);
    let calm = undisturbed(SWEEP);
    let expected = outcome(&calm);
    // Branches resume from states of their trunk in every sweep, so these do not count.
    let branches = gone_on_in(&calm);
    let again = Workshop::new(SWEEP);
    let begun = Instant::now();
    assert!(run(&again, &RUN).success());
    let whole = begun.elapsed();

    let shop = Workshop::new(SWEEP);
    let mut draw = Draw(times("ISOFLOP_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut killed, mut ended, mut gone_on) = (0, 0, 0);
    let mut victims: [u64; 3] = [0; 3];
    // On a busy machine states may come too late for the first kills.
    while killed < kills || (gone_on == 0 && killed < 4 * kills) {
        let mut commands = vec![start(&shop, &RUN)];
        std::thread::sleep(instant(&mut draw, whole) / 2);
        match draw.below(6) {
            0 => commands.push(start(&shop, &RUN)),
            1 => commands.push(start(&shop, &["worker", "results/tiny"])),
            2 => commands.push(start(&shop, &["worker", "results/tiny.tuning"])),
            _ => {}
        }
        std::thread::sleep(instant(&mut draw, whole) / 2);
        let whom = draw.below(3) as usize;
        let hit = kill(&mut draw, whom, &mut commands);
        killed += u64::from(hit);
        victims[whom] += u64::from(hit);
        if hit && killed % 50 == 0 {
            note(&format!("{killed} kills, {ended} sweeps ended as undisturbed so far"));
        }
        let first = commands[0].wait().unwrap();
        for mut other in commands.drain(1..) {
            other.wait().unwrap();
        }
        let words = said(&shop);
        assert!(!words.contains("panicked"), "{words}");
        match first.code() {
            Some(0) => {
                let found = outcome(&shop);
                assert_eq!(differing(&expected, &found), [""; 0], "after {killed} kills");
                ended += 1;
                gone_on += gone_on_in(&shop).saturating_sub(branches);
                clear(&shop);
            }
            // The command was killed, or runs failed because their workers were killed.
            None | Some(1) => {}
            Some(code) => panic!("exit code {code} after {killed} kills: {words}"),
        }
    }
    let mut last = run(&shop, &RUN);
    if last.code() == Some(1) {
        last = run(&shop, &RUN);
    }
    assert!(last.success(), "{}", said(&shop));
    assert_eq!(differing(&expected, &outcome(&shop)), [""; 0]);
    gone_on += gone_on_in(&shop).saturating_sub(branches);
    // If a kill always cost the whole run, states would be useless.
    assert!(gone_on > 0, "no run went on from a state after {killed} kills");
    let [parents, processes, groups] = victims;
    note(&format!(
        "{killed} kills ({parents} of the command, {processes} of one process, {groups} of all), {} sweeps \
         ended as undisturbed, {gone_on} runs went on from a state",
        ended + 1
    ));
}

/// Number of times that a run of the sweep or of its tuning stage resumed from a state, according
/// to their logs.
fn gone_on_in(shop: &Workshop) -> usize {
    let logs = ["tiny", "tiny.tuning"].map(|name| shop.path("results").join(name).join("logs"));
    let texts =
        logs.iter().flat_map(|logs| files(logs)).map(|log| fs::read_to_string(log).unwrap());
    texts.map(|text| text.matches("going on from step").count()).sum()
}

/// Half of the instants lie in the first quarter of the time, in which a resumed sweep plans and
/// trains. The others are spread evenly over the whole time, which includes fits and report, or
/// evenly over its orders of magnitude.
fn instant(draw: &mut Draw, whole: Duration) -> Duration {
    let share = draw.below(1000) as f64 / 1000.0;
    match draw.below(4) {
        0 => whole.mul_f64(share * 1.1),
        1 => whole.mul_f64(1e-3_f64.powf(1.0 - share)),
        _ => whole.mul_f64(share / 4.0),
    }
}

/// Kills the first command (0), one process of any command (1) or all processes (2); returns
/// whether a process was killed.
fn kill(draw: &mut Draw, whom: usize, commands: &mut [Child]) -> bool {
    let alive: Vec<u32> = commands
        .iter_mut()
        .filter_map(|child| child.try_wait().unwrap().is_none().then(|| child.id()))
        .collect();
    let family: Vec<u32> = alive.iter().flat_map(|pid| descendants(*pid)).collect();
    let victims = match whom {
        0 => alive.first().copied().into_iter().collect(),
        1 if family.is_empty() => Vec::new(),
        1 => vec![*draw.of(&family)],
        _ => family,
    };
    let mut hit = false;
    for pid in victims {
        let sent =
            Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        hit |= sent.unwrap().success();
    }
    hit
}

/// A process and all processes that descend from it.
fn descendants(pid: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let child: Option<u32> = entry.file_name().to_string_lossy().parse().ok();
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if let (Some(child), Some(Ok(parent))) = (child, parent.map(str::parse::<u32>)) {
            parents.push((parent, child));
        }
    }
    let mut found = vec![pid];
    let mut seen = HashSet::from([pid]);
    while let Some((_, child)) =
        parents.iter().find(|(parent, child)| seen.contains(parent) && !seen.contains(child))
    {
        seen.insert(*child);
        found.push(*child);
    }
    found
}

/// Removes everything but the sweep file and its text.
fn clear(shop: &Workshop) {
    for folder in ["results", "reports", "cache"] {
        let _ = fs::remove_dir_all(shop.path(folder));
    }
}
