//! The layers of a picture that moves: what stays, and what is seen of the rest at a moment.
//!
//! In: what stays, drawn once; a layer as it is now, and as it will be in the end. Out: the ink of the first, and the
//! legend of the second, so that nothing but the data moves.

use super::bar::Bar;
use super::canvas::{Bitmap, Canvas};
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::Entry;

/// Layers that stay, as they were drawn.
#[derive(Clone, Debug)]
pub struct Backdrop {
    /// A picture of the same layout, without a legend.
    pub bitmap: Bitmap,
    /// What it shows, for colour bar and legend.
    pub layers: Vec<Layer>,
}

impl Drawn for Backdrop {
    fn check(&self) -> Result<(), PictureError> {
        let (found, expected) = (self.bitmap.rgba.len(), self.bitmap.width as usize * self.bitmap.height as usize * 4);
        if found == expected { Ok(()) } else { Err(PictureError::Length { what: "backdrop", found, expected }) }
    }

    fn fills(&self) -> bool {
        true
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        for y in layout.top..(layout.top + layout.height).min(self.bitmap.height) {
            let from = (y as usize * self.bitmap.width as usize + layout.left as usize) * 4;
            let row = canvas.row_mut(layout.left, y, layout.width);
            if let Some(drawn) = self.bitmap.rgba.get(from..from + row.len()) {
                row.copy_from_slice(drawn);
            }
        }
    }

    fn bar(&self) -> Option<Bar<'_>> {
        self.layers.iter().find_map(|layer| layer.drawn().bar())
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        self.layers.iter().flat_map(|layer| layer.drawn().entries(layout)).collect()
    }

    fn ink(&self, layout: &Layout) -> Vec<(f64, f64)> {
        self.layers.iter().flat_map(|layer| layer.drawn().ink(layout)).collect()
    }
}

impl From<Backdrop> for Layer {
    fn from(layer: Backdrop) -> Layer {
        Layer::new(layer)
    }
}

/// A layer at a moment of an animation.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What is drawn.
    pub now: Layer,
    /// What the legend tells of, and keeps clear of.
    pub whole: Layer,
}

impl Drawn for Moment {
    fn check(&self) -> Result<(), PictureError> {
        self.now.drawn().check()
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band) {
        self.now.drawn().draw(canvas, layout, band);
    }

    fn entries(&self, layout: &Layout) -> Vec<Entry> {
        self.whole.drawn().entries(layout)
    }

    fn ink(&self, layout: &Layout) -> Vec<(f64, f64)> {
        self.whole.drawn().ink(layout)
    }
}

impl From<Moment> for Layer {
    fn from(layer: Moment) -> Layer {
        Layer::new(layer)
    }
}
