//! Hops: from the best minima that starts have led to, to better ones that no start leads to.
//!
//! Flows in: the table of the starts, a [`Plan`], an engine in f64. Flows out: the table with what is better, and [`Hops`],
//! what it took. A population of the best points lives through generations of `moves`: trials whose f is
//! evaluated side by side, each in the place of its parent if it is no worse; where that brings nothing more, searches start
//! from such trials. What becomes of it depends on the table, the seed and the budget alone, so that joined shares hop as one
//! run does. Shares of starts are not touched: a minimum that hops alone have found has no hits.
//!
//! Who should not use it: who wants to know where starts lead; that is the table before.

use super::DescentError;
use super::basins::{Basins, Cell};
use super::minima::{Gain, Minima};
use super::moves::{Draw, Ground, Member};
use super::search::{Method, Search, Searcher};
use crate::backend::{Backend, check_interrupt};
use crate::expr::Expression;
use crate::field::Evaluator;
use crate::points::Points;
use crate::real::Precision;
use std::time::Instant;

/// Evaluations as a share of those that the starts took, and the fewest.
const SHARE: u64 = 2;
const FEWEST: u64 = 20_000;
/// Members: so many for each variable, the fewest, the most.
const MEMBERS: (usize, usize, usize) = (8, 40, 100);
/// Searches of a round.
const SEARCHES: usize = 96;
/// Evaluations of a search: one that takes more is slow, and its end is begun from again.
const STEPS: u64 = 200;
/// Generations without a better best after which searches are made; rounds without one after which all begins anew;
/// populations without one after which it ends.
const PATIENCE: (usize, usize, usize) = (25, 2, 3);
/// What counts as better: a share of the range of the members' f, and of what it was in the first place.
const BETTER: (f64, f64) = (1e-3, 1e-15);
/// Ends that are looked at for the table.
const ENDS: usize = 1024;

/// How much to do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The seed of the moves.
    pub seed: u64,
    /// Evaluations of f, with its gradient or without; none for half as many as the starts took, 20000 at least.
    pub evaluations: Option<u64>,
    /// Nothing begins later.
    pub until: Option<Instant>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hops {
    /// Evaluations of f, with its gradient or without.
    pub evaluations: u64,
    /// Searches among them, by BFGS or L-BFGS.
    pub searches: u64,
    /// What they brought.
    pub gain: Gain,
}

/// Hops from a table of `basins`; `search` is what led to it.
///
/// # Errors
/// As [`Searcher::run`] and [`Minima::of`].
pub fn hop(
    before: Minima,
    basins: &Basins,
    expression: &Expression,
    search: &Search,
    plan: &Plan,
    backend: &dyn Backend,
) -> Result<(Minima, Hops), DescentError> {
    let budget = plan.evaluations.unwrap_or((basins.evaluations() / SHARE).max(FEWEST));
    if budget == 0 || before.rows.is_empty() && basins.unfinished().is_none() {
        return Ok((before, Hops::default()));
    }
    let mut phase = Phase::new(&before, basins, expression, search, backend, (plan, budget))?;
    phase.run(basins)?;
    let (ends, mut done) = phase.into_best();
    let mut better = basins.emptied();
    for (k, end) in ends.into_iter().enumerate() {
        better.add_cell(&Cell { particle: k as u64, x: end.x, f: signed(basins, end.f), hits: 1 });
    }
    let found = Minima::of(&better, expression, search.bounds.as_deref(), search.tolerance, backend)?;
    let (minima, gain) = before.with_better(found, basins);
    done.gain = gain;
    Ok((minima, done))
}

/// f with its own sign.
fn signed(basins: &Basins, f: f64) -> f64 {
    if basins.maximize() { -f } else { f }
}

