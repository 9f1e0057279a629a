//! A rule fused with f's gradient into one tape that maps a state to the next.
//!
//! Flows in: a [`Rule`], an expression's gradient. Flows out: [`Fused`]. The rule is parsed into the same language as f
//! and joins the graph of its gradient, so the CPU and the GPU run the same rule by construction and shared work is
//! shared.
//!
//! The state is, column by column: the coordinates; each state of the rule, for every coordinate or, where nothing in
//! it tells one coordinate from another (a step's size, a sum over all), once for the particle; and for a rule that
//! reads `noise` two keys per coordinate, which no step changes.

use super::DescentError;
use super::rule::{PREDEFINED, Rule, TOTAL};
use crate::expr::graph::Node;
use crate::expr::{Graph, Id, Outputs};
use crate::op::{NOISE_STEPS, ops};
use crate::points::Values;
use crate::random;
use crate::real::Precision;
use crate::tape::{Input, Tape};
use std::collections::HashMap;

/// Places of the predefined names.
const X: usize = 0;
const G: usize = 1;
const T: usize = 2;
const F: usize = 3;
const G2: usize = 4;
const NOISE: usize = 5;

/// A rule and a gradient in one tape: (coordinates, states) to the next (coordinates, states).
#[derive(Debug, Clone)]
pub struct Fused {
    /// Varying inputs and outputs: the columns of the state; uniform inputs: t, hyper-parameters, the bound on the
    /// gradient.
    pub tape: Tape,
    /// Number of coordinates.
    pub dimension: usize,
    /// Whether the last columns are the keys of the noise.
    noisy: bool,
}

impl Fused {
    /// The state of particles before their first step, from a column of starts for each coordinate: what the rule keeps
    /// is 0. `seed` decides the noise of a rule that has some, with the particle's place and the coordinate's.
    pub fn state(&self, starts: Vec<Values>, seed: u64) -> Vec<Values> {
        self.state_from(starts, seed, 0)
    }

    /// The same of some of very many particles: the first of these has the number `first`.
    pub fn state_from(&self, mut starts: Vec<Values>, seed: u64, first: u64) -> Vec<Values> {
        let (particles, precision) = starts.first().map_or((0, Precision::F64), |x| (x.len(), x.precision()));
        let keys = if self.noisy { 2 * self.dimension } else { 0 };
        starts.resize(self.tape.outputs.len() - keys, Values::zeros(precision, particles));
        for key in 0..keys {
            let (coordinate, part) = (key / 2, key % 2);
            let item = |k: usize| (first + k as u64).wrapping_mul(self.dimension as u64) + coordinate as u64;
            let number = |k: usize| random::keys(seed, item(k))[part];
            starts.push(Values::from_f64(precision, &(0..particles).map(number).collect::<Vec<f64>>()));
        }
        starts
    }

    /// A rule in a tape that has f and its gradient for inputs as well (`given.rs`).
    pub(super) fn of(tape: Tape, dimension: usize, rule: &Rule) -> Fused {
        Fused { tape, dimension, noisy: rule.reads("noise") }
    }

    /// The state of particles before their first step, with columns for f and its gradient last.
    pub(super) fn state_given(&self, starts: Vec<Values>, seed: u64) -> Vec<Values> {
        let mut state = self.state(starts, seed);
        let (all, last) = (self.tape.outputs.len(), self.dimension + 1);
        let keys = state.split_off(all - if self.noisy { 2 * self.dimension } else { 0 });
        state.truncate(all - last - keys.len());
        state.extend(keys);
        let empty = Values::zeros(state[0].precision(), state[0].len());
        state.resize(all, empty);
        state
    }

    /// Looks whether so many steps can be taken in a format.
    ///
    /// # Errors
    /// - [`DescentError::Noise`] if the noise would repeat itself.
    pub fn check(&self, steps: u64, precision: Precision) -> Result<(), DescentError> {
        let most = if self.noisy && precision == Precision::F32 { NOISE_STEPS } else { u64::MAX };
        if steps > most { Err(DescentError::Noise { steps, most }) } else { Ok(()) }
    }
}

/// A rule and a gradient in one graph, whose variables are the state and the uniform inputs.
pub(super) struct Joined {
    pub(super) graph: Graph,
    pub(super) inputs: Vec<Input>,
    /// The next state, column by column.
    pub(super) next: Vec<Id>,
    /// What is to be minimised, and its gradient as the rule sees it.
    pub(super) value: Id,
    pub(super) gradient: Vec<Id>,
}

impl Rule {
    /// Fuses the rule with f and its gradient (`outputs`: f first, then the n partials). `maximize` climbs.
    pub fn fuse(&self, outputs: &Outputs, maximize: bool) -> Fused {
        let Joined { graph, inputs, next, .. } = self.join(outputs, maximize);
        let tape = Tape::lower(&graph, inputs, &next);
        Fused { tape, dimension: outputs.variables.len(), noisy: self.reads("noise") }
    }

