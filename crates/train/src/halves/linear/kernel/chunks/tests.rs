//! The delta rule where its results are known.

use super::{Layout, Parts, Written, forward};

/// Tokens, width and chunks of one head.
const TIME: usize = 19;
const WIDTH: usize = 5;

/// What a head gives that forgets nothing and writes the same share everywhere, `[k][t]`.
fn given(layout: &Layout, q: &[f32], k: &[f32], v: &[f32], share: f32) -> Vec<f32> {
    let (mut states, mut mixed) = (vec![0.0; layout.states()], vec![f32::NAN; v.len()]);
    let mut to = vec![0.0; v.len()];
    let shares = [share; TIME];
    let written = Some(Written { shares: &shares, to: &mut to });
    forward(layout, Parts { q, k, v }, &[1.0; TIME], written, &mut states, &mut mixed);
    mixed
}

fn rows(layout: &Layout, value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut rows = vec![0.0; WIDTH * layout.stride()];
    for (row, numbers) in rows.chunks_exact_mut(layout.stride()).enumerate() {
        (0..TIME).for_each(|t| numbers[t] = value(row, t));
    }
    rows
}

#[test]
fn a_share_of_nothing_gives_nothing() {
    let layout = Layout::new(1, TIME, 1, WIDTH, 4);
    let some = |seed: usize| rows(&layout, |row, t| ((row * 31 + t * 17 + seed) % 11) as f32 - 5.0);
    let mixed = given(&layout, &some(1), &some(2), &some(3), 0.0);
    for row in mixed.chunks_exact(layout.stride()) {
        assert!(row[..TIME].iter().all(|given| *given == 0.0));
    }
}

/// Keys are one of five unit vectors each, and a later value takes the place of an earlier one.
#[test]
fn a_state_that_forgets_nothing_gives_back_the_last_value_of_a_key() {
    for chunk in [1, 4, 7, 19] {
        let layout = Layout::new(1, TIME, 1, WIDTH, chunk);
        let key = |t: usize| t * t % WIDTH;
        let wanted = |t: usize| t * 3 % WIDTH;
        let value = |row: usize, t: usize| (row * 100 + t) as f32;
        let unit = |is: bool| if is { 1.0 } else { 0.0 };
        let q = rows(&layout, |row, t| unit(row == wanted(t)));
        let k = rows(&layout, |row, t| unit(row == key(t)));
        let mixed = given(&layout, &q, &k, &rows(&layout, value), 1.0);
        for t in 0..TIME {
            let last = (0..=t).rev().find(|earlier| key(*earlier) == wanted(t));
            for row in 0..WIDTH {
                let expected = last.map_or(0.0, |last| value(row, last));
                assert_eq!(mixed[row * layout.stride() + t], expected, "{chunk}, token {t}");
            }
        }
    }
}
