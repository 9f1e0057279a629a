//! Where particles start.
//!
//! Flows in: a [`Sampling`], a seed, how many, the range of each variable. Flows out: the starts of any part of the
//! particles, a column per variable. They are keyed by (seed, particle, coordinate): a part has the same starts as those
//! rows of the whole, whatever the batches, threads or shards, and nothing is kept for each particle.
//!
//! Who should not use it: who has points of their own reads them by `files::read_points`.

use super::sobol::{self, Scramble, Sobol};
use crate::points::Points;
use crate::random::{Permutation, bits};
use std::ops::Range;

pub use crate::random::uniform;

/// Strata of a Latin hypercube: so many leave a number digits for its place in its stratum.
const STRATA: u64 = 1 << 48;

/// How starts are spread over a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sampling {
    /// Independent random numbers.
    #[default]
    Uniform,
    /// A Sobol sequence, scrambled: evener than random, most so for powers of two. More points go on where fewer ended.
    Sobol,
    /// A Latin hypercube: each variable's range in as many strata as points, one point in each.
    LatinHypercube,
    /// The centres of equal cells, as many along every variable.
    Grid,
}

impl Sampling {
    /// The names that [`Sampling::by_name`] takes.
    pub const NAMES: [&str; 4] = ["uniform", "sobol", "lhs", "grid"];
    const ALL: [Sampling; 4] = [Sampling::Uniform, Sampling::Sobol, Sampling::LatinHypercube, Sampling::Grid];

    /// A sampling by its name, in any case.
    ///
    /// # Errors
    /// - [`StartsError::Unknown`], which lists the names.
    pub fn by_name(name: &str) -> Result<Sampling, StartsError> {
        let found = Sampling::ALL.into_iter().find(|sampling| sampling.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| StartsError::Unknown { name: name.to_string(), known: Sampling::NAMES.join(", ") })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Sampling::NAMES[self as usize]
    }

    /// The most points of it.
    fn most(self) -> u64 {
        match self {
            Sampling::Uniform | Sampling::Grid => u64::MAX,
            Sampling::Sobol => sobol::POINTS,
            Sampling::LatinHypercube => STRATA,
        }
    }
}

/// Why there are no such starts.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StartsError {
    /// No sampling has this name.
    #[error("no sampling is named `{name}`; there are: {known}")]
    Unknown {
        /// As given.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Nothing to vary.
    #[error("starts need at least 1 variable, and there are 0; declare one with --vars x")]
    NoVariables,
    /// Nobody to start.
    #[error("0 starts are none; take at least 1")]
    NoPoints,
    /// More points than the sampling has.
    #[error("{count} starts are more than the {most} that `{}` has; take fewer, or `uniform`", sampling.name())]
    Points {
        /// The sampling.
        sampling: Sampling,
        /// Asked for.
        count: u64,
        /// Its most.
        most: u64,
    },
    /// More variables than the sampling has.
    #[error("{variables} variables are more than the {most} that `sobol` has; take `lhs` or `uniform`")]
    Variables {
        /// Of the function.
        variables: usize,
        /// Sobol's most.
        most: usize,
    },
    /// A grid with one cell.
    #[error(
        "a grid of 2 cells along each of {variables} variables takes 2^{variables} starts, more than {count}; take \
         more, or `sobol`"
    )]
    Grid {
        /// Those of more than one number.
        variables: usize,
        /// Asked for.
        count: u64,
    },
    /// Ends that are not finite, in the wrong order, or too far apart.
    #[error(
        "variable {variable} cannot start in {lo:?}:{hi:?}; give finite ends, the smaller first, and a finite width"
    )]
    Range {
        /// Its number, from 1.
        variable: usize,
        /// Its lower end.
        lo: f64,
        /// Its upper end.
        hi: f64,
    },
}

/// Starts in a box.
#[derive(Debug, Clone)]
pub struct Starts {
    seed: u64,
    count: u64,
    ranges: Vec<(f64, f64)>,
    plan: Plan,
}

/// What a sampling keeps, a row for each variable.
#[derive(Debug, Clone)]
enum Plan {
    Uniform,
    Sobol(Vec<(Sobol, Scramble)>),
    LatinHypercube(Vec<Permutation>),
    /// Cells along the variable, and particles from one cell to the next.
    Grid(Vec<(u64, u64)>),
}

impl Starts {
    /// `count` starts in the box `ranges`, a (lo, hi) for each variable. A grid has the most cells a side that `count`
    /// suffices for: [`Starts::len`] tells how many starts that makes.
    ///
    /// # Errors
    /// - [`StartsError`] where the sampling has no such starts.
    pub fn new(sampling: Sampling, seed: u64, count: u64, ranges: Vec<(f64, f64)>) -> Result<Starts, StartsError> {
        check(sampling, count, &ranges)?;
        let coordinates = 0..ranges.len();
        let plan = match sampling {
            Sampling::Uniform => Plan::Uniform,
            Sampling::Sobol => Plan::Sobol(coordinates.map(|c| (Sobol::new(c), Scramble::new(seed, c))).collect()),
            Sampling::LatinHypercube => {
                Plan::LatinHypercube(coordinates.map(|c| Permutation::new(seed, c as u64, count)).collect())
            }
            Sampling::Grid => Plan::Grid(grid(count, &ranges)?),
        };
        let count = match &plan {
            Plan::Grid(axes) => axes.iter().map(|(cells, _)| cells).product(),
            _ => count,
        };
        Ok(Starts { seed, count, ranges, plan })
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Cells of a grid along each variable; of no other sampling.
    pub fn cells(&self) -> Option<Vec<u64>> {
        match &self.plan {
            Plan::Grid(axes) => Some(axes.iter().map(|(cells, _)| *cells).collect()),
            _ => None,
        }
    }

    /// The starts of some particles, a column per variable. All are in [lo, hi), or lo where both are the same.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn part(&self, particles: Range<u64>) -> Vec<Vec<f64>> {
        assert!(particles.end <= self.count, "particles {particles:?} of {}", self.count);
        (0..self.ranges.len()).map(|coordinate| self.column(coordinate, particles.clone())).collect()
    }

