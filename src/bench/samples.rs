//! Samples of a time, their median and spread, and ratios with their uncertainty.
//!
//! Flows in: a piece of work. Flows out: [`Samples`] and [`Ratio`]. A ratio of two medians is never given without
//! the spread of what it was made from.
//!
//! Who should not use it: tests. A timed assertion fails on a busy machine.

use serde::Serialize;
use std::time::Instant;

/// A time in seconds.
pub type Seconds = f64;

/// How long some repetitions took.
#[derive(Debug, Clone, Serialize)]
pub struct Samples {
    /// Each repetition, in the order they were run.
    pub seconds: Vec<Seconds>,
}

impl Samples {
    /// Runs `work` once to warm up, then as [`Samples::laps`] does.
    ///
    /// # Errors
    /// The first error of `work`.
    pub fn take<E>(repetitions: usize, budget: Seconds, mut work: impl FnMut() -> Result<(), E>) -> Result<Samples, E> {
        work()?;
        Samples::laps(repetitions, budget, || {
            let lap = Instant::now();
            work()?;
            Ok(lap.elapsed().as_secs_f64())
        })
    }

    /// Runs `work`, which gives the time that it took, until `repetitions` are there or `budget` seconds are over (3 at
    /// least). Whoever wants a run to warm up makes it before.
    ///
    /// # Errors
    /// The first error of `work`.
    pub fn laps<E>(
        repetitions: usize,
        budget: Seconds,
        mut work: impl FnMut() -> Result<Seconds, E>,
    ) -> Result<Samples, E> {
        let start = Instant::now();
        let mut seconds = Vec::with_capacity(repetitions);
        while seconds.len() < repetitions && (seconds.len() < 3 || start.elapsed().as_secs_f64() < budget) {
            seconds.push(work()?);
        }
        Ok(Samples { seconds })
    }

    /// The median.
    pub fn median(&self) -> Seconds {
        quantile(&self.seconds, 0.5)
    }

    /// The fastest.
    pub fn min(&self) -> Seconds {
        quantile(&self.seconds, 0.0)
    }

    /// The slowest.
    pub fn max(&self) -> Seconds {
        quantile(&self.seconds, 1.0)
    }

    /// Of how many repetitions.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Half the distance between the quartiles, as a share of the median.
    pub fn spread(&self) -> f64 {
        0.5 * (quantile(&self.seconds, 0.75) - quantile(&self.seconds, 0.25)) / self.median()
    }
}

/// The value below which a share `q` of the samples lies, interpolated; NaN for no samples.
fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// How many times as long one work took as another.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratio {
    /// Ratio of the medians.
    pub value: f64,
    /// Its uncertainty: the two spreads added in quadrature, times the ratio.
    pub uncertainty: f64,
}

impl Ratio {
    /// `slow / fast`.
    pub fn of(slow: &Samples, fast: &Samples) -> Ratio {
        let value = slow.median() / fast.median();
        Ratio { value, uncertainty: value * slow.spread().hypot(fast.spread()) }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // As many places as two digits of the uncertainty need, two at least.
        let figures = (1.0 - self.uncertainty.log10().floor()).clamp(2.0, 6.0);
        let places = if self.uncertainty > 0.0 { figures as usize } else { 2 };
        write!(f, "{:.places$} ± {:.places$}", self.value, self.uncertainty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([3, 1, 2, 10], [0, 0.25, 0.5, 0.75, 1]) = [1, 1.75, 2.5, 4.75, 10]
        let samples = Samples { seconds: vec![3.0, 1.0, 2.0, 10.0] };
        assert_eq!((samples.min(), samples.median(), samples.max()), (1.0, 2.5, 10.0));
        assert_eq!(samples.spread(), 0.5 * 3.0 / 2.5);
        let ratio = Ratio::of(&samples, &Samples { seconds: vec![1.0; 3] });
        assert_eq!((ratio.value, ratio.uncertainty), (2.5, 2.5 * 0.6));
        assert_eq!(ratio.to_string(), "2.50 ± 1.50");
        assert_eq!(Ratio { value: 0.01234, uncertainty: 0.00056 }.to_string(), "0.01234 ± 0.00056");
        assert_eq!(Ratio { value: 3.0, uncertainty: 0.0 }.to_string(), "3.00 ± 0.00");
    }
}
