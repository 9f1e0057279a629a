//! The hillshade layer: a quantity as a landscape in slanting light.
//!
//! In: a quantity with its exact gradient at each pixel, and a light. Out: the plot rectangle in grey, or the layers
//! below lightened and darkened. The light on a slope is the cosine of the angle between its normal and the light
//! (Lambert's law; B. K. P. Horn, Hill shading and the reflectance map, Proc. IEEE 69, 1981).

use std::sync::{Arc, OnceLock};

use super::canvas::Canvas;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::maps::Rgba;
use super::slopes::{Pixels, Row, Slopes};

/// Where the light comes from, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Light {
    /// One light: clockwise from the top of the picture, and above the horizon.
    From {
        /// 0 is the top, 90 the right.
        azimuth: f64,
        /// 0 is the horizon, 90 overhead.
        altitude: f64,
    },
    /// Four lights from 225, 270, 315 and 360 degrees, each weighted by how far it grazes the slope, so that no ridge
    /// is lost for running along the light (R. K. Mark, USGS Open-File Report 92-422).
    Around {
        /// 0 is the horizon, 90 overhead.
        altitude: f64,
    },
}

/// A landscape in slanting light.
#[derive(Clone, Debug)]
pub struct Hillshade {
    slopes: Arc<Slopes>,
    light: Light,
    relief: Option<f64>,
    /// The relief where none is given.
    usual: OnceLock<f64>,
    over_colours: bool,
}

/// Where there is no slope, in a landscape of greys: none of them.
const NO_HEIGHT: Rgba = [0xE0, 0xD2, 0xB8, 255];
/// The tangent of the median slope, where the relief is chosen.
const MEDIAN_SLOPE: f64 = 0.6;
/// Over colours: what is left of a colour without any light, and how white it gets in full light.
const SHADOW: f32 = 0.4;
const SHINE: f32 = 0.5;

impl Light {
    /// The light on a row of slopes, each `relief` times as steep.
    fn on_row(self, relief: f64, slopes: &Row, out: &mut Vec<f32>) {
        out.clear();
        let Light::From { azimuth, altitude } = self else {
            return out.extend(slopes.x.iter().zip(&slopes.y).map(|(x, y)| self.on(relief * x, relief * y) as f32));
        };
        let (sin, cos) = azimuth.to_radians().sin_cos();
        let (high, flat) = altitude.to_radians().sin_cos();
        let [high, across, up] = [high, flat * sin, flat * cos].map(|v| v as f32);
        // Beyond this a slope is a wall, and its square must not overflow.
        let steep = |slope: f64| ((relief * slope) as f32).clamp(-1e15, 1e15);
        out.resize(slopes.x.len(), 0.0);
        for ((out, x), y) in out.iter_mut().zip(&slopes.x).zip(&slopes.y) {
            let (x, y) = (steep(*x), steep(*y));
            let light = (high - (x * across + y * up)) / (1.0 + x * x + y * y).sqrt();
            *out = if light < 0.0 { 0.0 } else { light };
        }
    }

    /// The light, 0 to 1, on a slope that rises by these tangents to the right and upwards.
    pub fn on(self, right: f64, up: f64) -> f64 {
        // Beyond this a slope is a wall, and its square must not overflow.
        let (right, up) = (right.clamp(-1e100, 1e100), up.clamp(-1e100, 1e100));
        let from = |azimuth: f64, altitude: f64| {
            let (sin, cos) = azimuth.to_radians().sin_cos();
            let (high, flat) = altitude.to_radians().sin_cos();
            let towards = high - flat * (right * sin + up * cos);
            (towards / (1.0 + right * right + up * up).sqrt()).max(0.0)
        };
        match self {
            Light::From { azimuth, altitude } => from(azimuth, altitude),
            Light::Around { altitude } => {
                let downhill = (-right).atan2(-up);
                let weight = |azimuth: f64| (downhill - azimuth.to_radians()).sin().powi(2);
                // The four weights add up to two.
                [225.0, 270.0, 315.0, 360.0].map(|azimuth| 0.5 * weight(azimuth) * from(azimuth, altitude)).iter().sum()
            }
        }
    }
}

impl Hillshade {
    /// The landscape of a quantity, whose slopes may be shared with other layers, under a light. `relief`: how many units
    /// of x a unit of the quantity is high; none lets half of the slopes be steeper than 31 degrees. `over_colours`: slopes
    /// towards the light are made lighter, others darker; else greys, black without light. On a picture that is drawn in
    /// bands, which bring slopes of their own, `slopes` of any coarser grid decide about the relief.
    pub fn new(slopes: Arc<Slopes>, light: Light, relief: Option<f64>, over_colours: bool) -> Hillshade {
        Hillshade { slopes, light, relief, usual: OnceLock::new(), over_colours }
    }

    /// The relief as given, or that which makes the median slope well visible.
    fn height(&self, layout: &Layout) -> f64 {
        self.relief.unwrap_or_else(|| *self.usual.get_or_init(|| usual_relief(&Pixels::new(&self.slopes, layout))))
    }

    /// A row of pixels under these lights; `flat` is the light on level ground.
    fn shade(&self, pixels: &mut [u8], lights: &[f32], flat: f32) {
        let pixels = pixels.chunks_exact_mut(4).zip(lights);
        if !self.over_colours {
            pixels.for_each(|(pixel, light)| pixel.copy_from_slice(&grey(*light)));
            return;
        }
        let dark = (1.0 - SHADOW) / flat;
        let shine = SHINE / (1.0 - flat).max(1e-9);
        for (pixel, light) in pixels.filter(|(_, light)| !light.is_nan()) {
            // What is left of the colour, and how much white comes to it.
            let white = (shine * (light - flat)).max(0.0);
            let left = if *light < flat { SHADOW + dark * light } else { 1.0 - white };
            for channel in &mut pixel[..3] {
                *channel = (f32::from(*channel) * left + (255.0 * white + 0.5)) as u8;
            }
        }
    }
}

