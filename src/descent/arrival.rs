//! How particles ended that a rule moved for so many steps: a search tells it of its own, a rule knows nothing of it.
//!
//! Flows in: the function, the ends, an engine in f64. Flows out: a [`Status`] each, by f and its gradient there: some
//! evaluations a particle, whatever its steps were.
//!
//! Who should not use it: who minimises; [`Ends`](super::Ends) have their statuses.

use super::DescentError;
use super::search::Search;
use super::status::Status;
use super::verdict::Floor;
use crate::backend::Backend;
use crate::expr::Expression;
use crate::points::Values;

/// Particles that are looked at together.
const BATCH: usize = 1 << 16;

/// How each particle ended that is at `positions`, a column per variable, after steps towards what `search` is for (its
/// method and its steps do not matter): `Value` or `Gradient` where one is not finite, `Escaped`, `Converged` by its tolerance,
/// `Floor` where what is left of the gradient is the noise of the positions' format, else `Steps`. In f64 on `backend`.
///
/// # Errors
/// - [`DescentError`] if there is no gradient, or the engine fails.
pub fn statuses(
    expression: &Expression,
    search: &Search,
    positions: &[Values],
    backend: &dyn Backend,
) -> Result<Vec<Status>, DescentError> {
    let count = positions.first().map_or(0, Values::len);
    let outputs = expression.gradient()?;
    let mut floor = Floor::new(&outputs, search, backend)?;
    let mut all = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        let range = first..count.min(first + BATCH);
        let x: Vec<Vec<f64>> = positions.iter().map(|column| range.clone().map(|k| column.get(k)).collect()).collect();
        all.extend(batch(&mut floor, search, x, positions[0].precision())?);
    }
    Ok(all)
}

fn batch(
    floor: &mut Floor<'_>,
    search: &Search,
    x: Vec<Vec<f64>>,
    precision: crate::Precision,
) -> Result<Vec<Status>, DescentError> {
    let found = floor.at(x.clone())?;
    let far = search.settings().far;
    let one = |k: usize| {
        let slopes = || found[1..].iter().map(|column| column[k]);
        let place = || x.iter().map(|column| column[k]);
        match () {
            () if !found[0][k].is_finite() || !place().all(f64::is_finite) => Status::Value,
            () if !slopes().all(f64::is_finite) => Status::Gradient,
            () if place().any(|x| x.abs() > far) => Status::Escaped,
            () if slopes().all(|slope| slope.abs() <= search.tolerance) => Status::Converged,
            () => Status::Steps,
        }
    };
    let mut statuses: Vec<Status> = (0..x[0].len()).map(one).collect();
    let rest: Vec<usize> = (0..statuses.len()).filter(|k| statuses[*k] == Status::Steps).collect();
    if !rest.is_empty() {
        let some = |columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
            columns.iter().map(|column| rest.iter().map(|k| column[*k]).collect()).collect()
        };
        let told = floor.told(some(&x), some(&found), precision)?;
        rest.iter().zip(told).for_each(|(k, told)| statuses[*k] = told.unwrap_or(Status::Steps));
    }
    Ok(statuses)
}
