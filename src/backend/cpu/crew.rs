//! The threads of the CPU engine: the one that calls, and others that wait for it.
//!
//! Flows in: numbered pieces of work. Flows out: that all are done. Whoever is free takes the next piece. The caller works
//! too, and waits for those alone that have begun: one piece wakes nobody, and short work never waits for a thread that
//! the system is slow to wake.
//!
//! The others stay awake for a moment after a piece, as the next call is often near. Where they slept at once, Linux on a
//! virtual machine now and then put them on the caller's processor, one of two, and left them there for the whole run: the
//! idle one looked as if its host had taken it away.
//!
//! Who should not use it: anyone but `cpu`.

use super::apart::Apart;
use crate::backend::BackendError;
use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread stays awake for the next call.
const LINGER: Duration = Duration::from_micros(200);
/// Looks at the call counter between two looks at the clock.
const LOOKS: usize = 64;

/// Threads that work together.
#[derive(Debug)]
pub(super) struct Crew {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
    /// Whose call the others work for: one at a time.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    /// Counts the calls.
    calls: AtomicU64,
    table: Mutex<Table>,
    /// Something is to be done, or the crew goes.
    begin: Condvar,
    /// Nobody works any more.
    done: Condvar,
    apart: Apart,
}

/// What is worked on.
#[derive(Debug, Default)]
struct Table {
    work: Option<Work>,
    /// So many others may still join.
    seats: usize,
    /// So many others are at work.
    busy: usize,
    /// What one of them panicked with.
    panic: Option<Panic>,
    /// The crew is no longer needed.
    over: bool,
}

/// The work of a call; it outlives the call's last worker.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn() + Sync));

// SAFETY: what it points to may be called from any thread, and `Call` keeps it alive until nobody does.
unsafe impl Send for Work {}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

struct Panic(Box<dyn Any + Send>);

impl std::fmt::Debug for Panic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Panic")
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life: wait, join in, wait.
    fn serve(&self) {
        let mut seen = 0;
        self.apart.enter();
        loop {
            let since = Instant::now();
            while self.calls.load(Ordering::Acquire) == seen && since.elapsed() < LINGER {
                (0..LOOKS).for_each(|_| std::hint::spin_loop());
            }
            let mut table = self.table();
            while self.calls.load(Ordering::Acquire) == seen && !table.over {
                table = self.begin.wait(table).unwrap_or_else(PoisonError::into_inner);
            }
            if table.over {
                return;
            }
            seen = self.calls.load(Ordering::Acquire);
            let (Some(Work(work)), true) = (table.work, table.seats > 0) else { continue };
            (table.seats, table.busy) = (table.seats - 1, table.busy + 1);
            drop(table);
            // SAFETY: this thread is counted as busy, and the call ends when nobody is.
            let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { (*work)() }));
            let mut table = self.table();
            table.busy -= 1;
            if let Err(panic) = outcome {
                table.panic.get_or_insert(Panic(panic));
            }
            if table.busy == 0 {
                self.done.notify_all();
            }
        }
    }
}

