//! What particles came to, as files hold it: the shares that `merge` joins, the checkpoints of a run.
//!
//! Flows in: [`Basins`]. Flows out: [`Gathered`], and basins again to which nothing is lost: numbers are written with the
//! digits that give back the same bits, and a cell beyond those that are kept never comes back among them.
//!
//! Who should not use it: who wants the minima; [`records`](super::records) has them.

use gradfield::descent::{Basins, Cell, Status, Unfinished};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// A cell in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CellRecord {
    particle: u64,
    hits: u64,
    f: f64,
    x: Vec<f64>,
}

impl CellRecord {
    pub(super) fn of(cell: &Cell) -> CellRecord {
        CellRecord { particle: cell.particle, hits: cell.hits, f: cell.f, x: cell.x.clone() }
    }
}

/// The best end without success, in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnfinishedRecord {
    particle: u64,
    status: String,
    f: f64,
    x: Vec<f64>,
}

impl UnfinishedRecord {
    pub(super) fn of(one: &Unfinished) -> UnfinishedRecord {
        UnfinishedRecord { particle: one.particle, status: one.status.name().to_string(), f: one.f, x: one.x.clone() }
    }
}

/// Basins in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Gathered {
    status: BTreeMap<String, u64>,
    evaluations: u64,
    best_unfinished: Option<UnfinishedRecord>,
    /// None in the file of a whole run.
    pub(super) cells: Option<Vec<CellRecord>>,
}

impl Gathered {
    pub(super) fn of(basins: &Basins) -> Gathered {
        Gathered {
            status: basins.statuses().map(|(status, count)| (status.name().to_string(), count)).collect(),
            evaluations: basins.evaluations(),
            best_unfinished: basins.unfinished().map(UnfinishedRecord::of),
            cells: Some(basins.cells().into_iter().map(CellRecord::of).collect()),
        }
    }

    /// Adds it to basins, refusing with the reason what particles of these numbers cannot have come to.
    pub(super) fn add_to(&self, basins: &mut Basins, ranges: &[Range<u64>]) -> Result<(), String> {
        let own = |particle: u64| ranges.iter().any(|range| range.contains(&particle));
        let counts = self.counts(ranges)?;
        let variables = basins.sides().len();
        let place = |x: &[f64], f: f64| x.len() == variables && f.is_finite() && x.iter().all(|x| x.is_finite());
        let cells = self.cells.as_deref().unwrap_or(&[]);
        for cell in cells {
            if !own(cell.particle) || cell.hits == 0 || !place(&cell.x, cell.f) {
                return Err(format!("the cell of particle {} cannot be", cell.particle));
            }
        }
        let hits: u128 = cells.iter().map(|cell| u128::from(cell.hits)).sum();
        let successes = counts.iter().filter(|(status, _)| status.is_success()).map(|(_, count)| u128::from(*count));
        if hits > successes.sum() {
            return Err("its cells have more hits than starts succeeded".to_string());
        }
        counts.into_iter().for_each(|(status, count)| basins.count(status, count));
        basins.count_evaluations(self.evaluations);
        for cell in cells {
            basins.add_cell(&Cell { particle: cell.particle, x: cell.x.clone(), f: cell.f, hits: cell.hits });
        }
        if let Some(UnfinishedRecord { particle, status: name, f, x }) = &self.best_unfinished {
            let status = status(name).filter(|_| own(*particle) && place(x, *f));
            let status = status.ok_or("`best_unfinished` cannot be")?;
            basins.add_unfinished(&Unfinished { particle: *particle, x: x.clone(), f: *f, status });
        }
        Ok(())
    }

    /// How many ended how, which must be all.
    fn counts(&self, ranges: &[Range<u64>]) -> Result<Vec<(Status, u64)>, String> {
        let mut counts = Vec::new();
        for (name, count) in &self.status {
            counts.push((status(name).ok_or_else(|| format!("`{name}` is not a status"))?, *count));
        }
        let particles: u128 = ranges.iter().map(|range| u128::from(range.end - range.start)).sum();
        if counts.iter().map(|(_, count)| u128::from(*count)).sum::<u128>() != particles {
            return Err(format!("the counts of `status` do not add up to its {particles} starts"));
        }
        Ok(counts)
    }
}

fn status(name: &str) -> Option<Status> {
    Status::ENDS.into_iter().find(|status| status.name() == name)
}
