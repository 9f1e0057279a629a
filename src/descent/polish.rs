//! End points made exact: Newton's method in f64 on the gradient, on very many points in lockstep.
//!
//! Flows in: points near which the gradient is (nearly) zero, from a run in any precision. Flows out: [`Polished`].
//! Every round is one evaluation of f, its gradient and its Hessian at the points that still move. A point goes
//! nowhere else: it stays near its start, along directions without curvature it does not move, coordinates at a bound
//! that the descent points across are held, and a step must make the gradient smaller.
//!
//! Who should not use it: who has to find a minimum; a solver does.

use super::DescentError;
use super::linear::{Eigen, solve_positive};
use crate::backend::Backend;
use crate::expr::Expression;
use crate::field::{Evaluator, tape_of};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use std::panic::resume_unwind;
use std::thread;

/// Variables up to which the Hessian is taken, which has the square of their number of entries.
pub(super) const VARIABLES: usize = 64;
/// Evaluations that a point may take. A simple minimum takes four; one of fourth order gains a factor of 1.5 by each.
const ROUNDS: usize = 60;
/// Points for which a thread is begun.
const MANY: usize = 256;
/// Bytes of results at a time.
const BYTES: usize = 64 << 20;
/// How far from its start a point may go, in cells.
const REACH: f64 = 50.0;
/// Eigenvalues below this share of the largest have no direction of their own: what the gradient has along them is noise.
pub(super) const FLAT: f64 = 1e-9;
/// A refused step so short, in cells, is the end.
const SHORT: f64 = 1e-6;
/// A Newton step left over that is shorter, in cells, is as good as none.
const NEAR: f64 = 1e-3;
/// Steps refused one after another, each a quarter of the one before.
const REFUSALS: usize = 6;
/// Newton's step leaves of the gradient of a minimum of any order less than half. One that leaves more than so much creeps,
/// as at kinks, where the gradient falls beside the minimum, but nothing ends; and so many of them are too many.
const CREEPING: (f64, usize) = (0.9, 3);

/// What a point became.
#[derive(Debug, Clone)]
pub(super) struct Polished {
    pub(super) x: Vec<f64>,
    pub(super) f: f64,
    /// Norm of the gradient, without what points across a bound.
    pub(super) gradient_norm: f64,
    /// Coordinates that are held at a bound.
    pub(super) held: Vec<bool>,
    /// How much the Hessian changed over the last step that was tried (Frobenius norm, in units of cells).
    pub(super) change: f64,
    /// The Newton step that is left, in cells (its largest coordinate).
    pub(super) rest: f64,
    /// Whether the step that is left would make most of the gradient vanish.
    pub(super) explained: bool,
}

/// f with its derivatives, ready to polish.
pub(super) struct Polisher<'a> {
    evaluator: Evaluator<'a>,
    /// f, its gradient and, where there is one, its Hessian.
    pub(super) tape: Tape,
    /// Threads for what is done between evaluations.
    threads: usize,
    way: Way<'a>,
}

/// How a point moves, which threads share.
#[derive(Clone, Copy)]
struct Way<'a> {
    hessian: bool,
    bounds: Option<&'a [(f64, f64)]>,
    sides: &'a [f64],
    /// 1, or -1 where f is climbed: then all is done for -f.
    sign: f64,
}

/// A point on its way.
struct State {
    start: Vec<f64>,
    /// f, the norm of the gradient and what is held, at the start.
    began: (f64, f64, Vec<bool>),
    x: Vec<f64>,
    sample: Sample,
    held: Vec<bool>,
    norm: f64,
    /// Newton's step from x, and how much of it is tried.
    step: Vec<f64>,
    share: f64,
    trial: Vec<f64>,
    refusals: usize,
    /// Steps that crept, one after another.
    crept: usize,
    change: f64,
    /// The trial that was refused last, since the last that was not.
    refused: Option<Sample>,
    done: bool,
}

/// f and its derivatives at a point, with the sign of what is minimised.
#[derive(Clone)]
struct Sample {
    f: f64,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

impl<'a> Polisher<'a> {
    /// Prepares. Where the function has no Hessian in the language, or too many variables for one, points are
    /// evaluated and left where they are.
    pub(super) fn new(
        expression: &Expression,
        bounds: Option<&'a [(f64, f64)]>,
        sides: &'a [f64],
        maximize: bool,
        backend: &'a dyn Backend,
    ) -> Result<Polisher<'a>, DescentError> {
        let hessian = if sides.len() <= VARIABLES { expression.hessian().ok() } else { None };
        let outputs = match &hessian {
            Some(outputs) => outputs.clone(),
            None => expression.gradient()?,
        };
        let evaluator = Evaluator::new(&outputs, backend, Precision::F64)?;
        let sign = if maximize { -1.0 } else { 1.0 };
        let way = Way { hessian: hessian.is_some(), bounds, sides, sign };
        Ok(Polisher { evaluator, tape: tape_of(&outputs), threads: backend.threads(), way })
    }

