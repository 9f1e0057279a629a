//! The surface layer: the graph of a function in three dimensions, in a box with axes of its own.
//!
//! In: a [`Sheet`], which is the function on a mesh with its exact slopes; a view, a light, colours; contours for the
//! base plane and arrows for the surface, if wanted. Out: the plot rectangle. Hidden parts are hidden, holes are holes,
//! what leaves the box is cut off, and where the function jumps there is no wall.
//!
//! The files, in the order in which they import each other: `sheet`, `stage` (where the box is), `raster` and `mesh`
//! (triangles to pixels), `shade` (their colours), `lifted` (arrows), `walls` (the box and its axes).

mod lifted;
mod mesh;
mod raster;
mod shade;
mod sheet;
mod stage;
mod walls;

pub use sheet::Sheet;
pub use stage::View;

use std::sync::Arc;

use super::arrows::Arrows;
use super::bar::Bar;
use super::canvas::Canvas;
use super::colour::{Colouring, Level};
use super::contours::{Contours, blend};
use super::error::PictureError;
use super::hillshade::Light;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::scale::{Limits, Scale, Span, range_of};
use super::slopes::Slopes;
use super::ticks::Ticks;
use mesh::Mesh;
use shade::Shade;
use stage::{SIDES, Stage};
use walls::Walls;

/// The graph of a function, on a picture without axes of its own ([`super::Picture::axes`]).
#[derive(Clone, Debug)]
pub struct Surface {
    /// The function.
    pub sheet: Arc<Sheet>,
    /// The colours of the quantity that the sheet shows.
    pub colouring: Colouring,
    /// What stands at the colour bar.
    pub label: String,
    /// From where it is seen.
    pub view: View,
    /// Where the light comes from: 0 degrees is from behind the surface, 90 from the right, 180 from the viewer.
    pub light: Light,
    /// What the box spans upwards, in data units; what lies outside is cut off.
    pub z_range: (f64, f64),
    /// The names of the axes.
    pub names: [String; 3],
    /// Lines at the marks of the axes, on the walls.
    pub grid: bool,
    /// Levels on the base plane, and the quantity with its slopes at [`Surface::base`].
    pub contours: Option<(Vec<Level>, Slopes)>,
    /// Arrows that stand on the surface; those of its gradient are tangent to it.
    pub arrows: Option<Arrows>,
}

/// Room above and below the values, as a share of their range.
const ROOM: f64 = 0.02;
/// With contours, the box reaches down by this share of the range, so that the base plane is seen.
const BELOW: f64 = 0.4;

/// The pixels of the base plane, as a plot of its own.
struct Base {
    layout: Layout,
}

impl Base {
    fn pixels(&self) -> usize {
        self.layout.width as usize * self.layout.height as usize
    }

    /// The middle of a pixel, counted row by row from the lowest.
    fn middle(&self, k: usize) -> (f64, f64) {
        let (width, height) = (self.layout.width as usize, self.layout.height as usize);
        let (column, row) = (k % width, height - 1 - k / width);
        (f64::from(self.layout.left) + column as f64 + 0.5, f64::from(self.layout.top) + row as f64 + 0.5)
    }
}

impl Surface {
    /// A range for the box that shows these values: without outliers, and with room for contours where the base plane
    /// has some.
    pub fn z_range(heights: &[f64], view: View, contours: bool) -> (f64, f64) {
        let (lo, hi) = range_of(heights, Scale::Linear, Limits::Auto).unwrap_or((0.0, 1.0));
        let Ok(span) = Span::new("z", lo, hi) else { return (0.0, 1.0) };
        let (near, base) = (-ROOM, if contours { -BELOW } else { -ROOM });
        let (below, above) = if view.elevation < 0.0 { (near, base) } else { (base, near) };
        let finite = |v: f64| v.clamp(f64::MIN, f64::MAX);
        (finite(span.at(below)), finite(span.at(1.0 - above)))
    }

    /// Where the pixels of the base plane are, x and y in data units: what contours need to know. Empty where the plane
    /// is seen from its edge.
    ///
    /// # Errors
    /// [`PictureError::Range`] for a range that is not finite or not in ascending order.
    pub fn base(&self, layout: &Layout) -> Result<(Vec<f64>, Vec<f64>), PictureError> {
        let stage = self.walls(layout)?.stage;
        let (Some(base), Some(place)) = (self.base_of(&stage, layout), stage.on_base()) else {
            return Ok(Default::default());
        };
        Ok((0..base.pixels()).map(|k| place(base.middle(k))).unzip())
    }

    fn walls(&self, layout: &Layout) -> Result<Walls, PictureError> {
        let ranges = [self.sheet.x_range(), self.sheet.y_range(), self.z_range];
        Walls::new(layout, self.view, ranges, &self.names)
    }

