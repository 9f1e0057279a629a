//! Images and arrays as samples: PNG, JPEG, TIFF, `.npy`.
//!
//! Flows in: a file, known by its first bytes. Flows out: [`Raster`], its channels as numbers, as they stand in the file
//! (0 to 255, 0 to 65535, or any), row by row from the top. `png`, `tiff`, `zune-jpeg` and `npyz` decode. A header that
//! claims more than memory or than the file can hold is refused before anything is made of it.
//!
//! Who should not use it: who reads a table of points; that is [`read_points`](super::read_points).

use super::error::FileError;
use super::input::Input;
use crate::points::Values;
use crate::samples::Samples;
use std::io::{Cursor, Read};
use std::path::Path;

mod decode;
mod geo;

/// An image or an array.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Lengths of the axes, the slowest first; of an image rows and columns.
    pub shape: Vec<usize>,
    /// `grey`, or `r`, `g`, `b`, or `value` of an array; then `a` where there is opacity.
    pub names: Vec<&'static str>,
    /// One for each name.
    pub channels: Vec<Values>,
    /// The side of a cell in x and in y, where the file tells it.
    pub cell: Option<(f64, f64)>,
    /// The number that stands for no data, where the file tells it.
    pub nodata: Option<f64>,
    /// Whether the side of a cell is in degrees, where the file tells it.
    pub degrees: bool,
}

/// Which numbers of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The only one, or of colours 0.2126 r + 0.7152 g + 0.0722 b: the luma of Rec. 709 on the values as they are stored,
    /// which are gamma-encoded as a rule. This is the grey that other image libraries filter.
    Luminance,
    /// The one of this name: `r`, `g`, `b` or `a`.
    Named(char),
}

/// How many times its size a file may unpack to. Deflate reaches 1032, LZW some 1400.
const PACKED: u64 = 5000;

/// Reads an image or array; `-` is standard input.
///
/// # Errors
/// - [`FileError::Read`] if the file could not be read;
/// - [`FileError::Raster`] if it is none of the formats, is damaged, or claims a size that it or memory cannot hold.
pub fn read_raster(path: &Path) -> Result<Raster, FileError> {
    let mut bytes = Vec::new();
    Input::open(path)?.read_to_end(&mut bytes).map_err(|source| FileError::read(path, source))?;
    let problem = |problem: String| FileError::Raster { path: path.to_path_buf(), problem };
    let raster = match bytes.as_slice() {
        [] => Err("the file is empty; give an image or an array".to_owned()),
        [0x89, b'P', b'N', b'G', ..] => decode::png(Cursor::new(&bytes)),
        [0xFF, 0xD8, 0xFF, ..] => decode::jpeg(Cursor::new(&bytes)),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => geo::tiff(Cursor::new(&bytes)),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => decode::npy(&bytes),
        _ => Err("neither PNG nor JPEG nor TIFF nor .npy; convert it to one of these".to_owned()),
    };
    raster.map_err(problem)
}

impl Raster {
    /// One channel as samples, one unit apart.
    ///
    /// # Errors
    /// The text of a channel that is not there.
    pub fn samples(&self, channel: Channel) -> Result<Samples, String> {
        let place = |name: &str| self.names.iter().position(|known| *known == name);
        let values = match channel {
            Channel::Luminance => match (place("r"), place("g"), place("b")) {
                (Some(r), Some(g), Some(b)) => luma([&self.channels[r], &self.channels[g], &self.channels[b]]),
                _ => self.channels[0].clone(),
            },
            Channel::Named(name) => {
                let found = place(&name.to_string());
                let there = || format!("there is no channel `{name}`; the file has {}", self.names.join(", "));
                self.channels[found.ok_or_else(there)?].clone()
            }
        };
        Samples::new(self.shape.clone(), values).map_err(|error| error.to_string())
    }
}

fn luma(channels: [&Values; 3]) -> Values {
    const SHARES: [f64; 3] = [0.2126, 0.7152, 0.0722];
    let sum = |k: usize| SHARES.iter().zip(channels).map(|(share, channel)| share * channel.get(k)).sum::<f64>();
    let all: Vec<f64> = (0..channels[0].len()).map(sum).collect();
    Values::of(channels[0].precision(), all)
}

/// Refuses a size that neither the file nor memory can hold: `count` numbers of `bytes` bytes each in a file of `packed`.
fn check(sides: &[u64], count: u64, bytes: u64, packed: u64) -> Result<(), String> {
    let sides: Vec<String> = sides.iter().map(u64::to_string).collect();
    let sides = sides.join(" x ");
    let need = count.saturating_mul(bytes);
    if need > packed.saturating_mul(PACKED) {
        return Err(format!(
            "the header claims {sides} samples, {}, and the file has {packed} bytes, which cannot hold more than {PACKED} times \
             as much; it is damaged or cut off: get it again",
            crate::field::bytes(need as f64)
        ));
    }
    // The file's numbers, and as many again as single precision.
    let bytes = bytes + 4;
    crate::field::check_size(count as f64 * bytes as f64 / 4.0, 1, crate::Precision::F32).map_err(|error| match error {
        crate::field::FieldError::Memory { need, have, .. } => {
            format!("{sides} samples take {need}, more than the {have} of memory here; cut the file into parts")
        }
        other => other.to_string(),
    })
}
