//! Whether N, D and C can be what their columns say: no model has 20 parameters, and C is about 6 N D.

use isoflop_core::units::{scientific, short};

/// Fewer parameters or tokens than any run has.
const FEWEST: f64 = 1000.0;
/// Tokens a parameter that no run has fewer of, or more.
const TOKENS_PER_PARAM: (f64, f64) = (1e-3, 3e6);
/// C over 6 N D: from a forward pass alone to a small model under a large head.
const OF_SIX_N_D: (f64, f64) = (0.2, 50.0);

/// What is wrong with counts that must be larger.
pub(super) fn too_small(what: &str, name: &str, values: &[Option<f64>]) -> Option<String> {
    let found = || values.iter().flatten().copied().filter(|x| x.is_finite() && *x > 0.0);
    let least = found().fold(f64::INFINITY, f64::min);
    let most = found().fold(0.0, f64::max);
    (least < FEWEST && most > 0.0).then(|| {
        format!(
            "column `{name}` holds {} to {}, which are no counts of {what}: millions or billions?",
            plain(least),
            plain(most)
        )
    })
}

fn plain(x: f64) -> String {
    match x {
        x if x < 1e6 => format!("{}", (x * 1000.0).round() / 1000.0),
        x => short(x),
    }
}

/// What is wrong where D is far from N.
pub(super) fn out_of_proportion(n: &[Option<f64>], d: &[Option<f64>]) -> Option<String> {
    let ratio = median(n.iter().zip(d).filter_map(|(n, d)| Some((*d)? / (*n)?)))?;
    let (least, most) = TOKENS_PER_PARAM;
    (!(least..=most).contains(&ratio)).then(|| {
        format!(
            "half the rows have {} tokens a parameter and more: N or D is in another unit",
            scientific(ratio)
        )
    })
}

/// Why a column of compute cannot be the C of these N and D.
pub(super) fn no_compute(
    c: &[Option<f64>],
    n: &[Option<f64>],
    d: &[Option<f64>],
) -> Option<String> {
    let rows = || c.iter().zip(n).zip(d);
    let known = || rows().filter_map(|((c, n), d)| Some(((*c)?, (*n)?, (*d)?)));
    let ratio = median(known().map(|(c, n, d)| c / (6.0 * n * d)))?;
    let (least, most) = OF_SIX_N_D;
    if (least..=most).contains(&ratio) {
        return None;
    }
    let a_token = median(known().map(|(c, n, _)| c / n))?;
    let (c, n, d) = known().next()?;
    let guess = match a_token {
        x if (1.0..=20.0).contains(&x) => ", as FLOPs a token would be",
        _ => "",
    };
    Some(format!("it holds {} where 6 N D is {}{guess}", scientific(c), scientific(6.0 * n * d)))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|x| x.is_finite() && *x > 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn counts_in_millions_and_flops_a_token_are_noticed() {
        let (n, d) = (some(&[20e6, 3e9]), some(&[4e8, 6e10]));
        assert_eq!(too_small("parameters", "params", &n), None);
        let millions = too_small("parameters", "params", &some(&[20.0, 3000.0]));
        assert_eq!(
            millions.unwrap(),
            "column `params` holds 20 to 3000, which are no counts of parameters: millions or billions?"
        );
        assert_eq!(out_of_proportion(&n, &d), None);
        assert!(out_of_proportion(&some(&[20.0]), &some(&[4e8])).is_some());
        assert_eq!(no_compute(&some(&[4.8e16, 1e21]), &n, &d), None);
        let a_token = no_compute(&some(&[4e7, 6e9]), &n, &d).unwrap();
        assert_eq!(a_token, "it holds 4e7 where 6 N D is 4.8e16, as FLOPs a token would be");
        let units = no_compute(&some(&[4.8e-2, 1e3]), &n, &d).unwrap();
        assert_eq!(units, "it holds 4.8e-2 where 6 N D is 4.8e16");
    }
}
