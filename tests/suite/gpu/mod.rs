//! The GPU engine against the host: here order, cutting into pieces, state; `limits.rs` has work beyond a device's
//! limits, `shaders.rs` constants and every operation, `faults.rs` what goes wrong, `stages.rs` its clocks.
//!
//! Most cases want a device (llvmpipe will do). Without one they are ignored, or fail if `GRADFIELD_REQUIRE_GPU` is 1.
//! The arithmetic here is chosen so that every engine gives the same bits: small integers, and products and sums of
//! them; rounding is the matter of the ops' own tests.

use gradfield::backend::gpu::{Adapters, Gpu, Limits};
use gradfield::backend::{Backend, BackendError, Steps};
use gradfield::op::{Op, ops};
use gradfield::points::{Points, Values};
use gradfield::real::Precision::{self, F32, F64};
use gradfield::tape::{Arg, Input, Instruction, Tape};
use libtest_mimic::{Failed, Trial};

mod faults;
mod limits;
mod shaders;
mod stages;

type Check = Result<(), Failed>;
type Case = (&'static str, fn() -> Check);

/// All cases of this file.
pub(crate) fn tests() -> Vec<Trial> {
    let missing = Adapters::find().list().len() == 0;
    let required = std::env::var("GRADFIELD_REQUIRE_GPU").is_ok_and(|value| value == "1");
    let on_device: [Case; 30] = [
        ("grid_order_and_chunks", grid_order_and_chunks),
        ("grid_over_many_boxes", grid_over_many_boxes),
        ("grid_of_four_axes", grid_of_four_axes),
        ("columns_order_and_chunks", columns_order_and_chunks),
        ("a_dear_tape_in_order", a_dear_tape_in_order),
        ("no_variables", no_variables),
        ("many_outputs", many_outputs),
        ("a_program_runs_again", a_program_runs_again),
        ("uniforms_are_read_at_run_time", uniforms_are_read_at_run_time),
        ("steps_in_one_call_or_many", steps_in_one_call_or_many),
        ("the_clock_counts", the_clock_counts),
        ("particles_are_cut_to_the_limits", particles_are_cut_to_the_limits),
        ("constants_arrive_exactly", shaders::constants_arrive_exactly),
        ("every_operation_compiles", shaders::every_operation_compiles),
        ("a_wrong_shader_is_seen", faults::a_wrong_shader_is_seen),
        ("an_invalid_shader_is_an_error", faults::an_invalid_shader_is_an_error),
        ("limits_are_errors", faults::limits_are_errors),
        ("a_lost_device_is_an_error", faults::a_lost_device_is_an_error),
        ("memory_that_runs_out_is_an_error", faults::memory_that_runs_out_is_an_error),
        ("what_the_driver_refuses_is_an_error", faults::what_the_driver_refuses_is_an_error),
        ("a_device_lost_while_waiting_is_an_error", faults::a_device_lost_while_waiting_is_an_error),
        ("a_device_lost_at_any_moment_is_an_error", faults::a_device_lost_at_any_moment_is_an_error),
        ("a_grid_larger_than_a_binding", limits::a_grid_larger_than_a_binding),
        ("a_list_larger_than_a_binding", limits::a_list_larger_than_a_binding),
        ("particles_larger_than_a_binding", limits::particles_larger_than_a_binding),
        ("many_columns", limits::many_columns),
        ("stages_are_told", stages::stages_are_told),
        ("memory_has_a_speed", stages::memory_has_a_speed),
        ("a_tape_is_compiled_once", stages::a_tape_is_compiled_once),
        ("results_come_home_while_the_device_works", limits::results_come_home_while_the_device_works),
    ];
    let device = on_device
        .into_iter()
        .map(|(name, test)| Trial::test(format!("gpu::{name}"), test).with_ignored_flag(missing && !required));
    let host = [
        Trial::test("gpu::every_frame_is_valid_wgsl", shaders::every_frame_is_valid_wgsl),
        Trial::test("gpu::no_shader_can_hang", shaders::no_shader_can_hang),
        Trial::test("gpu::a_shader_holds_only_what_it_calls", shaders::a_shader_holds_only_what_it_calls),
        Trial::test("gpu::a_missing_device_is_an_error", faults::a_missing_device_is_an_error),
    ];
    device.chain(host).collect()
}

// What the cases are made of.

fn gpu() -> Result<Gpu, Failed> {
    Ok(Gpu::open("gpu")?.0)
}

/// A device of 16 MiB bindings, 256 workgroups a dimension, and small chunks.
fn small_gpu() -> Result<Gpu, Failed> {
    let gpu = gpu()?;
    let limits = Limits { binding: 16 << 20, groups: 256, chunk: 1 << 16, state: 1 << 14, ..gpu.limits() };
    Ok(gpu.with_limits(limits))
}

/// The formats that the device has.
fn formats(gpu: &Gpu) -> Vec<Precision> {
    if gpu.adapter().f64 { vec![F32, F64] } else { vec![F32] }
}

fn instruction(op: Op, args: &[Arg]) -> Instruction {
    let at = |k: usize| *args.get(k).unwrap_or(&args[0]);
    Instruction { op, args: [at(0), at(1), at(2)] }
}

fn number(value: f64) -> Arg {
    Arg::Number(value.to_bits())
}

/// For d variables: the sum of 16^k x_k, and the last variable plus 1. Exact for coordinates below 16 and d below 6.
fn digits(dimension: usize) -> Tape {
    let names: Vec<String> = (0..dimension).map(|k| format!("x{k}")).collect();
    let mut code = vec![instruction(ops::MUL, &[Arg::Input(0), number(1.0)])];
    for k in 1..dimension {
        let before = Arg::Value(code.len() as u32 - 1);
        code.push(instruction(ops::MUL, &[Arg::Input(k as u32), number(16f64.powi(k as i32))]));
        code.push(instruction(ops::ADD, &[before, Arg::Value(code.len() as u32 - 1)]));
    }
    let sum = Arg::Value(code.len() as u32 - 1);
    code.push(instruction(ops::ADD, &[Arg::Input(dimension as u32 - 1), number(1.0)]));
    let last = Arg::Value(code.len() as u32 - 1);
    Tape { inputs: Input::varying(&names), code, outputs: vec![sum, last] }
}

/// Coordinates 0 to 15, over and over: neighbours differ, so a point that is off by one is seen.
fn axis(size: usize) -> Vec<f64> {
    (0..size).map(|k| ((k * 7 + k / 16) % 16) as f64).collect()
}

fn expected(points: &Points) -> [Vec<f64>; 2] {
    let all: Vec<Vec<f64>> = (0..points.len()).map(|k| points.point(k)).collect();
    let sum = |p: &Vec<f64>| p.iter().enumerate().map(|(k, x)| 16f64.powi(k as i32) * x).sum();
    [all.iter().map(sum).collect(), all.iter().map(|p| p[p.len() - 1] + 1.0).collect()]
}

fn evaluate(gpu: &Gpu, tape: &Tape, precision: Precision, points: &Points) -> Result<Vec<Vec<f64>>, BackendError> {
    let mut out = vec![Values::from_f64(precision, &vec![-1.0; points.len()]); tape.outputs.len()];
    gpu.prepare(tape, precision)?.evaluate(points, &[], &mut out)?;
    Ok(out.iter().map(Values::to_f64).collect())
}

fn same(found: &[Vec<f64>], wanted: &[Vec<f64>], what: &str) -> Check {
    for (output, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        if found.len() != wanted.len() {
            return Err(format!("{what}: {} numbers instead of {}", found.len(), wanted.len()).into());
        }
        if let Some(k) = (0..found.len()).find(|k| found[*k].to_bits() != wanted[*k].to_bits()) {
            return Err(format!("{what}: output {output}, point {k}: {} instead of {}", found[k], wanted[k]).into());
        }
    }
    Ok(())
}

/// The error's text, which must hold all of `parts`.
fn fails<T>(result: Result<T, BackendError>, parts: &[&str]) -> Check {
    let text = match result {
        Ok(_) => return Err("no error".into()),
        Err(error) => error.to_string(),
    };
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => Err(format!("`{part}` is not in: {text}").into()),
        None if text.contains('\n') => Err(format!("more than a paragraph: {text}").into()),
        None => Ok(()),
    }
}

