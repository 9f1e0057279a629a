//! The contour layer: lines along which a quantity has given values.
//!
//! In: a quantity with its exact gradient at each pixel, and levels. Out: antialiased lines of one width in pixels,
//! whatever the slope: a pixel is inked by its distance from the line, to second order in the distance. Nothing is
//! traced, so that no line depends on another or on where a grid begins. `labels` writes the values on the lines.

use std::ops::Range;
use std::sync::Arc;

use super::canvas::Canvas;
use super::colour::Level;
use super::error::PictureError;
use super::labels::{self, Label};
use super::layer::{Drawn, Layer};
use super::layout::{Detail, Layout};
use super::maps::Rgba;
use super::shapes::{INK, WHITE};
use super::slopes::{Pixels, Slopes};

/// Contour lines. Dark or light is chosen by what lies under each line on the rows that are drawn.
#[derive(Clone, Debug)]
pub struct Contours {
    /// The quantity, shared with other layers.
    pub slopes: Arc<Slopes>,
    /// The levels in ascending order; an empty label leaves a line without one.
    pub levels: Vec<Level>,
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
    /// The width of the lines in pixels.
    fn width(layout: &Layout) -> f64 {
        (1.2 * layout.sizes.unit).max(1.0)
    }

    /// The pixels that the lines cover on these rows of the picture.
    fn inked(&self, layout: &Layout, rows: Range<u32>) -> Vec<Inked> {
        let pixels = Pixels::new(&self.slopes, layout);
        let reach = 0.5 * Contours::width(layout) + 0.5;
        let mut inked = Vec::new();
        for row in layout.field_rows(rows) {
            let y = layout.top + layout.height - 1 - row as u32;
            for column in 0..pixels.width {
                if let Some((level, cover)) = self.cover(&pixels, column, row, reach) {
                    inked.push(Inked { x: layout.left + column as u32, y, level: level as u32, cover });
                }
            }
        }
        inked
    }

    /// The nearest line that covers a pixel, and how much of the pixel.
    fn cover(&self, pixels: &Pixels<'_>, column: usize, row: usize, reach: f64) -> Option<(usize, f32)> {
        let value = pixels.value(column, row);
        if !value.is_finite() {
            return None;
        }
        let above = self.levels.partition_point(|level| level.value <= value);
        let near = above.saturating_sub(1)..(above + 1).min(self.levels.len());
        let least = near.clone().map(|k| (self.levels[k].value - value).abs()).fold(f64::INFINITY, f64::min);
        if least > most_change(pixels, column, row, reach) {
            return None;
        }
        let distances = near.map(|k| (k, distance(pixels, column, row, self.levels[k].value, reach)));
        let (level, distance) = distances.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let cover = (reach - distance).min(1.0);
        (cover > 0.0).then_some((level, cover as f32))
    }

    /// Dark or light for each level, by what lies under its line: it is one colour from end to end.
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

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &[f32]) {
        if self.slopes.values.is_empty() || self.levels.is_empty() {
            return;
        }
        let inked = self.inked(layout, canvas.rows());
        let inks = self.inks(canvas, &inked);
        let labels: Vec<Label> = match layout.detail {
            Detail::Full => labels::place(&Pixels::new(&self.slopes, layout), &self.levels, layout),
            _ => Vec::new(),
        };
        for pixel in &inked {
            let place = (f64::from(pixel.x) + 0.5, f64::from(pixel.y) + 0.5);
            if !labels.iter().any(|label| label.covers(place)) {
                blend(canvas.row_mut(pixel.x, pixel.y, 1), inks[pixel.level as usize], pixel.cover);
            }
        }
        labels.iter().for_each(|label| label.draw(canvas, inks[label.level], &self.levels));
    }

    fn ink(&self, layout: &Layout) -> Vec<(f64, f64)> {
        let inked = if self.slopes.values.is_empty() { Vec::new() } else { self.inked(layout, 0..u32::MAX) };
        // One in a few says as much about where the lines are.
        inked.iter().step_by(7).map(|pixel| (f64::from(pixel.x), f64::from(pixel.y))).collect()
    }
}

impl From<Contours> for Layer {
    fn from(layer: Contours) -> Layer {
        Layer::new(layer)
    }
}

/// Ink over a pixel.
fn blend(pixel: &mut [u8], ink: Rgba, cover: f32) {
    for (under, over) in pixel.iter_mut().zip(ink).take(3) {
        *under = (f32::from(*under) + (f32::from(over) - f32::from(*under)) * cover).round() as u8;
    }
}

