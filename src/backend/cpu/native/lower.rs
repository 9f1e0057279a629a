//! A plan's inner loop taken apart: from the text of its rows' kernels to the few operations that a processor has.
//!
//! Flows in: a [`Plan`], and the text of each row's kernel. Flows out: a [`Program`]: what two kernels have in common (the
//! range reduction of a sine and a cosine of the same argument) is there once. Zeros, infinities and all other numbers
//! come out as in the loops that the compiler makes of the same text. `None` where a text says something that is not
//! known here.
//!
//! Who should not use it: anyone but `native`.

use super::super::plan::{Place, Plan, Step};
use super::program::{Instruction, Kind, Number, Operand, Program, Test};
use super::text::{Expr, Infix, Library, expression};
use crate::op::Op;
use crate::real::Precision;
use std::collections::HashMap;

/// The inner loop of `plan`. Inputs are the varying inputs of a descent, or the column blocks of a grid.
pub(super) fn lower(plan: &Plan, inputs: usize, precision: Precision) -> Option<Program> {
    let mut lowering = Lowering {
        program: Program { inputs, values: inputs, code: Vec::new(), outputs: Vec::new(), constants: Vec::new() },
        precision,
        places: HashMap::new(),
        known: HashMap::new(),
    };
    for step in &plan.point_code {
        lowering.step(step)?;
    }
    let outputs: Option<Vec<Operand>> = plan.outputs.iter().map(|place| lowering.operand(*place)).collect();
    lowering.program.outputs = outputs?;
    lowering.program.order_by_output();
    Some(lowering.program)
}

/// What an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Real,
    Bits,
    Truth,
    /// A condition that holds always, or never; its operand means nothing.
    Fixed(bool),
}

type Typed = (Type, Operand);

struct Lowering {
    program: Program,
    precision: Precision,
    /// What lies in each place now: the plan uses a register again when its number is dead.
    places: HashMap<Place, Operand>,
    /// What has been computed.
    known: HashMap<(Kind, Vec<Operand>), Operand>,
}

impl Lowering {
    fn operand(&self, place: Place) -> Option<Operand> {
        match place {
            Place::Row(k) => Some(Operand::Number(Number::Row(k))),
            Place::Input(k) | Place::Column(k) => Some(Operand::Value(k)),
            Place::Register(_) | Place::Output(_) => self.places.get(&place).copied(),
        }
    }

    /// The result of one operation of the tape.
    fn step(&mut self, step: &Step) -> Option<()> {
        let mut names = HashMap::new();
        for (name, place) in ["a", "b", "c"].into_iter().zip(step.operands).take(step.op.arity) {
            names.insert(name, (Type::Real, self.operand(place)?));
        }
        let out = self.kernel(step.op, &names)?;
        self.places.insert(step.out, out);
        Some(())
    }

    fn kernel(&mut self, op: Op, names: &HashMap<&str, Typed>) -> Option<Operand> {
        let text = expression(op.wgsl)?;
        match self.eval(&text, names)? {
            (Type::Real, out) => Some(out),
            _ => None,
        }
    }

    // ---- the text ----------------------------------------------------------

    fn eval(&mut self, expr: &Expr, names: &HashMap<&str, Typed>) -> Option<Typed> {
        match expr {
            Expr::Real(text) => Some((Type::Real, self.real(text)?)),
            Expr::Bits(bits) => Some((Type::Bits, self.constant(*bits))),
            Expr::Name(name) => match (names.get(name.as_str()), name.as_str()) {
                (Some(value), _) => Some(*value),
                (None, "true" | "false") => Some((Type::Fixed(name == "true"), self.constant(0))),
                (None, name) => self.eval(Library::of(self.precision).constants.get(name)?, &HashMap::new()),
            },
            Expr::Negate(inner) => match self.eval(inner, names)? {
                (Type::Real, a) => Some((Type::Real, self.negate(a))),
                _ => None,
            },
            Expr::Not(inner) => match self.eval(inner, names)? {
                (Type::Truth, a) => Some((Type::Truth, self.not(a))),
                (Type::Fixed(known), a) => Some((Type::Fixed(!known), a)),
                _ => None,
            },
            Expr::Binary(infix, left, right) => {
                let (left, right) = (self.eval(left, names)?, self.eval(right, names)?);
                self.infix(*infix, left, right)
            }
            Expr::Call(name, arguments) => {
                let values: Option<Vec<Typed>> = arguments.iter().map(|value| self.eval(value, names)).collect();
                self.call(name, &values?)
            }
        }
    }

