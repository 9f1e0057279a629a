//! The curve layer: a function of one variable as a line.
//!
//! In: samples (x, y) in ascending x, in data units. Out: a line, broken where y is NaN or infinite and where a pole
//! lies between two samples.

use super::canvas::Canvas;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::{Layout, bent};
use super::legend::{Entry, Mark};
use super::lines::{Pixel, ink, runs};
use super::maps::Rgba;
use super::scale::{Limits, Scale, range_of, widen};
use super::shapes::Pen;

/// Colours for the first, second, ... curve of a picture: told apart by lightness too (Tableau 10).
pub const CURVE_COLOURS: [Rgba; 6] = [
    [0x1F, 0x77, 0xB4, 255],
    [0xFF, 0x7F, 0x0E, 255],
    [0x2C, 0xA0, 0x2C, 255],
    [0x94, 0x67, 0xBD, 255],
    [0x8C, 0x56, 0x4B, 255],
    [0x17, 0xBE, 0xCF, 255],
];

/// A function of one variable, sampled.
#[derive(Clone, Debug)]
pub struct Curve {
    /// In ascending order; two samples a pixel of the plot's width are plenty.
    pub x: Vec<f64>,
    /// As many as `x`.
    pub y: Vec<f64>,
    /// See [`CURVE_COLOURS`].
    pub colour: Rgba,
    /// A dashed line, for a derivative beside its function.
    pub dashed: bool,
    /// Its entry in the legend; none if empty.
    pub label: String,
}

impl Curve {
    fn pen(&self, unit: f64) -> Pen {
        let width = (1.9 * unit).max(1.5);
        Pen { colour: self.colour, width, dash: if self.dashed { 3.5 * width } else { 0.0 } }
    }

    /// The samples in pixels, a NaN between two of them where a pole is.
    fn pixels(&self, layout: &Layout) -> Vec<Pixel> {
        let mut pixels = Vec::with_capacity(self.y.len());
        for (i, (x, y)) in self.x.iter().zip(&self.y).enumerate() {
            if i > 0 && self.pole_before(i, layout) {
                pixels.push((f64::NAN, f64::NAN));
            }
            pixels.push(layout.to_pixel(*x, *y));
        }
        pixels
    }

    /// Whether the step to sample `i` is a jump: against the way the curve goes for two steps on both sides, over a
    /// good part of the picture. That is what 1/x, tan and the sawtooth do; a steep but steady line does not, nor a
    /// fast oscillation.
    fn pole_before(&self, i: usize, layout: &Layout) -> bool {
        let around = i.checked_sub(3).and_then(|start| self.y.get(start..start + 6));
        let Some(&[z, a, b, c, d, e]) = around else {
            return false;
        };
        let steps = [a - z, b - a, d - c, e - d];
        let against = steps.iter().all(|step| if c > b { *step < 0.0 } else { *step > 0.0 });
        let place = |v: f64| layout.y.fraction(bent(v, layout.logarithmic.1));
        against && (place(c) - place(b)).abs() > 0.3
    }
}

impl Drawn for Curve {
    fn check(&self) -> Result<(), PictureError> {
        let (expected, found) = (self.x.len(), self.y.len());
        if expected == found { Ok(()) } else { Err(PictureError::Length { what: "curve layer", found, expected }) }
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let pen = self.pen(layout.sizes.unit);
        for run in runs(&self.pixels(layout), layout, 4.0 * pen.width) {
            canvas.polyline(&run, pen);
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        ink(&self.pixels(layout), layout)
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let entry = || Entry { mark: Mark::Line(self.pen(layout.sizes.unit)), words: self.label.clone() };
        (!self.label.is_empty()).then(entry).into_iter().collect()
    }
}

impl From<Curve> for Layer {
    fn from(layer: Curve) -> Layer {
        Layer::new(layer)
    }
}

/// A y range to show sampled curves in: from the smallest to the largest finite value with a twentieth to spare,
/// poles cut off. (-1, 1) where no value is finite.
pub fn y_range(values: &[f64]) -> (f64, f64) {
    let Some((lo, hi)) = range_of(values, Scale::Linear, Limits::Auto) else {
        return (-1.0, 1.0);
    };
    if lo == hi { widen(lo) } else { padded((lo, hi), 0.05) }
}

/// `range` with `share` of its width added at both ends.
pub fn padded((lo, hi): (f64, f64), share: f64) -> (f64, f64) {
    let width = (hi * share) - (lo * share);
    ((lo - width).max(f64::MIN), (hi + width).min(f64::MAX))
}
