//! Edges: J. Canny, "A computational approach to edge detection" (1986).
//!
//! Flows in: the gradient of an image. Flows out: 1 where there is an edge, else 0. A pixel is kept where the gradient is
//! no shorter than on both sides along its direction, there between two neighbours by their shares; a line of kept pixels,
//! touching by sides or corners, is an edge if one of its pixels reaches the high threshold and all reach the low one.
//! The outermost pixels have no neighbours to compare with, and are none. This is what `skimage.feature.canny` does
//! with the gradient that it makes; thresholds here are in units of this gradient, where scikit-image's are 8 times as large.

use super::axis::Number;
use super::{Gradient, SampleError, share};
use crate::points::Values;
use crate::real::Real;

/// What is an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Canny {
    /// Weaker gradients are none. None: 0.4 of the high threshold.
    pub low: Option<f64>,
    /// Gradients from which an edge begins. None: what a tenth of the pixels reach.
    pub high: Option<f64>,
    /// Threads.
    pub threads: usize,
}

/// The edges of an image of `rows` by `columns` with this gradient, and the thresholds (low, high) that were taken.
///
/// # Errors
/// - [`SampleError::Plane`] unless the gradient has two components, and [`SampleError::Setting`] for thresholds that are
///   negative or in the wrong order.
pub fn canny(
    gradient: &Gradient,
    (rows, columns): (usize, usize),
    canny: &Canny,
) -> Result<(Vec<u8>, (f64, f64)), SampleError> {
    let edges = |x: &Values, y: &Values| match (x, y) {
        (Values::F32(x), Values::F32(y)) => of(x, y, (rows, columns), canny),
        _ => of(&x.to_f64(), &y.to_f64(), (rows, columns), canny),
    };
    match &*gradient.components {
        [x, y] => edges(x, y),
        other => Err(SampleError::Plane { what: "an edge", axes: other.len() }),
    }
}

fn of<T: Number>(
    x: &[T],
    y: &[T],
    (rows, columns): (usize, usize),
    canny: &Canny,
) -> Result<(Vec<u8>, (f64, f64)), SampleError> {
    let mut length = vec![T::default(); x.len()];
    share(&mut length, columns, canny.threads, |first, out| {
        let from = first * columns;
        for (k, out) in out.iter_mut().enumerate() {
            let (x, y) = (x[from + k].to_f64(), y[from + k].to_f64());
            *out = T::from_f64(x.hypot(y));
        }
    });
    let high = canny.high.unwrap_or_else(|| tenth(&length));
    let low = canny.low.unwrap_or(0.4 * high);
    if !(low >= 0.0 && high >= low) {
        return Err(SampleError::Setting(format!(
            "edges between thresholds {low} and {high}: the low one comes first, and neither is negative"
        )));
    }
    let mut kept = vec![0u8; x.len()];
    share(&mut kept, columns, canny.threads, |first, out| {
        for (k, row) in out.chunks_mut(columns).enumerate() {
            let row_number = first + k;
            if row_number > 0 && row_number + 1 < rows && columns > 2 {
                suppress([x, y, &length], row_number * columns, columns, (low, high), row);
            }
        }
    });
    follow(&mut kept, columns);
    Ok((kept, (low, high)))
}

/// What a tenth of the finite lengths reach.
fn tenth<T: Real>(length: &[T]) -> f64 {
    // Enough of very many.
    let step = (length.len() >> 20).max(1);
    let mut some: Vec<f64> = length.iter().step_by(step).map(|v| v.to_f64()).filter(|v| v.is_finite()).collect();
    if some.is_empty() {
        return 0.0;
    }
    let place = some.len() * 9 / 10;
    *some.select_nth_unstable_by(place, f64::total_cmp).1
}

/// Of a row: 1 for pixels that are largest across the edge, 2 for those that reach the high threshold.
fn suppress<T: Real>([x, y, length]: [&[T]; 3], from: usize, columns: usize, (low, high): (f64, f64), out: &mut [u8]) {
    for (column, out) in out.iter_mut().enumerate().take(columns - 1).skip(1) {
        let at = from + column;
        let m = length[at].to_f64();
        if !(m >= low && m > 0.0) {
            continue;
        }
        let (u, v) = (x[at].to_f64(), y[at].to_f64());
        let right = if u >= 0.0 { 1isize } else { -1 };
        let down = if v >= 0.0 { columns as isize } else { -(columns as isize) };
        let (along, share) = if u.abs() >= v.abs() { (right, v.abs() / u.abs()) } else { (down, u.abs() / v.abs()) };
        let beside = |sign: isize| {
            let near = length[at.wrapping_add_signed(sign * along)].to_f64();
            let corner = length[at.wrapping_add_signed(sign * (right + down))].to_f64();
            corner * share + near * (1.0 - share)
        };
        if beside(1) <= m && beside(-1) <= m {
            *out = if m >= high { 2 } else { 1 };
        }
    }
}

/// Keeps what hangs together with a 2, as 1.
fn follow(kept: &mut [u8], columns: usize) {
    const DONE: u8 = 3;
    let mut open: Vec<usize> = Vec::new();
    for start in 0..kept.len() {
        if kept[start] == 2 {
            kept[start] = DONE;
            open.push(start);
        }
        while let Some(at) = open.pop() {
            // No kept pixel lies on the border of the image.
            for row in [at - columns, at, at + columns] {
                for next in [row - 1, row, row + 1] {
                    if matches!(kept[next], 1 | 2) {
                        kept[next] = DONE;
                        open.push(next);
                    }
                }
            }
        }
    }
    kept.iter_mut().for_each(|pixel| *pixel = u8::from(*pixel == DONE));
}
