//! `gradfield descend`: particles that follow a rule, and their paths.

use super::engine::choose;
use super::options::{Compute, Function, coordinates, number, ranges};
use super::{Failure, paths};
use clap::Args;
use gradfield::descent::{self, Plan, Rule, Trail, rules, starts};
use gradfield::files::{self, Column, CsvWriter, Format, Output};
use gradfield::{Expression, Precision, Values};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// A start, such as x=-8,y=2, or -8 for all variables (repeatable)
    #[arg(long = "from", value_name = "NAME=NUMBER,...", allow_hyphen_values = true)]
    from: Vec<String>,
    /// Starts from a CSV file with a header line, or a .npy array; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    points: Option<PathBuf>,
    /// So many random starts, even over --range
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "points"])]
    starts: Option<usize>,
    /// Range of a variable for random starts and for the picture (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// gd, momentum, adam, or a formula such as "v = 0.9 v - 0.01 g; x = x + v"
    #[arg(long, default_value = "gd")]
    rule: String,
    /// Learning rate (default: 0.01)
    #[arg(long, allow_hyphen_values = true)]
    lr: Option<String>,
    /// Another hyper-parameter, such as beta=0.8 (repeatable); for a rule of your own, any it names
    #[arg(long = "param", value_name = "NAME=NUMBER", allow_hyphen_values = true)]
    parameters: Vec<String>,
    /// Steps
    #[arg(long, default_value = "100")]
    steps: u64,
    /// Record every N steps; 0 records start and end (default: every step while that is under a million rows)
    #[arg(long, value_name = "N")]
    every: Option<u64>,
    /// Climb to a maximum
    #[arg(long)]
    pub(super) maximize: bool,
    /// Seed of the random starts
    #[arg(long, default_value = "0")]
    seed: u64,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// Pixels of a picture, such as 800x700
    #[arg(long)]
    pub(super) size: Option<String>,
    /// Title of a picture (default: the function)
    #[arg(long)]
    pub(super) title: Option<String>,
    /// Where to write: .csv, .npz or .png (default: CSV to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// csv, npz or png (default: by the name's ending)
    #[arg(long)]
    format: Option<String>,
}

/// Rows of a record up to which every step is kept.
const ROWS: u64 = 1_000_000;
/// Particles whose every step a picture shows.
const PATHS: usize = 200;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let format = format(arguments)?;
    let precision = arguments.compute.precision.map_or(Precision::F32, Precision::from);
    let starts = starts_of(arguments, &expression)?;
    let plan = plan(arguments, starts[0].len(), format)?;
    let work = starts[0].len().saturating_mul(plan.steps as usize);
    let engine = choose(&arguments.compute, work, arguments.function.quiet)?;
    if format == Format::Png && expression.variables().len() > 2 {
        return Err(Failure::usage(format!(
            "a picture has one or two variables, this function has {}; write .csv or .npz",
            expression.variables().len()
        )));
    }
    let mut out = Output::create(&arguments.output)?;
    let bar = super::progress::bar(plan.steps, "steps", arguments.function.quiet);
    let trail = descent::run(&expression, &plan, &starts, engine.as_ref(), precision, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    if !arguments.function.quiet {
        summarise(&expression, &trail, arguments.maximize);
    }
    match format {
        Format::Png => paths::draw(arguments, &expression, &trail, engine.as_ref(), precision, &mut out)?,
        Format::Npz => write_npz(&mut out, &expression, &trail)?,
        _ => write_csv(&mut out, &expression, &trail)?,
    }
    out.finish()?;
    Ok(())
}

fn format(arguments: &Arguments) -> Result<Format, Failure> {
    let allowed = [Format::Csv, Format::Npz, Format::Png];
    let given = super::options::format("--format", arguments.format.as_deref(), &allowed)?;
    match given {
        None if arguments.output.as_os_str() == "-" => Ok(Format::Csv),
        given => Ok(Format::of(&arguments.output, given, &allowed)?),
    }
}

