//! Kernels of images: weighted sums of a pixel's neighbours, both components of a gradient at once.
//!
//! Flows in: some rows of an image with what lies around them, the taps. Flows out: two columns. The shader is
//! `kernel.wgsl`; a call is one dispatch, and its caller cuts images by [`Gpu::kernel_pixels`] so that none is long.
//!
//! Who should not use it: anyone but `samples`.

use super::Gpu;
use super::buffer::{Buffers, Place, bytes, unpack};
use super::plan::Job;
use super::watch::Kind;
use crate::backend::{BackendError, check_interrupt};
use crate::points::Values;
use crate::real::Precision;

/// Products of a dispatch: some tens of milliseconds of the slowest device.
const PRODUCTS: usize = 1 << 26;

impl Gpu {
    /// Pixels of a call with so many taps along a side.
    pub fn kernel_pixels(&self, taps: usize) -> usize {
        let held = self.limits.capacity(2, 4, self.limits.chunk);
        held.min(PRODUCTS / (taps * taps).max(1)).max(1)
    }

    /// The sums for `rows` x `columns` pixels: by derivative taps across and smoothing taps down, and the other way round.
    /// `image` has (taps - 1) rows and columns more; `taps` are smoothing and derivative across, then both down, equally
    /// many.
    ///
    /// # Errors
    /// - [`BackendError::Device`] when memory ran out or the device was lost, [`BackendError::Interrupted`] after Ctrl-C.
    pub fn kernel(
        &self,
        image: Vec<f32>,
        (rows, columns): (usize, usize),
        taps: [&[f32]; 4],
    ) -> Result<[Vec<f32>; 2], BackendError> {
        check_interrupt()?;
        let (count, n) = (rows * columns, taps[0].len());
        assert_eq!(image.len(), (rows + n - 1) * (columns + n - 1), "an image with its surroundings");
        let text = include_str!("../../../shaders/kernel.wgsl");
        let text = self.rewrite.as_ref().map_or_else(|| text.to_owned(), |rewrite| rewrite(text));
        let pipeline = match self.compiled(&text) {
            Some(pipeline) => pipeline,
            None => {
                let pipeline = self.compile(&text)?;
                self.keep(text, &pipeline);
                pipeline
            }
        };
        let mut buffers = Buffers::new(self);
        for (place, numbers) in [(Place::Params, taps.concat()), (Place::Points, image)] {
            let values = Values::F32(numbers);
            buffers.reserve(place, (4 * values.len()) as u64)?;
            buffers.write(place, 0, bytes(&values, 0..values.len()))?;
        }
        buffers.reserve(Place::Results, 8 * count as u64)?;
        let job = Job { count, section: count, first: columns, steps: n as u32, ..Job::default() };
        buffers.run(&pipeline, &job, Some(Kind::Points))?;
        let transfer = buffers.fetch(8 * count as u64)?;
        let mut columns = [0, 1].map(|_| Values::zeros(Precision::F32, count));
        buffers.receive(transfer, |bytes| unpack(bytes, 4 * count, &mut columns, &(0..count)))?;
        Ok(columns.map(|column| match column {
            Values::F32(values) => values,
            Values::F64(values) => values.into_iter().map(|v| v as f32).collect(),
        }))
    }
}
