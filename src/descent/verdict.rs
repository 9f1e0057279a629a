//! Why particles came to a stop: at a minimum, as far as their format can tell, or short of one.
//!
//! Flows in: a batch that has run. Flows out: the same, with `LineSearch` and `SmallStep` made `Floor`, `Bound` or
//! `Kink` where that is what they are. In f64 on the CPU, whatever the engine and its format.
//!
//! - **Floor**: the gradient in the engine's format is held against that in f64 at the same point, and against how much
//!   the latter changes where coordinates move by one unit in their last place. What is left of it must be of that
//!   size. Or f rises where any coordinate moves a little, either way: a step along one can lower f no more.
//! - **Kink**: so it rises, and a slope changes by as much over a sixteenth of the way: it jumps.

use super::DescentError;
use super::search::Search;
use super::status::{Ends, Status};
use crate::backend::Backend;
use crate::expr::Outputs;
use crate::field::{Evaluator, FieldError};
use crate::points::{Points, Values};
use crate::real::Precision;

/// What is left of a gradient at the rounding floor, in its own rounding errors.
const FLOOR: f64 = 8.0;
/// Neighbours that are looked at for the noise.
const NEIGHBOURS: usize = 4;
/// A shorter way, and the share of a slope's change over the long way that is a jump if it happens over the short one.
const CLOSER: f64 = 1.0 / 16.0;
const STEADY: f64 = 0.25;
/// What counts as the size of a coordinate near 0, as a share of the starts' box.
const NEAR: f64 = 0.01;

/// Points of some particles, a column per variable, and f with its gradient there, all in f64.
struct Stopped<'a> {
    search: &'a Search,
    /// Their places in the batch.
    who: Vec<usize>,
    x: Vec<Vec<f64>>,
    exact: Vec<Vec<f64>>,
    precision: Precision,
}

/// f and its gradient in f64, with the sign of what is minimised.
struct Exact<'a> {
    evaluator: Evaluator<'a>,
    sign: f64,
}

impl Exact<'_> {
    fn at(&mut self, columns: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>, FieldError> {
        let mut found: Vec<Vec<f64>> =
            self.evaluator.evaluate(&Points::columns(columns))?.iter().map(Values::to_f64).collect();
        found.iter_mut().flatten().for_each(|value| *value *= self.sign);
        Ok(found)
    }
}

/// Whether particles are at the rounding floor, wherever they have come from.
pub(super) struct Floor<'a> {
    search: &'a Search,
    exact: Exact<'a>,
}

impl<'a> Floor<'a> {
    pub(super) fn new(
        outputs: &Outputs,
        search: &'a Search,
        backend: &'a dyn Backend,
    ) -> Result<Floor<'a>, DescentError> {
        let sign = if search.maximize { -1.0 } else { 1.0 };
        Ok(Floor { search, exact: Exact { evaluator: Evaluator::new(outputs, backend, Precision::F64)?, sign } })
    }

    /// f and its gradient, with the sign of what is minimised.
    pub(super) fn at(&mut self, columns: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>, FieldError> {
        self.exact.at(columns)
    }

    /// `Floor` or `Bound` for those at `x`, numbers of a format, that are there; f and its gradient are those of `at`.
    pub(super) fn told(
        &mut self,
        x: Vec<Vec<f64>>,
        exact: Vec<Vec<f64>>,
        precision: Precision,
    ) -> Result<Vec<Option<Status>>, FieldError> {
        let gradient: Vec<Values> = exact[1..].iter().map(|column| Values::F64(column.clone())).collect();
        let stopped = Stopped { search: self.search, who: (0..x[0].len()).collect(), x, exact, precision };
        stopped.floor(&mut self.exact, &gradient)
    }
}

/// Whether a status is one that `judge` looks at.
fn is_open(status: Status) -> bool {
    [Status::SmallStep, Status::LineSearch].contains(&status)
}

/// Whether there is anything to judge.
pub(super) fn is_needed(ends: &Ends) -> bool {
    ends.statuses.iter().any(|status| is_open(*status))
}

/// Looks again at those that stopped without converging; `gradient` is that at their ends, in the engine's format. `cpu`
/// computes in f64.
pub(super) fn judge(
    outputs: &Outputs,
    search: &Search,
    cpu: &dyn Backend,
    ends: &mut Ends,
    gradient: &[Values],
) -> Result<(), DescentError> {
    let who: Vec<usize> = (0..ends.statuses.len()).filter(|k| is_open(ends.statuses[*k])).collect();
    let sign = if search.maximize { -1.0 } else { 1.0 };
    let mut exact = Exact { evaluator: Evaluator::new(outputs, cpu, Precision::F64)?, sign };
    let x: Vec<Vec<f64>> = ends.positions.iter().map(|c| who.iter().map(|k| c.get(*k)).collect()).collect();
    let here = exact.at(x.clone())?;
    let stopped = Stopped { search, who, x, exact: here, precision: ends.values.precision() };
    let floor = stopped.floor(&mut exact, gradient)?;
    for (k, status) in stopped.who.iter().zip(&floor) {
        ends.statuses[*k] = status.unwrap_or(ends.statuses[*k]);
    }
    // Only those that are not at the floor are looked at further: that takes four points for each coordinate.
    let rest = stopped.without(&floor);
    if rest.who.is_empty() { Ok(()) } else { rest.look_around(&mut exact, ends) }
}