    /// Whether there is a Hessian, without which points stay where they are.
    pub(super) fn has_hessian(&self) -> bool {
        self.way.hessian
    }

    /// f and its derivatives, as the tape has them.
    pub(super) fn evaluate(&mut self, points: &Points) -> Result<Vec<Values>, DescentError> {
        Ok(self.evaluator.evaluate(points)?)
    }

    /// All points, in order.
    pub(super) fn polish(&mut self, points: &[Vec<f64>]) -> Result<Vec<Polished>, DescentError> {
        let chunk = (BYTES / 8 / self.tape.outputs.len().max(1)).clamp(1, 1 << 18);
        let mut all = Vec::with_capacity(points.len());
        for part in points.chunks(chunk) {
            all.extend(self.part(part)?);
        }
        Ok(all)
    }

    fn part(&mut self, points: &[Vec<f64>]) -> Result<Vec<Polished>, DescentError> {
        let (way, threads) = (self.way, self.threads);
        let starts: Vec<Vec<f64>> = points.iter().map(|x| way.onto(x.clone())).collect();
        let samples = self.samples(&starts.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let starts: Vec<(Vec<f64>, Sample)> = starts.into_iter().zip(samples).collect();
        let mut states = on_threads(threads, starts, |(x, sample)| way.start(x, sample));
        for _ in 0..ROUNDS {
            let trials: Vec<&[f64]> = states.iter().filter(|s| !s.done).map(|state| state.trial.as_slice()).collect();
            if trials.is_empty() {
                break;
            }
            let samples = self.samples(&trials)?;
            let moving = states.iter_mut().filter(|state| !state.done);
            let moving: Vec<(&mut State, Sample)> = moving.zip(samples).collect();
            on_threads(threads, moving, |(state, sample)| way.judge(state, sample));
        }
        Ok(on_threads(threads, states, |state| way.end(state)))
    }

    /// f and its derivatives at points.
    fn samples(&mut self, points: &[&[f64]]) -> Result<Vec<Sample>, DescentError> {
        let (n, sign) = (self.way.sides.len(), self.way.sign);
        let column = |v: usize| Values::F64(points.iter().map(|point| point[v]).collect());
        let columns = self.evaluator.evaluate(&Points::list((0..n).map(column).collect()))?;
        let gather = |k: usize, columns: &[Values]| columns.iter().map(|c| sign * c.get(k)).collect();
        let sample = |k: usize| Sample {
            f: sign * columns[0].get(k),
            gradient: gather(k, &columns[1..=n]),
            hessian: gather(k, &columns[1 + n..]),
        };
        Ok(on_threads(self.threads, (0..points.len()).collect(), sample))
    }
}

impl Way<'_> {
    fn start(&self, x: Vec<f64>, sample: Sample) -> State {
        let mut state = State {
            start: x.clone(),
            began: (sample.f, 0.0, Vec::new()),
            trial: x.clone(),
            step: vec![0.0; x.len()],
            x,
            sample,
            held: Vec::new(),
            norm: 0.0,
            share: 1.0,
            refusals: 0,
            crept: 0,
            change: 0.0,
            refused: None,
            done: false,
        };
        self.arrive(&mut state);
        (state.began.1, state.began.2) = (state.norm, state.held.clone());
        state
    }

    /// Works out the next step from where the point is now.
    fn arrive(&self, state: &mut State) {
        state.held = self.held(&state.x, &state.sample);
        state.norm = norm(&state.sample, &state.held);
        state.step = self.newton(&state.sample, &state.held);
        (state.share, state.refusals) = (1.0, 0);
        self.aim(state);
    }

    /// Sets the next trial; ends where there is none.
    fn aim(&self, state: &mut State) {
        // Far steps are cut: beyond the reach every trial would be refused.
        let longest = self.cells(&state.step);
        let share = state.share.min(REACH / longest.max(REACH));
        let moved = state.x.iter().zip(&state.step).map(|(x, p)| x + share * p).collect();
        state.trial = self.inside(moved);
        let still = state.trial == state.x;
        state.done = still || state.norm == 0.0 || !state.sample.is_finite() || state.refusals > REFUSALS;
    }

