//! Which lines there are: generation after generation of candidates, the long ones first.
//!
//! Flows in: a field, a rectangle, a separation. Flows out: the lines. The first is the longest of a coarse lattice's. Seeds
//! lie one separation to both sides of the lines that stay; where these reach nothing more, on the points of a lattice that
//! no line is near to, so that no region is left out.

use super::grow::{Lengths, grow};
use super::near::Near;
use super::step::unit;
use super::{Place, Streamline, Vectors};
use crate::backend::BackendError;

/// Seeds of the first line along each side of the rectangle.
const FIRST: usize = 12;
/// The distance of seeds on a side of a line, and of lattice points; of seeds in a generation; and the length below which
/// a line is left out: in separations.
const STRIDE: f64 = 0.25;
const LATTICE: f64 = 0.5;
const THIN: f64 = 1.5;
const SHORT: f64 = 1.5;
/// A seed may be nearer to a line by this share of the separation: it was put at that distance.
const SLACK: f64 = 0.01;

/// All lines of a field.
///
/// # Errors
/// Those of the field.
pub(super) fn place(vectors: &mut Vectors, size: (f64, f64), separation: f64) -> Result<Vec<Streamline>, BackendError> {
    let lengths = Lengths::new(size, separation);
    let mut placed = Placed { lines: Vec::new(), near: Near::new(size, lengths.nearest), lengths };
    let mut beside = placed.generation(&lattice(size, FIRST, FIRST), vectors, 1)?;
    let count = |side: f64| (side / (LATTICE * separation)).ceil().max(1.0) as usize;
    let mut left = lattice(size, count(size.0), count(size.1));
    loop {
        placed.thin(&mut beside);
        placed.thin(&mut left);
        let seeds = placed.apart(if beside.is_empty() { &mut left } else { &mut beside });
        if seeds.is_empty() {
            return Ok(placed.lines);
        }
        beside.extend(placed.generation(&seeds, vectors, usize::MAX)?);
    }
}

/// The centres of equal cells.
fn lattice((width, height): (f64, f64), columns: usize, rows: usize) -> Vec<Place> {
    let at = |k: usize, count: usize, side: f64| (k as f64 + 0.5) / count as f64 * side;
    let row = |row: usize| (0..columns).map(move |k| (at(k, columns, width), at(row, rows, height)));
    (0..rows).flat_map(row).collect()
}

/// The lines so far.
struct Placed {
    lines: Vec<Streamline>,
    near: Near,
    lengths: Lengths,
}

impl Placed {
    /// Grows lines from all seeds and keeps those that stay clear of each other, the longest first, no more than `most`.
    /// The seeds beside them are returned.
    fn generation(&mut self, seeds: &[Place], vectors: &mut Vectors, most: usize) -> Result<Vec<Place>, BackendError> {
        let mut candidates = grow(seeds, vectors, &self.lengths, &self.near)?;
        // A stable sort: of equally long ones the first.
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.count()));
        let (before, mut beside) = (self.lines.len(), Vec::new());
        for candidate in candidates {
            if self.lines.len() - before == most {
                break;
            }
            if !self.is_free(candidate.seed) {
                continue;
            }
            let (points, closed) = candidate.clipped(&self.near, &self.lengths);
            if points.len() as f64 * self.lengths.spacing < SHORT * self.lengths.separation {
                continue;
            }
            points.iter().for_each(|point| self.near.add(*point));
            beside.extend(self.beside(&points));
            self.lines.push(Streamline { points, closed });
        }
        Ok(beside)
    }

    /// Whether a line may start here.
    fn is_free(&self, seed: Place) -> bool {
        !self.near.is_near(seed, (1.0 - SLACK) * self.lengths.separation)
    }

    /// Leaves the seeds at which a line may start.
    fn thin(&self, seeds: &mut Vec<Place>) {
        seeds.retain(|seed| self.is_free(*seed));
    }

    /// Takes out seeds that are not close to each other: of two that are, both lines would be much the same.
    fn apart(&self, seeds: &mut Vec<Place>) -> Vec<Place> {
        let distance = THIN * self.lengths.separation;
        let mut near = Near::new(self.lengths.size, distance);
        let mut chosen = Vec::new();
        seeds.retain(|seed| {
            let close = near.is_near(*seed, distance);
            if !close {
                near.add(*seed);
                chosen.push(*seed);
            }
            close
        });
        chosen
    }

    /// Places one separation to both sides of a line.
    fn beside(&self, points: &[Place]) -> Vec<Place> {
        let stride = (STRIDE * self.lengths.separation / self.lengths.spacing) as usize;
        let mut places = Vec::new();
        for side in [1.0, -1.0] {
            for pair in points.windows(2).step_by(stride.max(1)) {
                let way = unit((pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
                let by = side * self.lengths.separation;
                let place = (pair[0].0 - by * way.1, pair[0].1 + by * way.0);
                if self.lengths.holds(place) {
                    places.push(place);
                }
            }
        }
        places
    }
}
