//! A training: looks at the objective, and steps of the weights, by turns.
//!
//! Flows in: a [`Plan`], a [`Team`] that looks, a [`Given`] that steps. Flows out: a [`Trained`] for each start. Who should not
//! use it: anyone but `training`.

use super::team::{Found, Team};
use super::{Plan, Trained, TrainingError, Visit};
use crate::backend::check_interrupt;
use crate::descent::{Given, Status};
use crate::random::Permutation;
use std::sync::Arc;

/// What is known of a start.
#[derive(Debug, Clone)]
struct Best {
    weights: Vec<f64>,
    found: Found,
    status: Status,
    steps: u64,
}

/// A training.
pub(super) struct Run<'a, 'b> {
    plan: &'a Plan,
    team: &'a mut Team<'b>,
    given: Given<'a>,
    /// Of each start; nothing before its first look.
    best: Vec<Option<Best>>,
    /// With mini-batches, where each start was last at which its objective was finite.
    latest: Vec<Option<Vec<f64>>>,
    count: usize,
    rows: usize,
    /// The order of the rows in this turn through them.
    order: Option<(u64, Permutation)>,
}

impl<'a, 'b> Run<'a, 'b> {
    /// Of so many starts, on so many rows.
    pub(super) fn new(
        plan: &'a Plan,
        team: &'a mut Team<'b>,
        given: Given<'a>,
        (count, rows): (usize, usize),
    ) -> Run<'a, 'b> {
        Run { plan, team, given, best: vec![None; count], latest: vec![None; count], count, rows, order: None }
    }

    /// All steps.
    pub(super) fn all(mut self, visit: &mut Visit<'_>) -> Result<Vec<Trained>, TrainingError> {
        let all_rows = self.plan.batch.is_none();
        for step in 0..self.plan.steps {
            check_interrupt()?;
            let active = self.active();
            if active.is_empty() {
                break;
            }
            self.given.look()?;
            let weights: Vec<Vec<f64>> = active.iter().map(|start| self.given.wanted(*start)).collect();
            let batch = self.batch(step);
            let tells = self.is_told(step);
            if tells && !all_rows {
                self.look_at_all(&active, &weights)?;
            }
            let found = self.team.look(weights.clone(), batch.as_ref())?;
            for ((start, x), found) in active.iter().zip(weights).zip(found) {
                self.given.tell(*start, &found);
                self.learn(*start, x, found, step, all_rows);
            }
            self.given.step()?;
            self.after();
            if tells {
                visit(step, &self.values())?;
            }
        }
        self.finish(visit)
    }

    /// Starts that are still moved.
    fn active(&self) -> Vec<usize> {
        let active = |start: &usize| self.best[*start].as_ref().is_none_or(|best| best.status == Status::Active);
        (0..self.count).filter(active).collect()
    }

    fn is_told(&self, step: u64) -> bool {
        step == 0 || self.plan.every > 0 && step.is_multiple_of(self.plan.every)
    }

    /// The rows of a step: the order of all is another in each turn through them.
    fn batch(&mut self, step: u64) -> Option<Arc<Vec<u32>>> {
        let size = self.plan.batch? as u64;
        let rows = self.rows as u64;
        let first = step.wrapping_mul(size);
        let (mut turn, mut place) = (first / rows, first % rows);
        let mut batch = Vec::with_capacity(size as usize);
        while (batch.len() as u64) < size {
            if self.order.as_ref().is_none_or(|(known, _)| *known != turn) {
                self.order = Some((turn, Permutation::new(self.plan.seed, turn, rows)));
            }
            let Some((_, order)) = &self.order else { return None };
            let mut part = vec![0; (rows - place).min(size - batch.len() as u64) as usize];
            order.part(place, &mut part);
            batch.extend(part.into_iter().map(|row| row as u32));
            (turn, place) = (turn + 1, 0);
        }
        Some(Arc::new(batch))
    }

