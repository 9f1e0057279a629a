//! The numbers that a kernel is written over.
//!
//! Flows in: the shaders' mathematics (`shaders/math32.wgsl`, `math64.wgsl`), made into Rust by `build.rs`.
//! Flows out: [`Precision`], the trait [`Real`] (f32 and f64), and one module per arithmetic, each with the type
//! `R`, WGSL's built-in functions under WGSL's names, and the `m_` functions.
//!
//! There are four arithmetics: f32 and f64, each *fused* (`fma` rounds once; for SIMD levels that have the
//! instruction) and *plain* (`fma` is a product and a sum). A kernel in the table of operations is one text that
//! is compiled in each of them and sent to the GPU as it stands.
//!
//! Who should not use it: anyone but `kernel.rs` and `op.rs`; a user asks an engine.

use serde::Serialize;

/// The floating-point format that an engine computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE 754 binary32: 24 bits, some 7 decimal digits.
    F32,
    /// IEEE 754 binary64: 53 bits, some 16 decimal digits.
    F64,
}

impl Precision {
    /// `"f32"` or `"f64"`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        }
    }

    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F32 => 4,
            Precision::F64 => 8,
        }
    }

    /// The number nearest to `value` in this format (an f64 is returned as it is).
    pub fn round(self, value: f64) -> f64 {
        match self {
            Precision::F32 => f64::from(value as f32),
            Precision::F64 => value,
        }
    }

    /// Largest finite number.
    pub fn largest(self) -> f64 {
        match self {
            Precision::F32 => f64::from(f32::MAX),
            Precision::F64 => f64::MAX,
        }
    }

    /// Smallest normal positive number; an engine that flushes subnormals may be wrong by this much.
    pub fn smallest_normal(self) -> f64 {
        match self {
            Precision::F32 => f64::from(f32::MIN_POSITIVE),
            Precision::F64 => f64::MIN_POSITIVE,
        }
    }

    /// The unit in the last place of a number of this size: the distance between neighbours in this format.
    ///
    /// Subnormals have the spacing of the smallest normal number. Infinity and NaN give infinity.
    pub fn ulp(self, value: f64) -> f64 {
        let spacing = match self {
            Precision::F32 => f64::from(f32::EPSILON),
            Precision::F64 => f64::EPSILON,
        };
        let size = value.abs().max(self.smallest_normal());
        // The bits of the exponent alone are the power of two below.
        let power = f64::from_bits(size.to_bits() & f64::INFINITY.to_bits());
        if value.is_nan() { f64::INFINITY } else { power * spacing }
    }
}

/// A number that an engine stores: f32 or f64.
pub trait Real: bytemuck::Pod + PartialOrd + Default + Send + Sync + std::fmt::Display + 'static {
    /// The format.
    const PRECISION: Precision;
    /// The nearest number.
    fn from_f64(value: f64) -> Self;
    /// The same number; exact.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    const PRECISION: Precision = Precision::F32;
    #[inline(always)]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    const PRECISION: Precision = Precision::F64;
    #[inline(always)]
    fn from_f64(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// One arithmetic: the types and built-in functions that WGSL has by itself, then the `m_` functions.
macro_rules! arithmetic {
    ($name:ident, $r:ident, $u:ident, $i:ident, $file:literal, $once:literal, |$a:ident, $b:ident, $c:ident| $fma:expr) => {
        #[doc = concat!("`", stringify!($name), "`: the names that a kernel's text uses, over `", stringify!($r), "`.")]
        #[allow(
            missing_docs,
            unused_parens,
            clippy::all,
            clippy::restriction,
            clippy::pedantic,
            reason = "the text is WGSL as well and follows WGSL's manners"
        )]
        pub mod $name {
            pub type R = $r;
            pub type U = $u;
            pub type I = $i;
            #[inline(always)]
            pub fn fma($a: R, $b: R, $c: R) -> R {
                $fma
            }
            #[inline(always)]
            pub fn select<T>(if_false: T, if_true: T, condition: bool) -> T {
                if condition { if_true } else { if_false }
            }
            #[inline(always)]
            pub fn floor(x: R) -> R {
                x.floor()
            }
            #[inline(always)]
            pub fn ceil(x: R) -> R {
                x.ceil()
            }
            #[inline(always)]
            pub fn trunc(x: R) -> R {
                x.trunc()
            }
            #[inline(always)]
            pub fn round(x: R) -> R {
                x.round_ties_even()
            }
            #[inline(always)]
            pub fn abs(x: R) -> R {
                x.abs()
            }
            #[inline(always)]
            pub fn sqrt(x: R) -> R {
                x.sqrt()
            }
            #[inline(always)]
            pub fn min(x: R, y: R) -> R {
                if y < x { y } else { x }
            }
            #[inline(always)]
            pub fn max(x: R, y: R) -> R {
                if x < y { y } else { x }
            }
            #[inline(always)]
            pub fn to_bits(x: R) -> U {
                x.to_bits()
            }
            #[inline(always)]
            pub fn from_bits(bits: U) -> R {
                R::from_bits(bits)
            }
            #[inline(always)]
            pub fn add_bits(a: U, b: U) -> U {
                a.wrapping_add(b)
            }
            #[inline(always)]
            pub fn multiply_bits(a: U, b: U) -> U {
                // The lower halves of 64 bits, which processors multiply; of 32 bits all.
                const HALF: U = u32::MAX as U;
                (a & HALF).wrapping_mul(b & HALF)
            }
            #[inline(always)]
            pub fn veil(x: R) -> R {
                x
            }
            #[inline(always)]
            pub fn fused() -> bool {
                $once
            }
            #[inline(always)]
            pub fn to_int(x: R) -> I {
                x as I
            }
            #[inline(always)]
            pub fn to_real(i: I) -> R {
                i as R
            }
            #[inline(always)]
            pub fn to_uint(i: I) -> U {
                i as U
            }
            #[inline(always)]
            pub fn from_uint(u: U) -> I {
                u as I
            }
            include!(concat!(env!("OUT_DIR"), $file));
        }
    };
}

arithmetic!(f32_fused, f32, u32, i32, "/math32.rs", true, |a, b, c| a.mul_add(b, c));
arithmetic!(f32_plain, f32, u32, i32, "/math32.rs", false, |a, b, c| a * b + c);
arithmetic!(f64_fused, f64, u64, i64, "/math64.rs", true, |a, b, c| a.mul_add(b, c));
arithmetic!(f64_plain, f64, u64, i64, "/math64.rs", false, |a, b, c| a * b + c);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulp_is_the_distance_to_the_next_number() {
        for value in [1.0f32, 1.5, 2.0, -3.7, 1e-38, 1e-45, 0.0, 3e38] {
            let next = f32::from_bits(value.abs().to_bits() + 1);
            assert_eq!(Precision::F32.ulp(f64::from(value)), f64::from(next) - f64::from(value.abs()), "{value}");
        }
        for value in [1.0f64, 1.5, -2.0, 1e300, 1e-310, 0.0] {
            let next = f64::from_bits(value.abs().to_bits() + 1);
            assert_eq!(Precision::F64.ulp(value), next - value.abs(), "{value}");
        }
    }
}
