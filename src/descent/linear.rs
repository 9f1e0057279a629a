//! Small dense symmetric matrices: Cholesky's factor, and eigenvalues with their vectors by Jacobi's rotations.
//!
//! Flows in: matrices row by row, of some tens of rows at most. Flows out: solutions, eigenvalues.
//!
//! Who should not use it: who has hundreds of variables; both take n^3 operations and more on one core.

/// Sweeps of rotations. Jacobi's method converges quadratically; ten do for any matrix of some tens of rows.
const SWEEPS: usize = 40;

/// Solves `A x = b` for a symmetric A whose eigenvalues are safely positive; none where a pivot is not above
/// `least` times the largest diagonal element.
pub(super) fn solve_positive(matrix: &[f64], right: &[f64], least: f64) -> Option<Vec<f64>> {
    let n = right.len();
    let largest = (0..n).map(|i| matrix[i * n + i]).fold(0.0, f64::max);
    let mut lower = matrix.to_vec();
    cholesky(&mut lower, n, |_| least * largest)?;
    Some(solve_cholesky(&lower, right.to_vec()))
}

/// Whether all eigenvalues of `matrix` lie above `floor`, by Cholesky's factor of the shifted matrix.
pub(super) fn all_above(matrix: &[f64], n: usize, floor: f64) -> bool {
    let mut shifted = matrix.to_vec();
    (0..n).for_each(|i| shifted[i * n + i] -= floor);
    cholesky(&mut shifted, n, |_| 0.0).is_some()
}

/// The lower triangle of a symmetric matrix, factored in place: A = L L^T; none where a pivot is not above what `least`
/// says of its diagonal element. What is above the diagonal stays.
pub(crate) fn cholesky(lower: &mut [f64], n: usize, least: impl Fn(f64) -> f64) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let (above, row) = lower.split_at(i * n);
            let other = if i == j { row } else { &above[j * n..] };
            let rest = row[j] - row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum::<f64>();
            // NaN too is not above.
            let positive = rest > least(row[i]);
            lower[i * n + j] = match i == j {
                true if !positive => return None,
                true => rest.sqrt(),
                false => rest / lower[j * n + j],
            };
        }
    }
    Some(())
}

/// Solves `L L^T x = b`.
pub(crate) fn solve_cholesky(lower: &[f64], mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        let done: f64 = (0..i).map(|j| lower[i * n + j] * right[j]).sum();
        right[i] = (right[i] - done) / lower[i * n + i];
    }
    for i in (0..n).rev() {
        let done: f64 = (i + 1..n).map(|j| lower[j * n + i] * right[j]).sum();
        right[i] = (right[i] - done) / lower[i * n + i];
    }
    right
}

/// Eigenvalues and, row by row, their vectors; in no order.
#[derive(Debug)]
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Vec<f64>,
}

impl Eigen {
    /// Of a symmetric matrix of finite numbers: plane rotations, each of which makes one element zero, until all
    /// beside the diagonal are nothing next to it (Jacobi 1846; Golub and Van Loan, Matrix computations, 8.5).
    pub(crate) fn of(matrix: &[f64], n: usize) -> Eigen {
        let mut a = matrix.to_vec();
        let mut vectors = vec![0.0; n * n];
        (0..n).for_each(|i| vectors[i * n + i] = 1.0);
        for _ in 0..SWEEPS {
            let mut turned = false;
            for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
                let (app, aqq, apq) = (a[p * n + p], a[q * n + q], a[p * n + q]);
                if apq.abs() <= f64::EPSILON * 0.5 * (app.abs() * aqq.abs()).sqrt() || apq.abs() < f64::MIN_POSITIVE {
                    continue;
                }
                turned = true;
                let theta = (aqq - app) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                rotate(&mut a, &mut vectors, n, (p, q), (c, t * c));
            }
            if !turned {
                break;
            }
        }
        Eigen { values: (0..n).map(|i| a[i * n + i]).collect(), vectors }
    }

    /// The shortest solution of `A x = b` among those that fit best: what b has along eigenvectors of (nearly) no
    /// eigenvalue is left alone.
    pub(super) fn solve(&self, right: &[f64], least: f64) -> Vec<f64> {
        let n = right.len();
        let largest = self.values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        let mut x = vec![0.0; n];
        for (value, vector) in self.values.iter().zip(self.vectors.chunks_exact(n.max(1))) {
            if value.abs() > least * largest {
                let share = vector.iter().zip(right).map(|(v, b)| v * b).sum::<f64>() / value;
                x.iter_mut().zip(vector).for_each(|(x, v)| *x += share * v);
            }
        }
        x
    }
}

