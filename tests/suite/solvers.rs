//! The solvers on every engine: that they find minima known from elsewhere, that company changes nothing, that bounds
//! hold, and that each way to end is told.

use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use gradfield::bench::Demand;
use gradfield::descent::{DescentError, Ends, Method, Rule, Search, Searcher, Status, rules, starts};
use gradfield::field::tape_of;
use gradfield::points::Points;
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};
use std::ops::Range;

/// A function, the box of its starts, and all its minima in reach with f there.
struct Case {
    name: &'static str,
    text: &'static str,
    range: (f64, f64),
    minima: &'static [(&'static [f64], f64)],
    method: Method,
    starts: usize,
}

/// Himmelblau, Applied nonlinear programming, 1972; the digits as on the function's encyclopaedia page.
const HIMMELBLAU: &[(&[f64], f64)] =
    &[(&[3.0, 2.0], 0.0), (&[-2.805118, 3.131312], 0.0), (&[-3.779310, -3.283186], 0.0), (&[3.584428, -1.848126], 0.0)];

const CASES: [Case; 9] = [
    Case {
        name: "parabola",
        text: "x^2 + 5x + 6",
        range: (-8.0, 8.0),
        minima: &[(&[-2.5], -0.25)],
        method: Method::Bfgs,
        starts: 100,
    },
    Case {
        name: "himmelblau",
        text: "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        range: (-6.0, 6.0),
        minima: HIMMELBLAU,
        method: Method::Bfgs,
        starts: 1000,
    },
    Case {
        // Dixon and Szego, Towards global optimisation 2, 1978: two global and four local minima.
        name: "six_hump_camel",
        text: "(4 - 2.1x^2 + x^4/3) x^2 + x y + (-4 + 4y^2) y^2",
        range: (-2.0, 2.0),
        minima: &[
            (&[0.0898420, -0.7126564], -1.0316285),
            (&[-0.0898420, 0.7126564], -1.0316285),
            (&[1.7036067, -0.7960836], -0.2154638),
            (&[-1.7036067, 0.7960836], -0.2154638),
            (&[1.6071048, 0.5686515], 2.1042503),
            (&[-1.6071048, -0.5686515], 2.1042503),
        ],
        method: Method::Lbfgs,
        starts: 1000,
    },
    Case {
        name: "rosenbrock",
        text: "(1 - x)^2 + 100(y - x^2)^2",
        range: (-3.0, 3.0),
        minima: &[(&[1.0, 1.0], 0.0)],
        method: Method::Lbfgs,
        starts: 500,
    },
    Case {
        // A local minimum from 4 variables on: Kok and Sandrock, Locating and characterizing the stationary points of
        // the extended Rosenbrock function, 2009; the digits by Newton's method in NumPy.
        name: "rosenbrock_10",
        text: "sum(i, 1, 9, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)",
        range: (-2.0, 2.0),
        minima: &[
            (&[1.0; 10], 0.0),
            (
                &[
                    -0.99326337,
                    0.99660604,
                    0.99824061,
                    0.99898843,
                    0.99922615,
                    0.99907365,
                    0.99845418,
                    0.99705625,
                    0.99417938,
                    0.98839263,
                ],
                3.9865791,
            ),
        ],
        method: Method::Auto,
        starts: 200,
    },
    Case {
        name: "rosenbrock_10_limited",
        text: "sum(i, 1, 9, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)",
        range: (0.5, 2.0),
        minima: &[(&[1.0; 10], 0.0)],
        method: Method::Lbfgs,
        starts: 50,
    },
    Case {
        name: "himmelblau_newton",
        text: "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        range: (-6.0, 6.0),
        minima: HIMMELBLAU,
        method: Method::Newton,
        starts: 1000,
    },
    Case {
        name: "rosenbrock_newton",
        text: "(1 - x)^2 + 100(y - x^2)^2",
        range: (-3.0, 3.0),
        minima: &[(&[1.0, 1.0], 0.0)],
        method: Method::Newton,
        starts: 500,
    },
    Case {
        name: "sphere_in_30",
        text: "sum(i, 1, 30, i (x[i] - 1/i)^2)",
        range: (-1.0, 1.0),
        minima: &[(
            &[
                1.0,
                0.5,
                1.0 / 3.0,
                0.25,
                0.2,
                1.0 / 6.0,
                1.0 / 7.0,
                0.125,
                1.0 / 9.0,
                0.1,
                1.0 / 11.0,
                1.0 / 12.0,
                1.0 / 13.0,
                1.0 / 14.0,
                1.0 / 15.0,
                0.0625,
                1.0 / 17.0,
                1.0 / 18.0,
                1.0 / 19.0,
                0.05,
                1.0 / 21.0,
                1.0 / 22.0,
                1.0 / 23.0,
                1.0 / 24.0,
                0.04,
                1.0 / 26.0,
                1.0 / 27.0,
                1.0 / 28.0,
                1.0 / 29.0,
                1.0 / 30.0,
            ],
            0.0,
        )],
        method: Method::Auto,
        starts: 20,
    },
];

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for case in &CASES {
        tests.extend(on_each(&format!("solvers::{}", case.name), move |e, b| finds(case, e, b)));
    }
    tests.extend(on_each("solvers::company_changes_nothing", company_changes_nothing));
    tests.extend(on_each("solvers::bounds_hold", bounds_hold));
    tests.extend(on_each("solvers::every_end_is_told", every_end_is_told));
    tests.extend(on_each("solvers::the_edge_of_a_domain_is_no_floor", edges));
    tests.extend(on_each("solvers::climbs", climbs));
    tests.extend(on_each("solvers::rules_come_to_rest", rules_come_to_rest));
    tests.push(Trial::test("solvers::threads_and_machine_code_change_nothing", threads_and_machine_code));
    tests.push(Trial::test("solvers::nothing_to_move_is_an_error", nothing_to_move));
    tests.push(Trial::test("solvers::what_a_search_takes_is_foreseen", foreseen));
    tests
}

