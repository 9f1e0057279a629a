//! Where the particles of `gradfield descend` start.
//!
//! Flows in: `--from`, `--points`, `--starts` with `--sampling` and `--range`. Flows out: starts, or what draws them. Who
//! should not use it: `minimize`, whose starts come in batches.

use super::Arguments;
use crate::cli::Failure;
use crate::cli::options::{example, given_points, ranges};
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::field::{FieldError, check_size};
use gradfield::{Expression, Precision, files};

/// Where particles start.
pub(crate) enum Source {
    /// One column per variable.
    Given(Vec<Vec<f64>>),
    Sampled(Starts),
}

/// One column of starts per variable.
pub(super) fn all(
    arguments: &Arguments,
    expression: &Expression,
    precision: Precision,
) -> Result<Vec<Vec<f64>>, Failure> {
    match source_of(arguments, expression, precision)? {
        Source::Given(columns) => Ok(columns),
        Source::Sampled(starts) => {
            check_starts(starts.len(), expression.variables().len())?;
            Ok(starts.part(0..starts.len()))
        }
    }
}

/// What --from, --points or --starts say.
pub(crate) fn source_of(
    arguments: &Arguments,
    expression: &Expression,
    precision: Precision,
) -> Result<Source, Failure> {
    let variables = expression.variables();
    let ranges = ranges(&arguments.ranges, variables, precision)?;
    if variables.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` has no variables, so there is nothing to descend on",
            expression.text()
        )));
    }
    if let Some(path) = &arguments.points {
        let points = files::read_points(path, variables)?;
        let column = |v: usize| (0..points.len()).map(|k| points.point(k)[v]).collect();
        return Ok(Source::Given((0..variables.len()).map(column).collect()));
    }
    if let Some(count) = arguments.starts {
        return Ok(Source::Sampled(spread(arguments, count, ranges)?));
    }
    if arguments.from.is_empty() {
        return Err(Failure::usage(format!(
            "where from? give a start as --from {}, or --starts 1000, or --points FILE.csv",
            example(variables)
        )));
    }
    Ok(Source::Given(given_points("--from", &arguments.from, variables, precision)?))
}

/// `count` starts in the ranges, as --sampling says.
fn spread(arguments: &Arguments, count: usize, ranges: Vec<(f64, f64)>) -> Result<Starts, Failure> {
    if count == 0 {
        return Err(Failure::usage("--starts: 0 particles have nowhere to go; take at least 1"));
    }
    let sampling =
        Sampling::by_name(&arguments.sampling).map_err(|error| Failure::usage(format!("--sampling: {error}")))?;
    let starts = Starts::new(sampling, arguments.seed, count as u64, ranges)?;
    if let Some(cells) = starts.cells().filter(|_| starts.len() < count as u64 && !arguments.function.quiet) {
        let cells = cells.first().copied().unwrap_or(1);
        eprintln!("note: --starts {count}: the grid has {} points, {cells} along each variable", starts.len());
    }
    Ok(starts)
}

/// Refuses more than memory holds.
fn check_starts(count: u64, variables: usize) -> Result<(), Failure> {
    // Starts, positions and values on record, state: some four numbers a coordinate.
    check_size(count as f64, variables * 4, Precision::F64).map_err(|error| match error {
        FieldError::Memory { need, have, .. } => Failure::Run(format!(
            "--starts: {count} particles take about {need}, more than the {have} of memory here; take fewer, and \
             more with another --seed"
        )),
        other => other.into(),
    })
}
