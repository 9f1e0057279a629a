//! Particles that follow a rule or a solver, looked at as they go: what `run` records and very many paths are drawn from.
//!
//! Flows in: an expression, a [`Plan`] or a [`Search`], an engine; then starts, as many at a time as one likes. Flows out:
//! the positions at the recorded steps, handed to who visits. Nothing is kept.
//!
//! Who should not use it: who wants the record of few particles; [`run`](super::run) keeps it.

use super::fuse::Fused;
use super::rule::CLOCK;
use super::search::Search;
use super::{DescentError, Plan, Records};
use crate::backend::{Backend, Program, Steps};
use crate::expr::Expression;
use crate::points::Values;
use crate::real::Precision;

/// Who looks at the particles: at a step, at their positions, a column per variable.
pub type Visit<'a, E> = dyn FnMut(u64, &[Values]) -> Result<(), E> + 'a;

/// A rule or a solver on a function, compiled once for as many starts as wanted.
pub struct Walker<'a> {
    mover: Mover,
    /// Number of coordinates, the first columns of the state.
    dimension: usize,
    uniforms: Vec<f64>,
    clock: Option<usize>,
    records: Records,
    program: Box<dyn Program + 'a>,
    precision: Precision,
}

/// What the state of a particle begins with.
enum Mover {
    Rule { fused: Fused, seed: u64 },
    Solver { columns: usize },
}

impl<'a> Walker<'a> {
    /// Compiles.
    ///
    /// # Errors
    /// - [`DescentError`] if there is nothing to move, no gradient, a rule that cannot take so many steps, or the engine
    ///   refuses.
    pub fn new(
        expression: &Expression,
        plan: &Plan,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Walker<'a>, DescentError> {
        if expression.variables().is_empty() {
            return Err(DescentError::NoVariables(expression.text().to_string()));
        }
        plan.rule.check(plan.steps)?;
        let fused = plan.rule.fuse(&expression.gradient()?, plan.maximize);
        fused.check(plan.steps, precision)?;
        let program = backend.prepare(&fused.tape, precision)?;
        Ok(Walker {
            dimension: fused.dimension,
            mover: Mover::Rule { fused, seed: plan.seed },
            uniforms: plan.rule.uniforms(),
            clock: Some(CLOCK),
            records: plan.records(),
            program,
            precision,
        })
    }

    /// Compiles the solver of a search, whose steps are evaluations; every so many of them are visited.
    ///
    /// # Errors
    /// - [`DescentError`] if there is nothing to move, no gradient, or the engine refuses.
    pub fn of_search(
        expression: &Expression,
        search: &Search,
        every: u64,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Walker<'a>, DescentError> {
        if expression.variables().is_empty() {
            return Err(DescentError::NoVariables(expression.text().to_string()));
        }
        let solver = search.solver(expression, &expression.gradient()?, precision)?;
        let program = backend.prepare(&solver.tape, precision)?;
        Ok(Walker {
            dimension: solver.dimension,
            mover: Mover::Solver { columns: solver.columns() },
            uniforms: solver.uniforms(&search.settings()),
            clock: None,
            records: Records { steps: search.steps, every },
            program,
            precision,
        })
    }

    /// The steps that are visited.
    pub fn records(&self) -> Records {
        self.records
    }

    /// The state before the first step, of particles from number `first` on.
    fn state(&self, mut starts: Vec<Values>, first: u64) -> Vec<Values> {
        match &self.mover {
            Mover::Rule { fused, seed } => fused.state_from(starts, *seed, first),
            Mover::Solver { columns } => {
                let particles = starts.first().map_or(0, Values::len);
                starts.resize(*columns, Values::zeros(self.precision, particles));
                starts
            }
        }
    }

    /// Moves the particles from number `first` on, from these starts, a column per variable. `visit` gets the step and the
    /// positions, a column per variable, at the start, at every recorded step and at the end. What a particle does depends
    /// on its start and its number alone.
    ///
    /// # Errors
    /// - [`DescentError::Backend`] if the engine fails, and what `visit` returns.
    pub fn walk<E: From<DescentError>>(
        &mut self,
        starts: &[Vec<f64>],
        first: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let starts = starts.iter().map(|column| Values::from_f64(self.precision, column)).collect();
        let mut state = self.state(starts, first);
        let mut done = 0;
        for record in self.records.iter() {
            let steps =
                Steps { uniforms: self.uniforms.clone(), clock: self.clock, first: done + 1, count: record - done };
            if steps.count > 0 {
                self.program.iterate(&mut state, &steps).map_err(DescentError::from)?;
            }
            done = record;
            visit(done, &state[..self.dimension])?;
        }
        Ok(())
    }
}