fn tolerance(precision: Precision) -> f64 {
    if precision == Precision::F32 { 1e-5 } else { 1e-8 }
}

fn search(method: Method, ranges: Vec<(f64, f64)>, precision: Precision) -> Search {
    Search { method, bounds: None, ranges, tolerance: tolerance(precision), steps: 2000, maximize: false }
}

/// Runs particles of these starts; one `Ends`, for they are few.
fn run(
    text: &str,
    search: Search,
    columns: &[Vec<f64>],
    range: Range<u64>,
    (backend, precision): (&dyn Backend, Precision),
) -> Result<Ends, Failed> {
    let expression = Expression::parse(text)?;
    let mut all: Vec<Ends> = Vec::new();
    let part = |range: Range<u64>| -> Vec<Vec<f64>> {
        columns.iter().map(|column| column[range.start as usize..range.end as usize].to_vec()).collect()
    };
    let mut take = |ends: Ends| -> Result<(), DescentError> {
        all.push(ends);
        Ok(())
    };
    Searcher::new(&expression, search, backend, precision)?.run(&part, range, &mut take)?;
    all.pop().ok_or_else(|| "no batch".into())
}

fn point(ends: &Ends, k: usize) -> Vec<f64> {
    ends.positions.iter().map(|column| column.get(k)).collect()
}

/// All particles end at a known minimum, every minimum is found, and f is that of the minimum.
fn finds(case: &Case, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let n = Expression::parse(case.text)?.variables().len();
    let ranges = vec![case.range; n];
    let columns = starts::uniform_box(11, case.starts, &ranges);
    let search = search(case.method.clone(), ranges, engine.precision);
    let ends = run(case.text, search, &columns, 0..case.starts as u64, (backend, engine.precision))?;
    let near = if engine.precision == Precision::F32 { 2e-3 } else { 1e-5 };
    let mut hits = vec![0; case.minima.len()];
    for k in 0..case.starts {
        require(ends.statuses[k].is_success(), || {
            format!("particle {k}: {:?} at {:?}", ends.statuses[k], point(&ends, k))
        })?;
        let x = point(&ends, k);
        let close =
            |(place, _): &(&[f64], f64)| place.iter().zip(&x).all(|(a, b)| (a - b).abs() < near * (1.0 + a.abs()));
        let found = case.minima.iter().position(close);
        let Some(found) = found else { return Err(format!("particle {k} ended at {x:?}").into()) };
        hits[found] += 1;
        let (f, wanted) = (ends.values.get(k), case.minima[found].1);
        require((f - wanted).abs() < 1e-4 * (1.0 + wanted.abs()), || format!("particle {k}: f = {f}"))?;
    }
    require(hits.iter().all(|hits| *hits > 0), || format!("{hits:?}"))
}

