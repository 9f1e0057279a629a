//! The table of distinct minima: what the ends of very many particles are, once each.
//!
//! Flows in: [`Basins`] and the expression. Flows out: [`Minima`], rows sorted from the best f on. Each cell's particle
//! is polished in f64, those that meet are one row, and a row's kind is told by the eigenvalues of the Hessian beside
//! their computed error. The table depends on the cells alone, so that shards joined give what one run gives.
//!
//! Who should not use it: who wants every end point; the runs hand them out before.

use super::basins::{Basins, Cell};
use super::kind::{Kind, Known, known};
use super::polish::{Polished, Polisher};
use super::{DescentError, valley};
use crate::backend::Backend;
use crate::expr::Expression;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Variables up to which points are polished and their kind is told: with more, they stay where the run ended.
pub const VARIABLES: usize = super::polish::VARIABLES;

/// Polished points so close, in cells, are one.
const CLOSE: f64 = 1e-3;

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// Where.
    pub x: Vec<f64>,
    /// f there, in f64.
    pub f: f64,
    /// Norm of the gradient there, in f64; at a bound without what points across it.
    pub gradient_norm: f64,
    /// Particles that ended here.
    pub hits: u64,
    /// They as a share of all particles.
    pub share: f64,
    /// What it is.
    pub kind: Kind,
    /// The smallest number of a particle that ended here.
    pub particle: u64,
    /// Found by [`hops`](super::hops) alone: no particle ended here.
    pub by_hops: bool,
    /// Bound on the error of f.
    pub(super) noise: f64,
}

impl Minimum {
    /// Bound on the error of f; where there is none known, a guess.
    fn error(&self) -> f64 {
        if self.noise.is_finite() { self.noise } else { 1e-9 * self.f.abs() }
    }
}

/// What another table has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gain {
    /// Rows that were not there, each better than all that were.
    pub found: usize,
    /// Rows whose f is lower: at a kink descents end short of it.
    pub improved: usize,
}

/// The table.
#[derive(Debug, Clone, Default)]
pub struct Minima {
    /// From the best f on.
    pub rows: Vec<Minimum>,
    /// The probability, as the Good-Turing estimate has it, that one more particle that succeeds would end at a place
    /// that is not in the table: the share of those that are the only one at theirs. None where none succeeded.
    pub unseen: Option<f64>,
    /// Particles that succeeded and are in no row, for there were more cells than are kept.
    pub dropped: u64,
    /// The row of a cell, by its particle.
    rows_of: HashMap<u64, usize>,
}

impl Minima {
    /// Makes the table. `bounds` are those of the search, `tolerance` is the norm of the gradient that it took for zero.
    ///
    /// # Errors
    /// - [`DescentError::Derive`] if the function has no gradient in the language;
    /// - [`DescentError::Backend`] if the engine failed or was interrupted.
    pub fn of(
        basins: &Basins,
        expression: &Expression,
        bounds: Option<&[(f64, f64)]>,
        tolerance: f64,
        backend: &dyn Backend,
    ) -> Result<Minima, DescentError> {
        let cells = basins.cells();
        if cells.is_empty() {
            return Ok(Minima::default());
        }
        let mut polisher = Polisher::new(expression, bounds, basins.sides(), basins.maximize(), backend)?;
        let starts: Vec<Vec<f64>> = cells.iter().map(|cell| cell.x.clone()).collect();
        let polished = polisher.polish(&starts)?;
        let groups = Groups::of(&polished, basins.sides(), if basins.maximize() { -1.0 } else { 1.0 });
        let leaders: Vec<&Polished> = groups.leaders.iter().map(|k| &polished[*k]).collect();
        let knowns = known(&leaders, &mut polisher, basins, tolerance, backend)?;
        let joined = valley::join(&leaders, &knowns, &mut polisher, basins, tolerance, backend)?;
        Ok(table(basins, &cells, &polished, &groups, &joined, &knowns))
    }

