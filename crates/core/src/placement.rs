//! Which sizes to train at a compute budget: some about the size that is expected to be best there. A
//! prior says so before anything is trained; the minima of budgets that have ended correct it.

/// A size that may be trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Parameters, as N counts them.
    pub n: f64,
    /// Training FLOPs of a token.
    pub flops: f64,
}

impl Rung {
    /// Tokens for a compute, over the parameters.
    pub fn tokens_per_param(&self, compute: f64) -> f64 {
        compute / self.flops / self.n
    }

    /// Tokens per parameter that the prior takes for the best where this size is the best.
    ///
    /// At scale they are those of Hoffmann et al. 2022; small models want more. Where a token's FLOPs grow
    /// more slowly than N, a larger model costs fewer of them: under a sum of powers of N and D the best D
    /// is in proportion to `s^(1/beta)`, with `s` the slope of ln FLOPs in ln N. Blocks have a slope of 1;
    /// the head and the scores of attention grow as the width, about `N^0.4` on the ladder.
    fn prior_tokens_per_param(&self) -> f64 {
        let of_blocks = (6.0 * self.n / self.flops).clamp(0.0, 1.0);
        let slope = of_blocks + WIDTH_BY_SIZE * (1.0 - of_blocks);
        let small = (SMALL / self.n).powf(SMALL_POWER);
        TOKENS_PER_PARAM * (1.0 + small) * slope.powf(1.0 / BETA)
    }
}

/// Tokens per parameter of a compute-optimal model at scale (Hoffmann et al. 2022, table 3).
const TOKENS_PER_PARAM: f64 = 20.0;

/// Size at which twice as many tokens per parameter are the best as at scale, and the power of N by which
/// smaller ones want more: put through the best sizes of transformers from 3e10 to 1e13 FLOPs (LOG.md).
const SMALL: f64 = 250e3;
const SMALL_POWER: f64 = 0.7;

/// Power of N by which widths of the ladder grow.
const WIDTH_BY_SIZE: f64 = 0.4;

/// Exponent of D of the law behind the prior.
const BETA: f64 = 0.5;

/// Standard deviation of the prior's miss in ln N at the smallest budget: a factor of 2.2.
const OFFSET: f64 = 0.8;

/// Standard deviation of what its miss grows by, per factor e of compute.
const TILT: f64 = 0.15;

/// Distance of neighbouring rungs in ln N: seven in two decades, a factor of 1.9. Noise of 1 % moves the
/// bottom of a curve by more than a rung where sizes lie closer together, and where they lie further apart
/// the range of tokens per parameter in which runs follow one law, a factor of about 50 in N, holds fewer
/// than five.
pub const STEP: f64 = 2.0 * std::f64::consts::LN_10 / 7.0;

/// What the runs of one budget say of the best size there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimum {
    /// FLOPs.
    pub budget: f64,
    /// Logarithm of the best size.
    pub ln_n: f64,
    /// Standard deviation of that logarithm.
    pub sd: f64,
    /// Whether sizes on both sides enclose it.
    pub enclosed: bool,
}

/// Runs further above the best than this share of the loss are no part of the parabola.
const NEAR: f64 = 0.1;

/// Standard deviation of ln L between runs, where residuals do not show a larger one: what repeats with
/// other seeds have at these scales (LOG.md).
const NOISE: f64 = 0.01;

/// A minimum is taken to be known no better than this: a loss curve is no parabola.
const BEST: f64 = 0.15;

/// Standard deviation of a minimum that sizes do not enclose, about the size of lowest loss: between one
/// and two rungs.
const OPEN: f64 = 0.7;

impl Minimum {
    /// The minimum of one budget's curve, from sizes with their losses in any order; a size that stands
    /// there several times (with other seeds) counts as often. None with fewer than three sizes.
    pub fn of(budget: f64, losses: &[(f64, f64)]) -> Option<Self> {
        let mut points: Vec<(f64, f64)> =
            losses.iter().map(|(n, loss)| (n.ln(), loss.ln())).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let different = |points: &[(f64, f64)]| {
            let mut sizes: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
            sizes.dedup();
            sizes.len()
        };
        if different(&points) < 3 || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return None;
        }
        let best = points.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let mut near: Vec<(f64, f64)> = points.clone();
        near.retain(|(_, y)| *y <= best.1 + NEAR);
        if different(&near) < 3 {
            near = points.clone();
        }
        let inside = points[0].0..=points[points.len() - 1].0;
        let enclosed = bottom(&near).filter(|(at, _)| inside.contains(at));
        Some(match enclosed {
            Some((ln_n, sd)) => {
                Minimum { budget, ln_n, sd: sd.hypot(BEST).min(OPEN), enclosed: true }
            }
            None => Minimum { budget, ln_n: best.0, sd: OPEN, enclosed: false },
        })
    }
}

