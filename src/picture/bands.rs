//! The layer of filled bands: between two levels one colour.
//!
//! In: a quantity with its gradient at each pixel and a [`Colouring::stepped`]. Out: the plot rectangle filled; the
//! borders between bands are antialiased by the distance to the level.

use std::sync::Arc;

use super::bar::Bar;
use super::canvas::Canvas;
use super::colour::{Colouring, Counts, NAN_COLOUR};
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::maps::Rgba;
use super::slopes::{Pixels, Slopes};

/// Filled bands.
#[derive(Clone, Debug)]
pub struct Bands {
    slopes: Arc<Slopes>,
    colouring: Colouring,
    label: String,
    counts: Counts,
}

impl Bands {
    /// Bands of the colours of `colouring`, which [`Colouring::stepped`] made; `label` stands beside the colour bar.
    pub fn new(slopes: Arc<Slopes>, colouring: Colouring, label: &str) -> Bands {
        let counts = colouring.count(&slopes.values);
        Bands { slopes, colouring, label: label.to_owned(), counts }
    }

    /// The colour of a pixel, mixed with that of the band beyond the border that crosses it.
    fn colour(&self, pixels: &Pixels<'_>, column: usize, row: usize) -> Rgba {
        let (value, levels) = (pixels.value(column, row), self.colouring.levels());
        let here = self.colouring.pixel(value);
        let slope = pixels.slope(column, row);
        let slope = slope.0.hypot(slope.1);
        let above = levels.partition_point(|level| level.value <= value);
        let sides = [(above.checked_sub(1), false), ((above < levels.len()).then_some(above), true)];
        let away = |k: usize| (value - levels[k].value).abs() / slope;
        let near = sides.into_iter().filter_map(|(k, up)| Some((away(k?), up)));
        match near.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((away, up)) if away < 0.5 => {
                let beyond = self.colouring.band(if up { above + 1 } else { above - 1 });
                mixed(here, beyond, 0.5 - away)
            }
            _ => here,
        }
    }
}

/// `a` with this share of `b`.
fn mixed(a: Rgba, b: Rgba, share: f64) -> Rgba {
    std::array::from_fn(|k| (f64::from(a[k]) + (f64::from(b[k]) - f64::from(a[k])) * share).round() as u8)
}

impl Drawn for Bands {
    fn check(&self) -> Result<(), PictureError> {
        self.slopes.check()
    }

    fn fills(&self) -> bool {
        true
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        let pixels = Pixels::of(&self.slopes, band.slopes.as_ref(), layout);
        for row in layout.field_rows(canvas.rows()).filter(|row| pixels.has(*row)) {
            let y = layout.top + layout.height - 1 - row as u32;
            let out = canvas.row_mut(layout.left, y, layout.width);
            for (column, pixel) in out.chunks_exact_mut(4).enumerate() {
                pixel.copy_from_slice(&self.colour(&pixels, column, row));
            }
        }
    }

    fn bar(&self) -> Option<Bar<'_>> {
        let none = self.counts.nan == self.counts.all;
        (!none).then(|| Bar { colouring: &self.colouring, label: &self.label, counts: self.counts })
    }

    fn entries(&self, _layout: &Layout) -> Vec<Entry> {
        let entry = || Entry { mark: Mark::Square(NAN_COLOUR), words: "not a number".to_owned() };
        (self.counts.nan > 0).then(entry).into_iter().collect()
    }
}

impl From<Bands> for Layer {
    fn from(layer: Bands) -> Layer {
        Layer::new(layer)
    }
}