// Points.

fn grid_order_and_chunks() -> Check {
    let sizes: &[&[usize]] = &[
        &[1],
        &[63],
        &[64],
        &[65],
        &[20_000],
        &[1, 1],
        &[1, 5000],
        &[5000, 1],
        &[64, 64],
        &[127, 129],
        &[300, 77],
        &[5, 4, 3],
        &[1, 7, 1],
        &[40, 30, 20],
        &[2, 1, 9000],
    ];
    for gpu in [gpu()?, small_gpu()?] {
        for precision in formats(&gpu) {
            for size in sizes {
                let points = Points::Grid(size.iter().map(|n| axis(*n)).collect());
                let found = evaluate(&gpu, &digits(size.len()), precision, &points)?;
                same(&found, &expected(&points), &format!("{size:?} in {}", precision.name()))?;
            }
        }
    }
    Ok(())
}

fn grid_over_many_boxes() -> Check {
    // Room for 256 coordinates in f32.
    let gpu = gpu()?;
    let limits = Limits { binding: 1024, groups: 2, chunk: 1024, ..gpu.limits() };
    let gpu = gpu.with_limits(limits);
    for size in [&[1000][..], &[300, 3], &[3, 300], &[1, 700], &[700, 1], &[2, 2, 400], &[400, 2, 2]] {
        let points = Points::Grid(size.iter().map(|n| axis(*n)).collect());
        same(&evaluate(&gpu, &digits(size.len()), F32, &points)?, &expected(&points), &format!("{size:?}"))?;
    }
    Ok(())
}

