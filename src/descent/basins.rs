//! Where particles ended, gathered in bounded memory: cells of a fine grid with their hits.
//!
//! Flows in: [`Ends`], batch by batch. Flows out: how many ended how, the [`Cell`]s in which successful particles
//! ended, and the best end of a particle that did not succeed. What is kept depends on which particles were taken,
//! not on their order, batches or shards: a cell is shown by its particle of the smallest number, and where there are
//! more cells than memory is given to, those that come first in an order of the cells themselves stay.
//!
//! Who should not use it: who wants the table of minima; [`minima`](super::minima) makes it of this.

use super::status::{Ends, Status};
use crate::points::Values;
use crate::real::Precision;
use std::collections::HashMap;

/// Bytes that cells may take, roughly.
const MEMORY: usize = 256 << 20;

/// No more cells than this: each is polished.
const CELLS: usize = 1 << 20;

/// Where a cell's sides are cut: off the places at which the minima of typed functions lie (0, halves, decimals), since
/// a minimum on a corner would fill 2^n cells.
const OFFSET: f64 = 0.381_966_011_250_105;

/// Some particles that ended close together.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The smallest number among them.
    pub particle: u64,
    /// Where that one ended.
    pub x: Vec<f64>,
    /// f there, as the run had it.
    pub f: f64,
    /// How many they are.
    pub hits: u64,
}

/// The end of one particle that did not succeed.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// Its number.
    pub particle: u64,
    /// Where it ended.
    pub x: Vec<f64>,
    /// f there, as the run had it.
    pub f: f64,
    /// How it ended.
    pub status: Status,
}

/// A level of f and the place of a cell. Cells of lower levels come first.
type Key = Box<[i32]>;

/// Particles' ends, gathered.
#[derive(Debug, Clone)]
pub struct Basins {
    /// Sides of a cell.
    sides: Vec<f64>,
    /// 1, or -1 where f is climbed.
    sign: f64,
    limit: usize,
    cells: HashMap<Key, Cell>,
    /// Cells from this key on are not kept.
    beyond: Option<Key>,
    counts: [u64; Status::ENDS.len()],
    evaluations: u64,
    unfinished: Option<Unfinished>,
}

impl Basins {
    /// Nothing yet. `ranges` is the box of the starts, which says what close means: a thousandth of it for ends
    /// in f32, a ten-thousandth in f64.
    pub fn new(ranges: &[(f64, f64)], precision: Precision, maximize: bool) -> Basins {
        let share = if precision == Precision::F32 { 1e-3 } else { 1e-4 };
        let side = |(lo, hi): &(f64, f64)| {
            let width = hi - lo;
            let scale = lo.abs().max(hi.abs());
            share * if width > 0.0 && width.is_finite() { width } else { if scale > 0.0 { scale } else { 1.0 } }
        };
        // A cell: its number and key, allocated apart, and the map's own.
        let bytes = 12 * ranges.len() + 160;
        Basins {
            sides: ranges.iter().map(side).collect(),
            sign: if maximize { -1.0 } else { 1.0 },
            limit: (MEMORY / bytes).clamp(1, CELLS),
            cells: HashMap::new(),
            beyond: None,
            counts: [0; Status::ENDS.len()],
            evaluations: 0,
            unfinished: None,
        }
    }

    /// With another limit on the number of cells.
    pub fn with_limit(mut self, limit: usize) -> Basins {
        self.limit = limit.max(1);
        self
    }

    /// Nothing yet, with cells of the same sides.
    pub(super) fn emptied(&self) -> Basins {
        Basins {
            sides: self.sides.clone(),
            cells: HashMap::new(),
            beyond: None,
            counts: Default::default(),
            evaluations: 0,
            unfinished: None,
            ..*self
        }
    }

    /// Takes a batch. An end that is not finite counts as [`Status::Value`], whatever it claims.
    pub fn add(&mut self, ends: &Ends) {
        let mut key = Vec::new();
        for (k, status) in ends.statuses.iter().enumerate() {
            let f = ends.values.get(k);
            let finite = f.is_finite() && ends.positions.iter().all(|column| column.get(k).is_finite());
            let status = if status.is_success() && !finite { Status::Value } else { *status };
            self.count(status, 1);
            self.evaluations += ends.steps.get(k).copied().map_or(0, u64::from);
            let particle = ends.first + k as u64;
            if status.is_success() {
                self.key(&ends.positions, k, f, &mut key);
                self.take(&key, particle, 1, || (point(&ends.positions, k), f));
            } else if finite && self.is_better(f, particle) {
                self.unfinished = Some(Unfinished { particle, x: point(&ends.positions, k), f, status });
            }
        }
    }

    /// Takes what another run over other particles of the same starts has gathered, or a file of it holds.
    pub fn add_cell(&mut self, cell: &Cell) {
        let mut key = Vec::new();
        let columns: Vec<Values> = cell.x.iter().map(|x| Values::F64(vec![*x])).collect();
        self.key(&columns, 0, cell.f, &mut key);
        self.take(&key, cell.particle, cell.hits, || (cell.x.clone(), cell.f));
    }

