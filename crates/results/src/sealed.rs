//! Sealed forecasts: `forecasts.jsonl`, a chain of predictions that were written before their runs.
//!
//! A line is compact JSON in UTF-8, its members in the order of [`SealedForecast`], then `previous` and `hash`.
//! `previous` is the SHA-256 of the bytes of the line before, without its newline (64 zeros in the first line).
//! `hash` is the SHA-256 of the line without its last member `,"hash":"..."`.
//! Both are in hex, so that any SHA-256 tool checks a chain.

use crate::error::ResultsError;
use crate::file::read_table;
use isoflop_core::digest::sha256;
use isoflop_core::text::shown_up_to;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the line's format.
const SCHEMA: u32 = 1;

/// Hex digits of a SHA-256.
const DIGITS: usize = 64;

/// What a forecast says of one run, or of its repeats with other seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SealedForecast {
    /// Version of the line's format.
    pub schema: u32,
    /// Time of sealing, RFC 3339 in UTC.
    pub sealed_time: String,
    /// Version of this program.
    pub isoflop_version: String,
    /// `name` of the sweep file.
    pub sweep: String,
    /// Cell of the axes, as text; empty without axes.
    pub series: String,
    /// FLOPs asked for, in the count of `c_exact`.
    pub compute: f64,
    /// Compute asked for over the largest fitted.
    pub reach: f64,
    /// Name of the law.
    pub law: String,
    /// Coverage of every interval.
    pub level: f64,
    /// N* of the law.
    pub n_opt: Predicted,
    /// D* of the law.
    pub d_opt: Predicted,
    /// Loss of the law at N* and D*, nats per token.
    pub loss_opt: Predicted,
    /// Size of the run as a sweep file would write it.
    pub size: String,
    /// N of the run.
    pub n: u64,
    /// D of the run.
    pub tokens: u64,
    /// FLOPs of the run, counted op by op.
    pub c_exact: f64,
    /// Number of passes of the run over the train split.
    pub epochs: f64,
    /// Predicted test loss of one such run, nats per token.
    pub loss: Predicted,
    /// Standard deviation of ln L between seeds among the fitted runs; null without repeats.
    pub seed_noise: Option<f64>,
    /// Seeds of the runs.
    pub seeds: Vec<u64>,
    /// Ids of the runs, one a seed; each holds a hash of the whole configuration.
    pub run_ids: Vec<String>,
    /// Digest of the prepared text.
    pub data_digest: String,
    /// Number of runs fitted.
    pub fitted: u64,
    /// [`runs_digest`] of the runs fitted.
    pub runs: String,
}

/// A number that a law predicts, with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// The law's own value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Predicted {
    /// Whether a measured number lies inside the interval.
    pub fn holds(&self, measured: f64) -> bool {
        (self.low..=self.high).contains(&measured)
    }

    fn check(&self, what: &str) -> Result<(), String> {
        let ends = [self.low, self.value, self.high];
        let sound = ends.iter().all(|x| x.is_finite() && *x > 0.0);
        match sound && ends.is_sorted() {
            true => Ok(()),
            false => Err(format!("`{what}` is no positive number inside an interval")),
        }
    }
}

/// SHA-256 of fitted runs: of the compact JSON list of pairs `["RUN_ID",TEST_LOSS]`, sorted by run id.
pub fn runs_digest<'a>(runs: impl IntoIterator<Item = (&'a str, f64)>) -> String {
    let mut pairs: Vec<(&str, f64)> = runs.into_iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
    let json = serde_json::to_string(&pairs).expect("text and finite numbers");
    sha256([json.as_bytes()])
}

impl SealedForecast {
    /// A forecast of this version's format, otherwise empty.
    pub fn new() -> Self {
        SealedForecast { schema: SCHEMA, ..SealedForecast::default() }
    }

    /// Each run with its seed.
    pub fn each_run(&self) -> impl Iterator<Item = (&str, u64)> {
        self.run_ids.iter().map(String::as_str).zip(self.seeds.iter().copied())
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("its schema is {}, this program reads {SCHEMA}", self.schema));
        }
        self.n_opt.check("n_opt")?;
        self.d_opt.check("d_opt")?;
        self.loss_opt.check("loss_opt")?;
        self.loss.check("loss")?;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let numbers = [self.compute, self.reach, self.c_exact, self.epochs];
        let sound = numbers.into_iter().chain(self.seed_noise).all(positive);
        let is_share = self.level > 0.0 && self.level < 1.0;
        if !(sound && is_share) {
            return Err("a number in it is not possible".to_owned());
        }
        match self.run_ids.is_empty() || self.run_ids.len() != self.seeds.len() {
            true => Err("it does not name one run for each seed".to_owned()),
            false => Ok(()),
        }
    }
}