/// All that is on its way.
struct Phase<'a> {
    minima: &'a Minima,
    sign: f64,
    evaluator: Evaluator<'a>,
    searcher: Searcher<'a>,
    ranges: Vec<(f64, f64)>,
    plan: &'a Plan,
    budget: u64,
    members: Vec<Member>,
    best: usize,
    /// How far apart the f of a population's better half were at first.
    scale: f64,
    /// Draws that were made.
    items: u64,
    /// Of searches that succeeded, better than the table.
    ends: Vec<Member>,
    done: Hops,
}

impl<'a> Phase<'a> {
    fn new(
        minima: &'a Minima,
        basins: &Basins,
        expression: &Expression,
        search: &Search,
        backend: &'a dyn Backend,
        (plan, budget): (&'a Plan, u64),
    ) -> Result<Phase<'a>, DescentError> {
        let search = Search { method: Method::Auto, steps: search.steps.min(STEPS), ..search.clone() };
        Ok(Phase {
            minima,
            sign: if basins.maximize() { -1.0 } else { 1.0 },
            evaluator: Evaluator::new(&expression.value(), backend, Precision::F64)?,
            ranges: search.ranges.clone(),
            searcher: Searcher::new(expression, search, backend, Precision::F64)?,
            plan,
            budget,
            members: Vec::new(),
            best: 0,
            scale: 0.0,
            items: 0,
            ends: Vec::new(),
            done: Hops::default(),
        })
    }

