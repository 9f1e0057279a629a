//! NumPy's files: `.npy`, one array, and `.npz`, a zip of named arrays.
//!
//! Flows in: shapes and borrowed numbers. Flows out: a header and the numbers' own bytes in C order (the last axis
//! contiguous) and in the machine's byte order, which the header states; so nothing is converted and the disk sets
//! the pace. Also reads a table of points back. `npyz` writes and reads the headers, `zip` the archive.
//!
//! Who should not use it: who wants other programs than NumPy's friends to read the result; take CSV.

use super::Column;
use super::error::FileError;
use crate::points::{Points, Values};
use npyz::{AutoSerialize, DType, NpyFile, Order, TypeStr, WriterBuilder};
use std::io::{Read, Write};
use std::path::Path;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `f4`.
    F32,
    /// `f8`.
    F64,
    /// `i8`, eight bytes.
    I64,
    /// `U`: words of at most so many characters.
    Text(usize),
}

impl Kind {
    /// The kind that holds a column's elements.
    pub fn of(data: &Column) -> Kind {
        match data {
            Column::F32(_) => Kind::F32,
            Column::F64(_) => Kind::F64,
            Column::I64(_) => Kind::I64,
            Column::Text(words) => Kind::Text(words.iter().map(|word| word.chars().count()).max().unwrap_or(0).max(1)),
        }
    }

    /// Bytes of one element.
    fn bytes(self) -> u64 {
        match self {
            Kind::F32 => 4,
            Kind::F64 | Kind::I64 => 8,
            Kind::Text(width) => 4 * width as u64,
        }
    }

    fn dtype(self) -> Result<DType, FileError> {
        Ok(match self {
            Kind::F32 => f32::default_dtype(),
            Kind::F64 => f64::default_dtype(),
            Kind::I64 => i64::default_dtype(),
            Kind::Text(width) => {
                let order = if cfg!(target_endian = "little") { '<' } else { '>' };
                let name: Result<TypeStr, _> = format!("{order}U{width}").parse();
                DType::new_scalar(name.map_err(|error| FileError::Unfit(format!("text of width {width}: {error}")))?)
            }
        })
    }
}

/// An array for [`write_npz`].
#[derive(Debug, Clone, PartialEq)]
pub struct Array<'a> {
    /// Its name in the archive, such as `df/dx`.
    pub name: String,
    /// Lengths of the axes, the slowest first; none for a single number.
    pub shape: Vec<usize>,
    /// The elements in C order.
    pub data: Column<'a>,
}

impl<'a> Array<'a> {
    /// An array of this shape.
    pub fn new(name: impl Into<String>, shape: &[usize], data: impl Into<Column<'a>>) -> Array<'a> {
        Array { name: name.into(), shape: shape.to_vec(), data: data.into() }
    }
}

/// Writes one array of this shape (the slowest axis first) as `.npy`.
///
/// # Errors
/// - [`FileError::Unfit`] if the shape does not hold exactly the elements of `data`;
/// - whatever `out` fails with.
pub fn write_npy<'a>(out: &mut dyn Write, shape: &[usize], data: impl Into<Column<'a>>) -> Result<(), FileError> {
    let data = data.into();
    let mut writer = NpyWriter::new(out, shape, Kind::of(&data))?;
    writer.push(data)?;
    writer.finish()
}

/// Writes named arrays as `.npz`, uncompressed like `numpy.savez`.
///
/// # Errors
/// - [`FileError::Unfit`] if a shape does not hold exactly its elements, or a name comes twice;
/// - whatever `out` fails with.
pub fn write_npz(out: &mut dyn Write, arrays: &[Array]) -> Result<(), FileError> {
    let mut writer = NpzWriter::new(out);
    for array in arrays {
        let mut member = writer.array(&array.name, &array.shape, Kind::of(&array.data))?;
        member.push(array.data)?;
        member.finish()?;
    }
    writer.finish()
}

/// Writes one array piece by piece.
#[derive(Debug)]
pub struct NpyWriter<W: Write> {
    out: W,
    kind: Kind,
    shape: Vec<usize>,
    /// Elements still to come.
    missing: usize,
}

impl<W: Write> NpyWriter<W> {
    /// Writes the header of an array of this shape (the slowest axis first).
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the shape holds more elements than can be counted;
    /// - whatever `out` fails with.
    pub fn new(mut out: W, shape: &[usize], kind: Kind) -> Result<NpyWriter<W>, FileError> {
        let missing = elements(shape)?;
        let axes: Vec<u64> = shape.iter().map(|axis| *axis as u64).collect();
        let header = npyz::WriteOptions::new_header_only().dtype(kind.dtype()?).shape(&axes);
        header.writer(&mut out).write_header_only()?;
        Ok(NpyWriter { out, kind, shape: shape.to_vec(), missing })
    }

    /// Writes the next elements in C order.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if they are of another kind, or more than the shape holds;
    /// - whatever `out` fails with.
    pub fn push<'a>(&mut self, data: impl Into<Column<'a>>) -> Result<(), FileError> {
        let data = data.into();
        let fits = match (self.kind, Kind::of(&data)) {
            (Kind::Text(width), Kind::Text(needed)) => needed <= width,
            (kind, other) => kind == other,
        };
        if !fits {
            return Err(FileError::Unfit(format!("an array of {:?} cannot take {:?}", self.kind, Kind::of(&data))));
        }
        self.missing = match self.missing.checked_sub(data.len()) {
            Some(missing) => missing,
            None => return Err(self.miscounted(data.len() - self.missing, "more")),
        };
        match (data, self.kind) {
            (Column::F32(values), _) => self.out.write_all(bytemuck::cast_slice(values))?,
            (Column::F64(values), _) => self.out.write_all(bytemuck::cast_slice(values))?,
            (Column::I64(values), _) => self.out.write_all(bytemuck::cast_slice(values))?,
            (Column::Text(words), Kind::Text(width)) => {
                for word in words {
                    let padded: Vec<u32> =
                        word.chars().map(u32::from).chain(std::iter::repeat(0)).take(width).collect();
                    self.out.write_all(bytemuck::cast_slice(&padded))?;
                }
            }
            (Column::Text(_), _) => {}
        }
        Ok(())
    }

    /// Checks that the array is full. The writer below is neither flushed nor closed.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if elements are missing.
    pub fn finish(self) -> Result<(), FileError> {
        if self.missing > 0 { Err(self.miscounted(self.missing, "fewer")) } else { Ok(()) }
    }

    fn miscounted(&self, count: usize, how: &str) -> FileError {
        FileError::Unfit(format!("{count} {how} elements were given than an array of shape {:?} holds", self.shape))
    }
}

