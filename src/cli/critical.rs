//! `gradfield critical`: the critical points of a function in a box, as a table.

use super::Failure;
use super::engine::{choose, processor};
use super::language::{Language, number, write_aligned};
use super::options::{Compute, Function, check_names, ranges, size};
use clap::Args;
use gradfield::bench::Demand;
use gradfield::critical::{Continuum, Critical, CriticalError, Kind, Point, Search, Shape, find};
use gradfield::field::tape_of;
use gradfield::files::{Column, Output, write_csv, write_json};
use gradfield::{Expression, Precision};
use serde::Serialize;
use std::path::PathBuf;

/// What `--format` may be.
const LANGUAGES: [Language; 3] = [Language::Text, Language::Json, Language::Csv];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    ranges: Vec<String>,
    /// Points of the grid from which is searched, such as 512 or 512x256; a finer one tells closer points apart (default:
    /// 4096 for one variable, 256x256 for two)
    #[arg(long, value_name = "N[xM...]", allow_hyphen_values = true)]
    size: Option<String>,
    #[command(flatten)]
    compute: Compute,
    /// Where to write: .json or .csv (default: a table to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// text, json or csv (default: by the name's ending; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

/// Rows of the text; files have all.
const ROWS: usize = 200;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let language = Language::of(&arguments.output, arguments.format.as_deref(), &LANGUAGES)?;
    if language == Language::Csv {
        check_names(expression.variables(), &["f", "gradient_norm", "kind", "index"])?;
    }
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let search = search(arguments, &expression, precision)?;
    let points: f64 = search.sizes.iter().map(|size| *size as f64).product();
    let demand = Demand::grid(&tape_of(&expression.hessian()?), points, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let found = find(&expression, &search, engine.as_ref(), precision, &processor(&arguments.compute)?)?;
    if !arguments.function.quiet {
        eprint!("{}", summary(&found, &expression, &search, language));
    }
    match language {
        Language::Text => table(&found, expression.variables(), &mut out)?,
        Language::Csv => csv(&found, expression.variables(), &mut out)?,
        Language::Json | Language::Npz => {
            let document = Document::of(&found, &expression, &search, engine.name(), precision);
            write_json(&mut out, &document)?;
        }
    }
    out.finish()?;
    Ok(())
}

/// The box and the grid.
fn search(arguments: &Arguments, expression: &Expression, precision: Precision) -> Result<Search, Failure> {
    let variables = expression.variables();
    let mut search = Search::over(ranges(&arguments.ranges, variables, precision)?);
    if let Some(text) = &arguments.size {
        search.sizes = size("--size", text, variables.len())?;
    }
    Ok(search)
}

impl From<CriticalError> for Failure {
    fn from(error: CriticalError) -> Failure {
        match error {
            CriticalError::Backend(error) => error.into(),
            CriticalError::Field(error) => error.into(),
            CriticalError::Derive(error) => error.into(),
            CriticalError::Size(_) => Failure::Usage(format!("--size: {error}")),
            CriticalError::Variables { .. } | CriticalError::Crowded { .. } => Failure::Usage(error.to_string()),
        }
    }
}

/// The table: points, then lines and areas, each of which is one row.
fn table(found: &Critical, variables: &[String], out: &mut Output) -> Result<(), Failure> {
    let names = ["f", "|grad f|", "kind", "index", "eigenvalues"].map(String::from).into_iter();
    let mut lines = vec![names.chain(variables.iter().cloned()).collect::<Vec<String>>()];
    let cells = |f: f64, norm: f64, kind: &str, index: Option<i64>, eigenvalues: &[f64], x: &[f64]| {
        let small = if norm == 0.0 { "0".to_string() } else { format!("{norm:.1e}") };
        let index = index.map_or_else(|| "-".to_string(), |index| index.to_string());
        let eigenvalues = eigenvalues.iter().map(|value| short(*value)).collect::<Vec<String>>().join(" ");
        let row = [number(f), small, kind.to_string(), index, eigenvalues];
        row.into_iter().chain(x.iter().map(|x| number(*x))).collect::<Vec<String>>()
    };
    let point = |row: &Point| cells(row.f, row.gradient_norm, row.kind.name(), row.index, &row.eigenvalues, &row.x);
    let wide = |row: &Continuum| cells(row.f, row.gradient_norm, row.shape.name(), None, &row.eigenvalues, &row.x);
    lines.extend(found.points.iter().map(point).chain(found.continua.iter().map(wide)).take(ROWS));
    write_aligned(&lines, out)
}

/// Six digits.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    number(rounded)
}

