//! Solvers with a line search, each as a tape that maps a particle's state to the next.
//!
//! Flows in: f and its gradient, a [`Matrix`], the format. Flows out: [`Solver`]: a tape for `Program::iterate`, and
//! where its columns stand. One step evaluates f and its gradient once, at the trial point of the line search, and
//! everything that follows (accept or not, the next trial, the quasi-Newton matrix, why it ends) is selections
//! without a branch. So a solver runs wherever a rule runs, on every engine, as many particles side by side as the
//! engine has lanes; a particle does not know the others, and freezes when its status is no longer
//! [`Status::Active`](super::Status).
//!
//! `algebra.rs` has the arithmetic on nodes, `trial.rs` the line search (`bracket.rs` where it tries next,
//! `ending.rs` why it ends, `step.rs` puts it together), `bfgs.rs`, `lbfgs.rs` and `newton.rs` the
//! matrices; `follow.rs` makes the same of a rule.
//!
//! Who should not use it: anyone but `search.rs`, which starts particles, takes out those that are done, and judges
//! why they stopped.

mod algebra;
mod bfgs;
mod bracket;
mod ending;
mod follow;
mod lbfgs;
mod newton;
mod step;
mod trial;

use super::rule::Rule;
use crate::expr::{Graph, Id, Outputs};
use crate::op::ops;
use crate::real::Precision;
use crate::tape::{Input, Tape};
use algebra::Algebra;

/// What takes the place of the second derivatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// The inverse Hessian's approximation by Broyden, Fletcher, Goldfarb and Shanno, whole: n (n + 1) / 2 numbers.
    Bfgs,
    /// The same from the last so many steps: 2 n numbers each.
    Lbfgs(usize),
    /// The Hessian itself, which the outputs then bring as well: f, n partial derivatives, n^2 second ones.
    Newton,
}

/// What may change without compiling anew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Converged where no partial derivative is larger.
    pub tolerance: f64,
    /// Evaluations that a particle may take.
    pub steps: u64,
    /// How far the first step may go along one coordinate.
    pub reach: f64,
    /// A coordinate beyond this has escaped.
    pub far: f64,
}

/// A solver for one function, in one format.
#[derive(Debug, Clone)]
pub struct Solver {
    /// Varying inputs and outputs: the state, 0 everywhere but in the coordinates at the start; uniform inputs:
    /// [`Solver::uniforms`].
    pub tape: Tape,
    /// State to where f and its gradient are wanted, where these are given.
    pub trial: Option<Tape>,
    /// Number of variables; the coordinates are the first columns.
    pub dimension: usize,
    /// Uniform inputs beside the settings: a rule's hyper-parameters.
    constants: Vec<f64>,
}

impl Solver {
    /// The uniform inputs.
    pub fn uniforms(&self, settings: &Settings) -> Vec<f64> {
        let Settings { tolerance, steps, reach, far } = *settings;
        [&[tolerance, steps as f64, reach, far], &self.constants[..]].concat()
    }

    /// The solver that takes the steps of a rule, which must read no noise: that never comes to rest.
    pub fn following(
        outputs: &Outputs,
        rule: &Rule,
        bounds: Option<&[(f64, f64)]>,
        maximize: bool,
        precision: Precision,
    ) -> Solver {
        follow::solver(outputs, rule, bounds, maximize, precision)
    }

    /// Number of columns of the state.
    pub fn columns(&self) -> usize {
        self.tape.outputs.len()
    }

    /// The column of f, to be minimised.
    pub fn value(&self) -> usize {
        self.dimension
    }

    /// The column of the [`Status`](super::Status), as a number.
    pub fn status(&self) -> usize {
        self.dimension + 1
    }

    /// The column of evaluations.
    pub fn count(&self) -> usize {
        self.dimension + 2
    }

    /// The first column of the gradient.
    pub fn gradient(&self) -> usize {
        self.dimension + 3
    }

