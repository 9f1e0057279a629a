//! `gradfield minimize`: very many starts, and the table of the distinct minima in which they end.

mod arguments;
mod ends;
mod merge;
mod records;
mod table;
mod task;

pub(crate) use arguments::Arguments;
pub(crate) use merge::{Arguments as MergeArguments, run as merge};

use super::Failure;
use super::engine::{choose, processor};
use super::options::Function;
use arguments::Language;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::descent::{Basins, Ends, Minima, Searcher};
use gradfield::field::tape_of;
use gradfield::files::Output;
use gradfield::{Expression, Precision};
use indicatif::ProgressBar;
use records::{Found, Run, Shards};
use std::time::{Duration, Instant};
use task::Task;

/// A run that will take longer says so at its beginning.
const LONG: f64 = 1800.0;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let language = arguments.language()?;
    let expression = arguments.function.parse()?;
    let precision = arguments.compute.precision.map_or(Precision::F64, Precision::from);
    language.check_names(expression.variables())?;
    let task = Task::of(arguments, &expression, precision, language)?;
    let particles = task.particles();
    let tape = tape_of(&expression.gradient()?);
    let count = (particles.end - particles.start) as f64;
    let demand = Demand::steps(&tape, count, task.search.steps as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut out = Output::create(&arguments.output)?;
    let begin = Instant::now();
    let mut basins = Basins::new(&task.ranges, precision, task.search.maximize);
    let mut kept: Vec<Ends> = Vec::new();
    let bar = super::progress::bar(count as u64, "starts", arguments.function.quiet);
    let mut take = |ends: Ends| -> Result<(), Failure> {
        basins.add(&ends);
        if language == Language::Npz {
            kept.push(ends);
        }
        foretell(basins.particles(), count, begin.elapsed(), &bar, arguments.function.quiet);
        Ok(())
    };
    let starts = |range| task.starts(range);
    let mut searcher = Searcher::new(&expression, task.search.clone(), engine.as_ref(), precision)?;
    searcher.run(&starts, particles, &mut take)?;
    bar.finish_and_clear();
    let cpu = processor(&arguments.compute)?;
    let minima = Minima::of(&basins, &expression, task.search.bounds.as_deref(), task.search.tolerance, &cpu)?;
    let found = Found {
        run: Run::of(arguments, &expression, &task, precision),
        shards: task.shard.map(|(shard, of)| Shards { of, held: vec![shard] }),
        device: engine.name(),
        seconds: begin.elapsed().as_secs_f64(),
        basins: &basins,
        minima: &minima,
    };
    conclude(&arguments.function, &expression, &found, language, &kept, &mut out, engine.as_ref())?;
    Ok(out.finish()?)
}

/// Moves the bar; where what is left will take long, says so once, after the first batch.
fn foretell(done: u64, all: f64, elapsed: Duration, bar: &ProgressBar, quiet: bool) {
    let first = bar.position() == 0;
    bar.set_position(done);
    let left = elapsed.as_secs_f64() * (all / done.max(1) as f64 - 1.0);
    if first && left > LONG && !quiet {
        eprintln!(
            "note: {all} starts will take some {:.1} hours here; --shard 1/16 runs a sixteenth of them, and `gradfield \
             merge` joins the shares",
            left / 3600.0
        );
    }
}

/// Writes what was found, and says how the run went.
fn conclude(
    function: &Function,
    expression: &Expression,
    found: &Found<'_>,
    language: Language,
    kept: &[Ends],
    out: &mut Output,
    engine: &dyn Backend,
) -> Result<(), Failure> {
    if !function.quiet {
        eprint!("{}", table::summary(found, expression.variables(), language));
    }
    match language {
        Language::Text => table::write(found.minima, expression.variables(), out),
        Language::Csv => records::write_csv(found.minima, expression.variables(), out),
        Language::Json => Ok(gradfield::files::write_json(out, &found.document())?),
        Language::Npz => ends::write(found, expression.variables(), kept, engine, out),
    }
}
