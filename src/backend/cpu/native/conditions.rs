//! Conditions in fewer instructions: what is true of a comparison is true of its opposite elsewhere, and a comparison can
//! take a further condition along.
//!
//! Flows in: a [`Program`]. Flows out: the same with fewer instructions. AVX-512 compares in one of its two units and has
//! one that combines conditions; a solver's step is a third of these. Who should not use it: anyone but `steps` and `rows`.

use super::codes::Machine;
use super::program::{Instruction, Kind, Operand, Program, Test};

/// Folds negations and conjunctions into comparisons that nothing else uses.
pub(super) fn fold(program: &mut Program, machine: Machine) {
    let comparisons = Comparisons::of(program);
    for instruction in &mut program.code {
        if instruction.kind == Kind::Neither
            && let Some((test, operands)) = comparisons.sole(instruction.operands[0])
        {
            (instruction.kind, instruction.operands) = (Kind::Compare(test.negated()), operands);
        }
    }
    if machine.wide {
        let (comparisons, ready) = (Comparisons::of(program), program.ready());
        let when = |operand: &Operand| match operand {
            Operand::Value(value) => ready[*value],
            Operand::Number(_) => 0,
        };
        for instruction in program.code.iter_mut().filter(|instruction| instruction.kind == Kind::Both) {
            let [a, b] = [instruction.operands[0], instruction.operands[1]];
            let mut found = [(a, b), (b, a)].into_iter().filter_map(|(sole, further)| {
                let (test, operands) = comparisons.sole(sole)?;
                // One that would have to wait for the further condition is better made before.
                let waits = operands.iter().map(when).max() < Some(when(&further));
                (!waits).then(|| (Kind::CompareWhere(test), vec![operands[0], operands[1], further]))
            });
            if let Some(found) = found.next() {
                (instruction.kind, instruction.operands) = found;
            }
        }
    }
    program.order_by_output();
}

/// The comparisons, and how often each value is used.
struct Comparisons {
    made: Vec<Option<Instruction>>,
    uses: Vec<usize>,
}

impl Comparisons {
    fn of(program: &Program) -> Comparisons {
        let (mut made, mut uses) = (vec![None; program.values], vec![0; program.values]);
        for instruction in &program.code {
            if matches!(instruction.kind, Kind::Compare(_)) {
                made[instruction.out] = Some(instruction.clone());
            }
        }
        let operands = program.code.iter().flat_map(|instruction| &instruction.operands);
        for operand in operands.chain(&program.outputs) {
            if let Operand::Value(value) = operand {
                uses[*value] += 1;
            }
        }
        Comparisons { made, uses }
    }

    /// The comparison behind an operand, if nothing else uses it.
    fn sole(&self, operand: Operand) -> Option<(Test, Vec<Operand>)> {
        let Operand::Value(value) = operand else { return None };
        let Instruction { kind: Kind::Compare(test), operands, .. } = self.made[value].as_ref()? else { return None };
        (self.uses[value] == 1).then(|| (*test, operands.clone()))
    }
}
