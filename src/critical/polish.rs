//! Starts moved to where the gradient is zero: Newton's method on the exact Hessian, all points in lockstep.
//!
//! Flows in: starts. Flows out: where they came to, with the sample there; whether the gradient is zero is not told. A
//! step is that of Levenberg and Marquardt with the gradient's squared length as damping, which converges quadratically
//! also to points on a line of critical points (Yamashita and Fukushima, On the rate of convergence of the
//! Levenberg-Marquardt method, 2001). It must make the gradient shorter, or the step that the same Hessian gives for it:
//! along a curved valley the gradient may grow with every good step (Deuflhard, Newton methods for nonlinear problems, 2004,
//! section 3.3: the natural monotonicity test, restricted). Where the Hessian is singular at the end steps
//! shrink by one factor each; the sum of that series is tried in place of its next term (after Decker, Keller and
//! Kelley, Convergence rates for Newton's method at singular points, 1983).

use super::CriticalError;
use super::exact::{Exact, Sample, length};
use super::grid::Grid;
use crate::backend::check_interrupt;
use crate::descent::linear::Eigen;

/// Evaluations that a point may take; a simple one takes five.
const ROUNDS: usize = 100;
/// The longest step, and the farthest end from a start, in cells.
const STEP: f64 = 2.0;
const REACH: f64 = 8.0;
/// Steps refused one after another, each a quarter of the one before.
const REFUSALS: usize = 10;
/// A trial whose gradient is longer must make the step shorter than this share.
const NATURAL: f64 = 0.5;
/// A refused step so short, in cells, is the end.
const SHORT: f64 = 1e-9;
/// Steps that shrink by a factor between these, and keep their direction, are a series: of a double root 1/2, of one of
/// order m 1 - 1/m.
const SERIES: (f64, f64) = (0.4, 0.97);
const PARALLEL: f64 = 0.95;

/// Where a start came to.
pub(super) struct Polished {
    pub(super) x: Vec<f64>,
    pub(super) sample: Sample,
}

/// A point on its way.
struct State {
    start: Vec<f64>,
    x: Vec<f64>,
    sample: Sample,
    /// The step from x, in cells, and how much of it is tried.
    step: Vec<f64>,
    share: f64,
    /// The step that led here, if it was taken once and whole.
    before: Option<Vec<f64>>,
    trial: Vec<f64>,
    refusals: usize,
    done: bool,
}

/// All starts, in order.
pub(super) fn polish(
    exact: &mut Exact<'_>,
    grid: &Grid,
    starts: Vec<Vec<f64>>,
) -> Result<Vec<Polished>, CriticalError> {
    let samples = exact.samples(&starts)?;
    let mut states: Vec<State> =
        starts.into_iter().zip(samples).map(|(x, sample)| State::new(x, sample, grid)).collect();
    for _ in 0..ROUNDS {
        check_interrupt()?;
        let mut moving: Vec<&mut State> = states.iter_mut().filter(|state| !state.done).collect();
        if moving.is_empty() {
            break;
        }
        let trials: Vec<Vec<f64>> = moving.iter().map(|state| state.trial.clone()).collect();
        for (state, sample) in moving.iter_mut().zip(exact.samples(&trials)?) {
            state.judge(sample, grid);
        }
    }
    let polished = states.into_iter().map(|state| Polished { x: state.x, sample: state.sample }).collect();
    tidy(exact, grid, polished)
}

/// Coordinates that are 0 but for rounding are made 0 where the gradient is no longer there.
fn tidy(exact: &mut Exact<'_>, grid: &Grid, mut points: Vec<Polished>) -> Result<Vec<Polished>, CriticalError> {
    let is_tiny = |x: f64, side: f64| x != 0.0 && x.abs() <= 4.0 * f64::EPSILON * side;
    let has = |point: &&mut Polished| point.x.iter().zip(&grid.sides).any(|(x, side)| is_tiny(*x, *side));
    let tiny: Vec<&mut Polished> = points.iter_mut().filter(has).collect();
    let zeroed = |point: &&mut Polished| {
        let coordinates = point.x.iter().zip(&grid.sides);
        coordinates.map(|(x, side)| if is_tiny(*x, *side) { 0.0 } else { *x }).collect::<Vec<f64>>()
    };
    let trials: Vec<Vec<f64>> = tiny.iter().map(zeroed).collect();
    let samples = exact.samples(&trials)?;
    for ((point, x), sample) in tiny.into_iter().zip(trials).zip(samples) {
        let change: f64 = 8.0 * f64::EPSILON * length(&point.sample.hessian);
        if sample.is_finite() && sample.norm() <= point.sample.norm() + change {
            *point = Polished { x, sample };
        }
    }
    Ok(points)
}

