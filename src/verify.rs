//! An engine against the reference and its computed bound.
//!
//! Flows in: a tape, points, an engine. Flows out: [`Report`], per output the largest error in ULP, relative, and
//! as a share of its bound. A share above 1 is a failure wherever it comes from; no tolerance is tuned by hand.

use crate::backend::reference::{Checked, Checker};
use crate::backend::{Backend, BackendError, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use serde::Serialize;

/// Points that are checked at a time.
const BLOCK: usize = 4096;

/// What was seen of one output.
#[derive(Debug, Clone, Serialize)]
pub struct OutputReport {
    /// `f`, `df/dx`, ...
    pub name: String,
    /// Points that were judged.
    pub judged: usize,
    /// Points that could not be judged: an intermediate beyond the format's range, or a comparison or rounding
    /// to an integer within rounding of its jump.
    pub unjudged: usize,
    /// Points where one side is finite and the other is not, or both are infinite with unlike signs; each is a
    /// failure.
    pub nonfinite: usize,
    /// Largest error in units in the last place.
    pub worst_ulp: f64,
    /// Largest error relative to the value.
    pub worst_relative: f64,
    /// Largest error as a share of its bound.
    pub worst_share: f64,
    /// Where the share is largest.
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
    /// Whether every error lies within its bound.
    pub fn passed(&self) -> bool {
        self.outputs.iter().all(|output| output.worst_share <= 1.0 && output.nonfinite == 0)
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
    let mut columns = vec![Values::zeros(precision, points.len()); tape.outputs.len()];
    engine.prepare(tape, precision)?.evaluate(&points, uniforms, &mut columns)?;
    compare(tape, names, &points, uniforms, &columns, engine, precision)
}

/// Compares columns that `engine` has computed with the reference.
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
    let mut checker = Checker::new(engine, precision);
    let mut outputs: Vec<OutputReport> = names.iter().map(|name| OutputReport::new(name)).collect();
    for start in (0..points.len()).step_by(BLOCK) {
        check_interrupt()?;
        let count = BLOCK.min(points.len() - start);
        let checked = checker.check(tape, points, uniforms, start, count);
        for ((report, checked), column) in outputs.iter_mut().zip(&checked).zip(columns) {
            for k in 0..count {
                report.add(column.get(start + k), checked, k, precision, || points.point(start + k));
            }
        }
    }
    Ok(Report { outputs })
}

impl OutputReport {
    fn new(name: &str) -> OutputReport {
        OutputReport {
            name: name.to_string(),
            judged: 0,
            unjudged: 0,
            nonfinite: 0,
            worst_ulp: 0.0,
            worst_relative: 0.0,
            worst_share: 0.0,
            worst_point: None,
            got: None,
            expected: None,
        }
    }

    fn add(&mut self, got: f64, checked: &Checked, k: usize, precision: Precision, point: impl Fn() -> Vec<f64>) {
        let (expected, bound) = (checked.value[k], checked.bound[k]);
        if !checked.judged[k] || bound.is_nan() && expected.is_finite() {
            self.unjudged += 1;
            return;
        }
        self.judged += 1;
        if !got.is_finite() || !expected.is_finite() {
            let same = got.is_nan() && expected.is_nan() || got == expected;
            // A bound that reaches past the format's range allows the overflow.
            let allowed = expected.is_finite() && expected.abs() + bound > precision.largest();
            if !same && !allowed {
                self.nonfinite += 1;
                self.worst_point.get_or_insert_with(&point);
                self.got.get_or_insert(got);
                self.expected.get_or_insert(expected);
            }
            return;
        }
        let error = (got - expected).abs();
        let share = if error == 0.0 { 0.0 } else { error / bound };
        self.worst_ulp = self.worst_ulp.max(error / precision.ulp(expected));
        self.worst_relative = self.worst_relative.max(if error == 0.0 { 0.0 } else { error / expected.abs() });
        if share > self.worst_share || self.worst_point.is_none() {
            self.worst_share = self.worst_share.max(share);
            (self.worst_point, self.got, self.expected) = (Some(point()), Some(got), Some(expected));
        }
    }
}
