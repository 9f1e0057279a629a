//! `minimize --data`: the weights of a loss over the rows of a table.
//!
//! Flows in: the flags of `minimize` and [`Flags`]. Flows out: the weights of each start as a table, JSON or CSV; on request
//! the loss along the way, and a picture of what the model says beside the data.

mod curve;
mod drawing;
mod report;

use super::arguments::Arguments;
use super::task::{method, tolerance};
use crate::cli::engine::{choose, processor};
use crate::cli::language::Language;
use crate::cli::options::{fixed, given_points, missing, ranges};
use crate::cli::progress::Progress;
use crate::cli::{Failure, language};
use clap::Args;
use curve::Curve;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::files::{self, Output, TableFile};
use gradfield::table::Table;
use gradfield::training::{Objective, Plan, Prediction, TrainingError, train};
use gradfield::{Points, Precision, Values};
use report::Report;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// A table: in EXPR mean(...) and sum(...) are over its rows, its columns are data, every other name is a weight. A .csv
    /// with a header line, .npz with an array for each column, or .npy (columns c1, c2, ...); - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<PathBuf>,
    /// What to do with rows of --data where a cell is empty or no number: error, or skip (counted)
    #[arg(long, value_name = "error|skip", default_value = "error", requires = "data")]
    missing: String,
    /// Rows of a mini-batch, for a rule (default: all rows of --data at every step)
    #[arg(long, value_name = "ROWS", requires = "data")]
    batch: Option<usize>,
    /// Write the loss over all rows along the way: .csv, or a picture, .png
    #[arg(long, value_name = "FILE", requires = "data")]
    curve: Option<PathBuf>,
    /// What the trained model says of a row, such as a name that EXPR defines; drawn by --picture
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true, requires_all = ["data", "picture"])]
    predict: Option<String>,
    /// A picture of --predict over its one or two columns, with the rows: .png
    #[arg(long, value_name = "FILE", requires = "predict")]
    picture: Option<PathBuf>,
    /// Pixels of --picture, such as 800x700
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "picture", allow_hyphen_values = true)]
    size: Option<String>,
}

/// The range of starts, where nothing was said: weights begin small.
const RANGE: &str = "-1:1";
/// Records of the loss: the most; with mini-batches, the share of the time that they may take, asked for and not.
const RECORDS: u64 = 1000;
const SHARE: (f64, f64) = (0.2, 0.05);

/// What is trained on what.
struct Task {
    objective: Objective,
    prediction: Option<Prediction>,
    table: Table,
    plan: Plan,
    method: String,
    starts: Vec<Vec<f64>>,
    precision: Precision,
}

pub(super) fn run(arguments: &Arguments, path: &Path) -> Result<(), Failure> {
    refuse(arguments)?;
    let language = arguments.language()?;
    let task = Task::of(arguments, path)?;
    report::check_names(&task.objective, language)?;
    let engine = engine(arguments, &task)?;
    let mut out = Output::create(&arguments.output)?;
    let mut curve = arguments.data.curve.as_deref().map(Curve::create).transpose()?;
    let mut picture = match (&arguments.data.picture, &task.prediction) {
        (Some(path), Some(prediction)) => Some(drawing::create(path, prediction)?),
        _ => None,
    };
    let (begin, mut progress) = (Instant::now(), Progress::new(arguments.function.quiet));
    let mut record: Vec<(u64, Vec<f64>)> = Vec::new();
    let ends = train(
        &task.objective,
        &task.table,
        &task.plan,
        &task.starts,
        engine.as_ref(),
        task.precision,
        &mut |step, values| {
            let better = if task.plan.maximize { f64::max } else { f64::min };
            let best = values.iter().copied().fold(f64::NAN, better);
            progress.tell(step as f64 / task.plan.steps as f64, || format!("step {step}: {}", language::number(best)));
            if curve.is_some() {
                record.push((step, values.to_vec()));
            }
            Ok(())
        },
    )?;
    drop(progress);
    let seconds = begin.elapsed().as_secs_f64();
    let report = Report::new(arguments, &task, ends, engine.name(), seconds);
    if !arguments.function.quiet {
        eprint!("{}", report.summary(language));
    }
    report.verdict()?;
    match language {
        Language::Text | Language::Npz => report.write_text(&mut out)?,
        Language::Json => files::write_json(&mut out, &report.document())?,
        Language::Csv => report.write_csv(&mut out)?,
    }
    if let Some(curve) = &mut curve {
        curve.write(arguments, &task, &record, engine.as_ref())?;
    }
    if let (Some(out), Some(best)) = (&mut picture, report.best()) {
        drawing::draw(out, arguments, &task, best, (&processor(&arguments.compute)?, engine.as_ref()))?;
    }
    out.finish()?;
    curve.map(Curve::finish).transpose()?;
    picture.map(Output::finish).transpose()?;
    Ok(())
}

/// Flags that have no meaning here.
fn refuse(arguments: &Arguments) -> Result<(), Failure> {
    let given = [
        ("--shard", arguments.shard.is_some()),
        ("--seconds", arguments.seconds.is_some()),
        ("--target", arguments.target.is_some()),
        ("--until-covered", arguments.until_covered.is_some()),
        ("--checkpoint", arguments.checkpoint.is_some()),
        ("--hops", arguments.hops.is_some()),
        ("--samples", !arguments.function.samples.is_empty()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!("{flag} goes without --data; take one of them away")));
    }
    match arguments.language()? {
        Language::Npz => Err(Failure::usage("--data: the weights are written as .json or .csv, not .npz")),
        _ => Ok(()),
    }
}

