//! Small symmetric systems.

pub(crate) type Square<const P: usize> = [[f64; P]; P];

/// Solves `a x = b` on the unknowns whose bit is set in `mask`, the others held at zero, by
/// Cholesky; reads the lower triangle. None unless that block is positive definite.
pub(crate) fn solve_subset<const P: usize>(
    a: &Square<P>,
    b: &[f64; P],
    mask: u16,
) -> Option<[f64; P]> {
    let chosen = |k: &usize| mask & (1 << k) != 0;
    let mut factor = [[0.0; P]; P];
    let mut x = [0.0; P];
    for i in (0..P).filter(chosen) {
        for j in (0..=i).filter(chosen) {
            let inner: f64 = (0..j).filter(chosen).map(|k| factor[i][k] * factor[j][k]).sum();
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
    for i in (0..P).rev().filter(chosen) {
        let inner: f64 = (i + 1..P).filter(chosen).map(|k| factor[k][i] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[i][i];
    }
    x.iter().all(|value| value.is_finite()).then_some(x)
}

/// Solves a symmetric system of any size given by its full matrix, a tiny ridge away from singular;
/// None where even that is not positive definite.
pub(crate) fn solve_dense(a: &[Vec<f64>], b: &[f64]) -> Option<Vec<f64>> {
    let size = b.len();
    let ridge = 1e-13 * (0..size).map(|i| a[i][i]).fold(0.0, f64::max);
    let mut factor = vec![vec![0.0; size]; size];
    let mut x = vec![0.0; size];
    for i in 0..size {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = a[i][j] - inner + if i == j { ridge } else { 0.0 };
            match i == j {
                true if rest <= 0.0 || !rest.is_finite() => return None,
                true => factor[i][i] = rest.sqrt(),
                false => factor[i][j] = rest / factor[j][j],
            }
        }
        let inner: f64 = (0..i).map(|k| factor[i][k] * x[k]).sum();
        x[i] = (b[i] - inner) / factor[i][i];
    }
    for i in (0..size).rev() {
        let inner: f64 = (i + 1..size).map(|k| factor[k][i] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[i][i];
    }
    Some(x)
}

/// Eigenvalues of a symmetric matrix and a vector of each, by Jacobi's rotations.
pub(crate) fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = a.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let whole: f64 = a.iter().flatten().map(|x| x * x).sum();
    for _ in 0..50 {
        let pairs = || (0..size).flat_map(|i| (0..i).map(move |j| (i, j)));
        let off: f64 = pairs().map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off <= 1e-26 * whole {
            break;
        }
        for (i, j) in pairs() {
            if a[i][j] == 0.0 {
                continue;
            }
            let bend = (a[i][i] - a[j][j]) / (2.0 * a[i][j]);
            let tangent = bend.signum() / (bend.abs() + bend.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            let sine = tangent * cosine;
            for row in &mut a {
                let (x, y) = (row[i], row[j]);
                (row[i], row[j]) = (cosine * x + sine * y, cosine * y - sine * x);
            }
            for k in 0..size {
                let (x, y) = (a[i][k], a[j][k]);
                (a[i][k], a[j][k]) = (cosine * x + sine * y, cosine * y - sine * x);
                let (x, y) = (vectors[i][k], vectors[j][k]);
                (vectors[i][k], vectors[j][k]) = (cosine * x + sine * y, cosine * y - sine * x);
            }
        }
    }
    ((0..size).map(|i| a[i][i]).collect(), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_each_of_its_vectors_is_that_vector_scaled() {
        let a: Vec<Vec<f64>> =
            (0..5).map(|i| (0..5).map(|j| 1.0 / f64::from(i + j + 1)).collect()).collect();
        let (values, vectors) = eigen(a.clone());
        for (value, vector) in values.iter().zip(&vectors) {
            for (row, own) in a.iter().zip(vector) {
                let product: f64 = row.iter().zip(vector).map(|(x, y)| x * y).sum();
                assert!((product - value * own).abs() < 1e-12);
            }
        }
        // The trace.
        let trace: f64 = (0..5).map(|i| a[i][i]).sum();
        assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12);
    }

    #[test]
    fn a_masked_system_is_solved_and_the_rest_is_zero() {
        let mut a = [[0.0; 5]; 5];
        (a[0][0], a[2][0], a[2][2]) = (4.0, 2.0, 3.0);
        let x = solve_subset(&a, &[10.0, 99.0, 9.0, 0.0, 0.0], 0b101).unwrap();
        assert!((x[0] - 1.5).abs() < 1e-12 && x[1] == 0.0 && (x[2] - 2.0).abs() < 1e-12);
        let dense = solve_dense(&[vec![4.0, 2.0], vec![2.0, 3.0]], &[10.0, 9.0]).unwrap();
        assert!((dense[0] - 1.5).abs() < 1e-9 && (dense[1] - 2.0).abs() < 1e-9);
    }

    #[test]
    fn an_indefinite_system_has_no_solution_here() {
        let mut a = [[0.0; 2]; 2];
        (a[0][0], a[1][0], a[1][1]) = (1.0, 2.0, 1.0);
        assert_eq!(solve_subset(&a, &[1.0; 2], 0b11), None);
    }
}
