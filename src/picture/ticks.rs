//! Where an axis has its marks, and what is written there.
//!
//! In: a range in data units and how many marks there is room for. Out: values inside the range and their labels.
//! On linear axes they are those that the extended Wilkinson algorithm likes best (Talbot, Lin, Hanrahan, "An Extension
//! of Wilkinson's Algorithm for Positioning Tick Labels on Axes", 2010), among all that lie inside the range.
//! A mark is a whole number times a power of ten from start to end, so a label is never `0.30000000000000004` or
//! `-0`. Large and small numbers are written as `2×10⁵`; numbers that differ only far behind the point are written
//! as differences from an `offset`, which stands once at the end of the axis.

use super::figures::{fixed, labels};
use super::text::superscript;

/// The marks of one axis, in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ticks {
    /// In data units, inside the range.
    pub at: Vec<f64>,
    /// One per mark.
    pub labels: Vec<String>,
    /// What to add to the labels, such as `+5`, where they would be too long otherwise.
    pub offset: Option<String>,
}

/// Marks at most; keeps a mistaken caller from writing millions of labels.
const MOST: usize = 100;
/// Steps in tenths of a power of ten, those that people like most first: 1, 5, 2, 2.5, 4, 3.
const LIKED: [i64; 6] = [10, 50, 20, 25, 40, 30];
/// Steps over one or two multiples of a liked one, where a narrow axis has no other marks. (The paper takes them
/// elsewhere too, at a price: 1.5, 2.1, 2.7. Its axes may grow beyond the data, so that it seldom comes to that.)
const SKIPS: [std::ops::RangeInclusive<i64>; 2] = [1..=1, 2..=3];
/// What counts how much: simplicity, coverage, density, legibility.
const WEIGHTS: [f64; 4] = [0.25, 0.2, 0.5, 0.05];
/// Letters of a label that is read at a glance.
const GLANCE: f64 = 6.0;

/// Marks at even steps, no more than `most` (2 at least), on `lo` to `hi`.
pub(super) fn linear(lo: f64, hi: f64, most: usize) -> Ticks {
    let most = most.clamp(2, MOST);
    let Some((numbers, exponent)) = nice_numbers(lo, hi, most) else {
        return Ticks::default();
    };
    let at = numbers.iter().map(|n| decimal(*n, exponent).clamp(lo, hi)).collect();
    let (labels, offset) = labels(&numbers, exponent);
    Ticks { at, labels, offset }
}

/// Marks at powers of ten (and at 2 and 5 times them where there is room) on `lo` to `hi`, both above zero.
pub(super) fn log(lo: f64, hi: f64, most: usize) -> Ticks {
    let most = most.clamp(2, MOST);
    if !(lo > 0.0 && lo < hi && hi.is_finite()) {
        return linear(lo, hi, most);
    }
    let (first, last) = (lo.log10().floor() as i32, hi.log10().ceil() as i32);
    for digits in [&[1_i64, 2, 5][..], &[1]] {
        let ticks = powers(lo, hi, (first..=last).flat_map(|e| digits.iter().map(move |d| (*d, e))));
        if (2..=most).contains(&ticks.at.len()) {
            return ticks;
        }
    }
    let stride = ((last - first) as usize / most + 1).max(1) as i32;
    let ticks = powers(lo, hi, (first..=last).filter(|e| e % stride == 0).map(|e| (1, e)));
    if ticks.at.len() < 2 { linear(lo, hi, most) } else { ticks }
}

