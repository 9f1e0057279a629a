//! Roots and quotients of descents, which machine code takes off the divider: bit for bit those of the interpreter, which
//! leaves them to it.
//!
//! A root's significand depends on the significand and on whether the exponent is odd: all such are tried.
//!
//! A quotient by the other units goes wrong, if at all, where the true one is next to the middle of two numbers: all
//! such pairs of f32 significands are tried. (The first quotient is at most 1.5 units in the last place off, its remainder
//! and the reciprocal are rounded to 2^-24: the sum is wrong by less than 3 2^-24 units, which is a numerator
//! |a 2^s - m b| of at most 6, m the middle.)

use crate::native::compare;
use gradfield::Precision;
use gradfield::backend::Steps;
use gradfield::kernel::Level;
use gradfield::op::Operations;
use gradfield::points::Values;
use gradfield::tape::{Arg, Input, Instruction, Tape};
use libtest_mimic::{Failed, Trial};

/// The numerators that are tried, with either sign.
const NUMERATORS: i64 = 8;
/// Operations of the tape: some of several are taken off the divider, never all.
const COPIES: usize = 5;
/// Pairs that are computed at once.
const BATCH: usize = 1 << 19;

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for level in [Level::Avx2, Level::Avx512] {
        let here = Level::best() >= level;
        for precision in [Precision::F32, Precision::F64] {
            for op in ["divide", "sqrt"] {
                let name = format!("divider::{}::{}::{op}::any_bits", level.name(), precision.name());
                tests.push(Trial::test(name, move || any_bits(op, level, precision)).with_ignored_flag(!here));
            }
        }
        let name = format!("divider::{}::f32::divide::near_the_middle", level.name());
        tests.push(Trial::test(name, move || near_the_middle(level)).with_ignored_flag(!here));
        let name = format!("divider::{}::f32::sqrt::every_significand", level.name());
        tests.push(Trial::test(name, move || every_significand(level)).with_ignored_flag(!here));
    }
    tests
}

/// Splitmix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// a, a, ..., b, b, ... to a/b, a/b, ..., b, b, ...; a, a, ... to their roots.
fn tape(op: &str, operands: usize) -> Tape {
    let name = |k| Input { name: format!("x{k}"), uniform: false };
    let input = |k: usize| Arg::Input(k as u32);
    let op = Operations::default().iter().find(|row| row.name == op).expect("it is an operation");
    let args = |k| [0, 1, 2].map(|place| if place < operands { input(k + place * COPIES) } else { Arg::Number(0) });
    let results = (0..COPIES).map(|k| Arg::Value(k as u32));
    Tape {
        inputs: (0..operands * COPIES).map(name).collect(),
        code: (0..COPIES).map(|k| Instruction { op, args: args(k) }).collect(),
        outputs: results.chain((COPIES..operands * COPIES).map(input)).collect(),
    }
}

fn check(op: &str, operands: &[Values], level: Level) -> Result<(), Failed> {
    let start: Vec<Values> = operands.iter().flat_map(|column| vec![column.clone(); COPIES]).collect();
    let steps = Steps { uniforms: Vec::new(), clock: None, first: 1, count: 1 };
    compare(&tape(op, operands.len()), &start, &steps, level, operands[0].precision())
}

/// Zeros, subnormal numbers, infinities, NaN; overflow and underflow; all else.
fn any_bits(op: &str, level: Level, precision: Precision) -> Result<(), Failed> {
    let mut seed = 7;
    let edges32 =
        [0, 1, 0x7f_ffff, 0x80_0000, 0x80_0001, 0x3f80_0000, 0x3fff_ffff, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
    let edges64 = edges32.map(|bits| f64::from(f32::from_bits(bits as u32)).to_bits());
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    for _ in 0..1 << 20 {
        for column in [&mut a, &mut b] {
            let bits = random(&mut seed);
            let edge = (bits >> 8) as usize % edges32.len();
            let sign = bits & 1 << 63;
            column.push(match (bits % 4, precision) {
                (0, Precision::F32) => edges32[edge] | sign >> 32,
                (0, Precision::F64) => edges64[edge] | sign,
                _ => random(&mut seed),
            });
        }
    }
    let pair = [a, b].map(|bits: Vec<u64>| match precision {
        Precision::F32 => Values::F32(bits.into_iter().map(|bits| f32::from_bits(bits as u32)).collect()),
        Precision::F64 => Values::F64(bits.into_iter().map(f64::from_bits).collect()),
    });
    check(op, if op == "sqrt" { &pair[..1] } else { &pair }, level)
}

/// Every significand with an even and an odd exponent.
fn every_significand(level: Level) -> Result<(), Failed> {
    let mut seed = 1;
    for first in (0..1u32 << 24).step_by(BATCH) {
        let bits = (first..first + BATCH as u32).map(|bits| bits + (((1 + random(&mut seed) % 125) as u32) << 24));
        check("sqrt", &[Values::F32(bits.map(f32::from_bits).collect())], level)?;
    }
    Ok(())
}

/// Every divisor's significand, with every dividend's next to the middle of two quotients.
fn near_the_middle(level: Level) -> Result<(), Failed> {
    let mut seed = 1;
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    for divisor in 1u64 << 23..1 << 24 {
        for dividend in dividends(divisor) {
            let scaled = |significand: u64, bits: u64| {
                let exponent = 127 - 60 + (bits % 120) as u32;
                f32::from_bits((significand as u32 & 0x7f_ffff) | exponent << 23 | (bits as u32 & 0x8000) << 16)
            };
            let bits = random(&mut seed);
            a.push(scaled(dividend, bits & 0xffff));
            b.push(scaled(divisor, bits >> 32));
        }
        if a.len() >= BATCH || divisor + 1 == 1 << 24 {
            check("divide", &[&mut a, &mut b].map(|column| Values::F32(std::mem::take(column))), level)?;
        }
    }
    Ok(())
}

/// The significands a for which m b = a 2^s + d has a solution m, the middle of two quotients of 24 bits, for s that makes
/// the quotient one between 1 and 2 or between 1/2 and 1.
fn dividends(divisor: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let twos = divisor.trailing_zeros();
    let odd = divisor >> twos;
    let inverse = (0..5).fold(odd, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))));
    for s in [24u32, 25] {
        for d in (-NUMERATORS..=NUMERATORS).filter(|d| *d != 0 && d.trailing_zeros() >= twos) {
            let period = 1u64 << (s - twos);
            let least = ((d >> twos) as u64).wrapping_mul(inverse) & (period - 1);
            let from = (1 << 24) + (least.wrapping_sub(1 << 24) & (period - 1));
            for middle in (from..1 << 25).step_by(period as usize).filter(|middle| middle % 2 == 1).take(4) {
                let dividend = ((middle * divisor) as i64 - d) >> s;
                if (1 << 23..1 << 24).contains(&dividend) {
                    found.push(dividend as u64);
                }
            }
        }
    }
    found
}
