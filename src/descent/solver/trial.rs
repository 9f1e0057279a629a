//! The step that all solvers share: a trial of the line search and what follows from it.
//!
//! The search is for the weak Wolfe conditions by bracketing (Lewis and Overton, Nonsmooth optimization via quasi-Newton
//! methods, 2013), with quadratic interpolation on the first way back. Where the change of f drowns in rounding, the
//! approximate condition of Hager and Zhang (A new conjugate gradient method with guaranteed descent, 2005, equation
//! 23) takes its place: the slopes alone decide. Bounds are kept by projection (Bertsekas, 1982): coordinates at a bound
//! that the gradient points across do not move.

use super::algebra::Algebra;
use super::{Matrix, bfgs, lbfgs, newton};
use crate::descent::Status;
use crate::expr::Id;
use crate::real::Precision;

/// How much of the first slope's promise f must keep.
const DECREASE: f64 = 1e-4;
/// How much of the first slope may be left.
const CURVATURE: f64 = 0.9;
/// Trials of one line search.
const TRIALS: f64 = 40.0;
/// What f may rise by rounding, in its rounding errors.
const NOISE: f64 = 16.0;
/// Coordinates below this share of the first step's reach count as this large: 0 has no last place.
const NEAR: f64 = 0.01;
/// Accepted steps that did not lower f, after which the particle has come to a stop.
const STALLS: f64 = 3.0;
/// A bracket that is open to the right.
const OPEN: f64 = -1.0;

/// Nothing is known of the particle but where it starts.
const START: f64 = 0.0;
/// It goes along the gradient; what the matrix had is forgotten.
const FRESH: f64 = 1.0;
/// It goes where the matrix says.
const CARRIES: f64 = 2.0;

/// What is minimised, and how.
pub(super) struct Problem<'a> {
    /// f and its partial derivatives at a point.
    pub(super) evaluate: &'a mut dyn FnMut(&mut Algebra, &[Id]) -> Vec<Id>,
    /// The constants that f is a sum with, for its rounding.
    pub(super) offset: f64,
    pub(super) bounds: Option<&'a [(f64, f64)]>,
    pub(super) precision: Precision,
    pub(super) matrix: Matrix,
    /// Tolerance, steps, reach, far.
    pub(super) knobs: [Id; 4],
}

/// What a step taught, for the matrix.
pub(super) struct Learnt<'a> {
    /// The step, the change of the gradient, and their products.
    pub(super) s: &'a [Id],
    pub(super) y: &'a [Id],
    pub(super) sy: Id,
    pub(super) yy: Id,
    /// Whether it is to be learnt from: the step was accepted, and f curves upwards along it.
    pub(super) holds: Id,
    /// Whether what was known before is still of use.
    pub(super) carries: Id,
}

/// A particle.
pub(super) struct State {
    /// Where it is, the best of it; f, the status, the evaluations so far.
    x: Vec<Id>,
    f: Id,
    status: Id,
    count: Id,
    /// The gradient there, and where it goes from there.
    g: Vec<Id>,
    p: Vec<Id>,
    /// The trial: how far along p; between which others; the how manieth.
    t: Id,
    low: Id,
    high: Id,
    trials: Id,
    /// START, FRESH or CARRIES.
    mode: Id,
    /// Accepted steps since f was last lowered.
    stalls: Id,
    memory: Vec<Id>,
}

impl State {
    pub(super) fn columns(n: usize, memory: usize) -> usize {
        3 * n + 9 + memory
    }

    /// The state as inputs.
    pub(super) fn read(a: &mut Algebra, n: usize, memory: usize) -> State {
        let mut place = 0;
        let mut next = |a: &mut Algebra| (a.input(place), place += 1).0;
        let mut several = |a: &mut Algebra, count: usize| (0..count).map(|_| next(a)).collect::<Vec<Id>>();
        let x = several(a, n);
        let [f, status, count] = several(a, 3)[..] else { unreachable!("three") };
        let (g, p) = (several(a, n), several(a, n));
        let [t, low, high, trials, mode, stalls] = several(a, 6)[..] else { unreachable!("six") };
        State { x, f, status, count, g, p, t, low, high, trials, mode, stalls, memory: several(a, memory) }
    }

    /// The state as outputs, in the same order.
    pub(super) fn write(&self) -> Vec<Id> {
        let State { x, f, status, count, g, p, t, low, high, trials, mode, stalls, memory } = self;
        let single = [*t, *low, *high, *trials, *mode, *stalls];
        [&x[..], &[*f, *status, *count], g, p, &single, memory].concat()
    }
}

