//! Which register holds what, in straight-line code, where every use is known beforehand.
//!
//! Flows in: a [`Program`], the wish for an operand. Flows out: a register that holds it, and the loads and stores
//! on the way. What does not fit is spilled, that first which is needed last (Belady).
//!
//! Who should not use it: anyone but `emit` and `frame`.

use super::assemble::{Address, Assembler, Base, Source};
use super::codes::Machine;
use super::program::{Kind, Number, Operand, Program};
use super::schedule;
use crate::kernel::LANES;
use std::collections::HashMap;
use std::ops::Range;

/// Something that can be in a register: a value of one of the copies, or a number in all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// value * copies + copy.
    Value(usize),
    Number(Number),
}

/// Something about each item.
#[derive(Debug)]
pub(super) struct Map<T> {
    /// By value, by row, by constant.
    places: [Vec<Option<T>>; 3],
}

impl<T> Default for Map<T> {
    fn default() -> Map<T> {
        Map { places: [Vec::new(), Vec::new(), Vec::new()] }
    }
}

impl<T> Map<T> {
    fn place(item: Item) -> (usize, usize) {
        match item {
            Item::Value(k) => (0, k),
            Item::Number(Number::Row(k)) => (1, k),
            Item::Number(Number::Constant(k)) => (2, k),
        }
    }

    pub(super) fn get(&self, item: &Item) -> Option<&T> {
        let (kind, place) = Map::<T>::place(*item);
        self.places[kind].get(place).and_then(Option::as_ref)
    }

    pub(super) fn contains_key(&self, item: &Item) -> bool {
        self.get(item).is_some()
    }

    fn slot(&mut self, item: Item) -> &mut Option<T> {
        let (kind, place) = Map::<T>::place(item);
        let places = &mut self.places[kind];
        if places.len() <= place {
            places.resize_with(place + 1, || None);
        }
        &mut places[place]
    }
}

/// How a program is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Vectors of each column that are advanced together: copies of each instruction.
    pub(super) copies: usize,
    /// Copies side by side, each instruction of all of them before the next one; else one whole copy after the other.
    pub(super) interleaved: bool,
    /// The state stays in registers from the first step to the last, and nothing is spilled.
    pub(super) resident: bool,
}

pub(super) struct Allocator<'a> {
    pub(super) assembler: Assembler,
    pub(super) program: &'a Program,
    pub(super) shape: Shape,
    /// Each instruction with the copy it is made for, as they follow each other.
    pub(super) order: Vec<(usize, usize)>,
    /// What makes each value; nothing where it is an input.
    kinds: Vec<Option<Kind>>,
    /// What each register holds.
    pub(super) holds: Vec<Option<Item>>,
    /// Where each item is in a register.
    pub(super) register: Map<usize>,
    /// Where each value is in memory.
    pub(super) memory: HashMap<usize, Address>,
    /// The moments at which an item will be used, the next one last.
    uses: Map<Vec<usize>>,
    /// The outputs that a value is.
    pub(super) columns: HashMap<usize, Vec<usize>>,
    pub(super) spills: usize,
    free_spills: Vec<usize>,
    /// Spilled vectors that the instruction in the making still reads.
    dead_spills: Vec<usize>,
}

