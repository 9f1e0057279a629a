//! `gradfield field`: value and gradient over a meshgrid, to a file; with what is derived from them.

use super::Failure;
use super::colours::declared;
use super::engine::{choose, source};
use super::options::{Compute, Function, check_names, grid};
use clap::Args;
use gradfield::bench::Demand;
use gradfield::derived::{self, Part, component_names};
use gradfield::expr::{Context, Outputs};
use gradfield::field::{Field, output_names, tape_of};
use gradfield::files::{self, Array, Column, CsvWriter, Format, Output};
use gradfield::points::{Points, Values};
use gradfield::{Expression, Precision};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// EXPR is a vector field: a component for each variable, as in "-y; x"
    #[arg(long)]
    vector: bool,
    #[arg(long = "with", value_delimiter = ',', value_name = "QUANTITIES", help = help())]
    with: Vec<String>,
    /// Of --with flux: k, a number or a formula of the same variables (default: 1)
    #[arg(long, value_name = "NUMBER|FORMULA", allow_hyphen_values = true)]
    conductivity: Option<String>,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    ranges: Vec<String>,
    /// Points of the grid: one number, or one per variable as in 4096x2048 (x first)
    #[arg(long, default_value = "256", allow_hyphen_values = true)]
    size: String,
    #[command(flatten)]
    compute: Compute,
    /// Where to write: .npy, .npz or .csv; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// npy, npz or csv (default: by the name's ending)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse_as(arguments.vector)?;
    let format = format(arguments)?;
    let (outputs, names) = wanted(arguments, &expression)?;
    if format != Format::Npy {
        let device = (format == Format::Npz).then_some("device");
        let columns: Vec<&str> = names.iter().map(String::as_str).chain(device).collect();
        check_names(expression.variables(), &columns)?;
    }
    let precision = arguments.compute.precision.map_or(Precision::F32, Precision::from);
    let points = grid(&arguments.ranges, &arguments.size, expression.variables(), outputs.outputs.len(), precision)?;
    let demand = Demand::grid(&tape_of(&outputs), points.len() as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let field = Field { names, ..Field::evaluate(&outputs, points, engine.as_ref(), precision)? };
    match format {
        Format::Npy => write_npy(&mut out, &field)?,
        Format::Npz => {
            write_npz(&mut out, &field, expression.variables(), &source(engine.as_ref(), precision))?;
        }
        _ => write_csv(&mut out, &field, expression.variables())?,
    }
    out.finish()?;
    Ok(())
}

/// The help text of `--with`.
fn help() -> String {
    let row = |row: &derived::Quantity| {
        let of = if row.of_vectors { ", of a vector field" } else { "" };
        format!("{} ({}{of})", row.name, row.about)
    };
    format!("What else, derived exactly: {}", derived::TABLE.iter().map(row).collect::<Vec<String>>().join("; "))
}

/// The outputs and their names: f and its gradient, or the speed and the components; then what `--with` asks for.
fn wanted(arguments: &Arguments, expression: &Expression) -> Result<(Outputs, Vec<String>), Failure> {
    let variables = expression.variables();
    let mut parts: Vec<Part> = Vec::new();
    for name in &arguments.with {
        let row = derived::by_name(name.trim()).filter(|row| row.is_of(expression));
        let all = row.ok_or_else(|| unknown(name, expression))?.parts(variables);
        // A quantity asked for twice is there once.
        parts.extend(all.into_iter().filter(|part| !parts.contains(part)).collect::<Vec<Part>>());
    }
    let mut names = if expression.is_vector() {
        std::iter::once("speed".to_string()).chain(component_names(variables)).collect()
    } else {
        output_names(variables, 1 + variables.len())
    };
    names.extend(parts.iter().map(|part| part.name.clone()));
    let conductivity = conductivity(arguments, expression)?;
    Ok((derived::outputs(expression, &parts, conductivity.as_ref())?, names))
}

