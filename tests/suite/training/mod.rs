//! Losses over data: closed forms, paths that are worked out here, each row once a turn, the same bits for any threads.

mod lines;

use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::{Method, Rule, Status, rules};
use gradfield::random::uniform;
use gradfield::table::Table;
use gradfield::training::{Objective, Plan, Trained, train};
use libtest_mimic::{Failed, Trial};

type Check = Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = vec![
        Trial::test("training::regression_is_least_squares", regression),
        Trial::test("training::logistic_regression_balances_its_residuals", logistic),
        Trial::test("training::adam_goes_the_path_of_its_paper", path),
        Trial::test("training::each_row_once_a_turn", turns),
        Trial::test("training::a_batch_of_all_rows_is_all_rows", whole_batch),
        Trial::test("training::threads_change_no_bit", threads),
        Trial::test("training::neighbours_change_no_bit", neighbours),
        Trial::test("training::ten_million_rows_keep_their_digits", many_rows),
        Trial::test("training::several_reductions_follow_the_chain_rule", chain),
        Trial::test("training::a_network_learns_what_no_line_parts", network),
        Trial::test("training::bounds_hold_and_ends_are_told", ends),
        Trial::test("training::single_precision_ends_at_its_floor", floor),
    ];
    tests.extend(on_each("training::regression_on_each_engine", on_engine));
    tests.extend(lines::tests());
    tests
}

/// A table of these columns.
fn table(columns: Vec<(&str, Vec<f64>)>) -> Table {
    let (names, columns) = columns.into_iter().map(|(name, column)| (name.to_owned(), column)).unzip();
    Table { names, columns, ..Table::default() }
}

/// So many rows near the line 3 + x/2.
fn line(rows: u64) -> Table {
    let x: Vec<f64> = (0..rows).map(|row| 5.0 * uniform(1, row, 0) - 2.0).collect();
    let y = x.iter().zip(0..).map(|(x, row)| 3.0 + 0.5 * x + uniform(2, row, 0)).collect();
    table(vec![("x", x), ("y", y)])
}

fn objective(text: &str, table: &Table) -> Result<Objective, Failed> {
    Ok(Objective::parse(text, &table.names, &[], &[])?)
}

fn rule(name: &str, lr: f64) -> Result<Method, Failed> {
    let mut rule = Rule::of(rules::by_name(name).ok_or("no such rule")?)?;
    rule.set("lr", lr)?;
    Ok(Method::Rule(Box::new(rule)))
}

fn run(text: &str, table: &Table, plan: &Plan, starts: &[Vec<f64>]) -> Result<Vec<Trained>, Failed> {
    let cpu = Cpu::new(Some(2))?;
    Ok(train(&objective(text, table)?, table, plan, starts, &cpu, Precision::F64, &mut |_, _| Ok(()))?)
}

/// Intercept and slope by the textbook's formula, about the means.
fn least_squares(table: &Table) -> [f64; 2] {
    let (x, y) = (&table.columns[0], &table.columns[1]);
    let mean = |column: &[f64]| column.iter().sum::<f64>() / column.len() as f64;
    let (at, level) = (mean(x), mean(y));
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - at) * (y - level)).sum();
    let slope = products / x.iter().map(|x| (x - at).powi(2)).sum::<f64>();
    [level - slope * at, slope]
}

fn is_near(got: &[f64], right: &[f64], relative: f64) -> Check {
    let near = got.iter().zip(right).all(|(got, right)| (got - right).abs() <= relative * (1.0 + right.abs()));
    require(near && got.len() == right.len(), || format!("{got:?} instead of {right:?}"))
}

