//! How many particles a batch has, where borders between batches are wanted often: to stop, to save, to tell.
//!
//! Flows in: how long batches took. Flows out: the size of the next. It is chosen by the clock and so differs from run to
//! run; what a particle does, and what [`Basins`](super::Basins) gather, does not depend on it.
//!
//! Who should not use it: who wants results and nothing between; [`Searcher::run`](super::Searcher::run) takes the
//! largest batches.

use std::time::Duration;

/// Seconds that a batch takes at least, if there are particles enough, and at most, if that is in one's power.
const TIME: (f64, f64) = (1.0, 30.0);
/// At the end of a batch lanes wait for its slowest particle, which takes about as long as the first, small batch: a
/// batch takes so many times that, so that little is lost.
const WAITS: f64 = 20.0;
/// Instructions that an evaluation of each particle of the first batch takes together; the fewest and the most of them.
const FIRST: usize = 200_000;
const PARTICLES: (u64, u64) = (64, 256);

/// Sizes of batches.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Particles of the next batch, and of any.
    next: u64,
    most: u64,
    /// Seconds that a batch is to take, once one was measured.
    goal: Option<f64>,
    /// Particles per second.
    rate: f64,
}

impl Pace {
    /// For a tape of so many instructions, and so many particles at most.
    pub(super) fn new(instructions: usize, most: u64) -> Pace {
        let next = ((FIRST / instructions.max(1)) as u64).clamp(PARTICLES.0, PARTICLES.1).min(most);
        Pace { next, most, goal: None, rate: 0.0 }
    }

    /// Particles of the next batch; fewer where it would take more than what is `left` of the time.
    pub fn next(&self, left: Option<Duration>) -> u64 {
        match left {
            Some(left) if self.goal.is_some() => {
                let fit = (self.rate * left.as_secs_f64()) as u64;
                self.next.min(fit.max(PARTICLES.0))
            }
            _ => self.next,
        }
    }

    /// A batch has run. One that was cut short tells little.
    pub fn took(&mut self, particles: u64, time: Duration) {
        if particles < self.next.min(PARTICLES.1) {
            return;
        }
        let seconds = time.as_secs_f64().max(1e-9);
        self.rate = particles as f64 / seconds;
        let goal = *self.goal.get_or_insert((WAITS * seconds).clamp(TIME.0, TIME.1));
        self.next = ((self.rate * goal) as u64).clamp(PARTICLES.0.min(self.most), self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// `waits` seconds for the slowest particle, and `each` second for each.
    fn settled(instructions: usize, waits: f64, each: f64) -> (u64, f64) {
        let mut pace = Pace::new(instructions, 1 << 20);
        let time = |count: u64| waits + each * count as f64;
        for _ in 0..9 {
            let count = pace.next(None);
            pace.took(count, Duration::from_secs_f64(time(count)));
        }
        (pace.next(None), time(pace.next(None)))
    }

    #[test]
    fn batches_are_long_enough_to_wait_little_and_short_enough_to_stop() {
        assert_eq!(settled(30, 1e-4, 1e-7).0, 1 << 20);
        let (_, time) = settled(30, 1e-4, 1e-5);
        assert!((0.9..1.1).contains(&time), "{time}");
        // Where one particle takes a second, waiting for it costs a twentieth.
        let (_, time) = settled(100_000, 1.0, 1e-3);
        assert!((15.0..30.0).contains(&time), "{time}");
        assert_eq!(settled(100_000, 60.0, 1.0).0, PARTICLES.0);
    }

    #[test]
    fn what_is_left_of_the_time_is_kept_to() {
        let mut pace = Pace::new(30, 1 << 20);
        assert_eq!(pace.next(Some(SECOND)), PARTICLES.1);
        pace.took(PARTICLES.1, SECOND);
        assert!(pace.next(None) > 19 * PARTICLES.1 && pace.next(Some(SECOND)) == PARTICLES.1);
        assert_eq!(pace.next(Some(Duration::ZERO)), PARTICLES.0);
        // A batch that was cut short changes nothing.
        let next = pace.next(None);
        pace.took(3, SECOND);
        assert_eq!(pace.next(None), next);
    }
}
