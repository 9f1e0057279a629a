//! The benchmarks, a group per stage of the river, under the same names for each engine; see `README.md` beside this.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradfield::backend::cpu::Cpu;
use gradfield::backend::{Backend, Steps};
use gradfield::descent::{Rule, rule::CLOCK, rules, starts};
use gradfield::expr::{Outputs, Style};
use gradfield::field::{Evaluator, tape_of};
use gradfield::files::{Channels, PngHead, write_png};
use gradfield::picture::{
    ArrowColour, ArrowLength, Arrows, ColourMap, Colouring, INK, Layer, Picture, Pivot, Scale, lattice,
};
use gradfield::{Expression, Points, Precision, Values};
use std::hint::black_box;
use std::time::Duration;

/// Transcendental, with shared parts: all arithmetic.
const MIX: &str = "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)";
/// The cheapest, which is all memory.
const SPHERE: &str = "x^2 + y^2";
/// Ten variables, a chain of polynomials.
const ROSENBROCK: &str = "sum(i, 1, 9, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
/// Thirty variables, a sine each.
const RASTRIGIN: &str = "sum(i, 1, 30, x[i]^2 - 10cos(2pi x[i]) + 10)";
/// A hundred variables: how the stages before the numbers grow.
const LONG: &str = "sum(i, 1, 99, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";

const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::F64];

type Engines = Vec<(&'static str, Box<dyn Backend>)>;

/// The engines to measure: the CPU, and a hardware GPU where there is one.
fn engines() -> Engines {
    let mut engines: Engines = Vec::new();
    if let Ok(cpu) = Cpu::new(None) {
        engines.push(("cpu", Box::new(cpu)));
    }
    #[cfg(feature = "gpu")]
    if let Ok((gpu, _)) = gradfield::backend::gpu::Gpu::open("auto") {
        engines.push(("gpu", Box::new(gpu)));
    }
    engines
}

fn gradient(text: &str) -> Outputs {
    Expression::parse(text).expect("in the language").gradient().expect("differentiable")
}

/// Text to graph, graph to gradient, gradient to tape, tape to a program, graph to text.
fn expression(c: &mut Criterion) {
    let mut group = c.benchmark_group("expression");
    let cpu = Cpu::new(Some(1)).expect("threads");
    for (name, text) in [("mix", MIX), ("rastrigin30", RASTRIGIN), ("rosenbrock100", LONG)] {
        let f = Expression::parse(text).expect("in the language");
        let outputs = gradient(text);
        let tape = tape_of(&outputs);
        group.bench_function(BenchmarkId::new("parse", name), |b| b.iter(|| Expression::parse(black_box(text))));
        group.bench_function(BenchmarkId::new("derive", name), |b| b.iter(|| f.gradient()));
        group.bench_function(BenchmarkId::new("lower", name), |b| b.iter(|| tape_of(&outputs)));
        group.bench_function(BenchmarkId::new("print", name), |b| b.iter(|| outputs.print(Style::Text)));
        for precision in PRECISIONS {
            let id = BenchmarkId::new(format!("prepare/{}", precision.name()), name);
            group.bench_function(id, |b| b.iter(|| cpu.prepare(&tape, precision).map(drop)));
        }
    }
    group.finish();
}

/// f and the gradient at `points`, into columns that are there already, in each format on each engine.
fn evaluations(group: &mut BenchmarkGroup<WallTime>, engines: &Engines, name: &str, text: &str, points: &Points) {
    let outputs = gradient(text);
    group.throughput(Throughput::Elements(points.len() as u64));
    for precision in PRECISIONS {
        for (engine, backend) in engines {
            let Ok(mut evaluator) = Evaluator::new(&outputs, backend.as_ref(), precision) else { continue };
            let Ok(mut columns) = evaluator.evaluate(points) else { continue };
            let id = BenchmarkId::new(format!("{name}/{}/{engine}", precision.name()), points.len());
            group.bench_function(id, |b| b.iter(|| evaluator.evaluate_into(points, &mut columns)));
        }
    }
}

/// Grids of a size for each cache; lists of points in many variables.
fn evaluate(c: &mut Criterion) {
    let mut group = c.benchmark_group("evaluate");
    group.sample_size(10);
    let engines = engines();
    for (name, text) in [("sphere", SPHERE), ("mix", MIX)] {
        for side in [256, 1024, 4096] {
            let points = Points::Grid(vec![Points::linspace(-3.0, 3.0, side); 2]);
            evaluations(&mut group, &engines, name, text, &points);
        }
    }
    for (name, text, dimension, count) in
        [("rosenbrock10", ROSENBROCK, 10, 1 << 18), ("rastrigin30", RASTRIGIN, 30, 1 << 17)]
    {
        let points = Points::columns(starts::uniform_box(7, count, &vec![(-3.0, 3.0); dimension]));
        evaluations(&mut group, &engines, name, text, &points);
    }
    group.finish();
}

/// Steps of particles under a rule: 10,240 particles in all, 100 steps; the state is fresh each time.
fn descents(group: &mut BenchmarkGroup<WallTime>, engines: &Engines, name: &str, text: &str, row: &rules::Row) {
    const PARTICLES: usize = 10_240;
    const COUNT: u64 = 100;
    let outputs = gradient(text);
    let mut rule = Rule::of(row).expect("a row of the table");
    // So small that no particle runs away.
    rule.set("lr", 1e-4).expect("every rule has a rate");
    let fused = rule.fuse(&outputs, false);
    let columns = starts::uniform_box(1, PARTICLES, &vec![(-3.0, 3.0); fused.dimension]);
    let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count: COUNT };
    group.throughput(Throughput::Elements(PARTICLES as u64 * COUNT));
    for precision in PRECISIONS {
        let start = fused.state(columns.iter().map(|v| Values::from_f64(precision, v)).collect(), 1);
        let mut state = start.clone();
        for (engine, backend) in engines {
            let Ok(mut program) = backend.prepare(&fused.tape, precision) else { continue };
            let id = BenchmarkId::new(format!("{name}/{}/{}", row.name, precision.name()), engine);
            group.bench_function(id, |b| {
                b.iter(|| {
                    state.clone_from(&start);
                    program.iterate(&mut state, &steps)
                });
            });
        }
    }
}

