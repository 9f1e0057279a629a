//! Machine code made at run time: the inner loop of a descent or of a grid with its numbers in registers.
//!
//! Flows in: a [`Plan`], rows or steps with their numbers, particles or columns. Flows out: the particles after the
//! steps, a row of results. The interpreter reads its operands from the first-level cache and writes its results
//! there, which costs cheap tapes more than the arithmetic; and it cannot see what two operations have in common. The
//! bits are the interpreter's (a NaN may be another NaN), which remains for every other processor and for small work.
//!
//! `text` reads the kernels, `lower` takes a tape apart to the processor's operations, `frame` makes a loop of them
//! with `emit` for each and `registers` for their numbers, `assemble` (with the table in `codes`) makes bytes, `memory`
//! makes these executable.
//!
//! Who should not use it: anyone but `cpu`, whose [`Cpu::without_native`](super::Cpu::without_native) turns it off.

mod assemble;
mod codes;
mod emit;
mod frame;
mod lower;
mod memory;
mod registers;
mod schedule;
mod text;

use super::plan::Plan;
use super::{Columns, Lane};
use crate::kernel::{Block, LANES, Level};
use crate::real::Precision;
use codes::Machine;
use frame::Generated;
use lower::Program;
use memory::Code;
use registers::Shape;

/// Copies of a brief step, at most: their states fill the registers.
const COPIES: usize = 8;
/// Vectors of a row at a time, where the instructions of one wait for each other.
const ROW: usize = 4;
/// Copies of a longer one, where one step waits for the other: measured, from 3 on the gain is small, from 8 on the
/// spilled vectors cost more.
const SIDE_BY_SIDE: usize = 6;
/// Instructions of a step's code, copies counted, at most: more would not stay in the first-level instruction cache...
const SHORT: usize = 3000;
/// ... and without copies still be faster than the interpreter up to here.
const LONG: usize = 20_000;
/// Instructions of a step that is over before a processor has looked ahead through a few copies one after the other:
/// these need fewer registers than copies side by side.
const BRIEF: usize = 48;

/// The processor at this level; `None` where there is no code for it.
fn machine<T: Lane>(level: Level) -> Option<Machine> {
    let double = T::PRECISION == Precision::F64;
    match level {
        Level::Baseline => None,
        Level::Avx2 => Some(Machine { wide: false, double }),
        Level::Avx512 => Some(Machine { wide: true, double }),
    }
}

/// The constants as the code reads them.
fn constants<T: Lane>(program: &Program, machine: Machine) -> Lines<T> {
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

/// Memory for vectors, on the border of a vector.
#[derive(Debug)]
pub(super) struct Lines<T> {
    lines: Vec<Line>,
    number: std::marker::PhantomData<fn(T)>,
}

/// As long as the longest vector, and aligned to it.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "written and read through pointers")] [u8; 64]);

impl<T> Lines<T> {
    fn new(bytes: usize) -> Lines<T> {
        Lines { lines: vec![Line([0; 64]); bytes.div_ceil(size_of::<Line>())], number: std::marker::PhantomData }
    }

    fn start(&mut self) -> *mut T {
        self.lines.as_mut_ptr().cast()
    }
}

/// The inner loop of a descent: many steps of one tape.
#[derive(Debug)]
pub(super) struct NativeSteps<T> {
    code: Code<T>,
    shape: Shape,
    spills: usize,
    machine: Machine,
    columns: usize,
    constants: Lines<T>,
}

impl<T: Lane> NativeSteps<T> {
    /// Machine code for the inner loop of `plan`; `None` where the interpreter has to do it.
    pub(super) fn new(plan: &Plan, level: Level) -> Option<NativeSteps<T>> {
        let machine = machine::<T>(level)?;
        let program = Program::lower(plan, plan.outputs.len(), T::PRECISION)?;
        let Generated { bytes, spills, shape } = best(&program, machine)?;
        let constants = constants(&program, machine);
        Some(NativeSteps { code: Code::new(&bytes)?, shape, spills, machine, columns: program.inputs, constants })
    }

    /// Particles that are advanced together.
    pub(super) fn group(&self) -> usize {
        self.shape.copies * self.machine.bytes() / self.machine.number()
    }

    /// A thread's memory: the state, the next state, spilled vectors.
    pub(super) fn scratch(&self) -> Lines<T> {
        Lines::new((2 * self.columns * self.shape.copies + self.spills) * self.machine.bytes())
    }

    /// Advances up to a group of particles, from `start` on, by `count` steps (at least one) whose numbers are in `rows`.
    pub(super) fn run(
        &self,
        scratch: &mut Lines<T>,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        (start, particles): (usize, usize),
    ) {
        let group = self.group();
        let size = self.columns * group;
        let memory = scratch.start();
        // SAFETY: the scratch holds two states and the spilled vectors, one after the other.
        let (here, next, spill) = unsafe { (memory, memory.add(size), memory.add(2 * size)) };
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: the particles lie within the columns and are this thread's alone; the state in the scratch has
            // a group of numbers for each column, and every bit pattern is a number.
            let (from, to) = unsafe {
                let from = std::slice::from_raw_parts(column.add(start), particles);
                (from, std::slice::from_raw_parts_mut(here.add(k * group), group))
            };
            to[..particles].copy_from_slice(from);
            // What is not there does as the first, so as not to be slow in its own way (subnormals).
            to[particles..].fill(from[0]);
        }
        // SAFETY: the code was made for this format and a level that the processor has, its memory is as large as it
        // said, `rows` has a block for each row of the plan with a number for each of up to LANES steps.
        unsafe {
            let constants = self.constants.lines.as_ptr().cast::<T>();
            self.code.run(here.cast(), next.cast(), spill, rows.as_ptr().cast(), constants, count);
        }
        let last = if self.shape.resident || count.is_multiple_of(2) { here } else { next };
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let from = std::slice::from_raw_parts(last.add(k * group), particles);
                std::slice::from_raw_parts_mut(column.add(start), particles).copy_from_slice(from);
            }
        }
    }
}

