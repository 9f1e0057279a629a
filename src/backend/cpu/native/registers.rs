//! Which register holds what, in straight-line code, where every use is known beforehand.
//!
//! Flows in: a [`Program`], the wish for an operand. Flows out: a register that holds it, and the loads and stores
//! on the way. What does not fit is spilled, that first which is needed last (Belady).
//!
//! Who should not use it: anyone but `step`.

use super::assemble::{Address, Assembler, Base, Source};
use super::codes::Machine;
use super::lower::{Number, Operand, Program};
use crate::kernel::LANES;
use std::collections::HashMap;

/// Something that can be in a register: a value of one of the copies, or a number in all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// value * copies + copy.
    Value(usize),
    Number(Number),
}

pub(super) struct Allocator<'a> {
    pub(super) assembler: Assembler,
    pub(super) program: &'a Program,
    pub(super) copies: usize,
    pub(super) resident: bool,
    /// What each register holds.
    pub(super) holds: Vec<Option<Item>>,
    /// Where each item is in a register.
    pub(super) register: HashMap<Item, usize>,
    /// Where each value is in memory.
    pub(super) memory: HashMap<usize, Address>,
    /// The moments at which an item is used, the next one last.
    pub(super) uses: HashMap<Item, Vec<usize>>,
    /// The columns of the next state that a value is.
    pub(super) columns: HashMap<usize, Vec<usize>>,
    pub(super) spills: usize,
    pub(super) free_spills: Vec<usize>,
    /// Spilled vectors that the instruction in the making still reads.
    pub(super) dead_spills: Vec<usize>,
    pub(super) now: usize,
}

