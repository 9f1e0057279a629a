//! Models fitted to data: the parameters of a formula that is nearest to the rows of a table.
//!
//! Flows in: a [`Model`] (an expression over parameters and columns), a [`Loss`], the rows in groups, starts. Flows out:
//! a [`Fitted`] for each group: estimates, standard errors, how it ended. The exact slopes of the model by its parameters
//! and the model itself are one tape, which any engine runs; the steps are Levenberg and Marquardt's or Gauss and
//! Newton's. Least squares without a table, of residuals that are written out, are [`Residuals`].
//!
//! ```
//! use gradfield::backend::cpu::Cpu;
//! use gradfield::fit::{Model, Options, Problem, Status, fit};
//! use gradfield::Precision;
//! let model = Model::parse("a*exp(-b*x)", &["x".into(), "y".into()], &[], &[])?;
//! let x: Vec<f64> = (0..20).map(|k| f64::from(k) / 4.0).collect();
//! let y = x.iter().map(|x| 3.0 * (-0.7 * x).exp()).collect();
//! let problem = Problem::of(model, vec![x], y);
//! let cpu = Cpu::new(None)?;
//! let fits = fit(&problem, &Options::from(vec![vec![1.0, 1.0]], Precision::F64), &cpu, Precision::F64)?;
//! assert_eq!(fits[0].status, Status::Converged);
//! assert!((fits[0].estimates[0] - 3.0).abs() < 1e-12 && (fits[0].estimates[1] - 0.7).abs() < 1e-12);
//! # Ok::<(), gradfield::Error>(())
//! ```
//!
//! Who should not use it: whoever minimises a function without data; that is [`descent`](crate::descent).

mod dense;
mod fitted;
mod lanes;
pub mod loss;
pub(crate) mod model;
mod products;
pub mod residuals;
mod robust;
mod stream;
mod walk;

pub use fitted::Fitted;
pub use loss::Loss;
pub use model::{Known, Model, column, column_names};
pub use residuals::Residuals;
pub use walk::{Method, Rules, Status};

use crate::backend::{Backend, BackendError};
use crate::expr::{DeriveError, ParseError};
use crate::real::Precision;
use crate::table::Groups;
use crate::tape::Tape;
use fitted::best;
use robust::Robust;
use stream::{Block, Found, Stream};
use walk::Walk;

/// Why a fit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The model is not in the language.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It, or a loss, has no derivative in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// The loss is not in the language.
    #[error("the loss, over f (the model) and y (the response): {0}")]
    Loss(Box<ParseError>),
    /// A model without parameters.
    #[error("`{0}` has no parameters: no name in it is free of a value or a column; give it one, such as a")]
    NoParameter(String),
    /// A parameter that the model does not have.
    #[error("the model has no parameter `{0}`; mend its name, or take what is said of it away")]
    Unused(String),
    /// More residuals than there may be.
    #[error("{0} residuals, the limit is {limit}; residuals of one form are a model with a table", limit = residuals::LIMIT)]
    Many(usize),
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// A model with its data.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The model.
    pub model: Model,
    /// What a row costs.
    pub loss: Loss,
    /// The model's columns, in its order; all rows, group after group.
    pub columns: Vec<Vec<f64>>,
    /// The response of each row.
    pub response: Vec<f64>,
    /// The weight of each row: what it costs is multiplied by it. None: 1.
    pub weights: Option<Vec<f64>>,
    /// Where each group's rows start, and the end.
    pub starts: Vec<usize>,
}

impl Problem {
    /// Least squares over one group of rows.
    pub fn of(model: Model, columns: Vec<Vec<f64>>, response: Vec<f64>) -> Problem {
        let starts = vec![0, response.len()];
        Problem { model, loss: Loss::Squares, columns, response, weights: None, starts }
    }

    /// The same with the rows of these groups.
    pub fn grouped(mut self, groups: &Groups) -> Problem {
        if let Some(order) = &groups.order {
            let moved = |column: &[f64]| order.iter().map(|row| column[*row as usize]).collect::<Vec<f64>>();
            self.columns = self.columns.iter().map(|column| moved(column)).collect();
            self.response = moved(&self.response);
            self.weights = self.weights.map(|weights| moved(&weights));
        }
        self.starts.clone_from(&groups.starts);
        self
    }

