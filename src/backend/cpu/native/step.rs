//! One step's program in registers, several copies of it side by side, and the loop over the steps around it.
//!
//! Flows in: a [`Program`]. Flows out: [`Generated`], machine code. Two forms: *resident*, with the whole state in
//! registers from the first step to the last and nothing spilled; or with the states in memory (the first-level
//! cache), where an instruction may take an operand from.
//!
//! Who should not use it: anyone but `native`.

use super::assemble::{Address, Base, Form, Source};
use super::codes::Machine;
use super::lower::{Instruction, Kind, Number, Operand, Program};
use super::registers::{Allocator, Item, item};

/// Machine code and what it must be given.
#[derive(Debug)]
pub(super) struct Generated {
    pub(super) bytes: Vec<u8>,
    /// Vectors that the code may spill.
    pub(super) spills: usize,
    /// Vectors of each column of the state that are advanced together.
    pub(super) copies: usize,
    /// The state stays where it is; else states alternate, and after an odd number of steps it is in the other.
    pub(super) resident: bool,
}

/// The code of `program`; `None` if it does not fit into the registers and `resident` asks for that.
pub(super) fn generate(program: &Program, machine: Machine, copies: usize, resident: bool) -> Option<Generated> {
    if resident && program.inputs * copies > machine.registers() {
        return None;
    }
    let mut allocator = Allocator::new(program, machine, copies, resident);
    let state = |slot: usize| Address { base: Base::State, offset: slot * machine.bytes() };
    for slot in 0..program.inputs * copies {
        if resident {
            allocator.assembler.load(slot, state(slot)).ok()?;
            allocator.claim(Item::Value(slot), slot);
        } else {
            allocator.memory.insert(slot, state(slot));
        }
    }
    let top = allocator.assembler.here();
    allocator.release();
    for (k, instruction) in program.code.iter().enumerate() {
        for copy in 0..copies {
            allocator.now = k * copies + copy + 1;
            allocator.instruction(instruction, copy)?;
        }
    }
    if resident {
        allocator.bring_home()?;
    } else {
        allocator.store_rest()?;
    }
    let assembler = &mut allocator.assembler;
    assembler.next_step(!resident).ok()?;
    assembler.repeat(top).ok()?;
    for slot in 0..if resident { program.inputs * copies } else { 0 } {
        assembler.store(state(slot), slot).ok()?;
    }
    assembler.leave().ok()?;
    Some(Generated { bytes: allocator.assembler.finish(), spills: allocator.spills, copies, resident })
}

