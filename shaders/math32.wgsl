// The elementary and special functions of gradfield in single precision (R = f32), one text for
// CPU and GPU.
//
// In: one or two numbers of type R. Out: one number. Functions named m_* and is_* are for use; h_*
// are their helpers. No state, no memory, no branches. Special values (infinities, NaN, signed
// zeros, domain errors, poles) are those of C's libm; m_digamma and m_trigamma give NaN at poles.
// The accuracy of each function is in the table at the end.
//
// This file is read twice: as WGSL, where it follows a prelude, and as Rust, where build.rs puts
// `#[inline(always)] pub` before each `fn` and `pub` before each `const` and includes it in a
// module. math64.wgsl is the same in double precision. What both languages share:
// - top level: `fn name(x: R) -> R {` and `const NAME: R = 1.0;` in column 0, comments with `//`;
// - bodies: `let` (no shadowing, and never a bare literal: WGSL would make it f32), an explicit
//   `return`, no `if`, no loops. select(if_false, if_true, condition) computes both sides, which is
//   what lets a plain Rust loop over a function become SIMD code;
// - `&`, `|` and `!` on bool, `&`, `|`, `^`, `<<` and `>>` by literals on U; integers never wrap
//   (Rust's debug builds would stop) and no literal exceeds 2^63 - 1;
// - from the prelude: the types R and U (f32 and u32), to_bits and from_bits, fused (whether fma surely rounds once: no
//   GPU says so, and the compiler of the host drops what is not taken), and
//   WGSL's built-in select, fma, floor, abs and sqrt under these names.
//
// What a GPU may do to arithmetic, and what follows from it:
// - fma may be rounded twice: products that must be exact are made so by trailing zeros;
// - sums may be reassociated and (a + b) - a simplified to b: compensated steps go through bits
//   (h_head, h_near) or through h_keep;
// - subnormal numbers may become 0; then the logarithm of one is that of 0;
// - comparisons may take NaN for absent, and min and max may drop it: NaN is found in the bits and
//   put into the result by a last select.
//
// Polynomials are in Horner form, highest coefficient first; P in a comment is the polynomial
// below it. Sollya's fpminimax gives coefficients already rounded to the precision; Chebyshev
// interpolation was done with mpmath at 400 bits and rounded to the precision afterwards. The
// error given is the largest relative error of P itself with the rounded coefficients.
//
// ---- constants -------------------------------------------------------------

const ZERO: R = 0.0;
const ONE: R = 1.0;
const HALF: R = 0.5;
// Largest finite value, smallest normal value, and the factor (2^25) which lifts every subnormal
// number into the normal range.
const MAX_REAL: R = 3.4028234663852886e38;
const MIN_NORMAL: R = 1.1754943508222875e-38;
const LIFT: R = 33554432.0;
// 1.5 * 2^23: adding it rounds to an integer that then sits in the low bits of the sum; and
// the same plus the exponent bias.
const MAGIC: R = 12582912.0;
const MAGIC_BIASED: R = 12583039.0;
// 2^23 + bias (less the lift of subnormals), for reading an exponent field as a number.
const EXPONENT_BASE: R = 8388735.0;
const EXPONENT_BASE_LIFTED: R = 8388760.0;

const LOG2E: R = 1.442695;
const LOG10E: R = 0.4342945;
const LN2: R = 0.6931472;
// ln 2 in two parts; the first has 15 bits, so its product with any exponent is exact.
const LN2_HI: R = 0.69314575;
const LN2_LO: R = 1.4286068e-6;
// log10(2), the same.
const LOG10_2_HI: R = 0.3010254;
const LOG10_2_LO: R = 4.605039e-6;
const PI: R = 3.1415927;
const LN_PI: R = 1.1447299;
const TWO_OVER_PI: R = 0.63661975;
// ln(2 pi) / 2
const HALF_LN_2PI: R = 0.9189385;
// Multiples of pi/4 as value and remainder.
const PI_4: R = 0.7853982;
const PI_4_LO: R = -2.1855694e-8;
const PI_2: R = 1.5707964;
const PI_2_LO: R = -4.371139e-8;
const PI_34: R = 2.3561945;
const PI_34_LO: R = -5.9624403e-9;
const PI_LO: R = -8.742278e-8;
const CBRT_2: R = 1.2599211;
const CBRT_HALF: R = 0.7937005;
// pi/2 = the sum of these. All but the last have 8 bits: their products with a quadrant
// number below 2^16 are exact without a fused multiply-add.
const PI_2_1: R = 1.5703125;
const PI_2_2: R = 0.0004825592;
const PI_2_3: R = 1.2665987e-6;
const PI_2_4: R = 9.895302e-10;
const PI_2_5: R = 2.5579538e-12;
const PI_2_6: R = 5.390303e-15;
// The same in three, for a multiply-add that rounds once: PI_2, PI_2_LO and this.
const PI_2_REST: R = -1.7151245e-15;

// ---- bits ------------------------------------------------------------------

fn h_abs_bits(x: R) -> U {
    return to_bits(x) & 0x7fffffff;
}

fn is_nan(x: R) -> bool {
    return h_abs_bits(x) > 0x7f800000;
}

// Not zero; NaN is true. By the bits: drivers compare as if there were no NaN.
fn is_true(x: R) -> bool {
    return (to_bits(x) << 1) != 0;
}

fn is_inf(x: R) -> bool {
    return h_abs_bits(x) == 0x7f800000;
}

// True for infinities and NaN.
fn h_not_finite(x: R) -> bool {
    return h_abs_bits(x) >= 0x7f800000;
}

// The infinity and NaN as run-time values: WGSL has no constants for them.
fn h_inf() -> R {
    return from_bits(0x7f800000);
}

fn h_nan() -> R {
    return from_bits(0x7fc00000);
}

// The sign bit of x, alone.
fn h_sign(x: R) -> U {
    return (to_bits(x) >> 31) << 31;
}

// Flips the sign of r when the sign bit is set in s.
fn h_flip(r: R, s: U) -> R {
    return from_bits(to_bits(r) ^ s);
}

// The leading 12 bits of x. The product of two heads is exact. It is made on bits, not by
// Dekker's products, because a GPU compiler may simplify (a + b) - a to b.
fn h_head(x: R) -> R {
    return from_bits((to_bits(x) >> 12) << 12);
}

// x, out of reach of algebraic simplification: GPU compilers (Mesa for one) turn (x - k a) - k b into x - k (a + b),
// (s - 1) + s e into s (e + 1) - 1, and (x + 1.5) + MAGIC into x + (1.5 + MAGIC). `veil` is the prelude's: on a GPU it
// sets a bit that only the host knows to be 0; a host compiler keeps to IEEE 754 and needs nothing.
fn h_keep(x: R) -> R {
    return veil(x);
}

