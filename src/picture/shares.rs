//! Shares of the plot as a bar: each part as high as its share, in its colour, with its number and percentage.
//!
//! In: parts from the top down. Out: ink in the room that the layout kept for a colour bar. A part too thin for its words
//! has none.

use super::canvas::Canvas;
use super::layout::{Detail, Layout};
use super::maps::Rgba;
use super::shapes::{Across, Along, INK, Lettering, Pen};

/// A part of the plot.
pub(super) struct Part {
    pub(super) colour: Rgba,
    /// Of the plot, 0 to 1.
    pub(super) share: f64,
    /// Written on it.
    pub(super) number: String,
}

/// All parts.
pub(super) struct Shares {
    pub(super) parts: Vec<Part>,
    /// What they are shares of, beside the bar.
    pub(super) label: String,
}

impl Shares {
    /// Draws the bar, as high as the plot. Nothing where the layout has no room for words.
    pub(super) fn draw(&self, canvas: &mut Canvas, layout: &Layout) {
        if layout.detail != Detail::Full {
            return;
        }
        let (_, top, right, bottom) = layout.edges();
        let sizes = layout.sizes;
        let (left, width) = ((right + sizes.bar_gap()).round(), sizes.bar_width());
        let all: f64 = self.parts.iter().map(|part| part.share).sum();
        let (mut y, mut last) = (top, f64::NEG_INFINITY);
        for part in &self.parts {
            let height = part.share / all.max(f64::MIN_POSITIVE) * (bottom - top);
            canvas.fill_rect(left, y, width, height, part.colour);
            let middle = y + 0.5 * height;
            if middle - last >= 1.15 * sizes.tick && height >= 0.4 * sizes.tick {
                last = middle;
                let words = Lettering::new(sizes.tick, Along::Left, Across::Middle);
                canvas.text(&percent(part.share), left + width + sizes.line + sizes.gap, middle, words);
            }
            if height >= 1.15 * sizes.tick {
                let size = if part.number.len() > 2 { 0.7 } else { 0.95 } * sizes.tick;
                let style =
                    Lettering { colour: on(part.colour), ..Lettering::new(size, Along::Centre, Across::Middle) };
                canvas.text(&part.number, left + 0.5 * width, middle, style);
            }
            y += height;
        }
        canvas.frame_rect(left, top, width, bottom - top, Pen::solid(INK, sizes.line));
        let x = left + width + sizes.tick_length + sizes.gap + sizes.bar_labels() + 1.2 * sizes.label;
        let (words, size, middle) = Layout::centred(&self.label, sizes.label, 0.5 * (top + bottom), top, bottom);
        let upwards = Lettering { upwards: true, ..Lettering::new(size, Along::Centre, Across::Baseline) };
        canvas.text(&words, x.min(f64::from(canvas.width()) - 0.3 * size), middle, upwards);
    }
}

/// `26.1 %`.
fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value >= 99.95 || value == 0.0 { format!("{value:.0} %") } else { format!("{value:.1} %") }
}

/// The ink that is read on a colour.
pub(super) fn on([r, g, b, _]: Rgba) -> Rgba {
    let light = 0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b);
    if light > 120.0 { INK } else { [255, 255, 255, 255] }
}
