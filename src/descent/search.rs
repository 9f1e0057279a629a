//! Minimisations from very many starts.
//!
//! Flows in: an expression, a [`Search`], starts by number, an engine. Flows out: [`Ends`], batch by batch in the order
//! of the particles, so memory is bounded however many there are. What a particle does depends on its start alone:
//! batches, slots, threads and shards change nothing.
//!
//! Who should not use it: who wants paths; `run` records them.

use super::DescentError;
use super::pace::Pace;
use super::rule::Rule;
use super::solver::{Matrix, Settings, Solver};
use super::status::{Ends, Status};
use super::verdict;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Program, Settle};
use crate::expr::{Expression, Outputs};
use crate::field::check_size;
use crate::points::Values;
use crate::real::Precision;
use crate::tape::Tape;
use std::ops::Range;

/// Bytes of starts and ends that a batch may have; the most particles of one.
const BATCH: (usize, usize) = (256 << 20, 1 << 20);
/// The largest number of variables for which the whole matrix is kept.
const WHOLE: usize = 12;
/// Steps that L-BFGS remembers.
pub(super) const PAIRS: usize = 6;
/// A coordinate so many times as far out as the starts' box reaches has escaped.
const FAR: f64 = 1e9;

/// How a minimum is looked for.
#[derive(Debug, Clone)]
pub enum Method {
    /// By the number of variables.
    Auto,
    /// BFGS, the matrix kept whole.
    Bfgs,
    /// L-BFGS, the matrix made from the last steps.
    Lbfgs,
    /// Newton's method with the exact Hessian.
    Newton,
    /// A rule, for so many steps as it takes.
    Rule(Box<Rule>),
}

impl Method {
    /// Whether it keeps the whole matrix for so many variables.
    pub fn is_whole(&self, variables: usize) -> bool {
        matches!(self, Method::Bfgs) || matches!(self, Method::Auto) && variables <= WHOLE
    }
}

/// What to look for, and how.
#[derive(Debug, Clone)]
pub struct Search {
    /// The solver or rule.
    pub method: Method,
    /// The box that no point leaves, one (lower, upper) per variable.
    pub bounds: Option<Vec<(f64, f64)>>,
    /// The box that the starts are from, for what far and near mean.
    pub ranges: Vec<(f64, f64)>,
    /// Converged where no partial derivative is larger.
    pub tolerance: f64,
    /// Evaluations that a particle may take.
    pub steps: u64,
    /// Climb instead.
    pub maximize: bool,
}

/// A search that is ready to run: compiled once, for as many starts as wanted.
pub struct Searcher<'a> {
    search: Search,
    precision: Precision,
    solver: Solver,
    program: Box<dyn Program + 'a>,
    outputs: Outputs,
    backend: &'a dyn Backend,
    /// The engine of the verdicts, where that is another.
    cpu: Option<Cpu>,
    /// Columns of the last batch that it did not hand out, for the next: new memory costs as much as some evaluations.
    spare: Vec<Values>,
}

impl<'a> Searcher<'a> {
    /// Compiles.
    ///
    /// # Errors
    /// - [`DescentError`] if there is nothing to move, no gradient, or the engine refuses.
    pub fn new(
        expression: &Expression,
        search: Search,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Searcher<'a>, DescentError> {
        let n = expression.variables().len();
        if n == 0 {
            return Err(DescentError::NoVariables(expression.text().to_string()));
        }
        let outputs = expression.gradient()?;
        let solver = search.solver(expression, &outputs, precision)?;
        let program = backend.prepare(&solver.tape, precision)?;
        Ok(Searcher { search, precision, solver, program, outputs, backend, cpu: None, spare: Vec::new() })
    }

    /// Runs the particles of a range; `starts` gives the starts of some of them, a column per variable. `take` gets the
    /// ends of each batch, in order.
    ///
    /// # Errors
    /// - [`DescentError`] if memory or the engine fails, and what `take` returns.
    pub fn run<E: From<DescentError>>(
        &mut self,
        starts: &dyn Fn(Range<u64>) -> Vec<Vec<f64>>,
        particles: Range<u64>,
        take: &mut dyn FnMut(Ends) -> Result<(), E>,
    ) -> Result<(), E> {
        let batch = self.most();
        let count = batch.min(particles.end.saturating_sub(particles.start));
        check_size(count as f64, 4 * self.solver.dimension + 3, Precision::F64).map_err(DescentError::from)?;
        let mut first = particles.start;
        while first < particles.end {
            let end = particles.end.min(first + batch);
            let ends = self.batch(starts(first..end), first)?;
            take(ends)?;
            first = end;
        }
        Ok(())
    }

    /// The most particles of a batch.
    fn most(&self) -> u64 {
        (BATCH.0 / (8 * (3 * self.solver.dimension + 3))).clamp(1, BATCH.1) as u64
    }

