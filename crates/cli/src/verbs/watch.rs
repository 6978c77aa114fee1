//! `isoflop watch`: shows the report of a sweep in the browser while it runs.

use crate::fail::Hinted;
use crate::output::{note, print};
use crate::serve::{Shown, Token, serve};
use crate::terminal::Terminal;
use crate::trust::TrustArg;
use crate::verbs::status::standing_in_words;
use anyhow::{Context, Result};
use isoflop_core::digest::hex;
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_lab::report::{curves, forecasts, plan_fact, texts, trials};
use isoflop_lab::{Notice, fits};
use isoflop_report::{Live, Provenance, Report};
use isoflop_results::{Curve, Positions, RunRow, Trust};
use isoflop_sweep::folder::Records;
use isoflop_sweep::{Plan, ResultsFolder};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Time between two looks at the folder.
const LOOK: Duration = Duration::from_secs(2);

/// Serves the report of a sweep to a browser on this machine. The page renews itself when runs end,
/// with progress and ETA at its top. Stop it with Ctrl-C; the sweep goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop watch results/quickstart\n  \
    isoflop watch results/quickstart --host 0.0.0.0     # for other machines, by an address with a token")]
pub(crate) struct Args {
    /// Results folder of a sweep, running or not.
    results_dir: PathBuf,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 7878)]
    port: u16,
    /// Address to listen on. Any but this machine's own needs the token that is printed.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    #[command(flatten)]
    trust: TrustArg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    let plan = folder.plan()?;
    let listener = TcpListener::bind((args.host, args.port)).map_err(|error| {
        Hinted::new(
            format!("cannot listen on {}:{}: {error}", args.host, args.port),
            "take another port with --port; --port 0 takes a free one",
        )
    })?;
    let at = listener.local_addr().context("the socket has no address")?;
    let token = match at.ip().is_loopback() {
        true => None,
        false => Some(Token { secret: secret()?, port: at.port() }),
    };
    let terminal = Terminal::default();
    let mut seen = Seen::of(&folder)?;
    let trust = args.trust.trust();
    let records = folder.peek_with(&plan, trust)?;
    let progress = standing_in_words(&folder, &plan, &records)?;
    let shown =
        Shown::new(page(&terminal, &folder, &plan, &records, trust)?, progress, token.clone());
    let query = token.map(|token| token.query()).unwrap_or_default();
    print(&format!("http://{at}/{query}"))?;
    note(&format!("following {}; Ctrl-C ends this, not the sweep", plan.name()));
    std::thread::spawn({
        let shown = shown.clone();
        move || serve(listener, shown)
    });
    loop {
        std::thread::sleep(LOOK);
        // An error may come from a folder in the middle of a change, so it is read again later.
        if let Err(error) = look(&terminal, &folder, &mut seen, &shown, trust) {
            note(&format!("note: {error:#}; looking again"));
        }
    }
}

fn look(
    terminal: &Terminal,
    folder: &ResultsFolder,
    seen: &mut Seen,
    shown: &Shown,
    trust: Trust,
) -> Result<()> {
    let plan = folder.plan()?;
    let now = Seen::of(folder)?;
    let records = folder.peek_with(&plan, trust)?;
    let progress = standing_in_words(folder, &plan, &records)?;
    let live = match now == *seen {
        true => None,
        false => Some(page(terminal, folder, &plan, &records, trust)?),
    };
    *seen = now;
    shown.renew(progress, live);
    Ok(())
}

/// Everything whose change makes a new page.
#[derive(PartialEq)]
struct Seen {
    ended: BTreeSet<String>,
    fitted: Option<std::time::SystemTime>,
}

impl Seen {
    fn of(folder: &ResultsFolder) -> Result<Seen> {
        let mut ended: BTreeSet<String> = folder.recorded()?.into_iter().collect();
        ended.extend(folder.failed()?.into_iter().map(|id| format!("failed {id}")));
        let fitted = fs::metadata(folder.fits_path()).and_then(|m| m.modified()).ok();
        Ok(Seen { ended, fitted })
    }
}

fn page(
    terminal: &Terminal,
    folder: &ResultsFolder,
    plan: &Plan,
    records: &Records,
    trust: Trust,
) -> Result<Live> {
    records.remark.iter().for_each(|remark| terminal.remark(remark));
    let ended = || records.done.iter().chain(&records.failed);
    let all = || ended().filter(|record| !record.row.is_validation());
    let runs: Vec<RunRow> = all().map(|record| record.row.clone()).collect();
    let mut known: Vec<Curve> = all()
        .filter(|record| !record.curve.is_empty())
        .map(|record| Curve { run_id: record.row.run_id.clone(), points: record.curve.clone() })
        .collect();
    if known.is_empty() && folder.curves_path().exists() {
        known = curves(terminal, folder, trust)?;
    }
    let positions: Vec<Positions> = all()
        .filter(|record| !record.positions.is_empty())
        .map(|record| Positions {
            run_id: record.row.run_id.clone(),
            points: record.positions.clone(),
        })
        .collect();
    let fits = fits_of(terminal, folder, &runs);
    let tuning = trials(terminal, folder, trust)?;
    let data = texts(terminal, folder, plan);
    let commands = vec![format!("isoflop watch {}", folder.root().display())];
    let facts = vec![plan_fact(plan)];
    Ok(Live::of(&Report {
        title: plan.name(),
        question: plan.question(),
        runs: &runs,
        curves: &known,
        positions: &positions,
        tuning: &tuning,
        fits: &fits,
        forecasts: &forecasts(terminal, folder),
        data: &data,
        provenance: Provenance { commands, generated: None, facts },
    }))
}

/// The fits that the folder holds, if they are of these runs; otherwise quick ones without
/// intervals, which leave the cores to the sweep.
fn fits_of(terminal: &Terminal, folder: &ResultsFolder, runs: &[RunRow]) -> Fits {
    if let Ok(known) = fits::read(&folder.fits_path())
        && fits::are_of(&known, runs)
    {
        return known;
    }
    let options = Options { bootstrap: 0, ..Options::default() };
    // A sweep that has just begun has too few runs for any law, which is not an error.
    fits::of_rows(terminal, &folder.runs_path(), runs, &options)
        .unwrap_or(Fits { level: isoflop_fit::LEVEL, ..Fits::default() })
}

/// A random number of 128 bits, in hex.
fn secret() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).context("the system gives no random bytes for a token")?;
    Ok(hex(&bytes))
}
