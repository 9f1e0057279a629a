//! L-BFGS: the same matrix from the last steps alone, by two loops over them.
//!
//! Nocedal and Wright, Numerical optimization, 2006, algorithm 7.4, with the first matrix of equation 7.20. A pair (s, y)
//! that there is not yet has the weight 0. The newest comes first: s, y, then 1 / s'y; after all pairs the scale
//! s'y / y'y of the newest.

use super::algebra::Algebra;
use super::trial::Learnt;
use crate::expr::Id;

/// Numbers of so many pairs.
pub(super) fn columns(n: usize, pairs: usize) -> usize {
    pairs * (2 * n + 1) + 1
}

/// The next pairs, and the matrix times the gradient.
pub(super) fn turn(a: &mut Algebra, memory: &[Id], learnt: &Learnt<'_>, gradient: &[Id]) -> (Vec<Id>, Vec<Id>) {
    let n = gradient.len();
    let next = shift(a, memory, learnt, n);
    let (pairs, scale) = next.split_at(next.len() - 1);
    let pairs: Vec<&[Id]> = pairs.chunks(2 * n + 1).collect();
    let mut q = gradient.to_vec();
    let mut weights = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let (s, y, inverse) = (&pair[..n], &pair[n..2 * n], pair[2 * n]);
        let along = a.dot(s, &q);
        let weight = a.mul(inverse, along);
        let back = a.neg(weight);
        q = q.iter().zip(y).map(|(q, y)| a.fma(*q, back, *y)).collect();
        weights.push(weight);
    }
    let mut product: Vec<Id> = q.iter().map(|q| a.mul(scale[0], *q)).collect();
    for (pair, weight) in pairs.iter().zip(weights).rev() {
        let (s, y, inverse) = (&pair[..n], &pair[n..2 * n], pair[2 * n]);
        let along = a.dot(y, &product);
        let along = a.mul(inverse, along);
        let rest = a.sub(weight, along);
        product = product.iter().zip(s).map(|(p, s)| a.fma(*p, rest, *s)).collect();
    }
    (next, product)
}

/// The pairs with the newest before them, the oldest gone; none of before where they do not carry.
fn shift(a: &mut Algebra, memory: &[Id], learnt: &Learnt<'_>, n: usize) -> Vec<Id> {
    let (zero, one) = (a.number(0.0), a.number(1.0));
    let (pairs, scale) = memory.split_at(memory.len() - 1);
    let inverse = a.div(one, learnt.sy);
    let mut newest: Vec<Id> = learnt.s.iter().chain(learnt.y).copied().collect();
    newest.push(inverse);
    let mut next = Vec::with_capacity(memory.len());
    for pair in pairs.chunks(2 * n + 1) {
        let mut moved = a.picks(learnt.holds, &newest, pair);
        if !next.is_empty() {
            // A weight of 0 takes the pair out.
            let kept = a.pick(learnt.carries, newest[2 * n], zero);
            moved[2 * n] = a.pick(learnt.holds, kept, pair[2 * n]);
        }
        next.extend(moved);
        newest = pair.to_vec();
    }
    let newest_scale = a.div(learnt.sy, learnt.yy);
    next.push(a.pick(learnt.holds, newest_scale, scale[0]));
    next
}
