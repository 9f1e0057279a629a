//! What `fit` found, as JSON.

use super::Report;
use gradfield::fit::{Fitted, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// Fits up to which JSON has the covariance of each.
const COVARIANCES: usize = 1000;

#[derive(Serialize)]
pub(in crate::cli::fit) struct Document<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    residuals: Option<usize>,
    response: Option<&'a str>,
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

impl Report<'_> {
    pub(in crate::cli::fit) fn document(&self) -> Document<'_> {
        let (subject, arguments) = (&self.subject, self.arguments);
        let status = Status::ALL.into_iter().map(|status| (status.name(), self.count(status)));
        Document {
            model: subject.text,
            residuals: subject.is_residuals().then_some(subject.rows),
            response: arguments.response.as_deref(),
            weights: arguments.weights.as_deref(),
            group_by: arguments.group_by.as_deref(),
            parameters: self.names(),
            columns: subject.columns,
            loss: subject.loss.name(),
            method: &arguments.method,
            starts: subject.options.starts.len(),
            device: &self.device,
            precision: self.precision.name(),
            seconds: self.seconds,
            rows: subject.rows,
            skipped_rows: subject.skipped,
            status: status.collect(),
            fits: self.fits.iter().enumerate().map(|(k, fit)| self.record(fit, k)).collect(),
        }
    }

    fn record<'a>(&'a self, fit: &'a Fitted, place: usize) -> Record<'a> {
        let n = self.names().len();
        let told = self.fits.len() <= COVARIANCES && !fit.covariance.is_empty();
        let correlation = || {
            let deviation = |k: usize| fit.covariance[k * n + k].sqrt();
            let one = |i: usize, j: usize| fit.covariance[i * n + j] / (deviation(i) * deviation(j));
            (0..n).map(|i| (0..n).map(|j| one(i, j)).collect()).collect()
        };
        let held = self.names().iter().zip(&fit.held).filter(|(_, held)| **held);
        Record {
            group: self.grouped().then(|| self.subject.labels[place].as_str()),
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
            start: &self.subject.options.starts[fit.start],
            starts_that_agree: fit.agree,
            covariance: told.then(|| fit.covariance.chunks(n).collect()),
            correlation: told.then(correlation),
        }
    }
}
