//! A rule as a solver: its steps, until the gradient vanishes.
//!
//! Beside the rule's own state a particle keeps the best point that it saw, which is where it ends. Its clock is its
//! own. With bounds a step is projected onto the box, and what the rule keeps for a coordinate that hits a bound begins
//! anew: a momentum that points outwards would hold it there for ever.

use super::Solver;
use super::algebra::Algebra;
use super::trial::{epsilon, project};
use crate::descent::fuse::Joined;
use crate::descent::{Rule, Status};
use crate::expr::{Graph, Id, Outputs};
use crate::real::Precision;
use crate::tape::{Input, Tape};

/// The best point, and what is known of it.
struct Best {
    x: Vec<Id>,
    f: Id,
    g: Vec<Id>,
}

/// The solver that takes the steps of a rule, which reads no noise.
pub(super) fn solver(
    outputs: &Outputs,
    rule: &Rule,
    bounds: Option<&[(f64, f64)]>,
    maximize: bool,
    precision: Precision,
) -> Solver {
    let n = outputs.variables.len();
    let joined = rule.join(outputs, maximize);
    let states = joined.next.len() - n;
    let columns = 3 * n + 3 + states;
    let mut a = Algebra { graph: Graph::new() };
    let knobs = [0, 1, 2, 3].map(|k| a.input(columns + k));
    let best = Best {
        x: (0..n).map(|k| a.input(k)).collect(),
        f: a.input(n),
        g: (0..n).map(|k| a.input(n + 3 + k)).collect(),
    };
    let (status, count) = (a.input(n + 1), a.input(n + 2));
    let one = a.number(1.0);
    let start = a.equal(count, 0.0);
    let clock = a.add(count, one);
    let x: Vec<Id> = (0..n)
        .map(|k| {
            let now = a.input(2 * n + 3 + k);
            a.pick(start, best.x[k], now)
        })
        .collect();
    let (value, gradient, next) = import(&mut a, &joined, &x, clock, columns);
    let (free, held) = project(&mut a, &x, &gradient, bounds);
    let (f_finite, size) = (a.finite(value), a.largest(&gradient));
    let size_finite = a.finite(size);
    let finite = a.and(f_finite, size_finite);
    let left = a.largest(&free);
    let small = a.at_most(left, knobs[0]);
    let converged = a.and(finite, small);
    let (moved, states) = bounded(&mut a, &next, n, bounds, rule);
    let active = a.equal(status, f64::from(Status::Active as u8));
    let take = {
        let lower = a.less(value, best.f);
        let better = a.or(lower, start);
        let better = a.or(better, converged);
        let better = a.and(better, finite);
        a.and(active, better)
    };
    let ended = Ended { start, finite, f_finite, converged, held: &held, here: &x, moved: &moved, clock };
    let next_status = ended.status(&mut a, precision, knobs);
    let next_status = a.pick(active, next_status, status);
    let count = a.pick(active, clock, count);
    let mut roots = a.picks(take, &x, &best.x);
    // What is found at the start is told, also where it is not finite and all ends there.
    let known = a.and(active, start);
    let known = a.or(known, take);
    roots.push(a.pick(known, value, best.f));
    roots.extend([next_status, count]);
    roots.extend(a.picks(take, &gradient, &best.g));
    roots.extend(moved);
    roots.extend(states);
    debug_assert_eq!(roots.len(), columns);
    let names: Vec<String> = (0..columns).map(|k| format!("s{k}")).collect();
    let mut inputs = Input::varying(&names);
    let knobs = ["tolerance", "steps", "reach", "far"].map(String::from);
    let own = joined.inputs.iter().filter(|input| input.uniform).skip(1).map(|input| input.name.clone());
    inputs.extend(knobs.into_iter().chain(own).map(|name| Input { name, uniform: true }));
    let constants = rule.uniforms()[1..].to_vec();
    Solver { tape: Tape::lower(&a.graph, inputs, &roots), trial: None, dimension: n, constants }
}