/// Writes named arrays one after the other, each piece by piece. Needs no seekable file: sizes and check sums follow
/// the arrays, and numpy and unzip take them from the list at the end.
pub struct NpzWriter<W: Write> {
    archive: ZipWriter<StreamWriter<W>>,
    names: Vec<String>,
}

impl<W: Write> NpzWriter<W> {
    /// An archive without arrays.
    pub fn new(out: W) -> NpzWriter<W> {
        NpzWriter { archive: ZipWriter::new_stream(out), names: Vec::new() }
    }

    /// Begins the next array; [`NpyWriter::finish`] it before the next one.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the name is taken, or the shape holds more elements than can be counted;
    /// - whatever the writer below fails with.
    pub fn array(&mut self, name: &str, shape: &[usize], kind: Kind) -> Result<NpyWriter<impl Write>, FileError> {
        if self.names.iter().any(|taken| taken == name) {
            return Err(FileError::Unfit(format!("two arrays in one .npz are called `{name}`; name them apart")));
        }
        self.names.push(name.to_owned());
        // 4 GiB is where zip64 begins; a header has far less than 1 MiB.
        let large = (elements(shape)? as u64).saturating_mul(kind.bytes()) >= (4 << 30) - (1 << 20);
        // Without a time of its own, so that the same numbers give the same file.
        let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored).large_file(large);
        self.archive.start_file(npyz::npz::file_name_from_array_name(name), options).map_err(from_zip)?;
        NpyWriter::new(&mut self.archive, shape, kind)
    }

    /// Writes the archive's list of contents.
    ///
    /// # Errors
    /// - whatever the writer below fails with.
    pub fn finish(self) -> Result<(), FileError> {
        self.archive.finish().map_err(from_zip)?;
        Ok(())
    }
}

/// Number of elements of a shape.
fn elements(shape: &[usize]) -> Result<usize, FileError> {
    let count = shape.iter().try_fold(1usize, |product, axis| product.checked_mul(*axis));
    count.ok_or_else(|| FileError::Unfit(format!("an array of shape {shape:?} has more elements than can be counted")))
}

fn from_zip(error: zip::result::ZipError) -> FileError {
    match error {
        zip::result::ZipError::Io(error) => FileError::from(error),
        other => FileError::Unfit(format!("cannot write the .npz archive: {other}")),
    }
}

/// Reads a table of points: shape (n, d), or (n) where there is one name; one column per name.
pub(super) fn read_table(from: impl Read, path: &Path, names: &[String]) -> Result<Points, FileError> {
    let problem = |problem: String| FileError::Npy { path: path.to_path_buf(), problem };
    let damaged = |error: std::io::Error| match error.downcast::<FileError>() {
        Ok(inner) => inner,
        Err(error) => problem(format!("not a whole .npy file ({error}); save it again with numpy.save")),
    };
    let file = NpyFile::new(from).map_err(damaged)?;
    let (rows, width) = match *file.shape() {
        [rows, width] => (rows, width),
        [rows] => (rows, 1),
        _ => (0, u64::MAX),
    };
    if width != names.len() as u64 {
        let shape = file.shape();
        let (d, list) = (names.len(), names.join(", "));
        return Err(problem(format!(
            "the array has shape {shape:?}; points need (n, {d}), one column for each of {list}"
        )));
    }
    if rows == 0 {
        return Err(problem("the array has no rows; give one for each point".to_owned()));
    }
    let (order, kind) = (file.order(), file.dtype().descr());
    let count = usize::try_from(rows).map_err(|_| problem(format!("{rows} rows are too many for this machine")))?;
    let numbers = numbers(file).map_err(damaged)?;
    let numbers = numbers.ok_or_else(|| {
        problem(format!("the elements are {kind}; real numbers are needed: save array.astype(float) instead"))
    })?;
    let width = names.len();
    let column = |k: usize| match order {
        Order::C => numbers.iter().skip(k).step_by(width).copied().collect(),
        Order::Fortran => numbers[k * count..(k + 1) * count].to_vec(),
    };
    Ok(Points::Columns { count, columns: (0..width).map(|k| Values::F64(column(k))).collect() })
}

/// All elements as f64 (64-bit integers above 2^53 are rounded), or none if they are not real numbers.
pub(super) fn numbers<R: Read>(file: NpyFile<R>) -> std::io::Result<Option<Vec<f64>>> {
    macro_rules! try_each {
        ($file:ident, $($kind:ty)*) => {
            $(let $file = match $file.try_data::<$kind>() {
                Ok(data) => return data.map(|value| value.map(|value| value as f64)).collect::<Result<_, _>>().map(Some),
                Err(file) => file,
            };)*
        };
    }
    try_each!(file, f64 f32 i64 i32 i16 i8 u64 u32 u16 u8);
    drop(file);
    Ok(None)
}
