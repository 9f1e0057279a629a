//! How far an engine's results are from the f64 reference: a fast wrong answer must show.
//!
//! Flows in: results that were timed, and where they belong. Flows out: [`Deviation`], from a sample of points. It is a
//! number to look at; whether an error is one too many is for [`verify`](crate::verify) to say, which knows the bound.

use crate::backend::reference::Reference;
use crate::backend::{Backend, BackendError, Steps};
use crate::points::{Points, Values};
use crate::random::uniform;
use crate::real::Precision;
use crate::tape::Tape;
use serde::Serialize;

/// Points of a grid that are compared.
const POINTS: usize = 4096;

/// Particles of a descent that are compared.
const PARTICLES: usize = 64;

/// Instructions that the reference may run to follow particles: a second or so.
const MOST: f64 = 2e8;

/// What was seen of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Deviation {
    /// The largest `|got - want| / (|want| + mean |want|)`, the mean that of the column.
    pub worst: f64,
    /// Numbers that are finite on one side alone.
    pub nonfinite: usize,
    /// Numbers that are finite on both.
    pub compared: usize,
}

impl Deviation {
    /// Adds a column.
    fn add(&mut self, pairs: &[(f64, f64)]) {
        let finite = |(got, want): &&(f64, f64)| got.is_finite() && want.is_finite();
        let both: Vec<&(f64, f64)> = pairs.iter().filter(finite).collect();
        self.nonfinite += pairs.iter().filter(|(got, want)| got.is_finite() != want.is_finite()).count();
        self.compared += both.len();
        let mean = both.iter().map(|(_, want)| want.abs()).sum::<f64>() / both.len().max(1) as f64;
        for (got, want) in both {
            let error = (got - want).abs();
            // Zero by zero is no error.
            self.worst = self.worst.max(if error == 0.0 { 0.0 } else { error / (want.abs() + mean) });
        }
    }
}

/// Of columns over points, at some of them.
pub(super) fn of_grid(tape: &Tape, points: &Points, columns: &[Values]) -> Result<Deviation, BackendError> {
    let last = points.len().saturating_sub(1);
    let chosen: Vec<usize> = if last < POINTS {
        (0..points.len()).collect()
    } else {
        let random = (2..POINTS as u64).map(|k| (uniform(1, k, 0) * last as f64) as usize);
        [0, last].into_iter().chain(random).collect()
    };
    let places: Vec<Vec<f64>> = chosen.iter().map(|index| points.point(*index)).collect();
    let column = |v: usize| Values::F64(places.iter().map(|place| place[v]).collect());
    let coordinates = (0..points.dimension()).map(column).collect();
    let mut want = vec![Values::zeros(Precision::F64, chosen.len()); tape.outputs.len()];
    let sample = Points::Columns { count: chosen.len(), columns: coordinates };
    Reference.prepare(tape, Precision::F64)?.evaluate(&sample, &[], &mut want)?;
    let mut seen = Deviation::default();
    for (column, want) in columns.iter().zip(&want) {
        let pairs: Vec<(f64, f64)> = chosen.iter().enumerate().map(|(k, at)| (column.get(*at), want.get(k))).collect();
        seen.add(&pairs);
    }
    Ok(seen)
}

/// Of the last state of particles, some of which the reference takes from their starts to the end; none where there are
/// too many steps for it.
pub(super) fn of_descent(
    tape: &Tape,
    start: &[Values],
    steps: &Steps,
    end: &[Values],
) -> Result<Option<Deviation>, BackendError> {
    let Some(precision) = start.first().map(Values::precision) else { return Ok(None) };
    let count = start[0].len().min(PARTICLES);
    if count as f64 * steps.count as f64 * tape.code.len().max(1) as f64 > MOST {
        return Ok(None);
    }
    let head = |column: &Values| Values::F64((0..count).map(|k| column.get(k)).collect());
    let mut want: Vec<Values> = start.iter().map(head).collect();
    // The engine's own constants: rounded to its format.
    let uniforms = steps.uniforms.iter().map(|value| precision.round(*value)).collect();
    Reference.prepare(tape, Precision::F64)?.iterate(&mut want, &Steps { uniforms, ..steps.clone() })?;
    let mut seen = Deviation::default();
    for (column, want) in end.iter().zip(&want) {
        let pairs: Vec<(f64, f64)> = (0..count).map(|k| (column.get(k), want.get(k))).collect();
        seen.add(&pairs);
    }
    Ok(Some(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_numbers_are_seen() {
        let mut seen = Deviation::default();
        seen.add(&[(1.0, 1.0), (3.0, 2.0), (f64::NAN, 3.0), (f64::INFINITY, f64::NAN)]);
        assert_eq!(seen, Deviation { worst: 1.0 / 3.5, nonfinite: 1, compared: 2 });
        let mut zero = Deviation::default();
        zero.add(&[(0.0, 0.0)]);
        assert_eq!(zero, Deviation { worst: 0.0, nonfinite: 0, compared: 1 });
    }
}
