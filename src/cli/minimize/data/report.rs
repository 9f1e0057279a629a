//! What `minimize --data` found: as text, JSON and CSV, and in a line.

use super::super::arguments::Arguments;
use super::Task;
use crate::cli::Failure;
use crate::cli::language::{Language, number, write_aligned};
use crate::cli::options::check_names as check;
use gradfield::descent::Status;
use gradfield::files::{Column, Output, write_csv};
use gradfield::training::{Objective, Trained};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows and weights of a table of starts as text; files have all.
const ROWS: usize = 50;
const WEIGHTS: usize = 6;
/// Ends nearer than this, as a share of their size, are one.
const SAME: f64 = 1e-5;

/// The columns of the CSV before the weights.
const COLUMNS: [&str; 4] = ["f", "gradient_norm", "hits", "status"];

/// Refuses a weight whose name a column of the output has.
pub(super) fn check_names(objective: &Objective, language: Language) -> Result<(), Failure> {
    if language == Language::Csv { check(&objective.weights, &COLUMNS) } else { Ok(()) }
}

/// What the JSON has, in this order.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    expression: &'a str,
    variables: &'a [String],
    columns: &'a [String],
    data: Option<&'a Path>,
    rows: usize,
    skipped_rows: u64,
    starts: usize,
    seed: u64,
    method: &'a str,
    batch: Option<usize>,
    steps: u64,
    tolerance: f64,
    bounds: Option<&'a [(f64, f64)]>,
    maximize: bool,
    device: &'a str,
    precision: &'static str,
    seconds: f64,
    status: BTreeMap<&'static str, usize>,
    minima: Vec<Minimum<'a>>,
}

/// An end, or several that are one.
#[derive(Serialize)]
struct Minimum<'a> {
    x: &'a [f64],
    f: f64,
    gradient_norm: f64,
    hits: usize,
    status: &'static str,
    steps: u64,
    start: usize,
}

