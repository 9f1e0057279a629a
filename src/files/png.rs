//! Pictures.
//!
//! Flows in: rows of pixels from the top, 8 bits a channel (sRGB) or an index into a palette, any number of rows at a
//! time. Flows out: a PNG; only what is given at a time is held, so a picture may be as large as the format allows
//! (2^31 - 1 pixels a side). What is given at a time is compressed on all cores. The other way, a picture's texts are
//! read ([`read_png_texts`]).

use super::deflate::{Checksum, LAST_BLOCK, Rows, ZLIB_HEAD};
use super::error::FileError;
use png::{BitDepth, ColorType, Decoder, DecodingError, Encoder, EncodingError, Writer, chunk};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

/// What a pixel is made of, one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels<'a> {
    /// A shade of grey: 0 is black.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, opacity (not premultiplied).
    Rgba,
    /// The number of one of these colours (red, green, blue), of which there are 1 to 256.
    Palette(&'a [[u8; 3]]),
}

impl Channels<'_> {
    /// Bytes of one pixel.
    pub fn bytes(self) -> usize {
        match self {
            Channels::Rgb => 3,
            Channels::Rgba => 4,
            Channels::Grey | Channels::Palette(_) => 1,
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
    pub channels: Channels<'a>,
    /// Texts that the file carries, keyword (1 to 79 letters of Latin-1) and text. The format names `Title`, `Source`
    /// (the device), `Software` and others.
    pub texts: &'a [(&'a str, String)],
}

/// Takes a picture's rows from its top to its bottom.
pub struct PngRows<'a, 'b> {
    writer: Writer<&'a mut (dyn Write + 'b)>,
    rows: Rows,
    /// Rows still to come.
    missing: usize,
    /// As many as there are cores if not said.
    threads: Option<usize>,
    checksum: Checksum,
}

/// Writes a picture; `paint` gives the rows, some at a time.
///
/// ```
/// use gradfield::files::{Channels, FileError, PngHead, write_png};
/// let mut file = Vec::new();
/// let texts = [("Title", "a red strip".to_owned())];
/// let head = PngHead { width: 2, height: 300, channels: Channels::Rgb, texts: &texts };
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
/// - [`FileError::Unfit`] if a side is 0 or over 2^31 - 1 pixels, for a palette of no colour or of more than 256, or if
///   `paint` gave too few rows;
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
    writer.write_chunk(chunk::IDAT, &ZLIB_HEAD).map_err(from_png)?;
    let rows = Rows { row, pixel: head.channels.bytes() };
    let mut rows = PngRows { writer, rows, missing: head.height, threads: None, checksum: Checksum::new() };
    paint(&mut rows)?;
    if rows.missing > 0 {
        let PngHead { width, height, .. } = head;
        Err(FileError::Unfit(format!("{} rows of a picture of {width} x {height} pixels are missing", rows.missing)))?;
    }
    Ok(rows.finish().map_err(from_png)?)
}

/// Keeps the first error of a writer.
pub(super) struct Remembering<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) failure: &'a RefCell<Option<io::Error>>,
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

impl PngRows<'_, '_> {
    /// Takes at most so many cores; without this, all.
    pub fn threads(&mut self, most: usize) {
        self.threads = Some(most);
    }

    /// Writes the next rows: whole rows, one after the other, each from left to right.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the bytes are no whole number of rows, or more rows than the picture has left;
    /// - whatever the writer below fails with.
    pub fn push(&mut self, pixels: &[u8]) -> Result<(), FileError> {
        let row = self.rows.row;
        let (rows, rest) = (pixels.len() / row, pixels.len() % row);
        if rest != 0 || rows > self.missing {
            let (bytes, missing) = (pixels.len(), self.missing);
            let problem = format!("{bytes} bytes of pixels are not up to {missing} whole rows of {row} bytes");
            return Err(FileError::Unfit(problem));
        }
        self.paint(rows, |first, out| out.copy_from_slice(&pixels[first * row..][..out.len()]))
    }

