//! How fast the device's memory is, measured: buffers filled and copied on the device.
//!
//! Flows in: an open [`Gpu`]. Flows out: [`Bandwidth`]. A queue takes some time to wake up, so a few fills are timed
//! against many, and only the difference counts.

use super::Gpu;
use crate::backend::{BackendError, Bandwidth, check_interrupt};
use std::time::{Duration, Instant};

/// Bytes of each of the two buffers, if the device has them: more than the caches of the largest GPUs (96 MB).
const BYTES: u64 = 256 << 20;

/// Less says nothing of a memory.
const LEAST: u64 = 16 << 20;

/// How long the work that is timed should take: long against the waking of a queue.
const TARGET: Duration = Duration::from_millis(20);

/// The most commands of one submission.
const MOST: u32 = 512;

impl Gpu {
    /// Fills and copies buffers on the device: some 0.2 s, at most 512 MiB of its memory for so long.
    ///
    /// # Errors
    /// - [`BackendError::Device`] if the device was lost or has not even 32 MiB.
    /// - [`BackendError::Interrupted`] after [`interrupt`](crate::backend::interrupt).
    pub fn bandwidth(&self) -> Result<Bandwidth, BackendError> {
        let bytes = BYTES.min(self.device.limits().max_buffer_size) & !3;
        let [from, to] = self.two_buffers(bytes)?;
        let bytes = from.size();
        // What nobody has written may have no place in memory yet.
        self.time(1, |encoder| encoder.clear_buffer(&from, 0, None))?;
        let fill = self.per_command(|encoder| encoder.clear_buffer(&to, 0, None))?;
        let copy = self.per_command(|encoder| encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes))?;
        from.destroy();
        to.destroy();
        Ok(Bandwidth { fill: bytes as f64 / fill, copy: 2.0 * bytes as f64 / copy, bytes })
    }

    /// Two buffers of so many bytes each, or of fewer where memory runs out.
    fn two_buffers(&self, bytes: u64) -> Result<[wgpu::Buffer; 2], BackendError> {
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let one = || {
            let descriptor =
                wgpu::BufferDescriptor { label: Some("gradfield"), size: bytes, usage, mapped_at_creation: false };
            self.guarded("reserving memory to measure", || self.device.create_buffer(&descriptor))
        };
        match (one(), one()) {
            (Ok(from), Ok(to)) => Ok([from, to]),
            (Err(error), _) | (_, Err(error)) if bytes / 2 < LEAST => Err(error),
            _ => self.two_buffers(bytes / 2),
        }
    }

    /// Seconds of one command: the best of three differences between many and few.
    fn per_command(&self, command: impl Fn(&mut wgpu::CommandEncoder)) -> Result<f64, BackendError> {
        let mut count = 2;
        while self.time(count, &command)? < TARGET && count < MOST {
            count *= 2;
        }
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let (few, many) = (self.time(count / 2, &command)?, self.time(count + count / 2, &command)?);
            best = best.min(many.saturating_sub(few).as_secs_f64().max(1e-9) / f64::from(count));
        }
        Ok(best)
    }

    /// How long so many commands take from being handed over until they are done.
    fn time(&self, count: u32, command: impl Fn(&mut wgpu::CommandEncoder)) -> Result<Duration, BackendError> {
        check_interrupt()?;
        let start = Instant::now();
        let submission = self.guarded("measuring memory", || {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            (0..count).for_each(|_| command(&mut encoder));
            self.queue.submit([encoder.finish()])
        })?;
        self.wait(submission)?;
        Ok(start.elapsed())
    }
}