/// A pixel of a landscape of greys.
fn grey(light: f32) -> Rgba {
    let grey = (255.0 * light + 0.5) as i32 as u32;
    let pixel = (grey * 0x01_0101) | 0xFF00_0000;
    (if light.is_nan() { u32::from_le_bytes(NO_HEIGHT) } else { pixel }).to_le_bytes()
}

/// The relief with which the median slope is well visible.
fn usual_relief(pixels: &Pixels<'_>) -> f64 {
    let (mut row, mut steep) = (Row::default(), Vec::new());
    // Some rows, and an odd step, so that it does not run along the columns.
    let step = ((pixels.width * pixels.height) >> 16) | 1;
    for k in (0..pixels.height).step_by(pixels.height.div_ceil(256)).filter(|k| pixels.has(*k)) {
        pixels.steepness(k, &mut row);
        let slopes = row.x.iter().zip(&row.y).skip(k % step).step_by(step.min(pixels.width.div_ceil(256)));
        steep.extend(slopes.map(|(x, y)| x.hypot(*y)).filter(|slope| slope.is_finite() && *slope > 0.0));
    }
    let middle = steep.len() / 2;
    if steep.is_empty() { 0.0 } else { MEDIAN_SLOPE / *steep.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

impl Drawn for Hillshade {
    fn check(&self) -> Result<(), PictureError> {
        self.slopes.check()
    }

    fn fills(&self) -> bool {
        true
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        let pixels = Pixels::of(&self.slopes, band.slopes.as_ref(), layout);
        let (relief, flat) = (self.height(layout), self.light.on(0.0, 0.0) as f32);
        let (mut slopes, mut lights) = (Row::default(), Vec::new());
        for row in layout.field_rows(canvas.rows()).filter(|row| pixels.has(*row)) {
            let y = layout.top + layout.height - 1 - row as u32;
            pixels.steepness(row, &mut slopes);
            self.light.on_row(relief, &slopes, &mut lights);
            self.shade(canvas.row_mut(layout.left, y, layout.width), &lights, flat);
        }
    }

    fn entries(&self, _layout: &Layout) -> Vec<Entry> {
        let nan = self.slopes.dx.iter().zip(&self.slopes.dy).any(|(x, y)| x.is_nan() || y.is_nan());
        let entry = || Entry { mark: Mark::Square(NO_HEIGHT), words: "not a number".to_owned() };
        (nan && !self.over_colours).then(entry).into_iter().collect()
    }
}

impl From<Hillshade> for Layer {
    fn from(layer: Hillshade) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Picture;
    use super::*;

    #[test]
    fn a_plane_has_the_light_of_its_normal() {
        for (a, b) in [(0.0, 0.0), (1.0, 0.0), (-0.3, 2.0), (0.7, -0.7), (1e6, 1.0)] {
            for (azimuth, altitude) in [(315.0, 45.0), (0.0, 30.0), (90.0, 80.0), (200.0, 0.0)] {
                let mut picture = Picture::new(120, 110);
                (picture.x_range, picture.y_range, picture.grid) = ((-1.0, 1.0), (-1.0, 1.0), false);
                picture.equal_aspect = true;
                let slopes = Slopes { values: vec![0.0], dx: vec![a], dy: vec![b], columns: 1, rows: 1 };
                let light = Light::From { azimuth, altitude };
                let layer = Hillshade::new(Arc::new(slopes), light, Some(2.0), false);
                picture.layers.push(layer.into());
                let layout = picture.layout().unwrap();
                let bitmap = picture.draw().unwrap();
                let at = (layout.top + layout.height / 2) * 120 + layout.left + layout.width / 2;
                // Twice as high, the plane rises by 2a to the right and 2b upwards; the picture's y is north.
                let normal = [-2.0 * a, -2.0 * b, 1.0];
                let (sin, cos) = f64::to_radians(azimuth).sin_cos();
                let (high, flat) = f64::to_radians(altitude).sin_cos();
                let dot: f64 = normal.iter().zip([flat * sin, flat * cos, high]).map(|(n, l)| n * l).sum();
                let norm = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                let expected = 255.0 * (dot / norm).max(0.0);
                let found = f64::from(bitmap.rgba[at as usize * 4]);
                // Sides of whole pixels leave the plot a little off the square.
                assert!((found - expected).abs() <= 2.0, "{a} {b} {azimuth} {altitude}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn four_lights_are_as_bright_as_one_on_level_ground_and_turn_with_the_slope() {
        let light = Light::Around { altitude: 45.0 };
        assert!((light.on(0.0, 0.0) - 45_f64.to_radians().sin()).abs() < 1e-12);
        // The report's four lights come from the left and the top: slopes that face them are the brighter.
        assert!(light.on(1.0, -1.0) > light.on(-1.0, 1.0));
        for (right, up) in [(f64::MAX, 1.0), (-1.0, f64::MIN), (f64::INFINITY, f64::INFINITY)] {
            assert!((0.0..=1.0).contains(&light.on(right, up)), "{right} {up}");
        }
        assert!(light.on(f64::NAN, 0.0).is_nan());
    }
}