/// Turns rows and columns p and q of `a` by the angle of cosine c and sine s, and rows of `vectors` with them.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, (p, q): (usize, usize), (c, s): (f64, f64)) {
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
        let (x, y) = (vectors[p * n + k], vectors[q * n + k]);
        (vectors[p * n + k], vectors[q * n + k]) = (c * x - s * y, s * x + c * y);
    }
    (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn sorted(matrix: &[f64], n: usize) -> Vec<f64> {
        let mut values = Eigen::of(matrix, n).values;
        values.sort_by(f64::total_cmp);
        values
    }

    /// The second difference: eigenvalues 2 - 2 cos(k pi / (n + 1)).
    fn second_difference(n: usize) -> Vec<f64> {
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        (0..n * n).map(|k| entry(k / n, k % n)).collect()
    }

    #[test]
    fn eigenvalues_are_the_closed_forms() {
        for n in [1, 2, 3, 10, 40] {
            let values = sorted(&second_difference(n), n);
            for (k, value) in values.iter().enumerate() {
                let exact = 2.0 - 2.0 * ((k + 1) as f64 * PI / (n as f64 + 1.0)).cos();
                assert!((value - exact).abs() < 1e-14 * (n as f64 + 4.0), "{n}, {k}: {value} {exact}");
            }
            // All ones: n once, 0 for the rest.
            let ones = sorted(&vec![1.0; n * n], n);
            assert!((ones[n - 1] - n as f64).abs() < 1e-13 * n as f64, "{ones:?}");
            assert!(ones[..n - 1].iter().all(|v| v.abs() < 1e-13), "{ones:?}");
        }
        // 1 and 1e-12, turned by an angle of tangent 3/4: a small eigenvalue is seen beside a large one.
        let (c, s, small) = (0.8, 0.6, 1e-12);
        let turned = [c * c + s * s * small, c * s * (1.0 - small), c * s * (1.0 - small), s * s + c * c * small];
        let values = sorted(&turned, 2);
        assert!((values[0] - small).abs() < 1e-15 && (values[1] - 1.0).abs() < 1e-15, "{values:?}");
        assert!(Eigen::of(&[], 0).values.is_empty());
    }

    #[test]
    fn both_solvers_solve() {
        let n = 12;
        let matrix = second_difference(n);
        let x: Vec<f64> = (0..n).map(|k| (k as f64 * 1.7).sin()).collect();
        let right: Vec<f64> = (0..n).map(|i| (0..n).map(|j| matrix[i * n + j] * x[j]).sum()).collect();
        let factored = solve_positive(&matrix, &right, 1e-9).expect("it is positive definite");
        let by_vectors = Eigen::of(&matrix, n).solve(&right, 1e-9);
        for k in 0..n {
            assert!((factored[k] - x[k]).abs() < 1e-13 && (by_vectors[k] - x[k]).abs() < 1e-13, "{k}");
        }
        let least = 2.0 - 2.0 * (PI / (n as f64 + 1.0)).cos();
        assert!(all_above(&matrix, n, least - 1e-9) && !all_above(&matrix, n, least + 1e-9));
    }

    #[test]
    fn what_is_singular_is_refused_or_solved_by_the_shortest() {
        assert!(solve_positive(&[1.0, 1.0, 1.0, 1.0], &[1.0, 1.0], 1e-9).is_none());
        assert!(solve_positive(&[f64::NAN], &[1.0], 1e-9).is_none());
        let x = Eigen::of(&[1.0, 1.0, 1.0, 1.0], 2).solve(&[1.0, 3.0], 1e-9);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-15), "{x:?}");
        assert_eq!(Eigen::of(&[0.0; 4], 2).solve(&[1.0, 3.0], 1e-9), [0.0, 0.0]);
    }
}
