//! One step of a solver: a trial, and all that follows from it.
//!
//! Flows in: a particle's state, what is minimised. Flows out: its next state, every part of it a choice between what was
//! and what follows.

use super::algebra::Algebra;
use super::bracket::next_trial;
use super::ending::{Ends, status};
use super::trial::{CARRIES, FRESH, Learning, Learnt, START, State, TRIALS, Trial, attempt, learn, project};
use super::{Matrix, bfgs, lbfgs, newton};
use crate::descent::Status;
use crate::expr::Id;
use crate::real::Precision;

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

/// One evaluation.
pub(super) fn step(a: &mut Algebra, state: &State, problem: Problem<'_>) -> State {
    let Problem { evaluate, offset, bounds, precision, matrix, knobs } = problem;
    let active = a.equal(state.status, f64::from(Status::Active as u8));
    let start = a.equal(state.mode, START);
    let trial = attempt(a, state, evaluate, offset, bounds, precision);
    let limit = a.number(TRIALS);
    let last = a.at_most(limit, state.trials);
    let enough = enough(a, &trial, (start, last), knobs[3]);
    let accept = a.and(active, enough);
    let x = a.picks(accept, &trial.x, &state.x);
    // What is found at the start is told, also where it is not finite and all ends there.
    let known = a.and(active, start);
    let known = a.or(known, accept);
    let f = a.pick(known, trial.f, state.f);
    let g = a.picks(accept, &trial.g, &state.g);
    let (free, held) = project(a, &x, &g, bounds);
    let missed = a.not(accept);
    let given_up = a.and(missed, last);
    let carried = a.equal(state.mode, CARRIES);
    let learning = learn(a, state, &trial, accept, start, precision);
    let here = Here { accept, given_up, carried, free: &free, held: &held };
    let Turn { memory, direction, carries } = turn(a, state, &trial, &learning, &here, matrix);
    let turned = a.or(accept, given_up);
    let p = a.picks(turned, &direction, &state.p);
    let size = a.largest(&free);
    let (t, low, high, trials) = next_trial(a, state, &trial, turned, carries, size, knobs[2]);
    let (fresh, carry) = (a.number(FRESH), a.number(CARRIES));
    let mode = a.pick(carries, carry, fresh);
    let mode = a.pick(turned, mode, state.mode);
    let stalls = stalls(a, state, &trial, accept, start);
    let one = a.number(1.0);
    let more = a.add(state.count, one);
    let count = a.pick(active, more, state.count);
    let ends = Ends { accept, start, given_up, carried, size, stalls, count, x: &x, held: &held };
    let status = status(a, &trial, &ends, precision, knobs);
    let status = a.pick(active, status, state.status);
    State { x, f, status, count, g, p, t, low, high, trials, mode, stalls, memory }
}

/// Whether a trial is taken: the first; one that keeps the Wolfe conditions; one that lowers f and is the search's last, or
/// past all that counts, where it is let go. In any case one with a finite f and gradient.
fn enough(a: &mut Algebra, trial: &Trial, (start, last): (Id, Id), far: Id) -> Id {
    let long = a.not(trial.short);
    let wolfe = a.and(trial.low, long);
    let out = a.largest(&trial.x);
    let out = a.less(far, out);
    let out = a.or(out, last);
    let any = a.and(out, trial.lowered);
    let any = a.or(any, wolfe);
    let any = a.or(any, start);
    a.and(any, trial.finite)
}

/// Accepted steps since f was last lowered.
fn stalls(a: &mut Algebra, state: &State, trial: &Trial, accept: Id, start: Id) -> Id {
    let (zero, one) = (a.number(0.0), a.number(1.0));
    let more = a.add(state.stalls, one);
    let next = a.pick(trial.lowered, zero, more);
    let next = a.pick(start, zero, next);
    a.pick(accept, next, state.stalls)
}

/// Where the particle is now.
struct Here<'a> {
    accept: Id,
    given_up: Id,
    carried: Id,
    free: &'a [Id],
    held: &'a [Option<Id>],
}

/// Where it turns to: along the matrix if that `carries` and goes down, else along the gradient.
struct Turn {
    memory: Vec<Id>,
    direction: Vec<Id>,
    carries: Id,
}

fn turn(a: &mut Algebra, state: &State, trial: &Trial, learning: &Learning, here: &Here<'_>, matrix: Matrix) -> Turn {
    let Learning { ref y, sy, yy, holds } = *learning;
    let learnt = Learnt { s: &trial.step, y, sy, yy, holds, carries: here.carried };
    let (memory, product) = match matrix {
        Matrix::Bfgs => bfgs::turn(a, &state.memory, &learnt, here.free),
        Matrix::Lbfgs(_) => lbfgs::turn(a, &state.memory, &learnt, here.free),
        Matrix::Newton => (Vec::new(), newton::product(a, &trial.hessian, here.free, here.held)),
    };
    let steepest: Vec<Id> = here.free.iter().map(|g| a.neg(*g)).collect();
    let zero = a.number(0.0);
    let mut back = |(p, held): (&Id, &Option<Id>)| {
        let back = a.neg(*p);
        held.map_or(back, |held| a.pick(held, zero, back))
    };
    let newton: Vec<Id> = product.iter().zip(here.held).map(&mut back).collect();
    let descent = a.dot(&newton, here.free);
    let downhill = a.less(descent, zero);
    let still = a.not(here.given_up);
    let known = a.and(here.carried, still);
    // A Hessian is new at every point, and nothing is to be learnt.
    let known = a.or(known, if matrix == Matrix::Newton { here.accept } else { holds });
    let carries = a.and(known, downhill);
    Turn { memory, direction: a.picks(carries, &newton, &steepest), carries }
}