/// Marks at zero and at powers of ten of both signs from `linear_part` upwards, on `lo` to `hi`.
pub(super) fn symlog(lo: f64, hi: f64, linear_part: f64, most: usize) -> Ticks {
    let most = most.clamp(2, MOST);
    if !(linear_part > 0.0 && lo < hi && lo.is_finite() && hi.is_finite()) {
        return linear(lo, hi, most);
    }
    let (first, last) = (linear_part.log10().ceil() as i32, lo.abs().max(hi.abs()).log10().floor() as i32);
    let sides = if lo < 0.0 && hi > 0.0 { 2 } else { 1 };
    let room = (most.saturating_sub(1) / sides).max(1);
    let stride = (last.saturating_sub(first).max(0) as usize / room + 1) as i32;
    // Counted from the largest power, which is the one to keep.
    let exponents: Vec<i32> = (first..=last).filter(|e| (last - e) % stride == 0).collect();
    let below = exponents.iter().rev().map(|e| (-1, *e));
    let above = exponents.iter().map(|e| (1, *e));
    let ticks = powers(lo, hi, below.chain([(0, 0)]).chain(above));
    if ticks.at.len() < 2 { linear(lo, hi, most) } else { ticks }
}

/// The given `digit * 10^exponent` that lie within the range, labelled alike.
fn powers(lo: f64, hi: f64, all: impl Iterator<Item = (i64, i32)>) -> Ticks {
    let inside: Vec<(i64, i32)> = all.filter(|(n, e)| (lo..=hi).contains(&decimal(*n, *e))).collect();
    let plain = inside.iter().all(|(n, e)| *n == 0 || (-3..=4).contains(e));
    let label = |&(n, e): &(i64, i32)| match (n, plain) {
        (0, _) => "0".to_owned(),
        (_, true) => fixed(n * 10_i64.pow(e.max(0) as u32), (-e).max(0) as usize),
        (1, _) => format!("10{}", superscript(&e.to_string())),
        (-1, _) => format!("−10{}", superscript(&e.to_string())),
        _ => format!("{}×10{}", fixed(n, 0), superscript(&e.to_string())),
    };
    Ticks {
        at: inside.iter().map(|(n, e)| decimal(*n, *e)).collect(),
        labels: inside.iter().map(label).collect(),
        offset: None,
    }
}

/// Even marks: whole multiples `first`, `first + skip`, ... `last` of a liked step.
#[derive(Clone, Copy, Debug)]
struct Marks {
    /// Which of [`LIKED`].
    rank: usize,
    /// The power of ten that its tenths are counted in.
    exponent: i32,
    skip: i64,
    first: i64,
    last: i64,
}

impl Marks {
    fn count(&self) -> i64 {
        (self.last - self.first) / self.skip + 1
    }

    /// In units of `10^exponent`.
    fn numbers(&self) -> Vec<i64> {
        (0..self.count()).map(|k| (self.first + k * self.skip) * LIKED[self.rank]).collect()
    }

    /// How well they suit the range: the paper's score, where `most` is the number of marks that is aimed at.
    fn score(&self, (lo, hi): (f64, f64), most: usize) -> f64 {
        let step = decimal(LIKED[self.rank], self.exponent);
        // Halves of halves, so that no width overflows.
        let width = hi * 0.25 - lo * 0.25;
        let share = |from: f64, to: f64| (to * 0.25 - from * 0.25) / width;
        let (start, end) = (self.first as f64 * step, self.last as f64 * step);
        let zero = self.first <= 0 && self.last >= 0 && self.first % self.skip == 0;
        let simplicity =
            1.0 - self.rank as f64 / (LIKED.len() - 1) as f64 - self.skip as f64 + f64::from(u8::from(zero));
        let coverage = 1.0 - 0.5 * (share(end, hi).powi(2) + share(lo, start).powi(2)) / 0.01;
        let density = (self.count() - 1) as f64 / share(start, end) / (most - 1) as f64;
        let density = 2.0 - density.max(1.0 / density);
        let [simple, covering, dense, _] = WEIGHTS;
        simple * simplicity + covering * coverage + dense * density
    }

    /// Of labels that are short, and not split into differences and what they differ from.
    fn legibility(&self) -> f64 {
        let (labels, offset) = labels(&self.numbers(), self.exponent);
        let longest = labels.iter().chain(&offset).map(|label| label.chars().count()).max().unwrap_or(0);
        WEIGHTS[3] * (GLANCE / longest as f64).min(1.0)
    }
}

