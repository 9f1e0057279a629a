//! Fields, arrows, curves and descents as a picture.
//!
//! In: values that were computed elsewhere, in data units. Out: a [`Bitmap`], RGBA pixels (writing PNG is the business
//! of `files`). A picture is drawn in two steps, so that a field can be evaluated at exactly the pixels it is shown at:
//!
//! ```
//! # use gradfield::picture::*;
//! let mut picture = Picture { title: "x² + y²".into(), x_range: (-3.0, 3.0), y_range: (-3.0, 3.0),
//!     equal_aspect: true, colour_bar: true, bar_label: true, ..Picture::new(800, 700) };
//! // 1. Where is the plot, and which x and y are its pixels?
//! let layout = picture.layout()?;
//! let (x, y) = (layout.x_centres(), layout.y_centres());
//! let values: Vec<f64> = y.iter().flat_map(|y| x.iter().map(move |x| x * x + y * y)).collect();
//! // 2. The values as a layer, and the picture.
//! let colouring = Colouring::fit(ColourMap::sequential(), Scale::Linear, Limits::Auto, &values)?;
//! picture.layers.push(Heat::new(values, x.len(), y.len(), colouring, "f")?.into());
//! let bitmap = picture.draw()?;
//! assert_eq!(bitmap.rgba.len(), 800 * 700 * 4);
//! # Ok::<(), PictureError>(())
//! ```
//!
//! The files, in the order in which they import each other: `error`, `scale`, `maps`, `colour`, `pixels` (values to
//! colours); `text`, `shapes`, `canvas`, `forms` (ink); `figures`, `ticks`, `levels`, `layout`, `frame`, `axes`, `wheel`, `bar`,
//! `shares`, `legend` (what stands around the data); `slopes`, `layer` (what a layer is); `heat`, `bands`, `hillshade`, `lic`, `basins`,
//! `contours` and its `labels`, `zeros`, `streamlines`, `arrows`, `lines`, `density`, `curve`, `paths`, `race`, `marks`, `tangents`, `surface`, `moment` (the layers); this file puts
//! them together; `mosaic` puts several pictures side by side.

mod arrows;
mod axes;
mod bands;
mod bar;
mod basins;
mod canvas;
mod colour;
mod contours;
mod curve;
mod density;
mod error;
mod figures;
mod forms;
mod frame;
mod heat;
mod hillshade;
mod labels;
mod layer;
mod layout;
mod legend;
mod levels;
mod lic;
mod lines;
mod maps;
mod marks;
mod moment;
mod mosaic;
mod paths;
mod pixels;
mod race;
mod scale;
mod shapes;
mod shares;
mod slopes;
mod streamlines;
mod surface;
mod tangents;
mod text;
mod ticks;
mod wheel;
mod zeros;

pub use arrows::{ArrowColour, ArrowLength, Arrows, Pivot, lattice};
pub use bands::Bands;
pub use basins::{Attraction, Numbers, basin_colour};
pub use canvas::Bitmap;
pub use colour::{Colouring, Counts, Level, NAN_COLOUR};
pub use contours::Contours;
pub use curve::{CURVE_COLOURS, Curve, padded, y_range};
pub use density::Density;
pub use error::{LONGEST_SIDE, PictureError};
pub use forms::Form;
pub use heat::Heat;
pub use hillshade::{Hillshade, Light};
pub use layer::{Band, Layer, Strip};
pub use layout::{Layout, Part};
pub use levels::{levels, plain};
pub use lic::Lines;
pub use maps::{ColourMap, MapKind, Rgba};
pub use marks::Marks;
pub use moment::{Backdrop, Moment};
pub use mosaic::mosaic;
pub use paths::{Paths, Points, RED};
pub use pixels::NAN_PALETTE;
pub use race::{RUNNER_COLOURS, Race, Runner};
pub use scale::{Limits, Scale, range_of};
pub use shapes::{BLACK, INK, WHITE};
pub use slopes::{SlopeStrip, Slopes};
pub use streamlines::Streamlines;
pub use surface::{Sheet, Surface, View};
pub use tangents::{TANGENT_COLOUR, Tangents};
pub use text::typeset;
pub use zeros::{ZeroLine, Zeros};

