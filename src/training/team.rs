//! The objective and its gradient at some weights, by as many threads as pay.
//!
//! Flows in: tapes, rows; for each look the weights of some starts, and which rows. Flows out: F and its gradient for each.
//! Each thread has an engine of its own and takes a share of the pieces; what they add is joined piece by piece in order,
//! so the number of threads changes no bit.
//!
//! Who should not use it: anyone but `training`, whose steps follow each other too fast for threads begun for each.

use super::TrainingError;
use super::objective::Tapes;
use super::rows::{Rows, Summer, Which};
use crate::backend::{Backend, BackendError, reference};
use crate::real::Precision;
use crate::sums::Sum;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Instructions of rows for which another thread is asked: it takes some microseconds to wake.
const WORTH: usize = 400_000;

/// What is known at some weights: the objective, then its slopes.
pub(super) type Found = Vec<f64>;

/// Who looks.
pub(super) struct Team<'a> {
    tapes: &'a Tapes,
    rows: &'a Rows,
    own: Summer<'a>,
    others: Vec<Other>,
    sign: f64,
}

/// Another thread.
struct Other {
    ask: Sender<Ask>,
    answers: Receiver<Result<Sums, BackendError>>,
}

/// Sums of some pieces, one after the other.
type Sums = Vec<Vec<f64>>;

/// A share of the pieces.
struct Ask {
    weights: Arc<Vec<Vec<f64>>>,
    batch: Option<Arc<Vec<u32>>>,
    jobs: Vec<Job>,
}

/// A piece of the rows at the weights of a start.
#[derive(Clone)]
struct Job {
    start: usize,
    piece: Range<usize>,
}

