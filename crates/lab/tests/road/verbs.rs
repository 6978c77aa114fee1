//! What the smaller verbs compute, asked of the library.

use super::{Here, List};
use isoflop_core::{ChinchillaLaw, OptimizerKind, Params, Tokens};
use isoflop_fit::Options;
use isoflop_fit::advise::Target;
use isoflop_fit::output::Fits;
use isoflop_fit::predict::At;
use isoflop_lab::advise::{self, Question, choose};
use isoflop_lab::bench::{self, Request, SizeSpeed, bench};
use isoflop_lab::check::{Mup, mup};
use isoflop_lab::columns::Columns;
use isoflop_lab::doctor::diagnose;
use isoflop_lab::{Crew, Lab, LabError, predict, tables};
use isoflop_model::{Family, Norm};
use isoflop_results::Trust;
use isoflop_sweep::{ResultsFolder, Workers};
use isoflop_train::device::DeviceChoice;
use isoflop_train::device::probe::Probe;
use isoflop_train::price::{Load, Speed};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Fits of rows under a known law, a percent off it, as a file.
fn fits(folder: &Path) -> PathBuf {
    let law = ChinchillaLaw { e: 1.7, a: 400.0, b: 2000.0, alpha: 0.34, beta: 0.37 };
    let mut table = "n,d,loss\n".to_owned();
    for (i, n) in [1e6, 3e6, 1e7, 3e7, 1e8].into_iter().enumerate() {
        for (k, ratio) in [5.0, 20.0, 80.0].into_iter().enumerate() {
            let off = 1.0 + 0.005 * [-1.0, 0.6, 1.0, -0.4][(2 * i + k) % 4];
            let loss = off * law.loss(Params(n), Tokens(ratio * n));
            writeln!(table, "{n},{},{loss}", ratio * n).unwrap();
        }
    }
    let path = folder.join("rows.csv");
    fs::write(&path, table).unwrap();
    let (list, mut options) = (List::default(), Options { bootstrap: 40, ..Options::default() });
    let columns = Columns::default();
    let rows = tables::read(&list, &[path], &columns, Trust::Checked, &mut options).unwrap();
    let fits = tables::fit(&list, rows, &[], None, &options).unwrap();
    let path = folder.join("fits.json");
    fs::write(&path, serde_json::to_string(&fits).unwrap()).unwrap();
    path
}

#[test]
fn fits_predict_an_optimum_and_advise_runs_that_shrink_its_error() {
    let keep = tempfile::tempdir().unwrap();
    let path = fits(keep.path());
    let fits = predict::read(&path).unwrap();
    let at = At {
        c: Some(1e18),
        n: None,
        d: None,
        epochs: None,
        batch: None,
        experts: None,
        granularity: None,
    };
    let answers = predict::answers(&path, &fits, at).unwrap();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    let said: Vec<&str> = answer.predictions.iter().map(|prediction| prediction.what).collect();
    assert_eq!((answer.law.as_str(), &said[..2]), ("chinchilla", &["n_opt", "d_opt"][..]));
    assert!(answer.reach.is_some_and(|reach| (reach - 1e18 / (6.0 * 80.0 * 1e16)).abs() < 1e-9));
    let none = predict::answers(&path, &Fits::default(), at).unwrap_err();
    assert!(none.to_string().ends_with("fits.json: no law in it answers this"), "{none}");

    let missing = choose(&path, &fits, "kaplan", "").unwrap_err();
    let LabError::Hinted(missing) = &missing else { panic!("{missing}") };
    assert_eq!(missing.hint(), "there are --law chinchilla");
    let list = List::default();
    let question = Question {
        path: &path,
        fit: choose(&path, &fits, "chinchilla", "").unwrap(),
        target: Target::Size { c: 1e18 },
        runs: 2,
        flops: None,
        flops_per_run: None,
    };
    let advised = advise::of(&list, &question).unwrap();
    let errors: Vec<f64> = advised.runs().map(|(_, run)| run.standard_error).collect();
    assert!((1..=2).contains(&errors.len()), "{advised:?}");
    assert!(errors.iter().all(|error| *error < advised.advice.standard_error), "{advised:?}");
    // A file knows neither sizes nor a plan.
    assert!(advised.sizes.iter().all(Option::is_none) && advised.plan.is_none());
    let unknown = Question { target: Target::Parameter("gamma".to_owned()), ..question };
    assert!(matches!(advise::of(&list, &unknown), Err(LabError::Hinted(_))));
}

