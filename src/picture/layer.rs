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
use super::shares::Shares;
use super::slopes::SlopeStrip;

/// What layers show on some rows of the plot, where a picture is too large for all of it to be held: see
/// [`super::Picture::draw_band`].
#[derive(Clone, Debug, Default)]
pub struct Band {
    /// The values of a layer [`super::Heat::in_bands`].
    pub heat: Option<Strip>,
    /// The brightnesses of a layer [`super::Lines::in_bands`].
    pub lines: Option<Strip>,
    /// The quantity with its gradient, for bands and hillshade; for contours [`Layout::halo`] rows more than are drawn on
    /// either side, where the plot has them.
    pub slopes: Option<SlopeStrip>,
}

/// Values of some rows of the plot, [`Layout::width`] each, from the lowest row upwards.
#[derive(Clone, Debug, Default)]
pub struct Strip {
    /// The first row, counted from the bottom of the plot.
    pub first: usize,
    /// The values.
    pub values: Vec<f32>,
}

impl Band {
    /// # Errors
    /// [`PictureError::Length`] for rows or values that are missing.
    pub(super) fn check(&self, rows: Range<usize>, width: usize) -> Result<(), PictureError> {
        let covers = |first: usize, found: usize, what: &'static str| {
            let expected = rows.len() * width;
            let enough = rows.is_empty() || first <= rows.start && found >= (rows.end - first) * width;
            if enough { Ok(()) } else { Err(PictureError::Length { what, found, expected }) }
        };
        for strip in [&self.heat, &self.lines].into_iter().flatten() {
            covers(strip.first, strip.values.len(), "values of the band")?;
        }
        let columns =
            self.slopes.iter().flat_map(|strip| strip.columns.iter().map(|column| (strip.first, column.len())));
        columns.into_iter().try_for_each(|(first, found)| covers(first, found, "slopes of the band"))
    }
}

impl Strip {
    /// The values of a row of the plot; empty where there are none.
    pub(super) fn row(&self, row: usize, width: usize) -> &[f32] {
        let start = row.wrapping_sub(self.first).wrapping_mul(width);
        self.values.get(start..).and_then(|rest| rest.get(..width)).unwrap_or_default()
    }
}

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

    /// Whether all that it inks is a shade of grey.
    fn grey(&self) -> bool {
        false
    }

    /// Inks the rows that the canvas has, over the layers before it, by what `band` has of them or else by what the
    /// layer holds.
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, band: &Band);

    /// The colour bar; the picture shows that of its first layer that has one.
    fn bar(&self) -> Option<Bar<'_>> {
        None
    }

    /// Shares of the plot, which stand where a colour bar would.
    fn shares(&self) -> Option<Shares> {
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
