//! Groups as rows: the points and the lines of the answer, in order.
//!
//! Flows in: groups of judged points. Flows out: [`Critical`], but for the turns along the border.

use super::exact::{Exact, length};
use super::grid::Grid;
use super::group::Group;
use super::judge::{Judged, doubt};
use super::winding::turns;
use super::{Continuum, Critical, CriticalError, Kind, Point, Shape};
use std::cmp::Ordering;

/// How much nearer than the next critical point the way around a degenerate one stays, and its largest distance in cells.
const NEARER: f64 = 0.4;
const AROUND: f64 = 0.4;
/// Points of each side of that way.
const ROUND: usize = 16;

/// The rows.
pub(super) fn rows(exact: &mut Exact<'_>, grid: &Grid, groups: Vec<Group>) -> Result<Critical, CriticalError> {
    let (wide, single): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(|group| group.wide);
    let points: Result<Vec<Point>, _> = single.into_iter().map(|group| point(exact, grid, &group)).collect();
    let mut points = points?;
    let mut continua: Vec<Continuum> = wide.into_iter().map(|group| continuum(group, grid)).collect();
    points.sort_by(|a, b| order((a.f, &a.x), (b.f, &b.x)));
    level(&mut points);
    continua.sort_by(|a, b| order((a.f, &a.x), (b.f, &b.x)));
    let mut found = Critical { points, continua, turns: None };
    indices(exact, grid, &mut found)?;
    Ok(found)
}

fn order(a: (f64, &[f64]), b: (f64, &[f64])) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Puts points of one f, each within the errors of its neighbours, in the order of their coordinates.
fn level(points: &mut [Point]) {
    for run in points.chunk_by_mut(|a, b| b.f - a.f <= a.noise + b.noise) {
        run.sort_by(|a, b| order((0.0, &a.x), (0.0, &b.x)));
    }
}

/// The indices of degenerate points, by the gradient's turns around each.
fn indices(exact: &mut Exact<'_>, grid: &Grid, found: &mut Critical) -> Result<(), CriticalError> {
    for k in 0..found.points.len() {
        let point = &found.points[k];
        if point.kind != Kind::Degenerate {
            continue;
        }
        let others = found.points.iter().enumerate().filter(|(other, _)| *other != k).map(|(_, point)| &point.x);
        let others = others.chain(found.continua.iter().flat_map(|continuum| &continuum.samples));
        let nearest = others.map(|x| grid.apart(x, &point.x)).fold(f64::INFINITY, f64::min);
        let cells = (NEARER * nearest).min(AROUND);
        let corner = |way: f64| -> Vec<f64> {
            point.x.iter().zip(&grid.sides).map(|(x, side)| x + way * cells * side).collect()
        };
        let known = point.error.iter().zip(&grid.sides).all(|(error, side)| *error < 0.5 * cells * side);
        let (low, high) = (corner(-1.0), corner(1.0));
        found.points[k].index = if known { turns(exact, grid, &low, &high, ROUND)? } else { None };
    }
    Ok(())
}

/// An isolated point.
fn point(exact: &mut Exact<'_>, grid: &Grid, group: &Group) -> Result<Point, CriticalError> {
    let best = &group.members[0];
    let spread = group.members.iter().map(|point| grid.apart(&point.x, &best.x)).fold(0.0, f64::max);
    let error = if best.is_degenerate() { doubt(exact, grid, best)? } else { best.error };
    let cells = error.max(spread);
    let kind = Kind::of(&best.eigenvalues);
    let negative = best.eigenvalues.iter().filter(|value| **value < 0.0).count();
    Ok(Point {
        x: best.x.clone(),
        error: best.x.iter().zip(&grid.sides).map(|(x, side)| (cells * side).max(f64::EPSILON * x.abs())).collect(),
        f: best.sample.f,
        gradient_norm: gradient_norm(best, grid),
        eigenvalues: best.eigenvalues.clone(),
        kind,
        index: (kind != Kind::Degenerate).then_some(if negative % 2 == 0 { 1 } else { -1 }),
        noise: best.noise,
    })
}

/// The gradient's length in the units of f and the variables.
fn gradient_norm(point: &Judged, grid: &Grid) -> f64 {
    length(&point.sample.gradient.iter().zip(&grid.sides).map(|(g, side)| g / side).collect::<Vec<f64>>())
}

/// A line or an area.
fn continuum(group: Group, grid: &Grid) -> Continuum {
    let best = &group.members[0];
    let extent = |v: usize| {
        let ends = group.members.iter().map(|point| point.x[v]);
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
    };
    Continuum {
        shape: if group.full { Shape::Area } else { Shape::Line },
        x: best.x.clone(),
        f: best.sample.f,
        gradient_norm: gradient_norm(best, grid),
        eigenvalues: best.eigenvalues.clone(),
        extent: (0..grid.sides.len()).map(extent).collect(),
        samples: group.members.into_iter().map(|point| point.x).collect(),
    }
}
