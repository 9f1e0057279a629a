//! Files: one writer per format, chosen by the name's ending; `-` is standard output or input.
//!
//! Flows in: columns of numbers ([`Column`]), serialisable reports, rows of pixels. Flows out: bytes into an
//! [`Output`], which is opened before the long run and appears under its name only when it is whole; and, the
//! other way, the points that a user's table gives ([`read_points`]), tables of measurements ([`TableFile`]) and the samples
//! of an image or array ([`read_raster`]).
//!
//! | format | writer | in one go | piece by piece |
//! |---|---|---|---|
//! | `.npy` one array | NumPy's format 1.0, C order | [`write_npy`] | [`NpyWriter`] |
//! | `.npz` named arrays | zip, stored, zip64 where needed | [`write_npz`] | [`NpzWriter`] |
//! | `.csv` columns | header line, shortest digits that read back to the same number | [`write_csv`] | [`CsvWriter`] |
//! | `.json` a report | indented, lists of numbers on one line | [`write_json`] | |
//! | `.png` a picture | 8 bits a channel, or a palette | | [`write_png`] |
//! | `.apng`, `.gif` a picture that moves | every colour, or 256 | | [`write_apng`], [`write_gif`] |
//! | a folder of files | such as the tiles of a picture | | [`Folder`] |
//!
//! ```
//! use gradfield::files::{Column, FileError, Format, Output, write_npy};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("field.npy");
//! let format = Format::of(&path, None, &[Format::Npy, Format::Csv])?; // before the long run,
//! let mut out = Output::create(&path)?; // as is this: a wrong name costs no minutes
//! let values = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
//! match format {
//!     Format::Npy => write_npy(&mut out, &[2, 3], Column::F32(&values))?,
//!     _ => unreachable!(),
//! }
//! out.finish()?; // without this line there would be no file
//! # assert_eq!(std::fs::metadata(&path).unwrap().len(), 128 + 24);
//! # Ok::<(), FileError>(())
//! ```
//!
//! All writers stream: none needs a seekable file or holds a copy of the data, so each works on a pipe. Who should
//! not use this: an engine or a layer of a picture; they hand their numbers up.

mod animation;
mod csv;
mod deflate;
mod error;
mod folder;
mod input;
mod json;
mod lock;
mod npy;
mod output;
mod png;
mod raster;
mod runs;
mod table;

pub use animation::{FASTEST, Reel, write_apng, write_gif};
pub use csv::{CsvWriter, read_points, write_csv};
pub use error::FileError;
pub use folder::Folder;
pub use json::write_json;
pub use lock::Lock;
pub use npy::{Array, Kind, NpyWriter, NpzWriter, write_npy, write_npz};
pub use output::{Output, abandon};
pub use png::{Channels, PngHead, PngRows, read_png_texts, write_png};
pub use raster::{Channel, Raster, read_raster};
pub use table::{Missing, TableFile};

use crate::points::Values;
use std::path::Path;

/// A format that the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One array of numbers, NumPy's format.
    Npy,
    /// Several named arrays, NumPy's format.
    Npz,
    /// A table as text.
    Csv,
    /// A report as text.
    Json,
    /// A picture.
    Png,
    /// A picture that moves, in all colours.
    Apng,
    /// A picture that moves, in 256 colours.
    Gif,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 7] =
        [Format::Npy, Format::Npz, Format::Csv, Format::Json, Format::Png, Format::Apng, Format::Gif];

    /// `"npy"`, `"npz"`, `"csv"`, `"json"`, `"png"`, `"apng"` or `"gif"`: the name after `--format` and the ending of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Npy => "npy",
            Format::Npz => "npz",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Png => "png",
            Format::Apng => "apng",
            Format::Gif => "gif",
        }
    }

    /// The format to write to `path`, one of `allowed`: the `given` one, else by the name's ending in any case.
    ///
    /// # Errors
    /// - [`FileError::Ending`] if there is neither, or it is not allowed here; the message lists what is.
    pub fn of(path: &Path, given: Option<Format>, allowed: &[Format]) -> Result<Format, FileError> {
        let by_name = || {
            let ending = path.extension()?.to_str()?;
            Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(ending))
        };
        let found = given.or_else(by_name).filter(|format| allowed.contains(format));
        found.ok_or_else(|| FileError::Ending { path: path.to_path_buf(), allowed: allowed.to_vec() })
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Borrowed numbers or words, as an array or as a column of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// Whole numbers: counts, steps.
    I64(&'a [i64]),
    /// Words: statuses, names.
    Text(&'a [&'a str]),
}

impl Column<'_> {
    /// How many numbers or words.
    pub fn len(&self) -> usize {
        match self {
            Column::F32(values) => values.len(),
            Column::F64(values) => values.len(),
            Column::I64(values) => values.len(),
            Column::Text(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a Values> for Column<'a> {
    fn from(values: &'a Values) -> Column<'a> {
        match values {
            Values::F32(values) => Column::F32(values),
            Values::F64(values) => Column::F64(values),
        }
    }
}

impl<'a> From<&'a [f64]> for Column<'a> {
    fn from(values: &'a [f64]) -> Column<'a> {
        Column::F64(values)
    }
}

impl<'a> From<&'a [f32]> for Column<'a> {
    fn from(values: &'a [f32]) -> Column<'a> {
        Column::F32(values)
    }
}

impl<'a> From<&'a [i64]> for Column<'a> {
    fn from(values: &'a [i64]) -> Column<'a> {
        Column::I64(values)
    }
}
