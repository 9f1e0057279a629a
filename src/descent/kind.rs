//! What a stationary point is, by the signs of its Hessian's eigenvalues.
//!
//! Flows in: polished points. Flows out: a [`Kind`] for each. An eigenvalue has a sign where it is larger than the
//! error of the Hessian: the computed bound on its rounding, and how much it changed over the last Newton step (what
//! the point's own error leaves open). One below some 1e-9 of the largest counts as zero: along it the point could not be
//! polished. All is in units of cells, so that what is flat does not depend on the units of the variables.
//!
//! Who should not use it: who has points where the gradient is not zero.

use super::DescentError;
use super::basins::Basins;
use super::linear::{Eigen, all_above};
use super::polish::{FLAT, Polished, Polisher, in_cells, reduced};
use crate::backend::bound::{Checked, Checker};
use crate::backend::{Backend, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;

/// Points whose Hessians are checked at a time.
const CHUNK: usize = 256;

/// Instructions of f with its derivatives beyond which their rounding errors are not computed: that takes microseconds for
/// each, and seconds for a table.
const LONG: usize = 1000;
/// What each entry's error is taken for then, as a share of it.
const ASSUMED: f64 = 1e-9;

/// What a point of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All eigenvalues are positive.
    Minimum,
    /// Some are positive, some negative; or with coordinates held at a bound, some of the others' are of the wrong sign.
    Saddle,
    /// All eigenvalues are negative.
    Maximum,
    /// Some eigenvalue is zero within its error: a valley, a plain, or a minimum of higher order.
    Flat,
    /// The gradient points across a bound at which coordinates are held; in the others it is an optimum.
    Boundary,
    /// The gradient is not zero in f64 (a kink), or the Hessian is not known there.
    Unknown,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [Kind::Minimum, Kind::Saddle, Kind::Maximum, Kind::Flat, Kind::Boundary, Kind::Unknown];

    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Minimum => "minimum",
            Kind::Saddle => "saddle",
            Kind::Maximum => "maximum",
            Kind::Flat => "flat",
            Kind::Boundary => "boundary",
            Kind::Unknown => "unknown",
        }
    }
}

/// What is found at a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) kind: Kind,
    /// Bound on the error of f.
    pub(super) noise: f64,
}

/// The kind of each point.
pub(super) fn known(
    points: &[&Polished],
    polisher: &mut Polisher<'_>,
    basins: &Basins,
    tolerance: f64,
    backend: &dyn Backend,
) -> Result<Vec<Known>, DescentError> {
    let mut checker = Checker::new(backend, Precision::F64);
    let long = polisher.tape.code.len() > LONG;
    let mut all = Vec::with_capacity(points.len());
    for part in points.chunks(CHUNK) {
        check_interrupt()?;
        let column = |v: usize| part.iter().map(|point| point.x[v]).collect();
        let list = Points::columns((0..basins.sides().len()).map(column).collect());
        let checked = match long {
            true => polisher.evaluate(&list)?.into_iter().map(assumed).collect(),
            false => checker.check(&polisher.tape, &list, &[], 0, part.len()),
        };
        all.extend(part.iter().enumerate().map(|(k, point)| {
            let kind = if polisher.has_hessian() { kind(point, &checked, k, basins, tolerance) } else { Kind::Unknown };
            Known { kind, noise: checked[0].bound[k] }
        }));
    }
    Ok(all)
}

/// Values that are taken to be right to [`ASSUMED`].
fn assumed(values: Values) -> Checked {
    let value = values.to_f64();
    let bound = value.iter().map(|value| ASSUMED * value.abs()).collect();
    Checked { unjudged: vec![None; value.len()], value, bound }
}

fn kind(point: &Polished, checked: &[Checked], k: usize, basins: &Basins, tolerance: f64) -> Kind {
    let n = point.x.len();
    let stationary = point.gradient_norm <= tolerance || (point.explained && point.rest <= 1.0);
    let entries = &checked[1 + n..];
    let free: Vec<usize> = (0..n).filter(|i| !point.held[*i]).collect();
    let used = |place: usize| !point.held[place / n] && !point.held[place % n];
    let judged = (0..n * n).filter(|place| used(*place)).all(|place| {
        let entry = &entries[place];
        entry.unjudged[k].is_none() && entry.value[k].is_finite() && entry.bound[k].is_finite()
    });
    if !point.f.is_finite() || !stationary || !judged {
        return Kind::Unknown;
    }
    let sign = if basins.maximize() { -1.0 } else { 1.0 };
    let values: Vec<f64> = entries.iter().map(|entry| sign * entry.value[k]).collect();
    // Both norms bound what the eigenvalues move by (Weyl).
    let rounding = entries.iter().enumerate().filter(|(place, _)| used(*place));
    let sides = basins.sides();
    let rounding = rounding.map(|(place, entry)| (entry.bound[k] * in_cells(place, sides)).powi(2)).sum::<f64>().sqrt();
    let (better, worse) =
        if basins.maximize() { (Kind::Maximum, Kind::Minimum) } else { (Kind::Minimum, Kind::Maximum) };
    match signs(&reduced(&values, &free, sides), free.len(), rounding + point.change) {
        Signs::Positive if free.len() < n => Kind::Boundary,
        Signs::Positive => better,
        Signs::Negative if free.len() == n => worse,
        Signs::Negative | Signs::Mixed => Kind::Saddle,
        Signs::Zero => Kind::Flat,
    }
}

enum Signs {
    Positive,
    Negative,
    Mixed,
    Zero,
}

/// The signs of a symmetric matrix's eigenvalues, each known but for `noise`; those that polishing leaves alone are zero.
fn signs(matrix: &[f64], n: usize, noise: f64) -> Signs {
    let size = matrix.iter().map(|v| v * v).sum::<f64>().sqrt();
    let noise = noise + FLAT * size;
    if all_above(matrix, n, noise) {
        return Signs::Positive;
    }
    let values = Eigen::of(matrix, n).values;
    match values.iter().filter(|value| **value < -noise).count() {
        0 if values.iter().all(|value| *value > noise) => Signs::Positive,
        0 => Signs::Zero,
        count if count == n => Signs::Negative,
        _ => Signs::Mixed,
    }
}
