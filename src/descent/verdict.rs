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
use crate::backend::cpu::Cpu;
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

/// Looks again at those that stopped without converging; `gradient` is that at their ends, in the engine's format.
pub(super) fn judge(
    outputs: &Outputs,
    search: &Search,
    ends: &mut Ends,
    gradient: &[Values],
) -> Result<(), DescentError> {
    let stopped = [Status::SmallStep, Status::LineSearch];
    let who: Vec<usize> = (0..ends.statuses.len()).filter(|k| stopped.contains(&ends.statuses[*k])).collect();
    if who.is_empty() {
        return Ok(());
    }
    let cpu = Cpu::new(None)?;
    let mut evaluator = Evaluator::new(outputs, &cpu, Precision::F64)?;
    let mut at = |columns: Vec<Vec<f64>>| -> Result<Vec<Vec<f64>>, FieldError> {
        Ok(evaluator.evaluate(&Points::columns(columns))?.iter().map(Values::to_f64).collect())
    };
    let x: Vec<Vec<f64>> = ends.positions.iter().map(|c| who.iter().map(|k| c.get(*k)).collect()).collect();
    let mut exact = at(x.clone())?;
    if search.maximize {
        exact.iter_mut().flatten().for_each(|value| *value = -*value);
    }
    let stopped = Stopped { search, who, x, exact, precision: ends.values.precision() };
    let sign = if search.maximize { -1.0 } else { 1.0 };
    let mut near: Vec<Vec<Vec<f64>>> = Vec::new();
    for pattern in 0..NEIGHBOURS {
        let mut beside = at(stopped.beside(pattern))?;
        beside.iter_mut().flatten().for_each(|value| *value *= sign);
        near.push(beside);
    }
    let floor = stopped.at_the_floor(gradient, &near);
    for (k, status) in stopped.who.iter().zip(&floor) {
        ends.statuses[*k] = status.unwrap_or(ends.statuses[*k]);
    }
    // Only those that are not at the floor are looked at further: that takes four points for each coordinate.
    let rest = stopped.without(&floor);
    if rest.who.is_empty() {
        return Ok(());
    }
    let (mut rises, mut kinked) = (vec![true; rest.who.len()], vec![false; rest.who.len()]);
    for i in 0..rest.x.len() {
        let [left, right, inner_left, inner_right] =
            [(1.0, -1.0), (1.0, 1.0), (CLOSER, -1.0), (CLOSER, 1.0)].map(|(share, way)| at(rest.moved(i, share * way)));
        let (left, right, inner) = (left?, right?, (inner_left?, inner_right?));
        for row in 0..rest.who.len() {
            for (around, way) in [(&left, -1.0), (&right, 1.0)] {
                // At a bound there is nothing beyond.
                rises[row] &= rest.is_beyond(i, row, way) || sign * around[0][row] > rest.exact[0][row];
            }
            let jump = |(left, right): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| (right[1 + i][row] - left[1 + i][row]).abs();
            let (wide, narrow) = (jump((&left, &right)), jump((&inner.0, &inner.1)));
            kinked[row] |= narrow > STEADY * wide || wide.is_nan();
        }
    }
    for (row, k) in rest.who.iter().enumerate().filter(|(row, _)| rises[*row]) {
        ends.statuses[*k] = if kinked[row] { Status::Kink } else { Status::Floor };
    }
    Ok(())
}

impl<'a> Stopped<'a> {
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

    /// `Floor` or `Bound` for those whose gradient is noise.
    fn at_the_floor(&self, found: &[Values], near: &[Vec<Vec<f64>>]) -> Vec<Option<Status>> {
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
                let change = near.iter().map(|beside| (beside[1 + i][row] - g).abs()).fold(0.0, f64::max);
                noise += (found[i].get(self.who[row]) - g).abs() + change;
            }
            let status = if held { Status::Bound } else { Status::Floor };
            (left <= FLOOR * noise).then_some(status)
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
        let (low, high) = self.search.ranges.get(i).copied().unwrap_or((-1.0, 1.0));
        let near = NEAR * (high - low).abs();
        let share = self.precision.ulp(1.0).sqrt();
        let mut columns = self.x.clone();
        columns[i].iter_mut().for_each(|x| *x += way * share * x.abs().max(near));
        columns
    }
}
