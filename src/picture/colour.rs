//! From a value to a colour.
//!
//! In: values in data units. Out: RGBA or RGB bytes, one pixel a value. A [`Colouring`] joins a
//! [`ColourMap`] to a range and a [`Scale`] and is what a layer holds. NaN has a colour of its own,
//! infinities and values outside the range take the colour of the nearer end and are counted.

use std::sync::Arc;

use super::error::PictureError;
use super::maps::{ColourMap, MapKind, Rgba};
use super::scale::{Limits, Scale, Span, range_of};

/// The colour of NaN: a light grey.
pub const NAN_COLOUR: Rgba = [0xB0, 0xB0, 0xB0, 0xFF];

/// How many of the values that a [`Colouring`] was given are not shown as what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values seen.
    pub all: u64,
    /// NaN, drawn in [`NAN_COLOUR`].
    pub nan: u64,
    /// Below the range (minus infinity too), drawn as its lower end.
    pub below: u64,
    /// Above the range (infinity too), drawn as its upper end.
    pub above: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.all += other.all;
        self.nan += other.nan;
        self.below += other.below;
        self.above += other.above;
    }
}

/// Colours in the look-up table; the step between two is too small to see.
pub(super) const STEPS: usize = 1024;
/// The index of NaN. The table is twice as long as the map so that a masked index is always inside.
pub(super) const NAN_INDEX: usize = STEPS;
pub(super) const TABLE: usize = 2 * STEPS;

/// A colour map over a range of values: what turns numbers into pixels.
#[derive(Clone)]
pub struct Colouring {
    map: ColourMap,
    scale: Scale,
    lo: f64,
    hi: f64,
    bent: Span,
    pub(super) table: Arc<[Rgba; TABLE]>,
}

impl Colouring {
    /// Colours `lo` to `hi` (data units) by `map`. Equal ends are widened.
    ///
    /// # Errors
    /// - [`PictureError::Range`] unless both ends are finite and `lo <= hi`.
    /// - [`PictureError::LogRange`] for [`Scale::Log`] unless `lo > 0`.
    pub fn new(map: ColourMap, scale: Scale, lo: f64, hi: f64) -> Result<Colouring, PictureError> {
        let plain = Span::new("the colours", lo, hi)?;
        if scale == Scale::Log && plain.lo <= 0.0 {
            return Err(PictureError::LogRange { lo, hi });
        }
        let scale = scale.settled(plain.lo, plain.hi);
        let bent = Span::new("the colours", scale.forward(plain.lo), scale.forward(plain.hi))?;
        let mut table = [NAN_COLOUR; TABLE];
        for (i, entry) in table.iter_mut().take(STEPS).enumerate() {
            *entry = map.at(i as f64 / (STEPS - 1) as f64);
        }
        Ok(Colouring { map, scale, lo: plain.lo, hi: plain.hi, bent, table: Arc::new(table) })
    }

    /// Chooses the range from `values` (f32 or f64; NaN and infinities left aside). A diverging map gets a range
    /// with zero in its middle, so that its neutral colour means zero. Without any finite value the range is 0 to 1
    /// (1 to 10 for [`Scale::Log`]).
    ///
    /// # Errors
    /// As [`Colouring::new`], which only [`Limits::Fixed`] can bring about.
    pub fn fit<T: Copy + Into<f64>>(
        map: ColourMap,
        scale: Scale,
        limits: Limits,
        values: &[T],
    ) -> Result<Colouring, PictureError> {
        let none = if scale == Scale::Log { (1.0, 10.0) } else { (0.0, 1.0) };
        let (lo, hi) = range_of(values, scale, limits).unwrap_or(none);
        let centred =
            map.kind() == MapKind::Diverging && scale != Scale::Log && !matches!(limits, Limits::Fixed { .. });
        if centred {
            let largest = lo.abs().max(hi.abs());
            let largest = if largest > 0.0 { largest } else { 1.0 };
            return Colouring::new(map, scale, -largest, largest);
        }
        Colouring::new(map, scale, lo, hi)
    }

    /// The range that is coloured, in data units.
    pub fn range(&self) -> (f64, f64) {
        (self.lo, self.hi)
    }

