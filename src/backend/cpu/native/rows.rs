//! The inner loop of a grid: the rows of a tile, from streams to results.
//!
//! Flows in: a [`Plan`], the numbers of the rows, streams. Flows out: results. Those of large grids go past the caches, a
//! whole vector on its own border at a time: a part of one would have to be fetched first, and what is stored behind it
//! would wait. So where a row ends within such a vector and the next row follows in memory, the two parts are put
//! together first (the *seam*). Where the columns do not lie alike, no vector is whole in all of them: they are computed
//! [aside](super::aside).
//!
//! Who should not use it: anyone but `cpu`.

use super::super::Lane;
use super::super::plan::Plan;
use super::aside::{Aside, LINE};
use super::codes::Machine;
use super::conditions;
use super::frame::{self, LONG, SHORT};
use super::lower::lower;
use super::memory::{Code, Lines};
use crate::kernel::{Block, LANES, Level};
use std::arch::x86_64::{_mm_load_ps, _mm_sfence, _mm_stream_ps};

/// Vectors of a row at a time, where the instructions of one wait for each other.
const COPIES: usize = 4;

/// The code of a tape's rows.
#[derive(Debug)]
pub(in super::super) struct NativeRows<T> {
    through: Forms<T>,
    past: Forms<T>,
    /// Vectors that [`Forms::some`] does at a time.
    copies: usize,
    spills: usize,
    outputs: usize,
    machine: Machine,
    constants: Lines<T>,
}

/// Code whose results go through the caches, or past them.
#[derive(Debug)]
struct Forms<T> {
    one: Code<T>,
    some: Code<T>,
}

/// Lines that a processor holds back until they are full: some 10. Written in two halves, with ten others in between, each
/// goes to memory twice: measured, twenty times slower.
const OPEN_LINES: usize = 8;

/// A part of a sheet: its rows, its columns, and how far a row of the results is from the next one.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Area {
    pub(in super::super) rows: usize,
    pub(in super::super) columns: usize,
    pub(in super::super) pitch: usize,
}

/// A thread's memory.
#[derive(Debug)]
pub(in super::super) struct Scratch<T> {
    /// Spilled vectors, and for each output the seam and a vector aside.
    vectors: Lines<T>,
    /// Runs of columns, once they are wanted.
    runs: Option<Lines<T>>,
}

impl<T> Scratch<T> {
    fn aside(&mut self, outputs: usize) -> Aside<T> {
        Aside::new(self.runs.get_or_insert_with(|| Lines::new(Aside::<T>::bytes(outputs))).start(), outputs)
    }
}

impl<T: Lane> NativeRows<T> {
    /// Machine code for the inner loop of `plan`; `None` where the interpreter has to do it.
    pub(in super::super) fn new(plan: &Plan, level: Level) -> Option<NativeRows<T>> {
        let machine = Machine::of(T::PRECISION, level)?;
        let mut program = lower(plan, plan.columns, T::PRECISION)?;
        conditions::fold(&mut program, machine);
        let length = program.code.len().max(1);
        if length > LONG {
            return None;
        }
        let copies = if program.waits() { COPIES.min(SHORT / length).max(1) } else { 1 };
        let mut spills = 0;
        let mut code = |copies: usize, past_caches: bool| {
            let made = frame::row(&program, machine, copies, past_caches)?;
            spills = spills.max(made.spills);
            Code::new(&made.bytes)
        };
        let through = Forms { one: code(1, false)?, some: code(copies, false)? };
        let past = Forms { one: code(1, true)?, some: code(copies, true)? };
        let constants = Lines::constants(&program, machine);
        Some(NativeRows { through, past, copies, spills, outputs: program.outputs.len(), machine, constants })
    }

    /// Whether the lines that it writes past the caches are full before the processor has to let go of them.
    fn fills_lines(&self) -> bool {
        self.machine.bytes() >= LINE || self.outputs <= OPEN_LINES
    }

    /// The fewest columns that it computes.
    pub(in super::super) fn lanes(&self) -> usize {
        self.machine.bytes() / self.machine.number()
    }

