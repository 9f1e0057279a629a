//! Which constants of a tape a shader must hide from the compiler.
//!
//! Flows in: a tape, a format. Flows out: for each instruction, which of its operands are constants to be veiled. A
//! WGSL compiler may reassociate: Mesa's makes `x + (c + d)` of `(x + c) + d` and `x (c d)` of `(x c) d`, also through
//! other summands and factors between. The bound reckons in the tape's order, in which at x = -1 `(x + 1) + 1e-9` is
//! 1e-9; in single precision 1 + 1e-9 is 1 and the sum 0. The factors do no harm unless c d leaves the format's range:
//! `(x 1e-30) 1e-30`.
//!
//! So a constant is veiled where the constants that could be gathered with it do not add exactly, or multiply to
//! something out of range. Small whole and binary numbers are never veiled, most tapes need no veil, and one costs an
//! `or`. Rearrangements without constants (`a b + a c` as `a (b + c)`) leave errors within the bound.

use crate::op::ops;
use crate::real::Precision;
use crate::tape::{Arg, Instruction, Tape};

/// For each instruction, its operands to be veiled.
pub(super) fn veiled(tape: &Tape, precision: Precision) -> Vec<[bool; 3]> {
    let mut known: Vec<Gathered> = Vec::with_capacity(tape.code.len());
    let mut all = Vec::with_capacity(tape.code.len());
    for Instruction { op, args } in &tape.code {
        let mut veils = [false; 3];
        let [a, b, c] = args.map(|arg| Gathered::of(arg, &known, precision));
        let mut gather = |pair: [(usize, Gathered); 2], fits: fn(&Gathered, Precision) -> bool| {
            let [(i, left), (j, right)] = pair;
            let both = left.and(&right);
            let number = |k: usize| matches!(args[k], Arg::Number(_));
            if fits(&both, precision) || !number(i) && !number(j) {
                return both;
            }
            let hidden = if number(j) { j } else { i };
            veils[hidden] = true;
            if hidden == j { left } else { right }
        };
        known.push(if [ops::ADD, ops::SUB].contains(op) {
            gather([(0, a.terms()), (1, b.terms())], Gathered::adds)
        } else if *op == ops::MUL {
            gather([(0, a.factors()), (1, b.factors())], Gathered::multiplies)
        } else if *op == ops::DIV {
            gather([(0, a.factors()), (1, b.factors().inverse(args[1]))], Gathered::multiplies)
        } else if [ops::FMA, ops::FMS, ops::FNMA].contains(op) {
            gather([(0, a.factors()), (1, b.factors())], Gathered::multiplies);
            c.terms()
        } else if *op == ops::NEG {
            a
        } else {
            Gathered::default()
        });
        all.push(veils);
    }
    all
}

/// The constants that a compiler may gather out of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gathered {
    /// Of its summands: the sum of the absolute values, and the exponent of the last bit that any of them has.
    size: f64,
    grain: i32,
    /// Of its factors: the binary logarithms of the product of the small ones, and of the large ones.
    small: f64,
    large: f64,
}

impl Default for Gathered {
    fn default() -> Gathered {
        Gathered { size: 0.0, grain: i32::MAX, small: 0.0, large: 0.0 }
    }
}

impl Gathered {
    fn of(arg: Arg, known: &[Gathered], precision: Precision) -> Gathered {
        match arg {
            Arg::Value(k) => known[k as usize],
            Arg::Input(_) => Gathered::default(),
            Arg::Number(bits) => Gathered::number(precision.round(f64::from_bits(bits))),
        }
    }

    fn number(value: f64) -> Gathered {
        if value == 0.0 || !value.is_finite() {
            return Gathered::default();
        }
        let exponent = (value.to_bits() >> 52 & 0x7ff) as i32;
        let fraction = value.to_bits() << 12 >> 12 | if exponent == 0 { 0 } else { 1 << 52 };
        let grain = exponent.max(1) - 1075 + fraction.trailing_zeros() as i32;
        let logarithm = value.abs().log2();
        Gathered { size: value.abs(), grain, small: logarithm.min(0.0), large: logarithm.max(0.0) }
    }

    fn terms(self) -> Gathered {
        Gathered { small: 0.0, large: 0.0, ..self }
    }

    fn factors(self) -> Gathered {
        Gathered { size: 0.0, grain: i32::MAX, ..self }
    }

    /// The factors of 1/arg; those of a value are not gathered through a division.
    fn inverse(self, arg: Arg) -> Gathered {
        match arg {
            Arg::Number(_) => Gathered { small: -self.large, large: -self.small, ..self },
            Arg::Value(_) | Arg::Input(_) => Gathered::default(),
        }
    }

    fn and(&self, other: &Gathered) -> Gathered {
        Gathered {
            size: self.size + other.size,
            grain: self.grain.min(other.grain),
            small: self.small + other.small,
            large: self.large + other.large,
        }
    }

    /// Whether the summands add without rounding, in any order and with any signs.
    fn adds(&self, precision: Precision) -> bool {
        let digits = if precision == Precision::F32 { 24 } else { 53 };
        self.size == 0.0 || self.size.log2() <= f64::from(self.grain) + f64::from(digits)
    }

    /// Whether the products of all factors and of any stay within the normal range.
    fn multiplies(&self, precision: Precision) -> bool {
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
        let plain =
            ["x^2 + 5x + 6", "(x + 1.5) - 0.25", "0.1 x + 0.7", "3x*0.1*y*0.01", "2(x + 0.1) + 3", "sin(x + 1) + 0.1"];
        assert_eq!(plain.map(|text| count(text, Precision::F32)), [0; 6]);
        for text in ["x + 1 + 1e-9", "(x + 0.1) - y - 0.2", "1e-9 - (x + 1)", "x*1e-30*1e-30", "x*1e-30*y/1e30"] {
            assert_eq!(count(text, Precision::F32), 1, "{text}");
        }
        assert_eq!(count("x*1e-30*1e-30", Precision::F64), 0);
        assert_eq!(count("x + 16777217 + 1", Precision::F64), 0);
    }
}
