//! The bound on rounding error, computed beside the reference's values.
//!
//! Flows in: a tape, points, and the accuracy of an engine's operations. Flows out: [`Checked`]: value, bound, and
//! where a point cannot be judged the [`Reason`].
//!
//! For `y = op(a, b)`: `err(y) = spread + slack(op) ulp(|y| + spread)`, inputs taken as exact (they are the same bits
//! for every engine). The spread is how far y moves while a and b move by their errors; to first order
//! `|dy/da| err(a) + |dy/db| err(b)`. The first order alone is no bound where an error is not small beside the operand
//! (1/u, ln u, sqrt u of a difference that cancelled). Therefore:
//!
//! - Sums and products, whose partials are numbers or operands: first order, with `|b| + err(b)` for `|b|`. That is
//!   exact but for a product of two errors.
//! - Other operations are applied at the ends of their operands' errors. Between its breaks a row is monotone or
//!   convex in each operand, so nowhere inside is it farther from y than at some corner.
//! - Where the engine's format is the reference's own, differences of values drown in the reference's own rounding.
//!   There, while errors are within some `COARSE` of it, the row's partials, the largest at any corner, do better.
//!   (They would do for all but arguments near an inflexion, where a slope is largest inside; that is a matter of the
//!   error's square, far below the rounding.)
//!
//! An engine that flushes subnormals may read any as 0: an operand that may be one brings at least its own size. Where a
//! compiler moves factors within a product, the format's range ends by so much earlier, on both sides.
//!
//! A point is not judged where no bound can be given: see [`Reason`]. A reason travels with the value to every output
//! that needs it.

mod step;

use super::reference::{BLOCK, Sheet, spread};
use super::{Accuracy, Backend, MOVED};
use crate::op::{Op, ops};
use crate::points::Points;
use crate::real::Precision;
use crate::tape::{Arg, Instruction, Tape};
use serde::Serialize;
use std::collections::HashMap;
use step::{Operand, Slopes, Step, reference};

/// Makes up for the rounding of the bound's own arithmetic.
const ROUNDING: f64 = 1.0 + 1.0 / 1048576.0;
/// And this, some of f64's least numbers, for its underflow.
const UNDERFLOW: f64 = 8.0 * f64::from_bits(1);

/// Why a point cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// A constant or intermediate result may lie beyond the format's range.
    Range,
    /// An operand lies where the row (its `reach`) or the engine (its domain) promises no accuracy.
    Reach,
    /// A comparison, a rounding to an integer or a branch cut lies within the errors of its operands.
    Jump,
    /// A pole, or the end of the function's domain, lies within the errors of its operands.
    Edge,
}

/// One output at some points.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The reference's value.
    pub value: Vec<f64>,
    /// The bound on |engine - reference|, both sides' rounding counted.
    pub bound: Vec<f64>,
    /// Why the point cannot be judged, where it cannot: the first reason on the way to this output. The branch of an
    /// `if` that is not taken gives none.
    pub unjudged: Vec<Option<Reason>>,
}

/// What the bound is for: an engine and a format.
pub struct Checker<'a> {
    known: Known<'a>,
    slopes: HashMap<Op, Slopes>,
    step: Box<Step>,
}

impl<'a> Checker<'a> {
    /// The bound for `engine` computing in `precision`.
    pub fn new(engine: &'a dyn Backend, precision: Precision) -> Checker<'a> {
        let margin = if engine.moves_factors() { MOVED } else { 1.0 };
        let tiny = if engine.flushes_subnormals() { precision.smallest_normal() } else { 0.0 };
        let largest = precision.largest() / margin;
        let (sheet, errors, reasons) = Default::default();
        let known = Known { engine, precision, tiny, vanishing: tiny * margin, largest, sheet, errors, reasons };
        Checker { known, slopes: HashMap::new(), step: Box::default() }
    }

    /// Values and bounds of every output at points `start .. start + count`.
    pub fn check(
        &mut self,
        tape: &Tape,
        points: &Points,
        uniforms: &[f64],
        start: usize,
        count: usize,
    ) -> Vec<Checked> {
        let mut outputs = vec![Checked::default(); tape.outputs.len()];
        for from in (start..start + count).step_by(BLOCK) {
            let count = BLOCK.min(start + count - from);
            self.known.load(tape, points, uniforms, from, count);
            for (place, instruction) in tape.code.iter().enumerate() {
                self.instruction(place, instruction);
            }
            for (output, arg) in outputs.iter_mut().zip(&tape.outputs) {
                self.known.read(*arg, &mut self.step.operands[0], count);
                let Operand { value, error, reason, .. } = &self.step.operands[0];
                output.value.extend_from_slice(&value[..count]);
                output.bound.extend_from_slice(&error[..count]);
                output.unjudged.extend_from_slice(&reason[..count]);
            }
        }
        outputs
    }

    /// The error of one instruction at every point of the block, or once if all are the same.
    fn instruction(&mut self, place: usize, Instruction { op, args }: &Instruction) {
        let Checker { known, slopes, step } = self;
        let count = known.sheet.values[place].len();
        for (arg, operand) in args.iter().zip(&mut step.operands).take(op.arity) {
            known.read(*arg, operand, count);
        }
        step.result[..count].copy_from_slice(&known.sheet.values[place]);
        step.count = count;
        step.reasons(*op);
        step.spread(*op, slopes.entry(*op).or_insert_with(|| Slopes::of(*op)), known.precision);
        known.finish(*op, step);
        known.errors[place].extend_from_slice(&step.error[..count]);
        known.reasons[place].extend_from_slice(&step.reason[..count]);
    }
}

/// What is known of a block of points so far: the reference's values, and an error and perhaps a reason for each.
struct Known<'a> {
    engine: &'a dyn Backend,
    precision: Precision,
    /// The engine may make 0 of numbers below this.
    tiny: f64,
    /// It may read numbers below this as 0.
    vanishing: f64,
    /// What is larger may overflow.
    largest: f64,
    sheet: Sheet,
    errors: Vec<Vec<f64>>,
    reasons: Vec<Vec<Option<Reason>>>,
}

