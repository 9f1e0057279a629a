//! Particles that are moved until they are done.
//!
//! Flows in: a program that maps a state to the next, with a column that says whether a particle is done; starts. Flows
//! out: the first columns of each particle's state when it was done, in the order of the starts. Here: for any engine,
//! by strides of `Program::iterate` over as many particles as there are slots. Slots whose particle is done are given to
//! the next one that waits; when none waits they are closed up. A particle's path depends neither on its slot nor on when
//! it was let in.

use super::{BackendError, Program, Steps, check_interrupt};
use crate::points::Values;
use crate::real::Precision;

/// Steps between two looks at who is done: a dispatch must be worth its start.
const STRIDE: u64 = 16;
/// Bytes of state at a time; the least and the most slots.
const STATE: (usize, usize, usize) = (256 << 20, 1 << 10, 1 << 18);

/// What to settle.
#[derive(Debug, Clone)]
pub struct Settle {
    /// The program's uniform inputs.
    pub uniforms: Vec<f64>,
    /// Columns of its state. The first are given by the starts, the others begin with 0.
    pub columns: usize,
    /// The column that is 0 until a particle is done. From then on its first columns must stay as they are.
    pub status: usize,
}

impl Settle {
    /// Steps after which a particle is usually done, where nothing more is known.
    pub const USUAL: u64 = 32;
}

/// Settles all particles; `out` are the first columns of the state.
pub(super) fn by_strides<P: Program + ?Sized>(
    program: &mut P,
    settle: &Settle,
    starts: &[Values],
    out: &mut [Values],
) -> Result<(), BackendError> {
    match starts.first().map(Values::precision) {
        None => Ok(()),
        Some(Precision::F32) => Pool::<f32>::new(settle, starts).run(program, settle, out),
        Some(Precision::F64) => Pool::<f64>::new(settle, starts).run(program, settle, out),
    }
}

/// A number that columns are made of.
trait Number: Copy + Default + PartialEq {
    fn wrap(values: Vec<Self>) -> Values;
    fn of(values: &Values) -> &Vec<Self>;
    fn of_mut(values: &mut Values) -> &mut Vec<Self>;
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
        }
    };
}

number!(f32, F32);
number!(f64, F64);

struct Pool<'a, T> {
    starts: Vec<&'a [T]>,
    state: Vec<Values>,
    /// Which particle a slot has.
    who: Vec<usize>,
    /// The next particle to be let in.
    waiting: usize,
}

impl<'a, T: Number> Pool<'a, T> {
    fn new(settle: &Settle, starts: &'a [Values]) -> Pool<'a, T> {
        let starts: Vec<&[T]> = starts.iter().map(|column| T::of(column).as_slice()).collect();
        let slots = (STATE.0 / (size_of::<T>() * settle.columns)).clamp(STATE.1, STATE.2).min(starts[0].len());
        let mut state = vec![T::wrap(vec![T::default(); slots]); settle.columns];
        for (column, start) in state.iter_mut().zip(&starts) {
            T::of_mut(column).copy_from_slice(&start[..slots]);
        }
        Pool { starts, state, who: (0..slots).collect(), waiting: slots }
    }

    fn run<P: Program + ?Sized>(
        mut self,
        program: &mut P,
        settle: &Settle,
        out: &mut [Values],
    ) -> Result<(), BackendError> {
        let steps = Steps { uniforms: settle.uniforms.clone(), clock: None, first: 1, count: STRIDE };
        while !self.who.is_empty() {
            check_interrupt()?;
            program.iterate(&mut self.state, &steps)?;
            let statuses = T::of(&self.state[settle.status]);
            let done: Vec<usize> = (0..self.who.len()).filter(|slot| statuses[*slot] != T::default()).collect();
            for (column, out) in self.state.iter().zip(&mut *out) {
                let (column, out) = (T::of(column), T::of_mut(out));
                done.iter().for_each(|slot| out[self.who[*slot]] = column[*slot]);
            }
            let kept = self.let_in(&done);
            self.close_up(&done[kept..]);
        }
        Ok(())
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
        slots.iter().zip(from..).for_each(|(slot, particle)| self.who[*slot] = particle);
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
