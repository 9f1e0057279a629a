//! Numbers as they are written beside an axis.
//!
//! In: whole numbers and the power of ten they are counted in, so that nothing is ever rounded. Out: labels, all in
//! one form.

use super::text::superscript;

/// Labels show at most this many digits before an offset is split off.
const DIGITS: u32 = 6;

/// Labels for `numbers * 10^exponent`, all in the same form, and the offset if one is split off.
pub(super) fn labels(numbers: &[i64], exponent: i32) -> (Vec<String>, Option<String>) {
    let (numbers, exponent) = without_zeros(numbers, exponent);
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return (Vec::new(), None);
    };
    let longest = digits(first).max(digits(last));
    // A rounder number just outside the marks makes a shorter offset than the roundest among them.
    let width = last - first;
    let base = roundest(first.saturating_sub(width), last.saturating_add(width));
    if longest <= DIGITS || longest < digits(last - first) + 3 || base == 0 {
        return (write(&numbers, exponent), None);
    }
    let differences: Vec<i64> = numbers.iter().map(|n| n - base).collect();
    let (differences, power) = without_zeros(&differences, exponent);
    let (base, base_power) = without_zeros(&[base], exponent);
    let sign = if base[0] > 0 { "+" } else { "" };
    (write(&differences, power), Some(format!("{sign}{}", write(&base, base_power).concat())))
}

/// All numbers in one form: with a point, or with a common power of ten where that is shorter.
fn write(numbers: &[i64], exponent: i32) -> Vec<String> {
    let longest = numbers.iter().map(|n| digits(*n)).max().unwrap_or(1) as i32;
    let top = longest - 1 + exponent;
    if (-3..=4).contains(&top) && exponent >= -18 {
        let zeros = 10_i64.pow(exponent.max(0) as u32);
        return numbers.iter().map(|n| fixed(n * zeros, (-exponent).max(0) as usize)).collect();
    }
    let power = superscript(&top.to_string());
    let one = |n: &i64| match n {
        0 => "0".to_owned(),
        _ => format!("{}×10{power}", fixed(*n, (longest - 1) as usize)),
    };
    numbers.iter().map(one).collect()
}

/// `n * 10^-decimals` with a minus sign (not a hyphen) and no `-0`.
pub(super) fn fixed(n: i64, decimals: usize) -> String {
    let sign = if n < 0 { "−" } else { "" };
    let figures = format!("{:0width$}", n.unsigned_abs(), width = decimals + 1);
    let (whole, rest) = figures.split_at(figures.len() - decimals);
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

fn digits(n: i64) -> u32 {
    n.unsigned_abs().checked_ilog10().unwrap_or(0) + 1
}

/// The same numbers with their common trailing zeros moved into the exponent.
fn without_zeros(numbers: &[i64], exponent: i32) -> (Vec<i64>, i32) {
    let (mut numbers, mut exponent) = (numbers.to_vec(), exponent);
    while numbers.iter().any(|n| *n != 0) && numbers.iter().all(|n| n % 10 == 0) {
        numbers.iter_mut().for_each(|n| *n /= 10);
        exponent += 1;
    }
    let exponent = if numbers.iter().all(|n| *n == 0) { 0 } else { exponent };
    (numbers, exponent)
}

/// The whole number from `lo` to `hi` with the most trailing zeros.
fn roundest(lo: i64, hi: i64) -> i64 {
    let powers = (0..18).rev().map(|e| 10_i64.pow(e));
    powers
        .map(|p| (lo.div_euclid(p) + i64::from(lo.rem_euclid(p) != 0)).saturating_mul(p))
        .find(|n| *n <= hi)
        .unwrap_or(lo)
}
