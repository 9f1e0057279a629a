//! Rules and solvers for an f that is no tape: its value and gradient are given, step by step.
//!
//! Flows in: a [`Rule`] or a [`Method`] of a line search, the number of variables. Flows out: [`Given`]: a tape that maps
//! a state with f and its gradient in further columns to the next state, and one that says where f is wanted. It is the
//! same arithmetic that runs where f is a formula: f and its gradient are variables in its graph.
//!
//! Who should not use it: who has an expression; `Walker` and `Searcher` take all steps on the engine.

use super::fuse::Joined;
use super::rule::Rule;
use super::search::{Method, Search};
use super::solver::Solver;
use super::{DescentError, Fused};
use crate::backend::{Backend, Program, Steps};
use crate::expr::{Graph, Id, Outputs};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Input, Tape};

/// The place of f in the graph of an f that is given, its partial derivatives follow: beyond all variables.
pub(super) const PLACE: u32 = 1 << 24;

/// f and its gradient as variables.
pub(super) fn outputs(variables: &[String]) -> Outputs {
    let mut graph = Graph::new();
    let outputs = (0..=variables.len()).map(|k| graph.variable(PLACE + k as u32)).collect();
    Outputs { graph, variables: variables.to_vec(), outputs }
}

/// A tape whose inputs are those of `graph`, with the given ones last, and whose outputs hand these on.
pub(super) fn lower(graph: &Graph, mut inputs: Vec<Input>, next: &[Id], n: usize) -> Tape {
    let first = inputs.len() as u32;
    let mut moved = Graph::new();
    let place = |place: u32| if place >= PLACE { first + place - PLACE } else { place };
    let mut roots = moved.import(graph, next, |graph, old| graph.variable(place(old)));
    roots.extend((0..=n as u32).map(|k| moved.variable(first + k)));
    inputs.extend(Input::varying(&vec!["given"; n + 1]));
    Tape::lower(&moved, inputs, &roots)
}

/// Particles that are moved by what is found where they are.
pub struct Given<'a> {
    step: Box<dyn Program + 'a>,
    /// Where f is wanted, if that is not where the particle is.
    trial: Option<Box<dyn Program + 'a>>,
    uniforms: Vec<f64>,
    clock: Option<usize>,
    /// The column of the status, of a solver; f is before it, the gradient two columns after.
    status: Option<usize>,
    state: Vec<Values>,
    /// Where f is wanted, a column per variable; of rules that is in the state.
    places: Vec<Values>,
    n: usize,
    /// The coordinates of all particles are one column, as the rule takes each by itself: a step is then as many
    /// instructions as it has, not n times as many.
    across: bool,
    steps: u64,
}

impl<'a> Given<'a> {
    /// Particles that follow a rule from these starts, a column per variable, for at most so many steps; a seed of the noise.
    ///
    /// # Errors
    /// - [`DescentError::Noise`] if the rule's noise would repeat itself within the steps.
    /// - [`DescentError::Backend`] if the engine refuses.
    pub fn by_rule(
        rule: &Rule,
        variables: &[String],
        starts: &[Vec<f64>],
        (steps, seed): (u64, u64),
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Given<'a>, DescentError> {
        let (n, across) = (variables.len(), rule.is_separable());
        let own = if across { &variables[..1] } else { variables };
        let Joined { graph, inputs, next, .. } = rule.join(&outputs(own), false);
        let fused = Fused::of(lower(&graph, inputs, &next, own.len()), own.len(), rule);
        fused.check(steps, precision)?;
        let particles = starts.first().map_or(0, Vec::len);
        let starts: Vec<Values> = match across {
            true => {
                let all = (0..particles).flat_map(|p| starts.iter().map(move |column| column[p]));
                vec![Values::from_f64(precision, &all.collect::<Vec<f64>>())]
            }
            false => starts.iter().map(|column| Values::from_f64(precision, column)).collect(),
        };
        let (uniforms, clock) = (rule.uniforms(), Some(super::CLOCK));
        let state = fused.state_given(starts, seed);
        let step = backend.prepare(&fused.tape, precision)?;
        Ok(Given { step, trial: None, uniforms, clock, status: None, state, places: Vec::new(), n, across, steps: 0 })
    }

