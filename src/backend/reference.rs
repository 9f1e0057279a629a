//! The f64 reference: every instruction of the tape in turn with the row's `reference`, written to be obviously
//! right, and beside each value a first-order bound on the rounding error of an engine.
//!
//! Flows in: a tape, points, and for the bound an engine's slack. Flows out: values, and [`Checked`]: value,
//! bound, and whether the point can be judged at all.
//!
//! For `y = op(a, b)`: `err(y) = |dy/da| err(a) + |dy/db| err(b) + slack(op) * ulp(y)`, inputs taken as exact (they
//! are the same bits for every engine). The partial derivatives are the row's own, evaluated by this evaluator.
//!
//! Who should not use it: anyone in a hurry. It runs on one core, block by block.

use super::{Accuracy, Backend, BackendError, Program, Steps, check_interrupt};
use crate::expr::parse::{Context, Declared, parse};
use crate::op::{Op, ops};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Arg, Input, Instruction, Tape};
use std::collections::HashMap;

/// Points that are evaluated together: one instruction runs over all of them before the next.
const BLOCK: usize = 256;

/// The reference engine; f64 only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Backend for Reference {
    fn describe(&self) -> String {
        "f64 reference, one thread".to_string()
    }

    fn accuracy(&self, op: Op, _: Precision) -> Accuracy {
        Accuracy::ulp(op.slack.reference)
    }

    fn flushes_subnormals(&self) -> bool {
        false
    }

    fn fuses(&self) -> bool {
        true
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        if precision != Precision::F64 {
            return Err(BackendError::Unsupported("the reference computes in f64 only".to_string()));
        }
        Ok(Box::new(Plain { tape: tape.clone() }))
    }
}

struct Plain {
    tape: Tape,
}

impl Program for Plain {
    fn evaluate(&mut self, points: &Points, uniforms: &[f64], out: &mut [Values]) -> Result<(), BackendError> {
        for start in (0..points.len()).step_by(BLOCK) {
            check_interrupt()?;
            let count = BLOCK.min(points.len() - start);
            let inputs = inputs(&self.tape.inputs, points, uniforms, start, count);
            let values = values(&self.tape, &inputs, count);
            for (column, output) in out.iter_mut().zip(&self.tape.outputs) {
                if let Values::F64(column) = column {
                    column[start..start + count].copy_from_slice(&operand(*output, &inputs, &values, count));
                }
            }
        }
        Ok(())
    }

    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError> {
        let mut uniforms = steps.uniforms.clone();
        for step in steps.first..steps.first + steps.count {
            if let Some(clock) = steps.clock {
                uniforms[clock] = step as f64;
            }
            let points = Points::columns(state.iter().map(Values::to_f64).collect());
            self.evaluate(&points, &uniforms, state)?;
        }
        Ok(())
    }
}

/// The inputs of `count` points from `start` on, one block per input of the tape.
fn inputs(kinds: &[Input], points: &Points, uniforms: &[f64], start: usize, count: usize) -> Vec<Vec<f64>> {
    let points: Vec<Vec<f64>> = (start..start + count).map(|k| points.point(k)).collect();
    let (mut varying, mut uniform) = (0, 0);
    kinds
        .iter()
        .map(|kind| {
            if kind.uniform {
                uniform += 1;
                vec![uniforms[uniform - 1]; count]
            } else {
                varying += 1;
                points.iter().map(|point| point[varying - 1]).collect()
            }
        })
        .collect()
}

/// The value of every instruction.
fn values(tape: &Tape, inputs: &[Vec<f64>], count: usize) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::with_capacity(tape.code.len());
    for instruction in &tape.code {
        let [a, b, c] = instruction.args.map(|arg| operand(arg, inputs, &values, count));
        values.push((0..count).map(|k| instruction.op.apply([a[k], b[k], c[k]])).collect());
    }
    values
}

