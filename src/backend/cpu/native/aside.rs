//! Results on their way past the caches where the columns do not lie alike on the lines of memory.
//!
//! Flows in: columns of every output, a run at a time, computed into memory aside. Flows out: the results, whole lines of
//! one output after the other, each on its own borders. What is left behind the last border waits in front of the next run.
//!
//! Who should not use it: anyone but `rows`. Where all columns lie alike their results need no second way.

use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps};
use std::ops::Range;

/// Bytes of a line of memory.
pub(super) const LINE: usize = 64;
/// Bytes of a run: those of all outputs stay in the first-level cache, and memory is written some lines at a time.
/// Measured with 3, 11 and 31 outputs: half or double changes some percent, 8 KiB cost a fifth.
const RUN: usize = 8 * LINE;

/// Runs of columns, one for each output.
pub(super) struct Aside<T> {
    /// Where each output's run begins; there is a line before it.
    runs: Vec<*mut T>,
    /// The same, counted from the first column of the row.
    pub(super) results: Vec<*mut T>,
    /// Of each output the numbers before its run that are still to be sent.
    waiting: Vec<usize>,
    /// Columns of a run.
    pub(super) columns: usize,
}

impl<T> Aside<T> {
    /// Bytes that [`Aside::new`] wants.
    pub(super) fn bytes(outputs: usize) -> usize {
        outputs * (LINE + RUN)
    }

    /// From memory on the border of a line.
    pub(super) fn new(memory: *mut T, outputs: usize) -> Aside<T> {
        let run = |k: usize| memory.wrapping_byte_add(k * (LINE + RUN) + LINE);
        let runs: Vec<*mut T> = (0..outputs).map(run).collect();
        Aside { results: runs.clone(), runs, waiting: vec![0; outputs], columns: RUN / size_of::<T>() }
    }

    /// Gets ready for the columns from `start` on.
    pub(super) fn begin(&mut self, start: usize) {
        for (result, run) in self.results.iter_mut().zip(&self.runs) {
            *result = run.wrapping_sub(start);
        }
    }

    /// Sends the columns that were computed to their places; all of them where they are the `last` of what lies together.
    ///
    /// # Safety
    /// The runs have those columns; `results` has room for them, which nobody else uses meanwhile. What was sent before lies
    /// just before them, unless that was the last.
    pub(super) unsafe fn send(&mut self, results: &[*mut T], columns: Range<usize>, last: bool) {
        let line = LINE / size_of::<T>();
        for ((run, waiting), result) in self.runs.iter().zip(&mut self.waiting).zip(results) {
            let from = run.wrapping_sub(*waiting);
            let to = result.wrapping_add(columns.start).wrapping_sub(*waiting);
            let count = *waiting + columns.len();
            let head = (to.addr().wrapping_neg() % LINE / size_of::<T>()).min(count);
            let whole = (count - head) / line * line;
            let rest = count - head - whole;
            // SAFETY: the numbers are of the run or wait before it, where a line has room; their places are the caller's.
            unsafe {
                to.copy_from_nonoverlapping(from, head);
                stream(from.add(head), to.add(head), whole / line);
                let (from, to) = (from.add(head + whole), to.add(head + whole));
                if last { to.copy_from_nonoverlapping(from, rest) } else { run.sub(rest).copy_from(from, rest) }
            }
            *waiting = if last { 0 } else { rest };
        }
    }
}

/// Copies whole lines past the caches.
///
/// # Safety
/// There are that many lines to read; as many to write, which nobody else uses, on the border of a line.
pub(super) unsafe fn stream<T>(from: *const T, to: *mut T, lines: usize) {
    let (from, to) = (from.cast::<f32>(), to.cast::<f32>());
    for place in (0..lines * LINE / size_of::<f32>()).step_by(4) {
        // SAFETY: the caller's; every x86-64 processor has these instructions.
        unsafe { _mm_stream_ps(to.add(place), _mm_loadu_ps(from.add(place))) };
    }
}
