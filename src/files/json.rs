//! JSON reports.
//!
//! Flows in: anything serialisable. Flows out: indented text with lists of numbers and words on one line, and a
//! newline at the end. Numbers have the digits that read back to the same number, f32 values those of an f32.
//!
//! JSON knows neither NaN nor infinity: both become `null`, which every reader takes. Where the difference
//! matters, take CSV or NumPy's formats.

use super::error::FileError;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Writes `report` as JSON.
///
/// # Errors
/// - [`FileError::Unfit`] if it has a map with keys that are not text;
/// - whatever `out` fails with.
pub fn write_json(out: &mut dyn Write, report: &(impl Serialize + ?Sized)) -> Result<(), FileError> {
    let mut serializer = Serializer::with_formatter(&mut *out, Layout::default());
    report.serialize(&mut serializer).map_err(|error| match error.is_io() {
        true => FileError::from(io::Error::from(error)),
        false => FileError::Unfit(format!("cannot write JSON: {error}")),
    })?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Two spaces per level; an array breaks its line only before objects and arrays.
#[derive(Default)]
struct Layout {
    /// For each open array or object: whether it is an array, and whether its end needs a line of its own.
    open: Vec<(bool, bool)>,
}

impl Layout {
    /// Begins an array or object: inside an array it starts a line.
    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, array: bool) -> io::Result<()> {
        let depth = self.open.len();
        if let Some((true, broken)) = self.open.last_mut() {
            *broken = true;
            new_line(out, depth)?;
        }
        self.open.push((array, false));
        Ok(())
    }
}

fn new_line<W: Write + ?Sized>(out: &mut W, depth: usize) -> io::Result<()> {
    write!(out, "\n{:width$}", "", width = 2 * depth)
}

impl Formatter for Layout {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, true)?;
        out.write_all(b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        if let Some((_, true)) = self.open.pop() {
            new_line(out, self.open.len())?;
        }
        out.write_all(b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b",") }
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, false)?;
        out.write_all(b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        if let Some((_, true)) = self.open.pop() {
            new_line(out, self.open.len())?;
        }
        out.write_all(b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if let Some((_, filled)) = self.open.last_mut() {
            *filled = true;
        }
        if !first {
            out.write_all(b",")?;
        }
        new_line(out, self.open.len())
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
