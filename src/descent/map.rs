//! Which minimum a descent from each point of a grid comes to, and in how many steps: basins of attraction.
//!
//! Flows in: a function of two variables, a [`Search`], the two axes of the grid (a picture's pixels), an engine. Flows
//! out: [`BasinMap`]. The descents are those of [`Searcher`], batch by batch; of each is kept where it ended as the number
//! of a cell of [`Basins`], and its steps: eight bytes. Which cells are one minimum is known at the end.
//!
//! Who should not use it: who wants minima alone; [`Searcher`] and [`Minima`] find them in any number of variables.

use super::DescentError;
use super::basins::Basins;
use super::minima::Minima;
use super::search::{Search, Searcher};
use super::status::{Ends, Status};
use crate::backend::Backend;
use crate::expr::Expression;
use crate::field::check_size;
use crate::real::Precision;
use std::ops::Range;
use std::time::Instant;

/// The basin of a point from which no minimum was reached.
pub const NONE: u32 = u32::MAX;

/// Basins of attraction over a grid. Row by row, the first row at the first place of the second axis.
#[derive(Debug, Clone)]
pub struct BasinMap {
    /// For each point the row of `minima` that its descent came to, or [`NONE`].
    pub basins: Vec<u32>,
    /// For each point the evaluations of f and its gradient that its descent took.
    pub steps: Vec<u32>,
    /// What was reached, from the best f on; `hits` are points, `share` is that of the grid.
    pub minima: Minima,
    /// How many descents ended how, in the order of [`Status::ENDS`].
    pub statuses: Vec<(Status, u64)>,
}

/// The points of a grid by number.
struct Grid<'a>([&'a [f64]; 2]);

impl Grid<'_> {
    fn len(&self) -> usize {
        self.0[0].len() * self.0[1].len()
    }

    /// A column per variable.
    fn points(&self, range: Range<usize>) -> Vec<Vec<f64>> {
        let [x, y] = self.0;
        let places = || range.clone().map(|k| (k % x.len(), k / x.len()));
        vec![places().map(|(column, _)| x[column]).collect(), places().map(|(_, row)| y[row]).collect()]
    }
}

impl BasinMap {
    /// Descends from every point of the grid with these axes, each of one number at least. The minima are polished on
    /// `polisher`. `progress` is told how many points are done.
    ///
    /// # Errors
    /// - [`DescentError`] if there is no gradient, the map does not fit into memory, or an engine fails.
    pub fn of(
        expression: &Expression,
        search: &Search,
        axes: [&[f64]; 2],
        (backend, precision): (&dyn Backend, Precision),
        polisher: &dyn Backend,
        mut progress: impl FnMut(u64),
    ) -> Result<BasinMap, DescentError> {
        let grid = Grid(axes);
        // The map, and what a picture makes of it.
        check_size(grid.len() as f64, 11, Precision::F32)?;
        let mut basins = Basins::new(&search.ranges, precision, search.maximize);
        let mut searcher = Searcher::new(expression, search.clone(), backend, precision)?;
        let (mut pace, mut done) = (searcher.pace(), 0);
        // First the particle that shows the cell: it has the smallest number in it, and stays.
        let (mut cells, mut steps) = (Vec::with_capacity(grid.len()), Vec::with_capacity(grid.len()));
        while done < grid.len() {
            let end = grid.len().min(done + pace.next(None) as usize);
            let lap = Instant::now();
            let ends = searcher.batch(grid.points(done..end), done as u64)?;
            basins.add(&ends);
            cells.extend((0..ends.len()).map(|k| cell(&basins, &ends, k)));
            steps.extend_from_slice(&ends.steps);
            pace.took((end - done) as u64, lap.elapsed());
            done = end;
            progress(done as u64);
        }
        let bounds = search.bounds.as_deref();
        let minima = Minima::of(&basins, expression, bounds, search.tolerance, polisher)?;
        for cell in &mut cells {
            let row = minima.row_of((*cell != NONE).then_some(u64::from(*cell)));
            *cell = row.map_or(NONE, |row| row as u32);
        }
        Ok(BasinMap { basins: cells, steps, minima, statuses: basins.statuses().collect() })
    }

    /// Points from which no minimum was reached.
    pub fn lost(&self) -> usize {
        self.basins.iter().filter(|basin| **basin == NONE).count()
    }
}

/// The cell in which a descent ended, if it came to rest.
fn cell(basins: &Basins, ends: &Ends, k: usize) -> u32 {
    let rests = ends.statuses[k].is_success() && ends.values.get(k).is_finite();
    let cell = rests.then(|| basins.cell_of(ends, k)).flatten();
    cell.and_then(|particle| u32::try_from(particle).ok()).unwrap_or(NONE)
}
