//! A quantity with its gradient, a value for each pixel of the plot: what contours, bands and hillshade are drawn from.
//!
//! In: arrays in data units. Out: values and slopes by pixel, the slopes in units of the quantity a pixel.

use std::ops::Range;

use super::error::PictureError;
use super::layout::Layout;
use crate::points::Values;

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

/// The same at the pixels of some rows of a plot, [`Layout::width`] in each, in the format in which they were computed.
#[derive(Clone, Debug, PartialEq)]
pub struct SlopeStrip {
    /// The first row, counted from the bottom of the plot.
    pub first: usize,
    /// The quantity, its derivative by x, and by y.
    pub columns: [Values; 3],
}

/// Slopes on the pixels of a plot.
pub(super) struct Pixels<'a> {
    numbers: [Numbers<'a>; 3],
    pub width: usize,
    pub height: usize,
    /// The rows of the plot that there are values of.
    covered: Range<usize>,
    /// Where the values of a column and of a covered row of pixels are: the sum is a place in the arrays.
    columns: Vec<usize>,
    rows: Vec<usize>,
    /// Every pixel has a value of its own.
    whole: bool,
    /// Data units a pixel, for each column and each covered row.
    across: Vec<f64>,
    up: Vec<f64>,
}

/// Numbers of either format.
#[derive(Clone, Copy)]
enum Numbers<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

impl Numbers<'_> {
    #[inline]
    fn get(self, place: usize) -> f64 {
        match self {
            Numbers::F32(values) => f64::from(values[place]),
            Numbers::F64(values) => values[place],
        }
    }

    /// Those from `start` on at these columns, or simply as many.
    fn row(self, start: usize, columns: &[usize], whole: bool, out: &mut Vec<f64>) {
        out.clear();
        match self {
            Numbers::F32(values) if whole => {
                out.extend(values[start..start + columns.len()].iter().map(|v| f64::from(*v)))
            }
            Numbers::F64(values) if whole => out.extend_from_slice(&values[start..start + columns.len()]),
            _ => out.extend(columns.iter().map(|column| self.get(start + column))),
        }
    }
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
        let numbers = [&slopes.values, &slopes.dx, &slopes.dy].map(|column| Numbers::F64(column));
        Pixels::over(numbers, slopes.columns, layout, covered, |row| row * rows / height)
    }

    /// By what came with a band, if anything did.
    pub(super) fn of(held: &'a Slopes, band: Option<&'a SlopeStrip>, layout: &Layout) -> Pixels<'a> {
        let Some(strip) = band else { return Pixels::new(held, layout) };
        let rows = strip.columns[0].len() / layout.width as usize;
        let covered = strip.first..(strip.first + rows).min(layout.height as usize);
        let numbers = strip.columns.each_ref().map(|column| match column {
            Values::F32(values) => Numbers::F32(values),
            Values::F64(values) => Numbers::F64(values),
        });
        Pixels::over(numbers, layout.width as usize, layout, covered, |row| row - strip.first)
    }

    fn over(
        numbers: [Numbers<'a>; 3],
        columns: usize,
        layout: &Layout,
        covered: Range<usize>,
        place: impl Fn(usize) -> usize,
    ) -> Pixels<'a> {
        // On a logarithmic axis a pixel is a factor, so in data units it is in proportion to the place.
        let units = |logarithmic: bool, width: f64, pixels: u32, places: Vec<f64>| -> Vec<f64> {
            let step = width / f64::from(pixels);
            let unit = |v: f64| if logarithmic { step * v * std::f64::consts::LN_10 } else { step };
            places.into_iter().map(unit).collect()
        };
        let width = layout.width as usize;
        let up = layout.y_centres_of(covered.clone());
        Pixels {
            numbers,
            width,
            height: layout.height as usize,
            columns: (0..width).map(|column| column * columns / width).collect(),
            rows: covered.clone().map(|row| place(row) * columns).collect(),
            whole: columns == width,
            across: units(layout.logarithmic.0, layout.x.width(), layout.width, layout.x_centres()),
            up: units(layout.logarithmic.1, layout.y.width(), layout.height, up),
            covered,
        }
    }

    /// Whether there are values of a row.
    pub(super) fn has(&self, row: usize) -> bool {
        self.covered.contains(&row)
    }

    #[inline]
    fn place(&self, column: usize, row: usize) -> usize {
        self.rows[row - self.covered.start] + self.columns[column]
    }

    /// The value at a pixel; row 0 is at the bottom.
    #[inline]
    pub(super) fn value(&self, column: usize, row: usize) -> f64 {
        self.numbers[0].get(self.place(column, row))
    }

    /// The gradient there, per pixel to the right and upwards.
    #[inline]
    pub(super) fn slope(&self, column: usize, row: usize) -> (f64, f64) {
        let at = self.place(column, row);
        let [x, y] = [1, 2].map(|k| self.numbers[k].get(at));
        (x * self.across[column], y * self.up[row - self.covered.start])
    }

    /// A whole row of pixels.
    pub(super) fn fill(&self, row: usize, out: &mut Row) {
        let up = self.read(row, out);
        out.x.iter_mut().zip(&self.across).for_each(|(x, unit)| *x *= unit);
        out.y.iter_mut().for_each(|y| *y *= up);
    }

    /// The gradient of a row's pixels per data unit of x on the picture: the same measure in both directions.
    pub(super) fn steepness(&self, row: usize, out: &mut Row) {
        let up = self.read(row, out);
        out.y.iter_mut().zip(&self.across).for_each(|(y, unit)| *y *= up / unit);
    }

    /// A row as it was given, and the data units of a pixel upwards.
    fn read(&self, row: usize, out: &mut Row) -> f64 {
        let start = self.rows[row - self.covered.start];
        for (numbers, out) in self.numbers.iter().zip([&mut out.values, &mut out.x, &mut out.y]) {
            numbers.row(start, &self.columns, self.whole, out);
        }
        self.up[row - self.covered.start]
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