/// The engine: slopes of all rows come back from a GPU at every step, which costs more than it saves; it is taken where it is
/// named.
fn engine(arguments: &Arguments, task: &Task) -> Result<Box<dyn Backend>, Failure> {
    let nothing =
        Demand::grid(&gradfield::field::tape_of(&gradfield::Expression::parse("0")?.value()), 0.0, task.precision);
    choose(&arguments.compute, &nothing, arguments.function.quiet)
}

impl Task {
    fn of(arguments: &Arguments, path: &Path) -> Result<Task, Failure> {
        let flags = &arguments.data;
        let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
        let (file, fixed) = (TableFile::open(path)?, fixed(&arguments.function.sets)?);
        let names = file.names().to_vec();
        let objective = Objective::parse(&arguments.function.expression, &names, &arguments.function.vars, &fixed)?;
        if !arguments.function.quiet {
            objective.notes.iter().for_each(|note| eprintln!("note: {}", note.text));
        }
        if objective.columns.is_empty() {
            return Err(Failure::usage(format!(
                "`{}` uses no column of {}: {}",
                objective.text,
                path.display(),
                names.join(", ")
            )));
        }
        check_sets(arguments, &objective, &names, &fixed)?;
        let prediction = flags.predict.as_ref().map(|text| objective.prediction(text, &names, &fixed)).transpose()?;
        let mut wanted = objective.columns.clone();
        wanted.extend(prediction.iter().flat_map(|prediction| prediction.columns.clone()));
        wanted.sort();
        wanted.dedup();
        let table = file.read(&wanted, None, missing(&flags.missing)?)?;
        let text = match (arguments.method.as_str(), flags.batch) {
            ("auto", Some(_)) => "adam",
            (text, _) => text,
        };
        let (method, name) = method(text, &arguments.constants, arguments.steps, objective.weights.len())?;
        let (starts, range) = starts(arguments, &objective, precision)?;
        let plan = Plan {
            method,
            steps: arguments.steps,
            batch: flags.batch,
            tolerance: tolerance(arguments.tol.as_deref(), precision)?,
            bounds: arguments.bounds.then(|| range.clone()),
            ranges: range,
            maximize: arguments.maximize,
            seed: arguments.seed,
            every: every(arguments, table.rows()),
        };
        Ok(Task { objective, prediction, table, plan, method: name, starts, precision })
    }
}

/// A value for a name that the objective does not use is a slip: it has the same weights without it.
fn check_sets(
    arguments: &Arguments,
    objective: &Objective,
    columns: &[String],
    fixed: &[(String, f64)],
) -> Result<(), Failure> {
    for (k, (name, _)) in fixed.iter().enumerate() {
        let mut others = fixed.to_vec();
        others.remove(k);
        let same = Objective::parse(&objective.text, columns, &arguments.function.vars, &others);
        if same.is_ok_and(|same| same.weights == objective.weights && same.columns == objective.columns) {
            return Err(Failure::usage(format!(
                "--set {name}: `{}` does not use `{name}`; take the flag away, or mend its name",
                objective.text
            )));
        }
    }
    Ok(())
}

/// How often the loss over all rows is told: always where it is known anyway.
fn every(arguments: &Arguments, rows: usize) -> u64 {
    let steps = arguments.steps;
    let records = match (arguments.data.batch, &arguments.data.curve) {
        (None, _) => RECORDS as f64,
        (Some(batch), curve) => {
            let share = if curve.is_some() { SHARE.0 } else { SHARE.1 };
            (share * steps as f64 * batch as f64 / rows.max(1) as f64).clamp(2.0, RECORDS as f64)
        }
    };
    ((steps as f64 / records).ceil() as u64).max(1)
}

/// Starts, a column for each weight, and the box that they are from.
#[expect(clippy::type_complexity, reason = "columns, and a pair for each")]
fn starts(
    arguments: &Arguments,
    objective: &Objective,
    precision: Precision,
) -> Result<(Vec<Vec<f64>>, Vec<(f64, f64)>), Failure> {
    let names = &objective.weights;
    let usual = [RANGE.to_owned()];
    let texts = if arguments.ranges.is_empty() { &usual[..] } else { &arguments.ranges };
    let range = ranges(texts, names, precision)?;
    let mut columns = match &arguments.points {
        Some(path) => match files::read_points(path, names)?.rounded(precision) {
            Points::Columns { columns, .. } => columns.iter().map(Values::to_f64).collect(),
            Points::Grid(axes) => axes,
        },
        None if !arguments.from.is_empty() => given_points("--from", &arguments.from, names, precision)?,
        None => {
            let sampling = Sampling::by_name(&arguments.sampling)
                .map_err(|error| Failure::usage(format!("--sampling: {error}")))?;
            let count = arguments.starts.unwrap_or(1);
            if count > STARTS {
                return Err(Failure::usage(format!(
                    "--starts: {count} starts of a training are more than {STARTS}; take fewer"
                )));
            }
            let starts = Starts::new(sampling, arguments.seed, count, range.clone())?;
            starts.part(0..starts.len())
        }
    };
    if arguments.bounds {
        for (column, (lo, hi)) in columns.iter_mut().zip(&range) {
            column.iter_mut().for_each(|x| *x = x.clamp(*lo, *hi));
        }
    }
    Ok((columns, range))
}

/// The most starts of a training.
const STARTS: u64 = 1 << 20;

impl From<TrainingError> for Failure {
    fn from(error: TrainingError) -> Failure {
        match error {
            TrainingError::Backend(error) => error.into(),
            TrainingError::Descent(error) => error.into(),
            other => Failure::usage(other.to_string()),
        }
    }
}
