//! From a value to a place between 0 and 1: the arithmetic behind every axis and every colour.
//!
//! In: values in the units of the data. Out: fractions of a range. A [`Span`] is a plain range, a [`Scale`] bends it
//! (logarithm), and [`Limits`] says how to choose the range from data, NaN and infinities left aside.

use super::error::PictureError;

/// A finite range `lo < hi`, safe up to the largest and down to the smallest numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    /// The lower end, in data units.
    pub lo: f64,
    /// The upper end, in data units.
    pub hi: f64,
    /// A power of two that keeps the width of the range clear of overflow and of subnormal numbers.
    prescale: f64,
    inverse: f64,
}

impl Span {
    /// The range from `lo` to `hi`; `what` names it in the error.
    ///
    /// # Errors
    /// [`PictureError::Range`] unless both are finite and `lo <= hi`. Equal ends are widened ([`widen`]).
    pub(super) fn new(what: &str, lo: f64, hi: f64) -> Result<Span, PictureError> {
        if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
            return Err(PictureError::Range { what: what.to_owned(), lo, hi });
        }
        let (lo, hi) = if lo < hi { (lo, hi) } else { widen(lo) };
        let prescale = match hi - lo {
            width if !width.is_finite() => 0.25,
            width if width < 1e-290 => 2_f64.powi(200),
            _ => 1.0,
        };
        Ok(Span { lo, hi, prescale, inverse: 1.0 / (hi * prescale - lo * prescale) })
    }

    /// Where `v` lies: 0 at `lo`, 1 at `hi`, outside of that for values outside. NaN gives NaN.
    pub(super) fn fraction(&self, v: f64) -> f64 {
        (v * self.prescale - self.lo * self.prescale) * self.inverse
    }

    /// The value at fraction `t`: the inverse of [`Span::fraction`], within the range for `t` from 0 to 1.
    pub(super) fn at(&self, t: f64) -> f64 {
        let width = self.hi - self.lo;
        if width.is_finite() { self.lo + width * t } else { self.lo * (1.0 - t) + self.hi * t }
    }

    /// `hi - lo`, or the largest number where that overflows.
    pub(super) fn width(&self) -> f64 {
        (self.hi - self.lo).min(f64::MAX)
    }
}

/// A range around a single value, so that a constant field still has one: a tenth of the value to each side, 1 at zero.
pub(super) fn widen(v: f64) -> (f64, f64) {
    let d = if v == 0.0 { 1.0 } else { (v.abs() * 0.1).max(f64::MIN_POSITIVE) };
    // A value above zero keeps its range above zero, for the logarithms.
    let lo = if v > 0.0 && v <= d { v } else { (v - d).max(f64::MIN) };
    (lo, (v + d).min(f64::MAX))
}

/// How values are spread over the colours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// Equal steps of the value are equal steps of the colour.
    #[default]
    Linear,
    /// Equal factors of the value are equal steps of the colour; for values above zero (others count as below).
    Log,
    /// `asinh(v / linear)`: logarithmic in both signs, linear within about `+-linear` (in data units).
    /// 0 (as [`Scale::by_name`] gives it) stands for a thousandth of the larger end of the range.
    SymLog {
        /// Where the logarithm takes over, in data units.
        linear: f64,
    },
    /// Equal numbers of values are equal steps of the colour (histogram equalisation). The order of the values is in
    /// the [`super::Colouring`] that was fitted to them; without values it is linear.
    Equalised,
}

impl Scale {
    /// The names that [`Scale::by_name`] takes.
    pub const NAMES: [&str; 4] = ["linear", "log", "symlog", "equalised"];

    /// A scale by its name, in any case.
    ///
    /// # Errors
    /// [`PictureError::Unknown`], which lists the names.
    pub fn by_name(name: &str) -> Result<Scale, PictureError> {
        match name.to_ascii_lowercase().as_str() {
            "linear" => Ok(Scale::Linear),
            "log" => Ok(Scale::Log),
            "symlog" => Ok(Scale::SymLog { linear: 0.0 }),
            "equalised" | "equalized" => Ok(Scale::Equalised),
            _ => Err(PictureError::Unknown {
                what: "colour scale",
                name: name.to_owned(),
                known: Scale::NAMES.join(", "),
            }),
        }
    }