/// What was found at the trial point.
struct Trial {
    x: Vec<Id>,
    f: Id,
    g: Vec<Id>,
    hessian: Vec<Id>,
    /// The step to it, and the slopes along that at its two ends.
    step: Vec<Id>,
    slope: Id,
    next_slope: Id,
    /// Whether f and its gradient are finite.
    finite: Id,
    f_finite: Id,
    /// f fell as it should; the slope is still steep; f fell at all.
    low: Id,
    short: Id,
    lowered: Id,
}

/// One evaluation.
pub(super) fn step(a: &mut Algebra, state: &State, problem: Problem<'_>) -> State {
    let Problem { evaluate, offset, bounds, precision, matrix, knobs } = problem;
    let active = a.equal(state.status, f64::from(Status::Active as u8));
    let start = a.equal(state.mode, START);
    let trial = attempt(a, state, evaluate, offset, bounds, precision);
    let limit = a.number(TRIALS);
    let last = a.at_most(limit, state.trials);
    let wolfe = {
        let long = a.not(trial.short);
        a.and(trial.low, long)
    };
    let enough = {
        // Past all that counts, as far as it goes down: there it is let go.
        let out = a.largest(&trial.x);
        let out = a.less(knobs[3], out);
        let out = a.or(out, last);
        let any = a.and(out, trial.lowered);
        let any = a.or(any, wolfe);
        let any = a.or(any, start);
        a.and(any, trial.finite)
    };
    let accept = a.and(active, enough);
    let x = a.picks(accept, &trial.x, &state.x);
    let f = a.pick(accept, trial.f, state.f);
    let g = a.picks(accept, &trial.g, &state.g);
    let (free, held) = project(a, &x, &g, bounds);
    let carried = a.equal(state.mode, CARRIES);
    let given_up = {
        let missed = a.not(accept);
        a.and(missed, last)
    };
    let learning = learn(a, state, &trial, accept, start, precision);
    let learnt = Learnt {
        s: &trial.step,
        y: &learning.y,
        sy: learning.sy,
        yy: learning.yy,
        holds: learning.holds,
        carries: carried,
    };
    let (memory, product) = match matrix {
        Matrix::Bfgs => bfgs::turn(a, &state.memory, &learnt, &free),
        Matrix::Lbfgs(_) => lbfgs::turn(a, &state.memory, &learnt, &free),
        Matrix::Newton => (Vec::new(), newton::product(a, &trial.hessian, &free, &held)),
    };
    let steepest: Vec<Id> = free.iter().map(|g| a.neg(*g)).collect();
    let newton: Vec<Id> = product
        .iter()
        .zip(&held)
        .map(|(p, held)| {
            let (zero, back) = (a.number(0.0), a.neg(*p));
            held.map_or(back, |held| a.pick(held, zero, back))
        })
        .collect();
    let carries = {
        let descent = a.dot(&newton, &free);
        let zero = a.number(0.0);
        let downhill = a.less(descent, zero);
        let still = a.not(given_up);
        let known = a.and(carried, still);
        // A Hessian is new at every point, and nothing is to be learnt.
        let new = if matrix == Matrix::Newton { accept } else { learning.holds };
        let known = a.or(known, new);
        a.and(known, downhill)
    };
    let turned = a.or(accept, given_up);
    let direction = a.picks(carries, &newton, &steepest);
    let p = a.picks(turned, &direction, &state.p);
    let size = a.largest(&free);
    let (t, low, high, trials) = next_trial(a, state, &trial, turned, carries, size, knobs[2]);
    let mode = {
        let (fresh, carry) = (a.number(FRESH), a.number(CARRIES));
        let mode = a.pick(carries, carry, fresh);
        a.pick(turned, mode, state.mode)
    };
    let (zero, one) = (a.number(0.0), a.number(1.0));
    let stalls = {
        let more = a.add(state.stalls, one);
        let next = a.pick(trial.lowered, zero, more);
        let next = a.pick(start, zero, next);
        a.pick(accept, next, state.stalls)
    };
    let count = {
        let more = a.add(state.count, one);
        a.pick(active, more, state.count)
    };
    let ends = Ends { accept, start, given_up, carried, size, stalls, count, x: &x, held: &held };
    let status = status(a, &trial, &ends, precision, knobs);
    let status = a.pick(active, status, state.status);
    State { x, f, status, count, g, p, t, low, high, trials, mode, stalls, memory }
}

