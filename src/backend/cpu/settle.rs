//! Particles that are moved until they are done, on the CPU.
//!
//! Flows in: a [`Descent`], starts. Flows out: the first columns of each particle when it was done. Each thread keeps a
//! group of particles where its code wants them, looks every few steps who is done, and gives that lane to the next
//! particle that waits, for all threads together. So all lanes work until the last starts are out, and threads meet only
//! at the end.
//!
//! Who should not use it: anyone but `cpu`.

use super::descent::{Descent, Runner};
use super::flush::{Flushing, flush};
use super::{Columns, Cpu, Lane};
use crate::backend::{BackendError, Settle, Steps, check_interrupt};
use crate::tape::Tape;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps between two looks at who is done. Even, so that a state is where it was.
const STRIDE: u64 = 2;
/// Particles that a thread takes at a time.
const HANDFUL: usize = 64;
/// Lanes that are looked at together.
const WORD: usize = u64::BITS as usize;

/// The particles of all threads.
struct Queue<'a, T> {
    settle: &'a Settle,
    starts: &'a [&'a [T]],
    count: usize,
    next: AtomicUsize,
    out: &'a Columns<T>,
}

/// Settles `count` particles.
pub(super) fn settle<T: Lane>(
    descent: &Descent<T>,
    (cpu, tape): (&Cpu, &Tape),
    settle: &Settle,
    starts: &[&[T]],
    out: &Columns<T>,
    count: usize,
) -> Result<(), BackendError> {
    let queue = Queue { settle, starts, count, next: AtomicUsize::new(0), out };
    let steps = Steps { uniforms: settle.uniforms.clone(), clock: None, first: 1, count: STRIDE };
    let span = descent.span(cpu, tape, &steps, 0..STRIDE);
    let work = |_: &mut (), _| {
        let _flushing = Flushing::start();
        let mut runner = descent.runner(cpu, settle.columns);
        queue.work(&mut runner, |runner| runner.advance(&span))
    };
    // A thread takes particles until none is left.
    cpu.crew.each(cpu.threads(), || (), work)
}

impl<T: Lane> Queue<'_, T> {
    fn work(
        &self,
        runner: &mut Runner<'_, T>,
        mut advance: impl FnMut(&mut Runner<'_, T>),
    ) -> Result<(), BackendError> {
        let group = runner.group();
        let (mut who, mut mine) = (vec![0; group], 0..0);
        // A bit for each lane that has a particle.
        let mut busy = vec![0u64; group.div_ceil(WORD)];
        for (lane, who) in who.iter_mut().enumerate() {
            let next = self.let_in(&mut mine, runner.state(), lane, group);
            busy[lane / WORD] |= u64::from(next.is_some()) << (lane % WORD);
            *who = next.unwrap_or(0);
        }
        let status = self.settle.status * group;
        while busy.iter().any(|word| *word != 0) {
            check_interrupt()?;
            advance(runner);
            let state = runner.state();
            for (first, busy) in (0..group).step_by(WORD).zip(&mut busy) {
                let lanes = &state[status + first..status + group.min(first + WORD)];
                let zero = T::default();
                let ended =
                    lanes.iter().enumerate().fold(0, |bits, (k, status)| bits | u64::from(*status != zero) << k);
                let mut ended = ended & *busy;
                while ended != 0 {
                    let bit = ended.trailing_zeros() as usize;
                    ended &= ended - 1;
                    let lane = first + bit;
                    self.let_out(who[lane], state, lane, group);
                    match self.let_in(&mut mine, state, lane, group) {
                        Some(next) => who[lane] = next,
                        None => *busy &= !(1 << bit),
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts a particle's columns where they belong.
    fn let_out(&self, particle: usize, state: &[T], lane: usize, group: usize) {
        for (k, out) in self.out.0.iter().enumerate() {
            // SAFETY: a particle is one lane's alone, and the columns are as long as there are particles.
            unsafe { *out.add(particle) = state[k * group + lane] };
        }
    }

    /// Puts the next particle into a lane, and says which; where none waits one that is done already, so that it is not
    /// slow in a way of its own. Threads take particles by the handful: a shared counter costs as much as a few steps.
    fn let_in(&self, mine: &mut Range<usize>, state: &mut [T], lane: usize, group: usize) -> Option<usize> {
        if mine.start == mine.end {
            let first = self.next.fetch_add(HANDFUL, Ordering::Relaxed);
            *mine = first.min(self.count)..(first + HANDFUL).min(self.count);
        }
        let next = mine.next();
        for (k, start) in self.starts.iter().enumerate() {
            let mut number = [start[next.unwrap_or(0)]];
            flush(&mut number);
            state[k * group + lane] = number[0];
        }
        for k in self.starts.len()..self.settle.columns {
            state[k * group + lane] = T::default();
        }
        if next.is_none() {
            state[self.settle.status * group + lane] = T::from_f64(1.0);
        }
        next
    }
}
