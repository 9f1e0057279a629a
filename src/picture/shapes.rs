//! What can be drawn: pens, lettering, arrows, and the outlines of lines, circles and arrows.
//!
//! In: measures and places in pixels. Out: paths for the canvas, none where a coordinate is NaN, infinite or so far
//! away that f32 would lose it.

use tiny_skia::{Path, PathBuilder};

use super::maps::Rgba;

/// Black, opaque.
pub const BLACK: Rgba = [0, 0, 0, 255];
/// White, opaque.
pub const WHITE: Rgba = [255, 255, 255, 255];
/// Titles, labels and the frame: softer than black on white, still far above any legibility limit.
pub const INK: Rgba = [0x26, 0x26, 0x26, 255];

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pen {
    pub colour: Rgba,
    /// Width in pixels.
    pub width: f64,
    /// Length of dashes and of the gaps between them in pixels; 0 for a solid line.
    pub dash: f64,
}

impl Pen {
    pub(super) fn solid(colour: Rgba, width: f64) -> Pen {
        Pen { colour, width, dash: 0.0 }
    }
}

/// Where the given point lies on a line of text: along the line and across it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    Left,
    Centre,
    Right,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Across {
    Middle,
    Baseline,
}

/// How a line of text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lettering {
    /// The em in pixels.
    pub size: f64,
    pub colour: Rgba,
    pub along: Along,
    pub across: Across,
    /// Turned by 90 degrees against the clock: the line runs upwards.
    pub upwards: bool,
}

impl Lettering {
    pub(super) fn new(size: f64, along: Along, across: Across) -> Lettering {
        Lettering { size, colour: INK, along, across, upwards: false }
    }
}

/// The measures of an arrow, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ArrowShape {
    /// Width of the shaft.
    pub shaft: f64,
    /// Length and full width of the head. Arrows shorter than the head shrink as a whole.
    pub head_length: f64,
    pub head_width: f64,
}

/// A line or a polygon; None for fewer than two points or any that cannot be drawn.
pub(super) fn path(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    if points.len() < 2 || points.iter().any(|p| !(p.0.abs() < 1e6 && p.1.abs() < 1e6)) {
        return None;
    }
    let mut builder = PathBuilder::with_capacity(points.len() + 1, points.len() + 1);
    builder.move_to(points[0].0 as f32, points[0].1 as f32);
    points[1..].iter().for_each(|p| builder.line_to(p.0 as f32, p.1 as f32));
    if closed {
        builder.close();
    }
    builder.finish()
}

/// A circle, if it can be drawn.
pub(super) fn circle(x: f64, y: f64, radius: f64) -> Option<Path> {
    let good = x.abs() < 1e6 && y.abs() < 1e6 && radius > 0.0 && radius < 1e6;
    if good { PathBuilder::from_circle(x as f32, y as f32, radius as f32) } else { None }
}

/// The seven corners of an arrow, its notch a little forward of the barbs. None where it has no length.
pub(super) fn arrow_corners(tail: (f64, f64), tip: (f64, f64), shape: ArrowShape) -> Option<[(f64, f64); 7]> {
    let (dx, dy) = (tip.0 - tail.0, tip.1 - tail.1);
    let length = dx.hypot(dy);
    if !(length > 0.0 && length < 1e6) {
        return None;
    }
    let (dx, dy) = (dx / length, dy / length);
    // A short arrow is a small arrow, not a head alone: its shaft keeps a third of the length.
    let shrink = (length / (1.5 * shape.head_length)).min(1.0);
    let (half, barb) = (0.5 * shape.shaft * shrink.max(0.6), 0.5 * shape.head_width * shrink.max(0.45));
    let head = shape.head_length * shrink;
    let notch = head * 0.9;
    let at = |back: f64, side: f64| (tip.0 - dx * back - dy * side, tip.1 - dy * back + dx * side);
    Some([
        at(length, half),
        at(notch, half),
        at(head, barb),
        at(0.0, 0.0),
        at(head, -barb),
        at(notch, -half),
        at(length, -half),
    ])
}