// The nearest integer (ties to even) for |x| < 2^22. The bit set here is set in every sum
// anyway; it is there because a GPU compiler may simplify (x + MAGIC) - MAGIC to x.
fn h_near(x: R) -> R {
    return from_bits(to_bits(h_keep(x) + MAGIC) | 0x40000000) - MAGIC;
}

// 2^n for an integral n with 2^n normal.
fn h_pow2(n: R) -> R {
    return from_bits(to_bits(n + MAGIC_BIASED) << 23);
}

// v * 2^k, with k up to twice the exponent range, rounded once (also into the subnormal range).
fn h_scale(v: R, k: R) -> R {
    let half_k = h_near(k * 0.5);
    return v * h_pow2(half_k) * h_pow2(k - half_k);
}

fn m_round(x: R) -> R {
    let a = abs(x);
    let f = floor(a);
    let d = a - f;
    let odd = floor(f * 0.5) * 2.0 != f;
    let up = (d > 0.5) | ((d == 0.5) & odd);
    return h_flip(select(f, f + 1.0, up), h_sign(x));
}

// ---- exp -------------------------------------------------------------------

// e^r - 1 for |r| <= ln(2)/2 as r + r^2 P(r).
// P = (e^r - 1 - r)/r^2, degree 4, on [-0.3475, 0.3475]: Sollya fpminimax, relative error 1.3e-07.
fn h_expm1_poly(r: R) -> R {
    let p3 = fma(0.0013911293, r, 0.008363309);
    let p2 = fma(p3, r, 0.041666705);
    let p1 = fma(p2, r, 0.16666576);
    let p = fma(p1, r, 0.5);
    return fma(p, r * r, r);
}

// x - k ln 2
fn h_exp_rest(x: R, k: R) -> R {
    return fma(k, -LN2_LO, h_keep(fma(k, -LN2_HI, x)));
}

// e^x 2^shift for x at most a little outside the range where the result is finite and not 0.
fn h_exp_shifted(x: R, shift: R) -> R {
    let k = h_near(x * LOG2E);
    let r = h_exp_rest(x, k);
    return h_scale(1.0 + h_expm1_poly(r), k + shift);
}

// (Comparisons let a NaN pass, but a GPU may make min and max of them, which do not; hence the
// last selects here and below.)
fn m_exp(x: R) -> R {
    let x1 = select(x, 89.0, x > 89.0);
    let x2 = select(x1, -104.0, x1 < -104.0);
    return select(h_exp_shifted(x2, 0.0), x, is_nan(x));
}

// 2^x = 2^k (1 + f P(f)), |f| <= 1/2.
// P = (2^f - 1)/f, degree 5, on [-0.501, 0.501]: Sollya fpminimax, relative error 1.4e-08.
fn m_exp2(x: R) -> R {
    let x1 = select(x, 128.0, x > 128.0);
    let x2 = select(x1, -151.0, x1 < -151.0);
    let k = h_near(x2);
    let f = x2 - k;
    let p4 = fma(0.00015377362, f, 0.0013388124);
    let p3 = fma(p4, f, 0.009618322);
    let p2 = fma(p3, f, 0.05550366);
    let p1 = fma(p2, f, 0.24022649);
    let p = fma(p1, f, 0.6931472);
    return select(h_scale(fma(p, f, 1.0), k), x, is_nan(x));
}

// e^x - 1 = 2 (s (e^r - 1) + (s - 1/2)), s = 2^(k-1): halved so that s never overflows.
fn m_expm1(x: R) -> R {
    let x1 = select(x, 89.0, x > 89.0);
    let x2 = select(x1, -18.0, x1 < -18.0);
    let k = h_near(x2 * LOG2E);
    let e = h_expm1_poly(h_exp_rest(x2, k));
    let s = h_pow2(k - 1.0);
    let y = 2.0 * fma(s, e, h_keep(s - 0.5));
    return select(y, x, (abs(x) < 1e-8) | is_nan(x));
}

fn m_sinh(x: R) -> R {
    let a0 = abs(x);
    let a = select(a0, 90.0, a0 > 90.0);
    let h = h_exp_shifted(a, -1.0);
    let z = a * a;
    // P = (sinh(a) - a)/a^3 in z = a^2, degree 3, on [0, 1]: Sollya fpminimax, relative error
    // 3.0e-08.
    let p2 = fma(2.7571373e-6, z, 0.00019846643);
    let p1 = fma(p2, z, 0.008333297);
    let p = fma(p1, z, 0.16666667);
    let small = fma(p, a * z, a);
    let y = select(h - 0.25 / h, small, a < 1.0);
    return h_flip(select(y, a0, is_nan(x)), h_sign(x));
}

fn m_cosh(x: R) -> R {
    let a0 = abs(x);
    let a = select(a0, 90.0, a0 > 90.0);
    let h = h_exp_shifted(a, -1.0);
    return select(h + 0.25 / h, x, is_nan(x));
}

// tanh a = t / (t + 2) with t = e^(2a) - 1.
fn m_tanh(x: R) -> R {
    let a0 = 2.0 * abs(x);
    let a = select(a0, 20.0, a0 > 20.0);
    let k = h_near(a * LOG2E);
    let e = h_expm1_poly(h_exp_rest(a, k));
    let s = h_pow2(k);
    let t = fma(s, e, h_keep(s - 1.0));
    return h_flip(select(t / (t + 2.0), a0, is_nan(x)), h_sign(x));
}

// With z = e^-|x| nothing overflows: 1/(1 + z) or z/(1 + z).
fn m_sigmoid(x: R) -> R {
    let z = m_exp(-abs(x));
    return select(ONE, z, x < 0.0) / (1.0 + z);
}

// ---- logarithms ------------------------------------------------------------

// x = 2^k m with m in [sqrt(1/2), sqrt(2)): the three functions below give x lifted from the
// subnormal range, k, and m, for positive finite x.
fn h_lifted(x: R) -> R {
    return select(x, x * LIFT, x < MIN_NORMAL);
}

fn h_exponent(x: R) -> R {
    let b = h_abs_bits(h_lifted(x)) + 0x004afb0d;
    let base = select(EXPONENT_BASE, EXPONENT_BASE_LIFTED, x < MIN_NORMAL);
    return from_bits((b >> 23) | 0x4b000000) - base;
}

fn h_mantissa(x: R) -> R {
    let b = h_abs_bits(h_lifted(x)) + 0x004afb0d;
    return from_bits((b & 0x007fffff) + 0x3f3504f3);
}

// k ln 2 + ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)], as f - f^2/2 + f^3 P(f).
// P = (ln(1 + f) - f + f^2/2)/f^3, degree 8, on [sqrt(1/2) - 1, sqrt(2) - 1]: Sollya fpminimax,
// relative error 6.8e-08.
fn h_ln_parts(k: R, f: R) -> R {
    let z = f * f;
    let p7 = fma(0.07042956, f, -0.11522111);
    let p6 = fma(p7, f, 0.11678357);
    let p5 = fma(p6, f, -0.12419493);
    let p4 = fma(p5, f, 0.14249238);
    let p3 = fma(p4, f, -0.16668068);
    let p2 = fma(p3, f, 0.2000071);
    let p1 = fma(p2, f, -0.24999994);
    let p = fma(p1, f, 0.3333333);
    let t = fma(z, -0.5, fma(z * f, p, k * LN2_LO));
    return fma(k, LN2_HI, f + t);
}

