//! Machine code in memory that is writable first and executable after, never both.
//!
//! Flows in: bytes. Flows out: [`Code`], which runs them. Who should not use it: anyone but `native`.

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
