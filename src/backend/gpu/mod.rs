//! The GPU engine: generated WGSL through wgpu, on any vendor's device.
//!
//! Flows in: a [`Tape`] and points, or the state of particles. Flows out: columns of numbers. Five objects, by how
//! long they live and what they cost:
//!
//! - [`Adapters`], once per program: asks the drivers, 10 to 100 ms.
//! - [`Gpu`], once per program: an open device, 10 to 500 ms.
//! - the [`Program`] of a tape, once per tape and format: free; each [`Frame`] that it is asked to run is written
//!   and compiled at its first use, some milliseconds to seconds, growing with the tape.
//! - its buffers, once per size: kept between runs, grown when too small. At most [`Limits::chunk`] (points) or
//!   [`Limits::state`] (particles) on the device, and twice that to bring results home.
//! - a dispatch, tens of milliseconds by design: Ctrl-C is heard between two, and no driver takes the device for hung.
//!
//! `wgsl.rs` writes shaders (`library.rs` adds the mathematics, `guard.rs` hides constants from compilers), `plan.rs`
//! cuts work to the limits, `cost.rs` and `pace.rs` to some milliseconds, `buffer.rs` moves bytes, `program.rs` runs,
//! `faults.rs` tells what went wrong, `tally.rs` counts, `watch.rs` and `memory.rs` measure, `adapter.rs` chooses a
//! device.
//!
//! wgpu bounds every loop of a shader by a counter of its own: some ten instructions a step, as many as a cheap
//! descent has. It is off, for the one loop that there is ends (`iterate.wgsl`). Bounds checks stay on: where the driver
//! promises that a read or write outside a buffer does no harm (Vulkan's robustBufferAccess2), wgpu adds none; elsewhere
//! they cost a comparison per load. An open device keeps what it has compiled, so that a program of the same tape
//! compiles nothing. A pipeline cache on disk is not kept: its bytes are trusted by the driver, and the common drivers
//! keep one of their own.
//!
//! Who should not use it: anyone who can ask a `Backend`.

mod adapter;
mod buffer;
mod cost;
mod faults;
mod guard;
mod kernel;
mod library;
mod memory;
mod pace;
mod plan;
mod program;
mod tally;
mod watch;
mod wgsl;

pub use adapter::{Adapter, Adapters, Choice, Kind};
#[doc(hidden)]
pub use faults::{Fault, FaultKind};
pub use plan::Limits;
pub use tally::Tally;
pub use wgsl::{Frame, Mathematics, shader_text};

use super::{Accuracy, Backend, BackendError, Program, Stages};
use crate::op::Op;
use crate::real::Precision;
use crate::tape::Tape;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Compiled shaders that an open device keeps; the texts alone may have a megabyte each.
const PIPELINES: usize = 64;

/// Changes the text of a shader before it is compiled.
type Rewrite = Box<dyn Fn(&str) -> String + Send + Sync>;