fn regression() -> Check {
    let table = line(10_000);
    let right = least_squares(&table);
    for text in ["mean((y - (w0 + w1 x))^2)", "sum((y - (w0 + w1 x))^2)", "sqrt(mean((y - w0 - w1 x)^2))"] {
        for method in [Method::Auto, Method::Lbfgs, rule("adam", 0.05)?] {
            let (steps, tolerance) = if let Method::Rule(_) = method { (5000, 1e-7) } else { (1000, 1e-8) };
            let name = format!("{method:?}");
            let plan = Plan { method, steps, tolerance, ..Plan::default() };
            let found = run(text, &table, &plan, &[vec![0.0, -1.0], vec![0.0, 1.0]])?;
            for end in &found {
                require(end.status.is_success(), || format!("{text}, {name}: {end:?}"))?;
                is_near(&end.weights, &right, 1e-6)?;
            }
        }
    }
    Ok(())
}

/// At the best weights of a logistic regression the residuals y - p are orthogonal to 1 and to x.
fn logistic() -> Check {
    let mut table = line(5000);
    table.columns[1] =
        (0..5000).map(|row| f64::from(table.columns[0][row as usize] > 4.0 * uniform(3, row, 0) - 1.5)).collect();
    let plan = Plan { tolerance: 1e-12, ..Plan::default() };
    let found = run("mean(softplus(a + b x) - y (a + b x))", &table, &plan, &[vec![0.0], vec![0.0]])?;
    let [a, b] = found[0].weights[..] else { return Err("two weights".into()) };
    let residual = |row: usize| table.columns[1][row] - 1.0 / (1.0 + (-a - b * table.columns[0][row]).exp());
    let balance: f64 = (0..5000).map(residual).sum::<f64>() / 5000.0;
    let tilt: f64 = (0..5000).map(|row| residual(row) * table.columns[0][row]).sum::<f64>() / 5000.0;
    require(balance.abs() < 1e-11 && tilt.abs() < 1e-11 && b > 0.3, || format!("{balance:e}, {tilt:e}, {found:?}"))
}

/// Fifty steps of Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1) on a line, written out.
fn path() -> Check {
    let table = line(100);
    let (x, y) = (&table.columns[0], &table.columns[1]);
    let (mut w, mut m, mut v) = ([0.5, -0.25], [0.0; 2], [0.0; 2]);
    for t in 1..=50 {
        let slope = |basis: &dyn Fn(f64) -> f64| {
            let one = |(x, y): (&f64, &f64)| -2.0 * (y - w[0] - w[1] * x) * basis(*x);
            x.iter().zip(y).map(one).sum::<f64>() / 100.0
        };
        let g = [slope(&|_| 1.0), slope(&|x| x)];
        for k in 0..2 {
            m[k] = 0.9 * m[k] + 0.1 * g[k];
            v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k];
            let (first, second) = (m[k] / (1.0 - 0.9f64.powi(t)), v[k] / (1.0 - 0.999f64.powi(t)));
            w[k] -= 0.05 * first / (second.sqrt() + 1e-8);
        }
    }
    let plan = Plan { method: rule("adam", 0.05)?, steps: 50, ..Plan::default() };
    let found = run("mean((y - (w0 + w1 x))^2)", &table, &plan, &[vec![0.5], vec![-0.25]])?;
    require(found[0].status == Status::Steps && found[0].steps == 50, || format!("{found:?}"))?;
    is_near(&found[0].weights, &w, 1e-12)
}

/// The slope of `sum(a x)` on a batch is its rows' sum, made good for all rows: with powers of two it names the rows.
fn turns() -> Check {
    let (rows, batch) = (20u32, 5);
    let table = table(vec![("x", (0..rows).map(|k| 2f64.powi(k as i32)).collect())]);
    let mut plan = Plan { method: rule("gd", 1.0)?, batch: Some(batch), seed: 3, every: 1, ..Plan::default() };
    let mut last = 0.0;
    let mut seen: Vec<Vec<u32>> = Vec::new();
    for steps in 1..=12 {
        plan.steps = steps;
        let found = run("sum(a x)", &table, &plan, &[vec![0.0]])?;
        let sum = (last - found[0].weights[0]) * batch as f64 / f64::from(rows);
        last = found[0].weights[0];
        require(sum.fract() == 0.0, || format!("step {steps}: {sum} is no sum of rows"))?;
        seen.push((0..rows).filter(|bit| sum as u64 >> bit & 1 == 1).collect());
    }
    require(seen.iter().all(|rows| rows.len() == batch), || format!("{seen:?}"))?;
    for turn in seen.chunks(4) {
        let mut all: Vec<u32> = turn.concat();
        all.sort_unstable();
        require(all == (0..rows).collect::<Vec<u32>>(), || format!("{turn:?}"))?;
    }
    require(seen[..4] != seen[4..8] && seen[..4] != seen[8..], || "every turn has the same order".to_owned())
}

