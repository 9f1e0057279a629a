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
//! An engine that flushes subnormals may read any as 0: an operand that may be one brings at least its own size.

use super::reference::{BLOCK, Sheet};
use super::{Accuracy, Backend};
use crate::expr::parse::{Context, Declared, parse};
use crate::op::{Break, Op, ends, ops};
use crate::points::Points;
use crate::real::Precision;
use crate::tape::{Arg, Input, Instruction, Tape};
use serde::Serialize;
use std::collections::HashMap;

/// Errors of so many of f64's units and more are told well enough by differences of f64 values.
const COARSE: f64 = 1024.0;
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
        let tiny = if engine.flushes_subnormals() { precision.smallest_normal() } else { 0.0 };
        let (sheet, errors, reasons) = Default::default();
        let known = Known { engine, precision, tiny, sheet, errors, reasons };
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
                self.instruction(place, instruction, count);
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

    /// The error of one instruction at every point of the block.
    fn instruction(&mut self, place: usize, Instruction { op, args }: &Instruction, count: usize) {
        let Checker { known, slopes, step } = self;
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
    /// The engine may take numbers below this for 0, and make them 0.
    tiny: f64,
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
            into.error[..count].copy_from_slice(&self.errors[place as usize]);
            into.reason[..count].copy_from_slice(&self.reasons[place as usize]);
        } else {
            for k in 0..count {
                let off = (into.value[k] - self.precision.round(into.value[k])).abs();
                // NaN and infinity are exact.
                into.error[k] = if off.is_nan() { 0.0 } else { off };
                into.reason[k] = (off == f64::INFINITY).then_some(Reason::Range);
            }
        }
        if self.tiny > 0.0 {
            for (error, value) in into.error.iter_mut().zip(&into.value).take(count) {
                if value.abs() - *error < self.tiny {
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
                step.blame(k, product <= self.precision.largest() || step.result[k].is_nan(), Reason::Range);
            }
        }
        for k in 0..step.count {
            let inside = step.result[k].abs() + step.error[k] <= self.precision.largest();
            step.blame(k, inside || step.result[k].is_nan(), Reason::Range);
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
        let split = !self.engine.fuses() && [ops::FMA, ops::FMS, ops::FNMA].contains(&op);
        split.then(|| self.engine.accuracy(ops::MUL, self.precision))
    }
}

/// The rounding of the reference itself.
fn reference(op: Op, result: f64) -> f64 {
    if op.slack.reference == 0.0 { 0.0 } else { op.slack.reference * Precision::F64.ulp(result) }
}

/// One operand at the points of a block.
#[derive(Clone, Copy)]
struct Operand {
    value: [f64; BLOCK],
    error: [f64; BLOCK],
    reason: [Option<Reason>; BLOCK],
    /// The ends of the error; set for operands that move.
    low: [f64; BLOCK],
    high: [f64; BLOCK],
}

impl Operand {
    fn ends(&self, k: usize) -> (f64, f64) {
        ends(self.value[k], self.error[k])
    }

    /// The greatest absolute value.
    fn largest(&self, k: usize) -> f64 {
        self.value[k].abs() + self.error[k]
    }

    /// Whether the operand is exact, or its error so many units that the ends say what it does.
    fn is_coarse(&self, k: usize) -> bool {
        self.error[k] == 0.0 || self.error[k] >= COARSE * Precision::F64.ulp(self.value[k])
    }
}

/// One instruction over a block of points.
struct Step {
    count: usize,
    operands: [Operand; 3],
    result: [f64; BLOCK],
    /// The result at each corner of the operands' errors.
    corners: [[f64; BLOCK]; 8],
    /// How far the result moves while the operands move by their errors.
    spread: [f64; BLOCK],
    error: [f64; BLOCK],
    reason: [Option<Reason>; BLOCK],
}

