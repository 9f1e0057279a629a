//! The particles that an engine moves at a time.
//!
//! Flows in: a [`Solver`], the starts of a batch. Flows out: [`Ends`], in the order of the particles. Slots whose
//! particle is done are given to the next one that waits; when none waits they are closed up, so the engine moves
//! active particles alone. A particle's path depends neither on its slot nor on when it was let in.

use super::solver::{Settings, Solver};
use super::status::{Ends, Status};
use crate::backend::{BackendError, Program, Steps, check_interrupt};
use crate::points::Values;
use crate::real::Precision;

/// Steps between two looks at who is done.
const STRIDE: u64 = 8;

/// Why particles of a batch stopped, and where.
pub(super) struct Batch {
    pub(super) ends: Ends,
    /// The gradient there in the engine's format, one column per variable.
    pub(super) gradient: Vec<Values>,
}

/// Runs a batch: the particles from `first` on, whose starts are `starts` (a column per variable), at most `slots` at
/// a time.
pub(super) fn run(
    program: &mut dyn Program,
    solver: &Solver,
    settings: &Settings,
    starts: &[Values],
    first: u64,
    slots: usize,
) -> Result<Batch, BackendError> {
    match starts[0].precision() {
        Precision::F32 => Pool::<f32>::new(solver, starts, slots).run(program, solver, settings, first),
        Precision::F64 => Pool::<f64>::new(solver, starts, slots).run(program, solver, settings, first),
    }
}

/// A number that columns are made of.
trait Number: Copy + Default {
    fn wrap(values: Vec<Self>) -> Values;
    fn of(values: &Values) -> &Vec<Self>;
    fn of_mut(values: &mut Values) -> &mut Vec<Self>;
    fn whole(self) -> u32;
}

macro_rules! number {
    ($type:ty, $variant:ident) => {
        impl Number for $type {
            fn wrap(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }
            fn of(values: &Values) -> &Vec<Self> {
                match values {
                    Values::$variant(values) => values,
                    _ => unreachable!("columns of one format"),
                }
            }
            fn of_mut(values: &mut Values) -> &mut Vec<Self> {
                match values {
                    Values::$variant(values) => values,
                    _ => unreachable!("columns of one format"),
                }
            }
            fn whole(self) -> u32 {
                self as u32
            }
        }
    };
}

number!(f32, F32);
number!(f64, F64);

struct Pool<'a, T> {
    starts: Vec<&'a [T]>,
    state: Vec<Values>,
    /// Which particle of the batch a slot has.
    who: Vec<u32>,
    /// The next particle to be let in.
    waiting: usize,
    positions: Vec<Vec<T>>,
    values: Vec<T>,
    gradient: Vec<Vec<T>>,
    statuses: Vec<Status>,
    steps: Vec<u32>,
}

impl<'a, T: Number> Pool<'a, T> {
    fn new(solver: &Solver, starts: &'a [Values], slots: usize) -> Pool<'a, T> {
        let starts: Vec<&[T]> = starts.iter().map(|column| T::of(column).as_slice()).collect();
        let count = starts[0].len();
        let slots = slots.min(count);
        let mut state = vec![T::wrap(vec![T::default(); slots]); solver.columns()];
        for (column, start) in state.iter_mut().zip(&starts) {
            T::of_mut(column).copy_from_slice(&start[..slots]);
        }
        Pool {
            state,
            who: (0..slots as u32).collect(),
            waiting: slots,
            positions: vec![vec![T::default(); count]; starts.len()],
            values: vec![T::default(); count],
            gradient: vec![vec![T::default(); count]; starts.len()],
            statuses: vec![Status::Active; count],
            steps: vec![0; count],
            starts,
        }
    }

    fn run(
        mut self,
        program: &mut dyn Program,
        solver: &Solver,
        settings: &Settings,
        first: u64,
    ) -> Result<Batch, BackendError> {
        let steps = Steps { uniforms: solver.uniforms(settings), clock: None, first: 1, count: STRIDE };
        while !self.who.is_empty() {
            check_interrupt()?;
            program.iterate(&mut self.state, &steps)?;
            let done: Vec<usize> = {
                let statuses = T::of(&self.state[solver.status()]);
                (0..self.who.len()).filter(|slot| statuses[*slot].whole() != Status::Active as u32).collect()
            };
            self.take_out(solver, &done);
            let kept = self.let_in(&done);
            self.close_up(&done[kept..]);
        }
        let wrap = |columns: Vec<Vec<T>>| columns.into_iter().map(T::wrap).collect();
        let Pool { positions, values, gradient, statuses, steps, .. } = self;
        let ends = Ends { first, positions: wrap(positions), values: T::wrap(values), statuses, steps };
        Ok(Batch { ends, gradient: wrap(gradient) })
    }

    /// Notes what became of the particles in these slots.
    fn take_out(&mut self, solver: &Solver, done: &[usize]) {
        let n = self.starts.len();
        let note = |column: &Values, into: &mut [T], who: &[u32]| {
            let column = T::of(column);
            done.iter().for_each(|slot| into[who[*slot] as usize] = column[*slot]);
        };
        for k in 0..n {
            note(&self.state[k], &mut self.positions[k], &self.who);
            note(&self.state[solver.gradient() + k], &mut self.gradient[k], &self.who);
        }
        note(&self.state[solver.value()], &mut self.values, &self.who);
        let (statuses, counts) = (T::of(&self.state[solver.status()]), T::of(&self.state[solver.count()]));
        for slot in done {
            let particle = self.who[*slot] as usize;
            self.statuses[particle] = Status::of(statuses[*slot].whole());
            self.steps[particle] = counts[*slot].whole();
        }
    }

    /// Gives slots to those who wait; tells how many.
    fn let_in(&mut self, slots: &[usize]) -> usize {
        let count = slots.len().min(self.starts[0].len() - self.waiting);
        let (slots, from) = (&slots[..count], self.waiting);
        for (k, column) in self.state.iter_mut().enumerate() {
            let column = T::of_mut(column);
            match self.starts.get(k) {
                Some(start) => slots.iter().zip(&start[from..]).for_each(|(slot, start)| column[*slot] = *start),
                None => slots.iter().for_each(|slot| column[*slot] = T::default()),
            }
        }
        slots.iter().zip(from..).for_each(|(slot, particle)| self.who[*slot] = particle as u32);
        self.waiting += count;
        count
    }

    /// Moves the last particles into these slots, and forgets the slots behind.
    fn close_up(&mut self, empty: &[usize]) {
        if empty.is_empty() {
            return;
        }
        let left = self.who.len() - empty.len();
        let mut gone = vec![false; self.who.len()];
        empty.iter().for_each(|slot| gone[*slot] = true);
        let movers = (left..gone.len()).filter(|slot| !gone[*slot]);
        let moves: Vec<(usize, usize)> = empty.iter().copied().filter(|slot| *slot < left).zip(movers).collect();
        for column in &mut self.state {
            let column = T::of_mut(column);
            moves.iter().for_each(|(to, from)| column[*to] = column[*from]);
            column.truncate(left);
        }
        moves.iter().for_each(|(to, from)| self.who[*to] = self.who[*from]);
        self.who.truncate(left);
    }
}
