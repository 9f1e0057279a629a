//! One measurement in the protocol of the peers' scripts, so that gradfield runs beside them in one run.
//!
//! `peer W1 FUNCTION f32|f64`: f and its gradient on 4096 x 4096 points of [-3, 3]^2 (for the functions of 10 and 30
//! variables: on 2^20 and 2^19 random points). `peer W2 FUNCTION gd|adam`: 100,000 particles for 1000 steps (200 in
//! 10 and 30 dimensions), f32. `peer cold FUNCTION f32|f64`: W1 once. Prints one line `@@{json}` with seconds
//! (first, median, min, max) and the largest error as the peers define it:
//! |got - want| / (|want| + mean |want|), want from the f64 reference at the same rounded coordinates, every fifth row.

use gradfield::backend::Backend;
use gradfield::backend::Steps;
use gradfield::backend::cpu::Cpu;
use gradfield::backend::reference::Reference;
use gradfield::bench::Samples;
use gradfield::descent::{Rule, rule::CLOCK, rules, starts};
use gradfield::field::{Evaluator, tape_of};
use gradfield::{Error, Expression, Points, Precision, Values};
use std::time::Instant;

/// The functions of the peers' scripts.
const FUNCTIONS: [(&str, &str); 9] = [
    ("sphere", "x^2 + y^2"),
    ("seed", "3x^2 + 8xy - 3y^5"),
    ("rosenbrock", "(1 - x)^2 + 100(y - x^2)^2"),
    ("himmelblau", "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"),
    ("rastrigin2", "20 + x^2 + y^2 - 10(cos(2pi x) + cos(2pi y))"),
    ("ackley2", "-20exp(-0.2sqrt(0.5(x^2 + y^2))) - exp(0.5(cos(2pi x) + cos(2pi y))) + e + 20"),
    ("mix", "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)"),
    ("rosenbrock10", "sum(i, 1, 9, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"),
    ("rastrigin30", "sum(i, 1, 30, x[i]^2 - 10cos(2pi x[i]) + 10)"),
];

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, name, variant] = arguments.as_slice() else {
        eprintln!("usage: peer W1|W2|cold FUNCTION f32|f64|gd|adam");
        std::process::exit(2);
    };
    let Some((_, text)) = FUNCTIONS.iter().find(|(known, _)| known == name) else {
        eprintln!("peer: no function {name}");
        std::process::exit(2);
    };
    let expression = Expression::parse(text)?;
    let cpu = Cpu::new(std::env::var("PEERS_THREADS").ok().and_then(|n| n.parse().ok()))?;
    let precision = if variant == "f64" { Precision::F64 } else { Precision::F32 };
    match work.as_str() {
        "W2" => descent(&expression, variant, &cpu),
        _ => field(&expression, precision, work == "cold", &cpu),
    }
}

fn points(expression: &Expression, precision: Precision) -> Points {
    let n = expression.variables().len();
    let ranges = vec![(-3.0, 3.0); n];
    match n {
        2 => Points::Grid(vec![Points::linspace(-3.0, 3.0, 4096); 2]).rounded(precision),
        _ => {
            Points::columns(starts::uniform_box(7, if n == 10 { 1 << 20 } else { 1 << 19 }, &ranges)).rounded(precision)
        }
    }
}

fn field(expression: &Expression, precision: Precision, cold: bool, cpu: &Cpu) -> Result<(), Error> {
    let outputs = expression.gradient()?;
    let points = points(expression, precision);
    let start = Instant::now();
    let mut evaluator = Evaluator::new(&outputs, cpu, precision)?;
    let mut columns = evaluator.evaluate(&points)?;
    let first = start.elapsed().as_secs_f64();
    let repetitions = if cold { 1 } else { 15 };
    let samples = Samples::take(repetitions, 12.0, || evaluator.evaluate_into(&points, &mut columns))?;
    let error = if cold { 0.0 } else { largest_error(expression, &points, &columns)? };
    print(&samples, first, error);
    Ok(())
}

/// Against the f64 reference at every fifth row of a grid, every fifth point of a list.
fn largest_error(expression: &Expression, points: &Points, columns: &[Values]) -> Result<f64, Error> {
    let width = points.shape().last().copied().unwrap_or(1);
    let rows = if matches!(points, Points::Grid(_)) { points.len() / width } else { points.len() };
    let width = points.len() / rows;
    let picked: Vec<usize> = (0..rows).step_by(5).flat_map(|row| row * width..(row + 1) * width).collect();
    let coordinates: Vec<Vec<f64>> = picked.iter().map(|k| points.point(*k)).collect();
    let n = expression.variables().len();
    let list = Points::columns((0..n).map(|v| coordinates.iter().map(|point| point[v]).collect()).collect());
    let tape = tape_of(&expression.gradient()?);
    let mut exact = vec![Values::zeros(Precision::F64, list.len()); tape.outputs.len()];
    Reference.prepare(&tape, Precision::F64)?.evaluate(&list, &[], &mut exact)?;
    let mut worst = 0.0f64;
    for (column, exact) in columns.iter().zip(&exact) {
        let exact = exact.to_f64();
        let mean = exact.iter().map(|v| v.abs()).sum::<f64>() / exact.len() as f64;
        for (k, want) in picked.iter().zip(&exact) {
            worst = worst.max((column.get(*k) - want).abs() / (want.abs() + mean));
        }
    }
    Ok(worst)
}

fn descent(expression: &Expression, name: &str, cpu: &Cpu) -> Result<(), Error> {
    let precision = Precision::F32;
    let n = expression.variables().len();
    let (row, lr) = if name == "adam" { (rules::by_name("adam"), 1e-2) } else { (rules::by_name("gd"), 1e-3) };
    let mut rule = Rule::of(row.unwrap_or(&rules::TABLE[0]))?;
    rule.set("lr", lr)?;
    let fused = rule.fuse(&expression.gradient()?, false);
    let mut program = cpu.prepare(&fused.tape, precision)?;
    let columns = starts::uniform_box(42, 100_000, &vec![(-3.0, 3.0); n]);
    let mut start: Vec<Values> = columns.iter().map(|column| Values::from_f64(precision, column)).collect();
    start.resize(fused.tape.outputs.len(), Values::zeros(precision, 100_000));
    let count = if n > 2 { 200 } else { 1000 };
    let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count };
    let lap = Instant::now();
    program.iterate(&mut start.clone(), &steps)?;
    let first = lap.elapsed().as_secs_f64();
    let samples = Samples::take(7, 20.0, || program.iterate(&mut start.clone(), &steps))?;
    print(&samples, first, 0.0);
    Ok(())
}

fn print(samples: &Samples, first: f64, error: f64) {
    println!(
        "@@{{\"median\":{},\"min\":{},\"max\":{},\"first\":{first},\"err\":{error},\"agree\":null,\"best\":null}}",
        samples.median(),
        samples.min(),
        samples.max()
    );
}
