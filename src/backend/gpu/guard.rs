//! Which constants of a tape a shader must hide from the compiler.
//!
//! Flows in: a tape, a format. Flows out: for each instruction, which of its operands are constants to be veiled. A
//! WGSL compiler may reassociate, and Mesa's does: it gathers constants, `(x + c) + d` to `x + (c + d)`, and moves them
//! inwards, `(x - y) + c` to `(x + c) - y`, products alike. The bound reckons in the tape's order, in which
//! `(x - y) + 0.1` at x = y = 1e6 is 0.1; moved, it is 0.125. So a constant is veiled
//!
//! - in a sum, where it could be moved into a sum of what is not constant, or where the constants that could be
//!   gathered do not add exactly (`(x + 1) + 1e-9`; small whole and binary numbers do); likewise in `3 u + u (x - y)`,
//!   which becomes `u ((x - y) + 3)`;
//! - in a product, where the constants could leave the format's range when gathered (`(x 1e-30) 1e-30`), or are larger
//!   than `MOVED` or smaller than its inverse and could be moved into a product (`1e-30 (x y)`). Smaller ones may move;
//!   the bound keeps that distance from the ends of the format's range.
//!
//! A veil costs an `or`. Rearrangements without constants (`a b + a c` as `a (b + c)`), and of the product and the sum of a
//! fused multiply-add, leave errors within the bound.

use super::super::MOVED;
use crate::op::ops;
use crate::real::Precision;
use crate::tape::{Arg, Instruction, Tape};

/// For each instruction, its operands to be veiled.
pub(super) fn veiled(tape: &Tape, precision: Precision) -> Vec<[bool; 3]> {
    let mut known: Vec<Shape> = Vec::with_capacity(tape.code.len());
    let mut all: Vec<[bool; 3]> = Vec::with_capacity(tape.code.len());
    for (place, Instruction { op, args }) in tape.code.iter().enumerate() {
        let [a, b, c] = args.map(|arg| Shape::of(arg, &known, precision));
        let (shape, veil) = if [ops::ADD, ops::SUB].contains(op) {
            a.plus(b, precision)
        } else if *op == ops::MUL {
            a.times(b, precision)
        } else if *op == ops::DIV && b.number.is_some() {
            a.times(b.inverse(), precision)
        } else if op.is_fused() {
            let (product, veil) = a.times(b, precision);
            (Shape { several_terms: false, terms: Terms::default(), ..product.beside(c) }, veil)
        } else if *op == ops::NEG {
            (Shape { number: None, ..a }, None)
        } else {
            (Shape::of_kernel(op.wgsl), None)
        };
        all.push([0, 1, 2].map(|operand| veil == Some(operand)));
        if let Some((place, operand)) = beside_a_common_factor(tape, place, &known) {
            all[place][operand] = true;
        }
        known.push(shape);
    }
    all
}

/// The constant of `c u + u (a - b)`: with u put in front it would be moved into the sum.
fn beside_a_common_factor(tape: &Tape, place: usize, known: &[Shape]) -> Option<(usize, usize)> {
    let Instruction { op, args } = tape.code[place];
    let product = |arg: Arg| match arg {
        Arg::Value(k) if tape.code[k as usize].op == ops::MUL => Some((k as usize, tape.code[k as usize].args)),
        _ => None,
    };
    let (left, right) = if [ops::ADD, ops::SUB].contains(&op) {
        (product(args[0])?, product(args[1])?)
    } else if op.is_fused() {
        ((place, args), product(args[2])?)
    } else {
        return None;
    };
    let is_sum = |arg: Arg| matches!(arg, Arg::Value(k) if known[k as usize].several_terms);
    let constant = |(place, one): (usize, [Arg; 3]), other: [Arg; 3]| {
        let number = (0..2).find(|k| matches!(one[*k], Arg::Number(_)))?;
        let shared = (0..2).find(|k| other[*k] == one[1 - number])?;
        is_sum(other[1 - shared]).then_some((place, number))
    };
    constant(left, right.1).or_else(|| constant(right, left.1))
}

/// What a compiler can see of a value: whether constants can be moved into it, and which it could gather from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Shape {
    /// It is a constant.
    number: Option<f64>,
    /// It is a sum of two or more things that are not constant.
    several_terms: bool,
    terms: Terms,
    /// It is a product of such, or of a sum one that a common factor could be put in front of (`3 u + u d`).
    several_factors: bool,
    factors: Factors,
}

impl Shape {
    fn of(arg: Arg, known: &[Shape], precision: Precision) -> Shape {
        match arg {
            Arg::Value(k) => known[k as usize],
            Arg::Input(_) => Shape::default(),
            Arg::Number(bits) => Shape { number: Some(precision.round(f64::from_bits(bits))), ..Shape::default() },
        }
    }