/// The best even marks on `lo` to `hi`, 2 to `most`: whole numbers and the power of ten they are counted in. None where
/// there are none (ends that are not finite, or not in order).
fn nice_numbers(lo: f64, hi: f64, most: usize) -> Option<(Vec<i64>, i32)> {
    if !(lo.is_finite() && hi.is_finite() && lo < hi) {
        return None;
    }
    SKIPS.into_iter().find_map(|skips| best(lo, hi, most, &skips)).map(|marks| (marks.numbers(), marks.exponent))
}

/// The marks of the best score, over so many multiples of a step.
fn best(lo: f64, hi: f64, most: usize, skips: &std::ops::RangeInclusive<i64>) -> Option<Marks> {
    // log10 of the width, halved first so that it does not overflow.
    let width = (hi * 0.5 - lo * 0.5).log10() + std::f64::consts::LOG10_2;
    let start = (width - (most as f64).log10()).floor().max(-400.0) as i32 - 2;
    let mut best: Option<(f64, Marks)> = None;
    for marks in (start..=width.ceil() as i32).flat_map(|exponent| inside(lo, hi, most, exponent, skips)) {
        let score = marks.score((lo, hi), most);
        let top = best.map_or(f64::NEG_INFINITY, |(top, _)| top);
        // Labels are made only where they could decide.
        if score + WEIGHTS[3] > top {
            let score = score + marks.legibility();
            best = if score > top { Some((score, marks)) } else { best };
        }
    }
    best.map(|(_, marks)| marks)
}

/// All even marks inside the range whose step is counted in this power of ten: as many of each as there is room for.
fn inside(lo: f64, hi: f64, most: usize, exponent: i32, skips: &std::ops::RangeInclusive<i64>) -> Vec<Marks> {
    let mut all = Vec::new();
    for (rank, digits) in LIKED.into_iter().enumerate() {
        let step = decimal(digits, exponent);
        if !(step.is_normal() && (lo / step).abs() < 9e16 && (hi / step).abs() < 9e16) {
            continue;
        }
        // A mark at an end of the range counts although the division rounds.
        let (first, last) = ((lo / step - 1e-9).ceil() as i64, (hi / step + 1e-9).floor() as i64);
        let nearly = |n: i64| {
            let v = decimal(n * digits, exponent);
            lo - v <= step * 1e-6 && v - hi <= step * 1e-6
        };
        for (skip, offset) in skips.clone().flat_map(|skip| (0..skip).map(move |offset| (skip, offset))) {
            let first = first + offset;
            let last = last - (last - first).rem_euclid(skip);
            let marks = Marks { rank, exponent, skip, first, last };
            if last > first && marks.count() <= most as i64 && nearly(first) && nearly(last) {
                all.push(marks);
            }
        }
    }
    all
}