    /// Particles that a solver moves; the [`Method`] is none that needs second derivatives.
    ///
    /// # Errors
    /// - [`DescentError::Backend`] if the engine refuses.
    pub fn by_search(
        search: &Search,
        variables: &[String],
        starts: &[Vec<f64>],
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Given<'a>, DescentError> {
        let n = variables.len();
        let solver = Solver::of_given(&outputs(variables), search.matrix(n), search.bounds.as_deref(), precision);
        let Solver { tape, trial, .. } = &solver;
        let mut state: Vec<Values> = starts.iter().map(|column| Values::from_f64(precision, column)).collect();
        state.resize(tape.outputs.len(), Values::zeros(precision, starts.first().map_or(0, Vec::len)));
        let trial = trial.as_ref().map(|trial| backend.prepare(trial, precision)).transpose()?;
        Ok(Given {
            step: backend.prepare(tape, precision)?,
            trial,
            uniforms: solver.uniforms(&search.settings()),
            clock: None,
            status: Some(solver.status()),
            state,
            places: Vec::new(),
            n,
            across: false,
            steps: 0,
        })
    }

    /// Finds where f and its gradient are wanted next.
    ///
    /// # Errors
    /// - [`DescentError::Backend`] if the engine fails.
    pub fn look(&mut self) -> Result<(), DescentError> {
        if let Some(trial) = &mut self.trial {
            self.places = self.state[..self.n].to_vec();
            trial.evaluate(&Points::list(self.state.clone()), &self.uniforms, &mut self.places)?;
        }
        Ok(())
    }

    /// Where they are wanted for a particle, since [`Given::look`].
    pub fn wanted(&self, particle: usize) -> Vec<f64> {
        match (self.across, self.trial.is_some()) {
            (true, _) => (0..self.n).map(|k| self.state[0].get(particle * self.n + k)).collect(),
            (false, true) => self.places.iter().map(|column| column.get(particle)).collect(),
            (false, false) => self.state[..self.n].iter().map(|column| column.get(particle)).collect(),
        }
    }

    /// Tells what was found for a particle there: f, then its gradient.
    pub fn tell(&mut self, particle: usize, found: &[f64]) {
        if !self.across {
            let first = self.state.len() - self.n - 1;
            self.state[first..].iter_mut().zip(found).for_each(|(column, value)| column.set(particle, *value));
            return;
        }
        let [.., value, gradient] = self.state.as_mut_slice() else { return };
        for (k, slope) in found[1..].iter().enumerate() {
            value.set(particle * self.n + k, found[0]);
            gradient.set(particle * self.n + k, *slope);
        }
    }

    /// One step of all particles.
    ///
    /// # Errors
    /// - [`DescentError::Backend`] if the engine fails.
    pub fn step(&mut self) -> Result<(), DescentError> {
        self.steps += 1;
        let steps = Steps { uniforms: self.uniforms.clone(), clock: self.clock, first: self.steps, count: 1 };
        Ok(self.step.iterate(&mut self.state, &steps)?)
    }

    /// Puts a particle within bounds, where a rule left them.
    pub fn clamp(&mut self, bounds: &[(f64, f64)]) {
        if self.across {
            let column = &mut self.state[0];
            for (k, (low, high)) in (0..column.len()).zip(bounds.iter().cycle()) {
                column.set(k, column.get(k).clamp(*low, *high));
            }
            return;
        }
        for (column, (low, high)) in self.state.iter_mut().zip(bounds) {
            (0..column.len()).for_each(|k| column.set(k, column.get(k).clamp(*low, *high)));
        }
    }

    /// Looks that a particle took, as a solver counts them.
    pub fn count(&self, particle: usize) -> u64 {
        self.status.map_or(self.steps, |status| self.state[status + 1].get(particle) as u64)
    }

    /// What a solver says of a particle: its status, and the best place that it saw with f and the gradient there. Of a rule
    /// nothing.
    pub fn best(&self, particle: usize) -> Option<(super::Status, Vec<f64>, Vec<f64>)> {
        let status = self.status?;
        let of = |columns: &[Values]| columns.iter().map(|column| column.get(particle)).collect::<Vec<f64>>();
        let code = super::Status::of(self.state[status].get(particle) as u32);
        let found = [of(&self.state[status - 1..status]), of(&self.state[status + 2..][..self.n])].concat();
        Some((code, of(&self.state[..self.n]), found))
    }
}

impl Search {
    /// The matrix of its method, of those that need no second derivatives.
    fn matrix(&self, variables: usize) -> super::solver::Matrix {
        match &self.method {
            Method::Auto | Method::Bfgs if self.method.is_whole(variables) => super::solver::Matrix::Bfgs,
            _ => super::solver::Matrix::Lbfgs(super::search::PAIRS),
        }
    }
}
