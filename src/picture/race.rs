//! The layer of a race: the paths of several rules from the same starts, a colour and a line of the legend for each.
//!
//! In: paths in data units. Out: lines (or dots), a ring at each start, a disc at each end. Where rules end together their
//! discs are rings around each other, so that each is seen. A path is broken where a point is NaN or infinite, and ends at
//! its last finite point.

use super::canvas::Canvas;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::{Pixel, ink, runs};
use super::maps::Rgba;
use super::marks::COUNTS;
use super::shapes::{INK, Pen, WHITE};

/// Colours that the colour-blind tell apart, and anyone on a pale ground (M. Okabe and K. Ito, "Color universal design",
/// 2008): vermillion, blue, bluish green, reddish purple, orange, sky blue, black, yellow.
pub const RUNNER_COLOURS: [Rgba; 8] = [
    [0xD5, 0x5E, 0x00, 255],
    [0x00, 0x72, 0xB2, 255],
    [0x00, 0x9E, 0x73, 255],
    [0xCC, 0x79, 0xA7, 255],
    [0xE6, 0x9F, 0x00, 255],
    [0x56, 0xB4, 0xE9, 255],
    [0x00, 0x00, 0x00, 255],
    [0xF0, 0xE4, 0x42, 255],
];

/// The paths of one rule.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Each path from its start on, in data units; the same starts for all.
    pub paths: Vec<Vec<(f64, f64)>>,
    /// See [`RUNNER_COLOURS`].
    pub colour: Rgba,
    /// The entry in the legend.
    pub label: String,
}

/// Paths of several rules.
#[derive(Clone, Debug)]
pub struct Race {
    /// In drawing order.
    pub runners: Vec<Runner>,
    /// Draws lines through the points.
    pub lines: bool,
    /// Marks each point.
    pub iterates: bool,
}

/// More paths than this of one rule are drawn thin.
const MANY: usize = 20;
/// Radii on a picture of unit size; the discs of ends together are no larger than the last.
const RING: f64 = 4.0;
const DISC: f64 = 3.4;
const WIDER: f64 = 1.5;
const LARGEST: f64 = 12.5;
const DOT: f64 = 1.9;

