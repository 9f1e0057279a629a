//! Pictures.
//!
//! Flows in: rows of pixels from the top, 8 bits a channel (sRGB), any number of rows at a time. Flows out: a PNG;
//! only a row or two are held, so a picture may be as large as the format allows (2^31 - 1 pixels a side).

use super::error::FileError;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};
use std::cell::RefCell;
use std::io::{self, Write};

/// What a pixel is made of, one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, opacity (not premultiplied).
    Rgba,
}

impl Channels {
    /// Bytes of one pixel.
    pub fn bytes(self) -> usize {
        match self {
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        }
    }
}

/// What a picture is, before its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PngHead<'a> {
    /// Pixels in a row, from 1.
    pub width: usize,
    /// Rows, from 1.
    pub height: usize,
    /// Bytes of a pixel.
    pub channels: Channels,
    /// Written into the file for programs that show titles.
    pub title: Option<&'a str>,
    /// What computed it, the format's `Source`.
    pub source: Option<&'a str>,
}

/// Takes a picture's rows from its top to its bottom.
pub struct PngRows<'a> {
    out: &'a mut dyn Write,
    /// Bytes of one row.
    row: usize,
    /// Rows still to come.
    missing: usize,
}

/// Writes a picture; `paint` gives the rows, some at a time.
///
/// ```
/// use gradfield::files::{Channels, FileError, PngHead, write_png};
/// let mut file = Vec::new();
/// let head = PngHead { width: 2, height: 300, channels: Channels::Rgb, title: Some("a red strip"), source: None };
/// write_png(&mut file, head, |rows| {
///     for _band in 0..3 {
///         rows.push(&[255, 0, 0].repeat(2 * 100))?;
///     }
///     Ok::<(), FileError>(())
/// })?;
/// # Ok::<(), FileError>(())
/// ```
///
/// # Errors
/// - [`FileError::Unfit`] if a side is 0 or over 2^31 - 1 pixels, or if `paint` gave too few rows;
/// - what `paint` returns, and whatever `out` fails with.
pub fn write_png<E: From<FileError>>(
    out: &mut dyn Write,
    head: PngHead,
    paint: impl FnOnce(&mut PngRows) -> Result<(), E>,
) -> Result<(), E> {
    let row = row_bytes(&head)?;
    let failure = RefCell::new(None);
    let mut out = Remembering { out, failure: &failure };
    // The encoder tells of a failed write in words alone; the error itself says more, and comes first.
    encode(&mut out, head, row, paint)
        .map_err(|error| failure.take().map_or(error, |first| FileError::from(first).into()))
}

fn encode<E: From<FileError>>(
    out: &mut dyn Write,
    head: PngHead,
    row: usize,
    paint: impl FnOnce(&mut PngRows) -> Result<(), E>,
) -> Result<(), E> {
    let mut writer = encoder(out, &head).and_then(Encoder::write_header).map_err(from_png)?;
    // So many bytes at once, in one chunk of the file.
    let mut stream = writer.stream_writer_with_size(1 << 16).map_err(from_png)?;
    let mut rows = PngRows { out: &mut stream, row, missing: head.height };
    paint(&mut rows)?;
    if rows.missing > 0 {
        let PngHead { width, height, .. } = head;
        Err(FileError::Unfit(format!("{} rows of a picture of {width} x {height} pixels are missing", rows.missing)))?;
    }
    stream.finish().map_err(from_png)?;
    Ok(writer.finish().map_err(from_png)?)
}

/// Keeps the first error of a writer.
struct Remembering<'a> {
    out: &'a mut dyn Write,
    failure: &'a RefCell<Option<io::Error>>,
}

impl Remembering<'_> {
    fn remember<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failure.borrow_mut().get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl Write for Remembering<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.remember(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.remember(result)
    }
}

impl PngRows<'_> {
    /// Writes the next rows: whole rows, one after the other, each from left to right.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the bytes are no whole number of rows, or more rows than the picture has left;
    /// - whatever the writer below fails with.
    pub fn push(&mut self, pixels: &[u8]) -> Result<(), FileError> {
        let (rows, rest) = (pixels.len() / self.row, pixels.len() % self.row);
        if rest != 0 || rows > self.missing {
            let (bytes, row, missing) = (pixels.len(), self.row, self.missing);
            let problem = format!("{bytes} bytes of pixels are not up to {missing} whole rows of {row} bytes");
            return Err(FileError::Unfit(problem));
        }
        self.out.write_all(pixels)?;
        self.missing -= rows;
        Ok(())
    }
}

/// Bytes of a row, if the picture fits the format.
fn row_bytes(head: &PngHead) -> Result<usize, FileError> {
    let fits = |length: usize| (1..1 << 31).contains(&length);
    let row = head.width.checked_mul(head.channels.bytes());
    let row = row.filter(|row| fits(head.width) && fits(head.height) && row.checked_mul(head.height).is_some());
    row.ok_or_else(|| {
        let PngHead { width, height, .. } = head;
        FileError::Unfit(format!("a picture of {width} x {height} pixels cannot be a PNG: a side has 1 to 2147483647"))
    })
}

/// The encoder with all settings. `row_bytes` has checked the sides.
fn encoder<'a>(out: &'a mut dyn Write, head: &PngHead) -> Result<Encoder<'a, &'a mut dyn Write>, EncodingError> {
    let mut encoder = Encoder::new(out, head.width as u32, head.height as u32);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_color(match head.channels {
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    });
    // Colour-mapped 4096 x 4096 pixels (50.3 MB) of a bowl and of waves, png 0.18.1, one core of a shared 2-core
    // cloud machine, 2026-11-21: Fast with its adaptive filter 0.12 s, 3.3 MB and 0.18 s, 5.5 MB; filter Up 0.08 s,
    // 3.5 MB and 0.14 s, 5.8 MB; Balanced 1.0 s, 1.8 MB and 1.6 s, 3.2 MB.
    encoder.set_compression(Compression::Fast);
    encoder.add_text_chunk("Software".to_owned(), "gradfield".to_owned())?;
    for (key, text) in [("Title", head.title), ("Source", head.source)] {
        if let Some(text) = text {
            encoder.add_itxt_chunk(key.to_owned(), text.to_owned())?;
        }
    }
    Ok(encoder)
}

fn from_png(error: EncodingError) -> FileError {
    match error {
        EncodingError::IoError(error) => FileError::from(error),
        other => FileError::Unfit(format!("cannot write PNG: {other}")),
    }
}
