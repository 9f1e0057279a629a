//! Critical points: where the gradient of a function is zero, found, polished and classified.
//!
//! Flows in: an expression, a box and a grid over it, an engine. Flows out: [`Critical`]: every isolated critical point
//! in the closed box with its kind, and lines or areas of them, one entry each.
//!
//! 1. An engine evaluates f and its exact derivatives on the grid; points near which the gradient may be zero are starts.
//! 2. In f64 each start is moved by Newton's method on the exact Hessian.
//! 3. What is kept has a gradient that is zero within its computed rounding, in the box, where f is differentiable.
//! 4. What agrees within its error is one. Eigenvalues of the Hessian, each beside its computed error, tell the kind.
//! 5. The indices of what was found must add up to how often the gradient turns along the border of the box.
//!
//! Who should not use it: who has more than a handful of variables, or wants minima alone: `descent` searches for those.

mod candidates;
mod exact;
mod grid;
mod group;
mod judge;
mod polish;
mod rows;
mod winding;

use crate::backend::{Backend, BackendError};
use crate::expr::{DeriveError, Expression};
use crate::field::FieldError;
use crate::real::Precision;
use candidates::starts;
use exact::Exact;
use grid::Grid;
use group::{distinct, groups};
use judge::judge;
use polish::polish;
use rows::rows;
use winding::turns;

/// Variables up to which a grid can be searched.
pub const VARIABLES: usize = 4;

/// Why critical points could not be sought.
#[derive(Debug, thiserror::Error)]
pub enum CriticalError {
    /// The function has no Hessian in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// The grid does not fit into memory, or the engine failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// None, or too many for a grid.
    #[error(
        "critical points are sought on a grid over 1 to {VARIABLES} variables, `{text}` has {found}; give the others a \
         value with --set, or search with `minimize`"
    )]
    Variables {
        /// The function.
        text: String,
        /// How many it has.
        found: usize,
    },
    /// A grid of one point has no cells.
    #[error("a grid with {0} points along a variable has no cells; take at least 2")]
    Size(usize),
    /// Too many points of the grid may be near a critical point.
    #[error(
        "more than {most} points of the grid may lie near a critical point; f is nearly flat or has very many there: take \
         a smaller --range or a smaller --size"
    )]
    Crowded {
        /// The most.
        most: usize,
    },
}

/// Where to look.
#[derive(Debug, Clone)]
pub struct Search {
    /// The closed box: one (lo, hi) per variable, lo below hi.
    pub ranges: Vec<(f64, f64)>,
    /// Points of the grid along each variable, at least 2. A critical point whose neighbours are closer than some cells may
    /// be missed.
    pub sizes: Vec<usize>,
}

impl Search {
    /// A search with the size that does for most functions: 4096 points of one variable, 256 x 256 of two.
    pub fn over(ranges: Vec<(f64, f64)>) -> Search {
        let size = [4096, 256, 48, 16][ranges.len().clamp(1, VARIABLES) - 1];
        Search { sizes: vec![size; ranges.len()], ranges }
    }
}

/// What an isolated critical point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All eigenvalues of the Hessian are positive.
    Minimum,
    /// Some are positive, some negative.
    Saddle,
    /// All are negative.
    Maximum,
    /// Some are zero within their errors.
    Degenerate,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Minimum, Kind::Saddle, Kind::Maximum, Kind::Degenerate];

    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Minimum => "minimum",
            Kind::Saddle => "saddle",
            Kind::Maximum => "maximum",
            Kind::Degenerate => "degenerate",
        }
    }

    /// The name of several.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Minimum => "minima",
            Kind::Saddle => "saddles",
            Kind::Maximum => "maxima",
            Kind::Degenerate => "degenerate",
        }
    }

    fn of(eigenvalues: &[f64]) -> Kind {
        let count = |is: fn(&f64) -> bool| eigenvalues.iter().filter(|value| is(value)).count();
        match (count(|v| *v > 0.0), count(|v| *v < 0.0)) {
            (positive, _) if positive == eigenvalues.len() => Kind::Minimum,
            (_, negative) if negative == eigenvalues.len() => Kind::Maximum,
            (positive, negative) if positive + negative == eigenvalues.len() => Kind::Saddle,
            _ => Kind::Degenerate,
        }
    }
}

