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

/// A standard normal deviate for two keys and a count, by their whole parts: Box and Muller's of two words of
/// Threefry-2x32 with 20 rounds, 22 bits of each.
pub(super) fn noise(a: f64, b: f64, c: f64) -> f64 {
    // What is out of reach goes to its end, as the kernels have it.
    let whole = |x: f64, most: u64| if x >= 1.0 { (x.floor() as u64).min(most) } else { 0 };
    let (key, most) = ((1 << 23) - 1, (1 << 52) - 1);
    let count = whole(c, most);
    let words = threefry([whole(a, key) as u32, whole(b, key) as u32], [count as u32, (count >> 32) as u32]);
    let odd = words.map(|word| f64::from(2 * (word >> 10) + 1) / f64::from(1 << 23));
    (-2.0 * pxfm::f_log(odd[0])).sqrt() * pxfm::f_sinpi(odd[1] - 0.5)
}

/// From 1 to 2, by the cell of a plane in which a place lies: two products, and one of what they differ in, in 32 bits that
/// wrap.
pub(super) fn cell(a: f64, b: f64) -> f64 {
    let whole = |place: f64| (place.floor() as i64 as u32).wrapping_add(0x4b40_0000);
    let both = whole(a).wrapping_mul(0x9e37_79b1) ^ whole(b).wrapping_mul(0x85eb_ca77);
    let mixed = (both ^ (both >> 15)).wrapping_mul(0xc2b2_ae3d);
    1.0 + f64::from(mixed >> 9) / f64::from(1 << 23)
}

/// Threefry-2x32-20: sums, rotations and exclusive ors, a key after every fourth round.
fn threefry(key: [u32; 2], count: [u32; 2]) -> [u32; 2] {
    const TURNS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
    let keys = [key[0], key[1], 0x1bd1_1bda ^ key[0] ^ key[1]];
    let mut x = [count[0].wrapping_add(key[0]), count[1].wrapping_add(key[1])];
    for round in 0..20u32 {
        x[0] = x[0].wrapping_add(x[1]);
        x[1] = x[1].rotate_left(TURNS[round as usize % 8]) ^ x[0];
        if round % 4 == 3 {
            let group = round / 4 + 1;
            x[0] = x[0].wrapping_add(keys[group as usize % 3]);
            x[1] = x[1].wrapping_add(keys[(group as usize + 1) % 3]).wrapping_add(group);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of even numbers, and no correlation between a cell and those around it or far away; also of those
    /// numbers that are the least.
    #[test]
    fn cells_know_nothing_of_each_other() {
        const SIDE: usize = 256;
        for (x, y) in [(0, 0), (-128, -128), (3000, -70_000)] {
            let at = |k: usize| cell(f64::from(x) + (k % SIDE) as f64 + 0.7, f64::from(y) + (k / SIDE) as f64);
            let numbers: Vec<f64> = (0..SIDE * SIDE).map(at).collect();
            let few: Vec<f64> = numbers.iter().map(|number| f64::from(u8::from(*number < 1.016))).collect();
            for (numbers, mean, variance) in [(numbers, 1.5, 1.0 / 12.0), (few, 0.016, 0.016 * 0.984)] {
                let all = numbers.len() as f64;
                let found = numbers.iter().sum::<f64>() / all;
                assert!((found - mean).abs() < 5.0 * (variance / all).sqrt(), "{x} {y}: {found}, not {mean}");
                for (right, up) in
                    [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (7, 3), (64, 51), (187, 90), (58, 69)]
                {
                    let pairs = (0..SIDE * (SIDE - up)).filter(|k| k % SIDE + right < SIDE);
                    let product = |k: usize| (numbers[k] - mean) * (numbers[k + up * SIDE + right] - mean) / variance;
                    let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), k| (sum + product(k), count + 1.0));
                    let expected = if (right, up) == (0, 0) { count } else { 0.0 };
                    assert!(
                        (sum - expected).abs() < 5.0 * count.sqrt() * if up + right == 0 { 8.0 } else { 1.0 },
                        "{x} {y}: {sum} of {count}, {right} {up}"
                    );
                }
            }
        }
    }

    /// The vectors that the authors of Threefry give out with it (Random123, `kat_vectors`).
    #[test]
    fn threefry_gives_the_known_answers() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]), [0xc492_3a9c, 0x483d_f7a0]);
    }
}
