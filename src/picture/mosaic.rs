//! Several pictures as one.
//!
//! In: finished pictures, all of one size. Out: one picture, row by row from the upper left.

use super::canvas::{Bitmap, check_size};
use super::error::PictureError;

/// The pictures side by side, `columns` in a row; white where the last row has fewer.
///
/// # Errors
/// - [`PictureError::Size`] for no picture or too large a whole.
/// - [`PictureError::Length`] if their sizes differ.
pub fn mosaic(pictures: &[Bitmap], columns: usize) -> Result<Bitmap, PictureError> {
    let columns = columns.clamp(1, pictures.len().max(1));
    let (wide, high) = pictures.first().map_or((0, 0), |first| (first.width, first.height));
    let rows = pictures.len().div_ceil(columns);
    let times = |side: u32, count: usize| side.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let (width, height) = (times(wide, columns), times(high, rows));
    check_size(width, height)?;
    if let Some(other) = pictures.iter().find(|other| (other.width, other.height) != (wide, high)) {
        let (found, expected) = (other.rgba.len(), pictures[0].rgba.len());
        return Err(PictureError::Length { what: "pictures side by side", found, expected });
    }
    let (line, whole) = (wide as usize * 4, width as usize * 4);
    let mut rgba = vec![255; whole * height as usize];
    for (k, picture) in pictures.iter().enumerate() {
        let corner = (k / columns) * high as usize * whole + (k % columns) * line;
        for (row, pixels) in picture.rgba.chunks_exact(line).enumerate() {
            let start = corner + row * whole;
            rgba[start..start + line].copy_from_slice(pixels);
        }
    }
    Ok(Bitmap { width, height, rgba })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_side_by_side() {
        let one = |value: u8| Bitmap { width: 2, height: 1, rgba: vec![value; 8] };
        let whole = mosaic(&[one(1), one(2), one(3)], 2).unwrap();
        assert_eq!((whole.width, whole.height), (4, 2));
        let expected: Vec<u8> = [1, 2, 3, 255].iter().flat_map(|value| [*value; 8]).collect();
        assert_eq!(whole.rgba, expected);
        assert!(mosaic(&[], 2).is_err());
        assert!(mosaic(&[one(1), Bitmap { width: 1, height: 2, rgba: vec![0; 8] }], 2).is_err());
    }
}
