//! The graph under construction: what the parser's operations do, and the bodies of a user's own functions.
//!
//! Flows in: values and operations, as the parser reads them. Flows out: the [`Graph`]. A number stays a number until
//! an operation needs it beside something else, so that constant arithmetic (a sum of a million numbers) leaves
//! nothing behind. Who should not use it: anyone but `parse.rs`.

use super::graph::{Graph, Id};
use crate::op::Op;
use std::collections::HashMap;
use std::rc::Rc;

/// What a part of a text stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Number(f64),
    /// A node of the graph under construction.
    Node(Id),
}

/// A function of the user's own: a graph whose first variables are its arguments, and whose others stand for what the
/// body refers to outside.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) arity: usize,
    graph: Graph,
    value: Value,
    outside: Vec<Id>,
}

/// The body of a function while it is read.
#[derive(Debug)]
struct Body {
    arity: usize,
    graph: Graph,
    outside: Vec<Id>,
    places: HashMap<Id, u32>,
}

impl Body {
    /// The variable of the body that stands for a node outside.
    fn reach(&mut self, id: Id) -> Id {
        let next = (self.arity + self.outside.len()) as u32;
        let place = *self.places.entry(id).or_insert_with(|| {
            self.outside.push(id);
            next
        });
        self.graph.variable(place)
    }
}

/// The graph of a text while it is read.
#[derive(Debug, Default)]
pub(super) struct Build {
    main: Graph,
    body: Option<Body>,
    /// Nodes of the finished functions.
    kept: usize,
    /// Nodes copied by calls.
    copied: usize,
}

impl Build {
    /// Nodes in memory.
    pub(super) fn size(&self) -> usize {
        self.main.len() + self.kept + self.body.as_ref().map_or(0, |body| body.graph.len())
    }

    /// Nodes visited by calls of the user's own functions: the work that the length of a text does not bound.
    pub(super) fn copied(&self) -> usize {
        self.copied
    }

    /// A variable of the text.
    pub(super) fn variable(&mut self, place: u32) -> Value {
        let id = self.main.variable(place);
        self.outer(Value::Node(id))
    }

    /// A value of the text where it is used: within the body of a function by way of a variable of that body.
    pub(super) fn outer(&mut self, value: Value) -> Value {
        match (value, &mut self.body) {
            (Value::Node(id), Some(body)) => Value::Node(body.reach(id)),
            _ => value,
        }
    }

    /// An argument within the body of the function that is read.
    pub(super) fn argument(&mut self, place: u32) -> Value {
        Value::Node(self.graph().variable(place))
    }

    /// An operation, folded where all operands are numbers.
    pub(super) fn apply(&mut self, op: Op, operands: &[Value]) -> Value {
        let mut numbers = [0.0; 3];
        let mut constant = true;
        for (number, operand) in numbers.iter_mut().zip(operands) {
            match operand {
                Value::Number(value) => *number = *value,
                Value::Node(_) => constant = false,
            }
        }
        if constant && op.folds() {
            return Value::Number(op.apply(numbers));
        }
        let graph = self.graph();
        let mut ids = [graph_id(graph, operands[0]); 3];
        for (id, operand) in ids.iter_mut().zip(operands).skip(1) {
            *id = graph_id(graph, *operand);
        }
        Value::Node(graph.apply(op, &ids[..operands.len()]))
    }

    /// Begins the body of a function.
    pub(super) fn begin(&mut self, arity: usize) {
        let (graph, outside, places) = Default::default();
        self.body = Some(Body { arity, graph, outside, places });
    }

    /// Ends the body of a function; `None` if none was begun.
    pub(super) fn end(&mut self, value: Value) -> Option<Rc<Function>> {
        let Body { arity, graph, outside, .. } = self.body.take()?;
        self.kept += graph.len();
        Some(Rc::new(Function { arity, graph, value, outside }))
    }

    /// A call of the user's own function.
    pub(super) fn call(&mut self, function: &Function, arguments: &[Value]) -> Value {
        let Value::Node(root) = function.value else { return function.value };
        self.copied += function.graph.len();
        let outside: Vec<Value> = function.outside.iter().map(|id| self.outer(Value::Node(*id))).collect();
        let replace = |graph: &mut Graph, place: u32| {
            let place = place as usize;
            graph_id(
                graph,
                arguments
                    .get(place)
                    .or_else(|| outside.get(place - arguments.len()))
                    .copied()
                    .expect("a variable of a body is an argument or outside"),
            )
        };
        let graph = self.graph();
        let id = graph.import(&function.graph, &[root], replace)[0];
        graph.value(id).map_or(Value::Node(id), Value::Number)
    }

    /// A graph of what `values` need, with the variables in their final places, and the values in it.
    pub(super) fn finish(mut self, values: &[Value], places: &[u32]) -> (Graph, Vec<Id>) {
        let ids: Vec<Id> = values.iter().map(|value| graph_id(&mut self.main, *value)).collect();
        let mut graph = Graph::new();
        let ids = graph.import(&self.main, &ids, |graph, place| graph.variable(places[place as usize]));
        (graph, ids)
    }

    /// The sum or product of a list so far and one more.
    pub(super) fn fold(&mut self, op: Op, so_far: Option<Value>, next: Value) -> Value {
        so_far.map_or(next, |so_far| self.apply(op, &[so_far, next]))
    }

    fn graph(&mut self) -> &mut Graph {
        self.body.as_mut().map_or(&mut self.main, |body| &mut body.graph)
    }
}

fn graph_id(graph: &mut Graph, value: Value) -> Id {
    match value {
        Value::Number(value) => graph.number(value),
        Value::Node(id) => id,
    }
}