// ln x for positive finite x.
fn h_ln(x: R) -> R {
    return h_ln_parts(h_exponent(x), h_mantissa(x) - 1.0);
}

// Puts the special values of a logarithm: y = log x for ordinary x.
fn h_log_special(y: R, x: R) -> R {
    let y1 = select(y, x, h_not_finite(x));
    let y2 = select(y1, -h_inf(), x == 0.0);
    return select(y2, h_nan(), x < 0.0);
}

fn m_ln(x: R) -> R {
    return h_log_special(h_ln(x), x);
}

fn m_log2(x: R) -> R {
    let f = h_mantissa(x) - 1.0;
    return h_log_special(fma(h_ln_parts(ZERO, f), LOG2E, h_exponent(x)), x);
}

fn m_log10(x: R) -> R {
    let k = h_exponent(x);
    let f = h_mantissa(x) - 1.0;
    let y = fma(k, LOG10_2_HI, fma(k, LOG10_2_LO, h_ln_parts(ZERO, f) * LOG10E));
    return h_log_special(y, x);
}

// ln(1 + x): the exponent k is that of the rounded 1 + x; the reduced argument
// 2^-k (1 + x) - 1 is formed as 2^-k x + (2^-k - 1), which loses nothing of x. For a large k,
// 2^-k is out of range and the 1 does not matter.
fn h_log1p(x: R) -> R {
    let u = 1.0 + x;
    let k = h_exponent(u);
    let s = h_pow2(-k);
    let f = select(fma(x, s, h_keep(s - 1.0)), h_mantissa(u) - 1.0, k > 24.5);
    return h_ln_parts(k, f);
}

fn m_log1p(x: R) -> R {
    let y = select(h_log1p(x), x, h_not_finite(x) | (abs(x) < 1e-8));
    let y1 = select(y, -h_inf(), x == -1.0);
    return select(y1, h_nan(), x < -1.0);
}

fn m_softplus(x: R) -> R {
    let z = m_exp(-abs(x));
    let top = select(ZERO, x, x > 0.0);
    return top + select(h_log1p(z), z, (z < 1e-8) | is_nan(z));
}

// For a > 2^30, asinh a = ln(2 a) = log1p(a) + ln 2.
fn m_asinh(x: R) -> R {
    let a = abs(x);
    let big = a > 1.0737418e9;
    let z = a * a;
    let w = select(a + z / (1.0 + sqrt(z + 1.0)), a, big);
    let y = h_log1p(w) + select(ZERO, LN2, big);
    return h_flip(select(y, a, h_not_finite(x) | (a < 1e-8)), h_sign(x));
}

fn m_acosh(x: R) -> R {
    let big = x > 1.0737418e9;
    let t = select(x, ONE, big | (x < 1.0)) - 1.0;
    let w = select(t + sqrt(fma(t, t, 2.0 * t)), x, big);
    let y = h_log1p(w) + select(ZERO, LN2, big);
    return select(select(y, x, h_not_finite(x)), h_nan(), x < 1.0);
}

fn m_atanh(x: R) -> R {
    let a = abs(x);
    let y = 0.5 * h_log1p(2.0 * a / (1.0 - a));
    let y1 = select(y, a, is_nan(x) | (a < 1e-8));
    let y2 = select(y1, h_inf(), a == 1.0);
    return h_flip(select(y2, h_nan(), a > 1.0), h_sign(x));
}

// ---- ln in extra precision, pow --------------------------------------------

// ln x = hi + lo with about 31 good bits, for positive finite x, where hi is a head (see
// h_head). With f = m - 1 and s = f / (2 + f): ln m = 2 s + s^3 P(s^2), s in two parts; its head:
fn h_ln_s(f: R) -> R {
    return h_head(f / (2.0 + f));
}

// The rest of s.
fn h_ln_t(f: R) -> R {
    let s = h_ln_s(f);
    let d = h_head(2.0 + f);
    let d_lo = (2.0 - d) + f;
    return (fma(-s, d, f) - s * d_lo) / (2.0 + f);
}

fn h_ln_hi(x: R) -> R {
    return h_head(fma(h_exponent(x), LN2_HI, 2.0 * h_ln_s(h_mantissa(x) - 1.0)));
}

// P = (2 atanh(s) - 2 s)/s^3 in z = s^2, degree 3, on [0, 0.0295]: Sollya fpminimax, relative
// error 3.0e-08.
fn h_ln_lo(x: R) -> R {
    let k = h_exponent(x);
    let f = h_mantissa(x) - 1.0;
    let s = h_ln_s(f);
    let t = h_ln_t(f);
    let a = k * LN2_HI;
    let lost = (a - h_ln_hi(x)) + 2.0 * s;
    let st = s + t;
    let z = st * st;
    let p2 = fma(0.22578752, z, 0.28589606);
    let p1 = fma(p2, z, 0.3999955);
    let p = fma(p1, z, 0.6666667);
    let tail = fma(k, LN2_LO, fma(p, st * z, 2.0 * t));
    return lost + tail;
}

// The three parts of e^(hi + lo), hi a number for which hi - k LN2_HI is exact: the exponent k
// and the factor in [sqrt(1/2), sqrt(2)].
fn h_exp2_k(hi: R, lo: R) -> R {
    return h_near((hi + lo) * LOG2E);
}

fn h_exp2_v(hi: R, lo: R, k: R) -> R {
    return 1.0 + h_expm1_poly(h_exp_rest(hi, k) + lo);
}

// |a|^b for finite nonzero a: e^(b ln|a|), the product in two parts, the first exact.
fn h_pow_core(a: R, b: R) -> R {
    // Beyond this |b| the result is 0, 1 or infinite.
    let b1 = select(b, 4e9, b > 4e9);
    let b2 = select(b1, -4e9, b1 < -4e9);
    let l_hi = h_ln_hi(a);
    let l_lo = h_ln_lo(a);
    let b_hi = h_head(b2);
    let hi0 = b_hi * l_hi;
    let lo0 = fma(b2 - b_hi, l_hi, b2 * l_lo);
    let hi1 = select(hi0, 150.0, hi0 > 150.0);
    let hi = select(hi1, -150.0, hi1 < -150.0);
    let lo = select(lo0, ZERO, hi != hi0);
    let k = h_exp2_k(hi, lo);
    return h_scale(h_exp2_v(hi, lo, k), k);
}

