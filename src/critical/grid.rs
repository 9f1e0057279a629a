//! The grid: a box, cut into cells.
//!
//! Flows in: what was asked for. Flows out: [`Grid`], checked, with the measure in which the other stages think: a cell.

use super::{CriticalError, Search, VARIABLES};
use crate::expr::Expression;
use crate::field::check_size;
use crate::points::Points;
use crate::real::Precision;

/// The grid and its box.
pub(super) struct Grid {
    pub(super) ranges: Vec<(f64, f64)>,
    pub(super) axes: Vec<Vec<f64>>,
    /// The sides of a cell.
    pub(super) sides: Vec<f64>,
}

impl Grid {
    pub(super) fn of(expression: &Expression, search: &Search) -> Result<Grid, CriticalError> {
        let found = expression.variables().len();
        if !(1..=VARIABLES).contains(&found) || search.ranges.len() != found || search.sizes.len() != found {
            return Err(CriticalError::Variables { text: expression.text().to_string(), found });
        }
        if let Some(size) = search.sizes.iter().find(|size| **size < 2) {
            return Err(CriticalError::Size(*size));
        }
        let points = search.sizes.iter().map(|size| *size as f64).product();
        check_size(points, 1 + found + found * (found + 1) / 2, Precision::F64)?;
        let both = || search.ranges.iter().zip(&search.sizes);
        Ok(Grid {
            ranges: search.ranges.clone(),
            axes: both().map(|((lo, hi), size)| Points::linspace(*lo, *hi, *size)).collect(),
            sides: both().map(|((lo, hi), size)| (hi - lo) / (size - 1) as f64).collect(),
        })
    }

    /// How far two points are apart, in cells, along the variable where that is most.
    pub(super) fn apart(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(&self.sides).map(|((a, b), side)| (a - b).abs() / side).fold(0.0, f64::max)
    }

    /// So many cells away along a direction.
    pub(super) fn moved(&self, x: &[f64], direction: &[f64], cells: f64) -> Vec<f64> {
        x.iter().zip(direction).zip(&self.sides).map(|((x, v), side)| x + cells * v * side).collect()
    }

    /// So many cells away along each variable in turn.
    pub(super) fn beside(&self, x: &[f64], ways: &[f64]) -> Vec<Vec<f64>> {
        let one = |i: usize, way: f64| {
            let mut beside = x.to_vec();
            beside[i] += way * self.sides[i];
            beside
        };
        (0..x.len()).flat_map(|i| ways.iter().map(move |way| one(i, *way))).collect()
    }

    /// Whether a point is within a cell of the box.
    pub(super) fn is_near(&self, x: &[f64]) -> bool {
        let near = |((x, (lo, hi)), side): ((&f64, &(f64, f64)), &f64)| (lo - side..=hi + side).contains(x);
        x.iter().zip(&self.ranges).zip(&self.sides).all(near)
    }

    /// The point if it lies in the box within its error in cells, and then on its border.
    pub(super) fn inside(&self, mut x: Vec<f64>, error: f64) -> Option<Vec<f64>> {
        for ((x, (lo, hi)), side) in x.iter_mut().zip(&self.ranges).zip(&self.sides) {
            let inside = x.clamp(*lo, *hi);
            if (inside - *x).abs() > error * side {
                return None;
            }
            *x = inside;
        }
        Some(x)
    }
}
