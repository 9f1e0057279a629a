//! Which engine `--device` means.

use super::Failure;
use super::options::Compute;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use gradfield::bench::Demand;

/// Opens the engine for what is to be done.
pub(crate) fn choose(compute: &Compute, demand: &Demand, quiet: bool) -> Result<Box<dyn Backend>, Failure> {
    check(&compute.device)?;
    match compute.device.as_str() {
        "cpu" if compute.fast_math => Err(Failure::usage(
            "--fast-math takes a GPU driver's functions, and the CPU engine has its own alone; take --device gpu",
        )),
        "cpu" => cpu(compute),
        "auto" if super::sampled::any() => cpu(compute),
        "auto" => automatic(compute, demand, quiet),
        _ => gpu(compute, quiet),
    }
}

/// Refuses what is not the name of a device.
pub(super) fn check(device: &str) -> Result<(), Failure> {
    if ["auto", "cpu"].contains(&device) || is_gpu(device) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--device: `{device}` is not a device; write auto, cpu, gpu, or gpu:0 (see `gradfield devices`)"
    )))
}

/// `gpu`, or `gpu:` and a number.
fn is_gpu(text: &str) -> bool {
    let number = text.strip_prefix("gpu:");
    text == "gpu" || number.is_some_and(|n| !n.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn cpu(compute: &Compute) -> Result<Box<dyn Backend>, Failure> {
    Ok(Box::new(processor(compute)?))
}

/// The CPU engine itself.
pub(super) fn processor(compute: &Compute) -> Result<Cpu, Failure> {
    Ok(Cpu::new(compute.threads.map(usize::from))?)
}

/// A hardware GPU for work that is expected to pay for starting it ([`gradfield::bench::Costs`]), else the CPU.
#[cfg(feature = "gpu")]
fn automatic(compute: &Compute, demand: &Demand, quiet: bool) -> Result<Box<dyn Backend>, Failure> {
    use gradfield::backend::gpu::Adapters;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = compute.threads.map_or_else(cores, usize::from);
    if gradfield::bench::Costs::default().gpu_pays(demand, threads) {
        let adapters = Adapters::find();
        if let Ok(choice) = adapters.choose("auto") {
            let fits = compute.precision != Some(super::options::Format::F64)
                || adapters.list().nth(choice.index).is_some_and(|a| a.f64);
            match adapters.open(choice.index) {
                Ok(gpu) if fits => return Ok(Box::new(with_flags(gpu, compute, quiet))),
                Err(error) if !quiet => eprintln!("note: the GPU could not be opened, the CPU is used: {error}"),
                _ => {}
            }
        }
    }
    if compute.fast_math && !quiet {
        eprintln!("note: --fast-math: the work is done on the CPU, which has no other functions than its own");
    }
    cpu(compute)
}

/// What `--fast-math` makes of the device.
#[cfg(feature = "gpu")]
pub(super) fn with_flags(
    gpu: gradfield::backend::gpu::Gpu,
    compute: &Compute,
    quiet: bool,
) -> gradfield::backend::gpu::Gpu {
    use gradfield::backend::gpu::Mathematics;
    if !compute.fast_math {
        return gpu;
    }
    if !quiet {
        let double = compute.precision == Some(super::options::Format::F64);
        eprintln!("note: {}", if double { FAST_F64 } else { FAST });
    }
    gpu.with_mathematics(Mathematics::Driver)
}

#[cfg(feature = "gpu")]
const FAST: &str = "--fast-math: the driver's own functions, whose error is unknown; `gradfield devices --probe` \
                    measures it, `verify --fast-math` checks an expression";
#[cfg(feature = "gpu")]
const FAST_F64: &str = "--fast-math changes nothing in f64: drivers have no functions in double precision";

/// The device and the format, as a file says where its numbers come from.
pub(crate) fn source(engine: &dyn Backend, precision: gradfield::Precision) -> String {
    format!("{}, {}", engine.name(), precision.name())
}

#[cfg(not(feature = "gpu"))]
fn automatic(compute: &Compute, _: &Demand, _: bool) -> Result<Box<dyn Backend>, Failure> {
    cpu(compute)
}

#[cfg(feature = "gpu")]
fn gpu(compute: &Compute, quiet: bool) -> Result<Box<dyn Backend>, Failure> {
    let (gpu, note) = gradfield::backend::gpu::Gpu::open(&compute.device)?;
    if let (Some(note), false) = (note, quiet) {
        eprintln!("note: {note}");
    }
    Ok(Box::new(with_flags(with_fault(gpu), compute, quiet)))
}

/// The engine with a fault, for tests: `GRADFIELD_FAULT="m_sin(a)=>m_cos(a)"` replaces a piece of every shader, and
/// `GRADFIELD_FAULT="memory, reserving, 2"` lets the driver fail (`Fault` says how). It is said on standard error.
#[cfg(feature = "gpu")]
pub(crate) fn with_fault(gpu: gradfield::backend::gpu::Gpu) -> gradfield::backend::gpu::Gpu {
    let text = std::env::var("GRADFIELD_FAULT").unwrap_or_default();
    if let Ok(fault) = text.parse() {
        eprintln!("note: GRADFIELD_FAULT makes the GPU fail on purpose ({text})");
        return gpu.with_fault(fault);
    }
    let Some((right, wrong)) = text.split_once("=>").map(|(a, b)| (a.to_string(), b.to_string())) else { return gpu };
    eprintln!("note: GRADFIELD_FAULT puts `{wrong}` for `{right}` into every shader; the results are wrong on purpose");
    gpu.with_rewrite(move |text| text.replace(&right, &wrong))
}

#[cfg(not(feature = "gpu"))]
fn gpu(compute: &Compute, _: bool) -> Result<Box<dyn Backend>, Failure> {
    Err(Failure::Run(format!(
        "--device {}: this gradfield was built without its feature `gpu`; build it with \
         `cargo build --release`, or take --device cpu",
        compute.device
    )))
}
