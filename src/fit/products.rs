//! The inner loop of many fits: each row's products of slopes, added up lane by lane.
//!
//! Flows in: a tape's outputs over rows of lanes. Flows out: sums in f64, one column of lanes for each. The loops run
//! across lanes, so that every lane's sums are taken in one order whatever the SIMD level; a number of rows is added up in
//! the engine's format before the f64 sums take it.
//!
//! Who should not use it: anyone but `lanes`.

use super::lanes::SIDE;
#[cfg(target_arch = "x86_64")]
use crate::kernel::Level;
use crate::points::Values;
use crate::real::Precision;
use std::ops::{Add, Div, Mul};

/// A number in a lane.
pub(super) trait Number:
    Copy + Default + Add<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Into<f64> + 'static
{
    const PRECISION: Precision;
    fn of(value: f64) -> Self;
    fn values(column: Vec<Self>) -> Values;
    /// The numbers of a column of this format; none of another.
    fn numbers(values: &Values) -> &[Self];
    fn column(values: &mut Values) -> &mut [Self];
}

impl Number for f32 {
    const PRECISION: Precision = Precision::F32;
    fn of(value: f64) -> f32 {
        value as f32
    }
    fn values(column: Vec<f32>) -> Values {
        Values::F32(column)
    }
    fn numbers(values: &Values) -> &[f32] {
        if let Values::F32(column) = values { column } else { &[] }
    }
    fn column(values: &mut Values) -> &mut [f32] {
        if let Values::F32(column) = values { column } else { &mut [] }
    }
}

impl Number for f64 {
    const PRECISION: Precision = Precision::F64;
    fn of(value: f64) -> f64 {
        value
    }
    fn values(column: Vec<f64>) -> Values {
        Values::F64(column)
    }
    fn numbers(values: &Values) -> &[f64] {
        if let Values::F64(column) = values { column } else { &[] }
    }
    fn column(values: &mut Values) -> &mut [f64] {
        if let Values::F64(column) = values { column } else { &mut [] }
    }
}

/// Lanes and what is summed up in each: the lower triangle of J^T J row by row, J^T r, twice the loss, the scatter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) parameters: usize,
    pub(super) width: usize,
    /// Whether the loss has a curvature of its own.
    pub(super) general: bool,
}

impl Shape {
    /// How many sums a lane has.
    pub(super) fn sums(self) -> usize {
        self.parameters * (self.parameters + 1) / 2 + self.parameters + 2
    }
}

/// Rows that are added up before the f64 sums take them.
pub(super) const PIECE: usize = 32;

/// Adds rows of lanes to the sums: `columns` are the loss's slope, the slopes of f, and of a loss that is not a square its
/// curvature and the loss.
pub(super) fn accumulate<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, sums: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, sums: &mut [f64]) {
            any(shape, columns, weights, sums);
        }
        #[target_feature(enable = "avx2,avx512f,avx512dq,avx512vl,avx512bw")]
        fn avx512<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, sums: &mut [f64]) {
            any(shape, columns, weights, sums);
        }
        match Level::best() {
            // SAFETY: the processor has the level's instructions.
            Level::Avx512 => return unsafe { avx512(shape, columns, weights, sums) },
            // SAFETY: as above.
            Level::Avx2 => return unsafe { avx2(shape, columns, weights, sums) },
            Level::Baseline => {}
        }
    }
    any(shape, columns, weights, sums);
}

#[inline(always)]
fn any<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, sums: &mut [f64]) {
    macro_rules! sized {
        ($($n:literal)*) => {
            match shape.parameters {
                $($n => fixed::<T, $n, { $n * ($n + 1) / 2 }>(shape, columns, weights, sums),)*
                _ => large(shape, columns, weights, sums),
            }
        };
    }
    sized!(1 2 3 4 5 6 7 8);
}

/// One number for each of some lanes.
type Side<T> = [T; SIDE];

#[inline(always)]
fn side<T: Number>(column: &[T], at: usize) -> Side<T> {
    let mut side = [T::default(); SIDE];
    side.copy_from_slice(&column[at..at + SIDE]);
    side
}

#[inline(always)]
fn times<T: Number>(a: &Side<T>, b: &Side<T>) -> Side<T> {
    std::array::from_fn(|k| a[k] * b[k])
}

