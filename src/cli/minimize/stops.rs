//! When a search ends before its starts do: after a time, at a target, or when little can be left to find.
//!
//! Flows in: the flags. Flows out: [`Stops`], which [`session`](super::session) asks at the borders of batches. All but
//! the time stop at a particle's number, so that the result is the same on any machine.

use super::arguments::Arguments;
use crate::cli::Failure;
use crate::cli::language::Language;
use crate::cli::options::number;
use gradfield::descent::{Ends, Minima};
use std::time::Duration;

/// Starts after which it is looked for the first time whether the minima are covered.
const LOOK: u64 = 1000;

/// Why a search ended before its starts did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Seconds,
    Target,
    Covered,
}

impl Why {
    /// Its name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Why::Seconds => "seconds",
            Why::Target => "target",
            Why::Covered => "covered",
        }
    }
}

/// What ends a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stops {
    /// No batch begins later.
    pub(super) time: Option<Duration>,
    /// The first particle with such an f is the last.
    pub(super) target: Option<f64>,
    /// Known minima have such a share of the starts.
    pub(super) covered: Option<f64>,
    /// Nobody said how many starts there are.
    pub(super) open: bool,
    maximize: bool,
}

impl Stops {
    pub(super) fn of(arguments: &Arguments, language: Language) -> Result<Stops, Failure> {
        let stops = Stops {
            time: arguments.seconds.as_deref().map(seconds).transpose()?,
            target: arguments.target.as_deref().map(|text| number("--target", text)).transpose()?,
            covered: arguments.until_covered.as_deref().map(share).transpose()?,
            open: arguments.starts.is_none() && arguments.from.is_empty() && arguments.points.is_none(),
            maximize: arguments.maximize,
        };
        stops.check(arguments, language)?;
        Ok(stops)
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        self.time.is_some() || self.target.is_some() || self.covered.is_some()
    }

    /// Refuses what would not mean what it says.
    fn check(&self, arguments: &Arguments, language: Language) -> Result<(), Failure> {
        let flags = [
            ("--seconds", self.time.is_some()),
            ("--target", self.target.is_some()),
            ("--until-covered", self.covered.is_some()),
        ];
        let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) else { return Ok(()) };
        if arguments.shard.is_some() {
            return Err(Failure::usage(format!(
                "{flag} with --shard: shares that stop early do not join to one run; leave one of the two out"
            )));
        }
        let sampling = arguments.sampling.to_lowercase();
        if sampling == "grid" {
            return Err(Failure::usage(format!(
                "{flag} with --sampling grid: its starts go row by row, so a part of the box would have none; take \
                 sobol, which is even wherever it stops"
            )));
        }
        if self.open && sampling == "lhs" {
            return Err(Failure::usage(format!(
                "{flag} with --sampling lhs: where its starts lie depends on how many they are; add --starts, or take sobol"
            )));
        }
        if self.open && self.time.is_some() && language == Language::Npz {
            return Err(Failure::usage(
                "--seconds: a .npz holds the end of every start, which must fit into memory; say with --starts how \
                 many there are at most",
            ));
        }
        Ok(())
    }

    /// The first particle of a batch that reaches the target. A point counts, whatever the particle came to.
    pub(super) fn hit(&self, ends: &Ends) -> Option<usize> {
        let target = self.target?;
        let reaches = |f: f64| f.is_finite() && self.reaches(f, target);
        (0..ends.len()).find(|k| reaches(ends.values.get(*k)))
    }

    fn reaches(&self, f: f64, target: f64) -> bool {
        if self.maximize { f >= target } else { f <= target }
    }

    /// Whether the best row of the table reaches the target: polishing may get there where no particle did.
    pub(super) fn is_reached(&self, minima: &Minima) -> bool {
        let best = minima.rows.first();
        self.target.zip(best).is_some_and(|(target, best)| self.reaches(best.f, target))
    }

    /// The next number of particles after which it is looked whether the minima are covered.
    pub(super) fn next_look(&self, done: u64) -> u64 {
        if self.covered.is_none() {
            return u64::MAX;
        }
        let mut look = LOOK;
        while look <= done {
            look += look / 4;
        }
        look
    }

    /// Whether this number of particles is one of those.
    pub(super) fn is_look(&self, done: u64) -> bool {
        done > 0 && self.next_look(done - 1) == done
    }

    /// Whether few enough starts would lead elsewhere. Of n starts none of which found something alone it is known only
    /// that fewer than 1 in n would.
    pub(super) fn is_covered(&self, minima: &Minima, successes: u64) -> bool {
        let unseen = minima.unseen.map(|unseen| unseen.max(1.0 / successes as f64));
        self.covered.zip(unseen).is_some_and(|(covered, unseen)| unseen <= 1.0 - covered)
    }
}

fn seconds(text: &str) -> Result<Duration, Failure> {
    let seconds = number("--seconds", text)?;
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| Failure::usage(format!("--seconds: {text} is no time to search; write one above 0, such as 10")))
}

fn share(text: &str) -> Result<f64, Failure> {
    match number("--until-covered", text)? {
        share if share > 0.0 && share < 1.0 => Ok(share),
        share => Err(Failure::usage(format!(
            "--until-covered: {share} is no share of the starts that can be known; write one between 0 and 1, such as 0.999"
        ))),
    }
}
