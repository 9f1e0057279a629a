//! TIFF, and what a GeoTIFF says of its cells.
//!
//! Flows in: bytes. Flows out: a [`Raster`] with the size of a cell (tag 33550), the number of no data (GDAL's tag 42113)
//! and whether the cells are in degrees (key 1024 of tag 34735). Errors are texts: cause and way out.

use super::decode::{apart, image};
use super::{Raster, check};
use crate::points::Values;
use std::io::Cursor;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// The key of the kind of coordinates, and its value for degrees.
const MODEL: u32 = 1024;
const GEOGRAPHIC: u32 = 2;
/// The tag that holds GeoTIFF's keys.
const KEYS: u16 = 34735;

pub(super) fn tiff(bytes: Cursor<&Vec<u8>>) -> Result<Raster, String> {
    let damaged = |error: tiff::TiffError| format!("a damaged, cut-off or unusual TIFF ({error}); save it anew");
    let packed = bytes.get_ref().len() as u64;
    let mut decoder = Decoder::new(bytes).map_err(damaged)?.with_limits(Limits::unlimited());
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let colours = decoder.colortype().map_err(damaged)?;
    let (count, bits) = match colours {
        ColorType::Gray(bits) => (1, bits),
        ColorType::GrayA(bits) => (2, bits),
        ColorType::RGB(bits) => (3, bits),
        ColorType::RGBA(bits) => (4, bits),
        ColorType::Multiband { bit_depth, num_samples: 1 } => (1, bit_depth),
        other => return Err(format!("a TIFF of {other:?}; convert it to grey, RGB or RGBA")),
    };
    if bits < 8 {
        return Err(format!("a TIFF of {bits} bits a sample; convert it to 8 or 16"));
    }
    let all = u64::from(width) * u64::from(height) * count as u64;
    check(&[width.into(), height.into()], all, u64::from(bits) / 8, packed)?;
    let planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(damaged)?;
    if count > 1 && planar == Some(2) {
        return Err("a TIFF with its channels one after the other; save it with interleaved channels".to_owned());
    }
    let cell = decoder.get_tag_f64_vec(Tag::ModelPixelScaleTag).ok();
    let cell = cell.and_then(|scale| Some((*scale.first()?, *scale.get(1)?))).filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let nodata = decoder.get_tag_ascii_string(Tag::GdalNodata).ok();
    let nodata = nodata.and_then(|text| text.trim_matches(['\0', ' ']).parse().ok());
    let keys =
        decoder.get_tag_u32_vec(Tag::Unknown(KEYS)).or_else(|_| decoder.get_tag_u32_vec(Tag::GeoKeyDirectoryTag));
    let degrees = keys.is_ok_and(|keys| keys.chunks_exact(4).any(|key| key[0] == MODEL && key[3] == GEOGRAPHIC));
    let mut data = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut data).map_err(damaged)?;
    let channels = channels(data, count)?;
    if channels.iter().any(|channel| channel.len() as u64 * count as u64 != all) {
        return Err("fewer samples than its header claims; save it anew".to_owned());
    }
    Ok(Raster { cell, nodata, degrees, ..image(height as usize, width as usize, channels) })
}

fn channels(data: DecodingResult, count: usize) -> Result<Vec<Values>, String> {
    let wide = |numbers: Vec<f64>| -> Vec<Values> {
        (0..count).map(|k| Values::F64(numbers.iter().skip(k).step_by(count).copied().collect())).collect()
    };
    Ok(match data {
        DecodingResult::U8(v) => apart(&v, count, f32::from),
        DecodingResult::I8(v) => apart(&v, count, f32::from),
        DecodingResult::U16(v) => apart(&v, count, f32::from),
        DecodingResult::I16(v) => apart(&v, count, f32::from),
        DecodingResult::F32(v) => apart(&v, count, |v| v),
        DecodingResult::F64(v) => wide(v),
        DecodingResult::U32(v) => wide(v.into_iter().map(f64::from).collect()),
        DecodingResult::I32(v) => wide(v.into_iter().map(f64::from).collect()),
        _ => return Err("a TIFF of numbers that are neither of 8, 16 or 32 bits nor real; convert it".to_owned()),
    })
}
