//! The engines that `bench` measures: the CPU, a GPU where one is wanted, and the reference.

use super::arguments::Arguments;
use crate::cli::Failure;
use crate::cli::engine::processor;
use gradfield::backend::reference::Reference;
use gradfield::backend::{Backend, Bandwidth};
use gradfield::bench::host_bandwidth;
use std::time::Instant;

/// What sort of engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Cpu,
    Gpu,
    /// The CPU in disguise.
    Software,
    Reference,
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        match self {
            Sort::Cpu => "cpu",
            Sort::Gpu => "gpu",
            Sort::Software => "software",
            Sort::Reference => "reference",
        }
    }
}

/// An open engine.
pub(super) struct Engine {
    pub(super) backend: Box<dyn Backend>,
    pub(super) sort: Sort,
    /// What tables and legends call it.
    pub(super) tag: String,
    /// Seconds to open it, its driver included.
    pub(super) start: f64,
    /// Of its memory.
    pub(super) memory: Option<Bandwidth>,
}

impl Engine {
    pub(super) fn is_reference(&self) -> bool {
        self.sort == Sort::Reference
    }

    /// Whether it is a GPU in hardware: what a software adapter does says nothing of one.
    pub(super) fn is_gpu(&self) -> bool {
        self.sort == Sort::Gpu
    }
}

/// The CPU first, then GPUs, then the reference.
pub(super) fn open(arguments: &Arguments) -> Result<Vec<Engine>, Failure> {
    if arguments.fast_math && arguments.device == "cpu" {
        return Err(Failure::usage(
            "--fast-math takes a GPU driver's functions, and the CPU engine has its own alone; take --device gpu",
        ));
    }
    let start = Instant::now();
    let cpu = processor(&arguments.compute(false))?;
    let (start, threads) = (start.elapsed().as_secs_f64(), cpu.threads());
    let gpus = if arguments.device == "cpu" { Vec::new() } else { gpus(arguments)? };
    let memory = Some(host_bandwidth(threads)?);
    let tag = "CPU".to_string();
    let mut engines = vec![Engine { backend: Box::new(cpu), sort: Sort::Cpu, tag, start, memory }];
    engines.extend(gpus);
    let backend = Box::new(Reference);
    engines.push(Engine { backend, sort: Sort::Reference, tag: "reference".to_string(), start: 0.0, memory: None });
    Ok(engines)
}

/// The GPU that is asked for, and once more with the driver's functions if that is wanted.
#[cfg(feature = "gpu")]
fn gpus(arguments: &Arguments) -> Result<Vec<Engine>, Failure> {
    use crate::cli::engine::{with_fault, with_flags};
    use gradfield::backend::gpu::{Adapters, Kind};
    let mut engines = Vec::new();
    for fast in [false, true] {
        if fast && !arguments.fast_math {
            break;
        }
        let start = Instant::now();
        let adapters = Adapters::find();
        let choice = match adapters.choose(&arguments.device) {
            Err(_) if arguments.device == "auto" => {
                if !arguments.quiet {
                    eprintln!("note: no hardware GPU here; the CPU alone is measured");
                }
                break;
            }
            choice => choice?,
        };
        let gpu = with_fault(adapters.open(choice.index)?);
        let start = start.elapsed().as_secs_f64();
        let software = gpu.adapter().kind == Kind::Software;
        let gpu = with_flags(gpu, &arguments.compute(fast), arguments.quiet);
        // Asked for the first time, it begins to use the device's own clock.
        gpu.stages()?;
        let memory = Some(gpu.bandwidth()?);
        let (sort, tag) = if software { (Sort::Software, "software") } else { (Sort::Gpu, "GPU") };
        let tag = if fast { format!("{tag} fast") } else { tag.to_string() };
        engines.push(Engine { backend: Box::new(gpu), sort, tag, start, memory });
    }
    Ok(engines)
}

#[cfg(not(feature = "gpu"))]
fn gpus(arguments: &Arguments) -> Result<Vec<Engine>, Failure> {
    if arguments.device == "auto" {
        return Ok(Vec::new());
    }
    Err(Failure::Run(format!(
        "--device {}: this gradfield was built without its feature `gpu`; build it with `cargo build --release`, or take \
         --device cpu",
        arguments.device
    )))
}
