//! How a fit ended, with the standard errors of its estimates; and the best of several.
//!
//! Flows in: a walk that has ended. Flows out: [`Fitted`]. Who should not use it: anyone but `fit`, which hands
//! [`Fitted`] on.

use super::loss::Loss;
use super::walk::{Status, Walk};

/// How a group was fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// How it ended.
    pub status: Status,
    /// The parameters; NaN where there is no fit.
    pub estimates: Vec<f64>,
    /// Their standard errors; NaN where there is none: at a bound, of a singular Jacobian, without degrees of
    /// freedom, of a robust loss with weights.
    pub errors: Vec<f64>,
    /// The covariance of the estimates, row by row; empty where there is none.
    pub covariance: Vec<f64>,
    /// Which parameters ended at a bound.
    pub held: Vec<bool>,
    /// Whether the Jacobian there is singular to rounding.
    pub singular: bool,
    /// How far the columns of the Jacobian, scaled to unit length, are from depending on each other: the least square of a
    /// pivot, from 0 to 1.
    pub pivot: f64,
    /// Twice the sum of the losses: for least squares the (weighted) sum of squares of the residuals.
    pub objective: f64,
    /// The estimated variance of a row of weight 1: the sum of squares by the degrees of freedom; of a likelihood or a loss
    /// of one's own, which is taken for one, 1; of a robust loss Huber's estimate.
    pub variance: f64,
    /// 1 - sum of squares / sum of squares about the mean; NaN but for least squares.
    pub r2: f64,
    /// Rows that count.
    pub rows: usize,
    /// Evaluations of the best start.
    pub steps: u32,
    /// The best start, and how many came to the same objective.
    pub start: usize,
    /// How many starts ended there (within rounding).
    pub agree: usize,
}

impl Fitted {
    /// Rows less parameters; 0 where there are fewer.
    pub fn freedom(&self) -> usize {
        self.rows.saturating_sub(self.estimates.len())
    }

    /// That of what cannot be fitted.
    pub(super) fn none(status: Status, parameters: usize, rows: usize) -> Fitted {
        Fitted {
            status,
            estimates: vec![f64::NAN; parameters],
            errors: vec![f64::NAN; parameters],
            covariance: Vec::new(),
            held: vec![false; parameters],
            singular: false,
            pivot: 0.0,
            objective: f64::NAN,
            variance: f64::NAN,
            r2: f64::NAN,
            rows,
            steps: 0,
            start: 0,
            agree: 0,
        }
    }

    /// What is to be said of a fit that has ended, but for its R^2.
    pub(super) fn of(loss: &Loss, rows: usize, walk: &Walk, status: Status, scatter: f64) -> Fitted {
        let mut fitted = Fitted::none(status, walk.x.len(), rows);
        fitted.steps = walk.steps;
        if status == Status::Value {
            return fitted;
        }
        fitted.estimates.clone_from(&walk.x);
        fitted.held.clone_from(&walk.held);
        fitted.objective = walk.objective;
        let freedom = fitted.freedom();
        fitted.variance = match (loss.is_likelihood(), freedom) {
            (true, _) => 1.0,
            (false, 0) => f64::NAN,
            _ if loss.is_robust() => f64::NAN,
            (false, freedom) => scatter / freedom as f64,
        };
        match walk.local.inverse(&walk.held) {
            None => fitted.singular = true,
            Some(inverse) => {
                fitted.pivot = inverse.pivot;
                if !loss.is_robust() {
                    fitted.spread(&inverse.matrix);
                }
            }
        }
        fitted
    }

    /// Sets the covariance, which is the variance times a matrix, and the standard errors.
    pub(super) fn spread(&mut self, matrix: &[f64]) {
        let n = self.estimates.len();
        self.covariance = matrix.iter().map(|c| c * self.variance).collect();
        for (j, error) in self.errors.iter_mut().enumerate() {
            *error = if self.held[j] { f64::NAN } else { self.covariance[j * n + j].sqrt() };
        }
    }
}

/// The best of some ends; none where there are none.
pub(super) fn best(mut ends: Vec<Fitted>) -> Option<Fitted> {
    let bad = |end: &Fitted| end.status == Status::Value || end.objective.is_nan();
    let good = ends.iter().filter(|end| !bad(end)).map(|end| end.objective);
    let least = good.fold(f64::INFINITY, f64::min);
    let near = |end: &&Fitted| !bad(end) && end.objective - least <= 1e-6 * least.abs() + f64::MIN_POSITIVE;
    // Of places that are equally good, such as two peaks that change their names, the one that the first start finds.
    let chosen = ends.iter().position(|end| near(&end) && end.status == Status::Converged);
    let place = chosen.or_else(|| ends.iter().position(|end| near(&end))).unwrap_or(0);
    if ends.is_empty() {
        return None;
    }
    let agree = ends.iter().filter(near).count();
    Some(Fitted { start: place, agree, ..ends.swap_remove(place) })
}
