//! The comparisons, and the tests that they can fail. First of all tests: a comparison that cannot fail proves
//! nothing.

use crate::engines::{Engine, on_each};
use gradfield::Expression;
use gradfield::backend::Backend;
use gradfield::expr::Context;
use gradfield::field::{output_names, tape_of};
use gradfield::op::{Operations, Row, Slack, Syntax};
use gradfield::points::{Points, Values};
use gradfield::tape::Tape;
use gradfield::verify::{Report, compare, verify};
use libtest_mimic::{Failed, Trial};

const FINE: Slack = Slack { cpu: [2.0, 2.0], gpu: [4.0, 4.0], reference: 1.0 };

/// An operation that exists in this row alone.
static CUBE: Row = gradfield::op_row! {
    "cube", Syntax::Function, (a) { a * a * a }, reference { a * a * a }, partials ["3a^2"],
    slack FINE, domain [(-5.0, 5.0)]
};

/// A row with a wrong derivative.
static WRONG_PARTIAL: Row = gradfield::op_row! {
    "cube", Syntax::Function, (a) { a * a * a }, reference { a * a * a }, partials ["3a"],
    slack FINE, domain [(-5.0, 5.0)]
};

/// A row with a kernel that is valid in both languages and wrong.
static WRONG_KERNEL: Row = gradfield::op_row! {
    "cube", Syntax::Function, (a) { m_cos(a) }, reference { a.sin() }, partials ["cos(a)"],
    slack FINE, domain [(-5.0, 5.0)]
};

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = on_each("a_row_is_all_an_operation_needs", |engine, backend| {
        let report = run(&CUBE, "cube(x) + x cube(y)", engine, backend)?;
        require(report.passed(), || format!("{report:#?}"))
    });
    tests.extend(on_each("a_wrong_kernel_is_seen", |engine, backend| {
        let report = run(&WRONG_KERNEL, "cube(x) y", engine, backend)?;
        // The reference does not run kernels.
        require(report.passed() == (engine.name == "reference"), || "a wrong kernel passed".to_string())
    }));
    tests.extend(on_each("a_swapped_axis_is_seen", swapped_axis));
    tests.push(Trial::test("a_wrong_derivative_is_seen", || {
        difference_quotients(&CUBE)?;
        require(difference_quotients(&WRONG_PARTIAL).is_err(), || "a wrong derivative passed".to_string())
    }));
    #[cfg(feature = "gpu")]
    tests.push(crate::engines::on(
        Engine { name: "gpu", precision: gradfield::Precision::F32 },
        "wrong_but_valid_wgsl_is_seen",
        wrong_wgsl,
    ));
    tests
}

/// An error unless `condition`.
pub(crate) fn require(condition: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(message().into()) }
}

/// The tape of f and its gradient, with the names of its outputs.
pub(crate) fn gradient_tape(text: &str, context: &Context) -> Result<(Tape, Vec<String>), Failed> {
    let outputs = Expression::parse_with(text, context)?.gradient()?;
    let names = output_names(&outputs.variables, outputs.outputs.len());
    Ok((tape_of(&outputs), names))
}

/// Verifies an expression that uses one more row.
fn run(row: &'static Row, text: &str, engine: Engine, backend: &dyn Backend) -> Result<Report, Failed> {
    let context = Context { operations: Operations::default().with(row), ..Context::default() };
    let (tape, names) = gradient_tape(text, &context)?;
    let points = Points::Grid(vec![Points::linspace(-4.0, 4.0, 37), Points::linspace(-3.0, 5.0, 23)]);
    Ok(verify(&tape, &names, &points, &[], backend, engine.precision)?)
}

fn swapped_axis(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (tape, names) = gradient_tape("x + 10y^2", &Context::default())?;
    let axis = Points::linspace(-1.0, 1.0, 21);
    let points = Points::Grid(vec![axis.clone(), axis]).rounded(engine.precision);
    let mut columns = vec![Values::zeros(engine.precision, points.len()); 3];
    backend.prepare(&tape, engine.precision)?.evaluate(&points, &[], &mut columns)?;
    let transposed = columns.iter().map(|column| {
        let values: Vec<f64> = (0..441).map(|k| column.get(k % 21 * 21 + k / 21)).collect();
        Values::from_f64(engine.precision, &values)
    });
    let transposed: Vec<Values> = transposed.collect();
    let right = compare(&tape, &names, &points, &[], &columns, backend, engine.precision)?;
    let wrong = compare(&tape, &names, &points, &[], &transposed, backend, engine.precision)?;
    require(right.passed() && !wrong.passed(), || "a transposed result passed".to_string())
}

#[cfg(feature = "gpu")]
fn wrong_wgsl(engine: Engine, _: &dyn Backend) -> Result<(), Failed> {
    // The shared device stays whole: this one is opened for its fault.
    let (opened, _) = gradfield::backend::gpu::Gpu::open("gpu")?;
    let broken = opened.with_rewrite(|text| {
        let seeded = text.replace("return m_sin(a)", "return m_cos(a)");
        assert_ne!(seeded, text, "the fault was not seeded: the shader has no `return m_sin(a)`");
        seeded
    });
    let (tape, names) = gradient_tape("sin(x) y", &Context::default())?;
    let points = Points::Grid(vec![Points::linspace(-3.0, 3.0, 16); 2]);
    let report = verify(&tape, &names, &points, &[], &broken, engine.precision)?;
    require(!report.passed(), || "wrong WGSL passed".to_string())
}

/// Each partial derivative of a row against difference quotients of its reference, at points of its domain.
///
/// The quotient is the fourth-order central one for two step sizes; where they disagree with each other (a kink or a
/// jump is near) the point says nothing, but nine of ten must speak.
pub(crate) fn difference_quotients(row: &'static Row) -> Result<(), Failed> {
    let op = gradfield::op::Op(row);
    for (k, partial) in row.partials.iter().enumerate() {
        let names = ["a", "b", "c", "y"];
        let declare = |name: &&str| gradfield::expr::Declared { name: (*name).to_string(), components: None };
        let context = Context { variables: Some(names.iter().map(declare).collect()), ..Context::default() };
        let tape = tape_of(&Expression::parse_with(partial, &context)?.value());
        let (mut spoke, count) = (0, 200);
        for point in 0..count {
            let coordinate = |i: usize| {
                let (lo, hi) = row.domain.get(i).copied().unwrap_or((0.0, 1.0));
                lo + (hi - lo) * gradfield::descent::starts::uniform(1, point, i as u64)
            };
            let at: [f64; 3] = std::array::from_fn(coordinate);
            let moved = |h: f64| {
                let mut moved = at;
                moved[k] += h;
                op.apply(moved)
            };
            let quotient = |h: f64| (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            let step = 1e-3 * at[k].abs().clamp(0.01, 1.0);
            let (coarse, fine) = (quotient(step), quotient(0.5 * step));
            let exact = gradfield::backend::reference::at(&tape, &[at[0], at[1], at[2], op.apply(at)])[0];
            let scale = 1.0 + fine.abs() + op.apply(at).abs();
            if (coarse - fine).abs() > 1e-8 * scale {
                continue;
            }
            spoke += 1;
            require((exact - fine).abs() <= 1e-7 * scale, || {
                format!("{}: partial {k} `{partial}` at {at:?} is {exact}, the difference quotient {fine}", row.name)
            })?;
        }
        require(spoke * 10 >= count * 9, || format!("{}: only {spoke} of {count} points could be judged", row.name))?;
    }
    Ok(())
}
