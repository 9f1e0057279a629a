//! One instruction over a block of points: how far its result moves while its operands move by their errors.
//!
//! Flows in: operands with their errors and reasons, the result, the row. Flows out: the spread, and reasons. The rule
//! is that of `bound.rs`.

use super::Reason;
use crate::backend::reference::{BLOCK, Sheet};
use crate::expr::parse::{Context, Declared, parse};
use crate::op::{Break, Op, Operations, ends, ops};
use crate::real::Precision;
use crate::tape::{Arg, Input, Tape};

/// Errors of so many of f64's units and more are told well enough by differences of f64 values.
const COARSE: f64 = 1024.0;

/// The rounding of the reference itself.
pub(super) fn reference(op: Op, result: f64) -> f64 {
    if op.slack.reference == 0.0 { 0.0 } else { op.slack.reference * Precision::F64.ulp(result) }
}

/// One operand at the points of a block.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) value: [f64; BLOCK],
    pub(super) error: [f64; BLOCK],
    pub(super) reason: [Option<Reason>; BLOCK],
    /// The ends of the error; set for operands that move.
    low: [f64; BLOCK],
    high: [f64; BLOCK],
}

impl Operand {
    pub(super) fn ends(&self, k: usize) -> (f64, f64) {
        ends(self.value[k], self.error[k])
    }

    /// The greatest absolute value.
    pub(super) fn largest(&self, k: usize) -> f64 {
        self.value[k].abs() + self.error[k]
    }

    /// Whether the error is 0, or too few units for the ends to say what it does.
    fn is_fine(&self, k: usize) -> bool {
        self.error[k] < COARSE * Precision::F64.ulp(self.value[k])
    }
}

/// One instruction over a block of points.
pub(super) struct Step {
    pub(super) count: usize,
    pub(super) operands: [Operand; 3],
    pub(super) result: [f64; BLOCK],
    /// The result at each corner of the operands' errors.
    corners: [[f64; BLOCK]; 8],
    /// How far the result moves while the operands move by their errors.
    pub(super) spread: [f64; BLOCK],
    pub(super) error: [f64; BLOCK],
    pub(super) reason: [Option<Reason>; BLOCK],
}

impl Default for Step {
    fn default() -> Step {
        let [value, error, low, high, result, spread] = [[0.0; BLOCK]; 6];
        let reason = [None; BLOCK];
        let operands = [Operand { value, error, reason, low, high }; 3];
        Step { count: 0, operands, result, corners: [result; 8], spread, error, reason }
    }
}

impl Step {
    pub(super) fn values(&self, k: usize) -> [f64; 3] {
        std::array::from_fn(|i| self.operands[i].value[k])
    }

    /// Gives a reason unless all is well or there is one already.
    pub(super) fn blame(&mut self, k: usize, well: bool, reason: Reason) {
        if !well {
            self.reason[k].get_or_insert(reason);
        }
    }

    /// The reasons that the operands bring, and the row's breaks.
    pub(super) fn reasons(&mut self, op: Op) {
        if op == ops::IF {
            for k in 0..self.count {
                let untaken = if self.operands[0].value[k] != 0.0 { 2 } else { 1 };
                (self.operands[untaken].error[k], self.operands[untaken].reason[k]) = (0.0, None);
            }
        }
        self.reason = self.operands[0].reason;
        for operand in &self.operands[1..op.arity] {
            self.reason.iter_mut().zip(&operand.reason).for_each(|(one, other)| *one = one.or(*other));
        }
        let Some(breaks) = op.breaks else { return };
        for k in 0..self.count {
            let errors = std::array::from_fn(|i| if i < op.arity { self.operands[i].error[k] } else { 0.0 });
            match breaks(self.values(k), errors) {
                None => {}
                Some(Break::Jump) => self.blame(k, false, Reason::Jump),
                Some(Break::Pole) => self.blame(k, false, Reason::Edge),
            }
        }
    }

