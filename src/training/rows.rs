//! The rows of a table as an engine reads them, and sums over them.
//!
//! Flows in: columns; a tape of weights (uniform) and columns; weights. Flows out: each output of the tape summed over all
//! rows or over those of a batch. Rows go through the tape a piece at a time, whose sums are compensated and joined in
//! order, so that threads change no bit and 10^7 rows lose no digits.

use super::TrainingError;
use crate::backend::{Backend, BackendError, Program, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::sums::{Sum, sums_of_many};
use crate::table::Table;
use crate::tape::Tape;
use std::ops::Range;

/// Numbers of all outputs of a piece on a processor: a core's own cache holds them. The fewest and the most rows.
const NUMBERS: usize = 1 << 16;
const PIECE: (usize, usize) = (512, 8192);
/// Rows of a piece on a device that is best given much at a time.
const LARGE: usize = 1 << 16;

/// Columns of equally many numbers.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    columns: Vec<Values>,
    count: usize,
}

/// Which of the rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    /// All.
    All,
    /// These.
    Batch(&'a [u32]),
}

impl Which<'_> {
    /// How many.
    pub(super) fn count(self, rows: &Rows) -> usize {
        match self {
            Which::All => rows.count,
            Which::Batch(places) => places.len(),
        }
    }
}

impl Rows {
    /// Columns of a table, rounded to the format.
    ///
    /// # Errors
    /// - [`TrainingError::NoColumn`] where the table lacks one; [`TrainingError::Empty`] and
    ///   [`TrainingError::TooManyRows`] for its rows.
    pub(super) fn of(names: &[String], table: &Table, precision: Precision) -> Result<Rows, TrainingError> {
        let column = |name: &String| match table.column(name) {
            Some(column) => Ok(Values::from_f64(precision, column)),
            None => Err(TrainingError::NoColumn(name.clone(), table.names.join(", "))),
        };
        let columns = names.iter().map(column).collect::<Result<Vec<Values>, _>>()?;
        match (table.rows(), u32::try_from(table.rows())) {
            (0, _) => Err(TrainingError::Empty),
            (count, Ok(_)) => Ok(Rows { columns, count }),
            (count, Err(_)) => Err(TrainingError::TooManyRows(count)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn precision(&self) -> Precision {
        self.columns.first().map_or(Precision::F64, Values::precision)
    }

    /// The sum of the one output of a tape of columns.
    pub(super) fn total(&self, tape: &Tape, engine: &dyn Backend) -> Result<f64, BackendError> {
        let mut summer = Summer::new(tape, self.precision(), engine, true)?;
        let mut total = [Sum::default()];
        for piece in summer.pieces(self.count) {
            let sums = summer.piece(self, Which::All, piece, &[])?;
            total[0].add(sums[0]);
        }
        Ok(total[0].value())
    }

    /// The same numbers in double precision.
    pub(super) fn widened(&self) -> Rows {
        let wide = |column: &Values| Values::F64(column.to_f64());
        Rows { columns: self.columns.iter().map(wide).collect(), count: self.count }
    }

    /// Some of the rows, evenly spread, as points; no more than `most`.
    pub(super) fn sample(&self, most: usize) -> Points {
        let count = self.count.min(most);
        let row = |k: usize| (k as u128 * self.count as u128 / count as u128) as usize;
        let column = |column: &Values| Values::F64((0..count).map(|k| column.get(row(k))).collect());
        Points::Columns { count, columns: self.columns.iter().map(column).collect() }
    }
}

/// A tape made ready on one thread.
pub(super) struct Summer<'a> {
    program: Box<dyn Program + 'a>,
    precision: Precision,
    outputs: usize,
    piece: usize,
    points: Points,
    out: Vec<Values>,
    sums: Vec<f64>,
}

impl<'a> Summer<'a> {
    /// Prepares the tape; `shared` where the engine shares a piece among its threads itself.
    pub(super) fn new(
        tape: &Tape,
        precision: Precision,
        engine: &'a dyn Backend,
        shared: bool,
    ) -> Result<Summer<'a>, BackendError> {
        let outputs = tape.outputs.len();
        let piece = if shared { LARGE } else { (NUMBERS / outputs.max(1)).clamp(PIECE.0, PIECE.1) };
        let program = engine.prepare(tape, precision)?;
        let points = Points::Columns { count: 0, columns: Vec::new() };
        Ok(Summer { program, precision, outputs, piece, points, out: Vec::new(), sums: Vec::new() })
    }

    /// The pieces of so many rows.
    pub(super) fn pieces(&self, rows: usize) -> Vec<Range<usize>> {
        (0..rows).step_by(self.piece).map(|start| start..rows.min(start + self.piece)).collect()
    }

    /// The sums over a piece of the rows.
    pub(super) fn piece(
        &mut self,
        rows: &Rows,
        which: Which<'_>,
        piece: Range<usize>,
        weights: &[f64],
    ) -> Result<&[f64], BackendError> {
        check_interrupt()?;
        let count = piece.len();
        if self.points.len() != count || self.out.is_empty() {
            let zeros = |columns: usize| (0..columns).map(|_| Values::zeros(self.precision, count)).collect();
            self.points = Points::Columns { count, columns: zeros(rows.columns.len()) };
            self.out = zeros(self.outputs);
        }
        if let Points::Columns { columns, .. } = &mut self.points {
            columns.iter_mut().zip(&rows.columns).for_each(|(to, from)| gather(to, from, which, piece.clone()));
        }
        self.program.evaluate(&self.points, weights, &mut self.out)?;
        sums_of_many(&self.out, &mut self.sums);
        Ok(&self.sums)
    }
}

/// Copies a piece of the rows.
fn gather(to: &mut Values, from: &Values, which: Which<'_>, piece: Range<usize>) {
    fn copy<T: Copy>(to: &mut [T], from: &[T], which: Which<'_>, piece: Range<usize>) {
        match which {
            Which::All => to.copy_from_slice(&from[piece]),
            Which::Batch(places) => {
                to.iter_mut().zip(&places[piece]).for_each(|(to, place)| *to = from[*place as usize]);
            }
        }
    }
    match (to, from) {
        (Values::F32(to), Values::F32(from)) => copy(to, from, which, piece),
        (Values::F64(to), Values::F64(from)) => copy(to, from, which, piece),
        (to, from) => piece.clone().zip(0..).for_each(|(row, k)| {
            let row = if let Which::Batch(places) = which { places[row] as usize } else { row };
            to.set(k, from.get(row));
        }),
    }
}
