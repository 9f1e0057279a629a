//! Where contour lines have their values written.
//!
//! In: a quantity on pixels and its levels. Out: [`Label`]s on straight stretches, read along the line, upright, apart
//! from each other, from the border and from other lines. The lines are traced on a coarse grid (marching squares:
//! Lorensen and Cline 1987, in the plane) to find the stretches; they are not drawn from it.

use std::collections::HashMap;

use super::canvas::Canvas;
use super::colour::Level;
use super::contours::distance;
use super::layout::Layout;
use super::maps::Rgba;
use super::shapes::{Across, Along, Lettering};
use super::slopes::Pixels;
use super::text;

/// A point of the picture, in pixels from its upper left corner.
type Point = (f64, f64);

/// The value of a line, written on it.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// Which of the levels.
    pub level: usize,
    /// Which of its lines.
    line: usize,
    middle: Point,
    /// The direction in which it is read: a unit vector, to the right.
    way: Point,
    /// Half the width and half the height of the gap in the line.
    half: (f64, f64),
    size: f64,
}

/// A chord of a line longer than this share of the line between its ends is a straight stretch.
const STRAIGHT: f64 = 0.97;
/// Between labels of a line, and of different lines of one value, in units of the picture.
const APART: (f64, f64) = (320.0, 110.0);

impl Label {
    /// The same on a larger picture of the plot.
    pub(super) fn enlarged(self, layout: &Layout, small: &Layout) -> Label {
        let factor = f64::from(layout.width) / f64::from(small.width);
        let middle = (
            f64::from(layout.left) + self.middle.0 * factor,
            f64::from(layout.top) + self.middle.1 * f64::from(layout.height) / f64::from(small.height),
        );
        let half = (self.half.0 * factor, self.half.1 * factor);
        Label { middle, half, size: self.size * factor, ..self }
    }

    #[cfg(test)]
    pub(super) fn middle(&self) -> Point {
        self.middle
    }

    /// Whether a point lies in the gap.
    pub(super) fn covers(&self, (x, y): Point) -> bool {
        let (dx, dy) = (x - self.middle.0, y - self.middle.1);
        let (along, across) = (dx * self.way.0 + dy * self.way.1, dy * self.way.0 - dx * self.way.1);
        along.abs() <= self.half.0 && across.abs() <= self.half.1
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, colour: Rgba, levels: &[Level]) {
        let style = Lettering { colour, ..Lettering::new(self.size, Along::Centre, Across::Middle) };
        canvas.text_along(&levels[self.level].label, self.middle, self.way, style);
    }

    fn at(&self, along: f64, across: f64) -> Point {
        let (way, (a, b)) = (self.way, (along * self.half.0, across * self.half.1));
        (self.middle.0 + a * way.0 - b * way.1, self.middle.1 + a * way.1 + b * way.0)
    }

    fn overlaps(&self, other: &Label) -> bool {
        let away = (self.middle.0 - other.middle.0).hypot(self.middle.1 - other.middle.1);
        away < self.half.0 + other.half.0 + self.size
    }
}

/// The labels of all levels.
pub(super) fn place(pixels: &Pixels<'_>, levels: &[Level], layout: &Layout) -> Vec<Label> {
    let step = (6.0 * layout.sizes.unit).round().max(2.0) as usize;
    let mut lines: Vec<(usize, Vec<Point>)> = Vec::new();
    for (k, level) in levels.iter().enumerate().filter(|(_, level)| !level.label.is_empty()) {
        lines.extend(trace(pixels, level.value, step, layout).into_iter().map(|line| (k, line)));
    }
    lines.sort_by(|a, b| length(&b.1).total_cmp(&length(&a.1)));
    let mut labels: Vec<Label> = Vec::new();
    for (place, (level, line)) in lines.iter().enumerate() {
        let mut candidates = candidates(line, (*level, place), &levels[*level].label, layout);
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, label) in candidates {
            let clear = labels.iter().all(|other| !label.overlaps(other) && !crowds(&label, other, layout));
            if clear && alone(&label, pixels, levels, layout) {
                labels.push(label);
            }
        }
    }
    labels
}

/// Whether two labels of one value stand nearer than needed.
fn crowds(label: &Label, other: &Label, layout: &Layout) -> bool {
    let away = (label.middle.0 - other.middle.0).hypot(label.middle.1 - other.middle.1);
    let least = if label.line == other.line { APART.0 } else { APART.1 };
    label.level == other.level && away < least * layout.sizes.unit
}

/// Whether the label lies on its line, well inside the plot, and no other line comes through it.
fn alone(label: &Label, pixels: &Pixels<'_>, levels: &[Level], layout: &Layout) -> bool {
    let (left, top, right, bottom) = layout.edges();
    let margin = 0.4 * label.size;
    let places = [(0.0, 0.0), (0.0, -1.3), (0.0, 1.3), (-1.0, -1.3), (-1.0, 1.3), (1.0, -1.3), (1.0, 1.3)];
    let below = label.level.checked_sub(1).map_or(f64::NEG_INFINITY, |k| levels[k].value);
    let above = levels.get(label.level + 1).map_or(f64::INFINITY, |level| level.value);
    places.iter().enumerate().all(|(k, (along, across))| {
        let (x, y) = label.at(*along, *across);
        if !(x > left + margin && x < right - margin && y > top + margin && y < bottom - margin) {
            return false;
        }
        let (column, row) = ((x - left) as usize, (bottom - y) as usize);
        let value = pixels.value(column.min(pixels.width - 1), row.min(pixels.height - 1));
        let on_line = || distance(pixels, column, row, levels[label.level].value, 3.0).is_finite();
        value > below && value < above && (k > 0 || on_line())
    })
}

