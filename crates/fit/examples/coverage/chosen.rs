//! Sweeps whose law is chosen: how often the intervals of the law that `fit --auto` takes hold the truth, by law, by
//! design, and with a recipe that trains small budgets worse. Two designs are those of a sweep that places its own
//! sizes, and of one that adds runs until it knows an exponent ([`crate::adaptive`]); their prior is one of small
//! models, so that only the laws of small models are asked with them.
//!
//! Judged are the loss of a compute-optimal run at ten times the largest budget, its own noise included, and the
//! exponent of the best size where the chosen law is the true one or holds it inside.

use crate::adaptive;
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_fit::output::Fit;
use isoflop_fit::predict::At;
use isoflop_fit::{Law, Options, Point, choose, fit};
use std::collections::BTreeMap;

/// `L = E + [(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q`, times what a small budget costs.
#[derive(Clone, Copy)]
pub(crate) struct Truth {
    name: &'static str,
    e: f64,
    size: (f64, f64),
    tokens: (f64, f64),
    q: f64,
    /// Smallest budget.
    pub(crate) first: f64,
    /// Standard deviation of ln L between runs.
    noise: f64,
    /// Whether the sizes are those of small models of bytes.
    is_small: bool,
}

/// The law of Besiroglu et al. 2024 with its terms joined in three ways, and one without a floor as small models
/// have it: that of the quickstart, with its noise. The last is Chinchilla's law at the same sizes, with a floor as far
/// below the losses as rust-docs may have it.
const TRUTHS: [Truth; 5] = [
    Truth { name: "chinchilla", q: 1.0, ..LARGE },
    Truth { name: "kaplan-offset", q: 0.3658, ..LARGE },
    Truth { name: "q-family-offset, q .6", q: 0.6, ..LARGE },
    Truth {
        name: "q-family, q .34, noise 1 %",
        e: 0.0,
        size: (7.0, 0.138),
        tokens: (31.0, 0.205),
        q: 0.34,
        first: SMALL_FIRST,
        noise: 0.01,
        is_small: true,
    },
    Truth {
        name: "chinchilla, small, noise 1 %",
        e: 0.6,
        size: (5.0, 0.156),
        tokens: (119.0, 0.382),
        q: 1.0,
        first: SMALL_FIRST,
        noise: 0.01,
        is_small: true,
    },
];

const LARGE: Truth = Truth {
    name: "",
    e: 1.8172,
    size: (482.01, 0.3478),
    tokens: (2085.43, 0.3658),
    q: 1.0,
    first: 1e17,
    noise: 0.003,
    is_small: false,
};

const SMALL_FIRST: f64 = 2.5e10;

/// Budgets and sizes.
#[derive(Clone, Copy)]
struct Design {
    name: &'static str,
    budgets: i32,
    factor: f64,
    sizes: Sizes,
}

#[derive(Clone, Copy)]
enum Sizes {
    /// Sizes of each budget, and the factor between the smallest of them and the best, and between the best
    /// and the largest.
    About(i32, f64),
    /// As `sizes = "auto"` places them.
    Auto,
    /// As `sizes = "auto"` places them, and then more runs until n_exponent is known.
    Until,
}

const DESIGNS: [Design; 5] = [
    Design {
        name: "5 budgets x 2.4, 9 sizes",
        budgets: 5,
        factor: 2.4,
        sizes: Sizes::About(9, 8.0),
    },
    Design {
        name: "6 budgets x 2.5, 6 sizes",
        budgets: 6,
        factor: 2.5,
        sizes: Sizes::About(6, 5.0),
    },
    Design {
        name: "4 budgets x 2.5, 7 sizes",
        budgets: 4,
        factor: 2.5,
        sizes: Sizes::About(7, 10.0),
    },
    Design { name: "6 budgets x 2.5, auto", budgets: 6, factor: 2.5, sizes: Sizes::Auto },
    Design {
        name: "5 budgets x 2.5, auto and until",
        budgets: 5,
        factor: 2.5,
        sizes: Sizes::Until,
    },
];

/// Lines of the table, among which the sweeps are divided.
pub(crate) const LINES: u64 = 38;

/// Share of the loss that the first budget costs by its recipe alone, less by the power .3 of compute.
const BIASES: [f64; 2] = [0.0, 0.03];

impl Truth {
    fn loss(&self, n: f64, d: f64, bias: f64) -> f64 {
        let size = self.size.0 * n.powf(-self.size.1);
        let tokens = self.tokens.0 * d.powf(-self.tokens.1);
        let both = size.powf(1.0 / self.q) + tokens.powf(1.0 / self.q);
        let worse = 1.0 + bias * (6.0 * n * d / self.first).powf(-0.3);
        (self.e + both.powf(self.q)) * worse
    }

    /// Where both terms to the power 1/q, times their exponents, are equal: the best size under C = 6 N D.
    fn best(&self, c: f64) -> f64 {
        let ((a, alpha), (b, beta)) = (self.size, self.tokens);
        let terms = (a / b).ln() / self.q + (alpha / beta).ln();
        let tokens = beta * (c / 6.0).ln() / self.q;
        ((terms + tokens) * self.q / (alpha + beta)).exp()
    }

    fn n_exponent(&self) -> f64 {
        self.tokens.1 / (self.size.1 + self.tokens.1)
    }