    /// A function that the processor has, or one of the library, in place.
    fn call(&mut self, name: &str, values: &[Typed]) -> Option<Typed> {
        use Type::{Bits, Real, Truth};
        let real = |out| Some((Real, out));
        match (name, values) {
            ("fma", [(Real, a), (Real, b), (Real, c)]) => real(self.fma([*a, *b, *c])),
            ("sqrt", [(Real, a)]) => real(self.push(Kind::SquareRoot, &[*a])),
            ("round", [(Real, a)]) => real(self.push(Kind::Round(0), &[*a])),
            ("floor", [(Real, a)]) => real(self.push(Kind::Round(1), &[*a])),
            ("ceil", [(Real, a)]) => real(self.push(Kind::Round(2), &[*a])),
            ("trunc", [(Real, a)]) => real(self.push(Kind::Round(3), &[*a])),
            ("abs", [(Real, a)]) => {
                let magnitude = self.constant(self.sign() - 1);
                real(self.push(Kind::And, &[*a, magnitude]))
            }
            ("min", [(Real, a), (Real, b)]) => real(self.push(Kind::Minimum, &[*b, *a])),
            ("max", [(Real, a), (Real, b)]) => real(self.push(Kind::Maximum, &[*b, *a])),
            ("fused", []) => Some((Type::Fixed(true), self.constant(0))),
            ("veil", [(Real, a)]) | ("from_bits", [(Bits, a)]) => real(*a),
            ("to_bits", [(Real, a)]) => Some((Bits, *a)),
            ("add_bits", [(Bits, a), (Bits, b)]) => Some((Bits, self.push(Kind::IntegerAdd, &[*a, *b]))),
            ("multiply_bits", [(Bits, a), (Bits, b)]) => Some((Bits, self.push(Kind::IntegerMultiply, &[*a, *b]))),
            ("is_nan", [(Real, a)]) => Some((Truth, self.push(Kind::Compare(Test::Unordered), &[*a, *a]))),
            ("select", [(kind, no), (same, yes), (Truth, condition)]) if kind == same && *kind != Truth => {
                Some((*kind, self.choose(*condition, *yes, *no)))
            }
            ("select", [no, yes, (Type::Fixed(known), _)]) => Some(if *known { *yes } else { *no }),
            _ => self.inline(name, values),
        }
    }

    fn inline(&mut self, name: &str, values: &[Typed]) -> Option<Typed> {
        let function = Library::of(self.precision).functions.get(name)?;
        if function.parameters.len() != values.len() {
            return None;
        }
        let mut names: HashMap<&str, Typed> =
            function.parameters.iter().map(String::as_str).zip(values.iter().copied()).collect();
        for (name, value) in &function.lets {
            let value = self.eval(value, &names)?;
            names.insert(name, value);
        }
        self.eval(&function.result, &names)
    }

    fn infix(&mut self, infix: Infix, (kind, a): Typed, (other, b): Typed) -> Option<Typed> {
        use Infix as I;
        match (kind, other) {
            (Type::Truth, Type::Fixed(known)) => return self.with_fixed(infix, a, known),
            (Type::Fixed(known), Type::Truth) => return self.with_fixed(infix, b, known),
            _ => {}
        }
        if kind != other {
            return None;
        }
        let operation = match (kind, infix) {
            (Type::Real, I::Add) => Kind::Add,
            (Type::Real, I::Subtract) => Kind::Subtract,
            (Type::Real, I::Multiply) => Kind::Multiply,
            (Type::Real, I::Divide) => Kind::Divide,
            (Type::Bits, I::Add) => Kind::IntegerAdd,
            (Type::Bits, I::And) => Kind::And,
            (Type::Bits, I::Or) => Kind::Or,
            (Type::Bits, I::Xor) => Kind::Xor,
            (Type::Bits, I::ShiftLeft | I::ShiftRight) => return Some((Type::Bits, self.shift(infix, a, b)?)),
            (Type::Truth, I::And) => return Some((Type::Truth, self.push(Kind::Both, &[a, b]))),
            (Type::Truth, I::Or) => return Some((Type::Truth, self.push(Kind::Either, &[a, b]))),
            (Type::Truth, I::Unequal) => return Some((Type::Truth, self.push(Kind::OneOf, &[a, b]))),
            (Type::Truth, I::Equal) => {
                let differ = self.push(Kind::OneOf, &[a, b]);
                return Some((Type::Truth, self.not(differ)));
            }
            (Type::Real | Type::Bits, _) => return Some((Type::Truth, self.compare(kind, infix, a, b)?)),
            (Type::Truth | Type::Fixed(_), _) => return None,
        };
        Some((kind, self.push(operation, &[a, b])))
    }

