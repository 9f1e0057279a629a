//! Particles that follow a rule, looked at as they go: what `run` records and very many paths are drawn from.
//!
//! Flows in: an expression, a [`Plan`], an engine; then starts, as many at a time as one likes. Flows out: the positions at
//! the recorded steps, handed to who visits. Nothing is kept.
//!
//! Who should not use it: who wants the record of few particles; [`run`](super::run) keeps it.

use super::fuse::Fused;
use super::rule::CLOCK;
use super::{DescentError, Plan};
use crate::backend::{Backend, Program, Steps};
use crate::expr::Expression;
use crate::points::Values;
use crate::real::Precision;

/// Who looks at the particles: at a step, at their positions, a column per variable.
pub type Visit<'a, E> = dyn FnMut(u64, &[Values]) -> Result<(), E> + 'a;

/// A rule on a function, compiled once for as many starts as wanted.
pub struct Walker<'a> {
    plan: Plan,
    fused: Fused,
    program: Box<dyn Program + 'a>,
    precision: Precision,
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
        let most = fused.most_steps(precision);
        if plan.steps > most {
            return Err(DescentError::Noise { steps: plan.steps, most });
        }
        let program = backend.prepare(&fused.tape, precision)?;
        Ok(Walker { plan: plan.clone(), fused, program, precision })
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
        let mut state = self.fused.state_from(starts, self.plan.seed, first);
        let mut done = 0;
        for record in self.plan.records() {
            let uniforms = self.plan.rule.uniforms();
            let steps = Steps { uniforms, clock: Some(CLOCK), first: done + 1, count: record - done };
            if steps.count > 0 {
                self.program.iterate(&mut state, &steps).map_err(DescentError::from)?;
            }
            done = record;
            visit(done, &state[..self.fused.dimension])?;
        }
        Ok(())
    }
}
