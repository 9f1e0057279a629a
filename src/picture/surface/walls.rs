//! The box around a surface: its walls, the marks of its axes, its names.
//!
//! In: a layout, a view, ranges and names. Out: a [`Stage`] that leaves room for all words, and ink. The walls away from
//! the viewer carry grid lines; each axis stands on an edge of the box's outline, so that nothing is drawn over it.

use super::super::canvas::Canvas;
use super::super::error::PictureError;
use super::super::layout::{Detail, Layout};
use super::super::maps::Rgba;
use super::super::shapes::{Across, Along, INK, Lettering, Pen};
use super::super::text;
use super::super::ticks::{self, Ticks};
use super::stage::{Place, SIDES, Stage, View, fitting};

const WALL: Rgba = [0xF6, 0xF6, 0xF6, 255];
const LINE: Rgba = [0xDA, 0xDA, 0xDA, 255];
const EDGE: Rgba = [0xB0, 0xB0, 0xB0, 255];
/// Of less than this share of the picture's shorter side, the box gives way to no words.
const LEAST: f64 = 0.3;

/// The box as it stands on the picture.
pub(super) struct Walls {
    pub stage: Stage,
    axes: Vec<Axis>,
}

/// An axis with its marks.
struct Axis {
    /// 0, 1, 2 for x, y, z.
    of: usize,
    ticks: Ticks,
    /// Its marks in the box, and the unit vector on the picture that leads from the box there.
    marks: Vec<Place>,
    ends: [Place; 2],
    outward: (f64, f64),
    words: Vec<Words>,
}

/// A text centred on a pixel.
struct Words {
    text: String,
    size: f64,
    middle: (f64, f64),
    half: (f64, f64),
}

impl Walls {
    /// The largest box for which there is room with its words.
    ///
    /// # Errors
    /// [`PictureError::Range`] for a range that is not finite or not in ascending order.
    pub(super) fn new(
        layout: &Layout,
        view: View,
        ranges: [(f64, f64); 3],
        names: &[String; 3],
    ) -> Result<Walls, PictureError> {
        let room = (f64::from(layout.width), f64::from(layout.height));
        let full = fitting(view, room);
        let (mut low, mut high) = (LEAST * full, full);
        for _ in 0..12 {
            let middle = 0.5 * (low + high);
            let (left, top, right, bottom) = Walls::at(layout, view, middle, ranges, names)?.extent();
            let fits = right - left <= room.0 && bottom - top <= room.1;
            *(if fits { &mut low } else { &mut high }) = middle;
        }
        let mut stage = Stage::new(view, low, ranges)?;
        let (left, top, right, bottom) = Walls::at(layout, view, low, ranges, names)?.extent();
        let corner = (f64::from(layout.left), f64::from(layout.top));
        stage.centre = (corner.0 + 0.5 * (room.0 - left - right), corner.1 + 0.5 * (room.1 - top - bottom));
        Ok(Walls::on(stage, layout, names))
    }

    fn at(
        layout: &Layout,
        view: View,
        scale: f64,
        ranges: [(f64, f64); 3],
        names: &[String; 3],
    ) -> Result<Walls, PictureError> {
        Ok(Walls::on(Stage::new(view, scale, ranges)?, layout, names))
    }

    fn on(stage: Stage, layout: &Layout, names: &[String; 3]) -> Walls {
        let axes = (0..3).filter_map(|of| Axis::new(of, &stage, layout, &names[of])).collect();
        let mut walls = Walls { stage, axes };
        walls.spread(0.9 * layout.sizes.tick);
        walls
    }