impl Default for Step {
    fn default() -> Step {
        let [value, error, low, high, result, spread] = [[0.0; BLOCK]; 6];
        let reason = [None; BLOCK];
        let operands = [Operand { value, error, reason, low, high }; 3];
        Step { count: 0, operands, result, corners: [result; 8], spread, error, reason }
    }
}

impl Step {
    fn values(&self, k: usize) -> [f64; 3] {
        std::array::from_fn(|i| self.operands[i].value[k])
    }

    /// Gives a reason unless all is well or there is one already.
    fn blame(&mut self, k: usize, well: bool, reason: Reason) {
        if !well {
            self.reason[k].get_or_insert(reason);
        }
    }

    /// The reasons that the operands bring, and the row's breaks.
    fn reasons(&mut self, op: Op) {
        if op == ops::IF {
            for k in 0..self.count {
                let untaken = if self.operands[0].value[k] != 0.0 { 2 } else { 1 };
                (self.operands[untaken].error[k], self.operands[untaken].reason[k]) = (0.0, None);
            }
        }
        self.reason = self.operands[0].reason;
        for operand in &self.operands[1..op.arity] {
            self.reason.iter_mut().zip(&operand.reason).for_each(|(one, other)| *one = one.or(*other));
        }
        let Some(breaks) = op.breaks else { return };
        for k in 0..self.count {
            let errors = std::array::from_fn(|i| if i < op.arity { self.operands[i].error[k] } else { 0.0 });
            match breaks(self.values(k), errors) {
                None => {}
                Some(Break::Jump) => self.blame(k, false, Reason::Jump),
                Some(Break::Pole) => self.blame(k, false, Reason::Edge),
            }
        }
    }

    fn spread(&mut self, op: Op, slopes: &mut Slopes, precision: Precision) {
        self.spread[..self.count].fill(0.0);
        let moves = |operand: &Operand| operand.error[..self.count].iter().any(|error| *error > 0.0);
        let moving: Vec<usize> = (0..op.arity).filter(|i| moves(&self.operands[*i])).collect();
        if moving.is_empty() {
            return;
        }
        if let Some(plain) = &slopes.plain {
            return self.arithmetic(plain, &moving);
        }
        self.corners(op, &moving);
        let steep = if precision == Precision::F64 { slopes.largest(self, &moving) } else { None };
        for k in 0..self.count {
            let own = 2.0 * reference(op, self.result[k].abs() + self.spread[k]);
            let coarse = self.spread[k] >= COARSE * own && moving.iter().all(|i| self.operands[*i].is_coarse(k));
            self.spread[k] += own;
            if let (Some(steep), false) = (&steep, coarse) {
                self.spread[k] = self.spread[k].min(steep[k]);
            }
        }
    }

    /// The spread of sums and products.
    fn arithmetic(&mut self, slopes: &[Slope], moving: &[usize]) {
        for i in moving {
            let operand = &self.operands[*i];
            for k in 0..self.count {
                let slope = match slopes[*i] {
                    Slope::Number(slope) => slope.abs(),
                    Slope::Operand(j) => self.operands[j].largest(k),
                };
                // An exact operand brings nothing, whatever the other is.
                self.spread[k] += if operand.error[k] == 0.0 { 0.0 } else { slope * operand.error[k] };
            }
        }
    }

    /// The distance from the result to that at the farthest corner.
    fn corners(&mut self, op: Op, moving: &[usize]) {
        for i in moving {
            let operand = &mut self.operands[*i];
            for k in 0..self.count {
                (operand.low[k], operand.high[k]) = operand.ends(k);
            }
        }
        for corner in 0..1 << moving.len() {
            let [a, b, c] = self.columns(Some(corner), moving);
            let there: [f64; BLOCK] =
                std::array::from_fn(|k| if k < self.count { op.apply([a[k], b[k], c[k]]) } else { 0.0 });
            self.corners[corner] = there;
            for (k, there) in there.iter().enumerate().take(self.count) {
                let here = self.result[k];
                let known = if here.is_finite() { there.is_finite() } else { here.is_nan() == there.is_nan() };
                self.blame(k, known, Reason::Edge);
                // `max` leaves NaN out, which has its reason.
                self.spread[k] = self.spread[k].max((there - here).abs());
            }
        }
    }

