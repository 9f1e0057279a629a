//! Every optimiser on every engine, step by step against the f64 reference, and the article's numbers.

use crate::agree::require;
use crate::engines::{Engine, on_each, program};
use gradfield::backend::{Backend, Steps};
use gradfield::descent::rule::CLOCK;
use gradfield::descent::{self, Plan, Rule, rules, starts};
use gradfield::points::Values;
use gradfield::verify::verify_steps;
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};

/// A function, a box to start in, a step size that is stable there, the minimum's value.
struct Case {
    text: &'static str,
    range: (f64, f64),
    lr: f64,
}

const CASES: [Case; 4] = [
    Case { text: "x^2 + 5x + 6", range: (-8.0, 3.0), lr: 0.1 },
    Case { text: "(x^2 + y - 11)^2 + (x + y^2 - 7)^2", range: (-4.0, 4.0), lr: 0.003 },
    Case { text: "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)", range: (-3.0, 3.0), lr: 0.01 },
    Case { text: "sum(i, 1, 4, 10(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)", range: (-1.5, 1.5), lr: 0.002 },
];

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for (place, row) in rules::TABLE.iter().enumerate() {
        // To compile takes a software GPU long: of the rules that are alike each takes one function.
        let all = ["gd", "adam"].contains(&row.name);
        for (k, case) in CASES.iter().enumerate().filter(|(k, _)| all || *k == place % CASES.len()) {
            let name = format!("rules::{}::{k}", row.name);
            tests.extend(on_each(&format!("{name}::step_by_step"), |e, b| step_by_step(row, case, e, b)));
            tests.extend(on_each(&format!("{name}::in_one_go"), |e, b| in_one_go(row, case, e, b)));
        }
        tests.extend(on_each(&format!("rules::{}::descends", row.name), |e, b| descends(row, e, b)));
        let climbs = on_each(&format!("rules::{}::climbs", row.name), |e, b| climbs(row, e, b));
        tests.extend(climbs.into_iter().filter(|trial| all || !trial.name().starts_with("gpu")));
    }
    tests.extend(on_each("rules::the_article_s_descent", article));
    tests.extend(on_each("rules::own", own));
    tests.extend(on_each("rules::a_schedule_is_its_numbers", schedule));
    tests.push(Trial::test("rules::state_that_all_coordinates_share_is_kept_once", shared));
    tests.push(Trial::test("rules::the_page_in_the_docs_is_new", docs_are_new));
    tests
}

/// The fused tape, its state at the start, its uniforms.
fn setup(
    row: &rules::Row,
    case: &Case,
    engine: Engine,
    particles: usize,
) -> Result<(Rule, descent::Fused, Vec<Values>), Failed> {
    let expression = Expression::parse(case.text)?;
    let mut rule = Rule::of(row)?;
    // What others learn by themselves is no rate but a factor.
    if !["dog", "prodigy"].contains(&row.name) {
        rule.set("lr", case.lr)?;
    }
    let fused = rule.fuse(&expression.gradient()?, false);
    let ranges = vec![case.range; expression.variables().len()];
    let starts = starts::uniform_box(3, particles, &ranges);
    let state = fused.state(starts.iter().map(|c| Values::from_f64(engine.precision, c)).collect(), 4);
    Ok((rule, fused, state))
}

/// Each step, from the state that the engine itself has reached, lies within the bound of the reference's step.
fn step_by_step(row: &rules::Row, case: &Case, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (rule, fused, mut state) = setup(row, case, engine, 300)?;
    let names: Vec<String> = fused.tape.inputs.iter().map(|input| input.name.clone()).take(state.len()).collect();
    let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count: 25 };
    let report = verify_steps(&fused.tape, &names, &mut state, &steps, backend, engine.precision)?;
    require(report.passed(), || format!("{:#?}", report.outputs))?;
    let judged = report.outputs.iter().all(|output| output.judged * 10 >= 9 * 25 * 300);
    require(judged, || format!("too few judged: {:#?}", report.outputs))
}