    /// Words of two axes that would touch at a corner of the box give way to each other, to the sides.
    fn spread(&mut self, gap: f64) {
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let Some((first, rest)) = self.axes.split_at_mut_checked(other) else { continue };
            let (Some(one), Some(other)) = (first.get_mut(one), rest.first_mut()) else { continue };
            for a in &mut one.words {
                for b in &mut other.words {
                    let across = a.half.0 + b.half.0 + gap - (a.middle.0 - b.middle.0).abs();
                    let down = a.half.1 + b.half.1 + 0.3 * gap - (a.middle.1 - b.middle.1).abs();
                    if across > 0.0 && down > 0.0 {
                        let way = if a.middle.0 < b.middle.0 { 0.5 } else { -0.5 };
                        a.middle.0 -= way * across;
                        b.middle.0 += way * across;
                    }
                }
            }
        }
    }

    /// Left, top, right and bottom of all ink.
    fn extent(&self) -> (f64, f64, f64, f64) {
        let corners = (0..8).map(|k| corner([k & 1, k >> 1 & 1, k >> 2 & 1].map(|bit| 2.0 * f64::from(bit) - 1.0)));
        let dots = corners.map(|place| self.stage.pixel(place)).map(|p| (p.0, p.1, p.0, p.1));
        let words = self.axes.iter().flat_map(|axis| &axis.words);
        let boxes = words.map(|Words { middle: (x, y), half: (w, h), .. }| (x - w, y - h, x + w, y + h));
        let none = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
        dots.chain(boxes).fold(none, |a, b| (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2), a.3.max(b.3)))
    }

    /// The walls away from the viewer, the axes and their words.
    pub(super) fn draw(&self, canvas: &mut Canvas, layout: &Layout, grid: bool) {
        let unit = layout.sizes.unit;
        for of in 0..3 {
            let wall = self.wall(of).map(|place| self.stage.pixel(place));
            canvas.polygon(&wall, WALL);
        }
        for axis in self.axes.iter().filter(|_| grid) {
            self.draw_grid(canvas, axis, Pen::solid(LINE, unit.max(0.6)));
        }
        for of in 0..3 {
            let wall = self.wall(of).map(|place| self.stage.pixel(place));
            canvas.polygon_outline(&wall, Pen::solid(EDGE, unit.max(0.6)));
        }
        for axis in &self.axes {
            axis.draw(canvas, layout, &self.stage);
        }
    }

    /// The wall across an axis that is away from the viewer.
    fn wall(&self, of: usize) -> [Place; 4] {
        let [a, b] = [(of + 1) % 3, (of + 2) % 3];
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(along, up)| {
            let mut sides = [0.0; 3];
            (sides[of], sides[a], sides[b]) = (-self.stage.side(of), along, up);
            corner(sides)
        })
    }

    /// Lines at the marks of an axis, on the two walls along it.
    fn draw_grid(&self, canvas: &mut Canvas, axis: &Axis, pen: Pen) {
        let others = [(axis.of + 1) % 3, (axis.of + 2) % 3];
        for mark in &axis.marks {
            for (wall, along) in [(others[0], others[1]), (others[1], others[0])] {
                let end = |side: f64| {
                    let mut place = *mark;
                    place[wall] = -0.5 * SIDES[wall] * self.stage.side(wall);
                    place[along] = 0.5 * SIDES[along] * side;
                    self.stage.pixel(place)
                };
                canvas.polyline(&[end(-1.0), end(1.0)], pen);
            }
        }
    }
}

/// The corner of the box on these sides of it.
fn corner(sides: [f64; 3]) -> Place {
    [0, 1, 2].map(|k| 0.5 * SIDES[k] * sides[k])
}

impl Axis {
    /// None where the axis is seen from its end, or there is no room for words.
    fn new(of: usize, stage: &Stage, layout: &Layout, name: &str) -> Option<Axis> {
        let size = layout.sizes.tick;
        let ends = Axis::edge(of, stage);
        let [from, to] = ends.map(|end| stage.pixel(end));
        let along = (to.0 - from.0, to.1 - from.1);
        let length = along.0.hypot(along.1);
        if length < 4.0 * size || layout.detail != Detail::Full {
            return None;
        }
        let middle = (0.5 * (from.0 + to.0) - stage.centre.0, 0.5 * (from.1 + to.1) - stage.centre.1);
        let across = (-along.1 / length, along.0 / length);
        let away = if across.0 * middle.0 + across.1 * middle.1 < 0.0 { -1.0 } else { 1.0 };
        let mut axis = Axis {
            of,
            ticks: Ticks::default(),
            marks: Vec::new(),
            ends,
            outward: (away * across.0, away * across.1),
            words: Vec::new(),
        };
        for most in (2..=8).rev() {
            axis.mark(stage, layout, most);
            if axis.is_clear(0.5 * size) {
                break;
            }
        }
        axis.name(stage, layout, name);
        Some(axis)
    }

