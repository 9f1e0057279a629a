//! Memory for machine code (writable first and executable after, never both), and for the vectors that it works on.
//!
//! Flows in: bytes; sizes, a program's constants. Flows out: [`Code`], which runs them; [`Lines`]. Who should not use it:
//! anyone but `native`.

use super::codes::Machine;
use super::program::Program;
use memmap2::{Mmap, MmapMut};

/// What the generated code looks like from outside. The arguments: the state or the table of streams, the next state or
/// the table of results, the spilled vectors, the first row's numbers, the constants, how many steps (at least one) or
/// where the first and the last byte of a row's part are written.
///
/// The calling convention is System V's on every system: it has six arguments in registers, and none of the
/// registers that the code uses (vectors, masks, arguments) belongs to the caller.
type Function<T> = unsafe extern "sysv64" fn(*mut u8, *mut u8, *mut T, *const T, *const T, usize);

/// An executable function over numbers of one format.
#[derive(Debug)]
pub(super) struct Code<T> {
    memory: Mmap,
    number: std::marker::PhantomData<fn(T)>,
}

impl<T> Code<T> {
    /// `None` where the system gives no executable memory (a hardened kernel): the portable engine goes on.
    pub(super) fn new(bytes: &[u8]) -> Option<Code<T>> {
        let mut memory = MmapMut::map_anon(bytes.len().max(1)).ok()?;
        memory[..bytes.len()].copy_from_slice(bytes);
        Some(Code { memory: memory.make_exec().ok()?, number: std::marker::PhantomData })
    }

    /// Runs it.
    ///
    /// # Safety
    /// The bytes are a whole function of the type [`Function`] for numbers `T` and this processor; the pointers
    /// lead to as much memory as it reads and writes; the last argument is as it says.
    pub(super) unsafe fn run(
        &self,
        from: *mut u8,
        to: *mut u8,
        spill: *mut T,
        rows: *const T,
        constants: *const T,
        last: usize,
    ) {
        // SAFETY: the caller vouches that the bytes are such a function; the mapping lives as long as `self`.
        unsafe {
            let function: Function<T> = std::mem::transmute::<*const u8, Function<T>>(self.memory.as_ptr());
            function(from, to, spill, rows, constants, last);
        }
    }
}

/// Memory for vectors, on the border of a vector.
#[derive(Debug)]
pub(in super::super) struct Lines<T> {
    lines: Vec<Line>,
    number: std::marker::PhantomData<fn(T)>,
}

/// As long as the longest vector, and aligned to it.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "written and read through pointers")] [u8; 64]);

impl<T> Lines<T> {
    pub(super) fn new(bytes: usize) -> Lines<T> {
        Lines { lines: vec![Line([0; 64]); bytes.div_ceil(size_of::<Line>())], number: std::marker::PhantomData }
    }

    pub(super) fn start(&mut self) -> *mut T {
        self.lines.as_mut_ptr().cast()
    }

    pub(super) fn read(&self) -> *const T {
        self.lines.as_ptr().cast()
    }
}

impl<T: bytemuck::Pod> Lines<T> {
    /// A program's constants as the code reads them.
    pub(super) fn constants(program: &Program, machine: Machine) -> Lines<T> {
        let mut lines = Lines::<T>::new(program.constants.len() * machine.constant());
        let size = machine.constant() / machine.number();
        for (place, bits) in program.constants.iter().enumerate() {
            let number: T = bytemuck::pod_read_unaligned(&bits.to_le_bytes()[..machine.number()]);
            for lane in 0..size {
                // SAFETY: there are that many bytes, and every bit pattern is a number.
                unsafe { lines.start().add(place * size + lane).write(number) };
            }
        }
        lines
    }
}