    /// With the rows of another table that are better than all of these, by more than rounding. One close to a row is the
    /// same, and takes its place if that could not be polished.
    pub(super) fn with_better(mut self, found: Minima, basins: &Basins) -> (Minima, Gain) {
        let sign = if basins.maximize() { -1.0 } else { 1.0 };
        let below = |one: &Minimum, than: &Minimum| sign * one.f + one.error() < sign * than.f - than.error();
        let (best, mut gain) = (self.rows.first().cloned(), Gain::default());
        let mut rows: Vec<(Option<usize>, Minimum)> =
            std::mem::take(&mut self.rows).into_iter().enumerate().map(|(k, row)| (Some(k), row)).collect();
        for new in found.rows.into_iter().filter(|new| best.as_ref().is_none_or(|best| below(new, best))) {
            let known = rows.iter_mut().find(|(_, row)| is_near(&row.x, &new.x, basins.sides()));
            let Some((_, row)) = known else {
                gain.found += 1;
                rows.push((None, Minimum { hits: 0, share: 0.0, by_hops: true, ..new }));
                continue;
            };
            if row.kind == Kind::Unknown && below(&new, row) {
                gain.improved += 1;
                let (hits, share, particle, by_hops) = (row.hits, row.share, row.particle, row.by_hops);
                *row = Minimum { hits, share, particle, by_hops, ..new };
            }
        }
        rows.sort_by(|(_, a), (_, b)| order(a, b, sign));
        let mut place = vec![0; rows.len()];
        rows.iter().enumerate().for_each(|(row, (old, _))| old.iter().for_each(|old| place[*old] = row));
        self.rows_of.values_mut().for_each(|row| *row = place[*row]);
        self.rows = rows.into_iter().map(|(_, row)| row).collect();
        (self, gain)
    }

    /// The row at which a particle ended, if any.
    pub fn row_of(&self, cell: Option<u64>) -> Option<usize> {
        self.rows_of.get(&cell?).copied()
    }
}

/// Cells whose polished points meet.
struct Groups {
    /// The group of each cell.
    of_cell: Vec<usize>,
    /// The cell that shows a group: that with the smallest gradient, of those at a kink that with the best f.
    leaders: Vec<usize>,
}

impl Groups {
    /// Points are sorted along a direction in which those that are apart rarely share a place, and compared with the
    /// groups that lie near there.
    fn of(points: &[Polished], sides: &[f64], sign: f64) -> Groups {
        // Fractions of multiples of the golden ratio.
        let weight = |i: usize| 0.5 + (0.618_033_988_749_894_9 * (i + 1) as f64).fract();
        let weights: Vec<f64> = (0..sides.len()).map(weight).collect();
        let place = |point: &Polished| {
            let coordinates = point.x.iter().zip(sides).zip(&weights);
            coordinates.map(|((x, side), w)| w * x / side).sum::<f64>()
        };
        let places: Vec<f64> = points.iter().map(place).collect();
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| places[*a].total_cmp(&places[*b]).then(a.cmp(b)));
        let loosest = points.iter().map(slack).fold(0.0, f64::max);
        let window = weights.iter().sum::<f64>() * (CLOSE + 2.0 * loosest);
        // (place, its first cell) of each group, by place.
        let mut found: Vec<(f64, usize)> = Vec::new();
        let (mut of_cell, mut leaders) = (vec![0; points.len()], Vec::new());
        let mut begin = 0;
        for k in order {
            while begin < found.len() && found[begin].0 < places[k] - window {
                begin += 1;
            }
            let near = (begin..found.len()).find(|g| meet(&points[found[*g].1], &points[k], sides));
            of_cell[k] = near.unwrap_or(found.len());
            if near.is_none() {
                found.push((places[k], k));
                leaders.push(k);
            }
        }
        for (k, group) in of_cell.iter().enumerate() {
            let (one, best) = (&points[k], &points[leaders[*group]]);
            // Where there is a kink a small gradient says nothing.
            let better = match one.explained && best.explained {
                true => one.gradient_norm.total_cmp(&best.gradient_norm),
                false => (sign * one.f).total_cmp(&(sign * best.f)),
            };
            if better.then(k.cmp(&leaders[*group])).is_lt() {
                leaders[*group] = k;
            }
        }
        Groups { of_cell, leaders }
    }
}