/// The members that make a chain of lines, after those of the forecast.
#[derive(Serialize)]
struct Unsealed<'a> {
    #[serde(flatten)]
    forecast: &'a SealedForecast,
    previous: &'a str,
}

#[derive(Deserialize)]
struct Links {
    previous: String,
    hash: String,
}

/// The forecasts of a folder, in the order in which they were sealed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    text: String,
    forecasts: Vec<SealedForecast>,
    /// SHA-256 of each line.
    lines: Vec<String>,
}

/// The first line of a chain that does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenLine {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl Chain {
    /// Reads `forecasts.jsonl`; a file that is not there is an empty chain.
    ///
    /// # Errors
    /// It cannot be read, or a line of it does not hold.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let bytes = match read_table(path) {
            Err(ResultsError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(Chain::default());
            }
            read => read?,
        };
        Chain::parse(&bytes).map_err(|BrokenLine { line, problem }| ResultsError::BrokenForecasts {
            path: path.to_owned(),
            line,
            problem,
        })
    }

    /// Reads and checks every line.
    ///
    /// # Errors
    /// The first line that does not hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, BrokenLine> {
        let mut chain = Chain::default();
        for (k, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let broken = |problem| BrokenLine { line: k as u64 + 1, problem };
            let whole = line.strip_suffix(b"\n");
            let whole = whole.ok_or_else(|| broken("it was cut off: no newline ends it".into()))?;
            let text = std::str::from_utf8(whole).map_err(|error| broken(error.to_string()))?;
            let forecast = opened(text, &chain.head()).map_err(broken)?;
            chain.forecasts.push(forecast);
            chain.push_line(text);
        }
        Ok(chain)
    }

    fn push_line(&mut self, line: &str) {
        self.lines.push(sha256([line.as_bytes()]));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds a forecast as the last line.
    ///
    /// # Errors
    /// A number in it is not possible.
    pub fn push(&mut self, forecast: SealedForecast) -> Result<(), String> {
        forecast.check()?;
        let previous = self.head();
        let unsealed = Unsealed { forecast: &forecast, previous: &previous };
        let open = serde_json::to_string(&unsealed).expect("text and finite numbers");
        let hash = sha256([open.as_bytes()]);
        let members = open.strip_suffix('}').expect("a struct is an object");
        self.push_line(&format!("{members},\"hash\":\"{hash}\"}}"));
        self.forecasts.push(forecast);
        Ok(())
    }

    /// The whole file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the last line, which the next line has as `previous`; 64 zeros for an empty chain.
    pub fn head(&self) -> String {
        self.lines.last().cloned().unwrap_or_else(|| "0".repeat(DIGITS))
    }

    /// The line that was the head once, from 1; what was kept elsewhere as a head is looked up here.
    pub fn line_of_head(&self, head: &str) -> Option<usize> {
        self.lines.iter().position(|line| *line == head).map(|at| at + 1)
    }

    /// The forecasts, in the order of the file.
    pub fn forecasts(&self) -> &[SealedForecast] {
        &self.forecasts
    }
}

