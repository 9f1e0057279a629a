//! Where things are on a picture: the plot rectangle, the marks of its axes, the sizes of text and lines.
//!
//! In: what `frame` decided. Out: data coordinates to pixels and back. All sizes come from the size of the picture,
//! so that a preview and a print look the same.

use std::ops::Range;

use super::canvas::unit;
use super::scale::Span;
use super::text::{self, fit};
use super::ticks::Ticks;

/// Sizes in pixels, all from the size of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sizes {
    /// See [`unit`].
    pub unit: f64,
    /// Ems of the three kinds of text; never below what can be read.
    pub title: f64,
    pub label: f64,
    pub tick: f64,
    /// Width of the frame, whole pixels so that it is sharp; length of a tick; space between things.
    pub line: f64,
    pub tick_length: f64,
    pub gap: f64,
}

/// What a picture that stands above or below others has in common with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The whole in pixels, across and down: text and lines are as large as on a picture of that size.
    pub whole: (u32, u32),
    /// Room for the labels of the y axis, in pixels, where its own take less.
    pub label_room: f64,
    /// Words below the x axis: the labels of its marks, and its name.
    pub x_words: bool,
}

/// How much is drawn besides the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Frame, ticks, labels, title, colour bar.
    Full,
    /// A frame line.
    Bare,
    /// Nothing: the plot rectangle is the picture.
    Nothing,
}

/// Where things are: all in pixels from the upper left corner of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Pixels left of the plot rectangle.
    pub left: u32,
    /// Pixels above the plot rectangle.
    pub top: u32,
    /// Pixels across the plot rectangle: a field drawn pixel by pixel has so many columns.
    pub width: u32,
    /// Pixels down the plot rectangle: a field drawn pixel by pixel has so many rows.
    pub height: u32,
    pub(super) x: Span,
    pub(super) y: Span,
    /// Whether the spans are of logarithms to base ten.
    pub(super) logarithmic: (bool, bool),
    pub(super) x_ticks: Ticks,
    pub(super) y_ticks: Ticks,
    /// The widest label of the y axis.
    pub(super) y_tick_width: f64,
    pub(super) detail: Detail,
    pub(super) sizes: Sizes,
}

impl Sizes {
    pub(super) fn new(width: u32, height: u32) -> Sizes {
        let unit = unit(width, height);
        // Below a unit text shrinks less than the picture, or it could not be read.
        let text = |size: f64, least: f64| (size * unit).max((size - 4.0) * unit + 4.0).max(least);
        let tick = text(13.0, 8.0);
        Sizes {
            unit,
            title: text(17.0, 9.0),
            label: text(14.5, 8.5),
            tick,
            line: unit.round().max(1.0),
            tick_length: (4.5 * unit).max(2.0).round(),
            gap: 0.35 * tick,
        }
    }

    /// The same on a picture that is `factor` times as large.
    fn scaled(&self, factor: f64) -> Sizes {
        let [unit, title, label, tick, line, tick_length, gap] =
            [self.unit, self.title, self.label, self.tick, self.line, self.tick_length, self.gap].map(|v| v * factor);
        Sizes { unit, title, label, tick, line, tick_length, gap }
    }

    /// The width of contour lines.
    pub(super) fn line_width(&self) -> f64 {
        (1.2 * self.unit).max(1.0)
    }

    /// How far from its middle a contour line inks pixels.
    pub(super) fn line_reach(&self) -> f64 {
        0.5 * self.line_width() + 0.5
    }

    /// What the colour bar takes at the right, its label apart: gap, bar, ticks, and labels of eight characters.
    pub(super) fn bar_room(&self) -> f64 {
        self.bar_gap() + self.bar_width() + self.tick_length + self.gap + self.bar_labels()
    }

    pub(super) fn bar_gap(&self) -> f64 {
        1.3 * self.tick
    }

    pub(super) fn bar_width(&self) -> f64 {
        (1.4 * self.tick).round()
    }

    /// Room for the tick labels of the colour bar; longer ones are set smaller.
    pub(super) fn bar_labels(&self) -> f64 {
        text::width("−0.0025", self.tick)
    }
}

