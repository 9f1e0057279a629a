//! Standard errors of robust losses.
//!
//! Flows in: a fit that has ended, and its rows. Flows out: its covariance and standard errors, by what the loss is around
//! the estimates: for residuals r, the loss's slope psi(r) and its derivative psi',
//!
//! K^2 (sum psi^2 / (n - p)) / (mean psi')^2 (J^T J)^-1, K = 1 + p/n var(psi') / (mean psi')^2
//!
//! (P. J. Huber, Robust Statistics, 1981, 7.6.1; statsmodels' "H1"). Errors of rows are taken for alike, so rows with
//! weights have none. Who should not use it: anyone but `fit`.

use super::fitted::Fitted;
use super::stream::{Block, Stream};
use super::walk::Status;
use super::{FitError, Problem};
use crate::backend::Backend;
use crate::real::Precision;

/// The tapes of a model with a robust loss: slopes with psi', and with its square.
pub(super) struct Robust<'a> {
    first: Stream<'a>,
    second: Stream<'a>,
}

impl<'a> Robust<'a> {
    /// None where standard errors are of another kind.
    pub(super) fn of(
        problem: &Problem,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Option<Robust<'a>>, FitError> {
        if !problem.loss.is_robust() || problem.weights.is_some() {
            return Ok(None);
        }
        let stream = |squared: bool| -> Result<Stream<'a>, FitError> {
            let tape = problem.model.tape_of(problem.loss.variation(squared)?, true)?;
            Ok(Stream::new(&tape, problem.model.parameters.len(), backend, precision)?)
        };
        Ok(Some(Robust { first: stream(false)?, second: stream(true)? }))
    }

    /// The rows of a group, as [`Robust::judge`] takes them.
    pub(super) fn rows(&self, problem: &Problem, group: usize) -> Vec<Block> {
        problem.blocks(&self.first, group)
    }

    /// Puts covariance and standard errors into a fit.
    pub(super) fn judge(&mut self, fitted: &mut Fitted, rows: &[Block]) -> Result<(), FitError> {
        let (n, p) = (fitted.rows as f64, fitted.estimates.len() as f64);
        if matches!(fitted.status, Status::Rows | Status::Value) || fitted.freedom() == 0 || fitted.singular {
            return Ok(());
        }
        // The sums of psi' stand where twice the loss is.
        let found = self.first.look(rows, &fitted.estimates)?;
        let mean = 0.5 * found.objective / n;
        let squares = 0.5 * self.second.look(rows, &fitted.estimates)?.objective / n;
        let Some(inverse) = found.local.inverse(&fitted.held) else {
            fitted.singular = true;
            return Ok(());
        };
        // Where hardly more rows are within the scale than there are parameters, the curve runs through those, and the loss
        // does not say how far it may move.
        if n * mean >= p + 0.5 {
            let correction = 1.0 + p / n * (squares - mean * mean) / (mean * mean);
            fitted.variance = correction * correction * found.scatter / fitted.freedom() as f64 / (mean * mean);
            fitted.spread(&inverse.matrix);
        }
        Ok(())
    }
}
