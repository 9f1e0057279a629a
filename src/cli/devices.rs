//! `gradfield devices`: what there is to run on.

use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Text,
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cpu = Cpu::new(None)?;
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
