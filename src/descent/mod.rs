//! Descents: particles that follow a rule or a solver down (or up) the gradient.
//!
//! Flows in: an expression, a [`Rule`] or a [`Search`], starts, an engine. Flows out: [`Trail`]: positions and values at the
//! recorded steps. The rule and the gradient are one tape; an engine runs many steps of it with the state in
//! registers or the first-level cache, and stops only where a step is recorded.

pub mod arrival;
pub mod basins;
mod fuse;
mod given;
pub mod hops;
pub mod kind;
pub(crate) mod linear;
pub mod map;
pub mod minima;
mod moves;
pub mod pace;
mod polish;
pub mod rule;
pub mod rules;
pub mod search;
pub mod sobol;
pub mod solver;
pub mod starts;
pub mod status;
mod valley;
mod verdict;
mod walk;

pub use arrival::statuses;
pub use basins::{Basins, Cell, Unfinished};
pub use fuse::Fused;
pub use given::Given;
pub use hops::{Hops, hop};
pub use kind::Kind;
pub use map::BasinMap;
pub use minima::{Gain, Minima, Minimum};
pub use pace::Pace;
pub use rule::{Rule, RuleError};
pub use search::{Method, Search, Searcher};
pub use status::{Ends, Status};
pub use walk::{Visit, Walker};

use crate::backend::{Backend, BackendError};
use crate::expr::{DeriveError, Expression};
use crate::field::{Evaluator, FieldError, check_size};
use crate::points::{Points, Values};
use crate::real::Precision;
pub use rule::CLOCK;

/// Why a descent could not be run.
#[derive(Debug, thiserror::Error)]
pub enum DescentError {
    /// The function has no gradient in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// The record does not fit into memory.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The rule cannot take so many steps, or not with these hyper-parameters.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The noise would repeat itself.
    #[error(
        "{steps} steps of a rule with noise are more than the {most} that single precision counts; take fewer, or \
         --precision f64"
    )]
    Noise {
        /// Asked for.
        steps: u64,
        /// The most.
        most: u64,
    },
    /// Nothing to move.
    #[error("`{0}` has no variables, so there is nothing to descend on; declare one with --vars x")]
    NoVariables(String),
    /// Noise does not converge.
    #[error("the rule `{0}` has noise and never comes to rest at a minimum; follow it with `descend`, or take another")]
    Restless(String),
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The optimiser.
    pub rule: Rule,
    /// Steps to take.
    pub steps: u64,
    /// Record the start, every so many steps, and the end; 0 records start and end alone.
    pub every: u64,
    /// Climb instead.
    pub maximize: bool,
    /// The seed of the rule's noise, if it has some.
    pub seed: u64,
}

impl Plan {
    /// What is recorded.
    pub fn records(&self) -> Records {
        Records { steps: self.steps, every: self.every }
    }
}

/// Which steps are recorded: 0, every, 2 every, ..., and the last; with an `every` of 0 the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// Steps in all.
    pub steps: u64,
    /// So many steps from one record to the next.
    pub every: u64,
}

impl Records {
    /// How many numbers the record of so many particles takes for each variable and for f, roughly.
    pub fn size(&self, particles: usize) -> f64 {
        let count = self.steps.checked_div(self.every).unwrap_or(0) as f64 + 2.0;
        // A record of a few particles is more than their numbers: a vector of columns, each with its own place in memory.
        count * (particles as f64 + 24.0)
    }

    fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        let (steps, every) = (self.steps, if self.every == 0 { self.steps } else { self.every }.max(1));
        let last = (steps % every != 0).then_some(steps);
        (0..=steps / every).map(move |k| k * every).chain(last)
    }
}

/// Where the particles were.
#[derive(Debug, Clone)]
pub struct Trail {
    /// The recorded steps, ascending; 0 is the start.
    pub steps: Vec<u64>,
    /// `positions[record][variable]`, a column over the particles.
    pub positions: Vec<Vec<Values>>,
    /// f there: `values[record]`, a column over the particles.
    pub values: Vec<Values>,
}

/// Runs all particles. `starts` has one column per variable; coordinates are rounded to the format first.
/// `progress` is told the steps done, at borders.
///
/// ```
/// use gradfield::descent::{Plan, Rule, rules, run};
/// use gradfield::{Expression, Precision, backend::cpu::Cpu};
/// let f = Expression::parse("x^2 + 5x + 6")?;
/// let mut rule = Rule::of(rules::by_name("gd").unwrap())?;
/// rule.set("lr", 0.1)?;
/// let plan = Plan { rule, steps: 15, every: 1, maximize: false, seed: 0 };
/// let trail = run(&f, &plan, &[vec![-8.0]], &Cpu::new(None)?, Precision::F64, |_| ())?;
/// assert_eq!(trail.steps.len(), 16);
/// assert!((trail.positions[15][0].get(0) - -2.693_514).abs() < 1e-6);
/// # Ok::<(), gradfield::Error>(())
/// ```
///
/// # Errors
/// - [`DescentError`] as its variants say.
pub fn run(
    expression: &Expression,
    plan: &Plan,
    starts: &[Vec<f64>],
    backend: &dyn Backend,
    precision: Precision,
    progress: impl FnMut(u64),
) -> Result<Trail, DescentError> {
    let walker = Walker::new(expression, plan, backend, precision)?;
    record(walker, expression, starts, (backend, precision), progress)
}

/// Runs all particles by a solver (or a rule as one), `every` so many evaluations on record, 0 for start and end alone. A
/// step is one evaluation of f and its gradient, so that solvers and rules run beside each other; the positions are the
/// best that each particle saw, where it stays once it has converged.
///
/// # Errors
/// - [`DescentError`] as its variants say.
pub fn run_search(
    expression: &Expression,
    search: &Search,
    every: u64,
    starts: &[Vec<f64>],
    backend: &dyn Backend,
    precision: Precision,
    progress: impl FnMut(u64),
) -> Result<Trail, DescentError> {
    let walker = Walker::of_search(expression, search, every, backend, precision)?;
    record(walker, expression, starts, (backend, precision), progress)
}

/// The record of all particles.
fn record(
    mut walker: Walker<'_>,
    expression: &Expression,
    starts: &[Vec<f64>],
    (backend, precision): (&dyn Backend, Precision),
    mut progress: impl FnMut(u64),
) -> Result<Trail, DescentError> {
    let particles = starts.first().map_or(0, Vec::len);
    check_size(walker.records().size(particles), expression.variables().len() + 1, precision)?;
    let mut value = Evaluator::new(&expression.value(), backend, precision)?;
    let mut trail = Trail { steps: Vec::new(), positions: Vec::new(), values: Vec::new() };
    walker.walk(starts, 0, &mut |step, positions| {
        trail.values.extend(value.evaluate(&Points::list(positions.to_vec()))?);
        trail.positions.push(positions.to_vec());
        trail.steps.push(step);
        progress(step);
        Ok::<(), DescentError>(())
    })?;
    Ok(trail)
}