/// Labels on the straight stretches of a line, with what speaks for each: straight, and level rather than steep.
fn candidates(points: &[Point], (level, line): (usize, usize), words: &str, layout: &Layout) -> Vec<(f64, Label)> {
    let size = (0.85 * layout.sizes.tick).max(7.0);
    let half = (0.5 * text::width(words, size) + 0.3 * size, 0.5 * size);
    let (span, total) = (2.0 * half.0, length(points));
    let mut found = Vec::new();
    if total < 3.0 * span {
        return found;
    }
    let mut from = 0.0;
    while from + span <= total {
        let (a, middle, b) = (at(points, from), at(points, from + 0.5 * span), at(points, from + span));
        from += 0.25 * span;
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let chord = dx.hypot(dy);
        let sag = ((middle.0 - a.0) * dy - (middle.1 - a.1) * dx).abs() / chord.max(1e-9);
        if chord < STRAIGHT * span || sag > 0.25 * size {
            continue;
        }
        // Read to the right, and a line straight up as its axis label is.
        let turn = if dx < -0.02 * chord || dx < 0.02 * chord && dy > 0.0 { -1.0 } else { 1.0 };
        let way = (turn * dx / chord, turn * dy / chord);
        // Between the chord and the line, so that neither end stands off it.
        let middle = (0.5 * middle.0 + 0.25 * (a.0 + b.0), 0.5 * middle.1 + 0.25 * (a.1 + b.1));
        found.push((chord / span - 0.1 * way.1.abs(), Label { level, line, middle, way, half, size }));
    }
    found
}

fn length(line: &[Point]) -> f64 {
    line.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).sum()
}

/// The point of a line this far along it.
fn at(line: &[Point], mut along: f64) -> Point {
    for pair in line.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let step = dx.hypot(dy);
        if along <= step && step > 0.0 {
            return (pair[0].0 + dx * along / step, pair[0].1 + dy * along / step);
        }
        along -= step;
    }
    line[line.len() - 1]
}

/// The lines of a level through a grid of every `step`-th pixel.
fn trace(pixels: &Pixels<'_>, level: f64, step: usize, layout: &Layout) -> Vec<Vec<Point>> {
    let (columns, rows) = ((pixels.width - 1) / step + 1, (pixels.height - 1) / step + 1);
    let over = |i: usize, j: usize| pixels.value(i * step, j * step) - level;
    // An edge is named by its lower left corner and whether it goes up.
    let edge = |i: usize, j: usize, up: bool| 2 * (j * columns + i) + usize::from(up);
    let point = |id: usize| {
        let (i, j) = (id / 2 % columns, id / 2 / columns);
        let (k, l) = if id % 2 == 1 { (i, j + 1) } else { (i + 1, j) };
        let t = over(i, j) / (over(i, j) - over(k, l));
        let place = |a: usize, b: usize| step as f64 * (a as f64 + t * (b as f64 - a as f64)) + 0.5;
        let (left, _, _, bottom) = layout.edges();
        (left + place(i, k), bottom - place(j, l))
    };
    let mut joins: HashMap<usize, Vec<usize>> = HashMap::new();
    for j in 0..rows - 1 {
        for i in 0..columns - 1 {
            let corners = [over(i, j), over(i + 1, j), over(i + 1, j + 1), over(i, j + 1)];
            if !corners.iter().all(|v| v.is_finite()) {
                continue;
            }
            let sides = [edge(i, j, false), edge(i + 1, j, true), edge(i, j + 1, false), edge(i, j, true)];
            let crossed: Vec<usize> = (0..4).filter(|k| (corners[*k] < 0.0) != (corners[(k + 1) % 4] < 0.0)).collect();
            // Four crossings are a saddle, where no label belongs.
            if let [a, b] = crossed[..] {
                joins.entry(sides[a]).or_default().push(sides[b]);
                joins.entry(sides[b]).or_default().push(sides[a]);
            }
        }
    }
    chains(joins).into_iter().map(|chain| chain.into_iter().map(point).collect()).collect()
}

/// Joined edges in the order in which a line goes through them: open lines from their ends first, then loops.
fn chains(mut joins: HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut starts: Vec<usize> = joins.keys().copied().collect();
    starts.sort_by_key(|edge| (joins[edge].len(), *edge));
    let mut chains = Vec::new();
    for start in starts {
        let mut chain = vec![start];
        let mut here = start;
        while let Some(next) = joins.get_mut(&here).and_then(Vec::pop) {
            if let Some(back) = joins.get_mut(&next) {
                back.retain(|edge| *edge != here);
            }
            chain.push(next);
            here = next;
        }
        if chain.len() > 2 {
            chains.push(chain);
        }
    }
    chains
}
