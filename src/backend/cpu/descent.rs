//! A descent on the CPU: many steps of one tape, a block of particles at a time.
//!
//! Flows in: the tape, the steps, the state. Flows out: the state after the steps, in place. A block of particles goes
//! through spans of up to [`LANES`] steps, whose own numbers are computed beforehand.
//!
//! Who should not use it: anyone but `cpu`.

use super::flush::{Flushing, flush};
use super::native::{Lines, NativeSteps};
use super::plan::{Plan, Rate};
use super::sheet::uniform_places;
use super::spare::Spare;
use super::workspace::Workspace;
use super::{Columns, Cpu, Lane};
use crate::backend::{BackendError, Steps, check_interrupt};
use crate::kernel::{Block, LANES, Level};
use crate::tape::{Input, Tape};
use std::ops::Range;

/// Spans that are taken at once: threads meet after these, and their numbers are kept until then.
const SPANS: usize = 64;

/// A tape as descents run it.
pub(super) struct Descent<T> {
    plan: Plan,
    /// Made when there is much to do, if it can be.
    native: Option<Option<NativeSteps<T>>>,
    /// For who takes one step at a time.
    ahead: Option<Ahead<T>>,
    scratch: Spare<Lines<T>>,
    workspaces: Spare<Workspace<T>>,
}

impl<T: Lane> Descent<T> {
    pub(super) fn new(tape: &Tape) -> Descent<T> {
        let rate = |input: &Input| if input.uniform { Rate::Row } else { Rate::Point };
        let plan = Plan::new(tape, &tape.inputs.iter().map(rate).collect::<Vec<Rate>>());
        Descent { plan, native: None, ahead: None, scratch: Spare::new(), workspaces: Spare::new() }
    }

    /// Makes machine code, if there can be some and that much work, this and earlier, is worth it.
    pub(super) fn compile(&mut self, cpu: &Cpu, work: u64) {
        if cpu.code.after(work) {
            self.native.get_or_insert_with(|| NativeSteps::new(&self.plan, cpu.level));
        }
    }

    pub(super) fn is_native(&self) -> bool {
        self.native().is_some()
    }

    fn native(&self) -> Option<&NativeSteps<T>> {
        self.native.as_ref().and_then(Option::as_ref)
    }

    /// Takes all steps.
    pub(super) fn iterate(
        &mut self,
        cpu: &Cpu,
        tape: &Tape,
        steps: &Steps,
        state: &Columns<T>,
        particles: usize,
    ) -> Result<(), BackendError> {
        if steps.count == 1 {
            let span = self.next(cpu, tape, steps);
            let done = self.advance(cpu, std::slice::from_ref(&span), state, particles);
            if let Some(ahead) = &mut self.ahead {
                ahead.one = span.rows;
            }
            return done;
        }
        for done in (0..steps.count).step_by(SPANS * LANES) {
            let end = steps.count.min(done + (SPANS * LANES) as u64);
            let spans: Vec<Span<T>> =
                (done..end).step_by(LANES).map(|from| self.span(cpu, tape, steps, from..end)).collect();
            self.advance(cpu, &spans, state, particles)?;
        }
        Ok(())
    }

    /// The numbers of one step, computed with those of the steps after it.
    fn next(&mut self, cpu: &Cpu, tape: &Tape, steps: &Steps) -> Span<T> {
        let fits = |ahead: &Ahead<T>| {
            let place = steps.first.checked_sub(ahead.steps.first).filter(|place| *place < LANES as u64)?;
            let clock = |k: usize| steps.clock == Some(k) && ahead.steps.clock == Some(k);
            let numbers = steps.uniforms.iter().zip(&ahead.steps.uniforms).enumerate();
            let same = numbers.into_iter().all(|(k, (a, b))| clock(k) || a.to_bits() == b.to_bits());
            (same && steps.clock == ahead.steps.clock).then_some(place as usize)
        };
        let place = match self.ahead.as_ref().and_then(fits) {
            Some(place) => place,
            None => {
                let all = Steps { count: LANES as u64, ..steps.clone() };
                let Span { rows, .. } = self.span(cpu, tape, &all, 0..LANES as u64);
                self.ahead = Some(Ahead { steps: all, one: rows.clone(), rows });
                0
            }
        };
        let Some(ahead) = &mut self.ahead else { return Span { rows: Vec::new(), count: 1 } };
        ahead.one.iter_mut().zip(&ahead.rows).for_each(|(one, row)| one[0] = row[place]);
        Span { rows: std::mem::take(&mut ahead.one), count: 1 }
    }

