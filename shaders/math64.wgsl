// The elementary and special functions of gradfield in double precision (R = f64), one text for
// CPU and GPU.
//
// In: one or two numbers of type R. Out: one number. Functions named m_* and is_* are for use; h_*
// are their helpers. No state, no memory, no branches. Special values (infinities, NaN, signed
// zeros, domain errors, poles) are those of C's libm; m_digamma and m_trigamma give NaN at poles.
// The accuracy of each function is in the table at the end.
//
// This file is read twice: as WGSL, where it follows a prelude, and as Rust, where build.rs puts
// `#[inline(always)] pub` before each `fn` and `pub` before each `const` and includes it in a
// module. math32.wgsl is the same in single precision. What both languages share:
// - top level: `fn name(x: R) -> R {` and `const NAME: R = 1.0;` in column 0, comments with `//`;
// - bodies: `let` (no shadowing, and never a bare literal: WGSL would make it f32), an explicit
//   `return`, no `if`, no loops. select(if_false, if_true, condition) computes both sides, which is
//   what lets a plain Rust loop over a function become SIMD code;
// - `&`, `|` and `!` on bool, `&`, `|`, `^`, `<<` and `>>` by literals on U; integers never wrap
//   (Rust's debug builds would stop) and no literal exceeds 2^63 - 1;
// - from the prelude: the types R and U (f64 and u64), to_bits and from_bits, fused (whether fma surely rounds once: no
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
// Largest finite value, smallest normal value, and the factor (2^54) which lifts every subnormal
// number into the normal range.
const MAX_REAL: R = 1.7976931348623157e308;
const MIN_NORMAL: R = 2.2250738585072014e-308;
const LIFT: R = 1.8014398509481984e16;
// 1.5 * 2^52: adding it rounds to an integer that then sits in the low bits of the sum; and
// the same plus the exponent bias.
const MAGIC: R = 6755399441055744.0;
const MAGIC_BIASED: R = 6755399441056767.0;
// 2^52 + bias (less the lift of subnormals), for reading an exponent field as a number.
const EXPONENT_BASE: R = 4503599627371519.0;
const EXPONENT_BASE_LIFTED: R = 4503599627371573.0;

const LOG2E: R = 1.4426950408889634;
const LOG10E: R = 0.4342944819032518;
const LN2: R = 0.6931471805599453;
// ln 2 in two parts; the first has 41 bits, so its product with any exponent is exact.
const LN2_HI: R = 0.6931471805601177;
const LN2_LO: R = -1.7239444525614835e-13;
// log10(2), the same.
const LOG10_2_HI: R = 0.3010299956640665;
const LOG10_2_LO: R = -8.532344317057107e-14;
// 2/3, the first part a head
const TWO_THIRDS_HI: R = 0.6666666567325592;
const TWO_THIRDS_LO: R = 9.934107462565104e-9;
const PI: R = 3.141592653589793;
const LN_PI: R = 1.1447298858494002;
const TWO_OVER_PI: R = 0.6366197723675814;
// ln(2 pi) / 2
const HALF_LN_2PI: R = 0.9189385332046728;
// Multiples of pi/4 as value and remainder.
const PI_4: R = 0.7853981633974483;
const PI_4_LO: R = 3.061616997868383e-17;
const PI_2: R = 1.5707963267948966;
const PI_2_LO: R = 6.123233995736766e-17;
const PI_34: R = 2.356194490192345;
const PI_34_LO: R = 9.184850993605148e-17;
const PI_LO: R = 1.2246467991473532e-16;
const CBRT_2: R = 1.2599210498948732;
const CBRT_HALF: R = 0.7937005259840998;
// pi/2 = the sum of these. All but the last have 23 bits: their products with a quadrant
// number below 2^30 are exact without a fused multiply-add.
const PI_2_1: R = 1.570796251296997;
const PI_2_2: R = 7.549789415861596e-8;
const PI_2_3: R = 5.390302529957765e-15;
const PI_2_4: R = 3.2820031633724233e-22;
const PI_2_5: R = 3.7950107727212256e-29;
// The same in three, for a multiply-add that rounds once: PI_2, PI_2_LO and this.
const PI_2_REST: R = -1.4973849048591698e-33;

// ---- bits ------------------------------------------------------------------

fn h_abs_bits(x: R) -> U {
    return to_bits(x) & 0x7fffffffffffffff;
}

fn is_nan(x: R) -> bool {
    return h_abs_bits(x) > 0x7ff0000000000000;
}

// Not zero; NaN is true. By the bits: drivers compare as if there were no NaN.
fn is_true(x: R) -> bool {
    return (to_bits(x) << 1) != 0;
}

fn is_inf(x: R) -> bool {
    return h_abs_bits(x) == 0x7ff0000000000000;
}

// True for infinities and NaN.
fn h_not_finite(x: R) -> bool {
    return h_abs_bits(x) >= 0x7ff0000000000000;
}

// The infinity and NaN as run-time values: WGSL has no constants for them.
fn h_inf() -> R {
    return from_bits(0x7ff0000000000000);
}

fn h_nan() -> R {
    return from_bits(0x7ff8000000000000);
}

// The sign bit of x, alone.
fn h_sign(x: R) -> U {
    return (to_bits(x) >> 63) << 63;
}

// Flips the sign of r when the sign bit is set in s.
fn h_flip(r: R, s: U) -> R {
    return from_bits(to_bits(r) ^ s);
}

// The leading 26 bits of x. The product of two heads is exact. It is made on bits, not by
// Dekker's products, because a GPU compiler may simplify (a + b) - a to b.
fn h_head(x: R) -> R {
    return from_bits((to_bits(x) >> 27) << 27);
}

