//! f with its gradient and Hessian in f64, in units of cells.
//!
//! Flows in: points. Flows out: a [`Sample`] for each; with [`Exact::errors`] bounds on the rounding of each number too.
//! In units of cells what is small does not depend on the units of the variables.

use super::CriticalError;
use super::grid::Grid;
use crate::backend::Backend;
use crate::backend::bound::{Checked, Checker};
use crate::expr::{Expression, Outputs};
use crate::field::{Evaluator, tape_of};
use crate::points::Points;
use crate::real::Precision;
use crate::tape::Tape;

/// Points that are evaluated at a time.
const CHUNK: usize = 1 << 16;

/// f and its derivatives at a point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) f: f64,
    pub(super) gradient: Vec<f64>,
    /// Row by row.
    pub(super) hessian: Vec<f64>,
}

/// The function, ready to be evaluated.
pub(super) struct Exact<'a> {
    evaluator: Evaluator<'a>,
    checker: Checker<'a>,
    tape: Tape,
    sides: Vec<f64>,
}

/// f, its gradient, and the upper triangle of its Hessian, row by row.
pub(super) fn outputs(expression: &Expression) -> Result<Outputs, CriticalError> {
    let mut outputs = expression.hessian()?;
    let n = outputs.variables.len();
    let rows = outputs.outputs.split_off(1 + n);
    outputs.outputs.extend((0..n).flat_map(|i| (i..n).map(move |j| i * n + j)).map(|place| rows[place]));
    Ok(outputs)
}

/// The place of an entry of the Hessian in its upper triangle.
pub(super) fn triangle(i: usize, j: usize, n: usize) -> usize {
    let (i, j) = (i.min(j), i.max(j));
    i * (2 * n + 1 - i) / 2 + j - i
}

impl<'a> Exact<'a> {
    pub(super) fn new(expression: &Expression, grid: &Grid, backend: &'a dyn Backend) -> Result<Self, CriticalError> {
        let outputs = outputs(expression)?;
        Ok(Exact {
            evaluator: Evaluator::new(&outputs, backend, Precision::F64)?,
            checker: Checker::new(backend, Precision::F64),
            tape: tape_of(&outputs),
            sides: grid.sides.clone(),
        })
    }

    /// A sample at every point.
    pub(super) fn samples(&mut self, points: &[Vec<f64>]) -> Result<Vec<Sample>, CriticalError> {
        let mut all = Vec::with_capacity(points.len());
        for part in points.chunks(CHUNK) {
            let columns = self.evaluator.evaluate(&list(part, self.sides.len()))?;
            all.extend((0..part.len()).map(|k| self.in_cells(|output| columns[output].get(k))));
        }
        Ok(all)
    }

    /// The rounding of f, its gradient and its Hessian at every point, as bounds. What cannot be judged has none, and is
    /// taken for exact.
    pub(super) fn errors(&mut self, points: &[Vec<f64>]) -> Vec<Sample> {
        let checked = self.checker.check(&self.tape, &list(points, self.sides.len()), &[], 0, points.len());
        let error = |one: &Checked, k: usize| match one.unjudged[k] {
            None if one.bound[k].is_finite() => one.bound[k],
            _ => 0.0,
        };
        (0..points.len()).map(|k| self.in_cells(|output| error(&checked[output], k))).collect()
    }

    fn in_cells(&self, of: impl Fn(usize) -> f64) -> Sample {
        let (n, sides) = (self.sides.len(), &self.sides);
        let entry = |k: usize| of(1 + n + triangle(k / n, k % n, n)) * (sides[k / n] * sides[k % n]);
        Sample {
            f: of(0),
            gradient: (0..n).map(|i| of(1 + i) * sides[i]).collect(),
            hessian: (0..n * n).map(entry).collect(),
        }
    }
}

fn list(points: &[Vec<f64>], n: usize) -> Points {
    Points::columns((0..n).map(|v| points.iter().map(|x| x[v]).collect()).collect())
}

impl Sample {
    pub(super) fn is_finite(&self) -> bool {
        self.f.is_finite() && self.gradient.iter().chain(&self.hessian).all(|v| v.is_finite())
    }

    /// The gradient's length, in units of cells.
    pub(super) fn norm(&self) -> f64 {
        length(&self.gradient)
    }

    /// The curvature along a direction.
    pub(super) fn along(&self, v: &[f64]) -> f64 {
        let n = v.len();
        (0..n * n).map(|k| v[k / n] * self.hessian[k] * v[k % n]).sum()
    }
}

/// The Euclidean length; scaled, for the squares of tiny numbers vanish.
pub(super) fn length(v: &[f64]) -> f64 {
    let largest = v.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() || v.iter().any(|v| v.is_nan()) {
        return v.iter().map(|v| v.abs()).sum();
    }
    largest * v.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt()
}
