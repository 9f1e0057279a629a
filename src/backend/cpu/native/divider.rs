//! Roots and quotients by the units that multiply and add, where a processor's one divider is what a loop waits for.
//!
//! Flows in: a [`Program`]. Flows out: the same with some of its roots, then of its quotients, in other instructions, the
//! same bits, so many that the divider and the other units are done at the same time. Numbers are taken apart with an
//! instruction each for the mantissa and the exponent, which know zeros, infinities and NaN, so that nothing can leave the
//! range on the way and no case needs a branch.
//!
//! A mantissa's reciprocal begins with the processor's estimate (2^-14 off at most, and no more is asked of it), and two
//! Newton steps round it correctly (one of 2^23, whose significand is all ones, would come out too small, so the smallest
//! possible reciprocal is a lower bound). A quotient with it is at most 1.5 units in the last place off, and its remainder
//! times the reciprocal rounds it correctly: P. Markstein, "Computation of elementary functions on the IBM RISC
//! System/6000 processor", 1990. That theorem asks for a first quotient at most one unit off; the test `divider` goes
//! through all pairs so near to the middle of two numbers that 1.5 could matter.
//!
//! A root begins with the estimate of the reciprocal root; one step (Goldschmidt's) betters the root and half its
//! reciprocal, and what the root's square leaves of the mantissa, times that half, rounds it correctly (Markstein, the
//! same). The test goes through all significands.
//!
//! Who should not use it: anyone but `steps`: a quotient that is subnormal is zero here, as in a descent.

use super::codes::Machine;
use super::program::{Instruction, Kind, Mantissa, Operand, Program};

/// The smallest reciprocal of a number below 2: that of the largest.
const LEAST: f32 = 0.5 + f32::EPSILON / 2.0;
/// More than any exponent: a power of two so large makes infinity of a mantissa, and keeps NaN, which infinity does not.
const BEYOND: f32 = 255.0;

/// Takes roots and quotients off the divider until it is no longer what all wait for.
pub(super) fn relieve(program: &mut Program, machine: Machine) {
    if !machine.wide || machine.double {
        return;
    }
    for kind in [Kind::SquareRoot, Kind::Divide] {
        let count = program.code.iter().filter(|instruction| instruction.kind == kind).count();
        let moved = surplus(program, kind).min(count);
        let mut seen = 0;
        for instruction in std::mem::take(&mut program.code) {
            // Evenly: the divider works on those between.
            let here = instruction.kind == kind && {
                seen += 1;
                seen * moved / count > (seen - 1) * moved / count
            };
            if here {
                replace(program, &instruction);
            } else {
                program.code.push(instruction);
            }
        }
    }
}

/// Operations of a kind that the divider is behind the other units.
fn surplus(program: &Program, kind: Kind) -> usize {
    let [divider, others] = program.occupied();
    let mut alone = Program { inputs: 2, values: 3, code: Vec::new(), outputs: Vec::new(), constants: Vec::new() };
    replace(&mut alone, &Instruction { kind, out: 2, operands: vec![Operand::Value(0), Operand::Value(1)] });
    divider.saturating_sub(others) / (kind.cycles().1 + alone.occupied()[1])
}

/// Ends a program with what another instruction does.
fn replace(program: &mut Program, instruction: &Instruction) {
    let out = instruction.out;
    let operands = match (instruction.kind, &instruction.operands[..]) {
        (Kind::Divide, [a, b]) => quotient(program, *a, *b),
        (_, operands) => root(program, operands[0]),
    };
    program.code.push(Instruction { kind: Kind::Scale, out, operands: operands.to_vec() });
}

fn push(program: &mut Program, kind: Kind, operands: &[Operand]) -> Operand {
    let out = program.values;
    program.values += 1;
    program.code.push(Instruction { kind, out, operands: operands.to_vec() });
    Operand::Value(out)
}

fn number(program: &mut Program, number: f32) -> Operand {
    program.constant(u64::from(number.to_bits()))
}

/// The mantissa and the exponent of a / b.
fn quotient(program: &mut Program, a: Operand, b: Operand) -> [Operand; 2] {
    let [one, least] = [1.0, LEAST].map(|constant| number(program, constant));
    let [top, bottom] = [a, b].map(|number| push(program, Kind::Mantissa(Mantissa::Whole), &[number]));
    let estimate = push(program, Kind::Reciprocal, &[bottom]);
    let error = push(program, Kind::NegatedMultiplyAdd, &[bottom, estimate, one]);
    let better = push(program, Kind::MultiplyAdd, &[estimate, error, estimate]);
    let better = push(program, Kind::LargerMagnitude, &[better, least]);
    let error = push(program, Kind::NegatedMultiplyAdd, &[bottom, better, one]);
    let reciprocal = push(program, Kind::MultiplyAdd, &[better, error, better]);
    let first = push(program, Kind::Multiply, &[top, reciprocal]);
    let remainder = push(program, Kind::NegatedMultiplyAdd, &[bottom, first, top]);
    let rounded = push(program, Kind::MultiplyAdd, &[remainder, reciprocal, first]);
    let [above, below] = [a, b].map(|number| push(program, Kind::Exponent, &[number]));
    [rounded, push(program, Kind::Subtract, &[above, below])]
}

/// The mantissa of the root of a and, but for its fraction, which `Scale` leaves out, its exponent.
fn root(program: &mut Program, a: Operand) -> [Operand; 2] {
    let [half, beyond] = [0.5, BEYOND].map(|constant| number(program, constant));
    let signed = push(program, Kind::Mantissa(Mantissa::Square), &[a]);
    let magnitude = push(program, Kind::Mantissa(Mantissa::SquareMagnitude), &[a]);
    let estimate = push(program, Kind::ReciprocalRoot, &[magnitude]);
    let first = push(program, Kind::Multiply, &[signed, estimate]);
    let other = push(program, Kind::Multiply, &[estimate, half]);
    let error = push(program, Kind::NegatedMultiplyAdd, &[first, other, half]);
    let better = push(program, Kind::MultiplyAdd, &[first, error, first]);
    let other = push(program, Kind::MultiplyAdd, &[other, error, other]);
    let remainder = push(program, Kind::NegatedMultiplyAdd, &[better, better, signed]);
    let rounded = push(program, Kind::MultiplyAdd, &[remainder, other, better]);
    let exponent = push(program, Kind::Exponent, &[a]);
    let exponent = push(program, Kind::MultiplyAdd, &[exponent, half, half]);
    [rounded, push(program, Kind::Minimum, &[exponent, beyond])]
}