fn operand(arg: Arg, inputs: &[Vec<f64>], values: &[Vec<f64>], count: usize) -> Vec<f64> {
    match arg {
        Arg::Value(k) => values[k as usize].clone(),
        Arg::Input(k) => inputs[k as usize].clone(),
        Arg::Number(bits) => vec![f64::from_bits(bits); count],
    }
}

/// The tape's outputs at one point; the simplest door, for a handful of points.
pub fn at(tape: &Tape, point: &[f64]) -> Vec<f64> {
    let inputs: Vec<Vec<f64>> = point.iter().map(|v| vec![*v]).collect();
    let values = values(tape, &inputs, 1);
    tape.outputs.iter().map(|output| operand(*output, &inputs, &values, 1)[0]).collect()
}

/// What the bound is for: an engine and a format.
pub struct Checker<'a> {
    engine: &'a dyn Backend,
    precision: Precision,
    partials: HashMap<Op, Tape>,
}

/// One output at some points.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The reference's value.
    pub value: Vec<f64>,
    /// The bound on |engine - reference|, both sides' rounding counted.
    pub bound: Vec<f64>,
    /// Whether the point can be judged: no intermediate left the format's range or a row's reach, and no comparison or rounding to
    /// an integer fell so close to its jump that rounding may have taken it to the other side.
    pub judged: Vec<bool>,
}

