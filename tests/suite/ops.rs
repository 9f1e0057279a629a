//! Every row of the table of operations, on every engine.

use crate::agree::{difference_quotients, require};
use crate::engines::{Engine, on_each};
use gradfield::backend::Backend;
use gradfield::descent::starts::uniform;
use gradfield::op::{Op, TABLE};
use gradfield::points::Points;
use gradfield::tape::{Arg, Input, Instruction, Tape};
use gradfield::verify::verify;
use libtest_mimic::{Failed, Trial};

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for op in TABLE {
        let name = op.name.replace(' ', "_");
        tests.push(Trial::test(format!("ops::{name}::partials"), || difference_quotients(op.0)));
        tests.extend(on_each(&format!("ops::{name}"), |engine, backend| values(*op, engine, backend)));
        tests.extend(on_each(&format!("ops::{name}::special"), |engine, backend| special(*op, engine, backend)));
    }
    tests
}

/// The operation alone, as a tape.
fn tape(op: Op) -> Tape {
    let names = &["a", "b", "c"][..op.arity];
    let arg = |k: usize| Arg::Input(if k < op.arity { k as u32 } else { 0 });
    let code = vec![Instruction { op, args: std::array::from_fn(arg) }];
    Tape { inputs: Input::varying(names), code, outputs: vec![Arg::Value(0)] }
}

fn check(op: Op, columns: Vec<Vec<f64>>, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let report = verify(&tape(op), &[op.name.to_string()], &Points::columns(columns), &[], backend, engine.precision)?;
    require(report.passed(), || format!("{:#?}", report.outputs))
}

/// Points of the row's domain, within the row's slack.
fn values(op: Op, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let column = |k: usize| {
        let (lo, hi) = op.domain[k];
        (0..4001).map(|point| lo + (hi - lo) * uniform(2, point, k as u64)).collect()
    };
    check(op, (0..op.arity).map(column).collect(), engine, backend)
}

/// All combinations of zeros, ones, infinities, NaN and large and small numbers: finite where the reference is,
/// infinite and NaN where the reference is, within the slack where both are finite.
fn special(op: Op, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let numbers = [
        0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        3.0,
        1e-20,
        -1e-20,
        1e20,
        -1e20,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let count = numbers.len().pow(op.arity as u32);
    let column =
        |k: usize| (0..count).map(|point| numbers[point / numbers.len().pow(k as u32) % numbers.len()]).collect();
    check(op, (0..op.arity).map(column).collect(), engine, backend)
}
