//! Sampled fields: arrays of numbers on a grid, their gradients, and functions that go through them.
//!
//! Flows in: an array of one to three axes with its spacing ([`Samples`]), as a file or a program gives it. Flows out: its
//! gradient by a [`Kernel`], a row of a table ([`gradient()`]); edges ([`canny()`]); the shape of a terrain ([`terrain`]);
//! and a smooth function of x and y ([`surface`]), which an expression may use as any other, so that every layer and every
//! descent takes it.
//!
//! Axis 0 is the slowest. x runs along the last axis, y along the one before it, z along the first of three: an image is
//! rows of columns, a volume a stack of images. So `dy` is the slope from row to row, downwards as a file lists them,
//! as in NumPy and SciPy. Who should not use it: who has a formula; its gradient is exact.

mod axis;
mod boundary;
mod canny;
#[cfg(feature = "gpu")]
mod device;
mod gradient;
mod kernel;
mod planes;
mod spline;
pub mod surface;
pub mod terrain;

pub use boundary::Boundary;
pub use canny::{Canny, canny};
#[cfg(feature = "gpu")]
pub use device::gradient_on;
pub use gradient::{Gradient, Method, gradient, smoothed};
pub use kernel::{KERNELS, Kernel, Row};
pub use surface::{Surface, definition};

use crate::points::Values;

/// How far samples are apart along an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Spacing {
    /// The same everywhere: a finite number, not zero.
    Even(f64),
    /// The place of each sample, ascending or descending.
    At(Vec<f64>),
}

/// An array of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Lengths of its one to three axes, the slowest first.
    pub shape: Vec<usize>,
    /// One for each axis.
    pub spacing: Vec<Spacing>,
    /// The numbers in C order.
    pub values: Values,
}

/// Why samples have no gradient.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// Neither a row, nor an image, nor a volume.
    #[error("an array of {0} axes; give one with 1 to 3: a row, an image or a volume")]
    Axes(usize),
    /// The shape and the numbers do not belong together.
    #[error("{found} numbers for an array of shape {shape:?}")]
    Length {
        /// The shape.
        shape: Vec<usize>,
        /// How many numbers there are.
        found: usize,
    },
    /// An axis is too short.
    #[error("axis {axis} has {found} samples; the gradient needs at least {needed}: take {way}")]
    Short {
        /// The axis, 0 the slowest.
        axis: usize,
        /// Its length.
        found: usize,
        /// What it would have to be.
        needed: usize,
        /// The way out.
        way: &'static str,
    },
    /// A spacing of zero, or one that is not a number.
    #[error("axis {axis}: a spacing of {spacing} is none; give a finite number that is not zero")]
    Spacing {
        /// The axis.
        axis: usize,
        /// What was given.
        spacing: f64,
    },
    /// Coordinates that are not one for each sample, or do not go one way.
    #[error("axis {axis}: {problem}")]
    Coordinates {
        /// The axis.
        axis: usize,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// Only central differences know uneven samples.
    #[error("the kernel `{0}` needs even spacing; samples at uneven coordinates have a gradient by --kernel central")]
    Uneven(String),
    /// A kernel that is not in the table.
    #[error("{0}")]
    Kernel(String),
    /// A boundary that is none.
    #[error("`{0}` is no boundary; take nearest, reflect, constant or wrap")]
    Boundary(String),
    /// Something that is done with images alone.
    #[error("{what} is of an image, an array of two axes; this one has {axes}")]
    Plane {
        /// What was asked for.
        what: &'static str,
        /// The axes that there are.
        axes: usize,
    },
    /// What a GPU does not do.
    #[error("a GPU has no kernel for {0}, or leave --device out")]
    Device(&'static str),
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] crate::backend::BackendError),
    /// A setting outside its range.
    #[error("{0}")]
    Setting(String),
}

impl Samples {
    /// An array with samples one unit apart.
    ///
    /// # Errors
    /// - [`SampleError::Axes`] and [`SampleError::Length`].
    pub fn new(shape: Vec<usize>, values: Values) -> Result<Samples, SampleError> {
        if !(1..=3).contains(&shape.len()) {
            return Err(SampleError::Axes(shape.len()));
        }
        let count = shape.iter().try_fold(1usize, |product, axis| product.checked_mul(*axis));
        if count != Some(values.len()) {
            return Err(SampleError::Length { shape, found: values.len() });
        }
        let spacing = vec![Spacing::Even(1.0); shape.len()];
        Ok(Samples { shape, spacing, values })
    }

    /// The same samples elsewhere: one spacing for each axis, the slowest first.
    ///
    /// # Errors
    /// - [`SampleError::Spacing`] and [`SampleError::Coordinates`].
    pub fn with_spacing(mut self, spacing: Vec<Spacing>) -> Result<Samples, SampleError> {
        for (axis, (one, length)) in spacing.iter().zip(&self.shape).enumerate() {
            check(axis, one, *length)?;
        }
        if spacing.len() != self.shape.len() {
            let (axis, found) = (self.shape.len() - 1, spacing.len());
            let problem = format!("{found} spacings for {} axes; give one for each", self.shape.len());
            return Err(SampleError::Coordinates { axis, problem });
        }
        self.spacing = spacing;
        Ok(self)
    }

    /// How many of the numbers are not finite.
    pub fn missing(&self) -> usize {
        match &self.values {
            Values::F32(values) => values.iter().filter(|v| !v.is_finite()).count(),
            Values::F64(values) => values.iter().filter(|v| !v.is_finite()).count(),
        }
    }

    /// The rows and columns of an image.
    ///
    /// # Errors
    /// - [`SampleError::Plane`] for another number of axes; `what` is what it was wanted for.
    pub fn plane(&self, what: &'static str) -> Result<(usize, usize), SampleError> {
        match *self.shape {
            [rows, columns] => Ok((rows, columns)),
            _ => Err(SampleError::Plane { what, axes: self.shape.len() }),
        }
    }
}

fn check(axis: usize, spacing: &Spacing, length: usize) -> Result<(), SampleError> {
    let wrong = |problem: String| Err(SampleError::Coordinates { axis, problem });
    match spacing {
        Spacing::Even(by) if *by == 0.0 || !by.is_finite() => Err(SampleError::Spacing { axis, spacing: *by }),
        Spacing::Even(_) => Ok(()),
        Spacing::At(places) if places.len() != length => {
            wrong(format!("{} coordinates for {length} samples; give one for each", places.len()))
        }
        Spacing::At(places) => {
            let steps = || places.windows(2).map(|pair| pair[1] - pair[0]);
            let one_way = steps().all(|step| step > 0.0) || steps().all(|step| step < 0.0);
            if one_way && places.iter().all(|v| v.is_finite()) {
                return Ok(());
            }
            wrong(
                "the coordinates neither all rise nor all fall; sort the samples, and take each place once".to_owned(),
            )
        }
    }
}

/// Shares rows among threads: `work` gets the number of its first row and some rows of `out`, each `row` long.
pub(crate) fn share<T: Send>(out: &mut [T], row: usize, threads: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let rows = out.len() / row.max(1);
    let each = rows.div_ceil(threads.max(1)).max(1);
    if threads <= 1 || rows <= 1 {
        return work(0, out);
    }
    std::thread::scope(|scope| {
        for (k, part) in out.chunks_mut(each * row).enumerate() {
            let work = &work;
            scope.spawn(move || work(k * each, part));
        }
    });
}
