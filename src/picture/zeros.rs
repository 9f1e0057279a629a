//! The layer of zeros: where a field crosses zero, as a line of even width, antialiased, without tracing.
//!
//! In: the field and its slope at each pixel of the plot rectangle. Out: a line. How far a pixel is from it is
//! |field| / |slope| to first order; that is small near a pole too, where the field grows instead: so the field is followed
//! for some pixels towards where it should vanish, and must change its sign or, where it only touches zero, turn round.

use super::canvas::Canvas;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::maps::Rgba;
use super::shapes::{INK, Pen, WHITE};

/// How the line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroLine {
    /// Dark with a light border.
    Dark,
    /// Light with a dark border.
    Light,
}

/// Where a field is zero.
#[derive(Clone, Debug)]
pub struct Zeros {
    /// For each pixel how far the line is, in pixels; row by row from the smallest y; infinite where there is none.
    distances: Vec<f32>,
    columns: usize,
    style: ZeroLine,
    label: String,
}

/// Half the width of the line, and what its border adds, on a picture of unit size.
const CORE: f64 = 0.75;
const BORDER: f64 = 0.75;
/// Places at which the field is looked at on the way to where it should vanish.
const PLACES: usize = 5;

impl Zeros {
    /// The zeros of `field`, a value for each pixel of the plot as [`super::Heat`] has them; `slope` is its derivative to the
    /// right and upwards, for each pixel, in field per pixel.
    ///
    /// # Errors
    /// [`PictureError::Length`] unless all have a value for each pixel.
    pub fn new(
        field: &[f64],
        slope: [&[f64]; 2],
        layout: &Layout,
        style: ZeroLine,
        label: &str,
    ) -> Result<Zeros, PictureError> {
        let (columns, rows) = (layout.width as usize, layout.height as usize);
        let expected = columns.saturating_mul(rows);
        if let Some(found) = [field, slope[0], slope[1]].iter().map(|v| v.len()).find(|found| *found != expected) {
            return Err(PictureError::Length { what: "line of zeros", found, expected });
        }
        // Where a field only touches zero the line is twice as far as it seems.
        let (_, border) = halves(layout);
        let distances = distances(field, slope, columns, 2.0 * (border + 0.5) + 1.0);
        Ok(Zeros { distances, columns, style, label: label.to_owned() })
    }

    /// Half widths of the border and of the line, and their colours.
    fn pens(&self, layout: &Layout) -> [(f64, Rgba); 2] {
        let (core, border) = halves(layout);
        match self.style {
            ZeroLine::Dark => [(border, [255, 255, 255, 150]), (core, INK)],
            ZeroLine::Light => [(border, INK), (core, WHITE)],
        }
    }
}

/// Half the width of the line, and with its border, in pixels.
fn halves(layout: &Layout) -> (f64, f64) {
    let unit = layout.sizes.unit;
    let core = (CORE * unit).max(0.5);
    (core, core + (BORDER * unit).max(0.5))
}

/// How far each pixel is from a zero; those that are nearer than half of `reach` are right.
fn distances(field: &[f64], slope: [&[f64]; 2], columns: usize, reach: f64) -> Vec<f32> {
    let rows = field.len() / columns.max(1);
    let value = |x: f64, y: f64| {
        let inside = x >= 0.0 && y >= 0.0 && x < columns as f64 && y < rows as f64;
        inside.then(|| field[y as usize * columns + x as usize])
    };
    let distance = |k: usize| {
        let (f, u, v) = (field[k], slope[0][k], slope[1][k]);
        let length = u.hypot(v);
        let distance = f.abs() / length;
        // NaN too is not.
        let near = distance <= 0.5 * reach;
        let (x, y) = ((k % columns) as f64 + 0.5, (k / columns) as f64 + 0.5);
        let step = -f.signum() / length * reach / PLACES as f64;
        let ahead = (1..=PLACES).map(|s| s as f64 * step).map(|s| value(x + s * u, y + s * v));
        if near && (f == 0.0 || vanishes(f, ahead)) { distance as f32 } else { f32::INFINITY }
    };
    (0..field.len()).map(distance).collect()
}

/// Whether a field changes its sign or turns round along some values ahead; beyond the plot it may.
fn vanishes(from: f64, ahead: impl Iterator<Item = Option<f64>>) -> bool {
    let mut last = from;
    for next in ahead {
        match next {
            Some(next) if next.is_nan() => return false,
            Some(next) if next == 0.0 || (next < 0.0) != (from < 0.0) || next.abs() > last.abs() => return true,
            Some(next) => last = next,
            None => return true,
        }
    }
    false
}

