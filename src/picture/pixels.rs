//! Whole rows of values to whole rows of pixels, for pictures of 10^8 pixels and more.
//!
//! In: a row of f32 values. Out: RGB bytes, or one palette byte a pixel. Positions are computed by multiply-add in
//! f32, a block at a time so that the compiler uses SIMD, then looked up. Where f32 would show (a range narrow
//! beside its distance from zero, or near the ends of f32), each value goes the exact way of [`Colouring::pixel`].

use super::colour::{Colouring, NAN_INDEX, STEPS, TABLE};
use super::maps::Rgba;
use super::scale::Scale;

const BLOCK: usize = 64;
const LAST: f32 = (STEPS - 1) as f32;

/// The palette entry of NaN; 0 to 254 run along the map.
pub const NAN_PALETTE: u8 = 255;

impl Colouring {
    /// Colours a row: `values.len()` values to three bytes (red, green, blue) each. What does not fit into `out` is
    /// left out. The colours are those of [`Colouring::pixel`], give or take one step of 1024.
    pub fn row_f32(&self, values: &[f32], out: &mut [u8]) {
        self.indices(values, out.chunks_mut(3 * BLOCK), |indices, out| {
            for (index, pixel) in indices.iter().zip(out.chunks_exact_mut(3)) {
                let [r, g, b, _] = self.table[usize::from(*index) & (TABLE - 1)];
                pixel.copy_from_slice(&[r, g, b]);
            }
        });
    }

    /// As [`Colouring::row_f32`], four bytes a value: red, green, blue, opacity 255.
    pub(super) fn row_rgba_f32(&self, values: &[f32], out: &mut [u8]) {
        self.indices(values, out.chunks_mut(4 * BLOCK), |indices, out| {
            for (index, pixel) in indices.iter().zip(out.chunks_exact_mut(4)) {
                pixel.copy_from_slice(&self.table[usize::from(*index) & (TABLE - 1)]);
            }
        });
    }

    /// As [`Colouring::row_f32`], one byte a value: an index into [`Colouring::palette`]. Palette pictures compress
    /// about three times faster than RGB.
    pub fn row_palette_f32(&self, values: &[f32], out: &mut [u8]) {
        self.indices(values, out.chunks_mut(BLOCK), |indices, out| {
            for (index, byte) in indices.iter().zip(out) {
                // 0..=1023 to 0..=254, and NaN's index, 1024, to 255: a product's upper half, for which there is an
                // instruction.
                *byte = ((u32::from(*index) * (255 << 6)) >> 16) as u8;
            }
        });
    }

    /// The 256 colours of [`Colouring::row_palette_f32`]: the map from 0 to 254, NaN at [`NAN_PALETTE`].
    pub fn palette(&self) -> [Rgba; 256] {
        let mut palette = [self.pixel(f64::NAN); 256];
        for (i, entry) in palette.iter_mut().take(255).enumerate() {
            *entry = self.map().at(i as f64 / 254.0);
        }
        palette
    }

    /// How far neighbours on the palette are apart at most: CIE 1976 L*a*b*, in which some 2.3 is just noticeable. Of the
    /// maps here viridis has 1.7, inferno 2.8, sinebow 4.4, turbo 7.4.
    pub fn palette_step(&self) -> f64 {
        let colours: Vec<[f64; 3]> = self.palette()[..usize::from(NAN_PALETTE)].iter().map(|c| lab(*c)).collect();
        let apart = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        colours.windows(2).map(|pair| apart(&pair[0], &pair[1])).fold(0.0, f64::max)
    }

    /// Table indices of `values`, block by block, each handed to `put` with its share of `out`.
    fn indices<'a>(&self, values: &[f32], out: impl Iterator<Item = &'a mut [u8]>, put: impl Fn(&[u16], &mut [u8])) {
        let (lo, hi) = self.range();
        let (at, by) = match self.scale() {
            Scale::Linear | Scale::Equalised => (lo, hi - lo),
            Scale::Log => (lo.log2(), hi.log2() - lo.log2()),
            Scale::SymLog { .. } => (self.scale().forward(lo), self.scale().forward(hi) - self.scale().forward(lo)),
        };
        let (start, step) = (at as f32, LAST / by as f32);
        let mut indices = [0_u16; BLOCK];
        for (block, out) in values.chunks(BLOCK).zip(out) {
            let indices = &mut indices[..block.len()];
            match self.scale() {
                _ if !self.fits_f32(at, by) => {
                    block.iter().zip(&mut *indices).for_each(|(v, i)| *i = self.index(f64::from(*v)) as u16);
                }
                Scale::Linear | Scale::Equalised => fill(block, indices, |v| (v - start) * step),
                Scale::Log => fill(block, indices, |v| (log2(v) - start) * step),
                Scale::SymLog { linear } => {
                    let inverse = 1.0 / linear as f32;
                    fill(block, indices, |v| (asinh(v * inverse) - start) * step);
                }
            }
            put(indices, out);
        }
    }

    /// Whether f32 resolves the range to a small part of a colour step and stays clear of its own limits.
    fn fits_f32(&self, at: f64, by: f64) -> bool {
        let (lo, hi) = self.range();
        let smallest = match self.scale() {
            Scale::Linear => hi - lo,
            // A search among the quantiles for each value.
            Scale::Equalised => return false,
            Scale::Log => lo,
            Scale::SymLog { linear } => linear,
        };
        lo.abs().max(hi.abs()) < 1e18 && smallest > 1e-18 && at.abs() < 2000.0 * by
    }
}