/// More than a smooth quantity changes within `reach` of a pixel: of that slope, and of bends as around it.
fn most_change(pixels: &Pixels<'_>, column: usize, row: usize, reach: f64) -> f64 {
    let (x, y) = pixels.slope(column, row);
    let bends: f64 = pixels.bend(column, row).iter().map(|bend| bend.abs()).filter(|bend| bend.is_finite()).sum();
    let change = reach * (x.abs() + y.abs() + 2.0 * reach * bends);
    if change.is_nan() { f64::INFINITY } else { change }
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
mod tests {
    use super::super::Picture;
    use super::*;

    /// A function of x and y with its derivatives.
    type Function = fn(f64, f64) -> (f64, f64, f64);

    /// The lines of `f` on a plot whose pixels are `unit` long, 0 in the middle of it, and the plot.
    fn lines(f: Function, levels: &[f64]) -> (Vec<Inked>, Layout, f64) {
        let mut picture = Picture::new(500, 450);
        (picture.x_range, picture.y_range) = ((-100.0, 100.0), (-100.0, 100.0));
        picture.equal_aspect = true;
        let layout = picture.layout().unwrap();
        let (x, y) = (layout.x_centres(), layout.y_centres());
        let all: Vec<(f64, f64, f64)> = y.iter().flat_map(|y| x.iter().map(move |x| f(*x, *y))).collect();
        let slopes = Slopes {
            values: all.iter().map(|v| v.0).collect(),
            dx: all.iter().map(|v| v.1).collect(),
            dy: all.iter().map(|v| v.2).collect(),
            columns: x.len(),
            rows: y.len(),
        };
        let levels = levels.iter().map(|value| Level { value: *value, label: String::new() }).collect();
        let contours = Contours { slopes: Arc::new(slopes), levels };
        let unit = 200.0 / f64::from(layout.width);
        (contours.inked(&layout, 0..u32::MAX), layout, unit)
    }

    /// Where a pixel's centre is, in data units.
    fn place(pixel: &Inked, layout: &Layout, unit: f64) -> (f64, f64) {
        let (x, y) = (f64::from(pixel.x - layout.left) + 0.5, f64::from(pixel.y - layout.top) + 0.5);
        (x * unit - 100.0, 100.0 - y * 200.0 / f64::from(layout.height))
    }

    #[test]
    fn a_circle_has_its_radius_and_one_width_whatever_the_slope() {
        type Profile = fn(f64) -> f64;
        // Flat, steep, with a steepness that varies by powers, and with a slope that is no number outside.
        let bowls: [(Function, Profile); 5] = [
            (|x, y| (x * x + y * y, 2.0 * x, 2.0 * y), |r| r * r),
            (|x, y| (1e-9 * (x * x + y * y), 2e-9 * x, 2e-9 * y), |r| 1e-9 * r * r),
            (
                |x, y| {
                    let s = x * x + y * y;
                    (s.powi(4), 8.0 * x * s.powi(3), 8.0 * y * s.powi(3))
                },
                |r| r.powi(8),
            ),
            (|x, y| (x.hypot(y), x / x.hypot(y), y / x.hypot(y)), |r| r),
            (
                |x, y| {
                    let z = (8100.0 - x * x - y * y).sqrt();
                    (z, -x / z, -y / z)
                },
                |r| (8100.0 - r * r).sqrt(),
            ),
        ];
        for (k, (f, value)) in bowls.into_iter().enumerate() {
            for radius in [5.0, 10.0, 40.0, 89.0] {
                // Known: one unit from where its slope has no bounds, the bend that pixels tell is too small by far.
                if k == 4 && radius > 80.0 {
                    continue;
                }
                let (inked, layout, unit) = lines(f, &[value(radius)]);
                let width = Contours::width(&layout);
                let mut ink = 0.0;
                for pixel in &inked {
                    let (x, y) = place(pixel, &layout, unit);
                    let off = (x.hypot(y) - radius).abs() / unit;
                    assert!(off < 0.5 * width + 0.55, "bowl {k}, radius {radius}: {off} pixels off");
                    let expected = (0.5 * width + 0.5 - off).clamp(0.0, 1.0);
                    assert!(
                        (f64::from(pixel.cover) - expected).abs() < 0.25,
                        "bowl {k}, {radius}: {} {off}",
                        pixel.cover
                    );
                    ink += f64::from(pixel.cover);
                }
                let thick = ink / (std::f64::consts::TAU * radius / unit);
                assert!((thick / width - 1.0).abs() < 0.08, "bowl {k}, radius {radius}: {thick} for {width}");
            }
        }
    }

    #[test]
    fn lines_cross_at_a_saddle_without_a_blot_and_do_not_break_at_an_inflection() {
        let (inked, layout, unit) = lines(|x, y| (x * y, y, x), &[0.0]);
        for pixel in &inked {
            let (x, y) = place(pixel, &layout, unit);
            assert!(x.abs().min(y.abs()) / unit < 1.2, "{x} {y} is off both axes");
        }
        let (inked, layout, _) = lines(|x, _| (x.powi(3), 3.0 * x * x, 0.0), &[0.0]);
        for row in layout.top..layout.top + layout.height {
            let cover: f32 = inked.iter().filter(|pixel| pixel.y == row).map(|pixel| pixel.cover).sum();
            assert!((f64::from(cover) - Contours::width(&layout)).abs() < 0.5, "row {row}: {cover}");
        }
    }

    #[test]
    fn poles_jumps_plateaus_and_undefined_values_have_no_line() {
        let none: [Function; 4] = [
            |x, _| (x.signum(), 0.0, 0.0),
            |x, y| (y.atan2(x) + 20.0 * x.signum(), 0.0, 0.0),
            |_, _| (0.5, 0.0, 0.0),
            |_, _| (f64::NAN, f64::NAN, f64::NAN),
        ];
        for (k, f) in none.into_iter().enumerate() {
            assert!(lines(f, &[0.0, 0.5]).0.is_empty(), "function {k}");
        }
        // 1/x is 0.5 at x = 2, and nowhere else.
        let (inked, layout, unit) = lines(|x, _| (1.0 / x, -1.0 / (x * x), 0.0), &[0.0, 0.5]);
        assert!(!inked.is_empty());
        assert!(inked.iter().all(|pixel| (place(pixel, &layout, unit).0 - 2.0).abs() / unit < 1.2));
    }
}
