//! Derivatives against central differences, ways there and back, and every law found again from
//! points of its own.

use super::names::every;
use super::*;
use crate::engine::engine;
use crate::error::FitError;
use crate::jet::{Jet, Scalar};
use crate::point::Point;
use isoflop_core::rng::{Purpose, stream, uniform};
use proptest::prelude::*;

pub(super) const LAWS: [Law; 25] = [
    Law::Power(Axis::C),
    Law::PowerOffset(Axis::N),
    Law::Chinchilla,
    Law::Tied,
    Law::Pinned(1.6),
    Law::OverTraining,
    Law::Kaplan { offset: false },
    Law::Kaplan { offset: true },
    Law::LearningCurve,
    Law::CriticalBatch,
    Law::DataConstrained,
    Law::HalfLife,
    Law::QFamily { offset: false },
    Law::QFamily { offset: true },
    Law::Coupled,
    Law::Farseer,
    Law::Broken(1, Axis::C),
    Law::Broken(2, Axis::C),
    Law::Broken(3, Axis::C),
    Law::M3(Axis::C),
    Law::M4(Axis::C),
    Law::Routed,
    Law::Granularity,
    Law::Sparsity,
    Law::JointExperts,
];

/// Inner parameters inside the ranges where starts are drawn, for losses of 1.7 to 4.
pub(super) fn inner(law: Law, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, Purpose::Starts, 5);
    let mut draw = |low: f64, high: f64| low + (high - low) * uniform(&mut rng);
    if let Some(form) = law.form() {
        let mut t: Vec<f64> = (0..law.parameters()).map(|_| draw(0.4, 0.9)).collect();
        if form.offset == Offset::Free {
            t[0] = draw(1.2, 1.8);
        }
        (0..form.terms).for_each(|term| t[form.exponent(term)] = draw(0.15, 0.5));
        return t;
    }
    if law == Law::Routed {
        return vec![
            draw(-0.12, -0.06),
            draw(-0.15, -0.08),
            draw(0.002, 0.006),
            draw(0.7, 1.1),
            draw(0.3, 0.9),
            draw(3.5, 5.5),
        ];
    }
    if law == Law::Farseer {
        return vec![
            draw(-0.06, 0.06),
            draw(-0.3, 0.3),
            draw(0.15f64.ln(), 0.5f64.ln()),
            draw(-0.2, 0.1),
            draw(-0.3, 0.3),
            draw(0.3f64.ln(), 0.9f64.ln()),
            draw(-0.2, -0.05),
            draw(-0.5, -0.1),
            draw(1.2f64.ln(), 1.8f64.ln()),
        ];
    }
    let mut widths = 0.0;
    let roles = law.roles();
    let last = roles.len() - 1;
    roles
        .iter()
        .enumerate()
        .map(|(k, role)| match role {
            Role::Level => draw(0.3f64.ln(), 0.9f64.ln()),
            Role::Exponent if law == Law::CriticalBatch && k == last => {
                draw(0.2f64.ln(), 0.5f64.ln())
            }
            Role::Exponent => draw(0.15f64.ln(), 0.5f64.ln()),
            Role::Floor => draw(1.2f64.ln(), 1.8f64.ln()),
            Role::Offset => draw(1.2, 1.8),
            Role::Ceiling => draw(0.3f64.ln(), 1.5f64.ln()),
            Role::Bend => draw(0.1, 0.3),
            Role::Tilt => draw(0.005, 0.02),
            // Breaks apart from each other.
            Role::Break => {
                widths += 2.5;
                -5.0 + widths + draw(-0.4, 0.4)
            }
            Role::Width => draw(0.1f64.ln(), 0.4f64.ln()),
            Role::Repeats => draw(4.0f64.ln(), 20.0f64.ln()),
            Role::Count if k == last => draw(3.5, 5.5),
            Role::Count => draw(0.3, 0.9),
        })
        .collect()
}

