//! What a layer is to a picture.
//!
//! Each kind of layer has a file of its own, which implements [`Drawn`] for its data and turns them into a [`Layer`];
//! nothing else knows which kinds there are.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use super::bar::Bar;
use super::canvas::Canvas;
use super::error::PictureError;
use super::layout::Layout;
use super::legend::Entry;

/// What a kind of layer does; only [`Drawn::draw`] is needed.
pub(super) trait Drawn: Debug + Send + Sync {
    /// # Errors
    /// [`PictureError::Length`] for arrays that do not belong together.
    fn check(&self) -> Result<(), PictureError> {
        Ok(())
    }

    /// Whether it fills the plot: it is then drawn below the grid lines, which turn light.
    fn fills(&self) -> bool {
        false
    }

    /// How many values a band of these rows must come with.
    fn values_for(&self, _rows: Range<u32>, _layout: &Layout) -> usize {
        0
    }

    /// Inks the rows that the canvas has, over the layers before it. `band` has the values asked for by
    /// [`Drawn::values_for`].
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &[f32]);

    /// The colour bar; the picture shows that of its first layer that has one.
    fn bar(&self) -> Option<Bar<'_>> {
        None
    }

    /// Lines of the legend.
    fn entries(&self, _layout: &Layout) -> Vec<Entry> {
        Vec::new()
    }

    /// Pixels that the legend should not cover.
    fn ink(&self, _layout: &Layout) -> Vec<(f64, f64)> {
        Vec::new()
    }
}

/// One kind of data on a picture: made by `Layer::from` (or `into`) from [`super::Heat`], [`super::Arrows`],
/// [`super::Curve`] and the others. Clones share the data.
#[derive(Clone, Debug)]
pub struct Layer(Arc<dyn Drawn>);

impl Layer {
    pub(super) fn new(layer: impl Drawn + 'static) -> Layer {
        Layer(Arc::new(layer))
    }

    pub(super) fn drawn(&self) -> &dyn Drawn {
        self.0.as_ref()
    }
}
