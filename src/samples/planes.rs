//! Both components of an image's gradient in one pass over its rows.
//!
//! Flows in: an image, a kernel's taps. Flows out: its derivatives by x and by y. A pixel costs its own bytes once and
//! those of its two results: the rows under the kernel stay in the cache, and what lies between the two passes of a
//! separable kernel never leaves the innermost one. Bands of rows are shared among threads; the loops are compiled for
//! each set of the processor's vector instructions and give the same bits on all of them.

use super::axis::Number;
use super::boundary::Boundary;
use super::kernel::Taps;
use crate::kernel::Level;

/// Columns that are worked on at a time: their sums, and the rows under them, stay in the first cache.
const BLOCK: usize = 1024;

/// Taps that are mirrored: smoothing ones alike, derivative ones with the other sign.
struct Weights<T> {
    /// The outer pairs first, then the middle.
    smooth_down: Vec<T>,
    smooth_across: Vec<T>,
    /// The outer pairs first; the middle is zero.
    slope_down: Vec<T>,
    slope_across: Vec<T>,
}

/// An image while its rows are worked on.
struct Image<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    boundary: Boundary,
    zeros: Vec<T>,
    weights: Weights<T>,
}

/// The derivatives by x and by y, samples `spacing` apart in x and in y.
pub(super) fn both<T: Number>(
    values: &[T],
    (rows, columns): (usize, usize),
    taps: &Taps,
    boundary: Boundary,
    spacing: [f64; 2],
    threads: usize,
) -> [Vec<T>; 2] {
    let half = taps.derivative.len() / 2;
    let number = |v: &f64| T::from_f64(*v);
    let slope = |by: f64| taps.derivative[half + 1..].iter().rev().map(|tap| T::from_f64(tap / by)).collect();
    let smooth = || taps.smoothing[..=half].iter().map(number).collect();
    let weights = Weights {
        smooth_down: smooth(),
        smooth_across: smooth(),
        slope_down: slope(spacing[1]),
        slope_across: slope(spacing[0]),
    };
    let image = Image { values, rows, columns, boundary, zeros: vec![T::default(); columns], weights };
    let mut out = [zeros::<T>(values.len()), zeros::<T>(values.len())];
    let each = rows.div_ceil(threads.max(1)).max(1);
    let [x, y] = &mut out;
    let parts = x.chunks_mut(each * columns).zip(y.chunks_mut(each * columns)).enumerate();
    std::thread::scope(|scope| {
        for (k, (x, y)) in parts {
            let image = &image;
            if threads <= 1 {
                image.band(k * each, x, y);
            } else {
                scope.spawn(move || image.band(k * each, x, y));
            }
        }
    });
    out
}

/// Memory for results, in large pages where the system has such.
fn zeros<T: Number>(length: usize) -> Vec<T> {
    crate::points::in_large_pages(vec![T::default(); length])
}