/// One column of starts per variable.
fn starts_of(arguments: &Arguments, expression: &Expression) -> Result<Vec<Vec<f64>>, Failure> {
    let variables = expression.variables();
    if variables.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` has no variables, so there is nothing to descend on",
            expression.text()
        )));
    }
    if let Some(path) = &arguments.points {
        let points = files::read_points(path, variables)?;
        return Ok((0..variables.len()).map(|v| (0..points.len()).map(|k| points.point(k)[v]).collect()).collect());
    }
    if let Some(count) = arguments.starts {
        if count == 0 {
            return Err(Failure::usage("--starts: 0 particles have nowhere to go; take at least 1"));
        }
        gradfield::field::check_size(count as f64, variables.len() * 4, Precision::F64)?;
        return Ok(starts::uniform_box(arguments.seed, count, &ranges(&arguments.ranges, variables)?));
    }
    if arguments.from.is_empty() {
        let example: Vec<String> = variables.iter().map(|name| format!("{name}=1")).collect();
        return Err(Failure::usage(format!(
            "where from? give a start as --from {}, or --starts 1000, or --points FILE.csv",
            example.join(",")
        )));
    }
    let mut columns = vec![Vec::new(); variables.len()];
    for text in &arguments.from {
        let point = coordinates("--from", std::slice::from_ref(text), variables)?;
        for ((column, value), name) in columns.iter_mut().zip(point).zip(variables) {
            column.push(value.ok_or_else(|| Failure::usage(format!("--from {text}: no value for `{name}`")))?);
        }
    }
    Ok(columns)
}

fn plan(arguments: &Arguments, particles: usize, format: Format) -> Result<Plan, Failure> {
    let mut parameters = Vec::new();
    for text in &arguments.parameters {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--param {text}: write a name and a number, as in --param beta=0.8"))
        })?;
        parameters.push((name.trim().to_string(), number("--param", value)?));
    }
    if let Some(lr) = &arguments.lr {
        parameters.push(("lr".to_string(), number("--lr", lr)?));
    }
    let rule = match rules::by_name(&arguments.rule) {
        Some(row) => {
            let mut rule = Rule::of(row)?;
            parameters.iter().try_for_each(|(name, value)| rule.set(name, *value))?;
            rule
        }
        None if arguments.rule.contains('=') => {
            if !parameters.iter().any(|(name, _)| name == "lr") {
                parameters.push(("lr".to_string(), 0.01));
            }
            Rule::parse("own", &arguments.rule, parameters)?
        }
        None => {
            let known: Vec<&str> = rules::TABLE.iter().map(|row| row.name).collect();
            return Err(Failure::usage(format!(
                "--rule: `{}` is neither a rule ({}) nor a formula such as \"x = x - lr g\"",
                arguments.rule,
                known.join(", ")
            )));
        }
    };
    let all = arguments.steps.saturating_mul(particles as u64);
    let every = match arguments.every {
        Some(every) => every,
        // A picture shows paths of a few particles; of many only where they end.
        None if format == Format::Png && particles > PATHS => 0,
        None if all <= ROWS => 1,
        None => 0,
    };
    Ok(Plan { rule, steps: arguments.steps, every, maximize: arguments.maximize })
}

/// One line on standard error: the best end and how many are lost.
fn summarise(expression: &Expression, trail: &Trail, maximize: bool) {
    let (Some(values), Some(positions)) = (trail.values.last(), trail.positions.last()) else { return };
    let values = values.to_f64();
    let better = |a: &f64, b: &f64| if maximize { a.total_cmp(b) } else { b.total_cmp(a) };
    let best = (0..values.len()).filter(|k| values[*k].is_finite()).max_by(|a, b| better(&values[*a], &values[*b]));
    let lost = values.iter().filter(|value| !value.is_finite()).count();
    if let Some(best) = best {
        let place: Vec<String> = expression
            .variables()
            .iter()
            .zip(positions)
            .take(4)
            .map(|(name, column)| format!("{name} = {}", column.get(best)))
            .collect();
        let more = if positions.len() > 4 { ", ..." } else { "" };
        let step = trail.steps.last().copied().unwrap_or(0);
        eprintln!("after {step} steps the best f = {} at {}{more}", values[best], place.join(", "));
    }
    if lost > 0 {
        eprintln!("{lost} of {} particles ended where f is not finite; a smaller --lr may keep them", values.len());
    }
}

/// `particle, step, variables, f`: a row for each particle and recorded step, particle by particle.
fn write_csv(out: &mut Output, expression: &Expression, trail: &Trail) -> Result<(), Failure> {
    let mut header = vec!["particle".to_string(), "step".to_string()];
    header.extend(expression.variables().iter().cloned());
    header.push("f".to_string());
    let mut writer = CsvWriter::new(out, &header)?;
    let particles = trail.values.first().map_or(0, Values::len);
    let steps: Vec<i64> = trail.steps.iter().map(|step| *step as i64).collect();
    let precision = trail.values[0].precision();
    // Many particles with few records each are written in bands of particles.
    let band = ((1 << 16) / steps.len().max(1)).max(1);
    for start in (0..particles).step_by(band) {
        gradfield::backend::check_interrupt()?;
        let range = start..(start + band).min(particles);
        let gather = |value: &dyn Fn(usize, usize) -> f64| {
            let rows = range.clone().flat_map(|p| (0..steps.len()).map(move |r| (p, r)));
            Values::from_f64(precision, &rows.map(|(p, r)| value(p, r)).collect::<Vec<f64>>())
        };
        let who: Vec<i64> = range.clone().flat_map(|p| std::iter::repeat_n(p as i64, steps.len())).collect();
        let when: Vec<i64> = range.clone().flat_map(|_| steps.iter().copied()).collect();
        let mut data: Vec<Values> =
            (0..expression.variables().len()).map(|v| gather(&|p, r| trail.positions[r][v].get(p))).collect();
        data.push(gather(&|p, r| trail.values[r].get(p)));
        let columns: Vec<Column<'_>> =
            [Column::I64(&who), Column::I64(&when)].into_iter().chain(data.iter().map(Column::from)).collect();
        writer.rows(&columns)?;
    }
    Ok(writer.finish()?)
}

/// `step` (records), then each variable and `f` as (records, particles).
fn write_npz(out: &mut Output, expression: &Expression, trail: &Trail) -> Result<(), Failure> {
    let particles = trail.values.first().map_or(0, Values::len);
    let steps: Vec<i64> = trail.steps.iter().map(|step| *step as i64).collect();
    let shape = [steps.len(), particles];
    let mut writer = files::NpzWriter::new(out);
    let records = [steps.len()];
    let mut array = writer.array("step", &records, files::Kind::of(&Column::I64(&steps)))?;
    array.push(steps.as_slice())?;
    array.finish()?;
    let kind = files::Kind::of(&Column::from(&trail.values[0]));
    for (v, name) in expression.variables().iter().enumerate() {
        let mut array = writer.array(name, &shape, kind)?;
        trail.positions.iter().try_for_each(|record| array.push(&record[v]))?;
        array.finish()?;
    }
    let mut array = writer.array("f", &shape, kind)?;
    trail.values.iter().try_for_each(|values| array.push(values))?;
    array.finish()?;
    Ok(writer.finish()?)
}