    /// Writes the next `count` rows, which `paint` makes on all cores: it gets the number of a row, from 0 in this
    /// call, and the bytes of that row and of some below it. Every row is asked for once.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the picture has fewer rows left;
    /// - whatever the writer below fails with.
    pub fn paint(&mut self, count: usize, paint: impl Fn(usize, &mut [u8]) + Sync) -> Result<(), FileError> {
        if count > self.missing {
            let missing = self.missing;
            return Err(FileError::Unfit(format!(
                "{count} rows are more than the {missing} that the picture has left"
            )));
        }
        let (writer, checksum) = (&mut self.writer, &mut self.checksum);
        self.rows.compress(count, self.threads, &paint, |piece| {
            checksum.push(&piece);
            writer.write_chunk(chunk::IDAT, &piece.bytes).map_err(from_png)
        })?;
        self.missing -= count;
        Ok(())
    }

    /// Ends the stream of pixels and the file.
    fn finish(mut self) -> Result<(), EncodingError> {
        let end = [LAST_BLOCK.as_slice(), &self.checksum.finish()].concat();
        self.writer.write_chunk(chunk::IDAT, &end)?;
        self.writer.finish()
    }
}

/// Bytes of a row, if the picture fits the format.
fn row_bytes(head: &PngHead) -> Result<usize, FileError> {
    let fits = |length: usize| (1..1 << 31).contains(&length);
    let row = head.width.checked_mul(head.channels.bytes());
    let row = row.filter(|row| fits(head.width) && fits(head.height) && row.checked_mul(head.height).is_some());
    if let Channels::Palette(colours) = head.channels
        && !(1..=256).contains(&colours.len())
    {
        return Err(FileError::Unfit(format!(
            "a palette of {} colours cannot be a PNG's: it has 1 to 256",
            colours.len()
        )));
    }
    row.ok_or_else(|| {
        let PngHead { width, height, .. } = head;
        FileError::Unfit(format!("a picture of {width} x {height} pixels cannot be a PNG: a side has 1 to 2147483647"))
    })
}

/// The frame of the file. The pixels go past it, in chunks that are compressed already. `row_bytes` has checked the sides.
fn encoder<'a, 'b>(
    out: &'a mut (dyn Write + 'b),
    head: &PngHead,
) -> Result<Encoder<'a, &'a mut (dyn Write + 'b)>, EncodingError> {
    let mut encoder = Encoder::new(out, head.width as u32, head.height as u32);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_color(match head.channels {
        Channels::Grey => ColorType::Grayscale,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
        Channels::Palette(_) => ColorType::Indexed,
    });
    if let Channels::Palette(colours) = head.channels {
        encoder.set_palette(colours.concat());
    }
    with_texts(&mut encoder, head.texts)?;
    Ok(encoder)
}

/// Adds the texts of a picture.
pub(super) fn with_texts<W: Write>(
    encoder: &mut Encoder<'_, W>,
    texts: &[(&str, String)],
) -> Result<(), EncodingError> {
    for (key, text) in texts {
        // More programs read the older kind of chunk.
        if text.is_ascii() {
            encoder.add_text_chunk((*key).to_owned(), text.clone())?;
        } else {
            encoder.add_itxt_chunk((*key).to_owned(), text.clone())?;
        }
    }
    Ok(())
}

/// The texts of a picture, keyword and text, as far as they stand before its pixels; unreadable ones are left out.
///
/// # Errors
/// - [`FileError::Read`] if the file could not be opened or read;
/// - [`FileError::NotPng`] if it is no PNG, or a damaged one.
pub fn read_png_texts(path: &Path) -> Result<Vec<(String, String)>, FileError> {
    let file = File::open(path).map_err(|source| FileError::read(path, source))?;
    let reader = Decoder::new(BufReader::new(file)).read_info().map_err(|error| match error {
        DecodingError::IoError(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            FileError::read(path, source)
        }
        _ => FileError::NotPng(path.to_path_buf()),
    })?;
    let info = reader.info();
    let old = info.uncompressed_latin1_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.text.clone()));
    let new = info.utf8_text.iter().filter_map(|chunk| Some((chunk.keyword.clone(), chunk.get_text().ok()?)));
    Ok(old.chain(new).collect())
}

pub(super) fn from_png(error: EncodingError) -> FileError {
    match error {
        EncodingError::IoError(error) => FileError::from(error),
        other => FileError::Unfit(format!("cannot write PNG: {other}")),
    }
}