impl<T: Number> Image<'_, T> {
    /// Some rows from `first` on.
    fn band(&self, first: usize, x: &mut [T], y: &mut [T]) {
        match Level::best() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has this level.
            Level::Avx512 => unsafe { self.band_avx512(first, x, y) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { self.band_avx2(first, x, y) },
            _ => self.band_any(first, x, y),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
    fn band_avx512(&self, first: usize, x: &mut [T], y: &mut [T]) {
        self.band_any(first, x, y);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn band_avx2(&self, first: usize, x: &mut [T], y: &mut [T]) {
        self.band_any(first, x, y);
    }

    #[inline(always)]
    fn band_any(&self, first: usize, x: &mut [T], y: &mut [T]) {
        match self.weights.slope_down.len() {
            1 => self.band_of::<1>(first, x, y),
            2 => self.band_of::<2>(first, x, y),
            _ => self.band_of::<0>(first, x, y),
        }
    }

    /// With `HALF` pairs of taps; 0 for any number of them.
    #[inline(always)]
    fn band_of<const HALF: usize>(&self, first: usize, x: &mut [T], y: &mut [T]) {
        let half = self.weights.slope_down.len();
        let zeros = || vec![T::default(); BLOCK + 2 * half];
        let (mut smooth, mut slope) = (zeros(), zeros());
        let rows_out = x.chunks_exact_mut(self.columns).zip(y.chunks_exact_mut(self.columns));
        for (k, (x, y)) in rows_out.enumerate() {
            let under: Vec<&[T]> = (0..=2 * half).map(|j| self.row((first + k + j) as isize - half as isize)).collect();
            for start in (0..self.columns).step_by(BLOCK) {
                let end = self.columns.min(start + BLOCK);
                let width = end - start + 2 * half;
                let (smooth, slope) = (&mut smooth[..width], &mut slope[..width]);
                self.down::<HALF>(&under, start as isize - half as isize, smooth, slope);
                self.across::<HALF>(smooth, slope, &mut x[start..end], &mut y[start..end]);
            }
        }
    }

    /// The row at a place that may lie outside.
    fn row(&self, place: isize) -> &[T] {
        match self.boundary.index(place, self.rows) {
            Some(row) => &self.values[row * self.columns..][..self.columns],
            None => &self.zeros,
        }
    }

    /// Sums down the rows, from the column `from` on, which may lie outside.
    #[inline(always)]
    fn down<const HALF: usize>(&self, under: &[&[T]], from: isize, smooth: &mut [T], slope: &mut [T]) {
        let columns = self.columns as isize;
        let inside = |place: isize| (place.clamp(0, columns) - from).clamp(0, smooth.len() as isize) as usize;
        let (a, b) = (inside(0), inside(columns));
        let start = (from + a as isize) as usize;
        self.down_inside::<HALF>(under, start, &mut smooth[a..b], &mut slope[a..b]);
        for k in (0..a).chain(b..smooth.len()) {
            (smooth[k], slope[k]) = match self.boundary.index(from + k as isize, self.columns) {
                Some(place) => {
                    let (mut u, mut v) = ([T::default()], [T::default()]);
                    self.down_inside::<HALF>(under, place, &mut u, &mut v);
                    (u[0], v[0])
                }
                None => Default::default(),
            };
        }
    }

    #[inline(always)]
    fn down_inside<const HALF: usize>(&self, under: &[&[T]], start: usize, smooth: &mut [T], slope: &mut [T]) {
        let (width, w) = (smooth.len(), &self.weights);
        let half = w.slope_down.len();
        let row = |k: usize| &under[k][start..start + width];
        let slope = &mut slope[..width];
        if HALF == 1 {
            let (above, here, below) = (row(0), row(1), row(2));
            let (a, b, c) = (w.smooth_down[0], w.smooth_down[1], w.slope_down[0]);
            for k in 0..width {
                smooth[k] = a * (above[k] + below[k]) + b * here[k];
                slope[k] = c * (below[k] - above[k]);
            }
            return;
        }
        let (here, middle) = (row(half), w.smooth_down[half]);
        for k in 0..width {
            (smooth[k], slope[k]) = (middle * here[k], T::default());
        }
        for pair in 0..half {
            let (above, below) = (row(pair), row(2 * half - pair));
            let (a, c) = (w.smooth_down[pair], w.slope_down[pair]);
            for k in 0..width {
                smooth[k] = smooth[k] + a * (above[k] + below[k]);
                slope[k] = slope[k] + c * (below[k] - above[k]);
            }
        }
    }

    /// Sums along the row.
    #[inline(always)]
    fn across<const HALF: usize>(&self, smooth: &[T], slope: &[T], x: &mut [T], y: &mut [T]) {
        let (width, w) = (x.len(), &self.weights);
        let half = w.slope_across.len();
        let y = &mut y[..width];
        if HALF == 1 {
            let (left, right) = (&smooth[..width], &smooth[2..][..width]);
            let (before, here, after) = (&slope[..width], &slope[1..][..width], &slope[2..][..width]);
            let (a, b, c) = (w.smooth_across[0], w.smooth_across[1], w.slope_across[0]);
            for k in 0..width {
                x[k] = c * (right[k] - left[k]);
                y[k] = a * (before[k] + after[k]) + b * here[k];
            }
            return;
        }
        let (here, middle) = (&slope[half..][..width], w.smooth_across[half]);
        for k in 0..width {
            (x[k], y[k]) = (T::default(), middle * here[k]);
        }
        for pair in 0..half {
            let (left, right) = (&smooth[pair..][..width], &smooth[2 * half - pair..][..width]);
            let (before, after) = (&slope[pair..][..width], &slope[2 * half - pair..][..width]);
            let (a, c) = (w.smooth_across[pair], w.slope_across[pair]);
            for k in 0..width {
                x[k] = x[k] + c * (right[k] - left[k]);
                y[k] = y[k] + a * (before[k] + after[k]);
            }
        }
    }
}