    /// The solver for `outputs` (f, then its partial derivatives; for [`Matrix::Newton`] the Hessian as well). With `bounds`, one (lower, upper) for each variable,
    /// no point outside is evaluated; the starts must be inside.
    pub fn new(
        outputs: &Outputs,
        matrix: Matrix,
        bounds: Option<&[(f64, f64)]>,
        maximize: bool,
        precision: Precision,
    ) -> Solver {
        Solver::made(outputs, matrix, bounds, (maximize, false), precision)
    }

    /// The same where f and its gradient are variables beyond all others (`given.rs`).
    pub fn of_given(outputs: &Outputs, matrix: Matrix, bounds: Option<&[(f64, f64)]>, precision: Precision) -> Solver {
        Solver::made(outputs, matrix, bounds, (false, true), precision)
    }

    fn made(
        outputs: &Outputs,
        matrix: Matrix,
        bounds: Option<&[(f64, f64)]>,
        (maximize, given): (bool, bool),
        precision: Precision,
    ) -> Solver {
        let n = outputs.variables.len();
        let mut a = Algebra { graph: Graph::new() };
        let state = trial::State::read(&mut a, n, matrix.columns(n));
        let columns = trial::State::columns(n, matrix.columns(n));
        let knobs = [0, 1, 2, 3].map(|k| a.input(columns + k));
        let offset = constants(&outputs.graph, outputs.outputs[0], 1.0);
        let mut places = Vec::new();
        let mut evaluate = |a: &mut Algebra, x: &[Id]| {
            places = x.to_vec();
            let replace = |graph: &mut Graph, place: u32| match x.get(place as usize) {
                Some(id) => *id,
                None => graph.variable(place),
            };
            let found = a.graph.import(&outputs.graph, &outputs.outputs, replace);
            if maximize { found.into_iter().map(|id| a.neg(id)).collect() } else { found }
        };
        let problem = step::Problem { evaluate: &mut evaluate, offset, bounds, precision, matrix, knobs };
        let next = step::step(&mut a, &state, problem).write();
        let names: Vec<String> = (0..columns).map(|k| format!("s{k}")).collect();
        let mut inputs = Input::varying(&names);
        let uniforms = ["tolerance", "steps", "reach", "far"].map(|name| Input { name: name.into(), uniform: true });
        inputs.extend(uniforms);
        if given {
            // What is wanted follows from the state alone; it has the given columns as well, which it does not look at.
            let last = Input::varying(&vec!["given"; n + 1]);
            let all = inputs.iter().cloned().chain(last).collect();
            let trial = Some(Tape::lower(&a.graph, all, &places));
            let tape = super::given::lower(&a.graph, inputs, &next, n);
            return Solver { tape, trial, dimension: n, constants: Vec::new() };
        }
        Solver { tape: Tape::lower(&a.graph, inputs, &next), trial: None, dimension: n, constants: Vec::new() }
    }
}

impl Matrix {
    /// Columns of its memory.
    fn columns(self, n: usize) -> usize {
        match self {
            Matrix::Bfgs => bfgs::columns(n),
            Matrix::Lbfgs(pairs) => lbfgs::columns(n, pairs),
            Matrix::Newton => 0,
        }
    }
}

/// The absolute sum of the constants that `id` is a sum with: f's rounding is at least of their size, however small f is.
fn constants(graph: &Graph, id: Id, factor: f64) -> f64 {
    match (graph.value(id), graph.applied(id)) {
        (Some(value), _) => (factor * value).abs(),
        (None, Some((op, [a, b, _]))) if op == ops::ADD || op == ops::SUB => {
            constants(graph, a, factor) + constants(graph, b, factor)
        }
        (None, Some((op, [a, ..]))) if op == ops::NEG => constants(graph, a, factor),
        (None, Some((op, [a, b, _]))) if op == ops::MUL => match (graph.value(a), graph.value(b)) {
            (Some(value), None) => constants(graph, b, factor * value),
            (None, Some(value)) => constants(graph, a, factor * value),
            _ => 0.0,
        },
        _ => 0.0,
    }
}
