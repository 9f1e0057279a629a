//! The shape of a terrain: slope, aspect and hillshade of heights on a grid.
//!
//! Flows in: heights, the size of a cell. Flows out: a number for each cell, by the formulas of B. K. P. Horn (Hill shading
//! and the reflectance map, 1981) or L. W. Zevenbergen and C. R. Thorne (Quantitative analysis of land surface
//! topography, 1987), which are those of GDAL's `gdaldem`; so are the numbers, within their rounding. Rows run from north
//! to south, columns from west to east. A cell at the border or beside one without a height has no neighbours to compare
//! with, and none of the quantities.
//!
//! Who should not use it: who wants a slope between the cells; that is [`Surface`](super::Surface).

use super::{SampleError, Samples, share};
use crate::kernel::Level;
use crate::points::Values;

/// Weights of the neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// All eight neighbours; smoother.
    #[default]
    Horn,
    /// The four beside the cell; sharper.
    ZevenbergenThorne,
}

/// Where the light comes from, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Light {
    /// One light.
    From {
        /// Clockwise from north.
        azimuth: f64,
        /// Above the horizon.
        altitude: f64,
    },
    /// From 225, 270, 315 and 360 degrees, each weighted by the square of the share of the slope that lies along it, as
    /// gdaldem's `-multidirectional` has it (after R. K. Mark, USGS Open-File Report 92-422).
    Around {
        /// Above the horizon.
        altitude: f64,
    },
}

/// A quantity of a terrain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// In degrees, 0 to 90.
    Slope,
    /// 100 times the tangent.
    SlopePercent,
    /// Where a slope faces, downhill, in degrees clockwise from north, 0 to 360; flat cells have none.
    Aspect,
}

/// The cells of a terrain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cells {
    /// Sides from west to east and from north to south, positive.
    pub size: (f64, f64),
    /// What heights are multiplied by.
    pub z_factor: f64,
    /// Which neighbours count.
    pub weights: Weights,
    /// Threads that share the rows.
    pub threads: usize,
}

/// Cells that are worked on at a time.
const BLOCK: usize = 2048;

/// A quantity of every cell, NaN where there is none.
///
/// # Errors
/// - [`SampleError::Plane`] for another number of axes, [`SampleError::Setting`] for cells without size.
pub fn quantity(heights: &Samples, cells: &Cells, quantity: Quantity) -> Result<Vec<f32>, SampleError> {
    let degrees = 180.0 / std::f64::consts::PI;
    each(heights, cells, f32::NAN, move |east: f32, north: f32| {
        let (east, north) = (f64::from(east), f64::from(north));
        let tangent = (east * east + north * north).sqrt();
        let number = match quantity {
            Quantity::Slope => tangent.atan() * degrees,
            Quantity::SlopePercent => 100.0 * tangent,
            Quantity::Aspect if tangent == 0.0 => f64::NAN,
            Quantity::Aspect => {
                // Downhill.
                let angle = (-east).atan2(-north) * degrees;
                if angle < 0.0 { angle + 360.0 } else { angle }
            }
        };
        let number = number as f32;
        if quantity == Quantity::Aspect && number >= 360.0 { 0.0 } else { number }
    })
}

/// The light on every cell: 1 (none) to 255 (all of it), and 0 where there is no slope.
///
/// # Errors
/// As [`quantity`]; [`SampleError::Setting`] for a light below the horizon.
pub fn hillshade(heights: &Samples, cells: &Cells, light: Light) -> Result<Vec<u8>, SampleError> {
    let (Light::From { altitude, .. } | Light::Around { altitude }) = light;
    if !(0.0..=90.0).contains(&altitude) {
        return Err(SampleError::Setting(format!("a light {altitude} degrees high; take 0 to 90")));
    }
    let (high, flat) = altitude.to_radians().sin_cos();
    let (high, flat) = (254.0 * high as f32, 254.0 * flat as f32);
    match light {
        Light::From { azimuth, .. } => {
            let (sin, cos) = azimuth.to_radians().sin_cos();
            let (sin, cos) = (flat * sin as f32, flat * cos as f32);
            each(heights, cells, 0, move |east: f32, north: f32| {
                let light = (high - (cos * north + sin * east)) / (1.0 + (east * east + north * north)).sqrt();
                byte(light, east + north)
            })
        }
        Light::Around { .. } => each(heights, cells, 0, move |east: f32, north: f32| {
            let (xx, yy, xy) = (east * east, north * north, east * north);
            let sum = xx + yy;
            let slant = std::f32::consts::FRAC_1_SQRT_2 * flat;
            let lit = |light: f32| if light > 0.0 { light } else { 0.0 };
            let [southwest, west, northwest, north_] = [
                lit(high + slant * (east + north)),
                lit(high + flat * east),
                lit(high + slant * (east - north)),
                lit(high - flat * north),
            ];
            let weighed = (0.5 * sum + xy) * southwest + xx * west + (0.5 * sum - xy) * northwest + yy * north_;
            let light = if sum > 0.0 { 0.5 * weighed / (sum * (1.0 + sum).sqrt()) } else { high };
            byte(light, sum)
        }),
    }
}

