//! `gradfield devices`: what there is to run on.

use super::probe::{Probed, Way};
use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure every operation on every device against true values
    #[arg(long)]
    probe: bool,
    /// Only this device: cpu, gpu, gpu:N (with --probe)
    #[arg(long, requires = "probe")]
    device: Option<String>,
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Text,
    Json,
    /// With --probe: the tables of docs/accuracy.md
    Markdown,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cpu = Cpu::new(None)?;
    if arguments.probe {
        return probe(&cpu, arguments.device.as_deref(), arguments.format);
    }
    let gpus = gpus();
    match arguments.format {
        Language::Json => {
            let cpu = json!({"select": "cpu", "name": cpu.describe(), "f64": true, "threads": cpu.threads()});
            let all: Vec<Value> =
                std::iter::once(cpu).chain(gpus.iter().map(|(_, document)| document.clone())).collect();
            say_json(&all)
        }
        Language::Text => {
            let mut lines = vec![format!("cpu     {}, f32 and f64", cpu.describe())];
            lines.extend(gpus.into_iter().map(|(text, _)| text));
            if lines.len() == 1 {
                lines.push(format!("gpu     none{}", missing()));
            }
            say(&(lines.join("\n") + "\n"))
        }
        Language::Markdown => Err(Failure::usage("--format markdown: only the tables of --probe have that form")),
    }
}

/// Measures the device that was asked for, or all.
fn probe(cpu: &Cpu, device: Option<&str>, language: Language) -> Result<(), Failure> {
    let mut all = Vec::new();
    if device.is_none_or(|device| device == "cpu") {
        let ways = [Precision::F32, Precision::F64].map(|precision| Way::measure(cpu, precision, false));
        let ways = ways.into_iter().collect::<Result<_, _>>()?;
        // Any SIMD level that has fma gives the same bits.
        let fma = if cpu.fuses() { "with" } else { "without" };
        all.push(Probed::new("cpu".to_string(), format!("CPU {fma} fused multiply-add"), ways));
    }
    if device != Some("cpu") {
        all.extend(probe_gpus(device)?);
    }
    super::probe::say(&all, language)
}

/// The GPU that was asked for, or all there are.
#[cfg(feature = "gpu")]
fn probe_gpus(device: Option<&str>) -> Result<Vec<Probed>, Failure> {
    use gradfield::backend::gpu::{Adapters, Mathematics};
    let adapters = Adapters::find();
    let chosen = match device {
        Some(selector) => vec![adapters.choose(selector)?.index],
        None => (0..adapters.list().len()).collect(),
    };
    let probe = |index: usize| {
        let gpu = super::engine::with_fault(adapters.open(index)?);
        let name = format!("{}, {}", gpu.adapter().title(), gpu.adapter().driver);
        let mut ways = vec![Way::measure(&gpu, Precision::F32, false)?];
        if gpu.adapter().f64 {
            ways.push(Way::measure(&gpu, Precision::F64, false)?);
        }
        ways.push(Way::measure(&gpu.with_mathematics(Mathematics::Driver), Precision::F32, true)?);
        Ok(Probed::new(format!("gpu:{index}"), name, ways))
    };
    chosen.into_iter().map(probe).collect()
}

#[cfg(not(feature = "gpu"))]
fn probe_gpus(device: Option<&str>) -> Result<Vec<Probed>, Failure> {
    match device {
        None => Ok(Vec::new()),
        Some(device) => {
            Err(Failure::Run(format!("--device {device}: this gradfield was built without its feature `gpu`")))
        }
    }
}

/// What to do about a GPU that is not seen.
fn missing() -> &'static str {
    if cfg!(feature = "gpu") {
        ": no Vulkan, Metal or DirectX 12 driver offers an adapter (on Debian the package mesa-vulkan-drivers has a \
         software one)"
    } else {
        ": built without the feature `gpu`"
    }
}

/// Each adapter as text and as JSON.
#[cfg(feature = "gpu")]
fn gpus() -> Vec<(String, Value)> {
    use gradfield::backend::gpu::{Adapters, Kind};
    let adapters = Adapters::find();
    let chosen = adapters.choose("auto").ok().map(|choice| choice.index);
    let describe = |(k, adapter): (usize, &gradfield::backend::gpu::Adapter)| {
        let taken = match adapter.kind {
            _ if chosen == Some(k) => "auto takes it when the work is large",
            Kind::Software => "auto never takes it: it is the CPU in disguise, and slower than --device cpu",
            _ => "auto takes another; ask for it by number",
        };
        let precision = if adapter.f64 { "f32 and f64" } else { "f32 only" };
        let timestamps = if adapter.timestamps { "yes" } else { "no" };
        let text = format!(
            "gpu:{k}   {}, {precision}\n        driver {}; timestamps {timestamps}; buffers to {}, bindings to {}, {} \
             workgroups a dimension\n        {taken}",
            adapter.title(),
            adapter.driver,
            gradfield::field::bytes(adapter.max_buffer as f64),
            gradfield::field::bytes(adapter.max_binding as f64),
            adapter.max_groups
        );
        let document = json!({
            "select": format!("gpu:{k}"), "name": adapter.name, "api": adapter.api, "driver": adapter.driver,
            "kind": format!("{:?}", adapter.kind).to_lowercase(), "f64": adapter.f64, "timestamps": adapter.timestamps,
            "max_buffer": adapter.max_buffer, "max_binding": adapter.max_binding, "max_workgroups": adapter.max_groups,
            "auto": chosen == Some(k),
        });
        (text, document)
    };
    adapters.list().enumerate().map(describe).collect()
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Vec<(String, Value)> {
    Vec::new()
}
