//! What `minimize` is to do: the method, the starts, the share of them.

use super::arguments::Arguments;
use super::stops::Stops;
use crate::cli::Failure;
use crate::cli::language::Language;
use crate::cli::options::{given_points, number, ranges};
use crate::cli::rule::{Constants, SOLVERS, rule, solver_by_name};
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::descent::{Method, Search, rules};
use gradfield::field::{check_size, tape_of};
use gradfield::{Expression, Points, Precision, files};
use std::ops::Range;

/// Particles of one run. More are shared out.
const PARTICLES: u64 = 1 << 32;
/// Random starts where nothing was said: the fewest, the most; and instructions that an evaluation of each takes together.
const STARTS: (u64, u64) = (1000, 20_000);
const INSTRUCTIONS: u64 = 2_000_000;
/// So many times as many where something else than their number is to end the search.
const PATIENCE: u64 = 50;
/// Shares of a run.
const SHARDS: u64 = 1 << 20;

/// All of it.
pub(super) struct Task {
    pub(super) search: Search,
    /// The method by name; the formula of a rule of one's own.
    pub(super) method: String,
    /// The box of the starts.
    pub(super) ranges: Vec<(f64, f64)>,
    /// Starts of all shares.
    pub(super) all: u64,
    /// K of K/N, and N.
    pub(super) shard: Option<(u64, u64)>,
    /// What may end it earlier.
    pub(super) stops: Stops,
    /// Starts of its own, or random ones.
    starts: Source,
}

/// Where starts come from.
enum Source {
    Given(Vec<Vec<f64>>),
    Sampled(Starts),
}

impl Task {
    pub(super) fn of(
        arguments: &Arguments,
        expression: &Expression,
        precision: Precision,
        language: Language,
    ) -> Result<Task, Failure> {
        if expression.variables().is_empty() {
            return Err(Failure::usage(format!(
                "`{}` has no variables, so there is nothing to minimise; declare one with --vars x",
                expression.text()
            )));
        }
        let (method, name) =
            method(&arguments.method, &arguments.constants, arguments.steps, expression.variables().len())?;
        let stops = Stops::of(arguments, language)?;
        let box_of_starts = ranges(&arguments.ranges, expression.variables(), precision)?;
        let given = given(arguments, expression, precision, &box_of_starts)?;
        let shard = arguments.shard.as_deref().map(shard).transpose()?;
        let search = Search {
            method,
            bounds: arguments.bounds.then(|| box_of_starts.clone()),
            tolerance: tolerance(arguments.tol.as_deref(), precision)?,
            steps: arguments.steps,
            maximize: arguments.maximize,
            ranges: box_of_starts.clone(),
        };
        let (ranges, all, starts) = match given {
            Some(columns) => {
                let ranges = columns.iter().map(|c| extent(c)).collect();
                (ranges, columns[0].len() as u64, Source::Given(columns))
            }
            None => {
                let starts = sampled(arguments, &stops, expression, &box_of_starts)?;
                (box_of_starts, starts.len(), Source::Sampled(starts))
            }
        };
        let task = Task { search, method: name, ranges, all, shard, stops, starts };
        task.check(expression.variables().len(), precision, language)?;
        Ok(task)
    }

    /// Refuses no particles, and too many.
    fn check(&self, variables: usize, precision: Precision, language: Language) -> Result<(), Failure> {
        let particles = self.particles();
        let count = particles.end - particles.start;
        if self.all == 0 {
            return Err(Failure::usage("--starts: 0 starts lead nowhere; take at least 1"));
        }
        if count == 0 {
            return Err(Failure::usage(format!("--shard: {} starts have no such share; take fewer shares", self.all)));
        }
        if count > PARTICLES {
            let shares = self.all.div_ceil(PARTICLES);
            let way = match shares {
                ..=SHARDS => format!("run shares, such as --shard 1/{shares}, and join them with `gradfield merge`"),
                _ => "take fewer".to_string(),
            };
            return Err(Failure::usage(format!(
                "--starts: {count} starts in one run are more than {PARTICLES}; {way}"
            )));
        }
        if language == Language::Npz {
            check_size(count as f64, variables + 4, precision)?;
        }
        Ok(())
    }

    /// The particles of this share.
    pub(super) fn particles(&self) -> Range<u64> {
        share(self.all, self.shard)
    }

    /// Their starts: one column per variable.
    pub(super) fn starts(&self, particles: Range<u64>) -> Vec<Vec<f64>> {
        match &self.starts {
            Source::Sampled(starts) => starts.part(particles),
            Source::Given(columns) => {
                columns.iter().map(|c| c[particles.start as usize..particles.end as usize].to_vec()).collect()
            }
        }
    }

    /// What tells given starts from others: a sum over their bits.
    pub(super) fn digest(&self) -> Option<String> {
        let Source::Given(columns) = &self.starts else { return None };
        Some(digest(columns.iter().flatten().flat_map(|x| x.to_bits().to_le_bytes())))
    }
}

/// A sum over bytes (FNV-1a).
pub(super) fn digest(bytes: impl Iterator<Item = u8>) -> String {
    let add = |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, add))
}

