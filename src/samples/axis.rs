//! Weighted sums along one axis of an array: the work of central differences, of rows and volumes, and of wide kernels.
//!
//! Flows in: an array, an axis, what each sample becomes ([`Along`]). Flows out: an array of the same shape.
//! Rows are shared among threads; within a row every loop runs over neighbouring numbers.

use super::boundary::Boundary;
use super::share;
use crate::real::Real;
use std::ops::{Add, Mul, Sub};

/// A number that arrays hold.
pub(super) trait Number: Real + Add<Output = Self> + Mul<Output = Self> + Sub<Output = Self> {}
impl Number for f32 {}
impl Number for f64 {}

/// What a sample becomes: a sum of samples along the axis.
pub(super) enum Along {
    /// The same taps everywhere, the middle one its own; zeros are left out.
    Taps(Vec<f64>, Boundary),
    /// For each place up to three samples with their weights; weights of zero are left out.
    Each(Vec<[(usize, f64); 3]>),
}

impl Along {
    /// The samples and weights of a place of an axis.
    fn terms<T: Number>(&self, place: usize, length: usize, into: &mut Vec<(usize, T)>) {
        into.clear();
        match self {
            Along::Taps(taps, boundary) => {
                let reach = taps.len() / 2;
                for (k, tap) in taps.iter().enumerate().filter(|(_, tap)| **tap != 0.0) {
                    if let Some(at) = boundary.index(place as isize + k as isize - reach as isize, length) {
                        into.push((at, T::from_f64(*tap)));
                    }
                }
            }
            Along::Each(terms) => {
                into.extend(terms[place].iter().filter(|(_, w)| *w != 0.0).map(|(at, w)| (*at, T::from_f64(*w))));
            }
        }
    }

    /// Places away from both ends where the taps are the same.
    fn even(&self, length: usize) -> (usize, usize) {
        match self {
            Along::Taps(taps, _) if length > taps.len() => (taps.len() / 2, length - taps.len() / 2),
            _ => (0, 0),
        }
    }
}

/// Sums along an axis of an array of this shape.
pub(super) fn along<T: Number>(values: &[T], shape: &[usize], axis: usize, what: &Along, threads: usize) -> Vec<T> {
    let (length, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let mut out = vec![T::default(); values.len()];
    if out.is_empty() {
        return out;
    }
    if inner == 1 {
        share(&mut out, length, threads, |first, part| {
            for (k, row) in part.chunks_mut(length).enumerate() {
                within(&values[(first + k) * length..][..length], row, what);
            }
        });
        return out;
    }
    share(&mut out, inner, threads, |first, part| {
        let mut terms = Vec::new();
        for (k, row) in part.chunks_mut(inner).enumerate() {
            let (outer, place) = ((first + k) / length, (first + k) % length);
            what.terms(place, length, &mut terms);
            sum_rows(row, &terms, |at| &values[(outer * length + at) * inner..][..inner]);
        }
    });
    out
}

/// A row as a sum of rows.
fn sum_rows<'a, T: Number>(out: &mut [T], terms: &[(usize, T)], row: impl Fn(usize) -> &'a [T]) {
    match terms {
        [] => out.fill(T::default()),
        [(a, u), rest @ ..] => {
            out.iter_mut().zip(row(*a)).for_each(|(out, a)| *out = *u * *a);
            for (b, v) in rest {
                out.iter_mut().zip(row(*b)).for_each(|(out, b)| *out = *out + *v * *b);
            }
        }
    }
}

/// Sums along a row itself.
fn within<T: Number>(row: &[T], out: &mut [T], what: &Along) {
    let (from, to) = what.even(row.len());
    if let Along::Taps(taps, _) = what
        && from < to
    {
        let middle = &mut out[from..to];
        middle.fill(T::default());
        for (k, tap) in taps.iter().enumerate().filter(|(_, tap)| **tap != 0.0) {
            let tap = T::from_f64(*tap);
            middle.iter_mut().zip(&row[k..]).for_each(|(out, v)| *out = *out + tap * *v);
        }
    }
    if let Along::Each(terms) = what {
        for (out, terms) in out.iter_mut().zip(terms) {
            let some = terms.iter().filter(|(_, weight)| *weight != 0.0);
            *out = some.fold(T::default(), |sum, (at, weight)| sum + T::from_f64(*weight) * row[*at]);
        }
        return;
    }
    let mut terms = Vec::new();
    for place in (0..from).chain(to.max(from)..row.len()) {
        what.terms(place, row.len(), &mut terms);
        out[place] = terms.iter().fold(T::default(), |sum, (at, weight): &(usize, T)| sum + *weight * row[*at]);
    }
}
