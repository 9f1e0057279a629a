//! What can be wrong with a picture that is asked for. Every message names the value and the limit or the way out.

use thiserror::Error;

/// The longest side of a picture, in pixels. Coordinates are drawn in f32, which places a line to 1/256 px up to here.
pub const LONGEST_SIDE: u32 = 65_536;

/// Why a picture cannot be drawn.
#[derive(Clone, Debug, PartialEq, Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
#[non_exhaustive]
pub enum PictureError {
    /// A side is zero or longer than [`LONGEST_SIDE`].
    #[error("a picture has 1 to {LONGEST_SIDE} pixels a side, not {width} x {height}")]
    Size { width: u32, height: u32 },

    /// The pixels do not fit into memory.
    #[error("not enough memory for a picture of {width} x {height} pixels ({megabytes} MB): make it smaller")]
    Memory { width: u32, height: u32, megabytes: u64 },

    /// An axis or a colour range is not a pair of finite numbers in ascending order.
    #[error("the range of {what} must be two finite numbers, the smaller first, not {lo} to {hi}")]
    Range { what: String, lo: f64, hi: f64 },

    /// A logarithmic colour scale was given a range that reaches zero.
    #[error("a logarithmic scale needs a range above zero, not {lo} to {hi}; the scale `symlog` takes any sign")]
    LogRange { lo: f64, hi: f64 },

    /// Two arrays that belong together differ in length.
    #[error("{what}: {found} values where {expected} are needed")]
    Length { what: &'static str, found: usize, expected: usize },

    /// A colour map or a colour scale of that name does not exist.
    #[error("no {what} is named `{name}`; there are: {known}")]
    Unknown { what: &'static str, name: String, known: String },
}
