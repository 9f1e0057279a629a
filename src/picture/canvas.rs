//! The sheet that everything is drawn on: pixels, antialiased shapes, words.
//!
//! In: shapes in pixels (x to the right, y down, (0, 0) the upper left corner of the upper left pixel). Out: a
//! [`Bitmap`]. Sizes are given in pixels too; who draws multiplies them by [`unit`], so that a preview and a
//! print of the same shape look the same. Shapes with NaN or infinite coordinates are left out.

use std::ops::Range;

use tiny_skia::{
    Color, FillRule, IntSize, LineCap, LineJoin, Paint, Path, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::error::{LONGEST_SIDE, PictureError};
use super::maps::Rgba;
use super::shapes::{Across, Along, ArrowShape, Lettering, Pen, arrow_corners, circle, path};
use super::text;

/// A finished picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Four bytes a pixel (red, green, blue, opacity; opacity is 255 everywhere), row by row from the top.
    pub rgba: Vec<u8>,
}

/// A white sheet, or a band of its rows: shapes are placed on the whole sheet, and what falls on the band is drawn.
pub(super) struct Canvas {
    pixels: Pixmap,
    /// Rows of the whole sheet, and the first of them that the band holds.
    height: u32,
    first: u32,
}

impl Canvas {
    /// The rows `rows` of a white sheet of `width` by `height` pixels.
    ///
    /// # Errors
    /// - [`PictureError::Size`] for a side of 0 or more than 65,536 pixels, or for no rows.
    /// - [`PictureError::Memory`] where 4 bytes a pixel are not to be had.
    pub(super) fn new(width: u32, height: u32, rows: Range<u32>) -> Result<Canvas, PictureError> {
        check_size(width, height)?;
        let count = rows.end.min(height).saturating_sub(rows.start);
        check_size(width, count)?;
        let bytes = u64::from(width) * u64::from(count) * 4;
        let no_memory = || PictureError::Memory { width, height: count, megabytes: bytes / 1_000_000 };
        let length = usize::try_from(bytes).map_err(|_| no_memory())?;
        let mut data: Vec<u8> = Vec::new();
        data.try_reserve_exact(length).map_err(|_| no_memory())?;
        data.resize(length, 255);
        let size = IntSize::from_wh(width, count).ok_or(PictureError::Size { width, height: count })?;
        let pixels = Pixmap::from_vec(data, size).ok_or_else(no_memory)?;
        Ok(Canvas { pixels, height, first: rows.start })
    }

    pub(super) fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Rows of the whole sheet.
    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// The rows of the sheet that are drawn.
    pub(super) fn rows(&self) -> Range<u32> {
        self.first..self.first + self.pixels.height()
    }

    /// The pixels so far. The sheet was opaque from the start, so colours are not changed by taking opacity out.
    pub(super) fn into_bitmap(self) -> Bitmap {
        Bitmap { width: self.width(), height: self.pixels.height(), rgba: self.pixels.take() }
    }

    /// Row `y` of the sheet from pixel `x` on, `width` pixels or fewer at the right border, as RGBA bytes; empty for a
    /// row that is not on the band.
    pub(super) fn row_mut(&mut self, x: u32, y: u32, width: u32) -> &mut [u8] {
        if !self.rows().contains(&y) {
            return &mut [];
        }
        let sheet = self.width();
        let (x, end) = (x.min(sheet), x.saturating_add(width).min(sheet));
        let start = (y - self.first) as usize * sheet as usize;
        &mut self.pixels.data_mut()[(start + x as usize) * 4..(start + end as usize) * 4]
    }

    /// A filled rectangle with edges as given: sharp where they are whole numbers.
    pub(super) fn fill_rect(&mut self, left: f64, top: f64, width: f64, height: f64, colour: Rgba) {
        if let Some(rect) = Rect::from_xywh(left as f32, top as f32, width as f32, height as f32) {
            self.pixels.fill_rect(rect, &paint(colour), self.place(Transform::identity()), None);
        }
    }

    /// The outline of a rectangle, `pen.width` wide and wholly outside of it.
    pub(super) fn frame_rect(&mut self, left: f64, top: f64, width: f64, height: f64, pen: Pen) {
        let w = pen.width;
        self.fill_rect(left - w, top - w, width + 2.0 * w, w, pen.colour);
        self.fill_rect(left - w, top + height, width + 2.0 * w, w, pen.colour);
        self.fill_rect(left - w, top, w, height, pen.colour);
        self.fill_rect(left + width, top, w, height, pen.colour);
    }