    /// Whether it moves each coordinate by what is known of it alone, and f.
    pub(super) fn is_separable(&self) -> bool {
        let graph = &self.parsed.graph;
        let needed = graph.reachable(&self.new_values());
        let sums =
            graph.iter().any(|(id, node)| needed[id.index()] && matches!(node, Node::Apply(op, _) if op == TOTAL));
        !sums && !self.clips() && !self.reads("g2")
    }

    /// Of each state, whether every coordinate has its own.
    pub(super) fn local(&self) -> Vec<bool> {
        local(self)
    }

    /// The same as a graph.
    pub(super) fn join(&self, outputs: &Outputs, maximize: bool) -> Joined {
        let mut fusion = Fusion::new(self, outputs, maximize);
        fusion.sum_up();
        let dimension = outputs.variables.len();
        let wanted = self.new_values();
        let next: Vec<Vec<Id>> = (0..dimension).map(|i| fusion.at(i, &wanted)).collect();
        let mut roots: Vec<Id> = Vec::new();
        for (k, local) in std::iter::once(true).chain(fusion.columns.local.iter().copied()).enumerate() {
            roots.extend(next.iter().take(if local { dimension } else { 1 }).map(|values| values[k]));
        }
        let Fusion { mut graph, columns, value, gradient, .. } = fusion;
        roots.extend((columns.keys..columns.clock).map(|place| graph.variable(place as u32)));
        Joined { graph, inputs: columns.inputs(self, &outputs.variables), next: roots, value, gradient }
    }
}

/// Where the inputs of a fused tape lie.
struct Columns {
    /// Of each state, whether every coordinate has its own,
    local: Vec<bool>,
    /// and its first column.
    first: Vec<usize>,
    /// The first key of the noise, if there is noise.
    keys: usize,
    /// The number of the step; the hyper-parameters follow.
    clock: usize,
}

impl Columns {
    fn of(rule: &Rule, dimension: usize) -> Columns {
        let local = local(rule);
        let mut next = dimension;
        let mut first = Vec::new();
        for local in &local {
            first.push(next);
            next += if *local { dimension } else { 1 };
        }
        let keys = if rule.reads("noise") { 2 * dimension } else { 0 };
        Columns { local, first, keys: next, clock: next + keys }
    }

    fn inputs(&self, rule: &Rule, variables: &[String]) -> Vec<Input> {
        let mut names: Vec<String> = variables.to_vec();
        for (state, local) in rule.states.iter().zip(&self.local) {
            match local {
                true => names.extend(variables.iter().map(|variable| format!("{state}.{variable}"))),
                false => names.push(state.clone()),
            }
        }
        if self.clock > self.keys {
            names.extend(variables.iter().flat_map(|v| [format!("noise.{v}.1"), format!("noise.{v}.2")]));
        }
        let mut inputs = Input::varying(&names);
        inputs.extend(rule.uniform_names().map(|name| Input { name: name.to_string(), uniform: true }));
        inputs
    }
}

/// Which states differ between the coordinates of a particle: those that follow from x, g or noise otherwise than by a
/// sum over all, or from another such state.
fn local(rule: &Rule) -> Vec<bool> {
    let graph = &rule.parsed.graph;
    let wanted = rule.new_values();
    let states = rule.parsed.variables.len() - rule.states.len();
    let mut local = vec![false; rule.states.len()];
    loop {
        let mut differs = vec![false; graph.len()];
        for (id, node) in graph.iter() {
            differs[id.index()] = match node {
                Node::Number(_) => false,
                Node::Variable(place) => match place as usize {
                    X | G | NOISE => true,
                    place => place >= states && local[place - states],
                },
                Node::Apply(op, _) => op != TOTAL && graph.operands(id).any(|operand| differs[operand.index()]),
            };
        }
        let found: Vec<bool> = wanted[1..].iter().map(|id| differs[id.index()]).collect();
        if found == local {
            return local;
        }
        local = found;
    }
}

/// The graph of the gradient, and what the names of a rule mean in it.
struct Fusion<'a> {
    rule: &'a Rule,
    graph: Graph,
    columns: Columns,
    value: Id,
    gradient: Vec<Id>,
    squared_norm: Id,
    clock: Id,
    /// By the place of the hyper-parameter.
    schedules: HashMap<usize, Id>,
    /// The sums over all coordinates, by their node in the rule's graph.
    totals: HashMap<Id, Id>,
}

