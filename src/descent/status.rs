//! How a minimisation ended, particle by particle.
//!
//! Flows out: [`Status`] and [`Ends`], which the solvers fill and the table of minima reads.

use crate::points::Values;

/// Why a particle is no longer moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// It is on its way still. No result has this.
    Active = 0,
    /// The (projected) gradient is below the tolerance.
    Converged = 1,
    /// No step improves it further in its format: what is left of the gradient is the noise of rounding.
    Floor = 2,
    /// As `Converged` or `Floor`, with a coordinate held at a bound that the gradient points across.
    Bound = 3,
    /// f rises along every coordinate, either way, but its gradient does not vanish: a minimum where f is not smooth.
    Kink = 4,
    /// The line search found no step that lowers f, though the gradient is not noise.
    LineSearch = 5,
    /// Steps no longer change the coordinates, though the gradient is not noise.
    SmallStep = 6,
    /// It left every box in which f could have a minimum of use: a coordinate passed 1e9 times the size of the starts' box.
    Escaped = 7,
    /// f was not finite at the start.
    Value = 8,
    /// A partial derivative was not finite where f was.
    Gradient = 9,
    /// The steps were used up.
    Steps = 10,
}

impl Status {
    /// All that a particle may end with, in order.
    pub const ENDS: [Status; 10] = [
        Status::Converged,
        Status::Floor,
        Status::Bound,
        Status::Kink,
        Status::LineSearch,
        Status::SmallStep,
        Status::Escaped,
        Status::Value,
        Status::Gradient,
        Status::Steps,
    ];

    /// The status of this number; `Active` where there is none.
    pub fn of(number: u32) -> Status {
        Status::ENDS.into_iter().find(|status| *status as u32 == number).unwrap_or(Status::Active)
    }

    /// The name in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Converged => "converged",
            Status::Floor => "rounding_floor",
            Status::Bound => "at_bound",
            Status::LineSearch => "line_search_failed",
            Status::SmallStep => "step_too_small",
            Status::Escaped => "left_the_domain",
            Status::Value => "value_not_finite",
            Status::Gradient => "gradient_not_finite",
            Status::Steps => "steps_used_up",
            Status::Kink => "at_kink",
        }
    }

    /// Whether the particle is at a minimum (or another stationary point), as far as its format can tell.
    pub fn is_success(self) -> bool {
        matches!(self, Status::Converged | Status::Floor | Status::Bound | Status::Kink)
    }
}

/// Where some particles ended: the best points that they saw.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The number of the first particle; they are in order.
    pub first: u64,
    /// One column per variable.
    pub positions: Vec<Values>,
    /// f there.
    pub values: Values,
    /// How each ended.
    pub statuses: Vec<Status>,
    /// Evaluations of f and its gradient that each took.
    pub steps: Vec<u32>,
}

impl Ends {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.statuses.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.statuses.is_empty()
    }

    /// Only the first `count` of them.
    pub fn truncate(&mut self, count: usize) {
        let count = count.min(self.len());
        let precision = self.values.precision();
        self.positions.iter_mut().for_each(|column| *column = column.part(precision, 0..count));
        self.values = self.values.part(precision, 0..count);
        self.statuses.truncate(count);
        self.steps.truncate(count);
    }
}
