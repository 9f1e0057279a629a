//! Newton's method: the exact Hessian, made positive definite where it is not.
//!
//! The factors L D L' of the Hessian with each pivot replaced by its absolute value, or by a little where that is less
//! (Gill, Murray and Wright, Practical optimization, 1981, section 4.4.2.1, without its test): the direction goes down
//! always, and is Newton's own near a minimum. O(n^3) operations a step, so for few variables.

use super::algebra::Algebra;
use crate::expr::Id;
use crate::op::ops;

/// The least pivot, as a share of the Hessian's largest entry.
const PIVOT: f64 = 1e-6;

/// The Hessian's inverse times the gradient. `hessian` row by row; coordinates that are held do not count.
pub(super) fn product(a: &mut Algebra, hessian: &[Id], gradient: &[Id], held: &[Option<Id>]) -> Vec<Id> {
    let n = gradient.len();
    let rows: Vec<Vec<Id>> = (0..n).map(|i| (0..=i).map(|j| entry(a, hessian, held, (n, i, j))).collect()).collect();
    let share = a.number(PIVOT);
    let all: Vec<Id> = rows.iter().flatten().copied().collect();
    let size = a.largest(&all);
    let least = a.mul(share, size);
    let (lower, pivots) = factors(a, &rows, least);
    // L z = g, D w = z, L' p = w.
    let mut z = Vec::with_capacity(n);
    for i in 0..n {
        let known = a.dot(&lower[i], &z);
        z.push(a.sub(gradient[i], known));
    }
    let mut p: Vec<Id> = z.iter().zip(&pivots).map(|(z, pivot)| a.div(*z, *pivot)).collect();
    for i in (0..n).rev() {
        let below: Vec<Id> = (i + 1..n).map(|k| lower[k][i]).collect();
        let known = a.dot(&below, &p[i + 1..]);
        p[i] = a.sub(p[i], known);
    }
    p
}

/// An entry of the lower triangle; of a held coordinate the identity's.
fn entry(a: &mut Algebra, hessian: &[Id], held: &[Option<Id>], (n, i, j): (usize, usize, usize)) -> Id {
    let unit = a.number(if i == j { 1.0 } else { 0.0 });
    let mut entry = hessian[i * n + j];
    for held in [held[i], held[j]].into_iter().flatten() {
        entry = a.pick(held, unit, entry);
    }
    entry
}

/// L without its diagonal, and D.
fn factors(a: &mut Algebra, rows: &[Vec<Id>], least: Id) -> (Vec<Vec<Id>>, Vec<Id>) {
    let n = rows.len();
    let (mut lower, mut pivots): (Vec<Vec<Id>>, Vec<Id>) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for (i, entries) in rows.iter().enumerate() {
        // (L D) of this row, entry by entry; L from it.
        let (mut scaled, mut row): (Vec<Id>, Vec<Id>) = (Vec::new(), Vec::new());
        for j in 0..i {
            let known = a.dot(&scaled, &lower[j]);
            let entry = a.sub(entries[j], known);
            row.push(a.div(entry, pivots[j]));
            scaled.push(entry);
        }
        let known = a.dot(&scaled, &row);
        let pivot = a.sub(entries[i], known);
        let pivot = a.graph.apply(ops::ABS, &[pivot]);
        pivots.push(a.max(pivot, least));
        lower.push(row);
    }
    (lower, pivots)
}
