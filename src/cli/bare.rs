//! `plot --bare` of the layer heat: its pixels alone, evaluated, coloured and written band by band, so that the
//! memory needed depends on the width of the picture and not on its height. [`prepare`] is for `tiles` too.

use super::Failure;
use super::colours::{as_f32, colouring_shown, shown, tell};
use super::engine::{choose, source};
use super::options::{ranges, size};
use super::plot::{Arguments, precision};
use super::record::Record;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::field::{Evaluator, tape_of};
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::picture::Colouring;
use gradfield::{Expression, Points, Precision, Values};
use std::ops::Range;
use std::path::Path;

/// Pixels of a band.
const BAND: usize = 1 << 21;
/// Pixels of a side: a row is held in memory.
const LONGEST_SIDE: usize = 1 << 20;
/// Pixels of a picture: their bytes, 206 GB, still fit a disk.
const MOST_PIXELS: usize = 1 << 36;
/// Where colours of a palette are further apart (see [`Colouring::palette_step`]), their steps would show.
const LARGEST_STEP: f64 = 3.0;
/// The colours' range is chosen from a grid of this many points a side.
const PREVIEW: usize = 512;

pub(super) fn run(arguments: &Arguments, expression: &Expression, output: &Path) -> Result<(), Failure> {
    let (width, height) = pixels(arguments)?;
    let mut out = Output::create(output)?;
    let engine = engine(arguments, expression, (width * height) as f64)?;
    let (mut samples, ink) = prepare(arguments, expression, engine.as_ref())?;
    let texts = record(expression, engine.as_ref(), arguments, &samples).texts();
    let bar = super::progress::bar(height as u64, "rows", arguments.function.quiet);
    write_png(&mut out, PngHead { width, height, channels: ink.channels(), texts: &texts }, |rows| {
        if let Some(most) = arguments.compute.threads {
            rows.threads(most.into());
        }
        let rows_in_band = (BAND / width).clamp(1, height);
        for top in (0..height).step_by(rows_in_band) {
            let band = top..height.min(top + rows_in_band);
            let values = as_f32(samples.values((width, height), 0..width, band.clone())?);
            rows.paint(band.len(), |first, pixels| ink.paint(&values[first * width..], pixels))?;
            bar.set_position(band.end as u64);
        }
        Ok::<(), Failure>(())
    })?;
    bar.finish_and_clear();
    out.finish()?;
    Ok(())
}

/// What the file says of itself.
pub(super) fn record<'a>(
    expression: &'a Expression,
    engine: &dyn Backend,
    arguments: &Arguments,
    samples: &Samples,
) -> Record<'a> {
    let ranges = expression.variables().iter().zip(&samples.ranges);
    Record {
        title: expression.text(),
        source: source(engine, precision(&arguments.compute)),
        ranges: ranges.map(|(name, range)| (name.as_str(), *range)).collect(),
        seed: None,
    }
}

/// Width and height, refused where they are beyond all use.
pub(super) fn pixels(arguments: &Arguments) -> Result<(usize, usize), Failure> {
    let sides = size("--size", arguments.size.as_deref().unwrap_or("1024"), 2)?;
    if sides.iter().any(|side| *side > LONGEST_SIDE) || sides[0] * sides[1] > MOST_PIXELS {
        return Err(Failure::usage(format!(
            "--size: {} x {} pixels are too many for one PNG; take at most {LONGEST_SIDE} a side and {MOST_PIXELS} in \
             all, and draw more in parts, each with its own --range",
            sides[0], sides[1]
        )));
    }
    Ok((sides[0], sides[1]))
}

/// The engine for so many values.
pub(super) fn engine(arguments: &Arguments, expression: &Expression, values: f64) -> Result<Box<dyn Backend>, Failure> {
    let tape = tape_of(&shown(expression, &arguments.show)?);
    choose(&arguments.compute, &Demand::grid(&tape, values, precision(&arguments.compute)), arguments.function.quiet)
}

/// What stands between a function and its pixels: values of any part of its ranges at any resolution, and colours that
/// depend on neither, as their range comes from one preview of the whole.
pub(super) fn prepare<'a>(
    arguments: &Arguments,
    expression: &Expression,
    engine: &'a dyn Backend,
) -> Result<(Samples<'a>, Ink), Failure> {
    let precision = precision(&arguments.compute);
    let ranges = ranges(&arguments.ranges, expression.variables(), precision)?;
    let evaluator = Evaluator::new(&shown(expression, &arguments.show)?, engine, precision)?;
    let mut samples = Samples { evaluator, ranges, precision, columns: Vec::new() };
    let preview = samples.values((PREVIEW, PREVIEW), 0..PREVIEW, 0..PREVIEW)?.to_f64();
    let colouring = colouring_shown(arguments, expression, &preview)?;
    tell(&colouring, &arguments.scale, &preview, arguments.function.quiet);
    Ok((samples, Ink::new(colouring, arguments.rgb)))
}

/// A function of two variables over its ranges.
pub(super) struct Samples<'a> {
    evaluator: Evaluator<'a>,
    /// Of x and y.
    pub(super) ranges: Vec<(f64, f64)>,
    precision: Precision,
    columns: Vec<Values>,
}

impl Samples<'_> {
    /// The values of these columns and rows, row by row, of a picture of `size` pixels over the whole ranges. Its first
    /// row is the largest y.
    pub(super) fn values(
        &mut self,
        size: (usize, usize),
        columns: Range<usize>,
        rows: Range<usize>,
    ) -> Result<&Values, Failure> {
        let count = columns.len() * rows.len();
        if self.columns.first().is_none_or(|column| column.len() != count) {
            self.columns = vec![Values::zeros(self.precision, count)];
        }
        let x = centres(self.ranges[0], size.0, columns);
        let mut y = centres(self.ranges[1], size.1, size.1 - rows.end..size.1 - rows.start);
        y.reverse();
        let points = Points::Grid(vec![x, y]).rounded(self.precision);
        self.evaluator.evaluate_into(&points, &mut self.columns)?;
        Ok(&self.columns[0])
    }
}

/// From values to the bytes of pixels.
pub(super) struct Ink {
    pub(super) colouring: Colouring,
    /// The colours that the bytes are numbers of; none for three bytes a pixel.
    palette: Option<Vec<[u8; 3]>>,
}

impl Ink {
    /// 256 colours, unless three bytes a pixel are asked for or their steps would show.
    pub(super) fn new(colouring: Colouring, rgb: bool) -> Ink {
        let palette = colouring.palette().map(|[red, green, blue, _]| [red, green, blue]);
        let enough = !rgb && colouring.palette_step() < LARGEST_STEP;
        Ink { colouring, palette: enough.then(|| palette.to_vec()) }
    }

    pub(super) fn channels(&self) -> Channels<'_> {
        self.palette.as_deref().map_or(Channels::Rgb, Channels::Palette)
    }

    /// As many values as `pixels` has room for.
    pub(super) fn paint(&self, values: &[f32], pixels: &mut [u8]) {
        match self.palette {
            Some(_) => self.colouring.row_palette_f32(values, pixels),
            None => self.colouring.row_f32(values, pixels),
        }
    }
}

/// The centres of the pixels `which` of `count` across a range.
fn centres((lo, hi): (f64, f64), count: usize, which: Range<usize>) -> Vec<f64> {
    which.map(|k| lo + (hi - lo) * ((k as f64 + 0.5) / count as f64)).collect()
}
