//! What the device tells of its own time and memory, and that it compiles a tape once.

use super::{Check, digits, gpu};
use gradfield::backend::gpu::{Fault, FaultKind, Gpu};
use gradfield::backend::{Backend, Stages, Steps};
use gradfield::points::{Points, Values};
use gradfield::real::Precision::F32;
use libtest_mimic::Failed;

fn run(gpu: &Gpu) -> Result<(), Failed> {
    let axis: Vec<f64> = (0..200).map(f64::from).collect();
    let points = Points::Grid(vec![axis.clone(), axis]);
    let mut out = vec![Values::zeros(F32, points.len()); 2];
    gpu.prepare(&digits(2), F32)?.evaluate(&points, &[], &mut out)?;
    Ok(())
}

fn stages(gpu: &Gpu) -> Result<Stages, Failed> {
    gpu.stages()?.ok_or_else(|| "a GPU has stages".into())
}

pub(super) fn stages_are_told() -> Check {
    let gpu = gpu()?;
    let begin = stages(&gpu)?;
    run(&gpu)?;
    let grid = stages(&gpu)? - begin;
    assert_eq!(grid.timestamps, gpu.adapter().timestamps);
    let parts = [grid.compile, grid.upload, grid.launch, grid.readback];
    assert!(grid.dispatches >= 1 && parts.iter().all(|part| *part > 0.0 && *part < 100.0), "{grid:?}");
    // A clock may be too coarse for so little work.
    assert!((0.0..100.0).contains(&grid.kernel), "{grid:?}");
    // Again with particles; two thousand dispatches are more than the device keeps times of.
    let mut state = vec![Values::zeros(F32, 64); 2];
    let mut program = gpu.prepare(&digits(2), F32)?;
    for _ in 0..2100 {
        program.iterate(&mut state, &Steps { uniforms: Vec::new(), clock: None, first: 1, count: 1 })?;
    }
    let descent = stages(&gpu)? - begin - grid;
    assert!(descent.dispatches >= 2100 && descent.kernel > 0.0 && descent.upload > 0.0, "{descent:?}");
    Ok(())
}

pub(super) fn memory_has_a_speed() -> Check {
    let memory = gpu()?.bandwidth()?;
    assert!(memory.fill > 1e6 && memory.copy > 1e6 && memory.best() < 1e15, "{memory:?}");
    Ok(())
}

/// The second compilation fails: so there is none until the first is forgotten.
pub(super) fn a_tape_is_compiled_once() -> Check {
    let doing = "compiling the shader".to_string();
    let gpu = gpu()?.with_fault(Fault { kind: FaultKind::Validation, doing, after: 1 });
    run(&gpu)?;
    run(&gpu)?;
    gpu.forget();
    match run(&gpu) {
        Err(_) => Ok(()),
        Ok(()) => Err("it did not compile again".into()),
    }
}
