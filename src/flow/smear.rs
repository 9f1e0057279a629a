//! One step of a pixel in a line integral convolution, as a tape.
//!
//! Flows in: a gradient in two variables. Flows out: a tape that maps a pixel's state to the next: two places, two last
//! steps, the sum of the noise ([`ops::CELL`]) that was met. Who should not use it: anyone but [`lic`](super::lic).

use crate::expr::{Graph, Id, Outputs};
use crate::op::{Op, ops};
use crate::tape::{Input, Tape};

/// The noise's mean: it is evenly from 1 to 2.
pub(super) const MEAN: f64 = 1.5;
/// The share of cells that begin a drop.
const DROPS: f64 = 0.016;
/// Below this the square of a gradient is none: a pixel stays where it is.
const STILL: f64 = 1e-30;
/// A share of f that cannot make a finite sum infinite.
const LITTLE: f64 = 1.0 / (1u64 << 60) as f64;
/// Columns of a pixel's state: two places, in cells of noise; two last steps, in cells too; the sum.
pub(super) const COLUMNS: usize = 9;
/// Samples of noise on a step.
pub(super) const SAMPLES: f64 = 2.0;

/// One step of a pixel, uphill and downhill.
pub(super) fn tape(gradient: &Outputs, oriented: bool) -> Tape {
    let mut step = Step::new(gradient, oriented);
    let first = step.way(0, 1.0);
    // A drop at a pixel began uphill of it.
    let second = if oriented { step.stay() } else { step.way(1, -1.0) };
    let sum = step.sum([first.noise, second.noise], first.defined);
    let place = |way: &Way| way.place.to_vec();
    let last = |way: &Way| way.last.to_vec();
    let next = [place(&first), place(&second), last(&first), last(&second), vec![sum]].concat();
    let names: Vec<String> = (0..COLUMNS).map(|k| format!("s{k}")).collect();
    let uniforms = ["t", "x", "dx", "y", "dy", "u", "v", "step", "samples"];
    let mut inputs = Input::varying(&names);
    inputs.extend(uniforms.map(|name| Input { name: name.into(), uniform: true }));
    Tape::lower(&step.graph, inputs, &next)
}

/// The graph of a step as it grows.
struct Step<'a> {
    graph: Graph,
    gradient: &'a Outputs,
    oriented: bool,
    /// Whether it is the first step.
    first: Id,
}

/// Where one way leads.
struct Way {
    place: [Id; 2],
    last: [Id; 2],
    noise: Id,
    /// Whether f and its gradient are numbers before.
    defined: Id,
}

