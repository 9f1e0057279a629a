//! Whether a point is critical, and what it is.
//!
//! Flows in: polished points. Flows out: [`Judged`] for each that is critical: its gradient is zero within its
//! tolerance, it lies in the box, and f is differentiable there.
//!
//! The tolerance of a derivative is what rounding leaves open: the computed bound on its own rounding, what the rounding
//! of the coordinates to f64 changes it by, and f64's share of how much it changes within a cell. An eigenvalue has a sign
//! where it is larger than its own error: the bound on the Hessian's rounding, and how much the curvature changes over
//! the distance that such a gradient leaves open along its eigenvector.

use super::CriticalError;
use super::exact::{Exact, Sample, length};
use super::grid::Grid;
use super::polish::Polished;
use crate::descent::linear::Eigen;

/// A derivative counts as zero up to so many tolerances: the last step may be short of the best point in f64.
const MARGIN: f64 = 4.0;
/// Half the distance, in cells, over which a kink is looked for; and the share of it within which the gradient then
/// changes by more than a share of what it does over the whole. A smooth gradient changes by a 64th, one that goes as
/// the root of the distance by an eighth.
const BESIDE: f64 = 1e-3;
const CLOSER: f64 = 1.0 / 64.0;
const STEADY: f64 = 0.25;

/// A critical point. All but `x`, `f` and `eigenvalues` are in units of cells.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) x: Vec<f64>,
    pub(super) sample: Sample,
    /// Of each derivative.
    pub(super) tolerance: Vec<f64>,
    /// Bound on the rounding of f.
    pub(super) noise: f64,
    /// How far the true place may be; 1 at most.
    pub(super) error: f64,
    /// The Hessian's, ascending; those without a sign are 0.
    pub(super) eigenvalues: Vec<f64>,
}

impl Judged {
    /// Whether some eigenvalue has no sign.
    pub(super) fn is_degenerate(&self) -> bool {
        self.eigenvalues.iter().any(|value| *value == 0.0 || !value.is_finite())
    }
}

/// A point beside what its gradient may be off by.
struct Doubted {
    point: Polished,
    tolerance: Vec<f64>,
    /// Bounds on the rounding of all numbers of the sample.
    errors: Sample,
}

/// Those that are critical, in order.
pub(super) fn judge(
    exact: &mut Exact<'_>,
    grid: &Grid,
    mut points: Vec<Polished>,
) -> Result<Vec<Judged>, CriticalError> {
    points.retain(|point| point.sample.is_finite() && grid.is_near(&point.x));
    let places: Vec<Vec<f64>> = points.iter().map(|point| point.x.clone()).collect();
    let beside: Vec<Vec<f64>> = places.iter().flat_map(|x| grid.beside(x, &[-0.5, 0.5])).collect();
    let (errors, around) = (exact.errors(&places), exact.samples(&beside)?);
    let mut found = Vec::new();
    for ((point, errors), around) in points.into_iter().zip(errors).zip(around.chunks_exact(2 * grid.sides.len())) {
        let tolerance = tolerance(&point, &errors, around, grid);
        if is_zero(&point.sample.gradient, &tolerance) {
            found.push(Doubted { point, tolerance, errors });
        }
    }
    let smooth = smooth(exact, grid, &found)?;
    let found = found.into_iter().zip(smooth).filter(|(_, smooth)| *smooth).map(|(found, _)| found).collect();
    let inside = |point: Judged| {
        // The place of a degenerate one is not known so well: it must lie in the box but for rounding.
        let error = if point.is_degenerate() { 1e-9 } else { 2.0 * point.error };
        let x = grid.inside(point.x, error)?;
        Some(Judged { x, ..point })
    };
    Ok(classify(exact, grid, found)?.into_iter().filter_map(inside).collect())
}

/// Whether all derivatives are zero within their tolerances.
pub(super) fn is_zero(gradient: &[f64], tolerance: &[f64]) -> bool {
    gradient.iter().zip(tolerance).all(|(g, tolerance)| g.abs() <= MARGIN * tolerance)
}

/// `around` are samples half a cell away.
fn tolerance(point: &Polished, errors: &Sample, around: &[Sample], grid: &Grid) -> Vec<f64> {
    let (n, gradient) = (point.x.len(), &point.sample.gradient);
    let moved = |i: usize| -> f64 {
        let by = |j: usize| f64::EPSILON * point.x[j].abs() / grid.sides[j];
        (0..n).map(|j| point.sample.hessian[i * n + j].abs() * by(j)).sum()
    };
    let within = |i: usize| -> f64 {
        let changes = around.iter().map(|sample| (sample.gradient[i] - gradient[i]).abs());
        f64::EPSILON * changes.filter(|change| change.is_finite()).fold(0.0, f64::max)
    };
    (0..n).map(|i| errors.gradient[i] + moved(i) + within(i)).collect()
}