/// How far off, in cells, a point may be that is not polished to the end: one that could not be, by half a cell.
fn slack(point: &Polished) -> f64 {
    if point.explained { (4.0 * point.rest).clamp(0.0, 0.5) } else { 0.5 }
}

/// Whether two points are one. f need not be compared: it is the same at points so close to where its gradient is zero.
fn meet(a: &Polished, b: &Polished, sides: &[f64]) -> bool {
    let allowed = CLOSE + slack(a) + slack(b);
    a.x.iter().zip(&b.x).zip(sides).all(|((a, b), side)| (a - b).abs() <= allowed * side)
}

/// The better f first.
fn order(a: &Minimum, b: &Minimum, sign: f64) -> Ordering {
    let lower = a.f.is_nan().cmp(&b.f.is_nan()).then((sign * a.f).total_cmp(&(sign * b.f)));
    lower.then_with(|| a.x.iter().map(|x| x.to_bits()).cmp(b.x.iter().map(|x| x.to_bits())))
}

/// Whether points that could not be polished are one.
fn is_near(a: &[f64], b: &[f64], sides: &[f64]) -> bool {
    a.iter().zip(b).zip(sides).all(|((a, b), side)| (a - b).abs() <= (CLOSE + 1.0) * side)
}

/// The rows, sorted, and which cell is in which.
fn table(
    basins: &Basins,
    cells: &[&Cell],
    polished: &[Polished],
    groups: &Groups,
    joined: &[usize],
    knowns: &[Known],
) -> Minima {
    let all = basins.particles();
    let mut rows: Vec<Option<Minimum>> = vec![None; groups.leaders.len()];
    for (cell, group) in cells.iter().zip(&groups.of_cell) {
        let leader = &polished[groups.leaders[*group]];
        // Cells come by number of particle: the first has the smallest, and its group shows a valley.
        let row = rows[joined[*group]].get_or_insert_with(|| Minimum {
            x: leader.x.clone(),
            f: leader.f,
            gradient_norm: leader.gradient_norm,
            hits: 0,
            share: 0.0,
            kind: knowns[*group].kind,
            particle: cell.particle,
            by_hops: false,
            noise: knowns[*group].noise,
        });
        row.hits += cell.hits;
    }
    let mut order: Vec<(usize, Minimum)> =
        rows.into_iter().enumerate().filter_map(|(k, row)| Some((k, row?))).collect();
    let sign = if basins.maximize() { -1.0 } else { 1.0 };
    order.sort_by(|(_, a), (_, b)| self::order(a, b, sign));
    let mut place = vec![0; groups.leaders.len()];
    order.iter().enumerate().for_each(|(row, (group, _))| place[*group] = row);
    let mut rows: Vec<Minimum> = order.into_iter().map(|(_, row)| row).collect();
    rows.iter_mut().for_each(|row| row.share = row.hits as f64 / all.max(1) as f64);
    let seen: u64 = rows.iter().map(|row| row.hits).sum();
    let once = rows.iter().filter(|row| row.hits == 1).count();
    let successes = basins.successes();
    Minima {
        unseen: (successes > 0).then(|| once as f64 / successes as f64),
        dropped: successes.saturating_sub(seen),
        rows_of: cells
            .iter()
            .zip(&groups.of_cell)
            .map(|(cell, group)| (cell.particle, place[joined[*group]]))
            .collect(),
        rows,
    }
}
