//! One fit over many rows: these stream through the tape block by block, the parameters one number for all.
//!
//! Flows in: a tape whose outputs are a row's slope of the loss, the slopes of f, and perhaps curvature and loss; blocks of
//! rows; parameters. Flows out: the objective and the triangle of the QR of the Jacobian, which keeps twice the digits
//! that normal equations do. Blocks and the order of sums are fixed, so that threads change no bit.

use super::dense::{Local, triangularise};
use crate::backend::{Backend, BackendError, Program, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::sums::{Sum, dot_of_many};
use crate::tape::Tape;
use std::thread;

/// Rows that one run of the tape takes.
const RUN: usize = 1 << 16;
/// Rows whose triangle is made at once: some columns of so many numbers stay in a core's own cache.
const PIECE: usize = 2048;

/// Rows as the engine reads them: columns of data and the response.
pub(super) struct Block {
    points: Points,
    weights: Option<Vec<f64>>,
}

/// What is known at a place.
pub(super) struct Found {
    /// Twice the sum of the losses: for least squares the sum of squares.
    pub(super) objective: f64,
    /// The sum of squares of the reweighted problem.
    pub(super) scatter: f64,
    pub(super) local: Local,
}

/// A tape made ready.
pub(super) struct Stream<'a> {
    program: Box<dyn Program + 'a>,
    precision: Precision,
    parameters: usize,
    outputs: usize,
    threads: usize,
    columns: Vec<Values>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        tape: &Tape,
        parameters: usize,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Stream<'a>, BackendError> {
        let program = backend.prepare(tape, precision)?;
        let (outputs, threads) = (tape.outputs.len(), backend.threads());
        Ok(Stream { program, precision, parameters, outputs, threads, columns: Vec::new() })
    }

    /// Rows of columns in blocks.
    pub(super) fn blocks(&self, columns: &[&[f64]], weights: Option<&[f64]>) -> Vec<Block> {
        let count = columns.first().map_or(0, |column| column.len());
        let block = |start: usize| {
            let range = start..(start + RUN).min(count);
            let of = |column: &&[f64]| Values::from_f64(self.precision, &column[range.clone()]);
            let points = Points::Columns { count: range.len(), columns: columns.iter().map(of).collect() };
            Block { points, weights: weights.map(|weights| weights[range.clone()].to_vec()) }
        };
        (0..count).step_by(RUN).map(block).collect()
    }

    /// What is known of all rows at `x`.
    pub(super) fn look(&mut self, blocks: &[Block], x: &[f64]) -> Result<Found, BackendError> {
        let n = self.parameters;
        let (mut objective, mut scatter) = (Sum::default(), Sum::default());
        let mut whole: Option<Vec<f64>> = None;
        for block in blocks {
            check_interrupt()?;
            self.run(block, x)?;
            let pieces: Vec<usize> = (0..block.points.len()).step_by(PIECE).collect();
            let (columns, threads) = (&self.columns, self.threads);
            for piece in on_threads(threads, &pieces, |start| Piece::of(columns, block, n, start)) {
                objective.add(piece.objective);
                scatter.add(piece.scatter);
                whole = Some(match whole {
                    None => piece.triangle,
                    Some(before) => joined(&before, &piece.triangle, n + 1),
                });
            }
        }
        let whole = whole.unwrap_or_else(|| vec![0.0; (n + 1) * (n + 1)]);
        let triangle = (0..n * n).map(|k| whole[k % n * (n + 1) + k / n]).collect();
        let local = Local::Factor { triangle, rotated: whole[n * (n + 1)..][..n].to_vec() };
        Ok(Found { objective: objective.value(), scatter: scatter.value(), local })
    }

    /// Runs the tape over a block, into `columns`.
    fn run(&mut self, block: &Block, x: &[f64]) -> Result<(), BackendError> {
        let count = block.points.len();
        if self.columns.first().is_none_or(|column| column.len() != count) {
            self.columns = (0..self.outputs).map(|_| Values::zeros(self.precision, count)).collect();
        }
        self.program.evaluate(&block.points, x, &mut self.columns)
    }
}

/// What some rows add.
struct Piece {
    objective: f64,
    scatter: f64,
    /// R of the QR of the weighted Jacobian and residuals, column by column.
    triangle: Vec<f64>,
}