/// The forecast of a line that follows on the line of this digest.
fn opened(line: &str, previous: &str) -> Result<SealedForecast, String> {
    let of_json = |error: serde_json::Error| shown_up_to(200, &error.to_string());
    let links: Links = serde_json::from_str(line).map_err(of_json)?;
    let member = format!(",\"hash\":\"{}\"}}", links.hash);
    let open = line.strip_suffix(&member);
    let open = open.ok_or_else(|| "its last member is not `hash`".to_owned())?;
    if sha256([open.as_bytes(), b"}"]) != links.hash {
        return Err("its `hash` is not that of its text: it was edited or damaged".to_owned());
    }
    if links.previous != previous {
        return Err(
            "its `previous` is not the SHA-256 of the line before: a line was changed, moved or removed"
                .to_owned(),
        );
    }
    let forecast: SealedForecast = serde_json::from_str(line).map_err(of_json)?;
    forecast.check()?;
    Ok(forecast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn forecast(run_id: &str) -> SealedForecast {
        let about = |value: f64| Predicted { value, low: 0.98 * value, high: 1.03 * value };
        SealedForecast {
            sealed_time: "2031-05-05T07:00:00Z".to_owned(),
            sweep: "tiny".to_owned(),
            compute: 1e14,
            reach: 10.0,
            law: "chinchilla".to_owned(),
            level: 0.9,
            n_opt: about(1.3e5),
            d_opt: about(2e6),
            loss_opt: about(2.1),
            size: "130k".to_owned(),
            n: 129_024,
            tokens: 2_000_128,
            c_exact: 1.0001e14,
            epochs: 0.3,
            loss: about(2.1 + 1e-16),
            seeds: vec![0],
            run_ids: vec![run_id.to_owned()],
            data_digest: "0123456789abcdef".to_owned(),
            fitted: 28,
            runs: runs_digest([("b", 2.5), ("a", 3.0)]),
            ..SealedForecast::new()
        }
    }

    fn chain() -> Chain {
        let mut chain = Chain::default();
        for run_id in ["n1-s0-aa", "n2-s0-bb", "n3-s0-cc"] {
            chain.push(forecast(run_id)).unwrap();
        }
        chain
    }

    /// The check that docs/results.md describes, on bytes cut by hand.
    #[test]
    fn a_reader_with_any_sha_256_checks_the_chain() {
        let chain = chain();
        let mut previous = "0".repeat(64);
        for line in chain.text().lines() {
            let cut = line.rfind(",\"hash\":\"").unwrap();
            let hash = &line[cut + 9..cut + 9 + 64];
            assert_eq!(&line[cut + 9 + 64..], "\"}");
            assert_eq!(sha256([format!("{}}}", &line[..cut]).as_bytes()]), hash);
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["previous"], previous.as_str());
            assert_eq!(value["hash"], hash);
            assert!(!line.contains(": ") && !line.contains(", "), "compact: {line}");
            previous = sha256([line.as_bytes()]);
        }
        assert_eq!(chain.head(), previous);
        assert_eq!(chain.line_of_head(&previous), Some(3));
        let read = Chain::parse(chain.text().as_bytes()).unwrap();
        assert_eq!(read, chain);
    }

    #[test]
    fn fitted_runs_are_digested_as_a_sorted_list_of_pairs() {
        let digest = runs_digest([("b", 2.5), ("a", 3.0)]);
        assert_eq!(digest, sha256([br#"[["a",3.0],["b",2.5]]"#.as_slice()]));
        assert_ne!(digest, runs_digest([("b", 2.5), ("a", 3.0000000000000004)]));
    }

    #[test]
    fn every_flipped_byte_is_noticed_at_its_line_or_the_next() {
        let text = chain().text().to_owned();
        let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        for at in (0..text.len()).step_by(7).chain(lines.iter().copied()) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let broken = Chain::parse(&bytes).unwrap_err();
            let line = lines.iter().filter(|end| **end < at).count() as u64 + 1;
            assert_eq!(broken.line, line, "byte {at}: {}", broken.problem);
        }
    }

    #[test]
    fn lines_that_were_sealed_anew_removed_swapped_or_cut_break_the_chain() {
        let text = chain().text().to_owned();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let broken = |text: &str| Chain::parse(text.as_bytes()).unwrap_err();
        assert_eq!(broken(&[lines[1], lines[2]].concat()).line, 1);
        assert_eq!(broken(&[lines[0], lines[2]].concat()).line, 2);
        assert_eq!(broken(&[lines[0], lines[2], lines[1]].concat()).line, 2);
        let cut = broken(&text[..text.len() - 1]);
        assert_eq!((cut.line, cut.problem.contains("cut off")), (3, true));
        // An owner who predicts anew after the run and seals the line again breaks the next one.
        let mut better = Chain::default();
        let mut forecast = forecast("n1-s0-aa");
        forecast.loss.value *= 1.01;
        better.push(forecast).unwrap();
        let after = broken(&[better.text(), lines[1], lines[2]].concat());
        assert_eq!((after.line, after.problem.contains("`previous`")), (2, true));
        // Whoever keeps a head notices a chain that was sealed anew from its first line.
        assert_eq!(better.line_of_head(&chain().head()), None);
        assert_eq!(Chain::parse(b"").unwrap().head(), "0".repeat(64));
    }

    #[test]
    fn numbers_that_no_forecast_has_are_neither_sealed_nor_read() {
        let mut chain = chain();
        let kept = chain.clone();
        let spoil: [fn(&mut SealedForecast); 5] = [
            |f| f.loss.value = f64::NAN,
            |f| f.loss.low = f.loss.high,
            |f| f.reach = 0.0,
            |f| f.run_ids.clear(),
            |f| f.schema = 2,
        ];
        for spoil in spoil {
            let mut forecast = forecast("n4-s0-dd");
            spoil(&mut forecast);
            assert!(chain.push(forecast).is_err());
        }
        assert_eq!(chain, kept);
    }
}
