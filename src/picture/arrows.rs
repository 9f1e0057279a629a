//! The arrow layer: a vector field as arrows on a lattice of points (a quiver plot).
//!
//! In: points and vectors in data units. Out: an arrow for each, its direction the way a small step along the vector
//! would lead on the picture, its length by the magnitude. A vector of no length is a dot; one with NaN is left out.

use super::bar::Bar;
use super::canvas::Canvas;
use super::colour::Colouring;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::maps::Rgba;
use super::scale::{Limits, Scale, range_of};
use super::shapes::{ArrowShape, INK, Pen, WHITE};

/// A vector field at points. All four arrays have the same length.
#[derive(Clone, Debug)]
pub struct Arrows {
    /// The points' x, in data units. Best on an even lattice ([`lattice`]).
    pub x: Vec<f64>,
    /// The points' y.
    pub y: Vec<f64>,
    /// The vectors' components along x, in data units.
    pub u: Vec<f64>,
    /// The vectors' components along y.
    pub v: Vec<f64>,
    /// One colour for all, or by magnitude.
    pub colour: ArrowColour,
    /// How the length follows the magnitude.
    pub length: ArrowLength,
    /// Which part of an arrow lies on its point.
    pub pivot: Pivot,
    /// What the colours stand for where the colour is by magnitude; else the entry in the legend, none if empty.
    pub label: String,
}

/// The colour of arrows.
#[derive(Clone, Debug)]
pub enum ArrowColour {
    /// All alike.
    Plain(Rgba),
    /// White with a dark border: to be seen on any colour of a heat layer.
    OnHeat,
    /// Dark with a light border: the same on a heat layer whose colours are mostly light ([`super::ColourMap::is_light`]).
    OnLight,
    /// By the length of the vector, in data units.
    Magnitude(Colouring),
}

/// The length of arrows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ArrowLength {
    /// In proportion to the vector. The 98th percentile spans 0.9 of the distance between points; longer ones
    /// end at 1.3 of it, so that one pole does not turn all others into dots.
    #[default]
    Linear,
    /// In proportion to the square root of the vector's length: shows directions where magnitudes differ much.
    Root,
    /// All alike: direction only.
    Equal,
    /// This many pixels for a vector of length 1.
    PixelsPerUnit(f64),
}

/// Which part of the arrow lies on its point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pivot {
    /// The arrow starts at its point.
    #[default]
    Tail,
    /// The arrow's middle is at its point: no side is favoured, and arrows on cell centres stay inside the plot.
    Middle,
}

/// The part of the distance between points that the longest usual arrow takes.
const REACH: f64 = 0.9;
const LONGEST: f64 = 1.3;

impl Arrows {
    /// The vectors' lengths, in data units; at most the largest number.
    pub fn magnitudes(&self) -> Vec<f64> {
        let length = |(u, v): (&f64, &f64)| {
            if u.is_nan() || v.is_nan() { f64::NAN } else { u.hypot(*v).min(f64::MAX) }
        };
        self.u.iter().zip(&self.v).map(length).collect()
    }

    /// Magnitudes with NaN where a component is not finite: such a vector has no direction.
    fn vectors(&self) -> Vec<f64> {
        let finite = |(u, v): (&f64, &f64)| u.is_finite() && v.is_finite();
        let known = self.u.iter().zip(&self.v).map(finite);
        self.magnitudes().into_iter().zip(known).map(|(m, known)| if known { m } else { f64::NAN }).collect()
    }

    fn one(&self, canvas: &mut Canvas, at: (f64, f64), by: (f64, f64), shape: ArrowShape, magnitude: f64, unit: f64) {
        let (colour, halo) = self.inks(magnitude, unit);
        // Shorter than its own shaft is wide, an arrow shows no direction.
        if by.0.hypot(by.1) < 1.2 * shape.shaft {
            if let Some(pen) = halo {
                canvas.disc(at, 0.7 * shape.shaft + 0.5 * pen.width, pen.colour);
            }
            canvas.disc(at, 0.7 * shape.shaft, colour);
            return;
        }
        let back = if self.pivot == Pivot::Middle { 0.5 } else { 0.0 };
        let tail = (at.0 - by.0 * back, at.1 - by.1 * back);
        canvas.arrow(tail, (tail.0 + by.0, tail.1 + by.1), shape, colour, halo);
    }

    /// The colour of an arrow of this magnitude, and its border.
    pub(super) fn inks(&self, magnitude: f64, unit: f64) -> (Rgba, Option<Pen>) {
        match &self.colour {
            ArrowColour::Plain(colour) => (*colour, None),
            ArrowColour::OnHeat => (WHITE, Some(Pen::solid([0, 0, 0, 170], (1.3 * unit).max(0.6)))),
            ArrowColour::OnLight => (INK, Some(Pen::solid([255, 255, 255, 210], (1.3 * unit).max(0.6)))),
            ArrowColour::Magnitude(colouring) => (colouring.pixel(magnitude), None),
        }
    }

    /// From a magnitude to a length in pixels, at this distance between points.
    pub(super) fn pixels_for(&self, magnitudes: &[f64], spacing: f64) -> impl Fn(f64) -> f64 {
        let largest = range_of(magnitudes, Scale::Linear, Limits::Percentile(2.0)).map_or(0.0, |range| range.1);
        // Where 98 of 100 vectors are zero, the others set the measure.
        let full = || range_of(magnitudes, Scale::Linear, Limits::Full).map_or(0.0, |range| range.1);
        let largest = if largest > 0.0 { largest } else { full() };
        let length = self.length;
        move |magnitude: f64| {
            let share = if largest > 0.0 { magnitude / largest } else { 0.0 };
            let pixels = match length {
                ArrowLength::Linear => REACH * spacing * share,
                ArrowLength::Root => REACH * spacing * share.sqrt(),
                ArrowLength::Equal if magnitude > 0.0 => REACH * spacing,
                ArrowLength::Equal => 0.0,
                ArrowLength::PixelsPerUnit(scale) => return (magnitude * scale).abs().min(1e5),
            };
            pixels.min(LONGEST * spacing)
        }
    }
}

