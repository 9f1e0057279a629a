//! The points at which an operation is measured.
//!
//! Flows in: an operation, an engine, a format. Flows out: cases, operands with the true result. An engine that
//! promises nothing outside of a domain is measured inside it only.

use super::{Case, truth};
use crate::backend::Backend;
use crate::op::{Op, ops};
use crate::random::{bits, uniform};
use crate::real::Precision;

/// Sampled points per operation: some milliseconds on every engine.
const SAMPLES: u64 = 1 << 15;

/// Where functions have special results.
const SPECIAL: [f64; 17] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    1e-20,
    -1e-20,
    1e20,
    -1e20,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// All cases.
pub(super) fn cases(op: Op, engine: &dyn Backend, precision: Precision) -> Vec<Case> {
    let accuracy = engine.accuracy(op, precision);
    let flushed = |x: &f64| engine.flushes_subnormals() && *x != 0.0 && x.abs() < precision.smallest_normal();
    let fits = |at: &[f64]| {
        let padded = std::array::from_fn(|k| at.get(k).copied().unwrap_or(0.0));
        op.reach.is_none_or(|reach| reach(padded, precision)) && accuracy.covers(at) && !at.iter().any(flushed)
    };
    let exact = |at: &[f64]| at.iter().all(|x| precision.round(*x) == *x);
    let mut cases: Vec<Case> = truth::of(op.name).filter(|case| exact(&case.at) && fits(&case.at)).collect();
    let rounded = |at: Vec<f64>| at.iter().map(|x| precision.round(*x)).collect::<Vec<f64>>();
    let sampled = (0..SAMPLES).map(|point| (0..op.arity).map(|k| draw(op, k, point, precision)).collect());
    let points = combinations(op.arity).into_iter().chain(sampled).map(rounded).filter(|at| fits(at));
    cases.extend(points.map(|at| reference(op, at)));
    if op.is_fused() && !engine.fuses() {
        cases.retain_mut(|case| splits(case, engine, precision));
    }
    cases
}

/// Makes allowance for a product that is rounded by itself, and may overflow by itself: then the case says nothing.
fn splits(case: &mut Case, engine: &dyn Backend, precision: Precision) -> bool {
    let product = precision.round(case.at[0] * case.at[1]);
    let floor = if engine.flushes_subnormals() { precision.smallest_normal() } else { 0.0 };
    if product.is_finite() {
        case.doubt += engine.accuracy(ops::MUL, precision).error(product, precision) + floor;
    }
    product.is_finite() || !case.at[0].is_finite() || !case.at[1].is_finite()
}

/// The row's f64 reference as truth.
fn reference(op: Op, at: Vec<f64>) -> Case {
    let value = op.apply(std::array::from_fn(|k| at.get(k).copied().unwrap_or(0.0)));
    let doubt = if value.is_finite() { op.slack.reference * Precision::F64.ulp(value) } else { 0.0 };
    Case { at, value, rest: 0.0, doubt }
}

/// An operand: half of the points lie in the row's domain, a quarter among numbers of moderate size, a quarter among
/// all numbers of the format.
fn draw(op: Op, operand: usize, point: u64, precision: Precision) -> f64 {
    let word = bits(11, point, operand as u64);
    match (point % 4, precision) {
        (0 | 1, _) => {
            let (lo, hi) = op.domain[operand];
            lo + (hi - lo) * uniform(12, point, operand as u64)
        }
        (2, _) => {
            let size = (uniform(13, point, operand as u64) * 40.0 - 20.0).exp2();
            if word & 1 == 0 { size } else { -size }
        }
        (_, Precision::F32) => f64::from(f32::from_bits(word as u32)),
        (_, Precision::F64) => f64::from_bits(word),
    }
}

/// All combinations of special values.
fn combinations(arity: usize) -> Vec<Vec<f64>> {
    let count = SPECIAL.len().pow(arity as u32);
    let operand = |point: usize, k: usize| SPECIAL[point / SPECIAL.len().pow(k as u32) % SPECIAL.len()];
    (0..count).map(|point| (0..arity).map(|k| operand(point, k)).collect()).collect()
}
