//! What `fit` found: a table, JSON, CSV, NumPy's arrays; and in words how it went.

use super::arguments::{Arguments, Task};
use crate::cli::Failure;
use crate::cli::language::{Language, number, write_aligned};
use crate::cli::options::check_names as check_columns;
use gradfield::Precision;
use gradfield::files::{Array, Column, Output, write_npz};
use gradfield::fit::{Fitted, Loss, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows of the text; files have all.
const ROWS: usize = 50;
/// Fits up to which JSON has the covariance of each.
const COVARIANCES: usize = 1000;

/// Said of robust losses.
const ROBUST: &str = "no standard errors: they are not estimated for a robust loss";

/// All that is to be said.
pub(super) struct Report<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) task: &'a Task,
    pub(super) fits: &'a [Fitted],
    pub(super) device: String,
    pub(super) precision: Precision,
    pub(super) seconds: f64,
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    model: &'a str,
    response: &'a str,
    weights: Option<&'a str>,
    group_by: Option<&'a str>,
    parameters: &'a [String],
    columns: &'a [String],
    loss: &'a str,
    method: &'a str,
    starts: usize,
    device: &'a str,
    precision: &'static str,
    seconds: f64,
    rows: usize,
    skipped_rows: u64,
    status: BTreeMap<&'static str, usize>,
    fits: Vec<Record<'a>>,
}

#[derive(Serialize)]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    status: &'static str,
    steps: u32,
    rows: usize,
    degrees_of_freedom: usize,
    estimates: &'a [f64],
    standard_errors: &'a [f64],
    /// For least squares.
    residual_sum_of_squares: Option<f64>,
    residual_standard_deviation: f64,
    r_squared: f64,
    /// Of another loss its sum.
    loss: f64,
    at_bound: Vec<&'a str>,
    singular: bool,
    start: &'a [f64],
    starts_that_agree: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    covariance: Option<Vec<&'a [f64]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<Vec<Vec<f64>>>,
}

/// Refuses parameters whose names columns of the output have.
pub(super) fn check_names(task: &Task, arguments: &Arguments, language: Language) -> Result<(), Failure> {
    let names = &task.problem.model.parameters;
    let own: &[&str] = match language {
        Language::Csv => &["rows", "status", "steps", "rss", "s", "r2", "loss"],
        Language::Npz => &["rows", "status", "status_names", "steps", "rss", "s", "r2", "loss", "group"],
        Language::Text | Language::Json => return Ok(()),
    };
    let own: Vec<&str> = own.iter().copied().chain(arguments.group_by.as_deref()).collect();
    check_columns(names, &own)
}