fn same(a: &Ends, b: &Ends, what: &str) -> Result<(), Failed> {
    let bits = |ends: &Ends| {
        let columns = ends.positions.iter().chain([&ends.values]);
        columns.map(|column| column.to_f64().iter().map(|v| v.to_bits()).collect()).collect::<Vec<Vec<u64>>>()
    };
    require(a.statuses == b.statuses && a.steps == b.steps && bits(a) == bits(b), || what.to_string())
}

/// A particle ends the same alone as among others, to the last bit.
fn company_changes_nothing(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let text = "(1 - x)^2 + 100(y - x^2)^2";
    let ranges = vec![(-3.0, 3.0); 2];
    let columns = starts::uniform_box(3, 400, &ranges);
    let run = |range: Range<u64>| {
        run(text, search(Method::Bfgs, ranges.clone(), engine.precision), &columns, range, (backend, engine.precision))
    };
    let whole = run(0..400)?;
    for (first, last) in [(0, 7), (7, 8), (393, 400)] {
        let part = run(first..last)?;
        let range = first as usize..last as usize;
        let cut = Ends {
            first,
            positions: whole.positions.iter().map(|c| c.part(engine.precision, range.clone())).collect(),
            values: whole.values.part(engine.precision, range.clone()),
            statuses: whole.statuses[range.clone()].to_vec(),
            steps: whole.steps[range].to_vec(),
        };
        same(&part, &cut, &format!("{first}..{last}"))?;
    }
    Ok(())
}

/// More particles than slots, on one thread and three, with machine code and without.
fn threads_and_machine_code() -> Result<(), Failed> {
    let text = "20 + x^2 + y^2 - 10(cos(2pi x) + cos(2pi y))";
    let ranges = vec![(-5.0, 5.0); 2];
    let columns = starts::uniform_box(5, 40_000, &ranges);
    for precision in [Precision::F32, Precision::F64] {
        let run = |cpu: Cpu| {
            run(text, search(Method::Auto, ranges.clone(), precision), &columns, 0..40_000, (&cpu, precision))
        };
        let one = run(Cpu::new(Some(1))?.always_native())?;
        same(&one, &run(Cpu::new(Some(3))?)?, "three threads")?;
        same(&one, &run(Cpu::new(Some(2))?.without_native())?, "no machine code")?;
        let done = one.statuses.iter().filter(|status| status.is_success()).count();
        require(done > 39_900, || format!("{done} done"))?;
    }
    Ok(())
}

/// No point outside is evaluated (f is NaN there), coordinates stop at bounds exactly, and that is told.
fn bounds_hold(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let ranges = vec![(-1.0, 1.0), (0.0, 2.0)];
    let columns = starts::uniform_box(2, 200, &ranges);
    // sqrt of a negative number beyond x = 1, y = 0 and y = 2; the minimum of the whole is at x = 1, y = 0.5.
    let text = "(x - 3)^2 + (y - 0.5)^2 + 0 sqrt(1 - x) + 0 sqrt(y) + 0 sqrt(2 - y)";
    for method in [Method::Bfgs, Method::Lbfgs, Method::Newton] {
        let search = Search { bounds: Some(ranges.clone()), ..search(method, ranges.clone(), engine.precision) };
        let ends = run("(x - 3)^2 + (y - 0.5)^2", search.clone(), &columns, 0..200, (backend, engine.precision))?;
        for k in 0..200 {
            let x = point(&ends, k);
            let right = x[0] == 1.0 && (x[1] - 0.5).abs() < 1e-3 && ends.statuses[k] == Status::Bound;
            require(right, || format!("particle {k}: {:?} at {x:?}", ends.statuses[k]))?;
        }
        let ends = run(text, search, &columns, 0..200, (backend, engine.precision))?;
        let inside = |k: usize| (-1.0..=1.0).contains(&ends.positions[0].get(k)) && ends.values.get(k).is_finite();
        require((0..200).all(inside), || "a particle outside, or a value that is no number".to_string())?;
    }
    Ok(())
}

/// A function, the range of its starts, the steps, the ends that are right.
type Told<'a> = (&'a str, (f64, f64), u64, &'a [Status]);

