//! One measurement: a function, a kind of work, a size, a format, on one engine.
//!
//! Flows in: a [`Case`], an engine. Flows out: a [`Measurement`]: the first run with all that only it pays for, the
//! runs after it, the stages of a GPU, and how far the results are from the reference's.

use super::samples::{Samples, Seconds};
use super::truth::{Deviation, of_descent, of_grid};
use crate::backend::{Backend, Program, Stages, Steps, check_interrupt};
use crate::descent::{Rule, RuleError, rule::CLOCK, rules, starts};
use crate::expr::Outputs;
use crate::field::{FieldError, check_size, tape_of};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use std::time::Instant;

/// Grids and starts span this in every variable.
const RANGE: (f64, f64) = (-3.0, 3.0);

/// The learning rate of descents: small, so that most functions keep their particles finite.
const LEARNING_RATE: f64 = 1e-3;

/// The seed of the starts.
const SEED: u64 = 42;

/// A function made ready for one kind of work.
#[derive(Debug, Clone)]
pub struct Work {
    tape: Tape,
    dimension: usize,
    /// None for a grid.
    steps: Option<Steps>,
}

impl Work {
    /// f and its derivatives at the points of a grid, all of them brought to memory.
    pub fn grid(outputs: &Outputs) -> Work {
        Work { tape: tape_of(outputs), dimension: outputs.variables.len(), steps: None }
    }

    /// So many steps of gradient descent by many particles, state in, state out.
    ///
    /// # Errors
    /// - [`RuleError`] if the table of rules has lost `gd`.
    pub fn descent(outputs: &Outputs, count: u64) -> Result<Work, RuleError> {
        let row = rules::by_name("gd").ok_or_else(|| RuleError::NoStep("gd".to_string()))?;
        let mut rule = Rule::of(row)?;
        rule.set("lr", LEARNING_RATE)?;
        let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count };
        Ok(Work { tape: rule.fuse(outputs, false).tape, dimension: outputs.variables.len(), steps: Some(steps) })
    }

    /// Whether it is a grid; else it is a descent.
    pub fn is_grid(&self) -> bool {
        self.steps.is_none()
    }

    /// Steps of a descent.
    pub fn steps(&self) -> Option<u64> {
        self.steps.as_ref().map(|steps| steps.count)
    }

    /// Number of variables.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// What engines run.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Points of a grid with so many a side, or steps of so many particles.
    pub fn units(&self, size: usize) -> f64 {
        match &self.steps {
            None => (size as f64).powi(self.dimension as i32),
            Some(steps) => size as f64 * steps.count as f64,
        }
    }
}

/// Work of one size in one format.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is done.
    pub work: &'a Work,
    /// Points a side of a grid, or particles.
    pub size: usize,
    /// The format.
    pub precision: Precision,
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Timed runs, after the first.
    pub repetitions: usize,
    /// Seconds after which there are no more, once there are three.
    pub budget: Seconds,
}

/// What was measured of a case on an engine.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The first run: preparing, compiling, fresh memory for results, running.
    pub first: Seconds,
    /// The runs after it, into the same memory.
    pub samples: Samples,
    /// Compiling, as part of the first run; none where the engine does not tell.
    pub compile: Option<Seconds>,
    /// The mean stages of the runs after the first; none where the engine does not tell.
    pub stages: Option<Stages>,
    /// How far the results of the last run are from the reference's; none where it would take too long to know.
    pub deviation: Option<Deviation>,
    /// Points, or steps of particles.
    pub units: f64,
    /// Bytes of results that a run writes; none for a descent, whose state stays where it is computed.
    pub bytes: Option<f64>,
}

impl Measurement {
    /// Units a second, by the median.
    pub fn per_second(&self) -> f64 {
        self.units / self.samples.median()
    }

    /// Bytes of results a second, by the median.
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.bytes.map(|bytes| bytes / self.samples.median())
    }
}

/// What a run starts from.
enum Inputs<'a> {
    Points(Points),
    State(Vec<Values>, &'a Steps),
}

