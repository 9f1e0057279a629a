//! What an engine really does: operations of the table measured against true values.
//!
//! Flows in: an operation, an engine, a format. Flows out: [`Measurement`], the worst error that was found in ULP, where,
//! and the special values that came out wrong; and [`Measured`], an engine whose error bound rests on measurements.
//!
//! Truth is, for the points of `data/truth.csv`, a value of some 100 bits; for sampled points the row's f64 reference,
//! whose own error is taken off what is found (it could be the reference's), which matters in f64 only. The points
//! are the worst that a search over millions found for gradfield's own mathematics, the edges of each function, and
//! a sample of its domain and of all numbers of the format.
//!
//! The same measurement is a test of every engine, `gradfield devices --probe`, and the table in
//! `docs/accuracy.md`. It runs each operation alone; `verify` looks at whole expressions.

mod sample;
mod truth;

use crate::backend::{Accuracy, Backend, BackendError, Program};
use crate::op::{Op, Syntax};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Arg, Input, Instruction, Tape};
use serde::Serialize;
use std::collections::HashMap;

/// One operation on one engine in one format.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// The row's name.
    pub operation: &'static str,
    /// The format.
    pub precision: Precision,
    /// Points at which a finite result was compared.
    pub points: usize,
    /// The largest error in units in the last place of the true value.
    pub worst_ulp: f64,
    /// Where.
    pub at: Vec<f64>,
    /// The largest error.
    pub worst_absolute: f64,
    /// What the engine promises, in ULP; `None` where it promises nothing (a driver's function).
    pub allowed_ulp: Option<f64>,
    /// Zeros, infinities and NaN that were expected.
    pub special: usize,
    /// Those that came out as something else.
    pub wrong: Vec<Wrong>,
}

/// A special value that came out wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// The operands, as text since JSON has no NaN.
    pub at: Vec<String>,
    /// What came out.
    pub got: String,
    /// What should have.
    pub expected: String,
}

impl Measurement {
    /// Whether the engine keeps its promise here.
    pub fn passed(&self) -> bool {
        self.allowed_ulp.is_none_or(|allowed| self.worst_ulp <= (1.0 + ROUNDING) * allowed && self.wrong.is_empty())
    }
}

/// The comparison itself is computed in f64, with some roundings.
const ROUNDING: f64 = 1e-12;

/// Measures one operation.
///
/// # Errors
/// - [`BackendError`] if the engine fails.
pub fn measure(op: Op, engine: &dyn Backend, precision: Precision) -> Result<Measurement, BackendError> {
    let promise = engine.accuracy(op, precision);
    let cases = sample::cases(op, engine, precision);
    let results = run(op, engine, precision, &cases)?;
    let mut found = Measurement {
        operation: op.name,
        precision,
        points: 0,
        worst_ulp: 0.0,
        at: Vec::new(),
        worst_absolute: 0.0,
        allowed_ulp: promise.ulp.is_finite().then_some(promise.ulp),
        special: 0,
        wrong: Vec::new(),
    };
    for (case, got) in cases.iter().zip(results) {
        found.add(case, got, engine.flushes_subnormals());
    }
    Ok(found)
}

/// Operands and the true result.
#[derive(Debug, Clone)]
struct Case {
    at: Vec<f64>,
    /// The true result, rounded to f64,
    value: f64,
    /// what the rounding left,
    rest: f64,
    /// and how far both may be off.
    doubt: f64,
}

/// The operation at every case.
fn run(op: Op, engine: &dyn Backend, precision: Precision, cases: &[Case]) -> Result<Vec<f64>, BackendError> {
    let column = |k: usize| cases.iter().map(|case| case.at[k]).collect();
    let points = Points::columns((0..op.arity).map(column).collect());
    let mut out = [Values::zeros(precision, cases.len())];
    engine.prepare(&alone(op), precision)?.evaluate(&points, &[], &mut out)?;
    Ok(out[0].to_f64())
}

/// The operation as a tape of one instruction.
pub fn alone(op: Op) -> Tape {
    let names = &["a", "b", "c"][..op.arity];
    let arg = |k: usize| Arg::Input(if k < op.arity { k as u32 } else { 0 });
    let code = vec![Instruction { op, args: std::array::from_fn(arg) }];
    Tape { inputs: Input::varying(names), code, outputs: vec![Arg::Value(0)] }
}

