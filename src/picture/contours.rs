//! The contour layer: lines along which a quantity has given values.
//!
//! In: a quantity with its exact gradient at each pixel, and levels. Out: antialiased lines of one width in pixels,
//! whatever the slope: a pixel is inked by its distance from the line, to second order in the distance. Nothing is
//! traced, so that no line depends on another or on where a grid begins. `labels` writes the values on the lines.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::canvas::Canvas;
use super::colour::Level;
use super::error::PictureError;
use super::labels::{self, Label};
use super::layer::{Band, Drawn, Layer};
use super::layout::{Detail, Layout};
use super::maps::Rgba;
use super::shapes::{INK, WHITE};
use super::slopes::{Pixels, Row, Slopes};

/// Contour lines.
#[derive(Clone, Debug)]
pub struct Contours {
    /// The quantity, shared with other layers.
    slopes: Arc<Slopes>,
    levels: Vec<Level>,
    /// Dark or light for each level, by what lay under its line when it was drawn first: one colour from end to end, on
    /// all bands of a picture.
    inks: OnceLock<Vec<Rgba>>,
    labels: OnceLock<Vec<Label>>,
}

/// A pixel that a line covers in part.
struct Inked {
    x: u32,
    y: u32,
    level: u32,
    cover: f32,
}

/// Two crossings nearer to each other than this, in pixels, have no pixel between them to tell them by.
const TOGETHER: f64 = 1.6;

impl Contours {
    /// Lines of these levels, in ascending order; an empty label leaves a line without one. On a picture that is drawn in
    /// bands, which bring slopes of their own, `slopes` of any coarser grid decide where the labels are: 800 columns are
    /// enough.
    pub fn new(slopes: Arc<Slopes>, levels: Vec<Level>) -> Contours {
        Contours { slopes, levels, inks: OnceLock::new(), labels: OnceLock::new() }
    }

    /// The pixels that the lines cover on these rows of the picture.
    fn inked(&self, pixels: &Pixels<'_>, layout: &Layout, rows: Range<u32>) -> Vec<Inked> {
        let reach = layout.sizes.line_reach();
        let mut inked = Vec::new();
        // A row and those beside it, each by its number's remainder of three.
        let mut held: [(Option<usize>, Row); 3] = Default::default();
        let mut changes = Vec::new();
        for row in layout.field_rows(rows).filter(|row| pixels.has(*row)) {
            let y = layout.top + layout.height - 1 - row as u32;
            let beside = pixels.beside(row);
            for row in [row, beside.0, beside.1] {
                let (holds, out) = &mut held[row % 3];
                if *holds != Some(row) {
                    pixels.fill(row, out);
                    *holds = Some(row);
                }
            }
            let [here, below, above] = [row, beside.0, beside.1].map(|row| &held[row % 3].1);
            most_changes(here, [below, above], reach, &mut changes);
            let mut between = Between::default();
            for (column, (value, change)) in here.values.iter().zip(&changes).enumerate() {
                if between.least(&self.levels, *value) > *change || !value.is_finite() {
                    continue;
                }
                if let Some((level, cover)) = self.cover(pixels, (column, row), between.above, (*change, reach)) {
                    inked.push(Inked { x: layout.left + column as u32, y, level: level as u32, cover });
                }
            }
        }
        inked
    }

    /// The line that covers most of a pixel, of the two whose levels its value lies between, and how much it covers.
    /// Within `reach` the quantity changes less than `change`.
    fn cover(
        &self,
        pixels: &Pixels<'_>,
        (column, row): (usize, usize),
        above: usize,
        (change, reach): (f64, f64),
    ) -> Option<(usize, f32)> {
        let value = pixels.value(column, row);
        let near = above.saturating_sub(1)..(above + 1).min(self.levels.len());
        let near = near.filter(|k| (value - self.levels[*k].value).abs() <= change);
        let distances = near.map(|k| (k, distance(pixels, column, row, self.levels[k].value, reach)));
        let (level, distance) = distances.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let cover = (reach - distance).min(1.0);
        (cover > 0.0).then_some((level, cover as f32))
    }