    /// Takes the trial, or a shorter one next.
    fn judge(&self, state: &mut State, sample: Sample) {
        let moved = self.cells(&difference(&state.trial, &state.x));
        let away = self.cells(&difference(&state.trial, &state.start));
        let left = if sample.is_finite() { norm(&sample, &self.held(&state.trial, &sample)) } else { f64::INFINITY };
        // Within a cell the gradient alone counts: there f is at its noise long before the gradient is.
        // Farther away f must be no larger than at the start: from a kink the gradient falls towards maxima too.
        let below = |f: f64| sample.f <= f + 1e-12 * f.abs();
        let lower = (moved <= 1.0 || below(state.sample.f)) && (away <= 1.0 || below(state.began.0));
        if left < state.norm && lower && away <= REACH {
            state.change = self.change(&sample, &state.sample);
            state.crept = if left > CREEPING.0 * state.norm { state.crept + 1 } else { 0 };
            state.x = state.trial.clone();
            (state.sample, state.refused) = (sample, None);
            self.arrive(state);
            state.done |= state.crept > CREEPING.1;
            return;
        }
        state.refused = Some(sample);
        if moved <= SHORT {
            state.done = true;
        } else {
            state.share *= 0.25;
            state.refusals += 1;
            self.aim(state);
        }
    }

    /// How much the Hessian differs.
    fn change(&self, one: &Sample, other: &Sample) -> f64 {
        let changes = one.hessian.iter().zip(&other.hessian).enumerate();
        changes.map(|(k, (a, b))| ((a - b) * in_cells(k, self.sides)).powi(2)).sum::<f64>().sqrt()
    }

    /// The step that makes the gradient zero to first order, in the coordinates that are not held; the shortest one.
    fn newton(&self, sample: &Sample, held: &[bool]) -> Vec<f64> {
        let free: Vec<usize> = (0..held.len()).filter(|i| !held[*i]).collect();
        let mut step = vec![0.0; held.len()];
        if !self.hessian || !sample.is_finite() || free.is_empty() {
            return step;
        }
        // In units of cells, so that what is singular does not depend on the units of the variables.
        let matrix = reduced(&sample.hessian, &free, self.sides);
        let right: Vec<f64> = free.iter().map(|i| -sample.gradient[*i] * self.sides[*i]).collect();
        let solution =
            solve_positive(&matrix, &right, FLAT).unwrap_or_else(|| Eigen::of(&matrix, free.len()).solve(&right, FLAT));
        free.iter().zip(solution).for_each(|(i, p)| step[*i] = p * self.sides[*i]);
        step
    }

    fn end(&self, state: State) -> Polished {
        let n = state.x.len();
        // The gradient after the step that is left, to first order.
        let after = |i: usize| {
            let row = state.sample.hessian.get(i * n..(i + 1) * n).unwrap_or(&[]);
            state.sample.gradient[i] + row.iter().zip(&state.step).map(|(h, p)| h * p).sum::<f64>()
        };
        let left = (0..n).filter(|i| !state.held[*i]).map(|i| after(i).powi(2)).sum::<f64>().sqrt();
        let change = state.refused.as_ref().map_or(state.change, |refused| self.change(refused, &state.sample));
        let (rest, explained) = (self.cells(&state.step), self.hessian && left <= 0.5 * state.norm);
        // At a kink the gradient is smaller beside it, and f is larger: what came to nothing is taken back.
        let (f, norm, held) = state.began;
        if f < state.sample.f - 1e-12 * f.abs() && !(explained && rest <= NEAR) {
            let (f, change) = (self.sign * f, f64::INFINITY);
            return Polished { x: state.start, f, gradient_norm: norm, held, change, rest, explained: false };
        }
        let (f, gradient_norm) = (self.sign * state.sample.f, state.norm);
        Polished { x: state.x, f, gradient_norm, held: state.held, change, rest, explained }
    }

    /// The coordinates at a bound across which the descent points.
    fn held(&self, x: &[f64], sample: &Sample) -> Vec<bool> {
        let Some(bounds) = self.bounds else { return vec![false; x.len()] };
        let one = |(i, (lo, hi)): (usize, &(f64, f64))| {
            (x[i] <= *lo && sample.gradient[i] > 0.0) || (x[i] >= *hi && sample.gradient[i] < 0.0)
        };
        bounds.iter().enumerate().map(one).collect()
    }

    /// Moved into the bounds.
    fn inside(&self, mut x: Vec<f64>) -> Vec<f64> {
        for (x, (lo, hi)) in x.iter_mut().zip(self.bounds.unwrap_or(&[])) {
            *x = x.clamp(*lo, *hi);
        }
        x
    }