impl Case<'_> {
    /// Refuses a size whose results do not fit into memory.
    ///
    /// # Errors
    /// - [`FieldError::Memory`].
    pub fn check(&self) -> Result<(), FieldError> {
        let points = if self.work.is_grid() { self.work.units(self.size) } else { self.size as f64 };
        check_size(points, self.work.tape.outputs.len(), self.precision)
    }

    /// Measures it.
    ///
    /// # Errors
    /// - [`FieldError::Memory`] if the results do not fit into memory.
    /// - [`FieldError::Backend`] if the engine fails, lacks the format, or was interrupted.
    pub fn measure(&self, engine: &dyn Backend, effort: Effort) -> Result<Measurement, FieldError> {
        self.check()?;
        let inputs = self.inputs();
        engine.forget();
        let before = engine.stages()?;
        let start = Instant::now();
        let mut program = engine.prepare(&self.work.tape, self.precision)?;
        let mut columns = self.columns(&inputs);
        inputs.run(program.as_mut(), &mut columns)?;
        let first = start.elapsed().as_secs_f64();
        let cold = engine.stages()?;
        let samples = Samples::laps(effort.repetitions, effort.budget, || {
            check_interrupt()?;
            inputs.restore(&mut columns);
            let lap = Instant::now();
            inputs.run(program.as_mut(), &mut columns)?;
            Ok::<_, FieldError>(lap.elapsed().as_secs_f64())
        })?;
        let warm = engine.stages()?;
        let deviation = match &inputs {
            Inputs::Points(points) => Some(of_grid(&self.work.tape, points, &columns)?),
            Inputs::State(start, steps) => of_descent(&self.work.tape, start, steps, &columns)?,
        };
        let units = self.work.units(self.size);
        let width = (self.work.tape.outputs.len() * self.precision.bytes()) as f64;
        Ok(Measurement {
            first,
            compile: before.zip(cold).map(|(before, cold)| cold.compile - before.compile),
            stages: cold.zip(warm).map(|(cold, warm)| (warm - cold).per_run(samples.len())),
            samples,
            deviation,
            units,
            bytes: self.work.is_grid().then_some(units * width),
        })
    }

    fn inputs(&self) -> Inputs<'_> {
        match &self.work.steps {
            None => {
                let axis = Points::linspace(RANGE.0, RANGE.1, self.size);
                Inputs::Points(Points::Grid(vec![axis; self.work.dimension]).rounded(self.precision))
            }
            Some(steps) => {
                let columns = starts::uniform_box(SEED, self.size, &vec![RANGE; self.work.dimension]);
                let state = columns.iter().map(|column| Values::from_f64(self.precision, column)).collect();
                Inputs::State(state, steps)
            }
        }
    }

    /// Room for the results, or the state to begin with. Zeros from the system cost nothing before they are written.
    fn columns(&self, inputs: &Inputs<'_>) -> Vec<Values> {
        match inputs {
            Inputs::Points(points) => {
                (0..self.work.tape.outputs.len()).map(|_| Values::zeros(self.precision, points.len())).collect()
            }
            Inputs::State(state, _) => state.clone(),
        }
    }
}

impl Inputs<'_> {
    fn run(&self, program: &mut dyn Program, columns: &mut [Values]) -> Result<(), FieldError> {
        match self {
            Inputs::Points(points) => program.evaluate(points, &[], columns)?,
            Inputs::State(_, steps) => program.iterate(columns, steps)?,
        }
        Ok(())
    }

    /// Makes a state what it was at first.
    fn restore(&self, columns: &mut [Values]) {
        if let Inputs::State(start, _) = self {
            for (column, start) in columns.iter_mut().zip(start) {
                match (column, start) {
                    (Values::F32(column), Values::F32(start)) => column.copy_from_slice(start),
                    (Values::F64(column), Values::F64(start)) => column.copy_from_slice(start),
                    (column, start) => *column = start.clone(),
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use crate::backend::reference::Reference;
    use crate::expr::Expression;

    const EFFORT: Effort = Effort { repetitions: 3, budget: 1.0 };

    #[test]
    fn a_case_has_its_runs_and_its_error() {
        let outputs = Expression::parse("x^2 + sin(y)").unwrap().gradient().unwrap();
        let cpu = Cpu::new(Some(1)).unwrap();
        for (work, units) in [(Work::grid(&outputs), 81.0), (Work::descent(&outputs, 5).unwrap(), 45.0)] {
            for (engine, precision) in
                [(&cpu as &dyn Backend, Precision::F32), (&cpu, Precision::F64), (&Reference, Precision::F64)]
            {
                let seen = Case { work: &work, size: 9, precision }.measure(engine, EFFORT).unwrap();
                let deviation = seen.deviation.unwrap();
                assert_eq!((seen.units, seen.samples.len(), seen.stages), (units, 3, None));
                assert_eq!(seen.bytes.is_some(), work.is_grid());
                let limit = if precision == Precision::F32 { 1e-5 } else { 1e-12 };
                assert!(
                    deviation.worst < limit && deviation.nonfinite == 0 && deviation.compared > 10,
                    "{deviation:?}"
                );
            }
        }
    }

    #[test]
    fn a_size_beyond_memory_is_refused() {
        let outputs = Expression::parse("x + y + z").unwrap().gradient().unwrap();
        let work = Work::grid(&outputs);
        let case = Case { work: &work, size: 65_536, precision: Precision::F64 };
        assert!(case.measure(&Reference, EFFORT).unwrap_err().to_string().contains("of memory here"));
    }
}