    /// What is seen of an operation's kernel: a bare sum or product (`a - floor(a)`), or a call.
    fn of_kernel(text: &str) -> Shape {
        let mut depth = 0;
        let mut bare = text.chars().filter(|c| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0 && "+-*/".contains(*c)
        });
        let first = bare.next();
        let sum = first.is_some_and(|sign| "+-".contains(sign));
        Shape { several_terms: sum, several_factors: first.is_some(), ..Shape::default() }
    }

    /// The sum's shape, and which operand is to be veiled.
    fn plus(self, other: Shape, precision: Precision) -> (Shape, Option<usize>) {
        let (number, rest, place) = match (self.number, other.number) {
            (Some(number), _) => (number, other, 0),
            (_, Some(number)) => (number, self, 1),
            (None, None) => {
                return (Shape { several_terms: true, terms: Terms::default(), ..self.beside(other) }, None);
            }
        };
        let gathered = rest.terms.with(number);
        if rest.several_terms || !gathered.add_exactly(precision) {
            return (Shape { several_terms: true, ..rest }, Some(place));
        }
        (Shape { terms: gathered, ..rest }, None)
    }

    /// The product's shape, and which operand is to be veiled.
    fn times(self, other: Shape, precision: Precision) -> (Shape, Option<usize>) {
        let product = |several_factors, factors| Shape { several_factors, factors, ..Shape::default() };
        let (number, rest, place) = match (self.number, other.number) {
            (Some(number), _) => (number, other, 0),
            (_, Some(number)) => (number, self, 1),
            (None, None) => return (product(true, self.factors.and(other.factors)), None),
        };
        let gathered = rest.factors.and(Factors::of(number));
        let harmless = if rest.several_factors { gathered.may_move() } else { gathered.multiply_in_range(precision) };
        if harmless {
            return (product(rest.several_factors, gathered), None);
        }
        (product(true, rest.factors), Some(place))
    }

    /// The factors that may be in front of one of two summands.
    fn beside(self, other: Shape) -> Shape {
        let (a, b) = (self.factors, other.factors);
        let factors = Factors { small: a.small.min(b.small), large: a.large.max(b.large) };
        Shape { number: None, several_factors: self.several_factors || other.several_factors, factors, ..self }
    }

    /// 1/number.
    fn inverse(self) -> Shape {
        Shape { number: self.number.map(|number| 1.0 / number), ..self }
    }
}

/// Constant summands: the sum of their absolute values, and the exponent of the last bit that any of them has.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Terms {
    size: f64,
    grain: i32,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { size: 0.0, grain: i32::MAX }
    }
}

impl Terms {
    fn with(self, value: f64) -> Terms {
        if value == 0.0 || !value.is_finite() {
            return self;
        }
        let exponent = (value.to_bits() >> 52 & 0x7ff) as i32;
        let fraction = value.to_bits() << 12 >> 12 | if exponent == 0 { 0 } else { 1 << 52 };
        let grain = exponent.max(1) - 1075 + fraction.trailing_zeros() as i32;
        Terms { size: self.size + value.abs(), grain: self.grain.min(grain) }
    }

    /// Whether they add without rounding, in any order and with any signs.
    fn add_exactly(self, precision: Precision) -> bool {
        let digits = if precision == Precision::F32 { 24 } else { 53 };
        self.size == 0.0 || self.size.log2() <= f64::from(self.grain) + f64::from(digits)
    }
}

/// Constant factors: the binary logarithms of the product of the small ones, and of the large ones.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Factors {
    small: f64,
    large: f64,
}

impl Factors {
    fn of(value: f64) -> Factors {
        let logarithm = if value == 0.0 || !value.is_finite() { 0.0 } else { value.abs().log2() };
        Factors { small: logarithm.min(0.0), large: logarithm.max(0.0) }
    }

    fn and(self, other: Factors) -> Factors {
        Factors { small: self.small + other.small, large: self.large + other.large }
    }

    fn may_move(self) -> bool {
        self.small >= -MOVED.log2() && self.large <= MOVED.log2()
    }

    fn multiply_in_range(self, precision: Precision) -> bool {
        self.small >= precision.smallest_normal().log2() && self.large < precision.largest().log2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expression;
    use crate::field::tape_of;

    fn count(text: &str, precision: Precision) -> usize {
        let tape = tape_of(&Expression::parse(text).expect("it is in the language").value());
        veiled(&tape, precision).iter().flatten().filter(|veil| **veil).count()
    }

    #[test]
    fn only_constants_that_do_not_gather_are_veiled() {
        let plain = [
            "x^2 + 5x + 6",
            "(x + 1.5) - 0.25",
            "0.1 x + 0.7",
            "3x*0.1*y*0.1",
            "2(x + 0.1) + 3",
            "sin(x + 1) + 0.1",
            "3x^2 + 8x y - 3y^5",
        ];
        assert_eq!(plain.map(|text| count(text, Precision::F32)), [0; 7]);
        for text in [
            "x + 1 + 1e-9",
            "(x + 0.1) - y - 0.2",
            "1e-9 - (x + 1)",
            "x - y + 1",
            "fract(x) + 1",
            "3 sin(x) + sin(x) (x - y)",
            "x*1e-30*1e-30",
            "x*1e-30*y/1e30",
            "1e-6 (x y)",
        ] {
            assert_eq!(count(text, Precision::F32), 1, "{text}");
        }
        assert_eq!(count("x*1e-30*1e-30", Precision::F64), 0);
        assert_eq!(count("x + 16777217 + 1", Precision::F64), 0);
    }
}
