//! `gradfield verify`: an engine against the reference and its bound.

use super::engine::choose;
use super::options::{Compute, Function, grid};
use super::rule::{Constants, rule};
use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::backend::{Backend, Steps};
use gradfield::bench::Demand;
use gradfield::descent::{CLOCK, Fused};
use gradfield::expr::Outputs;
use gradfield::field::{check_size, output_names, tape_of};
use gradfield::probe::{Measured, Measurement};
use gradfield::tape::Tape;
use gradfield::verify::{OutputReport, Report, verify, verify_steps};
use gradfield::{Expression, Points, Precision, Values, files};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true, conflicts_with = "points")]
    ranges: Vec<String>,
    /// Points of the grid: one number, or one per variable as in 512x256 (x first)
    #[arg(long, default_value = "256", allow_hyphen_values = true, conflicts_with = "points")]
    size: String,
    /// Points instead of a grid: a .csv with the variables' names as header, or a .npy of shape (n, d); - is stdin
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// Check single steps of a descent, from the points on: a rule's name or a formula (see `descend --help`)
    #[arg(long)]
    rule: Option<String>,
    #[command(flatten)]
    constants: Constants,
    /// Steps to check
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true, requires = "rule",
          value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// The steps climb to a maximum
    #[arg(long, requires = "rule")]
    maximize: bool,
    #[command(flatten)]
    compute: Compute,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Text,
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let outputs = expression.gradient()?;
    let precision = arguments.compute.precision.map_or(Precision::F32, Precision::from);
    let points = points(arguments, &expression, outputs.outputs.len(), precision)?;
    let work = Work::of(arguments, &expression, &outputs)?;
    let engine = choose(&arguments.compute, &work.demand(points.len(), precision), arguments.function.quiet)?;
    let measured = Measured::of(&work.tape, engine.as_ref(), precision)?;
    // Where an operation is plainly wrong, its measured error must not excuse it.
    let believed: &dyn Backend = if measured.believable() { &measured } else { engine.as_ref() };
    let report = work.check(&points, believed, precision)?;
    let (inputs, device) = (work.inputs(), engine.describe());
    let finding = Finding { expression: &expression, inputs, device, precision, points, measured, report };
    match arguments.format {
        Language::Text => say(&finding.text())?,
        Language::Json => say_json(&finding.document())?,
    }
    if finding.passed() { Ok(()) } else { Err(Failure::Verify) }
}

/// The seed of the noise, for a rule that has some.
const SEED: u64 = 0;

/// What is checked: f and its gradient, or the steps of a rule.
struct Work {
    tape: Tape,
    names: Vec<String>,
    steps: Option<(Fused, Steps)>,
}

impl Work {
    fn of(arguments: &Arguments, expression: &Expression, outputs: &Outputs) -> Result<Work, Failure> {
        let Some(text) = &arguments.rule else {
            arguments.constants.refuse("--rule")?;
            let names = output_names(expression.variables(), outputs.outputs.len());
            return Ok(Work { tape: tape_of(outputs), names, steps: None });
        };
        if expression.variables().is_empty() {
            let text = expression.text();
            return Err(Failure::usage(format!("--rule: `{text}` has no variables, so there are no steps to take")));
        }
        let rule = rule(text, &arguments.constants)?;
        rule.check(arguments.steps)?;
        let fused = rule.fuse(outputs, arguments.maximize);
        let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count: arguments.steps };
        let mut work = Work { tape: fused.tape.clone(), names: Vec::new(), steps: Some((fused, steps)) };
        work.names = work.inputs();
        Ok(work)
    }

    /// The names of a point's coordinates.
    fn inputs(&self) -> Vec<String> {
        self.tape.inputs.iter().filter(|input| !input.uniform).map(|input| input.name.clone()).collect()
    }

    fn demand(&self, points: usize, precision: Precision) -> Demand {
        match &self.steps {
            None => Demand::grid(&self.tape, points as f64, precision),
            Some((_, steps)) => Demand::steps(&self.tape, points as f64, steps.count as f64, precision),
        }
    }

    fn check(&self, points: &Points, engine: &dyn Backend, precision: Precision) -> Result<Report, Failure> {
        let Some((fused, steps)) = &self.steps else {
            return Ok(verify(&self.tape, &self.names, points, &[], engine, precision)?);
        };
        check_size(points.len() as f64, self.names.len(), precision)?;
        let all: Vec<Vec<f64>> = (0..points.len()).map(|k| points.point(k)).collect();
        let column = |v: usize| Values::from_f64(precision, &all.iter().map(|point| point[v]).collect::<Vec<f64>>());
        let mut state = fused.state((0..points.dimension()).map(column).collect(), SEED);
        Ok(verify_steps(&self.tape, &self.names, &mut state, steps, engine, precision)?)
    }
}

