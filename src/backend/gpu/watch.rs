//! How long the stages of the work take on this device.
//!
//! Flows in: times by the host's clock, always; from the first question on also the device's own, two timestamps a
//! dispatch. Flows out: [`Stages`]. Timestamps are gathered on the device and brought home when its room for them is
//! full or somebody asks, so that the work itself never waits for them.
//!
//! Who should not use it: `pace.rs`, which learns from what every device can tell.

use super::Gpu;
use crate::backend::{BackendError, Stages};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Dispatches between two collections of timestamps: some 20 s of work, half of what a set of queries may hold.
const SLOTS: u32 = 1024;

/// How errors call the collection.
const READING: &str = "fetching timestamps";

/// What a dispatch computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Points, whose results set out for home at once.
    Points,
    /// Steps of particles, whose state stays.
    Particles,
}

/// Sums, by [`Kind`] where the two differ; in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    compile: f64,
    upload: f64,
    /// Of the host, to hand dispatches over.
    launch: [f64; 2],
    /// From handing a dispatch over until the host saw it (and for points its way into a staging buffer) done.
    wall: [f64; 2],
    /// By the device's clock.
    kernel: [f64; 2],
    /// Of the host, waiting for a state and copying results.
    home: f64,
    dispatches: u64,
}

/// The stages of a device's work, being timed.
#[derive(Default)]
pub(super) struct Watch {
    sums: Mutex<Sums>,
    clock: Mutex<Clock>,
}

/// The device's clock.
#[derive(Default)]
enum Clock {
    /// Nobody has asked.
    #[default]
    Unused,
    /// The device has none that can be read.
    Missing,
    Running(Slots),
}

struct Slots {
    queries: wgpu::QuerySet,
    /// Timestamps on the device, then on their way home.
    resolved: wgpu::Buffer,
    home: wgpu::Buffer,
    /// What the slots so far have timed.
    used: Vec<Kind>,
}

/// Where the next dispatch leaves its timestamps.
pub(super) struct Slot {
    queries: wgpu::QuerySet,
    place: u32,
}

impl Slot {
    pub(super) fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(2 * self.place),
            end_of_pass_write_index: Some(2 * self.place + 1),
        }
    }
}

impl Watch {
    pub(super) fn compiled(&self, time: Duration) {
        self.sums().compile += time.as_secs_f64();
    }

    pub(super) fn sent(&self, time: Duration) {
        self.sums().upload += time.as_secs_f64();
    }

    pub(super) fn launched(&self, kind: Kind, time: Duration) {
        let mut sums = self.sums();
        sums.launch[kind as usize] += time.as_secs_f64();
        sums.dispatches += 1;
    }

    pub(super) fn took(&self, kind: Kind, time: Duration) {
        self.sums().wall[kind as usize] += time.as_secs_f64();
    }

    pub(super) fn came_home(&self, time: Duration) {
        self.sums().home += time.as_secs_f64();
    }

    /// Where the next dispatch leaves its timestamps, if anybody wants them and the device has a clock.
    pub(super) fn slot(&self, gpu: &Gpu, kind: Kind) -> Result<Option<Slot>, BackendError> {
        let mut clock = self.clock();
        let Clock::Running(slots) = &mut *clock else { return Ok(None) };
        if slots.used.len() >= SLOTS as usize {
            self.collect(gpu, slots)?;
        }
        slots.used.push(kind);
        Ok(Some(Slot { queries: slots.queries.clone(), place: slots.used.len() as u32 - 1 }))
    }

    /// All so far; from now on with the device's clock, if it has one.
    pub(super) fn stages(&self, gpu: &Gpu) -> Result<Stages, BackendError> {
        let mut clock = self.clock();
        match &mut *clock {
            Clock::Unused => *clock = Clock::start(gpu)?,
            Clock::Missing => {}
            Clock::Running(slots) => self.collect(gpu, slots)?,
        }
        Ok(self.sums().stages(matches!(*clock, Clock::Running(_))))
    }

    /// Brings timestamps home and adds them up.
    fn collect(&self, gpu: &Gpu, slots: &mut Slots) -> Result<(), BackendError> {
        let used = std::mem::take(&mut slots.used);
        if used.is_empty() {
            return Ok(());
        }
        let (sender, ready) = channel();
        let bytes = 16 * used.len() as u64;
        let submission = gpu.guarded(READING, || {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            encoder.resolve_query_set(&slots.queries, 0..2 * used.len() as u32, &slots.resolved, 0);
            encoder.copy_buffer_to_buffer(&slots.resolved, 0, &slots.home, 0, bytes);
            let submission = gpu.queue.submit([encoder.finish()]);
            slots.home.map_async(wgpu::MapMode::Read, 0..bytes, move |result| drop(sender.send(result)));
            submission
        })?;
        gpu.wait(submission)?;
        match ready.recv_timeout(Duration::from_secs(10)) {
            Ok(Ok(())) => {}
            _ => return Err(gpu.refused(READING, "the buffer was not mapped")),
        }
        let range = slots.home.get_mapped_range(0..bytes).map_err(|error| gpu.refused(READING, &error.to_string()))?;
        let period = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
        let mut sums = self.sums();
        for (kind, times) in used.iter().zip(range.chunks_exact(16)) {
            let [start, end] = [&times[..8], &times[8..]].map(bytemuck::pod_read_unaligned::<u64>);
            sums.kernel[*kind as usize] += end.saturating_sub(start) as f64 * period;
        }
        drop(range);
        slots.home.unmap();
        Ok(())
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    fn start(gpu: &Gpu) -> Result<Clock, BackendError> {
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(Clock::Missing);
        }
        let label = Some("gradfield");
        let buffer =
            |usage| wgpu::BufferDescriptor { label, size: 16 * u64::from(SLOTS), usage, mapped_at_creation: false };
        gpu.guarded("reserving timestamps", || {
            Clock::Running(Slots {
                queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                    label,
                    ty: wgpu::QueryType::Timestamp,
                    count: 2 * SLOTS,
                }),
                resolved: gpu
                    .device
                    .create_buffer(&buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC)),
                home: gpu.device.create_buffer(&buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)),
                used: Vec::new(),
            })
        })
    }
}

impl Sums {
    /// What of the host's times was not the kernel is the way home of points, and the waiting for particles.
    fn stages(&self, timestamps: bool) -> Stages {
        let total = |parts: [f64; 2]| parts.iter().sum::<f64>();
        let rest = |kind: Kind| {
            let kind = kind as usize;
            if timestamps { (self.wall[kind] - self.launch[kind] - self.kernel[kind]).max(0.0) } else { 0.0 }
        };
        Stages {
            compile: self.compile,
            upload: self.upload,
            launch: total(self.launch) + rest(Kind::Particles),
            kernel: total(if timestamps { self.kernel } else { self.wall }),
            readback: self.home + rest(Kind::Points),
            dispatches: self.dispatches,
            timestamps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kernel_is_the_way_home_or_waiting() {
        let sums = Sums {
            launch: [0.25, 0.5],
            wall: [4.0, 8.0],
            kernel: [1.0, 6.0],
            home: 0.5,
            dispatches: 3,
            ..Sums::default()
        };
        let timed = sums.stages(true);
        assert_eq!((timed.launch, timed.kernel, timed.readback), (0.75 + 1.5, 7.0, 0.5 + 2.75));
        let untimed = sums.stages(false);
        assert_eq!((untimed.launch, untimed.kernel, untimed.readback), (0.75, 12.0, 0.5));
    }
}