impl<'a> Stopped<'a> {
    /// `Floor` or `Bound` where what is left of the gradient is noise; `gradient` is what the engine found.
    fn floor(&self, exact: &mut Exact<'_>, gradient: &[Values]) -> Result<Vec<Option<Status>>, FieldError> {
        let near = (0..NEIGHBOURS).map(|pattern| exact.at(self.beside(pattern))).collect::<Result<Vec<_>, _>>()?;
        let onwards = exact.at(self.onwards())?;
        Ok(self.at_the_floor(gradient, &near, &onwards))
    }

    /// `Kink` or `Floor` where f rises along all coordinates.
    fn look_around(&self, exact: &mut Exact<'_>, ends: &mut Ends) -> Result<(), DescentError> {
        let (mut rises, mut kinked) = (vec![true; self.who.len()], vec![false; self.who.len()]);
        for i in 0..self.x.len() {
            let mut at = |way: f64| exact.at(self.moved(i, way));
            let (left, right, inner) = (at(-1.0)?, at(1.0)?, (at(-CLOSER)?, at(CLOSER)?));
            for row in 0..self.who.len() {
                for (around, way) in [(&left, -1.0), (&right, 1.0)] {
                    // At a bound there is nothing beyond.
                    rises[row] &= self.is_beyond(i, row, way) || around[0][row] > self.exact[0][row];
                }
                let jump = |left: &[Vec<f64>], right: &[Vec<f64>]| (right[1 + i][row] - left[1 + i][row]).abs();
                let (wide, narrow) = (jump(&left, &right), jump(&inner.0, &inner.1));
                kinked[row] |= narrow > STEADY * wide || wide.is_nan();
            }
        }
        for (row, k) in self.who.iter().enumerate().filter(|(row, _)| rises[*row]) {
            ends.statuses[*k] = if kinked[row] { Status::Kink } else { Status::Floor };
        }
        Ok(())
    }

    /// Those of which nothing is known yet.
    fn without(&self, known: &[Option<Status>]) -> Stopped<'a> {
        let rows: Vec<usize> = (0..self.who.len()).filter(|row| known[*row].is_none()).collect();
        let some = |columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
            columns.iter().map(|column| rows.iter().map(|row| column[*row]).collect()).collect()
        };
        let who = rows.iter().map(|row| self.who[*row]).collect();
        Stopped { search: self.search, who, x: some(&self.x), exact: some(&self.exact), precision: self.precision }
    }

    /// A unit in the last place away along every coordinate: downhill, uphill, and by turns.
    fn beside(&self, pattern: usize) -> Vec<Vec<f64>> {
        let column = |(i, (x, g)): (usize, (&Vec<f64>, &Vec<f64>))| {
            let way = if (pattern >> 1) * i % 2 == pattern % 2 { -1.0 } else { 1.0 };
            x.iter().zip(g).map(|(x, g)| x + way * g.signum() * self.precision.ulp(*x)).collect()
        };
        self.x.iter().zip(&self.exact[1..]).enumerate().map(column).collect()
    }

    /// A little downhill along all coordinates that no bound holds: beyond the edge of f's domain, where that is what
    /// stopped them.
    fn onwards(&self) -> Vec<Vec<f64>> {
        let column = |i: usize| {
            let far = |row: usize| {
                let (x, g) = (self.x[i][row], self.exact[1 + i][row]);
                if self.holds(i, row, g) { x } else { x - g.signum() * self.little(i, x) }
            };
            (0..self.who.len()).map(far).collect()
        };
        (0..self.x.len()).map(column).collect()
    }

    /// `Floor` or `Bound` for those whose gradient is noise. What is infinite, or not a number a step onwards, is no
    /// measure of noise.
    fn at_the_floor(&self, found: &[Values], near: &[Vec<Vec<f64>>], onwards: &[Vec<f64>]) -> Vec<Option<Status>> {
        let one = |row: usize| {
            let (mut left, mut noise, mut held) = (0.0, 0.0, false);
            for i in 0..self.x.len() {
                let g = self.exact[1 + i][row];
                if self.holds(i, row, g) {
                    held = true;
                    continue;
                }
                left += g.abs();
                // The solver's own gradient has the sign of what it minimises.
                let change = near.iter().map(|beside| (beside[1 + i][row] - g).abs()).fold(0.0, larger);
                noise += (found[i].get(self.who[row]) - g).abs() + change;
            }
            let status = if held { Status::Bound } else { Status::Floor };
            let usable = noise.is_finite() && onwards.iter().all(|column| column[row].is_finite());
            (usable && left <= FLOOR * noise).then_some(status)
        };
        (0..self.who.len()).map(one).collect()
    }

    /// Whether a coordinate is held at a bound.
    fn holds(&self, i: usize, row: usize, g: f64) -> bool {
        g > 0.0 && self.is_beyond(i, row, -1.0) || g < 0.0 && self.is_beyond(i, row, 1.0)
    }

    /// Whether a bound is in the way.
    fn is_beyond(&self, i: usize, row: usize, way: f64) -> bool {
        let x = self.x[i][row];
        let bounds = self.search.bounds.as_ref().map(|bounds| bounds[i]);
        bounds.is_some_and(|(low, high)| if way < 0.0 { x <= low } else { x >= high })
    }

    /// All points with one coordinate moved a little.
    fn moved(&self, i: usize, way: f64) -> Vec<Vec<f64>> {
        let mut columns = self.x.clone();
        columns[i].iter_mut().for_each(|x| *x += way * self.little(i, *x));
        columns
    }

    /// How far a coordinate must move for f to change by more than rounding.
    fn little(&self, i: usize, x: f64) -> f64 {
        let (low, high) = self.search.ranges.get(i).copied().unwrap_or((-1.0, 1.0));
        self.precision.ulp(1.0).sqrt() * x.abs().max(NEAR * (high - low).abs())
    }
}

/// NaN where either is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
