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
use crate::tape::{Arg, Tape};

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
            let points = Points::columns(state.iter().map(Values::to_f64).collect());
            self.evaluate(&points, &steps.uniforms_at(step), state)?;
        }
        Ok(())
    }
}

/// A tape's inputs and the value of each of its instructions over a block of points. Its columns are kept from block
/// to block.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// One column per input of the tape.
    inputs: Vec<Vec<f64>>,
    /// One column per instruction.
    pub(super) values: Vec<Vec<f64>>,
    count: usize,
}

impl Sheet {
    /// Takes the inputs at `count` points from `start` on.
    pub(super) fn load(&mut self, tape: &Tape, points: &Points, uniforms: &[f64], start: usize, count: usize) {
        self.count = count;
        self.inputs.resize_with(tape.inputs.len(), Vec::new);
        let (mut varying, mut uniform) = (0, 0);
        for (input, column) in tape.inputs.iter().zip(&mut self.inputs) {
            column.clear();
            if input.uniform {
                column.resize(count, uniforms[uniform]);
                uniform += 1;
            } else {
                column.resize(count, 0.0);
                points.coordinates(varying, start, column);
                varying += 1;
            }
        }
    }

    /// Takes the inputs from columns.
    pub(super) fn fill(&mut self, columns: &[&[f64]]) {
        self.count = columns.first().map_or(0, |column| column.len());
        self.inputs.resize_with(columns.len(), Vec::new);
        for (input, column) in self.inputs.iter_mut().zip(columns) {
            input.clear();
            input.extend_from_slice(column);
        }
    }

    /// Computes every instruction.
    pub(super) fn run(&mut self, tape: &Tape) {
        self.values.resize_with(tape.code.len(), Vec::new);
        let mut numbers = [[0.0; BLOCK]; 3];
        for (place, instruction) in tape.code.iter().enumerate() {
            let mut result = std::mem::take(&mut self.values[place]);
            result.clear();
            let [mut a, mut b, mut c] = [&[][..]; 3];
            for ((operand, arg), numbers) in
                [&mut a, &mut b, &mut c].into_iter().zip(instruction.args).zip(&mut numbers)
            {
                *operand = match arg {
                    Arg::Value(k) => &self.values[k as usize],
                    Arg::Input(k) => &self.inputs[k as usize],
                    Arg::Number(bits) => {
                        numbers[..self.count].fill(f64::from_bits(bits));
                        &numbers[..self.count]
                    }
                };
            }
            result.extend(a.iter().zip(b).zip(c).map(|((a, b), c)| instruction.op.apply([*a, *b, *c])));
            self.values[place] = result;
        }
    }

    /// Writes the numbers of an operand or output, one per point.
    pub(super) fn copy(&self, arg: Arg, into: &mut [f64]) {
        match arg {
            Arg::Value(k) => into.copy_from_slice(&self.values[k as usize]),
            Arg::Input(k) => into.copy_from_slice(&self.inputs[k as usize]),
            Arg::Number(bits) => into.fill(f64::from_bits(bits)),
        }
    }
}

/// The tape's outputs at one point; the simplest door, for a handful of points.
pub fn at(tape: &Tape, point: &[f64]) -> Vec<f64> {
    let mut sheet = Sheet { inputs: point.iter().map(|v| vec![*v]).collect(), values: Vec::new(), count: 1 };
    sheet.run(tape);
    let value = |output: &Arg| {
        let mut value = [0.0];
        sheet.copy(*output, &mut value);
        value[0]
    };
    tape.outputs.iter().map(value).collect()
}
