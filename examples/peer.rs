//! One measurement in the protocol of the peers' scripts, so that gradfield runs beside them in one run.
//!
//! `peer W1 FUNCTION f32|f64`: f and its gradient on 4096 x 4096 points of [-3, 3]^2 (for the functions of 10 and 30
//! variables: on 2^20 and 2^19 random points). `peer W2 FUNCTION gd|adam`: 100,096 particles for 1000 steps (200 in
//! 10 and 30 dimensions), f32. `peer W3 FUNCTION f32|f64`: minimisations from 10,000 starts (`particles=`) in [-3, 3]^n
//! until no partial derivative is above 1e-5 (f32) or 1e-8; `converged` is the share below that, `done` the share that
//! gradfield calls done, `distinct` the number of minima, ends rounded to a thousandth (a tenth beyond 5 variables).
//! `peer cold FUNCTION f32|f64`: W1 once. Prints one line `@@{json}` with seconds
//! (first, median, min, max) and how true the results are, as the peers define it. Grids, `err`: the largest
//! |got - want| / (|want| + mean |want|), want from the f64 reference at the same rounded coordinates. Descents,
//! `agree`: the share of the first 2000 particles that end where the f64 reference takes them, within
//! 0.001 (1 + the largest coordinate); `best`: the least f of all.
//!
//! After these words: `budget=SECONDS` for the repetitions; `out=FILE` writes what is compared (every fifth row of a
//! grid and every sixteenth point of a list, in f64 every 41st and 67th; the ends of the first 2000 particles) as raw
//! columns, for whoever compares it himself, in place of `err` and `agree`; `lr=`, `particles=`, `steps=` of a descent.

use gradfield::backend::Backend;
use gradfield::backend::Steps;
use gradfield::backend::cpu::Cpu;
use gradfield::backend::reference::Reference;
use gradfield::bench::Samples;
use gradfield::descent::{Ends, Method, Rule, Search, Searcher, rule::CLOCK, rules, starts};
use gradfield::expr::Outputs;
use gradfield::field::{Evaluator, tape_of};
use gradfield::{Error, Expression, Points, Precision, Values};
use std::fs::File;
use std::io::{BufWriter, Write};
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

/// Particles whose ends are compared.
const SAMPLE: usize = 2000;

/// What follows the three words.
struct Options {
    budget: f64,
    out: Option<String>,
    lr: Option<f64>,
    particles: usize,
    steps: Option<u64>,
}

