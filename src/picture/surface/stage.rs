//! Where the box stands on the picture: from data to pixels, seen from anywhere.
//!
//! In: a [`View`] and the ranges of the box. Out: a [`Stage`]. The projection is parallel, so that equal steps of an
//! axis are equal lengths everywhere, parallel lines stay parallel, and the base plane is an affine picture of (x, y).

use super::super::error::PictureError;
use super::super::layout::Layout;
use super::super::scale::Span;

/// From where a surface is seen, in degrees, as matplotlib has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The viewer's direction over the (x, y) plane, from the x axis towards the y axis.
    pub azimuth: f64,
    /// The viewer's height over the (x, y) plane, -90 to 90: 90 looks straight down.
    pub elevation: f64,
}

impl Default for View {
    fn default() -> View {
        View { azimuth: -60.0, elevation: 30.0 }
    }
}

/// A place in the box, or a direction: the box is centred on the origin.
pub(super) type Place = [f64; 3];

/// A place on the picture: pixels to the right, pixels down, and pixels towards the viewer.
pub(super) type Seen = [f64; 3];

/// The sides of the box.
pub(super) const SIDES: Place = [1.0, 1.0, 0.75];

/// More cells along a side of the mesh than this are not seen on any picture that is looked at as a whole.
const CELLS: f64 = 1400.0;
/// Fewer would show on a small one.
const FEW: f64 = 240.0;

impl View {
    /// To the right, up, and towards the viewer, as unit vectors of the box.
    pub(super) fn axes(self) -> [Place; 3] {
        let (sin, cos) = self.azimuth.to_radians().sin_cos();
        let (high, flat) = self.elevation.to_radians().sin_cos();
        [[-sin, cos, 0.0], [-high * cos, -high * sin, flat], [flat * cos, flat * sin, high]]
    }

    /// How many points a mesh needs in x and in y so that its cells are about as wide as pixels.
    pub fn mesh(self, layout: &Layout) -> (usize, usize) {
        let [right, up, _] = self.axes();
        let scale = fitting(self, (f64::from(layout.width), f64::from(layout.height)));
        let points = |side: usize| (scale * right[side].hypot(up[side])).clamp(FEW, CELLS).ceil() as usize + 1;
        (points(0) | 1, points(1) | 1)
    }
}

/// Pixels a unit of the box, where the box alone takes all of the room.
pub(super) fn fitting(view: View, room: (f64, f64)) -> f64 {
    let [right, up, _] = view.axes();
    let extent = |way: Place| way.iter().zip(SIDES).map(|(v, side)| v.abs() * side).sum::<f64>().max(1e-9);
    (room.0 / extent(right)).min(room.1 / extent(up))
}

/// A box on a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub right: Place,
    pub up: Place,
    pub towards: Place,
    /// Pixels a unit of the box.
    pub scale: f64,
    /// The pixel of the middle of the box.
    pub centre: (f64, f64),
    /// The ranges of x, y and z.
    pub spans: [Span; 3],
}

impl Stage {
    /// # Errors
    /// [`PictureError::Range`] for a range that is not finite or not in ascending order.
    pub(super) fn new(view: View, scale: f64, ranges: [(f64, f64); 3]) -> Result<Stage, PictureError> {
        let [right, up, towards] = view.axes();
        let [x, y, z] = ranges;
        let spans = [
            Span::new("the x axis", x.0, x.1)?,
            Span::new("the y axis", y.0, y.1)?,
            Span::new("the z axis", z.0, z.1)?,
        ];
        Ok(Stage { right, up, towards, scale, centre: (0.0, 0.0), spans })
    }

    /// Where a point in data units is in the box.
    pub(super) fn place(&self, data: [f64; 3]) -> Place {
        [0, 1, 2].map(|k| (self.spans[k].fraction(data[k]) - 0.5) * SIDES[k])
    }

    /// A direction in data units as one of the box.
    pub(super) fn way(&self, data: [f64; 3]) -> Place {
        [0, 1, 2].map(|k| data[k] / self.spans[k].width() * SIDES[k])
    }

    pub(super) fn see(&self, place: Place) -> Seen {
        let [right, up, towards] = [self.right, self.up, self.towards].map(|way| self.scale * dot(way, place));
        [self.centre.0 + right, self.centre.1 - up, towards]
    }

    /// The pixel of a place.
    pub(super) fn pixel(&self, place: Place) -> (f64, f64) {
        let [x, y, _] = self.see(place);
        (x, y)
    }

    /// Which side of the box is towards the viewer: 1 or -1, for each axis.
    pub(super) fn side(&self, axis: usize) -> f64 {
        if self.towards[axis] < 0.0 { -1.0 } else { 1.0 }
    }

    /// The height of the base plane: the floor, or seen from below the ceiling.
    pub(super) fn base(&self) -> f64 {
        -0.5 * SIDES[2] * self.side(2)
    }

    /// x and y in data units of a pixel of the base plane; None where that is seen from its edge.
    pub(super) fn on_base(&self) -> Option<impl Fn((f64, f64)) -> (f64, f64)> {
        let determinant = self.right[0] * self.up[1] - self.right[1] * self.up[0];
        let (stage, base) = (*self, self.base());
        (determinant.abs() > 0.02).then_some(move |(x, y): (f64, f64)| {
            let across = (x - stage.centre.0) / stage.scale - stage.right[2] * base;
            let above = (stage.centre.1 - y) / stage.scale - stage.up[2] * base;
            let u = (across * stage.up[1] - above * stage.right[1]) / determinant;
            let v = (above * stage.right[0] - across * stage.up[0]) / determinant;
            (stage.spans[0].at(u / SIDES[0] + 0.5), stage.spans[1].at(v / SIDES[1] + 0.5))
        })
    }
}

pub(super) fn dot(a: Place, b: Place) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
