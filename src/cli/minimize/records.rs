//! What `minimize` found, as JSON and as CSV; and what of the JSON `merge` reads.
//!
//! A share holds its cells beside the table, so that joined shares are exactly what one run gives.

use super::arguments::Arguments;
use super::gathered::{CellRecord, Gathered, UnfinishedRecord};
use super::stops::{Stops, Why};
use super::task::Task;
use crate::cli::Failure;
use gradfield::descent::{Basins, Hops, Minima, Minimum};
use gradfield::files::{Column, Output};
use gradfield::{Expression, Precision};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was asked for: shares of one run have it in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) expression: String,
    pub(super) variables: Vec<String>,
    /// `--vars` and `--set`, as they were written.
    pub(super) vars: Vec<String>,
    pub(super) set: Vec<String>,
    /// Of all shares together.
    pub(super) starts: u64,
    /// How they were spread, and their seed; none where the starts were given.
    pub(super) sampling: Option<String>,
    pub(super) seed: Option<u64>,
    /// Of given starts.
    pub(super) starts_digest: Option<String>,
    /// The box of the starts.
    pub(super) range: Vec<(f64, f64)>,
    pub(super) bounds: Option<Vec<(f64, f64)>>,
    pub(super) method: String,
    /// The hyper-parameters of a rule, and what flags say of them that a number does not: schedules, a bound.
    pub(super) parameters: BTreeMap<String, f64>,
    pub(super) parameter_flags: Vec<String>,
    pub(super) steps: u64,
    pub(super) tolerance: f64,
    pub(super) maximize: bool,
    pub(super) precision: String,
    /// `--hops`; 0 where the starts were given.
    pub(super) hops: Option<u64>,
}

impl Run {
    pub(super) fn of(arguments: &Arguments, expression: &Expression, task: &Task, precision: Precision) -> Run {
        let parameters = match &task.search.method {
            gradfield::descent::Method::Rule(rule) => rule.parameters().iter().cloned().collect(),
            _ => BTreeMap::new(),
        };
        let digest = task.digest();
        let hops = if digest.is_some() { Some(0) } else { arguments.hops };
        Run {
            expression: expression.text().to_string(),
            variables: expression.variables().to_vec(),
            vars: arguments.function.vars.clone(),
            set: arguments.function.sets.clone(),
            starts: task.all,
            sampling: digest.is_none().then(|| arguments.sampling.to_lowercase()),
            seed: digest.is_none().then_some(arguments.seed),
            starts_digest: digest,
            range: task.ranges.clone(),
            bounds: task.search.bounds.clone(),
            method: task.method.clone(),
            parameters,
            parameter_flags: arguments.constants.texts(),
            steps: task.search.steps,
            tolerance: task.search.tolerance,
            maximize: task.search.maximize,
            precision: precision.name().to_string(),
            hops,
        }
    }
}

/// Which shares a file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shards {
    pub(super) of: u64,
    pub(super) held: Vec<u64>,
}

/// What `merge` reads of a file.
#[derive(Debug, Deserialize)]
pub(super) struct Share {
    #[serde(flatten)]
    pub(super) run: Run,
    pub(super) device: String,
    pub(super) seconds: f64,
    pub(super) shards: Option<Shards>,
    #[serde(flatten)]
    pub(super) gathered: Gathered,
}

/// What two runs were asked that is not the same, with both answers.
pub(super) fn differs(a: &impl Serialize, b: &impl Serialize) -> Option<(String, String, String)> {
    let (a, b) = (serde_json::to_value(a).ok()?, serde_json::to_value(b).ok()?);
    let (name, value) = a.as_object()?.iter().find(|(name, value)| b.get(*name) != Some(*value))?;
    Some((name.clone(), value.to_string(), b.get(name).map_or_else(String::new, ToString::to_string)))
}

/// All that is to be said.
pub(super) struct Found<'a> {
    pub(super) run: Run,
    /// None for a whole run.
    pub(super) shards: Option<Shards>,
    pub(super) device: String,
    pub(super) seconds: f64,
    /// What might have ended it early, and what did.
    pub(super) stops: Option<(Stops, Option<Why>)>,
    /// None where there were to be none.
    pub(super) hopped: Option<Hops>,
    pub(super) basins: &'a Basins,
    pub(super) minima: &'a Minima,
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    run: &'a Run,
    device: &'a str,
    seconds: f64,
    evaluations: u64,
    status: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stops: Option<StopsRecord>,
    unseen: Option<f64>,
    dropped: u64,
    hopped: Option<HopsRecord>,
    minima: Vec<Row>,
    best_unfinished: Option<UnfinishedRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shards: Option<&'a Shards>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cells: Option<Vec<CellRecord>>,
}