impl Drawn for Zeros {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let (width, height) = (layout.width as usize, layout.height as usize);
        if self.columns != width || self.distances.len() != width * height {
            return;
        }
        let pens = self.pens(layout);
        for row in layout.field_rows(canvas.rows()) {
            let distances = &self.distances[row * width..(row + 1) * width];
            let pixels = canvas.row_mut(layout.left, layout.top + layout.height - 1 - row as u32, layout.width);
            for (distance, pixel) in distances.iter().zip(pixels.chunks_exact_mut(4)) {
                for (half, colour) in pens {
                    blend(pixel, colour, (half + 0.5 - f64::from(*distance)).clamp(0.0, 1.0));
                }
            }
        }
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let [(border, outer), (core, inner)] = self.pens(layout);
        let mark = Mark::Cased { pen: Pen::solid(inner, 2.0 * core), casing: Pen::solid(outer, 2.0 * border) };
        let entry = || Entry { mark, words: self.label.clone() };
        (!self.label.is_empty()).then(entry).into_iter().collect()
    }
}

/// Puts a colour over a share of an opaque pixel.
fn blend(pixel: &mut [u8], colour: Rgba, share: f64) {
    let share = share * f64::from(colour[3]) / 255.0;
    for (below, above) in pixel.iter_mut().zip(&colour[..3]) {
        *below = (f64::from(*below) + share * (f64::from(*above) - f64::from(*below))).round() as u8;
    }
}

impl From<Zeros> for Layer {
    fn from(layer: Zeros) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 80;

    /// The distances of a field with its slope, given over coordinates in pixels from the centre.
    fn zeros(of: impl Fn(f64, f64) -> [f64; 3]) -> Vec<f32> {
        let at = |k: usize| {
            let place = |k: usize| k as f64 + 0.5 - 0.5 * SIDE as f64;
            of(place(k % SIDE), place(k / SIDE))
        };
        let column = |c: usize| (0..SIDE * SIDE).map(|k| at(k)[c]).collect::<Vec<f64>>();
        let (f, u, v) = (column(0), column(1), column(2));
        distances(&f, [&u, &v], SIDE, 5.0)
    }

    /// How far each pixel that lies within two pixels of a line is from it, against the truth; none is farther away.
    fn assert_line(zeros: &[f32], tolerance: f64, distance: impl Fn(f64, f64) -> f64) {
        for (k, found) in zeros.iter().enumerate() {
            let place = |k: usize| k as f64 + 0.5 - 0.5 * SIDE as f64;
            let exact = distance(place(k % SIDE), place(k / SIDE));
            let found = f64::from(*found);
            assert!((found - exact).abs() <= tolerance || (exact > 2.0 && found > 1.5), "{k}: {found}, not {exact}");
        }
    }

    #[test]
    fn a_line_is_as_far_as_it_is() {
        let circle = zeros(|x, y| [x * x + y * y - 625.0, 2.0 * x, 2.0 * y]);
        assert_line(&circle, 0.1, |x, y| (x.hypot(y) - 25.0).abs());
        let straight = zeros(|x, y| [3.0 * x - 4.0 * y + 2.0, 3.0, -4.0]);
        assert_line(&straight, 1e-6, |x, y| (3.0 * x - 4.0 * y + 2.0).abs() / 5.0);
        // Where it touches zero only the first order is half the distance.
        let touching = zeros(|x, _| [(x - 0.3).powi(2), 2.0 * (x - 0.3), 0.0]);
        assert_line(&touching, 1e-6, |x, _| 0.5 * (x - 0.3).abs());
    }

    #[test]
    fn a_pole_is_no_line() {
        let none = |zeros: Vec<f32>| assert!(zeros.iter().all(|d| d.is_infinite()));
        none(zeros(|x, _| [1.0 / x, -1.0 / (x * x), 0.0]));
        none(zeros(|x, y| {
            [1.0 / (x * x + y * y), -2.0 * x / (x * x + y * y).powi(2), -2.0 * y / (x * x + y * y).powi(2)]
        }));
        none(zeros(|_, _| [0.0, 0.0, 0.0]));
        none(zeros(|_, _| [f64::NAN, 1.0, 1.0]));
        none(zeros(|x, _| [x.signum(), 0.0, 0.0]));
    }
}
