//! The loops around a program: the steps of a descent, the columns of a grid.
//!
//! Flows in: a [`Program`]. Flows out: [`Generated`], machine code. A descent has two forms: *resident*, with the whole
//! state in registers from the first step to the last and nothing spilled; or with the states in memory (the
//! first-level cache), where an instruction may take an operand from. A grid's row goes from its streams to its results,
//! which may be written past the caches.
//!
//! Who should not use it: anyone but `native`.

use super::assemble::{Address, Base};
use super::codes::Machine;
use super::program::{Number, Operand, Program};
use super::registers::{Allocator, Item, Shape, item};
use iced_x86::IcedError;

/// Instructions of a step's code, copies counted, at most: more would not stay in the first-level instruction cache...
pub(super) const SHORT: usize = 3000;
/// ... and without copies still be faster than the interpreter up to here.
pub(super) const LONG: usize = 20_000;

/// Machine code and what it must be given.
#[derive(Debug)]
pub(super) struct Generated {
    pub(super) bytes: Vec<u8>,
    /// Vectors that the code may spill.
    pub(super) spills: usize,
    pub(super) shape: Shape,
}

/// The steps of a descent; `None` if the program does not fit into the registers and the shape asks for that.
pub(super) fn steps(program: &Program, machine: Machine, shape: Shape) -> Option<Generated> {
    let slots = program.inputs * shape.copies;
    if shape.resident && slots > machine.registers() {
        return None;
    }
    let mut allocator = Allocator::new(program, machine, shape);
    let state = |slot: usize| Address { base: Base::State, offset: slot * machine.bytes() };
    for slot in 0..slots {
        if shape.resident {
            allocator.assembler.load(slot, state(slot)).ok()?;
            allocator.claim(Item::Value(slot), slot);
        } else {
            allocator.memory.insert(slot, state(slot));
        }
    }
    let top = allocator.assembler.here();
    allocator.body(|allocator, column, copy, register| {
        let address = Address { base: Base::Next, offset: (column * shape.copies + copy) * machine.bytes() };
        allocator.assembler.store(address, register)?;
        Ok(Some(address))
    })?;
    let assembler = &mut allocator.assembler;
    assembler.next_step(!shape.resident).ok()?;
    assembler.repeat(top).ok()?;
    for slot in 0..if shape.resident { slots } else { 0 } {
        assembler.store(state(slot), slot).ok()?;
    }
    assembler.leave().ok()?;
    Some(Generated { bytes: allocator.assembler.finish(), spills: allocator.spills, shape })
}

/// A part of a row of a grid: vectors from one place to another, some at a time. With `past_caches` the results are on
/// the border of a vector.
pub(super) fn row(program: &Program, machine: Machine, copies: usize, past_caches: bool) -> Option<Generated> {
    let shape = Shape { copies, interleaved: true, resident: false };
    let mut allocator = Allocator::new(program, machine, shape);
    for slot in 0..program.inputs * copies {
        let address = Address { base: Base::Stream(slot / copies), offset: slot % copies * machine.bytes() };
        allocator.memory.insert(slot, address);
    }
    allocator.assembler.begin_row().ok()?;
    let top = allocator.assembler.here();
    allocator.body(|allocator, column, copy, register| {
        let address = Address { base: Base::Result(column), offset: copy * machine.bytes() };
        if past_caches {
            allocator.assembler.stream(address, register)?;
            return Ok(None);
        }
        allocator.assembler.store(address, register)?;
        Ok(Some(address))
    })?;
    allocator.assembler.repeat_row(top, copies * machine.bytes()).ok()?;
    allocator.assembler.leave().ok()?;
    Some(Generated { bytes: allocator.assembler.finish(), spills: allocator.spills, shape })
}

impl Allocator<'_> {
    /// Every instruction once for each copy, then the rest of the outputs. `deliver` writes one copy of an output from
    /// a register and says from where it can be read again.
    fn body(
        &mut self,
        deliver: impl Fn(&mut Self, usize, usize, usize) -> Result<Option<Address>, IcedError>,
    ) -> Option<()> {
        let (program, copies) = (self.program, self.shape.copies);
        self.release();
        for (moment, (k, copy)) in std::mem::take(&mut self.order).into_iter().enumerate() {
            let (value, register) = self.instruction(&program.code[k], copy, moment)?;
            if !self.shape.resident {
                for column in self.columns.get(&value).cloned().unwrap_or_default() {
                    if let Some(address) = deliver(self, column, copy, register).ok()? {
                        self.memory.insert(value, address);
                    }
                }
            }
            if self.next_use(Item::Value(value)) == usize::MAX {
                self.drop_register(register);
            }
        }
        if self.shape.resident {
            return self.bring_home();
        }
        // Outputs that no instruction has made.
        for (column, output) in program.outputs.iter().enumerate() {
            let made = matches!(*output, Operand::Value(value) if value >= program.inputs);
            for copy in 0..if made { 0 } else { copies } {
                let item = item(*output, copies, copy);
                let register = self.take(item, None, &[])?;
                self.fill(register, item)?;
                deliver(self, column, copy, register).ok()?;
            }
        }
        Some(())
    }

    /// The end of a resident step: each column of the next state into the registers where the state is expected.
    fn bring_home(&mut self) -> Option<()> {
        let mut moves: Vec<(usize, usize)> = Vec::new();
        let mut numbers: Vec<(usize, Number)> = Vec::new();
        for (column, output) in self.program.outputs.iter().enumerate() {
            for copy in 0..self.shape.copies {
                let target = column * self.shape.copies + copy;
                match item(*output, self.shape.copies, copy) {
                    Item::Number(number) => numbers.push((target, number)),
                    value => moves.push((target, *self.register.get(&value)?)),
                }
            }
        }
        moves.retain(|(target, from)| target != from);
        while !moves.is_empty() {
            let ready = moves.iter().position(|(target, _)| moves.iter().all(|(_, from)| from != target));
            if let Some(ready) = ready {
                let (target, from) = moves.swap_remove(ready);
                self.assembler.copy(target, from).ok()?;
            } else {
                // A circle: one of it steps aside, to where no column belongs.
                let state = self.program.inputs * self.shape.copies;
                let aside = (state..self.assembler.machine.registers())
                    .find(|r| !matches!(self.holds[*r], Some(Item::Value(_))))?;
                let (blocked, _) = moves[0];
                self.assembler.copy(aside, blocked).ok()?;
                self.holds[aside] = self.holds[blocked];
                moves.iter_mut().filter(|(_, from)| *from == blocked).for_each(|(_, from)| *from = aside);
            }
        }
        for (target, number) in numbers {
            self.fetch(target, number)?;
        }
        Some(())
    }
}