/// What might have ended the run early, what did (null for none), and after how many starts.
#[derive(Serialize)]
struct StopsRecord {
    seconds: Option<f64>,
    target: Option<f64>,
    until_covered: Option<f64>,
    stopped: Option<&'static str>,
    starts: u64,
}

/// What hops took, and what they brought.
#[derive(Serialize)]
struct HopsRecord {
    evaluations: u64,
    searches: u64,
    found: usize,
    improved: usize,
}

#[derive(Serialize)]
struct Row {
    x: Vec<f64>,
    f: f64,
    gradient_norm: f64,
    hits: u64,
    basin_share: f64,
    kind: &'static str,
    by_hops: bool,
}

impl Found<'_> {
    pub(super) fn document(&self) -> Document<'_> {
        let row = |row: &Minimum| Row {
            x: row.x.clone(),
            f: row.f,
            gradient_norm: row.gradient_norm,
            hits: row.hits,
            basin_share: row.share,
            kind: row.kind.name(),
            by_hops: row.by_hops,
        };
        let stops = |(stops, stopped): &(Stops, Option<Why>)| StopsRecord {
            seconds: stops.time.map(|time| time.as_secs_f64()),
            target: stops.target,
            until_covered: stops.covered,
            stopped: stopped.map(Why::name),
            starts: self.basins.particles(),
        };
        let hopped = |hops: &Hops| HopsRecord {
            evaluations: hops.evaluations,
            searches: hops.searches,
            found: hops.gain.found,
            improved: hops.gain.improved,
        };
        Document {
            run: &self.run,
            device: &self.device,
            seconds: self.seconds,
            evaluations: self.basins.evaluations(),
            status: self.basins.statuses().map(|(status, count)| (status.name(), count)).collect(),
            stops: self.stops.as_ref().map(stops),
            unseen: self.minima.unseen,
            dropped: self.minima.dropped,
            hopped: self.hopped.as_ref().map(hopped),
            minima: self.minima.rows.iter().map(row).collect(),
            best_unfinished: self.basins.unfinished().map(UnfinishedRecord::of),
            shards: self.shards.as_ref(),
            cells: self.shards.as_ref().map(|_| self.basins.cells().into_iter().map(CellRecord::of).collect()),
        }
    }
}

/// A row for each minimum: the variables, then `f, gradient_norm, hits, basin_share, kind`.
pub(super) fn write_csv(minima: &Minima, variables: &[String], out: &mut Output) -> Result<(), Failure> {
    let rows: Vec<(&[f64], &Minimum)> = minima.rows.iter().map(|row| (&[] as &[f64], row)).collect();
    write_swept_csv(&rows, &[], variables, out)
}

/// The same, each minimum with the values of what moves, which come first.
pub(super) fn write_swept_csv(
    rows: &[(&[f64], &Minimum)],
    moving: &[String],
    variables: &[String],
    out: &mut Output,
) -> Result<(), Failure> {
    let column = |of: &dyn Fn(&[f64], &Minimum) -> f64| rows.iter().map(|(at, row)| of(at, row)).collect::<Vec<f64>>();
    let mut numbers: Vec<Vec<f64>> = (0..moving.len()).map(|k| column(&|at, _| at[k])).collect();
    numbers.extend((0..variables.len()).map(|v| column(&|_, row| row.x[v])));
    numbers.extend([column(&|_, row| row.f), column(&|_, row| row.gradient_norm)]);
    let hits: Vec<i64> = rows.iter().map(|(_, row)| row.hits as i64).collect();
    let shares = column(&|_, row| row.share);
    let kinds: Vec<&str> = rows.iter().map(|(_, row)| row.kind.name()).collect();
    let mut columns: Vec<Column<'_>> = numbers.iter().map(|column| Column::F64(column)).collect();
    columns.extend([Column::I64(&hits), Column::F64(&shares), Column::Text(&kinds)]);
    let names = ["f", "gradient_norm", "hits", "basin_share", "kind"].map(String::from);
    let header: Vec<String> = moving.iter().chain(variables).cloned().chain(names).collect();
    Ok(gradfield::files::write_csv(out, &header, &columns)?)
}
