//! Machine code for descents, made at run time: many steps of one tape with the state in registers.
//!
//! Flows in: a [`Plan`] whose inner loop is arithmetic and choices, the steps' numbers, particles. Flows out: the
//! particles after the steps. The interpreter reads its operands from the first-level cache and writes its results
//! there, which costs cheap tapes more than the arithmetic; here a group of particles (a few vectors of each column
//! of the state) goes through all steps at once. The bits are the interpreter's (a NaN may be another NaN), which
//! remains for every other processor and tape.
//!
//! `lower` writes the tape in the processor's operations, `step` makes a loop of them with `registers` for their
//! numbers, `assemble` (with the table in `codes`) makes bytes, `memory` makes these executable.
//!
//! Who should not use it: anyone but `cpu`, whose [`Cpu::without_native`](super::Cpu::without_native) turns it off.

mod assemble;
mod codes;
mod lower;
mod memory;
mod registers;
mod step;

use super::plan::Plan;
use super::{Columns, Lane};
use crate::kernel::{Block, Level};
use crate::real::Precision;
use codes::Machine;
use lower::{Constant, Program};
use memory::Code;
use step::{Generated, generate};

/// Copies of an instruction side by side, at most: enough to fill two units of four cycles' latency, even where each
/// instruction waits for the one before.
const COPIES: usize = 8;
/// Instructions of a step's code, copies counted, at most: more would not stay in the first-level instruction cache...
const SHORT: usize = 3000;
/// ... and without copies still be faster than the interpreter up to here.
const LONG: usize = 20_000;

/// The inner loop of a descent as machine code.
#[derive(Debug)]
pub(super) struct Native<T> {
    code: Code<T>,
    generated: Generated,
    machine: Machine,
    columns: usize,
    constants: Vec<T>,
}

/// A thread's memory: the state, the next state, spilled vectors; on the border of a vector.
pub(super) struct Scratch<T> {
    lines: Vec<Line>,
    number: std::marker::PhantomData<T>,
}

/// As long as the longest vector, and aligned to it.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "written and read through pointers")] [u8; 64]);

impl<T: Lane> Native<T> {
    /// Machine code for the inner loop of `plan`; `None` where the interpreter has to do it.
    pub(super) fn new(plan: &Plan, level: Level) -> Option<Native<T>> {
        let wide = match level {
            Level::Baseline => return None,
            Level::Avx2 => false,
            Level::Avx512 => true,
        };
        let machine = Machine { wide, double: T::PRECISION == Precision::F64 };
        let program = Program::lower(plan)?;
        let generated = best(&program, machine)?;
        Some(Native {
            code: Code::new(&generated.bytes)?,
            machine,
            columns: program.inputs,
            constants: constants(),
            generated,
        })
    }

    /// Particles that are advanced together.
    pub(super) fn group(&self) -> usize {
        self.generated.copies * self.machine.bytes() / self.machine.number()
    }

    pub(super) fn scratch(&self) -> Scratch<T> {
        let vectors = 2 * self.columns * self.generated.copies + self.generated.spills;
        let lines = (vectors * self.machine.bytes()).div_ceil(size_of::<Line>());
        Scratch { lines: vec![Line([0; 64]); lines], number: std::marker::PhantomData }
    }

    /// Advances up to a group of particles, from `start` on, by `count` steps (at least one) whose numbers are in `rows`.
    pub(super) fn run(
        &self,
        scratch: &mut Scratch<T>,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        (start, particles): (usize, usize),
    ) {
        let group = self.group();
        let size = self.columns * group;
        let memory = scratch.lines.as_mut_ptr().cast::<T>();
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
            self.code.run([here, next, spill], rows.as_ptr().cast::<T>(), self.constants.as_ptr(), count as u64);
        }
        let last = if self.generated.resident || count.is_multiple_of(2) { here } else { next };
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let from = std::slice::from_raw_parts(last.add(k * group), particles);
                std::slice::from_raw_parts_mut(column.add(start), particles).copy_from_slice(from);
            }
        }
    }
}

/// The code's own numbers, by their bits: one of them is a NaN.
fn constants<T: Lane>() -> Vec<T> {
    let number = |constant: &Constant| {
        let bytes = constant.bits(T::PRECISION).to_le_bytes();
        bytemuck::pod_read_unaligned(&bytes[..size_of::<T>()])
    };
    Constant::ALL.iter().map(number).collect()
}

/// The state in registers with as many copies as fit; else in memory.
fn best(program: &Program, machine: Machine) -> Option<Generated> {
    let length = program.code.len().max(1);
    if length > LONG {
        return None;
    }
    let resident = (1..=COPIES.min((SHORT / length).max(1))).rev();
    resident.into_iter().find_map(|copies| generate(program, machine, copies, true)).or_else(|| {
        let copies = if length * 2 <= SHORT / 10 { 2 } else { 1 };
        generate(program, machine, copies, false)
    })
}
