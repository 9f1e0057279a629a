//! What goes wrong on a device: each is one clear error.

use super::shaders::everything;
use super::{Check, axis, digits, evaluate, expected, fails, gpu, same, small_gpu, start, steps, walk};
use gradfield::backend::gpu::{Adapters, Fault, FaultKind, Gpu, Limits};
use gradfield::backend::{Backend, BackendError};
use gradfield::op::TABLE;
use gradfield::points::{Points, Values};
use gradfield::real::Precision::{F32, F64};
use libtest_mimic::Failed;

pub(super) fn a_wrong_shader_is_seen() -> Check {
    // Valid for naga, wrong: only a comparison of values can tell.
    let gpu = gpu()?.with_rewrite(|text| text.replace("return a + b", "return a - b"));
    let points = Points::Grid(vec![axis(20), axis(20)]);
    match same(&evaluate(&gpu, &digits(2), F32, &points)?, &expected(&points), "seeded") {
        Ok(()) => Err("the seeded fault was not seen".into()),
        Err(_) => Ok(()),
    }
}

pub(super) fn an_invalid_shader_is_an_error() -> Check {
    let points = Points::Grid(vec![axis(20), axis(20)]);
    for (from, to) in [("fn main", "fn man"), ("return a + b", "return a +"), ("-> Out {", "-> Ouch {")] {
        let gpu = gpu()?.with_rewrite(move |text| text.replace(from, to));
        let result = evaluate(&gpu, &digits(2), F32, &points);
        fails(result, &["compiling the shader", gpu.describe().as_str(), "--device cpu"])?;
    }
    // An index out of bounds is caught by the checks that stay on; it must not take the process down.
    let gpu = gpu()?.with_rewrite(|text| text.replace("job.section + index", "job.section + index + 1000000u"));
    evaluate(&gpu, &digits(2), F32, &points).map(drop).or_else(|error| match error {
        BackendError::Device(_) => Ok(()),
        other => Err(other.into()),
    })
}

pub(super) fn limits_are_errors() -> Check {
    let (gpu, wide) = (gpu()?, everything());
    let limits = gpu.limits();
    let gpu = gpu.with_limits(Limits { binding: 128, ..limits });
    fails(gpu.prepare(&wide, F32).map(drop), &["128 bytes", &gpu.describe(), "--device cpu"])?;
    let gpu = gpu.with_limits(Limits { instructions: 3, ..limits });
    fails(gpu.prepare(&wide, F32).map(drop), &["a shader may have 3", &TABLE.len().to_string(), "--device cpu"])?;
    let single = gpu.without_f64();
    let name = single.describe();
    fails(single.prepare(&wide, F64).map(drop), &["no double precision", &name, "--device cpu", "--precision f32"])
}

pub(super) fn a_lost_device_is_an_error() -> Check {
    let (gpu, tape) = (gpu()?, walk());
    let mut program = gpu.prepare(&tape, F32)?;
    let mut state = start(100).map(|column| Values::from_f64(F32, &column));
    program.iterate(&mut state, &steps(1, 5))?;
    gpu.lose();
    fails(program.iterate(&mut state, &steps(6, 5)), &["--device cpu"])?;
    fails(evaluate(&gpu, &digits(1), F32, &Points::Grid(vec![axis(9)])), &["--device cpu"])
}

pub(super) fn a_missing_device_is_an_error() -> Check {
    let adapters = Adapters::find();
    fails(adapters.choose("gpu:1000"), &["--device cpu"])
        .or_else(|_| fails(adapters.choose("gpu:1000"), &["gpu:1000"]))?;
    if adapters.list().len() > 0 {
        fails(adapters.choose("tpu"), &["`tpu`", "gpu:N"])?;
        assert_eq!(adapters.choose("gpu:0")?.index, 0);
    }
    Ok(())
}