    /// The edge on which an axis stands, from its lower to its upper end.
    fn edge(of: usize, stage: &Stage) -> [Place; 2] {
        let side = |k: usize| stage.side(k);
        let ends = |sides: [f64; 3]| {
            [-1.0, 1.0].map(|end| {
                let mut sides = sides;
                sides[of] = end;
                corner(sides)
            })
        };
        match of {
            // The edges at the bottom of the outline: towards the viewer, or seen from below away from him.
            0 => ends([0.0, side(1) * side(2), -1.0]),
            1 => ends([side(0) * side(2), 0.0, -1.0]),
            // The leftmost of the upright edges.
            _ => {
                let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
                let left = |c: &(f64, f64)| stage.right[0] * c.0 + stage.right[1] * c.1;
                let leftmost = corners.into_iter().min_by(|a, b| left(a).total_cmp(&left(b))).unwrap_or_default();
                ends([leftmost.0, leftmost.1, 0.0])
            }
        }
    }

    /// Sets at most so many marks, with their labels.
    fn mark(&mut self, stage: &Stage, layout: &Layout, most: usize) {
        let (span, [from, to], sizes) = (stage.spans[self.of], self.ends, layout.sizes);
        self.ticks = ticks::linear(span.lo, span.hi, most);
        let place = |v: &f64| {
            let t = span.fraction(*v);
            [0, 1, 2].map(|k| from[k] * (1.0 - t) + to[k] * t)
        };
        self.marks = self.ticks.at.iter().map(place).collect();
        let start = sizes.tick_length + sizes.gap;
        let words = self.marks.iter().zip(&self.ticks.labels);
        self.words = words.map(|(mark, label)| self.beside(stage.pixel(*mark), start, label, sizes.tick)).collect();
    }

    /// A text beside the axis, `start` pixels from it.
    fn beside(&self, from: (f64, f64), start: f64, text: &str, size: f64) -> Words {
        let half = (0.5 * text::width(text, size), 0.5 * text::CAP_HEIGHT * size);
        let away = start + self.outward.0.abs() * half.0 + self.outward.1.abs() * half.1;
        let middle = (from.0 + away * self.outward.0, from.1 + away * self.outward.1);
        Words { text: text.to_owned(), size, middle, half }
    }

    /// Whether the labels have so much between them.
    fn is_clear(&self, gap: f64) -> bool {
        self.words.windows(2).all(|pair| {
            let (a, b) = (&pair[0], &pair[1]);
            (a.middle.0 - b.middle.0).abs() >= a.half.0 + b.half.0 + gap
                || (a.middle.1 - b.middle.1).abs() >= a.half.1 + b.half.1 + gap
        })
    }

    /// Adds the name of the axis, with the offset of its marks if they have one.
    fn name(&mut self, stage: &Stage, layout: &Layout, name: &str) {
        let sizes = layout.sizes;
        let reach = |words: &Words| 2.0 * (self.outward.0.abs() * words.half.0 + self.outward.1.abs() * words.half.1);
        let labels = self.words.iter().map(reach).fold(0.0, f64::max);
        let [from, to] = self.ends.map(|end| stage.pixel(end));
        let middle = (0.5 * (from.0 + to.0), 0.5 * (from.1 + to.1));
        let text = match &self.ticks.offset {
            Some(offset) => format!("{name}  ({offset})"),
            None => name.to_owned(),
        };
        let room = 0.3 * f64::from(layout.width);
        let (text, size) = text::fit(&text, sizes.label, room);
        let start = sizes.tick_length + 2.5 * sizes.gap + labels;
        let words = self.beside(middle, start, &text, size);
        self.words.push(words);
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, stage: &Stage) {
        let sizes = layout.sizes;
        let pen = Pen::solid(INK, sizes.unit.max(0.7));
        canvas.polyline(&self.ends.map(|end| stage.pixel(end)), pen);
        for mark in &self.marks {
            let (x, y) = stage.pixel(*mark);
            let tip = (x + sizes.tick_length * self.outward.0, y + sizes.tick_length * self.outward.1);
            canvas.polyline(&[(x, y), tip], pen);
        }
        for words in &self.words {
            let style = Lettering::new(words.size, Along::Centre, Across::Middle);
            canvas.text(&words.text, words.middle.0, words.middle.1, style);
        }
    }
}