    /// For who runs the batches himself, to stop between them: how large they are.
    pub fn pace(&self) -> Pace {
        Pace::new(self.solver.tape.code.len(), self.most())
    }

    /// Runs the particles from number `first` on, from these starts, a column per variable. For the borders of batches
    /// [`Searcher::pace`] is there; without need of any [`Searcher::run`] is.
    ///
    /// # Errors
    /// - [`DescentError`] if memory or the engine fails.
    pub fn batch(&mut self, starts: Vec<Vec<f64>>, first: u64) -> Result<Ends, DescentError> {
        let count = starts[0].len();
        let starts: Vec<Values> = starts.into_iter().map(|column| Values::of(self.precision, column)).collect();
        let settle = Settle {
            uniforms: self.solver.uniforms(&self.search.settings()),
            columns: self.solver.columns(),
            status: self.solver.status(),
        };
        let mut out = self.columns(count);
        self.program.settle(&settle, &starts, &mut out)?;
        // Behind the coordinates and f.
        let rest = out.split_off(self.solver.status());
        let place = |column: usize| column - self.solver.status();
        let gradient = &rest[place(self.solver.gradient())..];
        let values = out.remove(self.solver.value());
        let statuses = whole(&rest[0], Status::of);
        let steps = whole(&rest[place(self.solver.count())], |steps| steps);
        let mut ends = Ends { first, positions: out, values, statuses, steps };
        if verdict::is_needed(&ends) {
            let cpu: &dyn Backend = match (self.backend.processor(), &mut self.cpu) {
                (Some(cpu), _) => cpu,
                (None, Some(cpu)) => cpu,
                (None, none) => none.insert(Cpu::new(None)?),
            };
            verdict::judge(&self.outputs, &self.search, cpu, &mut ends, gradient)?;
        }
        if self.search.maximize {
            ends.values = negated(&ends.values);
        }
        self.spare = rest;
        Ok(ends)
    }

    /// Columns for the results of a batch.
    fn columns(&mut self, count: usize) -> Vec<Values> {
        let mut spare = std::mem::take(&mut self.spare);
        spare.retain(|column| column.len() == count);
        let all = self.solver.gradient() + self.solver.dimension;
        let new = (spare.len()..all).map(|_| Values::zeros(self.precision, count));
        new.collect::<Vec<_>>().into_iter().chain(spare).collect()
    }
}

impl Search {
    /// What one evaluation of one start is, and how many a start usually takes, for who has to choose an engine. Of a rule
    /// nobody knows, so that it is all that it may take.
    ///
    /// # Errors
    /// - [`DescentError`] as [`Searcher::new`].
    pub fn outlook(&self, expression: &Expression, precision: Precision) -> Result<(Tape, u64), DescentError> {
        let solver = self.solver(expression, &expression.gradient()?, precision)?;
        let usual = if matches!(self.method, Method::Rule(_)) { self.steps } else { Settle::USUAL };
        Ok((solver.tape, usual.min(self.steps)))
    }

    pub(super) fn solver(
        &self,
        expression: &Expression,
        outputs: &Outputs,
        precision: Precision,
    ) -> Result<Solver, DescentError> {
        let matrix = match &self.method {
            Method::Rule(rule) if rule.reads("noise") => return Err(DescentError::Restless(rule.name.clone())),
            Method::Rule(rule) => {
                let bounds = self.bounds.as_deref();
                return Ok(Solver::following(outputs, rule, bounds, self.maximize, precision));
            }
            method if method.is_whole(outputs.variables.len()) => Matrix::Bfgs,
            Method::Newton => Matrix::Newton,
            _ => Matrix::Lbfgs(PAIRS),
        };
        let hessian = (matrix == Matrix::Newton).then(|| expression.hessian()).transpose()?;
        let outputs = hessian.as_ref().unwrap_or(outputs);
        Ok(Solver::new(outputs, matrix, self.bounds.as_deref(), self.maximize, precision))
    }

    pub(super) fn settings(&self) -> Settings {
        let (mut reach, mut far) = (f64::INFINITY, 1.0f64);
        for (low, high) in &self.ranges {
            if high > low {
                reach = reach.min(0.1 * (high - low));
            }
            far = far.max(low.abs()).max(high.abs());
        }
        let reach = if reach.is_finite() { reach } else { 1.0 };
        Settings { tolerance: self.tolerance, steps: self.steps, reach, far: FAR * far }
    }
}

/// A column of whole numbers as what they mean.
fn whole<T>(column: &Values, of: impl Fn(u32) -> T) -> Vec<T> {
    match column {
        Values::F32(column) => column.iter().map(|number| of(*number as u32)).collect(),
        Values::F64(column) => column.iter().map(|number| of(*number as u32)).collect(),
    }
}

fn negated(values: &Values) -> Values {
    match values {
        Values::F32(values) => Values::F32(values.iter().map(|v| -v).collect()),
        Values::F64(values) => Values::F64(values.iter().map(|v| -v).collect()),
    }
}
