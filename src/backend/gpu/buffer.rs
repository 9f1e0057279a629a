//! Bytes to the device and back.
//!
//! Flows in: numbers, jobs, pipelines. Flows out: dispatches and what they wrote. [`Buffers`] are those of one
//! program: made at first use, kept between runs, made anew when too small. Results come home through two staging
//! buffers in turn, so the device computes while the host copies. A staging buffer is mapped when its copy is done;
//! one that was given up half-way (Ctrl-C, an error) is thrown away, not reused.

use super::Gpu;
use super::plan::Job;
use super::watch::{Kind, Slot};
use crate::backend::BackendError;
use crate::points::Values;
use std::num::NonZero;
use std::ops::Range;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// A buffer on the device, by its binding in `prelude.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Job = 0,
    Params = 1,
    Points = 2,
    Results = 3,
}

/// No buffer is smaller, so that each has room for the smallest binding of the shaders.
const SMALLEST: u64 = 64;

/// How errors call the way home.
const FETCHING: &str = "fetching results";

/// The buffers of one program.
pub(super) struct Buffers<'g> {
    gpu: &'g Gpu,
    device: [Option<wgpu::Buffer>; 4],
    stages: [Option<wgpu::Buffer>; 2],
    turn: usize,
}

/// Results on their way home.
pub(super) struct Transfer<'g> {
    submission: wgpu::SubmissionIndex,
    stage: wgpu::Buffer,
    turn: usize,
    bytes: u64,
    ready: Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// Whether it was waited for.
    landed: bool,
    _counted: Counted<'g>,
}

/// A transfer in the tally, taken out when it is over.
struct Counted<'g>(&'g Gpu);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.counter.over();
    }
}

impl<'g> Buffers<'g> {
    pub(super) fn new(gpu: &'g Gpu) -> Buffers<'g> {
        Buffers { gpu, device: Default::default(), stages: Default::default(), turn: 0 }
    }

    /// Room for `bytes` at a place; what was there is lost if it has to grow.
    pub(super) fn reserve(&mut self, place: Place, bytes: u64) -> Result<(), BackendError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let slot = &mut self.device[place as usize];
        if slot.as_ref().is_none_or(|buffer| buffer.size() < bytes) {
            *slot = None;
            *slot = Some(create(self.gpu, bytes, usage, "on the device")?);
        }
        Ok(())
    }

    /// Writes at an offset in bytes, after all work submitted before and ahead of all work submitted later.
    pub(super) fn write(&self, place: Place, offset: u64, bytes: &[u8]) -> Result<(), BackendError> {
        match &self.device[place as usize] {
            Some(buffer) if !bytes.is_empty() => {
                let start = Instant::now();
                self.gpu.guarded("sending data", || self.gpu.queue.write_buffer(buffer, offset, bytes))?;
                if place != Place::Job {
                    self.gpu.watch.sent(start.elapsed());
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Starts a job, timed as a dispatch of its kind if it is one; every place that it needs has been reserved.
    pub(super) fn run(
        &mut self,
        pipeline: &wgpu::ComputePipeline,
        job: &Job,
        kind: Option<Kind>,
    ) -> Result<wgpu::SubmissionIndex, BackendError> {
        let start = Instant::now();
        let (x, y) = self.gpu.limits.workgroups(job.invocations());
        let words = job.words(x);
        for place in [Place::Job, Place::Params, Place::Points, Place::Results] {
            self.reserve(place, if place == Place::Job { 4 * words.len() as u64 } else { 0 })?;
        }
        self.write(Place::Job, 0, bytemuck::cast_slice(&words))?;
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(self.device.iter().flatten())
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let (gpu, label) = (self.gpu, Some("gradfield"));
        let slot = kind.map_or(Ok(None), |kind| gpu.watch.slot(gpu, kind))?;
        let timestamp_writes = slot.as_ref().map(Slot::writes);
        let submission = gpu.guarded("starting work", || {
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label,
                layout: &gpu.bindings,
                entries: &entries,
            });
            let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes });
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(x, y, 1);
            drop(pass);
            gpu.queue.submit([encoder.finish()])
        })?;
        if let Some(kind) = kind {
            gpu.watch.launched(kind, start.elapsed());
        }
        Ok(submission)
    }

