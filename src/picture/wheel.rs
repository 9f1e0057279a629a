//! The colour wheel: which colour is which direction.
//!
//! In: a [`Colouring`] of directions, its label, the names of the axes. Out: a ring in the room that the layout kept at
//! the right of the plot; the colour at an angle of the ring is that of a vector that points there. Arrows from its
//! centre are the axes.

use super::canvas::Canvas;
use super::colour::Colouring;
use super::layout::{Layout, Sizes};
use super::shapes::{Across, Along, ArrowShape, INK, Lettering, Pen, WHITE};
use super::text::{fit, width};

/// The inner radius as a share of the outer, and how far the arrows of the axes reach.
const HOLE: f64 = 0.5;
const REACH: f64 = 1.2;

/// Where the ring is, in pixels.
struct Wheel {
    centre: (f64, f64),
    radius: f64,
    /// The name of the axis that runs to the right, cut to its room, and its em.
    across: (String, f64),
    /// From where to where words may stand.
    room: (f64, f64),
}

/// Draws the wheel beside the plot, halfway up. False, and nothing, where the plot is too low for it.
pub(super) fn draw(canvas: &mut Canvas, layout: &Layout, colouring: &Colouring, label: &str, names: [&str; 2]) -> bool {
    let Some(wheel) = Wheel::of(layout, canvas.width(), names[0]) else { return false };
    wheel.colours(canvas, colouring);
    wheel.axes(canvas, &layout.sizes);
    wheel.words(canvas, &layout.sizes, label, names[1]);
    true
}

impl Wheel {
    /// As wide as the room beside the plot; none if that is too low for it.
    fn of(layout: &Layout, picture: u32, name: &str) -> Option<Wheel> {
        let (_, top, right, bottom) = layout.edges();
        let sizes = &layout.sizes;
        let left = right + 0.7 * sizes.bar_gap();
        let end = (right + sizes.bar_room() + 1.5 * sizes.label).min(f64::from(picture) - 0.3 * sizes.tick);
        let across = fit(name, sizes.label, 0.35 * (end - left));
        let words = width(&across.0, across.1) + sizes.gap;
        // Above the ring stand an arrow's tip, a name and the label.
        let wide = (end - left - words) / (1.0 + REACH);
        let high = (bottom - top - 3.2 * sizes.label) / (1.0 + REACH);
        let radius = wide.min(high).floor();
        let middle = 0.5 * (top + bottom) + 0.5 * ((REACH - 1.0) * radius + 3.2 * sizes.label);
        let centre = ((left + radius).round(), middle.round());
        (radius >= 2.0 * sizes.tick).then_some(Wheel { centre, radius, across, room: (left, end) })
    }

    /// Each pixel in the colour of its direction, mixed with the ground where the ring ends.
    fn colours(&self, canvas: &mut Canvas, colouring: &Colouring) {
        let ((x, y), reach) = (self.centre, self.radius + 1.0);
        let first = (x - reach).max(0.0) as u32;
        for row in (y - reach).max(0.0) as u32..=(y + reach) as u32 {
            let down = f64::from(row) + 0.5 - y;
            let pixels = canvas.row_mut(first, row, (2.0 * reach).ceil() as u32);
            for (k, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                let right = f64::from(first) + k as f64 + 0.5 - x;
                let far = right.hypot(down);
                let share = (self.radius - far + 0.5).min(far - HOLE * self.radius + 0.5).clamp(0.0, 1.0);
                let colour = colouring.pixel((-down).atan2(right));
                for (old, new) in pixel.iter_mut().zip(colour) {
                    *old = (f64::from(*old) + share * (f64::from(new) - f64::from(*old))).round() as u8;
                }
            }
        }
    }

    fn axes(&self, canvas: &mut Canvas, sizes: &Sizes) {
        let pen = Pen::solid(INK, sizes.line);
        [1.0, HOLE].iter().for_each(|share| canvas.ring(self.centre, share * self.radius, pen));
        let (shaft, head) = ((1.4 * sizes.unit).max(1.0), (0.55 * sizes.tick).min(0.45 * self.radius));
        let shape = ArrowShape { shaft, head_length: head, head_width: 0.75 * head };
        let halo = Some(Pen::solid(WHITE, 0.9 * shaft));
        let ((x, y), far) = (self.centre, REACH * self.radius);
        for tip in [(x + far, y), (x, y - far)] {
            canvas.arrow(self.centre, tip, shape, INK, halo);
        }
        canvas.disc(self.centre, 1.2 * shaft, INK);
    }