/// The random starts; of a grid those that there are, which is told.
fn sampled(
    arguments: &Arguments,
    stops: &Stops,
    expression: &Expression,
    ranges: &[(f64, f64)],
) -> Result<Starts, Failure> {
    let sampling =
        Sampling::by_name(&arguments.sampling).map_err(|error| Failure::usage(format!("--sampling: {error}")))?;
    let count = match arguments.starts {
        Some(count) => count,
        None if stops.time.is_some() => PARTICLES,
        None if stops.any() => PATIENCE * default_starts(expression)?,
        None => default_starts(expression)?,
    };
    if count == 0 {
        return Err(Failure::usage("--starts: 0 starts lead nowhere; take at least 1"));
    }
    let starts = Starts::new(sampling, arguments.seed, count, ranges.to_vec())?;
    if starts.len() != count && !arguments.function.quiet {
        eprintln!("note: a grid of equal cells has {} starts, not {count}", starts.len());
    }
    Ok(starts)
}

/// So many that a second or two will do.
fn default_starts(expression: &Expression) -> Result<u64, Failure> {
    let length = tape_of(&expression.gradient()?).code.len().max(1) as u64;
    Ok((INSTRUCTIONS / length).clamp(STARTS.0, STARTS.1))
}

/// The particles of share K of N, of all.
pub(super) fn share(all: u64, shard: Option<(u64, u64)>) -> Range<u64> {
    let (shard, of) = shard.unwrap_or((1, 1));
    let border = |k: u64| (u128::from(all) * u128::from(k) / u128::from(of)) as u64;
    border(shard - 1)..border(shard)
}

/// `3/16`.
fn shard(text: &str) -> Result<(u64, u64), Failure> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
    match parts {
        Some((k, n)) if (1..=n).contains(&k) && n <= SHARDS => Ok((k, n)),
        Some((_, n)) if n > SHARDS => {
            Err(Failure::usage(format!("--shard: {n} shares are more than {SHARDS}; take fewer")))
        }
        _ => Err(Failure::usage(format!(
            "--shard: `{text}` is not a share; write its number from 1 on and how many there are, as in --shard 3/16"
        ))),
    }
}

/// The method of this text, and its name.
pub(crate) fn method(
    text: &str,
    constants: &Constants,
    steps: u64,
    variables: usize,
) -> Result<(Method, String), Failure> {
    let solver = match text {
        "auto" if Method::Auto.is_whole(variables) => "bfgs",
        "auto" => "lbfgs",
        text => text,
    };
    if let Some((name, method)) = solver_by_name(solver) {
        constants.refuse("--method")?;
        return Ok((method, name.to_string()));
    }
    if rules::by_name(text).is_none() && !text.contains('=') {
        let solvers = SOLVERS.iter().map(|(name, _)| *name);
        let known: Vec<&str> = solvers.chain(rules::TABLE.iter().map(|row| row.name)).collect();
        return Err(Failure::usage(format!(
            "--method: `{text}` is none of auto, {}, nor a formula such as \"x = x - lr g\"",
            known.join(", ")
        )));
    }
    let rule = rule(text, constants)?;
    rule.check(steps)?;
    Ok((Method::Rule(Box::new(rule)), text.to_string()))
}

/// The norm of the gradient that counts as zero.
pub(crate) fn tolerance(text: Option<&str>, precision: Precision) -> Result<f64, Failure> {
    let Some(text) = text else { return Ok(if precision == Precision::F32 { 1e-4 } else { 1e-10 }) };
    match number("--tol", text)? {
        tolerance if tolerance >= 0.0 => Ok(tolerance),
        tolerance => Err(Failure::usage(format!("--tol: {tolerance} is below 0; a norm is not"))),
    }
}

/// The starts of `--from` or `--points`; within the bounds, if there are any.
fn given(
    arguments: &Arguments,
    expression: &Expression,
    precision: Precision,
    ranges: &[(f64, f64)],
) -> Result<Option<Vec<Vec<f64>>>, Failure> {
    let variables = expression.variables();
    let (flag, mut columns) = match &arguments.points {
        None if arguments.from.is_empty() => return Ok(None),
        None => ("--from", given_points("--from", &arguments.from, variables, precision)?),
        Some(path) => {
            let points = files::read_points(path, variables)?;
            let Points::Columns { columns, .. } = points.rounded(precision) else { return Ok(None) };
            ("--points", columns.iter().map(gradfield::Values::to_f64).collect::<Vec<_>>())
        }
    };
    let count = columns[0].len();
    let finite = (0..count).filter(|k| columns.iter().all(|column| column[*k].is_finite())).count();
    if finite == 0 {
        return Err(Failure::usage(format!("{flag}: none of the {count} starts is finite; give at least one that is")));
    }
    if !arguments.bounds {
        return Ok(Some(columns));
    }
    let inside = |k: usize| columns.iter().zip(ranges).all(|(column, (lo, hi))| (*lo..=*hi).contains(&column[k]));
    let outside = (0..count).filter(|k| !inside(*k)).count();
    if outside == count {
        return Err(Failure::usage(format!(
            "--bounds: all of the {count} starts of {flag} lie outside --range; widen it, or give others"
        )));
    }
    if outside > 0 && !arguments.function.quiet {
        eprintln!("note: {outside} of {count} starts lie outside the bounds; each begins at the nearest point inside");
    }
    for (column, (lo, hi)) in columns.iter_mut().zip(ranges) {
        column.iter_mut().for_each(|x| *x = x.clamp(*lo, *hi));
    }
    Ok(Some(columns))
}

/// The least and the largest finite number of a column.
fn extent(column: &[f64]) -> (f64, f64) {
    let finite = column.iter().copied().filter(|x| x.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
}