/// A call under way. It ends, also by a panic of the caller, when nobody works for it any more.
struct Call<'a>(&'a Shared);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut table = self.0.table();
        (table.seats, table.work) = (0, None);
        while table.busy > 0 {
            table = self.0.done.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Crew {
    /// So many threads, or one per core.
    ///
    /// # Errors
    /// - [`BackendError::Device`] if the system refuses them.
    pub(super) fn new(threads: Option<usize>) -> Result<Crew, BackendError> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = threads.filter(|threads| *threads > 0).unwrap_or_else(cores);
        let (table, begin, done, apart) = Default::default();
        let shared = Arc::new(Shared { calls: AtomicU64::new(0), table, begin, done, apart });
        let mut crew = Crew { shared, others: Vec::new(), turn: Mutex::new(()) };
        for k in 1..threads {
            let shared = Arc::clone(&crew.shared);
            let thread = std::thread::Builder::new().name(format!("gradfield-{k}")).spawn(move || shared.serve());
            crew.others.push(thread.map_err(|error| {
                BackendError::Device(format!(
                    "the threads of the CPU engine could not be started: {error}; try --threads 1"
                ))
            })?);
        }
        Ok(crew)
    }

    /// How many threads.
    pub(super) fn threads(&self) -> usize {
        self.others.len() + 1
    }

    /// Does `work` on this thread, and meanwhile on up to `most - 1` others: they may come late, or not at all.
    fn all(&self, most: usize, work: &(dyn Fn() + Sync)) {
        let seats = self.others.len().min(most.saturating_sub(1));
        // Who finds the others taken does all itself.
        let turn = if seats > 0 { self.turn.try_lock().ok() } else { None };
        let Some(_turn) = turn else { return work() };
        self.shared.apart.keep_off();
        let call = Call(&self.shared);
        let mut table = self.shared.table();
        // SAFETY: the lifetime alone changes; `call` outlives all who follow the pointer.
        let erased = unsafe { std::mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync)>(work) };
        (table.work, table.seats) = (Some(Work(erased)), seats);
        self.shared.calls.fetch_add(1, Ordering::Release);
        drop(table);
        self.shared.begin.notify_all();
        work();
        drop(call);
        let panic = self.shared.table().panic.take();
        if let Some(Panic(panic)) = panic {
            resume_unwind(panic);
        }
    }

    /// Does the pieces 0 to `count`, each once, in any order. A thread begins with `prepare`. After an error no further
    /// piece is begun.
    ///
    /// # Errors
    /// The first of a piece.
    pub(super) fn each<S>(
        &self,
        count: usize,
        prepare: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize) -> Result<(), BackendError> + Sync,
    ) -> Result<(), BackendError> {
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        self.all(count, &|| {
            let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|piece| *piece < count);
            let Some(mut piece) = take() else { return };
            let mut state = prepare();
            loop {
                if let Err(error) = work(&mut state, piece) {
                    next.store(count, Ordering::Relaxed);
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    return;
                }
                let Some(more) = take() else { return };
                piece = more;
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.table().over = true;
        // Who lingers sees it as well.
        self.shared.calls.fetch_add(1, Ordering::Release);
        self.shared.begin.notify_all();
        for thread in self.others.drain(..) {
            // It has caught what its work panicked with.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        for (threads, count) in [(1, 10), (2, 0), (2, 1), (3, 1000), (8, 5)] {
            let crew = Crew::new(Some(threads)).unwrap();
            // Calls in close succession, and some after the others have gone to sleep.
            for call in 0..100 {
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                let work = |_: &mut (), k: usize| {
                    done[k].fetch_add(1, Ordering::Relaxed);
                    Ok(())
                };
                crew.each(count, || (), work).unwrap();
                assert!(
                    done.iter().all(|times| times.load(Ordering::Relaxed) == 1),
                    "{threads} threads, {count} pieces"
                );
                if call % 40 == 39 {
                    std::thread::sleep(3 * LINGER);
                }
            }
        }
    }

    #[test]
    fn others_take_part() {
        let crew = Crew::new(Some(2)).unwrap();
        let here = std::thread::current().id();
        let met = AtomicUsize::new(0);
        // The caller's piece ends when another has begun one.
        let work = |_: &mut (), _| {
            if std::thread::current().id() != here {
                met.fetch_add(1, Ordering::Relaxed);
            }
            while met.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            Ok(())
        };
        crew.each(2, || (), work).unwrap();
        assert_eq!(met.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_error_ends_the_work() {
        let crew = Crew::new(Some(2)).unwrap();
        let begun = AtomicUsize::new(0);
        let work = |_: &mut (), _| {
            begun.fetch_add(1, Ordering::Relaxed);
            Err(BackendError::Interrupted)
        };
        let result = crew.each(1_000_000, || (), work);
        assert!(matches!(result, Err(BackendError::Interrupted)));
        assert!(begun.load(Ordering::Relaxed) <= 2);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_crew_goes_on() {
        let crew = Crew::new(Some(3)).unwrap();
        let panics = |_: &mut (), k: usize| if k == 50 { panic!("as asked") } else { Ok(()) };
        let caught = catch_unwind(AssertUnwindSafe(|| crew.each(100, || (), panics)));
        assert!(caught.is_err());
        crew.each(100, || (), |(), _| Ok(())).unwrap();
    }

    #[test]
    fn calls_of_several_threads_and_calls_within_a_call_are_done() {
        let crew = Crew::new(Some(2)).unwrap();
        let count = AtomicUsize::new(0);
        let inner = |_: &mut (), _| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| crew.each(10, || (), |(), _| crew.each(10, || (), inner)).unwrap());
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 400);
    }
}
