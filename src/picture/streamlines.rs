//! The streamline layer: curves along a vector field, with arrowheads on the way.
//!
//! In: lines in data units (as [`flow`](crate::flow) makes them). Out: lines of one width, each with heads at even distances,
//! at least one. Where a point is NaN, infinite or off the plot, the line is broken.

use super::arrows::ArrowColour;
use super::bar::Bar;
use super::canvas::Canvas;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::Pixel;
use super::maps::Rgba;
use super::shapes::{INK, Pen, WHITE};

/// Curves along a vector field.
#[derive(Clone, Debug)]
pub struct Streamlines {
    /// Each line's points in data units, in the direction that its heads show. A closed line ends where it begins.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// The lengths of the vectors at the points, where the colour is by magnitude.
    pub magnitudes: Vec<Vec<f64>>,
    /// One colour for all, or by magnitude.
    pub colour: ArrowColour,
    /// The distance between lines in pixels: they are thinner and have smaller heads where it is small.
    pub separation: f64,
    /// What the colours stand for where the colour is by magnitude; else the entry in the legend, none if empty.
    pub label: String,
}

/// The measures of lines and heads, in pixels.
#[derive(Clone, Copy)]
struct Measures {
    /// Of the line.
    width: f64,
    /// What a border adds to it.
    border: f64,
    /// Length of a head; its width is 0.8 of that.
    head: f64,
    /// From head to head.
    gap: f64,
}

/// An unbroken piece of a line, and the magnitudes along it.
struct Piece {
    points: Vec<Pixel>,
    magnitudes: Vec<f64>,
    /// How far each point is along the piece.
    along: Vec<f64>,
}

/// Pixels by which a line may be off for fewer points, and points left out in a row.
const FLAT: f64 = 0.04;
const LONGEST: usize = 32;

/// The dark border of white lines: soft, for there are many.
const BORDER: Rgba = [0, 0, 0, 120];
const LIGHT: Rgba = [255, 255, 255, 210];

impl Measures {
    fn new(unit: f64, separation: f64) -> Measures {
        let head = (7.5 * unit).min(0.6 * separation);
        Measures {
            width: (1.2 * unit).min(0.12 * separation).max(0.6),
            border: (1.2 * unit).min(0.12 * separation).max(0.5),
            head,
            gap: (5.0 * separation).max(8.0 * head),
        }
    }
}

impl Piece {
    /// The pieces of a line.
    fn of(line: &[(f64, f64)], magnitudes: &[f64], layout: &Layout) -> Vec<Piece> {
        let mut pieces = vec![Piece { points: Vec::new(), magnitudes: Vec::new(), along: Vec::new() }];
        for (k, (x, y)) in line.iter().enumerate() {
            let pixel = layout.to_pixel(*x, *y);
            match pieces.last_mut() {
                Some(piece) if layout.shows(pixel) => piece.push(pixel, magnitudes.get(k).copied().unwrap_or(0.0)),
                Some(piece) if piece.points.is_empty() => (),
                _ => pieces.push(Piece { points: Vec::new(), magnitudes: Vec::new(), along: Vec::new() }),
            }
        }
        pieces.retain(|piece| piece.points.len() > 1);
        pieces
    }

    fn push(&mut self, point: Pixel, magnitude: f64) {
        let step = self.points.last().map_or(0.0, |last| (point.0 - last.0).hypot(point.1 - last.1));
        self.along.push(self.length() + step);
        self.points.push(point);
        self.magnitudes.push(magnitude);
    }

    fn length(&self) -> f64 {
        self.along.last().copied().unwrap_or(0.0)
    }

    /// Whether some of it lies on rows of the canvas, or within `margin` of them.
    fn is_on(&self, canvas: &Canvas, margin: f64) -> bool {
        let rows = canvas.rows();
        let (first, last) = (f64::from(rows.start) - margin, f64::from(rows.end) + margin);
        let heights = || self.points.iter().map(|point| point.1);
        heights().fold(f64::INFINITY, f64::min) <= last && heights().fold(f64::NEG_INFINITY, f64::max) >= first
    }

    /// The same line with fewer points: none of those left out is farther than [`FLAT`] from it.
    fn thinned(&self) -> Vec<Pixel> {
        let mut kept = vec![0];
        for end in 2..self.points.len() {
            let start = kept[kept.len() - 1];
            let (a, b) = (self.points[start], self.points[end]);
            let (x, y) = (b.0 - a.0, b.1 - a.1);
            let aside = |p: &Pixel| ((p.0 - a.0) * y - (p.1 - a.1) * x).abs();
            let flat = self.points[start + 1..end].iter().all(|p| aside(p) <= FLAT * x.hypot(y));
            if !flat || end - start > LONGEST {
                kept.push(end - 1);
            }
        }
        kept.push(self.points.len() - 1);
        kept.into_iter().map(|k| self.points[k]).collect()
    }