    fn base_of(&self, stage: &Stage, layout: &Layout) -> Option<Base> {
        let corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)];
        let corners = corners.map(|(u, v)| stage.pixel([u * SIDES[0], v * SIDES[1], stage.base()]));
        let (left, top, right, bottom) = layout.edges();
        let ends = |of: fn(&(f64, f64)) -> f64, from: f64, to: f64| {
            let all = corners.iter().map(of);
            let lo = all.clone().fold(f64::INFINITY, f64::min).floor().max(from);
            let hi = all.fold(f64::NEG_INFINITY, f64::max).ceil().min(to);
            (lo, (hi - lo).max(0.0))
        };
        let ((x, width), (y, height)) = (ends(|p| p.0, left, right), ends(|p| p.1, top, bottom));
        if width < 1.0 || height < 1.0 {
            return None;
        }
        let layout = Layout {
            left: x as u32,
            top: y as u32,
            width: width as u32,
            height: height as u32,
            // A data unit of this plot is a pixel.
            x: Span::new("x", 0.0, width).ok()?,
            y: Span::new("y", 0.0, height).ok()?,
            logarithmic: (false, false),
            x_ticks: Ticks::default(),
            y_ticks: Ticks::default(),
            ..layout.clone()
        };
        Some(Base { layout })
    }

    /// Contours on the base plane; their labels where the surface (`pixels` of the plot) leaves room.
    fn draw_base(&self, canvas: &mut Canvas, stage: &Stage, layout: &Layout, pixels: &[[u8; 4]]) {
        let (Some((levels, slopes)), Some(base), Some(place)) =
            (&self.contours, self.base_of(stage, layout), stage.on_base())
        else {
            return;
        };
        if slopes.values.len() != base.pixels() {
            return;
        }
        let mut seen = pixels_of(slopes, stage, &base);
        seen.columns = base.layout.width as usize;
        seen.rows = base.layout.height as usize;
        let (x, y) = (self.sheet.x_range(), self.sheet.y_range());
        let on_base = |k: usize| {
            let (px, py) = place(base.middle(k));
            (x.0..=x.1).contains(&px) && (y.0..=y.1).contains(&py)
        };
        let covered = |k: usize| {
            let (across, down) = base.middle(k);
            let at =
                (down as usize - layout.top as usize) * layout.width as usize + across as usize - layout.left as usize;
            pixels.get(at).is_none_or(|pixel| pixel[3] > 0)
        };
        let contours = Contours::new(Arc::new(seen), levels.clone());
        contours.draw_where(canvas, &base.layout, |k| !covered(k), on_base);
    }
}

/// The slopes of a quantity on the base plane for each pixel to the right and upwards, from those in data units.
fn pixels_of(slopes: &Slopes, stage: &Stage, base: &Base) -> Slopes {
    let mut seen = slopes.clone();
    let Some(place) = stage.on_base() else { return seen };
    let (x, y) = (f64::from(base.layout.left), f64::from(base.layout.top));
    let (here, right, above) = (place((x, y)), place((x + 1.0, y)), place((x, y - 1.0)));
    for k in 0..seen.values.len() {
        let (dx, dy) = (slopes.dx[k], slopes.dy[k]);
        seen.dx[k] = dx * (right.0 - here.0) + dy * (right.1 - here.1);
        seen.dy[k] = dx * (above.0 - here.0) + dy * (above.1 - here.1);
    }
    seen
}

impl Drawn for Surface {
    fn check(&self) -> Result<(), PictureError> {
        if let Some(arrows) = &self.arrows {
            arrows.check()?;
        }
        self.contours.as_ref().map_or(Ok(()), |(_, slopes)| slopes.check())
    }

    fn fills(&self) -> bool {
        true
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let Ok(walls) = self.walls(layout) else { return };
        let stage = &walls.stage;
        // Pixels are counted from the corner of the plot.
        let mut own = *stage;
        own.centre = (stage.centre.0 - f64::from(layout.left), stage.centre.1 - f64::from(layout.top));
        let shade = Shade::new(&self.colouring, self.light, self.view, stage);
        let mesh = Mesh::new(&self.sheet, &own, |spot| shade.colour(spot));
        let inks = self.arrows.as_ref().map(|arrows| lifted::inks(arrows, &self.sheet, &own, layout.sizes.unit));
        let (width, height) = (layout.width as usize, layout.height as usize);
        let pixels = raster::draw(&mesh, &inks.unwrap_or_default(), width, height);
        walls.draw(canvas, layout, self.grid);
        self.draw_base(canvas, stage, layout, &pixels);
        for (row, y) in (layout.top..layout.top + layout.height).enumerate() {
            let below = canvas.row_mut(layout.left, y, layout.width);
            for (pixel, out) in pixels[row * width..].iter().zip(below.chunks_exact_mut(4)) {
                if pixel[3] > 0 {
                    blend(out, [pixel[0], pixel[1], pixel[2], 255], f32::from(pixel[3]) / 255.0);
                }
            }
        }
    }

    fn bar(&self) -> Option<Bar<'_>> {
        let counts = self.colouring.count(&self.sheet.shown());
        (counts.nan < counts.all).then(|| Bar { colouring: &self.colouring, label: &self.label, counts })
    }
}

impl From<Surface> for Layer {
    fn from(layer: Surface) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
