//! The deduplicated graph of an expression.
//!
//! Flows in: numbers, variables and operations, children before parents. Flows out: [`Graph`], whose nodes are
//! unique (the same operation on the same operands is the same [`Id`]) and in topological order: an operand's id
//! is smaller than its user's, so every pass over a graph is a loop, never a recursion.
//!
//! Constants are folded as they are made, in f64; nothing else is simplified here.

use crate::op::{Op, ops};
use std::collections::HashMap;

/// A node of a graph. Ids of different graphs must not be mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    /// The place in the graph, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A number, by its bits (so that NaN equals itself and -0 differs from 0).
    Number(u64),
    /// An input, by its place in the list of variables.
    Variable(u32),
    /// An operation; operands beyond its arity repeat the first.
    Apply(Op, [Id; 3]),
}

/// A deduplicated expression graph.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Graph {
    /// The most nodes a graph may have: some 100 MB with its tape. The parser and the derivative check it.
    pub const LIMIT: usize = 1_000_000;

    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node's content.
    pub fn node(&self, id: Id) -> Node {
        self.nodes[id.index()]
    }

    /// All nodes with their ids, operands before users.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id, Node)> + '_ {
        self.nodes.iter().enumerate().map(|(k, node)| (Id(k as u32), *node))
    }

    /// A number.
    pub fn number(&mut self, value: f64) -> Id {
        self.intern(Node::Number(value.to_bits()))
    }

    /// The variable at this place of the list of variables.
    pub fn variable(&mut self, place: u32) -> Id {
        self.intern(Node::Variable(place))
    }

    /// An operation on `operands` (as many as its arity), folded if all are numbers.
    ///
    /// # Panics
    /// If the number of operands is not the operation's: a mistake in gradfield, not in its input.
    pub fn apply(&mut self, op: Op, operands: &[Id]) -> Id {
        assert_eq!(operands.len(), op.arity, "`{}` has {} operands", op.name, op.arity);
        let mut all = [operands[0]; 3];
        all[..operands.len()].copy_from_slice(operands);
        let values = all.map(|id| self.value(id));
        match values {
            [Some(a), Some(b), Some(c)] if op.folds() => self.number(op.apply([a, b, c])),
            // x^0 is 1 for every x, NaN included (IEEE 754).
            [_, Some(0.0), _] if op == ops::POW => self.number(1.0),
            _ => self.intern(Node::Apply(op, all)),
        }
    }

    /// The number that a node is, if it is one.
    pub fn value(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Number(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Whether the node is this number (0 and -0 differ).
    pub fn is(&self, id: Id, value: f64) -> bool {
        self.node(id) == Node::Number(value.to_bits())
    }

    /// The operation and its operands, if the node is one.
    pub fn applied(&self, id: Id) -> Option<(Op, [Id; 3])> {
        match self.node(id) {
            Node::Apply(op, operands) => Some((op, operands)),
            _ => None,
        }
    }

    /// The operands of a node: empty for numbers and variables.
    pub fn operands(&self, id: Id) -> impl DoubleEndedIterator<Item = Id> + use<> {
        let (arity, operands) = self.applied(id).map_or((0, [id; 3]), |(op, operands)| (op.arity, operands));
        operands.into_iter().take(arity)
    }

    /// Which nodes `roots` need, themselves included.
    pub fn reachable(&self, roots: &[Id]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        roots.iter().for_each(|root| needed[root.index()] = true);
        for k in (0..self.nodes.len()).rev() {
            if needed[k] {
                self.operands(Id(k as u32)).for_each(|operand| needed[operand.index()] = true);
            }
        }
        needed
    }

    /// Copies what `roots` need of `other` into this graph, with `replace` saying what becomes of a variable;
    /// gives the new ids of the roots.
    pub fn import(&mut self, other: &Graph, roots: &[Id], replace: impl FnMut(&mut Graph, u32) -> Id) -> Vec<Id> {
        self.import_with(other, roots, replace, Graph::apply)
    }

    /// [`Graph::import`] with a constructor of one's own for the operations.
    pub fn import_with(
        &mut self,
        other: &Graph,
        roots: &[Id],
        mut replace: impl FnMut(&mut Graph, u32) -> Id,
        mut build: impl FnMut(&mut Graph, Op, &[Id]) -> Id,
    ) -> Vec<Id> {
        let needed = other.reachable(roots);
        let mut moved: Vec<Option<Id>> = vec![None; other.len()];
        for (id, node) in other.iter().filter(|(id, _)| needed[id.index()]) {
            let new = match node {
                Node::Number(bits) => self.number(f64::from_bits(bits)),
                Node::Variable(place) => replace(self, place),
                Node::Apply(op, operands) => {
                    let operands = operands.map(|o| moved[o.index()].expect("operands come first"));
                    build(self, op, &operands[..op.arity])
                }
            };
            moved[id.index()] = Some(new);
        }
        roots.iter().map(|root| moved[root.index()].expect("a root is reachable")).collect()
    }

    fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = Id(u32::try_from(self.nodes.len()).expect("the node limit is far below 2^32"));
        self.nodes.push(node);
        self.known.insert(node, id);
        id
    }
}
