//! Quotients by the units that multiply and add, where a processor's one divider is what a loop waits for.
//!
//! Flows in: a [`Program`]. Flows out: the same with some of its quotients in other instructions, the same bits, so many
//! that the divider and the other units are done at the same time. Both numbers are taken apart with an instruction each
//! for the mantissa and the exponent, which know zeros, infinities and NaN, so that nothing can leave the range on the
//! way and no case needs a branch.
//!
//! A mantissa's reciprocal begins with the processor's estimate (2^-14 off at most, and no more is asked of it), and two
//! Newton steps round it correctly (one of 2^23, whose significand is all ones, would come out too small, so the smallest
//! possible reciprocal is a lower bound). A quotient with it is at most 1.5 units in the last place off, and its remainder
//! times the reciprocal rounds it correctly: P. Markstein, "Computation of elementary functions on the IBM RISC
//! System/6000 processor", 1990. That theorem asks for a first quotient at most one unit off; the test `quotients` goes
//! through all pairs so near to the middle of two numbers that 1.5 could matter.
//!
//! Who should not use it: anyone but `steps`: a quotient that is subnormal is zero here, as in a descent.

use super::codes::Machine;
use super::program::{Instruction, Kind, Number, Operand, Program};

/// The smallest reciprocal of a number below 2: that of the largest.
const LEAST: f32 = 0.5 + f32::EPSILON / 2.0;

/// Takes quotients off the divider until it is no longer what all wait for.
pub(super) fn relieve(program: &mut Program, machine: Machine) {
    if !machine.wide || machine.double {
        return;
    }
    let quotients = program.code.iter().filter(|instruction| instruction.kind == Kind::Divide).count();
    let moved = surplus(program).min(quotients);
    if moved == 0 {
        return;
    }
    let constants = [1.0f32, LEAST].map(|number| program.constant(u64::from(number.to_bits())));
    let mut seen = 0;
    for instruction in std::mem::take(&mut program.code) {
        // Evenly: the divider works on those between.
        let here = instruction.kind == Kind::Divide && {
            seen += 1;
            seen * moved / quotients > (seen - 1) * moved / quotients
        };
        if here {
            Quotient { program, one: constants[0], least: constants[1] }.replace(&instruction);
        } else {
            program.code.push(instruction);
        }
    }
}

/// Quotients that the divider is behind the other units.
fn surplus(program: &Program) -> usize {
    let [divider, others] = program.occupied();
    let [gained, paid] = {
        let mut alone = Program { inputs: 2, values: 2, code: Vec::new(), outputs: Vec::new(), constants: Vec::new() };
        let quotient = Instruction { kind: Kind::Divide, out: 2, operands: vec![Operand::Value(0), Operand::Value(1)] };
        let number = Operand::Number(Number::Constant(0));
        Quotient { program: &mut alone, one: number, least: number }.replace(&quotient);
        [Kind::Divide.cycles().1, alone.occupied()[1]]
    };
    divider.saturating_sub(others) / (gained + paid)
}

/// What makes a quotient's instructions.
struct Quotient<'a> {
    program: &'a mut Program,
    one: Operand,
    least: Operand,
}

impl Quotient<'_> {
    fn push(&mut self, kind: Kind, operands: &[Operand]) -> Operand {
        let out = self.program.values;
        self.program.values += 1;
        self.program.code.push(Instruction { kind, out, operands: operands.to_vec() });
        Operand::Value(out)
    }

    fn replace(mut self, quotient: &Instruction) {
        let (a, b) = (quotient.operands[0], quotient.operands[1]);
        let [top, bottom] = [a, b].map(|number| self.push(Kind::Mantissa, &[number]));
        let estimate = self.push(Kind::Reciprocal, &[bottom]);
        let error = self.push(Kind::NegatedMultiplyAdd, &[bottom, estimate, self.one]);
        let better = self.push(Kind::MultiplyAdd, &[estimate, error, estimate]);
        let better = self.push(Kind::LargerMagnitude, &[better, self.least]);
        let error = self.push(Kind::NegatedMultiplyAdd, &[bottom, better, self.one]);
        let reciprocal = self.push(Kind::MultiplyAdd, &[better, error, better]);
        let first = self.push(Kind::Multiply, &[top, reciprocal]);
        let remainder = self.push(Kind::NegatedMultiplyAdd, &[bottom, first, top]);
        let rounded = self.push(Kind::MultiplyAdd, &[remainder, reciprocal, first]);
        let [above, below] = [a, b].map(|number| self.push(Kind::Exponent, &[number]));
        let exponent = self.push(Kind::Subtract, &[above, below]);
        self.program.code.push(Instruction { kind: Kind::Scale, out: quotient.out, operands: vec![rounded, exponent] });
    }
}