    /// How values are spread over the colours.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The colour map.
    pub fn map(&self) -> ColourMap {
        self.map
    }

    /// Where `v` lies among the colours: 0 at the lower end, 1 at the upper, beyond for values outside; NaN for NaN.
    pub fn position(&self, v: f64) -> f64 {
        self.bent.fraction(self.scale.forward(v))
    }

    /// The index of `v` in the table.
    pub(super) fn index(&self, v: f64) -> usize {
        if v.is_nan() {
            return NAN_INDEX;
        }
        (self.position(v).clamp(0.0, 1.0) * (STEPS - 1) as f64 + 0.5) as usize
    }

    /// The colour of one value.
    pub fn pixel(&self, v: f64) -> Rgba {
        self.table[self.index(v) & (TABLE - 1)]
    }

    /// How many of `values` are NaN or outside the range.
    pub fn count<T: Copy + Into<f64>>(&self, values: &[T]) -> Counts {
        let mut counts = Counts { all: values.len() as u64, ..Counts::default() };
        for &value in values {
            let v: f64 = value.into();
            counts.nan += u64::from(v.is_nan());
            counts.below += u64::from(v < self.lo);
            counts.above += u64::from(v > self.hi);
        }
        counts
    }
}

impl std::fmt::Debug for Colouring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Colouring({:?}, {:?}, {} to {})", self.map, self.scale, self.lo, self.hi)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn diverging_is_blue_below_white_at_zero_red_above() {
        let c = Colouring::fit(ColourMap::diverging(), Scale::Linear, Limits::Full, &[-1.0, 4.0]).unwrap();
        assert_eq!(c.range(), (-4.0, 4.0));
        let (low, mid, high) = (c.pixel(-4.0), c.pixel(0.0), c.pixel(4.0));
        assert!(low[2] > low[0] && high[0] > high[2] && mid.iter().all(|&b| b > 230), "{low:?} {mid:?} {high:?}");
    }

    #[test]
    fn positions_grow_with_the_value_and_nan_is_grey() {
        for scale in [Scale::Linear, Scale::Log, Scale::SymLog { linear: 0.0 }] {
            for (lo, hi) in [(1e-3, 1e3), (5.0, 5.0 + 1e-12), (1e-300, 1e300)] {
                let c = Colouring::new(ColourMap::sequential(), scale, lo, hi).unwrap();
                let span = Span::new("x", lo, hi).unwrap();
                let places: Vec<usize> = (0..=500).map(|i| c.index(span.at(f64::from(i) / 500.0))).collect();
                assert!(places.is_sorted(), "{scale:?} {lo} {hi}");
                assert_eq!((places[0], places[500]), (0, STEPS - 1), "{scale:?} {lo} {hi}");
                assert_eq!(c.pixel(f64::NAN), NAN_COLOUR);
                assert_eq!(c.pixel(f64::INFINITY), c.pixel(hi));
                assert_eq!(c.pixel(f64::NEG_INFINITY), c.pixel(lo));
            }
        }
    }

    #[test]
    fn awkward_data_still_gets_a_colouring() {
        let tables: [&[f64]; 7] =
            [&[], &[f64::NAN], &[f64::INFINITY], &[0.0], &[7.0, 7.0], &[-1e308, 1e308], &[5e-324, 0.0]];
        for values in tables {
            for scale in [Scale::Linear, Scale::Log, Scale::SymLog { linear: 0.0 }] {
                for map in [ColourMap::sequential(), ColourMap::diverging()] {
                    let c = Colouring::fit(map, scale, Limits::Auto, values);
                    assert!(c.is_ok(), "{values:?} {scale:?} {c:?}");
                }
            }
        }
        assert!(Colouring::new(ColourMap::sequential(), Scale::Log, -1.0, 1.0).is_err());
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let c = Colouring::new(ColourMap::sequential(), Scale::Linear, 0.0, 1.0).unwrap();
        let counts = c.count(&[f64::NAN, -1.0, 0.5, 2.0, f64::INFINITY]);
        assert_eq!(counts, Counts { all: 5, nan: 1, below: 1, above: 2 });
    }
}