    /// A line through `points`, with round joins. An opaque solid line is drawn in pieces, which is faster: the cost
    /// of a path grows faster than its length. Pieces meet in round caps, so they do not show.
    pub(super) fn polyline(&mut self, points: &[(f64, f64)], pen: Pen) {
        let piece = if pen.colour[3] == 255 && pen.dash <= 0.0 { 64 } else { points.len().max(2) };
        let mut start = 0;
        while start + 1 < points.len() {
            let end = (start + piece).min(points.len());
            if let Some(path) = path(&points[start..end], false) {
                self.stroke(&path, pen);
            }
            start = end - 1;
        }
    }

    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], colour: Rgba) {
        if let Some(path) = path(points, true) {
            self.fill(&path, colour, Transform::identity());
        }
    }

    /// The outline of a polygon, closed.
    pub(super) fn polygon_outline(&mut self, points: &[(f64, f64)], pen: Pen) {
        if let Some(path) = path(points, true) {
            self.stroke(&path, pen);
        }
    }

    /// A filled disc.
    pub(super) fn disc(&mut self, (x, y): (f64, f64), radius: f64, colour: Rgba) {
        if let Some(path) = circle(x, y, radius) {
            self.fill(&path, colour, Transform::identity());
        }
    }

    /// A circle, its line centred on `radius`.
    pub(super) fn ring(&mut self, (x, y): (f64, f64), radius: f64, pen: Pen) {
        if let Some(path) = circle(x, y, radius) {
            self.stroke(&path, pen);
        }
    }

    /// One line of text at (x, y).
    pub(super) fn text(&mut self, words: &str, x: f64, y: f64, style: Lettering) {
        let Some(path) = text::outline(words, style.size) else {
            return;
        };
        let (along, across) = (start(words, style), fall(style));
        // Whole pixels across the line keep the baseline sharp.
        let place = if style.upwards {
            Transform::from_row(0.0, -1.0, 1.0, 0.0, (x + across).round() as f32, (y - along) as f32)
        } else {
            Transform::from_translate((x + along) as f32, (y + across).round() as f32)
        };
        self.fill(&path, style.colour, place);
    }

    /// One line of text at (x, y), read in the direction `way`, a unit vector.
    pub(super) fn text_along(&mut self, words: &str, (x, y): (f64, f64), way: (f64, f64), style: Lettering) {
        let Some(path) = text::outline(words, style.size) else {
            return;
        };
        let (along, across) = (start(words, style), fall(style));
        let place = (x + along * way.0 - across * way.1, y + along * way.1 + across * way.0);
        let (cos, sin) = (way.0 as f32, way.1 as f32);
        let turned = Transform::from_row(cos, sin, -sin, cos, place.0 as f32, place.1 as f32);
        self.fill(&path, style.colour, turned);
    }

    /// An arrow from `tail` to `tip`, with an outline of `halo` around it if wanted.
    pub(super) fn arrow(
        &mut self,
        tail: (f64, f64),
        tip: (f64, f64),
        shape: ArrowShape,
        colour: Rgba,
        halo: Option<Pen>,
    ) {
        let Some(corners) = arrow_corners(tail, tip, shape) else {
            return;
        };
        if let Some(pen) = halo {
            self.polygon_outline(&corners, pen);
        }
        self.polygon(&corners, colour);
    }

    /// From the sheet to the band.
    fn place(&self, on_sheet: Transform) -> Transform {
        on_sheet.post_translate(0.0, -(self.first as f32))
    }

    /// Whether a path, drawn `margin` pixels thicker, may touch the rows that the canvas has. Of a band most does not.
    fn shows(&self, path: &Path, place: Transform, margin: f32) -> bool {
        let rows = self.rows();
        path.bounds().transform(place).is_none_or(|bounds| {
            bounds.bottom() + margin + 1.0 >= rows.start as f32 && bounds.top() - margin - 1.0 <= rows.end as f32
        })
    }

    fn fill(&mut self, path: &Path, colour: Rgba, place: Transform) {
        if !self.shows(path, place, 0.0) {
            return;
        }
        self.pixels.fill_path(path, &paint(colour), FillRule::Winding, self.place(place), None);
    }

    fn stroke(&mut self, path: &Path, pen: Pen) {
        if !self.shows(path, Transform::identity(), pen.width as f32) {
            return;
        }
        let dash = if pen.dash > 0.0 { StrokeDash::new(vec![pen.dash as f32; 2], 0.0) } else { None };
        let line_cap = if pen.dash > 0.0 { LineCap::Butt } else { LineCap::Round };
        let width = pen.width as f32;
        let stroke = Stroke { width, line_cap, line_join: LineJoin::Round, dash, ..Stroke::default() };
        self.pixels.stroke_path(path, &paint(pen.colour), &stroke, self.place(Transform::identity()), None);
    }
}