/// A grid, a list and a descent, each in several pieces, with right results.
fn all_work(gpu: &Gpu) -> Result<(), Failed> {
    let grid = Points::Grid(vec![axis(150), axis(120)]);
    let list = Points::columns(vec![axis(20_000), axis(20_000)]);
    for points in [grid, list] {
        same(&evaluate(gpu, &digits(2), F32, &points)?, &expected(&points), "after a fault")?;
    }
    let mut state = start(5000).map(|column| Values::from_f64(F32, &column));
    gpu.prepare(&walk(), F32)?.iterate(&mut state, &steps(1, 40))?;
    Ok(())
}

/// Lets the fault happen at the first, second, third ... time, and gives the messages.
fn messages(kind: FaultKind, doing: &str, recovers: bool) -> Result<Vec<String>, Failed> {
    let mut all = Vec::new();
    // Every early moment, and some of the later ones.
    for after in (0..20).chain((20..).step_by(7)) {
        let gpu = small_gpu()?.with_fault(Fault { kind, doing: doing.to_string(), after });
        match all_work(&gpu) {
            Ok(()) => break,
            Err(error) => all.push(error.message().unwrap_or_default().to_string()),
        }
        if recovers {
            all_work(&gpu)
                .map_err(|error| format!("{kind:?} while {doing}: the device is of no use then: {error:?}"))?;
        }
        if after > 400 {
            return Err(format!("no end of {doing}").into());
        }
    }
    for message in &all {
        let lines = message.lines().count();
        if lines != 1 || !message.contains("--device cpu") || !message.contains(doing) || message.len() > 500 {
            return Err(format!("{kind:?} while {doing}: {message}").into());
        }
    }
    Ok(all)
}

pub(super) fn memory_that_runs_out_is_an_error() -> Check {
    let all = messages(FaultKind::Memory, "reserving", true)?;
    for place in ["on the device", "for the way home"] {
        if !all.iter().any(|message| message.contains("ran out of memory while reserving") && message.contains(place)) {
            return Err(format!("none of {all:?} is {place}").into());
        }
    }
    for doing in ["sending data", "starting work", "fetching results"] {
        let all = messages(FaultKind::Memory, doing, true)?;
        if all.len() < 3 || !all.iter().all(|message| message.contains("ran out of memory while")) {
            return Err(format!("{doing}: {all:?}").into());
        }
    }
    Ok(())
}

pub(super) fn what_the_driver_refuses_is_an_error() -> Check {
    for doing in ["compiling the shader", "sending data", "starting work", "fetching results"] {
        let all = messages(FaultKind::Validation, doing, true)?;
        let told = |message: &String| message.contains("failed while") && message.contains("injected");
        if all.len() < 3 || !all.iter().all(told) {
            return Err(format!("{doing}: {all:?}").into());
        }
    }
    Ok(())
}

/// Lost in the midst of waiting: wgpu panics, with the loss reported before or not.
pub(super) fn a_device_lost_while_waiting_is_an_error() -> Check {
    for kind in [FaultKind::Lost, FaultKind::Internal] {
        let all = messages(kind, "waiting", false)?;
        if all.len() < 9 || !all.iter().all(|message| message.contains("was lost while waiting for results")) {
            return Err(format!("{all:?}").into());
        }
    }
    Ok(())
}

/// Lost by another thread, at whatever moment.
pub(super) fn a_device_lost_at_any_moment_is_an_error() -> Check {
    for pause in [0, 1, 3, 10, 30] {
        let gpu = small_gpu()?;
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(pause));
                gpu.lose();
            });
            // Whole runs before the loss are right; the one that it meets fails.
            (0..10_000).find_map(|_| all_work(&gpu).err())
        });
        let error = error.ok_or("no loss was seen")?;
        let message = error.message().unwrap_or_default();
        if !message.contains("--device cpu") || message.lines().count() != 1 {
            return Err(format!("{error:?}").into());
        }
    }
    Ok(())
}