    /// The tape of a row: what an engine is to run.
    ///
    /// # Errors
    /// - [`FitError::Derive`] if the language has no derivative; [`FitError::Loss`] for a loss that is not in it.
    pub fn tape(&self) -> Result<Tape, FitError> {
        self.model.tape(&self.loss, true)
    }

    /// The rows of a group.
    fn range(&self, group: usize) -> std::ops::Range<usize> {
        self.starts[group]..self.starts[group + 1]
    }

    /// The rows of a group as a tape reads them.
    fn blocks(&self, stream: &Stream<'_>, group: usize) -> Vec<Block> {
        let range = self.range(group);
        let mut columns: Vec<&[f64]> = self.columns.iter().map(|column| &column[range.clone()]).collect();
        columns.push(&self.response[range.clone()]);
        stream.blocks(&columns, self.weights.as_ref().map(|weights| &weights[range]))
    }

    /// Number of fits.
    pub fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows of a group that count: those of weight 0 do not.
    fn rows(&self, group: usize) -> usize {
        let range = self.range(group);
        match &self.weights {
            None => range.len(),
            Some(weights) => weights[range].iter().filter(|weight| **weight > 0.0).count(),
        }
    }

    /// The sums of squares of a group's response, and about its mean.
    fn spread(&self, group: usize) -> (f64, f64) {
        let range = self.range(group);
        let weight = |row: usize| self.weights.as_ref().map_or(1.0, |weights| weights[row]);
        let sum = |of: &dyn Fn(usize) -> f64| {
            let mut sum = crate::sums::Sum::default();
            range.clone().for_each(|row| sum.add(of(row)));
            sum.value()
        };
        let y = &self.response;
        let all = match &self.weights {
            None => range.len() as f64,
            Some(_) => sum(&weight),
        };
        let mean = sum(&|row| weight(row) * y[row]) / all;
        (sum(&|row| weight(row) * y[row].powi(2)), sum(&|row| weight(row) * (y[row] - mean).powi(2)))
    }
}

/// How to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How to step, and when to stop.
    pub rules: Rules,
    /// Starts of every group, each with a value for each parameter; the best end of all counts.
    pub starts: Vec<Vec<f64>>,
}

impl Options {
    /// Levenberg-Marquardt without bounds from these starts, to nearly all digits of the format.
    pub fn from(starts: Vec<Vec<f64>>, precision: Precision) -> Options {
        let parameters = starts.first().map_or(0, Vec::len);
        let (tolerance, noise) = match precision {
            Precision::F32 => (1e-5, 2.0 * f64::from(f32::EPSILON)),
            Precision::F64 => (1e-10, 2.0 * f64::EPSILON),
        };
        let bounds = vec![(f64::NEG_INFINITY, f64::INFINITY); parameters];
        let rules = Rules { method: Method::LevenbergMarquardt, steps: 500, tolerance, bounds, noise };
        Options { rules, starts }
    }
}

