//! Products of small matrices that lie in the nearest cache, without packing: `c (+)= a b`. Vectors
//! run along the rows of b and c, and single elements of a are spread over them.

use pulp::Simd;

/// Left operand of a product.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a> {
    /// Stored by rows: element `(r, k)` is at `r * stride + k`.
    Rows(&'a [f32], usize),
    /// Stored by columns: element `(r, k)` is at `k * stride + r`.
    Columns(&'a [f32], usize),
}

/// Shape of a product, and the distances between rows of b and of c.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Number of rows of a and c.
    pub(crate) rows: usize,
    /// Number of columns of a, and of rows of b.
    pub(crate) depth: usize,
    pub(crate) b_stride: usize,
    pub(crate) c_stride: usize,
}

/// Computes `c = a b`, or `c += a b`, for `vectors` vectors of columns.
#[inline(always)]
pub(crate) fn product<S: Simd>(
    simd: S,
    shape: Shape,
    vectors: usize,
    left: Left,
    b: &[f32],
    c: &mut [f32],
    add: bool,
) {
    let mut done = 0;
    while done + 2 <= vectors {
        let from = done * S::F32_LANES;
        columns::<S, 2>(simd, shape, left, &b[from..], &mut c[from..], add);
        done += 2;
    }
    if done < vectors {
        let from = done * S::F32_LANES;
        columns::<S, 1>(simd, shape, left, &b[from..], &mut c[from..], add);
    }
}

/// Computes one strip of `NV` vectors of columns, with as many rows at a time as the registers
/// hold.
#[inline(always)]
fn columns<S: Simd, const NV: usize>(
    simd: S,
    shape: Shape,
    left: Left,
    b: &[f32],
    c: &mut [f32],
    add: bool,
) {
    let mut row = 0;
    if S::REGISTER_COUNT >= 32 {
        while NV == 1 && row + 16 <= shape.rows {
            rows::<S, 16, NV>(simd, shape, row, left, b, c, add);
            row += 16;
        }
        while row + 8 <= shape.rows {
            rows::<S, 8, NV>(simd, shape, row, left, b, c, add);
            row += 8;
        }
    }
    while row + 4 <= shape.rows {
        rows::<S, 4, NV>(simd, shape, row, left, b, c, add);
        row += 4;
    }
    while row < shape.rows {
        rows::<S, 1, NV>(simd, shape, row, left, b, c, add);
        row += 1;
    }
}

/// Computes `MR` rows of one strip.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
fn rows<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    shape: Shape,
    row: usize,
    left: Left,
    b: &[f32],
    c: &mut [f32],
    add: bool,
) {
    let Shape { depth, b_stride, c_stride, .. } = shape;
    let width = NV * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); NV]; MR];
    if add {
        for r in 0..MR {
            let from = (row + r) * c_stride;
            sums[r].copy_from_slice(S::as_simd_f32s(&c[from..from + width]).0);
        }
    }
    match left {
        Left::Rows(a, stride) => {
            let mut lines = [&a[..0]; MR];
            for r in 0..MR {
                let from = (row + r) * stride;
                lines[r] = &a[from..from + depth];
            }
            for k in 0..depth {
                let from = k * b_stride;
                let b = S::as_simd_f32s(&b[from..from + width]).0;
                for r in 0..MR {
                    let a = simd.splat_f32s(lines[r][k]);
                    for v in 0..NV {
                        sums[r][v] = simd.mul_add_e_f32s(a, b[v], sums[r][v]);
                    }
                }
            }
        }
        Left::Columns(a, stride) => {
            for k in 0..depth {
                let from = k * b_stride;
                let b = S::as_simd_f32s(&b[from..from + width]).0;
                let from = k * stride + row;
                let a = &a[from..from + MR];
                for r in 0..MR {
                    let a = simd.splat_f32s(a[r]);
                    for v in 0..NV {
                        sums[r][v] = simd.mul_add_e_f32s(a, b[v], sums[r][v]);
                    }
                }
            }
        }
    }
    for r in 0..MR {
        let from = (row + r) * c_stride;
        S::as_mut_simd_f32s(&mut c[from..from + width]).0.copy_from_slice(&sums[r]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::kernels::lanes::vectorised;

    vectorised! {
        fn run<'a, S>(simd; a: Left<'a>, b: &'a [f32], c: &'a mut [f32], shape: Shape, add: bool) {
            let vectors = shape.c_stride / 16 * 16 / S::F32_LANES;
            product(simd, shape, vectors, a, b, c, add);
        }
    }

    #[test]
    fn products_of_every_number_of_rows() {
        for rows in 1..20 {
            for (depth, width) in [(1, 16), (5, 32), (7, 48)] {
                let value = |i: usize| (i * 7919 % 31) as f32 - 15.0;
                let a: Vec<f32> = (0..rows * depth).map(value).collect();
                let mut a_columns = a.clone();
                for r in 0..rows {
                    for k in 0..depth {
                        a_columns[k * rows + r] = a[r * depth + k];
                    }
                }
                let b: Vec<f32> = (0..depth * width).map(|i| value(i + 5)).collect();
                let shape = Shape { rows, depth, b_stride: width, c_stride: width };
                let expected: Vec<f32> = (0..rows * width)
                    .map(|i| {
                        let (r, j) = (i / width, i % width);
                        (0..depth).map(|k| a[r * depth + k] * b[k * width + j]).sum()
                    })
                    .collect();
                for left in [Left::Rows(&a, depth), Left::Columns(&a_columns, rows)] {
                    let mut c = vec![f32::NAN; rows * width];
                    run(left, &b, &mut c, shape, false);
                    assert_eq!(c, expected);
                    run(left, &b, &mut c, shape, true);
                    assert!(c.iter().zip(&expected).all(|(c, e)| *c == 2.0 * e));
                }
            }
        }
    }
}
