//! The gradient of samples by a kernel.
//!
//! Flows in: [`Samples`], a [`Method`]. Flows out: [`Gradient`], an array for each axis. An image goes through [`planes`],
//! which makes both components in one pass over its rows; rows, volumes and central differences go axis by axis.

use super::axis::{Along, Number, along};
use super::boundary::Boundary;
use super::kernel::{Kernel, Taps};
use super::{SampleError, Samples, Spacing, planes};
use crate::points::Values;
use crate::real::{Precision, Real};

/// How the gradient is taken.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The weights.
    pub kernel: Kernel,
    /// What lies beyond the ends. None: for `central` one-sided differences, as in NumPy; for others [`Boundary::Reflect`].
    pub boundary: Option<Boundary>,
    /// The order of one-sided differences, 1 or 2.
    pub edge_order: usize,
    /// Threads that share the rows.
    pub threads: usize,
}

/// The partial derivatives of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// By x, y, z, as many as there are axes: x is the last axis, z the first of three. Each has the samples' shape.
    pub components: Vec<Values>,
}

impl Gradient {
    /// `dx`, `dy`, `dz`.
    pub const NAMES: [&'static str; 3] = ["dx", "dy", "dz"];

    /// The length of the gradient.
    pub fn magnitude(&self) -> Values {
        match &self.components[0] {
            Values::F32(_) => Values::F32(lengths(&self.numbers::<f32>())),
            Values::F64(_) => Values::F64(lengths(&self.numbers::<f64>())),
        }
    }

    /// The direction of the gradient of an image, atan2(dy, dx) in radians: 0 to the right, growing towards later rows.
    pub fn angle(&self) -> Option<Values> {
        match &*self.components {
            [Values::F32(x), Values::F32(y)] => Some(Values::F32(y.iter().zip(x).map(|(y, x)| y.atan2(*x)).collect())),
            [Values::F64(x), Values::F64(y)] => Some(Values::F64(y.iter().zip(x).map(|(y, x)| y.atan2(*x)).collect())),
            _ => None,
        }
    }

    fn numbers<T: Real>(&self) -> Vec<&[T]> {
        self.components
            .iter()
            .map(|column| match column {
                Values::F32(values) => bytemuck::cast_slice(values),
                Values::F64(values) => bytemuck::cast_slice(values),
            })
            .collect()
    }
}

/// Squares are summed in f64: those of an f32 neither overflow nor vanish there; of f64 `hypot` takes care.
fn lengths<T: Real>(parts: &[&[T]]) -> Vec<T> {
    let length = |k: usize| {
        let part = |v: &[T]| v[k].to_f64();
        match (T::PRECISION, parts) {
            (_, [x]) => part(x).abs(),
            (Precision::F32, parts) => parts.iter().map(|v| part(v) * part(v)).sum::<f64>().sqrt(),
            (Precision::F64, parts) => parts.iter().fold(0.0, |length: f64, v| length.hypot(part(v))),
        }
    };
    (0..parts[0].len()).map(|k| T::from_f64(length(k))).collect()
}

/// The gradient, in units of the values over units of the spacing.
///
/// ```
/// use gradfield::points::Values;
/// use gradfield::samples::{Method, Samples, gradient};
/// let ramp = Values::F64((0..20).map(|k| f64::from(k % 5) * 3.0).collect());
/// let image = Samples::new(vec![4, 5], ramp)?;
/// let method = Method { kernel: "scharr".parse()?, boundary: None, edge_order: 1, threads: 1 };
/// let slopes = gradient(&image, &method)?;
/// assert_eq!(slopes.components[0].get(7), 3.0); // a ramp of slope 3 along x
/// assert_eq!(slopes.components[1].get(7), 0.0);
/// # Ok::<(), gradfield::samples::SampleError>(())
/// ```
///
/// # Errors
/// - [`SampleError::Short`] for an axis without neighbours, [`SampleError::Uneven`] for a kernel that needs even spacing.
pub fn gradient(samples: &Samples, method: &Method) -> Result<Gradient, SampleError> {
    match &samples.values {
        Values::F32(values) => components(samples, values, method, Values::F32),
        Values::F64(values) => components(samples, values, method, Values::F64),
    }
}

fn components<T: Number>(
    samples: &Samples,
    values: &[T],
    method: &Method,
    wrap: fn(Vec<T>) -> Values,
) -> Result<Gradient, SampleError> {
    let axes = samples.shape.len();
    let components = match (method.kernel.is_central(), method.boundary) {
        (true, None) => central(samples, values, method)?,
        (_, boundary) => {
            let spacing = even(samples, method)?;
            let boundary = boundary.unwrap_or_default();
            let taps = method.kernel.taps();
            match *samples.shape {
                [rows, columns] => {
                    let [x, y] = planes::both(
                        values,
                        (rows, columns),
                        &taps,
                        boundary,
                        [spacing[1], spacing[0]],
                        method.threads,
                    );
                    vec![x, y]
                }
                _ => {
                    (0..axes).rev().map(|axis| one(samples, values, axis, &taps, boundary, &spacing, method)).collect()
                }
            }
        }
    };
    Ok(Gradient { components: components.into_iter().map(wrap).collect() })
}

/// A spacing for each axis.
pub(super) fn even(samples: &Samples, method: &Method) -> Result<Vec<f64>, SampleError> {
    if let Some(axis) = samples.shape.iter().position(|length| *length == 0) {
        return Err(SampleError::Short { axis, found: 0, needed: 1, way: "an array that is not empty" });
    }
    let one = |spacing: &Spacing| match spacing {
        Spacing::Even(by) => Ok(*by),
        Spacing::At(places) => {
            let steps = places.windows(2).map(|pair| pair[1] - pair[0]);
            let (first, count) = (places.get(1).map_or(1.0, |second| second - places[0]), places.len());
            // As even as coordinates of this size can be told to be.
            let size = places[0].abs().max(places[count - 1].abs());
            let near = |step: f64| (step - first).abs() <= 1e-6 * first.abs() + 4.0 * f64::EPSILON * size;
            if !steps.into_iter().all(near) {
                return Err(SampleError::Uneven(method.kernel.name()));
            }
            Ok(if count > 1 { (places[count - 1] - places[0]) / (count - 1) as f64 } else { 1.0 })
        }
    };
    samples.spacing.iter().map(one).collect()
}

/// The derivative by one axis.
fn one<T: Number>(
    samples: &Samples,
    values: &[T],
    axis: usize,
    taps: &Taps,
    boundary: Boundary,
    spacing: &[f64],
    method: &Method,
) -> Vec<T> {
    let mut out: Option<Vec<T>> = None;
    for other in 0..samples.shape.len() {
        let weights = if other == axis {
            taps.derivative.iter().map(|tap| tap / spacing[axis]).collect()
        } else if taps.smoothing.iter().filter(|tap| **tap != 0.0).count() == 1 {
            continue;
        } else {
            taps.smoothing.clone()
        };
        let what = Along::Taps(weights, boundary);
        out = Some(along(out.as_deref().unwrap_or(values), &samples.shape, other, &what, method.threads));
    }
    out.unwrap_or_default()
}

/// Central differences, one-sided at the ends, by every axis; x first.
fn central<T: Number>(samples: &Samples, values: &[T], method: &Method) -> Result<Vec<Vec<T>>, SampleError> {
    if !(1..=2).contains(&method.edge_order) {
        return Err(SampleError::Setting(format!("an edge order of {}; take 1 or 2", method.edge_order)));
    }
    let needed = method.edge_order + 1;
    if let Some(axis) = samples.shape.iter().position(|length| *length < needed) {
        let found = samples.shape[axis];
        let way = if found == 2 { "--edge-order 1" } else { "a longer array, or another kernel" };
        return Err(SampleError::Short { axis, found, needed, way });
    }
    let by = |axis: usize| {
        let terms = differences(&samples.spacing[axis], samples.shape[axis], method.edge_order);
        along(values, &samples.shape, axis, &Along::Each(terms), method.threads)
    };
    Ok((0..samples.shape.len()).rev().map(by).collect())
}

/// The differences of an axis: second order inside, at the ends of the order asked for (B. Fornberg, Generation of finite
/// difference formulas on arbitrarily spaced grids, 1988).
fn differences(spacing: &Spacing, length: usize, edge_order: usize) -> Vec<[(usize, f64); 3]> {
    let place = |k: usize| match spacing {
        Spacing::Even(by) => k as f64 * by,
        Spacing::At(places) => places[k],
    };
    let step = |k: usize| match spacing {
        Spacing::Even(by) => *by,
        Spacing::At(_) => place(k + 1) - place(k),
    };
    let last = length - 1;
    let pair = |a: usize, h: f64| [(a, -1.0 / h), (a + 1, 1.0 / h), (a, 0.0)];
    let three = |a: usize, at: usize| {
        let (u, v) = (step(a), step(a + 1));
        let weights = match at {
            0 => [-(2.0 * u + v) / (u * (u + v)), (u + v) / (u * v), -u / (v * (u + v))],
            1 if u == v => [-0.5 / u, 0.0, 0.5 / u],
            1 => [-v / (u * (u + v)), (v - u) / (u * v), u / (v * (u + v))],
            _ => [v / (u * (u + v)), -(u + v) / (u * v), (u + 2.0 * v) / (v * (u + v))],
        };
        [(a, weights[0]), (a + 1, weights[1]), (a + 2, weights[2])]
    };
    (0..length)
        .map(|k| match (k, edge_order) {
            (0, 1) => pair(0, step(0)),
            (0, _) => three(0, 0),
            (k, 1) if k == last => pair(last - 1, step(last - 1)),
            (k, _) if k == last => three(last - 2, 2),
            (k, _) => three(k - 1, 1),
        })
        .collect()
}

/// The samples smoothed by a Gaussian of this standard deviation, in samples, along every axis: what
/// `scipy.ndimage.gaussian_filter` makes of them.
///
/// # Errors
/// - [`SampleError::Kernel`] for a standard deviation that no Gaussian kernel has.
pub fn smoothed(samples: &Samples, sigma: f64, boundary: Boundary, threads: usize) -> Result<Samples, SampleError> {
    let Kernel::Gaussian(sigma) = format!("gaussian:{sigma}").parse()? else { return Ok(samples.clone()) };
    let taps = Kernel::Gaussian(sigma).taps();
    let what = Along::Taps(taps.smoothing, boundary);
    let values = match &samples.values {
        Values::F32(values) => Values::F32(along_all(values, &samples.shape, &what, threads)),
        Values::F64(values) => Values::F64(along_all(values, &samples.shape, &what, threads)),
    };
    Ok(Samples { values, ..samples.clone() })
}

fn along_all<T: Number>(values: &[T], shape: &[usize], what: &Along, threads: usize) -> Vec<T> {
    (0..shape.len()).fold(values.to_vec(), |values, axis| along(&values, shape, axis, what, threads))
}