#[inline(always)]
fn add<T: Number>(to: &mut Side<T>, a: &Side<T>, b: &Side<T>) {
    for k in 0..SIDE {
        to[k] = to[k] + a[k] * b[k];
    }
}

/// What a row contributes beside its slopes of f: the factor of the products, that of the gradient, the objective's and
/// the scatter's part.
#[inline(always)]
fn row<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, at: usize) -> [Side<T>; 4] {
    let one = [T::of(1.0); SIDE];
    let slope = side(columns[0], at);
    let weight = weights.map_or(one, |weights| side(weights, at));
    let pull = times(&weight, &slope);
    if !shape.general {
        let square = times(&pull, &slope);
        return [weight, pull, square, square];
    }
    let curvature = side(columns[shape.parameters + 1], at);
    let loss = side(columns[shape.parameters + 2], at);
    let twice = std::array::from_fn(|k| weight[k] * (loss[k] + loss[k]));
    let scatter = std::array::from_fn(|k| pull[k] * slope[k] / curvature[k]);
    [times(&weight, &curvature), pull, twice, scatter]
}

#[inline(always)]
fn fixed<T: Number, const N: usize, const M: usize>(
    shape: Shape,
    columns: &[&[T]],
    weights: Option<&[T]>,
    sums: &mut [f64],
) {
    let width = shape.width;
    let rows = columns[0].len() / width;
    for lane in (0..width).step_by(SIDE) {
        for first in (0..rows).step_by(PIECE) {
            let zero = [T::default(); SIDE];
            let (mut products, mut gradient, mut others) = ([zero; M], [zero; N], [zero; 2]);
            for r in first..(first + PIECE).min(rows) {
                let at = r * width + lane;
                let [factor, pull, objective, scatter] = row(shape, columns, weights, at);
                let slopes: [Side<T>; N] = std::array::from_fn(|j| side(columns[1 + j], at));
                let mut place = 0;
                for i in 0..N {
                    let scaled =
                        if shape.general || weights.is_some() { times(&slopes[i], &factor) } else { slopes[i] };
                    for slope in slopes.iter().take(i + 1) {
                        add(&mut products[place], &scaled, slope);
                        place += 1;
                    }
                    add(&mut gradient[i], &slopes[i], &pull);
                }
                for k in 0..SIDE {
                    others[0][k] = others[0][k] + objective[k];
                    others[1][k] = others[1][k] + scatter[k];
                }
            }
            let all = products.iter().chain(&gradient).chain(&others);
            for (k, part) in all.enumerate() {
                let to = &mut sums[k * width + lane..][..SIDE];
                to.iter_mut().zip(part).for_each(|(to, part)| *to += (*part).into());
            }
        }
    }
}

/// The same for any number of parameters.
#[inline(always)]
fn large<T: Number>(shape: Shape, columns: &[&[T]], weights: Option<&[T]>, sums: &mut [f64]) {
    let (n, width) = (shape.parameters, shape.width);
    let rows = columns[0].len() / width;
    let mut parts = vec![[T::default(); SIDE]; shape.sums()];
    for lane in (0..width).step_by(SIDE) {
        for first in (0..rows).step_by(PIECE) {
            parts.iter_mut().for_each(|part| *part = [T::default(); SIDE]);
            for r in first..(first + PIECE).min(rows) {
                let at = r * width + lane;
                let [factor, pull, objective, scatter] = row(shape, columns, weights, at);
                let one = [T::of(1.0); SIDE];
                let mut place = 0;
                for i in 0..n {
                    let scaled = times(&side(columns[1 + i], at), &factor);
                    for j in 0..=i {
                        add(&mut parts[place], &scaled, &side(columns[1 + j], at));
                        place += 1;
                    }
                }
                for i in 0..n {
                    add(&mut parts[place + i], &side(columns[1 + i], at), &pull);
                }
                add(&mut parts[place + n], &objective, &one);
                add(&mut parts[place + n + 1], &scatter, &one);
            }
            for (k, part) in parts.iter().enumerate() {
                let to = &mut sums[k * width + lane..][..SIDE];
                to.iter_mut().zip(part).for_each(|(to, part)| *to += (*part).into());
            }
        }
    }
}
