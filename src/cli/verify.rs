//! `gradfield verify`: an engine against the reference and its bound.

use super::engine::choose;
use super::options::{Compute, Function, grid};
use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::field::{output_names, tape_of};
use gradfield::verify::{OutputReport, Report, verify};
use serde::Serialize;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    ranges: Vec<String>,
    /// Points of the grid: one number, or one per variable as in 512x256 (x first)
    #[arg(long, default_value = "256", allow_hyphen_values = true)]
    size: String,
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
    let precision = arguments.compute.precision.map_or(gradfield::Precision::F32, gradfield::Precision::from);
    let points = grid(&arguments.ranges, &arguments.size, expression.variables(), outputs.outputs.len(), precision)?;
    let engine = choose(&arguments.compute, points.len(), arguments.function.quiet)?;
    let names = output_names(expression.variables(), outputs.outputs.len());
    let report = verify(&tape_of(&outputs), &names, &points, &[], engine.as_ref(), precision)?;
    match arguments.format {
        Language::Text => say(&table(&report, expression.variables(), &engine.describe(), precision.name()))?,
        Language::Json => {
            say_json(&Document {
                expression: expression.text(),
                device: &engine.describe(),
                precision: precision.name(),
                points: points.len(),
                passed: report.passed(),
                outputs: &report.outputs,
            })?;
        }
    }
    if report.passed() { Ok(()) } else { Err(Failure::Verify) }
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
}

/// The report for people: a line for each output, and the verdict.
fn table(report: &Report, variables: &[String], device: &str, precision: &str) -> String {
    let mut lines = vec![
        format!("{device}, {precision}, against the f64 reference"),
        format!("{:<10} {:>12} {:>12} {:>12}  {}", "output", "worst ULP", "relative", "of bound", "at"),
    ];
    for output in &report.outputs {
        let place: Vec<String> =
            output.worst_point.iter().flatten().zip(variables).map(|(value, name)| format!("{name}={value}")).collect();
        let row = format!(
            "{:<10} {:>12.3} {:>12.3e} {:>12.4}  {}",
            output.name,
            output.worst_ulp,
            output.worst_relative,
            output.worst_share,
            place.join(" ")
        );
        lines.push(row.trim_end().to_string());
        if output.nonfinite > 0 {
            lines.push(format!("{:<10} points finite on one side only: {}", "", output.nonfinite));
        }
        if output.unjudged > 0 {
            let why = format!("beyond {precision}'s range, or at a jump");
            lines.push(format!("{:<10} points not judged ({why}): {}", "", output.unjudged));
        }
    }
    let verdict =
        if report.passed() { "every error lies within its bound" } else { "FAILED: an error exceeds its bound" };
    lines.join("\n") + "\n" + verdict + "\n"
}
