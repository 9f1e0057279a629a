//! Who gets which part of the picture: the plot rectangle first, then everything that stands around it.
//!
//! In: the size of the picture, the ranges of the axes and the texts (a [`Frame`]). Out: a [`Layout`], such that no
//! label is cut off. The widths of the labels are measured, not guessed. Small pictures keep legible text and give up
//! first the words, then the frame.

use super::canvas::check_size;
use super::error::PictureError;
use super::layout::{Detail, Layout, Part, Sizes, bent, widest};
use super::scale::Span;
use super::text;
use super::ticks::{self, Ticks};

/// What stands around the plot rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// Size of the picture in pixels.
    pub width: u32,
    pub height: u32,
    pub title: &'a str,
    pub x_label: &'a str,
    pub y_label: &'a str,
    /// Data range (from, to) that the plot rectangle spans, edge to edge.
    pub x_range: (f64, f64),
    pub y_range: (f64, f64),
    /// Logarithmic axes.
    pub logarithmic: (bool, bool),
    /// One data unit is as long on x as on y.
    pub equal_aspect: bool,
    /// There are axes around the plot rectangle.
    pub axes: bool,
    /// Keeps room for a colour bar at the right.
    pub colour_bar: bool,
    /// Whether the colour bar will have a label.
    pub bar_label: bool,
    /// The plot is the whole picture.
    pub bare: bool,
    /// Where it is a part of a larger one.
    pub part: Option<Part>,
}

/// What stays free on each side of the plot rectangle, in pixels.
struct Margins {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Below this many pixels on the shorter side there is no room for words, and none for a frame.
const WORDS_FROM: u32 = 90;
const FRAME_FROM: u32 = 16;
/// A plot rectangle of equal aspect that would be thinner than this share of its room gives the aspect up.
const THINNEST: f64 = 1.0 / 30.0;

impl Frame<'_> {
    /// Divides the picture.
    ///
    /// # Errors
    /// - [`PictureError::Size`] for a picture without pixels or too large.
    /// - [`PictureError::Range`] for a range that is not finite or not in ascending order (equal ends are widened).
    /// - [`PictureError::LogRange`] for a logarithmic axis whose range reaches zero.
    pub(super) fn layout(&self) -> Result<Layout, PictureError> {
        check_size(self.width, self.height)?;
        let x = span("the x axis", self.x_range, self.logarithmic.0)?;
        let y = span("the y axis", self.y_range, self.logarithmic.1)?;
        let (width, height) = self.part.map_or((self.width, self.height), |part| part.whole);
        let (sizes, shorter) = (Sizes::new(width, height), width.min(height));
        let full = (shorter >= WORDS_FROM && !self.bare).then(|| self.with_words(x, y, sizes)).flatten();
        Ok(full.unwrap_or_else(|| {
            let detail = if shorter >= FRAME_FROM && !self.bare { Detail::Bare } else { Detail::Nothing };
            let margin = if detail == Detail::Bare { 2.0 * sizes.line } else { 0.0 };
            self.place(x, y, sizes, Margins { left: margin, right: margin, top: margin, bottom: margin }, detail)
        }))
    }

    /// The layout with all labels; None where they would leave less than a third of the picture to the plot.
    fn with_words(&self, x: Span, y: Span, sizes: Sizes) -> Option<Layout> {
        let mut margins = self.margins(x, &sizes);
        if !self.axes {
            return Some(self.place(x, y, sizes, margins, Detail::Full));
        }
        let height = f64::from(self.height) - margins.top - margins.bottom;
        let y_ticks = marks(y, self.logarithmic.1, rows(height, &sizes));
        let offsets = if y_ticks.offset.is_some() { 1.3 * sizes.tick } else { 0.0 };
        margins.top += offsets;
        margins.left += self.label_width(&y_ticks, &sizes);
        let mut layout = self.place(x, y, sizes, margins, Detail::Full);
        let room = f64::from(self.width.min(self.height)) / 3.0;
        if f64::from(layout.width.max(layout.height)) < room {
            return None;
        }
        layout.x_ticks = columns(x, self.logarithmic.0, f64::from(layout.width), sizes.tick);
        layout.y_ticks = marks(y, self.logarithmic.1, rows(f64::from(layout.height), &sizes));
        layout.y_tick_width = self.label_width(&layout.y_ticks, &sizes);
        Some(layout)
    }

    /// Room for the labels of the y axis.
    fn label_width(&self, ticks: &Ticks, sizes: &Sizes) -> f64 {
        let room = self.part.map_or(0.0, |part| part.label_room);
        widest(ticks, sizes.tick).max(room).min(0.25 * f64::from(self.width))
    }

