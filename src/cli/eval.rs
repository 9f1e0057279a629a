//! `gradfield eval`: value and gradient at points.

use super::Failure;
use super::engine::choose;
use super::language::Language;
use super::options::{Compute, Function, check_names, digits, example, given_points};
use clap::Args;
use gradfield::bench::Demand;
use gradfield::field::{Field, tape_of};
use gradfield::files::{self, Column, Output};
use gradfield::points::{Points, Values};
use gradfield::{Expression, Precision};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// What `--format` may be.
const LANGUAGES: [Language; 3] = [Language::Text, Language::Csv, Language::Json];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// A point, such as x=1,y=2, or -2.5 for all variables (repeatable)
    #[arg(long, value_name = "NAME=NUMBER,...", allow_hyphen_values = true)]
    at: Vec<String>,
    /// Points from a CSV file with a header line, or a .npy array; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    points: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    /// Where to write (default: standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// text, csv or json (default: by the name's ending, .txt .csv .json; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let format = Language::of(&arguments.output, arguments.format.as_deref(), &LANGUAGES)?;
    // A handful of values is asked for exactly: f64 unless told otherwise.
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let points = points(arguments, &expression, precision)?;
    if format == Language::Csv || (format == Language::Text && points.len() != 1) {
        check_names(expression.variables(), &["f"])?;
    }
    let outputs = expression.gradient()?;
    let demand = Demand::grid(&tape_of(&outputs), points.len() as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let field = Field::evaluate(&outputs, points, engine.as_ref(), precision)?;
    match format {
        Language::Text if arguments.points.is_some() => write_csv(&mut out, &field, expression.variables())?,
        Language::Text => write_text(&mut out, &field, expression.variables())?,
        Language::Csv => write_csv(&mut out, &field, expression.variables())?,
        Language::Json | Language::Npz => files::write_json(&mut out, &document(&field))?,
    }
    out.finish()?;
    Ok(())
}

fn points(arguments: &Arguments, expression: &Expression, precision: Precision) -> Result<Points, Failure> {
    let variables = expression.variables();
    if let Some(path) = &arguments.points {
        return Ok(files::read_points(path, variables)?);
    }
    match (variables.is_empty(), arguments.at.is_empty()) {
        (true, true) => Ok(Points::columns(Vec::new())),
        (true, false) => {
            let text = expression.text();
            Err(Failure::usage(format!("--at: `{text}` has no variables, so it has no points; leave --at out")))
        }
        (false, true) => {
            let example = example(variables);
            Err(Failure::usage(format!("where? give a point as --at {example}, or --points FILE.csv")))
        }
        (false, false) => Ok(Points::columns(given_points("--at", &arguments.at, variables, precision)?)),
    }
}

/// One point: a line for each output. Several: a table.
fn write_text(out: &mut Output, field: &Field, variables: &[String]) -> Result<(), Failure> {
    if field.points.len() != 1 {
        return write_csv(out, field, variables);
    }
    for (name, column) in field.names.iter().zip(&field.columns) {
        let value = digits(column, 0);
        writeln!(out, "{name} = {value}").map_err(files::FileError::from)?;
    }
    Ok(())
}

/// The variables, f, then the partial derivatives; coordinates as the engine saw them.
fn write_csv(out: &mut Output, field: &Field, variables: &[String]) -> Result<(), Failure> {
    let Points::Columns { columns, .. } = &field.points else { return Ok(()) };
    let header: Vec<String> = variables.iter().chain(&field.names).cloned().collect();
    let precision = field.columns[0].precision();
    let coordinates: Vec<Values> = columns.iter().map(|column| column.part(precision, 0..column.len())).collect();
    let all: Vec<Column<'_>> =
        coordinates.iter().map(Column::from).chain(field.columns.iter().map(Column::from)).collect();
    Ok(files::write_csv(out, &header, &all)?)
}

/// `[{"x": [...], "f": v, "gradient": [...]}]`; JSON has no NaN and no infinity: they become null.
fn document(field: &Field) -> Vec<Row> {
    let numbers = |column: &Values, k: usize| match column {
        Values::F32(values) => Number::F32(values[k]),
        Values::F64(values) => Number::F64(values[k]),
    };
    let precision = field.columns[0].precision();
    let row = |k: usize| Row {
        x: field.points.point(k).iter().map(|v| numbers(&Values::from_f64(precision, &[*v]), 0)).collect(),
        f: numbers(&field.columns[0], k),
        gradient: field.columns[1..].iter().map(|column| numbers(column, k)).collect(),
    };
    (0..field.points.len()).map(row).collect()
}

/// A point in the report.
#[derive(Serialize)]
struct Row {
    x: Vec<Number>,
    f: Number,
    gradient: Vec<Number>,
}

/// A number with the digits that its own format needs.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    F32(f32),
    F64(f64),
}