impl<'a> Fusion<'a> {
    fn new(rule: &'a Rule, outputs: &Outputs, maximize: bool) -> Fusion<'a> {
        let columns = Columns::of(rule, outputs.variables.len());
        let mut graph = outputs.graph.clone();
        let signed = |graph: &mut Graph, id: &Id| if maximize { graph.apply(ops::NEG, &[*id]) } else { *id };
        let value = signed(&mut graph, &outputs.outputs[0]);
        let mut gradient: Vec<Id> = outputs.outputs[1..].iter().map(|id| signed(&mut graph, id)).collect();
        if rule.clips() {
            let bound = graph.variable((columns.clock + 1 + rule.parameters().len()) as u32);
            gradient = clipped(&mut graph, &gradient, bound);
        }
        let squares: Vec<Id> = gradient.iter().map(|g| graph.apply(ops::MUL, &[*g, *g])).collect();
        let squared_norm = total(&mut graph, &squares);
        let clock = graph.variable(columns.clock as u32);
        let mut schedules = HashMap::new();
        for (place, schedule) in &rule.schedules {
            let schedule = schedule.value();
            schedules.insert(*place, graph.import(&schedule.graph, &schedule.outputs, |_, _| clock)[0]);
        }
        Fusion { rule, graph, columns, value, gradient, squared_norm, clock, schedules, totals: HashMap::new() }
    }

    /// Makes the sums over all coordinates, inner ones first.
    fn sum_up(&mut self) {
        let parsed = &self.rule.parsed.graph;
        for (id, node) in parsed.iter() {
            if let Node::Apply(op, [operand, ..]) = node
                && op == TOTAL
            {
                let terms: Vec<Id> = (0..self.gradient.len()).map(|i| self.at(i, &[operand])[0]).collect();
                let sum = total(&mut self.graph, &terms);
                self.totals.insert(id, sum);
            }
        }
    }

    /// Nodes of the rule for one coordinate.
    fn at(&mut self, i: usize, wanted: &[Id]) -> Vec<Id> {
        let parsed = &self.rule.parsed.graph;
        let needed = parsed.reachable(wanted);
        let mut made: Vec<Option<Id>> = vec![None; parsed.len()];
        for (id, node) in parsed.iter().filter(|(id, _)| needed[id.index()]) {
            made[id.index()] = Some(match node {
                Node::Number(bits) => self.graph.number(f64::from_bits(bits)),
                Node::Variable(place) => self.name(place as usize, i),
                Node::Apply(op, _) if op == TOTAL => self.totals[&id],
                Node::Apply(op, operands) => {
                    let operands = operands.map(|o| made[o.index()].expect("operands come first"));
                    self.graph.apply(op, &operands[..op.arity])
                }
            });
        }
        wanted.iter().map(|id| made[id.index()].expect("it is wanted")).collect()
    }

    /// What a name of the rule stands for at a coordinate.
    fn name(&mut self, place: usize, i: usize) -> Id {
        let parameters = self.rule.parameters().len();
        let column = match place {
            X => i,
            G => return self.gradient[i],
            T => return self.clock,
            F => return self.value,
            G2 => return self.squared_norm,
            NOISE => {
                let [a, b] = [0, 1].map(|part| self.graph.variable((self.columns.keys + 2 * i + part) as u32));
                return self.graph.apply(ops::NOISE, &[a, b, self.clock]);
            }
            k if k < PREDEFINED.len() + parameters => match self.schedules.get(&(k - PREDEFINED.len())) {
                Some(schedule) => return *schedule,
                None => self.columns.clock + 1 + k - PREDEFINED.len(),
            },
            k => {
                let state = k - PREDEFINED.len() - parameters;
                self.columns.first[state] + if self.columns.local[state] { i } else { 0 }
            }
        };
        self.graph.variable(column as u32)
    }
}

fn total(graph: &mut Graph, terms: &[Id]) -> Id {
    let sum = terms.iter().copied().reduce(|sum, next| graph.apply(ops::ADD, &[sum, next]));
    sum.unwrap_or_else(|| graph.number(0.0))
}

/// The gradient, shortened to `bound` where it is longer. It is measured against its largest component (or the bound):
/// squares would overflow just where a bound is needed most, and a particle would stand still.
fn clipped(graph: &mut Graph, gradient: &[Id], bound: Id) -> Vec<Id> {
    let mut largest = bound;
    for g in gradient {
        let size = graph.apply(ops::ABS, &[*g]);
        largest = graph.apply(ops::MAX, &[size, largest]);
    }
    let scaled: Vec<Id> = gradient.iter().map(|g| graph.apply(ops::DIV, &[*g, largest])).collect();
    let squares: Vec<Id> = scaled.iter().map(|g| graph.apply(ops::MUL, &[*g, *g])).collect();
    let sum = total(graph, &squares);
    let norm = graph.apply(ops::SQRT, &[sum]);
    let allowed = graph.apply(ops::DIV, &[bound, largest]);
    let long = graph.apply(ops::GT, &[norm, allowed]);
    let factor = graph.apply(ops::DIV, &[bound, norm]);
    let shorter = |(g, scaled): (&Id, &Id)| {
        let short = graph.apply(ops::MUL, &[*scaled, factor]);
        graph.apply(ops::IF, &[long, short, *g])
    };
    gradient.iter().zip(&scaled).map(shorter).collect()
}
