//! A surface through samples: cubic B-splines with exact derivatives.
//!
//! Flows in: the rows and columns of an image. Flows out: [`Spline`], its value and derivatives anywhere. The surface goes
//! through every sample and has continuous second derivatives, so that slopes have no creases where cells meet, as those
//! of Catmull-Rom's have; its ends are natural (no second derivative across them), so that a ramp stays a ramp to the
//! border, and straight from there on (C. de Boor, A Practical Guide to Splines, 1978, chapter IV). A sample that is not
//! a number leaves a hole: the surface is not a number within two samples of it, and elsewhere what it would be with the
//! mean of its neighbours there.

use crate::real::Real;

/// Coefficients on each side beyond the samples.
const MARGIN: usize = 2;

/// A surface through samples one unit apart.
#[derive(Debug)]
pub(super) struct Spline {
    rows: usize,
    columns: usize,
    /// With margins.
    width: usize,
    coefficients: Vec<f32>,
    /// In double precision where the samples are.
    precise: Vec<f64>,
}

impl Spline {
    pub(super) fn new<T: Real>(values: &[T], rows: usize, columns: usize) -> Spline {
        let (width, height) = (columns + 2 * MARGIN, rows + 2 * MARGIN);
        let mut all = vec![0.0f64; width * height];
        for (k, v) in values.iter().enumerate() {
            all[(k / columns + MARGIN) * width + k % columns + MARGIN] = v.to_f64();
        }
        let holes = fill(&mut all, (rows, columns), width);
        let mut line = Vec::new();
        for row in 0..rows {
            let from = (row + MARGIN) * width;
            line.clear();
            line.extend_from_slice(&all[from + MARGIN..from + MARGIN + columns]);
            solve(&mut line);
            extended(&line, |k, v| all[from + k] = v);
        }
        down(&mut all, rows, width);
        for (row, column) in holes {
            all[(row + MARGIN) * width + column + MARGIN] = f64::NAN;
        }
        let single = T::PRECISION == crate::real::Precision::F32;
        let coefficients = if single { all.iter().map(|v| *v as f32).collect() } else { Vec::new() };
        Spline { rows, columns, width, coefficients, precise: if single { Vec::new() } else { all } }
    }

    /// The derivative of these orders by column and by row, at a place in samples; NaN from half a sample outside on.
    #[inline(always)]
    pub(super) fn at(&self, x: f64, y: f64, (i, j): (u8, u8)) -> f64 {
        let inside = x >= -0.5 && y >= -0.5 && x <= self.columns as f64 - 0.5 && y <= self.rows as f64 - 0.5;
        if !inside {
            return f64::NAN;
        }
        let cell = |v: f64, n: usize| v.floor().clamp(-1.0, n as f64 - 1.0);
        let (a, b) = (cell(x, self.columns), cell(y, self.rows));
        let (u, v) = (weights(x - a, i), weights(y - b, j));
        let (column, row) = ((a + 1.0) as usize, (b + 1.0) as usize);
        let mut sum = 0.0;
        for (k, v) in v.iter().enumerate() {
            let from = (row + k) * self.width + column;
            let four = match self.precise.get(from..from + 4) {
                Some(c) => u[0] * c[0] + u[1] * c[1] + u[2] * c[2] + u[3] * c[3],
                None => {
                    let c = &self.coefficients[from..from + 4];
                    let c: [f64; 4] = std::array::from_fn(|k| f64::from(c[k]));
                    u[0] * c[0] + u[1] * c[1] + u[2] * c[2] + u[3] * c[3]
                }
            };
            sum += v * four;
        }
        sum
    }
}

/// The cubic B-spline's four weights, or of their derivatives, at a share of a cell.
#[inline(always)]
fn weights(t: f64, order: u8) -> [f64; 4] {
    let s = 1.0 - t;
    match order {
        0 => {
            let sixth = 1.0 / 6.0;
            [
                s * s * s * sixth,
                (4.0 - 3.0 * t * t * (1.0 + s)) * sixth,
                (4.0 - 3.0 * s * s * (1.0 + t)) * sixth,
                t * t * t * sixth,
            ]
        }
        1 => [-0.5 * s * s, 0.5 * t * (3.0 * t - 4.0), -0.5 * s * (3.0 * s - 4.0), 0.5 * t * t],
        2 => [s, 1.0 - 3.0 * s, 1.0 - 3.0 * t, t],
        3 => [-1.0, 3.0, -3.0, 1.0],
        _ => [0.0; 4],
    }
}

