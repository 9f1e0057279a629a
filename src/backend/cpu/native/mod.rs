//! Machine code made at run time: the inner loop of a descent or of a grid with its numbers in registers.
//!
//! Flows in: a [`Plan`], rows or steps with their numbers, particles or columns. Flows out: the particles after the
//! steps, a row of results. The interpreter reads its operands from the first-level cache and writes its results
//! there, which costs cheap tapes more than the arithmetic; and it cannot see what two operations have in common. The
//! bits are the interpreter's (a NaN may be another NaN), which remains for every other processor and for small work.
//!
//! `text` reads the kernels, `lower` takes a tape apart to the processor's operations, `frame` makes a loop of them (that `rows` runs over a grid)
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
mod rows;
mod schedule;
mod text;

use super::plan::Plan;
use super::{Columns, Lane};
use crate::kernel::{Block, Level};
use crate::real::Precision;
use codes::Machine;
use frame::Generated;
use lower::Program;
use memory::Code;
use registers::Shape;
pub(super) use rows::{Area, NativeRows};

/// Copies of a brief step, at most: their states fill the registers.
const COPIES: usize = 8;
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