impl<'a> Step<'a> {
    fn new(gradient: &'a Outputs, oriented: bool) -> Step<'a> {
        let mut graph = Graph::new();
        let (t, one) = (graph.variable(COLUMNS as u32), graph.number(1.0));
        let first = graph.apply(ops::EQ, &[t, one]);
        Step { graph, gradient, oriented, first }
    }

    fn number(&mut self, value: f64) -> Id {
        self.graph.number(value)
    }

    fn two(&mut self, op: Op, a: Id, b: Id) -> Id {
        self.graph.apply(op, &[a, b])
    }

    /// A uniform input by its place.
    fn uniform(&mut self, place: usize) -> Id {
        self.graph.variable((COLUMNS + place) as u32)
    }

    fn column(&mut self, place: usize) -> Id {
        self.graph.variable(place as u32)
    }

    /// Where nothing moves.
    fn stay(&mut self) -> Way {
        let place = [2, 3].map(|k| self.column(k));
        let last = [6, 7].map(|k| self.column(k));
        let zero = self.number(0.0);
        Way { place, last, noise: zero, defined: zero }
    }

    /// A step one way: 0 uphill, 1 downhill.
    fn way(&mut self, way: usize, sign: f64) -> Way {
        let place = [0, 1].map(|k| self.column(2 * way + k));
        let before = [0, 1].map(|k| self.column(4 + 2 * way + k));
        let (direction, defined) = self.direction(place, sign);
        // The next direction is foreseen from the last, of which the first knows nothing.
        let [one, ahead, back, none] = [1.0, 1.5, 0.5, 0.0].map(|number| self.number(number));
        let ahead = self.graph.apply(ops::IF, &[self.first, one, ahead]);
        let back = self.graph.apply(ops::IF, &[self.first, none, back]);
        let half = self.number(0.5);
        let (mut middle, mut end) = (place, place);
        for k in 0..2 {
            let (ahead, back) = (self.two(ops::MUL, direction[k], ahead), self.two(ops::MUL, before[k], back));
            let moved = self.two(ops::SUB, ahead, back);
            let part = self.two(ops::MUL, moved, half);
            middle[k] = self.two(ops::ADD, place[k], part);
            end[k] = self.two(ops::ADD, place[k], moved);
        }
        let noise = [place, middle].map(|at| self.noise(at));
        let noise = self.weighed(noise);
        let noise = self.forgotten(noise, direction, before);
        Way { place: end, last: direction, noise, defined }
    }

    /// A step along the gradient in the picture, none where there is none; and whether f and its gradient are numbers.
    fn direction(&mut self, place: [Id; 2], sign: f64) -> ([Id; 2], Id) {
        let at: Vec<Id> = (0..2)
            .map(|k| {
                let (from, pixel) = (self.uniform(1 + 2 * k), self.uniform(2 + 2 * k));
                let offset = self.two(ops::MUL, place[k], pixel);
                self.two(ops::ADD, from, offset)
            })
            .collect();
        let found = self.graph.import(&self.gradient.graph, &self.gradient.outputs[..3], |_, place| at[place as usize]);
        let scaled: Vec<Id> = (0..2)
            .map(|k| {
                let scale = self.uniform(5 + k);
                self.two(ops::MUL, found[1 + k], scale)
            })
            .collect();
        let squares: Vec<Id> = scaled.iter().map(|part| self.two(ops::MUL, *part, *part)).collect();
        let length = self.two(ops::ADD, squares[0], squares[1]);
        let still = self.number(STILL);
        let more = self.two(ops::ADD, length, still);
        let root = self.graph.apply(ops::SQRT, &[more]);
        let (step, sign) = (self.uniform(7), self.number(sign));
        let step = self.two(ops::MUL, step, sign);
        let factor = self.two(ops::DIV, step, root);
        // Finite where both are: so little of f changes no length that is.
        let little = self.number(LITTLE);
        let trace = self.two(ops::MUL, found[0], little);
        let both = self.two(ops::ADD, length, trace);
        let (defined, zero) = (self.graph.apply(ops::FINITE, &[both]), self.number(0.0));
        let parts = [0, 1].map(|k| {
            let part = self.two(ops::MUL, scaled[k], factor);
            self.graph.apply(ops::IF, &[defined, part, zero])
        });
        (parts, defined)
    }

    /// The noise of both samples by what they count.
    fn weighed(&mut self, noise: [Id; 2]) -> Id {
        let weights = self.weights();
        let parts = [0, 1].map(|k| self.two(ops::MUL, noise[k], weights[k]));
        self.two(ops::ADD, parts[0], parts[1])
    }

    /// What both samples count: one number each for all pixels.
    fn weights(&mut self) -> [Id; 2] {
        let (t, samples, one, half) = (self.uniform(0), self.uniform(8), self.number(1.0), self.number(0.5));
        let each = self.number(SAMPLES);
        let before = self.two(ops::SUB, t, one);
        let before = self.two(ops::MUL, before, each);
        let next = self.two(ops::ADD, before, one);
        let shares = [before, next].map(|sample| self.two(ops::DIV, sample, samples));
        if self.oriented {
            // Thick at the end that is downhill.
            return shares;
        }
        let [falling, second] = shares.map(|share| self.two(ops::SUB, one, share));
        [self.graph.apply(ops::IF, &[self.first, half, falling]), second]
    }

    /// The noise of a step, but the usual one where the way turns back: at a maximum it would be counted again and again.
    fn forgotten(&mut self, noise: Id, direction: [Id; 2], before: [Id; 2]) -> Id {
        let products = [0, 1].map(|k| self.two(ops::MUL, direction[k], before[k]));
        let cosine = self.two(ops::ADD, products[0], products[1]);
        let (zero, mean) = (self.number(0.0), self.number(if self.oriented { 0.0 } else { MEAN }));
        let usual = self.weighed([mean; 2]);
        let turned = self.two(ops::LT, cosine, zero);
        self.graph.apply(ops::IF, &[turned, usual, noise])
    }

    /// The noise at a place; of drops, 1 where one begins, else 0.
    fn noise(&mut self, place: [Id; 2]) -> Id {
        let noise = self.graph.apply(ops::CELL, &place);
        if !self.oriented {
            return noise;
        }
        let drops = self.number(1.0 + DROPS);
        self.two(ops::LT, noise, drops)
    }

    /// The sum after this step; NaN where the pixel has no gradient.
    fn sum(&mut self, noise: [Id; 2], defined: Id) -> Id {
        let (t, zero) = (self.uniform(0), self.number(0.0));
        let both = self.two(ops::ADD, noise[0], noise[1]);
        let sum = self.column(COLUMNS - 1);
        let sum = self.two(ops::ADD, sum, both);
        // The logarithm of -t is no number.
        let negative = self.two(ops::SUB, zero, t);
        let none = self.graph.apply(ops::LN, &[negative]);
        let masked = self.graph.apply(ops::IF, &[defined, sum, none]);
        self.graph.apply(ops::IF, &[self.first, masked, sum])
    }
}