/// Many steps in one call are the same bits as the same steps one by one, for a number of steps and particles that
/// fits no block.
fn in_one_go(row: &rules::Row, case: &Case, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (rule, fused, start) = setup(row, case, engine, 333)?;
    let mut program = backend.prepare(&fused.tape, engine.precision)?;
    let (mut whole, mut pieces) = (start.clone(), start);
    let steps = |first, count| Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first, count };
    program.iterate(&mut whole, &steps(1, 301))?;
    for (first, count) in [(1, 1), (2, 255), (257, 44), (301, 1)] {
        program.iterate(&mut pieces, &steps(first, count))?;
    }
    // Where a function has no minimum, a particle may end as NaN.
    let same = |(a, b): (f64, f64)| a == b || a.is_nan() && b.is_nan();
    let columns = whole.iter().zip(&pieces);
    let all = columns.flat_map(|(a, b)| a.to_f64().into_iter().zip(b.to_f64())).all(same);
    require(all, || "one run and its pieces differ".to_string())
}

fn run(rule: Rule, text: &str, maximize: bool, engine: Engine, backend: &dyn Backend) -> Result<Vec<f64>, Failed> {
    let expression = Expression::parse(text)?;
    let plan = Plan { rule, steps: 3000, every: 0, maximize, seed: 0 };
    let starts = starts::uniform_box(5, 50, &vec![(-2.0, 2.0); expression.variables().len()]);
    let trail = descent::run(&expression, &plan, &starts, backend, engine.precision, |_| ())?;
    Ok(trail.values[1].to_f64())
}

/// A rule with its defaults, but for what keeps it from settling: a rate that its steps do not fall below, warmth. And
/// how near it then comes.
fn settling(row: &rules::Row) -> Result<(Rule, f64), Failed> {
    let mut rule = Rule::of(row)?;
    match row.name {
        "rmsprop" | "lion" | "sign" | "normalised" => rule.vary("lr", "1/(1 + t/5)")?,
        "langevin" => rule.set("temperature", 1e-7)?,
        _ => {}
    }
    // Learning a rate from the function takes prodigy from some starts longer.
    Ok((rule, if row.name == "prodigy" { 0.1 } else { 1e-4 }))
}

/// Comes to the minimum of a convex function whose condition number is 10.
fn descends(row: &rules::Row, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (rule, near) = settling(row)?;
    let ends = run(rule, "(x - 1)^2 + 10(y + 0.5)^2 - 3", false, engine, backend)?;
    require(ends.iter().all(|f| (f + 3.0).abs() < near), || format!("{ends:?}"))
}

/// Comes to the maximum.
fn climbs(row: &rules::Row, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (rule, near) = settling(row)?;
    let ends = run(rule, "3 - (x - 1)^2 - 10(y + 0.5)^2", true, engine, backend)?;
    require(ends.iter().all(|f| (f - 3.0).abs() < near), || format!("{ends:?}"))
}

/// `x^2 + 5x + 6` from -8 with learning rate 0.1: x_k = -2.5 - 5.5 * 0.8^k exactly; after 15 steps -2.693514...
fn article(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let expression = Expression::parse("x^2 + 5x + 6")?;
    let mut rule = Rule::of(&rules::TABLE[0])?;
    rule.set("lr", 0.1)?;
    let plan = Plan { rule, steps: 15, every: 1, maximize: false, seed: 0 };
    let trail = descent::run(&expression, &plan, &[vec![-8.0]], backend, engine.precision, |_| ())?;
    let tolerance = if engine.precision == Precision::F32 { 4e-6 } else { 1e-14 };
    for (k, position) in trail.positions.iter().enumerate() {
        let exact = -2.5 - 5.5 * 0.8f64.powi(k as i32);
        let got = position[0].get(0);
        require((got - exact).abs() <= tolerance, || format!("step {k}: {got}, not {exact}"))?;
    }
    require(trail.steps.len() == 16, || format!("{:?}", trail.steps))
}