/// Rows of a law without noise: a grid of N and D, of steps and batches, of experts, or a line of C.
pub(super) fn points(law: Law, t: &[f64]) -> Vec<Point> {
    let mut points = Vec::new();
    for i in 0..8 {
        for j in 0..7 {
            let (n, d) = ((11.0 + 0.9 * f64::from(i)).exp(), (14.0 + f64::from(j)).exp());
            let repeats: &[f64] = match law {
                Law::DataConstrained | Law::HalfLife => &[1.0, 6.0, 30.0],
                _ => &[1.0],
            };
            let batches: &[f64] = match law {
                Law::CriticalBatch => &[1e3, 1e4, 1e5, 1e6],
                _ => &[1e4],
            };
            let experts: &[f64] = match law {
                Law::Sparsity | Law::JointExperts => &[1.0, 2.0, 8.0, 32.0, 128.0],
                _ => &[2f64.powi(j)],
            };
            let granularity: &[f64] = match law {
                Law::Granularity => &[1.0, 2.0, 4.0, 8.0, 16.0],
                _ => &[1.0],
            };
            let kinds =
                repeats.iter().flat_map(|epochs| batches.iter().map(move |b| (*epochs, *b)));
            let widths = experts.iter().flat_map(|e| granularity.iter().map(move |g| (*e, *g)));
            for ((epochs, batch), (experts, granularity)) in
                kinds.flat_map(|kind| widths.clone().map(move |width| (kind, width)))
            {
                let mut point = Point::new(points.len().to_string(), 1.0);
                (point.n, point.d) = (Some(n), Some(d));
                point.c = Some((25.0 + 10.0 * f64::from(7 * i + j) / 55.0).exp());
                (point.epochs, point.batch) = (Some(epochs), Some(batch));
                (point.experts, point.granularity) = (Some(experts), Some(granularity));
                point.n_total = Some(n * experts);
                points.push(point);
            }
        }
    }
    let mut places: Vec<_> = points.iter().map(|point| law.place(point).unwrap()).collect();
    let losses = vec![2.0; points.len()];
    let centre = law.centre(&mut places, &losses);
    for (point, x) in points.iter_mut().zip(&places) {
        point.loss = law.loss(t, x, &centre);
    }
    points
}

const CENTRE: Centre = Centre { x: [14.0, 17.0, 9.0], top: 4.0 };

fn places() -> impl Iterator<Item = [f64; COORDINATES]> {
    let step = |i: u32| f64::from(i);
    (0..12).map(move |i| [1.5 - 0.4 * step(i % 7), 0.7 - 0.2 * step(i), 1.2 - 0.25 * step(i)])
}