    /// The place at a distance along the piece, and the magnitude there.
    fn at(&self, along: f64) -> (Pixel, f64) {
        let next = self.along.partition_point(|reached| *reached < along).clamp(1, self.points.len() - 1);
        let (a, b) = (self.points[next - 1], self.points[next]);
        let t = ((along - self.along[next - 1]) / (self.along[next] - self.along[next - 1])).clamp(0.0, 1.0);
        let t = if t.is_nan() { 0.0 } else { t };
        ((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)), self.magnitudes[next])
    }

    /// The heads: their corners, and the magnitude at each. A piece that is not longer than two of them has none.
    fn heads(&self, measures: Measures) -> Vec<([Pixel; 4], f64)> {
        let (length, head) = (self.length(), measures.head);
        if !(length > 2.0 * head && head > 0.0) {
            return Vec::new();
        }
        let count = (length / measures.gap).round().max(1.0);
        let middle = |k: usize| (k as f64 + 0.5) / count * length;
        (0..count as usize).map(|k| self.head(middle(k), head)).collect()
    }

    fn head(&self, middle: f64, length: f64) -> ([Pixel; 4], f64) {
        let ((tail, _), (tip, magnitude)) = (self.at(middle - 0.5 * length), self.at(middle + 0.5 * length));
        let (x, y) = (tip.0 - tail.0, tip.1 - tail.1);
        let chord = x.hypot(y).max(1e-9);
        let (x, y) = (x / chord * length, y / chord * length);
        let at = |back: f64, side: f64| (tip.0 - back * x - side * y, tip.1 - back * y + side * x);
        ([at(0.0, 0.0), at(1.0, 0.4), at(0.75, 0.0), at(1.0, -0.4)], magnitude)
    }
}

impl Streamlines {
    /// The colour around lines that lie on colours.
    fn border(&self) -> Option<Rgba> {
        match self.colour {
            ArrowColour::OnHeat => Some(BORDER),
            ArrowColour::OnLight => Some(LIGHT),
            ArrowColour::Plain(_) | ArrowColour::Magnitude(_) => None,
        }
    }

    fn ink(&self, magnitude: f64) -> Rgba {
        match &self.colour {
            ArrowColour::Plain(colour) => *colour,
            ArrowColour::OnHeat => WHITE,
            ArrowColour::OnLight => INK,
            ArrowColour::Magnitude(colouring) => colouring.pixel(magnitude),
        }
    }

    /// The line, a stretch for each colour.
    fn stroke(&self, canvas: &mut Canvas, piece: &Piece, width: f64) {
        if !matches!(self.colour, ArrowColour::Magnitude(_)) {
            return canvas.polyline(&piece.thinned(), Pen::solid(self.ink(0.0), width));
        }
        let mut start = 0;
        for k in 1..piece.points.len() {
            let colour = self.ink(piece.magnitudes[start]);
            if k + 1 == piece.points.len() || self.ink(piece.magnitudes[k]) != colour {
                canvas.polyline(&piece.points[start..=k], Pen::solid(colour, width));
                start = k;
            }
        }
    }
}

impl Drawn for Streamlines {
    fn check(&self) -> Result<(), PictureError> {
        if !matches!(self.colour, ArrowColour::Magnitude(_)) {
            return Ok(());
        }
        let lines = (self.magnitudes.len(), self.lines.len());
        let points = self.magnitudes.iter().zip(&self.lines).map(|(magnitudes, line)| (magnitudes.len(), line.len()));
        match std::iter::once(lines).chain(points).find(|(found, expected)| found != expected) {
            Some((found, expected)) => Err(PictureError::Length { what: "streamline layer", found, expected }),
            None => Ok(()),
        }
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _: &Band) {
        let measures = Measures::new(layout.sizes.unit, self.separation);
        let none = Vec::new();
        let lines = self.lines.iter().enumerate();
        let pieces: Vec<Piece> = lines
            .flat_map(|(k, line)| Piece::of(line, self.magnitudes.get(k).unwrap_or(&none), layout))
            .filter(|piece| piece.is_on(canvas, 2.0 * measures.head.max(measures.width)))
            .collect();
        let heads: Vec<([Pixel; 4], f64)> = pieces.iter().flat_map(|piece| piece.heads(measures)).collect();
        if let Some(border) = self.border() {
            let pen = Pen::solid(border, measures.width + measures.border);
            pieces.iter().for_each(|piece| canvas.polyline(&piece.thinned(), pen));
            heads.iter().for_each(|(corners, _)| canvas.polygon_outline(corners, Pen::solid(border, measures.border)));
        }
        pieces.iter().for_each(|piece| self.stroke(canvas, piece, measures.width));
        heads.iter().for_each(|(corners, magnitude)| canvas.polygon(corners, self.ink(*magnitude)));
    }

    fn bar(&self) -> Option<Bar<'_>> {
        let ArrowColour::Magnitude(colouring) = &self.colour else { return None };
        Some(Bar { colouring, label: &self.label, counts: colouring.count(&self.magnitudes.concat()) })
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let by_value = matches!(self.colour, ArrowColour::Magnitude(_));
        let width = Measures::new(layout.sizes.unit, self.separation).border;
        let halo = self.border().map(|border| Pen::solid(border, width));
        let mark = Mark::Arrow { colour: self.ink(0.0), halo };
        let entry = Entry { mark, words: self.label.clone() };
        if by_value || self.label.is_empty() { Vec::new() } else { vec![entry] }
    }
}

impl From<Streamlines> for Layer {
    fn from(streamlines: Streamlines) -> Layer {
        Layer::new(streamlines)
    }
}