/// What was found in words, where lines run, and whether the indices add up.
fn summary(found: &Critical, expression: &Expression, search: &Search, language: Language) -> String {
    let counts = Kind::ALL.map(|kind| (found.count(kind), kind.name(), kind.plural()));
    let counts = counts.into_iter().filter(|(count, _, _)| *count > 0);
    let counts: Vec<String> =
        counts.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect();
    let mut lines = Vec::new();
    let all = found.points.len();
    let s = if all == 1 { "" } else { "s" };
    if all > 0 {
        lines.push(format!("{all} critical point{s}: {}{}", counts.join(", "), check(found)));
    } else if found.continua.is_empty() {
        lines.push(format!("no critical point{}", check(found)));
    }
    lines.extend(found.continua.iter().map(|one| statement(one, expression.variables(), search)));
    let rows = all + found.continua.len();
    if language == Language::Text && rows > ROWS {
        lines.push(format!("the table shows {ROWS} of {rows} rows; -o FILE.json or .csv has all"));
    }
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

/// Whether the indices are those that the border asks for.
fn check(found: &Critical) -> String {
    match (found.index_sum(), found.turns) {
        (Some(sum), Some(turns)) if sum == turns => {
            format!("; the indices add up to {sum}, as they must by the gradient on the border")
        }
        (Some(sum), Some(turns)) => format!(
            "; the indices add up to {sum}, the gradient on the border asks for {turns}: some are missing, or f is not \
             smooth everywhere inside; a finer --size may tell"
        ),
        _ => String::new(),
    }
}

/// Where a line or an area is, as exactly as the grid shows.
fn statement(one: &Continuum, variables: &[String], search: &Search) -> String {
    let cells = search.ranges.iter().zip(&search.sizes).map(|((lo, hi), size)| (hi - lo) / (size - 1) as f64);
    let extent = variables.iter().zip(&one.extent).zip(cells).map(|((name, (lo, hi)), cell)| {
        let unit = 10f64.powf(cell.log10().ceil());
        let (lo, hi) = (short((lo / unit).round() * unit + 0.0), short((hi / unit).round() * unit + 0.0));
        if lo == hi { format!("{name} = {lo}") } else { format!("{name} = {lo} to {hi}") }
    });
    let what = match one.shape {
        Shape::Line => "a line",
        Shape::Area => "an area",
    };
    format!("{what} of critical points: f = {} at {}", short(one.f), extent.collect::<Vec<String>>().join(", "))
}

/// The variables, then `f, gradient_norm, kind, index, eigenvalue_1, ...`. A line or an area is one row; its index is empty.
fn csv(found: &Critical, variables: &[String], out: &mut Output) -> Result<(), Failure> {
    let n = variables.len();
    let row = |f, norm, x: &[f64], eigenvalues: &[f64]| -> Vec<f64> {
        x.iter().copied().chain([f, norm]).chain(eigenvalues.iter().copied()).collect()
    };
    let points = found.points.iter().map(|one| row(one.f, one.gradient_norm, &one.x, &one.eigenvalues));
    let wide = found.continua.iter().map(|one| row(one.f, one.gradient_norm, &one.x, &one.eigenvalues));
    let rows: Vec<Vec<f64>> = points.chain(wide).collect();
    let columns: Vec<Vec<f64>> = (0..2 * n + 2).map(|k| rows.iter().map(|row| row[k]).collect()).collect();
    let kinds = found.points.iter().map(|one| one.kind.name());
    let kinds: Vec<&str> = kinds.chain(found.continua.iter().map(|one| one.shape.name())).collect();
    let index = |one: &Point| one.index.map_or_else(String::new, |index| index.to_string());
    let mut indices: Vec<String> = found.points.iter().map(index).collect();
    indices.resize(rows.len(), String::new());
    let indices: Vec<&str> = indices.iter().map(String::as_str).collect();
    let numbers = |range: std::ops::Range<usize>| columns[range].iter().map(|column| Column::F64(column));
    let all: Vec<Column<'_>> = numbers(0..n + 2)
        .chain([Column::Text(&kinds), Column::Text(&indices)])
        .chain(numbers(n + 2..2 * n + 2))
        .collect();
    let names = ["f", "gradient_norm", "kind", "index"].map(String::from).into_iter();
    let eigenvalues = (1..=n).map(|k| format!("eigenvalue_{k}"));
    let header: Vec<String> = variables.iter().cloned().chain(names).chain(eigenvalues).collect();
    Ok(write_csv(out, &header, &all)?)
}

#[derive(Serialize)]
struct Document<'a> {
    expression: &'a str,
    variables: &'a [String],
    range: &'a [(f64, f64)],
    size: &'a [usize],
    device: String,
    precision: &'static str,
    /// How often the gradient turns along the border; the indices must add up to it. Null where that cannot be said.
    turns: Option<i64>,
    points: Vec<PointRecord<'a>>,
    continua: Vec<ContinuumRecord<'a>>,
}

#[derive(Serialize)]
struct PointRecord<'a> {
    x: &'a [f64],
    error: &'a [f64],
    f: f64,
    gradient_norm: f64,
    kind: &'static str,
    index: Option<i64>,
    eigenvalues: &'a [f64],
}

#[derive(Serialize)]
struct ContinuumRecord<'a> {
    shape: &'static str,
    x: &'a [f64],
    f: f64,
    gradient_norm: f64,
    eigenvalues: &'a [f64],
    extent: &'a [(f64, f64)],
}

impl<'a> Document<'a> {
    fn of(
        found: &'a Critical,
        expression: &'a Expression,
        search: &'a Search,
        device: String,
        precision: Precision,
    ) -> Document<'a> {
        let point = |one: &'a Point| PointRecord {
            x: &one.x,
            error: &one.error,
            f: one.f,
            gradient_norm: one.gradient_norm,
            kind: one.kind.name(),
            index: one.index,
            eigenvalues: &one.eigenvalues,
        };
        let wide = |one: &'a Continuum| ContinuumRecord {
            shape: one.shape.name(),
            x: &one.x,
            f: one.f,
            gradient_norm: one.gradient_norm,
            eigenvalues: &one.eigenvalues,
            extent: &one.extent,
        };
        Document {
            expression: expression.text(),
            variables: expression.variables(),
            range: &search.ranges,
            size: &search.sizes,
            device,
            precision: precision.name(),
            turns: found.turns,
            points: found.points.iter().map(point).collect(),
            continua: found.continua.iter().map(wide).collect(),
        }
    }
}