fn is_finite(point: &&(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// Whether a colour needs a dark border to be seen.
fn is_light([r, g, b, _]: Rgba) -> bool {
    0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b) > 190.0
}

impl Race {
    /// The line of a rule and the border that keeps it apart from the others and from the ground.
    fn pens(&self, runner: &Runner, unit: f64) -> (Pen, Pen) {
        let width = if runner.paths.len() > MANY { 1.0 } else { 1.8 };
        let pen = Pen::solid(runner.colour, (width * unit).max(0.8));
        let [r, g, b, _] = if is_light(runner.colour) { INK } else { WHITE };
        let casing = Pen { colour: [r, g, b, 190], width: pen.width + (1.5 * unit).max(0.8), dash: 0.0 };
        (pen, casing)
    }

    fn pixels<'a>(runner: &'a Runner, layout: &'a Layout) -> impl Iterator<Item = Vec<Pixel>> + 'a {
        runner.paths.iter().map(|path| path.iter().map(|(x, y)| layout.to_pixel(*x, *y)).collect())
    }

    fn draw_lines(&self, canvas: &mut Canvas, layout: &Layout, runner: &Runner) {
        let (pen, casing) = self.pens(runner, layout.sizes.unit);
        for path in Race::pixels(runner, layout) {
            let runs = runs(&path, layout, 8.0 * casing.width);
            [casing, pen].iter().for_each(|pen| runs.iter().for_each(|run| canvas.polyline(run, *pen)));
        }
    }

    fn draw_dots(&self, canvas: &mut Canvas, layout: &Layout, runner: &Runner) {
        let radius = (if self.lines { DOT } else { DISC } * layout.sizes.unit).max(0.8);
        for at in Race::pixels(runner, layout).flatten().filter(|at| layout.shows(*at)) {
            canvas.disc(at, radius, runner.colour);
        }
    }

    /// The places of the first or last finite points of a rule's paths.
    fn tips(runner: &Runner, layout: &Layout, last: bool) -> Vec<Pixel> {
        let tip = |path: &Vec<(f64, f64)>| {
            if last { path.iter().rfind(is_finite).copied() } else { path.iter().find(is_finite).copied() }
        };
        let tips = runner.paths.iter().filter_map(tip).map(|(x, y)| layout.to_pixel(x, y));
        tips.filter(|at| layout.shows(*at)).collect()
    }

    fn ring(layout: &Layout) -> (Pen, f64) {
        let unit = layout.sizes.unit;
        (Pen::solid(INK, (1.4 * unit).max(0.7)), (RING * unit).max(1.5))
    }

    /// The radius of the discs at the ends of runner `k`: the first has the largest, so that each shows around the next.
    fn radius(&self, k: usize, unit: f64) -> f64 {
        let behind = self.runners.len() - 1 - k;
        let wider = WIDER.min((LARGEST - DISC) / (self.runners.len() - 1).max(1) as f64);
        ((DISC + wider * behind as f64) * unit).max(1.5)
    }
}

impl Drawn for Race {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        for runner in &self.runners {
            if self.lines {
                self.draw_lines(canvas, layout, runner);
            }
            if self.iterates {
                self.draw_dots(canvas, layout, runner);
            }
        }
        let (pen, radius) = Race::ring(layout);
        for at in self.runners.first().map(|runner| Race::tips(runner, layout, false)).unwrap_or_default() {
            canvas.disc(at, radius, WHITE);
            canvas.ring(at, radius, pen);
        }
        let unit = layout.sizes.unit;
        let ends: Vec<(usize, Pixel)> = (self.runners.iter().enumerate())
            .flat_map(|(k, runner)| Race::tips(runner, layout, true).into_iter().map(move |at| (k, at)))
            .collect();
        for (k, at) in &ends {
            let border = if is_light(self.runners[*k].colour) { INK } else { WHITE };
            canvas.disc(*at, self.radius(*k, unit) + (0.8 * unit).max(0.5), border);
        }
        for (k, at) in ends {
            canvas.disc(at, self.radius(k, unit), self.runners[k].colour);
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        let ends = self.runners.iter().flat_map(|runner| Race::tips(runner, layout, true));
        let paths = self.runners.iter().flat_map(|runner| Race::pixels(runner, layout));
        paths.flat_map(|path| ink(&path, layout)).chain(ends.flat_map(|end| [end; COUNTS])).collect()
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let unit = layout.sizes.unit;
        let mark = |runner: &Runner| match self.lines {
            true => {
                let (pen, casing) = self.pens(runner, unit);
                Mark::Cased { pen: Pen { width: pen.width.max(1.8 * unit), ..pen }, casing }
            }
            false => Mark::Disc { colour: runner.colour, radius: DISC * unit },
        };
        let mut entries: Vec<Entry> =
            self.runners.iter().map(|runner| Entry { mark: mark(runner), words: runner.label.clone() }).collect();
        if self.runners.iter().any(|runner| !runner.paths.is_empty()) {
            let (pen, radius) = Race::ring(layout);
            entries.push(Entry { mark: Mark::Ring { pen, radius }, words: "start".to_owned() });
            entries.push(Entry {
                mark: Mark::Disc { colour: [0x60, 0x60, 0x60, 255], radius: DISC * unit },
                words: "end".to_owned(),
            });
        }
        entries
    }
}

impl From<Race> for Layer {
    fn from(layer: Race) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::{ColourMap, Picture};
    use super::*;

    type Matrix = [[f64; 3]; 3];

    /// What is left of colours: all, and without red, green or blue cones (G. Machado and others, "A physiologically-based
    /// model for simulation of color vision deficiency", 2009, table 1, severity 1).
    const EYES: [Matrix; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];
    const XYZ: Matrix =
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];

    fn times(matrix: &Matrix, v: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|i| (0..3).map(|k| matrix[i][k] * v[k]).sum())
    }

    /// CIE L*a*b* of an sRGB colour as these eyes see it.
    fn lab(eyes: &Matrix, [r, g, b, _]: Rgba) -> [f64; 3] {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let seen = times(eyes, [linear(r), linear(g), linear(b)]).map(|c| c.clamp(0.0, 1.0));
        let [x, y, z] = times(&XYZ, seen);
        let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
        let [x, y, z] = [f(x / 0.95047), f(y), f(z / 1.08883)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn apart(eyes: &Matrix, one: Rgba, other: Rgba) -> f64 {
        let (a, b) = (lab(eyes, one), lab(eyes, other));
        (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
    }

    /// A difference of 2.3 is just noticed; these are of lines on a ground, and between lines.
    #[test]
    fn everyone_tells_the_colours_apart_on_their_ground() {
        let ground: Vec<Rgba> = (0..=20).map(|k| ColourMap::ground().at(f64::from(k) / 20.0)).collect();
        for (eye, eyes) in EYES.iter().enumerate() {
            for (k, colour) in RUNNER_COLOURS.iter().enumerate() {
                for other in &RUNNER_COLOURS[..k] {
                    let found = apart(eyes, *colour, *other);
                    assert!(found > 15.0, "{eye}: {colour:?} {other:?}: {found}");
                }
                for grey in &ground {
                    let found = apart(eyes, *colour, *grey);
                    assert!(found > 12.0, "{eye}: {colour:?} on {grey:?}: {found}");
                }
            }
        }
        // Red and green of old do not pass.
        assert!(apart(&EYES[2], [0xD6, 0x27, 0x28, 255], [0x2C, 0xA0, 0x2C, 255]) < 60.0);
        assert!(apart(&EYES[2], [0xC8, 0x50, 0x32, 255], [0x82, 0x78, 0x32, 255]) < 15.0);
    }

    /// Eight rules that end at one place: each colour is seen there, and where its line runs alone.
    #[test]
    fn rules_that_end_together_are_all_seen() {
        let runner = |k: usize| Runner {
            paths: vec![vec![(0.5, 0.9), (0.1 + 0.1 * k as f64, 0.7), (0.5, 0.2), (f64::NAN, 0.0)]],
            colour: RUNNER_COLOURS[k],
            label: String::new(),
        };
        let race = Race { runners: (0..8).map(runner).collect(), lines: true, iterates: false };
        let picture = Picture { layers: vec![race.into()], legend: false, ..Picture::new(1200, 1200) };
        let (bitmap, layout) = (picture.draw().unwrap(), picture.layout().unwrap());
        let near = |(x, y): (f64, f64), reach: f64, colour: Rgba| {
            let (px, py) = layout.to_pixel(x, y);
            bitmap.rgba.chunks_exact(4).enumerate().any(|(k, pixel)| {
                let at = ((k % 1200) as f64 + 0.5, (k / 1200) as f64 + 0.5);
                (at.0 - px).hypot(at.1 - py) < reach && *pixel == colour
            })
        };
        for (k, colour) in RUNNER_COLOURS.into_iter().enumerate() {
            assert!(near((0.5, 0.2), 26.0, colour), "the end of {k}");
            assert!(near((0.1 + 0.1 * k as f64, 0.7), 2.0, colour), "the line of {k}");
        }
    }
}
