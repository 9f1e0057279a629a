//! Streamlines of a gradient: evenly spaced curves that follow it, over a rectangle of a picture.
//!
//! Flows in: a function of two variables, the rectangle ([`View`]), the distance between lines in pixels, an engine. Flows
//! out: [`Streamline`]s, uphill, in data units.
//!
//! The method is that of Jobard and Lefer, "Creating Evenly-Spaced Streamlines of Arbitrary Density" (1997): a line starts
//! one separation away from a line that is there and ends where it comes nearer than half a separation to another. As in
//! Liu, Moorhead and Groner, "An Advanced Evenly-Spaced Streamline Placement Algorithm" (2006), steps adapt to an
//! estimate of their error, long lines come first, and lines that close are closed. A whole generation of candidates grows
//! at once, so that an engine evaluates hundreds of points in a call; which of them stay is decided afterwards, in an
//! order that depends on the lines alone. The result is the same for any engine's threads and any size of batches.
//!
//! A line follows the field that the picture shows: where x and y have different scales, the direction is
//! (df/dx sx, df/dy sy) with sx and sy in pixels per unit, the image of the curve dX/dt = grad f(X), as in matplotlib's
//! `streamplot`. All lengths but the tolerance are shares of the separation: a preview and a print have the same lines.
//!
//! The files, in the order in which they import each other: `step` (the integrator), `near` (what is close by), `grow`
//! (candidates), `place` (generations); this file is the way in. Beside them stands [`lic`], line integral convolution:
//! the direction at every pixel; `smear` is its step.
//!
//! Who should not use it: who wants the path of one particle; that is a descent.

mod grow;
pub mod lic;
mod near;
mod place;
mod smear;
mod step;

use crate::backend::{Backend, BackendError};
use crate::expr::{DeriveError, Expression};
use crate::field::{Evaluator, FieldError};
use crate::points::{Points, Values};
use crate::real::Precision;

/// Why there are no streamlines.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The function has no gradient in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// The engine failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Streamlines are drawn on a plane.
    #[error("streamlines are of a function of two variables, `{text}` has {dimension}; give the others a value")]
    Dimension {
        /// The function.
        text: String,
        /// Its number of variables.
        dimension: usize,
    },
    /// A rectangle without area.
    #[error("streamlines need ascending finite ranges and a size in pixels, not {0:?}")]
    View(View),
    /// Lines too dense to be seen, or to be held.
    #[error("streamlines {found} px apart on {width} x {height} px: the separation is from {least} to {most} px")]
    Separation {
        /// Asked for.
        found: f64,
        /// Of the rectangle.
        width: f64,
        /// Of the rectangle.
        height: f64,
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
}

impl From<BackendError> for FlowError {
    fn from(error: BackendError) -> FlowError {
        FlowError::Field(error.into())
    }
}

/// A place or a vector on the rectangle, in pixels: x to the right, y upwards, (0, 0) the lower left corner.
pub type Place = (f64, f64);

/// A vector field over pixels: the vectors at places. Their lengths do not matter; one that is zero or not finite ends a
/// line.
pub type Vectors<'a> = dyn FnMut(&[Place]) -> Result<Vec<Place>, BackendError> + 'a;

/// The rectangle of a picture: its data range and its size in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// From the left edge to the right one, in data units.
    pub x: (f64, f64),
    /// From the lower edge to the upper one.
    pub y: (f64, f64),
    /// Pixels across.
    pub width: f64,
    /// Pixels down.
    pub height: f64,
}

/// A line along the field.
#[derive(Debug, Clone, PartialEq)]
pub struct Streamline {
    /// Its points in the direction of the field, some 1/24 of a separation apart.
    pub points: Vec<Place>,
    /// Whether it goes on from the last point to the first.
    pub closed: bool,
}

/// The usual separation, as a share of the rectangle's shorter side: that of matplotlib's density 1.
pub const SEPARATION: f64 = 1.0 / 30.0;

/// The smallest separation in pixels.
const LEAST: f64 = 2.0;

/// No more lines than this fit across the longer side.
const MOST_ACROSS: f64 = 4000.0;

impl View {
    /// Pixels from one line to the next unless one asks for another distance: [`SEPARATION`], but not less than
    /// [`View::least`].
    pub fn separation(&self) -> f64 {
        (SEPARATION * self.width.min(self.height)).max(self.least())
    }

    /// The smallest separation in pixels: lines nearer to each other are a grey plane, and very many of them too much for
    /// memory.
    pub fn least(&self) -> f64 {
        LEAST.max(self.width.max(self.height) / MOST_ACROSS)
    }

