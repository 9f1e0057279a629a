//! Smart constructors: the same operations as [`Graph::apply`], with like terms gathered, powers of one base
//! joined, coefficients multiplied out and neutral elements dropped.
//!
//! Flows in: simplified operands. Flows out: a node that computes the same function. Used on derivatives, which
//! the chain rule litters with `1 *` and `0 +`; a user's own expression is evaluated as it was typed, because
//! rewriting changes its rounding.
//!
//! Two cautions decide what is *not* simplified. A rewrite must not turn a NaN or an overflow into a number or
//! back (so `0 * u`, `u / u` and `u / v / v` stay), and operands are rebuilt only when something was gathered, so
//! that subexpressions shared with f stay shared.

use super::graph::{Graph, Id};
use crate::op::{Op, ops};
use std::collections::HashMap;

/// Sums of more terms than this are not searched for like terms when they are operands.
const TERMS: usize = 64;

/// `op(operands)`, simplified.
pub fn apply(graph: &mut Graph, op: Op, operands: &[Id]) -> Id {
    match (op, operands) {
        (op, &[a, b]) if op == ops::ADD => sum(graph, &[a, b]),
        (op, &[a, b]) if op == ops::SUB => {
            let minus = negated(graph, b);
            sum(graph, &[a, minus])
        }
        (op, &[a, b]) if op == ops::MUL => product(graph, a, b),
        (op, &[a]) if op == ops::NEG => negated(graph, a),
        (op, &[a, b]) if op == ops::DIV => quotient(graph, a, b),
        (op, &[a, b]) if op == ops::POW => match graph.value(b) {
            Some(1.0) => a,
            Some(0.0) => graph.number(1.0),
            _ => graph.apply(op, operands),
        },
        (op, &[condition, yes, no]) if op == ops::IF => match graph.value(condition) {
            Some(value) => {
                if value != 0.0 {
                    yes
                } else {
                    no
                }
            }
            None if yes == no => yes,
            None => graph.apply(op, operands),
        },
        _ => graph.apply(op, operands),
    }
}

/// The sum of the terms, in their order, like terms gathered.
pub fn sum(graph: &mut Graph, terms: &[Id]) -> Id {
    let mut flat = Vec::new();
    terms.iter().for_each(|term| flatten(graph, *term, 1.0, &mut flat));
    let mut gathered: Vec<(f64, Option<Id>)> = Vec::new();
    let mut places: HashMap<Option<Id>, usize> = HashMap::new();
    for (coefficient, basis) in &flat {
        let place = *places.entry(*basis).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some(known) => known.0 += coefficient,
            None => gathered.push((*coefficient, *basis)),
        }
    }
    if gathered.len() == flat.len() {
        // Nothing in common: keep the operands whole, they may be shared.
        gathered = terms.iter().map(|term| split(graph, *term)).collect();
    }
    gathered.retain(|(coefficient, _)| *coefficient != 0.0);
    let mut total: Option<Id> = None;
    for (coefficient, basis) in gathered {
        total = Some(match total {
            None => scaled(graph, coefficient, basis),
            Some(total) if coefficient < 0.0 => {
                let term = scaled(graph, -coefficient, basis);
                graph.apply(ops::SUB, &[total, term])
            }
            Some(total) => {
                let term = scaled(graph, coefficient, basis);
                graph.apply(ops::ADD, &[total, term])
            }
        });
    }
    total.unwrap_or_else(|| graph.number(0.0))
}

/// The terms of nested sums and differences.
fn flatten(graph: &Graph, id: Id, sign: f64, into: &mut Vec<(f64, Option<Id>)>) {
    let mut open = vec![(id, sign)];
    while let Some((id, sign)) = open.pop() {
        match graph.applied(id) {
            Some((op, [a, b, _])) if (op == ops::ADD || op == ops::SUB) && open.len() < TERMS => {
                open.push((b, if op == ops::SUB { -sign } else { sign }));
                open.push((a, sign));
            }
            _ => {
                let (coefficient, basis) = split(graph, id);
                into.push((sign * coefficient, basis));
            }
        }
    }
}

/// A term as coefficient and basis; a number has no basis.
fn split(graph: &Graph, mut id: Id) -> (f64, Option<Id>) {
    let mut coefficient = 1.0;
    loop {
        if let Some(value) = graph.value(id) {
            return (coefficient * value, None);
        }
        match graph.applied(id) {
            Some((op, [a, ..])) if op == ops::NEG => {
                coefficient = -coefficient;
                id = a;
            }
            Some((op, [a, b, _])) if op == ops::MUL => match graph.value(a) {
                Some(value) if value != 0.0 && foldable(coefficient, value) => {
                    coefficient *= value;
                    id = b;
                }
                _ => return (coefficient, Some(id)),
            },
            _ => return (coefficient, Some(id)),
        }
    }
}

/// Whether the product of two coefficients neither overflows nor underflows in f32 unless one of them did: a
/// folded constant must not leave the range that the steps stay in.
fn foldable(a: f64, b: f64) -> bool {
    let ordinary = |v: f64| v.is_finite() && (1e-30..1e30).contains(&v.abs());
    ordinary(a * b) || !(ordinary(a) && ordinary(b)) && (a * b).is_normal()
}

/// coefficient * basis.
fn scaled(graph: &mut Graph, coefficient: f64, basis: Option<Id>) -> Id {
    match basis {
        None => graph.number(coefficient),
        Some(basis) if coefficient == 1.0 => basis,
        Some(basis) if coefficient == -1.0 => graph.apply(ops::NEG, &[basis]),
        Some(basis) => {
            let coefficient = graph.number(coefficient);
            graph.apply(ops::MUL, &[coefficient, basis])
        }
    }
}

