//! The colour bar: which colour is which value.
//!
//! In: a [`Colouring`], its label, and which ends were clipped. Out: ink in the room that the layout kept at the right
//! of the plot. A triangle at an end says that values beyond it were drawn in its colour. Directions have a wheel
//! instead.

use super::canvas::Canvas;
use super::colour::{Colouring, Counts};
use super::layout::{Detail, Layout, widest};
use super::levels;
use super::shapes::{Across, Along, INK, Lettering, Pen};
use super::text;
use super::ticks::Ticks;
use super::wheel;

/// A colour bar to be drawn.
pub(super) struct Bar<'a> {
    pub colouring: &'a Colouring,
    pub label: &'a str,
    /// What the field counted: decides the triangles.
    pub counts: Counts,
}

/// Where the bar's colours are, in pixels; triangles stand above `top` and below `bottom`.
struct Place {
    left: f64,
    width: f64,
    top: f64,
    bottom: f64,
}

impl Bar<'_> {
    /// Draws the bar, as high as the plot; `names` are those of the axes. Nothing where the layout has no room for words.
    pub(super) fn draw(&self, canvas: &mut Canvas, layout: &Layout, names: [&str; 2]) {
        if layout.detail != Detail::Full {
            return;
        }
        if self.colouring.is_turn() && wheel::draw(canvas, layout, self.colouring, self.label, names) {
            return;
        }
        let place = self.place(layout);
        self.colours(canvas, &place);
        self.outline(canvas, layout, &place);
        let ticks = self.ticks(&place, layout.sizes.tick);
        self.words(canvas, layout, &place, &ticks);
    }

    fn place(&self, layout: &Layout) -> Place {
        let (_, top, right, bottom) = layout.edges();
        let width = layout.sizes.bar_width();
        let triangle = width.min(0.2 * (bottom - top)).round();
        Place {
            left: (right + layout.sizes.bar_gap()).round(),
            width,
            top: if self.counts.above > 0 { top + triangle } else { top },
            bottom: if self.counts.below > 0 { bottom - triangle } else { bottom },
        }
    }

    fn colours(&self, canvas: &mut Canvas, place: &Place) {
        let height = place.bottom - place.top;
        let mut y = place.top;
        while y < place.bottom {
            let colour = self.colouring.at(1.0 - (y + 0.5 - place.top) / height);
            canvas.fill_rect(place.left, y, place.width, 1.0, colour);
            y += 1.0;
        }
    }

    /// The sides of the bar, and at each end a line across or a triangle.
    fn outline(&self, canvas: &mut Canvas, layout: &Layout, place: &Place) {
        let (_, top, _, bottom) = layout.edges();
        let line = layout.sizes.line;
        let (left, right) = (place.left - line, place.left + place.width);
        canvas.fill_rect(left, place.top, line, place.bottom - place.top, INK);
        canvas.fill_rect(right, place.top, line, place.bottom - place.top, INK);
        let ends =
            [(place.top, top, -line, self.counts.above, 1.0), (place.bottom, bottom, 0.0, self.counts.below, 0.0)];
        for (base, apex, outwards, clipped, end) in ends {
            if clipped == 0 {
                canvas.fill_rect(left, base + outwards, place.width + 2.0 * line, line, INK);
                continue;
            }
            let middle = place.left + 0.5 * place.width;
            canvas.polygon(&[(place.left, base), (middle, apex), (right, base)], self.colouring.at(end));
            let sides = [(left + 0.5 * line, base), (middle, apex), (right + 0.5 * line, base)];
            canvas.polyline(&sides, Pen::solid(INK, line));
        }
    }

    fn ticks(&self, place: &Place, size: f64) -> Ticks {
        let room = ((place.bottom - place.top) / (2.6 * size)) as usize;
        let most = if self.colouring.levels().is_empty() { 10 } else { 20 };
        levels::marks(self.colouring, room.clamp(2, most))
    }

    fn words(&self, canvas: &mut Canvas, layout: &Layout, place: &Place, ticks: &Ticks) {
        let (_, top, _, bottom) = layout.edges();
        let sizes = layout.sizes;
        let right = place.left + place.width + sizes.line;
        // Labels wider than their room shrink together, so that they stay one column.
        let size = sizes.tick * (sizes.bar_labels() / widest(ticks, sizes.tick)).min(1.0);
        let style = Lettering::new(size, Along::Left, Across::Middle);
        for (v, label) in ticks.at.iter().zip(&ticks.labels) {
            let up = self.colouring.position(*v).clamp(0.0, 1.0) * (place.bottom - place.top + sizes.line);
            let y = (place.bottom - up).round();
            canvas.fill_rect(right, y, sizes.tick_length, sizes.line, INK);
            canvas.text(label, right + sizes.tick_length + sizes.gap, y + 0.5 * sizes.line, style);
        }
        if let Some(offset) = &ticks.offset {
            let (words, size) = text::fit(offset, size, f64::from(canvas.width()) - place.left - sizes.gap);
            let above = Lettering::new(size, Along::Left, Across::Baseline);
            canvas.text(&words, place.left, top - sizes.line - 0.4 * sizes.tick, above);
        }
        let x = right + sizes.tick_length + sizes.gap + widest(ticks, size) + 1.2 * sizes.label;
        let (words, size, middle) = Layout::centred(self.label, sizes.label, 0.5 * (top + bottom), top, bottom);
        let upwards = Lettering { upwards: true, ..Lettering::new(size, Along::Centre, Across::Baseline) };
        canvas.text(&words, x.min(f64::from(canvas.width()) - 0.3 * size), middle, upwards);
    }
}
