//! Every row of the table of operations, on every engine.

use crate::agree::{difference_quotients, require};
use crate::engines::{Engine, on_each};
use gradfield::Expression;
use gradfield::backend::Backend;
use gradfield::descent::starts::uniform;
use gradfield::field::tape_of;
use gradfield::op::{Op, Syntax, TABLE};
use gradfield::points::Points;
use gradfield::probe::{alone, measure};
use gradfield::verify::verify;
use libtest_mimic::{Failed, Trial};

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for op in TABLE {
        let name = op.name.replace(' ', "_");
        tests.push(Trial::test(format!("ops::{name}::partials"), || difference_quotients(op.0)));
        tests.extend(on_each(&format!("ops::{name}"), |engine, backend| values(*op, engine, backend)));
        tests.extend(on_each(&format!("ops::{name}::probed"), |engine, backend| probed(*op, engine, backend)));
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

fn check(op: Op, columns: Vec<Vec<f64>>, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let report = verify(&alone(op), &[op.name.to_string()], &Points::columns(columns), &[], backend, engine.precision)?;
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

/// The engine's promise: the worst error at the points that are hard for each function, and at a sample, against true
/// values; zeros with their signs, infinities and NaN where they should be.
fn probed(op: Op, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let found = measure(op, backend, engine.precision)?;
    require(found.points + found.special > 1000, || format!("only {} points", found.points))?;
    require(found.passed(), || format!("{found:#?}"))
}