impl Measurement {
    fn add(&mut self, case: &Case, got: f64, flushes: bool) {
        let expected = self.precision.round(case.value);
        if expected.is_nan() || expected == 0.0 && case.value == 0.0 || case.value.is_infinite() {
            self.special += 1;
            let same = got == expected && got.is_sign_negative() == expected.is_sign_negative();
            if !(same || got.is_nan() && expected.is_nan()) {
                let at = case.at.iter().map(|x| format!("{x:e}")).collect();
                self.wrong.push(Wrong { at, got: format!("{got:e}"), expected: format!("{expected:e}") });
            }
            return;
        }
        self.points += 1;
        let flushed = flushes && got == 0.0 && case.value.abs() < 2.0 * self.precision.smallest_normal();
        if flushed {
            return;
        }
        let largest = self.precision.largest();
        let (error, unit) = (self.distance(got, case), self.precision.ulp(expected.clamp(-largest, largest)));
        let ulp = error / unit;
        self.worst_absolute = self.worst_absolute.max(error);
        if ulp > self.worst_ulp {
            (self.worst_ulp, self.at) = (ulp, case.at.clone());
        }
    }

    /// |got - truth|, less what the truth itself may be off by. Infinity stands one step beyond the largest number.
    fn distance(&self, got: f64, case: &Case) -> f64 {
        if got.is_nan() {
            return f64::INFINITY;
        }
        // The difference of numbers near the largest would overflow, and half of one near the smallest is not exact.
        let scale = if case.value.abs().max(got.abs()) > 1.0 { 0.5 } else { 1.0 };
        let end = scale * self.precision.largest() + scale * self.precision.ulp(self.precision.largest());
        let place = |x: f64| (scale * x).clamp(-end, end);
        let apart = place(got) - place(case.value);
        if place(case.value).abs() == end {
            return apart.abs() / scale;
        }
        ((apart - scale * case.rest).abs() / scale - case.doubt).max(0.0)
    }
}

/// An engine whose accuracy is, where it was measured, what was found.
pub struct Measured<'a> {
    engine: &'a dyn Backend,
    precision: Precision,
    found: HashMap<Op, Accuracy>,
    /// What was measured, in the order of the tape.
    pub measurements: Vec<Measurement>,
}

/// A promise that is broken by more than this factor is no rounding error: the operation is wrong.
const BELIEVABLE: f64 = 16.0;

impl<'a> Measured<'a> {
    /// Measures each operation of `tape` that rounds. What the engine promises and keeps stays as it is; where it
    /// promises nothing, or does not keep it, the measured error takes its place, doubled, since a sample does not
    /// find the very worst point.
    ///
    /// # Errors
    /// - [`BackendError`] if the engine fails.
    pub fn of(tape: &Tape, engine: &'a dyn Backend, precision: Precision) -> Result<Measured<'a>, BackendError> {
        let mut measured = Measured { engine, precision, found: HashMap::new(), measurements: Vec::new() };
        for Instruction { op, .. } in &tape.code {
            let promise = engine.accuracy(*op, precision);
            if promise.ulp == 0.0 || measured.measurements.iter().any(|known| known.operation == op.name) {
                continue;
            }
            let one = measure(*op, engine, precision)?;
            if one.allowed_ulp.is_none() || one.worst_ulp > promise.ulp {
                let accuracy = Accuracy { ulp: 2.0 * one.worst_ulp, absolute: 2.0 * one.worst_absolute, ..promise };
                measured.found.insert(*op, accuracy);
            }
            measured.measurements.push(one);
        }
        Ok(measured)
    }

    /// Whether every broken promise is a matter of rounding, so that the measured error can stand for it.
    pub fn believable(&self) -> bool {
        let fine = |one: &Measurement| {
            one.allowed_ulp.is_none_or(|allowed| one.worst_ulp <= BELIEVABLE * allowed && one.wrong.is_empty())
        };
        self.measurements.iter().all(fine)
    }
}

impl Backend for Measured<'_> {
    fn describe(&self) -> String {
        self.engine.describe()
    }

    fn name(&self) -> String {
        self.engine.name()
    }

    fn accuracy(&self, op: Op, precision: Precision) -> Accuracy {
        let found = if precision == self.precision { self.found.get(&op) } else { None };
        found.copied().unwrap_or_else(|| self.engine.accuracy(op, precision))
    }

    fn flushes_subnormals(&self) -> bool {
        self.engine.flushes_subnormals()
    }

    fn flushes_in_descents(&self) -> bool {
        self.engine.flushes_in_descents()
    }

    fn fuses(&self) -> bool {
        self.engine.fuses()
    }

    fn moves_factors(&self) -> bool {
        self.engine.moves_factors()
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        self.engine.prepare(tape, precision)
    }
}

/// How a row is written, for tables: `sin(a)`, `a + b`.
pub fn spelling(op: Op) -> String {
    let operands = &["a", "b", "c"][..op.arity];
    match op.syntax {
        Syntax::Infix(sign, _) => format!("{} {sign} {}", operands[0], operands[1]),
        Syntax::Prefix(sign, _) => format!("{sign}{}", operands[0]),
        _ => format!("{}({})", op.name, operands.join(", ")),
    }
}