impl Known<'_> {
    fn load(&mut self, tape: &Tape, points: &Points, uniforms: &[f64], start: usize, count: usize) {
        self.sheet.load(tape, points, uniforms, start, count);
        self.sheet.run(tape);
        self.errors.resize_with(tape.code.len(), Vec::new);
        self.reasons.resize_with(tape.code.len(), Vec::new);
        self.errors.iter_mut().for_each(Vec::clear);
        self.reasons.iter_mut().for_each(Vec::clear);
    }

    /// An operand as the engine reads it. A constant is rounded to the format; an input is that already.
    fn read(&self, arg: Arg, into: &mut Operand, count: usize) {
        self.sheet.copy(arg, &mut into.value[..count]);
        if let Arg::Value(place) = arg {
            spread(&self.errors[place as usize], &mut into.error[..count]);
            spread(&self.reasons[place as usize], &mut into.reason[..count]);
        } else {
            for k in 0..count {
                let off = (into.value[k] - self.precision.round(into.value[k])).abs();
                // NaN and infinity are exact.
                into.error[k] = if off.is_nan() { 0.0 } else { off };
                into.reason[k] = (off == f64::INFINITY).then_some(Reason::Range);
            }
        }
        if self.vanishing > 0.0 {
            for (error, value) in into.error.iter_mut().zip(&into.value).take(count) {
                if value.abs() - *error < self.vanishing {
                    *error = error.max(value.abs());
                }
            }
        }
    }

    /// From the spread to the error: adds what the engine and the reference round.
    fn finish(&self, op: Op, step: &mut Step) {
        let accuracy = self.engine.accuracy(op, self.precision);
        let flushed = if accuracy.ulp > 0.0 { self.tiny + UNDERFLOW } else { 0.0 };
        for ((error, spread), result) in step.error.iter_mut().zip(&step.spread).zip(&step.result).take(step.count) {
            let spread = spread * ROUNDING;
            let own = accuracy.error(result.abs() + spread, self.precision) + flushed + reference(op, *result);
            // NaN for NaN is no error.
            *error = if result.is_nan() { 0.0 } else { spread + own };
        }
        if let Some(accuracy) = self.product(op) {
            for k in 0..step.count {
                let product = step.operands[0].largest(k) * step.operands[1].largest(k);
                step.error[k] += accuracy.error(product, self.precision) + flushed;
                step.blame(k, product <= self.largest || step.result[k].is_nan(), Reason::Range);
            }
        }
        let reaches = |result: &f64, error: &f64| result.abs() + error;
        if !step.result.iter().zip(&step.error).take(step.count).all(|(y, error)| reaches(y, error) <= self.largest) {
            for k in 0..step.count {
                let inside = reaches(&step.result[k], &step.error[k]) <= self.largest || step.result[k].is_nan();
                step.blame(k, inside, Reason::Range);
            }
        }
        if op.reach.is_some() || accuracy.domain.is_some() {
            for k in 0..step.count {
                let covered = op.reach.is_none_or(|reach| reach(step.values(k), self.precision));
                let ends: [(f64, f64); 3] = std::array::from_fn(|i| step.operands[i].ends(k));
                let low = accuracy.covers(&ends.map(|end| end.0)[..op.arity]);
                let high = accuracy.covers(&ends.map(|end| end.1)[..op.arity]);
                step.blame(k, covered && low && high, Reason::Reach);
            }
        }
    }

    /// A fused multiply-add that an engine may split rounds its product too, which may be much larger than the sum.
    fn product(&self, op: Op) -> Option<Accuracy> {
        let split = !self.engine.fuses() && op.is_fused();
        split.then(|| self.engine.accuracy(ops::MUL, self.precision))
    }
}