    /// The scale with its free parameter settled for the range `lo` to `hi`.
    pub(super) fn settled(self, lo: f64, hi: f64) -> Scale {
        let largest = lo.abs().max(hi.abs()).max(f64::MIN_POSITIVE);
        match self {
            // The lower bound keeps v / linear finite for every v of the range.
            Scale::SymLog { linear } if linear > 0.0 => Scale::SymLog { linear: linear.max(largest * 1e-15) },
            Scale::SymLog { .. } => Scale::SymLog { linear: (largest * 1e-3).max(f64::MIN_POSITIVE) },
            other => other,
        }
    }

    /// The bent value: increasing in `v`; minus infinity where a logarithm does not exist; NaN for NaN.
    pub fn forward(self, v: f64) -> f64 {
        match self {
            Scale::Linear | Scale::Equalised => v,
            Scale::Log if v <= 0.0 => f64::NEG_INFINITY,
            Scale::Log => v.ln(),
            Scale::SymLog { linear } => (v / linear).asinh(),
        }
    }
}

/// How the range of the colours is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Limits {
    /// Smallest to largest, unless outliers would take more than a third of the range away from the rest: then the
    /// 2nd to the 98th percentile.
    #[default]
    Auto,
    /// Leaves out this share at each end, in percent (0 to 49).
    Percentile(f64),
    /// Smallest to largest finite value.
    Full,
    /// As given, in data units.
    Fixed {
        /// The lower end.
        lo: f64,
        /// The upper end.
        hi: f64,
    },
}

/// How many values are looked at for percentiles; more change a percentile by less than a colour step.
const SAMPLES: usize = 1 << 17;

/// The range that `limits` choose for `values`, from finite values alone (for [`Scale::Log`] from those above zero).
/// None where there is no such value.
pub fn range_of<T: Copy + Into<f64>>(values: &[T], scale: Scale, limits: Limits) -> Option<(f64, f64)> {
    let usable = |v: &f64| v.is_finite() && (scale != Scale::Log || *v > 0.0);
    let full = || {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let all = values.iter().map(|&v| v.into()).filter(usable);
        let (lo, hi) = all.fold(ends, |(lo, hi), v: f64| (lo.min(v), hi.max(v)));
        (lo <= hi).then_some((lo, hi))
    };
    let robust = |percent: f64| percentiles(values, usable, percent).or_else(full);
    match limits {
        Limits::Fixed { lo, hi } => Some((lo, hi)),
        Limits::Full => full(),
        Limits::Percentile(percent) => robust(percent),
        // Outliers take no more of an equalised scale than any other value.
        Limits::Auto if scale == Scale::Equalised => full(),
        Limits::Auto => full().zip(robust(2.0)).map(|(all, most)| without_outliers(scale, all, most)),
    }
}

/// The full range `all`, where the robust range `most` gives each end up to half of its own width away.
fn without_outliers(scale: Scale, all: (f64, f64), most: (f64, f64)) -> (f64, f64) {
    let scale = scale.settled(most.0, most.1);
    let bent = |v: f64| scale.forward(v) * 0.125;
    let slack = 0.5 * (bent(most.1) - bent(most.0));
    let lo = if bent(most.0) - bent(all.0) <= slack { all.0 } else { most.0 };
    let hi = if bent(all.1) - bent(most.1) <= slack { all.1 } else { most.1 };
    // Nearly all values equal: the percentiles meet, and a colour for each of the rest says more than none.
    if most.0 < most.1 { (lo, hi) } else { all }
}