/// Evaluates the trial point.
fn attempt(
    a: &mut Algebra,
    state: &State,
    evaluate: &mut dyn FnMut(&mut Algebra, &[Id]) -> Vec<Id>,
    offset: f64,
    bounds: Option<&[(f64, f64)]>,
    precision: Precision,
) -> Trial {
    let mut x: Vec<Id> = state.x.iter().zip(&state.p).map(|(x, p)| a.fma(*x, state.t, *p)).collect();
    if let Some(bounds) = bounds {
        for (x, (lower, upper)) in x.iter_mut().zip(bounds) {
            let (lower, upper) = (a.number(*lower), a.number(*upper));
            *x = a.max(*x, lower);
            *x = a.min(*x, upper);
        }
    }
    let found = evaluate(a, &x);
    let (g, hessian) = found[1..].split_at(x.len());
    let (f, g, hessian) = (found[0], g.to_vec(), hessian.to_vec());
    let step: Vec<Id> = x.iter().zip(&state.x).map(|(new, old)| a.sub(*new, *old)).collect();
    let (slope, next_slope) = (a.dot(&state.g, &step), a.dot(&g, &step));
    let f_finite = a.finite(f);
    let size = a.largest(&g);
    let g_finite = a.finite(size);
    let finite = a.and(f_finite, g_finite);
    let low = {
        let decrease = a.number(DECREASE);
        let promised = a.fma(state.f, decrease, slope);
        let armijo = a.at_most(f, promised);
        let epsilon = NOISE * epsilon(precision);
        let (relative, absolute, size) = (a.number(epsilon), a.number(epsilon * offset), a.abs(state.f));
        let noise = a.fma(absolute, relative, size);
        let ceiling = a.add(state.f, noise);
        let level = a.at_most(f, ceiling);
        let turned = a.number(2.0 * DECREASE - 1.0);
        let turned = a.mul(turned, slope);
        let flat = a.at_most(next_slope, turned);
        let flat = a.and(level, flat);
        let low = a.or(armijo, flat);
        a.and(low, finite)
    };
    let short = {
        let share = a.number(CURVATURE);
        let steep = a.mul(share, slope);
        a.less(next_slope, steep)
    };
    let lowered = a.less(f, state.f);
    let lowered = a.and(lowered, finite);
    Trial { x, f, g, hessian, step, slope, next_slope, finite, f_finite, low, short, lowered }
}

/// The gradient without the coordinates that are held at a bound, and which are.
pub(super) fn project(
    a: &mut Algebra,
    x: &[Id],
    g: &[Id],
    bounds: Option<&[(f64, f64)]>,
) -> (Vec<Id>, Vec<Option<Id>>) {
    let Some(bounds) = bounds else { return (g.to_vec(), vec![None; g.len()]) };
    let zero = a.number(0.0);
    let mut held = Vec::with_capacity(g.len());
    for ((x, g), (lower, upper)) in x.iter().zip(g).zip(bounds) {
        let (lower, upper) = (a.number(*lower), a.number(*upper));
        let (at_lower, rises) = (a.at_most(*x, lower), a.less(zero, *g));
        let (at_upper, falls) = (a.at_most(upper, *x), a.less(*g, zero));
        let (left, right) = (a.and(at_lower, rises), a.and(at_upper, falls));
        held.push(a.or(left, right));
    }
    let free = g.iter().zip(&held).map(|(g, held)| a.pick(*held, zero, *g)).collect();
    (free, held.into_iter().map(Some).collect())
}

struct Learning {
    y: Vec<Id>,
    sy: Id,
    yy: Id,
    holds: Id,
}

/// What the accepted step tells of the curvature, if it curves upwards by more than rounding.
fn learn(a: &mut Algebra, state: &State, trial: &Trial, accept: Id, start: Id, precision: Precision) -> Learning {
    let y: Vec<Id> = trial.g.iter().zip(&state.g).map(|(new, old)| a.sub(*new, *old)).collect();
    let (sy, yy, ss) = (a.dot(&trial.step, &y), a.dot(&y, &y), a.dot(&trial.step, &trial.step));
    let zero = a.number(0.0);
    let least = a.number(epsilon(precision));
    let least = a.mul(least, ss);
    let least = a.mul(least, yy);
    let (square, up) = (a.mul(sy, sy), a.less(zero, sy));
    let enough = a.less(least, square);
    let holds = a.and(up, enough);
    let moved = a.not(start);
    let holds = a.and(holds, moved);
    Learning { y, sy, yy, holds: a.and(accept, holds) }
}

/// How far to go next, between what, and the how manieth trial that is.
fn next_trial(
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

/// What decides whether it ends.
struct Ends<'a> {
    accept: Id,
    start: Id,
    given_up: Id,
    carried: Id,
    size: Id,
    stalls: Id,
    count: Id,
    x: &'a [Id],
    held: &'a [Option<Id>],
}

/// Why it ends here, if it does: the last that holds of the following.
fn status(a: &mut Algebra, trial: &Trial, ends: &Ends<'_>, precision: Precision, knobs: [Id; 4]) -> Id {
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

/// The distance from 1 to the next number.
pub(super) fn epsilon(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => f64::from(f32::EPSILON),
        Precision::F64 => f64::EPSILON,
    }
}