    /// The same, and onto a bound that is no farther than what the bound was rounded by if the run was in f32.
    fn onto(&self, mut x: Vec<f64>) -> Vec<f64> {
        for (x, (lo, hi)) in x.iter_mut().zip(self.bounds.unwrap_or(&[])) {
            let near = |bound: &f64| (*x - bound).abs() <= f64::from(f32::EPSILON) * bound.abs();
            *x = if near(lo) {
                *lo
            } else if near(hi) {
                *hi
            } else {
                *x
            };
        }
        self.inside(x)
    }

    /// The largest coordinate in cells.
    fn cells(&self, step: &[f64]) -> f64 {
        step.iter().zip(self.sides).map(|(p, side)| p.abs() / side).fold(0.0, f64::max)
    }
}

/// Each item's result, in order.
fn on_threads<T: Send, R: Send>(threads: usize, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let size = items.len().div_ceil(threads);
    if threads == 1 || size < MANY {
        return items.into_iter().map(work).collect();
    }
    let mut items = items.into_iter();
    let parts: Vec<Vec<T>> = (0..threads).map(|_| items.by_ref().take(size).collect()).collect();
    let work = &work;
    thread::scope(|scope| {
        let one = |part: Vec<T>| scope.spawn(move || part.into_iter().map(work).collect::<Vec<R>>());
        let threads: Vec<_> = parts.into_iter().map(one).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

impl Sample {
    fn is_finite(&self) -> bool {
        self.f.is_finite() && self.gradient.iter().chain(&self.hessian).all(|v| v.is_finite())
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn norm(sample: &Sample, held: &[bool]) -> f64 {
    sample.gradient.iter().zip(held).filter(|(_, held)| !**held).map(|(g, _)| g * g).sum::<f64>().sqrt()
}

/// What makes the element `k` of a Hessian one in units of cells.
pub(super) fn in_cells(k: usize, sides: &[f64]) -> f64 {
    sides[k / sides.len()] * sides[k % sides.len()]
}

/// The rows and columns of the `free` coordinates, in units of `sides`.
pub(super) fn reduced(matrix: &[f64], free: &[usize], sides: &[f64]) -> Vec<f64> {
    let n = sides.len();
    free.iter().flat_map(|i| free.iter().map(move |j| matrix[i * n + j] * sides[*i] * sides[*j])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use crate::descent::starts::uniform_box;

    type Test = Result<(), crate::Error>;

    /// Newton's error for exp(x) - x is half the square of the one before.
    #[test]
    fn each_round_squares_the_error() -> Test {
        let (cpu, f) = (Cpu::new(Some(1))?, Expression::parse("exp(x) - x")?);
        let mut polisher = Polisher::new(&f, None, &[0.01], false, &cpu)?;
        let sample = polisher.samples(&[&[0.1]])?.remove(0);
        let mut state = polisher.way.start(vec![0.1], sample);
        for _ in 0..3 {
            let before = state.x[0].abs();
            let sample = polisher.samples(&[&state.trial.clone()])?.remove(0);
            polisher.way.judge(&mut state, sample);
            assert!((state.x[0] / (0.5 * before * before) - 1.0).abs() < 0.1, "{before}, {}", state.x[0]);
        }
        Ok(())
    }

    /// From anywhere, far from all that is stationary too: inside the bounds, near its start, no steeper than there.
    #[test]
    fn nothing_leaves_its_bounds_or_its_neighbourhood() -> Test {
        let (cpu, f) = (Cpu::new(Some(2))?, Expression::parse("sin(5x) cos(4y) + x y^3 - abs(x - 0.3)")?);
        let (bounds, sides) = ([(-1.0, 0.7), (-0.5, 1.0)], [2e-3, 1e-3]);
        let columns = uniform_box(1, 2000, &[(-1.1, 0.8), (-0.6, 1.1)]);
        let points: Vec<Vec<f64>> = (0..2000).map(|k| vec![columns[0][k], columns[1][k]]).collect();
        for maximize in [false, true] {
            let mut polisher = Polisher::new(&f, Some(&bounds), &sides, maximize, &cpu)?;
            let mut better = 0;
            for (start, end) in points.iter().zip(polisher.polish(&points)?) {
                let start = polisher.way.onto(start.clone());
                let sample = polisher.samples(&[&start])?.remove(0);
                let norm = norm(&sample, &polisher.way.held(&start, &sample));
                for ((x, from), ((lo, hi), side)) in end.x.iter().zip(&start).zip(bounds.iter().zip(&sides)) {
                    assert!((lo..=hi).contains(&x) && (x - from).abs() <= 50.001 * side, "{start:?} {end:?}");
                }
                assert!(end.gradient_norm <= norm, "{start:?} {end:?}, not {norm}");
                better += usize::from(end.gradient_norm < 1e-10 && norm > 1e-3);
            }
            assert!(better > 20, "{better} became stationary");
        }
        Ok(())
    }
}
