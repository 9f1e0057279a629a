//! From a value to a colour.
//!
//! In: values in data units. Out: RGBA or RGB bytes, one pixel a value. A [`Colouring`] joins a
//! [`ColourMap`] to a range and a [`Scale`] and is what a layer holds. NaN has a colour of its own,
//! infinities and values outside the range take the colour of the nearer end and are counted.

use std::sync::Arc;

use super::error::PictureError;
use super::maps::{ColourMap, MapKind, Rgba};
use super::scale::{Limits, Scale, Span, quantiles, range_of};

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

/// A value of note, and how it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// In data units.
    pub value: f64,
    /// Its text; empty for none.
    pub label: String,
}

/// The largest angle, rounded up to f32: an engine may hand it out.
const HALF_TURN: f64 = std::f32::consts::PI as f64;
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
    /// Values at even places of an equalised scale; empty for the others.
    quantiles: Arc<[f64]>,
    /// Borders between bands of one colour each; empty for colours that run on.
    levels: Arc<[Level]>,
    /// The values are directions.
    turn: bool,
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
        let (lo, hi) = (plain.lo, plain.hi);
        let (quantiles, levels) = (Arc::default(), Arc::default());
        Ok(Colouring { map, scale, lo, hi, bent, quantiles, levels, turn: false, table: Arc::new(table) })
    }

    /// Colours the directions of vectors, from -π to π against the clock from the x axis. Beside the plot stands a wheel.
    pub fn turn(map: ColourMap) -> Colouring {
        let plain = Colouring::new(map, Scale::Linear, -HALF_TURN, HALF_TURN).expect("the range is finite");
        Colouring { turn: true, ..plain }
    }

    /// Whether it was made for directions.
    pub fn is_turn(&self) -> bool {
        self.turn
    }

    /// The same in bands: one colour between two neighbours of `levels`, which are taken in ascending order, and one
    /// on either side. Levels outside the range of the colours are left out.
    #[must_use]
    pub fn stepped(mut self, mut levels: Vec<Level>) -> Colouring {
        levels.retain(|level| level.value > self.lo && level.value < self.hi);
        levels.sort_by(|a, b| a.value.total_cmp(&b.value));
        self.levels = levels.into();
        let mut table = [NAN_COLOUR; TABLE];
        for (i, entry) in table.iter_mut().take(STEPS).enumerate() {
            *entry = self.at(i as f64 / (STEPS - 1) as f64);
        }
        self.table = Arc::new(table);
        self
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
        let mut fitted = Colouring::new(map, scale, lo, hi)?;
        if scale == Scale::Equalised {
            fitted.quantiles = quantiles(values, fitted.lo, fitted.hi).into();
        }
        Ok(fitted)
    }

    /// The borders between its bands; empty where the colours run on.
    pub fn levels(&self) -> &[Level] {
        &self.levels
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
        let plain = self.bent.fraction(self.scale.forward(v));
        if self.quantiles.is_empty() || !(0.0..=1.0).contains(&plain) {
            return plain;
        }
        let v = v.clamp(self.lo, self.hi);
        // Of equal quantiles, the value is as much above the first as below the last.
        let (first, end) = (self.quantiles.partition_point(|q| *q < v), self.quantiles.partition_point(|q| *q <= v));
        let place = if first < end {
            0.5 * (first + end - 1) as f64
        } else {
            let (below, above) = (self.quantiles[first - 1], self.quantiles[first]);
            (first - 1) as f64 + (v - below) / (above - below)
        };
        place / (self.quantiles.len() - 1) as f64
    }

    /// The value at a place of an equalised scale, 0 to 1.
    pub(super) fn value_at(&self, place: f64) -> f64 {
        let place = place.clamp(0.0, 1.0);
        let Some(last) = self.quantiles.len().checked_sub(1) else { return self.lo + (self.hi - self.lo) * place };
        let k = ((place * last as f64) as usize).min(last - 1);
        let (below, above) = (self.quantiles[k], self.quantiles[k + 1]);
        below + (above - below) * (place * last as f64 - k as f64)
    }

    /// The colour at a place among the colours, 0 to 1.
    pub(super) fn at(&self, place: f64) -> Rgba {
        if self.levels.is_empty() {
            return self.map.at(place);
        }
        self.band(self.levels.partition_point(|level| self.position(level.value) <= place))
    }

    /// The colour of a band, counted from the lowest.
    pub(super) fn band(&self, k: usize) -> Rgba {
        let border = |k: usize| {
            if k == 0 { 0.0 } else { self.levels.get(k - 1).map_or(1.0, |level| self.position(level.value)) }
        };
        self.map.at(0.5 * (border(k) + border(k + 1)))
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
        if !self.levels.is_empty() && !v.is_nan() {
            return self.band(self.levels.partition_point(|level| level.value <= v));
        }
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

    #[test]
    fn an_equalised_scale_gives_each_colour_as_many_values() {
        let values: Vec<f64> = (0..5000).map(|k| (f64::from(k) / 500.0).exp()).collect();
        let c = Colouring::fit(ColourMap::sequential(), Scale::Equalised, Limits::Auto, &values).unwrap();
        for (k, v) in values.iter().enumerate() {
            let rank = k as f64 / 4999.0;
            assert!((c.position(*v) - rank).abs() < 2e-3, "{v}: {} for {rank}", c.position(*v));
            assert!((c.value_at(rank) / v - 1.0).abs() < 0.03, "{rank}: {} for {v}", c.value_at(rank));
        }
        assert!(c.position(0.0) < 0.0 && c.position(1e300) > 1.0 && c.position(f64::NAN).is_nan());
        // Half of the values equal: they lie in the middle of their half.
        let half: Vec<f64> = (0..1000).map(|k| f64::from(k.max(500))).collect();
        let c = Colouring::fit(ColourMap::sequential(), Scale::Equalised, Limits::Auto, &half).unwrap();
        assert!((c.position(500.0) - 0.25).abs() < 0.01 && (c.position(750.0) - 0.75).abs() < 0.01);
        let tables: [&[f64]; 6] = [&[], &[3.0], &[f64::NAN], &[2.0, 2.0], &[-1e308, 1e308], &[f64::INFINITY, 1.0]];
        for values in tables {
            let c = Colouring::fit(ColourMap::sequential(), Scale::Equalised, Limits::Auto, values).unwrap();
            let places = [f64::NEG_INFINITY, -1.0, 0.0, 1.0, 2.0, 3.0, f64::INFINITY].map(|v| c.index(v));
            assert!(places.is_sorted() && places[6] < STEPS, "{values:?}: {places:?}");
        }
    }

    #[test]
    fn bands_have_one_colour_each_and_meet_at_their_levels() {
        let level = |value: f64| Level { value, label: String::new() };
        let c = Colouring::new(ColourMap::sequential(), Scale::Linear, 0.0, 10.0).unwrap();
        let c = c.stepped([5.0, 2.0, 10.0, -3.0].map(level).to_vec());
        assert_eq!(c.levels().len(), 2);
        let bands: [(&[f64], f64); 3] = [(&[-1.0, 0.0, 1.999], 0.1), (&[2.0, 4.999], 0.35), (&[5.0, 9.0, 1e9], 0.75)];
        for (inside, map) in bands {
            assert!(inside.iter().all(|v| c.pixel(*v) == ColourMap::sequential().at(map)), "{inside:?}");
        }
        assert_eq!(c.pixel(f64::NAN), NAN_COLOUR);
    }
}