pub(super) struct Report<'a> {
    arguments: &'a Arguments,
    task: &'a Task,
    /// From the best on, and how many starts ended in each.
    ends: Vec<(Trained, usize)>,
    all: Vec<Status>,
    device: String,
    seconds: f64,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        arguments: &'a Arguments,
        task: &'a Task,
        mut ends: Vec<Trained>,
        device: String,
        seconds: f64,
    ) -> Report<'a> {
        let all = ends.iter().map(|end| end.status).collect();
        let sign = if task.plan.maximize { -1.0 } else { 1.0 };
        let failed = |end: &Trained| !end.value.is_finite();
        ends.sort_by(|a, b| failed(a).cmp(&failed(b)).then((sign * a.value).total_cmp(&(sign * b.value))));
        let mut distinct: Vec<(Trained, usize)> = Vec::new();
        for end in ends {
            match distinct.iter_mut().find(|(known, _)| is_same(known, &end)) {
                Some((_, hits)) => *hits += 1,
                None => distinct.push((end, 1)),
            }
        }
        Report { arguments, task, ends: distinct, all, device, seconds }
    }

    /// The best end, if it has a value.
    pub(super) fn best(&self) -> Option<&Trained> {
        self.ends.first().map(|(end, _)| end).filter(|end| end.value.is_finite())
    }

    /// How it went.
    pub(super) fn summary(&self, language: Language) -> String {
        let Task { table, plan, .. } = self.task;
        let skipped =
            if table.skipped > 0 { format!(" ({} left out: a cell is missing)", table.skipped) } else { String::new() };
        let batch = plan.batch.map(|batch| format!(" on mini-batches of {batch}")).unwrap_or_default();
        let statuses: Vec<String> = self.statuses().map(|(name, count)| format!("{count} {name}")).collect();
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let (rows, weights, starts) = (table.rows(), self.task.objective.weights.len(), self.all.len());
        let mut text = format!(
            "{rows} row{}{skipped}, {weights} weight{}, {starts} start{} by {}{batch}, {}, {}: {}\n",
            s(rows),
            s(weights),
            s(starts),
            self.task.method,
            self.device,
            self.task.precision.name(),
            statuses.join(", "),
        );
        if let (Some(best), true) = (self.best(), language != Language::Text) {
            let steps = best.steps;
            text += &format!(
                "the best: f = {}, |grad f| = {:.1e}, {steps} step{}\n",
                number(best.value),
                norm(best),
                s(steps as usize)
            );
        }
        text
    }

    fn statuses(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        let count = |status: Status| self.all.iter().filter(|one| **one == status).count();
        Status::ENDS.into_iter().map(move |status| (status.name(), count(status))).filter(|(_, count)| *count > 0)
    }

    /// Of one start its weights, line by line; of several a line for each end.
    pub(super) fn write_text(&self, out: &mut Output) -> Result<(), Failure> {
        let names = &self.task.objective.weights;
        if let [(end, 1)] = self.ends.as_slice() {
            let mut lines = vec![vec!["f".to_owned(), number(end.value)]];
            lines.push(vec!["|grad f|".to_owned(), format!("{:.1e}", norm(end))]);
            lines.push(vec!["status".to_owned(), end.status.name().to_owned()]);
            lines.extend(names.iter().zip(&end.weights).map(|(name, value)| vec![name.clone(), number(*value)]));
            return write_aligned(&lines, out);
        }
        let more = names.len() > WEIGHTS;
        let cut = |cells: Vec<String>, head: Vec<String>| -> Vec<String> {
            let rest = more.then(|| "...".to_owned());
            head.into_iter().chain(cells.into_iter().take(WEIGHTS)).chain(rest).collect()
        };
        let heading = ["f", "|grad f|", "hits", "status"].map(String::from).to_vec();
        let mut lines = vec![cut(names.clone(), heading)];
        for (end, hits) in self.ends.iter().take(ROWS) {
            let status = end.status.name().to_owned();
            let head = vec![number(end.value), format!("{:.1e}", norm(end)), hits.to_string(), status];
            lines.push(cut(end.weights.iter().map(|x| number(*x)).collect(), head));
        }
        write_aligned(&lines, out)
    }

    pub(super) fn write_csv(&self, out: &mut Output) -> Result<(), Failure> {
        let column = |of: &dyn Fn(&Trained) -> f64| self.ends.iter().map(|(end, _)| of(end)).collect::<Vec<f64>>();
        let (values, norms) = (column(&|end| end.value), column(&norm));
        let hits: Vec<i64> = self.ends.iter().map(|(_, hits)| *hits as i64).collect();
        let statuses: Vec<&str> = self.ends.iter().map(|(end, _)| end.status.name()).collect();
        let names = &self.task.objective.weights;
        let weights: Vec<Vec<f64>> = (0..names.len()).map(|k| column(&|end| end.weights[k])).collect();
        let header: Vec<String> = COLUMNS.map(String::from).into_iter().chain(names.iter().cloned()).collect();
        let mut columns = vec![Column::F64(&values), Column::F64(&norms), Column::I64(&hits), Column::Text(&statuses)];
        columns.extend(weights.iter().map(|column| Column::F64(column)));
        Ok(write_csv(out, &header, &columns)?)
    }

    /// The design's document of `minimize`, with what is said of the data.
    pub(super) fn document(&'a self) -> Document<'a> {
        let Task { objective, table, plan, starts, method, precision, .. } = self.task;
        let minima = |(end, hits): &'a (Trained, usize)| Minimum {
            x: &end.weights,
            f: end.value,
            gradient_norm: norm(end),
            hits: *hits,
            status: end.status.name(),
            steps: end.steps,
            start: end.start,
        };
        Document {
            expression: &objective.text,
            variables: &objective.weights,
            columns: &objective.columns,
            data: self.arguments.data.data.as_deref(),
            rows: table.rows(),
            skipped_rows: table.skipped,
            starts: starts.first().map_or(0, Vec::len),
            seed: self.arguments.seed,
            method,
            batch: plan.batch,
            steps: plan.steps,
            tolerance: plan.tolerance,
            bounds: plan.bounds.as_deref(),
            maximize: plan.maximize,
            device: &self.device,
            precision: precision.name(),
            seconds: self.seconds,
            status: self.statuses().collect(),
            minima: self.ends.iter().map(minima).collect(),
        }
    }

    /// An error where nothing was found.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.best() {
            Some(_) => Ok(()),
            None => Err(Failure::Run(format!(
                "`{}` is not finite at any start, or soon after; take another --range, or a smaller --lr",
                self.task.objective.text
            ))),
        }
    }
}

/// The gradient's length.
fn norm(end: &Trained) -> f64 {
    end.gradient.iter().map(|g| g * g).sum::<f64>().sqrt()
}

fn is_same(a: &Trained, b: &Trained) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= SAME * (1.0 + a.abs().max(b.abs()));
    near(a.value, b.value) && a.weights.iter().zip(&b.weights).all(|(a, b)| near(*a, *b))
}
