//! The graph of a function over a rectangle: samples close enough that a picture shows no corner of the mesh, and where
//! it ends or tears.
//!
//! In: what evaluates the function. Out: a [`Sheet`]. Where the function is not defined at a point of the mesh but at its
//! neighbour, the rim between them is found by bisection, so that a hole has its own shape and not that of the mesh.
//! Between neighbours whose values differ by far more than their slopes explain, bisection tells a jump or a pole from
//! a steep slope; a cell that is torn is left out: a wall there would show values that the function does not have.

use std::collections::{HashMap, HashSet};

use crate::points::Points;

use super::super::scale::{Limits, Scale, range_of};

/// A function at a point: its place and value in data units, its slopes, and the quantity that colours it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub x: f64,
    pub y: f64,
    pub f: f64,
    pub dx: f64,
    pub dy: f64,
    pub shown: f64,
}

/// A function on a mesh over a rectangle, ends included.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    /// Those of the mesh, row by row from the smallest y, then those on rims.
    pub(super) spots: Vec<Spot>,
    /// The spot on a rim between a point of the mesh and its right (0) or upper (1) neighbour.
    rims: HashMap<(usize, usize), usize>,
    /// Cells that the function does not cross without a break, by the point at their lower left.
    torn: HashSet<usize>,
}

/// Bisections of an edge of the mesh: to find a rim, to tell a jump from a slope.
const RIM: usize = 24;
const JUMP: usize = 12;
/// Differences below this share of the values' range are no wall to speak of.
const SMALL: f64 = 0.01;

impl Sheet {
    /// Evaluates over `x` by `y`, both in ascending order, of two values or more. `evaluate` gives the value, its
    /// derivatives by x and y, and the quantity that colours it, at a grid or at a list of points.
    ///
    /// # Errors
    /// What `evaluate` returns.
    pub fn new<E>(
        x: Vec<f64>,
        y: Vec<f64>,
        mut evaluate: impl FnMut(Points) -> Result<[Vec<f64>; 4], E>,
    ) -> Result<Sheet, E> {
        let [f, dx, dy, shown] = evaluate(Points::Grid(vec![x.clone(), y.clone()]))?;
        let place = |k: usize| (x[k % x.len()], y[k / x.len()]);
        let spot = |k: usize| {
            let (x, y) = place(k);
            Spot { x, y, f: f[k], dx: dx[k], dy: dy[k], shown: shown[k] }
        };
        let spots = (0..f.len()).map(spot).collect();
        let mut sheet = Sheet { x, y, spots, rims: HashMap::new(), torn: HashSet::new() };
        sheet.find_rims(&mut evaluate)?;
        sheet.find_tears(&mut evaluate)?;
        Ok(sheet)
    }

    /// The values on the mesh.
    pub fn heights(&self) -> Vec<f64> {
        self.mesh().iter().map(|spot| spot.f).collect()
    }

    /// The quantity that colours it, on the mesh where the function is defined.
    pub fn shown(&self) -> Vec<f64> {
        self.mesh().iter().filter(|spot| spot.f.is_finite()).map(|spot| spot.shown).collect()
    }

