//! A quantity with its gradient, a value for each pixel of the plot: what contours, bands and hillshade are drawn from.
//!
//! In: arrays in data units. Out: values and slopes by pixel, the slopes in units of the quantity a pixel.

use std::ops::Range;

use super::error::PictureError;
use super::layout::Layout;

/// A quantity and its partial derivatives on a grid of `rows` rows of `columns`: left to right, from the smallest y
/// upwards. Made for [`Layout::width`] columns and [`Layout::height`] rows; other grids are drawn as equal cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Slopes {
    /// The quantity.
    pub values: Vec<f64>,
    /// Its derivative by x, in data units.
    pub dx: Vec<f64>,
    /// Its derivative by y, in data units.
    pub dy: Vec<f64>,
    /// Values in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Slopes {
    /// # Errors
    /// [`PictureError::Length`] unless each array has `columns * rows` values.
    pub(super) fn check(&self) -> Result<(), PictureError> {
        let expected = self.columns.saturating_mul(self.rows);
        let lengths = [self.values.len(), self.dx.len(), self.dy.len()];
        match lengths.into_iter().find(|found| *found != expected) {
            Some(found) => Err(PictureError::Length { what: "values with their slopes", found, expected }),
            None => Ok(()),
        }
    }

    /// The smallest and the largest finite value.
    pub fn ends(&self) -> Option<(f64, f64)> {
        let finite = self.values.iter().filter(|v| v.is_finite());
        let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        (lo <= hi).then_some((lo, hi))
    }
}

/// [`Slopes`] on the pixels of a plot.
pub(super) struct Pixels<'a> {
    slopes: &'a Slopes,
    pub width: usize,
    pub height: usize,
    /// The rows of the plot that there are values of.
    covered: Range<usize>,
    /// Where the values of a column and of a covered row of pixels are: the sum is a place in the arrays.
    columns: Vec<usize>,
    rows: Vec<usize>,
    /// Data units a pixel, for each column and each covered row.
    across: Vec<f64>,
    up: Vec<f64>,
}

/// A row of pixels: the values and the gradient, per pixel to the right and upwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub values: Vec<f64>,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
}

impl<'a> Pixels<'a> {
    /// By what a layer holds.
    pub(super) fn new(slopes: &'a Slopes, layout: &Layout) -> Pixels<'a> {
        let (height, rows) = (layout.height as usize, slopes.rows);
        let covered = if slopes.values.is_empty() { 0..0 } else { 0..height };
        Pixels::over(slopes, layout, covered, |row| row * rows / height)
    }

    /// By what came with a band, if anything did.
    pub(super) fn of(held: &'a Slopes, band: Option<&'a (usize, Slopes)>, layout: &Layout) -> Pixels<'a> {
        let Some((first, slopes)) = band else { return Pixels::new(held, layout) };
        let covered = *first..(first + slopes.rows).min(layout.height as usize);
        Pixels::over(slopes, layout, covered, |row| row - first)
    }

    fn over(slopes: &'a Slopes, layout: &Layout, covered: Range<usize>, place: impl Fn(usize) -> usize) -> Pixels<'a> {
        // On a logarithmic axis a pixel is a factor, so in data units it is in proportion to the place.
        let units = |logarithmic: bool, width: f64, pixels: u32, places: Vec<f64>| -> Vec<f64> {
            let step = width / f64::from(pixels);
            let unit = |v: f64| if logarithmic { step * v * std::f64::consts::LN_10 } else { step };
            places.into_iter().map(unit).collect()
        };
        let width = layout.width as usize;
        let up = layout.y_centres_of(covered.clone());
        Pixels {
            slopes,
            width,
            height: layout.height as usize,
            columns: (0..width).map(|column| column * slopes.columns / width).collect(),
            rows: covered.clone().map(|row| place(row) * slopes.columns).collect(),
            across: units(layout.logarithmic.0, layout.x.width(), layout.width, layout.x_centres()),
            up: units(layout.logarithmic.1, layout.y.width(), layout.height, up),
            covered,
        }
    }

    /// Whether there are values of a row.
    pub(super) fn has(&self, row: usize) -> bool {
        self.covered.contains(&row)
    }

    fn place(&self, column: usize, row: usize) -> usize {
        self.rows[row - self.covered.start] + self.columns[column]
    }

    /// The value at a pixel; row 0 is at the bottom.
    pub(super) fn value(&self, column: usize, row: usize) -> f64 {
        self.slopes.values[self.place(column, row)]
    }

    /// The gradient there, per pixel to the right and upwards.
    pub(super) fn slope(&self, column: usize, row: usize) -> (f64, f64) {
        let at = self.place(column, row);
        (self.slopes.dx[at] * self.across[column], self.slopes.dy[at] * self.up[row - self.covered.start])
    }

    /// A whole row of pixels.
    pub(super) fn fill(&self, row: usize, out: &mut Row) {
        let (start, up) = (self.rows[row - self.covered.start], self.up[row - self.covered.start]);
        let of = |all: &'a [f64]| self.columns.iter().map(move |column| all[start + column]);
        let refill = |out: &mut Vec<f64>, values: &mut dyn Iterator<Item = f64>| {
            out.clear();
            out.extend(values);
        };
        refill(&mut out.values, &mut of(&self.slopes.values));
        refill(&mut out.x, &mut of(&self.slopes.dx).zip(&self.across).map(|(slope, unit)| slope * unit));
        refill(&mut out.y, &mut of(&self.slopes.dy).map(|slope| slope * up));
    }

    /// The gradient of a row's pixels per data unit of x on the picture: the same measure in both directions.
    pub(super) fn steepness(&self, row: usize, out: &mut Row) {
        self.fill(row, out);
        for ((x, y), unit) in out.x.iter_mut().zip(&mut out.y).zip(&self.across) {
            (*x, *y) = (*x / unit, *y / unit);
        }
    }

    /// The rows beside one, below and above, as far as there are any; else itself.
    pub(super) fn beside(&self, row: usize) -> (usize, usize) {
        (row.saturating_sub(1).max(self.covered.start), (row + 1).min(self.covered.end - 1))
    }

    /// The second derivatives (xx, xy, yy) per pixel squared, from the exact slopes of the pixels around; on the
    /// border from those inside. NaN beside NaN.
    pub(super) fn bend(&self, column: usize, row: usize) -> [f64; 3] {
        let (left, right) = (column.saturating_sub(1), (column + 1).min(self.width - 1));
        let (below, above) = self.beside(row);
        let (w, e) = (self.slope(left, row), self.slope(right, row));
        let (s, n) = (self.slope(column, below), self.slope(column, above));
        let (wide, high) = ((right - left).max(1) as f64, (above - below).max(1) as f64);
        [(e.0 - w.0) / wide, 0.5 * ((e.1 - w.1) / wide + (n.0 - s.0) / high), (n.1 - s.1) / high]
    }
}
