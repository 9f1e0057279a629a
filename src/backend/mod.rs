//! The engines: one trait, three that keep it.
//!
//! Flows in: a [`Tape`] and [`Points`] (or the state of particles). Flows out: columns of numbers. The engines are
//! [`mod@reference`] (f64, obviously right, slow; [`mod@bound`] carries an error bound along), [`mod@cpu`] (SIMD, all
//! cores, f32 and f64) and `gpu` (generated WGSL). An engine *prepares* a tape once (registers, pipeline) and then runs
//! it on as many points as wanted.

pub mod bound;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod reference;
mod settle;
mod stages;

pub use settle::Settle;
pub use stages::{Bandwidth, Stages};

use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why an engine could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There is no such device.
    #[error("{0}")]
    NoDevice(String),
    /// The device cannot do what was asked (a format, a size).
    #[error("{0}")]
    Unsupported(String),
    /// The device ran out of memory or was lost, or the driver refused.
    #[error("{0}")]
    Device(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// How far one application of an operation may be off on an engine: by the smaller of the two, for operands in the
/// domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// In units in the last place of the exact result of the (rounded) operands.
    pub ulp: f64,
    /// Absolutely; infinite where only the other is known.
    pub absolute: f64,
    /// The operands for which this is known, one range each; `None`: all that the row's `reach` takes.
    pub domain: Option<&'static [(f64, f64)]>,
}

impl Accuracy {
    /// Within `ulp` units in the last place, for all operands.
    pub fn ulp(ulp: f64) -> Accuracy {
        Accuracy { ulp, absolute: f64::INFINITY, domain: None }
    }

    /// The error that a result of this size may have.
    pub fn error(&self, result: f64, precision: Precision) -> f64 {
        if self.ulp == 0.0 { 0.0 } else { (self.ulp * precision.ulp(result)).min(self.absolute) }
    }

    /// Whether it holds for these operands.
    pub fn covers(&self, operands: &[f64]) -> bool {
        let inside = |(operand, (lo, hi)): (&f64, &(f64, f64))| (*lo..=*hi).contains(operand);
        self.domain.is_none_or(|domain| operands.iter().zip(domain).all(inside))
    }
}

/// What a shader compiler may move within a product: constant factors that multiply to no more than this, and to no
/// less than its inverse. Beyond so much of the ends of a format's range, intermediate results overflow or vanish.
pub const MOVED: f64 = 1024.0;

/// An engine.
pub trait Backend: Send + Sync {
    /// What it is, for people: `CPU, 2 threads, AVX-512`.
    fn describe(&self) -> String;

    /// What results are due to, without what does not change them: `CPU`.
    fn name(&self) -> String {
        self.describe()
    }

    /// The error that one application of `op` may have here.
    fn accuracy(&self, op: Op, precision: Precision) -> Accuracy;

    /// Whether subnormal results may become zero here.
    fn flushes_subnormals(&self) -> bool;

    /// The same of descents.
    fn flushes_in_descents(&self) -> bool {
        self.flushes_subnormals()
    }

    /// Whether a fused multiply-add is sure to round once here.
    fn fuses(&self) -> bool;

    /// Whether constant factors up to [`MOVED`] may be moved within a product here, by a compiler.
    fn moves_factors(&self) -> bool {
        false
    }

    /// Where its time went since it was opened, if it can tell; with finer clocks from the first time on that it is asked.
    ///
    /// # Errors
    /// - [`BackendError::Device`] if the device was lost.
    fn stages(&self) -> Result<Option<Stages>, BackendError> {
        Ok(None)
    }

    /// Threads of this machine's processor that it works with, and that may be used for work around it.
    fn threads(&self) -> usize {
        1
    }

    /// An engine like this one, with the same bits, that works on the calling thread alone and is used there alone: for who
    /// shares work among threads himself. None where there is no such engine (a GPU is one for all threads), or where this
    /// thread has one already.
    fn alone(&self) -> Option<Box<dyn Backend>> {
        None
    }

    /// This engine, if it is the processor's: for work of a run that is done there in f64, whatever engine the run is on.
    fn processor(&self) -> Option<&dyn Backend> {
        None
    }

    /// So many particles at a time it is best given, where a caller has the choice.
    fn batch(&self) -> usize {
        1 << 20
    }

    /// Throws away what it keeps of tapes that it has compiled, so that the next is compiled anew. A driver may still
    /// have a cache of its own.
    fn forget(&self) {}

    /// Compiles a tape. Costs microseconds on the CPU, milliseconds on a GPU.
    ///
    /// # Errors
    /// - [`BackendError::Unsupported`] where the engine lacks the format or the tape is too long for it.
    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError>;
}

/// A tape that is ready to run on one engine in one format.
pub trait Program {
    /// Evaluates the tape at every point. `uniforms` are the uniform inputs by order; the varying ones are the
    /// points' coordinates by order. `out` holds one column per output, each as long as the points.
    ///
    /// # Errors
    /// - [`BackendError::Device`] when memory ran out or the device was lost.
    /// - [`BackendError::Interrupted`] after [`interrupt`]; `out` is then partly written.
    fn evaluate(&mut self, points: &Points, uniforms: &[f64], out: &mut [Values]) -> Result<(), BackendError>;

    /// Runs a tape that maps a state to the next state: output k becomes the varying input k, `steps` times, for
    /// every particle. `state` holds one column per varying input. The uniform input `clock`, if given, is the
    /// number of the step: `first_step`, then one more for each step; the others stay.
    ///
    /// # Errors
    /// As [`Program::evaluate`]; `state` is then partly advanced and must be thrown away.
    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError>;

    /// Iterates each particle until it is done. `starts` are the first columns of its state, `out` the first columns of
    /// what it is then; each has one number per particle.
    ///
    /// # Errors
    /// As [`Program::evaluate`]; `out` is then partly written.
    fn settle(&mut self, settle: &Settle, starts: &[Values], out: &mut [Values]) -> Result<(), BackendError> {
        settle::by_strides(self, settle, starts, out)
    }
}

/// How far to iterate.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The uniform inputs by order.
    pub uniforms: Vec<f64>,
    /// Which of `uniforms` is the number of the step.
    pub clock: Option<usize>,
    /// The number of the first step to take; the first of all is 1.
    pub first: u64,
    /// How many steps.
    pub count: u64,
}

impl Steps {
    /// The uniform inputs of one step.
    pub fn uniforms_at(&self, step: u64) -> Vec<f64> {
        let mut uniforms = self.uniforms.clone();
        if let Some(clock) = self.clock {
            uniforms[clock] = step as f64;
        }
        uniforms
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Asks every engine to stop at its next border (a tile, a dispatch). Called by the handler of Ctrl-C.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Whether [`interrupt`] was called, as the error that engines and long loops return.
///
/// # Errors
/// [`BackendError::Interrupted`] if it was.
pub fn check_interrupt() -> Result<(), BackendError> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(BackendError::Interrupted) } else { Ok(()) }
}