    /// The operands at the points themselves, or at a corner of their errors: bit i of `corner` is set where operand
    /// `moving[i]` is at its upper end.
    fn columns(&self, corner: Option<usize>, moving: &[usize]) -> [&[f64]; 3] {
        let mut columns = [0, 1, 2].map(|i| &self.operands[i].value[..self.count]);
        for (bit, i) in moving.iter().enumerate() {
            if let Some(corner) = corner {
                let operand = &self.operands[*i];
                columns[*i] = &(if corner >> bit & 1 == 1 { &operand.high } else { &operand.low })[..self.count];
            }
        }
        columns
    }
}

/// The partial derivatives of a row.
struct Slopes {
    /// Over a, b, c, y.
    tape: Tape,
    sheet: Sheet,
    /// One for each operand, where all are as simple as that.
    plain: Option<Vec<Slope>>,
    known: bool,
}

/// A partial derivative that needs no computing, but for its sign.
#[derive(Debug, Clone, Copy)]
enum Slope {
    Number(f64),
    Operand(usize),
}

impl Slopes {
    fn of(op: Op) -> Slopes {
        let names = ["a", "b", "c", "y"];
        let declared = names.iter().map(|name| Declared { name: (*name).to_string(), components: None }).collect();
        let context = Context { variables: Some(declared), ..Context::default() };
        let mut graph = crate::expr::Graph::new();
        let mut outputs = Vec::new();
        for text in op.partials {
            let parsed = parse(text, &context).unwrap_or_else(|error| panic!("the row of `{}`: {error}", op.name));
            outputs.extend(graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place)));
        }
        let tape = Tape::lower(&graph, Input::varying(&names), &outputs);
        let known = op.partials.len() == op.arity;
        let plain = tape.outputs.iter().map(|output| plain(&tape, *output)).collect();
        Slopes { plain: if known { plain } else { None }, tape, sheet: Sheet::default(), known }
    }

    /// The largest of `|dy/da| err(a) + |dy/db| err(b)` at the point and at the corners of the operands' errors.
    fn largest(&mut self, step: &Step, moving: &[usize]) -> Option<[f64; BLOCK]> {
        if !self.known {
            return None;
        }
        let mut largest = [0.0f64; BLOCK];
        let mut slope = [0.0; BLOCK];
        let corners = (0..1 << moving.len()).map(Some);
        for corner in std::iter::once(None).chain(corners) {
            let [a, b, c] = step.columns(corner, moving);
            let y = &corner.map_or(&step.result, |corner| &step.corners[corner])[..step.count];
            self.sheet.fill(&[a, b, c, y]);
            self.sheet.run(&self.tape);
            let mut sum = [0.0; BLOCK];
            for i in moving {
                self.sheet.copy(self.tape.outputs[*i], &mut slope[..step.count]);
                for ((sum, slope), error) in sum.iter_mut().zip(&slope).zip(&step.operands[*i].error) {
                    *sum += if *error == 0.0 { 0.0 } else { slope.abs() * error };
                }
            }
            for (largest, sum) in largest.iter_mut().zip(sum) {
                *largest = if sum.is_nan() { f64::INFINITY } else { largest.max(sum) };
            }
        }
        Some(largest)
    }
}

/// A partial that is a number or an operand, perhaps negated.
fn plain(tape: &Tape, output: Arg) -> Option<Slope> {
    match output {
        Arg::Number(bits) => Some(Slope::Number(f64::from_bits(bits))),
        Arg::Input(place) if place < 3 => Some(Slope::Operand(place as usize)),
        Arg::Value(place) if tape.code[place as usize].op == ops::NEG => plain(tape, tape.code[place as usize].args[0]),
        Arg::Input(_) | Arg::Value(_) => None,
    }
}
