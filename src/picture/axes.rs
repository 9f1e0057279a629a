//! The frame, the marks, the grid lines and the words around a plot.
//!
//! In: a [`Layout`] and the texts. Out: ink on the canvas, all of it inside the picture. Layers may draw over the
//! border of the plot rectangle; [`clear_margins`] then takes away what lies outside.

use super::canvas::Canvas;
use super::frame::Frame;
use super::layout::{Detail, Layout};
use super::maps::Rgba;
use super::shapes::{Across, Along, INK, Lettering, Pen, WHITE};
use super::text::{self, fit};

/// Grid lines on white, and on top of a picture of colours.
const GRID_ON_WHITE: Rgba = [0xDD, 0xDD, 0xDD, 255];
const GRID_ON_COLOUR: Rgba = [255, 255, 255, 70];

/// Grid lines at the marks of both axes; `on_colour` where a heat layer lies below.
pub(super) fn draw_grid(canvas: &mut Canvas, layout: &Layout, on_colour: bool) {
    let colour = if on_colour { GRID_ON_COLOUR } else { GRID_ON_WHITE };
    let (left, top, right, bottom) = layout.edges();
    let line = layout.sizes.line;
    for x in layout.x_ticks.at.iter().map(|v| mark(left, right, layout.x.fraction(*v), line)) {
        canvas.fill_rect(x, top, line, bottom - top, colour);
    }
    for y in layout.y_ticks.at.iter().map(|v| mark(top, bottom, 1.0 - layout.y.fraction(*v), line)) {
        canvas.fill_rect(left, y, right - left, line, colour);
    }
}

/// Where a line of width `line` starts, in whole pixels: centred on its place, but on the frame at both ends.
fn mark(from: f64, to: f64, fraction: f64, line: f64) -> f64 {
    (from - line + (to - from + line) * fraction.clamp(0.0, 1.0)).round()
}

/// White around the plot rectangle.
pub(super) fn clear_margins(canvas: &mut Canvas, layout: &Layout) {
    let (left, top, right, bottom) = layout.edges();
    let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
    canvas.fill_rect(0.0, 0.0, width, top, WHITE);
    canvas.fill_rect(0.0, bottom, width, height - bottom, WHITE);
    canvas.fill_rect(0.0, top, left, bottom - top, WHITE);
    canvas.fill_rect(right, top, width - right, bottom - top, WHITE);
}

/// The frame line, the marks with their labels, the names of the axes and the title, as much as the layout has.
pub(super) fn draw_frame(canvas: &mut Canvas, layout: &Layout, frame: &Frame<'_>) {
    if layout.detail == Detail::Nothing {
        return;
    }
    let (left, top, right, bottom) = layout.edges();
    if frame.axes {
        canvas.frame_rect(left, top, right - left, bottom - top, Pen::solid(INK, layout.sizes.line));
    }
    if layout.detail == Detail::Full {
        if frame.axes {
            draw_x_axis(canvas, layout, frame);
            draw_y_axis(canvas, layout, frame.y_label);
        }
        draw_title(canvas, layout, frame);
    }
}

fn draw_x_axis(canvas: &mut Canvas, layout: &Layout, frame: &Frame<'_>) {
    let label = frame.x_label;
    let (left, _, right, bottom) = layout.edges();
    let sizes = layout.sizes;
    let baseline = bottom + sizes.line + sizes.tick_length + sizes.gap + text::CAP_HEIGHT * sizes.tick;
    let style = Lettering::new(sizes.tick, Along::Centre, Across::Baseline);
    for (v, label) in layout.x_ticks.at.iter().zip(&layout.x_ticks.labels) {
        let x = mark(left, right, layout.x.fraction(*v), sizes.line);
        canvas.fill_rect(x, bottom + sizes.line, sizes.line, sizes.tick_length, INK);
        if !frame.x_words() {
            continue;
        }
        let (words, size, middle) =
            Layout::centred(label, sizes.tick, x + 0.5 * sizes.line, 0.0, f64::from(canvas.width()));
        canvas.text(&words, middle, baseline, Lettering { size, ..style });
    }
    if !frame.x_words() {
        return;
    }
    let below = baseline + 1.35 * sizes.label;
    let taken = layout.x_ticks.offset.as_ref().map_or(0.0, |offset| text::width(offset, sizes.tick) + sizes.tick);
    let (words, size, middle) = Layout::centred(label, sizes.label, 0.5 * (left + right), left, right - taken);
    canvas.text(&words, middle, below, Lettering { size, ..style });
    if let Some(offset) = &layout.x_ticks.offset {
        // On the line of the axis name, at the end, as one reads it after the last label.
        canvas.text(offset, right, below, Lettering { along: Along::Right, ..style });
    }
}

fn draw_y_axis(canvas: &mut Canvas, layout: &Layout, label: &str) {
    let (left, top, _, bottom) = layout.edges();
    let sizes = layout.sizes;
    let edge = left - sizes.line - sizes.tick_length - sizes.gap;
    let style = Lettering::new(sizes.tick, Along::Right, Across::Middle);
    for (v, label) in layout.y_ticks.at.iter().zip(&layout.y_ticks.labels) {
        let y = mark(top, bottom, 1.0 - layout.y.fraction(*v), sizes.line);
        canvas.fill_rect(left - sizes.line - sizes.tick_length, y, sizes.tick_length, sizes.line, INK);
        let (words, size) = fit(label, sizes.tick, layout.y_tick_width);
        canvas.text(&words, edge, y + 0.5 * sizes.line, Lettering { size, ..style });
    }
    let baseline = edge - layout.y_tick_width - 0.45 * sizes.label;
    let (words, size, middle) = Layout::centred(label, sizes.label, 0.5 * (top + bottom), top, bottom);
    let upwards = Lettering { size, upwards: true, ..Lettering::new(size, Along::Centre, Across::Baseline) };
    canvas.text(&words, baseline, middle, upwards);
    if let Some(offset) = &layout.y_ticks.offset {
        let above = Lettering::new(sizes.tick, Along::Left, Across::Baseline);
        canvas.text(offset, left, top - sizes.line - 0.4 * sizes.tick, above);
    }
}

fn draw_title(canvas: &mut Canvas, layout: &Layout, frame: &Frame<'_>) {
    let (left, top, right, _) = layout.edges();
    let sizes = layout.sizes;
    let margin = sizes.tick;
    let to = f64::from(canvas.width()) - margin;
    let (words, size, middle) = Layout::centred(frame.title, sizes.title, 0.5 * (left + right), margin, to);
    let offset = if layout.y_ticks.offset.is_some() { 1.3 * sizes.tick } else { 0.0 };
    let baseline = top - sizes.line - offset - 0.5 * sizes.title;
    canvas.text(&words, middle, baseline, Lettering::new(size, Along::Centre, Across::Baseline));
}
