//! The benchmarks, a group per stage of the river, under the same names for each engine; see `README.md` beside this.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradfield::backend::cpu::Cpu;
use gradfield::backend::{Backend, Steps};
use gradfield::descent::{Rule, rule::CLOCK, rules, starts};
use gradfield::expr::Style;
use gradfield::field::{Evaluator, tape_of};
use gradfield::picture::{ArrowColour, ArrowLength, Arrows, INK, Layer, Picture, Pivot, lattice};
use gradfield::{Expression, Points, Precision, Values};
use std::hint::black_box;

/// One exemplary input, transcendental and shared; and the cheapest, which is all memory.
const MIX: &str = "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)";
const SPHERE: &str = "x^2 + y^2";

/// The engines to measure: the CPU, and a hardware GPU where there is one.
fn engines() -> Vec<(&'static str, Box<dyn Backend>)> {
    let mut engines: Vec<(&'static str, Box<dyn Backend>)> = Vec::new();
    if let Ok(cpu) = Cpu::new(None) {
        engines.push(("cpu", Box::new(cpu)));
    }
    #[cfg(feature = "gpu")]
    if let Ok((gpu, _)) = gradfield::backend::gpu::Gpu::open("auto") {
        engines.push(("gpu", Box::new(gpu)));
    }
    engines
}

/// Text to graph, graph to gradient, gradient to tape and to text.
fn expression(c: &mut Criterion) {
    let mut group = c.benchmark_group("expression");
    let f = Expression::parse(MIX).expect("in the language");
    let gradient = f.gradient().expect("differentiable");
    group.bench_function("parse", |b| b.iter(|| Expression::parse(black_box(MIX))));
    group.bench_function("derive", |b| b.iter(|| f.gradient()));
    group.bench_function("lower", |b| b.iter(|| tape_of(&gradient)));
    group.bench_function("print", |b| b.iter(|| gradient.print(Style::Text)));
    let long = "sum(i, 1, 99, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
    group.bench_function("parse and derive 100 variables", |b| {
        b.iter(|| Expression::parse(black_box(long)).map(|f| f.gradient()));
    });
    group.finish();
}

/// f and both partials over a grid, into columns that are there already.
fn evaluate(c: &mut Criterion) {
    let mut group = c.benchmark_group("evaluate");
    group.sample_size(20);
    let engines = engines();
    for (name, text) in [("sphere", SPHERE), ("mix", MIX)] {
        let outputs = Expression::parse(text).map(|f| f.gradient()).expect("in the language").expect("smooth");
        for size in [256usize, 1024, 4096] {
            group.throughput(Throughput::Elements((size * size) as u64));
            let points = Points::Grid(vec![Points::linspace(-3.0, 3.0, size); 2]);
            for precision in [Precision::F32, Precision::F64] {
                for (engine, backend) in &engines {
                    let Ok(mut evaluator) = Evaluator::new(&outputs, backend.as_ref(), precision) else { continue };
                    let Ok(mut columns) = evaluator.evaluate(&points) else { continue };
                    let id = BenchmarkId::new(format!("{name}/{}/{engine}", precision.name()), size);
                    group.bench_function(id, |b| b.iter(|| evaluator.evaluate_into(&points, &mut columns)));
                }
            }
        }
    }
    group.finish();
}

/// 10,000 particles, 100 steps.
fn descend(c: &mut Criterion) {
    let mut group = c.benchmark_group("descend");
    group.sample_size(20);
    let engines = engines();
    group.throughput(Throughput::Elements(1_000_000));
    let outputs = Expression::parse(MIX).map(|f| f.gradient()).expect("in the language").expect("smooth");
    for row in rules::TABLE {
        let rule = Rule::of(row).expect("a row of the table");
        let fused = rule.fuse(&outputs, false);
        let columns = starts::uniform_box(1, 10_000, &[(-3.0, 3.0); 2]);
        let mut start: Vec<Values> = columns.iter().map(|v| Values::from_f64(Precision::F32, v)).collect();
        start.resize(fused.tape.outputs.len(), Values::zeros(Precision::F32, 10_000));
        let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count: 100 };
        for (engine, backend) in &engines {
            let Ok(mut program) = backend.prepare(&fused.tape, Precision::F32) else { continue };
            let id = BenchmarkId::new(row.name, engine);
            group.bench_function(id, |b| b.iter(|| program.iterate(&mut start.clone(), &steps)));
        }
    }
    group.finish();
}

/// The quiver figure: 400 arrows, axes, labels.
fn picture(c: &mut Criterion) {
    let (x, y) = lattice(20, 20, (-3.0, 3.0), (-3.0, 3.0));
    let twice = |values: &[f64]| values.iter().map(|v| 2.0 * v).collect::<Vec<f64>>();
    let (u, v) = (twice(&x), twice(&y));
    let (colour, length, pivot) = (ArrowColour::Plain(INK), ArrowLength::Linear, Pivot::Middle);
    let mut picture = Picture::new(800, 700);
    (picture.x_range, picture.y_range) = ((-3.0, 3.0), (-3.0, 3.0));
    picture.layers.push(Layer::Arrows(Arrows { x, y, u, v, colour, length, pivot, label: String::new() }));
    c.bench_function("picture/quiver 20x20", |b| b.iter(|| picture.draw()));
}

criterion_group!(benches, expression, evaluate, descend, picture);
criterion_main!(benches);
