//! Where the line search tries next.
//!
//! Flows in: a trial and what it came to. Flows out: the next one, and the bracket around it: between a point where f is
//! low and still falls, and one where it is not low, or nothing yet.

use super::algebra::Algebra;
use super::trial::{State, Trial};
use crate::expr::Id;

/// A bracket that is open to the right.
const OPEN: f64 = -1.0;

/// How far to go next, between what, and the how manieth trial that is.
pub(super) fn next_trial(
    a: &mut Algebra,
    state: &State,
    trial: &Trial,
    turned: Id,
    carries: Id,
    size: Id,
    reach: Id,
) -> (Id, Id, Id, Id) {
    let (zero, one, half) = (a.number(0.0), a.number(1.0), a.number(0.5));
    let low = a.pick(trial.low, state.t, state.low);
    let high = a.pick(trial.low, state.high, state.t);
    let back = {
        // The lowest point of the parabola through f, its slope and f at the trial; too near or too far, or NaN: a tenth.
        let rise = a.sub(trial.f, state.f);
        let rise = a.sub(rise, trial.slope);
        let twice = a.add(rise, rise);
        let share = a.div(trial.slope, twice);
        let share = a.neg(share);
        let tenth = a.number(0.1);
        let (near, far) = (a.less(share, half), a.less(tenth, share));
        let share = a.pick(near, share, half);
        let share = a.pick(far, share, tenth);
        let share = a.pick(trial.finite, share, tenth);
        a.mul(share, high)
    };
    let middle = a.add(low, high);
    let middle = a.mul(half, middle);
    let first = a.equal(low, 0.0);
    let inside = a.pick(first, back, middle);
    let beyond = {
        // Where the slope would be zero if it went on as it did; at least twice, at most ten times as far.
        let change = a.sub(trial.next_slope, trial.slope);
        let share = a.div(trial.slope, change);
        let share = a.neg(share);
        let (two, ten) = (a.number(2.0), a.number(10.0));
        let (below, above) = (a.less(share, two), a.less(share, ten));
        let known = a.less(zero, change);
        let share = a.pick(above, share, ten);
        let share = a.pick(below, two, share);
        let share = a.pick(known, share, ten);
        a.mul(share, low)
    };
    let open = a.less(high, zero);
    let inner = a.pick(open, beyond, inside);
    let first = {
        let limit = a.div(reach, size);
        let limit = a.min(limit, one);
        a.pick(carries, one, limit)
    };
    let none = a.number(OPEN);
    let more = a.add(state.trials, one);
    (a.pick(turned, first, inner), a.pick(turned, zero, low), a.pick(turned, none, high), a.pick(turned, zero, more))
}
