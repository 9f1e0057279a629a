//! Subnormals as zeros, for as long as a guard lives: what descents do.
//!
//! A descent to a minimum at 0 ends among subnormals and stays there: the last steps are smaller than the least of
//! them. Processors take some hundred cycles for each instruction that meets one, twenty times the whole step. The
//! numbers are below 1e-38 (1e-308 in f64); nobody who descends looks for them. Grids keep them: a field may be what
//! is asked for there, and it is computed once.
//!
//! Flows in: a thread that computes with blocks. Flows out: the same with operands and results below the smallest
//! normal number taken for zeros of their sign. x86-64 and 64-bit Arm do this alike, but that Arm looks at a result
//! before it is rounded: one that is rounded up to the smallest normal number is 0 there. Other processors have no
//! such mode here.
//!
//! Who should not use it: anyone but `cpu`, and never around code that is not calls of kernels.

use super::Lane;
use crate::real::Precision;

/// Whether this processor does it.
pub(super) const FLUSHES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Takes what is subnormal for zero. Whether a choice or a comparison of bits does so in that mode depends on the
/// instruction; so nothing subnormal goes in, and then the mode lets none arise.
pub(super) fn flush<T: Lane>(numbers: &mut [T]) {
    // Each in its own format and written in any case: so the compiler makes whole vectors of it.
    let single = |x: f32| if x.abs() < f32::MIN_POSITIVE { 0.0f32.copysign(x) } else { x };
    let double = |x: f64| if x.abs() < f64::MIN_POSITIVE { 0.0f64.copysign(x) } else { x };
    match T::PRECISION {
        _ if !FLUSHES => {}
        Precision::F32 => bytemuck::cast_slice_mut(numbers).iter_mut().for_each(|x| *x = single(*x)),
        Precision::F64 => bytemuck::cast_slice_mut(numbers).iter_mut().for_each(|x| *x = double(*x)),
    }
}

/// The thread's mode before; given back at the end.
pub(super) struct Flushing {
    before: Control,
    /// The mode is a thread's: the guard stays there.
    stays: std::marker::PhantomData<*const ()>,
}

impl Flushing {
    pub(super) fn start() -> Flushing {
        let before = control();
        set_control(before | FLUSH);
        Flushing { before, stays: std::marker::PhantomData }
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
type Control = u32;
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

/// Flush to zero (bit 15) and denormals are zeros (bit 6) of MXCSR.
#[cfg(target_arch = "x86_64")]
const FLUSH: Control = 1 << 15 | 1 << 6;
/// Flush to zero of FPCR, which speaks of operands and results.
#[cfg(target_arch = "aarch64")]
const FLUSH: Control = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Control = 0;

#[cfg(target_arch = "x86_64")]
fn control() -> Control {
    let mut control: Control = 0;
    // SAFETY: stores the 4 bytes of the control register to where the pointer leads.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "x86_64")]
fn set_control(control: Control) {
    // SAFETY: the bits are the thread's own with at most the two of FLUSH added, so no exception is unmasked and the
    // rounding stays. The language takes the mode for granted when it computes by itself; between the guard's two
    // calls only kernels and generated code compute, which are reached through pointers: no calculation can be moved
    // across these calls nor folded in another mode than it is run in.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> Control {
    let control: Control;
    // SAFETY: reads a register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn set_control(control: Control) {
    // SAFETY: the bits are the thread's own with at most that of FLUSH added, so the rounding stays and no exception
    // is trapped. The language takes the mode for granted when it computes by itself; between the guard's two calls
    // only kernels compute, which are reached through pointers: no calculation can be moved across these calls nor
    // folded in another mode than it is run in.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: Control) {}