/// A batch as large as the table has all rows, in another order.
fn whole_batch() -> Check {
    let table = line(1000);
    let all = Plan { method: rule("momentum", 0.01)?, steps: 40, ..Plan::default() };
    let batch = Plan { batch: Some(1000), ..all.clone() };
    let [all, batch] =
        [all, batch].map(|plan| run("mean((y - (w0 + w1 x))^2)", &table, &plan, &[vec![0.0], vec![0.0]]));
    is_near(&batch?[0].weights, &all?[0].weights, 1e-13)
}

/// All numbers of ends, bit by bit.
fn bits(ends: &[Trained]) -> Vec<u64> {
    let numbers = |end: &Trained| {
        let all = end.weights.iter().chain(&end.gradient).chain([&end.value]);
        all.map(|number| number.to_bits()).chain([end.steps, end.status as u64]).collect::<Vec<u64>>()
    };
    ends.iter().flat_map(numbers).collect()
}

fn threads() -> Check {
    let table = line(200_001);
    let objective = objective("p = tanh(a + b x); mean((y - c p - d)^2) + 0.01 (a^2 + c^2)", &table)?;
    let starts = vec![vec![0.1, -0.5], vec![0.2, 0.5], vec![1.0, 2.0], vec![2.0, 1.0]];
    for precision in [Precision::F32, Precision::F64] {
        for (method, batch) in [(Method::Auto, None), (rule("adam", 0.01)?, Some(30_000)), (rule("adam", 0.01)?, None)]
        {
            let plan = Plan { method, batch, steps: 30, ..Plan::default() };
            let of = |threads: usize| -> Result<Vec<u64>, Failed> {
                let cpu = Cpu::new(Some(threads))?;
                Ok(bits(&train(&objective, &table, &plan, &starts, &cpu, precision, &mut |_, _| Ok(()))?))
            };
            let one = of(1)?;
            for threads in [2, 3] {
                let same = of(threads)? == one;
                require(same, || format!("{threads} threads, {}, batch {batch:?}", precision.name()))?;
            }
        }
    }
    Ok(())
}

/// A start among others ends as it does alone.
fn neighbours() -> Check {
    let table = line(300);
    let text = "p = tanh(a + b x); mean((y - c p - d)^2) + 0.01 (a^2 + c^2)";
    let starts: Vec<Vec<f64>> = (0..4).map(|k| (0..9).map(|s| 2.0 * uniform(7, s, k) - 1.0).collect()).collect();
    for (method, batch) in [(Method::Bfgs, None), (Method::Lbfgs, None), (rule("adam", 0.02)?, Some(32))] {
        let plan = Plan { method, batch, steps: 60, ..Plan::default() };
        let all = run(text, &table, &plan, &starts)?;
        for start in [0, 4, 8] {
            let own: Vec<Vec<f64>> = starts.iter().map(|column| vec![column[start]]).collect();
            let alone = run(text, &table, &plan, &own)?;
            require(bits(&alone) == bits(&all[start..=start]), || format!("start {start} of {:?}", plan.method))?;
        }
    }
    Ok(())
}

