//! The layer of a line integral convolution: light and dark along the lines of a field.
//!
//! In: a brightness for each pixel of the plot rectangle, row by row from the bottom. Out: what lies below it lighter and
//! darker; on an empty plot, greys.

use super::canvas::Canvas;
use super::colour::NAN_COLOUR;
use super::layer::{Band, Drawn, Layer, Strip};
use super::layout::Layout;

/// The darkest that a colour becomes, as a share of itself.
const DARKEST: f32 = 0.45;
/// How much of the way to white the lightest goes.
const LIGHTEST: f32 = 0.45;

/// Brightnesses over the plot rectangle.
#[derive(Clone, Debug)]
pub struct Lines {
    strip: Strip,
    alone: bool,
}

impl Lines {
    /// `values` from 0 to 1, one for each pixel of the plot: [`Layout::width`] in a row, the lowest row first; NaN where
    /// there is nothing to show. `alone`: no other layer fills the plot.
    pub fn new(values: Vec<f32>, alone: bool) -> Lines {
        Lines { strip: Strip { first: 0, values }, alone }
    }

    /// Too many to hold: [`super::Picture::draw_band`] is given those of each band.
    pub fn in_bands(alone: bool) -> Lines {
        Lines::new(Vec::new(), alone)
    }
}

impl From<Lines> for Layer {
    fn from(lines: Lines) -> Layer {
        Layer::new(lines)
    }
}

impl Drawn for Lines {
    fn fills(&self) -> bool {
        true
    }

    fn grey(&self) -> bool {
        // NaN has a grey too.
        self.alone
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        for row in layout.field_rows(canvas.rows()) {
            let y = layout.top + layout.height - 1 - row as u32;
            let width = layout.width as usize;
            let values = band.lines.as_ref().unwrap_or(&self.strip).row(row, width);
            let pixels = canvas.row_mut(layout.left, y, layout.width);
            for (pixel, value) in pixels.chunks_exact_mut(4).zip(values) {
                match (value.is_nan(), self.alone) {
                    (true, true) => pixel.copy_from_slice(&NAN_COLOUR),
                    (true, false) => {}
                    (false, true) => pixel[..3].fill(grey(*value)),
                    (false, false) => pixel[..3].iter_mut().for_each(|part| *part = toned(*part, *value)),
                }
            }
        }
    }
}

fn grey(value: f32) -> u8 {
    (20.0 + 230.0 * value) as u8
}

/// Darker below one half, lighter above.
fn toned(part: u8, value: f32) -> u8 {
    let part = f32::from(part);
    let bent = if value < 0.5 {
        part * (DARKEST + (1.0 - DARKEST) * 2.0 * value)
    } else {
        part + (255.0 - part) * LIGHTEST * (2.0 * value - 1.0)
    };
    bent as u8
}
