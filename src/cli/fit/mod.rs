//! `gradfield fit`: a model's parameters, fitted to a table of measurements.

mod arguments;
mod drawing;
mod report;

pub(crate) use arguments::Arguments;

use super::Failure;
use super::engine::{choose, processor, source};
use super::language::Language;
use gradfield::Precision;
use gradfield::bench::Demand;
use gradfield::files::Output;
use gradfield::fit::{FitError, fit};
use report::Report;
use std::time::Instant;

impl From<FitError> for Failure {
    fn from(error: FitError) -> Failure {
        match error {
            FitError::Backend(error) => error.into(),
            other => Failure::usage(other.to_string()),
        }
    }
}

/// Evaluations that a fit is expected to take, for the choice of the engine.
const EXPECTED: f64 = 10.0;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let drawn = arguments.is_drawn();
    let language = if drawn { Language::Text } else { arguments.language()? };
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let task = arguments.task(precision)?;
    report::check_names(&task, arguments, language)?;
    if drawn {
        drawing::check(&task)?;
    }
    let evaluations = task.options.starts.len() as f64 * EXPECTED;
    let tape = task.problem.tape()?;
    let demand = Demand::grid(&tape, task.problem.response.len() as f64 * evaluations, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let begin = Instant::now();
    let fits = fit(&task.problem, &task.options, engine.as_ref(), precision)?;
    let seconds = begin.elapsed().as_secs_f64();
    let report = Report { arguments, task: &task, fits: &fits, device: engine.name(), precision, seconds };
    if !arguments.function.quiet {
        eprint!("{}", report.summary(language));
    }
    match language {
        Language::Text if drawn => {
            let source = source(engine.as_ref(), precision);
            let cpu = processor(&arguments.compute)?;
            drawing::draw(&mut out, arguments, &task, &fits[0], (&cpu, source))?;
        }
        Language::Text => report.write_text(&mut out)?,
        Language::Json => gradfield::files::write_json(&mut out, &report.document())?,
        Language::Csv => report.write_csv(&mut out)?,
        Language::Npz => report.write_npz(&mut out)?,
    }
    out.finish()?;
    report.verdict()
}