fn m_pow(a: R, b: R) -> R {
    let m = abs(a);
    let whole = floor(b) == b;
    let odd = whole & (abs(b) < 16777216.0) & (floor(b * 0.5) * 2.0 != b);
    let y = h_pow_core(m, b);
    // 0 or infinity to a power that is not 0
    let edge = select(ZERO, h_inf(), (m > 1.0) == (b > 0.0));
    let y1 = select(y, edge, (m == 0.0) | is_inf(a));
    let y2 = select(y1, -y1, odd & (h_sign(a) != 0));
    let y3 = select(y2, h_nan(), (a < 0.0) & (m <= MAX_REAL) & !whole);
    let y4 = select(y3, h_nan(), is_nan(a) | is_nan(b));
    return select(y4, ONE, (a == 1.0) | (b == 0.0));
}

// ---- roots and quotients ---------------------------------------------------

// x = 8^q M with M = 2^r m, r in {-1, 0, 1}. w = M^(-1/3) from a polynomial in m,
// then y = M w^2 and one Newton step for y^3 = M.
// P = m^(-1/3), degree 4, on [0.7071, 1.4143]: Sollya fpminimax, relative error 3.8e-05.
fn m_cbrt(x: R) -> R {
    let a = abs(x);
    let k = h_exponent(a);
    let m = h_mantissa(a);
    let q = h_near(k * 0.33333334);
    let r = fma(q, -3.0, k);
    let mr = m * h_pow2(r);
    let c = select(select(ONE, CBRT_HALF, r > 0.5), CBRT_2, r < -0.5);
    let p3 = fma(0.12835304, m, -0.7023213);
    let p2 = fma(p3, m, 1.5612102);
    let p1 = fma(p2, m, -1.8617702);
    let p = fma(p1, m, 1.8745048);
    let w = p * c;
    let w2 = w * w;
    let y = mr * w2;
    let y1 = fma(fma(-y, y * y, mr), w2 * 0.33333334, y);
    let y2 = h_flip(y1 * h_pow2(q), h_sign(x));
    return select(y2, x, h_not_finite(x) | (x == 0.0));
}

// sqrt(a^2 + b^2), scaled by a power of two when a square could leave the range.
fn m_hypot(a: R, b: R) -> R {
    let x = abs(a);
    let y = abs(b);
    let m = select(x, y, y > x);
    let big = m > 1.1529215e18;
    let low = m < 8.881784e-16;
    let s = select(select(ONE, 1.23794004e27, low), 8.077936e-28, big);
    let u = select(select(ONE, 8.077936e-28, low), 1.23794004e27, big);
    let xs = x * s;
    let ys = y * s;
    let r = sqrt(fma(xs, xs, ys * ys)) * u;
    return select(r, h_inf(), is_inf(a) | is_inf(b));
}

// a - b floor(a / b), with the sign of b. On the absolute values first: the product of quotient
// and divisor is taken in exact pieces, so the remainder is exact while the quotient is below
// 2^23. A quotient that was rounded across an integer is mended.
fn m_mod(a: R, b: R) -> R {
    let u = abs(a);
    let c = abs(b);
    let q = floor(u / c);
    let q_hi = h_head(q);
    let q_lo = q - q_hi;
    let c_hi = h_head(c);
    let c_lo = c - c_hi;
    let d0 = h_keep(fma(-q_hi, c_hi, u));
    let d1 = h_keep(fma(-q_hi, c_lo, d0));
    let d2 = h_keep(fma(-q_lo, c_hi, d1));
    let r1 = fma(-q_lo, c_lo, d2);
    let r2 = select(r1, r1 + c, r1 < 0.0);
    let r3 = select(r2, r2 - c, r2 >= c);
    // quotients beyond the precision: any number from 0 to b is as good
    let r4 = select(ZERO, r3, (r3 >= 0.0) & (r3 < c));
    let r = select(r4, u, u < c);
    let apart = (r != 0.0) & ((a < 0.0) != (b < 0.0));
    let y = h_flip(select(r, c - r, apart), h_sign(b));
    return select(y, h_nan(), (b == 0.0) | h_not_finite(a) | is_nan(b));
}

// ---- sin, cos, tan ---------------------------------------------------------

// x - k pi/2 (Cody and Waite). With a fused multiply-add the first step is exact however many bits the product has:
// x and k pi/2 have no finer bits than the difference. Where x is so large that nothing sensible comes out, 0, which
// keeps sin and cos in [-1, 1]; NaN stays.
fn h_trig_rest(x: R, k: R) -> R {
    let r1 = h_keep(fma(k, -PI_2_1, x));
    let r2 = h_keep(fma(k, -PI_2_2, r1));
    let r3 = h_keep(fma(k, -PI_2_3, r2));
    let r4 = h_keep(fma(k, -PI_2_4, r3));
    let r5 = h_keep(fma(k, -PI_2_5, r4));
    let split = fma(k, -PI_2_6, r5);
    let whole = fma(k, -PI_2_REST, fma(k, -PI_2_LO, fma(k, -PI_2, x)));
    let r = select(split, whole, fused());
    return select(r, ZERO, abs(r) > 1.25);
}

// sin r = r + r^3 P(r^2) for |r| <= pi/4; h_sin_rest is P.
// P = (sin(r) - r)/r^3 in z = r^2, degree 2, on [0, 0.8^2]: Sollya fpminimax, relative error
// 1.5e-07.
fn h_sin_rest(z: R) -> R {
    let p1 = fma(-0.00019576175, z, 0.0083326865);
    return fma(p1, z, -0.16666664);
}

fn h_sin_poly(r: R) -> R {
    let z = r * r;
    return fma(h_sin_rest(z), r * z, r);
}

// cos r = 1 - r^2/2 + r^4 P(r^2) for |r| <= pi/4; h_cos_rest is P.
// P = (cos(r) - 1 + z/2)/z^2 in z = r^2, degree 2, on [0, 0.8^2]: Sollya fpminimax, relative error
// 6.0e-08.
fn h_cos_rest(z: R) -> R {
    let p1 = fma(2.453634e-5, z, -0.0013888242);
    return fma(p1, z, 0.041666664);
}

fn h_cos_poly(r: R) -> R {
    let z = r * r;
    return fma(z * z, h_cos_rest(z), fma(z, -0.5, 1.0));
}

// The quadrant number k sits in the low bits of k + MAGIC.
fn m_sin(x: R) -> R {
    let a = abs(x);
    let k = h_near(a * TWO_OVER_PI);
    let r = h_trig_rest(a, k);
    let n = to_bits(k + MAGIC);
    let y = select(h_sin_poly(r), h_cos_poly(r), (n & 1) != 0);
    let w = h_flip(y, ((n >> 1) << 31) ^ h_sign(x));
    return select(w, h_nan(), h_not_finite(x));
}

// cos x = sin(x + pi/2): one quadrant further.
fn m_cos(x: R) -> R {
    let a = abs(x);
    let k = h_near(a * TWO_OVER_PI);
    let r = h_trig_rest(a, k);
    let n = to_bits(k + 1.0 + MAGIC);
    let y = select(h_sin_poly(r), h_cos_poly(r), (n & 1) != 0);
    let w = h_flip(y, (n >> 1) << 31);
    return select(w, h_nan(), h_not_finite(x));
}

