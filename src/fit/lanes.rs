//! Very many fits at once, side by side in lanes: each step runs the tape over the rows of all lanes, and sums up each
//! lane's normal equations in vectors across lanes.
//!
//! Flows in: a tape whose inputs all vary, items (a group of rows and a start). Flows out: how each item ended. A lane
//! whose fit has ended takes the next item, so that all lanes are busy; no lane sees another, and its sums are taken in an
//! order of their own, so that neither threads nor neighbours change a bit.
//!
//! Who should not use it: anyone but `fit`; and fits of very many rows, which are `stream`'s.

use super::dense::Local;
use super::products::{Number, PIECE, Shape, accumulate};
use super::walk::Walk;
use super::{Fitted, Options, Problem, conclude};
use crate::backend::{Backend, BackendError, Program, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Rows of a group up to which it is fitted in a lane.
pub(super) const ROWS: usize = 2048;
/// Bytes of the columns of one run of the tape: what a core's own cache holds beside others.
const BYTES: usize = 640 << 10;
/// Lanes are a multiple of this.
pub(super) const SIDE: usize = 16;
/// The most lanes.
const MOST: usize = 1024;

/// A group and one of its starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) group: usize,
    pub(super) start: usize,
}

/// Fits all items, whose groups have at most [`ROWS`] rows; ends in their order.
pub(super) fn run(
    tape: &Tape,
    problem: &Problem,
    options: &Options,
    items: &[Item],
    backend: &dyn Backend,
    precision: Precision,
) -> Result<Vec<Fitted>, BackendError> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let rows = |place: usize| problem.range(items[place].group).len();
    order.sort_by_key(|place| std::cmp::Reverse(rows(*place)));
    let mut ends: Vec<Option<Fitted>> = (0..items.len()).map(|_| None).collect();
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        // Lanes of one height: what is missing is rows of weight 0.
        let height = rows(*first);
        let count = rest.iter().take_while(|place| 4 * rows(**place) >= 3 * height).count();
        let (class, others) = rest.split_at(count);
        let shared = Shared { tape, problem, options, items, class, next: AtomicUsize::new(0), height, precision };
        for (place, end) in shared.run(backend)? {
            ends[place] = Some(end);
        }
        rest = others;
    }
    Ok(ends.into_iter().flatten().collect())
}

/// What the threads of a run share.
struct Shared<'a> {
    tape: &'a Tape,
    problem: &'a Problem,
    options: &'a Options,
    items: &'a [Item],
    /// Places of items of about the same height.
    class: &'a [usize],
    next: AtomicUsize,
    height: usize,
    precision: Precision,
}

type Ends = Vec<(usize, Fitted)>;

impl Shared<'_> {
    fn run(&self, backend: &dyn Backend) -> Result<Ends, BackendError> {
        let threads = backend.threads().min(self.class.len().div_ceil(SIDE)).max(1);
        let work = |alone: bool| -> Result<Option<Ends>, BackendError> {
            let engine = if alone { backend.alone() } else { None };
            match (&engine, alone) {
                (Some(engine), _) => self.work(engine.as_ref(), threads).map(Some),
                (None, true) => Ok(None),
                (None, false) => self.work(backend, 1).map(Some),
            }
        };
        let results = thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(true))).collect();
            let joined = handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect::<Result<Vec<_>, _>>()
        })?;
        let mut ends: Ends = results.into_iter().flatten().flatten().collect();
        // An engine that is one for all threads, such as a GPU.
        ends.extend(work(false)?.into_iter().flatten());
        Ok(ends)
    }

    fn work(&self, engine: &dyn Backend, threads: usize) -> Result<Ends, BackendError> {
        match self.precision {
            Precision::F32 => self.fit::<f32>(engine, threads),
            Precision::F64 => self.fit::<f64>(engine, threads),
        }
    }

    fn fit<T: Number>(&self, engine: &dyn Backend, threads: usize) -> Result<Ends, BackendError> {
        let mut ends = Vec::new();
        if self.next.load(Ordering::Relaxed) >= self.class.len() {
            return Ok(ends);
        }
        let mut program = engine.prepare(self.tape, self.precision)?;
        let share = self.class.len().div_ceil(threads);
        let mut set: Set<'_, T> = Set::new(self, share, engine);
        loop {
            check_interrupt()?;
            set.fill();
            let busy = set.busy();
            if busy == 0 {
                return Ok(ends);
            }
            if busy * 2 <= set.shape.width && set.shape.width > SIDE {
                set = set.narrowed(busy, engine);
            }
            set.tell();
            set.look(program.as_mut())?;
            set.step(&mut ends);
        }
    }

    /// The next item that nobody has taken.
    fn take(&self) -> Option<usize> {
        self.class.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }
}