/// Coefficients of the natural spline through a line of values, in their place: c(k-1) + 4 c(k) + c(k+1) = 6 f(k) inside,
/// c = f at the ends.
fn solve(line: &mut [f64]) {
    let n = line.len();
    if n < 3 {
        return;
    }
    let mut factor = vec![0.0; n];
    for k in 1..n - 1 {
        let pivot = 1.0 / (4.0 - factor[k - 1]);
        let before = line[k - 1];
        line[k] = (6.0 * line[k] - before) * pivot;
        factor[k] = pivot;
    }
    for k in (1..n - 1).rev() {
        line[k] -= factor[k] * line[k + 1];
    }
}

/// A line with its margins, straight on at both ends.
fn extended(line: &[f64], mut put: impl FnMut(usize, f64)) {
    let n = line.len();
    line.iter().enumerate().for_each(|(k, v)| put(k + MARGIN, *v));
    let (first, last) = if n > 1 { (line[0] - line[1], line[n - 1] - line[n - 2]) } else { (0.0, 0.0) };
    for k in 1..=MARGIN {
        put(MARGIN - k, line[0] + k as f64 * first);
        put(MARGIN + n - 1 + k, line[n - 1] + k as f64 * last);
    }
}

/// The same for all columns at once, row by row.
fn down(all: &mut [f64], rows: usize, width: usize) {
    let at = |row: usize| (row + MARGIN) * width;
    let mut factor = vec![0.0; rows];
    for row in 1..rows.saturating_sub(1) {
        let pivot = 1.0 / (4.0 - factor[row - 1]);
        let (before, here) = all.split_at_mut(at(row));
        let before = &before[at(row - 1)..];
        here[..width].iter_mut().zip(before).for_each(|(here, before)| *here = (6.0 * *here - before) * pivot);
        factor[row] = pivot;
    }
    for row in (1..rows.saturating_sub(1)).rev() {
        let (here, after) = all.split_at_mut(at(row + 1));
        let here = &mut here[at(row)..];
        here.iter_mut().zip(&*after).take(width).for_each(|(here, after)| *here -= factor[row] * after);
    }
    for column in 0..width {
        let value = |row: usize| all[at(row) + column];
        let (first, last) = (value(0), value(rows - 1));
        let (up, down) = if rows > 1 { (first - value(1), last - value(rows - 2)) } else { (0.0, 0.0) };
        for k in 1..=MARGIN {
            all[(MARGIN - k) * width + column] = first + k as f64 * up;
            all[(MARGIN + rows - 1 + k) * width + column] = last + k as f64 * down;
        }
    }
}

/// Puts numbers into the holes, from their borders inwards, and says where they were.
fn fill(all: &mut [f64], (rows, columns): (usize, usize), width: usize) -> Vec<(usize, usize)> {
    let at = |row: usize, column: usize| (row + MARGIN) * width + column + MARGIN;
    let all_places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let holes: Vec<(usize, usize)> = all_places.filter(|(row, column)| !all[at(*row, *column)].is_finite()).collect();
    if holes.len() == rows * columns {
        holes.iter().for_each(|(row, column)| all[at(*row, *column)] = 0.0);
        return holes;
    }
    let mut open = holes.clone();
    // The surface's memory of a value fades to 1e-9 within so many samples; beyond, any number will do.
    for _ in 0..16 {
        let mean = |(row, column): &(usize, usize)| {
            let near = [(1, 0), (-1, 0), (0, 1), (0, -1)].into_iter().filter_map(|(down, right)| {
                let (row, column) = (row.checked_add_signed(down)?, column.checked_add_signed(right)?);
                (row < rows && column < columns).then(|| all[at(row, column)]).filter(|v| v.is_finite())
            });
            let (sum, count) = near.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
            (count > 0.0).then(|| sum / count)
        };
        let found: Vec<Option<f64>> = open.iter().map(mean).collect();
        open.iter().zip(&found).for_each(|((row, column), v)| {
            if let Some(v) = v {
                all[at(*row, *column)] = *v;
            }
        });
        let mut found = found.iter();
        open.retain(|_| found.next().is_none_or(Option::is_none));
    }
    open.iter().for_each(|(row, column)| all[at(*row, *column)] = 0.0);
    holes
}
