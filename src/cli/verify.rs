//! `gradfield verify`: an engine against the reference and its bound.

use super::Failure;
use super::engine::choose;
use super::options::{Compute, Function, grid};
use clap::{Args, ValueEnum};
use gradfield::field::{output_names, tape_of};
use gradfield::verify::{Report, verify};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    ranges: Vec<String>,
    /// Points of the grid
    #[arg(long, default_value = "256")]
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
        Language::Text => print(&report, expression.variables(), &engine.describe(), precision.name()),
        Language::Json => {
            let document = serde_json::json!({
                "expression": expression.text(),
                "device": engine.describe(),
                "precision": precision.name(),
                "points": points.len(),
                "passed": report.passed(),
                "outputs": report.outputs,
            });
            println!("{document:#}");
        }
    }
    if report.passed() { Ok(()) } else { Err(Failure::Verify) }
}

fn print(report: &Report, variables: &[String], device: &str, precision: &str) {
    println!("{device}, {precision}, against the f64 reference");
    println!("{:<10} {:>12} {:>12} {:>12}  {}", "output", "worst ULP", "relative", "of bound", "at");
    for output in &report.outputs {
        let place: Vec<String> =
            output.worst_point.iter().flatten().zip(variables).map(|(value, name)| format!("{name}={value}")).collect();
        println!(
            "{:<10} {:>12.3} {:>12.3e} {:>12.4}  {}",
            output.name,
            output.worst_ulp,
            output.worst_relative,
            output.worst_share,
            place.join(" ")
        );
        if output.nonfinite > 0 {
            println!("{:<10} {} points are finite on one side only", "", output.nonfinite);
        }
        if output.unjudged > 0 {
            println!("{:<10} {} points not judged (beyond {precision}'s range, or at a jump)", "", output.unjudged);
        }
    }
    let verdict =
        if report.passed() { "every error lies within its bound" } else { "FAILED: an error exceeds its bound" };
    println!("{verdict}");
}
