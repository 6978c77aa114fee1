//! Symmetric systems of up to five unknowns.

/// Parameters of the largest law.
pub(crate) const MAX: usize = 5;
pub(crate) type Vector = [f64; MAX];
pub(crate) type Matrix = [[f64; MAX]; MAX];

/// Solves `a x = b` on the unknowns whose bit is set in `mask`, the others held at zero, by
/// Cholesky; reads the lower triangle. None unless that block is positive definite.
pub(crate) fn solve_subset(a: &Matrix, b: &Vector, mask: u8) -> Option<Vector> {
    let chosen = |k: &usize| mask & (1 << k) != 0;
    let mut factor = [[0.0; MAX]; MAX];
    let mut x = [0.0; MAX];
    for i in (0..MAX).filter(chosen) {
        for j in (0..=i).filter(chosen) {
            let inner: f64 = (0..j)
                .filter(chosen)
                .map(|k| factor[i][k] * factor[j][k])
                .sum();
            let rest = a[i][j] - inner;
            if i != j {
                factor[i][j] = rest / factor[j][j];
            } else if rest > 4.0 * f64::EPSILON * a[i][i] {
                factor[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
        let inner: f64 = (0..i).filter(chosen).map(|k| factor[i][k] * x[k]).sum();
        x[i] = (b[i] - inner) / factor[i][i];
    }
    for i in (0..MAX).rev().filter(chosen) {
        let inner: f64 = (i + 1..MAX)
            .filter(chosen)
            .map(|k| factor[k][i] * x[k])
            .sum();
        x[i] = (x[i] - inner) / factor[i][i];
    }
    x.iter().all(|value| value.is_finite()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_system_is_solved_and_the_rest_is_zero() {
        let mut a = [[0.0; MAX]; MAX];
        (a[0][0], a[2][0], a[2][2]) = (4.0, 2.0, 3.0);
        let x = solve_subset(&a, &[10.0, 99.0, 9.0, 0.0, 0.0], 0b101).unwrap();
        assert!((x[0] - 1.5).abs() < 1e-12 && x[1] == 0.0 && (x[2] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn an_indefinite_system_has_no_solution_here() {
        let mut a = [[0.0; MAX]; MAX];
        (a[0][0], a[1][0], a[1][1]) = (1.0, 2.0, 1.0);
        assert_eq!(solve_subset(&a, &[1.0; MAX], 0b11), None);
    }
}