/// Every rule in the plane; those of most work in many variables.
fn descend(c: &mut Criterion) {
    let mut group = c.benchmark_group("descend");
    group.sample_size(10);
    let engines = engines();
    for row in rules::TABLE {
        descents(&mut group, &engines, "mix", MIX, row);
    }
    for row in rules::TABLE.iter().filter(|row| ["gd", "adam"].contains(&row.name)) {
        descents(&mut group, &engines, "rosenbrock10", ROSENBROCK, row);
        descents(&mut group, &engines, "rastrigin30", RASTRIGIN, row);
    }
    group.finish();
}

/// The quiver figure: 400 arrows, axes, labels. Then values to colours to a PNG, as `plot --bare` does a band.
fn picture(c: &mut Criterion) {
    let (x, y) = lattice(20, 20, (-3.0, 3.0), (-3.0, 3.0));
    let twice = |values: &[f64]| values.iter().map(|v| 2.0 * v).collect::<Vec<f64>>();
    let (u, v) = (twice(&x), twice(&y));
    let (colour, length, pivot) = (ArrowColour::Plain(INK), ArrowLength::Linear, Pivot::Middle);
    let mut picture = Picture::new(800, 700);
    (picture.x_range, picture.y_range) = ((-3.0, 3.0), (-3.0, 3.0));
    picture.layers.push(Layer::from(Arrows { x, y, u, v, colour, length, pivot, label: String::new() }));
    let mut group = c.benchmark_group("picture");
    group.sample_size(10);
    group.bench_function("quiver 20x20", |b| b.iter(|| picture.draw()));

    const SIDE: usize = 2048;
    let place = |k: usize| 6.0 * (k as f32 / SIDE as f32) - 3.0;
    let bowl = |k: usize| place(k % SIDE).powi(2) + place(k / SIDE).powi(2);
    let values: Vec<f32> = (0..SIDE * SIDE).map(bowl).collect();
    let colouring = Colouring::new(ColourMap::sequential(), Scale::Linear, 0.0, 18.0).expect("a range");
    let head = PngHead { width: SIDE, height: SIDE, channels: Channels::Rgb, texts: &[] };
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    let palette = colouring.palette().map(|[red, green, blue, _]| [red, green, blue]);
    let indexed = PngHead { channels: Channels::Palette(&palette), ..head };
    let (mut pixels, mut indices) = (vec![0; 3 * SIDE * SIDE], vec![0; SIDE * SIDE]);
    group.bench_function("colours", |b| b.iter(|| colouring.row_f32(&values, &mut pixels)));
    group.bench_function("colours, palette", |b| b.iter(|| colouring.row_palette_f32(&values, &mut indices)));
    for (name, head, pixels) in [("png", head, &pixels), ("png, palette", indexed, &indices)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut file = Vec::new();
                write_png(&mut file, head, |rows| rows.push(pixels)).map(|()| file.len())
            });
        });
    }
    group.finish();
}

/// Shorter than usual: 50 benchmarks in some four minutes.
fn brief() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3))
}

criterion_group!(name = benches; config = brief(); targets = expression, evaluate, descend, picture);
criterion_main!(benches);
