//! A sheet as triangles in pixels.
//!
//! In: a [`Sheet`], a [`Stage`], and the colour of a spot. Out: a [`Mesh`]. Most cells are two triangles between four
//! points of the mesh; those at the rim of a hole or at the top or bottom of the box are cut there.

use super::raster::Corner;
use super::sheet::{Sheet, Spot};
use super::stage::{Place, SIDES, Stage};

/// Triangles in pixels.
pub(super) struct Mesh {
    /// Points in a row.
    columns: usize,
    corners: Vec<Corner>,
    /// Cells that are whole, by the point at their lower left.
    whole: Vec<bool>,
    /// The triangles of the others.
    cut: Vec<[Corner; 3]>,
    /// The highest and the lowest pixel of each row of points.
    ends: Vec<(f32, f32)>,
}

/// A corner in the box, and its colour.
#[derive(Clone, Copy)]
struct Standing {
    place: Place,
    colour: [f32; 3],
}

impl Standing {
    fn seen(&self, stage: &Stage) -> Corner {
        let [x, y, depth] = stage.see(self.place).map(|v| v as f32);
        Corner { x, y, depth, colour: self.colour }
    }
}

/// Half the height of the box, and a little for rounding.
const HALF: f64 = 0.5 * SIDES[2] + 1e-9;

impl Mesh {
    pub(super) fn new(sheet: &Sheet, stage: &Stage, colour: impl Fn(&Spot) -> [f32; 3] + Sync) -> Mesh {
        let (columns, rows) = (sheet.x.len(), sheet.y.len());
        let standing = |spot: &Spot| Standing { place: stage.place([spot.x, spot.y, spot.f]), colour: colour(spot) };
        let (corners, inside) = seen(&sheet.spots[..columns * rows], |spot| {
            let standing = standing(spot);
            (standing.seen(stage), standing.place[2].abs() <= HALF)
        });
        let (mut whole, mut cut) = (vec![false; columns * rows], Vec::new());
        let (mut outline, mut polygon): (Vec<Spot>, Vec<Standing>) = Default::default();
        for cell in (0..rows - 1).flat_map(|row| row * columns..(row + 1) * columns - 1) {
            let around = [cell, cell + 1, cell + columns, cell + columns + 1];
            whole[cell] = !sheet.is_torn(cell) && around.iter().all(|k| inside[*k]);
            if !whole[cell] {
                sheet.outline(cell, &mut outline);
                polygon.clear();
                polygon.extend(outline.iter().map(standing));
                [1.0, -1.0].iter().for_each(|side| polygon = clipped(&polygon, *side));
                let corner = |k: usize| polygon[k].seen(stage);
                cut.extend((2..polygon.len()).map(|k| [corner(0), corner(k - 1), corner(k)]));
            }
        }
        let ends = |row: &[Corner]| {
            let seen = row.iter().map(|corner| corner.y).filter(|y| y.is_finite());
            seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), y| (lo.min(y), hi.max(y)))
        };
        let ends = corners.chunks(columns).map(ends).collect();
        Mesh { columns, corners, whole, cut, ends }
    }

    /// The triangles that may reach between two heights on the picture.
    pub(super) fn triangles<'a>(&'a self, top: f32, bottom: f32, mut draw: impl FnMut([&'a Corner; 3])) {
        let reaches = |lo: f32, hi: f32| hi >= top && lo <= bottom;
        for (row, pair) in self.ends.windows(2).enumerate() {
            if !reaches(pair[0].0.min(pair[1].0), pair[0].1.max(pair[1].1)) {
                continue;
            }
            for cell in row * self.columns..(row + 1) * self.columns - 1 {
                if !self.whole[cell] {
                    continue;
                }
                let [a, b] = [&self.corners[cell], &self.corners[cell + 1]];
                let [d, c] = [cell + self.columns, cell + self.columns + 1].map(|k| &self.corners[k]);
                let (lo, hi) = (a.y.min(b.y).min(c.y).min(d.y), a.y.max(b.y).max(c.y).max(d.y));
                if !reaches(lo, hi) {
                    continue;
                }
                // Along the flatter diagonal: mirrored functions have mirrored triangles.
                if (a.depth - c.depth).abs() <= (b.depth - d.depth).abs() {
                    draw([a, b, c]);
                    draw([a, c, d]);
                } else {
                    draw([a, b, d]);
                    draw([b, c, d]);
                }
            }
        }
        for [a, b, c] in &self.cut {
            if reaches(a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y)) {
                draw([a, b, c]);
            }
        }
    }
}

/// The corners of a mesh and whether they are in the box, made on all cores.
fn seen(spots: &[Spot], corner: impl Fn(&Spot) -> (Corner, bool) + Sync) -> (Vec<Corner>, Vec<bool>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut corners, mut inside) = (vec![Corner::default(); spots.len()], vec![false; spots.len()]);
    let part = spots.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        for ((spots, corners), inside) in spots.chunks(part).zip(corners.chunks_mut(part)).zip(inside.chunks_mut(part))
        {
            let corner = &corner;
            let out = corners.iter_mut().zip(inside);
            scope.spawn(move || spots.iter().zip(out).for_each(|(spot, out)| (*out.0, *out.1) = corner(spot)));
        }
    });
    (corners, inside)
}

/// The part of a polygon below the top of the box, or with `side` -1 above its bottom (Sutherland and Hodgman 1974).
fn clipped(polygon: &[Standing], side: f64) -> Vec<Standing> {
    // Above zero inside.
    let room = |point: &Standing| HALF - side * point.place[2];
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (k, to) in polygon.iter().enumerate() {
        let from = &polygon[(k + polygon.len() - 1) % polygon.len()];
        let (before, after) = (room(from), room(to));
        if (before >= 0.0) != (after >= 0.0) {
            kept.push(between(from, to, before / (before - after)));
        }
        if after >= 0.0 {
            kept.push(*to);
        }
    }
    kept
}

/// The point at a share of the way.
fn between(from: &Standing, to: &Standing, share: f64) -> Standing {
    // A point may be so high that a difference from it would lose the other.
    let place = [0, 1, 2].map(|k| from.place[k] * (1.0 - share) + to.place[k] * share);
    let colour = [0, 1, 2].map(|k| from.colour[k] + (to.colour[k] - from.colour[k]) * share as f32);
    Standing { place, colour }
}