/// The lowest point of the least-squares parabola and its standard deviation; none where it opens
/// downwards.
fn bottom(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let centre = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let moment = |power: i32| points.iter().map(|(x, _)| (x - centre).powi(power)).sum::<f64>();
    let level = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    // Columns x and x^2 - m2, which are orthogonal to the constant.
    let m2 = moment(2) / count;
    let (s11, s12, s22) = (moment(2), moment(3), moment(4) - count * m2 * m2);
    let sum = |of: &dyn Fn(f64) -> f64| {
        points.iter().map(|(x, y)| of(x - centre) * (y - level)).sum::<f64>()
    };
    let (t1, t2) = (sum(&|x| x), sum(&|x| x * x - m2));
    let determinant = s11 * s22 - s12 * s12;
    let slope = (t1 * s22 - s12 * t2) / determinant;
    let curvature = (s11 * t2 - s12 * t1) / determinant;
    if !(curvature > 0.0 && slope.is_finite()) {
        return None;
    }
    let residual = |(x, y): &(f64, f64)| {
        let x = x - centre;
        (y - level - slope * x - curvature * (x * x - m2)).powi(2)
    };
    let freedom = count - 3.0;
    let scatter = match freedom > 0.0 {
        true => points.iter().map(residual).sum::<f64>() / freedom,
        false => 0.0,
    };
    let variance = scatter.max(NOISE * NOISE);
    // The bottom lies at -slope / (2 curvature) from the centre: the delta method.
    let (by_slope, by_curvature) = (-0.5 / curvature, 0.5 * slope / (curvature * curvature));
    let spread = by_slope * by_slope * s22 - 2.0 * by_slope * by_curvature * s12
        + by_curvature * by_curvature * s11;
    let sd = (variance * spread / determinant).sqrt();
    Some((centre - 0.5 * slope / curvature, sd))
}

/// The size that is expected to be the best at a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Logarithm of the size.
    pub ln_n: f64,
    /// Standard deviation of that logarithm.
    pub sd: f64,
}

impl Expected {
    /// Ends of the 90 % interval of the size.
    pub fn interval(&self) -> [f64; 2] {
        [-1.645, 1.645].map(|z| (self.ln_n + z * self.sd).exp())
    }

    /// How many sizes are trained about it: five where it is known to half a rung, six where to a rung,
    /// else seven.
    pub fn sizes(&self) -> usize {
        match self.sd / STEP {
            at if at <= 0.5 => FEWEST,
            at if at <= 1.0 => FEWEST + 1,
            _ => FEWEST + 2,
        }
    }

    /// Whether nothing is gained by knowing it better: the fewest sizes are enough.
    pub fn is_known(&self) -> bool {
        self.sizes() == FEWEST
    }
}

/// Budgets that the prior places.
const FIRST: usize = 2;

/// Sizes about an optimum that is known.
const FEWEST: usize = 5;

/// Sizes to choose from, ascending, with the smallest budget of the sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    rungs: Vec<Rung>,
    smallest_budget: f64,
}

impl Ladder {
    /// A ladder of these rungs.
    pub fn new(mut rungs: Vec<Rung>, smallest_budget: f64) -> Self {
        rungs.sort_by(|a, b| a.n.total_cmp(&b.n));
        Ladder { rungs, smallest_budget }
    }

    /// The rungs, ascending.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The best size at a budget by the prior alone, as its logarithm: where the budget buys the tokens
    /// per parameter that the prior takes for the best.
    ///
    /// # Panics
    /// There is no rung.
    pub fn prior(&self, budget: f64) -> f64 {
        let compute = |rung: &Rung| (rung.flops * rung.n * rung.prior_tokens_per_param()).ln();
        let mut nodes: Vec<(f64, f64)> = Vec::new();
        for rung in &self.rungs {
            // Rounded shapes must not make a larger size the best at less compute.
            let at = compute(rung);
            match nodes.last() {
                Some((_, before)) if at <= *before => {}
                _ => nodes.push((rung.n.ln(), at)),
            }
        }
        let wanted = budget.ln();
        let above = nodes.iter().position(|(_, at)| *at > wanted).unwrap_or(nodes.len());
        let Some(from) = above.clamp(1, nodes.len().max(2) - 1).checked_sub(1) else {
            return nodes[0].0;
        };
        match nodes.get(from + 1) {
            Some(to) => {
                let (low, high) = (nodes[from], *to);
                low.0 + (high.0 - low.0) * (wanted - low.1) / (high.1 - low.1)
            }
            None => nodes[from].0,
        }
    }