impl Allocator<'_> {
    /// The register that a value must be in at the end of a resident step.
    fn home(&self, value: usize) -> Option<usize> {
        let columns = self.columns.get(&value).filter(|_| self.resident)?;
        columns.first().map(|column| column * self.copies + value % self.copies)
    }

    fn instruction(&mut self, instruction: &Instruction, copy: usize) -> Option<()> {
        let items: Vec<Item> = instruction.operands.iter().map(|operand| item(*operand, self.copies, copy)).collect();
        let out = instruction.out * self.copies + copy;
        let target = match instruction.kind {
            Kind::MultiplyAdd | Kind::MultiplySubtract | Kind::NegatedMultiplyAdd => {
                self.fused(instruction.kind, out, [items[0], items[1], items[2]])?
            }
            Kind::Choose(_) => self.choose(instruction.kind, out, [items[0], items[1], items[2], items[3]])?,
            Kind::SquareRoot | Kind::Round(_) => {
                let of = self.source(items[0], &[])?;
                self.release();
                let target = self.take(self.home(out), &[])?;
                self.assembler.unary(instruction.kind, target, of).ok()?;
                target
            }
            kind => self.binary(kind, out, [items[0], items[1]])?,
        };
        self.release_spills(&items);
        self.claim(Item::Value(out), target);
        self.deliver(out, target)
    }

    /// Outside the registers, a result that is part of the next state goes there at once.
    fn deliver(&mut self, value: usize, register: usize) -> Option<()> {
        if !self.resident {
            for column in self.columns.get(&value).cloned().unwrap_or_default() {
                let address = self.next_state(column, value % self.copies);
                self.assembler.store(address, register).ok()?;
                self.memory.insert(value, address);
            }
        }
        if self.next_use(Item::Value(value)) == usize::MAX {
            self.drop_register(register);
        }
        Some(())
    }

    fn next_state(&self, column: usize, copy: usize) -> Address {
        Address { base: Base::Next, offset: (column * self.copies + copy) * self.assembler.machine.bytes() }
    }

    fn binary(&mut self, kind: Kind, out: usize, [mut a, mut b]: [Item; 2]) -> Option<usize> {
        let commutes = matches!(kind, Kind::Add | Kind::Multiply | Kind::And | Kind::Xor);
        if commutes && !self.register.contains_key(&a) && self.register.contains_key(&b) {
            (a, b) = (b, a);
        }
        let left = self.ensure(a, &self.registers_of(&[b]))?;
        let right = self.source(b, &[left])?;
        self.release();
        let target = self.take(self.home(out), &[])?;
        self.assembler.binary(kind, target, left, right).ok()?;
        Some(target)
    }

    /// The registers in which these items are now.
    fn registers_of(&self, items: &[Item]) -> Vec<usize> {
        items.iter().filter_map(|item| self.register.get(item).copied()).collect()
    }

    fn choose(&mut self, kind: Kind, out: usize, [a, b, yes, no]: [Item; 4]) -> Option<usize> {
        let Kind::Choose(test) = kind else { return None };
        let first = self.ensure(a, &self.registers_of(&[b, yes, no]))?;
        let mut pinned = self.registers_of(&[a, b, yes, no]);
        let second = self.source(b, &pinned)?;
        pinned.extend(self.registers_of(&[b]));
        let otherwise = self.ensure(no, &pinned)?;
        pinned.push(otherwise);
        let then = self.source(yes, &pinned)?;
        pinned.extend(self.registers_of(&[yes]));
        let mask = if self.assembler.machine.wide { first } else { self.take(None, &pinned)? };
        self.release();
        // The mask is not an item: it only has to be none of the others until the choice is made.
        let target = self.take(self.home(out), &[mask])?;
        self.assembler.choose(test, [first, mask], second, [target, otherwise], then).ok()?;
        Some(target)
    }

    /// A fused product overwrites one of its operands: best one that is not used again.
    fn fused(&mut self, kind: Kind, out: usize, items: [Item; 3]) -> Option<usize> {
        if !self.assembler.machine.wide {
            for item in items.iter().filter(|item| matches!(item, Item::Number(_))) {
                self.ensure(*item, &self.registers_of(&items))?;
            }
        }
        let dying =
            |role: &usize| self.register.contains_key(&items[*role]) && self.next_use(items[*role]) == usize::MAX;
        let at_home = |role: &usize| self.register.get(&items[*role]).copied() == self.home(out);
        let roles = [2, 0, 1];
        let best = roles.iter().copied().filter(dying).find(at_home).or_else(|| roles.iter().copied().find(dying));
        let (role, fresh) = match best {
            Some(role) => (role, false),
            // A copy has to be made: of what must be loaded anyhow, where there is such an operand.
            None => (roles.iter().copied().find(|r| !self.register.contains_key(&items[*r])).unwrap_or(2), true),
        };
        let target = if fresh {
            let target = self.take(self.home(out), &self.registers_of(&items))?;
            self.fill(target, items[role])?;
            target
        } else {
            *self.register.get(&items[role])?
        };
        let (form, second, last) = self.form(role, target, items)?;
        self.release();
        self.assembler.fused(kind, form, target, second, last).ok()?;
        self.drop_register(target);
        Some(target)
    }

    /// The other two operands of a fused product, one of which may be in memory, and the form that takes them so.
    fn form(&mut self, role: usize, target: usize, items: [Item; 3]) -> Option<(Form, usize, Source)> {
        let (one, other) = match role {
            0 => (items[1], items[2]),
            1 => (items[0], items[2]),
            _ => (items[0], items[1]),
        };
        let mut pinned = self.registers_of(&items);
        pinned.push(target);
        let loaded = self.register.contains_key(&one);
        let (in_register, free) = if loaded { (one, other) } else { (other, one) };
        let second = self.ensure(in_register, &pinned)?;
        pinned.push(second);
        let last = self.source(free, &pinned)?;
        let form = match (role, loaded) {
            (2, _) => Form::Addend231,
            (_, true) => Form::Factor213,
            (_, false) => Form::Factor132,
        };
        Some((form, second, last))
    }

    /// The end of a resident step: each column of the next state into the registers where the state is expected.
    fn bring_home(&mut self) -> Option<()> {
        let mut moves: Vec<(usize, usize)> = Vec::new();
        let mut numbers: Vec<(usize, Number)> = Vec::new();
        for (column, output) in self.program.outputs.iter().enumerate() {
            for copy in 0..self.copies {
                let target = column * self.copies + copy;
                match item(*output, self.copies, copy) {
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
                let state = self.program.inputs * self.copies;
                let aside = (state..self.holds.len()).find(|r| !matches!(self.holds[*r], Some(Item::Value(_))))?;
                let (blocked, _) = moves[0];
                self.assembler.copy(aside, blocked).ok()?;
                self.holds[aside] = self.holds[blocked];
                moves.iter_mut().filter(|(_, from)| *from == blocked).for_each(|(_, from)| *from = aside);
            }
        }
        for (target, number) in numbers {
            let address = self.number(number);
            self.assembler.broadcast(target, address).ok()?;
        }
        Some(())
    }

    /// The end of a step in memory: columns of the next state that no instruction has made.
    fn store_rest(&mut self) -> Option<()> {
        for (column, output) in self.program.outputs.iter().enumerate() {
            let made = matches!(*output, Operand::Value(value) if value >= self.program.inputs);
            for copy in 0..if made { 0 } else { self.copies } {
                let register = self.take(None, &[])?;
                self.fill(register, item(*output, self.copies, copy))?;
                let address = self.next_state(column, copy);
                self.assembler.store(address, register).ok()?;
            }
        }
        Some(())
    }
}
