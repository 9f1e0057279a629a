//! Why particles came to a stop: at a minimum, as far as their format can tell, or short of one.
//!
//! Flows in: a batch that has run. Flows out: the same, with `LineSearch` and `SmallStep` made `Floor`, `Bound` or
//! `Kink` where that is what they are. In f64 on the CPU, whatever the engine and its format.
//!
//! - **Floor**: the gradient in the engine's format is held against that in f64 at the same point, and against how much
//!   the latter changes where each coordinate moves by one unit in its last place. What is left of it must be of that
//!   size.
//! - **Kink**: f rises where any coordinate moves a little, either way. Where f is smooth and its gradient is not noise,
//!   it falls one way.

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
    let mut beside = at(stopped.beside())?;
    beside.iter_mut().flatten().for_each(|value| *value *= sign);
    let floor = stopped.at_the_floor(gradient, &beside);
    let mut rises = vec![true; stopped.who.len()];
    for (i, way) in (0..stopped.x.len()).flat_map(|i| [(i, 1.0), (i, -1.0)]) {
        let around = at(stopped.moved(i, way))?;
        for (row, rises) in rises.iter_mut().enumerate() {
            // At a bound there is nothing beyond.
            *rises &= stopped.is_beyond(i, row, way) || sign * around[0][row] > stopped.exact[0][row];
        }
    }
    for (row, k) in stopped.who.iter().enumerate() {
        if let Some(status) = floor[row].or(rises[row].then_some(Status::Kink)) {
            ends.statuses[*k] = status;
        }
    }
    Ok(())
}

impl Stopped<'_> {
    /// A unit in the last place further down along every coordinate.
    fn beside(&self) -> Vec<Vec<f64>> {
        let toward = |(x, g): (&f64, &f64)| x - g.signum() * self.precision.ulp(*x);
        self.x.iter().zip(&self.exact[1..]).map(|(x, g)| x.iter().zip(g).map(toward).collect()).collect()
    }

    /// `Floor` or `Bound` for those whose gradient is noise.
    fn at_the_floor(&self, found: &[Values], beside: &[Vec<f64>]) -> Vec<Option<Status>> {
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
                noise += (found[i].get(self.who[row]) - g).abs() + (beside[1 + i][row] - g).abs();
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