    fn column(&self, coordinate: usize, particles: Range<u64>) -> Vec<f64> {
        let (seed, range) = (self.seed, self.ranges[coordinate]);
        let c = coordinate as u64;
        match &self.plan {
            Plan::Uniform => particles.map(|particle| place(range, uniform(seed, particle, c))).collect(),
            Plan::Sobol(axes) => {
                let (sobol, scramble) = &axes[coordinate];
                let mut digits = sobol.digits(particles.start as u32);
                let start = |particle: u64| {
                    let scrambled = u64::from(scramble.digits(digits));
                    digits = sobol.step(particle as u32, digits);
                    // The first 32 digits tell all points apart, so that those after them are independent.
                    let digits = scrambled << 21 | bits(seed, particle, c) >> 43;
                    place(range, digits as f64 / (1u64 << 53) as f64)
                };
                particles.map(start).collect()
            }
            Plan::LatinHypercube(axes) => {
                let strata = self.count;
                // So many places in a stratum that number of stratum and place together are exact, and no rounding
                // leaves the stratum.
                let places = (1u64 << (53 - (64 - strata.leading_zeros()) - 1)) as f64;
                let start = |particle: u64| {
                    let inside = ((uniform(seed, particle, c) * places).floor() + 0.5) / places;
                    place(range, (axes[coordinate].of(particle) as f64 + inside) / strata as f64)
                };
                particles.map(start).collect()
            }
            Plan::Grid(axes) => {
                let (cells, stride) = axes[coordinate];
                let start = |particle| place(range, ((particle / stride % cells) as f64 + 0.5) / cells as f64);
                particles.map(start).collect()
            }
        }
    }
}

/// `count` random points in the box `ranges` (one (lo, hi) per variable): one column per variable.
pub fn uniform_box(seed: u64, count: usize, ranges: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let count = count as u64;
    Starts { seed, count, ranges: ranges.to_vec(), plan: Plan::Uniform }.part(0..count)
}

/// The place of `share`, in [0, 1), in a range. Rounding may reach the upper end, which is not part of it.
fn place((lo, hi): (f64, f64), share: f64) -> f64 {
    let at = lo + (hi - lo) * share;
    if at < hi { at } else { hi.next_down().max(lo) }
}

fn check(sampling: Sampling, count: u64, ranges: &[(f64, f64)]) -> Result<(), StartsError> {
    if ranges.is_empty() {
        return Err(StartsError::NoVariables);
    }
    if count == 0 {
        return Err(StartsError::NoPoints);
    }
    if count > sampling.most() {
        return Err(StartsError::Points { sampling, count, most: sampling.most() });
    }
    if sampling == Sampling::Sobol && ranges.len() > sobol::DIMENSIONS {
        return Err(StartsError::Variables { variables: ranges.len(), most: sobol::DIMENSIONS });
    }
    // The width of two finite ends is finite or too wide; of others it is not finite, or not a number.
    let wrong = |(lo, hi): &(f64, f64)| !(hi >= lo && (hi - lo).is_finite());
    match ranges.iter().position(wrong) {
        None => Ok(()),
        Some(k) => Err(StartsError::Range { variable: k + 1, lo: ranges[k].0, hi: ranges[k].1 }),
    }
}

/// Cells and stride of each variable, in the order of arrays. A range that is one number has one cell.
fn grid(count: u64, ranges: &[(f64, f64)]) -> Result<Vec<(u64, u64)>, StartsError> {
    let wide = |v: usize| ranges[v].0 < ranges[v].1;
    let variables = (0..ranges.len()).filter(|v| wide(*v)).count();
    let cells = root(count, variables);
    if variables > 0 && cells == 1 && count > 1 {
        return Err(StartsError::Grid { variables, count });
    }
    let mut axes = vec![(1, 1); ranges.len()];
    let mut stride = 1;
    for v in Points::array_order(ranges.len()).into_iter().rev() {
        axes[v] = (if wide(v) { cells } else { 1 }, stride);
        stride *= axes[v].0;
    }
    Ok(axes)
}

/// The largest k whose power is not above `count`.
fn root(count: u64, power: usize) -> u64 {
    if power <= 1 {
        return if power == 1 { count } else { 1 };
    }
    let fits = |k: u64| (0..power).try_fold(1u64, |product, _| product.checked_mul(k)).is_some_and(|p| p <= count);
    let mut k = (count as f64).powf(1.0 / power as f64) as u64;
    // The root of floating point is off by one at most.
    while k > 1 && !fits(k) {
        k -= 1;
    }
    while fits(k + 1) {
        k += 1;
    }
    k.max(1)
}
