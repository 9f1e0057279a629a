//! Which constants of a tape a shader must hide from the compiler.
//!
//! Flows in: a tape, a format. Flows out: for each instruction, which of its operands are constants to be veiled. A
//! WGSL compiler may reassociate, and Mesa's does: it gathers constants, `(x + c) + d` to `x + (c + d)`, and moves them
//! inwards, `(x - y) + c` to `(x + c) - y`, products alike. The bound reckons in the tape's order, in which
//! `(x - y) + 0.1` at x = y = 1e6 is 0.1; moved, it is 0.125. So a constant is veiled
//!
//! - in a sum, where it could be moved into a sum of what is not constant, or where the constants that could be
//!   gathered do not add exactly (`(x + 1) + 1e-9`; small whole and binary numbers do);
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
    let mut all = Vec::with_capacity(tape.code.len());
    for Instruction { op, args } in &tape.code {
        let [a, b, _] = args.map(|arg| Shape::of(arg, &known, precision));
        let (shape, veil) = if [ops::ADD, ops::SUB].contains(op) {
            a.plus(b, precision)
        } else if *op == ops::MUL || [ops::FMA, ops::FMS, ops::FNMA].contains(op) {
            a.times(b, precision)
        } else if *op == ops::DIV && matches!(args[1], Arg::Number(_)) {
            a.times(b.inverse(), precision)
        } else if *op == ops::NEG {
            (a, None)
        } else {
            (Shape::default(), None)
        };
        let fused = ![ops::ADD, ops::SUB, ops::MUL, ops::DIV, ops::NEG].contains(op);
        known.push(if fused { Shape::default() } else { shape });
        all.push([0, 1, 2].map(|operand| veil == Some(operand)));
    }
    all
}

/// What a compiler can see of a value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Shape {
    /// Nothing to move constants into.
    #[default]
    Whole,
    /// A constant.
    Number(f64),
    /// A sum: whether of two or more things that are not constant, and the constants that it can gather.
    Sum(bool, Terms),
    /// A product, the same.
    Product(bool, Factors),
}

impl Shape {
    fn of(arg: Arg, known: &[Shape], precision: Precision) -> Shape {
        match arg {
            Arg::Value(k) => known[k as usize],
            Arg::Input(_) => Shape::Whole,
            Arg::Number(bits) => Shape::Number(precision.round(f64::from_bits(bits))),
        }
    }

    /// The sum's shape, and which operand is to be veiled.
    fn plus(self, other: Shape, precision: Precision) -> (Shape, Option<usize>) {
        let (number, rest, place) = match (self, other) {
            (Shape::Number(number), rest) => (number, rest, 0),
            (rest, Shape::Number(number)) => (number, rest, 1),
            _ => return (Shape::Sum(true, Terms::default()), None),
        };
        let (several, terms) = match rest {
            Shape::Sum(several, terms) => (several, terms),
            _ => (false, Terms::default()),
        };
        let gathered = terms.with(number);
        if several || !gathered.add_exactly(precision) {
            return (Shape::Sum(true, terms), Some(place));
        }
        (Shape::Sum(false, gathered), None)
    }

    /// The product's shape, and which operand is to be veiled.
    fn times(self, other: Shape, precision: Precision) -> (Shape, Option<usize>) {
        let (number, rest, place) = match (self, other) {
            (Shape::Number(number), rest) => (number, rest, 0),
            (rest, Shape::Number(number)) => (number, rest, 1),
            (left, right) => return (Shape::Product(true, left.factors().and(right.factors())), None),
        };
        let several = matches!(rest, Shape::Product(true, _));
        let gathered = rest.factors().and(Factors::of(number));
        if if several { gathered.may_move() } else { gathered.multiply_in_range(precision) } {
            return (Shape::Product(several, gathered), None);
        }
        (Shape::Product(true, rest.factors()), Some(place))
    }

    fn factors(self) -> Factors {
        match self {
            Shape::Product(_, factors) => factors,
            _ => Factors::default(),
        }
    }

    /// 1/number.
    fn inverse(self) -> Shape {
        match self {
            Shape::Number(number) => Shape::Number(1.0 / number),
            other => other,
        }
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