/// The values that are larger than 0, 1/256, ..., 1 of the finite values from `lo` to `hi`, in ascending order: the
/// scale of histogram equalisation. Empty without values.
pub(super) fn quantiles<T: Copy + Into<f64>>(values: &[T], lo: f64, hi: f64) -> Vec<f64> {
    let step = (values.len() / SAMPLES) | 1;
    let all = values.iter().step_by(step).map(|&v| v.into());
    let mut sample: Vec<f64> = all.filter(|v: &f64| v.is_finite() && (lo..=hi).contains(v)).collect();
    if sample.is_empty() {
        return sample;
    }
    sample.sort_unstable_by(f64::total_cmp);
    let mut knots: Vec<f64> = (0..=256).map(|k| sample[(sample.len() - 1) * k / 256]).collect();
    // The ends of the range are the ends of the scale, whether or not the sample met them.
    (knots[0], knots[256]) = (lo, hi);
    knots
}

fn percentiles<T: Copy + Into<f64>>(values: &[T], usable: impl Fn(&f64) -> bool, percent: f64) -> Option<(f64, f64)> {
    // An odd step, so that it does not run along the columns of an image of even width.
    let step = (values.len() / SAMPLES) | 1;
    let mut sample: Vec<f64> = values.iter().step_by(step).map(|&v| v.into()).filter(usable).collect();
    let last = sample.len().checked_sub(1)?;
    let share = if percent.is_finite() { percent.clamp(0.0, 49.0) / 100.0 } else { 0.0 };
    let cut = (last as f64 * share) as usize;
    let lo = *sample.select_nth_unstable_by(cut, f64::total_cmp).1;
    let hi = *sample.select_nth_unstable_by(last - cut, f64::total_cmp).1;
    Some((lo, hi))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_their_ends_over_the_whole_range_of_f64() {
        for (lo, hi) in [(0.0, 1.0), (-1.7e308, 1.7e308), (5.0, 5.0 + 1e-12), (0.0, 1e-310), (-1e300, 1e-300)] {
            let span = Span::new("x", lo, hi).unwrap();
            assert_eq!((span.fraction(lo), span.at(0.0)), (0.0, lo), "{lo} {hi}");
            assert!((span.fraction(hi) - 1.0).abs() < 1e-12, "{lo} {hi}");
            assert!((span.fraction(span.at(0.25)) - 0.25).abs() < 1e-3, "{lo} {hi}");
        }
    }

    #[test]
    fn equal_ends_are_widened_and_bad_ends_refused() {
        for v in [0.0, 5.0, -1e-300, 1.7e308, f64::MIN, 5e-324] {
            let span = Span::new("x", v, v).unwrap();
            assert!(span.lo < span.hi && span.lo <= v && v <= span.hi, "{v}");
        }
        for (lo, hi) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert!(Span::new("x", lo, hi).is_err(), "{lo} {hi}");
        }
    }

    #[test]
    fn ranges_look_at_finite_values_only() {
        let values = [f64::NAN, 1.0, f64::INFINITY, 3.0, -2.0, f64::NEG_INFINITY];
        assert_eq!(range_of(&values, Scale::Linear, Limits::Full), Some((-2.0, 3.0)));
        assert_eq!(range_of(&values, Scale::Log, Limits::Full), Some((1.0, 3.0)));
        assert_eq!(range_of(&[f64::NAN], Scale::Linear, Limits::Auto), None);
        assert_eq!(range_of::<f64>(&[], Scale::Linear, Limits::Percentile(2.0)), None);
    }

    #[test]
    fn one_outlier_does_not_take_the_range_and_a_smooth_field_is_not_clipped() {
        let smooth: Vec<f64> = (0..1000).map(|i| f64::from(i) / 10.0).collect();
        assert_eq!(range_of(&smooth, Scale::Linear, Limits::Auto), Some((0.0, 99.9)));
        let mut spiked = smooth;
        spiked[7] = 1e6;
        let (lo, hi) = range_of(&spiked, Scale::Linear, Limits::Auto).unwrap();
        assert!(lo == 0.0 && hi < 100.0, "{lo} {hi}");
    }
}