    /// The best size at a budget, by the prior and the minima of other budgets: a line in ln C is
    /// added to the prior's curve, whose two coefficients have normal priors of their own, so that few
    /// minima move it no further than they know. A minimum far off all others counts less (weights of
    /// Huber's penalty).
    pub fn expected(&self, budget: f64, minima: &[Minimum]) -> Expected {
        let place = |budget: f64| (budget / self.smallest_budget).ln();
        let rows: Vec<(f64, f64, f64)> =
            minima.iter().map(|m| (place(m.budget), m.ln_n - self.prior(m.budget), m.sd)).collect();
        let mut weights = vec![1.0; rows.len()];
        let mut line = Line::of(&rows, &weights);
        for _ in 0..20 {
            for (weight, (x, y, sd)) in weights.iter_mut().zip(&rows) {
                let off = (y - line.at(*x).0).abs() / sd;
                *weight = (FAR / off).min(1.0);
            }
            line = Line::of(&rows, &weights);
        }
        let (correction, sd) = line.at(place(budget));
        Expected { ln_n: self.prior(budget) + correction, sd }
    }

    /// What is expected at the budgets that are placed together next, of those that have no sizes yet,
    /// ascending: of a sweep's `first` two by the prior, since a slope needs two; later of one, and of those
    /// behind it for as long as the fewest sizes are enough.
    pub fn stage(&self, open: &[f64], first: bool, minima: &[Minimum]) -> Vec<Expected> {
        let least = if first { FIRST } else { 1 };
        let all = open.iter().map(|budget| self.expected(*budget, minima)).enumerate();
        all.take_while(|(k, expected)| *k < least || expected.is_known())
            .map(|(_, expected)| expected)
            .collect()
    }

    /// The sizes of a budget: of the rungs about its expected optimum, as many as it needs, those that are
    /// allowed, and where fewer than five are, the nearest others that are.
    pub fn choose(&self, expected: &Expected, allowed: impl Fn(&Rung) -> bool) -> Chosen {
        let off = |rung: &Rung| (rung.n.ln() - expected.ln_n).abs();
        let reach = expected.sizes() as f64 / 2.0 * STEP;
        let mut nearest: Vec<usize> = (0..self.rungs.len()).collect();
        nearest.sort_by(|a, b| off(&self.rungs[*a]).total_cmp(&off(&self.rungs[*b])));
        let mut chosen = Chosen::default();
        for at in nearest {
            let is_about = off(&self.rungs[at]) <= reach;
            match allowed(&self.rungs[at]) {
                true if is_about || chosen.sizes.len() < FEWEST => chosen.sizes.push(at),
                false if is_about => chosen.left_out.push(at),
                _ => {}
            }
        }
        chosen.sizes.sort_unstable();
        chosen.left_out.sort_unstable();
        chosen
    }
}

/// Numbers of rungs, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen {
    /// Rungs to train.
    pub sizes: Vec<usize>,
    /// Rungs about the expected optimum that are not allowed.
    pub left_out: Vec<usize>,
}

/// Standard deviations off the others from which on a minimum counts less.
const FAR: f64 = 1.5;

/// A line with the normal distribution of its two coefficients.
struct Line {
    mean: [f64; 2],
    covariance: [[f64; 2]; 2],
}

impl Line {
    /// The line through rows of (x, y, standard deviation) under the prior of the coefficients.
    fn of(rows: &[(f64, f64, f64)], weights: &[f64]) -> Self {
        let mut precision = [[1.0 / (OFFSET * OFFSET), 0.0], [0.0, 1.0 / (TILT * TILT)]];
        let mut pull = [0.0; 2];
        for ((x, y, sd), weight) in rows.iter().zip(weights) {
            let weight = weight / (sd * sd);
            precision[0][0] += weight;
            precision[0][1] += weight * x;
            precision[1][1] += weight * x * x;
            pull[0] += weight * y;
            pull[1] += weight * x * y;
        }
        let [[a, b], [_, d]] = precision;
        let determinant = a * d - b * b;
        let covariance = [[d, -b], [-b, a]].map(|row| row.map(|value| value / determinant));
        let mean = covariance.map(|row| row[0] * pull[0] + row[1] * pull[1]);
        Line { mean, covariance }
    }

    /// Its height and the standard deviation of that.
    fn at(&self, x: f64) -> (f64, f64) {
        let [[a, b], [_, d]] = self.covariance;
        (self.mean[0] + self.mean[1] * x, (a + 2.0 * b * x + d * x * x).sqrt())
    }
}

#[cfg(test)]
mod tests;
