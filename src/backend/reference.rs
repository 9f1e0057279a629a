//! The f64 reference: every instruction of the tape in turn with the row's `reference`, written to be obviously
//! right.
//!
//! Flows in: a tape, points. Flows out: values; and for `bound.rs` a `Sheet`, the values of every instruction over a
//! block of points.
//!
//! Who should not use it: anyone in a hurry. It runs on one core, block by block.

use super::{Accuracy, Backend, BackendError, Program, Steps, check_interrupt};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Arg, Instruction, Tape};

/// Points that are evaluated together: one instruction runs over all of them before the next.
pub(super) const BLOCK: usize = 256;

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
        let mut sheet = Sheet::default();
        for start in (0..points.len()).step_by(BLOCK) {
            check_interrupt()?;
            let count = BLOCK.min(points.len() - start);
            sheet.load(&self.tape, points, uniforms, start, count);
            sheet.run(&self.tape);
            for (column, output) in out.iter_mut().zip(&self.tape.outputs) {
                if let Values::F64(column) = column {
                    sheet.copy(*output, &mut column[start..start + count]);
                }
            }
        }
        Ok(())
    }

    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError> {
        for step in steps.first..steps.first + steps.count {
            let points = Points::list(state.to_vec());
            self.evaluate(&points, &steps.uniforms_at(step), state)?;
        }
        Ok(())
    }
}

/// A tape's inputs and the value of each of its instructions over a block of points. A column whose numbers are all the
/// same (an instruction of uniform inputs, or of the outer axis of a grid) is kept, and computed, as one number. Columns
/// are reused from block to block.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// One column per input of the tape.
    inputs: Vec<Vec<f64>>,
    /// One column per instruction.
    pub(super) values: Vec<Vec<f64>>,
}

impl Sheet {
    /// Takes the inputs at `count` points from `start` on.
    pub(super) fn load(&mut self, tape: &Tape, points: &Points, uniforms: &[f64], start: usize, count: usize) {
        self.inputs.resize_with(tape.inputs.len(), Vec::new);
        let (mut varying, mut uniform) = (0, 0);
        for (input, column) in tape.inputs.iter().zip(&mut self.inputs) {
            column.clear();
            if input.uniform {
                column.push(uniforms[uniform]);
                uniform += 1;
            } else {
                column.resize(count, 0.0);
                points.coordinates(varying, start, column);
                varying += 1;
                let first = column[0].to_bits();
                if column.iter().all(|value| value.to_bits() == first) {
                    column.truncate(1);
                }
            }
        }
    }

    /// Takes the inputs from columns.
    pub(super) fn fill(&mut self, columns: &[&[f64]]) {
        self.inputs.resize_with(columns.len(), Vec::new);
        for (input, column) in self.inputs.iter_mut().zip(columns) {
            input.clear();
            input.extend_from_slice(column);
        }
    }

    /// Computes every instruction.
    pub(super) fn run(&mut self, tape: &Tape) {
        self.values.resize_with(tape.code.len(), Vec::new);
        let mut operands = [[0.0; BLOCK]; 3];
        for (place, Instruction { op, args }) in tape.code.iter().enumerate() {
            let mut result = std::mem::take(&mut self.values[place]);
            let count = args.iter().map(|arg| self.width(*arg)).fold(1, usize::max);
            let used = operands.iter_mut().zip(args).take(op.arity);
            used.for_each(|(operand, arg)| self.copy(*arg, &mut operand[..count]));
            let [a, b, c] = &operands;
            result.clear();
            result.extend((0..count).map(|k| op.apply([a[k], b[k], c[k]])));
            self.values[place] = result;
        }
    }

    /// How many numbers an operand has: one, or one for each point.
    fn width(&self, arg: Arg) -> usize {
        match arg {
            Arg::Value(k) => self.values[k as usize].len(),
            Arg::Input(k) => self.inputs[k as usize].len(),
            Arg::Number(_) => 1,
        }
    }

    /// Writes the numbers of an operand or output, one per point.
    pub(super) fn copy(&self, arg: Arg, into: &mut [f64]) {
        match arg {
            Arg::Value(k) => spread(&self.values[k as usize], into),
            Arg::Input(k) => spread(&self.inputs[k as usize], into),
            Arg::Number(bits) => into.fill(f64::from_bits(bits)),
        }
    }
}

/// Copies a column that has one element, or one for each point.
pub(super) fn spread<T: Copy>(column: &[T], into: &mut [T]) {
    match column {
        [one] => into.fill(*one),
        all => into.copy_from_slice(all),
    }
}

/// The tape's outputs at one point; the simplest door, for a handful of points.
pub fn at(tape: &Tape, point: &[f64]) -> Vec<f64> {
    let mut sheet = Sheet { inputs: point.iter().map(|v| vec![*v]).collect(), values: Vec::new() };
    sheet.run(tape);
    let value = |output: &Arg| {
        let mut value = [0.0];
        sheet.copy(*output, &mut value);
        value[0]
    };
    tape.outputs.iter().map(value).collect()
}
