//! `plot --bare`: the pixels of the heat layer alone, evaluated, coloured and written band by band, so that the
//! memory needed depends on the width of the picture and not on its height.

use super::Failure;
use super::colours::{as_f32, colouring, shown, tell};
use super::engine::{choose, source};
use super::options::{ranges, size};
use super::plot::{Arguments, precision};
use gradfield::bench::Demand;
use gradfield::field::{Evaluator, tape_of};
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::{Expression, Points, Values};

/// Pixels of a band.
const BAND: usize = 1 << 21;
/// Pixels of a side: a row is held in memory.
const LONGEST_SIDE: usize = 1 << 20;
/// Pixels of a picture: their bytes, 206 GB, still fit a disk.
const MOST_PIXELS: usize = 1 << 36;
/// The colours' range is chosen from a grid of this many points a side.
const PREVIEW: usize = 512;

pub(super) fn run(arguments: &Arguments, expression: &Expression) -> Result<(), Failure> {
    if expression.variables().len() != 2 {
        return Err(Failure::usage("--bare needs a function of two variables"));
    }
    let (width, height) = pixels(arguments.size.as_deref().unwrap_or("1024"))?;
    let precision = precision(&arguments.compute);
    let ranges = ranges(&arguments.ranges, expression.variables(), precision)?;
    let shown = shown(expression, &arguments.show)?;
    let mut out = Output::create(&arguments.output)?;
    let demand = Demand::grid(&tape_of(&shown), width as f64 * height as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let mut evaluator = Evaluator::new(&shown, engine.as_ref(), precision)?;

    let preview = Points::Grid(ranges.iter().map(|range| centres(*range, PREVIEW, 0..PREVIEW)).collect());
    let preview = evaluator.evaluate(&preview.rounded(precision))?[0].to_f64();
    let colouring = colouring(arguments, &preview)?;
    tell(&colouring, &arguments.scale, &preview, arguments.function.quiet);

    let rows_in_band = (BAND / width).clamp(1, height);
    let x = centres(ranges[0], width, 0..width);
    let source = source(engine.as_ref(), precision);
    let (title, source) = (Some(expression.text()), Some(source.as_str()));
    let head = PngHead { width, height, channels: Channels::Rgb, title, source };
    write_png(&mut out, head, |rows| {
        if let Some(most) = arguments.compute.threads {
            rows.threads(most.into());
        }
        let mut columns = vec![Values::zeros(precision, width * rows_in_band)];
        for top in (0..height).step_by(rows_in_band) {
            let count = rows_in_band.min(height - top);
            // The picture's first row is the largest y.
            let mut y = centres(ranges[1], height, height - top - count..height - top);
            y.reverse();
            if count < rows_in_band {
                columns = vec![Values::zeros(precision, width * count)];
            }
            evaluator.evaluate_into(&Points::Grid(vec![x.clone(), y]).rounded(precision), &mut columns)?;
            let values = as_f32(&columns[0]);
            rows.paint(count, |first, pixels| {
                colouring.row_f32(&values[first * width..][..pixels.len() / 3], pixels);
            })?;
        }
        Ok::<(), Failure>(())
    })?;
    out.finish()?;
    Ok(())
}

/// Width and height, refused where they are beyond all use.
fn pixels(text: &str) -> Result<(usize, usize), Failure> {
    let sides = size("--size", text, 2)?;
    if sides.iter().any(|side| *side > LONGEST_SIDE) || sides[0] * sides[1] > MOST_PIXELS {
        return Err(Failure::usage(format!(
            "--size: {} x {} pixels are too many for one PNG; take at most {LONGEST_SIDE} a side and {MOST_PIXELS} in \
             all, and draw more in parts, each with its own --range",
            sides[0], sides[1]
        )));
    }
    Ok((sides[0], sides[1]))
}

/// The centres of the pixels `which` of `count` across a range.
fn centres((lo, hi): (f64, f64), count: usize, which: std::ops::Range<usize>) -> Vec<f64> {
    which.map(|k| lo + (hi - lo) * ((k as f64 + 0.5) / count as f64)).collect()
}
