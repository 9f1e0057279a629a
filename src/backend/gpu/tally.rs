//! What a GPU did, for people and tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a GPU did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Dispatches of points or particles.
    pub dispatches: u64,
    /// The time of the longest of them, by the host's clock, from when the device was free for it until it was seen
    /// to be done: at most so long.
    pub longest: Duration,
    /// Transfers of results to the host.
    pub transfers: u64,
    /// The most of them that were on their way at once.
    pub most_at_once: u64,
    /// Those whose results were taken while the device already had the next.
    pub overlapped: u64,
}

/// A tally that is being counted.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<(Tally, u64)>);

impl Counter {
    pub(super) fn tally(&self) -> Tally {
        self.lock().0
    }

    /// A dispatch took at most so long.
    pub(super) fn dispatched(&self, time: Duration) {
        let mut inner = self.lock();
        inner.0.dispatches += 1;
        inner.0.longest = inner.0.longest.max(time);
    }

    /// A transfer sets out.
    pub(super) fn sent(&self) {
        let (tally, under_way) = &mut *self.lock();
        *under_way += 1;
        tally.transfers += 1;
        tally.most_at_once = tally.most_at_once.max(*under_way);
    }

    /// Its results are taken.
    pub(super) fn taken(&self) {
        let (tally, under_way) = &mut *self.lock();
        tally.overlapped += u64::from(*under_way > 1);
    }

    /// It is over, its results taken or not.
    pub(super) fn over(&self) {
        self.lock().1 -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, (Tally, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
