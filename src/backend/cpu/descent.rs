//! A descent on the CPU: many steps of one tape, a block of particles at a time.
//!
//! Flows in: the tape, the steps, the state. Flows out: the state after the steps, in place. A block of particles goes
//! through up to [`LANES`] steps at once, whose own numbers are computed beforehand.
//!
//! Who should not use it: anyone but `cpu`.

use super::flush::{Flushing, flush};
use super::native::NativeSteps;
use super::plan::{Plan, Rate};
use super::workspace::Workspace;
use super::{Columns, Cpu, Lane};
use crate::backend::{BackendError, Steps, check_interrupt};
use crate::kernel::{Block, LANES};
use crate::tape::{Input, Tape};
use rayon::prelude::*;

/// A tape as descents run it.
pub(super) struct Descent<T> {
    plan: Plan,
    native: Option<NativeSteps<T>>,
}

impl<T: Lane> Descent<T> {
    pub(super) fn new(tape: &Tape, cpu: &Cpu) -> Descent<T> {
        let rate = |input: &Input| if input.uniform { Rate::Row } else { Rate::Point };
        let plan = Plan::new(tape, &tape.inputs.iter().map(rate).collect::<Vec<Rate>>());
        let native = cpu.native.then(|| NativeSteps::new(&plan, cpu.level)).flatten();
        Descent { plan, native }
    }

    pub(super) fn is_native(&self) -> bool {
        self.native.is_some()
    }

    /// Takes all steps.
    pub(super) fn iterate(
        &self,
        cpu: &Cpu,
        tape: &Tape,
        steps: &Steps,
        state: &Columns<T>,
        particles: usize,
    ) -> Result<(), BackendError> {
        let places = uniform_places(tape);
        for done in (0..steps.count).step_by(LANES) {
            let count = (steps.count - done).min(LANES as u64) as usize;
            let value = |input: usize, k: usize| {
                let place = places[input];
                if steps.clock == Some(place) { (steps.first + done) as f64 + k as f64 } else { steps.uniforms[place] }
            };
            let mut rows = Workspace::<T>::new(&self.plan);
            rows.fill_rows(&self.plan, cpu.level, count, value);
            rows.rows.iter_mut().for_each(|row| flush(row));
            cpu.pool.install(|| self.advance(cpu, &rows.rows, count, state, particles))?;
        }
        Ok(())
    }

    /// Takes `count` steps, at most LANES, whose numbers are in `rows`.
    fn advance(
        &self,
        cpu: &Cpu,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        particles: usize,
    ) -> Result<(), BackendError> {
        match &self.native {
            Some(native) => {
                // Some LANES particles a task: to hand one out costs as much as a few steps.
                let group = native.group();
                let task = LANES.div_ceil(group) * group;
                (0..particles.div_ceil(task)).into_par_iter().try_for_each_init(
                    || native.scratch(),
                    |scratch, k| {
                        check_interrupt()?;
                        let _flushing = Flushing::start();
                        for start in (k * task..particles.min((k + 1) * task)).step_by(group) {
                            native.run(scratch, rows, count, state, (start, group.min(particles - start)));
                        }
                        Ok(())
                    },
                )
            }
            None => (0..particles.div_ceil(LANES)).into_par_iter().try_for_each_init(
                || Workspace::new(&self.plan),
                |workspace, block| {
                    check_interrupt()?;
                    let start = block * LANES;
                    let len = LANES.min(particles - start);
                    let _flushing = Flushing::start();
                    workspace.run_steps(&self.plan, cpu.level, rows, count, state, start, len);
                    Ok(())
                },
            ),
        }
    }
}

/// The place of each uniform input among the uniforms.
fn uniform_places(tape: &Tape) -> Vec<usize> {
    let mut next = 0;
    tape.inputs
        .iter()
        .map(|input| {
            next += usize::from(input.uniform);
            next.saturating_sub(1)
        })
        .collect()
}
