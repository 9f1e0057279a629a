//! Flat points that lie in one valley are one row of the table.
//!
//! Flows in: the table's points and kinds. Flows out: for each the number of the first point of its valley. Two
//! neighbours are in one valley where the point half way between, polished, is flat too, has their f within the
//! computed error, and is still between them. Neighbours are those of the shortest tree that joins all flat points.
//!
//! Who should not use it: anyone but the table.

use super::DescentError;
use super::basins::Basins;
use super::kind::{Kind, Known, known};
use super::polish::{Polished, Polisher};
use crate::backend::Backend;

/// Flat points up to which neighbours are sought: it takes the square of their number.
const POINTS: usize = 4096;

/// The group of each point after those of one valley are joined: the smallest number in it.
pub(super) fn join(
    points: &[&Polished],
    knowns: &[Known],
    polisher: &mut Polisher<'_>,
    basins: &Basins,
    tolerance: f64,
    backend: &dyn Backend,
) -> Result<Vec<usize>, DescentError> {
    let mut groups: Vec<usize> = (0..points.len()).collect();
    let flat: Vec<usize> = (0..points.len()).filter(|k| knowns[*k].kind == Kind::Flat).collect();
    if flat.len() < 2 || flat.len() > POINTS {
        return Ok(groups);
    }
    let edges = tree(&flat.iter().map(|k| points[*k].x.as_slice()).collect::<Vec<_>>(), basins.sides());
    let edges: Vec<(usize, usize)> = edges.into_iter().map(|(a, b)| (flat[a], flat[b])).collect();
    let middle = |(a, b): &(usize, usize)| points[*a].x.iter().zip(&points[*b].x).map(|(a, b)| 0.5 * (a + b)).collect();
    let middles: Vec<Vec<f64>> = edges.iter().map(middle).collect();
    let polished = polisher.polish(&middles)?;
    let found = known(&polished.iter().collect::<Vec<_>>(), polisher, basins, tolerance, backend)?;
    for (((a, b), middle), (end, seen)) in edges.iter().zip(&middles).zip(polished.iter().zip(&found)) {
        let apart = distance(&points[*a].x, &points[*b].x, basins.sides());
        let between = distance(&end.x, middle, basins.sides()) <= 0.25 * apart;
        let level = [a, b].iter().all(|k| {
            let slope = (end.gradient_norm + points[**k].gradient_norm) * length(&end.x, &points[**k].x);
            (end.f - points[**k].f).abs() <= 4.0 * (seen.noise + knowns[**k].noise) + slope
        });
        if seen.kind == Kind::Flat && between && level {
            let (one, other) = (root(&groups, *a), root(&groups, *b));
            groups[one.max(other)] = one.min(other);
        }
    }
    Ok((0..groups.len()).map(|k| root(&groups, k)).collect())
}

fn root(groups: &[usize], mut k: usize) -> usize {
    while groups[k] != k {
        k = groups[k];
    }
    k
}

/// The edges of the shortest tree over all points (Prim, Shortest connection networks, 1957).
fn tree(points: &[&[f64]], sides: &[f64]) -> Vec<(usize, usize)> {
    let mut edges = Vec::with_capacity(points.len());
    let mut outside: Vec<usize> = (1..points.len()).collect();
    // The nearest point of the tree, and how far it is.
    let mut near: Vec<(f64, usize)> = points.iter().map(|point| (distance(point, points[0], sides), 0)).collect();
    while let Some(next) = (0..outside.len()).min_by(|a, b| near[outside[*a]].0.total_cmp(&near[outside[*b]].0)) {
        let joined = outside.swap_remove(next);
        edges.push((near[joined].1, joined));
        for k in &outside {
            let apart = distance(points[*k], points[joined], sides);
            if apart < near[*k].0 {
                near[*k] = (apart, joined);
            }
        }
    }
    edges
}

/// In cells.
fn distance(a: &[f64], b: &[f64], sides: &[f64]) -> f64 {
    a.iter().zip(b).zip(sides).map(|((a, b), side)| ((a - b) / side).powi(2)).sum::<f64>().sqrt()
}

fn length(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
