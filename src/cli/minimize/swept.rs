//! `minimize --set a=0:1:201`: the minima for each of so many values.
//!
//! Flows in: the arguments, the values. Flows out: a table with a row for each value and minimum, as text, JSON or CSV; or a
//! picture of the minima against the value. Each value has a run of its own, with the same starts.

use super::arguments::Arguments;
use super::checkpoint::State;
use super::records::{Found, Run, write_swept_csv};
use super::session::Session;
use super::table;
use super::task::Task;
use crate::cli::engine::{choose, processor, source};
use crate::cli::language::{Language, write_aligned};
use crate::cli::plot::{usual_size, write as write_picture};
use crate::cli::progress::Progress;
use crate::cli::record::Record;
use crate::cli::values::Moving;
use crate::cli::{Failure, language::number};
use gradfield::descent::{Basins, Kind, Minima, Minimum, Searcher};
use gradfield::files::{Output, write_json};
use gradfield::picture::{CURVE_COLOURS, Curve, Form, Marks, Picture, typeset, y_range};
use gradfield::{Expression, Precision};
use std::time::{Duration, Instant};

/// The most values.
pub(super) const VALUES: usize = 100_000;
/// Minima of neighbouring values nearer than this, as a share of where all lie, are of one line.
const NEAR: f64 = 0.08;

/// What was found for one value.
struct Row {
    values: Vec<f64>,
    minima: Minima,
    document: serde_json::Value,
}

pub(super) fn run(arguments: &Arguments, values: &Moving) -> Result<(), Failure> {
    if arguments.checkpoint.is_some() || arguments.shard.is_some() {
        return Err(Failure::usage("--set with several values goes without --checkpoint and --shard; take them away"));
    }
    let drawn = arguments.output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let language = if drawn { Language::Json } else { arguments.language()? };
    if language == Language::Npz {
        return Err(Failure::usage(
            "--set with several values has no ends of all particles: write .json, .csv or .png",
        ));
    }
    let mut out = Output::create(&arguments.output)?;
    let (rows, expression, source) = search(arguments, values, language)?;
    let variables = expression.variables();
    if !arguments.function.quiet {
        eprintln!("{}", summary(&rows, values));
    }
    if drawn {
        draw(&mut out, &rows, &expression, values, source, arguments.seed)?;
    } else {
        match language {
            Language::Json => write_json(&mut out, &rows.iter().map(|row| &row.document).collect::<Vec<_>>())?,
            Language::Csv => csv(&mut out, &rows, variables, values)?,
            Language::Text | Language::Npz => text(&mut out, &rows, variables, values)?,
        }
    }
    out.finish()?;
    Ok(())
}

/// A run for each value; the last function, and what it ran on.
fn search(
    arguments: &Arguments,
    values: &Moving,
    language: Language,
) -> Result<(Vec<Row>, Expression, String), Failure> {
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    let cpu = processor(&arguments.compute)?;
    let mut progress = Progress::new(arguments.function.quiet);
    let (mut engine, mut rows, mut last) = (None, Vec::new(), None);
    for k in 0..values.count {
        let mut arguments = arguments.clone();
        values.fix(&mut arguments.function.sets, k);
        // What one run would say is not said for each.
        arguments.function.quiet |= k > 0;
        let expression = arguments.function.parse()?;
        super::check_columns(language, expression.variables())?;
        let task = Task::of(&arguments, &expression, precision, language)?;
        let engine = match &mut engine {
            Some(engine) => engine,
            none => {
                let count = (task.particles().end * values.count as u64) as f64;
                let demand = super::demand(&task, &expression, count, precision)?;
                none.insert(choose(&arguments.compute, &demand, arguments.function.quiet)?)
            }
        };
        let begin = Instant::now();
        let run = Run::of(&arguments, &expression, &task, precision);
        let basins = Basins::new(&task.ranges, precision, task.search.maximize);
        let state = State { basins, kept: None, done: task.particles().start, elapsed: Duration::ZERO };
        let mut searcher = Searcher::new(&expression, task.search.clone(), engine.as_ref(), precision)?;
        let mut session = Session { task: &task, expression: &expression, cpu: &cpu, state, quiet: true };
        let stopped = session.run(&mut searcher, None)?;
        let (minima, hopped) = session.conclusion(&run, stopped)?;
        let found = Found {
            run,
            shards: None,
            device: engine.name(),
            seconds: begin.elapsed().as_secs_f64(),
            stops: task.stops.any().then_some((task.stops, stopped)),
            hopped,
            basins: &session.state.basins,
            minima: &minima,
        };
        let document = serde_json::to_value(found.document()).map_err(|error| Failure::Run(error.to_string()))?;
        rows.push(Row { values: values.at(k), minima, document });
        let share = (k + 1) as f64 / values.count as f64;
        progress.tell(share, || format!("{} of {} values", k + 1, values.count));
        let source = source(engine.as_ref(), precision);
        last = Some((expression, source));
    }
    let (expression, source) = last.ok_or_else(|| Failure::usage("--set: there is no value"))?;
    Ok((rows, expression, source))
}

