//! The inner loop of a descent: a group of particles through many steps.
//!
//! Flows in: a [`Plan`], particles, the steps' numbers. Flows out: the particles after the steps. The step's code is laid
//! out here too ([`best`]).
//!
//! Who should not use it: anyone but `cpu`.

use super::super::plan::Plan;
use super::super::{Columns, Lane};
use super::codes::Machine;
use super::conditions;
use super::divider;
use super::frame::{self, Generated, LONG, SHORT};
use super::lower::lower;
use super::memory::{Code, Lines};
use super::program::Program;
use super::registers::Shape;
use crate::kernel::{Block, Level};

/// Copies of a brief step, at most: their states fill the registers.
const COPIES: usize = 8;
/// Copies of a longer one, where one step waits for the other: measured, from 3 on the gain is small, from 8 on the
/// spilled vectors cost more.
const SIDE_BY_SIDE: usize = 6;
/// Copies of one whose chain is more than half its work: one after the other, the next step of one begins while the other's
/// ends;
const PAIR: usize = 2;
/// or, where a step is longer than [`AHEAD`], side by side.
const FOUR: usize = 4;
/// Instructions of a step that a processor looks through while it waits. Of one that the divider bounds, all copies may be
/// half as many again, up to as many as of a brief step: measured, the divider is then busy for nine tenths of the time.
const AHEAD: usize = 150;
/// Instructions of a step that is over before a processor has looked ahead through a few copies one after the other:
/// these need fewer registers than copies side by side.
const BRIEF: usize = 48;

/// The code of a tape's steps.
#[derive(Debug)]
pub(in super::super) struct NativeSteps<T> {
    code: Code<T>,
    shape: Shape,
    spills: usize,
    machine: Machine,
    columns: usize,
    constants: Lines<T>,
}

impl<T: Lane> NativeSteps<T> {
    /// Machine code for the inner loop of `plan`; `None` where the interpreter has to do it.
    pub(in super::super) fn new(plan: &Plan, level: Level) -> Option<NativeSteps<T>> {
        let machine = Machine::of(T::PRECISION, level)?;
        let mut program = lower(plan, plan.outputs.len(), T::PRECISION)?;
        conditions::fold(&mut program, machine);
        divider::relieve(&mut program, machine);
        let Generated { bytes, spills, shape } = best(&program, machine)?;
        let constants = Lines::constants(&program, machine);
        Some(NativeSteps { code: Code::new(&bytes)?, shape, spills, machine, columns: program.inputs, constants })
    }

    /// Particles that are advanced together.
    pub(in super::super) fn group(&self) -> usize {
        self.shape.copies * self.machine.bytes() / self.machine.number()
    }

    /// A thread's memory: the state, the next state, spilled vectors.
    pub(in super::super) fn scratch(&self) -> Lines<T> {
        Lines::new((2 * self.columns * self.shape.copies + self.spills) * self.machine.bytes())
    }

    /// The state of the group in the scratch: column by column, a number for each particle.
    pub(in super::super) fn state<'s>(&self, scratch: &'s mut Lines<T>) -> &'s mut [T] {
        // SAFETY: the scratch begins with a state, and every bit pattern is a number.
        unsafe { std::slice::from_raw_parts_mut(scratch.start(), self.columns * self.group()) }
    }

    /// Takes the state in the scratch `count` steps further. It ends where it was if the state stays in registers or
    /// the count is even, else beside it.
    pub(in super::super) fn advance(&self, scratch: &mut Lines<T>, rows: &[Block<T>], count: usize) {
        let size = self.columns * self.group();
        let memory = scratch.start();
        // SAFETY: the scratch holds two states and the spilled vectors, one after the other; the code was made for this
        // format and a level that the processor has, its memory is as large as it said, `rows` has a block for each row
        // of the plan with a number for each of up to LANES steps.
        unsafe {
            let (here, next, spill) = (memory, memory.add(size), memory.add(2 * size));
            let constants = self.constants.read();
            self.code.run(here.cast(), next.cast(), spill, rows.as_ptr().cast(), constants, count);
        }
    }

    /// Puts up to a group of particles, from `start` on, into the scratch.
    pub(in super::super) fn load(&self, scratch: &mut Lines<T>, state: &Columns<T>, start: usize, particles: usize) {
        let group = self.group();
        for (to, column) in self.state(scratch).chunks_exact_mut(group).zip(&state.0) {
            // SAFETY: the particles lie within the columns and are this thread's alone.
            let from = unsafe { std::slice::from_raw_parts(column.add(start), particles) };
            to[..particles].copy_from_slice(from);
            // What is not there does as the first, so as not to be slow in its own way (subnormals).
            to[particles..].fill(from[0]);
        }
    }

    /// Takes them back, after `count` steps from where the state is.
    pub(in super::super) fn store(
        &self,
        scratch: &mut Lines<T>,
        count: usize,
        state: &Columns<T>,
        (start, particles): (usize, usize),
    ) {
        let group = self.group();
        let beside = if self.shape.resident || count.is_multiple_of(2) { 0 } else { self.columns * group };
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: the scratch holds two states, of a group of numbers for each column; the particles lie within the
            // columns and are this thread's alone.
            unsafe {
                let from = std::slice::from_raw_parts(scratch.start().add(beside + k * group), particles);
                std::slice::from_raw_parts_mut(column.add(start), particles).copy_from_slice(from);
            }
        }
    }
}

/// How a step is laid out. Where each step waits for the one before, other particles have to fill the time: copies of
/// a brief step with the state in registers, side by side or, if one copy more fits so, one after the other; some side by
/// side, with the state in registers if these suffice, where one alone leaves the processor waiting; else as many one after
/// the other as it looks ahead through.
fn best(program: &Program, machine: Machine) -> Option<Generated> {
    let length = program.code.len().max(1);
    if length > LONG {
        return None;
    }
    let [divider, others] = program.occupied();
    let (chain, work) = program.chain_and_work();
    let fewest = if divider < others { COPIES / 2 } else { COPIES };
    let orders = (fewest..=COPIES + 1).rev().flat_map(|copies| [(copies - 1, true), (copies, false)]);
    let orders = orders.filter(|(copies, _)| length <= BRIEF && (fewest..=COPIES).contains(copies));
    let brief = orders.map(|(copies, interleaved)| Shape { copies, interleaved, resident: true });
    let most = (SHORT / length).max(1);
    let shape = |copies: usize, interleaved, resident| Shape { copies: copies.min(most), interleaved, resident };
    let longer = match () {
        () if divider >= others && length <= AHEAD => {
            vec![shape((3 * AHEAD / 2 / length).clamp(PAIR, COPIES), false, false)]
        }
        () if chain > work => vec![shape(SIDE_BY_SIDE, true, true), shape(SIDE_BY_SIDE, true, false)],
        () if 2 * chain > work && length <= AHEAD => vec![shape(PAIR, false, false)],
        () if 2 * chain > work || divider >= others => vec![shape(FOUR, true, true), shape(FOUR, true, false)],
        () => vec![shape(1, true, true), shape(1, true, false)],
    };
    brief.chain(longer).find_map(|shape| frame::steps(program, machine, shape))
}