// x, out of reach of algebraic simplification: GPU compilers (Mesa for one) turn (x - k a) - k b into x - k (a + b),
// (s - 1) + s e into s (e + 1) - 1, and (x + 1.5) + MAGIC into x + (1.5 + MAGIC). `veil` is the prelude's: on a GPU it
// sets a bit that only the host knows to be 0; a host compiler keeps to IEEE 754 and needs nothing.
fn h_keep(x: R) -> R {
    return veil(x);
}

// The nearest integer (ties to even) for |x| < 2^51. The bit set here is set in every sum
// anyway; it is there because a GPU compiler may simplify (x + MAGIC) - MAGIC to x.
fn h_near(x: R) -> R {
    return from_bits(to_bits(h_keep(x) + MAGIC) | 0x4000000000000000) - MAGIC;
}

// 2^n for an integral n with 2^n normal.
fn h_pow2(n: R) -> R {
    return from_bits(to_bits(n + MAGIC_BIASED) << 52);
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
// P = (e^r - 1 - r)/r^2, degree 9, on [-0.3475, 0.3475]: Sollya fpminimax, relative error 2.2e-16.
fn h_expm1_poly(r: R) -> R {
    let p8 = fma(2.506870440589101e-8, r, 2.762046212996722e-7);
    let p7 = fma(p8, r, 2.7557354694077735e-6);
    let p6 = fma(p7, r, 2.480152046534142e-5);
    let p5 = fma(p6, r, 0.00019841269784802716);
    let p4 = fma(p5, r, 0.001388888891780341);
    let p3 = fma(p4, r, 0.00833333333335637);
    let p2 = fma(p3, r, 0.04166666666662267);
    let p1 = fma(p2, r, 0.16666666666666644);
    let p = fma(p1, r, 0.5000000000000001);
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
    let x1 = select(x, 710.0, x > 710.0);
    let x2 = select(x1, -746.0, x1 < -746.0);
    return select(h_exp_shifted(x2, 0.0), x, is_nan(x));
}

// 2^x = 2^k (1 + f P(f)), |f| <= 1/2.
// P = (2^f - 1)/f, degree 11, on [-0.501, 0.501]: Sollya fpminimax, relative error 3.3e-17.
fn m_exp2(x: R) -> R {
    let x1 = select(x, 1024.0, x > 1024.0);
    let x2 = select(x1, -1076.0, x1 < -1076.0);
    let k = h_near(x2);
    let f = x2 - k;
    let p10 = fma(2.7309517607974503e-11, f, 4.4776672673215956e-10);
    let p9 = fma(p10, f, 7.0538022385991e-9);
    let p8 = fma(p9, f, 1.0177906560647879e-7);
    let p7 = fma(p8, f, 1.3215489573427985e-6);
    let p6 = fma(p7, f, 1.5252734218513642e-5);
    let p5 = fma(p6, f, 0.00015403530390306172);
    let p4 = fma(p5, f, 0.0013333558145993696);
    let p3 = fma(p4, f, 0.009618129107629877);
    let p2 = fma(p3, f, 0.05550410866482347);
    let p1 = fma(p2, f, 0.2402265069591007);
    let p = fma(p1, f, 0.6931471805599453);
    return select(h_scale(fma(p, f, 1.0), k), x, is_nan(x));
}

// e^x - 1 = 2 (s (e^r - 1) + (s - 1/2)), s = 2^(k-1): halved so that s never overflows.
fn m_expm1(x: R) -> R {
    let x1 = select(x, 710.0, x > 710.0);
    let x2 = select(x1, -38.0, x1 < -38.0);
    let k = h_near(x2 * LOG2E);
    let e = h_expm1_poly(h_exp_rest(x2, k));
    let s = h_pow2(k - 1.0);
    let y = 2.0 * fma(s, e, h_keep(s - 0.5));
    return select(y, x, (abs(x) < 1e-17) | is_nan(x));
}

fn m_sinh(x: R) -> R {
    let a0 = abs(x);
    let a = select(a0, 711.0, a0 > 711.0);
    let h = h_exp_shifted(a, -1.0);
    let z = a * a;
    // P = (sinh(a) - a)/a^3 in z = a^2, degree 6, on [0, 1]: Sollya fpminimax, relative error
    // 5.6e-17.
    let p5 = fma(7.714952141382759e-13, z, 1.60586918023343e-10);
    let p4 = fma(p5, z, 2.5052105084188278e-8);
    let p3 = fma(p4, z, 2.7557319266751608e-6);
    let p2 = fma(p3, z, 0.00019841269841105487);
    let p1 = fma(p2, z, 0.008333333333333571);
    let p = fma(p1, z, 0.16666666666666666);
    let small = fma(p, a * z, a);
    let y = select(h - 0.25 / h, small, a < 1.0);
    return h_flip(select(y, a0, is_nan(x)), h_sign(x));
}

fn m_cosh(x: R) -> R {
    let a0 = abs(x);
    let a = select(a0, 711.0, a0 > 711.0);
    let h = h_exp_shifted(a, -1.0);
    return select(h + 0.25 / h, x, is_nan(x));
}

// tanh a = t / (t + 2) with t = e^(2a) - 1.
fn m_tanh(x: R) -> R {
    let a0 = 2.0 * abs(x);
    let a = select(a0, 40.0, a0 > 40.0);
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
    let b = h_abs_bits(h_lifted(x)) + 0x00095f619980c433;
    let base = select(EXPONENT_BASE, EXPONENT_BASE_LIFTED, x < MIN_NORMAL);
    return from_bits((b >> 52) | 0x4330000000000000) - base;
}

fn h_mantissa(x: R) -> R {
    let b = h_abs_bits(h_lifted(x)) + 0x00095f619980c433;
    return from_bits((b & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
}

// k ln 2 + ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)]. With s = f/(2 + f), ln(1 + f) = 2 atanh s
// = f - f^2/2 + s (f^2/2 + s^2 P(s^2)), where only small terms are rounded.
// P = (2 atanh(s) - 2 s)/s^3 in z = s^2, degree 6, on [0, 0.0295]: Sollya fpminimax, relative
// error 4.6e-16.
fn h_ln_parts(k: R, f: R) -> R {
    let s = f / (2.0 + f);
    let z = s * s;
    let q = 0.5 * f * f;
    let p5 = fma(0.1461920268554679, z, 0.15331503885940947);
    let p4 = fma(p5, z, 0.18182895430102863);
    let p3 = fma(p4, z, 0.2222221105416342);
    let p2 = fma(p3, z, 0.28571428626397205);
    let p1 = fma(p2, z, 0.39999999999898983);
    let p = fma(p1, z, 0.666666666666667);
    let t = fma(s, fma(z, p, q), k * LN2_LO);
    return fma(k, LN2_HI, f - (q - t));
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
    let f = select(fma(x, s, h_keep(s - 1.0)), h_mantissa(u) - 1.0, k > 53.5);
    return h_ln_parts(k, f);
}

fn m_log1p(x: R) -> R {
    let y = select(h_log1p(x), x, h_not_finite(x) | (abs(x) < 1e-17));
    let y1 = select(y, -h_inf(), x == -1.0);
    return select(y1, h_nan(), x < -1.0);
}

fn m_softplus(x: R) -> R {
    let z = m_exp(-abs(x));
    let top = select(ZERO, x, x > 0.0);
    return top + select(h_log1p(z), z, (z < 1e-17) | is_nan(z));
}

// For a > 2^60, asinh a = ln(2 a) = log1p(a) + ln 2.
fn m_asinh(x: R) -> R {
    let a = abs(x);
    let big = a > 1.152921504606847e18;
    let z = a * a;
    let w = select(a + z / (1.0 + sqrt(z + 1.0)), a, big);
    let y = h_log1p(w) + select(ZERO, LN2, big);
    return h_flip(select(y, a, h_not_finite(x) | (a < 1e-17)), h_sign(x));
}

fn m_acosh(x: R) -> R {
    let big = x > 1.152921504606847e18;
    let t = select(x, ONE, big | (x < 1.0)) - 1.0;
    let w = select(t + sqrt(fma(t, t, 2.0 * t)), x, big);
    let y = h_log1p(w) + select(ZERO, LN2, big);
    return select(select(y, x, h_not_finite(x)), h_nan(), x < 1.0);
}

fn m_atanh(x: R) -> R {
    let a = abs(x);
    let y = 0.5 * h_log1p(2.0 * a / (1.0 - a));
    let y1 = select(y, a, is_nan(x) | (a < 1e-17));
    let y2 = select(y1, h_inf(), a == 1.0);
    return h_flip(select(y2, h_nan(), a > 1.0), h_sign(x));
}

// ---- ln in extra precision, pow --------------------------------------------

// ln x = hi + lo with about 62 good bits, for positive finite x, where hi is a head (see
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

// Head of (2/3) s^3, whose own errors would be seen in pow: exact up to the last h_head.
fn h_ln_cube(s: R) -> R {
    return TWO_THIRDS_HI * h_head(s * h_head(s * s));
}

// 2 s + (2/3) s^3
fn h_ln_two_terms(s: R) -> R {
    return h_head(fma(s, 2.0, h_ln_cube(s)));
}

fn h_ln_hi(x: R) -> R {
    return h_head(fma(h_exponent(x), LN2_HI, h_ln_two_terms(h_ln_s(h_mantissa(x) - 1.0))));
}

// All that is left of s = s + t: the rounding errors of the parts in h_ln_hi, the rest of the
// cube and the higher terms.
// P = (2 atanh(s) - 2 s - (2/3) s^3)/s^5 in z = s^2, degree 6, on [0, 0.0295]: Sollya fpminimax,
// relative error 7.5e-16.
fn h_ln_lo(x: R) -> R {
    let k = h_exponent(x);
    let f = h_mantissa(x) - 1.0;
    let s = h_ln_s(f);
    let t = h_ln_t(f);
    let s2 = s * s;
    let s2_head = h_head(s2);
    let s3 = s * s2_head;
    let s3_head = h_head(s3);
    let s3_rest = fma(s, s2 - s2_head, s3 - s3_head);
    let cube_rest = fma(TWO_THIRDS_HI, s3_rest, TWO_THIRDS_LO * (s * s2));
    let u = h_ln_two_terms(s);
    let lost_u = fma(s, 2.0, -u) + h_ln_cube(s);
    let a = k * LN2_HI;
    let lost = (a - h_ln_hi(x)) + u;
    let st = s + t;
    let z = st * st;
    let p5 = fma(0.12917515984662745, z, 0.13285622404817463);
    let p4 = fma(p5, z, 0.15385585712272468);
    let p3 = fma(p4, z, 0.18181808080061598);
    let p2 = fma(p3, z, 0.22222222272318723);
    let p1 = fma(p2, z, 0.28571428571334867);
    let p = fma(p1, z, 0.4000000000000003);
    let high = fma(p, z * z * st, fma(t, fma(s * st, 2.0, 2.0), cube_rest));
    return lost + (lost_u + fma(k, LN2_LO, high));
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
    let b1 = select(b, 1e19, b > 1e19);
    let b2 = select(b1, -1e19, b1 < -1e19);
    let l_hi = h_ln_hi(a);
    let l_lo = h_ln_lo(a);
    let b_hi = h_head(b2);
    let hi0 = b_hi * l_hi;
    let lo0 = fma(b2 - b_hi, l_hi, b2 * l_lo);
    let hi1 = select(hi0, 1400.0, hi0 > 1400.0);
    let hi = select(hi1, -1400.0, hi1 < -1400.0);
    let lo = select(lo0, ZERO, hi != hi0);
    let k = h_exp2_k(hi, lo);
    return h_scale(h_exp2_v(hi, lo, k), k);
}

fn m_pow(a: R, b: R) -> R {
    let m = abs(a);
    let whole = floor(b) == b;
    let odd = whole & (abs(b) < 9007199254740992.0) & (floor(b * 0.5) * 2.0 != b);
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

// x = 8^q M with M = 2^r m, r in {-1, 0, 1}. w = M^(-1/3) from a polynomial in m and a Newton step,
// then y = M w^2 and one Newton step for y^3 = M.
// P = m^(-1/3), degree 4, on [0.7071, 1.4143]: Sollya fpminimax, relative error 3.8e-05.
fn m_cbrt(x: R) -> R {
    let a = abs(x);
    let k = h_exponent(a);
    let m = h_mantissa(a);
    let q = h_near(k * 0.3333333333333333);
    let r = fma(q, -3.0, k);
    let mr = m * h_pow2(r);
    let c = select(select(ONE, CBRT_HALF, r > 0.5), CBRT_2, r < -0.5);
    let p3 = fma(0.1283520709671374, m, -0.7023170106098113);
    let p2 = fma(p3, m, 1.5612032279445396);
    let p1 = fma(p2, m, -1.8617652749659188);
    let p = fma(p1, m, 1.8745035472678475);
    let w0 = p * c;
    let w = fma(fma(-mr, w0 * w0 * w0, 1.0), w0 * 0.3333333333333333, w0);
    let w2 = w * w;
    let y = mr * w2;
    let y1 = fma(fma(-y, y * y, mr), w2 * 0.3333333333333333, y);
    let y2 = h_flip(y1 * h_pow2(q), h_sign(x));
    return select(y2, x, h_not_finite(x) | (x == 0.0));
}

// sqrt(a^2 + b^2), scaled by a power of two when a square could leave the range.
fn m_hypot(a: R, b: R) -> R {
    let x = abs(a);
    let y = abs(b);
    let m = select(x, y, y > x);
    let big = m > 3.273390607896142e150;
    let low = m < 3.4395525670743494e-136;
    let s = select(select(ONE, 5.260135901548374e210, low), 1.90109156629516e-211, big);
    let u = select(select(ONE, 1.90109156629516e-211, low), 5.260135901548374e210, big);
    let xs = x * s;
    let ys = y * s;
    let r = sqrt(fma(xs, xs, ys * ys)) * u;
    return select(r, h_inf(), is_inf(a) | is_inf(b));
}

// a - b floor(a / b), with the sign of b. On the absolute values first: the product of quotient
// and divisor is taken in exact pieces, so the remainder is exact while the quotient is below
// 2^52. A quotient that was rounded across an integer is mended.
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
    let split = fma(k, -PI_2_5, r4);
    let whole = fma(k, -PI_2_REST, fma(k, -PI_2_LO, fma(k, -PI_2, x)));
    let r = select(split, whole, fused());
    return select(r, ZERO, abs(r) > 1.25);
}

// sin r = r + r^3 P(r^2) for |r| <= pi/4; h_sin_rest is P.
// P = (sin(r) - r)/r^3 in z = r^2, degree 5, on [0, 0.7856^2]: Sollya fpminimax, relative error
// 1.3e-16.
fn h_sin_rest(z: R) -> R {
    let p4 = fma(1.5919077522124934e-10, z, -2.505114844391532e-8);
    let p3 = fma(p4, z, 2.7557316208549155e-6);
    let p2 = fma(p3, z, -0.00019841269837056038);
    let p1 = fma(p2, z, 0.008333333333331291);
    return fma(p1, z, -0.16666666666666666);
}

fn h_sin_poly(r: R) -> R {
    let z = r * r;
    return fma(h_sin_rest(z), r * z, r);
}

// cos r = 1 - r^2/2 + r^4 P(r^2) for |r| <= pi/4; h_cos_rest is P.
// P = (cos(r) - 1 + z/2)/z^2 in z = r^2, degree 5, on [0, 0.7856^2]: Sollya fpminimax, relative
// error 5.6e-17.
fn h_cos_rest(z: R) -> R {
    let p4 = fma(-1.1381472270152613e-11, z, 2.087612680113802e-9);
    let p3 = fma(p4, z, -2.755731715308662e-7);
    let p2 = fma(p3, z, 2.4801587298449875e-5);
    let p1 = fma(p2, z, -0.0013888888888887055);
    return fma(p1, z, 0.041666666666666664);
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
    let w = h_flip(y, ((n >> 1) << 63) ^ h_sign(x));
    return select(w, h_nan(), h_not_finite(x));
}

// cos x = sin(x + pi/2): one quadrant further.
fn m_cos(x: R) -> R {
    let a = abs(x);
    let k = h_near(a * TWO_OVER_PI);
    let r = h_trig_rest(a, k);
    let n = to_bits(k + 1.0 + MAGIC);
    let y = select(h_sin_poly(r), h_cos_poly(r), (n & 1) != 0);
    let w = h_flip(y, (n >> 1) << 63);
    return select(w, h_nan(), h_not_finite(x));
}

// The same for tan, where the error of r weighs more: the products that are small beside r are added first,
// so that r is rounded once. A small r3 is exact.
fn h_tan_rest(x: R, k: R) -> R {
    let r1 = h_keep(fma(k, -PI_2_1, x));
    let r2 = h_keep(fma(k, -PI_2_2, r1));
    let r3 = h_keep(fma(k, -PI_2_3, r2));
    let t = fma(k, PI_2_4, k * PI_2_5);
    let r = select(r3 - t, r2 - fma(k, PI_2_3, t), abs(r3) > 1.5e-5);
    return select(r, ZERO, abs(r) > 1.25);
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
    let w = h_flip(y, (n << 63) ^ h_sign(x));
    return select(w, h_nan(), h_not_finite(x));
}

// ---- inverse trigonometric functions ---------------------------------------

// asin s = s + s^3 P(s^2) for 0 <= s <= 1/2, given s and z = s^2.
// P = (asin(s) - s)/s^3 in z, degree 12, on [0, 0.25]: Sollya fpminimax, relative error 1.1e-16.
fn h_asin_poly(s: R, z: R) -> R {
    let p11 = fma(0.028955265693307204, z, -0.015151681356226776);
    let p10 = fma(p11, z, 0.017600526615501207);
    let p9 = fma(p10, z, 0.005380898238098986);
    let p8 = fma(p9, z, 0.010341531179447394);
    let p7 = fma(p8, z, 0.011476140461386142);
    let p6 = fma(p7, z, 0.013971544247536818);
    let p5 = fma(p6, z, 0.01735236866016056);
    let p4 = fma(p5, z, 0.02237217406995939);
    let p3 = fma(p4, z, 0.030381944106381387);
    let p2 = fma(p3, z, 0.04464285714685709);
    let p1 = fma(p2, z, 0.07499999999998082);
    let p = fma(p1, z, 0.16666666666666669);
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
// P = (atan(t) - t)/t^3 in z = t^2, degree 11, on [0, 0.1717]: Sollya fpminimax, relative error
// 5.6e-17.
fn h_atan_core(a: R, b: R, swapped: bool, left: bool) -> R {
    let far = b > 0.41421356237309503 * a;
    let n = select(b, b - a, far);
    let d = select(a, b + a, far);
    let t = n / d;
    let z = t * t;
    let p10 = fma(0.015498058407314552, z, -0.03379155994288866);
    let p9 = fma(p10, z, 0.04518087795354082);
    let p8 = fma(p9, z, -0.052222372841984915);
    let p7 = fma(p8, z, 0.05877663208540273);
    let p6 = fma(p7, z, -0.06666297701380025);
    let p5 = fma(p6, z, 0.07692287994053186);
    let p4 = fma(p5, z, -0.0909090839860783);
    let p3 = fma(p4, z, 0.1111111109596716);
    let p2 = fma(p3, z, -0.14285714285527532);
    let p1 = fma(p2, z, 0.19999999999998924);
    let p = fma(p1, z, -0.3333333333333333);
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
    return h_flip(select(y, c, c < 1e-17), h_sign(x));
}

fn m_atan2(y: R, x: R) -> R {
    let u = abs(x);
    let v = abs(y);
    let swapped = v > u;
    let a = select(u, v, swapped);
    let b = select(v, u, swapped);
    let left = h_sign(x) != 0;
    // 0/0 and inf/inf become 0/1 and 1/1; large ones are halved twice against overflow.
    let s = select(ONE, 0.25, a > 3.273390607896142e150);
    let both_inf = is_inf(b) & (a == b);
    let a1 = select(a * s, ONE, (a == 0.0) | both_inf);
    let b1 = select(b * s, ONE, both_inf);
    let w = h_atan_core(a1, b1, swapped, left);
    return h_flip(w, h_sign(y));
}

// ---- erf, erfc -------------------------------------------------------------

// erfc a for a >= 0 is e^(-a^2) P(q) / (1 + 2a) with q = (a - 4.0)/(a + 4.0); a^2 is taken in two
// parts.
// P = (1 + 2a) e^(a^2) erfc(a) in q, degree 22, on 0 <= a <= 28: Chebyshev interpolation (mpmath),
// relative error 5.9e-17.
fn h_erfc_core(a0: R) -> R {
    let a = select(a0, 27.9, a0 > 27.9);
    let q = (a - 4.0) / (a + 4.0);
    let p21 = fma(-1.8206098680308682e-9, q, -1.3670989863347383e-8);
    let p20 = fma(p21, q, -7.71541861441783e-9);
    let p19 = fma(p20, q, 1.1534943745754157e-7);
    let p18 = fma(p19, q, 6.270727157198311e-8);
    let p17 = fma(p18, q, -8.351619688696847e-7);
    let p16 = fma(p17, q, 3.0135049944875397e-7);
    let p15 = fma(p16, q, 5.7178872846321855e-6);
    let p14 = fma(p15, q, -1.1224789135154701e-5);
    let p13 = fma(p14, q, -2.4403169244974074e-5);
    let p12 = fma(p13, q, 0.000150622243948303);
    let p11 = fma(p12, q, -0.00019925550755614952);
    let p10 = fma(p11, q, -0.00075777334141333);
    let p9 = fma(p10, q, 0.005031969755895426);
    let p8 = fma(p9, q, -0.016197734059115006);
    let p7 = fma(p8, q, 0.03716751556249286);
    let p6 = fma(p7, q, -0.06633036581152939);
    let p5 = fma(p6, q, 0.09373283499679412);
    let p4 = fma(p5, q, -0.10103906603635213);
    let p3 = fma(p4, q, 0.06809705425473732);
    let p2 = fma(p3, q, 0.01537965210262074);
    let p1 = fma(p2, q, -0.1396211168405629);
    let p = fma(p1, q, 1.2329951186255526);
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
// P = erf(x)/x in z = x^2, degree 12, on [0, 0.8]: Sollya fpminimax, relative error 1.4e-17.
fn m_erf(x: R) -> R {
    let a = abs(x);
    let z = a * a;
    let p11 = fma(-7.183317994989472e-11, z, -4.780392179523652e-10);
    let p10 = fma(p11, z, 1.3203734985596147e-8);
    let p9 = fma(p10, z, -1.6164141890756964e-7);
    let p8 = fma(p9, z, 1.644575756215214e-6);
    let p7 = fma(p8, z, -1.4924760585217108e-5);
    let p6 = fma(p7, z, 0.00012055300115148799);
    let p5 = fma(p6, z, -0.0008548326205868629);
    let p4 = fma(p5, z, 0.005223977612133968);
    let p3 = fma(p4, z, -0.026866170643790224);
    let p2 = fma(p3, z, 0.1128379167094755);
    let p1 = fma(p2, z, -0.37612638903183554);
    let p = fma(p1, z, 1.1283791670955126);
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
// P = sin(pi f)/f in z = f^2, degree 8, on [0, 0.25]: Sollya fpminimax, relative error 3.9e-17.
fn h_sinpi_poly(f: R) -> R {
    let z = f * f;
    let p7 = fma(7.443475747307215e-7, z, -2.18761187503628e-5);
    let p6 = fma(p7, z, 0.00046628765944841516);
    let p5 = fma(p6, z, -0.007370427635331835);
    let p4 = fma(p5, z, 0.08214588618598893);
    let p3 = fma(p4, z, -0.5992645292892268);
    let p2 = fma(p3, z, 2.550164039876085);
    let p1 = fma(p2, z, -5.167712780049947);
    let p = fma(p1, z, 3.141592653589793);
    return f * p;
}

// The tables below belong to gamma and lgamma: for 0 < a <= 8.5 with n the nearest integer and
// h = a - n, Gamma(a) = Gamma(2 + h) top / bot.
fn h_gamma_top(a: R, n: R) -> R {
    let p1 = select(ONE, a - 1.0, n > 2.5);
    let p2 = select(ONE, a - 2.0, n > 3.5);
    let p3 = select(ONE, a - 3.0, n > 4.5);
    let p4 = select(ONE, a - 4.0, n > 5.5);
    let p5 = select(ONE, a - 5.0, n > 6.5);
    let p6 = select(ONE, a - 6.0, n > 7.5);
    return ((p1 * p2) * (p3 * p4)) * (p5 * p6);
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

// Stirling: ln Gamma(y) = (y - 1/2) ln y - y + ln(2 pi)/2 + P(1/y^2)/y for y >= 8.5.
// P = y times the rest of the series, in z = 1/y^2, degree 6, on y >= 8.49: Chebyshev
// interpolation (mpmath), relative error 5.6e-17.
fn h_stirling_tail(y: R) -> R {
    let v = 1.0 / y;
    let z = v * v;
    let p5 = fma(0.005193616143671445, z, -0.0018955702097074468);
    let p4 = fma(p5, z, 0.0008415485612878347);
    let p3 = fma(p4, z, -0.0005952371271411078);
    let p2 = fma(p3, z, 0.0007936507914305616);
    let p1 = fma(p2, z, -0.0027777777777758606);
    let p = fma(p1, z, 0.08333333333333333);
    return v * p;
}

// Up to 8.5: 1/Gamma(2 + h) = P(h). Above: e^(Stirling) with the exponent in two parts. Left of
// 0: Gamma(-a) = -pi / (sin(pi a) Gamma(1 + a)), the power of two applied last.
// P = 1/Gamma(2 + h), degree 13, on |h| <= 0.501: Chebyshev interpolation (mpmath), relative error
// 3.7e-17.
fn m_gamma(x: R) -> R {
    let a = abs(x);
    let neg = x < 0.0;
    let big = a > 8.5;
    let f = h_frac(a);
    let whole = h_whole(a);
    let odd = floor(whole * 0.5) * 2.0 != whole;
    let sp0 = h_sinpi_poly(f);
    let sp = select(sp0, -sp0, odd);

    let n = h_near(select(a, ONE, big));
    let h = a - n;
    let p12 = fma(-1.9991872436652459e-7, h, 1.3377670242819954e-6);
    let p11 = fma(p12, h, -2.5909171415748993e-6);
    let p10 = fma(p11, h, -1.7545539465621475e-5);
    let p9 = fma(p10, h, 0.00014559647147002316);
    let p8 = fma(p9, h, -0.0003608378765323541);
    let p7 = fma(p8, h, -0.000804329804554665);
    let p6 = fma(p7, h, 0.008023273027827812);
    let p5 = fma(p6, h, -0.017645244548932782);
    let p4 = fma(p5, h, -0.024552490005638927);
    let p3 = fma(p4, h, 0.1910911013876725);
    let p2 = fma(p3, h, -0.23309373642178294);
    let p1 = fma(p2, h, -0.4227843350984671);
    let p = fma(p1, h, 1.0);
    let num_pos = select(h_gamma_top(a, n), ONE, big);
    let den_pos = select(h_gamma_bot(a, n) * p, ONE, big);
    let num_neg = -PI * select(h_gamma1_bot(a, n) * p, ONE, big);
    let den_neg = sp * select(h_gamma1_top(a, n), a, big);
    let ratio = select(num_pos, num_neg, neg) / select(den_pos, den_neg, neg);

    let y = select(select(8.5, a, big), 200.0, a > 200.0);
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

// ln|Gamma|. Up to 8.5: ln Gamma(2 + h) = h P(h), and the logarithm of top or bot; above,
// Stirling; left of 0, ln pi - ln|sin(pi a)| - ln Gamma(1 + a).
// P = ln Gamma(2 + h)/h, degree 17, on |h| <= 0.501: Chebyshev interpolation (mpmath), relative
// error 4.3e-17.
// (For a tiny x of either sign it is -ln|x|.)
fn m_lgamma(x: R) -> R {
    let a = abs(x);
    let neg = x < -1e-17;
    let big = a > 8.5;
    let sp = abs(h_sinpi_poly(h_frac(a)));

    let n = h_near(select(a, ONE, big));
    let h = a - n;
    let p16 = fma(2.7504570346981783e-7, h, -5.817412876322501e-7);
    let p15 = fma(p16, h, 9.24011377961569e-7);
    let p14 = fma(p15, h, -1.9737349326646116e-6);
    let p13 = fma(p14, h, 4.382958462830729e-6);
    let p12 = fma(p13, h, -9.456507016642574e-6);
    let p11 = fma(p12, h, 2.0505999273440372e-5);
    let p10 = fma(p11, h, -4.4923684613393784e-5);
    let p9 = fma(p10, h, 9.945761913247507e-5);
    let p8 = fma(p9, h, -0.00022315498211142174);
    let p7 = fma(p8, h, 0.0005096695195236677);
    let p6 = fma(p7, h, -0.0011927539007270808);
    let p5 = fma(p6, h, 0.0028905103308695655);
    let p4 = fma(p5, h, -0.0073855510289432495);
    let p3 = fma(p4, h, 0.02058080842778334);
    let p2 = fma(p3, h, -0.06735230105319556);
    let p1 = fma(p2, h, 0.3224670334241132);
    let p = fma(p1, h, 0.42278433509846713);
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

// digamma and trigamma: left of 0 by reflection to b = 1 + |x|; below 8.0 shifted up by 8; the
// reciprocals lost on the way are paired, (b + i) with (b + 7.0 - i), so that one division
// serves them all. digamma below 3 comes from [1, 2], where it is (c - c0) Q(c - 3/2), c0 its zero;
// the part of c0 beyond the precision enters as a small constant.
// P = y^2 (digamma(y) - ln y + 1/(2 y)) in z = 1/y^2, degree 7, on y >= 7.99: Chebyshev
// interpolation (mpmath), relative error 5.6e-17.
// Q = digamma(c)/(c - c0) in c - 3/2, degree 20, on [1, 2]: Chebyshev interpolation (mpmath),
// relative error 1.4e-16.
fn h_digamma_positive(b: R) -> R {
    let low = b < 8.0;
    let y = select(b, b + 8.0, low);
    let v = 1.0 / y;
    let z = v * v;
    let p6 = fma(0.29915566102060664, z, -0.08000963171165383);
    let p5 = fma(p6, z, 0.02105078733068658);
    let p4 = fma(p5, z, -0.007575457237344004);
    let p3 = fma(p4, z, 0.0041666654881127715);
    let p2 = fma(p3, z, -0.0039682539659681056);
    let p1 = fma(p2, z, 0.008333333333331637);
    let p = fma(p1, z, -0.08333333333333333);
    let s = h_ln(y) - fma(z, -p, 0.5 * v);
    let u = b * (b + 7.0);
    let u1 = u * (u + 6.0);
    let u2 = (u + 10.0) * (u + 12.0);
    let num0 = fma(fma(u, 2.0, 6.0), u2, fma(u, 2.0, 22.0) * u1);
    let num = fma(b, 2.0, 7.0) * num0;
    let den = u1 * u2;

    let first = b < 1.0;
    let third = b > 2.0;
    let mid = b < 3.0;
    let c = b + select(select(ZERO, -ONE, third), ONE, first);
    let t = c - 1.5;
    let q19 = fma(0.0002522590506964885, t, -0.0003783907897248858);
    let q18 = fma(q19, t, 0.00023650171719339814);
    let q17 = fma(q18, t, -0.00035476352053371977);
    let q16 = fma(q17, t, 0.0007184107969046378);
    let q15 = fma(q16, t, -0.0010776863967234226);
    let q14 = fma(q15, t, 0.0015580749137213761);
    let q13 = fma(q14, t, -0.002337552647103118);
    let q12 = fma(q13, t, 0.0035187504361950134);
    let q11 = fma(q12, t, -0.005280903066090605);
    let q10 = fma(q11, t, 0.007926972735646359);
    let q9 = fma(q10, t, -0.011908146513976738);
    let q8 = fma(q9, t, 0.017907250563619775);
    let q7 = fma(q8, t, -0.026975800029253667);
    let q6 = fma(q7, t, 0.0407608338843387);
    let q5 = fma(q6, t, -0.06192213319072707);
    let q4 = fma(q5, t, 0.09498872445354183);
    let q3 = fma(q4, t, -0.14840492305485808);
    let q2 = fma(q3, t, 0.24054248424078478);
    let q1 = fma(q2, t, -0.4236274212814573);
    let q = fma(q1, t, 0.9510558760318328);
    let s_mid = fma(c - 1.4616321449683622, q, -9.241265521729427e-17);
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

// P = y^3 (trigamma(y) - 1/y - 1/(2 y^2)) in z = 1/y^2, degree 7, on y >= 7.99: Chebyshev
// interpolation (mpmath), relative error 5.5e-17.
fn h_trigamma_positive(b: R) -> R {
    let low = b < 8.0;
    let y = select(b, b + 8.0, low);
    let v = 1.0 / y;
    let z = v * v;
    let p6 = fma(-4.570726812981939, z, 1.1091269107582478);
    let p5 = fma(p6, z, -0.2523900411448608);
    let p4 = fma(p5, z, 0.07575241791249952);
    let p3 = fma(p4, z, -0.0333333131280794);
    let p2 = fma(p3, z, 0.023809523770374312);
    let p1 = fma(p2, z, -0.03333333333330429);
    let p = fma(p1, z, 0.16666666666666666);
    let s = v * fma(v, fma(v, p, 0.5), 1.0);
    let u = b * (b + 7.0);
    let r1 = 1.0 / u;
    let r2 = 1.0 / (u + 6.0);
    let r3 = 1.0 / (u + 10.0);
    let r4 = 1.0 / (u + 12.0);
    let sum12 = fma(u, 2.0, 49.0) * r1 * r1 + fma(u, 2.0, 37.0) * r2 * r2;
    let sum34 = fma(u, 2.0, 29.0) * r3 * r3 + fma(u, 2.0, 25.0) * r4 * r4;
    let sum = sum12 + sum34;
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

// The whole part of x as an integer, from 0 to 2^52 - 1. NaN is 0.
fn h_count(x: R) -> U {
    return to_bits(min(4503599627370495.0, max(0.0, floor(x))) + 4503599627370496.0) & 0xfffffffffffff;
}

// The same up to 2^23 - 1, as in single precision.
fn h_key(x: R) -> U {
    return h_count(min(8388607.0, max(0.0, floor(x))));
}

// Sums and rotations of 32 bits.
fn h_sum(x: U, y: U) -> U {
    return (x + y) & 0xffffffff;
}

fn h_turn_6(x: U) -> U {
    return ((x << 6) | (x >> 26)) & 0xffffffff;
}

fn h_turn_13(x: U) -> U {
    return ((x << 13) | (x >> 19)) & 0xffffffff;
}

fn h_turn_15(x: U) -> U {
    return ((x << 15) | (x >> 17)) & 0xffffffff;
}

fn h_turn_16(x: U) -> U {
    return ((x << 16) | (x >> 16)) & 0xffffffff;
}

fn h_turn_17(x: U) -> U {
    return ((x << 17) | (x >> 15)) & 0xffffffff;
}

fn h_turn_24(x: U) -> U {
    return ((x << 24) | (x >> 8)) & 0xffffffff;
}

fn h_turn_26(x: U) -> U {
    return ((x << 26) | (x >> 6)) & 0xffffffff;
}

fn h_turn_29(x: U) -> U {
    return ((x << 29) | (x >> 3)) & 0xffffffff;
}

// A standard normal deviate for the keys a and b and the count c (whole numbers). Two words from Threefry-2x32 with 20
// rounds (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011), then Box and Muller:
// sqrt(-2 ln u) sin(pi f), u in (0, 1) and f in (-1/2, 1/2) odd multiples of 2^-23, in both precisions the same ones.
fn m_noise(a: R, b: R, c: R) -> R {
    let k0 = h_key(a);
    let k1 = h_key(b);
    let k2 = (k0 ^ k1) ^ 0x1bd11bda;
    let count = h_count(c);
    let x0 = h_sum(count & 0xffffffff, k0);
    let y0 = h_sum(count >> 32, k1);
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
    let u = from_bits(((x25 >> 10) << 30) | 0x3ff0000020000000) - 1.0;
    let f = from_bits(((y25 >> 10) << 30) | 0x3ff0000020000000) - 1.5;
    return sqrt(-2.0 * m_ln(u)) * h_sinpi_poly(f);
}

// 1.5 * 2^52, and the bits of single precision's 1.5 * 2^23.
const MAGIC_CELL: R = 6755400703541248.0;

// A number from 1 to 2 for the cell of a plane in which a point lies: the same as in single precision, for whole parts from
// -2^30 to 2^30 - 1.
fn m_cell(a: R, b: R) -> R {
    let across = multiply_bits(to_bits(floor(a) + MAGIC_CELL), 0x9e3779b1);
    let up = multiply_bits(to_bits(floor(b) + MAGIC_CELL), 0x85ebca77);
    let both = (across ^ up) & 0xffffffff;
    let mixed = multiply_bits(both ^ (both >> 15), 0xc2b2ae3d);
    return from_bits(((mixed & 0xfffffe00) << 20) | 0x3ff0000000000000);
}

// ---- accuracy --------------------------------------------------------------
//
// error: the largest found, in units in the last place of the true value, on a CPU, with
// fma fused and not (the larger). Truth is MPFR at 140 bits; 3 to 50 million points per function (the
// four gammas 0.5 to 2 million): random bit patterns, the ranges where the function lives, neighbourhoods of
// zeros, poles and edges, and half of all points near the worst found.
// CPU - GPU: the largest difference in the same units between CPU and Mesa's llvmpipe 22.3, a
// Vulkan driver that rounds fma twice and reassociates; 65536 points.
//
//              error   CPU - GPU   where
// m_sin         2.29           1   |x| <= 1e9
// m_cos         2.37           1   |x| <= 1e9
// m_tan         3.02           2   |x| <= 1e9
// m_asin        2.16           2   everywhere
// m_acos        1.12           1   everywhere
// m_atan        2.29           1   everywhere
// m_atan2       2.43           1   everywhere
// m_sinh        1.64           3   everywhere
// m_cosh        1.51           2   everywhere
// m_tanh        2.54           2   everywhere
// m_asinh       1.72           1   everywhere
// m_acosh       1.96           2   everywhere
// m_atanh       2.01           1   everywhere
// m_exp         1.07           2   everywhere
// m_exp2        1.06           1   everywhere
// m_expm1       2.28           2   everywhere
// m_ln          0.84           1   everywhere
// m_log2        1.72           2   everywhere
// m_log10       1.79           2   everywhere
// m_log1p       1.41           1   everywhere
// m_cbrt        1.42           1   everywhere
// m_hypot       1.20           1   everywhere
// m_pow         2.09           2   everywhere
// m_mod         0.50           0   quotients below 2e15
// m_sigmoid     2.44           2   everywhere
// m_softplus    1.66           2   everywhere
// m_erf         1.56           2   everywhere
// m_erfc        6.70           5   everywhere
// m_gamma       5.72           5   everywhere
// m_lgamma      6.95         (1)   x > 0; left of 0: (1)
// m_digamma     7.95         (1)   x > 0; left of 0: (1)
// m_trigamma    6.37           8   everywhere
// m_round       0.00           0   everywhere
//
// (1) Between the poles the function passes through zero, and there the error is an absolute one: a
// few eps = 2^-52 times max(1, |x| ln|x|).
// sin, cos and tan beyond 1e9: without a fused fma the error grows with |x| from 1.6e9 on; with one
// they are as good up to 1e14 (tan 1e10); from 2^50 pi/2 on the results mean nothing, but
// sin and cos stay in [-1, 1].