    /// A condition with one that is known.
    fn with_fixed(&mut self, infix: Infix, a: Operand, known: bool) -> Option<Typed> {
        Some(match (infix, known) {
            (Infix::And, true) | (Infix::Or | Infix::Unequal, false) | (Infix::Equal, true) => (Type::Truth, a),
            (Infix::And, false) | (Infix::Or, true) => (Type::Fixed(known), a),
            (Infix::Unequal, true) | (Infix::Equal, false) => (Type::Truth, self.not(a)),
            _ => return None,
        })
    }

    // ---- single operations -------------------------------------------------

    fn shift(&mut self, infix: Infix, a: Operand, by: Operand) -> Option<Operand> {
        let by = self.value_of(by)? as u32;
        let kind = if infix == Infix::ShiftLeft { Kind::ShiftLeft(by) } else { Kind::ShiftRight(by) };
        // There and back leaves the upper bits.
        if let (Kind::ShiftLeft(_), Some((Kind::ShiftRight(back), operands))) = (kind, self.made_by(a))
            && back == by
        {
            let all = if self.precision == Precision::F32 { u64::from(u32::MAX) } else { u64::MAX };
            let upper = self.constant(all >> by << by);
            return Some(self.push(Kind::And, &[operands[0], upper]));
        }
        Some(self.push(kind, &[a]))
    }

    fn compare(&mut self, kind: Type, infix: Infix, a: Operand, b: Operand) -> Option<Operand> {
        if let Some(condition) = self.truth_compared(kind, infix, a, b) {
            return Some(condition);
        }
        if kind == Type::Real {
            let (test, operands) = match infix {
                Infix::Less => (Test::Less, [a, b]),
                Infix::LessOrEqual => (Test::LessOrEqual, [a, b]),
                Infix::Greater => (Test::Less, [b, a]),
                Infix::GreaterOrEqual => (Test::LessOrEqual, [b, a]),
                Infix::Equal => (Test::Equal, [a, b]),
                Infix::Unequal => (Test::Unequal, [a, b]),
                _ => return None,
            };
            return Some(self.push(Kind::Compare(test), &operands));
        }
        match infix {
            Infix::Equal => Some(self.push(Kind::IntegerEqual, &[a, b])),
            Infix::Unequal => {
                let equal = self.push(Kind::IntegerEqual, &[a, b]);
                Some(self.not(equal))
            }
            // With a sign as without where both have none.
            Infix::Greater if self.has_no_sign(a) && self.has_no_sign(b) => {
                Some(self.push(Kind::IntegerGreater, &[a, b]))
            }
            Infix::GreaterOrEqual if self.has_no_sign(a) && self.has_no_sign(b) => {
                let less = self.value_of(b)?.checked_sub(1)?;
                let less = self.constant(less);
                Some(self.push(Kind::IntegerGreater, &[a, less]))
            }
            _ => None,
        }
    }

    /// The condition itself where a truth, which is 1 or 0 in the language, is asked whether it is zero: by its number,
    /// or by its bits without the sign.
    fn truth_compared(&mut self, kind: Type, infix: Infix, a: Operand, b: Operand) -> Option<Operand> {
        let (made, operands) = self.made_by(a)?;
        let truth = match (kind, made) {
            _ if self.value_of(b) != Some(0) => return None,
            (Type::Real, _) => (made, operands),
            (Type::Bits, Kind::ShiftLeft(1)) => self.made_by(operands[0])?,
            _ => return None,
        };
        let (Kind::Choose, [condition, yes, no]) = (truth.0, &truth.1[..]) else { return None };
        let one = if self.precision == Precision::F32 { u64::from(1f32.to_bits()) } else { 1f64.to_bits() };
        let holds = match (self.value_of(*yes), self.value_of(*no)) {
            (Some(yes), Some(0)) if yes == one => true,
            (Some(0), Some(no)) if no == one => false,
            _ => return None,
        };
        let unequal = match infix {
            Infix::Unequal => true,
            Infix::Equal => false,
            _ => return None,
        };
        Some(if holds == unequal { *condition } else { self.not(*condition) })
    }

    /// `yes` where the condition holds, else `no`.
    fn choose(&mut self, condition: Operand, yes: Operand, no: Operand) -> Operand {
        match self.made_by(condition) {
            Some((Kind::Neither, operands)) => self.push(Kind::Choose, &[operands[0], no, yes]),
            Some((Kind::Compare(Test::Less), operands)) if operands == [yes, no] => {
                self.push(Kind::Minimum, &[yes, no])
            }
            Some((Kind::Compare(Test::Less), operands)) if operands == [no, yes] => {
                self.push(Kind::Maximum, &[yes, no])
            }
            _ => self.push(Kind::Choose, &[condition, yes, no]),
        }
    }