/// An sRGB colour in CIE 1976 L*a*b*, white at D65 (IEC 61966-2-1 and CIE 15).
fn lab([red, green, blue, _]: Rgba) -> [f64; 3] {
    let light = |byte: u8| match f64::from(byte) / 255.0 {
        low if low <= 0.04045 => low / 12.92,
        high => ((high + 0.055) / 1.055).powf(2.4),
    };
    let (r, g, b) = (light(red), light(green), light(blue));
    let bent = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = bent((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    let y = bent(0.2126 * r + 0.7152 * g + 0.0722 * b);
    let z = bent((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Table indices from positions of 0 to 1023; clamped, and NaN to its own index. No branches: this is the inner loop.
fn fill(values: &[f32], indices: &mut [u16], position: impl Fn(f32) -> f32) {
    // Numbers of one width in each loop: so the compiler makes whole vectors of them.
    let mut bits = [0; BLOCK];
    for (v, bits) in values.iter().zip(&mut bits) {
        let place = position(*v).clamp(0.0, LAST);
        let place = if v.is_nan() { NAN_INDEX as f32 } else { place };
        // Adding 2^23 leaves the rounded whole number in the low bits: faster than a saturating conversion.
        *bits = (place + 8_388_608.0).to_bits();
    }
    bits.iter().zip(indices).for_each(|(bits, index)| *index = (*bits & (TABLE - 1) as u32) as u16);
}

/// log2 to 1e-5 for normal positive numbers, minus infinity from zero down: a hundredth of a colour step.
fn log2(v: f32) -> f32 {
    let bits = v.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits((bits & 0x007F_FFFF) | 0x3F80_0000);
    // ln(m / sqrt 2) = 2 artanh(s), s from -0.172 to 0.172
    let s = (mantissa - std::f32::consts::SQRT_2) / (mantissa + std::f32::consts::SQRT_2);
    let q = s * s;
    let log = s * (1.0 + q * (1.0 / 3.0 + q * 0.2)) * (2.0 * std::f32::consts::LOG2_E) + 0.5 + exponent as f32;
    if v > 0.0 { log } else { f32::NEG_INFINITY }
}

fn asinh(v: f32) -> f32 {
    let size = v.abs();
    // Near zero the logarithm of 1 + size loses digits that size itself still has.
    let far = log2(size + (size * size + 1.0).sqrt()) * std::f32::consts::LN_2;
    let near = size * (1.0 - size * size / 6.0);
    (if size < 0.1 { near } else { far }).copysign(v)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::maps::ColourMap;
    use super::*;

    #[test]
    fn rows_agree_with_single_pixels_to_one_step() {
        let scales = [Scale::Linear, Scale::Log, Scale::SymLog { linear: 0.0 }, Scale::SymLog { linear: 2.0 }];
        for scale in scales {
            for (lo, hi) in [(0.5, 100.0), (1e-12, 1e12), (1e30, 2e30), (5.0, 5.000_001), (1e-42, 1e38)] {
                let c = Colouring::new(ColourMap::sequential(), scale, lo, hi).unwrap();
                let (lo, hi) = (lo as f32, hi as f32);
                let mut values: Vec<f32> = (0..=200).map(|i| lo + (hi - lo) * i as f32 / 200.0).collect();
                values.extend((0..=100).map(|i| lo * (hi / lo).powf(i as f32 / 100.0)));
                values.extend([-1.0, 0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN]);
                c.indices(&values, std::iter::repeat_with(Default::default), |_, _: &mut [u8]| ());
                for v in values {
                    c.indices(&[v], std::iter::once(&mut [][..]), |indices, _| {
                        let exact = c.index(f64::from(v));
                        assert!(exact.abs_diff(usize::from(indices[0])) <= 1, "{scale:?} {lo}..{hi} at {v}");
                        assert!(!v.is_nan() || exact == NAN_INDEX);
                    });
                }
            }
        }
    }

    #[test]
    fn steps_of_a_palette_are_seen_where_a_map_is_long() {
        let step =
            |name| Colouring::new(ColourMap::by_name(name).unwrap(), Scale::Linear, 0.0, 1.0).unwrap().palette_step();
        // Red is known to lie at (53.2, 80.1, 67.2).
        let red = lab([255, 0, 0, 255]);
        assert!(red.iter().zip([53.2, 80.1, 67.2]).all(|(a, b)| (a - b).abs() < 0.1), "{red:?}");
        assert!(step("viridis") < 2.0 && step("blue-red") < 2.0 && step("inferno") < 3.0 && step("grey") < 1.1);
        assert!(step("turbo") > 4.0 && step("sinebow") > 3.5);
    }

    #[test]
    fn rows_write_rgb_and_palette_of_the_same_colours() {
        let c = Colouring::new(ColourMap::sequential(), Scale::Linear, 0.0, 1.0).unwrap();
        let values: Vec<f32> = (0..150).map(|i| i as f32 / 149.0).chain([f32::NAN]).collect();
        let (mut rgb, mut palette) = (vec![0; values.len() * 3], vec![0; values.len()]);
        c.row_f32(&values, &mut rgb);
        c.row_palette_f32(&values, &mut palette);
        assert_eq!(&rgb[..3], &c.pixel(0.0)[..3]);
        assert_eq!((palette[0], palette[149], palette[150]), (0, 254, NAN_PALETTE));
        for (pixel, index) in rgb.chunks(3).zip(palette) {
            let other = c.palette()[usize::from(index)];
            assert!(pixel.iter().zip(other).all(|(a, b)| a.abs_diff(b) <= 4), "{pixel:?} {other:?}");
        }
        c.row_f32(&values, &mut rgb[..100]); // too short an end: no panic
    }
}