    /// Population after population, until some brought nothing.
    fn run(&mut self, basins: &Basins) -> Result<(), DescentError> {
        let known = self.minima.rows.first().map_or(f64::INFINITY, |row| self.sign * row.f);
        let (mut best, mut idle, mut epoch) = (known, 0, 0);
        while !self.is_over() && idle < PATIENCE.2 {
            self.populate(basins, epoch)?;
            let mut rounds = 0;
            while !self.is_over() && rounds < PATIENCE.1 {
                check_interrupt()?;
                let better = self.generations()?;
                rounds = if self.search()? || better { 0 } else { rounds + 1 };
            }
            let now = self.members[self.best].f;
            let least = (1e-9 * best.abs()).max(BETTER.1 * self.scale);
            idle = if best == f64::INFINITY || now < best - least { 0 } else { idle + 1 };
            best = best.min(now);
            epoch += 1;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.done.evaluations >= self.budget || self.plan.until.is_some_and(|until| Instant::now() >= until)
    }

    fn draw(&mut self) -> Draw {
        self.items += 1;
        Draw::new(self.plan.seed, self.items)
    }

    /// The first population is of the best rows, those after it by turns of the whole box and of rows of all ranks.
    fn populate(&mut self, basins: &Basins, epoch: usize) -> Result<(), DescentError> {
        let rows = &self.minima.rows;
        let count = (MEMBERS.0 * self.ranges.len()).clamp(MEMBERS.1, MEMBERS.2);
        let mut points: Vec<Vec<f64>> = Vec::new();
        if epoch == 0 {
            points.extend(basins.unfinished().map(|one| one.x.clone()));
            points.extend(rows.iter().take(count).map(|row| row.x.clone()));
        } else if epoch.is_multiple_of(2) && !rows.is_empty() {
            for _ in 0..count / 2 {
                let rank = self.draw().unit().powi(2) * rows.len() as f64;
                points.push(rows[(rank as usize).min(rows.len() - 1)].x.clone());
            }
        }
        points.truncate(count);
        while points.len() < count {
            let mut draw = self.draw();
            points.push(self.ranges.iter().map(|range| draw.within(*range)).collect());
        }
        let values = self.values(&points)?;
        self.members = points.into_iter().zip(values).map(|(x, f)| Member { x, f }).collect();
        self.find_best();
        let mut finite: Vec<f64> = self.members.iter().map(|member| member.f).filter(|f| f.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        self.scale = finite.get(finite.len() / 2).map_or(0.0, |middle| middle - finite[0]);
        Ok(())
    }

    /// f at points, with the sign of what is minimised; infinite where it is no number.
    fn values(&mut self, points: &[Vec<f64>]) -> Result<Vec<f64>, DescentError> {
        let column = |v: usize| points.iter().map(|x| x[v]).collect();
        let points = Points::columns((0..self.ranges.len()).map(column).collect());
        let values = self.evaluator.evaluate(&points)?[0].to_f64();
        self.done.evaluations += values.len() as u64;
        let sound = |f: f64| if f.is_finite() { f } else { f64::INFINITY };
        Ok(values.into_iter().map(|f| sound(self.sign * f)).collect())
    }

    fn find_best(&mut self) {
        let members = &self.members;
        let order = |a: &usize, b: &usize| members[*a].f.total_cmp(&members[*b].f);
        self.best = (0..members.len()).min_by(order).unwrap_or(0);
    }

    /// What the best must come below to be better.
    fn mark(&self) -> f64 {
        let best = self.members[self.best].f;
        let finite = self.members.iter().map(|member| member.f).filter(|f| f.is_finite());
        best - (BETTER.0 * (finite.fold(best, f64::max) - best)).max(BETTER.1 * self.scale)
    }

    /// Generations of evaluations, until the best gets no better. Whether it did.
    fn generations(&mut self) -> Result<bool, DescentError> {
        let (mut mark, mut idle, mut better) = (self.mark(), 0, false);
        while idle < PATIENCE.0 && !self.is_over() {
            let trials: Vec<Vec<f64>> = (0..self.members.len())
                .map(|k| {
                    let mut draw = self.draw();
                    self.ground().trial(k, &mut draw)
                })
                .collect();
            let values = self.values(&trials)?;
            for ((member, x), f) in self.members.iter_mut().zip(trials).zip(values) {
                if f <= member.f {
                    *member = Member { x, f };
                }
            }
            self.find_best();
            if self.members[self.best].f < mark {
                (mark, idle, better) = (self.mark(), 0, true);
            } else {
                idle += 1;
            }
        }
        Ok(better)
    }

    fn ground(&self) -> Ground<'_> {
        Ground { members: &self.members, best: self.best, ranges: &self.ranges }
    }

    /// Searches from the best and from hops of some members. Whether the best got better.
    fn search(&mut self) -> Result<bool, DescentError> {
        let mut who = vec![self.best];
        let mut points = vec![self.members[self.best].x.clone()];
        for _ in 1..SEARCHES {
            let mut draw = self.draw();
            let k = draw.below(self.members.len());
            who.push(k);
            points.push(self.ground().hop(k, &mut draw));
        }
        let mark = self.mark();
        let columns: Vec<Vec<f64>> = (0..self.ranges.len()).map(|v| points.iter().map(|x| x[v]).collect()).collect();
        let ends = self.searcher.batch(columns, 0)?;
        self.done.evaluations += ends.steps.iter().map(|steps| u64::from(*steps)).sum::<u64>();
        self.done.searches += ends.len() as u64;
        for (k, place) in who.into_iter().enumerate() {
            let f = self.sign * ends.values.get(k);
            let x: Vec<f64> = ends.positions.iter().map(|column| column.get(k)).collect();
            if !f.is_finite() || !x.iter().all(|x| x.is_finite()) {
                continue;
            }
            let end = Member { x, f };
            if ends.statuses[k].is_success() && self.minima.rows.first().is_none_or(|row| f < self.sign * row.f) {
                self.ends.push(end.clone());
            }
            if f <= self.members[place].f {
                self.members[place] = end;
            }
        }
        self.find_best();
        Ok(self.members[self.best].f < mark)
    }

    /// The best ends, the best first, and what was done.
    fn into_best(mut self) -> (Vec<Member>, Hops) {
        self.ends.sort_by(|a, b| a.f.total_cmp(&b.f));
        self.ends.truncate(ENDS);
        (self.ends, self.done)
    }
}