/// Every end that there is, from functions made for it. Never `converged` where f is not finite.
fn every_end_is_told(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let cases: [Told; 9] = [
        ("x^2 + 5x + 6", (-8.0, 3.0), 500, &[Status::Converged]),
        ("0x + 3", (-1.0, 1.0), 500, &[Status::Converged]),
        ("x", (-1.0, 1.0), 500, &[Status::Escaped]),
        ("ln(x)", (-2.0, -1.0), 500, &[Status::Value]),
        ("1 / (x - x)", (1.0, 2.0), 500, &[Status::Value]),
        ("sqrt(x)", (0.0, 0.0), 500, &[Status::Gradient]),
        ("(1 - x)^2 + 100(y - x^2)^2", (-3.0, -2.0), 5, &[Status::Steps]),
        // In f32 the line search may come to a stop where one coordinate is at its kink and the other is not yet.
        (
            "abs(x - 0.3) + abs(y + 0.2)",
            (-1.0, 1.0),
            500,
            &[Status::Kink, Status::Floor, Status::Converged, Status::SmallStep, Status::LineSearch],
        ),
        ("1e6 (x - 1/3)^2 + 1e6 (y - 0.1)^4", (-1.0, 1.0), 500, &[Status::Converged, Status::Floor]),
    ];
    for (text, range, steps, allowed) in cases {
        let n = Expression::parse(text)?.variables().len();
        let columns = starts::uniform_box(2, 50, &vec![range; n]);
        let search = Search { steps, ..search(Method::Auto, vec![range; n], engine.precision) };
        let ends = run(text, search, &columns, 0..50, (backend, engine.precision))?;
        for k in 0..50 {
            let status = ends.statuses[k];
            require(allowed.contains(&status), || format!("{text}: {status:?} at {:?}", point(&ends, k)))?;
            let finite =
                ends.values.get(k).is_finite() && ends.positions.iter().all(|column| column.get(k).is_finite());
            require(finite || !status.is_success(), || format!("{text}: {status:?}, f = {}", ends.values.get(k)))?;
            let told = status != Status::Value || !ends.values.get(k).is_finite();
            require(told, || format!("{text}: f = {} where it is not finite", ends.values.get(k)))?;
            require(u64::from(ends.steps[k]) <= steps, || format!("{text}: {} steps of {steps}", ends.steps[k]))?;
        }
    }
    Ok(())
}

/// f falls up to the edge of its domain, where its slope is infinite or not small: no minimum, though from one place to the
/// next the slope changes by as much as it has. Beside it a minimum, to show that this alone makes the difference.
fn edges(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    for (text, minimum) in [
        ("sqrt(x - 1)", false),
        ("ln(x - 1)", false),
        ("sqrt(x - 1) + (y - 1/3)^2", false),
        ("-(x - 1) ln(x - 1)", false),
        ("1e6 (x - 1) ln(x - 1)", true),
    ] {
        let n = Expression::parse(text)?.variables().len();
        let columns = starts::uniform_box(3, 60, &vec![(1.01, 1.3); n]);
        let ranges = vec![(1.0, 1.3); n];
        let ends =
            run(text, search(Method::Auto, ranges, engine.precision), &columns, 0..60, (backend, engine.precision))?;
        for k in 0..60 {
            let right = ends.statuses[k].is_success() == minimum;
            require(right, || format!("{text}: {:?} at {:?}", ends.statuses[k], point(&ends, k)))?;
        }
    }
    Ok(())
}

/// The maxima of sin x cos y are at x = pi/2 + k pi, y = m pi with k + m even, f = 1.
fn climbs(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let ranges = vec![(-3.0, 3.0); 2];
    let columns = starts::uniform_box(4, 300, &ranges);
    let search = Search { maximize: true, ..search(Method::Auto, ranges, engine.precision) };
    let ends = run("sin(x) cos(y)", search, &columns, 0..300, (backend, engine.precision))?;
    let top = (0..300).filter(|k| (ends.values.get(*k) - 1.0).abs() < 1e-5 && ends.statuses[*k].is_success()).count();
    let points = Points::list(ends.positions.clone());
    require(top >= 297, || format!("{top} of 300 at 1, the first at {:?}", points.point(0)))
}