    /// What the rectangle spans in x.
    pub fn x_range(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    /// What the rectangle spans in y.
    pub fn y_range(&self) -> (f64, f64) {
        (self.y[0], self.y[self.y.len() - 1])
    }

    fn mesh(&self) -> &[Spot] {
        &self.spots[..self.x.len() * self.y.len()]
    }

    /// The neighbour of a point of the mesh to the right (0) or above (1).
    fn neighbour(&self, at: usize, way: usize) -> Option<usize> {
        let columns = self.x.len();
        match way {
            0 => (at % columns + 1 < columns).then_some(at + 1),
            _ => (at / columns + 1 < self.y.len()).then_some(at + columns),
        }
    }

    /// Edges of the mesh that `pick` picks: a point, the way to its neighbour, and the neighbour.
    fn edges(&self, pick: impl Fn(&Spot, &Spot, usize) -> bool) -> Vec<(usize, usize, usize)> {
        let count = self.x.len() * self.y.len();
        let all = (0..count).flat_map(|at| [0, 1].map(|way| (at, way)));
        let edges = all.filter_map(|(at, way)| Some((at, way, self.neighbour(at, way)?)));
        edges.filter(|(at, way, to)| pick(&self.spots[*at], &self.spots[*to], *way)).collect()
    }

    fn find_rims<E>(&mut self, evaluate: &mut impl FnMut(Points) -> Result<[Vec<f64>; 4], E>) -> Result<(), E> {
        let edges = self.edges(|a, b, _| a.f.is_finite() != b.f.is_finite());
        // From a spot where it is defined to one where it is not.
        let mut spans: Vec<(Spot, Spot)> = edges
            .iter()
            .map(|(a, _, b)| (self.spots[*a], self.spots[*b]))
            .map(|(a, b)| if a.f.is_finite() { (a, b) } else { (b, a) })
            .collect();
        for _ in 0..RIM {
            let middles = halves(&spans, evaluate)?;
            for (span, middle) in spans.iter_mut().zip(middles) {
                *(if middle.f.is_finite() { &mut span.0 } else { &mut span.1 }) = middle;
            }
        }
        for ((at, way, _), (rim, _)) in edges.into_iter().zip(spans) {
            self.rims.insert((at, way), self.spots.len());
            self.spots.push(rim);
        }
        Ok(())
    }

    fn find_tears<E>(&mut self, evaluate: &mut impl FnMut(Points) -> Result<[Vec<f64>; 4], E>) -> Result<(), E> {
        let Some((lo, hi)) = range_of(&self.heights(), Scale::Linear, Limits::Auto) else { return Ok(()) };
        let small = SMALL * (hi - lo);
        let edges = self.edges(|a, b, way| steep(a, b, way, small));
        let mut spans: Vec<(Spot, Spot)> = edges.iter().map(|(a, _, b)| (self.spots[*a], self.spots[*b])).collect();
        let jump = |(a, b): &(Spot, Spot)| (b.f - a.f).abs();
        let whole: Vec<f64> = spans.iter().map(jump).collect();
        for _ in 0..JUMP {
            let middles = halves(&spans, evaluate)?;
            for (span, middle) in spans.iter_mut().zip(middles) {
                let lower = (middle.f - span.0.f).abs() >= (span.1.f - middle.f).abs();
                *(if lower { &mut span.1 } else { &mut span.0 }) = middle;
            }
        }
        let columns = self.x.len();
        for (((at, way, _), span), whole) in edges.into_iter().zip(spans).zip(whole) {
            // What is not a number in between is a break too.
            if jump(&span) <= 0.5 * whole {
                continue;
            }
            let other = if way == 0 { at.checked_sub(columns) } else { at.checked_sub(1) };
            self.torn.extend([Some(at), other].into_iter().flatten());
        }
        Ok(())
    }

    /// Whether the function jumps or has a pole in a cell.
    pub(super) fn is_torn(&self, cell: usize) -> bool {
        !self.torn.is_empty() && self.torn.contains(&cell)
    }

    /// The corners of the part of a cell where the function is defined: against the clock, none if it is torn.
    pub(super) fn outline(&self, cell: usize, corners: &mut Vec<Spot>) {
        corners.clear();
        if self.is_torn(cell) {
            return;
        }
        let columns = self.x.len();
        // Each corner with the edge that follows it.
        let around = [
            (cell, (cell, 0)),
            (cell + 1, (cell + 1, 1)),
            (cell + columns + 1, (cell + columns, 0)),
            (cell + columns, (cell, 1)),
        ];
        for (corner, edge) in around {
            if self.spots[corner].f.is_finite() {
                corners.push(self.spots[corner]);
            }
            if let Some(rim) = (!self.rims.is_empty()).then(|| self.rims.get(&edge)).flatten() {
                corners.push(self.spots[*rim]);
            }
        }
    }

    /// The value at a place, between the points of the mesh; NaN outside and where it is not defined.
    pub(super) fn height(&self, x: f64, y: f64) -> f64 {
        let place = |v: f64, axis: &[f64]| {
            let last = axis.len() - 1;
            let t = (v - axis[0]) / (axis[last] - axis[0]) * last as f64;
            let cell = (t.max(0.0) as usize).min(last - 1);
            ((-1e-9..=last as f64 + 1e-9).contains(&t)).then_some((cell, t - cell as f64))
        };
        let (Some((i, s)), Some((j, t))) = (place(x, &self.x), place(y, &self.y)) else { return f64::NAN };
        let at = |i: usize, j: usize| self.spots[j * self.x.len() + i].f;
        let (below, above) = (at(i, j) * (1.0 - s) + at(i + 1, j) * s, at(i, j + 1) * (1.0 - s) + at(i + 1, j + 1) * s);
        below * (1.0 - t) + above * t
    }
}

/// The function at the middles of spans.
fn halves<E, F: FnMut(Points) -> Result<[Vec<f64>; 4], E>>(
    spans: &[(Spot, Spot)],
    evaluate: &mut F,
) -> Result<Vec<Spot>, E> {
    let middles: Vec<(f64, f64)> = spans.iter().map(|(a, b)| (0.5 * a.x + 0.5 * b.x, 0.5 * a.y + 0.5 * b.y)).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = middles.iter().copied().unzip();
    let [f, dx, dy, shown] = match spans.len() {
        0 => Default::default(),
        _ => evaluate(Points::columns(vec![x, y]))?,
    };
    let spot = |k: usize| Spot { x: middles[k].0, y: middles[k].1, f: f[k], dx: dx[k], dy: dy[k], shown: shown[k] };
    Ok((0..spans.len()).map(spot).collect())
}

/// Whether the values of two neighbours differ by more than their slopes explain, or against them.
fn steep(a: &Spot, b: &Spot, way: usize, small: f64) -> bool {
    let jump = b.f - a.f;
    let slopes = if way == 0 { [a.dx, b.dx].map(|s| s * (b.x - a.x)) } else { [a.dy, b.dy].map(|s| s * (b.y - a.y)) };
    let explained = jump.abs() <= 2.0 * (slopes[0].abs() + slopes[1].abs()) && jump * (slopes[0] + slopes[1]) >= 0.0;
    jump.is_finite() && jump.abs() > small && !explained
}