use std::ops::Range;

use canvas::{Canvas, check_size};
use frame::Frame;
use layer::Drawn;
use legend::Entry;

/// See [`Picture::small`].
pub const SMALL: u32 = 800;

/// A picture of data over an x and a y range.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Size in pixels, across. Text and lines grow with the shorter side, so a preview and a print look the same.
    pub width: u32,
    /// Size in pixels, downwards.
    pub height: u32,
    /// Drawn as they stand; [`typeset`] makes `x^2` into `x²`. A title that is too long is set smaller, then cut.
    pub title: String,
    /// The name of the x axis.
    pub x_label: String,
    /// The name of the y axis, written upwards.
    pub y_label: String,
    /// Data range (from, to) that the plot spans in x, edge to edge. Equal ends are widened.
    pub x_range: (f64, f64),
    /// The same in y.
    pub y_range: (f64, f64),
    /// Logarithmic axes, x and y: equal factors are equal lengths. Their ranges lie above zero.
    pub logarithmic: (bool, bool),
    /// One data unit is as long on x as on y (given up where the plot would be a hair).
    pub equal_aspect: bool,
    /// Axes around the plot; without them its layers have their own.
    pub axes: bool,
    /// Lines at the ticks.
    pub grid: bool,
    /// A colour bar for the first layer that has colours by value: the layout keeps room for it.
    pub colour_bar: bool,
    /// The colour bar has a label.
    pub bar_label: bool,
    /// A legend of all layers that have a label.
    pub legend: bool,
    /// The plot alone, without frame and words: its pixels are the picture's.
    pub bare: bool,
    /// Where it is a part of a larger one.
    pub part: Option<Part>,
    /// Drawn in this order, but layers that fill the plot first.
    pub layers: Vec<Layer>,
}

impl Picture {
    /// An empty picture of `width` by `height` pixels over (0, 1) in x and y, with axes named x and y, with grid and
    /// legend, without a colour bar.
    pub fn new(width: u32, height: u32) -> Picture {
        Picture {
            width,
            height,
            title: String::new(),
            x_label: "x".to_owned(),
            y_label: "y".to_owned(),
            x_range: (0.0, 1.0),
            y_range: (0.0, 1.0),
            logarithmic: (false, false),
            equal_aspect: false,
            axes: true,
            grid: true,
            colour_bar: false,
            bar_label: false,
            legend: true,
            bare: false,
            part: None,
            layers: Vec::new(),
        }
    }

    /// Where the plot rectangle is. Depends on size, texts, ranges and colour bar, not on the layers.
    ///
    /// # Errors
    /// - [`PictureError::Size`] for a side of 0 or more than [`LONGEST_SIDE`] pixels.
    /// - [`PictureError::Range`] for a range that is not finite or not in ascending order.
    /// - [`PictureError::LogRange`] for a logarithmic axis whose range reaches zero.
    pub fn layout(&self) -> Result<Layout, PictureError> {
        self.frame().layout()
    }

    /// Draws the picture.
    ///
    /// # Errors
    /// - Those of [`Picture::layout`].
    /// - [`PictureError::Memory`] where the pixels do not fit into memory.
    /// - [`PictureError::Length`] for a layer whose arrays do not belong together.
    pub fn draw(&self) -> Result<Bitmap, PictureError> {
        self.draw_band(0..self.height, &Band::default())
    }

    /// Draws the rows `rows` of the picture alone: bands from top to bottom make a picture that is too large for
    /// memory, and so are its data. `band` has those of the rows [`Layout::field_rows`]; what it lacks is drawn by what
    /// the layers hold. Draw it small first, as [`Picture::small`] makes it: what holds for all bands is decided then.
    /// Bands differ from the whole picture in the rounding of a few border pixels of shapes.
    ///
    /// # Errors
    /// Those of [`Picture::draw`]; [`PictureError::Size`] for no rows and [`PictureError::Length`] for a `band` that
    /// does not have the rows.
    pub fn draw_band(&self, rows: Range<u32>, band: &Band) -> Result<Bitmap, PictureError> {
        let layout = self.layout()?;
        let layers: Vec<&dyn Drawn> = self.layers.iter().map(Layer::drawn).collect();
        layers.iter().try_for_each(|layer| layer.check())?;
        let mut canvas = Canvas::new(self.width, self.height, rows)?;
        band.check(layout.field_rows(canvas.rows()), layout.width as usize)?;
        let (below, above): (Vec<&dyn Drawn>, Vec<&dyn Drawn>) = layers.iter().partition(|layer| layer.fills());
        below.iter().for_each(|layer| layer.draw(&mut canvas, &layout, band));
        if self.grid && self.axes {
            axes::draw_grid(&mut canvas, &layout, !below.is_empty());
        }
        above.iter().for_each(|layer| layer.draw(&mut canvas, &layout, band));
        self.draw_around(&mut canvas, &layout, &layers);
        Ok(canvas.into_bitmap())
    }