/// How many minima there are.
fn summary(rows: &[Row], values: &Moving) -> String {
    let counts: Vec<usize> =
        rows.iter().map(|row| row.minima.rows.iter().filter(|row| row.kind == Kind::Minimum).count()).collect();
    let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
    let minima = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    let without = rows.iter().filter(|row| row.minima.rows.is_empty()).count();
    let without = if without > 0 { format!("; for {without} of them nothing was found") } else { String::new() };
    format!("{} values of {}: {minima} minima each{without}", rows.len(), values.names().join(", "))
}

/// The values that move, then the table of each.
fn text(out: &mut Output, rows: &[Row], variables: &[String], values: &Moving) -> Result<(), Failure> {
    let mut lines = vec![[values.names(), table::heading(variables)].concat()];
    for Row { values, minima, .. } in rows {
        let first: Vec<String> = values.iter().map(|value| number(*value)).collect();
        lines.extend(minima.rows.iter().map(|row| [first.clone(), table::row(row)].concat()));
    }
    write_aligned(&lines, out)
}

fn csv(out: &mut Output, rows: &[Row], variables: &[String], values: &Moving) -> Result<(), Failure> {
    let all = rows.iter().flat_map(|row| row.minima.rows.iter().map(|m| (row.values.as_slice(), m)));
    write_swept_csv(&all.collect::<Vec<_>>(), &values.names(), variables, out)
}

/// The minima against the first value that moves: of one variable where they lie, of several their f.
fn draw(
    out: &mut Output,
    rows: &[Row],
    expression: &Expression,
    values: &Moving,
    source: String,
    seed: u64,
) -> Result<(), Failure> {
    let alone = expression.variables().len() == 1;
    let place =
        |row: &Row, m: &Minimum| Place { at: (row.values[0], if alone { m.x[0] } else { m.f }), x: m.x.clone() };
    let drawn = |row: &Row| row.minima.rows.iter().filter(|m| m.kind != Kind::Saddle).map(|m| place(row, m)).collect();
    let places: Vec<Vec<Place>> = rows.iter().map(drawn).collect();
    let flat: Vec<f64> = places.iter().flatten().map(|place| place.at.1).collect();
    let (width, height) = usual_size(1);
    let mut picture = Picture::new(width, height);
    picture.title = typeset(&format!("minima of {}", expression.text()));
    picture.x_label.clone_from(&values.names()[0]);
    picture.y_label = if alone { expression.variables()[0].clone() } else { "f".to_string() };
    let ends = [&rows[0], &rows[rows.len() - 1]].map(|row| row.values[0]);
    picture.x_range = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    picture.y_range = y_range(&flat);
    let [lines, lonely] = branches(&places);
    let best = lowest(&places, NEAR * (picture.y_range.1 - picture.y_range.0));
    for (all, colour, label) in [(lines, 0, "minima"), (best, 1, "the lowest")] {
        let (x, y) = all.into_iter().unzip();
        picture.layers.push(Curve { x, y, colour: CURVE_COLOURS[colour], dashed: false, label: label.into() }.into());
    }
    picture.layers.push(Marks { points: lonely, form: Form::Dot, label: String::new() }.into());
    let record = Record::of(&picture, expression.text(), source, Some(seed));
    write_picture(out, &picture, &record, None, None)
}

/// A minimum in the picture, and where it lies.
#[derive(Clone)]
struct Place {
    at: (f64, f64),
    x: Vec<f64>,
}

impl Place {
    /// The largest distance along one variable.
    fn distance(&self, other: &Place) -> f64 {
        self.x.iter().zip(&other.x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }
}

/// The lowest of each value, the first; with NaN where it jumps farther than `near`.
fn lowest(places: &[Vec<Place>], near: f64) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = Vec::new();
    for here in places {
        let next = here.first().map_or((f64::NAN, f64::NAN), |place| place.at);
        if all.last().is_some_and(|last| (last.1 - next.1).abs() > near) {
            all.push((f64::NAN, f64::NAN));
        }
        all.push(next);
    }
    all
}

/// Lines from a minimum to the nearest one of the next value, with NaN where a line ends; and the minima on no line.
fn branches(places: &[Vec<Place>]) -> [Vec<(f64, f64)>; 2] {
    let all = || places.iter().flatten().flat_map(|place| place.x.iter().copied());
    let near = NEAR * (all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min));
    let (mut open, mut closed): (Vec<Vec<&Place>>, Vec<Vec<&Place>>) = Default::default();
    for here in places {
        let mut free: Vec<&Place> = here.iter().collect();
        for mut line in std::mem::take(&mut open) {
            let end = line[line.len() - 1];
            let nearest = (0..free.len()).min_by(|a, b| free[*a].distance(end).total_cmp(&free[*b].distance(end)));
            match nearest.filter(|k| free[*k].distance(end) <= near) {
                Some(k) => {
                    line.push(free.swap_remove(k));
                    open.push(line);
                }
                None => closed.push(line),
            }
        }
        open.extend(free.into_iter().map(|place| vec![place]));
    }
    closed.extend(open);
    let (lonely, lines): (Vec<_>, Vec<_>) = closed.into_iter().partition(|line| line.len() == 1);
    let broken = |line: Vec<&Place>| line.into_iter().map(|place| place.at).chain([(f64::NAN, f64::NAN)]).collect();
    [lines.into_iter().flat_map::<Vec<_>, _>(broken).collect(), lonely.concat().iter().map(|place| place.at).collect()]
}
