//! `gradfield minimize`: very many starts, and the table of the distinct minima in which they end.

mod arguments;
mod checkpoint;
mod data;
mod ends;
mod gathered;
mod hops;
mod merge;
mod records;
mod session;
mod stops;
mod swept;
mod table;
mod task;

pub(crate) use arguments::Arguments;
use arguments::check_columns;
pub(crate) use merge::{Arguments as MergeArguments, run as merge};
pub(crate) use task::{method, tolerance};

use super::Failure;
use super::engine::{choose, processor};
use super::language::Language;
use super::values::Moving;
use checkpoint::{Checkpoint, Identity, State};
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::descent::{Basins, Ends, Searcher};
use gradfield::files::Output;
use gradfield::{Expression, Precision};
use records::{Found, Run, Shards};
use session::Session;
use std::time::{Duration, Instant};
use task::Task;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.data.data {
        return data::run(arguments, path);
    }
    if let Some(values) = Moving::of(&arguments.function.sets, swept::VALUES)? {
        return swept::run(arguments, &values);
    }
    let language = arguments.language()?;
    let expression = arguments.function.parse()?;
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    check_columns(language, expression.variables())?;
    let task = Task::of(arguments, &expression, precision, language)?;
    let particles = task.particles();
    let count = (particles.end - particles.start) as f64;
    let demand = demand(&task, &expression, count, precision)?;
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let run = Run::of(arguments, &expression, &task, precision);
    let mut checkpoint = checkpoint(arguments, &run, &task, engine.as_ref(), language)?;
    let state = state(arguments, &task, checkpoint.as_ref(), precision, language)?;
    let cpu = processor(&arguments.compute)?;
    let (before, begin) = (state.elapsed, Instant::now());
    let mut searcher = Searcher::new(&expression, task.search.clone(), engine.as_ref(), precision)?;
    let mut session =
        Session { task: &task, expression: &expression, cpu: &cpu, state, quiet: arguments.function.quiet };
    let stopped = session.run(&mut searcher, checkpoint.as_mut())?;
    let (minima, hopped) = session.conclusion(&run, stopped)?;
    let found = Found {
        run,
        shards: shards(&task),
        device: engine.name(),
        seconds: (before + begin.elapsed()).as_secs_f64(),
        stops: task.stops.any().then_some((task.stops, stopped)),
        hopped,
        basins: &session.state.basins,
        minima: &minima,
    };
    let kept = session.state.kept.as_deref().unwrap_or(&[]);
    conclude(arguments, &expression, &found, language, kept, &mut out, engine.as_ref())?;
    out.finish()?;
    checkpoint.into_iter().for_each(Checkpoint::remove);
    Ok(())
}

/// What so many starts ask of an engine.
fn demand(task: &Task, expression: &Expression, count: f64, precision: Precision) -> Result<Demand, Failure> {
    let (tape, steps) = task.search.outlook(expression, precision)?;
    Ok(Demand::steps(&tape, count, steps as f64, precision))
}

fn shards(task: &Task) -> Option<Shards> {
    task.shard.map(|(shard, of)| Shards { of, held: vec![shard] })
}

/// The file of `--checkpoint`.
fn checkpoint(
    arguments: &Arguments,
    run: &Run,
    task: &Task,
    engine: &dyn Backend,
    language: Language,
) -> Result<Option<Checkpoint>, Failure> {
    let Some(path) = &arguments.checkpoint else { return Ok(None) };
    let identity = Identity {
        gradfield: env!("CARGO_PKG_VERSION").to_string(),
        run: run.clone(),
        shards: shards(task),
        device: engine.name(),
        fast_math: arguments.compute.fast_math,
        target: task.stops.target,
        until_covered: task.stops.covered,
        ends: language == Language::Npz,
    };
    Ok(Some(Checkpoint::new(path, &arguments.output, identity)?))
}

/// Where the run begins: at its first particle, or where a checkpoint stands, which is told.
fn state(
    arguments: &Arguments,
    task: &Task,
    checkpoint: Option<&Checkpoint>,
    precision: Precision,
    language: Language,
) -> Result<State, Failure> {
    let empty = || Basins::new(&task.ranges, precision, task.search.maximize);
    let particles = task.particles();
    let old = checkpoint.map(|checkpoint| checkpoint.read(empty(), precision, particles.clone())).transpose()?;
    let Some(state) = old.flatten() else {
        let kept = (language == Language::Npz).then(Vec::new);
        return Ok(State { basins: empty(), kept, done: particles.start, elapsed: Duration::ZERO });
    };
    if let (Some(path), false) = (&arguments.checkpoint, arguments.function.quiet) {
        let (path, done) = (path.display(), state.basins.particles());
        eprintln!("note: {path} holds {done} starts; the run goes on from there");
    }
    Ok(state)
}

/// Writes what was found, and says how the run went.
fn conclude(
    arguments: &Arguments,
    expression: &Expression,
    found: &Found<'_>,
    language: Language,
    kept: &[Ends],
    out: &mut Output,
    engine: &dyn Backend,
) -> Result<(), Failure> {
    if !arguments.function.quiet {
        eprint!("{}", table::summary(found, expression.variables(), language));
    }
    match language {
        Language::Text => table::write(found.minima, expression.variables(), out),
        Language::Csv => records::write_csv(found.minima, expression.variables(), out),
        Language::Json => Ok(gradfield::files::write_json(out, &found.document())?),
        Language::Npz => ends::write(found, expression.variables(), kept, engine, out),
    }
}
