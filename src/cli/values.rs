//! `--set a=0:1:201`: values that go from one number to another.
//!
//! Flows in: the texts of `--set`. Flows out: [`Moving`], and for each of them the texts with one number each.

use super::Failure;
use super::options::number;
use gradfield::Points;

/// A name whose value goes from one number to another, in even steps.
#[derive(Debug, Clone, PartialEq)]
struct Sweep {
    name: String,
    from: f64,
    to: f64,
    count: usize,
}

impl Sweep {
    /// None for a value that stays: `a=2`.
    fn parse(set: &str, most: usize) -> Result<Option<Sweep>, Failure> {
        let Some((name, value)) = set.split_once('=') else { return Ok(None) };
        let parts: Vec<&str> = value.split(':').collect();
        let wrong = || {
            Failure::usage(format!(
                "--set {set}: write a number; or, for values from one to another, two and how many, as in --set a=0:1:60"
            ))
        };
        let [from, to, count] = match parts[..] {
            [_] => return Ok(None),
            [from, to, count] => [from, to, count],
            _ => return Err(wrong()),
        };
        let count = count.trim().trim_end_matches("frames").trim_end_matches("frame").trim();
        let count: usize = count.parse().map_err(|_| wrong())?;
        if !(2..=most).contains(&count) {
            return Err(Failure::usage(format!("--set {set}: {count} values are not between 2 and {most}")));
        }
        let (from, to) = (number("--set", from)?, number("--set", to)?);
        Ok(Some(Sweep { name: name.trim().to_owned(), from, to, count }))
    }

    fn at(&self, k: usize) -> f64 {
        Points::linspace(self.from, self.to, self.count)[k]
    }

    /// Digits behind the point that tell two values apart, and one more.
    fn decimals(&self) -> usize {
        let step = (self.to - self.from).abs() / (self.count - 1) as f64;
        if step > 0.0 { (-step.log10()).ceil().clamp(0.0, 9.0) as usize + 1 } else { 3 }
    }
}

/// All names whose values move, together.
#[derive(Debug)]
pub(super) struct Moving {
    /// One for each text; none for a value that stays.
    sweeps: Vec<Option<Sweep>>,
    pub(super) count: usize,
}

impl Moving {
    /// None where all values stay; at most so many.
    pub(super) fn of(sets: &[String], most: usize) -> Result<Option<Moving>, Failure> {
        let sweeps: Vec<Option<Sweep>> = sets.iter().map(|set| Sweep::parse(set, most)).collect::<Result<_, _>>()?;
        let counts: Vec<usize> = sweeps.iter().flatten().map(|sweep| sweep.count).collect();
        let Some(&count) = counts.first() else { return Ok(None) };
        if let Some(other) = counts.iter().find(|other| **other != count) {
            return Err(Failure::usage(format!(
                "--set: {count} values and {other} values; those that move together take the same number"
            )));
        }
        Ok(Some(Moving { sweeps, count }))
    }

    /// The names that move.
    pub(super) fn names(&self) -> Vec<String> {
        self.sweeps.iter().flatten().map(|sweep| sweep.name.clone()).collect()
    }

    /// Their values.
    pub(super) fn at(&self, k: usize) -> Vec<f64> {
        self.sweeps.iter().flatten().map(|sweep| sweep.at(k)).collect()
    }

    /// The texts with these values.
    pub(super) fn fix(&self, sets: &mut [String], k: usize) {
        for (set, sweep) in sets.iter_mut().zip(&self.sweeps) {
            if let Some(sweep) = sweep {
                *set = format!("{}={:?}", sweep.name, sweep.at(k));
            }
        }
    }

    /// `a = 0.50`, one for each name.
    pub(super) fn texts(&self, k: usize) -> impl Iterator<Item = String> {
        self.sweeps.iter().flatten().map(move |sweep| {
            let value = format!("{:.*}", sweep.decimals(), sweep.at(k));
            format!("{} = {}", sweep.name, value.replace('-', "−"))
        })
    }
}