// The same for tan, where the error of r weighs more: the products that are small beside r are added first,
// so that r is rounded once. A small r3 is exact; for a very small one the sum of the products would be too
// coarse.
fn h_tan_rest(x: R, k: R) -> R {
    let r = h_trig_rest(x, k);
    let r1 = h_keep(fma(k, -PI_2_1, x));
    let r2 = h_keep(fma(k, -PI_2_2, r1));
    let r3 = h_keep(fma(k, -PI_2_3, r2));
    let t = fma(k, PI_2_4, fma(k, PI_2_5, k * PI_2_6));
    let s = select(r3 - t, r2 - fma(k, PI_2_3, t), abs(r) > 0.1);
    return select(r, s, (abs(r) > 1e-4) & (abs(r) < 0.9));
}

// Even quadrants: sin r / cos r = r + (S - r C) / (1 + C) with S = sin r - r and C = cos r - 1, so that
// only a small term is rounded more than once; odd ones: cos r / sin r.
fn m_tan(x: R) -> R {
    let a = abs(x);
    let k = h_near(a * TWO_OVER_PI);
    let r = h_tan_rest(a, k);
    let n = to_bits(k + MAGIC);
    let z = r * r;
    let s = h_sin_rest(z) * (r * z);
    let c = fma(z * z, h_cos_rest(z), z * -0.5);
    let odd = (n & 1) != 0;
    let q = select(fma(-r, c, s), 1.0 + c, odd) / select(1.0 + c, r + s, odd);
    let y = select(r + q, q, odd);
    let w = h_flip(y, (n << 31) ^ h_sign(x));
    return select(w, h_nan(), h_not_finite(x));
}

// ---- inverse trigonometric functions ---------------------------------------

// asin s = s + s^3 P(s^2) for 0 <= s <= 1/2, given s and z = s^2.
// P = (asin(s) - s)/s^3 in z, degree 5, on [0, 0.25]: Sollya fpminimax, relative error 6.0e-08.
fn h_asin_poly(s: R, z: R) -> R {
    let p4 = fma(0.034441732, z, 0.016642561);
    let p3 = fma(p4, z, 0.031224389);
    let p2 = fma(p3, z, 0.044586275);
    let p1 = fma(p2, z, 0.07500151);
    let p = fma(p1, z, 0.16666666);
    return fma(p, s * z, s);
}

// Beyond 1/2: asin a = pi/2 - 2 asin sqrt((1 - a)/2).
fn m_asin(x: R) -> R {
    let a = abs(x);
    let far = a > 0.5;
    let z = select(a * a, (1.0 - a) * 0.5, far);
    let s = select(a, sqrt(abs(z)), far);
    let p = h_asin_poly(s, z);
    let y = select(p, fma(p, -2.0, PI_2_LO) + PI_2, far);
    return h_flip(select(y, h_nan(), a > 1.0), h_sign(x));
}

fn m_acos(x: R) -> R {
    let a = abs(x);
    let far = a > 0.5;
    let z = select(a * a, (1.0 - a) * 0.5, far);
    let s = select(a, sqrt(abs(z)), far);
    let p = h_asin_poly(s, z);
    let p2 = select(p, 2.0 * p, far);
    // near: pi/2 - (+-p); far: 2p or pi - 2p
    let positive = x > 0.0;
    let q = select(p2, -p2, positive != far);
    let hi = select(PI_2, select(PI, ZERO, positive), far);
    let lo = select(PI_2_LO, select(PI_LO, ZERO, positive), far);
    return select(hi + (q + lo), h_nan(), a > 1.0);
}

// The angle of (x, y) for y >= 0, b = min(|x|, |y|), a = max(|x|, |y|): one division by the
// tangent of b/a or, above tan(pi/8), of its distance from pi/4.
// P = (atan(t) - t)/t^3 in z = t^2, degree 4, on [0, 0.1717]: Sollya fpminimax, relative error
// 6.0e-08.
fn h_atan_core(a: R, b: R, swapped: bool, left: bool) -> R {
    let far = b > 0.41421357 * a;
    let n = select(b, b - a, far);
    let d = select(a, b + a, far);
    let t = n / d;
    let z = t * t;
    let p3 = fma(-0.06441096, z, 0.107394636);
    let p2 = fma(p3, z, -0.14263386);
    let p1 = fma(p2, z, 0.19999512);
    let p = fma(p1, z, -0.3333333);
    let y = fma(p, t * z, t);
    // far: pi/4 + y; swapped: pi/2 - that; left: pi - that
    let y1 = select(y, -y, swapped != left);
    let hi = select(select(select(ZERO, PI, left), PI_2, swapped),
        select(PI_4, PI_34, left), far);
    let lo = select(select(select(ZERO, PI_LO, left), PI_2_LO, swapped),
        select(PI_4_LO, PI_34_LO, left), far);
    return hi + (y1 + lo);
}

fn m_atan(x: R) -> R {
    let c = abs(x);
    let swapped = c > 1.0;
    let y = h_atan_core(select(ONE, c, swapped), select(c, ONE, swapped), swapped, false);
    return h_flip(select(y, c, c < 1e-8), h_sign(x));
}

fn m_atan2(y: R, x: R) -> R {
    let u = abs(x);
    let v = abs(y);
    let swapped = v > u;
    let a = select(u, v, swapped);
    let b = select(v, u, swapped);
    let left = h_sign(x) != 0;
    // 0/0 and inf/inf become 0/1 and 1/1; large ones are halved twice against overflow.
    let s = select(ONE, 0.25, a > 1.1529215e18);
    let both_inf = is_inf(b) & (a == b);
    let a1 = select(a * s, ONE, (a == 0.0) | both_inf);
    let b1 = select(b * s, ONE, both_inf);
    let w = h_atan_core(a1, b1, swapped, left);
    return h_flip(w, h_sign(y));
}

// ---- erf, erfc -------------------------------------------------------------

// erfc a for a >= 0 is e^(-a^2) P(q) / (1 + 2a) with q = (a - 2.0)/(a + 2.0); a^2 is taken in two
// parts.
// P = (1 + 2a) e^(a^2) erfc(a) in q, degree 9, on 0 <= a <= 10.3: Chebyshev interpolation
// (mpmath), relative error 2.6e-08.
fn h_erfc_core(a0: R) -> R {
    let a = select(a0, 10.25, a0 > 10.25);
    let q = (a - 2.0) / (a + 2.0);
    let p8 = fma(-0.0004217028, q, -0.0012588921);
    let p7 = fma(p8, q, 0.0013292184);
    let p6 = fma(p7, q, 0.00866084);
    let p5 = fma(p6, q, -0.008062678);
    let p4 = fma(p5, q, -0.054213665);
    let p3 = fma(p4, q, 0.16405533);
    let p2 = fma(p3, q, -0.16603044);
    let p1 = fma(p2, q, -0.09276397);
    let p = fma(p1, q, 1.2769784);
    let a_hi = h_head(a);
    let hi = -(a_hi * a_hi);
    let lo = -((a - a_hi) * (a + a_hi));
    let k = h_exp2_k(hi, lo);
    return h_scale(h_exp2_v(hi, lo, k) * p / fma(a, 2.0, 1.0), k);
}

