//! A program: an inner loop as the few operations that a processor has, each number made once.
//!
//! Arithmetic, fused products, bits, tests, choices, in static single assignment. Flows in: instructions, as `lower` finds
//! them. Flows out: [`Program`], and what is known of it: how long an operation takes, what one of constants comes to.
//!
//! Who should not use it: anyone but `native`.

use crate::real::Precision;
use std::sync::LazyLock;

/// What an instruction reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Operand {
    /// The result of an instruction, or an input: the inputs are the first values.
    Value(usize),
    /// One number for all lanes.
    Number(Number),
}

/// One number for all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Number {
    /// Of the row or step: a row block of the plan.
    Row(usize),
    /// Of the code: its place among the program's constants.
    Constant(usize),
}

/// A condition between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Test {
    Less,
    LessOrEqual,
    Equal,
    /// Also where either is NaN.
    Unequal,
    /// Either is NaN.
    Unordered,
    /// Not less: also where either is NaN.
    NotLess,
    /// Neither less nor equal: also where either is NaN.
    NotLessOrEqual,
    /// Neither is NaN.
    Ordered,
}

impl Test {
    /// What holds where it does not.
    pub(super) fn negated(self) -> Test {
        match self {
            Test::Less => Test::NotLess,
            Test::LessOrEqual => Test::NotLessOrEqual,
            Test::Equal => Test::Unequal,
            Test::Unequal => Test::Equal,
            Test::Unordered => Test::Ordered,
            Test::NotLess => Test::Less,
            Test::NotLessOrEqual => Test::LessOrEqual,
            Test::Ordered => Test::Unordered,
        }
    }
}

/// Which of a number's mantissas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mantissa {
    /// Between 1 and 2, or -2 and -1.
    Whole,
    /// Between 1/2 and 2, by a power of four; NaN of a negative number, -1 of -0.
    Square,
    /// The same without the sign.
    SquareMagnitude,
}

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// a where a < b, else b.
    Minimum,
    /// a where a > b, else b.
    Maximum,
    And,
    Or,
    Xor,
    /// Of the bits as integers.
    IntegerAdd,
    /// Of 64 bits, the product of the lower halves.
    IntegerMultiply,
    ShiftLeft(u32),
    ShiftRight(u32),
    SquareRoot,
    /// To an integer: 0 nearest, 1 down, 2 up, 3 towards 0, as the processor counts.
    Round(u32),
    /// a b + c.
    MultiplyAdd,
    /// a b - c.
    MultiplySubtract,
    /// c - a b.
    NegatedMultiplyAdd,
    /// -a b - c.
    NegatedMultiplySubtract,
    /// A condition.
    Compare(Test),
    /// The same, and a further condition: the third operand.
    CompareWhere(Test),
    /// A condition of the bits as integers.
    IntegerEqual,
    /// The same, with a sign.
    IntegerGreater,
    /// Of conditions.
    Both,
    Either,
    OneOf,
    /// The second operand is all ones.
    Neither,
    /// b where the condition a holds, else c.
    Choose,
    /// What a power of two makes of a; 1 of zero and infinity.
    Mantissa(Mantissa),
    /// That power's exponent; -infinity of zero, infinity of infinity.
    Exponent,
    /// 1/a, 2^-14 off at most.
    Reciprocal,
    /// 1/sqrt(a), as exact.
    ReciprocalRoot,
    /// a 2^b, b rounded down.
    Scale,
    /// The larger magnitude of a and b, with the sign of a.
    LargerMagnitude,
}

impl Kind {
    /// Whether the result is a condition.
    pub(super) fn is_condition(self) -> bool {
        matches!(
            self,
            Kind::Compare(_)
                | Kind::CompareWhere(_)
                | Kind::IntegerEqual
                | Kind::IntegerGreater
                | Kind::Both
                | Kind::Either
                | Kind::OneOf
                | Kind::Neither
        )
    }

    /// Whether the divider does it: there is one.
    pub(super) fn divides(self) -> bool {
        matches!(self, Kind::Divide | Kind::SquareRoot)
    }

    /// How long a result takes, and for how many half cycles the units are taken, on processors with two of them and
    /// one that divides: rounded from Agner Fog's tables of instructions, AMD's divider as measured on family 26 (2.5 and
    /// 4.5 cycles for 16 numbers in f32; Intel's takes 10 and 12).
    pub(super) fn cycles(self) -> (usize, usize) {
        match self {
            Kind::Divide if divides_quickly() => (11, 5),
            Kind::SquareRoot if divides_quickly() => (15, 9),
            Kind::Divide => (16, 20),
            Kind::SquareRoot => (20, 24),
            Kind::Round(_) => (8, 4),
            Kind::And | Kind::Or | Kind::Xor | Kind::IntegerAdd | Kind::ShiftLeft(_) | Kind::ShiftRight(_) => (1, 1),
            Kind::Choose => (2, 1),
            Kind::Reciprocal | Kind::ReciprocalRoot => (7, 4),
            Kind::Scale => (6, 2),
            _ => (4, 1),
        }
    }

