//! Weights moved until a loss over data is least: regressions, and small networks written as formulas.
//!
//! Flows in: an [`Objective`] (a formula in which `mean(...)` and `sum(...)` are over rows), a table, a [`Plan`] (a rule or
//! a quasi-Newton method, mini-batches or all rows), starts. Flows out: a [`Trained`] for each start: the weights, the
//! objective there over all rows, how it ended; and the objective along the way.
//!
//! ```
//! use gradfield::backend::cpu::Cpu;
//! use gradfield::training::{Objective, Plan, train};
//! use gradfield::{Precision, table::Table};
//! let columns = vec![(0..50).map(f64::from).collect(), (0..50).map(|k| 3.0 + 0.5 * f64::from(k)).collect()];
//! let table = Table { names: vec!["x".into(), "y".into()], columns, ..Table::default() };
//! let loss = Objective::parse("mean((y - (w0 + w1 x))^2)", &table.names, &[], &[])?;
//! let (cpu, starts) = (Cpu::new(None)?, vec![vec![0.0], vec![0.0]]);
//! let found = train(&loss, &table, &Plan::default(), &starts, &cpu, Precision::F64, &mut |_, _| Ok(()))?;
//! assert!((found[0].weights[0] - 3.0).abs() < 1e-8 && (found[0].weights[1] - 0.5).abs() < 1e-8);
//! # Ok::<(), gradfield::Error>(())
//! ```
//!
//! Who should not use it: whose loss is a sum of squares of few parameters, and who wants standard errors: that is
//! [`fit`](mod@crate::fit).

mod judge;
mod objective;
mod rows;
mod run;
mod team;

pub use objective::{Objective, Prediction};

use crate::backend::{Backend, BackendError};
use crate::descent::{DescentError, Given, Method, Rule, Search, Status};
use crate::expr::{DeriveError, ParseError};
use crate::fit::FitError;
use crate::real::Precision;
use crate::table::Table;
use rows::Rows;
use run::Run;
use team::with_team;

/// Why weights could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The objective is not in the language.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It has no derivative in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// Nothing in it is over rows.
    #[error("`{0}` has no mean(...) or sum(...) over the rows of the table; write such as mean((y - a x)^2)")]
    NoRows(String),
    /// A column where there is no row.
    #[error("`{0}` is a column: it has a value in mean(...) or sum(...) alone, which stand for all rows")]
    Outside(String),
    /// A reduction with weights within another.
    #[error(
        "`{0}`: a mean or sum that depends on weights stands in another; only one of columns alone, such as mean(x), may"
    )]
    Nested(String),
    /// Nothing to move.
    #[error("`{0}` has no weights: every name in it is a column of the table; give it one, such as a")]
    NoWeights(String),
    /// A name in a prediction that nothing says the value of.
    #[error("`{0}` is neither a weight of the objective ({1}) nor a column")]
    NotAWeight(String, String),
    /// A column that the table does not have.
    #[error("there is no column `{0}`; the columns are {1}")]
    NoColumn(String, String),
    /// No rows.
    #[error("the table has no rows, so there is nothing to learn from")]
    Empty,
    /// More than places of rows can name.
    #[error("{0} rows are more than 4294967295, which is the most; take a part of them")]
    TooManyRows(usize),
    /// A batch that is none.
    #[error("a batch of {0} rows: the table has {1}; take from 1 to {1}")]
    Batch(usize, usize),
    /// A method that cannot work on data, or not on batches.
    #[error("{0}")]
    Method(&'static str),
    /// The rule or solver failed.
    #[error(transparent)]
    Descent(#[from] DescentError),
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl From<FitError> for TrainingError {
    fn from(error: FitError) -> TrainingError {
        match error {
            FitError::Parse(error) => error.into(),
            FitError::Derive(error) => error.into(),
            FitError::Backend(error) => error.into(),
            _ => TrainingError::Method("the data could not be read"),
        }
    }
}

/// How to train.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A rule, BFGS or L-BFGS. `Auto`: BFGS for few weights, L-BFGS for more.
    pub method: Method,
    /// Looks at the objective and its gradient that each start may take.
    pub steps: u64,
    /// Rows of a mini-batch; none: all rows at every step. Each row comes once before any comes again.
    pub batch: Option<usize>,
    /// Converged where no slope is larger; without mini-batches.
    pub tolerance: f64,
    /// The box of the starts, for what far and near mean; empty: -1 to 1 for every weight.
    pub ranges: Vec<(f64, f64)>,
    /// No weight leaves its (lower, upper).
    pub bounds: Option<Vec<(f64, f64)>>,
    /// Climb instead.
    pub maximize: bool,
    /// The seed of the order of the rows and of a rule's noise.
    pub seed: u64,
    /// The objective over all rows is told every so many steps; 0: at the start and the end.
    pub every: u64,
}

impl Default for Plan {
    /// All rows, until the gradient vanishes.
    fn default() -> Plan {
        Plan {
            method: Method::Auto,
            steps: 1000,
            batch: None,
            tolerance: 1e-10,
            ranges: Vec::new(),
            bounds: None,
            maximize: false,
            seed: 0,
            every: 0,
        }
    }
}

/// Where a start ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The number of the start.
    pub start: usize,
    /// The weights: of all rows at every step the best that were seen, with mini-batches the last.
    pub weights: Vec<f64>,
    /// The objective over all rows.
    pub value: f64,
    /// Its gradient.
    pub gradient: Vec<f64>,
    /// Why it ended.
    pub status: Status,
    /// Looks at the objective and its gradient, of a batch or of all rows.
    pub steps: u64,
}

