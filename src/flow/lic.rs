//! Line integral convolution: noise smeared along the gradient's lines, the picture of a field's direction everywhere.
//!
//! Flows in: f and its gradient in two variables, which part of the plane the pixels show, an engine. Flows out: a
//! brightness between 0 and 1 for each pixel, row by row from the bottom; NaN where the gradient is not defined.
//!
//! Every pixel is a particle that follows the exact gradient's direction, uphill and downhill at once, by steps of
//! Adams and Bashforth's second order, and adds up the noise that it meets (B. Cabral and L. Leedom, "Imaging vector
//! fields using line integral convolution", SIGGRAPH 1993): two samples a step, for noise changes from pixel to pixel, and
//! directions do not. So it is a tape of one step, which either engine runs with the state in registers. Two passes with a
//! box for a kernel are one with a triangle, for they follow the same line: the kernel is a triangle. The noise is of the
//! pixel's place in the whole picture, hashed in whole numbers ([`ops::CELL`]), and the contrast follows from the kernel
//! alone: bands, tiles and engines meet without a seam.
//!
//! Who should not use it: who wants lines that one can follow by eye over the whole picture: `streamlines`.

use super::{FlowError, View};
use crate::backend::{Backend, BackendError, Program, Steps};
use crate::expr::{Expression, Graph, Id, Outputs};
use crate::field::Evaluator;
use crate::op::{Op, ops};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Input, Tape};
use std::ops::Range;

/// The noise's mean: it is evenly from 1 to 2.
const MEAN: f64 = 1.5;
/// The share of cells that begin a drop.
const DROPS: f64 = 0.016;
/// Points a side from which the usual length of the gradient is taken.
const PREVIEW: usize = 32;
/// Below this the square of a gradient is none: a pixel stays where it is.
const STILL: f64 = 1e-30;
/// A share of f that cannot make a finite sum infinite.
const LITTLE: f64 = 1.0 / (1u64 << 60) as f64;
/// Columns of a pixel's state: two places, in cells of noise; two last steps, in cells too; the sum.
const COLUMNS: usize = 9;
/// Samples of noise on a step.
const SAMPLES: f64 = 2.0;

/// How the noise is smeared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weave {
    /// How far the kernel reaches either way, in pixels.
    pub length: f64,
    /// The side of a cell of noise, in pixels.
    pub grain: f64,
    /// Drops that run downhill, thick end first, instead of lines that have no direction (R. Wegenkittl and others,
    /// "Animating flow fields: rendering of oriented line integral convolution", 1997).
    pub oriented: bool,
}

impl Weave {
    /// What looks the same at any size: grain and length in proportion to the shorter side.
    pub fn of_size(width: usize, height: usize) -> Weave {
        let grain = (width.min(height) as f64 / 500.0).max(1.0);
        Weave { length: 24.0 * grain, grain, oriented: false }
    }

    /// Samples either way, and how far apart they are.
    fn samples(&self) -> (u64, f64) {
        let farthest = if self.grain > 1.5 { 0.6 * self.grain } else { 1.0 };
        let samples = SAMPLES * (self.length / farthest / SAMPLES).ceil().clamp(1.0, 2048.0);
        (samples as u64, self.length / samples)
    }
}

/// A picture's convolution, ready for its rows.
pub struct Lic<'a> {
    program: Box<dyn Program + 'a>,
    view: View,
    weave: Weave,
    uniforms: Vec<f64>,
    /// Pixels that are under way together, and their columns.
    batch: usize,
    state: Vec<Values>,
}

impl<'a> Lic<'a> {
    /// Prepares the convolution along the gradient of a function of two variables. Lines run as in the picture: a pixel
    /// across counts as much as one upwards, whatever the ranges.
    ///
    /// # Errors
    /// - [`FlowError`] for another number of variables, a function without gradient, and where the engine fails.
    pub fn new(
        expression: &Expression,
        view: View,
        weave: Weave,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Lic<'a>, FlowError> {
        let dimension = expression.variables().len();
        if dimension != 2 {
            return Err(FlowError::Dimension { text: expression.text().to_string(), dimension });
        }
        let gradient = &expression.vectors()?;
        let program = backend.prepare(&tape(gradient, weave.oriented), precision)?;
        let [dx, dy] = pixel(view);
        let usual = usual_length(gradient, view, backend)?;
        let (samples, apart) = weave.samples();
        let cell = weave.grain;
        let [x, y] = [view.x.0, view.y.0];
        let (u, v, step) = (1.0 / (usual * dx), 1.0 / (usual * dy), SAMPLES * apart / cell);
        let uniforms = vec![0.0, x, dx * cell, y, dy * cell, u, v, step, samples as f64];
        let batch = backend.batch();
        Ok(Lic { program, view, weave, uniforms, batch, state: zeros(precision, 0) })
    }

    /// The brightness of the pixels of some rows, counted from the bottom.
    ///
    /// # Errors
    /// - [`BackendError`] where the engine fails or was interrupted.
    pub fn rows(&mut self, rows: Range<usize>) -> Result<Vec<f32>, BackendError> {
        let width = self.view.width as usize;
        let mut brightness = Vec::with_capacity(width * rows.len());
        let tone = self.tone();
        let height = (self.batch / width.max(1)).max(1);
        for first in rows.clone().step_by(height) {
            match self.sums(first..rows.end.min(first + height))? {
                Values::F32(sums) => tone.extend(&mut brightness, sums.iter().copied()),
                Values::F64(sums) => tone.extend(&mut brightness, sums.iter().map(|sum| *sum as f32)),
            }
        }
        Ok(brightness)
    }

