//! What an engine tells of where its time went, and of its memory.
//!
//! Flows in: clocks of the host and, where there is one, of the device. Flows out: [`Stages`] and [`Bandwidth`], for
//! `bench`. Who should not use it: whoever wants the time of a whole run; stages overlap, and need not add up to it.

use serde::Serialize;
use std::ops::Sub;

/// Seconds by stage. A device computes one piece while another comes home, so a run may take less than their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Stages {
    /// Writing and compiling shaders, with the empty dispatch after it in which some drivers compile.
    pub compile: f64,
    /// Handing coordinates or the state of particles to the device.
    pub upload: f64,
    /// Handing work to the device, and learning that it is done.
    pub launch: f64,
    /// Computing: by the device's own clock where `timestamps` says so, else from handing over until done.
    pub kernel: f64,
    /// Bringing results home and putting them into the columns of the host.
    pub readback: f64,
    /// Dispatches.
    pub dispatches: u64,
    /// Whether the device timed its kernels itself.
    pub timestamps: bool,
}

impl Sub for Stages {
    type Output = Stages;

    fn sub(self, before: Stages) -> Stages {
        Stages {
            compile: self.compile - before.compile,
            upload: self.upload - before.upload,
            launch: self.launch - before.launch,
            kernel: self.kernel - before.kernel,
            readback: self.readback - before.readback,
            dispatches: self.dispatches - before.dispatches,
            timestamps: self.timestamps,
        }
    }
}

impl Stages {
    /// Those of one run, where these are those of so many.
    pub fn per_run(self, runs: usize) -> Stages {
        let share = 1.0 / runs.max(1) as f64;
        Stages {
            compile: self.compile * share,
            upload: self.upload * share,
            launch: self.launch * share,
            kernel: self.kernel * share,
            readback: self.readback * share,
            dispatches: self.dispatches / runs.max(1) as u64,
            timestamps: self.timestamps,
        }
    }
}

/// How fast a memory is, in bytes a second that were read or written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bandwidth {
    /// Writing one value all over.
    pub fill: f64,
    /// Copying: what is read and what is written both count.
    pub copy: f64,
    /// Bytes that were filled or copied to.
    pub bytes: u64,
}

impl Bandwidth {
    /// The better of the two: what the memory can do at least.
    pub fn best(&self) -> f64 {
        self.fill.max(self.copy)
    }
}