impl Piece {
    fn of(columns: &[Values], block: &Block, n: usize, start: usize) -> Piece {
        let range = start..(start + PIECE).min(block.points.len());
        let rows = range.len();
        let numbers = |k: usize, into: &mut [f64]| match &columns[k] {
            Values::F64(column) => into.copy_from_slice(&column[range.clone()]),
            Values::F32(column) => {
                into.iter_mut().zip(&column[range.clone()]).for_each(|(to, v)| *to = f64::from(*v));
            }
        };
        let mut stack = vec![0.0; rows * (n + 1)];
        for j in 0..n {
            numbers(1 + j, &mut stack[j * rows..(j + 1) * rows]);
        }
        numbers(0, &mut stack[n * rows..]);
        let weights = block.weights.as_ref().map(|weights| &weights[range.clone()]);
        let general = columns.len() > n + 1;
        let objective = general.then(|| {
            let (mut curvature, mut loss) = (vec![0.0; rows], vec![0.0; rows]);
            numbers(n + 1, &mut curvature);
            numbers(n + 2, &mut loss);
            let ones = vec![1.0; rows];
            reweigh(&mut stack, rows, &curvature, weights.unwrap_or(&ones));
            2.0 * dot_of_many(&loss, weights.unwrap_or(&ones))
        });
        if let (None, Some(weights)) = (objective, weights) {
            for column in stack.chunks_exact_mut(rows) {
                column.iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight.sqrt());
            }
        }
        let residuals = &stack[n * rows..];
        let scatter = dot_of_many(residuals, residuals);
        let objective = objective.unwrap_or(scatter);
        if !objective.is_finite() || !scatter.is_finite() {
            return Piece { objective: f64::NAN, scatter: f64::NAN, triangle: vec![0.0; (n + 1) * (n + 1)] };
        }
        triangularise(&mut stack, rows, n + 1);
        let mut triangle = vec![0.0; (n + 1) * (n + 1)];
        for (column, from) in triangle.chunks_exact_mut(n + 1).zip(stack.chunks_exact(rows)) {
            let height = rows.min(n + 1);
            column[..height].copy_from_slice(&from[..height]);
        }
        Piece { objective, scatter, triangle }
    }
}

/// Rows of the least-squares problem whose step is Newton's with the loss's curvature h: J sqrt(w h), and for the slope g
/// of the loss g sqrt(w / h).
fn reweigh(stack: &mut [f64], rows: usize, curvature: &[f64], weights: &[f64]) {
    /// A curvature that counts as none; where the loss is flat its slope is as well.
    const FLAT: f64 = 1e-200;
    let (jacobian, slopes) = stack.split_at_mut(stack.len() - rows);
    let root: Vec<f64> = curvature.iter().zip(weights).map(|(h, w)| (h.max(FLAT) * w).sqrt()).collect();
    for column in jacobian.chunks_exact_mut(rows) {
        column.iter_mut().zip(&root).for_each(|(value, root)| *value *= root);
    }
    for (slope, (h, w)) in slopes.iter_mut().zip(curvature.iter().zip(weights)) {
        *slope = if *slope == 0.0 { 0.0 } else { *slope * (w / h.max(FLAT)).sqrt() };
    }
}

/// The triangle of two, one above the other.
fn joined(above: &[f64], below: &[f64], n: usize) -> Vec<f64> {
    let mut stack = vec![0.0; 2 * n * n];
    for k in 0..n {
        stack[2 * k * n..][..n].copy_from_slice(&above[k * n..][..n]);
        stack[(2 * k + 1) * n..][..n].copy_from_slice(&below[k * n..][..n]);
    }
    triangularise(&mut stack, 2 * n, n);
    (0..n).flat_map(|k| stack[2 * k * n..][..n].to_vec()).collect()
}

/// `job` of each item, in their order, by as many threads as pay.
pub(super) fn on_threads<T: Copy + Sync, R: Send>(threads: usize, items: &[T], job: impl Fn(T) -> R + Sync) -> Vec<R> {
    /// Items for which a thread is begun.
    const WORTH: usize = 4;
    let threads = threads.min(items.len() / WORTH).max(1);
    if threads == 1 {
        return items.iter().map(|item| job(*item)).collect();
    }
    let share = items.len().div_ceil(threads);
    let run = |part: &[T]| part.iter().map(|item| job(*item)).collect::<Vec<R>>();
    let run = &run;
    thread::scope(|scope| {
        let others: Vec<_> = items.chunks(share).skip(1).map(|part| scope.spawn(move || run(part))).collect();
        let mut all = run(&items[..share]);
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}
