//! The bound is a bound: random expressions of every function and operator at random and at special points, on every
//! engine in every format, with no error above its bound. And the cases that once broke it (`cases/bound.json`).
//!
//! `GRADFIELD_PAIRS=1e8` runs so many (expression, point) pairs in all instead of the suite's 3 10^5, `GRADFIELD_SEED=1`
//! (to 255) others; the figures go to standard error (`-- bound:: --nocapture`). A failure is shrunk to the smallest
//! expression that still fails; its points are the same for every expression.

use crate::agree::require;
use crate::engines::{ENGINES, Engine, on, on_each};
use gradfield::Expression;
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::descent::starts::uniform;
use gradfield::expr::{Context, Declared};
use gradfield::field::{output_names, tape_of};
use gradfield::op::{Op, Syntax, TABLE};
use gradfield::points::Points;
use gradfield::tape::Tape;
use gradfield::verify::{Report, verify};
use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashSet;

static KNOWN: &str = include_str!("../cases/bound.json");

/// Pairs of the suite's run.
const PAIRS: f64 = 3e5;

pub(crate) fn tests() -> Vec<Trial> {
    let known: Value = serde_json::from_str(KNOWN).expect("the case file is JSON");
    let known = known.as_array().expect("a list").clone();
    let mut tests = on_each("bound::once_broken", move |engine, backend| {
        known.iter().try_for_each(|case| one(case, engine, backend))
    });
    for engine in ENGINES.into_iter().filter(|engine| engine.name != "reference") {
        tests.push(on(engine, "bound::random_expressions", random));
    }
    #[cfg(feature = "gpu")]
    tests.push(on(ENGINES[3], "bound::without_the_guard", without_the_guard));
    tests
}

/// The tape of f with its gradient, or Hessian too, where it has them; the variables are x, y.
fn tape(text: &str, hessian: bool) -> Result<Tape, Failed> {
    let declared = |name: &str| Declared { name: name.to_string(), components: None };
    let context = Context { variables: Some(vec![declared("x"), declared("y")]), ..Context::default() };
    let f = Expression::parse_with(text, &context)?;
    let derived = if hessian { f.hessian() } else { f.gradient() };
    Ok(tape_of(&derived.or_else(|_| f.gradient()).unwrap_or_else(|_| f.value())))
}

fn report(tape: &Tape, points: &Points, engine: Engine, backend: &dyn Backend) -> Result<Report, Failed> {
    let names = output_names(&["x".to_string(), "y".to_string()], tape.outputs.len());
    Ok(verify(tape, &names, points, &[], backend, engine.precision)?)
}

/// A case of the file: an expression, its points, why it once failed.
fn one(case: &Value, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let points: Vec<Vec<f64>> = serde_json::from_value(case["points"].clone())?;
    let columns = (0..2).map(|v| points.iter().map(|point| point[v]).collect()).collect();
    let text = case["expr"].as_str().expect("expr");
    let report = report(&tape(text, false)?, &Points::columns(columns), engine, backend)?;
    require(report.passed(), || format!("{text} ({}): {:#?}", case["why"], report.outputs))
}

/// Each case of a constant that compilers must not gather with another fails on Mesa's where it is not veiled.
#[cfg(feature = "gpu")]
fn without_the_guard(engine: Engine, _: &dyn Backend) -> Result<(), Failed> {
    let (gpu, _) = gradfield::backend::gpu::Gpu::open("gpu")?;
    if !gpu.describe().contains("llvmpipe") {
        return Ok(());
    }
    let bare = gpu.with_rewrite(|text| match text.split_once("fn evaluate") {
        Some((before, tape)) => format!("{before}fn evaluate{}", tape.replace("veil(", "(")),
        None => text.to_string(),
    });
    let known: Vec<Value> = serde_json::from_str(KNOWN)?;
    let mut guarded = known.iter().filter(|case| case["guard"] == true);
    guarded.try_for_each(|case| {
        require(one(case, engine, &bare).is_err(), || format!("{} passes without its veil", case["expr"]))
    })
}

/// What was seen of all expressions.
#[derive(Default)]
struct Figures {
    pairs: usize,
    judged: usize,
    range: usize,
    reach: usize,
    jump: usize,
    edge: usize,
    lost: usize,
    /// The worst share of each expression with a judged point.
    shares: Vec<f64>,
    /// The operations that occurred.
    rows: HashSet<Op>,
}

impl Figures {
    fn add(&mut self, pairs: usize, tape: &Tape, report: &Report) {
        self.pairs += pairs;
        self.rows.extend(tape.code.iter().map(|instruction| instruction.op));
        for output in &report.outputs {
            self.judged += output.judged;
            self.range += output.unjudged_range;
            self.reach += output.unjudged_reach;
            self.jump += output.unjudged_jump;
            self.edge += output.unjudged_edge;
            self.lost += output.nonfinite_lost;
        }
        if report.outputs.iter().any(|output| output.judged > 0) {
            self.shares.push(report.outputs.iter().map(|output| output.worst_share).fold(0.0, f64::max));
        }
    }