fn unknown(name: &str, expression: &Expression) -> Failure {
    let what = if expression.is_vector() { "vector field" } else { "function" };
    let known: Vec<&str> = derived::TABLE.iter().filter(|row| row.is_of(expression)).map(|row| row.name).collect();
    let way = match derived::by_name(name.trim()) {
        Some(row) if row.of_vectors && !expression.is_vector() => "; that is of a vector field, given with --vector",
        _ => "",
    };
    let n = expression.variables().len();
    Failure::usage(format!(
        "--with: there is no `{name}` of a {what} of {n} variables{way}; there are: {}",
        known.join(", ")
    ))
}

/// The conductivity, a function of the same variables.
fn conductivity(arguments: &Arguments, expression: &Expression) -> Result<Option<Expression>, Failure> {
    let Some(text) = &arguments.conductivity else { return Ok(None) };
    if !arguments.with.iter().any(|name| name.trim() == "flux") {
        return Err(Failure::usage("--conductivity is for --with flux; add that, or take it away"));
    }
    let context = Context { variables: Some(declared(expression.variables().iter().cloned())), ..Context::default() };
    let parsed = Expression::parse_with(text, &context);
    Ok(Some(parsed.map_err(|error| Failure::usage(format!("--conductivity: {error}")))?))
}

fn format(arguments: &Arguments) -> Result<Format, Failure> {
    let allowed = [Format::Npz, Format::Npy, Format::Csv];
    let given = super::options::format("--format", arguments.format.as_deref(), &allowed)?;
    Ok(Format::of(&arguments.output, given, &allowed)?)
}

/// One array of shape (1 + n, ...): f, then the partial derivatives, or the speed and the components; then what is derived.
fn write_npy(out: &mut Output, field: &Field) -> Result<(), Failure> {
    let shape: Vec<usize> = std::iter::once(field.columns.len()).chain(field.points.shape()).collect();
    let kind = files::Kind::of(&Column::from(&field.columns[0]));
    let mut writer = files::NpyWriter::new(out, &shape, kind)?;
    field.columns.iter().try_for_each(|column| writer.push(column))?;
    Ok(writer.finish()?)
}

/// The axes by the variables' names, then `f`, `df_dx`, ... each in the shape of the meshgrid; `device`, what computed
/// them.
fn write_npz(out: &mut Output, field: &Field, variables: &[String], source: &str) -> Result<(), Failure> {
    let Points::Grid(axes) = &field.points else { return Ok(()) };
    let precision = field.columns[0].precision();
    let axes: Vec<Values> = axes.iter().map(|axis| Values::from_f64(precision, axis)).collect();
    let shape = field.points.shape();
    let axes = variables.iter().zip(&axes).map(|(name, axis)| Array::new(name.as_str(), &[axis.len()], axis));
    let columns = field.names.iter().zip(&field.columns);
    let columns = columns.map(|(name, column)| Array::new(name.replace('/', "_"), &shape, column));
    let source = [source];
    let device = Array::new("device", &[], Column::Text(&source));
    let arrays: Vec<Array<'_>> = axes.chain(columns).chain([device]).collect();
    Ok(files::write_npz(out, &arrays)?)
}

/// A row per point: the variables, f, the partial derivatives; in bands, so that no column of coordinates is held.
fn write_csv(out: &mut Output, field: &Field, variables: &[String]) -> Result<(), Failure> {
    const BAND: usize = 1 << 16;
    let header: Vec<String> = variables.iter().chain(&field.names).cloned().collect();
    let mut writer = CsvWriter::new(out, &header)?;
    let precision = field.columns[0].precision();
    for start in (0..field.points.len()).step_by(BAND) {
        gradfield::backend::check_interrupt()?;
        let end = (start + BAND).min(field.points.len());
        let points: Vec<Vec<f64>> = (start..end).map(|k| field.points.point(k)).collect();
        let coordinate = |variable: usize| {
            Values::from_f64(precision, &points.iter().map(|point| point[variable]).collect::<Vec<f64>>())
        };
        let coordinates: Vec<Values> = (0..variables.len()).map(coordinate).collect();
        let parts = field.columns.iter().map(|column| match column {
            Values::F32(values) => Column::F32(&values[start..end]),
            Values::F64(values) => Column::F64(&values[start..end]),
        });
        let columns: Vec<Column<'_>> = coordinates.iter().map(Column::from).chain(parts).collect();
        writer.rows(&columns)?;
    }
    Ok(writer.finish()?)
}
