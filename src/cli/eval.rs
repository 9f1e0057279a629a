//! `gradfield eval`: value and gradient at points; with `--set a=0:1:201` for each of so many values.

use super::Failure;
use super::engine::choose;
use super::language::Language;
use super::options::{Compute, Function, check_names, digits, example, given_points};
use super::values::Moving;
use clap::Args;
use gradfield::bench::Demand;
use gradfield::field::{Field, check_size, tape_of};
use gradfield::files::{self, Column, CsvWriter, Output};
use gradfield::points::{Points, Values};
use gradfield::{Expression, Precision};
use serde::Serialize;
use std::collections::BTreeMap;
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

/// The most values of `--set a=0:1:201`.
const VALUES: usize = 1_000_000;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(values) = Moving::of(&arguments.function.sets, VALUES)? {
        return swept(arguments, &values);
    }
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

/// A row for each value and point: the values that move, then what a row has without them.
fn swept(arguments: &Arguments, values: &Moving) -> Result<(), Failure> {
    let format = Language::of(&arguments.output, arguments.format.as_deref(), &LANGUAGES)?;
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let mut out = Output::create(&arguments.output)?;
    // One engine for all: they differ in a number.
    let (mut engine, mut fields, mut variables) = (None, Vec::new(), Vec::new());
    for k in 0..values.count {
        let mut function = arguments.function.clone();
        values.fix(&mut function.sets, k);
        function.quiet |= k > 0;
        let expression = function.parse()?;
        let points = points(arguments, &expression, precision)?;
        let outputs = expression.gradient()?;
        let engine = match &mut engine {
            Some(engine) => engine,
            none => {
                check_size((points.len() * values.count) as f64, outputs.outputs.len(), precision)?;
                let demand = Demand::grid(&tape_of(&outputs), (points.len() * values.count) as f64, precision);
                none.insert(choose(&arguments.compute, &demand, arguments.function.quiet)?)
            }
        };
        fields.push(Field::evaluate(&outputs, points, engine.as_ref(), precision)?);
        variables = expression.variables().to_vec();
    }
    match format {
        Language::Json => write_swept_json(&mut out, values, &fields)?,
        _ => write_swept_csv(&mut out, values, &fields, &variables)?,
    }
    out.finish()?;
    Ok(())
}

fn write_swept_json(out: &mut Output, values: &Moving, fields: &[Field]) -> Result<(), Failure> {
    let rows = |(k, field): (usize, &Field)| {
        let set: BTreeMap<String, f64> = values.names().into_iter().zip(values.at(k)).collect();
        document(field).into_iter().map(move |row| Row { set: set.clone(), ..row })
    };
    Ok(files::write_json(out, &fields.iter().enumerate().flat_map(rows).collect::<Vec<Row>>())?)
}

fn write_swept_csv(out: &mut Output, values: &Moving, fields: &[Field], variables: &[String]) -> Result<(), Failure> {
    let names = values.names();
    let columns: Vec<&str> = names.iter().map(String::as_str).chain(["f"]).collect();
    check_names(variables, &columns)?;
    let header = names.iter().chain(variables).chain(&fields[0].names).cloned().collect::<Vec<String>>();
    let mut writer = CsvWriter::new(out, &header)?;
    for (k, field) in fields.iter().enumerate() {
        let mut columns: Vec<Values> =
            values.at(k).into_iter().map(|value| Values::F64(vec![value; field.points.len()])).collect();
        columns.extend(coordinates(field));
        columns.extend(field.columns.iter().cloned());
        writer.rows(&columns.iter().map(Column::from).collect::<Vec<Column<'_>>>())?;
    }
    Ok(writer.finish()?)
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
    let header: Vec<String> = variables.iter().chain(&field.names).cloned().collect();
    let coordinates = coordinates(field);
    let all: Vec<Column<'_>> =
        coordinates.iter().map(Column::from).chain(field.columns.iter().map(Column::from)).collect();
    Ok(files::write_csv(out, &header, &all)?)
}

/// The points, a column for each variable.
fn coordinates(field: &Field) -> Vec<Values> {
    let Points::Columns { columns, .. } = &field.points else { return Vec::new() };
    let precision = field.columns[0].precision();
    columns.iter().map(|column| column.part(precision, 0..column.len())).collect()
}

/// `[{"x": [...], "f": v, "gradient": [...]}]`; JSON has no NaN and no infinity: they become null.
fn document(field: &Field) -> Vec<Row> {
    let numbers = |column: &Values, k: usize| match column {
        Values::F32(values) => Number::F32(values[k]),
        Values::F64(values) => Number::F64(values[k]),
    };
    let precision = field.columns[0].precision();
    let row = |k: usize| Row {
        set: BTreeMap::new(),
        x: field.points.point(k).iter().map(|v| numbers(&Values::from_f64(precision, &[*v]), 0)).collect(),
        f: numbers(&field.columns[0], k),
        gradient: field.columns[1..].iter().map(|column| numbers(column, k)).collect(),
    };
    (0..field.points.len()).map(row).collect()
}

/// A point in the report.
#[derive(Serialize)]
struct Row {
    /// The values that move.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set: BTreeMap<String, f64>,
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
