//! A trial of the line search: the state of a particle, and what is found at the next point.
//!
//! The search is for the weak Wolfe conditions by bracketing (Lewis and Overton, Nonsmooth optimization via quasi-Newton
//! methods, 2013), with quadratic interpolation on the first way back. Where the change of f drowns in rounding, the
//! approximate condition of Hager and Zhang (A new conjugate gradient method with guaranteed descent, 2005, equation
//! 23) takes its place: the slopes alone decide. Bounds are kept by projection (Bertsekas, 1982): coordinates at a bound
//! that the gradient points across do not move.

use super::algebra::Algebra;
use crate::expr::Id;
use crate::real::Precision;

/// How much of the first slope's promise f must keep.
const DECREASE: f64 = 1e-4;
/// How much of the first slope may be left.
const CURVATURE: f64 = 0.9;
/// Trials of one line search.
pub(super) const TRIALS: f64 = 40.0;
/// What f may rise by rounding, in its rounding errors.
const NOISE: f64 = 16.0;

/// Nothing is known of the particle but where it starts.
pub(super) const START: f64 = 0.0;
/// It goes along the gradient; what the matrix had is forgotten.
pub(super) const FRESH: f64 = 1.0;
/// It goes where the matrix says.
pub(super) const CARRIES: f64 = 2.0;

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
    pub(super) x: Vec<Id>,
    pub(super) f: Id,
    pub(super) status: Id,
    pub(super) count: Id,
    /// The gradient there, and where it goes from there.
    pub(super) g: Vec<Id>,
    pub(super) p: Vec<Id>,
    /// The trial: how far along p; between which others; the how manieth.
    pub(super) t: Id,
    pub(super) low: Id,
    pub(super) high: Id,
    pub(super) trials: Id,
    /// START, FRESH or CARRIES.
    pub(super) mode: Id,
    /// Accepted steps since f was last lowered.
    pub(super) stalls: Id,
    pub(super) memory: Vec<Id>,
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
pub(super) struct Trial {
    pub(super) x: Vec<Id>,
    pub(super) f: Id,
    pub(super) g: Vec<Id>,
    pub(super) hessian: Vec<Id>,
    /// The step to it, and the slopes along that at its two ends.
    pub(super) step: Vec<Id>,
    pub(super) slope: Id,
    pub(super) next_slope: Id,
    /// Whether f and its gradient are finite.
    pub(super) finite: Id,
    pub(super) f_finite: Id,
    /// f fell as it should; the slope is still steep; f fell at all.
    pub(super) low: Id,
    pub(super) short: Id,
    pub(super) lowered: Id,
}

/// Evaluates the trial point.
pub(super) fn attempt(
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

pub(super) struct Learning {
    pub(super) y: Vec<Id>,
    pub(super) sy: Id,
    pub(super) yy: Id,
    pub(super) holds: Id,
}

/// What the accepted step tells of the curvature, if it curves upwards by more than rounding.
pub(super) fn learn(
    a: &mut Algebra,
    state: &State,
    trial: &Trial,
    accept: Id,
    start: Id,
    precision: Precision,
) -> Learning {
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

/// The distance from 1 to the next number.
pub(super) fn epsilon(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => f64::from(f32::EPSILON),
        Precision::F64 => f64::EPSILON,
    }
}
