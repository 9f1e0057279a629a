//! The legend: which line or mark is which, in the corner of the plot, or at the side, that has the least under it.
//!
//! In: entries in drawing order, and pixels that the layers inked. Out: a box on the plot. Entries that do not fit are
//! cut with an ellipsis; more than fit are counted in a last line.

use super::canvas::Canvas;
use super::forms::Form;
use super::layout::{Detail, Layout};
use super::maps::Rgba;
use super::shapes::{Across, Along, ArrowShape, INK, Lettering, Pen};
use super::text::{self, fit};

/// What stands before the words of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    /// A piece of the line.
    Line(Pen),
    /// A disc of this radius in pixels.
    Disc { colour: Rgba, radius: f64 },
    /// A ring of this radius in pixels.
    Ring { pen: Pen, radius: f64 },
    /// A small arrow, with an outline.
    Arrow { colour: Rgba, halo: Option<Pen> },
    /// A filled square.
    Square(Rgba),
    /// A mark of its own form.
    Form { form: Form, radius: f64 },
    /// A piece of a line with a border.
    Cased { pen: Pen, casing: Pen },
}

impl Mark {
    fn colour(self) -> Rgba {
        match self {
            Mark::Line(pen) | Mark::Ring { pen, .. } => pen.colour,
            Mark::Form { .. } | Mark::Cased { .. } => INK,
            Mark::Disc { colour, .. } | Mark::Arrow { colour, .. } | Mark::Square(colour) => colour,
        }
    }
}

/// One line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub mark: Mark,
    pub words: String,
}

/// The measures of the box, in pixels: all rows alike.
struct Measures {
    size: f64,
    row: f64,
    /// Before, between and after mark and words; above and below half of it.
    gap: f64,
    mark: f64,
    width: f64,
    height: f64,
}

/// Draws the legend; nothing without entries or without room for words.
pub(super) fn draw(canvas: &mut Canvas, layout: &Layout, entries: &[Entry], ink: &[(f64, f64)]) {
    if entries.is_empty() || layout.detail != Detail::Full {
        return;
    }
    let words = fitting_words(layout, entries);
    let measures = measures(&words, layout.sizes.tick);
    let corner = emptiest_corner(layout, &measures, ink);
    draw_box(canvas, layout, corner, &measures);
    let (left, count) = (corner.0 + measures.gap, words.len());
    for (i, (words, size)) in words.iter().enumerate() {
        let y = corner.1 + 0.5 * measures.gap + (i as f64 + 0.5) * measures.row;
        let is_rest = count < entries.len() && i + 1 == count;
        if let Some(entry) = entries.get(i).filter(|_| !is_rest) {
            draw_mark(canvas, left, y, &measures, entry.mark);
        }
        let style = Lettering::new(*size, Along::Left, Across::Middle);
        canvas.text(words, left + measures.mark + measures.gap, y, style);
    }
}

/// Height of a row over the size of its text.
const ROW: f64 = 1.45;

/// The words of the entries with their sizes, cut to 0.6 of the plot in both directions; what is left is counted.
fn fitting_words(layout: &Layout, entries: &[Entry]) -> Vec<(String, f64)> {
    let size = layout.sizes.tick;
    let room = ((f64::from(layout.height) * 0.6 / (ROW * size)) as usize).max(1);
    let widest = (f64::from(layout.width) * 0.6 - 3.7 * size).max(0.0);
    let shown = if entries.len() > room { room - 1 } else { entries.len() };
    let mut words: Vec<(String, f64)> = entries[..shown].iter().map(|e| fit(&e.words, size, widest)).collect();
    if shown < entries.len() {
        words.push(fit(&format!("… and {} more", entries.len() - shown), size, widest));
    }
    words
}

fn measures(words: &[(String, f64)], size: f64) -> Measures {
    let widest = words.iter().map(|(words, size)| text::width(words, *size)).fold(0.0, f64::max);
    let (row, gap, mark) = (ROW * size, 0.6 * size, 1.9 * size);
    let (width, height) = ((widest + mark + 3.0 * gap).ceil(), (words.len() as f64 * row + gap).ceil());
    Measures { size, row, gap, mark, width, height }
}

fn draw_box(canvas: &mut Canvas, layout: &Layout, (x, y): (f64, f64), measures: &Measures) {
    canvas.fill_rect(x, y, measures.width, measures.height, [255, 255, 255, 225]);
    let pen = Pen::solid([0xCC, 0xCC, 0xCC, 255], layout.sizes.line);
    canvas.frame_rect(x, y, measures.width, measures.height, pen);
}

