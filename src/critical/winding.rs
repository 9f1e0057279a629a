//! How often the gradient turns along a closed way: the sum of the indices of the critical points within (Poincare and
//! Hopf; Milnor, Topology from the differentiable viewpoint, 1965).
//!
//! Flows in: the function, closed ways in the plane, or the two ends of an interval. Flows out: turns, or none where the
//! gradient is zero or not defined on the way.

use super::CriticalError;
use super::exact::{Exact, Sample};
use super::grid::Grid;
use std::f64::consts::{PI, TAU};

/// Two neighbours on a way between whose gradients lies a larger angle have a point put between them.
const ANGLE: f64 = PI / 4.0;
/// Times that this is done, and the most points of a way.
const ROUNDS: usize = 40;
const POINTS: usize = 1 << 17;

/// The turns of the gradient round a box; counterclockwise is positive. In one dimension: 1 where f falls into the box on
/// both sides, -1 where it rises, 0 otherwise. None too for three variables and more.
pub(super) fn turns(
    exact: &mut Exact<'_>,
    grid: &Grid,
    low: &[f64],
    high: &[f64],
    count: usize,
) -> Result<Option<i64>, CriticalError> {
    match grid.sides.len() {
        1 => ends(exact, low, high),
        2 => around(exact, low, high, count),
        _ => Ok(None),
    }
}

fn ends(exact: &mut Exact<'_>, low: &[f64], high: &[f64]) -> Result<Option<i64>, CriticalError> {
    let samples = exact.samples(&[low.to_vec(), high.to_vec()])?;
    let (left, right) = (samples[0].gradient[0], samples[1].gradient[0]);
    let known = left.is_finite() && right.is_finite() && left != 0.0 && right != 0.0;
    Ok(known.then(|| i64::from(right > 0.0) - i64::from(left > 0.0)))
}

fn around(exact: &mut Exact<'_>, low: &[f64], high: &[f64], count: usize) -> Result<Option<i64>, CriticalError> {
    let corners = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]], [low[0], low[1]]];
    let side = |pair: &[[f64; 2]]| {
        let (from, to) = (pair[0], pair[1]);
        let at = move |k: usize| {
            let share = k as f64 / count as f64;
            vec![from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]
        };
        (0..count).map(at).collect::<Vec<_>>()
    };
    let mut way: Vec<Vec<f64>> = corners.windows(2).flat_map(side).collect();
    way.push(corners[4].to_vec());
    let mut angles = angles(&exact.samples(&way)?);
    for _ in 0..ROUNDS {
        let wide: Vec<usize> = (0..way.len() - 1).filter(|k| turn(angles[*k], angles[k + 1]).abs() > ANGLE).collect();
        if angles.iter().any(|angle| angle.is_nan()) || way.len() + wide.len() > POINTS {
            return Ok(None);
        }
        if wide.is_empty() {
            let sum: f64 = angles.windows(2).map(|pair| turn(pair[0], pair[1])).sum();
            return Ok(Some((sum / TAU).round() as i64));
        }
        let middle = |k: &usize| way[*k].iter().zip(&way[k + 1]).map(|(a, b)| 0.5 * (a + b)).collect();
        let middles: Vec<Vec<f64>> = wide.iter().map(middle).collect();
        let between = self::angles(&exact.samples(&middles)?);
        for ((k, x), angle) in wide.into_iter().zip(middles).zip(between).rev() {
            way.insert(k + 1, x);
            angles.insert(k + 1, angle);
        }
    }
    Ok(None)
}

/// The gradients' directions; NaN where there is none.
fn angles(samples: &[Sample]) -> Vec<f64> {
    let angle = |sample: &Sample| {
        let (u, v) = (sample.gradient[0], sample.gradient[1]);
        if u == 0.0 && v == 0.0 { f64::NAN } else { v.atan2(u) }
    };
    samples.iter().map(angle).collect()
}

/// From one angle to another, the shorter way.
fn turn(from: f64, to: f64) -> f64 {
    let turn = to - from;
    if turn > PI {
        turn - TAU
    } else if turn < -PI {
        turn + TAU
    } else {
        turn
    }
}
