//! Samples as functions that an expression uses: `h`, `h(x, y)`.
//!
//! Flows in: images, each with its place in the plane. Flows out: a row of the table of operations, [`ROW`], and the text
//! that gives a surface its name ([`definition`]); after that every engine that has kernels, every layer and
//! every descent takes it as it takes `sin`. Derivatives follow from the row's partials, to any order: `sampled(x, y, c)`
//! is the surface and the orders of differentiation that the number c tells, and the next order is the next number.
//!
//! Surfaces live as long as the program: [`Surface::keep`] gives each its number. A GPU has no kernel for them; it refuses.

use super::spline::Spline;
use super::{Gradient, SampleError, Samples};
use crate::op::{Row, Slack, Syntax};
use crate::points::Values;
use crate::real::Real;
use std::sync::{OnceLock, RwLock};

/// Where an image lies in the plane, and what goes through it.
#[derive(Debug)]
pub struct Surface {
    /// The value and, where they come from a kernel, both slopes.
    splines: Vec<Spline>,
    /// The place of the first column and of the last row, and how far apart they are.
    origin: (f64, f64),
    step: (f64, f64),
    rows: f64,
    range: [(f64, f64); 2],
}

/// The name of the operation.
pub const NAME: &str = "sampled";

/// Orders of differentiation by each variable that a number has room for.
const ORDERS: u32 = 8;
/// Surfaces that a program may keep.
const MOST: usize = 64;

static KEPT: [OnceLock<Surface>; MOST] = [const { OnceLock::new() }; MOST];
static COUNT: RwLock<usize> = RwLock::new(0);

/// One evaluation in double precision, then one rounding.
const ROUNDED: Slack = Slack { cpu: [2.0, 16.0], gpu: [0.0, 0.0], reference: 16.0 };

/// The operation `sampled(x, y, c)`.
pub static ROW: Row = crate::op_row! {
    "sampled", Syntax::Function, (a, b, c) { crate::samples::surface::look(a, b, c) }, reference { look(a, b, c) },
    partials ["sampled(a, b, c + 8)", "sampled(a, b, c + 1)", "0"], slack ROUNDED,
    domain [(0.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
};

impl Surface {
    /// The surface through an image: x runs along its rows from 0 on, y upwards from its last row, so that the picture
    /// stands upright. Its derivatives are the surface's own; with a `gradient`, the first ones are surfaces through that
    /// (by x, and by y against the order of the rows), and further ones theirs.
    ///
    /// # Errors
    /// - [`SampleError::Plane`] for another number of axes, [`SampleError::Uneven`] for uneven spacing.
    pub fn new(samples: &Samples, gradient: Option<&Gradient>, step: (f64, f64)) -> Result<Surface, SampleError> {
        let (rows, columns) = samples.plane("a surface")?;
        let mut splines = vec![spline(&samples.values, 1.0, rows, columns)];
        if let Some(gradient) = gradient {
            splines.push(spline(&gradient.components[0], step.0.signum(), rows, columns));
            // The file's rows run downwards.
            splines.push(spline(&gradient.components[1], -step.1.signum(), rows, columns));
        }
        let (w, h) = (columns as f64 * step.0.abs(), rows as f64 * step.1.abs());
        let (a, b) = (0.5 * step.0.abs(), 0.5 * step.1.abs());
        let range = [(-a, w - a), (-b, h - b)];
        Ok(Surface { splines, origin: (0.0, 0.0), step: (step.0.abs(), step.1.abs()), rows: rows as f64, range })
    }

    /// From the outer edge of the first sample to that of the last, in x and in y.
    pub fn range(&self) -> [(f64, f64); 2] {
        self.range
    }

    /// Keeps the surface for as long as the program runs, and gives its number, for [`definition`].
    ///
    /// # Errors
    /// - [`SampleError::Setting`] for more surfaces than there is room for.
    pub fn keep(self) -> Result<usize, SampleError> {
        let mut count = COUNT.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = *count;
        let full = || SampleError::Setting(format!("more than {MOST} sampled fields; take fewer --samples"));
        KEPT.get(place).ok_or_else(full)?.set(self).map_err(|_| full())?;
        *count += 1;
        Ok(place)
    }

    /// The derivative of these orders at a place.
    #[inline(always)]
    fn at(&self, x: f64, y: f64, (i, j): (u8, u8)) -> f64 {
        let column = (x - self.origin.0) / self.step.0;
        let row = self.rows - 1.0 - (y - self.origin.1) / self.step.1;
        let scale = |i: u8, j: u8| (1.0 / self.step.0).powi(i.into()) * (-1.0 / self.step.1).powi(j.into());
        let own = |k: usize, i: u8, j: u8| self.splines[k].at(column, row, (i, j)) * scale(i, j);
        match (self.splines.len(), i, j) {
            (1, ..) | (_, 0, 0) => own(0, i, j),
            (_, i, 0) => own(1, i - 1, 0),
            (_, 0, j) => own(2, 0, j - 1),
            // What both slopes say of it.
            _ => 0.5 * (own(1, i - 1, j) + own(2, i, j - 1)),
        }
    }
}

fn spline(values: &Values, sign: f64, rows: usize, columns: usize) -> Spline {
    match values {
        Values::F32(values) if sign == 1.0 => Spline::new(values, rows, columns),
        Values::F64(values) if sign == 1.0 => Spline::new(values, rows, columns),
        Values::F32(values) => Spline::new(&values.iter().map(|v| -v).collect::<Vec<f32>>(), rows, columns),
        Values::F64(values) => Spline::new(&values.iter().map(|v| -v).collect::<Vec<f64>>(), rows, columns),
    }
}

/// The text that defines kept surface `place` as `name`, a value at the variables `x` and `y`: to be put before an
/// expression, which is parsed with [`ROW`] among its operations.
///
/// ```
/// use gradfield::expr::Context;
/// use gradfield::op::Operations;
/// use gradfield::samples::{Samples, Surface, definition, surface};
/// use gradfield::{Expression, points::Values};
/// let ramp = Values::F64((0..20).map(|k| f64::from(k % 5) * 3.0).collect());
/// let place = Surface::new(&Samples::new(vec![4, 5], ramp)?, None, (1.0, 1.0))?.keep()?;
/// let context = Context { operations: Operations::default().with(&surface::ROW), ..Context::default() };
/// let f = Expression::parse_with(&(definition("h", place, ["x", "y"]) + "h^2"), &context)?.gradient()?;
/// let point = gradfield::backend::reference::at(&gradfield::field::tape_of(&f), &[2.5, 1.0]);
/// assert!((point[0] - 56.25).abs() < 1e-9 && (point[1] - 45.0).abs() < 1e-9 && point[2].abs() < 1e-9);
/// # Ok::<(), gradfield::Error>(())
/// ```
pub fn definition(name: &str, place: usize, [x, y]: [&str; 2]) -> String {
    format!("{name} = {NAME}({x}, {y}, {}); ", place as u32 * ORDERS * ORDERS)
}

/// The kernel: the kept surface and the orders that `code` tells, at (x, y); NaN where there is none.
#[inline]
pub fn look<T: Real>(x: T, y: T, code: T) -> T {
    let code = code.to_f64() as u32;
    let (place, orders) = ((code / (ORDERS * ORDERS)) as usize, code % (ORDERS * ORDERS));
    let (i, j) = ((orders / ORDERS) as u8, (orders % ORDERS) as u8);
    match KEPT.get(place).and_then(OnceLock::get) {
        Some(surface) => T::from_f64(surface.at(x.to_f64(), y.to_f64(), (i, j))),
        None => T::from_f64(f64::NAN),
    }
}