fn m_erfc(x: R) -> R {
    let c = h_erfc_core(abs(x));
    return select(select(c, 2.0 - c, x < 0.0), x, is_nan(x));
}

// For |x| < 0.89, x P(x^2).
// P = erf(x)/x in z = x^2, degree 6, on [0, 0.8]: Sollya fpminimax, relative error 5.2e-08.
fn m_erf(x: R) -> R {
    let a = abs(x);
    let z = a * a;
    let p5 = fma(0.00014878313, z, -0.0009845241);
    let p4 = fma(p5, z, 0.005372636);
    let p3 = fma(p4, z, -0.026942628);
    let p2 = fma(p3, z, 0.11285665);
    let p1 = fma(p2, z, -0.37612835);
    let p = fma(p1, z, 1.1283792);
    let y = select(1.0 - h_erfc_core(a), a * p, a < 0.89);
    return h_flip(select(y, a, is_nan(x)), h_sign(x));
}

// ---- gamma and its relatives -----------------------------------------------

// The nearest integer of a >= 0 (also where a + 1/2 would round), and a less that.
fn h_whole(a: R) -> R {
    let f = floor(a);
    return f + select(ZERO, ONE, a - f > 0.5);
}

fn h_frac(a: R) -> R {
    return a - h_whole(a);
}

// sin(pi f) for |f| <= 1/2.
// P = sin(pi f)/f in z = f^2, degree 4, on [0, 0.25]: Sollya fpminimax, relative error 2.8e-08.
fn h_sinpi_poly(f: R) -> R {
    let z = f * f;
    let p3 = fma(0.07824096, z, -0.59863293);
    let p2 = fma(p3, z, 2.550145);
    let p1 = fma(p2, z, -5.167715);
    let p = fma(p1, z, 3.1415927);
    return f * p;
}

// The tables below belong to gamma and lgamma: for 0 < a <= 4.5 with n the nearest integer and
// h = a - n, Gamma(a) = Gamma(2 + h) top / bot.
fn h_gamma_top(a: R, n: R) -> R {
    let p1 = a - 1.0;
    return select(select(ONE, p1, n > 2.5), p1 * (a - 2.0), n > 3.5);
}

fn h_gamma_bot(a: R, n: R) -> R {
    return select(select(ONE, a, n < 1.5), a * (a + 1.0), n < 0.5);
}

// The same for Gamma(1 + a) = a Gamma(a), free of the pole at 0.
fn h_gamma1_top(a: R, n: R) -> R {
    return select(ONE, a * h_gamma_top(a, n), n > 1.5);
}

fn h_gamma1_bot(a: R, n: R) -> R {
    return select(ONE, a + 1.0, n < 0.5);
}

// Stirling: ln Gamma(y) = (y - 1/2) ln y - y + ln(2 pi)/2 + P(1/y^2)/y for y >= 4.5.
// P = y times the rest of the series, in z = 1/y^2, degree 2, on y >= 4.49: Chebyshev
// interpolation (mpmath), relative error 5.9e-08.
fn h_stirling_tail(y: R) -> R {
    let v = 1.0 / y;
    let z = v * v;
    let p1 = fma(0.00075250905, z, -0.0027770284);
    let p = fma(p1, z, 0.08333333);
    return v * p;
}

// Up to 4.5: 1/Gamma(2 + h) = P(h). Above: e^(Stirling) with the exponent in two parts. Left of
// 0: Gamma(-a) = -pi / (sin(pi a) Gamma(1 + a)), the power of two applied last.
// P = 1/Gamma(2 + h), degree 7, on |h| <= 0.501: Chebyshev interpolation (mpmath), relative error
// 2.7e-08.
fn m_gamma(x: R) -> R {
    let a = abs(x);
    let neg = x < 0.0;
    let big = a > 4.5;
    let f = h_frac(a);
    let whole = h_whole(a);
    let odd = floor(whole * 0.5) * 2.0 != whole;
    let sp0 = h_sinpi_poly(f);
    let sp = select(sp0, -sp0, odd);

    let n = h_near(select(a, ONE, big));
    let h = a - n;
    let p6 = fma(-0.0007316992, h, 0.007839161);
    let p5 = fma(p6, h, -0.017656617);
    let p4 = fma(p5, h, -0.024523465);
    let p3 = fma(p4, h, 0.19109167);
    let p2 = fma(p3, h, -0.2330952);
    let p1 = fma(p2, h, -0.42278433);
    let p = fma(p1, h, 1.0);
    let num_pos = select(h_gamma_top(a, n), ONE, big);
    let den_pos = select(h_gamma_bot(a, n) * p, ONE, big);
    let num_neg = -PI * select(h_gamma1_bot(a, n) * p, ONE, big);
    let den_neg = sp * select(h_gamma1_top(a, n), a, big);
    let ratio = select(num_pos, num_neg, neg) / select(den_pos, den_neg, neg);

    let y = select(select(4.5, a, big), 50.0, a > 50.0);
    let y_hi = h_head(y);
    let b = y - 0.5;
    let b_hi = h_head(b);
    let l_hi = h_ln_hi(y);
    let e_hi = b_hi * l_hi - y_hi;
    let e_lo0 = fma(b - b_hi, l_hi, b * h_ln_lo(y)) - (y - y_hi);
    let e_lo = e_lo0 + (HALF_LN_2PI + h_stirling_tail(y));
    let hi = select(e_hi, -e_hi, neg);
    let lo = select(e_lo, -e_lo, neg);
    let k = h_exp2_k(hi, lo);
    let v = h_exp2_v(hi, lo, k);
    let g = h_scale(ratio * select(ONE, v, big), select(ZERO, k, big));
    let g1 = select(g, h_nan(), (neg & (f == 0.0)) | is_nan(x));
    let g2 = select(g1, h_nan(), neg & is_inf(x));
    return select(g2, h_flip(h_inf(), h_sign(x)), x == 0.0);
}