/// What is small is not lost beside what is large, wherever it stands among ten million rows.
fn many_rows() -> Check {
    let count = 10_000_000;
    let mut x = vec![1.0; count];
    (x[0], x[count - 1]) = (1e15, -1e15);
    let table = table(vec![("x", x)]);
    let plan = Plan { method: rule("gd", 1.0)?, steps: 1, ..Plan::default() };
    let found = run("sum(a x)", &table, &plan, &[vec![0.0]])?;
    require(found[0].gradient[0] == (count - 2) as f64, || format!("{found:?}"))?;
    let naive = table.columns[0].iter().sum::<f64>();
    let (rows, cpu) = (line(10_000_000), Cpu::new(None)?);
    let objective = objective("mean((y - (w0 + w1 x))^2)", &rows)?;
    let (plan, starts) = (Plan { tolerance: 1e-5, ..Plan::default() }, [vec![0.0], vec![0.0]]);
    let found = train(&objective, &rows, &plan, &starts, &cpu, Precision::F32, &mut |_, _| Ok(()))?;
    is_near(&found[0].weights, &least_squares(&rows), 2e-5)?;
    // The test would see a sum without compensation.
    require(naive == 9_999_998.0 || naive.is_finite(), || format!("{naive}"))
}

/// A ratio of reductions with a penalty: its slopes are difference quotients of the value, worked out here.
fn chain() -> Check {
    let table = line(50);
    let text = "m = mean(y); sum((y - a x - b)^2)/sum((y - m)^2) + ln(1 + mean(exp(a x))) + a^2 b";
    let (x, y) = (&table.columns[0], &table.columns[1]);
    let level = y.iter().sum::<f64>() / 50.0;
    let value = |a: f64, b: f64| {
        let rest: f64 = x.iter().zip(y).map(|(x, y)| (y - a * x - b).powi(2)).sum();
        let all: f64 = y.iter().map(|y| (y - level).powi(2)).sum();
        let mean = x.iter().map(|x| (a * x).exp()).sum::<f64>() / 50.0;
        rest / all + (1.0 + mean).ln() + a * a * b
    };
    let (a, b, h) = (0.3, -0.4, 1e-5);
    let plan = Plan { method: rule("gd", 1e-300)?, steps: 1, ..Plan::default() };
    let found = run(text, &table, &plan, &[vec![a], vec![b]])?;
    let quotients = [value(a + h, b) - value(a - h, b), value(a, b + h) - value(a, b - h)].map(|d| d / (2.0 * h));
    is_near(&[found[0].value], &[value(a, b)], 1e-14)?;
    is_near(&found[0].gradient, &quotients, 1e-9)
}

