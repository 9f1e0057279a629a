//! `gradfield eval`: value and gradient at points.

use super::Failure;
use super::engine::choose;
use super::options::{Compute, Function, coordinates};
use clap::Args;
use gradfield::field::Field;
use gradfield::files::{self, Column, Format, Output};
use gradfield::points::Points;
use gradfield::{Expression, Precision};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// A point, such as x=1,y=2 (repeatable)
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
    /// text, csv or json (default: by the name's ending; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let format = Language::of(arguments)?;
    let points = points(arguments, &expression)?;
    // A handful of values is asked for exactly: f64 unless told otherwise.
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let outputs = expression.gradient()?;
    let engine = choose(&arguments.compute, points.len(), arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let field = Field::evaluate(&outputs, points, engine.as_ref(), precision)?;
    match format {
        Language::Text => write_text(&mut out, &field, expression.variables())?,
        Language::Csv => write_csv(&mut out, &field, expression.variables())?,
        Language::Json => files::write_json(&mut out, &document(&field))?,
    }
    out.finish()?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Text,
    Csv,
    Json,
}

impl Language {
    fn of(arguments: &Arguments) -> Result<Language, Failure> {
        match arguments.format.as_deref() {
            Some("text") => Ok(Language::Text),
            Some("csv") => Ok(Language::Csv),
            Some("json") => Ok(Language::Json),
            Some(other) => Err(Failure::usage(format!("--format: `{other}` is not one of text, csv, json"))),
            None if arguments.output.as_os_str() == "-" => Ok(Language::Text),
            None => Ok(match Format::of(&arguments.output, None, &[Format::Csv, Format::Json])? {
                Format::Json => Language::Json,
                _ => Language::Csv,
            }),
        }
    }
}

fn points(arguments: &Arguments, expression: &Expression) -> Result<Points, Failure> {
    let variables = expression.variables();
    if let Some(path) = &arguments.points {
        return Ok(files::read_points(path, variables)?);
    }
    if variables.is_empty() {
        return Ok(Points::columns(Vec::new()));
    }
    if arguments.at.is_empty() {
        let example: Vec<String> = variables.iter().map(|name| format!("{name}=1")).collect();
        return Err(Failure::usage(format!("where? give a point as --at {}, or --points FILE.csv", example.join(","))));
    }
    let mut columns = vec![Vec::new(); variables.len()];
    for text in &arguments.at {
        let point = coordinates("--at", std::slice::from_ref(text), variables)?;
        for ((column, value), name) in columns.iter_mut().zip(point).zip(variables) {
            column.push(value.ok_or_else(|| Failure::usage(format!("--at {text}: no value for `{name}`")))?);
        }
    }
    Ok(Points::columns(columns))
}

/// One point: a line for each output. Several: a table.
fn write_text(out: &mut Output, field: &Field, variables: &[String]) -> Result<(), Failure> {
    if field.points.len() != 1 {
        return write_csv(out, field, variables);
    }
    for (name, column) in field.names.iter().zip(&field.columns) {
        let value = match column {
            gradfield::Values::F32(column) => column[0].to_string(),
            gradfield::Values::F64(column) => column[0].to_string(),
        };
        writeln!(out, "{name} = {value}").map_err(files::FileError::from)?;
    }
    Ok(())
}

/// The variables, f, then the partial derivatives; coordinates as the engine saw them.
fn write_csv(out: &mut Output, field: &Field, variables: &[String]) -> Result<(), Failure> {
    let Points::Columns { columns, .. } = &field.points else { return Ok(()) };
    let header: Vec<String> = variables.iter().chain(&field.names).cloned().collect();
    let coordinates = columns.iter().map(|column| Column::from(column.as_slice()));
    let all: Vec<Column<'_>> = coordinates.chain(field.columns.iter().map(Column::from)).collect();
    Ok(files::write_csv(out, &header, &all)?)
}

/// `[{"x": [...], "f": v, "gradient": [...]}]`; JSON has no NaN and no infinity: they become null.
fn document(field: &Field) -> serde_json::Value {
    let row = |k: usize| {
        let values: Vec<f64> = field.columns.iter().map(|column| column.get(k)).collect();
        json!({"x": field.points.point(k), "f": values[0], "gradient": values[1..]})
    };
    (0..field.points.len()).map(row).collect()
}
