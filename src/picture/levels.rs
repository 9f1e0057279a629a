//! The marks of a colour scale, and levels at nice numbers for contours and bands.
//!
//! In: a [`Colouring`]. Out: values with their labels.

use super::colour::{Colouring, Level};
use super::figures::fixed;
use super::scale::Scale;
use super::text::superscript;
use super::ticks::{self, Ticks};

/// At most `most` marks for the range of a colouring: its levels if it has some, else nice numbers of its scale.
pub(super) fn marks(colouring: &Colouring, most: usize) -> Ticks {
    let (lo, hi) = colouring.range();
    let levels = colouring.levels();
    if !levels.is_empty() {
        let shown = levels.iter().step_by(levels.len().div_ceil(most.max(1)));
        let (at, labels) = shown.map(|level| (level.value, level.label.clone())).unzip();
        return Ticks { at, labels, offset: None };
    }
    match colouring.scale() {
        Scale::Linear => ticks::linear(lo, hi, most),
        Scale::Log => ticks::log(lo, hi, most),
        Scale::SymLog { linear } => ticks::symlog(lo, hi, linear, most),
        Scale::Equalised => even_places(colouring, most),
    }
}

/// About `most` levels at nice numbers of the scale of `colouring`, within its range, with their labels.
pub fn levels(colouring: &Colouring, most: usize) -> Vec<Level> {
    let ticks = marks(colouring, most);
    // Alone on a line, a label needs neither the zeros nor the offset of an axis.
    let alone = colouring.scale() == Scale::Linear;
    let label = |value: f64, label: String| if alone { plain(value) } else { label };
    let levels = ticks.at.into_iter().zip(ticks.labels);
    levels.map(|(value, text)| Level { value, label: label(value, text) }).collect()
}

/// A number of up to six figures as short as it can be written, with a minus sign and not a hyphen.
pub fn plain(value: f64) -> String {
    let value: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return format!("{}", if size == 0.0 { 0.0 } else { value }).replace('-', "−");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, power)) => format!("{}×10{}", digits.replace('-', "−"), superscript(power)),
        None => text,
    }
}

/// Values at even places of an equalised scale, each rounded as coarsely as its neighbours allow.
fn even_places(colouring: &Colouring, most: usize) -> Ticks {
    let mut ticks = Ticks::default();
    let steps = most.saturating_sub(1).max(1);
    for k in 0..=steps {
        let place = k as f64 / steps as f64;
        let half = 0.25 / steps as f64;
        let (below, value, above) =
            (colouring.value_at(place - half), colouring.value_at(place), colouring.value_at(place + half));
        let exponent = (above - below).log10().floor().clamp(-300.0, 300.0) as i32;
        let (rounded, label) = rounded(value, exponent);
        let (lo, hi) = colouring.range();
        let apart =
            ticks.at.last().is_none_or(|last| colouring.position(rounded) - colouring.position(*last) > 3.0 * half);
        if above > below && (lo..=hi).contains(&rounded) && apart {
            ticks.at.push(rounded);
            ticks.labels.push(label);
        }
    }
    ticks
}

/// A value to the power of ten, and its text.
fn rounded(value: f64, exponent: i32) -> (f64, String) {
    let count = (value / 10_f64.powi(exponent)).round();
    let value: f64 = format!("{count}e{exponent}").parse().unwrap_or(value);
    let short = count.abs() < 1e12 && (-6..=0).contains(&exponent);
    let label = if short { fixed(count as i64, exponent.unsigned_abs() as usize) } else { plain(value) };
    (value, label)
}
