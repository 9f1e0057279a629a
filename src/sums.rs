//! Sums over rows: in an order that depends on no SIMD level, so that all levels give the same bits, and compensated
//! where there are many.
//!
//! Flows in: columns of numbers. Flows out: dot products, sums, [`Sum`]. Who should not use it: who sums over an expression's
//! index; that is part of the graph.

#[cfg(target_arch = "x86_64")]
use crate::kernel::Level;
use crate::points::Values;

/// Partial sums side by side.
const SIDE: usize = 8;

/// Makes of a function one for each SIMD level, and the choice among them. None fuses a product and a sum.
macro_rules! leveled {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "slices of one loop")]
        $vis fn $name($($arg: $kind),*) $(-> $out)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "slices of one loop")]
            fn plain($($arg: $kind),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "slices of one loop")]
                fn avx2($($arg: $kind),*) $(-> $out)? { plain($($arg),*) }
                #[target_feature(enable = "avx2,avx512f,avx512dq,avx512vl,avx512bw")]
                #[allow(clippy::too_many_arguments, reason = "slices of one loop")]
                fn avx512($($arg: $kind),*) $(-> $out)? { plain($($arg),*) }
                match Level::best() {
                    // SAFETY: the processor has the level's instructions.
                    Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    Level::Avx2 => return unsafe { avx2($($arg),*) },
                    Level::Baseline => {}
                }
            }
            plain($($arg),*)
        }
    };
}

leveled! {
    /// The dot product of two columns.
    pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
        let mut sums = [0.0; SIDE];
        let (a, b) = (a.chunks_exact(SIDE), b.chunks_exact(SIDE));
        let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
        for (a, b) in a.zip(b) {
            for k in 0..SIDE {
                sums[k] += a[k] * b[k];
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
    }
}

leveled! {
    /// Adds `factor` times a column to another.
    pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
    }
}

/// A sum that carries what rounding takes from it (Neumaier's variant of Kahan's summation, 1974).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        // Of infinite sums nothing is lost.
        let lost = if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.lost += if sum.is_finite() { lost } else { 0.0 };
        self.sum = sum;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// Numbers that are summed side by side before the compensated sum takes them.
const PIECE: usize = 64;

/// The sum of products of two columns, compensated.
pub(crate) fn dot_of_many(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = Sum::default();
    a.chunks(PIECE).zip(b.chunks(PIECE)).for_each(|(a, b)| sum.add(dot(a, b)));
    sum.value()
}

/// The sum of some numbers of a column, in double precision.
#[inline(always)]
fn sum<T: Copy + Into<f64>>(a: &[T]) -> f64 {
    let mut sums = [0.0; SIDE];
    let a = a.chunks_exact(SIDE);
    let rest: f64 = a.remainder().iter().map(|a| (*a).into()).sum();
    for a in a {
        for k in 0..SIDE {
            sums[k] += a[k].into();
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
}

leveled! {
    /// The sum of each column, compensated.
    pub(crate) fn sums_of_many(columns: &[Values], into: &mut Vec<f64>) {
        into.clear();
        for column in columns {
            let mut total = Sum::default();
            into.push(match column {
                // Nothing is lost of one sum.
                Values::F32(a) if a.len() <= PIECE => sum(a),
                Values::F64(a) if a.len() <= PIECE => sum(a),
                Values::F32(a) => (a.chunks(PIECE).for_each(|a| total.add(sum(a))), total.value()).1,
                Values::F64(a) => (a.chunks(PIECE).for_each(|a| total.add(sum(a))), total.value()).1,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_not_lost_beside_what_is_large() {
        let mut sum = Sum::default();
        [1e16, 1.0, 1.0, -1e16].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.value(), 2.0);
        let many = vec![0.1f64; 10_000_000];
        let ones = vec![1.0; many.len()];
        let exact = 0.1f64 * 1e7; // 0.1 as it is in binary, times a number that is exact.
        assert!((dot_of_many(&many, &ones) / exact - 1.0).abs() < 4.0 * f64::EPSILON);
        let single = Values::F32(vec![0.1; many.len()]);
        let exact_single = f64::from(0.1f32) * 1e7;
        let mut sums = Vec::new();
        sums_of_many(&[single, Values::F64(many.clone())], &mut sums);
        assert!((sums[0] / exact_single - 1.0).abs() < 4.0 * f64::EPSILON);
        assert!((sums[1] / exact - 1.0).abs() < 4.0 * f64::EPSILON);
        let naive: f64 = many.iter().sum();
        assert!((naive / exact - 1.0).abs() > 1e-12, "the test would see a plain sum: {naive}");
    }
}
