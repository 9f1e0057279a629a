//! `gradfield fit`: a model's parameters, fitted to a table of measurements; or those of a list of residuals.

mod arguments;
mod drawing;
mod report;
mod starts;

pub(crate) use arguments::Arguments;

use super::Failure;
use super::engine::{choose, processor, source};
use super::language::Language;
use gradfield::Precision;
use gradfield::bench::Demand;
use gradfield::files::Output;
use gradfield::fit::{FitError, Fitted, Loss, Residuals, fit};
use report::{Report, Subject};
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
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    if arguments.residuals { of_residuals(arguments, precision) } else { of_table(arguments, precision) }
}

fn of_table(arguments: &Arguments, precision: Precision) -> Result<(), Failure> {
    let drawn = arguments.is_drawn();
    let language = if drawn { Language::Text } else { arguments.language()? };
    if !drawn && (arguments.size.is_some() || arguments.curve_only) {
        return Err(Failure::usage("--size and --curve-only are of pictures; write to a .png, such as -o fit.png"));
    }
    let task = arguments.task(precision)?;
    let problem = &task.problem;
    report::check_names(&problem.model.parameters, arguments, language)?;
    if drawn {
        drawing::check(&task)?;
    }
    let evaluations = task.options.starts.len() as f64 * EXPECTED;
    let demand = Demand::grid(&problem.tape()?, problem.response.len() as f64 * evaluations, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let begin = Instant::now();
    let fits = fit(problem, &task.options, engine.as_ref(), precision)?;
    let seconds = begin.elapsed().as_secs_f64();
    let subject = Subject {
        text: &problem.model.text,
        parameters: &problem.model.parameters,
        columns: &problem.model.columns,
        loss: &problem.loss,
        options: &task.options,
        rows: problem.response.len(),
        skipped: task.skipped,
        labels: &task.labels,
        statuses: &[],
    };
    let report = Report { arguments, subject, fits: &fits, device: engine.name(), precision, seconds };
    if drawn {
        tell(&report, language);
        let source = source(engine.as_ref(), precision);
        let cpu = processor(&arguments.compute)?;
        drawing::draw(&mut out, arguments, &task, &fits[0], (&cpu, source))?;
        out.finish()?;
        return report.verdict();
    }
    write(&report, language, out)
}

fn of_residuals(arguments: &Arguments, precision: Precision) -> Result<(), Failure> {
    if arguments.is_drawn() {
        return Err(Failure::usage("residuals have no picture; write .json, .csv or .npz"));
    }
    let language = arguments.language()?;
    let (given, fixed) = arguments.named()?;
    let residuals = Residuals::parse(&arguments.function.expression, &given, &fixed)?;
    arguments.tell(&residuals.notes);
    report::check_names(&residuals.parameters, arguments, language)?;
    let options = arguments.options(&residuals.parameters, precision)?;
    let demand = Demand::grid(&residuals.tape()?, options.starts.len() as f64 * EXPECTED, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let out = Output::create(&arguments.output)?;
    let begin = Instant::now();
    let ends = residuals.solve(&options, engine.as_ref(), precision)?;
    let seconds = begin.elapsed().as_secs_f64();
    let rest = ends.minima.iter().filter(|minimum| minimum.start != ends.best.start);
    let fits: Vec<Fitted> = std::iter::once(&ends.best).chain(rest).cloned().collect();
    let subject = Subject {
        text: &residuals.text,
        parameters: &residuals.parameters,
        columns: &[],
        loss: &Loss::Squares,
        options: &options,
        rows: residuals.count(),
        skipped: 0,
        labels: &vec![String::new(); fits.len()],
        statuses: &ends.statuses,
    };
    write(&Report { arguments, subject, fits: &fits, device: engine.name(), precision, seconds }, language, out)
}

fn tell(report: &Report<'_>, language: Language) {
    if !report.arguments.function.quiet {
        eprint!("{}", report.summary(language));
    }
}

fn write(report: &Report<'_>, language: Language, mut out: Output) -> Result<(), Failure> {
    tell(report, language);
    match language {
        Language::Text => report.write_text(&mut out)?,
        Language::Json => gradfield::files::write_json(&mut out, &report.document())?,
        Language::Csv => report.write_csv(&mut out)?,
        Language::Npz => report.write_npz(&mut out)?,
    }
    out.finish()?;
    report.verdict()
}