    /// Sends the first `bytes` of the results home, once all work submitted so far is done. At most two transfers
    /// may be on their way.
    pub(super) fn fetch(&mut self, bytes: u64) -> Result<Transfer<'g>, BackendError> {
        let turn = self.turn;
        self.turn = 1 - turn;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let stage = match self.stages[turn].take().filter(|stage| stage.size() >= bytes) {
            Some(stage) => stage,
            None => create(self.gpu, bytes, usage, "for the way home")?,
        };
        let (sender, ready) = channel();
        let submission = self.gpu.guarded(FETCHING, || {
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            if let Some(results) = &self.device[Place::Results as usize] {
                encoder.copy_buffer_to_buffer(results, 0, &stage, 0, bytes);
            }
            let submission = self.gpu.queue.submit([encoder.finish()]);
            // If nobody listens any more, the transfer was given up.
            stage.map_async(wgpu::MapMode::Read, 0..bytes, move |result| drop(sender.send(result)));
            submission
        })?;
        self.gpu.counter.sent();
        Ok(Transfer { submission, stage, turn, bytes, ready, landed: false, _counted: Counted(self.gpu) })
    }

    /// Waits until all that was submitted or written is done.
    pub(super) fn drain(&self) -> Result<(), BackendError> {
        let start = Instant::now();
        let submission = self.gpu.guarded("sending data", || self.gpu.queue.submit([]))?;
        self.gpu.wait(submission)?;
        self.gpu.watch.sent(start.elapsed());
        Ok(())
    }

    /// Waits until a transfer is done; tells whether it was still under way when asked.
    pub(super) fn settle(&self, transfer: &mut Transfer<'_>) -> Result<bool, BackendError> {
        if transfer.landed {
            return Ok(false);
        }
        self.gpu.look()?;
        let (under_way, result) = match transfer.ready.try_recv() {
            Ok(result) => (false, Ok(result)),
            Err(_) => {
                self.gpu.wait(transfer.submission.clone())?;
                // Another thread's wait may be the one that runs the callback just now.
                (true, transfer.ready.recv_timeout(std::time::Duration::from_secs(10)))
            }
        };
        match result {
            Ok(Ok(())) => transfer.landed = true,
            Ok(Err(error)) => return Err(self.gpu.refused(FETCHING, &error.to_string())),
            Err(_) => return Err(self.gpu.refused(FETCHING, "the staging buffer was not mapped")),
        }
        Ok(under_way)
    }

    /// Waits for a transfer and hands its bytes over.
    pub(super) fn receive(&mut self, mut transfer: Transfer<'_>, take: impl FnOnce(&[u8])) -> Result<(), BackendError> {
        self.settle(&mut transfer)?;
        self.gpu.counter.taken();
        let Transfer { stage, turn, bytes, .. } = transfer;
        let start = Instant::now();
        take(&stage.get_mapped_range(0..bytes).map_err(|error| self.gpu.refused(FETCHING, &error.to_string()))?);
        stage.unmap();
        self.gpu.watch.came_home(start.elapsed());
        self.stages[turn] = Some(stage);
        Ok(())
    }
}

/// A buffer; `place` completes "reserving 64 MiB".
fn create(gpu: &Gpu, bytes: u64, usage: wgpu::BufferUsages, place: &str) -> Result<wgpu::Buffer, BackendError> {
    let size = bytes.max(SMALLEST).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT);
    let descriptor = wgpu::BufferDescriptor { label: Some("gradfield"), size, usage, mapped_at_creation: false };
    gpu.guarded(&format!("reserving {} {place}", mebibytes(size)), || gpu.device.create_buffer(&descriptor))
}

fn mebibytes(bytes: u64) -> String {
    NonZero::new(bytes >> 20).map_or_else(|| format!("{bytes} bytes"), |mebibytes| format!("{mebibytes} MiB"))
}

/// The numbers of a column as bytes.
pub(super) fn bytes(values: &Values, range: Range<usize>) -> &[u8] {
    match values {
        Values::F32(values) => bytemuck::cast_slice(&values[range]),
        Values::F64(values) => bytemuck::cast_slice(&values[range]),
    }
}

fn bytes_mut(values: &mut Values, range: Range<usize>) -> &mut [u8] {
    match values {
        Values::F32(values) => bytemuck::cast_slice_mut(&mut values[range]),
        Values::F64(values) => bytemuck::cast_slice_mut(&mut values[range]),
    }
}

/// Copies sections of `section` bytes each to the same place in each column. One core copies some 5 GB/s into fresh
/// memory, a tenth of what PCIe brings, so large copies are shared among threads.
pub(super) fn unpack(from: &[u8], section: usize, columns: &mut [Values], at: &Range<usize>) {
    const PIECE: usize = 2 << 20;
    let columns = columns.iter_mut().map(|column| bytes_mut(column, at.clone()));
    let pieces: Vec<(&mut [u8], &[u8])> =
        columns.zip(from.chunks(section)).flat_map(|(to, from)| to.chunks_mut(PIECE).zip(from.chunks(PIECE))).collect();
    let helpers = pieces.len().min(8).min(thread::available_parallelism().map_or(1, NonZero::get)) - 1;
    let queue = Mutex::new(pieces.into_iter());
    let work = || {
        while let Some((to, from)) = take(&queue) {
            to.copy_from_slice(&from[..to.len()]);
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            // Without a helper the rest falls to this thread.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
}

fn take<T>(queue: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}
