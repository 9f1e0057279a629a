//! Small dense problems: what a fit knows of its sum of squares around a place, and the steps that follow from it.
//!
//! Flows in: J^T J and J^T r, or the triangle of a QR of J. Flows out: damped steps, the inverse of J^T J. Columns are
//! scaled to unit length first, so that units of parameters do not matter.
//!
//! Who should not use it: anyone but `fit`.

use crate::descent::linear::{cholesky, solve_cholesky};
use crate::sums::{add_scaled, dot};

/// A sum of squares |r + J dx|^2 around a place, up to |r|^2. Matrices are row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Local {
    /// The normal equations: J^T J, whole, and J^T r.
    Normal { products: Vec<f64>, gradient: Vec<f64> },
    /// J = Q R: R (what is below its diagonal is 0), and Q^T r.
    Factor { triangle: Vec<f64>, rotated: Vec<f64> },
}

/// The inverse of J^T J.
pub(super) struct Inverse {
    /// Row by row; rows and columns of parameters that are held are 0.
    pub(super) matrix: Vec<f64>,
    /// The least square of a pivot of J with its columns scaled to unit length: 1 where they are orthogonal, 0 where
    /// they depend on each other.
    pub(super) pivot: f64,
}

impl Local {
    fn parameters(&self) -> usize {
        match self {
            Local::Normal { gradient, .. } => gradient.len(),
            Local::Factor { rotated, .. } => rotated.len(),
        }
    }

    /// Whether every number is finite.
    pub(super) fn is_finite(&self) -> bool {
        let (a, b) = match self {
            Local::Normal { products, gradient } => (products, gradient),
            Local::Factor { triangle, rotated } => (triangle, rotated),
        };
        a.iter().chain(b).all(|value| value.is_finite())
    }

    /// The length of column j of J.
    pub(super) fn length(&self, j: usize) -> f64 {
        let n = self.parameters();
        match self {
            Local::Normal { products, .. } => products[j * n + j].max(0.0).sqrt(),
            Local::Factor { triangle, .. } => {
                (0..=j).map(|i| triangle[i * n + j]).fold(0.0, |sum: f64, r| sum.hypot(r))
            }
        }
    }

    /// Component j of J^T r.
    pub(super) fn gradient(&self, j: usize) -> f64 {
        let n = self.parameters();
        match self {
            Local::Normal { gradient, .. } => gradient[j],
            Local::Factor { triangle, rotated } => (0..=j).map(|i| triangle[i * n + j] * rotated[i]).sum(),
        }
    }

    /// What a step changes of the sum of squares: 2 r^T J dx + |J dx|^2.
    pub(super) fn change(&self, step: &[f64]) -> f64 {
        let n = self.parameters();
        let mut change = 0.0;
        match self {
            Local::Normal { products, gradient } => {
                for (i, row) in products.chunks_exact(n.max(1)).enumerate() {
                    let moved: f64 = row.iter().zip(step).map(|(a, s)| a * s).sum();
                    change += step[i] * (2.0 * gradient[i] + moved);
                }
            }
            Local::Factor { triangle, rotated } => {
                for (i, row) in triangle.chunks_exact(n.max(1)).enumerate() {
                    let moved: f64 = row.iter().zip(step).skip(i).map(|(r, s)| r * s).sum();
                    change += moved * (2.0 * rotated[i] + moved);
                }
            }
        }
        change
    }

    /// The step that minimises |r + J dx|^2 + damping |D dx|^2, D the diagonal of `scales`; parameters that are held do
    /// not move. None where the matrix is singular to rounding.
    pub(super) fn step(&self, damping: f64, scales: &[f64], held: &[bool], step: &mut [f64]) -> Option<()> {
        if let (Local::Normal { products, gradient }, false) = (self, held.contains(&true)) {
            macro_rules! sized {
                ($($n:literal)*) => {
                    match gradient.len() {
                        $($n => return normal_step::<$n>(products, gradient, damping, scales, step),)*
                        _ => {}
                    }
                };
            }
            sized!(1 2 3 4 5 6 7 8);
        }
        let free: Vec<usize> = (0..self.parameters()).filter(|j| !held[*j]).collect();
        let scale = |k: usize| scales[free[k]];
        let (m, n) = (free.len(), self.parameters());
        let solved = match self {
            Local::Normal { products, gradient } => {
                let mut lower = vec![0.0; m * m];
                for i in 0..m {
                    for j in 0..=i {
                        lower[i * m + j] = products[free[i] * n + free[j]] / (scale(i) * scale(j));
                    }
                    lower[i * m + i] += damping;
                }
                cholesky(&mut lower, m, |diagonal| REGULAR * m as f64 * diagonal)?;
                let right: Vec<f64> = (0..m).map(|k| -gradient[free[k]] / scale(k)).collect();
                solve_cholesky(&lower, right)
            }
            Local::Factor { triangle, rotated } => {
                let rows = n + m;
                let mut stack = vec![0.0; rows * (m + 1)];
                for (k, j) in free.iter().enumerate() {
                    (0..=*j).for_each(|i| stack[k * rows + i] = triangle[i * n + j] / scale(k));
                    stack[k * rows + n + k] = damping.sqrt();
                }
                (0..n).for_each(|i| stack[m * rows + i] = -rotated[i]);
                triangularise(&mut stack, rows, m + 1);
                let regular = (0..m).all(|k| stack[k * rows + k].abs() > REGULAR * rows as f64);
                regular.then(|| back_substitute(&stack, rows, m))?
            }
        };
        step.fill(0.0);
        free.iter().zip(&solved).enumerate().for_each(|(k, (j, z))| step[*j] = z / scale(k));
        step.iter().all(|s| s.is_finite()).then_some(())
    }