/// Runs what needs a team; `maximize` turns the objective's sign.
pub(super) fn with_team<R>(
    (tapes, rows): (&Tapes, &Rows),
    precision: Precision,
    maximize: bool,
    backend: &dyn Backend,
    run: impl FnOnce(&mut Team<'_>) -> Result<R, TrainingError>,
) -> Result<R, TrainingError> {
    thread::scope(|scope| {
        let others = (1..backend.threads()).filter_map(|_| backend.alone());
        let others = others.map(|engine| {
            let ((ask, asked), (answer, answers)) = (channel(), channel());
            scope.spawn(move || serve(engine.as_ref(), (tapes, rows), precision, &asked, &answer));
            Other { ask, answers }
        });
        let others = others.collect();
        let engine = backend.alone();
        let own = Summer::new(&tapes.rows, precision, engine.as_deref().unwrap_or(backend), engine.is_none())?;
        run(&mut Team { tapes, rows, own, others, sign: if maximize { -1.0 } else { 1.0 } })
    })
}

/// Answers until nobody asks.
fn serve(
    engine: &dyn Backend,
    (tapes, rows): (&Tapes, &Rows),
    precision: Precision,
    asked: &Receiver<Ask>,
    answer: &Sender<Result<Sums, BackendError>>,
) {
    let mut summer = Summer::new(&tapes.rows, precision, engine, false);
    while let Ok(ask) = asked.recv() {
        let which = ask.batch.as_deref().map_or(Which::All, |batch| Which::Batch(batch));
        let sums = match &mut summer {
            Ok(summer) => sums(summer, rows, which, &ask.weights, &ask.jobs),
            Err(_) => Err(BackendError::Device("a thread could not prepare the objective".to_string())),
        };
        if answer.send(sums).is_err() {
            return;
        }
    }
}

fn sums(
    summer: &mut Summer<'_>,
    rows: &Rows,
    which: Which<'_>,
    weights: &[Vec<f64>],
    jobs: &[Job],
) -> Result<Sums, BackendError> {
    let sum = |job: &Job| Ok(summer.piece(rows, which, job.piece.clone(), &weights[job.start])?.to_vec());
    jobs.iter().map(sum).collect()
}

impl Team<'_> {
    /// The objective and its gradient, with the sign of what is minimised, at the weights of each start.
    pub(super) fn look(
        &mut self,
        weights: Vec<Vec<f64>>,
        batch: Option<&Arc<Vec<u32>>>,
    ) -> Result<Vec<Found>, TrainingError> {
        let which = batch.map_or(Which::All, |batch| Which::Batch(batch));
        let pieces = self.own.pieces(which.count(self.rows));
        let scale = self.rows.count() as f64 / which.count(self.rows) as f64;
        if let ([x], [piece]) = (weights.as_slice(), pieces.as_slice()) {
            // Many small steps follow each other: nothing is shared out.
            let sums = [self.own.piece(self.rows, which, piece.clone(), x)?.to_vec()];
            return Ok(vec![self.joined(x, &sums, scale)]);
        }
        let jobs = (0..weights.len())
            .flat_map(|start| pieces.iter().map(move |piece| Job { start, piece: piece.clone() }))
            .collect::<Vec<Job>>();
        let weights = Arc::new(weights);
        let found = self.shared(&jobs, &weights, batch, which)?;
        let of = |(x, sums): (&Vec<f64>, &[Vec<f64>])| self.joined(x, sums, scale);
        Ok(weights.iter().zip(found.chunks(pieces.len().max(1))).map(of).collect())
    }

    /// The sums of all jobs.
    fn shared(
        &mut self,
        jobs: &[Job],
        weights: &Arc<Vec<Vec<f64>>>,
        batch: Option<&Arc<Vec<u32>>>,
        which: Which<'_>,
    ) -> Result<Sums, TrainingError> {
        let rows: usize = jobs.iter().map(|job| job.piece.len()).sum();
        let work = rows.saturating_mul(self.tapes.rows.code.len());
        let threads = (1 + self.others.len()).min(1 + work / WORTH).min(jobs.len()).max(1);
        let mut shares = jobs.chunks(jobs.len().div_ceil(threads).max(1));
        let own = shares.next().unwrap_or_default();
        let mut asked = Vec::new();
        for (share, other) in shares.zip(&self.others) {
            let ask = Ask { weights: weights.clone(), batch: batch.cloned(), jobs: share.to_vec() };
            if other.ask.send(ask).is_ok() {
                asked.push(other);
            }
        }
        let mut all = sums(&mut self.own, self.rows, which, weights, own);
        // Every answer is taken, also where one failed: the next look would get it instead of its own.
        for other in asked {
            let gone = || BackendError::Device("a thread of the training has ended".to_string());
            let answer = other.answers.recv().map_err(|_| gone()).and_then(|answer| answer);
            all = all.and_then(|mut all| answer.map(|more| (all.extend(more), all).1));
        }
        Ok(all?)
    }

    /// The objective and its gradient from what the pieces add; a batch's sums stand for all rows, `scale` times as many.
    fn joined(&self, x: &[f64], pieces: &[Vec<f64>], scale: f64) -> Found {
        let (n, rows) = (x.len(), self.rows.count() as f64);
        if let ([piece], [mean], true) = (pieces, self.tapes.means.as_slice(), self.tapes.plain) {
            let factor = self.sign * if *mean { scale / rows } else { scale };
            return piece.iter().map(|sum| factor * sum).collect();
        }
        let mut totals = vec![Sum::default(); self.tapes.rows.outputs.len()];
        pieces.iter().for_each(|piece| totals.iter_mut().zip(piece).for_each(|(total, sum)| total.add(*sum)));
        let factor = |mean: bool| if mean { scale / rows } else { scale };
        let means = self.tapes.means.iter();
        let terms: Vec<Vec<f64>> = totals
            .chunks(n + 1)
            .zip(means)
            .map(|(sums, mean)| sums.iter().map(|sum| factor(*mean) * sum.value()).collect())
            .collect();
        let mut found = if self.tapes.plain { terms.concat() } else { self.chained(x, &terms) };
        found.iter_mut().for_each(|value| *value *= self.sign);
        found
    }

    /// What becomes of several reductions, or of one that is not all: by the chain rule.
    fn chained(&self, x: &[f64], terms: &[Vec<f64>]) -> Found {
        let n = x.len();
        let mut point = vec![0.0; self.tapes.whole.inputs.len()];
        point[..n].copy_from_slice(x);
        let first = point.len() - terms.len();
        point[first..].iter_mut().zip(terms).for_each(|(to, term)| *to = term[0]);
        let mut found = reference::at(&self.tapes.whole, &point);
        let outer = found.split_off(n + 1);
        for (slope, term) in outer.iter().zip(terms) {
            found[1..].iter_mut().zip(&term[1..]).for_each(|(g, inner)| *g += slope * inner);
        }
        found
    }
}