    fn check(&self, separation: f64) -> Result<(), FlowError> {
        let ascending = |(lo, hi): (f64, f64)| lo < hi && (hi - lo).is_finite();
        let sized = |side: f64| side >= 1.0 && side.is_finite();
        if !(ascending(self.x) && ascending(self.y) && sized(self.width) && sized(self.height)) {
            return Err(FlowError::View(*self));
        }
        let least = self.least();
        let most = self.width.max(self.height).max(least);
        if (least..=most).contains(&separation) {
            return Ok(());
        }
        Err(FlowError::Separation { found: separation, width: self.width, height: self.height, least, most })
    }

    fn to_data(self, (x, y): Place) -> Place {
        let at = |(lo, hi): (f64, f64), t: f64| (lo + t * (hi - lo)).clamp(lo, hi);
        (at(self.x, x / self.width), at(self.y, y / self.height))
    }

    /// The scales of x and y in pixels per unit, relative to the larger one.
    fn scales(&self) -> (f64, f64) {
        let (x, y) = (self.width / (self.x.1 - self.x.0), self.height / (self.y.1 - self.y.0));
        if x > y { (1.0, y / x) } else { (x / y, 1.0) }
    }
}

/// Streamlines of the gradient of a function of two variables, uphill, `separation` pixels apart: nowhere nearer to
/// another than half of that. Their points are in data units. The gradient is evaluated at the points of the lines
/// themselves, rounded to `precision`. A constant function has none.
///
/// ```
/// use gradfield::flow::{View, streamlines};
/// use gradfield::{Expression, Precision, backend::cpu::Cpu};
/// let f = Expression::parse("x y")?;
/// let view = View { x: (-2.0, 2.0), y: (-2.0, 2.0), width: 400.0, height: 400.0 };
/// let lines = streamlines(&f, &view, view.separation(), &Cpu::new(None)?, Precision::F64)?;
/// for line in &lines {
///     // The gradient (y, x) follows the hyperbolas x^2 - y^2 = constant.
///     let level = |(x, y): (f64, f64)| x * x - y * y;
///     assert!(line.points.iter().all(|p| (level(*p) - level(line.points[0])).abs() < 1e-3));
/// }
/// assert!(lines.len() > 20);
/// # Ok::<(), gradfield::Error>(())
/// ```
///
/// # Errors
/// [`FlowError`] as its variants say.
pub fn streamlines(
    expression: &Expression,
    view: &View,
    separation: f64,
    backend: &dyn Backend,
    precision: Precision,
) -> Result<Vec<Streamline>, FlowError> {
    if expression.variables().len() != 2 {
        let (text, dimension) = (expression.text().to_string(), expression.variables().len());
        return Err(FlowError::Dimension { text, dimension });
    }
    view.check(separation)?;
    let mut evaluator = Evaluator::new(&expression.vectors()?, backend, precision)?;
    let (sx, sy) = view.scales();
    let mut vectors = |places: &[Place]| -> Result<Vec<Place>, BackendError> {
        let (x, y): (Vec<f64>, Vec<f64>) = places.iter().map(|place| view.to_data(*place)).unzip();
        let mut columns: [Values; 3] = std::array::from_fn(|_| Values::zeros(precision, places.len()));
        evaluator.evaluate_into(&Points::columns(vec![x, y]).rounded(precision), &mut columns)?;
        let [f, u, v] = &columns;
        // Where f is not a number its derivatives may be, as those of ln are.
        let vector = |k: usize| if f.get(k).is_nan() { (f64::NAN, f64::NAN) } else { (u.get(k) * sx, v.get(k) * sy) };
        Ok((0..places.len()).map(vector).collect())
    };
    let mut lines = streamlines_of(&mut vectors, view, separation)?;
    lines.iter_mut().flat_map(|line| &mut line.points).for_each(|point| *point = view.to_data(*point));
    Ok(lines)
}

/// Streamlines of any vector field over the pixels of `view`, whose ranges are not used. Their points are in pixels.
///
/// # Errors
/// - [`FlowError::View`] and [`FlowError::Separation`] for a rectangle or a separation that makes no sense.
/// - [`FlowError::Field`] if the field could not be evaluated.
pub fn streamlines_of(vectors: &mut Vectors, view: &View, separation: f64) -> Result<Vec<Streamline>, FlowError> {
    view.check(separation)?;
    Ok(place::place(vectors, (view.width, view.height), separation)?)
}