/// Whether f and its gradient are finite around a point, and neither f nor a derivative jumps there.
fn smooth(exact: &mut Exact<'_>, grid: &Grid, found: &[Doubted]) -> Result<Vec<bool>, CriticalError> {
    let ways = [-BESIDE, BESIDE, -BESIDE * CLOSER, BESIDE * CLOSER];
    let beside: Vec<Vec<f64>> = found.iter().flat_map(|one| grid.beside(&one.point.x, &ways)).collect();
    let samples = exact.samples(&beside)?;
    let jump =
        |a: &Sample, b: &Sample| length(&a.gradient.iter().zip(&b.gradient).map(|(a, b)| a - b).collect::<Vec<f64>>());
    let one = |(samples, one): (&[Sample], &Doubted)| {
        samples.chunks_exact(ways.len()).all(|around| {
            let (wide, narrow) = (jump(&around[0], &around[1]), jump(&around[2], &around[3]));
            let defined = around.iter().all(|sample| sample.f.is_finite()) && wide.is_finite() && narrow.is_finite();
            let f = one.point.sample.f;
            let rise = |around: &[Sample]| around.iter().map(|sample| (sample.f - f).abs()).fold(0.0, f64::max);
            let noise = 2.0 * MARGIN * (one.errors.f.max(f64::EPSILON * f.abs()) + length(&one.tolerance));
            let steady = rise(&around[2..]) <= (STEADY * rise(&around[..2])).max(noise);
            defined && steady && narrow <= (STEADY * wide).max(2.0 * MARGIN * length(&one.tolerance))
        })
    };
    Ok(samples.chunks_exact(ways.len() * grid.sides.len()).zip(found).map(one).collect())
}

/// The eigenvalues with their signs, and the error of the place.
fn classify(exact: &mut Exact<'_>, grid: &Grid, found: Vec<Doubted>) -> Result<Vec<Judged>, CriticalError> {
    let n = grid.sides.len();
    let eigens: Vec<Eigen> = found.iter().map(|one| Eigen::of(&one.point.sample.hessian, n)).collect();
    // How far a gradient within its tolerance may be from the place, along each eigenvector.
    let open = |tolerance: &[f64], value: f64| (2.0 * length(tolerance) / value.abs()).min(1.0);
    let mut ends = Vec::with_capacity(2 * n * found.len());
    for (Doubted { point, tolerance, .. }, eigen) in found.iter().zip(&eigens) {
        for (value, vector) in eigen.values.iter().zip(eigen.vectors.chunks_exact(n)) {
            let open = open(tolerance, *value);
            ends.extend([-open, open].map(|way| grid.moved(&point.x, vector, way)));
        }
    }
    let samples = exact.samples(&ends)?;
    let mut judged = Vec::with_capacity(found.len());
    for ((Doubted { point, tolerance, errors }, eigen), around) in
        found.into_iter().zip(eigens).zip(samples.chunks_exact(2 * n))
    {
        let rounding = length(&errors.hessian);
        let mut error = 0.0f64;
        let mut zero = 0;
        for (k, vector) in eigen.vectors.chunks_exact(n).enumerate() {
            let value = eigen.values[k];
            let change = |sample: &Sample| (sample.along(vector) - point.sample.along(vector)).abs();
            let change = around[2 * k..2 * k + 2].iter().map(change).fold(0.0, larger);
            let sure = value.abs() > rounding + change;
            zero += usize::from(!sure);
            error = error.max(if sure { open(&tolerance, value) } else { 1.0 });
        }
        let eigenvalues = natural(&point.sample.hessian, &grid.sides, zero);
        let Polished { x, sample } = point;
        judged.push(Judged { x, sample, tolerance, noise: errors.f, error, eigenvalues });
    }
    Ok(judged)
}

/// How far, in cells, a degenerate point's true place may be: the gradient is zero within its tolerance nowhere farther
/// along an eigenvector, to the next power of ten; 1 where that is farther.
pub(super) fn doubt(exact: &mut Exact<'_>, grid: &Grid, point: &Judged) -> Result<f64, CriticalError> {
    let n = grid.sides.len();
    let eigen = Eigen::of(&point.sample.hessian, n);
    let distances: Vec<f64> = (0..=15).rev().map(|k| 10f64.powi(-k)).collect();
    let directions = || eigen.vectors.chunks_exact(n).flat_map(|vector| [(vector, -1.0), (vector, 1.0)]);
    let ends = distances.iter().flat_map(|far| directions().map(move |(v, way)| (v, way * far)));
    let samples = exact.samples(&ends.map(|(v, far)| grid.moved(&point.x, v, far)).collect::<Vec<_>>())?;
    let zero = |sample: &Sample| is_zero(&sample.gradient, &point.tolerance);
    let mut around = distances.iter().zip(samples.chunks_exact(2 * n));
    Ok(around.find(|(_, around)| !around.iter().any(zero)).map_or(1.0, |(far, _)| *far))
}

/// The eigenvalues in the units of f and the variables, ascending; the smallest `zero` of them are 0. Their signs are the
/// same as in units of cells (Sylvester's law of inertia).
fn natural(hessian: &[f64], sides: &[f64], zero: usize) -> Vec<f64> {
    let n = sides.len();
    let entries: Vec<f64> = (0..n * n).map(|k| hessian[k] / (sides[k / n] * sides[k % n])).collect();
    let mut values = Eigen::of(&entries, n).values;
    values.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    values[..zero].fill(0.0);
    values.sort_by(f64::total_cmp);
    values
}

/// NaN where either is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
