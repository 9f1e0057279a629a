//! Whether what stopped a start is the rounding floor: what is left of its gradient is noise.
//!
//! Flows in: ends, the tapes, the rows. Flows out: the same ends, with `Floor` for those that stopped where no step lowers
//! the objective further: its gradient is noise, or it rises along every coordinate. Noise is the computed bound on the rounding of each row's slopes (of some thousand rows, evenly
//! spread, and taken for all), and how much the slopes change where the weights move by a unit in their last place.

use super::objective::Tapes;
use super::rows::Rows;
use super::team::{Team, with_team};
use super::{Trained, TrainingError};
use crate::backend::{Backend, bound::Checker, cpu::Cpu, reference};
use crate::descent::Status;
use crate::real::Precision;

/// Rows whose bound is computed.
const SAMPLE: usize = 4096;
/// What is left of a gradient at the floor, in its own rounding errors.
const FLOOR: f64 = 8.0;
/// Weights up to which the objective is looked at along each.
const COORDINATES: usize = 256;
/// The rounding of the objective in f64, whose sums are compensated.
const LAST_PLACES: f64 = 8.0;
/// What counts as the size of a weight near 0.
const NEAR: f64 = 0.01;

pub(super) fn judge(
    ends: &mut [Trained],
    (tapes, rows): (&Tapes, &Rows),
    maximize: bool,
    backend: &dyn Backend,
    precision: Precision,
) -> Result<(), TrainingError> {
    let stopped = |end: &&mut Trained| [Status::SmallStep, Status::LineSearch].contains(&end.status);
    if !ends.iter_mut().any(|end| stopped(&end)) {
        return Ok(());
    }
    let (wide, cpu) = (rows.widened(), Cpu::new(Some(backend.threads()))?);
    with_team((tapes, &wide), Precision::F64, maximize, &cpu, |team| {
        ends.iter_mut().filter(stopped).try_for_each(|end| one(end, (tapes, rows), team, backend, precision))
    })
}

/// One end; `team` looks in f64.
fn one(
    end: &mut Trained,
    (tapes, rows): (&Tapes, &Rows),
    team: &mut Team<'_>,
    backend: &dyn Backend,
    precision: Precision,
) -> Result<(), TrainingError> {
    let mut noise = rounding(end, tapes, rows, backend, precision);
    let here = team.look(vec![end.weights.clone()], None)?[0][1..].to_vec();
    for way in [-1.0, 1.0] {
        let moved = end.weights.iter().zip(&here).map(|(w, g)| w + way * g.signum() * precision.ulp(*w));
        let found = team.look(vec![moved.collect()], None)?;
        let changes = found[0][1..].iter().zip(&here).map(|(near, here)| (near - here).abs());
        noise.iter_mut().zip(changes).for_each(|(noise, change)| *noise += change);
    }
    let is_noise = end.gradient.iter().zip(&noise).all(|(slope, noise)| slope.abs() <= FLOOR * noise);
    if is_noise || rises(end, team, precision)? {
        end.status = Status::Floor;
    }
    Ok(())
}

/// Whether the objective does not fall along every coordinate, either way, for moves of the square root of the format's rounding: a
/// step along one can lower it no more.
fn rises(end: &Trained, team: &mut Team<'_>, precision: Precision) -> Result<bool, TrainingError> {
    if end.weights.len() > COORDINATES {
        return Ok(false);
    }
    let here = team.look(vec![end.weights.clone()], None)?[0][0];
    for (k, weight) in end.weights.iter().enumerate() {
        for way in [-1.0, 1.0] {
            let mut moved = end.weights.clone();
            moved[k] += way * precision.ulp(1.0).sqrt() * weight.abs().max(NEAR);
            let found = team.look(vec![moved], None)?;
            let falls = here - found[0][0] > LAST_PLACES * Precision::F64.ulp(here);
            if falls || found[0][0].is_nan() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The bound on each slope's rounding.
fn rounding(end: &Trained, tapes: &Tapes, rows: &Rows, backend: &dyn Backend, precision: Precision) -> Vec<f64> {
    let n = end.weights.len();
    let points = rows.sample(SAMPLE);
    let checked = Checker::new(backend, precision).check(&tapes.rows, &points, &end.weights, 0, points.len());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / points.len() as f64;
    let factors: Vec<f64> = tapes.means.iter().map(|mean| if *mean { 1.0 } else { rows.count() as f64 }).collect();
    let outer = match tapes.plain {
        true => vec![1.0],
        false => {
            let terms = factors.iter().enumerate().map(|(k, factor)| factor * mean(&checked[k * (n + 1)].value));
            let mut point = vec![0.0; tapes.whole.inputs.len()];
            point[..n].copy_from_slice(&end.weights);
            let first = point.len() - factors.len();
            point[first..].iter_mut().zip(terms).for_each(|(to, term)| *to = term);
            reference::at(&tapes.whole, &point)[n + 1..].to_vec()
        }
    };
    let of = |j: usize, k: usize| (factors[k] * outer[k]).abs() * mean(&checked[k * (n + 1) + 1 + j].bound);
    (0..n).map(|j| (0..factors.len()).map(|k| of(j, k)).sum()).collect()
}
