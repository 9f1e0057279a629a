//! Arithmetic on the nodes of a graph, for what a solver computes beside the function.
//!
//! Truth is 1 or 0, as in the language. Nothing is simplified but constants and what is the same.

use crate::expr::{Graph, Id};
use crate::op::{Op, ops};

/// A graph that grows.
pub(super) struct Algebra {
    pub(super) graph: Graph,
}

impl Algebra {
    pub(super) fn number(&mut self, value: f64) -> Id {
        self.graph.number(value)
    }

    pub(super) fn input(&mut self, place: usize) -> Id {
        self.graph.variable(place as u32)
    }

    fn two(&mut self, op: Op, a: Id, b: Id) -> Id {
        self.graph.apply(op, &[a, b])
    }

    pub(super) fn add(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::ADD, a, b)
    }

    pub(super) fn sub(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::SUB, a, b)
    }

    pub(super) fn mul(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::MUL, a, b)
    }

    pub(super) fn div(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::DIV, a, b)
    }

    pub(super) fn min(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::MIN, a, b)
    }

    pub(super) fn max(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::MAX, a, b)
    }

    pub(super) fn less(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::LT, a, b)
    }

    pub(super) fn at_most(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::LE, a, b)
    }

    pub(super) fn equal(&mut self, a: Id, b: f64) -> Id {
        let b = self.number(b);
        self.two(ops::EQ, a, b)
    }

    pub(super) fn and(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::AND, a, b)
    }

    pub(super) fn or(&mut self, a: Id, b: Id) -> Id {
        self.two(ops::OR, a, b)
    }

    pub(super) fn not(&mut self, a: Id) -> Id {
        self.graph.apply(ops::NOT, &[a])
    }

    pub(super) fn neg(&mut self, a: Id) -> Id {
        self.graph.apply(ops::NEG, &[a])
    }

    pub(super) fn abs(&mut self, a: Id) -> Id {
        self.graph.apply(ops::ABS, &[a])
    }

    /// Whether it is neither infinite nor NaN.
    pub(super) fn finite(&mut self, a: Id) -> Id {
        self.graph.apply(ops::FINITE, &[a])
    }

    /// `yes` where `condition`, else `no`.
    pub(super) fn pick(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        match self.graph.value(condition) {
            Some(0.0) => no,
            Some(_) => yes,
            None if yes == no => yes,
            None => self.graph.apply(ops::IF, &[condition, yes, no]),
        }
    }

    /// [`Algebra::pick`] for each of some.
    pub(super) fn picks(&mut self, condition: Id, yes: &[Id], no: &[Id]) -> Vec<Id> {
        yes.iter().zip(no).map(|(yes, no)| self.pick(condition, *yes, *no)).collect()
    }

    /// a + b c.
    pub(super) fn fma(&mut self, a: Id, b: Id, c: Id) -> Id {
        let product = self.mul(b, c);
        self.add(a, product)
    }

    /// The scalar product; 0 of nothing.
    pub(super) fn dot(&mut self, a: &[Id], b: &[Id]) -> Id {
        let products: Vec<Id> = a.iter().zip(b).map(|(a, b)| self.mul(*a, *b)).collect();
        self.sum(&products)
    }

    /// In two chains, which wait half as long.
    pub(super) fn sum(&mut self, terms: &[Id]) -> Id {
        match terms {
            [] => self.number(0.0),
            [one] => *one,
            _ if terms.len() <= 4 => {
                let (first, rest) = (terms[0], &terms[1..]);
                rest.iter().fold(first, |sum, term| self.add(sum, *term))
            }
            _ => {
                let (left, right) = terms.split_at(terms.len() / 2);
                let (left, right) = (self.sum(left), self.sum(right));
                self.add(left, right)
            }
        }
    }

    /// The largest absolute value; NaN where one is NaN.
    pub(super) fn largest(&mut self, all: &[Id]) -> Id {
        let sizes: Vec<Id> = all.iter().map(|a| self.abs(*a)).collect();
        sizes.into_iter().reduce(|a, b| self.max(a, b)).unwrap_or_else(|| self.number(0.0))
    }
}