/// Where a line of text starts, along it, from the point it is set at.
fn start(words: &str, style: Lettering) -> f64 {
    match style.along {
        Along::Left => 0.0,
        Along::Centre => -0.5 * text::width(words, style.size),
        Along::Right => -text::width(words, style.size),
    }
}

/// How far its baseline is below that point.
fn fall(style: Lettering) -> f64 {
    match style.across {
        Across::Middle => 0.5 * text::CAP_HEIGHT * style.size,
        Across::Baseline => 0.0,
    }
}

/// # Errors
/// [`PictureError::Size`] for a side of 0 or more than 65,536 pixels.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    let good = |side| (1..=LONGEST_SIDE).contains(&side);
    if good(width) && good(height) { Ok(()) } else { Err(PictureError::Size { width, height }) }
}

/// The length, in pixels, that sizes are multiples of: 1 on a picture of 600 px on its shorter side.
pub(super) fn unit(width: u32, height: u32) -> f64 {
    f64::from(width.min(height)) / 600.0
}

fn paint(colour: Rgba) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(colour[0], colour[1], colour[2], colour[3]));
    paint
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::shapes::BLACK;
    use super::*;

    #[test]
    fn sizes_are_checked() {
        for (w, h) in [(0, 5), (5, 0), (0, 0), (70_000, 1), (1, u32::MAX)] {
            assert_eq!(Canvas::new(w, h, 0..h).err(), Some(PictureError::Size { width: w, height: h }));
        }
        assert_eq!(Canvas::new(1, 1, 0..1).unwrap().into_bitmap().rgba, [255; 4]);
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_no_others() {
        let mut canvas = Canvas::new(8, 6, 0..6).unwrap();
        canvas.fill_rect(2.0, 1.0, 3.0, 2.0, BLACK);
        let black = canvas.into_bitmap().rgba.chunks(4).filter(|p| *p == BLACK).count();
        assert_eq!(black, 6);
    }

    #[test]
    fn awkward_shapes_are_left_out_without_a_panic() {
        let mut canvas = Canvas::new(30, 20, 0..20).unwrap();
        let pen = Pen::solid(BLACK, 2.0);
        let shape = ArrowShape { shaft: 1.0, head_length: 4.0, head_width: 4.0 };
        let style = Lettering::new(10.0, Along::Centre, Across::Middle);
        for v in [f64::NAN, f64::INFINITY, -1e300, 0.0, 1e5, -1e5] {
            canvas.polyline(&[(v, 1.0), (2.0, v), (v, v)], pen);
            canvas.polygon(&[(v, 1.0), (2.0, v), (3.0, 4.0)], BLACK);
            canvas.disc((v, 3.0), v, BLACK);
            canvas.ring((3.0, v), 2.0, Pen { width: v, ..pen });
            canvas.arrow((v, 2.0), (3.0, v), shape, BLACK, Some(pen));
            canvas.fill_rect(v, v, v, 1.0, BLACK);
            canvas.text("x", v, v, style);
            canvas.text("x", 3.0, 3.0, Lettering { size: v, ..style });
            canvas.polyline(&[(1.0, 1.0), (9.0, 9.0)], Pen { dash: v, ..pen });
        }
        canvas.polyline(&[], pen);
        assert_eq!((canvas.row_mut(25, 19, 50).len(), canvas.row_mut(25, 20, 50).len()), (20, 0));
        assert!(Canvas::new(9, 9, 5..5).is_err() && Canvas::new(9, 9, 9..12).is_err());
        assert_eq!(Canvas::new(9, 9, 7..12).unwrap().into_bitmap().height, 2);
    }
}