    /// This picture with a lower one below it, both over this one's x axis, which has its words at the bottom: one bitmap.
    ///
    /// # Errors
    /// - Those of [`Picture::draw`]; [`PictureError::Size`] where the two are too large together.
    pub fn draw_above(&self, lower: &Picture) -> Result<Bitmap, PictureError> {
        let whole = (self.width, self.height.saturating_add(lower.height));
        check_size(whole.0, whole.1)?;
        let part = |of: &Picture, label_room: f64, x_words: bool| Picture {
            width: self.width,
            x_range: self.x_range,
            part: Some(Part { whole, label_room, x_words }),
            ..of.clone()
        };
        let room = [self, lower].map(|of| part(of, 0.0, true).layout().map(|layout| layout.y_tick_width));
        let [above, below] = room;
        let room = above?.max(below?);
        let mut bitmap = part(self, room, false).draw()?;
        bitmap.rgba.extend(part(lower, room, true).draw()?.rgba);
        Ok(Bitmap { height: whole.1, ..bitmap })
    }

    /// The colour map of the first layer that has colours by value.
    pub fn colour_map(&self) -> Option<ColourMap> {
        self.layers.iter().find_map(|layer| layer.drawn().bar()).map(|bar| bar.colouring.map())
    }

    /// Whether it has no colours: red, green and blue of each pixel are the same. A picture with a frame is not asked.
    pub fn is_grey(&self) -> bool {
        self.bare && self.layers.iter().all(|layer| layer.drawn().grey())
    }

    /// The same picture with at most [`SMALL`] pixels a side.
    pub fn small(&self) -> Picture {
        let longer = f64::from(self.width.max(self.height));
        let side = |side: u32| ((f64::from(side) * f64::from(SMALL) / longer).round() as u32).clamp(1, side.max(1));
        Picture { width: side(self.width), height: side(self.height), ..self.clone() }
    }

    /// Everything but the data.
    fn draw_around(&self, canvas: &mut Canvas, layout: &Layout, layers: &[&dyn Drawn]) {
        axes::clear_margins(canvas, layout);
        axes::draw_frame(canvas, layout, &self.frame());
        if let Some(bar) = layers.iter().find_map(|layer| layer.bar()).filter(|_| self.colour_bar) {
            bar.draw(canvas, layout, [&self.x_label, &self.y_label]);
        } else if let Some(shares) = layers.iter().find_map(|layer| layer.shares()).filter(|_| self.colour_bar) {
            shares.draw(canvas, layout);
        }
        if self.legend && !self.bare {
            draw_legend(canvas, layout, layers);
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            width: self.width,
            height: self.height,
            title: &self.title,
            x_label: &self.x_label,
            y_label: &self.y_label,
            x_range: self.x_range,
            y_range: self.y_range,
            logarithmic: self.logarithmic,
            equal_aspect: self.equal_aspect,
            axes: self.axes,
            colour_bar: self.colour_bar,
            bar_label: self.bar_label,
            bare: self.bare,
            part: self.part,
        }
    }
}

fn draw_legend(canvas: &mut Canvas, layout: &Layout, layers: &[&dyn Drawn]) {
    let entries: Vec<Entry> = layers.iter().flat_map(|layer| layer.entries(layout)).collect();
    if !entries.is_empty() {
        let ink: Vec<(f64, f64)> = layers.iter().flat_map(|layer| layer.ink(layout)).collect();
        legend::draw(canvas, layout, &entries, &ink);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
