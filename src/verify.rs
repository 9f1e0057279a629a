//! An engine against the reference and its computed bound.
//!
//! Flows in: a tape, points (or the state of particles), an engine. Flows out: [`Report`], per output the largest error
//! in ULP, relative, and as a share of its bound. A share above 1 is a failure wherever it comes from; no tolerance is
//! tuned by hand. What no bound can be given for is left out, by the rule of [`Reason`], and counted.

use crate::backend::bound::{Checked, Checker, Reason};
use crate::backend::{Accuracy, Backend, BackendError, Program, Steps, check_interrupt};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use serde::Serialize;
use std::ops::Range;
use std::thread;

/// Points that are checked at a time.
const BLOCK: usize = 4096;

/// What was seen of one output.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OutputReport {
    /// `f`, `df/dx`, ...
    pub name: String,
    /// Points that were judged.
    pub judged: usize,
    /// Points that could not be judged; the sum of the next four.
    pub unjudged: usize,
    /// Of these: a constant or intermediate result may lie beyond the format's range.
    pub unjudged_range: usize,
    /// An operand lies where its operation, or the engine, promises no accuracy.
    pub unjudged_reach: usize,
    /// A comparison, a rounding to an integer or a branch cut lies within the errors of its operands.
    pub unjudged_jump: usize,
    /// A pole, or the end of a function's domain, lies within the errors of its operands.
    pub unjudged_edge: usize,
    /// Points where one side is finite and the other is not, or both are infinite with unlike signs; each is a
    /// failure.
    pub nonfinite: usize,
    /// Of these: the reference is NaN and the engine gives a number. WGSL lets a driver assume that there is no NaN.
    pub nonfinite_lost: usize,
    /// Largest error in units in the last place.
    pub worst_ulp: f64,
    /// Largest error relative to the value.
    pub worst_relative: f64,
    /// Largest error as a share of its bound.
    pub worst_share: f64,
    /// Where the share is largest, or the first point where one side is not finite.
    pub worst_point: Option<Vec<f64>>,
    /// There: the engine's value.
    pub got: Option<f64>,
    /// There: the reference's value.
    pub expected: Option<f64>,
}

/// What was seen of all outputs.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One entry per output.
    pub outputs: Vec<OutputReport>,
}

impl Report {
    fn new(names: &[String]) -> Report {
        let output = |name: &String| OutputReport { name: name.clone(), ..OutputReport::default() };
        Report { outputs: names.iter().map(output).collect() }
    }

    /// Whether every error lies within its bound.
    pub fn passed(&self) -> bool {
        self.outputs.iter().all(|output| output.worst_share <= 1.0 && output.nonfinite == 0)
    }

    /// Adds what another report has seen of the same outputs.
    pub fn merge(&mut self, other: &Report) {
        self.outputs.iter_mut().zip(&other.outputs).for_each(|(one, other)| one.merge(other));
    }
}

/// Runs `tape` on `engine` and compares each output with the reference. `names` has one name per output.
///
/// # Errors
/// - [`BackendError`] if the engine fails.
pub fn verify(
    tape: &Tape,
    names: &[String],
    points: &Points,
    uniforms: &[f64],
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Report, BackendError> {
    let points = points.clone().rounded(precision);
    let mut columns: Vec<Values> = tape.outputs.iter().map(|_| Values::zeros(precision, points.len())).collect();
    engine.prepare(tape, precision)?.evaluate(&points, uniforms, &mut columns)?;
    compare(tape, names, &points, uniforms, &columns, engine, precision)
}

/// Runs the steps of a descent one by one (`tape` maps a state to the next, `state` has one column per output) and
/// compares each with the reference's step from the state that the engine itself had reached. So errors do not pile up
/// and chaos does not matter: many right steps are a right descent. `state` is left at the end.
///
/// # Errors
/// - [`BackendError`] if the engine fails.
pub fn verify_steps(
    tape: &Tape,
    names: &[String],
    state: &mut [Values],
    steps: &Steps,
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Report, BackendError> {
    let mut program = engine.prepare(tape, precision)?;
    let mut report = Report::new(names);
    for step in steps.first..steps.first + steps.count {
        let before = Points::list(state.to_vec());
        program.iterate(state, &Steps { first: step, count: 1, ..steps.clone() })?;
        let descending = Descending(engine);
        report.merge(&compare(tape, names, &before, &steps.uniforms_at(step), state, &descending, precision)?);
    }
    Ok(report)
}

/// An engine as it is in descents.
struct Descending<'a>(&'a dyn Backend);

impl Backend for Descending<'_> {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn accuracy(&self, op: Op, precision: Precision) -> Accuracy {
        self.0.accuracy(op, precision)
    }

    fn flushes_subnormals(&self) -> bool {
        self.0.flushes_in_descents()
    }

    fn fuses(&self) -> bool {
        self.0.fuses()
    }

    fn moves_factors(&self) -> bool {
        self.0.moves_factors()
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        self.0.prepare(tape, precision)
    }
}