    /// The inverse of J^T J over the parameters that are not held; none where it is singular to rounding.
    pub(super) fn inverse(&self, held: &[bool]) -> Option<Inverse> {
        let n = self.parameters();
        let free: Vec<usize> = (0..n).filter(|j| !held[*j]).collect();
        let lengths: Vec<f64> = free.iter().map(|j| self.length(*j)).collect();
        if lengths.iter().any(|length| !length.is_normal()) {
            return None;
        }
        let m = free.len();
        // The triangle R of the scaled columns, row by row.
        let upper = match self {
            Local::Normal { products, .. } => {
                let mut lower = vec![0.0; m * m];
                for i in 0..m {
                    (0..=i).for_each(|j| {
                        lower[i * m + j] = products[free[i] * n + free[j]] / (lengths[i] * lengths[j]);
                    });
                }
                cholesky(&mut lower, m, |diagonal| REGULAR * m as f64 * diagonal)?;
                (0..m * m).map(|k| lower[k % m * m + k / m]).collect::<Vec<f64>>()
            }
            Local::Factor { triangle, .. } => {
                let mut stack = vec![0.0; n * m];
                for (k, j) in free.iter().enumerate() {
                    (0..=*j).for_each(|i| stack[k * n + i] = triangle[i * n + j] / lengths[k]);
                }
                triangularise(&mut stack, n, m);
                (0..m * m).map(|k| if k / m > k % m { 0.0 } else { stack[k % m * n + k / m] }).collect()
            }
        };
        let pivot = (0..m).map(|k| upper[k * m + k].powi(2)).fold(1.0, f64::min);
        if pivot.sqrt() <= REGULAR * (n + 4) as f64 {
            return None;
        }
        let inverted = invert_upper(&upper, m);
        let mut matrix = vec![0.0; n * n];
        for a in 0..m {
            for b in 0..m {
                let sum: f64 = (a.max(b)..m).map(|k| inverted[a * m + k] * inverted[b * m + k]).sum();
                matrix[free[a] * n + free[b]] = sum / (lengths[a] * lengths[b]);
            }
        }
        Some(Inverse { matrix, pivot })
    }
}

/// [`Local::step`] of so many parameters, none of which is held, without a loop that is not unrolled.
#[expect(clippy::needless_range_loop, reason = "rows and columns of triangles are what the indices say")]
fn normal_step<const N: usize>(
    products: &[f64],
    gradient: &[f64],
    damping: f64,
    scales: &[f64],
    step: &mut [f64],
) -> Option<()> {
    let units: [f64; N] = std::array::from_fn(|k| 1.0 / scales[k]);
    let (products, gradient, step) = (&products[..N * N], &gradient[..N], &mut step[..N]);
    // The lower triangle, with the inverse of its diagonal.
    let mut lower = [[0.0; N]; N];
    let mut z = [0.0; N];
    for i in 0..N {
        for j in 0..i {
            let mut sum = products[i * N + j] * units[i] * units[j];
            for k in 0..j {
                sum -= lower[i][k] * lower[j][k];
            }
            lower[i][j] = sum * lower[j][j];
        }
        let whole = products[i * N + i] * units[i] * units[i] + damping;
        let (mut sum, mut right) = (whole, -gradient[i] * units[i]);
        for k in 0..i {
            sum -= lower[i][k] * lower[i][k];
            right -= lower[i][k] * z[k];
        }
        if sum.is_nan() || sum <= REGULAR * N as f64 * whole {
            return None;
        }
        lower[i][i] = 1.0 / sum.sqrt();
        z[i] = right * lower[i][i];
    }
    for i in (0..N).rev() {
        let mut right = z[i];
        for k in i + 1..N {
            right -= lower[k][i] * z[k];
        }
        z[i] = right * lower[i][i];
        step[i] = z[i] * units[i];
    }
    step.iter().all(|s| s.is_finite()).then_some(())
}