/// Where a value stands on an axis: the logarithm, minus infinity or NaN where there is none, or the value itself.
pub(super) fn bent(v: f64, logarithmic: bool) -> f64 {
    if logarithmic { v.log10() } else { v }
}

/// The value at a place of an axis.
fn back(v: f64, logarithmic: bool) -> f64 {
    if logarithmic { 10_f64.powf(v) } else { v }
}

/// The width of the widest label.
pub(super) fn widest(ticks: &Ticks, size: f64) -> f64 {
    ticks.labels.iter().map(|label| text::width(label, size)).fold(0.0, f64::max)
}

impl Layout {
    /// The data x of each pixel column's centre, left to right: `width` values.
    pub fn x_centres(&self) -> Vec<f64> {
        let at = |t: f64| back(self.x.at(t), self.logarithmic.0);
        (0..self.width).map(|i| at((f64::from(i) + 0.5) / f64::from(self.width))).collect()
    }

    /// The data y of each pixel row's centre in ascending order, so from the bottom of the picture: `height` values.
    pub fn y_centres(&self) -> Vec<f64> {
        self.y_centres_of(0..self.height as usize)
    }

    /// Those of some rows alone, counted from the bottom of the plot.
    pub fn y_centres_of(&self, rows: Range<usize>) -> Vec<f64> {
        let at = |t: f64| back(self.y.at(t), self.logarithmic.1);
        rows.map(|i| at((i as f64 + 0.5) / f64::from(self.height))).collect()
    }

    /// How many rows beyond those that it draws a layer may look at; see [`super::Band::slopes`].
    pub fn halo(&self) -> usize {
        self.sizes.line_reach().ceil() as usize + 3
    }

    /// The layout of the same plot, alone on a smaller picture.
    pub(super) fn reduced(&self, width: usize, height: usize) -> Layout {
        let factor = width as f64 / f64::from(self.width);
        let (width, height) = (width as u32, height as u32);
        Layout { left: 0, top: 0, width, height, sizes: self.sizes.scaled(factor), ..self.clone() }
    }

    /// Which rows of a field with a value a pixel lie on the picture's rows `rows`, in the order of the field: row 0 is
    /// at the bottom of the plot. Empty where the plot is not on them.
    pub fn field_rows(&self, rows: Range<u32>) -> Range<usize> {
        let from_top = |row: u32| row.saturating_sub(self.top).min(self.height);
        let (first, end) = (self.height - from_top(rows.end), self.height - from_top(rows.start));
        first as usize..end.max(first) as usize
    }

    /// Where a data point lies, in pixels. May be far outside, infinite or NaN, as the point is.
    pub fn to_pixel(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = (bent(x, self.logarithmic.0), bent(y, self.logarithmic.1));
        let across = f64::from(self.left) + self.x.fraction(x) * f64::from(self.width);
        let down = f64::from(self.top) + (1.0 - self.y.fraction(y)) * f64::from(self.height);
        (across, down)
    }

    /// Left, top, right, bottom of the plot rectangle.
    pub(super) fn edges(&self) -> (f64, f64, f64, f64) {
        let (left, top) = (f64::from(self.left), f64::from(self.top));
        (left, top, left + f64::from(self.width), top + f64::from(self.height))
    }

    /// Whether a point in pixels lies on the plot rectangle.
    pub(super) fn shows(&self, (x, y): (f64, f64)) -> bool {
        let (left, top, right, bottom) = self.edges();
        // Half a pixel for points on the border itself.
        (left - 0.5..=right + 0.5).contains(&x) && (top - 0.5..=bottom + 0.5).contains(&y)
    }

    /// A text that fits between two limits of the picture: the text, its size, and the middle it is centred on.
    pub(super) fn centred(words: &str, size: f64, middle: f64, from: f64, to: f64) -> (String, f64, f64) {
        let (words, size) = fit(words, size, to - from);
        let half = 0.5 * text::width(&words, size);
        (words, size, middle.min(to - half).max(from + half))
    }
}