/// An open GPU.
pub struct Gpu {
    adapter: Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: Limits,
    bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
    faults: Arc<Mutex<faults::Faults>>,
    counter: tally::Counter,
    watch: watch::Watch,
    /// What was compiled, by its text.
    pipelines: Mutex<HashMap<String, wgpu::ComputePipeline>>,
    rewrite: Option<Rewrite>,
    mathematics: Mathematics,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.adapter).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Gpu {
    /// gradfield's own limits; a device lowers the first two.
    const LIMITS: Limits =
        Limits { binding: u64::MAX, groups: u32::MAX, chunk: 64 << 20, state: 256 << 20, instructions: 8192 };

    /// Opens the adapter that `selector` (`auto`, `gpu`, `gpu:N`) chooses, and says what the user should be told.
    ///
    /// # Errors
    /// - [`BackendError::NoDevice`] if there is none.
    /// - [`BackendError::Device`] if the driver refuses.
    pub fn open(selector: &str) -> Result<(Gpu, Option<String>), BackendError> {
        let adapters = Adapters::find();
        let choice = adapters.choose(selector)?;
        Ok((adapters.open(choice.index)?, choice.note))
    }

    fn new(adapter: Adapter, device: wgpu::Device, queue: wgpu::Queue, limits: Limits) -> Gpu {
        let faults = faults::listen(&device);
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("gradfield"),
            entries: &[0, 1, 2, 3].map(storage_entry),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("gradfield"),
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        Gpu {
            adapter,
            device,
            queue,
            limits,
            bindings,
            layout,
            faults,
            counter: Default::default(),
            watch: Default::default(),
            pipelines: Default::default(),
            rewrite: None,
            mathematics: Mathematics::Own,
        }
    }

    /// The adapter.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// What work is cut to.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The same device with the driver's functions instead of gradfield's, in single precision.
    pub fn with_mathematics(mut self, mathematics: Mathematics) -> Gpu {
        self.mathematics = mathematics;
        self
    }

    /// What it did so far.
    pub fn tally(&self) -> Tally {
        self.counter.tally()
    }

    /// The same device with lower limits, to see what happens then.
    #[doc(hidden)]
    pub fn with_limits(mut self, limits: Limits) -> Gpu {
        self.limits = Limits {
            binding: limits.binding.min(self.limits.binding),
            groups: limits.groups.min(self.limits.groups),
            ..limits
        };
        self
    }

    /// The same device with a fault: every shader's text goes through `rewrite` before it is compiled.
    #[doc(hidden)]
    pub fn with_rewrite(mut self, rewrite: impl Fn(&str) -> String + Send + Sync + 'static) -> Gpu {
        self.rewrite = Some(Box::new(rewrite));
        self
    }

    /// The same device without double precision, which every software adapter has.
    #[doc(hidden)]
    pub fn without_f64(mut self) -> Gpu {
        self.adapter.f64 = false;
        self
    }

    /// The text of a frame's shader.
    fn text(&self, tape: &Tape, precision: Precision, frame: Frame) -> String {
        let text = shader_text(tape, precision, frame, self.mathematics);
        self.rewrite.as_ref().map_or_else(|| text.clone(), |rewrite| rewrite(&text))
    }

    /// What was compiled of this text, if it was.
    fn compiled(&self, text: &str) -> Option<wgpu::ComputePipeline> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned()
    }

    /// Keeps what was compiled of this text.
    fn keep(&self, text: String, pipeline: &wgpu::ComputePipeline) {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if pipelines.len() >= PIPELINES {
            pipelines.clear();
        }
        pipelines.insert(text, pipeline.clone());
    }

    /// Compiles a shader.
    fn compile(&self, text: &str) -> Result<wgpu::ComputePipeline, BackendError> {
        self.guarded("compiling the shader", || {
            let source = wgpu::ShaderSource::Wgsl(text.into());
            let descriptor = wgpu::ShaderModuleDescriptor { label: Some("gradfield"), source };
            let checks =
                wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
            // SAFETY: every loop ends. The texts of operations and of the mathematics have none, nor has a tape's; the
            // frame `iterate.wgsl` has one, which counts up to a number of 32 bits, and `kernel.wgsl` two that count its
            // taps. A test counts the loops.
            let module = unsafe { self.device.create_shader_module_trusted(descriptor, checks) };
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("gradfield"),
                layout: Some(&self.layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            })
        })
    }
}

/// A binding of `prelude.wgsl`; the last one is written.
fn storage_entry(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: binding != 3 },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

impl Backend for Gpu {
    fn describe(&self) -> String {
        match self.mathematics {
            Mathematics::Own => self.adapter.title(),
            Mathematics::Driver => format!("{}, fast-math", self.adapter.title()),
        }
    }

    fn accuracy(&self, op: Op, precision: Precision) -> Accuracy {
        match self.mathematics.driver(op, precision) {
            None => Accuracy::ulp(op.slack.on_gpu(precision)),
            // Nothing is promised; `probe` measures it.
            Some(_) => Accuracy { domain: Some(op.domain), ..Accuracy::ulp(f64::INFINITY) },
        }
    }

    fn flushes_subnormals(&self) -> bool {
        true
    }

    fn fuses(&self) -> bool {
        // WGSL lets a driver split `fma` into a product and a sum.
        false
    }

    fn moves_factors(&self) -> bool {
        true
    }

    fn stages(&self) -> Result<Option<Stages>, BackendError> {
        self.watch.stages(self).map(Some)
    }

    fn forget(&self) {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        // A path is no WGSL: such a kernel is a function of this program.
        if let Some(instruction) = tape.code.iter().find(|instruction| instruction.op.wgsl.contains("::")) {
            let name = instruction.op.name;
            return Err(BackendError::Unsupported(format!("`{name}` runs on the CPU alone; take --device cpu")));
        }
        program::GpuProgram::new(self, tape, precision).map(|program| Box::new(program) as Box<dyn Program>)
    }
}