impl<'a> Checker<'a> {
    /// The bound for `engine` computing in `precision`.
    pub fn new(engine: &'a dyn Backend, precision: Precision) -> Checker<'a> {
        Checker { engine, precision, partials: HashMap::new() }
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
        let inputs = inputs(&tape.inputs, points, uniforms, start, count);
        let values = values(tape, &inputs, count);
        let mut errors: Vec<Vec<f64>> = Vec::with_capacity(tape.code.len());
        let mut judged: Vec<Vec<bool>> = Vec::with_capacity(tape.code.len());
        for (k, instruction) in tape.code.iter().enumerate() {
            let step = Step { instruction, result: &values[k], count };
            let operands = instruction.args.map(|arg| operand(arg, &inputs, &values, count));
            let before = instruction.args.map(|arg| self.incoming(arg, &inputs, &errors, count));
            errors.push(self.error(&step, &operands, &before));
            judged.push(self.judge(&step, &operands, &before, &judged, &errors[k]));
        }
        let output = |arg: &Arg| Checked {
            value: operand(*arg, &inputs, &values, count),
            bound: self.incoming(*arg, &inputs, &errors, count),
            judged: flags(*arg, &judged, count),
        };
        tape.outputs.iter().map(output).collect()
    }

    /// The error that an operand brings: a constant is rounded to the format, an input is exact.
    fn incoming(&self, arg: Arg, inputs: &[Vec<f64>], errors: &[Vec<f64>], count: usize) -> Vec<f64> {
        match arg {
            Arg::Value(k) => errors[k as usize].clone(),
            Arg::Input(k) => inputs[k as usize].iter().map(|v| (v - self.precision.round(*v)).abs()).collect(),
            Arg::Number(bits) => {
                let number = f64::from_bits(bits);
                let error = (number - self.precision.round(number)).abs();
                vec![if error.is_nan() { 0.0 } else { error }; count]
            }
        }
    }

    fn error(&mut self, step: &Step<'_>, operands: &[Vec<f64>; 3], before: &[Vec<f64>; 3]) -> Vec<f64> {
        let op = step.instruction.op;
        let accuracy = self.engine.accuracy(op, self.precision);
        let floor =
            if self.engine.flushes_subnormals() && accuracy.ulp > 0.0 { self.precision.smallest_normal() } else { 0.0 };
        let mut error: Vec<f64> = step
            .result
            .iter()
            .map(|y| accuracy.error(*y, self.precision) + op.slack.reference * Precision::F64.ulp(*y) + floor)
            .collect();
        if !self.engine.fuses() && [ops::FMA, ops::FMS, ops::FNMA].contains(&op) {
            // The product may be rounded by itself, and may be much larger than the sum.
            let product = self.engine.accuracy(ops::MUL, self.precision);
            for (k, error) in error.iter_mut().enumerate() {
                *error += product.error(operands[0][k] * operands[1][k], self.precision) + floor;
            }
        }
        if before.iter().take(op.arity).all(|one| one.iter().all(|e| *e == 0.0)) {
            return error;
        }
        let slopes = self.slopes(step, operands);
        for ((slope, before), _) in slopes.iter().zip(before).zip(0..op.arity) {
            for (k, error) in error.iter_mut().enumerate() {
                // An exact operand brings nothing, even past a pole of the slope.
                *error += if before[k] == 0.0 { 0.0 } else { slope[k].abs() * before[k] };
            }
        }
        error
    }

    /// The partial derivatives of an instruction at its operands; 0 where the row has none.
    fn slopes(&mut self, step: &Step<'_>, operands: &[Vec<f64>; 3]) -> Vec<Vec<f64>> {
        let op = step.instruction.op;
        let tape = self.partials.entry(op).or_insert_with(|| partials(op));
        let inputs: Vec<Vec<f64>> = operands.iter().cloned().chain([step.result.to_vec()]).collect();
        let values = values(tape, &inputs, step.count);
        tape.outputs.iter().map(|output| operand(*output, &inputs, &values, step.count)).collect()
    }

    fn judge(
        &self,
        step: &Step<'_>,
        operands: &[Vec<f64>; 3],
        before: &[Vec<f64>; 3],
        judged: &[Vec<bool>],
        error: &[f64],
    ) -> Vec<bool> {
        let Instruction { op, .. } = *step.instruction;
        let mut fine: Vec<bool> =
            step.result.iter().map(|y| y.is_nan() || y.abs() <= self.precision.largest()).collect();
        for arg in step.instruction.operands() {
            let flags = flags(*arg, judged, step.count);
            fine.iter_mut().zip(flags).for_each(|(fine, flag)| *fine &= flag);
        }
        let accuracy = self.engine.accuracy(op, self.precision);
        for (k, fine) in fine.iter_mut().enumerate() {
            let at = std::array::from_fn(|i| operands[i][k]);
            *fine &= (op.reach)(at, self.precision) && accuracy.covers(&at[..op.arity]);
        }
        if op.jumps {
            for (k, fine) in fine.iter_mut().enumerate() {
                let at = |signs: [f64; 3]| op.apply(std::array::from_fn(|i| operands[i][k] + signs[i] * before[i][k]));
                let corners = (0..1 << op.arity)
                    .map(|corner: usize| at(std::array::from_fn(|i| if corner >> i & 1 == 1 { 1.0 } else { -1.0 })));
                let apart = corners.map(|y| (y - step.result[k]).abs()).fold(0.0, f64::max);
                // Within twice the first-order bound the change is the slope's, not a jump.
                *fine &= apart <= 2.0 * error[k];
            }
        }
        fine
    }
}

/// One instruction over a block of points.
struct Step<'a> {
    instruction: &'a Instruction,
    result: &'a [f64],
    count: usize,
}

fn flags(arg: Arg, judged: &[Vec<bool>], count: usize) -> Vec<bool> {
    match arg {
        Arg::Value(k) => judged[k as usize].clone(),
        _ => vec![true; count],
    }
}

/// The row's partials as a tape over a, b, c, y; where the row has none, a slope that bounds nothing.
fn partials(op: Op) -> Tape {
    let names = ["a", "b", "c", "y"];
    let declared = names.iter().map(|name| Declared { name: (*name).to_string(), components: None }).collect();
    let context = Context { variables: Some(declared), ..Context::default() };
    let mut graph = crate::expr::Graph::new();
    let mut outputs = Vec::new();
    for k in 0..op.arity {
        let text = op.partials.get(k).copied().unwrap_or("1/0");
        let parsed = parse(text, &context).unwrap_or_else(|error| panic!("the row of `{}`: {error}", op.name));
        outputs.extend(graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place)));
    }
    Tape::lower(&graph, Input::varying(&names), &outputs)
}