    pub(super) fn spread(&mut self, op: Op, slopes: &mut Slopes, precision: Precision) {
        self.spread[..self.count].fill(0.0);
        let moves = |operand: &Operand| operand.error[..self.count].iter().any(|error| *error > 0.0);
        let moving: Vec<usize> = (0..op.arity).filter(|i| moves(&self.operands[*i])).collect();
        if moving.is_empty() {
            return;
        }
        if let Some(plain) = &slopes.plain {
            return self.arithmetic(plain, &moving);
        }
        self.corners(op, &moving);
        let steep = if precision == Precision::F64 { slopes.largest(self, &moving) } else { None };
        for k in 0..self.count {
            self.spread[k] += 2.0 * reference(op, self.result[k].abs() + self.spread[k]);
            if let Some(steep) = &steep
                && moving.iter().all(|i| self.operands[*i].is_fine(k))
            {
                self.spread[k] = self.spread[k].min(steep[k]);
            }
        }
    }

    /// The spread of sums and products.
    fn arithmetic(&mut self, slopes: &[Slope], moving: &[usize]) {
        let count = self.count;
        for i in moving {
            let slope = match slopes[*i] {
                Slope::Number(slope) => [slope.abs(); BLOCK],
                Slope::Operand(j) => std::array::from_fn(|k| self.operands[j].largest(k)),
            };
            for ((spread, slope), error) in self.spread.iter_mut().zip(slope).zip(&self.operands[*i].error).take(count)
            {
                // An exact operand brings nothing, whatever the other is.
                *spread += if *error == 0.0 { 0.0 } else { slope * error };
            }
        }
        if self.result[..count].iter().any(|result| result.is_nan()) {
            self.sure_nan(slopes.len(), moving);
        }
    }

    /// 0 times infinity is NaN for sure only where the 0 is.
    fn sure_nan(&mut self, arity: usize, moving: &[usize]) {
        for k in 0..self.count {
            let inherited = self.operands[..arity].iter().any(|operand| operand.value[k].is_nan());
            let exact = moving.iter().all(|i| self.operands[*i].error[k] == 0.0);
            self.blame(k, !self.result[k].is_nan() || inherited || exact, Reason::Edge);
        }
    }

    /// The distance from the result to that at the farthest corner.
    fn corners(&mut self, op: Op, moving: &[usize]) {
        for i in moving {
            let operand = &mut self.operands[*i];
            for k in 0..self.count {
                (operand.low[k], operand.high[k]) = operand.ends(k);
            }
        }
        for corner in 0..1 << moving.len() {
            let [a, b, c] = self.columns(Some(corner), moving);
            let there: [f64; BLOCK] =
                std::array::from_fn(|k| if k < self.count { op.apply([a[k], b[k], c[k]]) } else { 0.0 });
            self.corners[corner] = there;
            let (there, here) = (&there[..self.count], &self.result[..self.count]);
            for ((spread, there), here) in self.spread.iter_mut().zip(there).zip(here) {
                // `max` leaves NaN out, which has its reason.
                *spread = spread.max((there - here).abs());
            }
            if there.iter().chain(here).any(|value| !value.is_finite()) {
                self.end_of_domain(corner);
            }
        }
    }

    /// Blames the points where a corner is finite and the result is not, or the other way round.
    fn end_of_domain(&mut self, corner: usize) {
        for k in 0..self.count {
            let (there, here) = (self.corners[corner][k], self.result[k]);
            let known = if here.is_finite() { there.is_finite() } else { here.is_nan() == there.is_nan() };
            self.blame(k, known, Reason::Edge);
        }
    }

