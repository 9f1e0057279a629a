//! The inner loop's instructions as the few that a processor has: arithmetic, fused products, a test with a choice.
//!
//! Flows in: a [`Plan`] of a descent. Flows out: [`Program`], in static single assignment. The lowering follows the
//! text of each row's kernel operation by operation, so that zeros, infinities and NaN come out the same. `None`
//! where the inner loop has an operation that is more than a handful of instructions.
//!
//! Who should not use it: anyone but `native`.

use super::super::plan::{Place, Plan, Step};
use crate::op::{Op, ops};
use crate::real::Precision;
use std::collections::HashMap;

/// What an instruction reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operand {
    /// The result of an instruction, or an input: the inputs are the first values.
    Value(usize),
    /// One number for all lanes.
    Number(Number),
}

/// One number for all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Number {
    /// Of the step: a row block of the plan.
    Row(usize),
    /// Of the code.
    Constant(Constant),
}

/// Numbers that the lowering itself needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Constant {
    Zero,
    One,
    MinusOne,
    /// The sign bit alone: -0.
    Sign,
    /// All bits but the sign: a NaN that is never calculated with.
    Magnitude,
}

impl Constant {
    /// In the order of their numbers.
    pub(super) const ALL: [Constant; 5] =
        [Constant::Zero, Constant::One, Constant::MinusOne, Constant::Sign, Constant::Magnitude];

    /// The number, by its bits in this format.
    pub(super) fn bits(self, precision: Precision) -> u64 {
        let number = match self {
            Constant::Zero => 0.0f64,
            Constant::One => 1.0,
            Constant::MinusOne => -1.0,
            Constant::Sign => -0.0,
            Constant::Magnitude => return if precision == Precision::F32 { 0x7fff_ffff } else { u64::MAX >> 1 },
        };
        if precision == Precision::F32 { u64::from((number as f32).to_bits()) } else { number.to_bits() }
    }
}

/// A condition between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    /// Also where either is NaN.
    Unequal,
    /// Either is NaN.
    Unordered,
}

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Subtract,
    Multiply,
    Divide,
    And,
    Xor,
    SquareRoot,
    /// To an integer: 0 nearest, 1 down, 2 up, as the processor counts.
    Round(u32),
    /// a b + c.
    MultiplyAdd,
    /// a b - c.
    MultiplySubtract,
    /// c - a b.
    NegatedMultiplyAdd,
    /// c if the test holds of a and b, else d.
    Choose(Test),
}

/// `out = kind(operands)`.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub(super) kind: Kind,
    pub(super) out: usize,
    pub(super) operands: Vec<Operand>,
}

/// One step: values 0 to `inputs` are the state, `outputs` the next.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) inputs: usize,
    pub(super) values: usize,
    pub(super) code: Vec<Instruction>,
    pub(super) outputs: Vec<Operand>,
}

impl Program {
    /// The inner loop of `plan`, if it consists of primitive operations.
    pub(super) fn lower(plan: &Plan) -> Option<Program> {
        let inputs = plan.outputs.len();
        let mut lowering = Lowering {
            program: Program { inputs, values: inputs, code: Vec::new(), outputs: Vec::new() },
            places: HashMap::new(),
        };
        for step in &plan.point_code {
            lowering.step(step)?;
        }
        let outputs: Option<Vec<Operand>> = plan.outputs.iter().map(|place| lowering.operand(*place)).collect();
        lowering.program.outputs = outputs?;
        Some(lowering.program)
    }
}

struct Lowering {
    program: Program,
    /// What lies in each place now: the plan uses a register again when its number is dead.
    places: HashMap<Place, Operand>,
}

const fn constant(which: Constant) -> Operand {
    Operand::Number(Number::Constant(which))
}

const ZERO: Operand = constant(Constant::Zero);
const ONE: Operand = constant(Constant::One);

impl Lowering {
    fn operand(&self, place: Place) -> Option<Operand> {
        match place {
            Place::Row(k) => Some(Operand::Number(Number::Row(k))),
            Place::Input(k) => Some(Operand::Value(k)),
            Place::Column(_) => None,
            Place::Register(_) | Place::Output(_) => self.places.get(&place).copied(),
        }
    }

    fn push(&mut self, kind: Kind, operands: &[Operand]) -> Operand {
        let out = self.program.values;
        self.program.values += 1;
        self.program.code.push(Instruction { kind, out, operands: operands.to_vec() });
        Operand::Value(out)
    }