impl Report<'_> {
    fn names(&self) -> &[String] {
        &self.task.problem.model.parameters
    }

    fn squares(&self) -> bool {
        self.task.problem.loss == Loss::Squares
    }

    fn grouped(&self) -> bool {
        self.arguments.group_by.is_some()
    }

    /// How many ended so.
    fn count(&self, status: Status) -> usize {
        self.fits.iter().filter(|fit| fit.status == status).count()
    }

    /// Fails where there is no estimate at all.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let [fit] = self.fits else { return Ok(()) };
        let (rows, parameters) = (fit.rows, self.names().len());
        match fit.status {
            Status::Rows => Err(Failure::Usage(format!(
                "{rows} rows do not determine {parameters} parameters; fix some with --set, or take more rows"
            ))),
            Status::Value => Err(Failure::Usage(
                "the model or its slopes are not finite at the start for some row; give another --start".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// For one fit: parameter by parameter. For groups: a line for each.
    pub(super) fn write_text(&self, out: &mut Output) -> Result<(), Failure> {
        if self.grouped() {
            return self.write_groups(out);
        }
        let fit = &self.fits[0];
        if matches!(fit.status, Status::Rows | Status::Value) {
            return Ok(());
        }
        let mut lines = vec![["parameter", "estimate", "std. error", "relative"].map(String::from).to_vec()];
        for (k, name) in self.names().iter().enumerate() {
            let (value, error) = (fit.estimates[k], fit.errors[k]);
            let note = if fit.held[k] { "at its bound".to_owned() } else { percent(error / value.abs()) };
            lines.push(vec![name.clone(), number(value), short(error), note]);
        }
        write_aligned(&lines, out)
    }

    fn write_groups(&self, out: &mut Output) -> Result<(), Failure> {
        let key = self.arguments.group_by.clone().unwrap_or_default();
        let mut heading = vec![key, "rows".to_owned(), "status".to_owned()];
        heading.extend(self.names().iter().flat_map(|name| [name.clone(), "+-".to_owned()]));
        heading.push(if self.squares() { "rss" } else { "loss" }.to_owned());
        let mut lines = vec![heading];
        for (label, fit) in self.task.labels.iter().zip(self.fits).take(ROWS) {
            let mut cells = vec![label.clone(), fit.rows.to_string(), fit.status.name().to_owned()];
            let cell = |(value, error): (&f64, &f64)| [figures(*value, *error), short(*error)];
            cells.extend(fit.estimates.iter().zip(&fit.errors).flat_map(cell));
            cells.push(short(if self.squares() { fit.objective } else { fit.objective / 2.0 }));
            lines.push(cells);
        }
        write_aligned(&lines, out)
    }

    /// How it went.
    pub(super) fn summary(&self, language: Language) -> String {
        let mut lines = Vec::new();
        let skipped = self.task.skipped;
        if skipped > 0 {
            let s = if skipped == 1 { " is" } else { "s are" };
            lines.push(format!("{skipped} row{s} left out: a cell is missing or no finite number"));
        }
        match self.fits {
            [fit] if !self.grouped() => self.tell(fit, &mut lines),
            _ => self.tell_all(language, &mut lines),
        }
        lines.iter().map(|line| line.to_string() + "\n").collect()
    }

    fn tell(&self, fit: &Fitted, lines: &mut Vec<String>) {
        if matches!(fit.status, Status::Rows | Status::Value) {
            return;
        }
        let (rows, freedom) = (fit.rows, fit.freedom());
        lines.push(format!(
            "{rows} rows, {} parameters; {} after {} evaluations, {}, {}",
            self.names().len(),
            fit.status.name(),
            fit.steps,
            self.device,
            self.precision.name()
        ));
        if self.task.options.starts.len() > 1 {
            let all = self.task.options.starts.len();
            lines.push(format!("{} of {all} starts end at this value, the best of all", fit.agree));
        }
        lines.push(match self.squares() {
            true => format!(
                "residual sum of squares {}, standard deviation {} ({freedom} degrees of freedom), R^2 {}",
                short(fit.objective),
                short(fit.variance.sqrt()),
                if fit.r2.is_finite() {
                    format!("{:.6}", fit.r2)
                } else {
                    "undefined (a constant response)".to_owned()
                }
            ),
            false => format!("sum of the loss ({}) {}", self.task.problem.loss.name(), short(fit.objective / 2.0)),
        });
        match fit.status {
            Status::Steps => lines.push("not converged: give more --steps, another --start or --starts".to_owned()),
            Status::Stalled => {
                lines.push("not converged: no step leads down; another --start or --precision f64 may help".to_owned());
            }
            _ => {}
        }
        if fit.singular {
            lines.push(
                "no standard errors: the Jacobian is singular, so the data do not determine all parameters; fix one with --set"
                    .to_owned(),
            );
        } else if self.task.problem.loss.is_robust() {
            lines.push(ROBUST.to_owned());
        } else if freedom == 0 && !self.task.problem.loss.is_likelihood() {
            lines.push("no standard errors: there are as many parameters as rows".to_owned());
        }
    }

    fn tell_all(&self, language: Language, lines: &mut Vec<String>) {
        let ended = Status::ALL.into_iter().map(|status| (self.count(status), status.name()));
        let ended: Vec<String> =
            ended.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        let all = self.fits.len();
        lines.push(format!(
            "{all} fits of {} parameters in {:.3} s, {}, {}: {}",
            self.names().len(),
            self.seconds,
            self.device,
            self.precision.name(),
            ended.join(", ")
        ));
        let singular = self.fits.iter().filter(|fit| fit.singular).count();
        if singular > 0 {
            lines.push(format!("{singular} of them have no standard errors: their Jacobian is singular"));
        }
        if self.task.problem.loss.is_robust() {
            lines.push(ROBUST.to_owned());
        }
        let bare = self.fits.iter().filter(|fit| fit.status != Status::Rows && fit.freedom() == 0).count();
        if bare > 0 && self.squares() {
            lines.push(format!("{bare} of them have no standard errors: they have as many rows as parameters"));
        }
        if language == Language::Text && all > ROWS {
            lines.push(format!("the table shows {ROWS} of {all}; -o FILE.csv, .json or .npz has all"));
        }
    }

    pub(super) fn document(&self) -> Document<'_> {
        let (task, arguments) = (self.task, self.arguments);
        let status = Status::ALL.into_iter().map(|status| (status.name(), self.count(status)));
        let labels = &task.labels;
        Document {
            model: &task.problem.model.text,
            response: &arguments.response,
            weights: arguments.weights.as_deref(),
            group_by: arguments.group_by.as_deref(),
            parameters: self.names(),
            columns: &task.problem.model.columns,
            loss: task.problem.loss.name(),
            method: &arguments.method,
            starts: task.options.starts.len(),
            device: &self.device,
            precision: self.precision.name(),
            seconds: self.seconds,
            rows: task.problem.response.len(),
            skipped_rows: task.skipped,
            status: status.collect(),
            fits: self.fits.iter().zip(labels).map(|(fit, label)| self.record(fit, label)).collect(),
        }
    }

    fn record<'a>(&'a self, fit: &'a Fitted, label: &'a str) -> Record<'a> {
        let n = self.names().len();
        let told = self.fits.len() <= COVARIANCES && !fit.covariance.is_empty();
        let correlation = || {
            let deviation = |k: usize| fit.covariance[k * n + k].sqrt();
            let one = |i: usize, j: usize| fit.covariance[i * n + j] / (deviation(i) * deviation(j));
            (0..n).map(|i| (0..n).map(|j| one(i, j)).collect()).collect()
        };
        let held = self.names().iter().zip(&fit.held).filter(|(_, held)| **held);
        Record {
            group: self.grouped().then_some(label),
            status: fit.status.name(),
            steps: fit.steps,
            rows: fit.rows,
            degrees_of_freedom: fit.freedom(),
            estimates: &fit.estimates,
            standard_errors: &fit.errors,
            residual_sum_of_squares: self.squares().then_some(fit.objective),
            residual_standard_deviation: fit.variance.sqrt(),
            r_squared: fit.r2,
            loss: fit.objective / 2.0,
            at_bound: held.map(|(name, _)| name.as_str()).collect(),
            singular: fit.singular,
            start: &self.task.options.starts[fit.start],
            starts_that_agree: fit.agree,
            covariance: told.then(|| fit.covariance.chunks(n).collect()),
            correlation: told.then(correlation),
        }
    }

    /// The columns that CSV and NumPy's arrays have in common.
    fn columns(&self) -> Vec<(String, Vec<f64>)> {
        let of = |value: &dyn Fn(&Fitted) -> f64| self.fits.iter().map(value).collect::<Vec<f64>>();
        let mut columns = Vec::new();
        for (k, name) in self.names().iter().enumerate() {
            columns.push((name.clone(), of(&|fit| fit.estimates[k])));
            columns.push((format!("se_{name}"), of(&|fit| fit.errors[k])));
        }
        match self.squares() {
            true => columns.extend([
                ("rss".to_owned(), of(&|fit| fit.objective)),
                ("s".to_owned(), of(&|fit| fit.variance.sqrt())),
                ("r2".to_owned(), of(&|fit| fit.r2)),
            ]),
            false => columns.push(("loss".to_owned(), of(&|fit| fit.objective / 2.0))),
        }
        columns
    }

    pub(super) fn write_csv(&self, out: &mut Output) -> Result<(), Failure> {
        let labels: Vec<&str> = self.task.labels.iter().map(String::as_str).collect();
        let rows: Vec<i64> = self.fits.iter().map(|fit| fit.rows as i64).collect();
        let steps: Vec<i64> = self.fits.iter().map(|fit| i64::from(fit.steps)).collect();
        let status: Vec<&str> = self.fits.iter().map(|fit| fit.status.name()).collect();
        let numbers = self.columns();
        let mut header: Vec<String> = self.arguments.group_by.iter().cloned().collect();
        let mut columns: Vec<Column<'_>> = header.iter().map(|_| Column::Text(&labels)).collect();
        header.extend(["rows", "status", "steps"].map(String::from));
        columns.extend([Column::I64(&rows), Column::Text(&status), Column::I64(&steps)]);
        header.extend(numbers.iter().map(|(name, _)| name.clone()));
        columns.extend(numbers.iter().map(|(_, column)| Column::F64(column)));
        Ok(gradfield::files::write_csv(out, &header, &columns)?)
    }

    pub(super) fn write_npz(&self, out: &mut Output) -> Result<(), Failure> {
        let labels: Vec<&str> = self.task.labels.iter().map(String::as_str).collect();
        let rows: Vec<i64> = self.fits.iter().map(|fit| fit.rows as i64).collect();
        let steps: Vec<i64> = self.fits.iter().map(|fit| i64::from(fit.steps)).collect();
        let place = |fit: &Fitted| Status::ALL.iter().position(|status| *status == fit.status).unwrap_or(0) as i64;
        let status: Vec<i64> = self.fits.iter().map(place).collect();
        let names = Status::ALL.map(Status::name);
        let numbers = self.columns();
        let shape = [self.fits.len()];
        let mut arrays: Vec<Array<'_>> = Vec::new();
        if self.grouped() {
            arrays.push(Array { name: "group".to_owned(), shape: shape.to_vec(), data: Column::Text(&labels) });
        }
        let integers = [("rows", &rows), ("steps", &steps), ("status", &status)];
        arrays.extend(integers.into_iter().map(|(name, data)| Array::new(name, &shape, data.as_slice())));
        let names = Array { name: "status_names".to_owned(), shape: vec![names.len()], data: Column::Text(&names) };
        arrays.push(names);
        arrays.extend(numbers.iter().map(|(name, column)| Array::new(name.clone(), &shape, column.as_slice())));
        Ok(write_npz(out, &arrays)?)
    }
}

/// A number with its first digits.
fn short(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v == 0.0 || (1e-3..1e6).contains(&v.abs()) => format!("{}", rounded(v, 5)),
        v => format!("{v:.4e}"),
    }
}

/// A number with the digits that its error leaves, and two more.
fn figures(value: f64, error: f64) -> String {
    if !error.is_finite() || error <= 0.0 || value == 0.0 {
        return number(rounded(value, 8));
    }
    let digits = (value.abs() / error).log10().floor() as i32 + 3;
    number(rounded(value, digits.clamp(1, 16)))
}

/// The number nearest to one, of so many significant digits.
fn rounded(value: f64, digits: i32) -> f64 {
    let digits = usize::try_from(digits - 1).unwrap_or(0);
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

/// `2.5 %`.
fn percent(share: f64) -> String {
    match 100.0 * share {
        v if !v.is_finite() => String::new(),
        v if v >= 0.01 => format!("{:.2} %", v),
        v => format!("{v:.0e} %"),
    }
}