/// 1 to 255 for a light of 0 to 254; 0 where the slope is not a number.
#[inline(always)]
fn byte(light: f32, slope: f32) -> u8 {
    let light = if light > 0.0 { light } else { 0.0 };
    // Adding 2^23 leaves the rounded whole number in the low bits.
    let whole = (light + 1.0 + 8_388_608.0).to_bits() as u8;
    if slope.is_nan() { 0 } else { whole }
}

/// A number of each cell's slopes to the east and to the north; `none` where they are not known.
fn each<T: Copy + Send + Sync>(
    heights: &Samples,
    cells: &Cells,
    none: T,
    of: impl Fn(f32, f32) -> T + Sync,
) -> Result<Vec<T>, SampleError> {
    let (rows, columns) = heights.plane("a terrain")?;
    let (w, h) = cells.size;
    if !(w > 0.0 && h > 0.0 && w.is_finite() && h.is_finite() && cells.z_factor.is_finite()) {
        let z = cells.z_factor;
        return Err(SampleError::Setting(format!("cells of {w} x {h} and heights times {z}; take positive numbers")));
    }
    let single;
    let values = match &heights.values {
        Values::F32(values) => values.as_slice(),
        Values::F64(values) => {
            // Heights above the mean: single precision has the digits of their differences.
            let finite = values.iter().filter(|v| v.is_finite());
            let (sum, count) = finite.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
            let mean = if count > 0.0 { sum / count } else { 0.0 };
            single = values.iter().map(|v| (v - mean) as f32).collect::<Vec<f32>>();
            &single
        }
    };
    let share_of = if cells.weights == Weights::Horn { 8.0 } else { 2.0 };
    let scale = [(cells.z_factor / (share_of * w)) as f32, (cells.z_factor / (share_of * h)) as f32];
    let mut out = crate::points::in_large_pages(vec![none; rows * columns]);
    if rows < 3 || columns < 3 {
        return Ok(out);
    }
    share(&mut out, columns, cells.threads, |first, part| {
        for (k, out) in part.chunks_mut(columns).enumerate() {
            let row = first + k;
            if row > 0 && row + 1 < rows {
                let three = [row - 1, row, row + 1].map(|row| &values[row * columns..][..columns]);
                one_row(three, cells.weights, scale, out, &of);
            }
        }
    });
    Ok(out)
}

fn one_row<T: Copy>(rows: [&[f32]; 3], weights: Weights, scale: [f32; 2], out: &mut [T], of: &impl Fn(f32, f32) -> T) {
    match Level::best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has this level.
        Level::Avx512 => unsafe { row_avx512(rows, weights, scale, out, of) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { row_avx2(rows, weights, scale, out, of) },
        _ => row_any(rows, weights, scale, out, of),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
fn row_avx512<T: Copy>(
    rows: [&[f32]; 3],
    weights: Weights,
    scale: [f32; 2],
    out: &mut [T],
    of: &impl Fn(f32, f32) -> T,
) {
    row_any(rows, weights, scale, out, of);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn row_avx2<T: Copy>(rows: [&[f32]; 3], weights: Weights, scale: [f32; 2], out: &mut [T], of: &impl Fn(f32, f32) -> T) {
    row_any(rows, weights, scale, out, of);
}

#[inline(always)]
fn row_any<T: Copy>(
    [above, here, below]: [&[f32]; 3],
    weights: Weights,
    [sx, sy]: [f32; 2],
    out: &mut [T],
    of: &impl Fn(f32, f32) -> T,
) {
    let last = out.len() - 1;
    let (mut east, mut north) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
    for start in (1..last).step_by(BLOCK) {
        let width = BLOCK.min(last - start);
        let [[a, b, c], [d, e, f], [g, h, i]] = [above, here, below].map(|row| beside(row, start, width));
        let (east, north) = (&mut east[..width], &mut north[..width]);
        if weights == Weights::Horn {
            for k in 0..width {
                // A cell without a height has no slope either, though its own height does not count.
                let own = 0.0 * e[k];
                east[k] = ((c[k] + 2.0 * f[k] + i[k]) - (a[k] + 2.0 * d[k] + g[k])) * sx + own;
                north[k] = ((a[k] + 2.0 * b[k] + c[k]) - (g[k] + 2.0 * h[k] + i[k])) * sy;
            }
        } else {
            for k in 0..width {
                // Nor one beside such a cell at a corner.
                let own = 0.0 * (e[k] + (a[k] + c[k]) + (g[k] + i[k]));
                east[k] = (f[k] - d[k]) * sx + own;
                north[k] = (b[k] - h[k]) * sy;
            }
        }
        for ((out, east), north) in out[start..start + width].iter_mut().zip(&*east).zip(&*north) {
            *out = of(*east, *north);
        }
    }
}

/// A stretch of a row, and the same one cell before and after.
#[inline(always)]
fn beside(row: &[f32], start: usize, width: usize) -> [&[f32]; 3] {
    [&row[start - 1..][..width], &row[start..][..width], &row[start + 1..][..width]]
}
