//! The path and point layers: where descents went.
//!
//! In: points in data units. Out: lines through them, a ring at each start, a disc at each end; or marks alone.
//! A path is broken where a point is NaN or infinite (a descent that diverged), and ends at its last finite point.

use super::canvas::Canvas;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::{Pixel, ink, runs};
use super::maps::Rgba;
use super::shapes::{INK, Pen, WHITE};

/// Lines through data points.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Each path from its start on, in data units.
    pub paths: Vec<Vec<(f64, f64)>>,
    /// The colour of line and marks.
    pub colour: Rgba,
    /// Marks each point between start and end.
    pub iterates: bool,
    /// Marks starts (ring) and ends (disc).
    pub ends: bool,
    /// The entry in the legend; none if empty. Starts and ends have their own.
    pub label: String,
}

/// Marks at data points.
#[derive(Clone, Debug)]
pub struct Points {
    /// In data units; NaN and infinities are left out.
    pub points: Vec<(f64, f64)>,
    /// The colour of the marks.
    pub colour: Rgba,
    /// Radius in units of the picture: 4 is 4 px on a picture of 600 px, and 3 px on small ones.
    pub radius: f64,
    /// A ring instead of a disc.
    pub hollow: bool,
    /// The entry in the legend; none if empty.
    pub label: String,
}

/// The red of iterates.
pub const RED: Rgba = [0xD6, 0x27, 0x28, 255];

/// More paths than this are drawn thin and without a border.
const MANY: usize = 20;
const RING: f64 = 4.0;
const DISC: f64 = 3.6;

impl Paths {
    /// Thinner lines for more paths, so that a hundred do not become one blot.
    fn pen(&self, unit: f64) -> Pen {
        let width = if self.paths.len() > MANY { 0.9 } else { 1.5 };
        Pen::solid(self.colour, (width * unit).max(0.7))
    }

    /// The ring of a start: dark where the lines are white, or it would look like an end.
    fn ring(&self, unit: f64) -> Pen {
        let pen = self.pen(unit);
        if self.colour == WHITE { Pen { colour: INK, ..pen } } else { pen }
    }

    fn pixels(path: &[(f64, f64)], layout: &Layout) -> Vec<Pixel> {
        path.iter().map(|(x, y)| layout.to_pixel(*x, *y)).collect()
    }

    fn draw_ends(&self, canvas: &mut Canvas, layout: &Layout) {
        let unit = layout.sizes.unit;
        let finite = |p: &&(f64, f64)| p.0.is_finite() && p.1.is_finite();
        let place = |p: Option<&(f64, f64)>| p.map(|(x, y)| layout.to_pixel(*x, *y)).filter(|p| layout.shows(*p));
        for path in &self.paths {
            if let Some(start) = place(path.iter().find(finite)) {
                canvas.disc(start, (RING * unit).max(1.5), WHITE);
                canvas.ring(start, (RING * unit).max(1.5), self.ring(unit));
            }
        }
        for path in &self.paths {
            if let Some(end) = place(path.iter().rfind(finite)) {
                canvas.disc(end, (DISC * unit).max(1.5) + (0.8 * unit).max(0.5), WHITE);
                canvas.disc(end, (DISC * unit).max(1.5), self.colour);
            }
        }
    }
}

impl Drawn for Paths {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let unit = layout.sizes.unit;
        let pen = self.pen(unit);
        // A thin light border keeps the line visible on every colour of a heat layer.
        let border = Pen { colour: [255, 255, 255, 130], width: pen.width + (1.4 * unit).max(0.8), dash: 0.0 };
        for path in &self.paths {
            let runs = runs(&Paths::pixels(path, layout), layout, 8.0 * pen.width);
            if self.paths.len() <= MANY {
                runs.iter().for_each(|run| canvas.polyline(run, border));
            }
            runs.iter().for_each(|run| canvas.polyline(run, pen));
        }
        for path in &self.paths {
            let shown: Vec<Pixel> = Paths::pixels(path, layout).into_iter().filter(|p| layout.shows(*p)).collect();
            if self.iterates {
                shown.iter().for_each(|p| canvas.disc(*p, (1.9 * unit).max(0.8), self.colour));
            }
        }
        if self.ends {
            self.draw_ends(canvas, layout);
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        self.paths.iter().flat_map(|path| ink(&Paths::pixels(path, layout), layout)).collect()
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let unit = layout.sizes.unit;
        // Lines of many paths may be faint; the one that stands for them must not be.
        let [r, g, b, _] = self.colour;
        let pen = Pen { colour: [r, g, b, 255], ..self.pen(unit) };
        let ring = Mark::Ring { pen: Pen { width: pen.width, ..self.ring(unit) }, radius: RING * unit };
        let disc = Mark::Disc { colour: pen.colour, radius: DISC * unit };
        let line = Mark::Line(pen);
        let mut entries = Vec::new();
        if !self.label.is_empty() && !self.paths.is_empty() {
            entries.push(Entry { mark: line, words: self.label.clone() });
        }
        if self.ends && !self.paths.is_empty() {
            entries.push(Entry { mark: ring, words: "start".to_owned() });
            entries.push(Entry { mark: disc, words: "end".to_owned() });
        }
        entries
    }
}

impl From<Paths> for Layer {
    fn from(layer: Paths) -> Layer {
        Layer::new(layer)
    }
}

impl Points {
    fn pixels(&self, layout: &Layout) -> impl Iterator<Item = Pixel> {
        self.points.iter().map(|(x, y)| layout.to_pixel(*x, *y)).filter(|p| layout.shows(*p))
    }

    fn mark(&self, unit: f64) -> Mark {
        let radius = self.radius * unit.max(0.75);
        match self.hollow {
            true => Mark::Ring { pen: Pen::solid(self.colour, (1.5 * unit).max(0.7)), radius },
            false => Mark::Disc { colour: self.colour, radius },
        }
    }
}

impl Drawn for Points {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let mark = self.mark(layout.sizes.unit);
        for at in self.pixels(layout) {
            match mark {
                Mark::Ring { pen, radius } => canvas.ring(at, radius, pen),
                Mark::Disc { colour, radius } => canvas.disc(at, radius, colour),
                _ => (),
            }
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        self.pixels(layout).collect()
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let entry = || Entry { mark: self.mark(layout.sizes.unit), words: self.label.clone() };
        (!self.label.is_empty()).then(entry).into_iter().collect()
    }
}

impl From<Points> for Layer {
    fn from(layer: Points) -> Layer {
        Layer::new(layer)
    }
}