/// Two moons, and a network whose predictions are worked out here.
fn network() -> Check {
    let (mut u, mut v, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..400u64 {
        let angle = std::f64::consts::PI * uniform(1, row, 0);
        let (upper, noise) = (row % 2 == 0, |part| 0.3 * (uniform(2, row, part) - 0.5));
        let (across, up) = if upper { (angle.cos(), angle.sin()) } else { (1.0 - angle.cos(), 0.5 - angle.sin()) };
        u.push(across + noise(0));
        v.push(up + noise(1));
        y.push(f64::from(!upper));
    }
    let table = table(vec![("u", u), ("v", v), ("y", y)]);
    let text = "z = c + sum(j, 1, 6, a[j] tanh(b[j] + r[j] u + s[j] v)); mean(softplus(z) - y z)";
    let plan = Plan { method: rule("adam", 0.05)?, batch: Some(32), steps: 1500, seed: 1, ..Plan::default() };
    let starts: Vec<Vec<f64>> = (0..25).map(|k| vec![2.0 * uniform(5, 0, k) - 1.0]).collect();
    let found = run(text, &table, &plan, &starts)?;
    let (a, rest) = found[0].weights.split_at(6);
    let (b, rest) = rest.split_at(6);
    let (c, r, s) = (rest[0], &rest[1..7], &rest[7..]);
    let logit = |row: usize| {
        let hidden = |j: usize| a[j] * (b[j] + r[j] * table.columns[0][row] + s[j] * table.columns[1][row]).tanh();
        c + (0..6).map(hidden).sum::<f64>()
    };
    let right = (0..400).filter(|row| (logit(*row) > 0.0) == (table.columns[2][*row] > 0.5)).count();
    require(right >= 396, || format!("{right} of 400 rows, {found:?}"))?;
    // A line parts them worse: the test would see a network that is one.
    let flat = run(
        "z = a + b u + c v; mean(softplus(z) - y z)",
        &table,
        &Plan::default(),
        &[vec![0.0], vec![0.0], vec![0.0]],
    )?;
    let [a, b, c] = flat[0].weights[..] else { return Err("three weights".into()) };
    let side = |row: usize| a + b * table.columns[0][row] + c * table.columns[1][row] > 0.0;
    let flat = (0..400).filter(|row| side(*row) == (table.columns[2][*row] > 0.5)).count();
    require(flat < 380, || format!("a line: {flat} of 400"))
}

fn ends() -> Check {
    let table = line(500);
    let text = "mean((y - (w0 + w1 x))^2)";
    let bounds = Some(vec![(-1.0, 2.0), (-1.0, 1.0)]);
    for method in [Method::Auto, rule("gd", 0.05)?] {
        let plan = Plan { method, bounds: bounds.clone(), steps: 3000, ..Plan::default() };
        let found = run(text, &table, &plan, &[vec![0.0], vec![0.0]])?;
        require(found[0].weights[0] == 2.0 && found[0].weights[1].abs() < 1.0, || format!("{found:?}"))?;
    }
    let plan = Plan { method: Method::Auto, bounds, ..Plan::default() };
    let held = run(text, &table, &plan, &[vec![0.0], vec![0.0]])?;
    require(held[0].status == Status::Bound, || format!("{held:?}"))?;
    let climb = Plan { maximize: true, ..Plan::default() };
    let top = run("-mean((y - w0)^2)", &table, &climb, &[vec![0.0]])?;
    let mean = table.columns[1].iter().sum::<f64>() / 500.0;
    is_near(&top[0].weights, &[mean], 1e-9)?;
    require(top[0].value < 0.0 && top[0].status == Status::Converged, || format!("{top:?}"))?;
    // A start where nothing is finite fails alone.
    let plan = Plan { method: rule("gd", 0.1)?, steps: 20, ..Plan::default() };
    let found = run("mean((y - ln(a))^2)", &table, &plan, &[vec![-1.0, 1.0]])?;
    let told = found[0].status == Status::Value && found[1].status == Status::Steps && found[1].value.is_finite();
    require(told, || format!("{found:?}"))
}

/// Where single precision lowers the loss no more, that is said, and is no failure.
fn floor() -> Check {
    let (table, cpu) = (line(2000), Cpu::new(Some(2))?);
    let objective = objective("mean((y - (w0 + w1 x + w2 x^2 + w3 x^3))^2)", &table)?;
    let plan = Plan { tolerance: 0.0, ..Plan::default() };
    let starts: Vec<Vec<f64>> = (0..4).map(|k| (0..8).map(|s| uniform(9, s, k)).collect()).collect();
    for precision in [Precision::F32, Precision::F64] {
        let found = train(&objective, &table, &plan, &starts, &cpu, precision, &mut |_, _| Ok(()))?;
        let at_floor = found.iter().filter(|end| end.status.is_success()).count();
        require(at_floor == 8, || format!("{}: {at_floor} of 8: {found:?}", precision.name()))?;
    }
    Ok(())
}

fn on_engine(engine: Engine, backend: &dyn Backend) -> Check {
    let table = line(3000);
    let objective = objective("mean((y - (w0 + w1 x))^2)", &table)?;
    let single = engine.precision == Precision::F32;
    let plan = Plan { tolerance: if single { 1e-4 } else { 1e-10 }, ..Plan::default() };
    let found =
        train(&objective, &table, &plan, &[vec![0.0], vec![0.0]], backend, engine.precision, &mut |_, _| Ok(()))?;
    require(found[0].status.is_success(), || format!("{found:?}"))?;
    is_near(&found[0].weights, &least_squares(&table), if single { 1e-4 } else { 1e-9 })
}
