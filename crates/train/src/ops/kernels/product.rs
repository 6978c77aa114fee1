//! Computes matrix products with the `gemm` crate, which chooses its instructions at run time.

use super::buffer::Buffer;
use crate::profile::part;
use gemm::Parallelism;
use std::time::{Duration, Instant};

/// A matrix in a slice: element `(i, j)` is at `i * row + j * column`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

/// A matrix like [`Matrix`] that can be written to.
#[derive(Debug)]
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

/// Number of elements from a matrix's first to its last, gaps included.
fn span(rows: usize, columns: usize, row: usize, column: usize) -> usize {
    match rows == 0 || columns == 0 {
        true => 0,
        false => (rows - 1) * row + (columns - 1) * column + 1,
    }
}

impl<'a> Matrix<'a> {
    /// A matrix stored row by row, without gaps.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A matrix stored row by row, whose rows start `row` elements apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, row: usize) -> Self {
        assert!(span(rows, columns, row, 1) <= data.len(), "a matrix past its slice");
        Matrix { data, rows, columns, row, column: 1 }
    }

    /// The transposed matrix.
    pub(crate) fn t(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row: self.column,
            column: self.row,
            ..self
        }
    }
}

impl<'a> MatrixMut<'a> {
    /// A matrix stored row by row, without gaps.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A matrix stored row by row, whose rows start `row` elements apart.
    pub(crate) fn strided(data: &'a mut [f32], rows: usize, columns: usize, row: usize) -> Self {
        assert!(span(rows, columns, row, 1) <= data.len(), "a matrix past its slice");
        MatrixMut { data, rows, columns, row, column: 1 }
    }
}

/// Computes `c = a b`.
pub(crate) fn multiply(c: MatrixMut, a: Matrix, b: Matrix) {
    part("matrix products", || product(c, a, b, false));
}

/// Computes `c += a b`.
pub(crate) fn multiply_add(c: MatrixMut, a: Matrix, b: Matrix) {
    part("matrix products", || product(c, a, b, true));
}

/// Computes `c = a b` as a part of work whose time is taken as a whole.
pub(crate) fn multiply_unmeasured(c: MatrixMut, a: Matrix, b: Matrix) {
    product(c, a, b, false);
}

#[allow(unsafe_code, reason = "gemm takes pointers")]
fn product(c: MatrixMut, a: Matrix, b: Matrix, add: bool) {
    assert!(
        a.rows == c.rows && a.columns == b.rows && b.columns == c.columns,
        "a product of {}x{} and {}x{} into {}x{}",
        a.rows,
        a.columns,
        b.rows,
        b.columns,
        c.rows,
        c.columns
    );
    // SAFETY: the constructors checked that every element lies in its slice, `c` is borrowed
    // exclusively, and without `add` its old content is not read.
    unsafe {
        gemm::gemm(
            c.rows,
            c.columns,
            a.columns,
            c.data.as_mut_ptr(),
            c.column as isize,
            c.row as isize,
            add,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Time that one product of two square matrices takes.
pub(crate) fn peak_product(side: usize) -> Duration {
    // The numbers resemble those of training, since power and therefore the clock may depend on
    // them.
    let (mut a, mut b) = (Buffer::stale(side * side), Buffer::stale(side * side));
    let value = |i: usize| (i * 7919 % 1009) as f32 / 1009.0 - 0.5;
    for (i, (a, b)) in a.iter_mut().zip(b.iter_mut()).enumerate() {
        (*a, *b) = (value(i), value(i + 5));
    }
    let mut c = Buffer::stale(side * side);
    let started = Instant::now();
    multiply(
        MatrixMut::new(&mut c, side, side),
        Matrix::new(&a, side, side),
        Matrix::new(&b, side, side),
    );
    started.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_with_strides_and_transposes() {
        // The matrix [[1, 2, 3], [4, 5, 6]] has a gap after each row.
        let a = [1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0, 9.0];
        let a = Matrix::strided(&a, 2, 3, 4);
        let mut c = vec![7.0; 4];
        multiply(MatrixMut::new(&mut c, 2, 2), a, a.t());
        assert_eq!(c, [14.0, 32.0, 32.0, 77.0]);
        multiply_add(MatrixMut::new(&mut c, 2, 2), a, a.t());
        assert_eq!(c, [28.0, 64.0, 64.0, 154.0]);
    }

    #[test]
    #[should_panic(expected = "past its slice")]
    fn a_matrix_past_its_slice_is_refused() {
        let _ = Matrix::new(&[1.0, 2.0], 2, 2);
    }
}
