//! The gradient of an image on a GPU.
//!
//! Flows in: an image in single precision, a kernel's taps. Flows out: its gradient, within the rounding of the sums the
//! CPU's. Bands of rows go to the device with what lies around them.

use super::gradient::even;
use super::{Gradient, Method, SampleError, Samples};
use crate::backend::gpu::Gpu;
use crate::points::Values;

/// As [`gradient()`](super::gradient()), on a GPU: of images in f32, by any kernel with a boundary.
///
/// # Errors
/// - Those of [`gradient()`](super::gradient()); [`SampleError::Device`] for what a GPU does not do, and
///   [`SampleError::Backend`] where it fails.
pub fn gradient_on(samples: &Samples, method: &Method, gpu: &Gpu) -> Result<Gradient, SampleError> {
    let (rows, columns) = samples.plane("the GPU's work")?;
    let Values::F32(values) = &samples.values else {
        return Err(SampleError::Device("numbers in f64; take --precision f32"));
    };
    if method.kernel.is_central() && method.boundary.is_none() {
        return Err(SampleError::Device("one-sided differences at the ends; take --boundary, or another kernel"));
    }
    let spacing = even(samples, method)?;
    let boundary = method.boundary.unwrap_or_default();
    let taps = method.kernel.taps();
    let (n, reach) = (taps.derivative.len(), taps.derivative.len() / 2);
    let numbers = |taps: &[f64], by: f64| taps.iter().map(|tap| (tap / by) as f32).collect::<Vec<f32>>();
    let smooth = numbers(&taps.smoothing, 1.0);
    let (across, down) = (numbers(&taps.derivative, spacing[1]), numbers(&taps.derivative, spacing[0]));
    let weights = [smooth.as_slice(), &across, &smooth, &down];
    let place = |k: usize, length: usize| boundary.index(k as isize - reach as isize, length);
    let around: Vec<Option<usize>> = (0..columns + n - 1).map(|k| place(k, columns)).collect();
    let band = (gpu.kernel_pixels(n) / columns).clamp(1, rows);
    let mut found = [Vec::with_capacity(values.len()), Vec::with_capacity(values.len())];
    for first in (0..rows).step_by(band) {
        let count = band.min(rows - first);
        let mut image = Vec::with_capacity((count + n - 1) * around.len());
        for row in first..first + count + n - 1 {
            let row = place(row, rows).map(|row| &values[row * columns..][..columns]);
            image.extend(around.iter().map(|column| column.and_then(|k| Some(row?[k])).unwrap_or(0.0)));
        }
        let parts = gpu.kernel(image, (count, columns), weights)?;
        found.iter_mut().zip(parts).for_each(|(found, part)| found.extend(part));
    }
    Ok(Gradient { components: found.into_iter().map(Values::F32).collect() })
}
