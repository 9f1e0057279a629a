//! The GPUs that this machine has, and which of them is taken.
//!
//! Flows in: what the drivers report, and the user's `--device`. Flows out: [`Adapters`], a list for people and the
//! way to a [`Gpu`]. Looking costs some 10 to 100 ms (drivers are loaded), so a program looks once.

use super::{Gpu, Limits};
use crate::backend::BackendError;

/// What sort of device an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU that a hypervisor or driver presents, or one that does not say what it is.
    Other,
    /// The processor in disguise (llvmpipe, WARP): never chosen by itself, gradfield's own CPU engine is faster.
    Software,
}

/// What an adapter is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// As the driver calls it.
    pub name: String,
    /// `Vulkan`, `Metal` or `DirectX 12`.
    pub api: &'static str,
    /// The driver's name and version.
    pub driver: String,
    /// Its sort.
    pub kind: Kind,
    /// Whether shaders can compute in double precision (both `SHADER_F64` and `SHADER_INT64`).
    pub f64: bool,
    /// Whether it can time itself.
    pub timestamps: bool,
    /// Bytes of the largest buffer.
    pub max_buffer: u64,
    /// Bytes that a shader may see of one buffer.
    pub max_binding: u64,
    /// Workgroups along one dimension of a dispatch.
    pub max_groups: u32,
}

impl Adapter {
    fn new(adapter: &wgpu::Adapter) -> Adapter {
        let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
        Adapter {
            name: info.name,
            api: match info.backend {
                wgpu::Backend::Vulkan => "Vulkan",
                wgpu::Backend::Metal => "Metal",
                wgpu::Backend::Dx12 => "DirectX 12",
                _ => "other",
            },
            driver: [info.driver, info.driver_info].join(" ").trim().to_string(),
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => Kind::Discrete,
                wgpu::DeviceType::IntegratedGpu => Kind::Integrated,
                wgpu::DeviceType::Cpu => Kind::Software,
                wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => Kind::Other,
            },
            f64: features.contains(wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            max_buffer: limits.max_buffer_size,
            max_binding: limits.max_storage_buffer_binding_size,
            max_groups: limits.max_compute_workgroups_per_dimension,
        }
    }

    /// `NVIDIA H200 (Vulkan)`; a software adapter says what it is.
    pub fn title(&self) -> String {
        let software = if self.kind == Kind::Software { ", software" } else { "" };
        format!("{} ({}{software})", self.name, self.api)
    }
}

/// An adapter that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its place in [`Adapters::list`].
    pub index: usize,
    /// Something the user should be told.
    pub note: Option<String>,
}

/// All adapters of this machine, the best first: hardware before software, the driver's order otherwise.
#[derive(Debug)]
pub struct Adapters(Vec<(Adapter, wgpu::Adapter)>);

impl Adapters {
    /// Asks the drivers. Without any driver, or without even a loader for drivers, the list is empty.
    pub fn find() -> Adapters {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        let mut all: Vec<_> = found.into_iter().map(|adapter| (Adapter::new(&adapter), adapter)).collect();
        all.sort_by_key(|(adapter, _)| adapter.kind);
        Adapters(all)
    }

    /// What there is; `gpu:0` is the first.
    pub fn list(&self) -> impl ExactSizeIterator<Item = &Adapter> {
        self.0.iter().map(|(adapter, _)| adapter)
    }

    /// The adapter for `--device auto`, `gpu` or `gpu:N`. `auto` takes hardware only; `gpu` takes software where there
    /// is no hardware, with a note; `gpu:N` takes what it names.
    ///
    /// # Errors
    /// - [`BackendError::NoDevice`] if there is no such adapter; the message tells the way out.
    pub fn choose(&self, selector: &str) -> Result<Choice, BackendError> {
        let first = self.list().next();
        match (selector, first) {
            (_, None) => Err(BackendError::NoDevice(
                "no GPU was found: no driver for Vulkan, Metal or DirectX 12 answers. Use --device cpu, or install the \
                 driver of the GPU; a software one comes with mesa-vulkan-drivers (Debian, Ubuntu, Fedora)."
                    .to_string(),
            )),
            ("auto" | "gpu", Some(adapter)) if adapter.kind != Kind::Software => Ok(Choice { index: 0, note: None }),
            ("gpu", Some(adapter)) => Ok(Choice { index: 0, note: Some(software_note(adapter)) }),
            ("auto", Some(adapter)) => Err(BackendError::NoDevice(format!(
                "no hardware GPU was found, only {}. Use --device cpu, or ask for it with --device gpu.",
                adapter.title()
            ))),
            _ => self.numbered(selector),
        }
    }

    fn numbered(&self, selector: &str) -> Result<Choice, BackendError> {
        let number = selector.strip_prefix("gpu:").and_then(|number| number.parse::<usize>().ok());
        match number {
            Some(index) if index < self.0.len() => Ok(Choice { index, note: None }),
            Some(index) => Err(BackendError::NoDevice(format!(
                "there is no gpu:{index}: this machine has {} (gpu:0 to gpu:{}); `gradfield devices` lists them.",
                self.0.len(),
                self.0.len() - 1
            ))),
            None => Err(BackendError::NoDevice(format!(
                "`{selector}` is no device: use auto, cpu, gpu, or gpu:N with a number from `gradfield devices`."
            ))),
        }
    }

    /// Opens an adapter of the list. Costs some 10 to 500 ms, by driver.
    ///
    /// # Errors
    /// - [`BackendError::NoDevice`] if `index` is not in the list.
    /// - [`BackendError::Device`] if the driver refuses.
    pub fn open(&self, index: usize) -> Result<Gpu, BackendError> {
        self.open_within(index, u64::MAX, u32::MAX)
    }

    /// As [`Adapters::open`], for buffers of so many bytes and so many workgroups a dimension at most: the driver's
    /// validation refuses more, so a test sees whether work is cut to a small device's limits.
    ///
    /// # Errors
    /// As [`Adapters::open`].
    #[doc(hidden)]
    pub fn open_within(&self, index: usize, binding: u64, groups: u32) -> Result<Gpu, BackendError> {
        let (adapter, handle) =
            self.0.get(index).ok_or_else(|| BackendError::NoDevice(format!("there is no gpu:{index}")))?;
        let mut limits = handle.limits();
        limits.max_buffer_size = limits.max_buffer_size.min(binding);
        limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.min(binding);
        limits.max_compute_workgroups_per_dimension = limits.max_compute_workgroups_per_dimension.min(groups);
        let wanted = wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64 | wgpu::Features::TIMESTAMP_QUERY;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("gradfield"),
            required_features: handle.features() & wanted,
            required_limits: limits.clone(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(handle.request_device(&descriptor)).map_err(|error| {
            BackendError::Device(format!(
                "{} cannot be opened: {error}. Another program may hold it or its memory; use --device cpu.",
                adapter.title()
            ))
        })?;
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let limits = Limits { binding, groups: limits.max_compute_workgroups_per_dimension, ..Gpu::LIMITS };
        Ok(Gpu::new(adapter.clone(), device, queue, limits))
    }
}

fn software_note(adapter: &Adapter) -> String {
    format!("there is no hardware GPU; running on {}, which is slower than --device cpu", adapter.title())
}
