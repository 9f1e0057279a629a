//! A thread's memory between runs: small runs that follow each other would else ask the system for it at each.
//!
//! Flows in: what a thread has used. Flows out: the same, for the next run. Who should not use it: who needs it as new.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// What waits for the next run.
pub(super) struct Spare<S>(Mutex<Vec<S>>);

impl<S> Spare<S> {
    pub(super) fn new() -> Spare<S> {
        Spare(Mutex::new(Vec::new()))
    }

    /// One that waits, or a new one; it comes back when it is dropped.
    pub(super) fn take(&self, make: impl FnOnce() -> S) -> Taken<'_, S> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Taken { spare: self, used: Some(spare.unwrap_or_else(make)) }
    }
}

/// One in use; there is always one until it is dropped.
pub(super) struct Taken<'a, S> {
    spare: &'a Spare<S>,
    used: Option<S>,
}

impl<S> Deref for Taken<'_, S> {
    type Target = S;
    fn deref(&self) -> &S {
        self.used.as_ref().expect("it is there until it is dropped")
    }
}

impl<S> DerefMut for Taken<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        self.used.as_mut().expect("it is there until it is dropped")
    }
}

impl<S> Drop for Taken<'_, S> {
    fn drop(&mut self) {
        self.spare.0.lock().unwrap_or_else(PoisonError::into_inner).extend(self.used.take());
    }
}
