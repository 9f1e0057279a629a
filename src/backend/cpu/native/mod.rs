//! Machine code made at run time: the inner loop of a descent or of a grid with its numbers in registers.
//!
//! Flows in: a [`Plan`](super::plan::Plan), rows or steps with their numbers, particles or columns. Flows out: the
//! particles after the steps, a row of results. The interpreter reads its operands from the first-level cache and writes
//! its results there, which costs cheap tapes more than the arithmetic; and it cannot see what two operations have in
//! common. The bits are the interpreter's (a NaN may be another NaN), which remains for every other processor and for
//! small work.
//!
//! `text` reads the kernels; `lower` takes a tape apart to a `program`, the processor's operations; `conditions` makes
//! these fewer, `divider` takes roots and quotients off the divider; `schedule` puts all in order, `registers` places their numbers, `emit` makes each an
//! instruction, which `assemble` (with the table in `codes`) makes bytes; `frame` closes a loop around them, `memory`
//! makes it executable; `steps` runs it over a descent's particles, `rows` over a grid.
//!
//! Who should not use it: anyone but `cpu`, whose [`Cpu::without_native`](super::Cpu::without_native) turns it off.

mod aside;
mod assemble;
mod codes;
mod conditions;
mod divider;
mod emit;
mod frame;
mod lower;
mod memory;
mod program;
mod registers;
mod rows;
mod schedule;
mod steps;
mod text;

pub(super) use memory::Lines;
pub(super) use rows::{Area, NativeRows, Scratch};
pub(super) use steps::NativeSteps;
