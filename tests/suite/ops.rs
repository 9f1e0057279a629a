//! Every row of the table of operations, on every engine.

use crate::agree::{difference_quotients, require};
use crate::engines::{Engine, on_each};
use gradfield::Expression;
use gradfield::backend::Backend;
use gradfield::descent::starts::uniform;
use gradfield::field::tape_of;
use gradfield::op::{Op, Syntax, TABLE};
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
    for op in TABLE.iter().filter(|op| op.syntax == Syntax::Function && op.arity == 1) {
        let name = format!("ops::{}::composed", op.name);
        tests.extend(on_each(&name, |engine, backend| composed(*op, engine, backend)));
    }
    tests
}

/// A function behind sums with constants, signs and squares: what a compiler knows of the argument (its sign, a
/// constant summand) tempts it to rearrange the function's own sums.
fn composed(op: Op, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    for argument in ["abs(x) + 1.5", "x^2 + 0.75", "x - 0.5", "1.5 - abs(x)", "2x + 1.5", "exp(x) + 0.25", "x/4"] {
        let tape = tape_of(&Expression::parse(&format!("{}({argument})", op.name))?.value());
        let points = Points::columns(vec![Points::linspace(-4.0, 4.0, 1601)]);
        let report = verify(&tape, &["f".to_string()], &points, &[], backend, engine.precision)?;
        require(report.passed(), || format!("{}({argument}): {:#?}", op.name, report.outputs))?;
    }
    Ok(())
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