    /// A thread's memory.
    pub(in super::super) fn scratch(&self) -> Scratch<T> {
        Scratch { vectors: Lines::new((self.spills + 2 * self.outputs) * self.machine.bytes()), runs: None }
    }

    /// Computes an area (at least [`NativeRows::lanes`] columns, at most [`LANES`] rows); its rows are the first of each
    /// block of `rows`.
    ///
    /// # Safety
    /// Each stream has that many columns to read, each result room for the area, which nobody else uses meanwhile;
    /// `rows` has a block for each row block of the plan; the scratch is of this code.
    pub(in super::super) unsafe fn run(
        &self,
        scratch: &mut Scratch<T>,
        rows: &[Block<T>],
        area: Area,
        streams: &[*const T],
        mut results: Vec<*mut T>,
        past_caches: bool,
    ) {
        debug_assert!(area.columns >= self.lanes() && area.rows <= LANES);
        let lanes = self.lanes();
        let spill = scratch.vectors.start();
        let past_caches = past_caches && area.columns >= 4 * lanes;
        let (mut seam, mut aside) = (None, None);
        for row in 0..area.rows {
            let numbers = rows.as_ptr().cast::<T>().wrapping_add(row);
            let line = Line { constants: self.constants.read().cast(), spill, numbers, streams };
            let follows = area.pitch == area.columns && row + 1 < area.rows;
            match self.border(&results).filter(|_| self.fills_lines()) {
                _ if !past_caches => {
                    self.whole(&line, &self.through, &results, 0, area.columns);
                    line.run(&self.through.one, &results, area.columns - lanes, area.columns);
                }
                Some(border) => {
                    let seam = seam.get_or_insert_with(|| self.seam(spill));
                    self.past_caches(&line, &results, border..area.columns, seam, follows);
                }
                None => {
                    let aside = aside.get_or_insert_with(|| scratch.aside(self.outputs));
                    self.by_runs(&line, &results, area.columns, aside, follows);
                }
            }
            results.iter_mut().for_each(|result| *result = result.wrapping_add(area.pitch));
        }
        // SAFETY: every x86-64 processor has this instruction. It makes what went past the caches visible to other
        // threads, once these are told of it.
        #[allow(unused_unsafe, reason = "safe or not by the compiler's version")]
        unsafe {
            _mm_sfence();
        }
    }

    /// The seam, behind the spilled vectors.
    fn seam(&self, spill: *mut T) -> Seam<T> {
        let lanes = self.lanes();
        let vector = |k: usize| spill.wrapping_add((self.spills + k) * lanes);
        Seam {
            kept: (0..self.outputs).map(vector).collect(),
            aside: (self.outputs..2 * self.outputs).map(vector).collect(),
            count: 0,
            lanes,
        }
    }

    /// One row whose first border of a vector is the start of `range`, which ends with the row.
    fn past_caches(
        &self,
        line: &Line<'_, T>,
        results: &[*mut T],
        range: std::ops::Range<usize>,
        seam: &mut Seam<T>,
        follows: bool,
    ) {
        let (lanes, columns) = (self.lanes(), range.end);
        if range.start > 0 && seam.count + range.start == lanes {
            line.run(&self.through.one, &seam.aside, 0, lanes);
            seam.close(results, range.start);
        } else if range.start > 0 {
            line.run(&self.through.one, results, 0, lanes);
        }
        seam.count = 0;
        let done = self.whole(line, &self.past, results, range.start, columns);
        if done < columns && follows {
            let shifted: Vec<*mut T> = seam.aside.iter().map(|at| at.wrapping_sub(columns - lanes)).collect();
            line.run(&self.through.one, &shifted, columns - lanes, columns);
            seam.open(columns - done);
        } else if done < columns {
            line.run(&self.through.one, results, columns - lanes, columns);
        }
    }