/// f, its gradient and the next state at x, with the particle's own clock.
fn import(a: &mut Algebra, joined: &Joined, x: &[Id], clock: Id, columns: usize) -> (Id, Vec<Id>, Vec<Id>) {
    let n = x.len();
    let varying = joined.inputs.iter().filter(|input| !input.uniform).count();
    let roots: Vec<Id> = [&[joined.value], &joined.gradient[..], &joined.next].concat();
    let found = a.graph.import(&joined.graph, &roots, |graph, place| match place as usize {
        place if place < n => x[place],
        place if place < varying => graph.variable((3 * n + 3 + place - n) as u32),
        place if place == varying => clock,
        place => graph.variable((columns + 4 + place - varying - 1) as u32),
    });
    (found[0], found[1..=n].to_vec(), found[n + 1..].to_vec())
}

/// The next coordinates within the bounds, and the states, 0 for coordinates that were stopped there.
fn bounded(a: &mut Algebra, next: &[Id], n: usize, bounds: Option<&[(f64, f64)]>, rule: &Rule) -> (Vec<Id>, Vec<Id>) {
    let (x, states) = next.split_at(n);
    let Some(bounds) = bounds else { return (x.to_vec(), states.to_vec()) };
    let zero = a.number(0.0);
    let (mut moved, mut inside) = (Vec::new(), Vec::new());
    for (x, (lower, upper)) in x.iter().zip(bounds) {
        let (lower, upper) = (a.number(*lower), a.number(*upper));
        let (above, below) = (a.at_most(lower, *x), a.at_most(*x, upper));
        inside.push(a.and(above, below));
        let bounded = a.max(*x, lower);
        moved.push(a.min(bounded, upper));
    }
    let mut kept = Vec::new();
    let mut rest = states.iter();
    for local in rule.local() {
        for inside in inside.iter().take(if local { n } else { 1 }) {
            let state = *rest.next().expect("a column for each state");
            kept.push(if local { a.pick(*inside, state, zero) } else { state });
        }
    }
    (moved, kept)
}

/// What decides whether it ends.
struct Ended<'a> {
    start: Id,
    finite: Id,
    f_finite: Id,
    converged: Id,
    held: &'a [Option<Id>],
    here: &'a [Id],
    moved: &'a [Id],
    clock: Id,
}

impl Ended<'_> {
    /// Why it ends here, if it does: the last that holds of the following.
    fn status(&self, a: &mut Algebra, precision: Precision, knobs: [Id; 4]) -> Id {
        let [_, steps, _, far] = knobs;
        let code = |a: &mut Algebra, status: Status| a.number(f64::from(status as u8));
        let mut status = code(a, Status::Active);
        let mut when = |a: &mut Algebra, condition: Id, reason: Id| status = a.pick(condition, reason, status);
        let used_up = a.at_most(steps, self.clock);
        let reason = code(a, Status::Steps);
        when(a, used_up, reason);
        let least = a.number(epsilon(precision) / 2.0);
        let mut still = a.not(self.start);
        for (here, moved) in self.here.iter().zip(self.moved) {
            let (step, size) = (a.sub(*moved, *here), a.abs(*here));
            let (step, least) = (a.abs(step), a.mul(least, size));
            let tiny = a.at_most(step, least);
            still = a.and(still, tiny);
        }
        let reason = code(a, Status::SmallStep);
        when(a, still, reason);
        let size = a.largest(self.here);
        let away = a.less(far, size);
        let reason = code(a, Status::Escaped);
        when(a, away, reason);
        let held = self.held.iter().flatten().copied().reduce(|x, y| a.or(x, y));
        let (inside, bound) = (code(a, Status::Converged), code(a, Status::Bound));
        let reason = held.map_or(inside, |held| a.pick(held, bound, inside));
        when(a, self.converged, reason);
        let unusable = a.not(self.finite);
        let (value, gradient) = (code(a, Status::Value), code(a, Status::Gradient));
        let reason = a.pick(self.f_finite, gradient, value);
        when(a, unusable, reason);
        status
    }
}