/// A rule ends where the gradient vanishes, at its best point; at bounds as well; one with noise is refused.
fn rules_come_to_rest(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let ranges = vec![(-1.0, 1.0), (0.0, 2.0)];
    let columns = starts::uniform_box(2, 60, &ranges);
    for (name, lr) in [("gd", 0.2), ("momentum", 0.05), ("adagrad", 0.5)] {
        let row = rules::by_name(name).ok_or("no such rule")?;
        let mut rule = Rule::of(row)?;
        rule.set("lr", lr)?;
        let method = Method::Rule(Box::new(rule));
        let free = search(method, ranges.clone(), engine.precision);
        let ends = run("(x - 3)^2 + (y - 0.5)^2", free.clone(), &columns, 0..60, (backend, engine.precision))?;
        let bound = Search { bounds: Some(ranges.clone()), ..free };
        let held = run("(x - 3)^2 + (y - 0.5)^2", bound, &columns, 0..60, (backend, engine.precision))?;
        for k in 0..60 {
            let (x, y) = (point(&ends, k), point(&held, k));
            let near = |x: &[f64], at: f64| (x[0] - at).abs() < 1e-4 && (x[1] - 0.5).abs() < 1e-4;
            let right = near(&x, 3.0) && ends.statuses[k].is_success();
            require(right, || format!("{name}: {:?} at {x:?}", ends.statuses[k]))?;
            let right = near(&y, 1.0) && held.statuses[k] == Status::Bound;
            require(right, || format!("{name} in the box: {:?} at {y:?}", held.statuses[k]))?;
        }
    }
    let wild = Rule::parse("wild", "x = x - 2 lr g", vec![("lr".to_string(), 10.0)])?;
    let wild = search(Method::Rule(Box::new(wild)), ranges.clone(), engine.precision);
    let ends = run("x^2 + y^4", wild, &columns, 0..60, (backend, engine.precision))?;
    let lost = ends.statuses.iter().all(|status| [Status::Escaped, Status::Value].contains(status));
    require(lost && (0..60).all(|k| ends.values.get(k).is_finite()), || format!("{:?}", ends.statuses))?;
    let noisy = rules::by_name("langevin").ok_or("no such rule")?;
    let noisy = search(Method::Rule(Box::new(Rule::of(noisy)?)), ranges, engine.precision);
    let told = run("x^2 + y^2", noisy, &columns, 0..60, (backend, engine.precision)).err();
    require(told.as_ref().is_some_and(|told| format!("{told:?}").contains("noise")), || format!("{told:?}"))
}

fn nothing_to_move() -> Result<(), Failed> {
    let expression = Expression::parse("1 + 2")?;
    let cpu = Cpu::new(Some(1))?;
    let error = Searcher::new(&expression, search(Method::Auto, vec![], Precision::F64), &cpu, Precision::F64).err();
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    require(text.contains("no variables") && text.contains("--vars"), || text)
}

/// What chooses an engine believes of a search's work what it comes to, within a factor of four: its instructions, which
/// are more than those of f and its gradient, and its evaluations, which are fewer than it may take.
fn foreseen() -> Result<(), Failed> {
    let cpu = Cpu::new(Some(2))?;
    for case in &CASES {
        let expression = Expression::parse(case.text)?;
        let n = expression.variables().len();
        let precision = Precision::F64;
        let search = search(case.method.clone(), vec![case.range; n], precision);
        let (tape, steps) = search.outlook(&expression, precision)?;
        let columns = starts::uniform_box(3, 200, &search.ranges);
        let ends = run(case.text, search, &columns, 0..200, (&cpu, precision))?;
        let taken = ends.steps.iter().map(|steps| f64::from(*steps)).sum::<f64>() / ends.len() as f64;
        let ratio = steps as f64 / taken;
        // The parabola takes three, which no run is long for.
        let near = (0.25..4.0).contains(&ratio) || taken < 8.0 && ratio > 1.0;
        require(near, || format!("{}: {steps} evaluations are foreseen, {taken} were taken", case.name))?;
        let instructions = tape.code.len() as f64;
        let demand = Demand::steps(&tape, 200.0, steps as f64, precision);
        let operations = demand.operations / instructions;
        // Few of a solver's instructions are dear, and most are no more than selections.
        require((0.8..1.5).contains(&operations), || format!("{}: {operations} an instruction", case.name))?;
        let gradient = tape_of(&expression.gradient()?).code.len();
        require(tape.code.len() > 2 * gradient, || format!("{}: {} instructions", case.name, tape.code.len()))?;
    }
    Ok(())
}
