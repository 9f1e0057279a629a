//! The layer of tangents: short lines of the slope of a curve, each with the point that it touches.
//!
//! In: points and slopes in data units, on linear axes. Out: lines of one length, however steep, and marks. A point that
//! does not lie on the plot, or has no finite slope, is left out.

use super::canvas::Canvas;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::{Pixel, ink, runs};
use super::maps::Rgba;
use super::marks::COUNTS;
use super::shapes::{Pen, WHITE};

/// Tangents of curves.
#[derive(Clone, Debug)]
pub struct Tangents {
    /// Where they touch.
    pub points: Vec<(f64, f64)>,
    /// The slope at each point.
    pub slopes: Vec<f64>,
    /// Points nearer than this to the last one before are left out, in pixels of a picture of unit size; 0 keeps all.
    pub apart: f64,
    /// Of lines and marks: see [`TANGENT_COLOUR`].
    pub colour: Rgba,
    /// The entry in the legend; none if empty.
    pub label: String,
}

/// A purple beside [`super::CURVE_COLOURS`] and [`super::RED`].
pub const TANGENT_COLOUR: Rgba = [0x8E, 0x3C, 0xB0, 255];

/// Half the length of a line, its width and the radius of a mark on a picture of unit size.
const HALF: f64 = 62.0;
const WIDTH: f64 = 1.6;
const RADIUS: f64 = 3.4;

impl Tangents {
    fn pen(&self, unit: f64) -> Pen {
        Pen::solid(self.colour, (WIDTH * unit).max(1.3))
    }

    /// The points with both ends of their lines, in pixels.
    fn lines(&self, layout: &Layout) -> Vec<[Pixel; 3]> {
        let (half, apart) = (HALF * layout.sizes.unit, self.apart * layout.sizes.unit);
        let mut last = (f64::INFINITY, f64::INFINITY);
        let one = |((x, y), slope): (&(f64, f64), &f64)| {
            let at = layout.to_pixel(*x, *y);
            // The ratio of two ranges may be no number where the slope of a line across both is one.
            let up = slope / layout.y.width() * f64::from(layout.height);
            let up = up * layout.x.width() / f64::from(layout.width);
            let near = (at.0 - last.0).hypot(at.1 - last.1) < apart;
            if !layout.shows(at) || up.is_nan() || !slope.is_finite() || near {
                return None;
            }
            last = at;
            let angle = up.atan();
            let (across, down) = (half * angle.cos(), -half * angle.sin());
            Some([(at.0 - across, at.1 - down), at, (at.0 + across, at.1 + down)])
        };
        self.points.iter().zip(&self.slopes).filter_map(one).collect()
    }
}

impl Drawn for Tangents {
    fn check(&self) -> Result<(), PictureError> {
        let (expected, found) = (self.points.len(), self.slopes.len());
        if expected == found { Ok(()) } else { Err(PictureError::Length { what: "tangent layer", found, expected }) }
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let (unit, lines) = (layout.sizes.unit, self.lines(layout));
        let pen = self.pen(unit);
        for line in &lines {
            runs(line, layout, 4.0 * pen.width).iter().for_each(|run| canvas.polyline(run, pen));
        }
        let radius = (RADIUS * unit).max(2.4);
        for [_, at, _] in lines {
            canvas.disc(at, radius + (0.8 * unit).max(0.5), WHITE);
            canvas.disc(at, radius, self.colour);
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        let lines = self.lines(layout);
        lines.iter().flat_map(|line| ink(line, layout).into_iter().chain([line[1]; COUNTS])).collect()
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let entry = || Entry { mark: Mark::Line(self.pen(layout.sizes.unit)), words: self.label.clone() };
        (!self.label.is_empty() && !self.lines(layout).is_empty()).then(entry).into_iter().collect()
    }
}

impl From<Tangents> for Layer {
    fn from(layer: Tangents) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Picture;
    use super::*;

    const COLOUR: Rgba = [200, 0, 0, 255];

    /// The ends of a line on a curve through (x, y) with this slope are where its equation says.
    #[test]
    fn a_line_runs_along_its_slope_at_any_scale() {
        let ranges = [((-1.0, 1.0), (-1.0, 1.0)), ((0.0, 1e-9), (-1e9, 1e9)), ((-1e300, 1e300), (-1e-300, 1e-300))];
        for (x_range, y_range) in ranges {
            let layout = Picture { x_range, y_range, ..Picture::new(700, 500) }.layout().unwrap();
            let unit = y_range.1 / x_range.1;
            let x = 0.5 * x_range.1;
            let y = 0.25 * y_range.1;
            let slopes = [0.0, -0.0, 1e-3, 0.5, -3.0, 40.0].map(|slope| slope * unit);
            let points = vec![(x, y); slopes.len()];
            let tangents =
                Tangents { points, slopes: slopes.to_vec(), apart: 0.0, colour: COLOUR, label: String::new() };
            let lines = tangents.lines(&layout);
            assert_eq!(lines.len(), slopes.len());
            for ([left, at, right], slope) in lines.into_iter().zip(slopes) {
                let long = (right.0 - left.0).hypot(right.1 - left.1);
                assert!((long - 2.0 * HALF * layout.sizes.unit).abs() < 1e-6 && left.0 < right.0);
                // The same point of the straight line, as data.
                let part = 1e-2;
                let along = (at.0 + part * (right.0 - at.0), at.1 + part * (right.1 - at.1));
                let dx = (along.0 - at.0) / f64::from(layout.width) * (x_range.1 - x_range.0);
                let expected = layout.to_pixel(x + dx, y + slope * dx);
                let off = (expected.0 - along.0).hypot(expected.1 - along.1);
                assert!(off < 1e-6, "{slope}: {expected:?}, not {along:?}");
            }
        }
    }

    #[test]
    fn what_has_no_place_or_no_slope_is_left_out() {
        let layout = Picture::new(300, 200).layout().unwrap();
        let points = vec![(0.5, 0.5), (0.5, 0.5), (0.5, f64::NAN), (7.0, 0.5), (0.5, f64::INFINITY), (0.5, 0.5)];
        let slopes = vec![1.0, f64::NAN, 1.0, 1.0, 1.0, f64::NEG_INFINITY];
        let tangents = Tangents { points, slopes, apart: 0.0, colour: COLOUR, label: "t".to_owned() };
        assert_eq!((tangents.lines(&layout).len(), tangents.entries(&layout).len()), (1, 1));
        let line = |k: u32| (0.1 + 0.01 * f64::from(k), 0.5);
        let many =
            Tangents { points: (0..80).map(line).collect(), slopes: vec![0.0; 80], apart: 50.0, ..tangents.clone() };
        let drawn = many.lines(&layout);
        assert!(
            drawn.len() > 3 && drawn.windows(2).all(|pair| pair[1][1].0 - pair[0][1].0 >= 50.0 * layout.sizes.unit)
        );
        let none = Tangents { points: Vec::new(), slopes: Vec::new(), ..tangents.clone() };
        assert!(none.entries(&layout).is_empty());
        assert!(Tangents { slopes: Vec::new(), ..tangents }.check().is_err());
    }
}