fn grid_of_four_axes() -> Check {
    let points = Points::Grid(vec![axis(5), axis(6), axis(7), axis(11)]);
    same(&evaluate(&small_gpu()?, &digits(4), F32, &points)?, &expected(&points), "5 x 6 x 7 x 11")
}

fn columns_order_and_chunks() -> Check {
    for gpu in [gpu()?, small_gpu()?] {
        for precision in formats(&gpu) {
            for count in [1, 63, 64, 65, 8191, 8192, 8193, 30_001] {
                let columns = (0..3).map(|k| axis(count + k)[k..].to_vec()).collect();
                let points = Points::columns(columns);
                let found = evaluate(&gpu, &digits(3), precision, &points)?;
                same(&found, &expected(&points), &format!("{count} points in {}", precision.name()))?;
            }
        }
    }
    let none = Points::columns(vec![vec![], vec![]]);
    same(&evaluate(&gpu()?, &digits(2), F32, &none)?, &[vec![], vec![]], "no points")
}

/// A cheap tape is computed for several points by an invocation, a dear one for a single point: here the same results by
/// a tape with a thousand instructions more.
fn a_dear_tape_in_order() -> Check {
    let dear = |dimension: usize| {
        let mut tape = digits(dimension);
        tape.code.extend(vec![instruction(ops::ADD, &[Arg::Input(0), number(1.0)]); 1000]);
        tape
    };
    let grids = [&[1][..], &[65], &[127, 129], &[5, 4, 3], &[1, 7, 1]];
    let mut all: Vec<Points> = grids.iter().map(|size| Points::Grid(size.iter().map(|n| axis(*n)).collect())).collect();
    all.extend([1, 65, 8193].map(|count| Points::columns((0..3).map(|k| axis(count + k)[k..].to_vec()).collect())));
    for gpu in [gpu()?, small_gpu()?] {
        for (points, precision) in all.iter().flat_map(|points| formats(&gpu).into_iter().map(move |p| (points, p))) {
            let found = evaluate(&gpu, &dear(points.dimension()), precision, points)?;
            same(&found, &expected(points), &format!("{} points in {}", points.len(), precision.name()))?;
        }
    }
    Ok(())
}

fn no_variables() -> Check {
    let tape = Tape {
        inputs: vec![],
        code: vec![instruction(ops::ADD, &[number(1.0), number(2.0)])],
        outputs: vec![Arg::Value(0), number(5.0)],
    };
    for points in [Points::Grid(vec![]), Points::columns(vec![]), Points::Columns { count: 300, columns: vec![] }] {
        let wanted = [vec![3.0; points.len()], vec![5.0; points.len()]];
        same(&evaluate(&gpu()?, &tape, F32, &points)?, &wanted, &format!("{points:?}"))?;
    }
    Ok(())
}

fn many_outputs() -> Check {
    // 100 outputs in chunks of 64 KiB: 163 points, that is two workgroups, a chunk.
    let code = (0..100).map(|k| instruction(ops::ADD, &[Arg::Input(0), number(f64::from(k))])).collect();
    let tape = Tape { inputs: Input::varying(&["x"]), code, outputs: (0..100).map(Arg::Value).collect() };
    let points = Points::columns(vec![axis(1000)]);
    let wanted: Vec<Vec<f64>> = (0..100).map(|k| axis(1000).iter().map(|x| x + f64::from(k)).collect()).collect();
    same(&evaluate(&small_gpu()?, &tape, F32, &points)?, &wanted, "100 outputs")
}

fn a_program_runs_again() -> Check {
    let (gpu, tape) = (small_gpu()?, digits(2));
    let mut program = gpu.prepare(&tape, F32)?;
    for size in [10, 200, 30, 200] {
        let grid = Points::Grid(vec![axis(size), axis(size + 1)]);
        let list = Points::columns(vec![axis(size * 50), axis(size * 50)]);
        for points in [grid, list] {
            let mut out = vec![Values::zeros(F32, points.len()); 2];
            program.evaluate(&points, &[], &mut out)?;
            let found: Vec<Vec<f64>> = out.iter().map(Values::to_f64).collect();
            same(&found, &expected(&points), &format!("size {size}"))?;
        }
    }
    Ok(())
}

