//! Exact derivatives: reverse mode over the shared graph.
//!
//! Flows in: a graph, a root, the variables wanted. Flows out: one node per variable, in the same graph, so that
//! f and all partials share their subexpressions. The rules are the rows' `partials`, parsed from gradfield's own
//! language once per operation.
//!
//! The one hard thing: a branch that is not taken must not leak. In `if(x > 0, sqrt(x), 0)` at x = 0 the chain
//! rule would multiply the zero that flows into the branch by sqrt's infinite slope and give NaN. So adjoints are
//! kept apart by their *gate* (the conditions under which they flow at all), and the `if` is put back around the
//! finished product: `if(x > 0, 0.5 / sqrt(x), 0)`. Every partial of the form `if(condition, u, 0)` makes a gate,
//! so `max`, `min`, `clamp`, `relu` and `if` itself need no rule of their own.

use super::graph::{Graph, Id, Node};
use super::parse::{Context, Declared, parse};
use super::simplify;
use crate::op::{Op, Operations, ops};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// Why there is no derivative.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// The derivative of this operation is not in the language.
    #[error(
        "the derivative of `{0}` is not in the language (it is itself a second derivative of lgamma); \
         ask for the gradient only, or rewrite the expression without `{0}`"
    )]
    NoDerivative(&'static str),
    /// The graph grew past its limit.
    #[error(
        "the derivatives of this expression need more than {limit} operations; shorten it or use fewer variables",
        limit = Graph::LIMIT
    )]
    TooLarge,
}

/// The conditions under which an adjoint flows: (condition, whether it must be true), outermost first.
type Gate = Vec<(Id, bool)>;

/// What has flowed into a node so far, by gate, each a list of summands.
type Adjoint = BTreeMap<Gate, Vec<Id>>;

/// The partial derivatives of a row as a graph over a, b, c, y.
struct Rule {
    graph: Graph,
    partials: Vec<Id>,
}

/// Differentiates. Keeps the parsed rules, so one deriver serves a gradient and its Hessian.
#[derive(Default)]
pub struct Deriver {
    rules: HashMap<Op, Rule>,
}

impl Deriver {
    /// The partial derivatives of `root` with respect to the variables at `places`, in that order.
    ///
    /// # Errors
    /// - [`DeriveError::NoDerivative`] for an operation without one.
    /// - [`DeriveError::TooLarge`] past [`Graph::LIMIT`] nodes.
    pub fn gradient(&mut self, graph: &mut Graph, root: Id, places: &[u32]) -> Result<Vec<Id>, DeriveError> {
        let depends = depends_on(graph, root, places);
        let mut adjoints: BTreeMap<Id, Adjoint> = BTreeMap::new();
        let one = graph.number(1.0);
        adjoints.insert(root, Adjoint::from([(Gate::new(), vec![one])]));
        let mut partials: HashMap<u32, Id> = HashMap::new();
        while let Some((id, adjoint)) = adjoints.pop_last() {
            if graph.len() > Graph::LIMIT {
                return Err(DeriveError::TooLarge);
            }
            match graph.node(id) {
                Node::Number(_) => {}
                Node::Variable(place) => {
                    let sum = ungate(graph, adjoint);
                    partials.insert(place, sum);
                }
                Node::Apply(op, operands) => {
                    let slopes = self.partials(graph, op, operands, id)?;
                    for (operand, slope) in operands.iter().zip(slopes) {
                        if depends[operand.index()]
                            && let Some(slope) = slope
                        {
                            flow(graph, &adjoint, slope, *operand, &mut adjoints);
                        }
                    }
                }
            }
        }
        let zero = graph.number(0.0);
        Ok(places.iter().map(|place| partials.get(place).copied().unwrap_or(zero)).collect())
    }

    /// The row's partials with the operands and the result put in; none where the row says 0.
    fn partials(
        &mut self,
        graph: &mut Graph,
        op: Op,
        operands: [Id; 3],
        result: Id,
    ) -> Result<Vec<Option<Id>>, DeriveError> {
        let rule = match self.rules.entry(op) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(parse_rule_of(op)?),
        };
        let actual = [operands[0], operands[1], operands[2], result];
        let replace = |_: &mut Graph, place: u32| actual[place as usize];
        let slopes = graph.import_with(&rule.graph, &rule.partials, replace, simplify::apply);
        let stated = |k: usize| rule.graph.value(rule.partials[k]);
        Ok(slopes.into_iter().enumerate().map(|(k, slope)| (stated(k) != Some(0.0)).then_some(slope)).collect())
    }
}