    fn not(&mut self, condition: Operand) -> Operand {
        if let Some((Kind::Neither, operands)) = self.made_by(condition) {
            return operands[0];
        }
        let ones = self.constant(self.sign() | (self.sign() - 1));
        self.push(Kind::Neither, &[condition, ones])
    }

    fn negate(&mut self, a: Operand) -> Operand {
        let sign = self.constant(self.sign());
        match self.value_of(a) {
            Some(bits) => self.constant(bits ^ self.sign()),
            None => self.push(Kind::Xor, &[a, sign]),
        }
    }

    /// a b + c; the signs of negated operands go into the instruction.
    fn fma(&mut self, operands: [Operand; 3]) -> Operand {
        let [(a, first), (b, second), (c, subtract)] = operands.map(|operand| self.without_sign(operand));
        let kind = match (first != second, subtract) {
            (false, false) => Kind::MultiplyAdd,
            (false, true) => Kind::MultiplySubtract,
            (true, false) => Kind::NegatedMultiplyAdd,
            (true, true) => Kind::NegatedMultiplySubtract,
        };
        self.push(kind, &[a, b, c])
    }

    /// What is negated, and whether it is.
    fn without_sign(&mut self, operand: Operand) -> (Operand, bool) {
        let sign = self.constant(self.sign());
        match self.made_by(operand) {
            Some((Kind::Xor, operands)) if operands[0] == sign => (operands[1], true),
            Some((Kind::Xor, operands)) if operands[1] == sign => (operands[0], true),
            _ => (operand, false),
        }
    }

    /// The operation's result: the one that is there already, a constant, or a new one.
    fn push(&mut self, kind: Kind, operands: &[Operand]) -> Operand {
        let mut operands = operands.to_vec();
        if kind.commutes() {
            operands.sort();
        }
        if let Some(folded) = self.folded(kind, &operands) {
            return folded;
        }
        let out = self.program.values;
        let known = *self.known.entry((kind, operands.clone())).or_insert(Operand::Value(out));
        if known == Operand::Value(out) {
            self.program.values += 1;
            self.program.code.push(Instruction { kind, out, operands });
        }
        known
    }

    /// Arithmetic of constants.
    fn folded(&mut self, kind: Kind, operands: &[Operand]) -> Option<Operand> {
        let [a, b] = operands else { return None };
        let (a, b) = (self.value_of(*a)?, self.value_of(*b)?);
        let bits = kind.of_constants([a, b], self.precision)?;
        // A subnormal number is one in a grid and zero in a descent.
        let subnormal = bits & (self.sign() - 1) != 0 && bits & self.exponent() == 0;
        (!subnormal).then(|| self.constant(bits))
    }

    // ---- what is known -----------------------------------------------------

    /// The sign bit alone.
    fn sign(&self) -> u64 {
        if self.precision == Precision::F32 { 1 << 31 } else { 1 << 63 }
    }

    /// The bits of the exponent: infinity.
    fn exponent(&self) -> u64 {
        if self.precision == Precision::F32 { u64::from(f32::INFINITY.to_bits()) } else { f64::INFINITY.to_bits() }
    }

    fn real(&mut self, text: &str) -> Option<Operand> {
        let bits = match self.precision {
            Precision::F32 => u64::from(text.parse::<f32>().ok()?.to_bits()),
            Precision::F64 => text.parse::<f64>().ok()?.to_bits(),
        };
        Some(self.constant(bits))
    }

    fn constant(&mut self, bits: u64) -> Operand {
        self.program.constant(bits)
    }

    /// The bits of a constant.
    fn value_of(&self, operand: Operand) -> Option<u64> {
        match operand {
            Operand::Number(Number::Constant(place)) => Some(self.program.constants[place]),
            _ => None,
        }
    }

    /// The instruction behind a value.
    fn made_by(&self, operand: Operand) -> Option<(Kind, Vec<Operand>)> {
        let Operand::Value(value) = operand else { return None };
        let made = self.program.code.get(value.checked_sub(self.program.inputs)?)?;
        Some((made.kind, made.operands.clone()))
    }

    /// Whether the upper bit is surely 0.
    fn has_no_sign(&self, operand: Operand) -> bool {
        let plain = |operand: &Operand| self.value_of(*operand).is_some_and(|bits| bits & self.sign() == 0);
        plain(&operand) || matches!(self.made_by(operand), Some((Kind::And, operands)) if operands.iter().any(plain))
    }
}