impl<'a> Allocator<'a> {
    pub(super) fn new(program: &'a Program, machine: Machine, shape: Shape) -> Allocator<'a> {
        let mut kinds = vec![None; program.values];
        program.code.iter().for_each(|instruction| kinds[instruction.out] = Some(instruction.kind));
        let (copies, length) = (shape.copies, program.code.len());
        let order = if shape.interleaved {
            let kept = if shape.resident { program.inputs * copies } else { 0 };
            schedule::order(program, machine, copies, kept)
        } else {
            (0..copies * length).map(|k| (k % length, k / length)).collect()
        };
        let mut allocator = Allocator {
            order,
            assembler: Assembler::new(machine),
            program,
            shape,
            kinds,
            holds: vec![None; machine.all_registers()],
            register: Map::default(),
            memory: HashMap::new(),
            uses: Map::default(),
            columns: HashMap::new(),
            spills: 0,
            free_spills: Vec::new(),
            dead_spills: Vec::new(),
        };
        allocator.foresee();
        allocator
    }

    /// Notes all uses, the last one first: instructions, then the outputs where the state stays in registers.
    fn foresee(&mut self) {
        let (program, copies) = (self.program, self.shape.copies);
        let end = program.code.len() * copies;
        for copy in 0..copies {
            for (column, output) in program.outputs.iter().enumerate() {
                if let Item::Value(value) = item(*output, copies, copy) {
                    self.columns.entry(value).or_default().push(column);
                    if self.shape.resident {
                        self.uses.slot(Item::Value(value)).get_or_insert_default().push(end);
                    }
                }
            }
        }
        let order = std::mem::take(&mut self.order);
        for (moment, (k, copy)) in order.iter().copied().enumerate().rev() {
            for operand in &program.code[k].operands {
                self.uses.slot(item(*operand, copies, copy)).get_or_insert_default().push(moment);
            }
        }
        self.order = order;
    }

    /// The instruction of this moment is in the making: its uses lie behind.
    pub(super) fn pass(&mut self, items: &[Item], moment: usize) {
        for item in items {
            if let Some(uses) = self.uses.slot(*item) {
                while uses.last().is_some_and(|next| *next <= moment) {
                    uses.pop();
                }
            }
        }
    }

    pub(super) fn claim(&mut self, item: Item, register: usize) {
        self.holds[register] = Some(item);
        *self.register.slot(item) = Some(register);
    }

    pub(super) fn drop_register(&mut self, register: usize) {
        if let Some(item) = self.holds[register].take() {
            *self.register.slot(item) = None;
        }
    }

    /// The next moment at which an item is used; `usize::MAX` if never.
    pub(super) fn next_use(&self, item: Item) -> usize {
        self.uses.get(&item).and_then(|uses| uses.last()).copied().unwrap_or(usize::MAX)
    }

    /// The registers that an item can be in.
    fn suited(&self, item: Item) -> Range<usize> {
        let kind = match item {
            Item::Value(value) => self.kinds[value / self.shape.copies],
            Item::Number(_) => None,
        };
        self.assembler.machine.registers_for(kind)
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

    /// A register for an item, free or made so; none of `pinned`.
    pub(super) fn take(&mut self, item: Item, wanted: Option<usize>, pinned: &[usize]) -> Option<usize> {
        if let Some(register) = wanted.filter(|r| self.holds[*r].is_none() && !pinned.contains(r)) {
            return Some(register);
        }
        let suited = self.suited(item);
        let free = |r: &usize| self.holds[*r].is_none() && !pinned.contains(r);
        // From the top: the state lives at the bottom, and results like to go there.
        if let Some(register) = suited.clone().rev().find(free) {
            return Some(register);
        }
        // Numbers are in memory anyhow; values of a resident state are not, and must stay.
        let is_number = |r: &usize| matches!(self.holds[*r], Some(Item::Number(_)));
        let candidates = suited.filter(|r| !pinned.contains(r) && (!self.shape.resident || is_number(r)));
        let victim = candidates.max_by_key(|r| self.holds[*r].map_or(usize::MAX, |item| self.next_use(item)))?;
        self.evict(victim)?;
        Some(victim)
    }

    pub(super) fn evict(&mut self, register: usize) -> Option<()> {
        if let Some(Item::Value(value)) = self.holds[register]
            && !self.memory.contains_key(&value)
        {
            if self.shape.resident {
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

    /// Where a number lies. AVX2 finds a constant in all lanes already, to take it from memory as AVX-512 does.
    fn number(&self, number: Number) -> Address {
        let machine = self.assembler.machine;
        match number {
            Number::Row(k) => Address { base: Base::Rows, offset: k * LANES * machine.number() },
            Number::Constant(k) => Address { base: Base::Constants, offset: k * machine.constant() },
        }
    }

    /// Puts an item's lanes into a register that does not become the item's own.
    pub(super) fn fill(&mut self, register: usize, item: Item) -> Option<()> {
        match (self.register.get(&item).copied(), item) {
            (Some(from), _) => self.assembler.copy(register, from).ok(),
            (None, Item::Number(number)) => self.fetch(register, number),
            (None, Item::Value(value)) => {
                let address = *self.memory.get(&value)?;
                self.assembler.load(register, address).ok()
            }
        }
    }

    /// Puts a number from memory into all lanes of a register.
    pub(super) fn fetch(&mut self, register: usize, number: Number) -> Option<()> {
        let (address, wide) = (self.number(number), self.assembler.machine.wide);
        match number {
            Number::Constant(_) if !wide => self.assembler.load(register, address).ok(),
            _ => self.assembler.broadcast(register, address).ok(),
        }
    }

    /// The item's register; it gets one if it has none.
    pub(super) fn ensure(&mut self, item: Item, pinned: &[usize]) -> Option<usize> {
        if let Some(register) = self.register.get(&item) {
            return Some(*register);
        }
        let register = self.take(item, None, pinned)?;
        self.fill(register, item)?;
        self.claim(item, register);
        Some(register)
    }

    /// The item as an instruction's last operand, which may be in memory: numbers, and vectors that are not worth a
    /// register. AVX2 must have the numbers of a row in a register.
    pub(super) fn source(&mut self, item: Item, pinned: &[usize]) -> Option<Source> {
        if let Some(register) = self.register.get(&item) {
            return Some(Source::Register(*register));
        }
        let vectors = 0..self.assembler.machine.registers();
        let free =
            self.holds[vectors.clone()].iter().enumerate().any(|(r, item)| item.is_none() && !pinned.contains(&r));
        match item {
            Item::Number(_) if free && self.next_use(item) != usize::MAX => {
                self.ensure(item, pinned).map(Source::Register)
            }
            Item::Number(number) if self.assembler.machine.wide => Some(Source::Number(self.number(number))),
            Item::Number(number @ Number::Constant(_)) => Some(Source::Vector(self.number(number))),
            Item::Value(value)
                if self.suited(item).start == 0
                    && (self.next_use(item) == usize::MAX || self.holds[vectors].iter().all(Option::is_some)) =>
            {
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
