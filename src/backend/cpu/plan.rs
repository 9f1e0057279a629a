//! The CPU engine's plan of a tape: at which rate each instruction runs, and in which block its result lies.
//!
//! Flows in: a tape and the rate of each input. Flows out: [`Plan`]. Who should not use it: anyone but `cpu`.

use crate::op::Op;
use crate::tape::{Arg, Tape};
use std::collections::HashMap;

/// How often a number changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// Never during a run.
    Uniform,
    /// With the row (outer axes of a grid; the step of a descent).
    Row,
    /// With the column (the inner axis of a grid; the point of a list).
    Column,
    /// With both; as an input, the state of a particle.
    Point,
    /// An input that is given point by point. What follows from it is [`Rate::Point`]: its blocks are used once,
    /// so they are registers and stay in the cache.
    List,
}

impl Rate {
    fn with(self, other: Rate) -> Rate {
        match (self, other) {
            (Rate::Uniform, rate) | (rate, Rate::Uniform) => rate,
            (a, b) if a == b => a,
            _ => Rate::Point,
        }
    }
}

/// Where a number lies. `Row` and `Column` blocks are filled once per tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Row(usize),
    Column(usize),
    Register(usize),
    Output(usize),
    /// The varying input of a descent, by its order.
    Input(usize),
}

impl Place {
    /// The same place for one of the `across` blocks of a tile's columns, which lie one after the other.
    pub(super) fn at(self, block: usize, across: usize) -> Place {
        match self {
            Place::Column(k) => Place::Column(k * across + block),
            other => other,
        }
    }
}

/// An instruction with its places; `mask` has a bit for each operand that is one number for the block.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) out: Place,
    pub(super) operands: [Place; 3],
    pub(super) mask: usize,
}

/// What to compute at which rate.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Number of blocks of each kind.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) registers: usize,
    /// Row blocks that hold one number throughout.
    pub(super) row_numbers: Vec<(usize, f64)>,
    /// (block, input) pairs.
    pub(super) row_inputs: Vec<(usize, usize)>,
    pub(super) column_inputs: Vec<(usize, usize)>,
    pub(super) row_code: Vec<Step>,
    pub(super) column_code: Vec<Step>,
    pub(super) point_code: Vec<Step>,
    /// Where each output lies after a row.
    pub(super) outputs: Vec<Place>,
}

impl Plan {
    /// Plans `tape`, whose inputs change at `rates`.
    pub(super) fn new(tape: &Tape, rates: &[Rate]) -> Plan {
        let mut builder =
            Builder { plan: Plan::default(), tape, rates, numbers: HashMap::new(), inputs: HashMap::new() };
        let rate = builder.value_rates();
        let last_use = last_uses(tape);
        let mut places: Vec<Place> = Vec::with_capacity(tape.code.len());
        let mut free: Vec<usize> = Vec::new();
        for (k, instruction) in tape.code.iter().enumerate() {
            let mut operands = [Place::Row(0); 3];
            for (place, arg) in operands.iter_mut().zip(instruction.operands()) {
                *place = builder.place(*arg, &places);
            }
            let first = operands[0];
            operands[instruction.op.arity..].iter_mut().for_each(|unused| *unused = first);
            let out = match rate[k] {
                Rate::Uniform | Rate::Row => builder.new_row(),
                Rate::Column => builder.new_column(),
                Rate::Point | Rate::List => {
                    match tape.outputs.iter().position(|output| *output == Arg::Value(k as u32)) {
                        Some(output) => Place::Output(output),
                        None => Place::Register(free.pop().unwrap_or_else(|| builder.new_register())),
                    }
                }
            };
            // Registers are given back only now, so a result never overwrites its own operand.
            for arg in instruction.operands() {
                if let Arg::Value(v) = arg
                    && last_use[*v as usize] == k
                    && let Place::Register(r) = places[*v as usize]
                    && !free.contains(&r)
                {
                    free.push(r);
                }
            }
            let mask =
                (0..instruction.op.arity).filter(|i| matches!(operands[*i], Place::Row(_))).map(|i| 1 << i).sum();
            builder.emit(rate[k], Step { op: instruction.op, out, operands, mask });
            places.push(out);
        }
        builder.plan.outputs = tape.outputs.iter().map(|output| builder.place(*output, &places)).collect();
        builder.plan
    }
}

/// The instruction that last reads each value.
fn last_uses(tape: &Tape) -> Vec<usize> {
    let mut last = vec![usize::MAX; tape.code.len()];
    for (k, instruction) in tape.code.iter().enumerate() {
        for arg in instruction.operands() {
            if let Arg::Value(v) = arg {
                last[*v as usize] = k;
            }
        }
    }
    last
}

struct Builder<'a> {
    plan: Plan,
    tape: &'a Tape,
    rates: &'a [Rate],
    numbers: HashMap<u64, Place>,
    inputs: HashMap<u32, Place>,
}

impl Builder<'_> {
    fn value_rates(&self) -> Vec<Rate> {
        let mut rates: Vec<Rate> = Vec::with_capacity(self.tape.code.len());
        for instruction in &self.tape.code {
            let rate = instruction.operands().iter().fold(Rate::Uniform, |rate, arg| {
                rate.with(match arg {
                    Arg::Value(k) => rates[*k as usize],
                    Arg::Input(k) if self.rates[*k as usize] == Rate::List => Rate::Point,
                    Arg::Input(k) => self.rates[*k as usize],
                    Arg::Number(_) => Rate::Uniform,
                })
            });
            rates.push(rate);
        }
        rates
    }

    fn place(&mut self, arg: Arg, places: &[Place]) -> Place {
        match arg {
            Arg::Value(k) => places[k as usize],
            Arg::Number(bits) => {
                if let Some(place) = self.numbers.get(&bits) {
                    return *place;
                }
                let place = self.new_row();
                self.plan.row_numbers.push((self.plan.rows - 1, f64::from_bits(bits)));
                self.numbers.insert(bits, place);
                place
            }
            Arg::Input(k) => {
                if let Some(place) = self.inputs.get(&k) {
                    return *place;
                }
                let input = k as usize;
                let place = match self.rates[input] {
                    Rate::Uniform | Rate::Row => {
                        self.plan.row_inputs.push((self.plan.rows, input));
                        self.new_row()
                    }
                    Rate::Column | Rate::List => {
                        self.plan.column_inputs.push((self.plan.columns, input));
                        self.new_column()
                    }
                    Rate::Point => Place::Input(self.tape.inputs[..input].iter().filter(|i| !i.uniform).count()),
                };
                self.inputs.insert(k, place);
                place
            }
        }
    }

    fn new_row(&mut self) -> Place {
        self.plan.rows += 1;
        Place::Row(self.plan.rows - 1)
    }

    fn new_column(&mut self) -> Place {
        self.plan.columns += 1;
        Place::Column(self.plan.columns - 1)
    }

    fn new_register(&mut self) -> usize {
        self.plan.registers += 1;
        self.plan.registers - 1
    }

    fn emit(&mut self, rate: Rate, step: Step) {
        match rate {
            Rate::Uniform | Rate::Row => self.plan.row_code.push(step),
            Rate::Column => self.plan.column_code.push(step),
            Rate::Point | Rate::List => self.plan.point_code.push(step),
        }
    }
}
