//! One instruction of a program as the processor's: its operands found or fetched, its result placed.
//!
//! Flows in: an [`Instruction`], the [`Allocator`]. Flows out: machine code. Who should not use it: anyone but `frame`.

use super::assemble::Source;
use super::codes::Form;
use super::program::{Instruction, Kind, Number};
use super::registers::{Allocator, Item, item};

impl Allocator<'_> {
    /// The register that a value must be in at the end of a resident step.
    fn home(&self, value: usize) -> Option<usize> {
        let columns = self.columns.get(&value).filter(|_| self.shape.resident)?;
        columns.first().map(|column| column * self.shape.copies + value % self.shape.copies)
    }

    /// Puts an instruction of one copy out, the one of this moment. Returns its value and the register it is in.
    pub(super) fn instruction(
        &mut self,
        instruction: &Instruction,
        copy: usize,
        moment: usize,
    ) -> Option<(usize, usize)> {
        let copies = self.shape.copies;
        let items: Vec<Item> = instruction.operands.iter().map(|operand| item(*operand, copies, copy)).collect();
        let out = instruction.out * copies + copy;
        self.pass(&items, moment);
        let target = match instruction.kind {
            Kind::MultiplyAdd | Kind::MultiplySubtract | Kind::NegatedMultiplyAdd | Kind::NegatedMultiplySubtract => {
                self.fused(instruction.kind, out, [items[0], items[1], items[2]])?
            }
            Kind::Choose => self.choose(out, [items[0], items[1], items[2]])?,
            Kind::Neither if self.assembler.machine.wide => self.unary(instruction.kind, out, items[0])?,
            Kind::SquareRoot
            | Kind::Round(_)
            | Kind::ShiftLeft(_)
            | Kind::ShiftRight(_)
            | Kind::Mantissa(_)
            | Kind::Exponent
            | Kind::Reciprocal
            | Kind::ReciprocalRoot => self.unary(instruction.kind, out, items[0])?,
            Kind::CompareWhere(_) => self.compare(instruction.kind, out, [items[0], items[1], items[2]])?,
            kind => self.binary(kind, out, [items[0], items[1]])?,
        };
        self.release_spills(&items);
        self.claim(Item::Value(out), target);
        Some((out, target))
    }

    /// A register for a result; one of its operands' if that is not used again.
    fn target(&mut self, out: usize) -> Option<usize> {
        self.release();
        self.take(Item::Value(out), self.home(out), &[])
    }

    fn unary(&mut self, kind: Kind, out: usize, of: Item) -> Option<usize> {
        let of = match kind {
            Kind::SquareRoot | Kind::Round(_) => self.source(of, &[])?,
            _ => Source::Register(self.ensure(of, &[])?),
        };
        let target = self.target(out)?;
        self.assembler.unary(kind, target, of).ok()?;
        Some(target)
    }

    fn binary(&mut self, kind: Kind, out: usize, [mut a, mut b]: [Item; 2]) -> Option<usize> {
        if kind.commutes() && !self.register.contains_key(&a) && self.register.contains_key(&b) {
            (a, b) = (b, a);
        }
        let left = self.ensure(a, &self.registers_of(&[b]))?;
        let right = self.source(b, &[left])?;
        let target = self.target(out)?;
        self.assembler.binary(kind, target, left, right).ok()?;
        Some(target)
    }

    fn compare(&mut self, kind: Kind, out: usize, [left, right, further]: [Item; 3]) -> Option<usize> {
        let mut pinned = self.registers_of(&[left, right, further]);
        let further = self.ensure(further, &pinned)?;
        pinned.push(further);
        let left = self.ensure(left, &pinned)?;
        pinned.push(left);
        let right = self.source(right, &pinned)?;
        let target = self.target(out)?;
        self.assembler.binary_where(kind, target, left, right, Some(further)).ok()?;
        Some(target)
    }

    fn choose(&mut self, out: usize, [condition, yes, no]: [Item; 3]) -> Option<usize> {
        let mut pinned = self.registers_of(&[condition, yes, no]);
        let condition = self.ensure(condition, &pinned)?;
        pinned.push(condition);
        let otherwise = self.ensure(no, &pinned)?;
        pinned.push(otherwise);
        let then = self.source(yes, &pinned)?;
        let target = self.target(out)?;
        self.assembler.choose(target, condition, otherwise, then).ok()?;
        Some(target)
    }

    /// The registers in which these items are now.
    fn registers_of(&self, items: &[Item]) -> Vec<usize> {
        items.iter().filter_map(|item| self.register.get(item).copied()).collect()
    }

    /// A fused product overwrites one of its operands: best one that is not used again.
    fn fused(&mut self, kind: Kind, out: usize, items: [Item; 3]) -> Option<usize> {
        if !self.assembler.machine.wide {
            for item in items.iter().filter(|item| matches!(item, Item::Number(Number::Row(_)))) {
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
            let target = self.take(Item::Value(out), self.home(out), &self.registers_of(&items))?;
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
}
