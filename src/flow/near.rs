//! What is close by: points in the cells of a lattice.
//!
//! Flows in: points. Flows out: whether one of them is nearer to a place than a distance.

use super::Place;

/// Points by cells.
#[derive(Debug, Clone)]
pub(super) struct Near {
    /// Side of a cell in pixels.
    side: f64,
    columns: usize,
    rows: usize,
    cells: Vec<Vec<Place>>,
}

impl Near {
    /// No points yet, on a rectangle of this size.
    pub(super) fn new((width, height): (f64, f64), side: f64) -> Near {
        let count = |length: f64| (length / side) as usize + 1;
        let (columns, rows) = (count(width), count(height));
        Near { side, columns, rows, cells: vec![Vec::new(); columns * rows] }
    }

    pub(super) fn add(&mut self, place: Place) {
        // The conversion saturates: a place beyond an edge belongs to the cell at the edge.
        let (column, row) = ((place.0 / self.side) as usize, (place.1 / self.side) as usize);
        self.cells[row.min(self.rows - 1) * self.columns + column.min(self.columns - 1)].push(place);
    }

    /// Whether a point is nearer to `place`, which lies on the rectangle, than `distance`.
    pub(super) fn is_near(&self, place: Place, distance: f64) -> bool {
        let range = |at: f64, count: usize| {
            let first = ((at - distance) / self.side) as usize;
            first..=(((at + distance) / self.side) as usize).min(count - 1)
        };
        let columns = range(place.0, self.columns);
        let close = |other: &Place| squared(place, *other) < distance * distance;
        range(place.1, self.rows).any(|row| {
            let cells = row * self.columns + columns.start()..=row * self.columns + columns.end();
            self.cells[*cells.start()..=*cells.end()].iter().any(|cell| cell.iter().any(close))
        })
    }
}

/// The square of the distance.
pub(super) fn squared(a: Place, b: Place) -> f64 {
    let (x, y) = (a.0 - b.0, a.1 - b.1);
    x * x + y * y
}