    /// The operands at the points themselves, or at a corner of their errors: bit i of `corner` is set where operand
    /// `moving[i]` is at its upper end.
    fn columns(&self, corner: Option<usize>, moving: &[usize]) -> [&[f64]; 3] {
        let mut columns = [0, 1, 2].map(|i| &self.operands[i].value[..self.count]);
        for (bit, i) in moving.iter().enumerate() {
            if let Some(corner) = corner {
                let operand = &self.operands[*i];
                columns[*i] = &(if corner >> bit & 1 == 1 { &operand.high } else { &operand.low })[..self.count];
            }
        }
        columns
    }
}

/// The partial derivatives of a row.
pub(super) struct Slopes {
    /// Over a, b, c, y.
    tape: Tape,
    sheet: Sheet,
    /// One for each operand, where all are as simple as that.
    plain: Option<Vec<Slope>>,
    /// Whether they are worth asking: not where the row has none, nor where it only selects and its ends say all.
    telling: bool,
}

/// A partial derivative that needs no computing, but for its sign.
#[derive(Debug, Clone, Copy)]
enum Slope {
    Number(f64),
    Operand(usize),
}

impl Slopes {
    pub(super) fn of(op: Op) -> Slopes {
        let names = ["a", "b", "c", "y"];
        let declared = names.iter().map(|name| Declared { name: (*name).to_string(), components: None }).collect();
        // A row that a program adds may speak of itself.
        let operations = Operations::default().with(op.0);
        let context = Context { variables: Some(declared), operations, ..Context::default() };
        let mut graph = crate::expr::Graph::new();
        let mut outputs = Vec::new();
        for text in op.partials {
            let parsed = parse(text, &context).unwrap_or_else(|error| panic!("the row of `{}`: {error}", op.name));
            outputs.extend(graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place)));
        }
        let tape = Tape::lower(&graph, Input::varying(&names), &outputs);
        let complete = op.partials.len() == op.arity;
        let plain = tape.outputs.iter().map(|output| plain(&tape, *output)).collect();
        Slopes {
            plain: if complete { plain } else { None },
            telling: complete && op.slack.reference > 0.0,
            tape,
            sheet: Sheet::default(),
        }
    }

    /// The largest of `|dy/da| err(a) + |dy/db| err(b)` at the point and at the corners of the operands' errors.
    fn largest(&mut self, step: &Step, moving: &[usize]) -> Option<[f64; BLOCK]> {
        if !self.telling {
            return None;
        }
        let mut largest = [0.0f64; BLOCK];
        let mut slope = [0.0; BLOCK];
        let corners = (0..1 << moving.len()).map(Some);
        for corner in std::iter::once(None).chain(corners) {
            let [a, b, c] = step.columns(corner, moving);
            let y = &corner.map_or(&step.result, |corner| &step.corners[corner])[..step.count];
            self.sheet.fill(&[a, b, c, y]);
            self.sheet.run(&self.tape);
            let mut sum = [0.0; BLOCK];
            for i in moving {
                self.sheet.copy(self.tape.outputs[*i], &mut slope[..step.count]);
                for ((sum, slope), error) in sum.iter_mut().zip(&slope).zip(&step.operands[*i].error) {
                    // A slope that vanished may have been computed so small that it is not known.
                    let known = slope.abs() >= f64::MIN_POSITIVE;
                    let term = if known { slope.abs() * error } else { f64::INFINITY };
                    *sum += if *error == 0.0 { 0.0 } else { term };
                }
            }
            for (largest, sum) in largest.iter_mut().zip(sum) {
                *largest = if sum.is_nan() { f64::INFINITY } else { largest.max(sum) };
            }
        }
        Some(largest)
    }
}

/// A partial that is a number or an operand, perhaps negated.
fn plain(tape: &Tape, output: Arg) -> Option<Slope> {
    match output {
        Arg::Number(bits) => Some(Slope::Number(f64::from_bits(bits))),
        Arg::Input(place) if place < 3 => Some(Slope::Operand(place as usize)),
        Arg::Value(place) if tape.code[place as usize].op == ops::NEG => plain(tape, tape.code[place as usize].args[0]),
        Arg::Input(_) | Arg::Value(_) => None,
    }
}