    /// One row whose results do not lie alike.
    fn by_runs(&self, line: &Line<'_, T>, results: &[*mut T], columns: usize, aside: &mut Aside<T>, follows: bool) {
        for start in (0..columns).step_by(aside.columns) {
            let end = columns.min(start + aside.columns);
            aside.begin(start);
            if self.whole(line, &self.through, &aside.results, start, end) < end {
                // Its first columns may be the last of the run before: the same numbers once more.
                line.run(&self.through.one, &aside.results, end - self.lanes(), end);
            }
            // SAFETY: the run was just computed; the places are the area's.
            unsafe { aside.send(results, start..end, !follows && end == columns) };
        }
    }

    /// All whole vectors from `start` on; returns where they end.
    fn whole(&self, line: &Line<'_, T>, forms: &Forms<T>, results: &[*mut T], mut start: usize, end: usize) -> usize {
        for (code, step) in [(&forms.some, self.copies * self.lanes()), (&forms.one, self.lanes())] {
            let count = (end - start) / step * step;
            if count > 0 {
                line.run(code, results, start, start + count);
            }
            start += count;
        }
        start
    }

    /// The first column whose results are all on the border of a vector.
    fn border(&self, results: &[*mut T]) -> Option<usize> {
        let bytes = self.machine.bytes();
        let ahead = |result: &*mut T| result.addr().wrapping_neg() % bytes;
        let first = results.first().map(ahead)?;
        let together = first.is_multiple_of(size_of::<T>()) && results.iter().all(|result| ahead(result) == first);
        together.then_some(first / size_of::<T>())
    }
}

/// What the code is given for one row, but for its results.
struct Line<'a, T> {
    constants: *const T,
    spill: *mut T,
    numbers: *const T,
    streams: &'a [*const T],
}

impl<T: Lane> Line<'_, T> {
    /// Computes whole vectors, from one column to another.
    fn run(&self, code: &Code<T>, results: &[*mut T], start: usize, end: usize) {
        let bounds = [start * size_of::<T>(), end * size_of::<T>()];
        let (streams, results) = (self.streams.as_ptr().cast_mut().cast(), results.as_ptr().cast_mut().cast());
        let bounds = bounds.as_ptr().expose_provenance();
        // SAFETY: the caller of `NativeRows::run` vouches for the streams and results; from `start` to `end` is a number
        // of whole vectors (at least one) within them, or in a vector aside; and the code was made for this format and a
        // level that the processor has.
        unsafe { code.run(streams, results, self.spill, self.numbers, self.constants, bounds) };
    }
}

/// The vectors that are partly of one row and partly of the next, one for each output.
struct Seam<T> {
    /// The end of the row before.
    kept: Vec<*mut T>,
    /// Room for a vector of which a part is wanted.
    aside: Vec<*mut T>,
    /// Numbers kept of each output.
    count: usize,
    lanes: usize,
}

impl<T: Lane> Seam<T> {
    /// Keeps the last `count` numbers of what lies aside.
    fn open(&mut self, count: usize) {
        for (kept, aside) in self.kept.iter().zip(&self.aside) {
            // SAFETY: both are vectors of this thread's scratch, and do not overlap.
            unsafe { kept.copy_from_nonoverlapping(aside.add(self.lanes - count), count) };
        }
        self.count = count;
    }

    /// Puts the first `count` numbers of what lies aside behind what is kept, and writes the vectors, which end before the
    /// column `count` of the results.
    fn close(&mut self, results: &[*mut T], count: usize) {
        for ((kept, aside), result) in self.kept.iter().zip(&self.aside).zip(results) {
            // SAFETY: both are vectors of this thread's scratch, and do not overlap; the place in the results is the end of
            // the row before and the beginning of this one, on the border of a vector.
            unsafe {
                kept.add(self.lanes - count).copy_from_nonoverlapping(*aside, count);
                let (from, to) =
                    (kept.cast::<f32>(), result.wrapping_add(count).wrapping_sub(self.lanes).cast::<f32>());
                for place in (0..self.lanes * size_of::<T>() / size_of::<f32>()).step_by(4) {
                    _mm_stream_ps(to.add(place), _mm_load_ps(from.add(place)));
                }
            }
        }
    }
}