impl Options {
    fn parse(texts: &[String]) -> Option<Options> {
        let mut options = Options { budget: 12.0, out: None, lr: None, particles: 100_096, steps: None };
        for text in texts {
            let (key, value) = text.split_once('=')?;
            match key {
                "budget" => options.budget = value.parse().ok()?,
                "out" => options.out = Some(value.to_string()),
                "lr" => options.lr = Some(value.parse().ok()?),
                "particles" => options.particles = value.parse().ok()?,
                "steps" => options.steps = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let known = |name: &String| FUNCTIONS.iter().find(|(known, _)| known == name);
    let parsed = match arguments.as_slice() {
        [work, name, variant, rest @ ..] => known(name).zip(Options::parse(rest)).map(|found| (work, variant, found)),
        _ => None,
    };
    let Some((work, variant, ((_, text), options))) = parsed else {
        eprintln!(
            "usage: peer W1|W2|W3|cold FUNCTION f32|f64|gd|adam [budget=S] [out=FILE] [lr=A] [particles=N] [steps=N]"
        );
        std::process::exit(2);
    };
    let expression = Expression::parse(text)?;
    let cpu = Cpu::new(std::env::var("PEERS_THREADS").ok().and_then(|n| n.parse().ok()))?;
    let precision = if variant == "f64" { Precision::F64 } else { Precision::F32 };
    match work.as_str() {
        "W2" => descent(&expression, variant, &options, &cpu),
        "W3" => minima(&expression, precision, &options, &cpu),
        _ => field(&expression, precision, work == "cold", &options, &cpu),
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

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn field(expression: &Expression, precision: Precision, cold: bool, options: &Options, cpu: &Cpu) -> Outcome {
    let outputs = expression.gradient()?;
    let points = points(expression, precision);
    let start = Instant::now();
    let mut evaluator = Evaluator::new(&outputs, cpu, precision)?;
    let mut columns = evaluator.evaluate(&points)?;
    let first = start.elapsed().as_secs_f64();
    if cold {
        println!("@@{{\"median\":{first},\"min\":{first},\"max\":{first},\"first\":{first}}}");
        return Ok(());
    }
    let samples = Samples::take(15, options.budget, || evaluator.evaluate_into(&points, &mut columns))?;
    let picked = picked(&points, precision);
    match &options.out {
        Some(file) => {
            write(file, &columns, &picked)?;
            print(&samples, first, "");
        }
        None => {
            let error = largest_error(expression, &points, &columns, &picked)?;
            print(&samples, first, &format!(",\"err\":{error}"));
        }
    }
    Ok(())
}

/// The points that are compared: rows of a grid, points of a list.
fn picked(points: &Points, precision: Precision) -> Vec<usize> {
    let grid = matches!(points, Points::Grid(_));
    let width = if grid { points.shape().last().copied().unwrap_or(1) } else { 1 };
    let stride = match (grid, precision) {
        (true, Precision::F32) => 5,
        (true, Precision::F64) => 41,
        (false, Precision::F32) => 16,
        (false, Precision::F64) => 67,
    };
    (0..points.len() / width).step_by(stride).flat_map(|row| row * width..(row + 1) * width).collect()
}

/// Columns one after the other, only some of their elements, as they lie in memory.
fn write(file: &str, columns: &[Values], picked: &[usize]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for column in columns {
        for k in picked {
            match column {
                Values::F32(values) => out.write_all(&values[*k].to_ne_bytes())?,
                Values::F64(values) => out.write_all(&values[*k].to_ne_bytes())?,
            }
        }
    }
    out.flush()
}

/// Against the f64 reference.
fn largest_error(e: &Expression, points: &Points, columns: &[Values], picked: &[usize]) -> Result<f64, Error> {
    let coordinates: Vec<Vec<f64>> = picked.iter().map(|k| points.point(*k)).collect();
    let n = e.variables().len();
    let list = Points::columns((0..n).map(|v| coordinates.iter().map(|point| point[v]).collect()).collect());
    let mut worst = 0.0f64;
    for (column, exact) in columns.iter().zip(truth(&e.gradient()?, &list)?) {
        let mean = exact.iter().map(|v| v.abs()).sum::<f64>() / exact.len() as f64;
        for (k, want) in picked.iter().zip(&exact) {
            worst = worst.max((column.get(*k) - want).abs() / (want.abs() + mean));
        }
    }
    Ok(worst)
}

/// The outputs in f64.
fn truth(outputs: &Outputs, points: &Points) -> Result<Vec<Vec<f64>>, Error> {
    let tape = tape_of(outputs);
    let mut exact = vec![Values::zeros(Precision::F64, points.len()); tape.outputs.len()];
    Reference.prepare(&tape, Precision::F64)?.evaluate(points, &[], &mut exact)?;
    Ok(exact.iter().map(|column| column.to_f64()).collect())
}

fn descent(expression: &Expression, name: &str, options: &Options, cpu: &Cpu) -> Outcome {
    let precision = Precision::F32;
    let n = expression.variables().len();
    let (row, lr) = if name == "adam" { (rules::by_name("adam"), 1e-2) } else { (rules::by_name("gd"), 1e-3) };
    let mut rule = Rule::of(row.unwrap_or(&rules::TABLE[0]))?;
    rule.set("lr", options.lr.unwrap_or(lr))?;
    let outputs = expression.gradient()?;
    let fused = rule.fuse(&outputs, false);
    let mut program = cpu.prepare(&fused.tape, precision)?;
    let columns = starts::uniform_box(42, options.particles, &vec![(-3.0, 3.0); n]);
    let start = fused.state(columns.iter().map(|column| Values::from_f64(precision, column)).collect(), 42);
    let count = options.steps.unwrap_or(if n > 2 { 200 } else { 1000 });
    let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count };
    let lap = Instant::now();
    program.iterate(&mut start.clone(), &steps)?;
    let first = lap.elapsed().as_secs_f64();
    let mut end = start.clone();
    let samples = Samples::take(15, options.budget, || {
        end.clone_from(&start);
        program.iterate(&mut end, &steps)
    })?;
    let sample = SAMPLE.min(options.particles);
    if let Some(file) = &options.out {
        write(file, &end[..n], &(0..sample).collect::<Vec<usize>>())?;
        print(&samples, first, "");
        return Ok(());
    }
    let mut exact: Vec<Values> =
        start.iter().map(|column| Values::F64((0..sample).map(|k| column.get(k)).collect())).collect();
    Reference.prepare(&fused.tape, Precision::F64)?.iterate(&mut exact, &steps)?;
    let ends = Points::columns(end[..n].iter().map(|column| column.to_f64()).collect());
    let best = truth(&outputs, &ends)?[0].iter().copied().filter(|f| f.is_finite()).fold(f64::INFINITY, f64::min);
    print(&samples, first, &format!(",\"agree\":{},\"best\":{best}", agreement(&end[..n], &exact[..n], sample)));
    Ok(())
}

/// Finished minimisations.
fn minima(expression: &Expression, precision: Precision, options: &Options, cpu: &Cpu) -> Outcome {
    let n = expression.variables().len();
    let count = if options.particles == 100_096 { 10_000 } else { options.particles };
    let tolerance = if precision == Precision::F32 { 1e-5 } else { 1e-8 };
    let ranges = vec![(-3.0, 3.0); n];
    let search = Search {
        method: Method::Auto,
        bounds: None,
        ranges: ranges.clone(),
        tolerance,
        steps: options.steps.unwrap_or(2000),
        maximize: false,
    };
    let columns = starts::uniform_box(42, count, &ranges);
    let part = |range: std::ops::Range<u64>| -> Vec<Vec<f64>> {
        columns.iter().map(|column| column[range.start as usize..range.end as usize].to_vec()).collect()
    };
    let lap = Instant::now();
    let mut searcher = Searcher::new(expression, search, cpu, precision)?;
    let mut all: Vec<Ends> = Vec::new();
    let mut run = |all: &mut Vec<Ends>| -> Result<(), Error> {
        all.clear();
        searcher.run(&part, 0..count as u64, &mut |ends| -> Result<(), Error> {
            all.push(ends);
            Ok(())
        })
    };
    run(&mut all)?;
    let first = lap.elapsed().as_secs_f64();
    let samples = Samples::take(15, options.budget, || run(&mut all))?;
    if let Some(file) = &options.out {
        // One batch holds them all.
        write(file, &all[0].positions, &(0..count).collect::<Vec<usize>>())?;
        print(&samples, first, "");
        return Ok(());
    }
    let outputs = expression.gradient()?;
    let (mut converged, mut done, mut steps, mut best) = (0, 0, 0u64, f64::INFINITY);
    let (mut places, mut told) = (std::collections::HashSet::new(), std::collections::BTreeMap::new());
    for ends in &all {
        let points = Points::columns(ends.positions.iter().map(Values::to_f64).collect());
        let exact = truth(&outputs, &points)?;
        for k in 0..ends.statuses.len() {
            *told.entry(ends.statuses[k].name()).or_insert(0) += 1;
            let small = exact[1..].iter().all(|g| g[k].abs() < tolerance);
            converged += usize::from(small && exact[0][k].is_finite());
            done += usize::from(ends.statuses[k].is_success());
            steps += u64::from(ends.steps[k]);
            if ends.statuses[k].is_success() {
                best = best.min(exact[0][k]);
                let unit = if n > 5 { 0.1 } else { 1e-3 };
                places.insert(points.point(k).iter().map(|x| (x / unit).round() as i64).collect::<Vec<i64>>());
            }
        }
    }
    let share = |part: usize| part as f64 / count as f64;
    eprintln!("{told:?}, {:.1} evaluations a start", steps as f64 / count as f64);
    let rate = count as f64 / samples.median();
    print(
        &samples,
        first,
        &format!(
            ",\"starts\":{count},\"sps\":{rate},\"converged\":{},\"done\":{},\"distinct\":{},\"best\":{best}",
            share(converged),
            share(done),
            places.len()
        ),
    );
    Ok(())
}

/// The share of the particles that end where they should. One that runs away agrees with one that does.
fn agreement(ends: &[Values], exact: &[Values], sample: usize) -> f64 {
    let largest = |columns: &[Values], k: usize| {
        columns
            .iter()
            .map(|column| column.get(k).abs())
            .fold(0.0, |most, v| if v > most || v.is_nan() { v } else { most })
    };
    let lost = |columns: &[Values], k: usize| largest(columns, k).is_nan() || largest(columns, k) >= 1e6;
    let agrees = |k: &usize| {
        let far = ends.iter().zip(exact).map(|(end, want)| (end.get(*k) - want.get(*k)).abs()).fold(0.0, f64::max);
        lost(ends, *k) == lost(exact, *k) && (lost(exact, *k) || far < 1e-3 * (1.0 + largest(exact, *k)))
    };
    (0..sample).filter(agrees).count() as f64 / sample as f64
}

fn print(samples: &Samples, first: f64, more: &str) {
    println!(
        "@@{{\"median\":{},\"min\":{},\"max\":{},\"first\":{first}{more}}}",
        samples.median(),
        samples.min(),
        samples.max()
    );
}