// ln|Gamma|. Up to 4.5: ln Gamma(2 + h) = h P(h), and the logarithm of top or bot; above,
// Stirling; left of 0, ln pi - ln|sin(pi a)| - ln Gamma(1 + a).
// P = ln Gamma(2 + h)/h, degree 9, on |h| <= 0.501: Chebyshev interpolation (mpmath), relative
// error 1.8e-08.
// (For a tiny x of either sign it is -ln|x|.)
fn m_lgamma(x: R) -> R {
    let a = abs(x);
    let neg = x < -1e-8;
    let big = a > 4.5;
    let sp = abs(h_sinpi_poly(h_frac(a)));

    let n = h_near(select(a, ONE, big));
    let h = a - n;
    let p8 = fma(0.00011353413, h, -0.00025395106);
    let p7 = fma(p8, h, 0.0005064903);
    let p6 = fma(p7, h, -0.0011858015);
    let p5 = fma(p6, h, 0.002890799);
    let p4 = fma(p5, h, -0.007386182);
    let p3 = fma(p4, h, 0.0205808);
    let p2 = fma(p3, h, -0.06735228);
    let p1 = fma(p2, h, 0.32246703);
    let p = fma(p1, h, 0.42278433);
    let below = n + select(ZERO, ONE, neg) < 1.5;
    let bot = select(h_gamma_bot(a, n), h_gamma1_bot(a, n), neg);
    let top = select(h_gamma_top(a, n), h_gamma1_top(a, n), neg);
    let l = h_ln(select(select(top, bot, below), a, big));
    let small = fma(h, p, select(l, -l, below));
    let stirling = fma(a - 0.5, l - 1.0, h_stirling_tail(a) + (HALF_LN_2PI - 0.5));
    let large = stirling + select(ZERO, l, neg);
    let g = select(small, large, big);
    let y = select(g, (LN_PI - h_ln(sp)) - g, neg);
    let pole = (x == 0.0) | (neg & (sp == 0.0));
    let y1 = select(y, h_inf(), pole | is_inf(x));
    return select(y1, x, is_nan(x));
}

// digamma and trigamma: left of 0 by reflection to b = 1 + |x|; below 4.0 shifted up by 4; the
// reciprocals lost on the way are paired, (b + i) with (b + 3.0 - i), so that one division
// serves them all. digamma below 3 comes from [1, 2], where it is (c - c0) Q(c - 3/2), c0 its zero;
// the part of c0 beyond the precision enters as a small constant.
// P = y^2 (digamma(y) - ln y + 1/(2 y)) in z = 1/y^2, degree 2, on y >= 3.99: Chebyshev
// interpolation (mpmath), relative error 3.3e-07.
// Q = digamma(c)/(c - c0) in c - 3/2, degree 9, on [1, 2]: Chebyshev interpolation (mpmath),
// relative error 3.7e-08.
fn h_digamma_positive(b: R) -> R {
    let low = b < 4.0;
    let y = select(b, b + 4.0, low);
    let v = 1.0 / y;
    let z = v * v;
    let p1 = fma(-0.0036187966, z, 0.008325372);
    let p = fma(p1, z, -0.083333306);
    let s = h_ln(y) - fma(z, -p, 0.5 * v);
    let u = b * (b + 3.0);
    let num = fma(b, 2.0, 3.0) * fma(u, 2.0, 2.0);
    let den = u * (u + 2.0);

    let first = b < 1.0;
    let third = b > 2.0;
    let mid = b < 3.0;
    let c = b + select(select(ZERO, -ONE, third), ONE, first);
    let t = c - 1.5;
    let q8 = fma(-0.015906317, t, 0.023909071);
    let q7 = fma(q8, t, -0.026048882);
    let q6 = fma(q7, t, 0.03936942);
    let q5 = fma(q6, t, -0.06200707);
    let q4 = fma(q5, t, 0.09511622);
    let q3 = fma(q4, t, -0.14840224);
    let q2 = fma(q3, t, 0.24053845);
    let q1 = fma(q2, t, -0.42362744);
    let q = fma(q1, t, 0.9510559);
    let s_mid = fma(c - 1.4616321, q, -1.2036052e-8);
    let num_mid = select(select(ZERO, -ONE, third), ONE, first);
    let den_mid = select(select(ONE, c, third), b, first);
    let lost = select(num, num_mid, mid) / select(den, den_mid, mid);
    return select(s, s_mid, mid) - select(ZERO, lost, low);
}

fn m_digamma(x: R) -> R {
    let a = abs(x);
    let neg = x < 0.0;
    let f = h_frac(a);
    let s = h_sinpi_poly(f);
    let c = h_sinpi_poly(0.5 - abs(f));
    let d = h_digamma_positive(select(a, a + 1.0, neg));
    let y = select(d, d + PI * c / s, neg);
    let pole = (x == 0.0) | (neg & ((f == 0.0) | is_inf(x))) | is_nan(x);
    let y1 = select(y, x, x > MAX_REAL);
    return select(y1, h_nan(), pole);
}

// P = y^3 (trigamma(y) - 1/y - 1/(2 y^2)) in z = 1/y^2, degree 2, on y >= 3.99: Chebyshev
// interpolation (mpmath), relative error 1.3e-06.
fn h_trigamma_positive(b: R) -> R {
    let low = b < 4.0;
    let y = select(b, b + 4.0, low);
    let v = 1.0 / y;
    let z = v * v;
    let p1 = fma(0.021088103, z, -0.033271827);
    let p = fma(p1, z, 0.16666645);
    let s = v * fma(v, fma(v, p, 0.5), 1.0);
    let u = b * (b + 3.0);
    let r1 = 1.0 / u;
    let r2 = 1.0 / (u + 2.0);
    let sum = fma(u, 2.0, 9.0) * r1 * r1 + fma(u, 2.0, 5.0) * r2 * r2;
    return select(s, s + sum, low);
}

fn m_trigamma(x: R) -> R {
    let a = abs(x);
    let neg = x < 0.0;
    let f = h_frac(a);
    let s = h_sinpi_poly(f);
    let d = h_trigamma_positive(select(a, a + 1.0, neg));
    let q = PI / s;
    let y = select(d, fma(q, q, -d), neg);
    let pole = (x == 0.0) | (neg & ((f == 0.0) | is_inf(x))) | is_nan(x);
    return select(y, h_nan(), pole);
}

// ---- noise -----------------------------------------------------------------

// The whole part of x as an integer, from 0 to 2^23 - 1. NaN is 0.
fn h_count(x: R) -> U {
    return to_bits(min(8388607.0, max(0.0, floor(x))) + 8388608.0) & 0x007fffff;
}

fn h_key(x: R) -> U {
    return h_count(x);
}

// Sums and rotations of 32 bits.
fn h_sum(x: U, y: U) -> U {
    return add_bits(x, y);
}

fn h_turn_6(x: U) -> U {
    return (x << 6) | (x >> 26);
}

fn h_turn_13(x: U) -> U {
    return (x << 13) | (x >> 19);
}

fn h_turn_15(x: U) -> U {
    return (x << 15) | (x >> 17);
}

fn h_turn_16(x: U) -> U {
    return (x << 16) | (x >> 16);
}

fn h_turn_17(x: U) -> U {
    return (x << 17) | (x >> 15);
}

fn h_turn_24(x: U) -> U {
    return (x << 24) | (x >> 8);
}

fn h_turn_26(x: U) -> U {
    return (x << 26) | (x >> 6);
}

