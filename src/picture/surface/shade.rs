//! The colours of a surface in the light.
//!
//! In: a spot with its exact slopes, and its colour on level ground. Out: that colour, lighter or darker by the angle
//! between the surface's normal and the light. What is turned away from the light still shows its shape: brightness
//! falls evenly from the normal that points at the light to the one that points away.

use super::super::colour::Colouring;
use super::super::hillshade::Light;
use super::sheet::Spot;
use super::stage::{SIDES, Stage, View};

/// The brightness of what points away from the light, where level ground has 1.
const DARKEST: f64 = 0.2;
/// The colours of an underside are this much darker.
const UNDERSIDE: f64 = 0.88;

/// A light on a box.
pub(super) struct Shade<'a> {
    colouring: &'a Colouring,
    light: Light,
    /// Slopes in the box for those in data units.
    slopes: (f64, f64),
    /// The viewer's direction, and the sine and cosine of its azimuth.
    towards: [f64; 3],
    turn: (f64, f64),
    /// Where a single light comes from: the right, away from the viewer, above.
    lamp: Option<[f64; 3]>,
    /// The light on level ground.
    flat: f64,
}

impl<'a> Shade<'a> {
    pub(super) fn new(colouring: &'a Colouring, light: Light, view: View, stage: &Stage) -> Shade<'a> {
        let [x, y, z] = [0, 1, 2].map(|k| SIDES[k] / stage.spans[k].width());
        let lamp = match light {
            Light::From { azimuth, altitude } => {
                let ((sin, cos), (high, flat)) = (azimuth.to_radians().sin_cos(), altitude.to_radians().sin_cos());
                Some([flat * sin, flat * cos, high])
            }
            Light::Around { .. } => None,
        };
        Shade {
            colouring,
            light,
            slopes: (z / x, z / y),
            towards: stage.towards,
            turn: view.azimuth.to_radians().sin_cos(),
            lamp,
            flat: light.on(0.0, 0.0),
        }
    }

    /// Red, green, blue, 0 to 255. What faces away from the viewer is seen from below, and lit from there.
    pub(super) fn colour(&self, spot: &Spot) -> [f32; 3] {
        let bounded = |slope: f64| slope.clamp(-1e100, 1e100);
        let (x, y) = (bounded(spot.dx * self.slopes.0), bounded(spot.dy * self.slopes.1));
        let faces = self.towards[2] - x * self.towards[0] - y * self.towards[1];
        let (side, dark) = if faces < 0.0 { (-1.0, UNDERSIDE) } else { (1.0, 1.0) };
        let (sin, cos) = self.turn;
        let (right, away) = (side * (y * cos - x * sin), side * (-x * cos - y * sin));
        let light = match self.lamp {
            Some([r, a, above]) => (above - r * right - a * away) / (1.0 + right * right + away * away).sqrt(),
            None => self.light.on(right, away),
        };
        // Where the slope is no number, the colour is as it is.
        let light = if light.is_nan() { self.flat } else { light };
        let bright = dark * (DARKEST + (1.0 - DARKEST) * (1.0 + light) / (1.0 + self.flat));
        let colour = self.colouring.pixel(spot.shown);
        [0, 1, 2].map(|k| (bright * f64::from(colour[k])).min(255.0) as f32)
    }
}