    /// Whether there are words below the x axis.
    pub(super) fn x_words(&self) -> bool {
        self.part.is_none_or(|part| part.x_words)
    }

    /// All that does not depend on the marks.
    fn margins(&self, x: Span, sizes: &Sizes) -> Margins {
        let edge = 0.8 * sizes.tick;
        let row = |text: &str, size: f64| if text.is_empty() { 0.0 } else { 1.35 * size };
        let ticks = sizes.line + sizes.tick_length + sizes.gap;
        // Half a tick label stands over the plot's corner, up and to the right.
        let overhang = 0.5 * sizes.tick;
        // The offset of the x axis stands on the line of its name.
        let offset = marks(x, self.logarithmic.0, 9).offset.is_some();
        let below = if offset { 1.35 * sizes.label } else { row(self.x_label, sizes.label) };
        let bottom = if self.axes && self.x_words() { ticks + sizes.tick + below } else { 0.0 };
        let left = if self.axes { row(self.y_label, sizes.label) + ticks } else { 0.0 };
        let bar = if self.colour_bar { sizes.bar_room() } else { 2.0 * overhang };
        let bar_label = if self.colour_bar && self.bar_label { 1.5 * sizes.label } else { 0.0 };
        Margins {
            left: edge + left,
            right: edge + bar + bar_label,
            top: edge + row(self.title, sizes.title).max(overhang),
            bottom: edge + bottom,
        }
    }

    /// The plot rectangle within `margins`: whole pixels, the shape of the data if wanted, the rest shared evenly.
    fn place(&self, x: Span, y: Span, sizes: Sizes, margins: Margins, detail: Detail) -> Layout {
        let (wide, high) = (f64::from(self.width), f64::from(self.height));
        let room = ((wide - margins.left - margins.right).max(1.0), (high - margins.top - margins.bottom).max(1.0));
        let (width, height) = self.shaped(x, y, room);
        let left = (margins.left + 0.5 * (room.0 - width)).round().clamp(0.0, wide - 1.0);
        let top = (margins.top + 0.5 * (room.1 - height)).round().clamp(0.0, high - 1.0);
        Layout {
            left: left as u32,
            top: top as u32,
            width: width.round().clamp(1.0, wide - left) as u32,
            height: height.round().clamp(1.0, high - top) as u32,
            x,
            y,
            logarithmic: self.logarithmic,
            x_ticks: Ticks::default(),
            y_ticks: Ticks::default(),
            y_tick_width: 0.0,
            detail,
            sizes,
        }
    }

    fn shaped(&self, x: Span, y: Span, room: (f64, f64)) -> (f64, f64) {
        let scale = (room.0 / x.width()).min(room.1 / y.width());
        let (width, height) = (x.width() * scale, y.width() * scale);
        let thick_enough = width >= THINNEST * room.0 && height >= THINNEST * room.1;
        if self.equal_aspect && thick_enough && !self.bare { (width, height) } else { room }
    }
}

/// The range of an axis, in logarithms where it is logarithmic.
fn span(what: &str, (lo, hi): (f64, f64), logarithmic: bool) -> Result<Span, PictureError> {
    if logarithmic && lo <= 0.0 {
        return Err(PictureError::LogRange { lo, hi });
    }
    // Equal ends are widened as values, not as logarithms.
    let values = Span::new(what, lo, hi)?;
    Span::new(what, bent(values.lo, logarithmic), bent(values.hi, logarithmic))
}

/// The marks of an axis, where they stand on it.
fn marks(span: Span, logarithmic: bool, most: usize) -> Ticks {
    if !logarithmic {
        return ticks::linear(span.lo, span.hi, most);
    }
    let mut ticks = ticks::log(10_f64.powf(span.lo), 10_f64.powf(span.hi), most);
    ticks.at.iter_mut().for_each(|v| *v = v.log10().clamp(span.lo, span.hi));
    ticks
}

/// How many marks a y axis of this height has room for.
fn rows(height: f64, sizes: &Sizes) -> usize {
    ((height / (2.6 * sizes.tick)) as usize).clamp(2, 9)
}

