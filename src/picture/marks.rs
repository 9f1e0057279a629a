//! The layer of marks: places of some kinds, each kind with a form of its own.
//!
//! In: places in data units by form. Out: marks over all lines, and a line of the legend for each form that has any.

use super::canvas::Canvas;
use super::forms::Form;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::Pixel;
use std::collections::HashSet;

/// Marks of one form.
#[derive(Clone, Debug)]
pub struct Marks {
    /// In data units; what does not lie on the plot is left out.
    pub points: Vec<(f64, f64)>,
    /// How each is drawn. Dots that would touch are thinned out: together they stand for a line or an area.
    pub form: Form,
    /// The entry in the legend; none if empty.
    pub label: String,
}

/// Radius of a mark on a picture of unit size, and the side of the squares of which each has one dot at most.
const RADIUS: f64 = 5.2;
const APART: f64 = 9.0;
/// How many places of a line's ink a mark stands for.
pub(super) const COUNTS: usize = 8;

impl Marks {
    fn radius(layout: &Layout) -> f64 {
        (RADIUS * layout.sizes.unit).max(2.5)
    }

    fn pixels(&self, layout: &Layout) -> Vec<Pixel> {
        let all = self.points.iter().map(|(x, y)| layout.to_pixel(*x, *y)).filter(|p| layout.shows(*p));
        if self.form != Form::Dot {
            return all.collect();
        }
        let side = (APART * layout.sizes.unit).max(2.0);
        let mut taken = HashSet::new();
        all.filter(|(x, y)| taken.insert(((x / side) as i64, (y / side) as i64))).collect()
    }
}

impl Drawn for Marks {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let radius = Marks::radius(layout);
        self.pixels(layout).into_iter().for_each(|at| self.form.draw(canvas, at, radius));
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        let mark = Mark::Form { form: self.form, radius: Marks::radius(layout) };
        let entry = || Entry { mark, words: self.label.clone() };
        (!self.label.is_empty() && !self.points.is_empty()).then(entry).into_iter().collect()
    }

    /// A mark that is covered is lost, where a line goes on: it counts for more.
    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        self.pixels(layout).repeat(COUNTS)
    }
}

impl From<Marks> for Layer {
    fn from(layer: Marks) -> Layer {
        Layer::new(layer)
    }
}