    fn values(&self) -> usize {
        self.judged + self.range + self.reach + self.jump + self.edge
    }

    fn summary(mut self, engine: Engine) -> String {
        self.shares.sort_by(f64::total_cmp);
        let percent = |count: usize| 100.0 * count as f64 / self.values() as f64;
        format!(
            "{} {}: {} pairs of {} expressions; judged {:.2} % of the values; not judged: range {:.2} %, reach {:.2} \
             %, jump {:.3} %, edge {:.3} %; NaN lost {}; worst share {:.4}, median of the expressions' worst {:.4}",
            engine.name,
            engine.precision.name(),
            self.pairs,
            self.shares.len(),
            percent(self.judged),
            percent(self.range),
            percent(self.reach),
            percent(self.jump),
            percent(self.edge),
            self.lost,
            self.shares.last().unwrap_or(&0.0),
            self.shares.get(self.shares.len() / 2).unwrap_or(&0.0),
        )
    }
}

/// How many expressions, and points for each. A GPU compiles a shader per expression, which takes longer than many
/// points.
fn amount(engine: Engine) -> (u32, usize) {
    let pairs = std::env::var("GRADFIELD_PAIRS").ok().and_then(|text| text.parse::<f64>().ok());
    let many = pairs.is_some();
    let (share, points) = match (engine.name, many) {
        ("gpu", false) => (0.25, 2048),
        ("gpu", true) => (0.06, 16384),
        (_, false) => (0.25, 64),
        (_, true) => (0.44, 4096),
    };
    (((pairs.unwrap_or(PAIRS) * share / points as f64).ceil()) as u32, points)
}

fn random(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (expressions, count) = amount(engine);
    let config = Config { cases: expressions, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let seed = std::env::var("GRADFIELD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let figures = RefCell::new(Figures::default());
    let outcome = TestRunner::new_with_rng(config, rng).run(&(expression(), any::<u64>()), |(text, seed)| {
        let points = points(seed, count, engine.precision);
        let fail = |failed: Failed| TestCaseError::fail(failed.message().unwrap_or("").to_string());
        let tape = tape(&text, seed % 8 == 0).map_err(fail)?;
        let report = report(&tape, &points, engine, backend).map_err(fail)?;
        figures.borrow_mut().add(count, &tape, &report);
        // A driver may assume that there is no NaN, and loses one in `u - u`; that is counted.
        let lost =
            report.outputs.iter().all(|output| output.worst_share <= 1.0 && output.nonfinite == output.nonfinite_lost);
        prop_assert!(report.passed() || engine.name == "gpu" && lost, "{:#?}", report.outputs);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, (text, _))) => return Err(format!("{text}\n{why}").into()),
        Err(TestError::Abort(why)) => return Err(why.to_string().into()),
    }
    let figures = figures.into_inner();
    let judged = figures.judged * 10 >= figures.values() * 7;
    // A GPU has too few expressions for all; noise is for rules, finite for solvers, cell for pictures.
    let elsewhere = |name: &str| ["noise", "finite", "cell"].contains(&name);
    let missing = TABLE.iter().filter(|op| !figures.rows.contains(op) && !elsewhere(op.name));
    let missing: Vec<&str> = missing.map(|op| op.name).collect();
    require(engine.name == "gpu" || missing.is_empty(), || format!("no expression had {missing:?}"))?;
    let summary = figures.summary(engine);
    eprintln!("{summary}");
    require(judged, || format!("too few points were judged: {summary}"))
}

/// Points in boxes of several sizes, beside integers and halves, and special ones.
fn points(seed: u64, count: usize, precision: Precision) -> Points {
    let tiny = precision.smallest_normal();
    let special = [
        0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        1.5,
        3.0,
        -0.0,
        1e-4,
        1e4,
        -1e6,
        1e10,
        -1e20,
        tiny,
        tiny / 8.0,
        -tiny / 1e3,
    ];
    let coordinate = |k: usize, v: u64| {
        let dice = |throw: u64| uniform(seed, k as u64, 4 * v + throw);
        let within = |size: f64| size * (2.0 * dice(0) - 1.0);
        // Each coordinate is of a kind of its own.
        match (16.0 * dice(1)) as usize {
            0..=5 => within(2.0),
            6..=8 => within(10.0),
            9 => within(1e-3),
            10 => within(1e3),
            11 | 12 => (2.0 * within(4.0)).round() / 2.0 + within(1e-6) * dice(2),
            13 => 10f64.powf(12.0 * dice(2) - 6.0).copysign(dice(0) - 0.5),
            _ => special[(dice(2) * special.len() as f64) as usize],
        }
    };
    Points::columns((0..2).map(|v| (0..count).map(|k| coordinate(k, v)).collect()).collect())
}

/// A random text: every row of the table that can be written, and the shapes that try rounding.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => prop_oneof![Just("x"), Just("y")].prop_map(String::from),
        2 => constant(),
    ];
    let node = |inner: BoxedStrategy<String>| {
        prop_oneof![
            5 => row(TABLE.iter().filter(|op| is_arithmetic(**op)), &inner),
            5 => row(TABLE.iter().filter(|op| !is_arithmetic(**op) && op.syntax != Syntax::Hidden), &inner),
            4 => shape(&inner),
        ]
    };
    node(leaf.prop_recursive(3, 24, 3, node).boxed())
}