/// A fit in its lane.
struct Lane {
    /// The place of its item.
    place: usize,
    walk: Walk,
    scatter: f64,
}

/// Lanes side by side. Numbers of row r and lane l are at `r * width + l`.
struct Set<'a, T> {
    shared: &'a Shared<'a>,
    shape: Shape,
    lanes: Vec<Option<Lane>>,
    /// Whether items are still to be had.
    open: bool,
    /// Rows of a run of the tape.
    chunk: usize,
    /// The parameters of each lane, over again for each row of a chunk.
    parameters: Vec<Values>,
    /// Columns of data and the response, chunk by chunk; the places of parameters are empty but for a run.
    data: Vec<Points>,
    /// Weights; none where all are 1.
    weights: Option<Vec<T>>,
    /// Results of a whole chunk, and of the last one.
    out: [Vec<Values>; 2],
    sums: Vec<f64>,
    /// What is known of the lane that is looked at.
    local: Local,
}

impl<'a, T: Number> Set<'a, T> {
    fn new(shared: &'a Shared<'a>, items: usize, engine: &dyn Backend) -> Set<'a, T> {
        let problem = shared.problem;
        let (n, m) = (problem.model.parameters.len(), problem.columns.len() + 1);
        let outputs = shared.tape.outputs.len();
        // An engine with a memory of its own takes more at a time.
        let bytes = if engine.batch() > 1 << 18 { BYTES << 6 } else { BYTES };
        let points = bytes / ((n + m + outputs) * size_of::<T>());
        let width = (points / shared.height.max(1)).min(points / PIECE).clamp(2 * SIDE, MOST * (bytes / BYTES));
        let width = width.min(items.max(1)).next_multiple_of(SIDE);
        // Whole pieces of sums, so that no lane's sums depend on the number of lanes.
        let chunk = (points / width / PIECE * PIECE).max(PIECE).min(shared.height);
        let shape = Shape { parameters: n, width, general: outputs > n + 1 };
        let heights = (0..shared.height).step_by(chunk).map(|row| chunk.min(shared.height - row) * width);
        let zeros = |count: usize| T::values(vec![T::default(); count]);
        let data = heights
            .map(|count| {
                let columns = (0..n + m).map(|k| zeros(if k < n { 0 } else { count })).collect();
                Points::Columns { count, columns }
            })
            .collect();
        let uneven = shared.class.iter().any(|place| problem.range(shared.items[*place].group).len() < shared.height);
        let weighted = uneven || problem.weights.is_some();
        Set {
            shared,
            shape,
            lanes: (0..width).map(|_| None).collect(),
            open: true,
            chunk,
            parameters: (0..n).map(|_| zeros(chunk * width)).collect(),
            data,
            weights: weighted.then(|| vec![T::default(); shared.height * width]),
            out: Default::default(),
            sums: vec![0.0; shape.sums() * width],
            local: Local::Normal { products: vec![0.0; n * n], gradient: vec![0.0; n] },
        }
    }

    /// The same fits in fewer lanes.
    fn narrowed(self, busy: usize, engine: &dyn Backend) -> Set<'a, T> {
        let mut set = Set::new(self.shared, busy, engine);
        set.open = self.open;
        for (k, lane) in self.lanes.into_iter().flatten().enumerate() {
            set.load(k, lane.place);
            set.lanes[k] = Some(lane);
        }
        set
    }

    /// How many lanes have a fit.
    fn busy(&self) -> usize {
        self.lanes.iter().flatten().count()
    }

    /// Gives every free lane an item, as long as there are any.
    fn fill(&mut self) {
        for k in 0..self.lanes.len() {
            if self.lanes[k].is_none() && self.open {
                match self.shared.take() {
                    Some(place) => {
                        let options = self.shared.options;
                        let start = options.starts[self.shared.items[place].start].clone();
                        let walk = Walk::new(start, self.load(k, place).sqrt(), &options.rules);
                        self.lanes[k] = Some(Lane { place, walk, scatter: f64::NAN });
                    }
                    None => self.open = false,
                }
            }
        }
    }

    /// Gives every lane's parameters to the tape.
    fn tell(&mut self) {
        let width = self.shape.width;
        for (j, column) in self.parameters.iter_mut().enumerate() {
            let column = T::column(column);
            for (number, lane) in column[..width].iter_mut().zip(&self.lanes) {
                *number = T::of(lane.as_ref().map_or(1.0, |lane| lane.walk.trial[j]));
            }
            let (first, rest) = column.split_at_mut(width);
            rest.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(first));
        }
    }

    /// Puts a group's rows into a lane; gives the sum of squares of its response.
    fn load(&mut self, lane: usize, place: usize) -> f64 {
        let problem = self.shared.problem;
        let range = problem.range(self.shared.items[place].group);
        let (n, width, rows) = (self.shape.parameters, self.shape.width, range.len());
        // Below its last row a lane has its first one again, of weight 0.
        let at = |row: usize| range.start + if row < rows { row } else { 0 };
        let chunk = self.chunk;
        for (c, points) in self.data.iter_mut().enumerate() {
            let Points::Columns { count, columns } = points else { continue };
            let span = c * chunk..c * chunk + *count / width;
            let sources = problem.columns.iter().chain(std::iter::once(&problem.response));
            for (column, source) in columns[n..].iter_mut().zip(sources) {
                let places = T::column(column)[lane..].iter_mut().step_by(width);
                places.zip(span.clone()).for_each(|(to, row)| *to = T::of(source[at(row)]));
            }
        }
        if let Some(weights) = &mut self.weights {
            for (row, to) in weights[lane..].iter_mut().step_by(width).enumerate() {
                let weight = problem.weights.as_ref().map_or(1.0, |weights| weights[at(row)]);
                *to = T::of(if row < rows { weight } else { 0.0 });
            }
        }
        let weight = |row: usize| problem.weights.as_ref().map_or(1.0, |weights| weights[row]);
        range.map(|row| weight(row) * problem.response[row].powi(2)).sum()
    }

    /// Sums up every lane at its trial.
    fn look(&mut self, program: &mut dyn Program) -> Result<(), BackendError> {
        self.sums.fill(0.0);
        let (outputs, width) = (self.shared.tape.outputs.len(), self.shape.width);
        for (c, points) in self.data.iter_mut().enumerate() {
            let count = points.len();
            let out = &mut self.out[usize::from(count < self.chunk * width)];
            if out.is_empty() {
                *out = (0..outputs).map(|_| Values::zeros(T::PRECISION, count)).collect();
            }
            swap(points, &mut self.parameters);
            let ran = program.evaluate(points, &[], out);
            swap(points, &mut self.parameters);
            ran?;
            let columns: Vec<&[T]> = out.iter().map(T::numbers).collect();
            let range: Range<usize> = c * self.chunk * width..c * self.chunk * width + count;
            let weights = self.weights.as_ref().map(|weights| &weights[range]);
            accumulate(self.shape, &columns, weights, &mut self.sums);
        }
        Ok(())
    }

    /// Lets every fit take its step.
    fn step(&mut self, ends: &mut Ends) {
        let (n, width) = (self.shape.parameters, self.shape.width);
        let rules = &self.shared.options.rules;
        for k in 0..width {
            let Some(lane) = &mut self.lanes[k] else { continue };
            let sum = |place: usize| self.sums[place * width + k];
            let mut place = 0;
            if let Local::Normal { products, gradient } = &mut self.local {
                for i in 0..n {
                    for j in 0..=i {
                        (products[i * n + j], products[j * n + i]) = (sum(place), sum(place));
                        place += 1;
                    }
                }
                gradient.iter_mut().for_each(|g| {
                    *g = sum(place);
                    place += 1;
                });
            }
            let (objective, scatter) = (sum(place), sum(place + 1));
            let before = lane.walk.objective;
            let end = lane.walk.next(objective, &mut self.local, rules);
            if before.to_bits() != lane.walk.objective.to_bits() {
                lane.scatter = scatter;
            }
            if let Some(status) = end {
                let problem = self.shared.problem;
                let group = self.shared.items[lane.place].group;
                ends.push((lane.place, conclude(problem, group, &lane.walk, status, lane.scatter)));
                self.lanes[k] = None;
            }
        }
    }
}

/// Exchanges the columns of parameters.
fn swap(points: &mut Points, parameters: &mut [Values]) {
    if let Points::Columns { columns, .. } = points {
        columns.iter_mut().zip(parameters).for_each(|(a, b)| std::mem::swap(a, b));
    }
}
