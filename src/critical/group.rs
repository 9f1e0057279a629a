//! Critical points that are one, and those that are not isolated.
//!
//! Flows in: judged points. Flows out: groups of them. Two are one where their places agree within their errors. Where
//! the Hessian is singular the error is unknown: then two in neighbouring cells are one where the point half way between,
//! polished, is critical too, has their f, and is still between them; or where they are closer than the gradient tells.
//! A group that is wider than a cell is a line or an area of critical points.

use super::exact::Exact;
use super::grid::Grid;
use super::judge::{Judged, doubt, is_zero};
use super::polish::polish;
use super::{CriticalError, VARIABLES};
use std::collections::HashMap;

/// Of the cells of an area, so many have all their neighbours in it; of a line none has, but where lines meet.
const FULL: f64 = 0.2;

/// Of points closer than this, in cells, it is asked whether the gradient tells them apart.
const CLOSE: f64 = 1e-3;

/// Critical points that hang together.
pub(super) struct Group {
    /// The members; the first has the shortest gradient.
    pub(super) members: Vec<Judged>,
    /// Whether it is a line or an area, not one point.
    pub(super) wide: bool,
    /// Whether it covers whole cells with all their neighbours.
    pub(super) full: bool,
}

/// The nearest point of the grid, by its place.
type Place = [i64; VARIABLES];

/// Joins copies: points whose coordinates are equal but for some units in their last place, or in that of a cell. The first
/// of each stays.
pub(super) fn distinct<T>(points: Vec<T>, x: impl Fn(&T) -> &[f64], grid: &Grid) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let mut cells: HashMap<Place, Vec<usize>> = HashMap::new();
    for point in points {
        let is_copy = |other: &T| {
            let mut coordinates = x(other).iter().zip(x(&point)).zip(&grid.sides);
            coordinates.all(|((a, b), side)| (a - b).abs() <= 16.0 * f64::EPSILON * (b.abs() + side))
        };
        let place = place(x(&point), grid);
        let known = around(place, grid.sides.len(), 1)
            .filter_map(|near| cells.get(&near))
            .flatten()
            .any(|k| is_copy(&kept[*k]));
        if !known {
            cells.entry(place).or_default().push(kept.len());
            kept.push(point);
        }
    }
    kept
}

/// The groups of all points.
pub(super) fn groups(exact: &mut Exact<'_>, grid: &Grid, points: Vec<Judged>) -> Result<Vec<Group>, CriticalError> {
    let mut cells: HashMap<Place, Vec<usize>> = HashMap::new();
    for (k, point) in points.iter().enumerate() {
        cells.entry(place(&point.x, grid)).or_default().push(k);
    }
    let mut roots: Vec<usize> = (0..points.len()).collect();
    // Points drift along a line as they come to it: a cell of it may be empty.
    for reach in [1, 2] {
        let mut doubtful = Vec::new();
        for (k, point) in points.iter().enumerate() {
            let near =
                around(place(&point.x, grid), grid.sides.len(), reach).filter_map(|near| cells.get(&near)).flatten();
            for other in near.filter(|other| **other < k) {
                if root(&mut roots, *other) == root(&mut roots, k) {
                    continue;
                }
                if point.is_degenerate() || points[*other].is_degenerate() {
                    doubtful.push((*other, k));
                } else if grid.apart(&point.x, &points[*other].x) <= point.error + points[*other].error {
                    join(&mut roots, k, *other);
                }
            }
        }
        connect(exact, grid, &points, doubtful, &mut roots)?;
    }
    let mut groups: HashMap<usize, Vec<Judged>> = HashMap::new();
    for (k, point) in points.into_iter().enumerate() {
        groups.entry(root(&mut roots, k)).or_default().push(point);
    }
    Ok(groups.into_values().map(|members| Group::of(members, grid)).collect())
}

/// Joins pairs between which all is critical.
fn connect(
    exact: &mut Exact<'_>,
    grid: &Grid,
    points: &[Judged],
    pairs: Vec<(usize, usize)>,
    roots: &mut [usize],
) -> Result<(), CriticalError> {
    let middle = |(a, b): &(usize, usize)| points[*a].x.iter().zip(&points[*b].x).map(|(a, b)| 0.5 * (a + b)).collect();
    let middles: Vec<Vec<f64>> = pairs.iter().map(middle).collect();
    let polished = polish(exact, grid, middles.clone())?;
    for (((a, b), middle), end) in pairs.iter().zip(&middles).zip(polished) {
        let (one, other) = (&points[*a], &points[*b]);
        let between = grid.apart(middle, &end.x) <= 0.25 * grid.apart(&one.x, &other.x);
        let sum = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        let critical = is_zero(&end.sample.gradient, &sum(&one.tolerance, &other.tolerance));
        let level = [one, other].iter().all(|point| {
            let noise = 4.0 * (one.noise + other.noise);
            (end.sample.f - point.sample.f).abs() <= noise + end.sample.norm() + point.sample.norm()
        });
        let apart = grid.apart(&one.x, &other.x);
        let open = level && apart <= CLOSE && root(roots, *a) != root(roots, *b);
        if level && between && critical || open && apart <= doubt(exact, grid, one)? + doubt(exact, grid, other)? {
            join(roots, *a, *b);
        }
    }
    Ok(())
}

impl Group {
    fn of(mut members: Vec<Judged>, grid: &Grid) -> Group {
        members.sort_by(|a, b| {
            let shorter = a.sample.norm().total_cmp(&b.sample.norm());
            shorter.then_with(|| a.x.iter().map(|x| x.to_bits()).cmp(b.x.iter().map(|x| x.to_bits())))
        });
        let n = grid.sides.len();
        let extent = |v: usize| {
            let ends = members.iter().map(|point| point.x[v]);
            ends.clone().fold(f64::NEG_INFINITY, f64::max) - ends.fold(f64::INFINITY, f64::min)
        };
        let wide = members[0].is_degenerate() && (0..n).any(|v| extent(v) > 1.5 * grid.sides[v]);
        let cells: HashMap<Place, ()> = members.iter().map(|point| (place(&point.x, grid), ())).collect();
        let inner = cells.keys().filter(|place| around(**place, n, 1).all(|near| cells.contains_key(&near))).count();
        let full = n > 1 && wide && inner as f64 > FULL * cells.len() as f64;
        Group { members, wide, full }
    }
}

fn place(x: &[f64], grid: &Grid) -> Place {
    let mut place = [0; VARIABLES];
    for (place, ((x, (lo, _)), side)) in place.iter_mut().zip(x.iter().zip(&grid.ranges).zip(&grid.sides)) {
        *place = ((x - lo) / side).round() as i64;
    }
    place
}

/// A place and all within `reach` of it, also across corners, on a grid over `n` variables.
fn around(place: Place, n: usize, reach: i64) -> impl Iterator<Item = Place> {
    let width = 2 * reach + 1;
    (0..width.pow(n as u32)).map(move |k| {
        let (mut near, mut rest) = (place, k);
        for at in &mut near[..n] {
            *at += rest % width - reach;
            rest /= width;
        }
        near
    })
}

/// The smallest number of a point's group; the way to it is made shorter for the next time.
fn root(roots: &mut [usize], mut k: usize) -> usize {
    while roots[k] != k {
        roots[k] = roots[roots[k]];
        k = roots[k];
    }
    k
}

fn join(roots: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(roots, a), root(roots, b));
    roots[a.max(b)] = a.min(b);
}