    /// Keeps the objective over all rows, where mini-batches do not tell it.
    fn look_at_all(&mut self, active: &[usize], weights: &[Vec<f64>]) -> Result<(), TrainingError> {
        let found = self.team.look(weights.to_vec(), None)?;
        for ((start, x), found) in active.iter().zip(weights).zip(found) {
            let (status, steps) =
                self.best[*start].as_ref().map_or((Status::Active, 0), |best| (best.status, best.steps));
            self.best[*start] = Some(Best { weights: x.clone(), found, status, steps });
        }
        Ok(())
    }

    /// What a look says of a start that follows a rule. (A solver keeps its own best.)
    fn learn(&mut self, start: usize, x: Vec<f64>, found: Found, step: u64, all_rows: bool) {
        if self.plan.rule().is_none() {
            return;
        }
        let largest = found[1..].iter().fold(0.0f64, |most, g| if g.is_nan() { f64::NAN } else { most.max(g.abs()) });
        let status = if !found[0].is_finite() {
            Status::Value
        } else if !largest.is_finite() {
            Status::Gradient
        } else if all_rows && largest <= self.plan.tolerance {
            Status::Converged
        } else {
            Status::Active
        };
        if let (false, Status::Active, Some(best)) = (all_rows, status, &mut self.best[start]) {
            (best.steps, self.latest[start]) = (step + 1, Some(x));
            return;
        }
        let new = Best { weights: x, found, status, steps: step + 1 };
        match &mut self.best[start] {
            Some(best) if !all_rows || new.found[0].partial_cmp(&best.found[0]) != Some(std::cmp::Ordering::Less) => {
                (best.status, best.steps) = (status, step + 1);
                if status == Status::Converged {
                    *best = new;
                }
            }
            best => *best = Some(new),
        }
    }

    /// After a step: bounds, and what a solver says.
    fn after(&mut self) {
        if self.plan.rule().is_some() {
            self.plan.bounds.iter().for_each(|bounds| self.given.clamp(bounds));
            return;
        }
        for start in 0..self.count {
            if let Some((status, weights, found)) = self.given.best(start) {
                let steps = self.given.count(start);
                self.best[start] = Some(Best { weights, found, status, steps });
            }
        }
    }

    /// The objective of each start, with its own sign.
    fn values(&self) -> Vec<f64> {
        let sign = if self.plan.maximize { -1.0 } else { 1.0 };
        self.best.iter().map(|best| best.as_ref().map_or(f64::NAN, |best| sign * best.found[0])).collect()
    }

    /// The ends. Where a rule led is looked at over all rows: after the last step, and with mini-batches also before the
    /// step after which a start failed.
    fn finish(mut self, visit: &mut Visit<'_>) -> Result<Vec<Trained>, TrainingError> {
        if self.plan.rule().is_some() {
            let active = self.active();
            let place = |start: usize| match active.contains(&start) {
                true => Some(self.given.wanted(start)),
                false => self.latest[start].clone(),
            };
            let (starts, weights): (Vec<usize>, Vec<Vec<f64>>) =
                (0..self.count).filter_map(|start| Some((start, place(start)?))).unzip();
            let found = self.team.look(weights.clone(), None)?;
            for ((start, weights), found) in starts.into_iter().zip(weights).zip(found) {
                self.arrived(start, weights, found);
            }
        }
        let last = self.best.iter().flatten().map(|best| best.steps).max().unwrap_or(0);
        visit(last, &self.values())?;
        let best = self.best.into_iter().enumerate();
        let ended = |(start, best): (usize, Option<Best>)| {
            let Best { weights, found, status, steps } = best?;
            let status = if status == Status::Active { Status::Steps } else { status };
            Some(Trained { start, weights, value: found[0], gradient: found[1..].to_vec(), status, steps })
        };
        Ok(best.filter_map(ended).collect())
    }

    /// A start's last place, with what is found there over all rows.
    fn arrived(&mut self, start: usize, weights: Vec<f64>, found: Found) {
        let finite = found[0].is_finite();
        let Some(best) = &mut self.best[start] else { return };
        let status = match best.status {
            Status::Active if finite => Status::Steps,
            Status::Active => Status::Value,
            status => status,
        };
        best.status = status;
        if finite && (self.plan.batch.is_some() || found[0] < best.found[0]) {
            *best = Best { weights, found, status, steps: best.steps };
        }
    }
}