    /// A run's point, its error one of the budget and size.
    pub(crate) fn point(&self, c: f64, n: f64, bias: f64, seed: u64, is_budget: bool) -> Point {
        let d = c / (6.0 * n);
        let purpose = (n.ln() * 1e6) as u64 ^ ((c.ln() * 1e6) as u64) << 32;
        let error = self.noise * normal_pair(&mut stream(seed, Purpose::Init, purpose)).0;
        Point {
            n: Some(n),
            d: Some(d),
            c: Some(c),
            flops_budget: is_budget.then_some(c),
            ..Point::new(format!("{c:e} {n:e}"), self.loss(n, d, bias) * error.exp())
        }
    }

    fn points(&self, design: &Design, bias: f64, seed: u64) -> Vec<Point> {
        let budgets: Vec<f64> =
            (0..design.budgets).map(|k| self.first * design.factor.powi(k)).collect();
        let train = |c: f64, n: f64, is_budget| self.point(c, n, bias, seed, is_budget);
        let Sizes::About(sizes, wide) = design.sizes else {
            let placed = adaptive::placed(&budgets, &train);
            return match design.sizes {
                Sizes::Until => adaptive::until(placed, seed, &train),
                _ => placed,
            };
        };
        let mut points = Vec::new();
        for c in budgets {
            for i in 0..sizes {
                let place = 2.0 * f64::from(i) / f64::from(sizes - 1) - 1.0;
                points.push(train(c, self.best(c) * wide.powf(place), true));
            }
        }
        points
    }
}

/// Intervals that held, those that there were, and their widths.
#[derive(Default)]
struct Count {
    held: u32,
    widths: Vec<f64>,
}

impl Count {
    fn add(&mut self, truth: f64, low: Option<f64>, high: Option<f64>, size: f64) {
        if let (Some(low), Some(high)) = (low, high) {
            self.held += u32::from(low <= truth && truth <= high);
            self.widths.push((high - low) / size);
        }
    }

    fn text(&mut self) -> String {
        if self.widths.is_empty() {
            return "-".into();
        }
        self.widths.sort_by(f64::total_cmp);
        let count = self.widths.len();
        let share = 100.0 * f64::from(self.held) / count as f64;
        format!("{share:.0} % of {count}, {:.3}", self.widths[count / 2])
    }
}

fn run_at_ten_times(
    found: &Fit,
    truth: &Truth,
    design: &Design,
    bias: f64,
    seed: u64,
    count: &mut Count,
) {
    let c = 10.0 * truth.first * design.factor.powi(design.budgets - 1);
    let n = truth.best(c);
    let d = c / (6.0 * n);
    let error = (truth.noise * normal_pair(&mut stream(seed, Purpose::Init, 601)).0).exp();
    let at = At { n: Some(n), d: Some(d), c: Some(c), ..At::default() };
    if let Some(said) = found.predict(at) {
        let said = said.estimate;
        count.add(truth.loss(n, d, bias) * error, said.low, said.high, said.value);
    }
}

/// Whether a law holds the true one inside.
fn holds(law: &str, truth: &Truth) -> bool {
    let with_floor = truth.e > 0.0;
    match law {
        "q-family-offset" => true,
        "q-family" => !with_floor,
        "chinchilla" | "coupled" => truth.q == 1.0,
        "kaplan-offset" => truth.q == truth.tokens.1,
        "kaplan" => !with_floor && truth.q == truth.tokens.1,
        _ => false,
    }
}

/// Prints a line for each law, design and bias.
pub(crate) fn table(sweeps: u64) {
    println!(
        "| truth | design | worse at first | run at 10 times: chosen law | chinchilla | exponent, true law chosen | chosen |"
    );
    println!("|---|---|---|---|---|---|---|");
    for truth in TRUTHS {
        let bears = |design: &Design| truth.is_small || matches!(design.sizes, Sizes::About(..));
        for design in DESIGNS.into_iter().filter(bears) {
            for bias in BIASES {
                line(&truth, &design, bias, sweeps);
            }
        }
    }
}

fn line(truth: &Truth, design: &Design, bias: f64, sweeps: u64) {
    let (mut chosen, mut fixed, mut exponent) =
        (Count::default(), Count::default(), Count::default());
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..sweeps {
        let points = truth.points(design, bias, seed);
        let options = Options { bootstrap: 60, seed, ..Options::default() };
        if let Ok((found, choice)) = choose(&points, &options) {
            *names.entry(choice.law.clone()).or_default() += 1;
            run_at_ten_times(&found, truth, design, bias, seed, &mut chosen);
            let said = found.parameters.get("n_exponent");
            if let Some(said) = said.filter(|_| bias == 0.0 && holds(&choice.law, truth)) {
                exponent.add(truth.n_exponent(), said.low, said.high, 1.0);
            }
        }
        if let Ok(found) = fit(&points, Law::Chinchilla, &options) {
            run_at_ten_times(&found, truth, design, bias, seed, &mut fixed);
        }
    }
    let names: Vec<String> = names.iter().map(|(law, count)| format!("{law} {count}")).collect();
    println!(
        "| {} | {} | {:.0} % | {} | {} | {} | {} |",
        truth.name,
        design.name,
        100.0 * bias,
        chosen.text(),
        fixed.text(),
        exponent.text(),
        names.join(", ")
    );
}