/// Compares columns that `engine` has computed with the reference, on all cores.
///
/// # Errors
/// - [`BackendError::Interrupted`].
pub fn compare(
    tape: &Tape,
    names: &[String],
    points: &Points,
    uniforms: &[f64],
    columns: &[Values],
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Report, BackendError> {
    let part = |range: Range<usize>| {
        let mut checker = Checker::new(engine, precision);
        let mut report = Report::new(names);
        for start in range.clone().step_by(BLOCK) {
            check_interrupt()?;
            let checked = checker.check(tape, points, uniforms, start, BLOCK.min(range.end - start));
            for ((report, checked), column) in report.outputs.iter_mut().zip(&checked).zip(columns) {
                for k in 0..checked.value.len() {
                    report.add(column.get(start + k), checked, k, precision, || points.point(start + k));
                }
            }
        }
        Ok(report)
    };
    let parts = thread::available_parallelism().map_or(1, usize::from).min(points.len().div_ceil(BLOCK)).max(1);
    let share = points.len().div_ceil(parts);
    let ranges = (0..parts).map(|k| (k * share).min(points.len())..((k + 1) * share).min(points.len()));
    thread::scope(|scope| {
        let threads: Vec<_> = ranges.map(|range| scope.spawn(|| part(range))).collect();
        let mut whole = Report::new(names);
        for thread in threads {
            whole.merge(&thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(whole)
    })
}

impl OutputReport {
    fn add(&mut self, got: f64, checked: &Checked, k: usize, precision: Precision, point: impl Fn() -> Vec<f64>) {
        if let Some(reason) = checked.unjudged[k] {
            self.unjudged += 1;
            match reason {
                Reason::Range => self.unjudged_range += 1,
                Reason::Reach => self.unjudged_reach += 1,
                Reason::Jump => self.unjudged_jump += 1,
                Reason::Edge => self.unjudged_edge += 1,
            }
            return;
        }
        self.judged += 1;
        let (expected, bound) = (checked.value[k], checked.bound[k]);
        if !got.is_finite() || !expected.is_finite() {
            let same = got.is_nan() && expected.is_nan() || got == expected;
            if !same && self.nonfinite == 0 {
                self.place(point(), got, expected);
            }
            self.nonfinite += usize::from(!same);
            self.nonfinite_lost += usize::from(!same && expected.is_nan());
            return;
        }
        let error = (got - expected).abs();
        let share = if error == 0.0 { 0.0 } else { error / bound };
        if self.nonfinite == 0 && (share > self.worst_share || self.worst_point.is_none()) {
            self.place(point(), got, expected);
        }
        self.worst_share = self.worst_share.max(share);
        self.worst_ulp = self.worst_ulp.max(error / precision.ulp(expected));
        self.worst_relative = self.worst_relative.max(if error == 0.0 { 0.0 } else { error / expected.abs() });
    }

    fn place(&mut self, point: Vec<f64>, got: f64, expected: f64) {
        (self.worst_point, self.got, self.expected) = (Some(point), Some(got), Some(expected));
    }

    fn merge(&mut self, other: &OutputReport) {
        let worse = other.nonfinite > 0 || other.worst_share > self.worst_share || self.worst_point.is_none();
        if self.nonfinite == 0 && worse {
            self.worst_point.clone_from(&other.worst_point);
            (self.got, self.expected) = (other.got, other.expected);
        }
        self.judged += other.judged;
        self.unjudged += other.unjudged;
        self.unjudged_range += other.unjudged_range;
        self.unjudged_reach += other.unjudged_reach;
        self.unjudged_jump += other.unjudged_jump;
        self.unjudged_edge += other.unjudged_edge;
        self.nonfinite += other.nonfinite;
        self.nonfinite_lost += other.nonfinite_lost;
        self.worst_ulp = self.worst_ulp.max(other.worst_ulp);
        self.worst_relative = self.worst_relative.max(other.worst_relative);
        self.worst_share = self.worst_share.max(other.worst_share);
    }
}