/// An isolated critical point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Where, in the order of the variables.
    pub x: Vec<f64>,
    /// How far the true place may be along each variable; of a degenerate point one cell at most.
    pub error: Vec<f64>,
    /// f there, in f64.
    pub f: f64,
    /// Length of the gradient there, in f64.
    pub gradient_norm: f64,
    /// Of the Hessian, ascending; those that are zero within their errors are 0.
    pub eigenvalues: Vec<f64>,
    /// What it is.
    pub kind: Kind,
    /// How often the gradient turns around it: 1 at a minimum or maximum of two variables, -1 at a saddle, -2 at a monkey
    /// saddle; of any number of variables the sign of the Hessian's determinant. None where it is degenerate and the way
    /// around it cannot be told, as with three variables and more.
    pub index: Option<i64>,
    /// Bound on the rounding of f.
    noise: f64,
}

/// The shape of critical points that are not isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// An interval of one variable, a curve of two; of more, whatever has no cell of the grid in its inside.
    Line,
    /// All points of some cells.
    Area,
}

impl Shape {
    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Line => "line",
            Shape::Area => "area",
        }
    }
}

/// Critical points that hang together: a valley's floor, a plain.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuum {
    /// What it looks like on the grid.
    pub shape: Shape,
    /// One of its points.
    pub x: Vec<f64>,
    /// f there, and all over it.
    pub f: f64,
    /// Length of the gradient at `x`.
    pub gradient_norm: f64,
    /// Eigenvalues of the Hessian at `x`, ascending; those that are zero within their errors are 0.
    pub eigenvalues: Vec<f64>,
    /// The least box that holds all of it that was found: (lo, hi) per variable.
    pub extent: Vec<(f64, f64)>,
    /// Points of it, about one for each cell of the grid that it meets.
    pub samples: Vec<Vec<f64>>,
}

/// What there is in a box.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Critical {
    /// From the smallest f on; of equal f by coordinates.
    pub points: Vec<Point>,
    /// Lines and areas, in the same order.
    pub continua: Vec<Continuum>,
    /// How often the gradient turns along the border of the box, of one variable or two. The indices of all critical points
    /// add up to it where f is smooth inside and none of them lies on the border.
    pub turns: Option<i64>,
}

impl Critical {
    /// Points of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.points.iter().filter(|point| point.kind == kind).count()
    }

    /// The sum of all indices, where it must be what [`Critical::turns`] is; none where that cannot be said.
    pub fn index_sum(&self) -> Option<i64> {
        self.turns.filter(|_| self.continua.is_empty())?;
        self.points.iter().map(|point| point.index).sum()
    }
}

/// Finds all critical points of a box. `engine` evaluates the grid in `precision`; `exact` computes in f64.
///
/// ```
/// use gradfield::critical::{Kind, Search, find};
/// use gradfield::{Expression, Precision, backend::cpu::Cpu};
/// let f = Expression::parse("x^3 - 3x + y^2")?;
/// let cpu = Cpu::new(None)?;
/// let found = find(&f, &Search::over(vec![(-2.0, 2.0); 2]), &cpu, Precision::F64, &cpu)?;
/// assert_eq!(found.points[0].x, [1.0, 0.0]);
/// assert_eq!(found.points[0].kind, Kind::Minimum);
/// assert_eq!(found.points[1].eigenvalues, [-6.0, 2.0]);
/// assert_eq!(found.index_sum(), found.turns);
/// # Ok::<(), gradfield::Error>(())
/// ```
///
/// # Errors
/// [`CriticalError`] as its variants say.
pub fn find(
    expression: &Expression,
    search: &Search,
    engine: &dyn Backend,
    precision: Precision,
    exact: &dyn Backend,
) -> Result<Critical, CriticalError> {
    let grid = Grid::of(expression, search)?;
    let starts = starts(expression, &grid, engine, precision)?;
    let mut exact = Exact::new(expression, &grid, exact)?;
    let polished = polish(&mut exact, &grid, starts)?;
    let polished = distinct(polished, |point| &point.x, &grid);
    let judged = judge(&mut exact, &grid, polished)?;
    let groups = groups(&mut exact, &grid, judged)?;
    let mut found = rows(&mut exact, &grid, groups)?;
    let (low, high): (Vec<f64>, Vec<f64>) = grid.ranges.iter().copied().unzip();
    let count = 2 * grid.axes.iter().map(Vec::len).max().unwrap_or(0);
    found.turns = turns(&mut exact, &grid, &low, &high, count)?;
    Ok(found)
}