    /// What an operation of arithmetic gives for two constants by their bits, rounded as the processor does it.
    pub(super) fn of_constants(self, [a, b]: [u64; 2], precision: Precision) -> Option<u64> {
        match precision {
            Precision::F32 => {
                let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
                Some(u64::from(arithmetic(self, [a, b], [a + b, a - b, a * b, a / b])?.to_bits()))
            }
            Precision::F64 => {
                let (a, b) = (f64::from_bits(a), f64::from_bits(b));
                Some(arithmetic(self, [a, b], [a + b, a - b, a * b, a / b])?.to_bits())
            }
        }
    }

    /// Whether its two operands can change places.
    pub(super) fn commutes(self) -> bool {
        use Kind::{Add, And, Both, Either, IntegerAdd, IntegerEqual, IntegerMultiply, Multiply, OneOf, Or, Xor};
        matches!(
            self,
            Add | Multiply | And | Or | Xor | IntegerAdd | IntegerMultiply | IntegerEqual | Both | Either | OneOf
        )
    }
}

/// Whether the processor is AMD's.
fn divides_quickly() -> bool {
    static AMD: LazyLock<bool> = LazyLock::new(|| {
        #[allow(unused_unsafe, reason = "safe or not by the compiler's version")]
        // SAFETY: every x86-64 processor has this instruction.
        let vendor = unsafe { std::arch::x86_64::__cpuid(0) };
        [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD"
    });
    *AMD
}

/// `out = kind(operands)`.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub(super) kind: Kind,
    pub(super) out: usize,
    pub(super) operands: Vec<Operand>,
}

/// What is done with the inputs, the first values: the next state in a descent, a row's results on a grid.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) inputs: usize,
    pub(super) values: usize,
    pub(super) code: Vec<Instruction>,
    pub(super) outputs: Vec<Operand>,
    /// By their bits.
    pub(super) constants: Vec<u64>,
}

impl Program {
    /// When each value is there, were there units for all.
    pub(super) fn ready(&self) -> Vec<usize> {
        let mut ready = vec![0; self.values];
        for instruction in &self.code {
            let operands = instruction.operands.iter().filter_map(|operand| match operand {
                Operand::Value(value) => Some(ready[*value]),
                Operand::Number(_) => None,
            });
            ready[instruction.out] = operands.max().unwrap_or(0) + instruction.kind.cycles().0;
        }
        ready
    }

    /// How many half cycles the longest chain of instructions takes, and all of them were their operands there.
    pub(super) fn chain_and_work(&self) -> (usize, usize) {
        let work = self.code.iter().map(|instruction| instruction.kind.cycles().1).sum();
        (2 * self.ready().into_iter().max().unwrap_or(0), work)
    }

    /// Whether the longest chain takes longer than all the work.
    pub(super) fn waits(&self) -> bool {
        let (chain, work) = self.chain_and_work();
        chain > work
    }

    /// A constant by its bits, which is there once.
    pub(super) fn constant(&mut self, bits: u64) -> Operand {
        let known = self.constants.iter().position(|known| *known == bits);
        Operand::Number(Number::Constant(known.unwrap_or_else(|| {
            self.constants.push(bits);
            self.constants.len() - 1
        })))
    }

    /// For how many half cycles the divider is taken, and the other units.
    pub(super) fn occupied(&self) -> [usize; 2] {
        [true, false].map(|divides| {
            let kinds = self.code.iter().map(|instruction| instruction.kind);
            kinds.filter(|kind| kind.divides() == divides).map(|kind| kind.cycles().1).sum()
        })
    }

    /// Puts what each output needs before it, output by output, and leaves out what none needs: a chain in a row, so that
    /// few numbers live at once.
    pub(super) fn order_by_output(&mut self) {
        let mut maker = vec![None; self.values];
        self.code.iter().enumerate().for_each(|(k, instruction)| maker[instruction.out] = Some(k));
        let mut seen = vec![false; self.code.len()];
        let mut order = Vec::with_capacity(self.code.len());
        let mut stack: Vec<(Operand, bool)> = self.outputs.iter().rev().map(|output| (*output, false)).collect();
        while let Some((operand, complete)) = stack.pop() {
            let Operand::Value(value) = operand else { continue };
            match maker[value] {
                Some(k) if complete => order.push(self.code[k].clone()),
                Some(k) if !seen[k] => {
                    seen[k] = true;
                    stack.push((operand, true));
                    stack.extend(self.code[k].operands.iter().rev().map(|operand| (*operand, false)));
                }
                _ => {}
            }
        }
        self.code = order;
    }
}

/// One of the results; nothing where a rounding mode or a NaN would decide.
fn arithmetic<T: Copy + PartialOrd>(kind: Kind, operands: [T; 2], results: [T; 4]) -> Option<T> {
    let place = match kind {
        Kind::Add => 0,
        Kind::Subtract => 1,
        Kind::Multiply => 2,
        Kind::Divide => 3,
        _ => return None,
    };
    let is_number = |x: &T| x.partial_cmp(x).is_some();
    operands.iter().chain(&results[place..=place]).all(is_number).then_some(results[place])
}
