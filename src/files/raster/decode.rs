//! The decoders of PNG, JPEG and `.npy`, each to channels. Errors are texts: cause and way out.

use super::{Raster, check};
use crate::points::Values;
use npyz::{NpyFile, Order};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The names of so many channels.
pub(super) fn names(count: usize) -> Vec<&'static str> {
    match count {
        1 => vec!["grey"],
        2 => vec!["grey", "a"],
        3 => vec!["r", "g", "b"],
        _ => vec!["r", "g", "b", "a"],
    }
}

/// Channels from numbers that stand side by side in each pixel.
pub(super) fn apart<T: Copy>(numbers: &[T], count: usize, number: impl Fn(T) -> f32) -> Vec<Values> {
    let channel = |k: usize| Values::F32(numbers.iter().skip(k).step_by(count).map(|v| number(*v)).collect());
    (0..count).map(channel).collect()
}

pub(super) fn image(rows: usize, columns: usize, channels: Vec<Values>) -> Raster {
    let names = names(channels.len());
    Raster { shape: vec![rows, columns], names, channels, cell: None, nodata: None, degrees: false }
}

pub(super) fn png(bytes: Cursor<&Vec<u8>>) -> Result<Raster, String> {
    let damaged = |error: png::DecodingError| format!("a damaged or cut-off PNG ({error}); get it again");
    let packed = bytes.get_ref().len() as u64;
    // Its own limit is smaller than pictures that fit; `check` refuses those that do not.
    let mut decoder = png::Decoder::new_with_limits(bytes, png::Limits { bytes: usize::MAX });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (kind, depth) = reader.output_color_type();
    let (width, height) = (u64::from(reader.info().width), u64::from(reader.info().height));
    let bytes = if depth == png::BitDepth::Sixteen { 2 } else { 1 };
    let count = kind.samples();
    // Numbers of one bit unpack to eight.
    let unpacked = if (reader.info().bit_depth as u64) < 8 { 8 } else { 1 };
    check(&[width, height], width * height * count as u64 / unpacked, bytes, packed)?;
    check(&[width, height], width * height * count as u64, bytes, u64::MAX)?;
    let size = reader.output_buffer_size().ok_or("its size cannot be counted; cut it into parts")?;
    let mut data = vec![0; size];
    reader.next_frame(&mut data).map_err(damaged)?;
    let channels = if bytes == 2 {
        let numbers: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        apart(&numbers, count, f32::from)
    } else {
        apart(&data, count, f32::from)
    };
    Ok(image(height as usize, width as usize, channels))
}

pub(super) fn jpeg(bytes: Cursor<&Vec<u8>>) -> Result<Raster, String> {
    let packed = bytes.get_ref().len() as u64;
    // A file that is cut off is no grey area, but an error.
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(bytes, options);
    fn damaged(error: impl std::fmt::Debug) -> String {
        let text: String = format!("{error:?}").chars().take(200).collect();
        format!("a damaged or cut-off JPEG ({text}); get it again, or convert it to PNG")
    }
    decoder.decode_headers().map_err(damaged)?;
    let info = decoder.info().ok_or("a JPEG without a header; get it again")?;
    let (width, height, count) = (info.width, info.height, if info.components == 1 { 1 } else { 3 });
    check(&[width.into(), height.into()], width as u64 * height as u64 * count as u64, 1, packed)?;
    decoder.set_options(options.jpeg_set_out_colorspace(if count == 1 { ColorSpace::Luma } else { ColorSpace::RGB }));
    let data = decoder.decode().map_err(damaged)?;
    if data.len() != usize::from(width) * usize::from(height) * count {
        return Err(format!("a JPEG with {} components; convert it to RGB or grey", info.components));
    }
    Ok(image(height.into(), width.into(), apart(&data, count, f32::from)))
}

pub(super) fn npy(bytes: &[u8]) -> Result<Raster, String> {
    let damaged = |error: std::io::Error| format!("not a whole .npy file ({error}); save it again with numpy.save");
    let mut rest = bytes;
    let header = NpyFile::new(&mut rest).map_err(damaged)?;
    let (shape, order, kind) = (header.shape().to_vec(), header.order(), header.dtype().descr());
    drop(header);
    if !(1..=3).contains(&shape.len()) {
        return Err(format!("an array of shape {shape:?}; give one with 1 to 3 axes: a row, an image or a volume"));
    }
    let count = shape.iter().try_fold(1u64, |product, axis| product.checked_mul(*axis));
    let count = count.ok_or_else(|| format!("an array of shape {shape:?} cannot be counted"))?;
    check(&shape, count, 1, bytes.len() as u64)?;
    let count = count as usize;
    let values = match kind.trim_matches(['\'', '"']) {
        "<f4" => floats(rest, count, f32::from_le_bytes).map(Values::F32)?,
        "<f8" => floats(rest, count, f64::from_le_bytes).map(Values::F64)?,
        _ => {
            let numbers = super::super::npy::numbers(NpyFile::new(bytes).map_err(damaged)?).map_err(damaged)?;
            let numbers = numbers.ok_or_else(|| {
                format!("the elements are {kind}; real numbers are needed: save array.astype(float) instead")
            })?;
            // Numbers of two bytes are exact in single precision.
            let small = ["i1", "u1", "i2", "u2"].iter().any(|ending| kind.contains(ending));
            Values::of(if small { crate::Precision::F32 } else { crate::Precision::F64 }, numbers)
        }
    };
    let shape: Vec<usize> = shape.iter().map(|axis| *axis as usize).collect();
    let values = if order == Order::Fortran { turned(&values, &shape) } else { values };
    Ok(Raster { shape, names: vec!["value"], channels: vec![values], cell: None, nodata: None, degrees: false })
}

fn floats<T, const N: usize>(bytes: &[u8], count: usize, number: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let found = bytes.len() / N;
    if found < count {
        return Err(format!(
            "the header claims {count} numbers, and {found} follow; the file is cut off: save it again"
        ));
    }
    Ok(bytes.as_chunks::<N>().0[..count].iter().map(|bytes| number(*bytes)).collect())
}

/// From Fortran's order to C's.
fn turned(values: &Values, shape: &[usize]) -> Values {
    let place = |mut k: usize| {
        let mut strides = vec![1; shape.len()];
        (1..shape.len()).for_each(|axis| strides[axis] = strides[axis - 1] * shape[axis - 1]);
        let mut at = 0;
        for axis in (0..shape.len()).rev() {
            at += k % shape[axis] * strides[axis];
            k /= shape[axis];
        }
        at
    };
    match values {
        Values::F32(values) => Values::F32((0..values.len()).map(|k| values[place(k)]).collect()),
        Values::F64(values) => Values::F64((0..values.len()).map(|k| values[place(k)]).collect()),
    }
}