    /// Where the values are written, by the slopes that the layer holds.
    fn place_labels(&self, layout: &Layout) -> Vec<Label> {
        let whole = self.slopes.columns == layout.width as usize && self.slopes.rows == layout.height as usize;
        if whole {
            return labels::place(&Pixels::new(&self.slopes, layout), &self.levels, layout);
        }
        let small = layout.reduced(self.slopes.columns, self.slopes.rows);
        let labels = labels::place(&Pixels::new(&self.slopes, &small), &self.levels, &small);
        labels.into_iter().map(|label| label.enlarged(layout, &small)).collect()
    }

    /// Draws the lines on the pixels that `on` takes, counted in rows from the lower left, and the labels on those that are
    /// `free` as well.
    pub(super) fn draw_where(
        mut self,
        canvas: &mut Canvas,
        layout: &Layout,
        free: impl Fn(usize) -> bool,
        on: impl Fn(usize) -> bool,
    ) {
        if self.slopes.values.is_empty() || self.levels.is_empty() {
            return;
        }
        let count = |pixel: &Inked| {
            let row = layout.top + layout.height - 1 - pixel.y;
            row as usize * layout.width as usize + (pixel.x - layout.left) as usize
        };
        let mut inked = self.inked(&Pixels::new(&self.slopes, layout), layout, canvas.rows());
        inked.retain(|pixel| on(count(pixel)));
        let inks = self.inks(canvas, &inked);
        let labels: Vec<Label> = match layout.detail {
            Detail::Full => {
                // Where it is not a number there is no label.
                let values = Arc::make_mut(&mut self.slopes).values.iter_mut().enumerate();
                values.filter(|(k, _)| !(on(*k) && free(*k))).for_each(|(_, value)| *value = f64::NAN);
                labels::place(&Pixels::new(&self.slopes, layout), &self.levels, layout)
            }
            _ => Vec::new(),
        };
        self.put(canvas, &inked, &inks, &labels);
    }

    fn put(&self, canvas: &mut Canvas, inked: &[Inked], inks: &[Rgba], labels: &[Label]) {
        for pixel in inked {
            let place = (f64::from(pixel.x) + 0.5, f64::from(pixel.y) + 0.5);
            if !labels.iter().any(|label| label.covers(place)) {
                blend(canvas.row_mut(pixel.x, pixel.y, 1), inks[pixel.level as usize], pixel.cover);
            }
        }
        labels.iter().for_each(|label| label.draw(canvas, inks[label.level], &self.levels));
    }

    /// Dark or light for each level, by what lies under its line.
    fn inks(&self, canvas: &mut Canvas, inked: &[Inked]) -> Vec<Rgba> {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.levels.len()];
        for pixel in inked {
            if let [r, g, b, ..] = *canvas.row_mut(pixel.x, pixel.y, 1) {
                let (light, weight) = &mut sums[pixel.level as usize];
                *light += f64::from(pixel.cover) * luminance([r, g, b, 255]);
                *weight += f64::from(pixel.cover);
            }
        }
        sums.into_iter().map(|(light, weight)| if light >= EVEN * weight { INK } else { WHITE }).collect()
    }
}

/// The luminance from which dark ink has more contrast than white.
const EVEN: f64 = 0.22;