    /// A thread's own group of particles, whose state has so many columns.
    pub(super) fn runner(&self, cpu: &Cpu, columns: usize) -> Runner<'_, T> {
        match self.native() {
            Some(native) => Runner::Native(native, native.scratch()),
            None => Runner::Portable {
                plan: &self.plan,
                level: cpu.level,
                workspace: Box::new(Workspace::new(&self.plan)),
                state: vec![T::default(); columns * LANES],
            },
        }
    }

    /// The numbers of up to LANES steps from the first of a range on.
    pub(super) fn span(&self, cpu: &Cpu, tape: &Tape, steps: &Steps, range: Range<u64>) -> Span<T> {
        let count = (range.end - range.start).min(LANES as u64) as usize;
        let places = uniform_places(tape);
        let value = |input: usize, k: usize| {
            let place = places[input];
            if steps.clock == Some(place) {
                (steps.first + range.start) as f64 + k as f64
            } else {
                steps.uniforms[place]
            }
        };
        let mut work = Workspace::<T>::new(&self.plan);
        work.fill_rows(&self.plan, cpu.level, count, value);
        work.rows.iter_mut().for_each(|row| flush(row));
        Span { rows: work.rows, count }
    }

    /// Takes the steps of these spans with every particle.
    fn advance(&self, cpu: &Cpu, spans: &[Span<T>], state: &Columns<T>, particles: usize) -> Result<(), BackendError> {
        match self.native() {
            Some(native) => {
                // Some LANES particles a task: to hand one out costs as much as a few steps.
                let group = native.group();
                let task = LANES.div_ceil(group) * group;
                cpu.crew.each(
                    particles.div_ceil(task),
                    || self.scratch.take(|| native.scratch()),
                    |scratch, k| {
                        let _flushing = Flushing::start();
                        for start in (k * task..particles.min((k + 1) * task)).step_by(group) {
                            let len = group.min(particles - start);
                            native.load(scratch, state, start, len);
                            flush(native.state(scratch));
                            // All spans but the last are of LANES steps, after which the state is where it was.
                            for Span { rows, count } in spans {
                                check_interrupt()?;
                                native.advance(scratch, rows, *count);
                            }
                            native.store(scratch, spans.last().map_or(0, |span| span.count), state, (start, len));
                        }
                        Ok(())
                    },
                )
            }
            None => cpu.crew.each(
                particles.div_ceil(LANES),
                || self.workspaces.take(|| Workspace::new(&self.plan)),
                |workspace, block| {
                    let start = block * LANES;
                    let len = LANES.min(particles - start);
                    state.flush(start..start + len);
                    let _flushing = Flushing::start();
                    for Span { rows, count } in spans {
                        check_interrupt()?;
                        workspace.run_steps(&self.plan, cpu.level, rows, *count, state, start, len);
                    }
                    Ok(())
                },
            ),
        }
    }
}

/// A group of particles, and what moves them. Its state lies column by column, a number for each particle.
pub(super) enum Runner<'d, T> {
    Native(&'d NativeSteps<T>, Lines<T>),
    Portable { plan: &'d Plan, level: Level, workspace: Box<Workspace<T>>, state: Vec<T> },
}

impl<T: Lane> Runner<'_, T> {
    /// How many particles.
    pub(super) fn group(&self) -> usize {
        match self {
            Runner::Native(native, _) => native.group(),
            Runner::Portable { .. } => LANES,
        }
    }

    pub(super) fn state(&mut self) -> &mut [T] {
        match self {
            Runner::Native(native, scratch) => native.state(scratch),
            Runner::Portable { state, .. } => state,
        }
    }

    /// Takes an even number of steps.
    pub(super) fn advance(&mut self, span: &Span<T>) {
        match self {
            Runner::Native(native, scratch) => native.advance(scratch, &span.rows, span.count),
            Runner::Portable { plan, level, workspace, state } => {
                let columns = Columns(state.chunks_mut(LANES).map(<[T]>::as_mut_ptr).collect());
                workspace.run_steps(plan, *level, &span.rows, span.count, &columns, 0, LANES);
            }
        }
    }
}

/// The numbers of LANES steps, and memory for those of one.
struct Ahead<T> {
    steps: Steps,
    rows: Vec<Block<T>>,
    one: Vec<Block<T>>,
}

/// Some steps' own numbers: a block for each row of the plan, a number for each step.
pub(super) struct Span<T> {
    rows: Vec<Block<T>>,
    count: usize,
}