/// Marks of an x axis, as many as fit beside each other.
fn columns(x: Span, logarithmic: bool, width: f64, size: f64) -> Ticks {
    for most in (3..=9).rev() {
        let ticks = marks(x, logarithmic, most);
        let widths: f64 = ticks.labels.iter().map(|label| text::width(label, size) + 1.2 * size).sum();
        if widths <= width {
            return ticks;
        }
    }
    marks(x, logarithmic, 2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32) -> Frame<'static> {
        Frame {
            width,
            height,
            title: "f",
            x_label: "x",
            y_label: "y",
            x_range: (-3.0, 3.0),
            y_range: (-2.0, 2.0),
            logarithmic: (false, false),
            equal_aspect: false,
            axes: true,
            colour_bar: true,
            bar_label: true,
            bare: false,
            part: None,
        }
    }

    #[test]
    fn the_plot_never_leaves_the_picture() {
        let sides = [1, 2, 3, 15, 16, 17, 50, 89, 90, 91, 150, 200, 600, 4000, 65_536];
        let ranges = [(-3.0, 3.0), (5.0, 5.0 + 1e-12), (0.0, 1e300), (-1e308, 1.7e308), (7.0, 7.0), (0.0, 1e-310)];
        for width in sides {
            for height in sides {
                for (range, equal_aspect) in ranges.iter().flat_map(|r| [(*r, false), (*r, true)]) {
                    let frame = Frame { x_range: range, equal_aspect, ..frame(width, height) };
                    let l = frame.layout().unwrap();
                    assert!(l.width >= 1 && l.height >= 1, "{width} {height} {range:?} {l:?}");
                    assert!(
                        l.left + l.width <= width && l.top + l.height <= height,
                        "{width} {height} {range:?} {l:?}"
                    );
                    assert!(l.x_centres().len() == l.width as usize, "{width} {height}");
                }
            }
        }
    }

    #[test]
    fn labels_stay_on_the_picture() {
        for (width, height) in [(200, 150), (800, 600), (100, 1000), (1000, 100), (4000, 3000)] {
            for y_range in [(-3.0, 3.0), (0.0, 1e-7), (-1e300, 1e300), (5.0, 5.0 + 1e-12), (-99_999.0, 5.0)] {
                let l = Frame { y_range, ..frame(width, height) }.layout().unwrap();
                if l.detail == Detail::Full {
                    let around = l.sizes.line + l.sizes.tick_length + l.sizes.gap + l.sizes.label;
                    assert!(f64::from(l.left) >= l.y_tick_width + around, "{width} {height} {y_range:?}");
                }
            }
        }
    }

    #[test]
    fn equal_aspect_has_the_shape_of_the_data() {
        let l = Frame { equal_aspect: true, ..frame(800, 700) }.layout().unwrap();
        let ratio = f64::from(l.width) / f64::from(l.height);
        assert!((ratio - 1.5).abs() < 0.01, "{ratio}");
        // 1 to 10,000 would be a hair: the aspect gives way.
        let l = Frame { equal_aspect: true, x_range: (0.0, 1e4), ..frame(800, 700) }.layout().unwrap();
        assert!(l.height > 300, "{l:?}");
    }

    #[test]
    fn pixels_and_data_agree() {
        let l = frame(800, 700).layout().unwrap();
        let (x, y) = (l.x_centres(), l.y_centres());
        assert_eq!(l.to_pixel(-3.0, 2.0), (f64::from(l.left), f64::from(l.top)));
        let (px, py) = l.to_pixel(x[0], y[0]);
        assert!((px - f64::from(l.left) - 0.5).abs() < 1e-9);
        assert!((f64::from(l.top + l.height) - py - 0.5).abs() < 1e-9);
    }

    #[test]
    fn logarithmic_axes_have_equal_factors() {
        let ranges = Frame { x_range: (1.0, 1e4), y_range: (1e-5, 1e-1), ..frame(800, 700) };
        let l = Frame { logarithmic: (true, true), ..ranges }.layout().unwrap();
        let at = |x: f64, y: f64| l.to_pixel(x, y);
        assert!((at(100.0, 1e-3).0 - f64::from(l.left) - 0.5 * f64::from(l.width)).abs() < 1e-6);
        assert!((at(10.0, 1e-3).1 - f64::from(l.top) - 0.5 * f64::from(l.height)).abs() < 1e-6);
        let steps: Vec<f64> = l.x_centres().windows(2).map(|pair| pair[1] / pair[0]).collect();
        assert!(steps.iter().all(|step| (step / steps[0] - 1.0).abs() < 1e-9));
        assert!(l.x_ticks.labels.iter().any(|label| label == "100"), "{:?}", l.x_ticks);
        assert!(l.y_ticks.labels.iter().any(|label| label == "10⁻³"), "{:?}", l.y_ticks);
        assert!(l.x_ticks.at.iter().all(|v| (0.0..=4.0).contains(v)), "{:?}", l.x_ticks);
        let none = Frame { logarithmic: (true, false), x_range: (0.0, 1.0), ..frame(80, 70) };
        assert!(matches!(none.layout(), Err(PictureError::LogRange { .. })));
    }

    #[test]
    fn bad_ranges_are_refused_by_name() {
        let message = Frame { y_range: (1.0, f64::NAN), ..frame(80, 70) }.layout().unwrap_err().to_string();
        assert!(message.contains("the y axis"), "{message}");
    }
}
