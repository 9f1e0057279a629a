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
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps between two looks at who is done. Even, so that a state is where it was.
const STRIDE: u64 = 2;
/// A lane without a particle.
const NOBODY: usize = usize::MAX;

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
    let work = || {
        let _flushing = Flushing::start();
        let mut runner = descent.runner(cpu, settle.columns);
        queue.work(&mut runner, |runner| runner.advance(&span))
    };
    cpu.pool.broadcast(|_| work()).into_iter().collect()
}

impl<T: Lane> Queue<'_, T> {
    fn work(
        &self,
        runner: &mut Runner<'_, T>,
        mut advance: impl FnMut(&mut Runner<'_, T>),
    ) -> Result<(), BackendError> {
        let group = runner.group();
        let mut who = vec![NOBODY; group];
        let mut busy = 0;
        for (lane, who) in who.iter_mut().enumerate() {
            *who = self.let_in(runner.state(), group, lane);
            busy += usize::from(*who != NOBODY);
        }
        while busy > 0 {
            check_interrupt()?;
            advance(runner);
            let state = runner.state();
            for lane in 0..group {
                if who[lane] == NOBODY || state[self.settle.status * group + lane] == T::default() {
                    continue;
                }
                for (k, out) in self.out.0.iter().enumerate() {
                    // SAFETY: a particle is one lane's alone, and the columns are as long as there are particles.
                    unsafe { *out.add(who[lane]) = state[k * group + lane] };
                }
                who[lane] = self.let_in(state, group, lane);
                busy -= usize::from(who[lane] == NOBODY);
            }
        }
        Ok(())
    }

    /// Puts the next particle into a lane, and says which; where none waits one that is done already, so that it is not
    /// slow in a way of its own.
    fn let_in(&self, state: &mut [T], group: usize, lane: usize) -> usize {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        for k in 0..self.settle.columns {
            let start = self.starts.get(k).map_or(T::default(), |start| start[next.min(self.count - 1)]);
            state[k * group + lane] = start;
            flush(&mut state[k * group + lane..][..1]);
        }
        if next < self.count {
            return next;
        }
        state[self.settle.status * group + lane] = T::from_f64(1.0);
        NOBODY
    }
}