    /// `yes` where the test holds, else `no`: WGSL's select with its arguments the right way round.
    fn choose(&mut self, test: Test, a: Operand, b: Operand, yes: Operand, no: Operand) -> Operand {
        self.push(Kind::Choose(test), &[a, b, yes, no])
    }

    /// `a` where it is NaN, else `other`.
    fn keep_nan(&mut self, a: Operand, other: Operand) -> Operand {
        self.choose(Test::Unordered, a, a, a, other)
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        let mut operands = [ZERO; 3];
        for (operand, place) in operands.iter_mut().zip(step.operands) {
            *operand = self.operand(place)?;
        }
        let arithmetic = arithmetic(step.op);
        let out = match arithmetic {
            Some(kind) => self.push(kind, &operands[..step.op.arity]),
            None => self.piecewise(step.op, operands)?,
        };
        self.places.insert(step.out, out);
        Some(())
    }

    /// The operations that choose, in the words of their rows. What `is_true` asks of the bits is a comparison with 0
    /// here: there are no subnormals in a descent (`flush`).
    fn piecewise(&mut self, op: Op, [a, b, c]: [Operand; 3]) -> Option<Operand> {
        if let Some(test) = comparison(op) {
            return Some(self.choose(test, a, b, ONE, ZERO));
        }
        Some(match op {
            _ if op == ops::NEG => self.push(Kind::Xor, &[a, constant(Constant::Sign)]),
            _ if op == ops::ABS => self.push(Kind::And, &[a, constant(Constant::Magnitude)]),
            _ if op == ops::FRACT => {
                let floor = self.push(Kind::Round(1), &[a]);
                self.push(Kind::Subtract, &[a, floor])
            }
            _ if op == ops::NOT => self.choose(Test::Equal, a, ZERO, ONE, ZERO),
            _ if op == ops::AND => {
                let second = self.choose(Test::Unequal, b, ZERO, ONE, ZERO);
                self.choose(Test::Unequal, a, ZERO, second, ZERO)
            }
            _ if op == ops::OR => {
                let second = self.choose(Test::Unequal, b, ZERO, ONE, ZERO);
                self.choose(Test::Unequal, a, ZERO, ONE, second)
            }
            _ if op == ops::IF => self.choose(Test::Unequal, a, ZERO, b, c),
            _ if op == ops::STEP => self.choose(Test::GreaterOrEqual, a, ZERO, ONE, ZERO),
            _ if op == ops::SIGN => {
                let positive = self.choose(Test::Greater, a, ZERO, ONE, ZERO);
                let sign = self.choose(Test::Less, a, ZERO, constant(Constant::MinusOne), positive);
                self.keep_nan(a, sign)
            }
            _ if op == ops::MIN || op == ops::MAX => {
                let test = if op == ops::MIN { Test::LessOrEqual } else { Test::GreaterOrEqual };
                let extreme = self.choose(test, a, b, a, b);
                self.keep_nan(a, extreme)
            }
            _ if op == ops::RELU => {
                let positive = self.choose(Test::Greater, a, ZERO, a, ZERO);
                self.keep_nan(a, positive)
            }
            _ if op == ops::CLAMP => {
                let low = self.choose(Test::Less, a, b, b, a);
                let clamped = self.choose(Test::Greater, low, c, c, low);
                self.keep_nan(a, clamped)
            }
            _ => return None,
        })
    }
}

/// The operations that are one instruction.
fn arithmetic(op: Op) -> Option<Kind> {
    let table = [
        (ops::ADD, Kind::Add),
        (ops::SUB, Kind::Subtract),
        (ops::MUL, Kind::Multiply),
        (ops::DIV, Kind::Divide),
        (ops::FMA, Kind::MultiplyAdd),
        (ops::FMS, Kind::MultiplySubtract),
        (ops::FNMA, Kind::NegatedMultiplyAdd),
        (ops::SQRT, Kind::SquareRoot),
        (ops::ROUND, Kind::Round(0)),
        (ops::FLOOR, Kind::Round(1)),
        (ops::CEIL, Kind::Round(2)),
    ];
    table.into_iter().find(|(known, _)| *known == op).map(|(_, found)| found)
}

fn comparison(op: Op) -> Option<Test> {
    let table = [
        (ops::LT, Test::Less),
        (ops::LE, Test::LessOrEqual),
        (ops::GT, Test::Greater),
        (ops::GE, Test::GreaterOrEqual),
        (ops::EQ, Test::Equal),
        (ops::NE, Test::Unequal),
    ];
    table.into_iter().find(|(known, _)| *known == op).map(|(_, found)| found)
}