/// The relative luminance of a colour, 0 to 1 (WCAG 2, with a power of 2.2 for the sRGB curve).
fn luminance([r, g, b, _]: Rgba) -> f64 {
    let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

impl Drawn for Contours {
    fn check(&self) -> Result<(), PictureError> {
        self.slopes.check()
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        if self.slopes.values.is_empty() || self.levels.is_empty() {
            return;
        }
        let pixels = Pixels::of(&self.slopes, band.slopes.as_ref(), layout);
        let inked = self.inked(&pixels, layout, canvas.rows());
        let inks = self.inks.get_or_init(|| self.inks(canvas, &inked));
        let labels = match layout.detail {
            Detail::Full => self.labels.get_or_init(|| self.place_labels(layout)).as_slice(),
            _ => &[],
        };
        self.put(canvas, &inked, inks, labels);
    }

    fn ink(&self, layout: &Layout) -> Vec<(f64, f64)> {
        if self.slopes.values.is_empty() {
            return Vec::new();
        }
        // A few places say as much about where the lines are.
        let small = layout.reduced(self.slopes.columns.min(400), self.slopes.rows.min(400));
        let inked = self.inked(&Pixels::new(&self.slopes, &small), &small, 0..u32::MAX);
        let place = |at: u32, from: u32, side: u32, small: u32| {
            f64::from(from) + (f64::from(at) + 0.5) * f64::from(side) / f64::from(small)
        };
        let places = inked.iter().map(|pixel| {
            let x = place(pixel.x, layout.left, layout.width, small.width);
            (x, place(pixel.y, layout.top, layout.height, small.height))
        });
        places.collect()
    }
}

impl From<Contours> for Layer {
    fn from(layer: Contours) -> Layer {
        Layer::new(layer)
    }
}

/// Ink over a pixel.
pub(super) fn blend(pixel: &mut [u8], ink: Rgba, cover: f32) {
    for (under, over) in pixel.iter_mut().zip(ink).take(3) {
        *under = (f32::from(*under) + (f32::from(over) - f32::from(*under)) * cover).round() as u8;
    }
}

/// Where a value lies among the levels, from value to value of a row.
#[derive(Default)]
struct Between {
    /// How many levels are not above the value.
    above: usize,
    /// The levels around it.
    around: Option<(f64, f64)>,
}

impl Between {
    /// From a value to the nearest level.
    fn least(&mut self, levels: &[Level], value: f64) -> f64 {
        let (low, high) = match self.around {
            Some((low, high)) if value >= low && value < high => (low, high),
            _ => {
                self.above = levels.partition_point(|level| level.value <= value);
                let low = self.above.checked_sub(1).map_or(f64::NEG_INFINITY, |k| levels[k].value);
                let high = levels.get(self.above).map_or(f64::INFINITY, |level| level.value);
                *self.around.insert((low, high))
            }
        };
        (value - low).min(high - value)
    }
}

/// For each pixel of a row more than a smooth quantity changes within `reach` of it: of that slope, and of bends as
/// around it, of which those that are no numbers do not count.
fn most_changes(here: &Row, [below, above]: [&Row; 2], reach: f64, out: &mut Vec<f64>) {
    let width = here.values.len();
    let number = |bend: f64| if bend < f64::INFINITY { bend } else { 0.0 };
    let change = |(left, right): ([f64; 2], [f64; 2]), [x, y]: [f64; 2], up: [f64; 2]| {
        // Over two pixels, so twice as much as the bend of one.
        let bends = number((right[0] - left[0]).abs())
            + number(0.5 * ((right[1] - left[1]) + up[0]).abs())
            + number(up[1].abs());
        let change = reach * (x.abs() + y.abs() + reach * bends);
        if change >= 0.0 { change } else { f64::INFINITY }
    };
    out.resize(width, 0.0);
    let at = |row: &Row, k: usize| [row.x[k], row.y[k]];
    for k in [0, width - 1] {
        let (left, right) = (k.saturating_sub(1), (k + 1).min(width - 1));
        let up = [above.x[k] - below.x[k], above.y[k] - below.y[k]];
        out[k] = change((at(here, left), at(here, right)), at(here, k), up);
    }
    // Without a bound to check, so that the processor's vectors are used.
    let (x, y) = (here.x.windows(3), here.y.windows(3));
    let ups = |row: fn(&Row) -> &Vec<f64>| row(above)[1..].iter().zip(&row(below)[1..]).map(|(a, b)| a - b);
    let all = out[1..].iter_mut().zip(x.zip(y)).zip(ups(|row| &row.x).zip(ups(|row| &row.y)));
    for ((out, (x, y)), (across, up)) in all {
        *out = change(([x[0], y[0]], [x[2], y[2]]), [x[1], y[1]], [across, up]);
    }
}

/// How far the line of `level` is from the centre of a pixel, in pixels; infinity where it is farther than `reach`.
///
/// Along the gradient the quantity is `e + g t + h t^2 / 2` over the level: the nearer root is the distance. To first
/// order alone, `e / g`, a line would swell to a blot where the gradient goes to zero.
pub(super) fn distance(pixels: &Pixels<'_>, column: usize, row: usize, level: f64, reach: f64) -> f64 {
    let over = pixels.value(column, row) - level;
    let (x, y) = pixels.slope(column, row);
    let slope = x.hypot(y);
    if !(slope.is_finite() && over.is_finite()) {
        return f64::INFINITY;
    }
    if over == 0.0 {
        // A plateau at the level has no line across it.
        return if slope > 0.0 || !level_around(pixels, column, row, level) { 0.0 } else { f64::INFINITY };
    }
    let [xx, xy, yy] = pixels.bend(column, row).map(|v| if v.is_finite() { v } else { 0.0 });
    let bend = if slope > 0.0 {
        let (x, y) = (x / slope, y / slope);
        xx * x * x + 2.0 * xy * x * y + yy * y * y
    } else {
        // At a critical point any way is open: the one that bends most towards the level.
        0.5 * (xx + yy) - (0.5 * (xx - yy)).hypot(xy).copysign(over)
    };
    let inside = slope * slope - 2.0 * bend * over;
    // Rounding may leave the root of a line that only touches its level just below zero.
    if inside < -1e-3 * slope * slope || slope + inside.max(0.0).sqrt() == 0.0 {
        return crossing(pixels, column, row, level);
    }
    let root = inside.max(0.0).sqrt();
    let distance = 2.0 * over.abs() / (slope + root);
    if distance > reach {
        return f64::INFINITY;
    }
    let apart = if bend == 0.0 { f64::INFINITY } else { 2.0 * root / bend.abs() };
    // A root that the pixels behind it do not confirm belongs to a pole or a jump.
    let way = -over.signum() / slope.max(f64::MIN_POSITIVE);
    let beyond = distance + 0.75;
    let confirmed = || changes(pixels, column, row, (x * way * beyond, y * way * beyond), level);
    if slope == 0.0 || apart < TOGETHER || confirmed() { distance } else { f64::INFINITY }
}

/// Whether all pixels around have the level's value.
fn level_around(pixels: &Pixels<'_>, column: usize, row: usize, level: f64) -> bool {
    let columns = column.saturating_sub(1)..=(column + 1).min(pixels.width - 1);
    let mut rows = row.saturating_sub(1)..=(row + 1).min(pixels.height - 1);
    rows.all(|row| columns.clone().all(|column| pixels.value(column, row) == level))
}

/// Whether the pixel so far away lies on the other side of the level; beyond the border of the plot, that is assumed.
fn changes(pixels: &Pixels<'_>, column: usize, row: usize, by: (f64, f64), level: f64) -> bool {
    let (x, y) = ((column as f64 + by.0).round(), (row as f64 + by.1).round());
    if !(x >= 0.0 && y >= 0.0 && x < pixels.width as f64 && y < pixels.height as f64) {
        return true;
    }
    let (here, there) = (pixels.value(column, row) - level, pixels.value(x as usize, y as usize) - level);
    there == 0.0 || (here < 0.0) != (there < 0.0) && !there.is_nan()
}

/// The distance by the signs of the four neighbours: where the slope says little, as on x^3 at 0. A jump against the
/// slopes at both its ends, as at a pole, is no crossing.
fn crossing(pixels: &Pixels<'_>, column: usize, row: usize, level: f64) -> f64 {
    let here = pixels.value(column, row) - level;
    let (x, y) = pixels.slope(column, row);
    let length = x.hypot(y);
    let steps: [(isize, isize); 4] = [(1, 0), (-1, 0), (0, 1), (0, -1)];
    let neighbours = steps.into_iter().filter_map(|(dx, dy)| {
        let (c, r) = (column.checked_add_signed(dx)?, row.checked_add_signed(dy)?);
        if c >= pixels.width || r >= pixels.height {
            return None;
        }
        let there = pixels.value(c, r) - level;
        let along = |(x, y): (f64, f64)| x * dx as f64 + y * dy as f64;
        let (jump, slopes) = (there - here, [along((x, y)), along(pixels.slope(c, r))]);
        let steady = slopes.iter().all(|slope| slope * jump >= 0.0)
            && jump.abs() <= 4.0 * slopes.iter().map(|slope| slope.abs()).sum::<f64>();
        let crosses = here * there < 0.0 && jump.is_finite() && steady;
        let tilt = if length > 0.0 { along((x, y)).abs() / length } else { 1.0 };
        crosses.then(|| here / (here - there) * tilt)
    });
    neighbours.fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