    /// Adds to how many ended how.
    pub fn count(&mut self, status: Status, particles: u64) {
        if let Some(place) = Status::ENDS.iter().position(|end| *end == status) {
            self.counts[place] += particles;
        }
    }

    /// Adds to the evaluations of f and its gradient.
    pub fn count_evaluations(&mut self, evaluations: u64) {
        self.evaluations += evaluations;
    }

    /// Takes the best end without success of other particles.
    pub fn add_unfinished(&mut self, other: &Unfinished) {
        if self.is_better(other.f, other.particle) {
            self.unfinished = Some(other.clone());
        }
    }

    /// Takes all of another, over other particles: the same as if these had been added here.
    pub fn merge(&mut self, other: &Basins) {
        other.cells.values().for_each(|cell| self.add_cell(cell));
        Status::ENDS.iter().zip(other.counts).for_each(|(status, count)| self.count(*status, count));
        self.evaluations += other.evaluations;
        other.unfinished.iter().for_each(|one| self.add_unfinished(one));
    }

    fn is_better(&self, f: f64, particle: u64) -> bool {
        self.unfinished.as_ref().is_none_or(|known| {
            (self.sign * f).total_cmp(&(self.sign * known.f)).then(particle.cmp(&known.particle)).is_lt()
        })
    }

    /// The key of an end. The level of f is coarse; it is there for the order alone, and for that it need only be the
    /// same number for the same end.
    fn key(&self, positions: &[Values], k: usize, f: f64, key: &mut Vec<i32>) {
        key.clear();
        let f = self.sign * f;
        key.push((f.signum() * (1.0 + f.abs()).log2() * 8.0).floor() as i32);
        // The conversion saturates.
        key.extend(positions.iter().zip(&self.sides).map(|(x, side)| (x.get(k) / side + OFFSET).floor() as i32));
    }

    fn take(&mut self, key: &[i32], particle: u64, hits: u64, end: impl FnOnce() -> (Vec<f64>, f64)) {
        if let Some(cell) = self.cells.get_mut(key) {
            cell.hits += hits;
            if particle < cell.particle {
                (cell.particle, (cell.x, cell.f)) = (particle, end());
            }
            return;
        }
        if self.beyond.as_ref().is_some_and(|beyond| key >= &**beyond) {
            return;
        }
        let (x, f) = end();
        self.cells.insert(key.into(), Cell { particle, x, f, hits });
        if self.cells.len() > 2 * self.limit {
            self.cut();
        }
    }

    /// Keeps the first `limit` cells. A cell that is among the first of all is among the first of any part of them,
    /// so that what stays at last has never been dropped: its hits are exact.
    fn cut(&mut self) {
        let mut keys: Vec<Key> = self.cells.keys().cloned().collect();
        let (_, beyond, _) = keys.select_nth_unstable(self.limit);
        self.cells.retain(|key, _| *key < *beyond);
        self.beyond = Some(beyond.clone());
    }

    /// The cells, by number of particle: the first `limit` by their keys.
    pub fn cells(&self) -> Vec<&Cell> {
        let mut kept: Vec<(&Key, &Cell)> = self.cells.iter().collect();
        if kept.len() > self.limit {
            kept.select_nth_unstable_by(self.limit, |a, b| a.0.cmp(b.0));
            kept.truncate(self.limit);
        }
        let mut cells: Vec<&Cell> = kept.into_iter().map(|(_, cell)| cell).collect();
        cells.sort_by_key(|cell| cell.particle);
        cells
    }

    /// How many cells are kept: at least as many as the table will have rows.
    pub fn places(&self) -> usize {
        self.cells.len().min(self.limit)
    }

    /// The cell in which an end lies, by its particle; none where it was dropped.
    pub fn cell_of(&self, ends: &Ends, k: usize) -> Option<u64> {
        let mut key = Vec::new();
        self.key(&ends.positions, k, ends.values.get(k), &mut key);
        self.cells.get(&*key).map(|cell| cell.particle)
    }

    /// Sides of a cell.
    pub fn sides(&self) -> &[f64] {
        &self.sides
    }

    /// Whether f is climbed.
    pub fn maximize(&self) -> bool {
        self.sign < 0.0
    }

    /// How many ended how, in the order of [`Status::ENDS`].
    pub fn statuses(&self) -> impl Iterator<Item = (Status, u64)> + '_ {
        Status::ENDS.iter().copied().zip(self.counts)
    }

    /// How many were taken.
    pub fn particles(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many of them succeeded.
    pub fn successes(&self) -> u64 {
        self.statuses().filter(|(status, _)| status.is_success()).map(|(_, count)| count).sum()
    }

    /// Evaluations of f and its gradient that they took.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Of those that did not succeed the one with the best finite f.
    pub fn unfinished(&self) -> Option<&Unfinished> {
        self.unfinished.as_ref()
    }
}

fn point(positions: &[Values], k: usize) -> Vec<f64> {
    positions.iter().map(|column| column.get(k)).collect()
}
