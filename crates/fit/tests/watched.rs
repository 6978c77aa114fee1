//! Fits that somebody looks on at: they say how far they are, and end when they are asked to.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_fit::{FitError, Law, Options, Point, Watch, analyse, fit};
use std::time::{Duration, Instant};

/// A grid of so many rows a side, with errors of a third of a per cent that look like noise.
fn grid(side: i32) -> Vec<Point> {
    let mut points = Vec::new();
    for i in 0..side {
        for j in 0..side {
            let (n, d) = (1e6 * 1.3f64.powi(i), 1e8 * 1.3f64.powi(j));
            let noise = 0.003 * (f64::from(i * 37 + j * 101) * 12.9898).sin();
            let loss = 1.7 + 400.0 * n.powf(-0.34) + 900.0 * d.powf(-0.31);
            points.push(Point {
                n: Some(n),
                d: Some(d),
                c: Some(6.0 * n * d),
                ..Point::new(points.len().to_string(), loss * noise.exp())
            });
        }
    }
    points
}

fn options(bootstrap: usize) -> Options {
    Options { bootstrap, ..Options::default() }
}

#[test]
fn the_share_done_grows_to_one_and_watching_changes_nothing() {
    let options = options(40);
    let watch = options.watch.clone();
    let mut shares = Vec::new();
    let found = std::thread::scope(|scope| {
        let fitting = scope.spawn(|| analyse(&grid(7), Vec::new(), &options));
        while !fitting.is_finished() {
            shares.push(watch.share());
            std::thread::sleep(Duration::from_millis(1));
        }
        fitting.join().unwrap().unwrap()
    });
    assert!((watch.share() - 1.0).abs() < 1e-9, "{}", watch.share());
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
    assert!(shares.iter().any(|share| (0.05..0.95).contains(share)));
    let unwatched = analyse(&grid(7), Vec::new(), &self::options(40)).unwrap();
    assert_eq!(found, unwatched);
}

#[test]
fn a_stopped_fit_ends_at_once_with_that_error() {
    // Minutes of work for one law and for all.
    type Work = fn(&Options) -> Result<(), FitError>;
    let works: [Work; 2] = [
        |options| fit(&grid(45), Law::Kaplan { offset: true }, options).map(|_| ()),
        |options| analyse(&grid(45), Vec::new(), options).map(|_| ()),
    ];
    for work in works {
        let options = options(20_000);
        let watch = options.watch.clone();
        let ended = std::thread::scope(|scope| {
            let fitting = scope.spawn(|| work(&options));
            std::thread::sleep(Duration::from_millis(300));
            let asked = Instant::now();
            watch.stop();
            assert_eq!(fitting.join().unwrap(), Err(FitError::Stopped));
            asked.elapsed()
        });
        assert!(ended < Duration::from_secs(5), "{ended:?}");
    }
}

#[test]
fn a_watch_that_was_stopped_before_lets_nothing_begin() {
    let options = options(200);
    options.watch.stop();
    assert!(options.watch.is_stopped() && options.watch == Watch::default());
    assert_eq!(fit(&grid(6), Law::Chinchilla, &options), Err(FitError::Stopped));
}