    /// The sums of noise of the pixels of some rows.
    fn sums(&mut self, rows: Range<usize>) -> Result<&Values, BackendError> {
        let (width, precision) = (self.view.width as usize, self.state[0].precision());
        if self.state[0].len() != width * rows.len() {
            self.state = zeros(precision, width * rows.len());
        }
        let centres = |range: Range<usize>| {
            let centres: Vec<f64> = range.map(|k| (k as f64 + 0.5) / self.weave.grain).collect();
            Values::from_f64(precision, &centres)
        };
        let places = (centres(0..width), centres(rows));
        for (k, column) in self.state.iter_mut().enumerate() {
            match (column, &places) {
                (Values::F32(column), (Values::F32(x), Values::F32(y))) => begin(k, column, x, y),
                (Values::F64(column), (Values::F64(x), Values::F64(y))) => begin(k, column, x, y),
                _ => {}
            }
        }
        let (samples, _) = self.weave.samples();
        let count = samples / SAMPLES as u64;
        self.program
            .iterate(&mut self.state, &Steps { uniforms: self.uniforms.clone(), clock: Some(0), first: 1, count })?;
        Ok(&self.state[COLUMNS - 1])
    }

    /// From a sum to a brightness: by its mean and standard deviation, which the kernel decides.
    fn tone(&self) -> Tone {
        let (count, step) = self.weave.samples();
        if self.weave.oriented {
            let drop = (self.weave.grain / step) as f32;
            return Tone { mean: 0.0, scale: 1.0 / drop, oriented: true };
        }
        let weights: Vec<f64> = (1..=count).map(|t| weight(t as f64, count as f64)).collect();
        // Uphill and downhill the same; the first of both is the pixel itself.
        let line: Vec<f64> = weights.iter().rev().chain(&weights).copied().collect();
        let overlap = |i: usize, j: usize| (1.0 - step * i.abs_diff(j) as f64 / self.weave.grain).max(0.0);
        let near = (self.weave.grain / step).ceil() as usize;
        let mut variance = 0.0;
        for (i, a) in line.iter().enumerate() {
            let last = (i + near).min(line.len() - 1);
            variance += (i.saturating_sub(near)..=last).map(|j| a * line[j] * overlap(i, j)).sum::<f64>();
        }
        let mean = MEAN * line.iter().sum::<f64>();
        Tone { mean: mean as f32, scale: 1.0 / (variance / 12.0).sqrt() as f32, oriented: false }
    }
}

/// How a sum of noise becomes a brightness.
struct Tone {
    mean: f32,
    scale: f32,
    oriented: bool,
}

impl Tone {
    /// The brightnesses of sums. These are spread like a bell: the nearest curve to its integral without an exponential
    /// gives each brightness its share.
    fn extend(&self, brightness: &mut Vec<f32>, sums: impl ExactSizeIterator<Item = f32>) {
        let z = sums.map(|sum| (sum - self.mean) * self.scale);
        if self.oriented {
            brightness.extend(z.map(|z| 1.0 - z.clamp(0.0, 1.0)));
        } else {
            brightness.extend(z.map(|z| 0.5 + 0.5 * z / (1.5 + z * z).sqrt()));
        }
    }
}

/// The columns of so many pixels.
fn zeros(precision: Precision, pixels: usize) -> Vec<Values> {
    (0..COLUMNS).map(|_| Values::zeros(precision, pixels)).collect()
}

/// A column of the state before the first step: the pixels' centres, and zeros.
fn begin<T: Copy + Default>(k: usize, column: &mut [T], x: &[T], y: &[T]) {
    for (row, y) in column.chunks_exact_mut(x.len().max(1)).zip(y) {
        match k {
            0 | 2 => row.copy_from_slice(x),
            1 | 3 => row.fill(*y),
            _ => row.fill(T::default()),
        }
    }
}

/// The sides of a pixel in data units.
fn pixel(view: View) -> [f64; 2] {
    [(view.x.1 - view.x.0) / view.width, (view.y.1 - view.y.0) / view.height]
}

/// What a sample counts, `t` from 1 on.
fn weight(t: f64, steps: f64) -> f64 {
    if t == 1.0 { 0.5 } else { 1.0 - (t - 1.0) / steps }
}

/// The median length of the gradient in pixels' units: squares of what is near it fit any format.
fn usual_length(gradient: &Outputs, view: View, backend: &dyn Backend) -> Result<f64, FlowError> {
    let axes = [view.x, view.y].map(|(from, to)| {
        (0..PREVIEW).map(|k| from + (to - from) * (k as f64 + 0.5) / PREVIEW as f64).collect::<Vec<f64>>()
    });
    let columns = Evaluator::new(gradient, backend, Precision::F64)?.evaluate(&Points::Grid(axes.to_vec()))?;
    let [dx, dy] = pixel(view);
    let lengths = (0..columns[1].len()).map(|k| (columns[1].get(k) / dx).hypot(columns[2].get(k) / dy));
    let mut lengths: Vec<f64> = lengths.filter(|length| length.is_normal()).collect();
    lengths.sort_by(f64::total_cmp);
    Ok(lengths.get(lengths.len() / 2).copied().unwrap_or(1.0))
}

/// One step of a pixel, uphill and downhill.
fn tape(gradient: &Outputs, oriented: bool) -> Tape {
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