/// How a step is laid out. Where each step waits for the one before, other particles have to fill the time: copies of
/// a brief step one after the other, with the state in registers; else some side by side if one alone leaves the
/// processor waiting, with the state in registers if these suffice.
fn best(program: &Program, machine: Machine) -> Option<Generated> {
    let length = program.code.len().max(1);
    if length > LONG {
        return None;
    }
    let one_by_one = (COPIES / 2..=COPIES).rev().filter(|_| length <= BRIEF);
    let brief = one_by_one.map(|copies| Shape { copies, interleaved: false, resident: true });
    let copies = if program.waits() { SIDE_BY_SIDE.min(SHORT / length).max(1) } else { 1 };
    let side_by_side = [true, false].map(|resident| Shape { copies, interleaved: true, resident });
    brief.chain(side_by_side).find_map(|shape| frame::steps(program, machine, shape))
}

/// The inner loop of a grid: a row of a tile.
#[derive(Debug)]
pub(super) struct NativeRows<T> {
    /// One vector at a time.
    single: Code<T>,
    /// Some at a time, and results go through the caches, or past them.
    through: Code<T>,
    past: Code<T>,
    copies: usize,
    spills: usize,
    machine: Machine,
    constants: Lines<T>,
}

impl<T: Lane> NativeRows<T> {
    /// Machine code for the inner loop of `plan`; `None` where the interpreter has to do it.
    pub(super) fn new(plan: &Plan, level: Level) -> Option<NativeRows<T>> {
        let machine = machine::<T>(level)?;
        let program = Program::lower(plan, plan.columns, T::PRECISION)?;
        let length = program.code.len().max(1);
        if length > LONG {
            return None;
        }
        let copies = if program.waits() { ROW.min(SHORT / length).max(1) } else { 1 };
        let single = frame::row(&program, machine, 1, false)?;
        let through = frame::row(&program, machine, copies, false)?;
        let past = frame::row(&program, machine, copies, true)?;
        Some(NativeRows {
            single: Code::new(&single.bytes)?,
            through: Code::new(&through.bytes)?,
            past: Code::new(&past.bytes)?,
            copies,
            spills: single.spills.max(through.spills).max(past.spills),
            machine,
            constants: constants(&program, machine),
        })
    }

    /// The fewest columns that it computes.
    pub(super) fn lanes(&self) -> usize {
        self.machine.bytes() / self.machine.number()
    }

    /// A thread's memory for spilled vectors.
    pub(super) fn scratch(&self) -> Lines<T> {
        Lines::new(self.spills * self.machine.bytes())
    }

    /// Computes one row over `columns` columns (at least [`NativeRows::lanes`]); `row` is its place in each block of
    /// `rows`. After results that went past the caches comes [`NativeRows::settle`].
    ///
    /// # Safety
    /// Each stream has that many numbers to read, each result has room for that many, which nobody else uses meanwhile;
    /// `rows` has a block for each row block of the plan.
    pub(super) unsafe fn run(
        &self,
        scratch: &mut Lines<T>,
        (rows, row): (&[Block<T>], usize),
        streams: &[*const T],
        results: &[*mut T],
        columns: usize,
        past_caches: bool,
    ) {
        debug_assert!(columns >= self.lanes() && row < LANES);
        let spill = scratch.start();
        let part = |code: &Code<T>, start: usize, end: usize| {
            let bounds = [start * size_of::<T>(), end * size_of::<T>()];
            // SAFETY: the caller vouches for the streams and results, from `start` to `end` is a number of whole vectors
            // (at least one), and the code was made for this format and a level that the processor has.
            unsafe {
                let constants = self.constants.lines.as_ptr().cast::<T>();
                let numbers = rows.as_ptr().cast::<T>().add(row);
                let (streams, results) = (streams.as_ptr().cast_mut().cast(), results.as_ptr().cast_mut().cast());
                code.run(streams, results, spill, numbers, constants, bounds.as_ptr().expose_provenance());
            }
        };
        let lanes = self.lanes();
        let (mut start, code) = match self.border(results).filter(|_| past_caches && columns >= 4 * lanes) {
            Some(border) => (border, &self.past),
            None => (0, &self.through),
        };
        // What comes before the border of a vector, or is left over, lies in a vector that overlaps.
        if start > 0 {
            part(&self.single, 0, lanes);
        }
        for (code, lanes) in [(code, self.copies * lanes), (&self.single, lanes)] {
            let whole = (columns - start) / lanes * lanes;
            if whole > 0 {
                part(code, start, start + whole);
            }
            start += whole;
        }
        if start < columns {
            part(&self.single, columns - lanes, columns);
        }
    }

    /// The first column whose results are all on the border of a vector.
    fn border(&self, results: &[*mut T]) -> Option<usize> {
        let bytes = self.machine.bytes();
        let ahead = |result: &*mut T| result.addr().wrapping_neg() % bytes;
        let first = results.first().map(ahead)?;
        let together = first.is_multiple_of(size_of::<T>()) && results.iter().all(|result| ahead(result) == first);
        together.then_some(first / size_of::<T>())
    }

    /// Makes what went past the caches visible to other threads, once these are told of it.
    pub(super) fn settle(&self) {
        // SAFETY: every x86-64 processor has this instruction.
        #[allow(unused_unsafe, reason = "safe or not by the compiler's version")]
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}
