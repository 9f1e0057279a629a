//! The heat layer: a field as colours.
//!
//! In: a value for each pixel of the plot rectangle (or for each cell of a coarser or finer grid), row by row, row 0
//! at the smallest y as NumPy's meshgrid has it. Out: the plot rectangle filled, row 0 at the bottom.

use super::bar::Bar;
use super::canvas::Canvas;
use super::colour::{Colouring, Counts, NAN_COLOUR};
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::{Detail, Layout};
use super::legend::{Entry, Mark};
use super::shapes::{Across, Along, Lettering};

/// A field over the plot rectangle.
#[derive(Clone, Debug)]
pub struct Heat {
    values: Vec<f64>,
    columns: usize,
    rows: usize,
    /// The values come with each band.
    banded: bool,
    colouring: Colouring,
    label: String,
    counts: Counts,
    /// What NaN means.
    missing: String,
}

impl Heat {
    /// A field of `rows` rows of `columns` values: left to right, from the smallest y upwards. With
    /// [`Layout::width`] columns and [`Layout::height`] rows each value is a pixel; others are drawn as equal cells.
    /// `label` stands beside the colour bar: `f`, `|∇f|`.
    ///
    /// # Errors
    /// [`PictureError::Length`] unless there are `columns * rows` values.
    pub fn new(
        values: Vec<f64>,
        columns: usize,
        rows: usize,
        colouring: Colouring,
        label: &str,
    ) -> Result<Heat, PictureError> {
        let (expected, found) = (columns.saturating_mul(rows), values.len());
        if expected != found {
            return Err(PictureError::Length { what: "heat layer", found, expected });
        }
        let counts = colouring.count(&values);
        let (label, missing) = (label.to_owned(), "not a number".to_owned());
        Ok(Heat { values, columns, rows, banded: false, colouring, label, counts, missing })
    }

    /// The same field with too many values to hold: [`super::Picture::draw_band`] is given those of each band, and
    /// those of this layer stand for all of them where no band is given.
    pub fn in_bands(self) -> Heat {
        Heat { banded: true, ..self }
    }

    /// With other words for what NaN means, in the legend.
    #[must_use]
    pub fn missing(self, words: &str) -> Heat {
        Heat { missing: words.to_owned(), ..self }
    }

    /// Values that the colours do not show as they are.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether there are values, and all of them NaN.
    fn undefined(&self) -> bool {
        self.counts.all > 0 && self.counts.nan == self.counts.all
    }

    /// A row of pixels from the cells it crosses; a field without values leaves it white.
    fn draw_row(&self, pixels: &mut [u8], layout: &Layout, row: usize) {
        let (width, height) = (layout.width as usize, layout.height as usize);
        let start = row * self.rows / height * self.columns;
        let Some(values) = self.values.get(start..start + self.columns).filter(|values| !values.is_empty()) else {
            return;
        };
        for (i, pixel) in pixels.chunks_exact_mut(4).enumerate() {
            pixel.copy_from_slice(&self.colouring.pixel(values[i * values.len() / width]));
        }
    }
}

impl Drawn for Heat {
    fn fills(&self) -> bool {
        true
    }

    /// Fills the rows of the plot rectangle that the canvas has; `band` has their values if the field comes in bands.
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        for row in layout.field_rows(canvas.rows()) {
            let y = layout.top + layout.height - 1 - row as u32;
            let pixels = canvas.row_mut(layout.left, y, layout.width);
            match &band.heat {
                Some(strip) if self.banded => {
                    self.colouring.row_rgba_f32(strip.row(row, layout.width as usize), pixels);
                }
                _ => self.draw_row(pixels, layout, row),
            }
        }
        if layout.detail == Detail::Full && self.undefined() {
            let (left, top, right, bottom) = layout.edges();
            let style = Lettering::new(layout.sizes.label, Along::Centre, Across::Middle);
            canvas.text("no values, only NaN", 0.5 * (left + right), 0.5 * (top + bottom), style);
        }
    }

    /// A scale beside a field of NaN would name values that nothing has.
    fn bar(&self) -> Option<Bar<'_>> {
        (!self.undefined()).then(|| Bar { colouring: &self.colouring, label: &self.label, counts: self.counts })
    }

    /// Says what the grey is, where there is some and not all of it.
    fn entries(&self, _layout: &Layout) -> Vec<Entry> {
        let some = self.counts.nan > 0 && !self.undefined();
        let entry = || Entry { mark: Mark::Square(NAN_COLOUR), words: self.missing.clone() };
        some.then(entry).into_iter().collect()
    }
}

impl From<Heat> for Layer {
    fn from(layer: Heat) -> Layer {
        Layer::new(layer)
    }
}