/// A rule of one's own with two states, against the same loop written here.
fn own(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let formula = "u = 0.5 u + g; w = w + u^2; x = x - lr u / (1 + w) - 0.001 t x / (1 + g2) + 0 f";
    let rule = Rule::parse("own", formula, vec![("lr".to_string(), 0.2)])?;
    let expression = Expression::parse("x^2 + 3y^2")?;
    let plan = Plan { rule, steps: 20, every: 0, maximize: false, seed: 0 };
    let trail = descent::run(&expression, &plan, &[vec![1.5], vec![-0.75]], backend, engine.precision, |_| ())?;
    let (mut p, mut u, mut w) = ([1.5f64, -0.75], [0.0; 2], [0.0; 2]);
    for t in 1..=20 {
        let g = [2.0 * p[0], 6.0 * p[1]];
        let g2 = g[0] * g[0] + g[1] * g[1];
        for i in 0..2 {
            u[i] = 0.5 * u[i] + g[i];
            w[i] += u[i] * u[i];
            p[i] = p[i] - 0.2 * u[i] / (1.0 + w[i]) - 0.001 * f64::from(t) * p[i] / (1.0 + g2);
        }
    }
    let got = [trail.positions[1][0].get(0), trail.positions[1][1].get(0)];
    let tolerance = if engine.precision == Precision::F32 { 1e-5 } else { 1e-13 };
    require((0..2).all(|i| (got[i] - p[i]).abs() < tolerance), || format!("{got:?}, not {p:?}"))
}

/// A rate that is a formula in t is, step by step, the rate that is its number; a bound on the gradient holds.
fn schedule(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let expression = Expression::parse("x^2 + 3y^2")?;
    let mut rule = Rule::of(&rules::TABLE[0])?;
    rule.vary("lr", "0.1/(1 + t/4)")?;
    rule.clip(1.0)?;
    let plan = Plan { rule, steps: 20, every: 0, maximize: false, seed: 0 };
    let trail = descent::run(&expression, &plan, &[vec![1.5], vec![-0.75]], backend, engine.precision, |_| ())?;
    let mut p = [1.5f64, -0.75];
    for t in 1..=20 {
        let (g, lr) = ([2.0 * p[0], 6.0 * p[1]], 0.1 / (1.0 + f64::from(t) / 4.0));
        let norm = (g[0] * g[0] + g[1] * g[1]).sqrt();
        p = [0, 1].map(|i| p[i] - lr * g[i] * (1.0 / norm).min(1.0));
    }
    // The map contracts: some five roundings a step.
    let tolerance = 100.0 * engine.precision.ulp(1.5);
    let got = [0, 1].map(|i| trail.positions[1][i].get(0));
    require((0..2).all(|i| (got[i] - p[i]).abs() < tolerance), || format!("{got:?}, not {p:?}"))
}

/// A sum over all coordinates, a count of steps: one column for a particle; what differs has one for each coordinate.
fn shared() -> Result<(), Failed> {
    let formula = "n = n + 1; r = max(r, total(x^2)); s = s + r n; m = 0.9 m + g; x = x - lr m / (1 + s)";
    let rule = Rule::parse("own", formula, vec![("lr".to_string(), 0.1)])?;
    let fused = rule.fuse(&Expression::parse("x^2 + y^2 + z^2")?.gradient()?, false);
    let names: Vec<&str> = fused.tape.inputs.iter().map(|input| input.name.as_str()).collect();
    require(names == ["x", "y", "z", "n", "r", "s", "m.x", "m.y", "m.z", "t", "lr"], || format!("{names:?}"))?;
    let start = vec![Values::from_f64(Precision::F64, &[1.0]); 3];
    let state = fused.state(start, 0);
    require(state.len() == fused.tape.outputs.len() && state[3].get(0) == 0.0, || format!("{state:?}"))
}

fn docs_are_new() -> Result<(), Failed> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    // A copy of the test program on another machine has no docs beside it.
    let Ok(page) = std::fs::read_to_string(path) else { return Ok(()) };
    let now = std::process::Command::new(program()).args(["rules", "--format", "markdown"]).output()?;
    let fresh = page == String::from_utf8(now.stdout)?;
    require(fresh, || {
        "docs/rules.md is old; make it anew: gradfield rules --format markdown > docs/rules.md".to_string()
    })
}