impl<'a> Allocator<'a> {
    pub(super) fn new(program: &'a Program, machine: Machine, copies: usize, resident: bool) -> Allocator<'a> {
        let mut uses: HashMap<Item, Vec<usize>> = HashMap::new();
        let end = (program.code.len() + 1) * copies;
        let mut columns: HashMap<usize, Vec<usize>> = HashMap::new();
        for copy in 0..copies {
            for (column, output) in program.outputs.iter().enumerate() {
                if let Item::Value(value) = item(*output, copies, copy) {
                    columns.entry(value).or_default().push(column);
                    if resident {
                        uses.entry(Item::Value(value)).or_default().push(end);
                    }
                }
            }
        }
        for (k, instruction) in program.code.iter().enumerate().rev() {
            for copy in (0..copies).rev() {
                for operand in &instruction.operands {
                    uses.entry(item(*operand, copies, copy)).or_default().push(k * copies + copy + 1);
                }
            }
        }
        Allocator {
            assembler: Assembler::new(machine),
            program,
            copies,
            resident,
            holds: vec![None; machine.registers()],
            register: HashMap::new(),
            memory: HashMap::new(),
            uses,
            columns,
            spills: 0,
            free_spills: Vec::new(),
            dead_spills: Vec::new(),
            now: 0,
        }
    }

    pub(super) fn claim(&mut self, item: Item, register: usize) {
        self.holds[register] = Some(item);
        self.register.insert(item, register);
    }

    pub(super) fn drop_register(&mut self, register: usize) {
        if let Some(item) = self.holds[register].take() {
            self.register.remove(&item);
        }
    }

    /// The next moment after now at which an item is used; `usize::MAX` if never.
    pub(super) fn next_use(&self, item: Item) -> usize {
        let later = |uses: &Vec<usize>| uses.iter().rev().copied().find(|moment| *moment > self.now);
        self.uses.get(&item).and_then(later).unwrap_or(usize::MAX)
    }

    /// Gives back the registers (and soon the spilled vectors) of what is not used any more.
    pub(super) fn release(&mut self) {
        for register in 0..self.holds.len() {
            if self.holds[register].is_some_and(|item| self.next_use(item) == usize::MAX) {
                self.drop_register(register);
            }
        }
    }

    /// After an operand's last use its spilled vector is free, once the instruction that reads it is out.
    pub(super) fn release_spills(&mut self, operands: &[Item]) {
        for operand in operands {
            if let Item::Value(value) = *operand
                && self.next_use(*operand) == usize::MAX
                && let Some(Address { base: Base::Spill, offset }) = self.memory.get(&value).copied()
            {
                self.memory.remove(&value);
                self.dead_spills.push(offset);
            }
        }
        let bytes = self.assembler.machine.bytes();
        self.free_spills.extend(self.dead_spills.drain(..).map(|offset| offset / bytes));
    }

    /// A register that is free or made so; none of `pinned`.
    pub(super) fn take(&mut self, wanted: Option<usize>, pinned: &[usize]) -> Option<usize> {
        if let Some(register) = wanted.filter(|r| self.holds[*r].is_none() && !pinned.contains(r)) {
            return Some(register);
        }
        let free = |r: &usize| self.holds[*r].is_none() && !pinned.contains(r);
        // From the top: the state lives at the bottom, and results like to go there.
        if let Some(register) = (0..self.holds.len()).rev().find(free) {
            return Some(register);
        }
        let candidates = (0..self.holds.len()).filter(|r| !pinned.contains(r));
        let victim = candidates.max_by_key(|r| self.holds[*r].map_or(usize::MAX, |item| self.next_use(item)))?;
        self.evict(victim)?;
        Some(victim)
    }

    pub(super) fn evict(&mut self, register: usize) -> Option<()> {
        if let Some(Item::Value(value)) = self.holds[register]
            && !self.memory.contains_key(&value)
        {
            if self.resident {
                return None;
            }
            let slot = self.free_spills.pop().unwrap_or_else(|| {
                self.spills += 1;
                self.spills - 1
            });
            let address = Address { base: Base::Spill, offset: slot * self.assembler.machine.bytes() };
            self.assembler.store(address, register).ok()?;
            self.memory.insert(value, address);
        }
        self.drop_register(register);
        Some(())
    }

    /// Where a number lies.
    pub(super) fn number(&self, number: Number) -> Address {
        let bytes = self.assembler.machine.number();
        match number {
            Number::Row(k) => Address { base: Base::Rows, offset: k * LANES * bytes },
            Number::Constant(which) => Address { base: Base::Constants, offset: which as usize * bytes },
        }
    }

    /// Puts an item's lanes into a register that does not become the item's own.
    pub(super) fn fill(&mut self, register: usize, item: Item) -> Option<()> {
        match (self.register.get(&item).copied(), item) {
            (Some(from), _) => self.assembler.copy(register, from).ok(),
            (None, Item::Number(number)) => self.assembler.broadcast(register, self.number(number)).ok(),
            (None, Item::Value(value)) => {
                let address = *self.memory.get(&value)?;
                self.assembler.load(register, address).ok()
            }
        }
    }

    /// The item's register; it gets one if it has none.
    pub(super) fn ensure(&mut self, item: Item, pinned: &[usize]) -> Option<usize> {
        if let Some(register) = self.register.get(&item) {
            return Some(*register);
        }
        let register = self.take(None, pinned)?;
        self.fill(register, item)?;
        self.claim(item, register);
        Some(register)
    }

    /// The item as an instruction's last operand, which may be in memory: numbers with AVX-512, and vectors that are
    /// not worth a register.
    pub(super) fn source(&mut self, item: Item, pinned: &[usize]) -> Option<Source> {
        if let Some(register) = self.register.get(&item) {
            return Some(Source::Register(*register));
        }
        match item {
            Item::Number(number) if self.assembler.machine.wide => Some(Source::Number(self.number(number))),
            Item::Value(value) if self.next_use(item) == usize::MAX || self.holds.iter().all(Option::is_some) => {
                self.memory.get(&value).copied().map(Source::Vector)
            }
            _ => self.ensure(item, pinned).map(Source::Register),
        }
    }
}

/// What an operand is in one of the copies.
pub(super) fn item(operand: Operand, copies: usize, copy: usize) -> Item {
    match operand {
        Operand::Value(value) => Item::Value(value * copies + copy),
        Operand::Number(number) => Item::Number(number),
    }
}
