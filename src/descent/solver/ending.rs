//! Why a particle of a line search ends, if it does.
//!
//! Flows in: what a trial came to. Flows out: a [`Status`] as a number; `Active` where it goes on.

use super::algebra::Algebra;
use super::trial::{Trial, epsilon};
use crate::descent::Status;
use crate::expr::Id;
use crate::real::Precision;

/// Coordinates below this share of the first step's reach count as this large: 0 has no last place.
const NEAR: f64 = 0.01;
/// Accepted steps that did not lower f, after which the particle has come to a stop.
const STALLS: f64 = 3.0;

/// What decides whether it ends.
pub(super) struct Ends<'a> {
    pub(super) accept: Id,
    pub(super) start: Id,
    pub(super) given_up: Id,
    pub(super) carried: Id,
    pub(super) size: Id,
    pub(super) stalls: Id,
    pub(super) count: Id,
    pub(super) x: &'a [Id],
    pub(super) held: &'a [Option<Id>],
}

/// Why it ends here, if it does: the last that holds of the following.
pub(super) fn status(a: &mut Algebra, trial: &Trial, ends: &Ends<'_>, precision: Precision, knobs: [Id; 4]) -> Id {
    let [tolerance, steps, reach, far] = knobs;
    let code = |a: &mut Algebra, status: Status| a.number(f64::from(status as u8));
    let mut status = code(a, Status::Active);
    let mut when = |a: &mut Algebra, condition: Id, reason: Id| status = a.pick(condition, reason, status);
    let used_up = a.at_most(steps, ends.count);
    let reason = code(a, Status::Steps);
    when(a, used_up, reason);
    let lost = a.not(ends.carried);
    let lost = a.and(ends.given_up, lost);
    let reason = code(a, Status::LineSearch);
    when(a, lost, reason);
    let small = {
        let moved = a.not(ends.start);
        let some = a.number(2.0 * epsilon(precision));
        let near = a.number(NEAR * 2.0 * epsilon(precision));
        let near = a.mul(near, reach);
        let mut all = a.and(ends.accept, moved);
        for (step, x) in trial.step.iter().zip(ends.x) {
            let (step, x) = (a.abs(*step), a.abs(*x));
            let least = a.fma(near, some, x);
            let tiny = a.at_most(step, least);
            all = a.and(all, tiny);
        }
        let limit = a.number(STALLS);
        let stalled = a.less(limit, ends.stalls);
        a.or(all, stalled)
    };
    let reason = code(a, Status::SmallStep);
    when(a, small, reason);
    let size = a.largest(ends.x);
    let away = a.less(far, size);
    let away = a.and(ends.accept, away);
    let reason = code(a, Status::Escaped);
    when(a, away, reason);
    let held = ends.held.iter().flatten().copied().reduce(|x, y| a.or(x, y));
    let converged = a.at_most(ends.size, tolerance);
    let converged = a.and(ends.accept, converged);
    let (inside, bound) = (code(a, Status::Converged), code(a, Status::Bound));
    let reason = held.map_or(inside, |held| a.pick(held, bound, inside));
    when(a, converged, reason);
    let unusable = {
        let bad = a.not(trial.finite);
        a.and(ends.start, bad)
    };
    let (value, gradient) = (code(a, Status::Value), code(a, Status::Gradient));
    let reason = a.pick(trial.f_finite, gradient, value);
    when(a, unusable, reason);
    status
}
