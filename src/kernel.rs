//! The loop around a kernel: one operation over a block of lanes, compiled once per SIMD level.
//!
//! Flows in: the text of a kernel (a function of up to three numbers). Flows out: [`Kernels`], function pointers
//! chosen by SIMD [`Level`] and by which operands are one number for the whole block. The compiler vectorises
//! each loop for the instructions its level allows; since every kernel is straight-line (`select`, no branches)
//! the loops become the code one would write by hand.
//!
//! Who should not use it: anyone but `op.rs` (which makes them) and `backend/cpu.rs` (which calls them).

use std::sync::OnceLock;

/// Lanes in a block. 256 keep some forty f32 temporaries in a 48 KiB first-level cache and make the call cost
/// per lane small.
pub const LANES: usize = 256;

/// One temporary of the CPU engine.
pub type Block<T> = [T; LANES];

/// Writes `out[i] = op(a[i], b[i], c[i])` for all lanes.
///
/// # Safety
/// Every operand that the operation has points to [`LANES`] readable numbers, or to one where the kernel was
/// chosen for a single number there; none of them overlaps `out`; the CPU has the kernel's SIMD level.
pub type Kernel<T> = unsafe fn(out: &mut Block<T>, a: *const T, b: *const T, c: *const T);

/// The kernels of one operation, one level and one format, indexed by a mask: bit 0, 1, 2 set where operand a,
/// b, c is one number for the block.
pub type Masks<T> = [Kernel<T>; 8];

/// Every compiled form of one operation, indexed by [`Level`].
#[derive(Debug)]
pub struct Kernels {
    /// Single precision.
    pub f32: [Masks<f32>; Level::COUNT],
    /// Double precision.
    pub f64: [Masks<f64>; Level::COUNT],
}

/// A set of SIMD instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Level {
    /// What every processor of the architecture has (SSE2; NEON with fma on 64-bit Arm).
    Baseline = 0,
    /// AVX2 and FMA.
    Avx2 = 1,
    /// AVX-512 F, DQ, VL and BW.
    Avx512 = 2,
}

impl Level {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// The widest level of this processor, or a lower one that the environment variable `GRADFIELD_SIMD`
    /// (`baseline`, `avx2`, `avx512`) asks for.
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| {
            let wanted = match std::env::var("GRADFIELD_SIMD").as_deref() {
                Ok("baseline") => Level::Baseline,
                Ok("avx2") => Level::Avx2,
                _ => Level::Avx512,
            };
            Level::detected().min(wanted)
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn detected() -> Level {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
        {
            Level::Avx512
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            Level::Avx2
        } else {
            Level::Baseline
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detected() -> Level {
        Level::Baseline
    }

    /// `"AVX-512"` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline if cfg!(target_arch = "aarch64") => "NEON",
            Level::Baseline => "baseline",
            Level::Avx2 => "AVX2",
            Level::Avx512 => "AVX-512",
        }
    }

    /// Whether `fma` rounds once at this level.
    pub fn fused(self) -> bool {
        self != Level::Baseline || cfg!(target_arch = "aarch64")
    }
}

/// Makes the [`Kernels`] of a text; `(a, b)` names its operands.
#[doc(hidden)]
#[macro_export]
macro_rules! kernels {
    (($($arg:ident),+) $body:expr) => {
        $crate::kernel::Kernels {
            f32: $crate::kernel_levels!(f32, f32_plain, f32_fused, ($($arg),+) $body),
            f64: $crate::kernel_levels!(f64, f64_plain, f64_fused, ($($arg),+) $body),
        }
    };
}

/// The levels of one format, in the order of [`Level`].
#[doc(hidden)]
#[macro_export]
macro_rules! kernel_levels {
    ($t:ident, $plain:ident, $fused:ident, ($($arg:ident),+) $body:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            [
                $crate::kernel_masks!($t, $plain, "sse2", ($($arg),+) $body),
                $crate::kernel_masks!($t, $fused, "avx2,fma", ($($arg),+) $body),
                $crate::kernel_masks!($t, $fused, "avx2,fma,avx512f,avx512dq,avx512vl,avx512bw", ($($arg),+) $body),
            ]
        }
        #[cfg(target_arch = "aarch64")]
        {
            [$crate::kernel_masks!($t, $fused, "neon", ($($arg),+) $body); $crate::kernel::Level::COUNT]
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            [$crate::kernel_masks!($t, $plain, "", ($($arg),+) $body); $crate::kernel::Level::COUNT]
        }
    }};
}

/// One level: the loop for each mask that can occur. An operation whose operands are all single numbers is
/// computed once, not per lane, so the full masks are never called and share the loop of mask 0.
#[doc(hidden)]
#[macro_export]
macro_rules! kernel_masks {
    ($t:ident, $arithmetic:ident, $features:literal, ($a:ident) $body:expr) => {{
        $crate::kernel_loop!($t, $arithmetic, $features, ($a, _unused_b, _unused_c), 1, $body);
        [run::<0>; 8]
    }};
    ($t:ident, $arithmetic:ident, $features:literal, ($a:ident, $b:ident) $body:expr) => {{
        $crate::kernel_loop!($t, $arithmetic, $features, ($a, $b, _unused_c), 2, $body);
        [run::<0>, run::<1>, run::<2>, run::<0>, run::<0>, run::<1>, run::<2>, run::<0>]
    }};
    ($t:ident, $arithmetic:ident, $features:literal, ($a:ident, $b:ident, $c:ident) $body:expr) => {{
        $crate::kernel_loop!($t, $arithmetic, $features, ($a, $b, $c), 3, $body);
        [run::<0>, run::<1>, run::<2>, run::<3>, run::<4>, run::<5>, run::<6>, run::<0>]
    }};
}

/// The function `run` of one level; `MASK` as in [`Masks`]. The loop calls `lane` by its name: through an `impl Fn` a long
/// kernel would stay a function of its own, without the level's instructions.
#[doc(hidden)]
#[macro_export]
macro_rules! kernel_loop {
    ($t:ident, $arithmetic:ident, $features:literal, ($a:ident, $b:ident, $c:ident), $used:literal, $body:expr) => {
        #[allow(unused_imports, reason = "each kernel uses a few of the names")]
        use $crate::real::$arithmetic::*;
        #[inline(always)]
        #[allow(unused_parens, clippy::all, reason = "the text is WGSL as well")]
        fn lane($a: $t, $b: $t, $c: $t) -> $t {
            $body
        }
        #[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))]
        #[cfg_attr(target_arch = "aarch64", target_feature(enable = $features))]
        unsafe fn run<const MASK: usize>(
            out: &mut $crate::kernel::Block<$t>,
            a: *const $t,
            b: *const $t,
            c: *const $t,
        ) {
            let operands = [a, b, c];
            for (place, out) in out.iter_mut().enumerate() {
                let operand = |k: usize| {
                    let k = if k < $used { k } else { 0 };
                    let offset = if MASK >> k & 1 == 1 { 0 } else { place };
                    // SAFETY: the caller vouches for LANES numbers, or one where the mask has the operand's bit.
                    unsafe { *operands[k].add(offset) }
                };
                *out = lane(operand(0), operand(1), operand(2));
            }
        }
    };
}