fn uniforms_are_read_at_run_time() -> Check {
    let input = |name: &str, uniform| Input { name: name.to_string(), uniform };
    let tape = Tape {
        inputs: vec![input("a", true), input("x", false), input("b", true)],
        code: vec![
            instruction(ops::MUL, &[Arg::Input(0), Arg::Input(1)]),
            instruction(ops::ADD, &[Arg::Value(0), Arg::Input(2)]),
        ],
        outputs: vec![Arg::Value(1)],
    };
    let gpu = gpu()?;
    let mut program = gpu.prepare(&tape, F32)?;
    let points = Points::columns(vec![axis(100)]);
    for (a, b) in [(1.0, 0.0), (3.0, -2.0), (0.5, 7.0)] {
        let mut out = vec![Values::zeros(F32, 100)];
        program.evaluate(&points, &[a, b], &mut out)?;
        let wanted: Vec<f64> = axis(100).iter().map(|x| a * x + b).collect();
        same(&[out[0].to_f64()], &[wanted], &format!("{a} x + {b}"))?;
    }
    Ok(())
}

// Particles.

/// x becomes x / 2 + rate, v becomes v + x + t: exact for some steps, and every part of it matters.
fn walk() -> Tape {
    let input = |name: &str, uniform| Input { name: name.to_string(), uniform };
    Tape {
        inputs: vec![input("x", false), input("rate", true), input("v", false), input("t", true)],
        code: vec![
            instruction(ops::MUL, &[Arg::Input(0), number(0.5)]),
            instruction(ops::ADD, &[Arg::Value(0), Arg::Input(1)]),
            instruction(ops::ADD, &[Arg::Input(2), Arg::Input(0)]),
            instruction(ops::ADD, &[Arg::Value(2), Arg::Input(3)]),
        ],
        outputs: vec![Arg::Value(1), Arg::Value(3)],
    }
}

fn walk_on_host(state: &mut [Vec<f64>; 2], rate: f64, first: u64, count: u64) {
    for t in first..first + count {
        for particle in 0..state[0].len() {
            let (x, v) = (state[0][particle], state[1][particle]);
            (state[0][particle], state[1][particle]) = (x * 0.5 + rate, v + x + t as f64);
        }
    }
}

fn steps(first: u64, count: u64) -> Steps {
    Steps { uniforms: vec![4.0, -99.0], clock: Some(1), first, count }
}

fn start(particles: usize) -> [Vec<f64>; 2] {
    [axis(particles).iter().map(|x| x * 1024.0).collect(), axis(particles + 3)[3..].to_vec()]
}

fn walk_on(gpu: &Gpu, precision: Precision, particles: usize, runs: &[Steps]) -> Check {
    let (tape, mut wanted) = (walk(), start(particles));
    let mut state = wanted.each_ref().map(|column| Values::from_f64(precision, column));
    let mut program = gpu.prepare(&tape, precision)?;
    for run in runs {
        program.iterate(&mut state, run)?;
        walk_on_host(&mut wanted, run.uniforms[0], run.first, run.count);
    }
    same(&state.each_ref().map(Values::to_f64), &wanted, &format!("{particles} particles in {}", precision.name()))
}

fn steps_in_one_call_or_many() -> Check {
    let gpu = gpu()?;
    for precision in formats(&gpu) {
        for particles in [1, 64, 1000] {
            walk_on(&gpu, precision, particles, &[steps(1, 10)])?;
            walk_on(&gpu, precision, particles, &(1..=10).map(|t| steps(t, 1)).collect::<Vec<_>>())?;
            walk_on(&gpu, precision, particles, &[steps(1, 3), steps(4, 0), steps(4, 7)])?;
        }
    }
    walk_on(&gpu, F32, 0, &[steps(1, 3)])
}

fn the_clock_counts() -> Check {
    let gpu = gpu()?;
    walk_on(&gpu, F32, 70, &[steps(1000, 5), steps(2000, 3)])?;
    walk_on(&gpu, F32, 70, &[steps((1 << 20) + 1, 3)])?;
    // Without a clock the uniform stays what it is.
    let mut state = [vec![8.0], vec![0.0]].map(|column| Values::from_f64(F32, &column));
    let fixed = Steps { uniforms: vec![4.0, 10.0], clock: None, first: 7, count: 2 };
    gpu.prepare(&walk(), F32)?.iterate(&mut state, &fixed)?;
    same(&state.each_ref().map(Values::to_f64), &[vec![8.0], vec![36.0]], "no clock")?;
    let late = Steps { first: u64::from(u32::MAX), ..steps(1, 2) };
    fails(gpu.prepare(&walk(), F32)?.iterate(&mut state, &late), &["4294967295", "--device cpu"])
}

fn particles_are_cut_to_the_limits() -> Check {
    // 16 KiB of state: 2048 particles in f32, 1024 in f64.
    let gpu = small_gpu()?;
    for precision in formats(&gpu) {
        for particles in [1023, 1024, 1025, 2049, 10_000] {
            walk_on(&gpu, precision, particles, &[steps(1, 6)])?;
        }
    }
    Ok(())
}
