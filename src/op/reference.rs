//! The f64 references that are more than a call of a library: its slips at the ends of a domain are mended here.
//!
//! Flows in: operands. Flows out: what a row's `reference` returns. Who should not use it: anything but a row.

/// a - b floor(a / b) without the rounding of the quotient: the remainder of `%` is exact. A zero has the divisor's
/// sign, as in Python.
pub(super) fn floored_modulo(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if remainder == 0.0 {
        return remainder.copysign(b);
    }
    if (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }
}

/// Neither form overflows before its result does.
pub(super) fn sigmoid(a: f64) -> f64 {
    let z = pxfm::f_exp(-a.abs());
    if a < 0.0 { z / (1.0 + z) } else { 1.0 / (1.0 + z) }
}

/// NaN at the negative integers (poles of both signs). The library gives up a little early before the overflow, and
/// loses the sign where the result is 0.
pub(super) fn gamma(a: f64) -> f64 {
    if a == 0.0 {
        1.0 / a
    } else if a < 0.0 && a == a.floor() {
        f64::NAN
    } else if a > 171.0 && a < 172.0 {
        (a - 1.0) * pxfm::f_tgamma(a - 1.0)
    } else if a < -180.0 {
        let odd = a.floor() % 2.0 != 0.0;
        pxfm::f_tgamma(a).abs() * if odd { -1.0 } else { 1.0 }
    } else {
        pxfm::f_tgamma(a)
    }
}

/// ln|gamma|; for huge arguments Stirling's leading term, which is all there is.
pub(super) fn lgamma(a: f64) -> f64 {
    if a > 1e300 { a * (pxfm::f_log(a) - 1.0) } else { pxfm::f_lgamma(a) }
}

/// The logarithmic derivative of gamma, NaN at its poles; for huge arguments the logarithm.
pub(super) fn digamma(a: f64) -> f64 {
    if a <= 0.0 && a == a.floor() {
        f64::NAN
    } else if a > 1e20 {
        pxfm::f_log(a)
    } else {
        pxfm::f_digamma(a)
    }
}

/// The derivative of digamma, NaN at its poles; for huge arguments 1/a, for tiny ones 1/a^2, without underflow.
pub(super) fn trigamma(a: f64) -> f64 {
    if a <= 0.0 && a == a.floor() {
        f64::NAN
    } else if a > 1e20 {
        1.0 / a
    } else if a.abs() < 1e-9 {
        (1.0 / a) * (1.0 / a)
    } else {
        pxfm::f_trigamma(a)
    }
}