#[test]
fn a_coordinate_check_says_how_changes_grow_and_refuses_widths_without_a_slope() {
    let request = Mup { widths: vec![16, 32, 48], layers: 1, steps: 1, rate: 0.003 };
    let checked = mup(&request).unwrap();
    let widths: Vec<usize> = checked.mup.widths.iter().map(|at| at.d_model).collect();
    assert_eq!(widths, request.widths);
    assert!(checked.standard.logits > checked.mup.logits, "{checked:?}");
    for widths in [vec![16, 32], vec![16, 32, 40]] {
        assert!(matches!(mup(&Mup { widths, ..request.clone() }), Err(LabError::Hinted(_))));
    }
}

#[test]
fn a_bench_adds_up_the_speeds_of_processes_side_by_side() {
    let (list, stop) = (List::default(), AtomicBool::new(false));
    let lab = Lab { notice: &list, crew: &Twice, stop: &stop };
    let one = Request {
        sizes: vec!["16x1x1".to_owned()],
        windows: 2,
        context: 16,
        vocab: 32,
        norm: Norm::Rms,
        position: None,
        family: Family::Transformer,
        options: Vec::new(),
        optimizer: OptimizerKind::Muon,
        steps: 1,
        processes: 1,
        device: DeviceChoice::Cpu,
        composed: false,
        profile: true,
        peak: Some(1e9),
    };
    let alone = bench(&lab, &one).unwrap();
    assert_eq!((alone.peak_gflops, alone.sizes.len()), (1.0, 1));
    assert!(alone.sizes[0].tokens_per_s > 0.0 && !alone.sizes[0].parts.is_empty());
    let both = bench(&lab, &Request { processes: 2, ..one.clone() }).unwrap();
    let speed = &both.sizes[0];
    assert_eq!((speed.ms_per_step, speed.tokens_per_s, speed.mfu), (3.0, 30.0, 0.25));
    let wrong = bench(&lab, &Request { sizes: vec!["16x".to_owned()], ..one.clone() });
    assert_eq!(wrong.unwrap_err().to_string(), "--sizes: `16x` is no size");
    let with = |option: &str| Request { options: vec![option.to_owned()], ..one.clone() };
    for (option, message) in [
        ("window=0", "--sizes 16x1x1: a window of 0 tokens leaves nothing to attend to"),
        ("d_head=8", "--sizes 16x1x1: the size gives heads, and d_head gives them too"),
        ("model.pattern=LXG", "--sizes 16x1x1: `X` is no letter of a pattern"),
        ("window", "--set: `window` is no option: write it as KEY=VALUE"),
    ] {
        let refused = bench(&lab, &with(option)).unwrap_err().to_string();
        assert!(refused.starts_with(message), "{option}: {refused}");
    }
}

/// Two processes, one slower than the other, whose driver crashes.
struct Twice;

impl Crew for Twice {
    fn workers<'a>(&'a self, folder: &'a ResultsFolder, on: DeviceChoice) -> Box<dyn Workers + 'a> {
        Here.workers(folder, on)
    }

    fn measure(&self, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Vec<Speed>, LabError> {
        Here.measure(load, on, jobs)
    }

    fn bench(&self, request: &bench::Request) -> Result<Vec<SizeSpeed>, LabError> {
        assert_eq!((request.processes, request.peak), (2, Some(1e9)));
        let (list, stop) = (List::default(), AtomicBool::new(false));
        let lab = Lab { notice: &list, crew: self, stop: &stop };
        let found = bench(&lab, &Request { processes: 1, ..request.clone() })?;
        let with = |ms_per_step, tokens_per_s, mfu| SizeSpeed {
            ms_per_step,
            tokens_per_s,
            mfu,
            ..found.sizes[0].clone()
        };
        Ok(vec![with(2.0, 20.0, 0.4), with(3.0, 10.0, 0.1)])
    }

    fn probe(&self, _: DeviceChoice) -> Result<Probe, LabError> {
        Err(LabError::Ended("signal: 11 (SIGSEGV): it said nothing".to_owned()))
    }
}

#[test]
fn a_diagnosis_tries_every_device_and_tells_of_one_that_crashes() {
    let healthy = diagnose(&Here);
    let cpu = &healthy.devices[0];
    assert_eq!((cpu.device, cpu.problem.as_deref()), (DeviceChoice::Cpu, None));
    assert!(cpu.probe.is_some() && cpu.api.is_none() && !healthy.auto.is_empty());
    let broken = diagnose(&Twice);
    assert_eq!(broken.devices[0].problem.as_deref(), Some("signal: 11 (SIGSEGV): it said nothing"));
}