/// Fits every group from every start; of each group the best end, in the order of the groups.
///
/// # Errors
/// - [`FitError::Derive`] if the language has no derivative; [`FitError::Backend`] if the engine failed.
pub fn fit(
    problem: &Problem,
    options: &Options,
    backend: &dyn Backend,
    precision: Precision,
) -> Result<Vec<Fitted>, FitError> {
    let parameters = problem.model.parameters.len();
    let mut fits: Vec<Fitted> = Vec::with_capacity(problem.groups());
    for group in 0..problem.groups() {
        fits.push(Fitted::none(Status::Rows, parameters, problem.rows(group)));
    }
    let (side, alone): (Vec<usize>, Vec<usize>) = (0..problem.groups())
        .filter(|group| fits[*group].rows >= parameters)
        .partition(|group| problem.range(*group).len() <= lanes::ROWS);
    let many = side.len() * options.starts.len() >= lanes::SIDE;
    let tape = problem.model.tape(&problem.loss, true)?;
    let mut stream = Stream::new(&tape, parameters, backend, precision)?;
    let mut one = |group: usize, starts: &[Vec<f64>]| one_group(problem, &options.rules, starts, &mut stream, group);
    for group in alone.into_iter().chain(if many { Vec::new() } else { side.clone() }) {
        fits[group] = one(group, &options.starts)?;
    }
    if many {
        let found = beside(problem, options, &side, backend, precision)?;
        let few = side.len() <= FEW;
        for (group, fitted) in side.into_iter().zip(found) {
            // Normal equations keep half the digits of a Jacobian that is nearly singular: its QR has the last word.
            let doubtful = fitted.pivot
                < match precision {
                    Precision::F32 => 1e-3,
                    Precision::F64 => 1e-6,
                };
            fits[group] = if (few || doubtful) && fitted.status != Status::Value {
                let again = one(group, std::slice::from_ref(&fitted.estimates))?;
                let steps = fitted.steps + again.steps;
                Fitted { start: fitted.start, agree: fitted.agree, steps, ..again }
            } else {
                fitted
            };
        }
    }
    if let Some(mut robust) = Robust::of(problem, backend, precision)? {
        for (group, fitted) in fits.iter_mut().enumerate() {
            robust.judge(fitted, &robust.rows(problem, group))?;
        }
    }
    Ok(fits)
}

/// Groups up to which each is finished by itself.
const FEW: usize = 1000;

/// Groups of few rows, side by side: the best end of each.
fn beside(
    problem: &Problem,
    options: &Options,
    groups: &[usize],
    backend: &dyn Backend,
    precision: Precision,
) -> Result<Vec<Fitted>, FitError> {
    let tape = problem.model.tape(&problem.loss, false)?;
    let starts = options.starts.len();
    let mut found = Vec::with_capacity(groups.len());
    // So many groups at a time that what is kept of all their ends does not grow without limit.
    for part in groups.chunks((1 << 17) / starts.min(1 << 17)) {
        let items: Vec<lanes::Item> =
            part.iter().flat_map(|group| (0..starts).map(|start| lanes::Item { group: *group, start })).collect();
        let mut ends = lanes::run(&tape, problem, options, &items, backend, precision)?;
        for group in part.iter().rev() {
            let own = ends.split_off(ends.len() - starts);
            found.push(best(own).unwrap_or_else(|| none(problem, *group)));
        }
        let first = found.len() - part.len();
        found[first..].reverse();
    }
    Ok(found)
}

/// One group from every start.
fn one_group(
    problem: &Problem,
    rules: &Rules,
    starts: &[Vec<f64>],
    stream: &mut Stream<'_>,
    group: usize,
) -> Result<Fitted, FitError> {
    let rows = problem.blocks(stream, group);
    let size = problem.spread(group).0.sqrt();
    let mut ends: Vec<Fitted> = Vec::new();
    for start in starts {
        let mut walk = Walk::new(start.clone(), size, rules);
        let mut scatter = f64::NAN;
        let status = loop {
            let Found { objective, scatter: found, mut local } = stream.look(&rows, &walk.trial)?;
            let before = walk.objective;
            let end = walk.next(objective, &mut local, rules);
            if before.to_bits() != walk.objective.to_bits() {
                scatter = found;
            }
            if let Some(status) = end {
                break status;
            }
        };
        ends.push(conclude(problem, group, &walk, status, scatter));
    }
    Ok(best(ends).unwrap_or_else(|| none(problem, group)))
}

/// A group of no start.
fn none(problem: &Problem, group: usize) -> Fitted {
    Fitted::none(Status::Value, problem.model.parameters.len(), problem.rows(group))
}

/// What is to be said of a fit that has ended.
fn conclude(problem: &Problem, group: usize, walk: &Walk, status: Status, scatter: f64) -> Fitted {
    let mut fitted = Fitted::of(&problem.loss, problem.rows(group), walk, status, scatter);
    if status != Status::Value && problem.loss == Loss::Squares {
        fitted.r2 = 1.0 - walk.objective / problem.spread(group).1;
    }
    fitted
}
