//! The batches of one `minimize`, and what is done between them: look whether to stop, keep what is done, tell.
//!
//! Flows in: a [`Task`], perhaps the state that a checkpoint held. Flows out: its basins, the ends where they are wanted,
//! and what ended it. How the batches fall is left to the clock; the result does not depend on it.

use super::checkpoint::{Checkpoint, State};
use super::hops::hops;
use super::records::Run;
use super::stops::Why;
use super::task::Task;
use crate::cli::Failure;
use crate::cli::progress::Progress;
use gradfield::Expression;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::{Ends, Hops, Minima, Searcher};
use std::time::{Duration, Instant};

/// A run that will take longer says so, once it has run for a moment.
const LONG: f64 = 1800.0;
const MOMENT: Duration = Duration::from_secs(1);

/// A run.
pub(super) struct Session<'a> {
    pub(super) task: &'a Task,
    pub(super) expression: &'a Expression,
    /// For the table of minima.
    pub(super) cpu: &'a Cpu,
    pub(super) state: State,
    pub(super) quiet: bool,
}

impl Session<'_> {
    /// Runs what is left of the particles; says what stopped it early.
    pub(super) fn run(
        &mut self,
        searcher: &mut Searcher<'_>,
        mut checkpoint: Option<&mut Checkpoint>,
    ) -> Result<Option<Why>, Failure> {
        let (mut pace, mut teller) = (searcher.pace(), Teller::new(self));
        let (end, before, begin) = (self.task.particles().end, self.state.elapsed, Instant::now());
        loop {
            if let Some(why) = self.stopped()? {
                return Ok(Some(why));
            }
            let done = self.state.done;
            if done == end {
                return Ok(None);
            }
            let stops = &self.task.stops;
            let left = stops.time.map(|time| time.saturating_sub(self.state.elapsed));
            let last = (done + pace.next(left)).min(end).min(stops.next_look(done));
            let lap = Instant::now();
            let mut ends = searcher.batch(self.task.starts(done..last), done)?;
            pace.took(last - done, lap.elapsed());
            let hit = stops.hit(&ends);
            if let Some(hit) = hit {
                ends.truncate(hit + 1);
            }
            self.state.take(ends);
            self.state.elapsed = before + begin.elapsed();
            if hit.is_some() {
                return Ok(Some(Why::Target));
            }
            if let Some(checkpoint) = checkpoint.as_deref_mut() {
                checkpoint.keep(&self.state)?;
            }
            teller.tell(self);
        }
    }

    /// What ends the search here, where no particle has reached the target.
    fn stopped(&self) -> Result<Option<Why>, Failure> {
        let (stops, state, end) = (&self.task.stops, &self.state, self.task.particles().end);
        if state.done == end || state.done == self.task.particles().start {
            return Ok(None);
        }
        if stops.is_look(state.done) && stops.is_covered(&self.minima()?, state.basins.successes()) {
            return Ok(Some(Why::Covered));
        }
        Ok(stops.time.is_some_and(|time| state.elapsed >= time).then_some(Why::Seconds))
    }

    /// The table, with what hops find: of all starts, unless one of them has reached the target. After a time that is up
    /// they have a tenth of it.
    pub(super) fn conclusion(&self, run: &Run, stopped: Option<Why>) -> Result<(Minima, Option<Hops>), Failure> {
        let minima = self.minima()?;
        if self.task.shard.is_some() || stopped == Some(Why::Target) {
            return Ok((minima, None));
        }
        let until =
            self.task.stops.time.map(|time| Instant::now() + time.saturating_sub(self.state.elapsed).max(time / 10));
        hops(minima, &self.state.basins, self.expression, run, until, self.cpu)
    }

    /// The table of what was found so far.
    pub(super) fn minima(&self) -> Result<Minima, Failure> {
        let search = &self.task.search;
        let bounds = search.bounds.as_deref();
        Ok(Minima::of(&self.state.basins, self.expression, bounds, search.tolerance, self.cpu)?)
    }
}

impl State {
    fn take(&mut self, ends: Ends) {
        self.basins.add(&ends);
        self.done += ends.len() as u64;
        if let Some(kept) = &mut self.kept {
            kept.push(ends);
        }
    }
}

/// Says how far it is.
struct Teller {
    progress: Progress,
    begin: Instant,
    /// Particles that a session before this one has run.
    before: u64,
    /// Whether a long run has been told.
    warned: bool,
}

impl Teller {
    fn new(session: &Session<'_>) -> Teller {
        let progress = Progress::new(session.quiet);
        Teller { progress, begin: Instant::now(), before: session.state.done, warned: session.quiet }
    }

    fn tell(&mut self, session: &Session<'_>) {
        let (task, state) = (session.task, &session.state);
        let (first, end) = (task.particles().start, task.particles().end);
        let elapsed = self.begin.elapsed().as_secs_f64().max(1e-9);
        let rate = (state.done - self.before) as f64 / elapsed;
        let all = (end - first) as f64;
        let mut left = (end - state.done) as f64 / rate;
        let mut share = (state.done - first) as f64 / all;
        if !self.warned && self.begin.elapsed() > MOMENT {
            self.warned = true;
            warn(all, left, session);
        }
        if let Some(time) = task.stops.time {
            let time = time.as_secs_f64();
            left = left.min(time - state.elapsed.as_secs_f64()).max(0.0);
            share = share.max(state.elapsed.as_secs_f64() / time).min(1.0);
        }
        let of = if task.stops.open && task.stops.time.is_some() { String::new() } else { format!(" of {all}") };
        self.progress.tell(share, || {
            format!(
                "{}{of} starts, {rate:.0} a second, {} successful at {} places, {} left",
                state.done - first,
                state.basins.successes(),
                state.basins.places(),
                span(left)
            )
        });
    }
}

/// Where all starts will take hours, what to do about it.
fn warn(all: f64, left: f64, session: &Session<'_>) {
    if left > LONG && session.task.stops.time.is_none() {
        eprintln!(
            "note: {all} starts will take some {:.1} hours here; --checkpoint FILE keeps what is done, --shard 1/16 runs \
             a sixteenth of them, and `gradfield merge` joins the shares",
            left / 3600.0
        );
    }
}

/// `12 s`, `34 min`, `5.6 h`.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
