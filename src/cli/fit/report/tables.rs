//! What `fit` found, as tables: text, CSV, NumPy's arrays.

use super::{Report, figures, percent, short};
use crate::cli::Failure;
use crate::cli::language::{number, write_aligned};
use gradfield::files::{Array, Column, Output, write_npz};
use gradfield::fit::{Fitted, Status};

/// Rows of the text; files have all.
pub(super) const ROWS: usize = 50;

impl Report<'_> {
    /// For one fit: parameter by parameter. For groups: a line for each.
    pub(in crate::cli::fit) fn write_text(&self, out: &mut Output) -> Result<(), Failure> {
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
        for (label, fit) in self.subject.labels.iter().zip(self.fits).take(ROWS) {
            let mut cells = vec![label.clone(), fit.rows.to_string(), fit.status.name().to_owned()];
            let cell = |(value, error): (&f64, &f64)| [figures(*value, *error), short(*error)];
            cells.extend(fit.estimates.iter().zip(&fit.errors).flat_map(cell));
            cells.push(short(if self.squares() { fit.objective } else { fit.objective / 2.0 }));
            lines.push(cells);
        }
        write_aligned(&lines, out)
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
            ]),
            false => columns.push(("loss".to_owned(), of(&|fit| fit.objective / 2.0))),
        }
        if self.squares() && !self.subject.is_residuals() {
            columns.push(("r2".to_owned(), of(&|fit| fit.r2)));
        }
        columns
    }

    /// The rows of each fit; of residuals the starts that came to each minimum.
    fn counts(&self) -> (&'static str, Vec<i64>) {
        let count = |of: fn(&Fitted) -> usize| self.fits.iter().map(|fit| of(fit) as i64).collect();
        match self.subject.is_residuals() {
            true => ("starts", count(|fit| fit.agree)),
            false => ("rows", count(|fit| fit.rows)),
        }
    }

    pub(in crate::cli::fit) fn write_csv(&self, out: &mut Output) -> Result<(), Failure> {
        let labels: Vec<&str> = self.subject.labels.iter().map(String::as_str).collect();
        let (counted, counts) = self.counts();
        let steps: Vec<i64> = self.fits.iter().map(|fit| i64::from(fit.steps)).collect();
        let status: Vec<&str> = self.fits.iter().map(|fit| fit.status.name()).collect();
        let numbers = self.columns();
        let mut header: Vec<String> = self.arguments.group_by.iter().cloned().collect();
        let mut columns: Vec<Column<'_>> = header.iter().map(|_| Column::Text(&labels)).collect();
        header.extend([counted, "status", "steps"].map(String::from));
        columns.extend([Column::I64(&counts), Column::Text(&status), Column::I64(&steps)]);
        header.extend(numbers.iter().map(|(name, _)| name.clone()));
        columns.extend(numbers.iter().map(|(_, column)| Column::F64(column)));
        Ok(gradfield::files::write_csv(out, &header, &columns)?)
    }

    pub(in crate::cli::fit) fn write_npz(&self, out: &mut Output) -> Result<(), Failure> {
        let labels: Vec<&str> = self.subject.labels.iter().map(String::as_str).collect();
        let (counted, counts) = self.counts();
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
        let integers = [(counted, &counts), ("steps", &steps), ("status", &status)];
        arrays.extend(integers.into_iter().map(|(name, data)| Array::new(name, &shape, data.as_slice())));
        let names = Array { name: "status_names".to_owned(), shape: vec![names.len()], data: Column::Text(&names) };
        arrays.push(names);
        arrays.extend(numbers.iter().map(|(name, column)| Array::new(name.clone(), &shape, column.as_slice())));
        Ok(write_npz(out, &arrays)?)
    }
}