/// Parses the partials of a row.
fn parse_rule_of(op: Op) -> Result<Rule, DeriveError> {
    if op.partials.len() != op.arity {
        return Err(DeriveError::NoDerivative(op.name));
    }
    let mut rule = Rule { graph: Graph::new(), partials: Vec::new() };
    let names = ["a", "b", "c", "y"];
    let declared = names.iter().map(|name| Declared { name: (*name).to_string(), components: None }).collect();
    // A row that a program adds may speak of itself.
    let operations = Operations::default().with(op.0);
    let context = Context { variables: Some(declared), operations, ..Context::default() };
    for text in op.partials {
        let parsed = parse(text, &context)
            .unwrap_or_else(|error| panic!("the partial `{text}` in the row of `{}`: {error}", op.name));
        let moved = rule.graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place));
        rule.partials.extend(moved);
    }
    Ok(rule)
}

/// Which nodes of `root`'s expression depend on the variables at `places`.
fn depends_on(graph: &Graph, root: Id, places: &[u32]) -> Vec<bool> {
    let mut depends = vec![false; root.index() + 1];
    for (id, node) in graph.iter().take(root.index() + 1) {
        depends[id.index()] = match node {
            Node::Number(_) => false,
            Node::Variable(place) => places.contains(&place),
            Node::Apply(..) => graph.operands(id).any(|operand| depends[operand.index()]),
        };
    }
    depends
}

/// Adds `adjoint * slope` to what has flowed into `operand`, behind the slope's gates if it has some.
fn flow(graph: &mut Graph, adjoint: &Adjoint, slope: Id, operand: Id, adjoints: &mut BTreeMap<Id, Adjoint>) {
    for (extra, slope) in gates_of(graph, slope) {
        for (gate, summands) in adjoint {
            let total = sum(graph, summands);
            let product = simplify::product(graph, total, slope);
            let gate: Gate = gate.iter().chain(&extra).copied().collect();
            adjoints.entry(operand).or_default().entry(gate).or_default().push(product);
        }
    }
}

/// Splits `if(c, u, v)` slopes into (gate, slope) pairs, dropping those that are the number 0.
fn gates_of(graph: &Graph, slope: Id) -> Vec<(Gate, Id)> {
    let mut open = vec![(Gate::new(), slope)];
    let mut done = Vec::new();
    while let Some((gate, slope)) = open.pop() {
        match graph.applied(slope) {
            Some((op, [condition, yes, no])) if op == ops::IF => {
                for (branch, wanted) in [(no, false), (yes, true)] {
                    let mut gate = gate.clone();
                    gate.push((condition, wanted));
                    open.push((gate, branch));
                }
            }
            // A zero that the row states; a zero that is an operand's value (`0 * ln(x)`) has no gate and flows.
            _ if !gate.is_empty() && graph.value(slope) == Some(0.0) => {}
            _ => done.push((gate, slope)),
        }
    }
    done
}

/// The sum of what flowed into a node by one gate, in the order of the users in the text.
fn sum(graph: &mut Graph, summands: &[Id]) -> Id {
    // Users were visited last to first; the reverse is the order in which they were written.
    let written: Vec<Id> = summands.iter().rev().copied().collect();
    simplify::sum(graph, &written)
}

/// Puts the `if`s back around the parts of a finished adjoint and adds the parts.
fn ungate(graph: &mut Graph, adjoint: Adjoint) -> Id {
    let mut parts: BTreeMap<Gate, Id> = BTreeMap::new();
    for (gate, summands) in adjoint {
        let part = sum(graph, &summands);
        parts.insert(gate, part);
    }
    // Innermost conditions first: each round closes the last gate of the longest paths, both branches at once.
    while let Some(longest) = parts.keys().map(Vec::len).max().filter(|n| *n > 0) {
        let gate = parts.keys().find(|gate| gate.len() == longest).expect("one has the longest length").clone();
        let (outer, (condition, wanted)) = (gate[..longest - 1].to_vec(), gate[longest - 1]);
        let mut other = gate.clone();
        other[longest - 1] = (condition, !wanted);
        let zero = graph.number(0.0);
        let here = parts.remove(&gate).unwrap_or(zero);
        let there = parts.remove(&other).unwrap_or(zero);
        let (yes, no) = if wanted { (here, there) } else { (there, here) };
        let closed = simplify::apply(graph, ops::IF, &[condition, yes, no]);
        let sum = match parts.remove(&outer) {
            Some(before) => simplify::apply(graph, ops::ADD, &[before, closed]),
            None => closed,
        };
        parts.insert(outer, sum);
    }
    parts.into_values().next().unwrap_or_else(|| graph.number(0.0))
}