/// Who is told the objective along the way: the step, and the objective over all rows of each start (NaN once it has
/// failed). What it returns ends the training.
pub type Visit<'a> = dyn FnMut(u64, &[f64]) -> Result<(), TrainingError> + 'a;

/// Trains from every start; `starts` has a column for each weight. The result is in the order of the starts, and does not
/// depend on the number of threads.
///
/// # Errors
/// - [`TrainingError`] as its variants say.
pub fn train(
    objective: &Objective,
    table: &Table,
    plan: &Plan,
    starts: &[Vec<f64>],
    backend: &dyn Backend,
    precision: Precision,
    visit: &mut Visit<'_>,
) -> Result<Vec<Trained>, TrainingError> {
    let rows = Rows::of(&objective.columns, table, precision)?;
    plan.check(&rows)?;
    let tapes = objective.tapes(&rows)?;
    let mover = backend.alone();
    let mover = mover.as_deref().unwrap_or(backend);
    let mut ends = with_team((&tapes, &rows), precision, plan.maximize, backend, |team| {
        let given = plan.mover(objective, starts, mover, precision)?;
        let count = starts.first().map_or(0, Vec::len);
        Run::new(plan, team, given, (count, rows.count())).all(visit)
    })?;
    judge::judge(&mut ends, (&tapes, &rows), plan.maximize, backend, precision)?;
    if plan.maximize {
        ends.iter_mut().for_each(|end| {
            end.value = -end.value;
            end.gradient.iter_mut().for_each(|slope| *slope = -*slope);
        });
    }
    Ok(ends)
}

impl Plan {
    fn check(&self, rows: &Rows) -> Result<(), TrainingError> {
        match (self.batch, &self.method) {
            (Some(batch), _) if !(1..=rows.count()).contains(&batch) => Err(TrainingError::Batch(batch, rows.count())),
            (Some(_), Method::Auto | Method::Bfgs | Method::Lbfgs) => Err(TrainingError::Method(
                "a line search compares values, which differ from batch to batch; take a rule such as adam, or all rows",
            )),
            (_, Method::Newton) => Err(TrainingError::Method(
                "newton needs second derivatives, which are not summed over rows; take bfgs or lbfgs, or `gradfield fit`",
            )),
            (_, Method::Rule(rule)) => Ok(rule.check(self.steps).map_err(DescentError::from)?),
            _ => Ok(()),
        }
    }

    /// What moves the weights.
    fn mover<'a>(
        &self,
        objective: &Objective,
        starts: &[Vec<f64>],
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Given<'a>, TrainingError> {
        let names = &objective.weights;
        if let Method::Rule(rule) = &self.method {
            return Ok(Given::by_rule(rule, names, starts, (self.steps, self.seed), backend, precision)?);
        }
        let usual = || vec![(-1.0, 1.0); names.len()];
        let search = Search {
            method: self.method.clone(),
            bounds: self.bounds.clone(),
            ranges: if self.ranges.is_empty() { usual() } else { self.ranges.clone() },
            tolerance: self.tolerance,
            steps: self.steps,
            maximize: false,
        };
        Ok(Given::by_search(&search, names, starts, backend, precision)?)
    }

    fn rule(&self) -> Option<&Rule> {
        if let Method::Rule(rule) = &self.method { Some(rule) } else { None }
    }
}
