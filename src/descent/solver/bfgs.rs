//! BFGS: the whole approximation of the inverse Hessian, updated in O(n^2).
//!
//! Nocedal and Wright, Numerical optimization, 2006, equations 6.17 and 6.20: with s the step, y the change of the
//! gradient, `H + u s' + s u'` where `u = (1 + y'Hy / s'y) / (2 s'y) s - H y / s'y`; the first H is `s'y / y'y` times
//! the identity.

use super::algebra::Algebra;
use super::trial::Learnt;
use crate::expr::Id;

/// Numbers of the upper triangle.
pub(super) fn columns(n: usize) -> usize {
    n * (n + 1) / 2
}

/// The place of an entry in the upper triangle, row by row.
fn place(n: usize, i: usize, j: usize) -> usize {
    let (i, j) = (i.min(j), i.max(j));
    i * n - i * (i + 1) / 2 + j
}

/// The next matrix, and H times the gradient.
pub(super) fn turn(a: &mut Algebra, memory: &[Id], learnt: &Learnt<'_>, gradient: &[Id]) -> (Vec<Id>, Vec<Id>) {
    let n = gradient.len();
    let next = update(a, memory, learnt, n);
    let rows = (0..n).map(|i| {
        let row: Vec<Id> = (0..n).map(|j| next[place(n, i, j)]).collect();
        a.dot(&row, gradient)
    });
    let product = rows.collect();
    (next, product)
}

fn update(a: &mut Algebra, memory: &[Id], learnt: &Learnt<'_>, n: usize) -> Vec<Id> {
    let zero = a.number(0.0);
    let first = a.div(learnt.sy, learnt.yy);
    let mut base = Vec::with_capacity(memory.len());
    for i in 0..n {
        for j in i..n {
            let known = memory[place(n, i, j)];
            base.push(a.pick(learnt.carries, known, if i == j { first } else { zero }));
        }
    }
    let hy: Vec<Id> = (0..n)
        .map(|i| {
            let row: Vec<Id> = (0..n).map(|j| base[place(n, i, j)]).collect();
            a.dot(&row, learnt.y)
        })
        .collect();
    let yhy = a.dot(learnt.y, &hy);
    let one = a.number(1.0);
    let inverse = a.div(one, learnt.sy);
    let factor = a.fma(one, yhy, inverse);
    let half = a.number(0.5);
    let half = a.mul(half, inverse);
    let factor = a.mul(factor, half);
    let u: Vec<Id> = (0..n)
        .map(|i| {
            let (along, across) = (a.mul(factor, learnt.s[i]), a.mul(inverse, hy[i]));
            a.sub(along, across)
        })
        .collect();
    let mut next = Vec::with_capacity(memory.len());
    for i in 0..n {
        for j in i..n {
            let entry = a.fma(base[place(n, i, j)], u[i], learnt.s[j]);
            let entry = a.fma(entry, learnt.s[i], u[j]);
            next.push(a.pick(learnt.holds, entry, memory[place(n, i, j)]));
        }
    }
    next
}