fn h_turn_29(x: U) -> U {
    return (x << 29) | (x >> 3);
}

// A standard normal deviate for the keys a and b and the count c (whole numbers). Two words from Threefry-2x32 with 20
// rounds (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011), then Box and Muller:
// sqrt(-2 ln u) sin(pi f), u in (0, 1) and f in (-1/2, 1/2) odd multiples of 2^-23, in both precisions the same ones.
fn m_noise(a: R, b: R, c: R) -> R {
    let k0 = h_key(a);
    let k1 = h_key(b);
    let k2 = (k0 ^ k1) ^ 0x1bd11bda;
    let count = h_count(c);
    let x0 = h_sum(count, k0);
    let y0 = k1;
    let x1 = h_sum(x0, y0);
    let y1 = h_turn_13(y0) ^ x1;
    let x2 = h_sum(x1, y1);
    let y2 = h_turn_15(y1) ^ x2;
    let x3 = h_sum(x2, y2);
    let y3 = h_turn_26(y2) ^ x3;
    let x4 = h_sum(x3, y3);
    let y4 = h_turn_6(y3) ^ x4;
    let x5 = h_sum(x4, k1);
    let y5 = h_sum(y4, h_sum(k2, 1));
    let x6 = h_sum(x5, y5);
    let y6 = h_turn_17(y5) ^ x6;
    let x7 = h_sum(x6, y6);
    let y7 = h_turn_29(y6) ^ x7;
    let x8 = h_sum(x7, y7);
    let y8 = h_turn_16(y7) ^ x8;
    let x9 = h_sum(x8, y8);
    let y9 = h_turn_24(y8) ^ x9;
    let x10 = h_sum(x9, k2);
    let y10 = h_sum(y9, h_sum(k0, 2));
    let x11 = h_sum(x10, y10);
    let y11 = h_turn_13(y10) ^ x11;
    let x12 = h_sum(x11, y11);
    let y12 = h_turn_15(y11) ^ x12;
    let x13 = h_sum(x12, y12);
    let y13 = h_turn_26(y12) ^ x13;
    let x14 = h_sum(x13, y13);
    let y14 = h_turn_6(y13) ^ x14;
    let x15 = h_sum(x14, k0);
    let y15 = h_sum(y14, h_sum(k1, 3));
    let x16 = h_sum(x15, y15);
    let y16 = h_turn_17(y15) ^ x16;
    let x17 = h_sum(x16, y16);
    let y17 = h_turn_29(y16) ^ x17;
    let x18 = h_sum(x17, y17);
    let y18 = h_turn_16(y17) ^ x18;
    let x19 = h_sum(x18, y18);
    let y19 = h_turn_24(y18) ^ x19;
    let x20 = h_sum(x19, k1);
    let y20 = h_sum(y19, h_sum(k2, 4));
    let x21 = h_sum(x20, y20);
    let y21 = h_turn_13(y20) ^ x21;
    let x22 = h_sum(x21, y21);
    let y22 = h_turn_15(y21) ^ x22;
    let x23 = h_sum(x22, y22);
    let y23 = h_turn_26(y22) ^ x23;
    let x24 = h_sum(x23, y23);
    let y24 = h_turn_6(y23) ^ x24;
    let x25 = h_sum(x24, k2);
    let y25 = h_sum(y24, h_sum(k0, 5));
    let u = from_bits(((x25 >> 10) << 1) | 0x3f800001) - 1.0;
    let f = from_bits(((y25 >> 10) << 1) | 0x3f800001) - 1.5;
    return sqrt(-2.0 * m_ln(u)) * h_sinpi_poly(f);
}

// A number from 1 to 2 for the cell of a plane in which a point lies, as random as its neighbours' are different: the whole
// parts of both coordinates, from -2^22 to 2^22 - 1, by two products and a third of their exclusive or (the constants are
// those of xxHash; a sum in its place would repeat itself in part). MAGIC puts a whole number into the lower bits.
fn m_cell(a: R, b: R) -> R {
    let across = multiply_bits(to_bits(floor(a) + MAGIC), 0x9e3779b1);
    let up = multiply_bits(to_bits(floor(b) + MAGIC), 0x85ebca77);
    let both = across ^ up;
    let mixed = multiply_bits(both ^ (both >> 15), 0xc2b2ae3d);
    return from_bits((mixed >> 9) | 0x3f800000);
}

// ---- accuracy --------------------------------------------------------------
//
// error: the largest found, in units in the last place of the true value, on a CPU, with
// fma fused and not (the larger). Truth is math64; points are every 37th bit pattern (116 million) and
// all patterns of those eighths of a binade (2^20 patterns each, at most 200) that came near the worst,
// for two arguments 30 million pairs, half of them near the worst found; for sine and cosine all numbers of
// the range (with fma fused: 1.56 and 1.57).
// CPU - GPU: the largest difference in the same units between CPU and Mesa's llvmpipe 22.3, a
// Vulkan driver that rounds fma twice and reassociates; 65536 points.
//
//              error   CPU - GPU   where
// m_sin         3.18           1   |x| <= 1e5
// m_cos         3.35           1   |x| <= 1e5
// m_tan         3.12           3   |x| <= 1e5
// m_asin        2.31           2   everywhere
// m_acos        1.09           1   everywhere
// m_atan        2.15           1   everywhere
// m_atan2       2.28           1   everywhere
// m_sinh        1.62           2   everywhere
// m_cosh        1.51           2   everywhere
// m_tanh        2.53           2   everywhere
// m_asinh       1.79           1   everywhere
// m_acosh       2.00           2   everywhere
// m_atanh       2.08           1   everywhere
// m_exp         1.08           2   everywhere
// m_exp2        1.10           1   everywhere
// m_expm1       1.76           2   everywhere
// m_ln          0.84           1   everywhere
// m_log2        1.89           2   everywhere
// m_log10       2.02           2   everywhere
// m_log1p       1.39           1   everywhere
// m_cbrt        1.08           1   everywhere
// m_hypot       1.20           1   everywhere
// m_pow         4.83           2   everywhere
// m_mod         0.50           0   quotients below 4e6
// m_sigmoid     2.40           2   everywhere
// m_softplus    1.66           2   everywhere
// m_erf         2.45           2   everywhere
// m_erfc        5.03           4   everywhere
// m_gamma       5.54           4   everywhere
// m_lgamma      7.35         (1)   x > 0; left of 0: (1)
// m_digamma     4.70         (1)   x > 0; left of 0: (1)
// m_trigamma    7.72           7   everywhere
// m_round       0.00           0   everywhere
//
// (1) Between the poles the function passes through zero, and there the error is an absolute one: a
// few eps = 2^-23 times max(1, |x| ln|x|).
// sin, cos and tan beyond 1e5: with a fused fma little worse up to 1e6 (tan 5.5); without, the error grows
// with |x|; from 2^22 pi/2 on the results mean nothing, but sin and cos stay in [-1, 1].