fn is_arithmetic(op: Op) -> bool {
    ["add", "subtract", "multiply", "divide", "negate"].contains(&op.name)
}

/// Numbers of all sizes.
fn constant() -> impl Strategy<Value = String> {
    let written =
        ["2", "3", "0.5", "0.1", "pi", "1.5", "7.3", "1e-9", "1e4", "1e-30", "1e20", "1e-3", "33554433", "0.7"];
    prop_oneof![
        prop::sample::select(written.to_vec()).prop_map(String::from),
        (1u32..1000, -3i32..3).prop_map(|(digits, exponent)| format!("{digits}e{exponent}")),
    ]
}

/// One of the rows, on random operands; where the row has a domain of its own, mostly brought into it.
fn row(rows: impl Iterator<Item = &'static Op>, inner: &BoxedStrategy<String>) -> BoxedStrategy<String> {
    let rows: Vec<Op> = rows.copied().collect();
    let operands = [inner.clone(), inner.clone(), inner.clone()];
    let inside = || prop::bool::weighted(0.6);
    (prop::sample::select(rows), operands, [inside(), inside(), inside()])
        .prop_map(|(op, operands, inside)| {
            let brought = |k: usize| match op.domain[k] {
                (lo, hi) if inside[k] && lo != -hi => {
                    format!("{} + {} tanh({})", 0.5 * (lo + hi), 0.5 * (hi - lo), operands[k])
                }
                (_, hi) if inside[k] && hi < 5.0 => format!("{hi} tanh({})", operands[k]),
                _ => operands[k].clone(),
            };
            let operands: Vec<String> = (0..op.arity).map(brought).collect();
            match op.syntax {
                Syntax::Infix(sign, _) => format!("(({}) {sign} ({}))", operands[0], operands[1]),
                Syntax::Prefix(sign, _) => format!("({sign}({}))", operands[0]),
                _ => format!("{}({})", op.name, operands.join(", ")),
            }
        })
        .boxed()
}

/// Cancellation, products of sums, powers, sums over an index, kinks: written as people write them.
fn shape(inner: &BoxedStrategy<String>) -> BoxedStrategy<String> {
    let pair = || (inner.clone(), inner.clone());
    prop_oneof![
        (inner.clone(), constant()).prop_map(|(a, c)| format!("(({a} + {c}) - {c})")),
        (inner.clone(), constant(), constant()).prop_map(|(a, c, d)| format!("(({a} + {c}) - {d})")),
        (inner.clone(), constant(), constant()).prop_map(|(a, c, d)| format!("({a} * {c} * {d})")),
        (inner.clone(), constant(), constant()).prop_map(|(a, c, d)| format!("(({a} + {c}) * {d} + 1)")),
        pair().prop_map(|(a, b)| format!("((({a}) + ({b})) - ({a}))")),
        pair().prop_map(|(a, b)| format!("((({a}) + ({b})) (({a}) - ({b})))")),
        pair().prop_map(|(a, b)| format!("(({a}) ({b}) - ({b}) ({a} + 1e-3))")),
        pair().prop_map(|(a, b)| format!("(({a}) ({b}) + 3 ({a}))")),
        (inner.clone(), -4i32..7).prop_map(|(a, n)| format!("(({a})^({n}))")),
        (inner.clone(), prop::sample::select(vec!["0.5", "1.5", "-0.3", "2.7", "1/3"]))
            .prop_map(|(a, n)| format!("(abs({a})^({n}))")),
        pair().prop_map(|(a, b)| format!("(({a})/(1 + ({b})^2))")),
        pair().prop_map(|(a, b)| format!("if({a} > {b}, ({a}), ({b})^2)")),
        inner.clone().prop_map(|a| {
            let index = format!("i{}", a.matches("sum(").count());
            format!("sum({index}, 1, 3, ({a})^{index} / {index})")
        }),
        inner.clone().prop_map(|a| format!("(1 / (1e-3 + ({a})^2))")),
    ]
    .boxed()
}