impl Drawn for Arrows {
    fn check(&self) -> Result<(), PictureError> {
        let expected = self.x.len();
        let lengths = [self.y.len(), self.u.len(), self.v.len()];
        match lengths.into_iter().find(|found| *found != expected) {
            Some(found) => Err(PictureError::Length { what: "arrow layer", found, expected }),
            None => Ok(()),
        }
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let points: Vec<(f64, f64)> = self.x.iter().zip(&self.y).map(|(x, y)| layout.to_pixel(*x, *y)).collect();
        let magnitudes = self.vectors();
        let spacing = spacing(&points, layout);
        let scale = self.pixels_for(&magnitudes, spacing);
        let shape = shape(spacing, layout.sizes.unit);
        for (i, point) in points.iter().enumerate() {
            if !layout.shows(*point) || magnitudes[i].is_nan() {
                continue;
            }
            let length = scale(magnitudes[i]);
            let way = direction(layout, self.u[i], self.v[i]);
            self.one(canvas, *point, (way.0 * length, way.1 * length), shape, magnitudes[i], layout.sizes.unit);
        }
    }

    fn bar(&self) -> Option<Bar<'_>> {
        let ArrowColour::Magnitude(colouring) = &self.colour else { return None };
        Some(Bar { colouring, label: &self.label, counts: colouring.count(&self.magnitudes()) })
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let by_value = matches!(self.colour, ArrowColour::Magnitude(_));
        let (colour, halo) = self.inks(0.0, layout.sizes.unit);
        let entry = || Entry { mark: Mark::Arrow { colour, halo }, words: self.label.clone() };
        (!by_value && !self.label.is_empty()).then(entry).into_iter().collect()
    }
}

impl From<Arrows> for Layer {
    fn from(layer: Arrows) -> Layer {
        Layer::new(layer)
    }
}

/// The unit vector on the picture along which (u, v) leads in data space; (0, 0) for a vector of no length.
fn direction(layout: &Layout, u: f64, v: f64) -> (f64, f64) {
    let largest = u.abs().max(v.abs());
    if !(largest > 0.0 && largest.is_finite()) {
        return (0.0, 0.0);
    }
    // Relative to the larger component and to the ranges, so that no size of either overflows.
    let (wide, high) = (f64::from(layout.width), f64::from(layout.height));
    let ratio = (layout.x.width() / layout.y.width()).clamp(1e-300, 1e300);
    let (across, up) = (u / largest * wide, v / largest * high);
    let (across, up) = if ratio >= 1.0 { (across / ratio, up) } else { (across, up * ratio) };
    let length = across.hypot(up);
    if length > 0.0 { (across / length, -up / length) } else { (0.0, 0.0) }
}

/// The measures of the longest arrows at this distance between points.
pub(super) fn shape(spacing: f64, unit: f64) -> ArrowShape {
    let shaft = (0.075 * spacing).clamp(0.7 * unit, 2.4 * unit).max(0.6);
    ArrowShape { shaft, head_length: 4.4 * shaft, head_width: 3.4 * shaft }
}

/// The distance in pixels between neighbouring points: the smaller of the two for a lattice, that of a square
/// lattice as dense for scattered points.
fn spacing(points: &[(f64, f64)], layout: &Layout) -> f64 {
    let shown: Vec<(f64, f64)> = points.iter().copied().filter(|p| layout.shows(*p)).collect();
    let columns = steps(shown.iter().map(|p| p.0).collect());
    let rows = steps(shown.iter().map(|p| p.1).collect());
    let (wide, high) = (f64::from(layout.width), f64::from(layout.height));
    let on_lattice = columns.0 * rows.0 <= 2 * shown.len();
    let spacing = match (columns.1, rows.1) {
        (Some(x), Some(y)) if on_lattice => x.min(y),
        (Some(x), None) => x,
        (None, Some(y)) => y,
        (None, None) => 0.1 * wide.min(high),
        _ => (wide * high / shown.len() as f64).sqrt(),
    };
    spacing.min(0.25 * wide.min(high)).max(1.0)
}

/// How many different places there are, and the mean step between them.
fn steps(mut places: Vec<f64>) -> (usize, Option<f64>) {
    places.sort_by(f64::total_cmp);
    places.dedup_by(|a, b| (*a - *b).abs() < 0.01);
    let count = places.len();
    let (first, last) = (places.first().copied().unwrap_or(0.0), places.last().copied().unwrap_or(0.0));
    (count, (count > 1).then(|| (last - first) / (count - 1) as f64))
}

/// The centres of `columns` by `rows` equal cells of a rectangle: x and y of each, row by row from the smallest y.
/// Arrows on cell centres with [`Pivot::Middle`] stay inside the plot.
pub fn lattice(columns: usize, rows: usize, x_range: (f64, f64), y_range: (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let place = |(lo, hi): (f64, f64), i: usize, n: usize| {
        let t = (i as f64 + 0.5) / n as f64;
        lo * (1.0 - t) + hi * t
    };
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    cells.map(|(column, row)| (place(x_range, column, columns), place(y_range, row, rows))).unzip()
}