/// -a.
fn negated(graph: &mut Graph, a: Id) -> Id {
    let (coefficient, basis) = split(graph, a);
    scaled(graph, -coefficient, basis)
}

/// a * b, coefficients in front, quotients outside, powers of one base joined.
pub fn product(graph: &mut Graph, a: Id, b: Id) -> Id {
    let ((ca, ba), (cb, bb)) = (split(graph, a), split(graph, b));
    if !foldable(ca, cb) {
        return graph.apply(ops::MUL, &[a, b]);
    }
    let mut coefficient = ca * cb;
    let (Some(mut ba), Some(mut bb)) = (ba, bb) else { return scaled(graph, coefficient, ba.or(bb)) };
    for basis in [&mut ba, &mut bb] {
        if let Some((number, rest)) = without_coefficient(graph, *basis)
            && foldable(coefficient, number)
        {
            (coefficient, *basis) = (coefficient * number, rest);
        }
    }
    for (whole, other) in [(bb, ba), (ba, bb)] {
        // u * (n / w) = (n u) / w, for a number n: one division instead of a division and a product.
        if let Some((op, [above, below, _])) = graph.applied(whole)
            && op == ops::DIV
            && let Some(number) = graph.value(above)
            && foldable(coefficient, number)
        {
            let above = scaled(graph, coefficient * number, Some(other));
            return quotient(graph, above, below);
        }
    }
    let joined = joined_powers(graph, ba, bb);
    scaled(graph, coefficient, Some(joined))
}

/// `c u / v` as c and `u / v`.
fn without_coefficient(graph: &mut Graph, id: Id) -> Option<(f64, Id)> {
    let (op, [above, below, _]) = graph.applied(id)?;
    match split(graph, above) {
        (number, Some(rest)) if op == ops::DIV && number != 1.0 => {
            Some((number, graph.apply(ops::DIV, &[rest, below])))
        }
        _ => None,
    }
}

/// The product of two bases; equal factors with positive integer exponents become one power.
fn joined_powers(graph: &mut Graph, a: Id, b: Id) -> Id {
    let mut factors: Vec<(Id, f64)> = Vec::new();
    let mut merged = false;
    for id in [a, b] {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            match graph.applied(id) {
                Some((op, [left, right, _])) if op == ops::MUL && factors.len() + open.len() < 16 => {
                    open.extend([right, left]);
                }
                _ => {
                    let (base, exponent) = power(graph, id);
                    match factors.iter_mut().find(|(known, _)| *known == base) {
                        Some(known) if is_count(known.1) && is_count(exponent) => {
                            known.1 += exponent;
                            merged = true;
                        }
                        _ => factors.push((base, exponent)),
                    }
                }
            }
        }
    }
    if !merged {
        // In the order of the text: reads better, and `x y` and `y x` are one node.
        return graph.apply(ops::MUL, &[a.min(b), a.max(b)]);
    }
    let powers: Vec<Id> = factors.into_iter().map(|(base, exponent)| raised(graph, base, exponent)).collect();
    powers.into_iter().reduce(|all, next| graph.apply(ops::MUL, &[all, next])).expect("there are two factors")
}

/// base^exponent of a factor.
fn power(graph: &Graph, id: Id) -> (Id, f64) {
    match graph.applied(id) {
        Some((op, [base, exponent, _])) if op == ops::POW => match graph.value(exponent) {
            Some(exponent) => (base, exponent),
            None => (id, 1.0),
        },
        _ => (id, 1.0),
    }
}

fn is_count(exponent: f64) -> bool {
    exponent > 0.0 && exponent == exponent.trunc()
}

fn raised(graph: &mut Graph, base: Id, exponent: f64) -> Id {
    if exponent == 1.0 {
        return base;
    }
    let exponent = graph.number(exponent);
    graph.apply(ops::POW, &[base, exponent])
}

/// a / b.
fn quotient(graph: &mut Graph, a: Id, b: Id) -> Id {
    if graph.is(b, 1.0) {
        return a;
    }
    let (coefficient, basis) = split(graph, a);
    match basis {
        // -u / b reads better and costs the same as -(u / b).
        Some(basis) if coefficient == -1.0 => {
            let quotient = graph.apply(ops::DIV, &[basis, b]);
            graph.apply(ops::NEG, &[quotient])
        }
        _ => graph.apply(ops::DIV, &[a, b]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_times_something_stays() {
        let mut graph = Graph::new();
        let x = graph.variable(0);
        let ln = graph.apply(crate::op::ops::LN, &[x]);
        let zero = graph.number(0.0);
        let kept = product(&mut graph, zero, ln);
        assert!(graph.value(kept).is_none(), "0 * ln(x) is NaN at 0");
    }

    #[test]
    fn like_terms_and_powers_join() {
        let mut graph = Graph::new();
        let x = graph.variable(0);
        let two_x = sum(&mut graph, &[x, x]);
        assert_eq!(split(&graph, two_x), (2.0, Some(x)));
        let cube = product(&mut graph, two_x, x);
        let cube = product(&mut graph, cube, x);
        let (coefficient, basis) = split(&graph, cube);
        assert_eq!((coefficient, power(&graph, basis.expect("not a number"))), (2.0, (x, 3.0)));
        let minus = negated(&mut graph, two_x);
        let nothing = sum(&mut graph, &[two_x, minus]);
        assert_eq!(graph.value(nothing), Some(0.0));
    }
}