    /// The names at the arrows' tips, the label above all.
    fn words(&self, canvas: &mut Canvas, sizes: &Sizes, label: &str, name: &str) {
        let ((x, y), far) = (self.centre, REACH * self.radius);
        let (from, to) = self.room;
        let (words, size) = &self.across;
        canvas.text(words, x + far + sizes.gap, y, Lettering::new(*size, Along::Left, Across::Middle));
        let rows = [(name, 0.4 * sizes.label), (label, 1.9 * sizes.label)];
        for (words, above) in rows {
            let (words, size, middle) = Layout::centred(words, sizes.label, x, from, to);
            canvas.text(&words, middle, y - far - above, Lettering::new(size, Along::Centre, Across::Baseline));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::{Bitmap, ColourMap, Heat, Picture};
    use super::*;

    const SIZES: [(u32, u32); 6] = [(420, 350), (800, 700), (1600, 500), (500, 900), (3000, 2600), (300, 250)];

    fn picture((width, height): (u32, u32), name: &str) -> Picture {
        let colouring = Colouring::turn(ColourMap::cyclic());
        let heat = Heat::new(vec![0.0, 1.0, -1.0, 3.0], 2, 2, colouring, "angle").unwrap();
        Picture {
            x_label: name.to_owned(),
            y_label: name.to_owned(),
            colour_bar: true,
            bar_label: true,
            layers: vec![heat.into()],
            ..Picture::new(width, height)
        }
    }

    fn pixel(bitmap: &Bitmap, (x, y): (f64, f64)) -> [u8; 4] {
        let at = 4 * (y as usize * bitmap.width as usize + x as usize);
        bitmap.rgba[at..at + 4].try_into().unwrap()
    }

    #[test]
    fn the_colour_at_an_angle_is_that_of_a_vector_that_points_there() {
        for size in SIZES {
            let picture = picture(size, "x");
            let (bitmap, layout) = (picture.draw().unwrap(), picture.layout().unwrap());
            let wheel = Wheel::of(&layout, size.0, "x").unwrap();
            let colouring = Colouring::turn(ColourMap::cyclic());
            // Not along the arrows of the axes.
            for degrees in (15..360).step_by(30) {
                let angle = f64::from(degrees).to_radians();
                let far = 0.75 * wheel.radius;
                let at = (wheel.centre.0 + far * angle.cos(), wheel.centre.1 - far * angle.sin());
                let expected = colouring.pixel(angle.sin().atan2(angle.cos()));
                let found = pixel(&bitmap, at);
                let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
                // The pixel's own middle is up to 0.7 px away.
                let most = 4.0 + 400.0 * 0.7 / far;
                assert!(f64::from(off) <= most, "{size:?} {degrees}: {found:?}, not {expected:?}");
            }
            assert!(pixel(&bitmap, (wheel.centre.0 - 0.3 * wheel.radius, wheel.centre.1 + 2.0)) == [255; 4]);
        }
    }

    #[test]
    fn nothing_is_cut_and_nothing_covers_the_plot() {
        for size in SIZES {
            for name in ["x", "temperature", "a name that is far too long for any picture"] {
                let picture = picture(size, name);
                let (bitmap, layout) = (picture.draw().unwrap(), picture.layout().unwrap());
                let wheel = Wheel::of(&layout, size.0, name).unwrap();
                let (_, top, right, bottom) = layout.edges();
                let rows = top as u32..bottom as u32;
                let ink = |x: f64| rows.clone().any(|y| pixel(&bitmap, (x, f64::from(y))) != [255; 4]);
                assert!(!ink(f64::from(size.0) - 1.0) && !ink(right + layout.sizes.line + 1.0), "{size:?} {name}");
                assert!(wheel.room.0 > right && wheel.centre.1 + wheel.radius < bottom, "{size:?} {name}");
                assert!(wheel.centre.1 - REACH * wheel.radius - 3.0 * layout.sizes.label > top, "{size:?} {name}");
            }
        }
        // A low plot has a bar.
        let low = picture((900, 100), "x");
        assert!(Wheel::of(&low.layout().unwrap(), 900, "x").is_none() && low.draw().is_ok());
    }
}