impl State {
    fn new(x: Vec<f64>, sample: Sample, grid: &Grid) -> State {
        let (step, trial) = (Vec::new(), Vec::new());
        let start = x.clone();
        let mut state = State { start, x, sample, step, share: 1.0, before: None, trial, refusals: 0, done: false };
        state.arrive(grid);
        state
    }

    /// Works out the next step.
    fn arrive(&mut self, grid: &Grid) {
        self.done = !self.sample.is_finite() || self.sample.norm() == 0.0;
        if self.done {
            return;
        }
        self.step = newton(&self.sample);
        self.refusals = 0;
        self.share = 1.0;
        if let Some(before) = &self.before {
            let (long, now) = (length(before), length(&self.step));
            let dot: f64 = before.iter().zip(&self.step).map(|(a, b)| a * b).sum();
            let factor = now / long;
            if (SERIES.0..SERIES.1).contains(&factor) && dot > PARALLEL * long * now {
                self.share = 1.0 / (1.0 - factor);
            }
        }
        self.aim(grid);
    }

    /// Sets the next trial; ends where there is none.
    fn aim(&mut self, grid: &Grid) {
        let moves = self.step.iter().zip(&grid.sides);
        self.trial = self.x.iter().zip(moves).map(|(x, (p, side))| x + self.share * p * side).collect();
        let away = self.start.iter().zip(&self.trial).zip(&grid.sides).any(|((a, b), h)| (a - b).abs() > REACH * h);
        self.done = self.trial == self.x || away || self.refusals > REFUSALS;
    }

    /// Whether the step from here would be shorter, were the trial's gradient here.
    fn is_better(&self, trial: &Sample) -> bool {
        let [next, step] = [trial, &self.sample].map(|of| length(&solved(&self.sample, &of.gradient)));
        next < NATURAL * step
    }

    /// Takes the trial, or a shorter one next.
    fn judge(&mut self, sample: Sample, grid: &Grid) {
        if sample.is_finite() && (sample.norm() < self.sample.norm() || self.is_better(&sample)) {
            let moved = self.share * length(&self.step);
            self.before = (self.share == 1.0).then(|| self.step.clone());
            self.x = self.trial.clone();
            self.sample = sample;
            self.arrive(grid);
            self.done |= moved <= f64::EPSILON;
        } else if self.share > 1.0 {
            self.share = 1.0;
            self.aim(grid);
        } else {
            self.refusals += 1;
            self.share *= 0.25;
            self.aim(grid);
            self.done |= self.share * length(&self.step) < SHORT;
        }
    }
}

/// The damped step, in cells, no longer than [`STEP`].
fn newton(sample: &Sample) -> Vec<f64> {
    let mut step = solved(sample, &sample.gradient);
    let long = length(&step);
    if long > STEP {
        step.iter_mut().for_each(|p| *p *= STEP / long);
    }
    step
}

/// The damped step that the Hessian of a sample gives for a gradient.
fn solved(sample: &Sample, gradient: &[f64]) -> Vec<f64> {
    let n = gradient.len();
    let norm = sample.norm();
    let eigen = Eigen::of(&sample.hessian, n);
    let mut step = vec![0.0; n];
    for (value, vector) in eigen.values.iter().zip(eigen.vectors.chunks_exact(n)) {
        let slope: f64 = vector.iter().zip(gradient).map(|(v, g)| v * g).sum();
        // value / (value^2 + norm^2), written so that no square overflows or vanishes.
        let long = value.hypot(norm);
        let share = -(slope / long) * (value / long);
        if share.is_finite() {
            step.iter_mut().zip(vector).for_each(|(p, v)| *p += share * v);
        }
    }
    step
}
