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
//! pixel's place in the whole picture, hashed in whole numbers, and the contrast follows from the kernel
//! alone: bands, tiles and engines meet without a seam.
//!
//! Who should not use it: who wants lines that one can follow by eye over the whole picture: `streamlines`.

use super::smear::{COLUMNS, MEAN, SAMPLES, tape};
use super::{FlowError, View};
use crate::backend::{Backend, BackendError, Program, Steps};
use crate::expr::{Expression, Outputs};
use crate::field::Evaluator;
use crate::points::{Points, Values};
use crate::real::Precision;
use std::ops::Range;

/// Points a side from which the usual length of the gradient is taken.
const PREVIEW: usize = 32;

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
