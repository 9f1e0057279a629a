//! Points of a grid near which the gradient may be zero.
//!
//! Flows in: the function, the grid, an engine. Flows out: starts, in the order of the grid. A point is one unless
//! some derivative is too large to vanish within a cell of it: `|df/dx_i| > sum_j |d2f/dx_i dx_j| h_j`, the second
//! derivatives being the largest of the point and its neighbours. That is generous (its own cell ends half as far away),
//! and unlike a change of sign it sees points at which a derivative touches zero.

use super::CriticalError;
use super::exact::{outputs, triangle};
use super::grid::Grid;
use crate::backend::Backend;
use crate::expr::Expression;
use crate::field::Evaluator;
use crate::points::{Points, Values};
use crate::real::Precision;
use std::ops::Range;

/// Points of the grid that are evaluated at a time, about.
const BAND: usize = 1 << 18;
/// The most starts.
const STARTS: usize = 1 << 18;

/// All starts.
pub(super) fn starts(
    expression: &Expression,
    grid: &Grid,
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Vec<Vec<f64>>, CriticalError> {
    let mut evaluator = Evaluator::new(&outputs(expression)?, engine, precision)?;
    let points = Points::Grid(grid.axes.clone());
    let shape = points.shape();
    let row: usize = shape[1..].iter().product();
    let rows = (BAND / row).max(1);
    let mut starts = Vec::new();
    for first in (0..shape[0]).step_by(rows) {
        let band = first..(first + rows).min(shape[0]);
        // With the rows beside it, whose second derivatives count too.
        let wide = band.start.saturating_sub(1)..(band.end + 1).min(shape[0]);
        let points = points.band(wide.clone());
        let columns = evaluator.evaluate(&points)?;
        let inner = (band.start - wide.start) * row..(band.end - wide.start) * row;
        starts.extend(near(&points, &columns, inner, grid));
        if starts.len() > STARTS {
            return Err(CriticalError::Crowded { most: STARTS });
        }
    }
    Ok(starts)
}

/// Those of some points of a band.
fn near(points: &Points, columns: &[Values], inner: Range<usize>, grid: &Grid) -> Vec<Vec<f64>> {
    let (n, sides) = (grid.sides.len(), &grid.sides);
    let shape = points.shape();
    let curvatures: Vec<Vec<f64>> = columns[1 + n..].iter().map(|column| largest_near(column, &shape)).collect();
    let reach = |k: usize, i: usize| -> f64 {
        (0..n).map(|j| curvatures[triangle(i, j, n)][k] * sides[j]).sum::<f64>() * sides[i]
    };
    let is_near = |k: usize| {
        // A comparison with NaN is false: where there is no derivative nothing begins.
        columns[0].get(k).is_finite() && (0..n).all(|i| columns[1 + i].get(k).abs() * sides[i] <= reach(k, i))
    };
    inner.filter(|k| is_near(*k)).map(|k| points.point(k)).collect()
}

/// The largest size among a point and its neighbours, also across corners; what is no number is infinite.
fn largest_near(column: &Values, shape: &[usize]) -> Vec<f64> {
    let size = |v: f64| if v.is_nan() { f64::INFINITY } else { v.abs() };
    let mut values: Vec<f64> = column.to_f64().into_iter().map(size).collect();
    let mut stride = 1;
    for len in shape.iter().rev() {
        let old = values.clone();
        for (k, value) in values.iter_mut().enumerate() {
            let place = k / stride % len;
            if place > 0 {
                *value = value.max(old[k - stride]);
            }
            if place + 1 < *len {
                *value = value.max(old[k + stride]);
            }
        }
        stride *= len;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_near_is_that_of_the_box_of_three() {
        let shape = [4, 5, 3];
        let values: Vec<f64> = (0..60).map(|k| f64::from(k * 37 % 61) - 30.0).collect();
        let near = largest_near(&Values::F64(values.clone()), &shape);
        let place = |k: usize| [k / 15, k / 3 % 5, k % 3];
        for (k, found) in near.iter().enumerate() {
            let close = |other: &usize| place(*other).iter().zip(place(k)).all(|(a, b)| a.abs_diff(b) <= 1);
            let expected = (0..60).filter(close).map(|other| values[other].abs()).fold(0.0, f64::max);
            assert!(*found == expected, "{k}: {found}, not {expected}");
        }
        let near = largest_near(&Values::F32(vec![1.0, -2.0, 0.0, f32::NAN, 1.0, 1.0]), &[6]);
        assert_eq!(near, [2.0, 2.0, f64::INFINITY, f64::INFINITY, f64::INFINITY, 1.0]);
    }
}