fn draw_mark(canvas: &mut Canvas, x: f64, y: f64, measures: &Measures, mark: Mark) {
    let middle = (x + 0.5 * measures.mark, y);
    if mark.colour().iter().all(|channel| *channel > 200) {
        // A light mark would vanish on the box.
        let (edge, height) = (0.3 * measures.gap, measures.row.ceil());
        let (left, top) = ((x - edge).floor(), (y - 0.5 * measures.row).floor());
        canvas.fill_rect(left, top, (measures.mark + 2.0 * edge).ceil(), height, [0x70, 0x70, 0x70, 255]);
    }
    match mark {
        Mark::Line(pen) => {
            // Spread over two rows of pixels a thin line would be pale.
            let y = (y - 0.5 * pen.width).round() + 0.5 * pen.width;
            canvas.polyline(&[(x, y), (x + measures.mark, y)], pen);
        }
        Mark::Disc { colour, radius } => canvas.disc(middle, radius.min(0.5 * measures.row), colour),
        Mark::Ring { pen, radius } => canvas.ring(middle, radius.min(0.5 * measures.row), pen),
        Mark::Arrow { colour, halo } => {
            let shaft = 0.14 * measures.size;
            let shape = ArrowShape { shaft, head_length: 4.4 * shaft, head_width: 3.4 * shaft };
            canvas.arrow((x, y), (x + measures.mark, y), shape, colour, halo);
        }
        Mark::Form { form, radius } => form.draw(canvas, middle, radius.min(0.45 * measures.row)),
        Mark::Cased { pen, casing } => {
            [casing, pen].iter().for_each(|pen| canvas.polyline(&[(x, y), (x + measures.mark, y)], *pen));
        }
        Mark::Square(colour) => {
            let side = measures.size;
            canvas.fill_rect((middle.0 - 0.5 * side).round(), (y - 0.5 * side).round(), side, side, colour);
        }
    }
}

/// Places along a border, of which the first and the last are in corners.
const PLACES: u32 = 33;

/// The upper left corner of the box where it covers the least ink: upper right first, as is the custom; at the middle of a
/// side where that covers less than half as much as any corner does. Where all of these have some, a place along the borders
/// that has none is better.
fn emptiest_corner(layout: &Layout, measures: &Measures, ink: &[(f64, f64)]) -> (f64, f64) {
    let (left, top, right, bottom) = layout.edges();
    let inset = (0.7 * measures.size).round();
    let (near, far) = (left + inset, (right - inset - measures.width).max(left).round());
    let (high, low) = (top + inset, (bottom - inset - measures.height).max(top).round());
    let corners = [(far, high), (near, high), (far, low), (near, low)];
    let (middle, centre) = (((high + low) / 2.0).round(), ((near + far) / 2.0).round());
    let sides = [(far, middle), (near, middle), (centre, high), (centre, low)];
    let covered = |corner: &(f64, f64)| {
        let within = |v: f64, from: f64, length: f64| (from - inset..=from + length + inset).contains(&v);
        let under = |p: &&(f64, f64)| within(p.0, corner.0, measures.width) && within(p.1, corner.1, measures.height);
        ink.iter().filter(under).count()
    };
    let of_corners = corners.iter().map(|corner| (corner, covered(corner)));
    let of_sides = sides.iter().map(|side| (side, 2 * covered(side) + 1));
    let best = of_corners.chain(of_sides).min_by_key(|(_, covered)| *covered).map_or((far, high), |(place, _)| *place);
    if covered(&best) == 0 {
        return best;
    }
    let between = |from: f64, to: f64, k: u32| (from + (to - from) * f64::from(k) / f64::from(PLACES - 1)).round();
    let upright = (1..PLACES - 1).flat_map(|k| [far, near].map(|x| (x, between(high, low, k))));
    let across = (1..PLACES - 1).flat_map(|k| [high, low].map(|y| (between(far, near, k), y)));
    upright.chain(across).find(|place| covered(place) == 0).unwrap_or(best)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Picture;
    use super::*;

    /// The box among this ink, and how many of the points it covers.
    fn placed(ink: &[(f64, f64)]) -> ((f64, f64), usize) {
        let layout = Picture::new(600, 500).layout().unwrap();
        let measures = Measures { size: 10.0, row: 14.0, gap: 6.0, mark: 19.0, width: 120.0, height: 60.0 };
        let (x, y) = emptiest_corner(&layout, &measures, ink);
        let (left, top, right, bottom) = layout.edges();
        assert!(x >= left && y >= top && x + 120.0 <= right && y + 60.0 <= bottom, "{x} {y} is not on the plot");
        let covers = |p: &&(f64, f64)| p.0 >= x && p.0 <= x + 120.0 && p.1 >= y && p.1 <= y + 60.0;
        ((x, y), ink.iter().filter(covers).count())
    }

    #[test]
    fn a_mark_in_each_corner_is_left_free() {
        let layout = Picture::new(600, 500).layout().unwrap();
        let (left, top, right, bottom) = layout.edges();
        let corners = [left + 40.0, right - 40.0].map(|x| [top + 40.0, bottom - 40.0].map(|y| (x, y))).concat();
        assert_eq!(placed(&corners).1, 0);
        let usual = placed(&[]).0;
        assert_eq!(placed(&[(left + 5.0, bottom - 5.0)]).0, usual);
        // Where ink is everywhere a corner is best.
        let all: Vec<(f64, f64)> =
            (0..60).flat_map(|i| (0..50).map(move |j| (10.0 * f64::from(i), 10.0 * f64::from(j)))).collect();
        let everywhere = placed(&all).0;
        assert!((everywhere.0 - usual.0).abs() < 1e-9 || everywhere.0 < left + 20.0, "{everywhere:?}");
    }
}