/// `n * 10^exponent`, rounded once, as if read from text.
fn decimal(n: i64, exponent: i32) -> f64 {
    format!("{n}e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Awkward ranges of all sizes: (lo, hi).
    fn ranges() -> Vec<(f64, f64)> {
        let mut ranges = vec![(5.0, 5.0 + 1e-12), (0.0, 1e300), (-1e308, 1.7e308), (1e-300, 3e-300), (0.1, 0.3)];
        let mut state = 1_u64;
        for _ in 0..3000 {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            let size = 10_f64.powf(next() * 40.0 - 20.0);
            let lo = (next() - 0.5) * size;
            ranges.push((lo, lo + next() * size * 10_f64.powf(-8.0 * next())));
        }
        ranges.retain(|(lo, hi)| lo < hi);
        ranges
    }

    /// A label as a number again; None where it is not one.
    fn read(label: &str) -> Option<f64> {
        let plain = |c| "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".chars().position(|s| s == c).and_then(|i| "0123456789-".chars().nth(i));
        let text: String = label.replace('−', "-").replace("×10", "e").chars().map(|c| plain(c).unwrap_or(c)).collect();
        text.parse().ok()
    }

    /// The score of the paper, in its own terms (Talbot, Lin and Hanrahan, section 4), legibility left aside.
    fn paper(q: usize, j: f64, marks: &[f64], (lo, hi): (f64, f64), m: f64) -> f64 {
        let (first, last, k) = (marks[0], marks[marks.len() - 1], marks.len() as f64);
        let zero = if marks.iter().any(|v| v.abs() < 1e-9 * (hi - lo)) { 1.0 } else { 0.0 };
        let simplicity = 1.0 - q as f64 / 5.0 - j + zero;
        let coverage = 1.0 - 0.5 * ((hi - last).powi(2) + (lo - first).powi(2)) / (0.1 * (hi - lo)).powi(2);
        let (r, rt) = ((k - 1.0) / (last - first), (m - 1.0) / (hi.max(last) - lo.min(first)));
        0.25 * simplicity + 0.2 * coverage + 0.5 * (2.0 - (r / rt).max(rt / r))
    }

    /// The multiples of no liked step that lie inside the range have a better score. Legibility weighs 0.05 at most.
    #[test]
    fn no_other_marks_are_better() {
        let cases =
            [(-3.0, 3.0), (0.0, 1.0), (-2.2, 2.2), (-0.9, 0.9), (0.05, 0.99), (8.1, 14.1), (1.0, 60.0), (-17.0, 3.0)];
        for (lo, hi) in cases {
            for most in [3_usize, 5, 9] {
                let mut best = f64::NEG_INFINITY;
                let mut of = std::collections::BTreeMap::new();
                for (q, liked) in [1.0, 5.0, 2.0, 2.5, 4.0, 3.0].into_iter().enumerate() {
                    for z in -4..3 {
                        let base = liked * 10_f64.powi(z);
                        let (from, to) = ((lo / base - 1e-9).ceil() as i64, (hi / base + 1e-9).floor() as i64);
                        if to <= from || to - from >= most as i64 {
                            continue;
                        }
                        let marks: Vec<f64> = (from..=to).map(|i| i as f64 * base).collect();
                        let score = paper(q, 1.0, &marks, (lo, hi), most as f64);
                        best = best.max(score);
                        let name: Vec<String> = marks.iter().map(|v| format!("{v:.6}")).collect();
                        let kept = of.entry(name.join(" ").replace("-0.000000", "0.000000")).or_insert(score);
                        *kept = kept.max(score);
                    }
                }
                let ours: Vec<String> = linear(lo, hi, most).at.iter().map(|v| format!("{v:.6}")).collect();
                let score = of.get(&ours.join(" ").replace("-0.000000", "0.000000")).copied().unwrap_or(-99.0);
                assert!(score >= best - 0.05, "{lo} {hi} {most}: {ours:?} has {score}, the best {best}");
            }
        }
    }

    #[test]
    fn steps_are_liked_ones() {
        for (lo, hi) in ranges() {
            let ticks = linear(lo, hi, 7);
            let [a, b, ..] = ticks.at[..] else { continue };
            let step = (b - a) / 10_f64.powf((b - a).log10().floor());
            let liked = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0, 9.0, 10.0];
            let exact = (hi - lo) / lo.abs().max(hi.abs()) > 1e-6;
            assert!(!exact || liked.iter().any(|l| (step / l - 1.0).abs() < 1e-6), "{lo} {hi} {ticks:?}");
        }
    }

    #[test]
    fn marks_are_few_inside_in_order_and_evenly_spaced() {
        for (lo, hi) in ranges() {
            for most in [2, 5, 9] {
                let ticks = linear(lo, hi, most);
                assert!(ticks.at.len() <= most && ticks.at.len() == ticks.labels.len(), "{lo} {hi} {ticks:?}");
                assert!(most == 2 || ticks.at.len() >= 2, "{lo} {hi} {most} {ticks:?}");
                assert!(ticks.at.iter().all(|v| (lo..=hi).contains(v)), "{lo} {hi} {ticks:?}");
                assert!(ticks.at.windows(2).all(|w| w[0] < w[1]), "{lo} {hi} {ticks:?}");
                if let [a, b, c, ..] = ticks.at[..] {
                    assert!((((b - a) / (c - b)) - 1.0).abs() < 1e-2, "{lo} {hi} {ticks:?}");
                }
            }
        }
    }

    #[test]
    fn labels_are_short_distinct_and_say_the_value() {
        for (lo, hi) in ranges() {
            let ticks = linear(lo, hi, 7);
            let offset = ticks.offset.as_deref().map_or(0.0, |o| read(o.trim_start_matches('+')).unwrap());
            for (v, label) in ticks.at.iter().zip(&ticks.labels) {
                let said = read(label).unwrap_or_else(|| panic!("{label} is no number")) + offset;
                assert!(
                    (said - v).abs() <= 1e-9 * (hi - lo).min(1e300) + v.abs() * 1e-15,
                    "{label} + {offset} is not {v}"
                );
                assert!(label.chars().count() <= 15 && !label.starts_with("−0e") && label != "−0", "{lo} {hi} {label}");
            }
            let mut labels = ticks.labels.clone();
            labels.dedup();
            assert_eq!(labels, ticks.labels, "{lo} {hi}");
        }
    }

    #[test]
    fn labels_look_as_expected() {
        let table: [(f64, f64, usize, &str, Option<&str>); 12] = [
            (-3.0, 3.0, 9, "−3 −2 −1 0 1 2 3", None),
            (0.0, 0.3, 7, "0.00 0.05 0.10 0.15 0.20 0.25 0.30", None),
            (0.0, 1.0, 6, "0.0 0.2 0.4 0.6 0.8 1.0", None),
            (0.0, 20_000.0, 5, "0 5000 10000 15000 20000", None),
            (0.0, 2e5, 5, "0 0.5×10⁵ 1.0×10⁵ 1.5×10⁵ 2.0×10⁵", None),
            (0.0, 1e300, 3, "0 0.5×10³⁰⁰ 1.0×10³⁰⁰", None),
            (-1e-9, 1e-9, 3, "−1×10⁻⁹ 0 1×10⁻⁹", None),
            (5.0, 5.0 + 1e-12, 3, "0 0.5×10⁻¹² 1.0×10⁻¹²", Some("+5")),
            (1_000_000.0, 1_000_002.0, 3, "0 1 2", Some("+1×10⁶")),
            (10.0 + 1e-14, 10.0 + 2e-12, 3, "1×10⁻¹² 2×10⁻¹²", Some("+10")),
            (5.123_456_7, 5.123_456_9, 3, "−2×10⁻⁷ −1×10⁻⁷", Some("+5.123457")),
            (0.001, 0.003, 3, "0.001 0.002 0.003", None),
        ];
        for (lo, hi, most, wanted, offset) in table {
            let ticks = linear(lo, hi, most);
            assert_eq!((ticks.labels.join(" ").as_str(), ticks.offset.as_deref()), (wanted, offset), "{lo} {hi}");
        }
    }

    #[test]
    fn logarithmic_marks_are_powers_of_ten() {
        assert_eq!(log(0.01, 100.0, 9).labels.join(" "), "0.01 0.1 1 10 100");
        assert_eq!(log(1e-12, 1.0, 7).labels.join(" "), "10⁻¹² 10⁻¹⁰ 10⁻⁸ 10⁻⁶ 10⁻⁴ 10⁻² 10⁰");
        assert_eq!(log(1.0, 60.0, 7).labels.join(" "), "1 2 5 10 20 50");
        assert_eq!(log(2.1, 4.9, 4).labels.join(" "), "3 4");
        assert_eq!(symlog(-100.0, 100.0, 0.1, 9).labels.join(" "), "−100 −10 −1 −0.1 0 0.1 1 10 100");
        assert!(log(1e-300, 1e300, 9).at.len() <= 9 && symlog(-1e300, 1e300, 1e-10, 9).at.len() <= 9);
    }

    #[test]
    fn awkward_ends_give_no_marks_and_no_panic() {
        for (lo, hi) in
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, 5e-324), (1.0, 1.0 + f64::EPSILON)]
        {
            for ticks in [linear(lo, hi, 0), log(lo, hi, usize::MAX), symlog(lo, hi, 0.0, 5)] {
                assert!(ticks.at.iter().all(|v| (lo..=hi).contains(v)), "{lo} {hi}");
            }
        }
    }
}