fn points(
    arguments: &Arguments,
    expression: &Expression,
    outputs: usize,
    precision: Precision,
) -> Result<Points, Failure> {
    match &arguments.points {
        Some(path) => Ok(files::read_points(path, expression.variables())?),
        None => grid(&arguments.ranges, &arguments.size, expression.variables(), outputs, precision),
    }
}

/// All that is to be said.
struct Finding<'a> {
    expression: &'a Expression,
    /// The coordinates of a point: the variables, then what a rule keeps.
    inputs: Vec<String>,
    device: String,
    precision: Precision,
    points: Points,
    measured: Measured<'a>,
    report: Report,
}

/// The report as JSON.
#[derive(Serialize)]
struct Document<'a> {
    expression: &'a str,
    device: &'a str,
    precision: &'a str,
    points: usize,
    passed: bool,
    outputs: &'a [OutputReport],
    /// Each operation of the expression, measured alone on this device.
    operations: &'a [Measurement],
}

impl Finding<'_> {
    fn passed(&self) -> bool {
        self.report.passed() && self.measured.believable()
    }

    fn document(&self) -> Document<'_> {
        Document {
            expression: self.expression.text(),
            device: &self.device,
            precision: self.precision.name(),
            points: self.points.len(),
            passed: self.passed(),
            outputs: &self.report.outputs,
            operations: &self.measured.measurements,
        }
    }

    /// A line for each output, what was seen of the operations, and the verdict.
    fn text(&self) -> String {
        let mut lines = vec![
            format!("{}, {}, against the f64 reference", self.device, self.precision.name()),
            format!("{:<10} {:>12} {:>12} {:>12}  {}", "output", "worst ULP", "relative", "of bound", "at"),
        ];
        self.report.outputs.iter().for_each(|output| lines.extend(self.output(output)));
        lines.extend(self.operations());
        let verdict = match (self.report.passed(), self.measured.believable()) {
            (_, false) => "FAILED: this device computes an operation wrongly",
            (false, true) => "FAILED: an error exceeds its bound",
            (true, true) => "every error lies within its bound",
        };
        lines.push(verdict.to_string());
        lines.join("\n") + "\n"
    }

    fn output(&self, output: &OutputReport) -> Vec<String> {
        let at = output.worst_point.iter().flatten().zip(&self.inputs);
        let place: Vec<String> = at.map(|(value, name)| format!("{name}={value}")).collect();
        let row = format!(
            "{:<10} {:>12.3} {:>12.3e} {:>12.4}  {}",
            output.name,
            output.worst_ulp,
            output.worst_relative,
            output.worst_share,
            place.join(" ")
        );
        let mut lines = vec![row.trim_end().to_string()];
        if output.nonfinite > 0 {
            lines.push(format!("{:<10} points finite on one side only: {}", "", output.nonfinite));
        }
        if output.unjudged > 0 {
            let reasons = [
                (output.unjudged_range, format!("beyond {}'s range", self.precision.name())),
                (output.unjudged_reach, "where an operation promises nothing".to_string()),
                (output.unjudged_jump, "at a jump".to_string()),
                (output.unjudged_edge, "at a pole or the end of a domain".to_string()),
            ];
            let told = reasons.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}"));
            let told = told.collect::<Vec<_>>().join(", ");
            lines.push(format!("{:<10} points not judged: {} ({told})", "", output.unjudged));
        }
        lines
    }

    /// The operations that do not do what the engine promises, or of which it promises nothing.
    fn operations(&self) -> Vec<String> {
        let line = |one: &Measurement| {
            let name = one.operation;
            let found = format!("`{name}` is off by up to {:.2} ULP", one.worst_ulp);
            match (one.allowed_ulp, one.wrong.first()) {
                (None, _) => Some(format!(
                    "{found} (and by up to {:.1e} absolutely) with the driver's function; the bound reckons with twice \
                     what was measured",
                    one.worst_absolute
                )),
                (Some(_), Some(wrong)) => {
                    let (at, got, right) = (wrong.at.join(", "), &wrong.got, &wrong.expected);
                    Some(format!("`{name}` at {at} is {got} on this device; it should be {right}"))
                }
                (Some(promised), None) if !one.passed() => Some(format!(
                    "{found} on this device, at {:?}; {promised} are promised, and the bound reckons with twice what was \
                     measured unless that is plainly wrong",
                    one.at
                )),
                _ => None,
            }
        };
        self.measured.measurements.iter().filter_map(line).collect()
    }
}
