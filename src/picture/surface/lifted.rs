//! Arrows on a surface.
//!
//! In: [`Arrows`] in the plane, a [`Sheet`], a [`Stage`]. Out: inks for the raster. An arrow (u, v) at a point stands
//! on the surface there and leads along its tangent: up by as much as the surface rises along (u, v), which for a
//! gradient is its squared length. It lies in the tangent plane; where the surface bends up over that, the arrow is
//! taken to lie on it.

use super::super::arrows::{Arrows, Pivot, shape};
use super::super::maps::Rgba;
use super::super::shapes::{ArrowShape, arrow_corners};
use super::raster::Ink;
use super::sheet::Sheet;
use super::stage::{Place, SIDES, Stage, dot};

/// A tangent plane seen more from its edge than this hides its arrow: it would be a line.
const EDGEWISE: f64 = 0.02;
/// What lies nearer to the viewer than an arrow's plane by more than these allow hides it: pixels of depth for a pixel
/// on the picture, and units of the box.
const STEEPEST: f64 = 4.0;
const FARTHEST: f64 = 0.03;

/// The inks of all arrows, those farther away first.
pub(super) fn inks(arrows: &Arrows, sheet: &Sheet, stage: &Stage, unit: f64) -> Vec<Ink> {
    let (magnitudes, spacing) = (arrows.magnitudes(), spacing(arrows, stage));
    let length = arrows.pixels_for(&magnitudes, spacing);
    let shape = shape(spacing, unit);
    let mut all: Vec<(f64, Vec<Ink>)> = (0..arrows.x.len())
        .filter_map(|k| {
            let lifted = Lifted::new(arrows, k, length(magnitudes[k]), sheet, stage)?;
            let (colour, halo) = arrows.inks(magnitudes[k], unit);
            Some((stage.see(lifted.foot)[2], lifted.inks(shape, colour, halo.map(|pen| (pen.width, pen.colour)))))
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().flat_map(|(_, inks)| inks).collect()
}

/// The distance in pixels between neighbours of a square lattice as dense, on level ground seen from above.
fn spacing(arrows: &Arrows, stage: &Stage) -> f64 {
    stage.scale * (SIDES[0] * SIDES[1] / arrows.x.len().max(1) as f64).sqrt()
}

/// An arrow in the box.
struct Lifted<'a> {
    stage: &'a Stage,
    foot: Place,
    tail: Place,
    tip: Place,
    /// Depth on its plane at a pixel, as [`Ink::plane`].
    plane: [f64; 3],
}

impl<'a> Lifted<'a> {
    /// None where the surface is not defined, leaves the box or is seen from its edge.
    fn new(arrows: &Arrows, k: usize, pixels: f64, sheet: &Sheet, stage: &'a Stage) -> Option<Lifted<'a>> {
        let (x, y, u, v) = (arrows.x[k], arrows.y[k], arrows.u[k], arrows.v[k]);
        let foot = stage.place([x, y, sheet.height(x, y)]);
        let inside = foot[2].abs() <= 0.5 * SIDES[2] + 1e-9;
        if !(inside && u.is_finite() && v.is_finite() && pixels.is_finite()) {
            return None;
        }
        // How the surface rises in the box by a unit of the box along x and y, if the arrow is its gradient.
        let [x_slope, y_slope] = slopes(stage, u, v);
        let normal = unit([-x_slope, -y_slope, 1.0]);
        let facing = dot(normal, stage.towards);
        if facing.abs() < EDGEWISE {
            return None;
        }
        let [across, up, _] = stage.way([u, v, 0.0]);
        let way = unit([across, up, across * x_slope + up * y_slope]);
        let length = pixels / stage.scale;
        let at = |share: f64| [0, 1, 2].map(|k| foot[k] + share * length * way[k]);
        let back = if arrows.pivot == Pivot::Middle { 0.5 } else { 0.0 };
        let (tail, tip) = (at(-back), at(1.0 - back));
        let off = (0..=8).map(|k| off_plane(sheet, stage, at(f64::from(k) / 8.0 - back))).fold(0.0, f64::max);
        // Depth changes along the plane by so much a pixel to the right and downwards.
        let right = -dot(normal, stage.right) / facing;
        let down = dot(normal, stage.up) / facing;
        let [px, py, depth] = stage.see(foot);
        let lift = off * stage.scale * (normal[2] / facing.abs()).min(STEEPEST) + 1.0 + right.hypot(down).min(STEEPEST);
        let plane = [depth - right * px - down * py + lift, right, down];
        Some(Lifted { stage, foot, tail, tip, plane })
    }

    fn inks(&self, shape: ArrowShape, colour: Rgba, halo: Option<(f64, Rgba)>) -> Vec<Ink> {
        let (tail, tip) = (self.stage.pixel(self.tail), self.stage.pixel(self.tip));
        let mut inks = Vec::new();
        if let Some((width, colour)) = halo {
            let (along, length) = ((tip.0 - tail.0, tip.1 - tail.1), (tip.0 - tail.0).hypot(tip.1 - tail.1));
            let by = |p: (f64, f64), d: f64| (p.0 + along.0 / length * d, p.1 + along.1 / length * d);
            let wider = ArrowShape {
                shaft: shape.shaft + width,
                head_length: shape.head_length + 1.7 * width,
                head_width: shape.head_width + 2.2 * width,
            };
            inks.extend(self.arrow(by(tail, -0.5 * width), by(tip, 1.2 * width), wider, colour));
        }
        inks.extend(self.arrow(tail, tip, shape, colour));
        inks
    }

    fn arrow(&self, tail: (f64, f64), tip: (f64, f64), shape: ArrowShape, colour: Rgba) -> Vec<Ink> {
        let Some(c) = arrow_corners(tail, tip, shape) else { return Vec::new() };
        let [red, green, blue, _] = colour;
        let ink = |corners: [(f64, f64); 3]| Ink { corners, plane: self.plane, colour: [red, green, blue] };
        [[c[0], c[1], c[5]], [c[0], c[5], c[6]], [c[3], c[2], c[1]], [c[3], c[1], c[5]], [c[3], c[5], c[4]]]
            .map(ink)
            .to_vec()
    }
}

/// How far a place lies above or below the surface, in units of the box; 0 where there is none.
fn off_plane(sheet: &Sheet, stage: &Stage, place: Place) -> f64 {
    let [x, y] = [0, 1].map(|k| stage.spans[k].at(place[k] / SIDES[k] + 0.5));
    let off = (stage.place([x, y, sheet.height(x, y)])[2] - place[2]).abs();
    if off.is_finite() { off.min(FARTHEST) } else { 0.0 }
}

/// The slopes of the surface in the box, from its gradient in data units.
fn slopes(stage: &Stage, u: f64, v: f64) -> [f64; 2] {
    let [x, y, z] = [0, 1, 2].map(|k| SIDES[k] / stage.spans[k].width());
    [u * z / x, v * z / y].map(|slope| slope.clamp(-1e100, 1e100))
}

fn unit(v: Place) -> Place {
    let largest = v.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
    if largest == 0.0 {
        return [0.0; 3];
    }
    let v = v.map(|c| c / largest);
    let length = dot(v, v).sqrt();
    v.map(|c| c / length)
}