/// A pivot of columns of unit length, in parts of the rows, below which these depend on each other.
const REGULAR: f64 = f64::EPSILON;

/// R of the QR of a matrix, column by column, in its upper triangle (Householder); 0 below. Fewer rows than columns give
/// as many rows.
pub(super) fn triangularise(matrix: &mut [f64], rows: usize, columns: usize) {
    for k in 0..columns.min(rows) {
        let (left, right) = matrix.split_at_mut((k + 1) * rows);
        let mirror = &mut left[k * rows + k..];
        let norm = dot(mirror, mirror).sqrt();
        if norm == 0.0 {
            continue;
        }
        let first = mirror[0];
        let end = if first > 0.0 { -norm } else { norm };
        mirror[0] = first - end;
        let factor = 1.0 / (norm * (norm + first.abs()));
        for column in right.chunks_exact_mut(rows) {
            let share = dot(mirror, &column[k..]) * factor;
            add_scaled(&mut column[k..], -share, mirror);
        }
        mirror.fill(0.0);
        mirror[0] = end;
    }
}

/// Solves R z = c, where the columns of `stack` are those of R and then c.
fn back_substitute(stack: &[f64], rows: usize, n: usize) -> Vec<f64> {
    let mut z: Vec<f64> = stack[n * rows..n * rows + n].to_vec();
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|j| stack[j * rows + i] * z[j]).sum();
        z[i] = (z[i] - sum) / stack[i * rows + i];
    }
    z
}

/// The inverse of an upper triangle, row by row.
fn invert_upper(upper: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for j in 0..n {
        inverse[j * n + j] = 1.0 / upper[j * n + j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| upper[i * n + k] * inverse[k * n + j]).sum();
            inverse[i * n + j] = -sum / upper[i * n + i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J and r of a line through (0, 1), (1, 3), (2, 4), (3, 4) at a = b = 0, column by column.
    const LINE: [f64; 12] = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 2.0, 3.0, -1.0, -3.0, -4.0, -4.0];

    fn locals() -> [Local; 2] {
        let mut stack = LINE.to_vec();
        triangularise(&mut stack, 4, 3);
        let triangle = vec![stack[0], stack[4], 0.0, stack[5]];
        let factor = Local::Factor { triangle, rotated: vec![stack[8], stack[9]] };
        [Local::Normal { products: vec![4.0, 6.0, 6.0, 14.0], gradient: vec![-12.0, -23.0] }, factor]
    }

    #[test]
    fn both_forms_give_the_least_squares_of_a_line() {
        for local in locals() {
            let stepped = |damping: f64, scales: &[f64], held: &[bool]| {
                let mut step = vec![0.0; 2];
                local.step(damping, scales, held, &mut step).map(|()| step)
            };
            let step = stepped(0.0, &[2.0, 3.0], &[false; 2]).expect("regular");
            assert!((step[0] - 1.5).abs() < 1e-14 && (step[1] - 1.0).abs() < 1e-14, "{step:?}");
            assert!((local.change(&step) + 41.0).abs() < 1e-12, "{}", local.change(&step));
            let inverse = local.inverse(&[false; 2]).expect("regular");
            let right = [0.7, -0.3, -0.3, 0.2];
            assert!(inverse.matrix.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-14), "{:?}", inverse.matrix);
            assert!((inverse.pivot - (1.0 - 36.0 / 56.0)).abs() < 1e-14);
            let held = stepped(0.0, &[1.0, 1.0], &[false, true]).expect("regular");
            assert!((held[0] - 3.0).abs() < 1e-14 && held[1] == 0.0);
            let damped = stepped(1.0, &[2.0, 14f64.sqrt()], &[false; 2]).expect("regular");
            // (A + diag A) dx = -g.
            let [a, b] = [8.0 * damped[0] + 6.0 * damped[1], 6.0 * damped[0] + 28.0 * damped[1]];
            assert!((a - 12.0).abs() < 1e-12 && (b - 23.0).abs() < 1e-12);
        }
    }

    #[test]
    fn dependent_columns_are_singular() {
        let mut stack = vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 1.0, 1.0, 1.0];
        triangularise(&mut stack, 3, 3);
        let triangle = vec![stack[0], stack[3], 0.0, stack[4]];
        let factor = Local::Factor { triangle, rotated: vec![stack[6], stack[7]] };
        let normal = Local::Normal { products: vec![14.0, 28.0, 28.0, 56.0], gradient: vec![6.0, 12.0] };
        for local in [factor, normal] {
            assert!(local.inverse(&[false; 2]).is_none());
            let mut step = [0.0; 2];
            assert!(local.step(0.0, &[1.0, 1.0], &[false; 2], &mut step).is_none());
            assert!(local.step(1e-3, &[1.0, 1.0], &[false; 2], &mut step).is_some());
        }
    }
}