fn check_derivatives<const P: usize>(law: Law, t: &[f64]) {
    let t: [f64; P] = t.try_into().unwrap();
    let jet_at = |t: &[f64; P], x: &[f64; COORDINATES]| -> Jet<P> {
        let generic = law.loss(&Jet::variables(t), x, &CENTRE);
        // The derivatives written out for sums are those of the formula.
        if let Some(form) = law.form() {
            let written = form.jet(t, x);
            for i in 0..P {
                assert!((written.gradient[i] - generic.gradient[i]).abs() < 1e-12);
                for j in 0..=i {
                    assert!((written.hessian[i][j] - generic.hessian[i][j]).abs() < 1e-12);
                }
            }
        }
        generic
    };
    for x in places() {
        let exact = jet_at(&t, &x);
        assert!((exact.value - law.loss(&t, &x, &CENTRE)).abs() < 1e-12);
        for k in 0..P {
            let moved = |step: f64| {
                let mut moved = t;
                moved[k] += step;
                jet_at(&moved, &x)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            let near = |difference: f64, exact: f64, what: &str| {
                let miss = (difference - exact).abs();
                let size = 1.0 + difference.abs();
                assert!(miss < 1e-6 * size, "{law:?} {what} {k}: {difference} {exact}");
            };
            near((up.value - down.value) / 2e-5, exact.gradient[k], "gradient");
            for j in 0..=k {
                let curve = (up.gradient[j] - down.gradient[j]) / 2e-5;
                near(curve, exact.hessian[k][j], "second derivative");
            }
        }
    }
}

#[test]
fn derivatives_are_those_of_central_differences() {
    for law in LAWS {
        for seed in 0..6 {
            let t = inner(law, seed);
            with_parameters!(law, P => check_derivatives::<P>(law, &t));
        }
    }
}

#[test]
fn natural_parameters_give_the_same_losses_as_inner_ones() {
    for law in LAWS {
        for seed in 0..6 {
            let t = inner(law, seed);
            let mut centre = CENTRE;
            // As `Law::centre` has it: distinct tokens lie about D, experts about one.
            match law {
                Law::DataConstrained | Law::HalfLife => centre.x[2] = centre.x[1],
                Law::Routed => centre.x[1] = 0.0,
                Law::Granularity | Law::Sparsity | Law::JointExperts => centre.x[2] = 0.0,
                _ => {}
            }
            let natural = law.natural(&t, &centre);
            assert_eq!(natural.len(), law.all_names().len());
            for x in places() {
                let place = std::array::from_fn(|at| x[at] + centre.x[at]);
                let (there, back) = (law.loss(&t, &x, &centre), law.loss_of(&natural, &place));
                assert!((there / back - 1.0).abs() < 1e-9, "{law:?} {there} {back}");
            }
        }
    }
}

#[test]
fn a_quantity_can_be_set_to_any_value() {
    for law in LAWS {
        let t = inner(law, 1);
        for (k, value) in law.natural(&t, &CENTRE).into_iter().enumerate() {
            let wanted = value * 1.03;
            let mut moved = t.clone();
            law.impose(&mut moved, k, wanted, &CENTRE);
            let found = law.natural(&moved, &CENTRE)[k];
            assert!((found / wanted - 1.0).abs() < 1e-9, "{law:?} {k}: {found} {wanted}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn every_law_is_found_again_from_its_own_points(seed in 0u64..1000) {
        for law in LAWS {
            // Two and three breaks lie on plateaus of their own: see below.
            if matches!(law, Law::Broken(2 | 3, _)) {
                continue;
            }
            let points = points(law, &inner(law, seed));
            let mut engine = engine(&points, law, Objective::LOG_MSE, &[]).unwrap();
            let best = engine.solve().unwrap().best().clone();
            let worst = engine.residuals(&best.t).iter().fold(0.0, |m: f64, r| m.max(r.abs()));
            prop_assert!(worst < 1e-5, "{:?}: off by {worst:e}, {:?}", law, best.end);
        }
    }

    #[test]
    fn parameters_that_all_rows_show_are_recovered(seed in 0u64..1000) {
        for law in LAWS {
            // In these some parameters trade against each other until the last digits.
            if matches!(law, Law::Broken(..) | Law::M4(_) | Law::Routed | Law::CriticalBatch) {
                continue;
            }
            let t = inner(law, seed);
            let points = points(law, &t);
            let mut places: Vec<_> = points.iter().map(|point| law.place(point).unwrap()).collect();
            let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
            let truth = law.natural(&t, &law.centre(&mut places, &losses));
            let mut engine = engine(&points, law, Objective::LOG_MSE, &[]).unwrap();
            let best = engine.solve().unwrap().best().clone();
            let found = engine.natural(&best.t);
            for ((name, truth), value) in law.all_names().iter().zip(truth).zip(found) {
                prop_assert!((value / truth - 1.0).abs() < 1e-3, "{:?} {name}: {value} {truth}", law);
            }
        }
    }
}

/// Held where the law that made the points has it, a parameter leaves the others to be found; held
/// elsewhere it stays there and the fit is worse.
#[test]
fn any_parameter_of_any_law_can_be_held() {
    for law in LAWS {
        if matches!(law, Law::Broken(2 | 3, _)) {
            continue;
        }
        let t = inner(law, 2);
        let points = points(law, &t);
        let mut places: Vec<_> = points.iter().map(|p| law.place(p).unwrap()).collect();
        let losses: Vec<f64> = points.iter().map(|p| p.loss).collect();
        let truth = law.natural(&t, &law.centre(&mut places, &losses));
        for (quantity, name) in law.names().iter().enumerate() {
            let solve = |value: f64| {
                let held = [crate::engine::Held { quantity, value }];
                let mut engine = engine(&points, law, Objective::LOG_MSE, &held).unwrap();
                let best = engine.solve().unwrap().best().clone();
                let kept = engine.natural(&best.t)[quantity];
                assert!((kept / value - 1.0).abs() < 1e-9, "{law:?} {name}: {kept}");
                assert!(!engine.at_bound(&best.t).contains(&quantity));
                (best.value, engine.free())
            };
            let (at_truth, free) = solve(truth[quantity]);
            assert_eq!(free, law.parameters() - 1);
            // Parameters of M4 trade against each other until the last digits.
            let least = if matches!(law, Law::M4(_)) { 1e-3 } else { 1e-8 };
            assert!(at_truth < least, "{law:?} {name}: {at_truth:e}");
            if law.form().is_none() {
                continue;
            }
            let (beside, _) = solve(1.1 * truth[quantity]);
            assert!(beside > at_truth, "{law:?} {name}: {beside:e} {at_truth:e}");
        }
    }
}

#[test]
fn a_line_with_two_or_three_breaks_is_followed() {
    for breaks in [2, 3] {
        let law = Law::Broken(breaks, Axis::C);
        let points = points(law, &inner(law, 3));
        let mut engine = engine(&points, law, Objective::LOG_MSE, &[]).unwrap();
        let best = engine.solve().unwrap().best().clone();
        let worst = engine.residuals(&best.t).iter().fold(0.0, |m: f64, r| m.max(r.abs()));
        assert!(worst < 5e-3, "{breaks} {worst}");
    }
}

/// Kaplan et al. 2020: a batch far above the critical one costs no steps, and at the critical one twice
/// as many; `B_crit = 2e8 L^-4.76` tokens.
#[test]
fn at_the_critical_batch_twice_the_steps_are_needed() {
    let law = Law::CriticalBatch;
    let natural = [6.5e13, 0.077, 2.1e3, 0.76, 2.0e8, 0.21];
    let at = |n: f64, s: f64, b: f64| law.loss_of(&natural, &[n.ln(), s.ln(), b.ln()]);
    let huge = at(1e8, 1e5, 1e15);
    let plain = (6.5e13f64 / 1e8).powf(0.077) + (2.1e3f64 / 1e5).powf(0.76);
    assert!((huge / plain - 1.0).abs() < 1e-6, "{huge} {plain}");
    let critical = 2.0e8 * huge.powf(-1.0 / 0.21);
    assert!((at(1e8, 2e5, critical) / huge - 1.0).abs() < 1e-6);
}

/// Clark et al. 2022, table 3, S-BASE: one expert is the dense model with E^ = E_start, and E^ never
/// exceeds E_max.
#[test]
fn experts_saturate_as_in_the_paper() {
    let natural = [-0.082, -0.108, 0.009, 1.104, 1.847, 314.478];
    let at = |n: f64, e: f64| Law::Routed.loss_of(&natural, &[n.ln(), e.ln(), 0.0]);
    let by_hand = |n: f64, effective: f64| {
        let (n, e) = (n.log10(), effective.log10());
        10f64.powf(-0.082 * n - 0.108 * e + 0.009 * n * e + 1.104)
    };
    assert!((at(1e9, 1.0) / by_hand(1e9, 1.847) - 1.0).abs() < 1e-9);
    assert!((at(1e9, 1e12) / by_hand(1e9, 314.478) - 1.0).abs() < 1e-6);
    assert!(at(1e9, 64.0) < at(1e9, 1.0));
}

#[test]
fn names_read_back_and_a_law_of_one_variable_asks_for_it() {
    for law in LAWS {
        let axis = law.axis().or(Some(Axis::C));
        assert_eq!(Law::parse(&law.name(), axis), Ok(law));
    }
    assert_eq!(Law::parse("M1", Some(Axis::D)), Ok(Law::Power(Axis::D)));
    assert_eq!(
        Law::parse("Power_Offset", None),
        Err(FitError::AxisRequired { law: "power-offset" })
    );
    assert!(Law::parse("chinchilla-pinned:-1", None).is_err());
    let hint = |name: &str| Law::parse(name, None).unwrap_err().hint().unwrap();
    assert!(hint("chinchila").contains("`chinchilla`"), "{}", hint("chinchila"));
    assert_eq!(hint("hoffmann"), "`isoflop fit --list` has them all");
    assert_eq!(Law::list().count(), 23);
}

#[test]
fn the_facts_of_every_law_agree_with_each_other() {
    for law in every(Axis::D) {
        let facts = law.facts();
        assert_eq!(facts.coordinates.len(), facts.values_needed.len(), "{law:?}");
        let inner = match facts.inner {
            Inner::Sum(form) => form.parameters(),
            Inner::Drawn(roles) => roles.len(),
        };
        assert_eq!(inner, facts.parameters.len(), "{law:?}");
        assert!(facts.listed.contains(facts.name), "{law:?}");
        assert_eq!(law.axis().is_some(), facts.coordinates == coordinates::of_one(Axis::D));
        let is_surface = law.is_surface();
        assert!(facts.derived != facts::SPLIT || is_surface, "{law:?}");
    }
    assert_eq!(LAWS.len(), every(Axis::C).count());
}

#[test]
fn a_softplus_far_out_is_its_asymptote() {
    assert_eq!(800f64.softplus(), 800.0);
    assert_eq!((-800f64).softplus(), 0.0);
}
